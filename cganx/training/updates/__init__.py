"""What one training step does: a scheme for each way in which the two players take turns.

A scheme sees the players, a batch of real pictures, and a way to draw latents and labels. It changes the players'
weights and returns the losses, detached scalars on the device.
"""

from cganx.training.updates.alternating import Alternating, AlternatingWithClasses
from cganx.training.updates.critic import ClippedCritic, PenalisedCritic
from cganx.training.updates.cyclic import Cyclic
from cganx.training.updates.informed import Informed
from cganx.training.updates.joint import Joint
from cganx.training.updates.mixed import Mixed, MixedWithClasses
from cganx.training.updates.paired import Paired
from cganx.training.updates.players import Batch, Draw, Players, Update, in_eval_mode, no_content, no_maps
from cganx.training.updates.relativistic import Relativistic
from cganx.training.updates.semi_supervised import SemiSupervised
from cganx.training.updates.separate import Separate
from cganx.training.updates.stylised import Stylised
from cganx.training.updates.translating import Memory, TranslationBatch

__all__ = [
    "Alternating",
    "AlternatingWithClasses",
    "Batch",
    "ClippedCritic",
    "Cyclic",
    "Draw",
    "Informed",
    "Joint",
    "Memory",
    "Mixed",
    "MixedWithClasses",
    "Paired",
    "PenalisedCritic",
    "Players",
    "Relativistic",
    "SemiSupervised",
    "Separate",
    "Stylised",
    "TranslationBatch",
    "Update",
    "in_eval_mode",
    "no_content",
    "no_maps",
]
