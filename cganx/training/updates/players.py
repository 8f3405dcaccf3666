"""The two players, what they are fed, and what a scheme of taking turns is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from cganx.networks import Judgement
from cganx.objectives import AdversarialLoss, RelativisticLoss, feature_matching, mode_seeking
from cganx.training.settings import CommonSettings, Settings

__all__ = [
    "Batch",
    "Draw",
    "Players",
    "Update",
    "by_running_statistics",
    "class_logits",
    "generator_turn",
    "in_eval_mode",
    "judged_fakes",
    "matching",
    "no_content",
    "no_maps",
    "seeking",
]


@dataclass(frozen=True)
class Batch:
    """Real pictures [n, c, h, w] in -1..1 and their label weights [n, classes]; a row of zeros is a picture without label."""

    image: Tensor
    label: Tensor

    def parts(self, size: int) -> list[Batch]:
        """Batches of ``size`` pictures, which has to divide their number."""
        images, labels = torch.split(self.image, size), torch.split(self.label, size)
        return [Batch(image, label) for image, label in zip(images, labels, strict=True)]


def _step(*optimizers: torch.optim.Optimizer) -> None:
    for optimizer in optimizers:
        optimizer.step()


def no_content(_: Tensor, __: Tensor) -> Tensor:
    """Of a recipe that does not weigh it."""
    raise AssertionError("a recipe that weighs content is built with a feature network")


def no_maps(_: Tensor) -> Tensor:
    """Of a recipe that looks at none."""
    raise AssertionError("a recipe whose generator keeps maps is built with a feature network")


@dataclass(frozen=True)
class Players:
    """Both networks in training mode, their optimisers, augmentation, and how this device and its processes go about a step.

    ``backward`` differentiates a loss, ``average`` puts means over the processes into tensors, ``step`` moves the weights of
    optimisers. ``roll`` moves made pictures on a torus, where they are to go on at the opposite edge: real ones do not, so the
    discriminator must neither see where a picture ends nor overlook a seam there. ``content`` is how far what two batches of
    pictures show is apart, in a feature network's maps, and ``maps`` are those of one batch. Networks run under
    ``precision``; what they give is as exact as what they are given, so losses are.
    """

    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    backward: Callable[[Tensor], None]
    average: Callable[[list[Tensor]], None] = lambda _: None
    augment: Callable[[Tensor], Tensor] | None = None
    roll: Callable[[Tensor], Tensor] | None = None
    content: Callable[[Tensor, Tensor], Tensor] = no_content
    maps: Callable[[Tensor], Tensor] = no_maps
    step: Callable[..., None] = _step
    precision: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext

    def discriminate(self, image: Tensor, label: Tensor, *, full: bool = False) -> Judgement:
        """The discriminator's judgement, of augmented pictures where the run augments.

        ``full``: in full precision, for gradients with respect to the pictures, which a penalty squares.
        """
        with contextlib.nullcontext() if full else self.precision():
            judgement: Judgement = self.discriminator(image if self.augment is None else self.augment(image), label)
        return judgement.as_exact_as(image)

    def generate(self, latent: Tensor, label: Tensor) -> Tensor:
        """The generator's pictures."""
        with self.precision():
            made: Tensor = self.generator(latent, label)
        return made.to(latent.dtype)

    def shown(self, made: Tensor) -> Tensor:
        """What the generator made, as the discriminator is shown it: rolled where the run rolls."""
        return made if self.roll is None else self.roll(made)

    @torch.no_grad()
    def fakes(self, latent: Tensor, label: Tensor) -> Tensor:
        """Pictures for the discriminator to learn from: nothing is differentiated through the generator."""
        return self.shown(self.generate(latent, label))

    def update_discriminator(self, loss: Tensor) -> None:
        """One step of the discriminator down the gradient of ``loss``."""
        self.update(loss, self.discriminator_optimizer)

    def update_generator(self, loss: Tensor) -> None:
        """One step of the generator down the gradient of ``loss``."""
        self.update(loss, self.generator_optimizer)

    def update(self, loss: Tensor, *optimizers: torch.optim.Optimizer) -> None:
        """One step of each optimiser down the gradient of ``loss``, on those of its weights that ask for one."""
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        self.backward(loss)
        weights = [weight for one in optimizers for group in one.param_groups for weight in group["params"]]
        self.average([weight.grad for weight in weights if weight.grad is not None])
        self.step(*optimizers)


