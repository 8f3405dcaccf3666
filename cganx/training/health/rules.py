"""What must not be: one rule a failure, on what a run has logged.

The thresholds on losses come from the full logs of the GAN book's experiments (Chaudhary, The GAN Book, 2024, skill 3, and
the author's published logs): of eight runs they name the two that failed, and no other. All time is counted in steps.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["NOT_FINITE", "RULES", "TRANSLATION_RULES", "WINDOW", "Balance", "Finding", "Line", "Rules"]

WINDOW = 2_500
"""Steps that a sign must last; before them nothing but the output's range is judged, healthy runs start with D ahead."""

FEWEST_LINES, FEWEST_CHECKUPS = 5, 3
NOT_FINITE = "not finite"

Line = Mapping[str, float]


@dataclass(frozen=True)
class Finding:
    """A failure: its ``name``, the ``step`` at which it was seen, and the ``evidence`` in words."""

    name: str
    step: int
    evidence: str


@dataclass(frozen=True)
class Balance:
    """What ``discriminator`` and ``generator`` are logged to pay when the discriminator knows nothing.

    0 where the loss has no such measure, as a critic's has none.
    """

    discriminator: float
    generator: float


@dataclass(frozen=True)
class History:
    """The lines of the last 2,500 steps, and those of them that hold a checkup; ``covered`` steps of the run before now."""

    balance: Balance
    lines: Sequence[Line]
    checkups: Sequence[Line]
    covered: int

    @property
    def long_enough(self) -> bool:
        """Whether the window is full."""
        return self.covered >= WINDOW

    def all(self, name: str) -> list[float]:
        """The values of that name in the lines."""
        return [line[name] for line in self.lines if name in line]

    def discriminator(self) -> list[float]:
        """What the discriminator paid, 1 being what it pays when it knows nothing; empty where there is no such measure."""
        if self.balance.discriminator == 0:
            return []
        paid = [sum(value for name, value in line.items() if name.startswith("discriminator")) for line in self.lines]
        return [one / self.balance.discriminator for one in paid]

    @property
    def ahead(self) -> bool:
        """R2: D pays little and is nearly always right, in the middle of the window."""
        paid, accuracy = self.discriminator(), self.all("accuracy")
        return bool(paid and accuracy) and statistics.median(paid) < 0.072 and statistics.median(accuracy) >= 0.98

    def generator(self) -> list[float]:
        """What the generator paid, in the same measure."""
        return [one / self.balance.generator for one in self.all("generator")] if self.balance.generator else []


def output_range(history: History) -> str | None:
    """The generator cannot make values that real pictures have, whatever its latent: more than an eighth of the scale lacks."""
    if not history.checkups:
        return None
    last = history.checkups[-1]
    if last["reach_low"] <= last["real_low"] + 0.25 and last["reach_high"] >= last["real_high"] - 0.25:
        return None
    return "the generator reaches {reach_low:.2f} to {reach_high:.2f}, the pictures {real_low:.2f} to {real_high:.2f}".format(
        **last
    )


def mode_collapse(history: History) -> str | None:
    """For a window long half the made pictures of a class are near copies, or they differ a tenth of what real ones do.

    R2 makes it suspicious: where D is far ahead all the time, a quarter of copies will do.
    """
    if not history.long_enough or len(history.checkups) < FEWEST_CHECKUPS:
        return None
    bound = 0.25 if history.ahead else 0.5
    if not all(one["duplicates"] >= bound or one["variety"] <= 0.1 for one in history.checkups):
        return None
    last = history.checkups[-1]
    return "{duplicates:.0%} of the pictures are near copies of another; they differ {variety:.2f} times as real ones".format(
        **last
    )


def discriminator_won(history: History) -> str | None:
    """R1: for a window long D pays next to nothing and is always right, and what the generator pays still rises."""
    paid, accuracy, generator = history.discriminator(), history.all("accuracy"), history.generator()
    if not history.long_enough or len(paid) < FEWEST_LINES or not accuracy:
        return None
    half = len(generator) // 2
    rising = half == 0 or statistics.fmean(generator[half:]) > statistics.fmean(generator[:half])
    if sum(one < 0.00145 for one in paid) < 0.95 * len(paid) or min(accuracy) < 0.99 or not rising:
        return None
    return f"its accuracy is {accuracy[-1]:.1%} and its loss {paid[-1]:.1e} of that of a guess, for {WINDOW:,} steps"


def generator_won(history: History) -> str | None:
    """R3: for a window long the generator pays next to nothing, and D is no better than a guess."""
    generator, accuracy = history.generator(), history.all("accuracy")
    if not history.long_enough or len(generator) < FEWEST_LINES or not accuracy:
        return None
    if statistics.median(generator) >= 0.145 or statistics.median(accuracy) > 0.55:
        return None
    return f"its loss is {generator[-1]:.2f} of that of a fair game, and the discriminator's accuracy {accuracy[-1]:.1%}"


def dead_critic(history: History) -> str | None:
    """For a window long a critic's loss and the spread of its scores are next to nothing."""
    if history.balance.discriminator or not history.long_enough or len(history.checkups) < FEWEST_CHECKUPS:
        return None
    loss, spread = (
        statistics.median(abs(one) for one in history.all("critic")),
        max(one["score_spread"] for one in history.checkups),
    )
    if loss >= 1e-3 or spread >= 1e-3:
        return None
    return f"its loss is {loss:.1e}, and its scores spread by {spread:.1e}"


def nothing_changes(history: History) -> str | None:
    """For a window long a picture of another kind comes out as it went in, but for a twentieth of what two kinds differ."""
    if not history.long_enough or len(history.checkups) < FEWEST_CHECKUPS:
        return None
    changes = [one["change"] for one in history.checkups if "change" in one]
    if not changes or max(changes) > 0.05:
        return None
    return f"a picture is changed by {changes[-1]:.3f} of what sources and targets differ by, for {WINDOW:,} steps"


Rules = Mapping[str, Callable[[History], str | None]]

RULES: Rules = {
    "output range": output_range,
    "mode collapse": mode_collapse,
    "discriminator won": discriminator_won,
    "generator won": generator_won,
    "dead critic": dead_critic,
}
"""In the order in which they are asked."""

TRANSLATION_RULES: Rules = {
    "output range": output_range,
    "mode collapse": mode_collapse,
    "nothing changes": nothing_changes,
}
"""Where pictures are made from pictures. A discriminator that is always right is usual there and does no harm: the other
losses lead, and the book's Pix2Pix, SRGAN and CartoonGAN were good at an accuracy of 99.8 % and more."""
