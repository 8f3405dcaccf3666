# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways through the latent space, from picture to picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cganx.runtime import Generator
from cganx.runtime import latents as draws
from cganx.runtime.labels import Labels

from .refusal import Refusal

if TYPE_CHECKING:
    from .work import Wanted

Array: TypeAlias = "np.ndarray[Any, Any]"


def walk_points(generator: Generator, stops: Sequence[Wanted], frames: int) -> tuple[Array, Array | None]:
    """(float32 [frames, latent], label weights [frames, classes] or None) of a walk that ends at the last stop.

    Normal latents are turned on the sphere between stops, uniform ones and labels go straight. Raises Refusal.
    """
    latent = generator.card.latent
    if latent is None or frames < 2 or len(stops) < 2:
        raise Refusal("A walk needs a generator with a latent, two pictures and two frames at least")
    seeds = np.array([stop.seed for stop in stops], np.uint64)
    if latent.distribution == "uniform":
        corners, turn = draws.uniform(seeds, latent.size), _straight
    else:
        bound = stops[0].truncation or None
        bounds = None if bound is None else np.full(len(seeds), bound)
        corners, turn = draws.normal(seeds, latent.size, truncation=bounds), _spherical
    position = np.linspace(0, len(stops) - 1, frames)
    before = np.minimum(position.astype(int), len(stops) - 2)
    share = (position - before)[:, None]
    points = turn(corners[before], corners[before + 1], share).astype(np.float32)
    weights = _weights(generator, stops)
    if weights is None:
        return points, None
    return points, _straight(weights[before], weights[before + 1], share).astype(np.float32)


def _weights(generator: Generator, stops: Sequence[Wanted]) -> Array | None:
    card = generator.card
    if not card.classes:
        return None
    if card.label is not None and card.label.input == "index":
        raise Refusal("This generator takes one class by index, so a walk cannot be made with it")
    rows = Labels(card).many([stop.label for stop in stops])
    return np.asarray(rows, np.float64)


def _straight(start: Array, end: Array, share: Array) -> Array:
    between: Array = start * (1 - share) + end * share
    return between


def _spherical(start: Array, end: Array, share: Array) -> Array:
    """Shoemake, "Animating rotation with quaternion curves" (1985): slerp, with lengths as they come."""
    lengths = np.linalg.norm(start, axis=1) * np.linalg.norm(end, axis=1)
    cosine = np.clip((start * end).sum(axis=1) / np.maximum(lengths, 1e-12), -1, 1)
    angle = np.arccos(cosine)[:, None]
    sine = np.sin(angle)
    near = sine < 1e-6
    safe = np.where(near, 1.0, sine)
    turned = (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / safe
    return np.where(near, _straight(start, end, share), turned)