class Draw(Protocol):
    """All that a step draws at random, from the run's own stream."""

    def __call__(self, n: int) -> tuple[Tensor, Tensor]:
        """Latents [n, latent] and label weights [n, classes] for n fakes."""

    def even(self, n: int) -> Tensor:
        """Numbers [n] between 0 and 1, one a sample."""


_Settings_contra = TypeVar("_Settings_contra", bound=CommonSettings, contravariant=True)


class Update(Protocol[_Settings_contra]):
    """One training step. ``losses`` names what it returns, in order."""

    @property
    def scale(self) -> float:
        """What the discriminator's loss, reals' and fakes' together, is multiplied with in the log: 0.5 for a mean."""

    @property
    def losses(self) -> tuple[str, ...]:
        """The names of the losses."""

    @property
    def loss(self) -> AdversarialLoss | RelativisticLoss:
        """The game."""

    def reals(self, settings: _Settings_contra) -> int:
        """How many real pictures a step takes."""

    def __call__(self, players: Players, real: Any, draw: Any, settings: _Settings_contra, /) -> tuple[Tensor, ...]:
        """Change the players' weights; return the losses, detached.

        ``real`` and ``draw`` are a `Batch` and a `Draw`, of image-to-image a `TranslationBatch` and a `Memory`.
        """


@contextlib.contextmanager
def in_eval_mode(*networks: nn.Module) -> Iterator[None]:
    """Networks as they are used: dropout off, batch norm by its running statistics. Afterwards they train as before."""
    training = [network.training for network in networks]
    for network in networks:
        network.eval()
    try:
        yield
    finally:
        for network, before in zip(networks, training, strict=True):
            network.train(before)


@contextlib.contextmanager
def by_running_statistics(network: nn.Module) -> Iterator[None]:
    """Let batch norm use its running statistics and leave them alone, as Keras does in ``predict`` and where a layer is frozen.

    Dropout stays as it is.
    """
    norms = [one for one in network.modules() if isinstance(one, nn.modules.batchnorm._BatchNorm) and one.training]
    for norm in norms:
        norm.training = False
    try:
        yield
    finally:
        for norm in norms:
            norm.training = True


def generator_turn(players: Players, real: Batch, draw: Draw, loss: AdversarialLoss, n: int, settings: Settings) -> Tensor:
    """One update of the generator on ``n`` fakes, to be taken for real; its loss, detached."""
    latent, label = draw(n)
    players.discriminator.requires_grad_(False)
    judged, beside = judged_fakes(players, real, latent, label, settings)
    generator = loss.generator(judged.score)
    players.update_generator(generator + beside)
    return generator.detach()


def judged_fakes(
    players: Players, real: Batch, latent: Tensor, label: Tensor, settings: Settings
) -> tuple[Judgement, Tensor | float]:
    """How new fakes are judged, and what they cost the generator beside that: `matching` and `seeking`."""
    made = players.generate(latent, label)
    judged = players.discriminate(players.shown(made), label)
    return judged, matching(players, real, judged, settings) + seeking(made, latent, label, settings)


def matching(players: Players, real: Batch, judged: Judgement, settings: Settings) -> Tensor | float:
    """The weighted distance of the features of fakes that were ``judged`` from those of reals; 0.0 where it has no weight."""
    if settings.feature_matching == 0:
        return 0.0
    with torch.no_grad():
        features = players.discriminate(real.image, real.label).features
    assert features is not None  # every discriminator of the presets table gives them
    assert judged.features is not None
    return settings.feature_matching * feature_matching(features, judged.features)


def seeking(made: Tensor, latent: Tensor, label: Tensor, settings: Settings) -> Tensor | float:
    """The weighted likeness of made pictures of one label; 0.0 where it has no weight."""
    return 0.0 if settings.mode_seeking == 0 else settings.mode_seeking * mode_seeking(made, latent, label)


def class_logits(judged: Judgement) -> Tensor:
    """The class head's logits [n, classes]."""
    assert judged.class_logits is not None  # the presets table pairs a scheme that wants them with networks that have them
    return judged.class_logits
