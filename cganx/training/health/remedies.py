"""What to try against a failure: settings that the preset has, and presets that fail less."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from types import MappingProxyType

from cganx.training.health.rules import NOT_FINITE
from cganx.training.settings import CommonSettings

__all__ = ["remedies"]

Change = Callable[[float], float]
"""From the value that a setting has to the one to try."""


def _at_least(least: float) -> Change:
    return lambda value: max(value, least)


def _at_most(most: float) -> Change:
    return lambda value: min(value, most)


def _times(factor: float) -> Change:
    return lambda value: value * factor


STEADIER = "--preset sngan-small, whose spectral norm and averaged weights fail less"
SETTINGS: Mapping[str, Mapping[str, Change]] = MappingProxyType(
    {
        "output range": {},
        "mode collapse": {
            "discriminator_rate": _times(0.25),
            "label_smoothing": _at_least(0.1),
            "noisy_labels": _at_least(0.05),
            "feature_matching": _at_least(1.0),
        },
        "discriminator won": {
            "discriminator_rate": _times(0.25),
            "noisy_labels": _at_least(0.05),
            "label_smoothing": _at_least(0.1),
            "discriminator_steps": _at_most(1),
        },
        "generator won": {"generator_rate": _times(0.25), "discriminator_steps": _at_least(2)},
        "dead critic": {"clip": _times(10.0), "discriminator_rate": _times(4.0)},
        "nothing changes": {"adversarial_weight": _times(3.0), "identity_weight": _times(0.3), "cycle_weight": _times(0.5)},
        NOT_FINITE: {"generator_rate": _times(0.25), "discriminator_rate": _times(0.25)},
    }
)
OTHERWISE: Mapping[str, str] = MappingProxyType(
    {
        "output range": "a preset whose last layer reaches the whole range, such as --preset sngan-small",
        "mode collapse": STEADIER,
        "discriminator won": STEADIER,
        "generator won": "a discriminator with more capacity, such as that of --preset sngan-small",
        "dead critic": "--preset wgan-gp, which holds the gradient instead of the weights",
        "nothing changes": "pictures of two kinds that differ more, or pairs: --preset pix2pix-small",
        NOT_FINITE: STEADIER,
    }
)


def remedies(name: str, settings: CommonSettings) -> tuple[str, ...]:
    """What to try against the failure of that name: ``--set key=value`` texts that this recipe takes, then another preset."""
    has = {one.name: one for one in fields(settings)}
    out = []
    for key, change in SETTINGS[name].items():
        if key in has:
            value, low, high = getattr(settings, key), has[key].metadata["low"], has[key].metadata["high"]
            tried = min(max(change(value), low), high)
            if tried != value:
                out.append(f"--set {key}={tried:g}")
    return (*out, OTHERWISE[name])
