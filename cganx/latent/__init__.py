"""The latent space of a generator, on its file alone: numpy and the runtime, no gradients, no torch.

from cganx import latent, runtime

generator = runtime.load("fashion")
one, other = latent.of_seeds(generator, [1, 2])
pixels = generator.generate("sneaker", latents=latent.slerp(one, other, [0.0, 0.5, 1.0]))  # uint8 [3, 28, 28, 1]
"""

from cganx.latent.blocks import FILLS, Block, blocks_of, replace_block
from cganx.latent.directions import Directions, principal_directions
from cganx.latent.inversion import Inversion, Search, invert, reconstruction_error
from cganx.latent.movies import FORMATS, Movie, Screen, write_movie
from cganx.latent.points import arithmetic, lerp, mean, norm_preserving_mean, of_seeds, slerp, truncate
from cganx.latent.sheets import SHEETS, Group, Sheet, View
from cganx.latent.walks import (
    Stop,
    Walk,
    along_directions,
    through_classes,
    through_codes,
    through_latents,
    through_truncation,
    walk,
)

__all__ = [
    "FILLS",
    "FORMATS",
    "SHEETS",
    "Block",
    "Directions",
    "Group",
    "Inversion",
    "Movie",
    "Screen",
    "Search",
    "Sheet",
    "Stop",
    "View",
    "Walk",
    "along_directions",
    "arithmetic",
    "blocks_of",
    "invert",
    "lerp",
    "mean",
    "norm_preserving_mean",
    "of_seeds",
    "principal_directions",
    "reconstruction_error",
    "replace_block",
    "slerp",
    "through_classes",
    "through_codes",
    "through_latents",
    "through_truncation",
    "truncate",
    "walk",
    "write_movie",
]
