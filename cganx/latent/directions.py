"""Directions of the latent space in which pictures change most, found on the file alone.

The mean over random points of the Jacobian dG/dz, by finite differences, is what a linear regression of pictures on normal
latents would find (Stein's lemma); its left singular vectors are orthogonal directions, those first that change pixels most and
in the same manner wherever one stands. GANSpace (Harkonen et al., NeurIPS 2020) finds such directions by regression on the
principal components of an inner layer, which a file does not show. Wang and Ponce (ICLR 2021) take the mean of J J^T instead;
on the bundled generator its directions mix more: the first of these is brightness, purely, in every class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cganx.errors import RequestError
from cganx.latent.inversion import DIFFERENCE, Progress, every_label, noise_seeds
from cganx.latent.points import Floats, latent_of, stream_seeds, whole
from cganx.runtime import Generator, latents
from cganx.runtime.labels import Label

__all__ = ["Directions", "principal_directions"]

DIRECTIONS_STREAM = 2**31 + 3
BATCH_VALUES = 1 << 22


@dataclass(frozen=True, eq=False)
class Directions:
    """``vectors`` float32 [n, latent]: unit vectors at right angles, the strongest first, towards brighter pictures.

    ``effects`` float64 [n]: by how much a step of length 1 changes a pixel, 0..1, root mean square of what it does everywhere.
    """

    vectors: Floats = field(repr=False)
    effects: np.ndarray[tuple[int], np.dtype[np.float64]]


def principal_directions(
    generator: Generator,
    *,
    count: int = 8,
    labels: Sequence[Label] | None = None,
    points: int = 16,
    seed: int = 0,
    progress: Progress | None = None,
) -> Directions:
    """The ``count`` strongest directions for pictures of these labels, of all classes when not given.

    points: random points for each label; each takes latent + 1 pictures. Raises LabelError, SeedError, RequestError.
    """
    latent = latent_of(generator.card)
    whole(count, "count")
    if count > latent.size:
        raise RequestError(f"a latent of {latent.size} entries has 1 to {latent.size} directions, not {count}")
    each = every_label(generator.card) if labels is None else list(labels)
    if not each:
        raise RequestError("there is no label to find directions for: name one, or leave it out for all")
    draw = {"normal": latents.normal, "uniform": latents.uniform}[latent.distribution]
    random = draw(stream_seeds(seed, points), latent.size, stream=DIRECTIONS_STREAM).astype(np.float64)
    noise, values = noise_seeds(generator), int(np.prod(generator.picture_shape))
    steps = np.concatenate([np.zeros((1, latent.size)), DIFFERENCE * np.eye(latent.size)])
    metric, brighter = np.zeros((latent.size, latent.size)), np.zeros(latent.size)
    for number, label in enumerate(each):
        jacobian = np.zeros((latent.size, values))
        for row, point in enumerate(random):
            if progress is not None:
                progress("directions", number * points + row, len(each) * points)
            size = max(1, min(len(steps), BATCH_VALUES // values))
            made = generator.images(label, noise, latents=point + steps, batch_size=size)
            made = made.reshape(len(steps), values).astype(np.float64)
            jacobian += (made[1:] - made[0]) / (2.0 * DIFFERENCE * points)  # pixels 0..1 are half of -1..1
        # The eigenvectors of J J^T are J's left singular vectors, without a matrix as wide as the pictures of all labels.
        metric += jacobian @ jacobian.T
        brighter += jacobian.sum(axis=1)
    strengths, columns = np.linalg.eigh(metric)
    chosen = columns[:, ::-1][:, :count].T
    chosen = chosen * np.where(chosen @ brighter < 0, -1.0, 1.0)[:, None]
    effects = np.sqrt(np.maximum(strengths[::-1][:count], 0.0) / (len(each) * values))
    return Directions(chosen.astype(np.float32), effects)
