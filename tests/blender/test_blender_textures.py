"""Large seamless textures of small pictures; no Blender needed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

SOURCE = Path(__file__).resolve().parents[2] / "plugins/blender/cganx_blender/textures.py"
Array = np.ndarray[Any, Any]


def _loaded() -> ModuleType:
    """The module alone: its package wants Blender."""
    spec = importlib.util.spec_from_file_location("cganx_blender_textures", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


textures = _loaded()


def mottled(count: int, side: int = 64, channels: int = 3, seed: int = 0, blur: float = 2.0) -> Array:
    """Blurred noise that repeats without a seam, in tints of one colour: uint8 [count, side, side, channels]."""
    noise = np.random.default_rng(seed).standard_normal((count, side, side, 1))
    frequencies = np.fft.fftfreq(side)
    kernel = np.exp(-2 * (np.pi * blur) ** 2 * (frequencies[:, None] ** 2 + frequencies**2))
    smooth = np.fft.ifft2(np.fft.fft2(noise, axes=(1, 2)) * kernel[:, :, None], axes=(1, 2)).real
    return np.clip(128 + np.linspace(20, 40, channels) * smooth / smooth.std(), 0, 255).astype(np.uint8)


def walls(count: int, side: int = 64, courses: Sequence[int] = (0, 26, 40)) -> Array:
    """Stones in courses of several heights: a dark joint above each course, and upright ones at random."""
    random = np.random.default_rng(1)
    pictures = 150 + random.normal(0, 20, (count, side, side, 1))
    for picture in pictures:
        for top, bottom in pairwise([*courses, side]):
            for left in random.integers(0, side, 3):
                picture[top:bottom, left : left + 2] = 60
    pictures[:, list(courses)] = 60
    return np.clip(pictures, 0, 255).astype(np.uint8)


def at_the_edges(texture: Array) -> float:
    """How much opposite edges differ, over how much neighbours inside do."""
    values = texture.astype(float)
    return float(
        np.mean(
            [np.abs(values.take(0, a) - values.take(-1, a)).mean() / np.abs(np.diff(values, axis=a)).mean() for a in (0, 1)]
        )
    )


def at_the_cuts(texture: Array, patches: Array) -> float:
    """How much neighbours of different patches differ, over how much those of one do."""
    ratios = []
    for axis in (0, 1):
        steps = np.abs(texture.astype(float) - np.roll(texture, -1, axis)).mean(axis=2)
        cut = patches != np.roll(patches, -1, axis)
        ratios.append(steps[cut].mean() / steps[~cut].mean())
    return float(np.mean(ratios))


def repetition(texture: Array, period: int) -> float:
    """The autocorrelation at the period, the higher of both directions; 1 for plain tiling."""
    values = texture.astype(float).mean(axis=2)
    values -= values.mean()
    power = np.fft.ifft2(np.abs(np.fft.fft2(values)) ** 2).real
    return float(max(power[0, period], power[period, 0]) / power[0, 0])


@settings(max_examples=25)
@given(
    count=st.integers(1, 4),
    height=st.integers(3, 24),
    width=st.integers(3, 24),
    channels=st.sampled_from([1, 3, 4]),
    more=st.integers(0, 60),
    seed=st.integers(0, 2**63),
)
def test_any_pictures_make_a_texture_of_any_size_again(
    count: int, height: int, width: int, channels: int, more: int, seed: int
) -> None:
    pictures = np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), np.uint8)
    size = max(height, width) + more
    quilt = textures.quilt(pictures, size, seed)
    assert quilt.texture.shape == (size, size, channels)
    assert quilt.texture.dtype == np.uint8
    assert quilt.patches.min() >= 0
    assert np.array_equal(textures.seamless_texture(pictures, size, seed), quilt.texture)


@pytest.mark.parametrize("size", [96, 145, 256])
@pytest.mark.parametrize("channels", [1, 3])
def test_neither_edges_nor_cuts_are_seen(size: int, channels: int) -> None:
    quilt = textures.quilt(mottled(8, channels=channels), size, seed=3)
    assert len(np.unique(quilt.patches)) > 3
    assert at_the_edges(quilt.texture) < 1.1
    assert at_the_cuts(quilt.texture, quilt.patches) < 1.1


def test_the_measures_see_a_seam() -> None:
    pictures = mottled(2)
    cropped = pictures[0][:50, :50]
    assert at_the_edges(cropped) > 1.5
    chequered = np.kron([[0, 1], [1, 0]], np.ones((32, 32), int))
    assert at_the_cuts(np.where(chequered[..., None], *pictures), chequered) > 1.5


def test_a_texture_does_not_repeat_as_plain_tiling_does() -> None:
    pictures = mottled(8)
    assert repetition(np.tile(pictures[0], (4, 4, 1)), 64) > 0.99
    assert repetition(textures.seamless_texture(pictures, 256, seed=0), 64) < 0.4
    assert repetition(textures.seamless_texture(pictures[:1], 256, seed=0), 64) < 0.4


@pytest.mark.parametrize("size", [256, 300])
@pytest.mark.parametrize("axis", [0, 1])
def test_courses_and_planks_run_through(size: int, axis: int) -> None:
    pictures = walls(8) if axis == 0 else walls(8).swapaxes(1, 2)
    texture = np.moveaxis(textures.seamless_texture(pictures, size, seed=0), axis, 0)[..., 0]
    across = texture.mean(axis=1)
    joints = across < 90
    assert 0.8 * 3 * size / 64 < joints.sum() < 1.25 * 3 * size / 64
    assert (texture[joints] < 90).mean() > 0.9


def test_the_first_picture_gives_the_look() -> None:
    light, dark = mottled(3), mottled(3, seed=1) // 3
    dark[:, ::16, ::16] = 255
    texture = textures.seamless_texture(np.concatenate([light, dark]), 192, seed=0)
    assert abs(texture.mean() - light[0].mean()) < 3
    assert texture.max() < int(light.max()) + 10
    other = textures.seamless_texture(np.concatenate([dark, light]), 192, seed=0)
    assert abs(other.mean() - dark[0].mean()) < 3
    assert other.max() == 255


def test_pictures_are_matched_in_colour_and_contrast() -> None:
    pictures = mottled(6).astype(float)
    pictures[1:] = (pictures[1:] - 128) * 0.8 + [140, 128, 116]
    texture = textures.seamless_texture(pictures.astype(np.uint8), 192, seed=0)
    assert np.allclose(texture.mean((0, 1)), pictures[0].mean((0, 1)), atol=3)
    assert texture.std() > 0.85 * pictures[0].std()


def test_the_seed_decides() -> None:
    pictures = mottled(4)
    assert not np.array_equal(textures.seamless_texture(pictures, 128, 0), textures.seamless_texture(pictures, 128, 1))


def test_the_pictures_size_gives_the_first_picture() -> None:
    pictures = mottled(3)
    texture = textures.seamless_texture(pictures, 64, seed=5)
    assert np.array_equal(texture, pictures[0])
    assert not np.shares_memory(texture, pictures)


def test_one_colour_stays_one_colour() -> None:
    assert np.unique(textures.seamless_texture(np.full((2, 16, 16, 3), 77, np.uint8), 50, seed=0)).tolist() == [77]


def test_the_largest_size_is_made() -> None:
    texture = textures.seamless_texture(mottled(2, channels=1), textures.LARGEST, seed=0)
    assert texture.shape == (1024, 1024, 1)
    assert at_the_edges(texture) < 1.1


@pytest.mark.parametrize(
    ("pictures", "size", "says"),
    [
        (np.zeros((1, 8, 8, 3), np.float32), 16, "uint8"),
        (np.zeros((8, 8, 3), np.uint8), 16, r"\[8, 8, 3\]"),
        (np.zeros((0, 8, 8, 3), np.uint8), 16, r"\[0, 8, 8, 3\]"),
        (np.zeros((1, 8, 16, 3), np.uint8), 15, "from 16 to 1024 pixels, not 15"),
        (np.zeros((1, 8, 8, 3), np.uint8), 1025, "not 1025"),
    ],
)
def test_what_makes_no_texture_is_refused(pictures: Array, size: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        textures.seamless_texture(pictures, size, 0)


def test_near_latents_lie_around_the_first() -> None:
    latents = np.random.default_rng(0).standard_normal((200, 64)).astype(np.float32)
    turned = textures.near(latents, 0.3)
    assert turned.dtype == np.float32
    assert np.array_equal(turned[0], latents[0])
    cosines = turned[1:] @ latents[0] / np.linalg.norm(turned[1:], axis=1) / np.linalg.norm(latents[0])
    assert abs(cosines.mean() - np.cos(0.3)) < 0.01
    assert abs(turned[1:].std() - 1) < 0.1
    assert np.array_equal(textures.near(latents, 0.0), np.repeat(latents[:1], 200, axis=0))
