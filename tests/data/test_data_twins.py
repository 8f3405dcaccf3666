"""Near-duplicates are found, and what only looks a little alike is not."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from cganx.data.sources import natural_key
from cganx.data.twins import grouped, held_out_groups, twins


def small(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB").resize((16, 16), Image.Resampling.LANCZOS))


def found(*images: Image.Image) -> set[tuple[int, int]]:
    return {(min(one), max(one)) for one in twins(np.stack([small(image) for image in images])).tolist()}


def photograph(seed: int, size: int = 96) -> Image.Image:
    rng = np.random.default_rng(seed)
    rough = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
    noise = rng.normal(0, 12, (size, size, 3))
    return Image.fromarray((np.asarray(rough) + noise).clip(0, 255).astype(np.uint8))


def plaster(seed: int) -> Image.Image:
    """Nearly one colour, and the same one in all."""
    rng = np.random.default_rng(seed)
    rough = Image.fromarray((128 + rng.normal(0, 5, (12, 12))).clip(0, 255).astype(np.uint8)).resize((96, 96))
    return rough.convert("RGB")


def drawing(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    image = Image.new("L", (128, 128), "white")
    draw = ImageDraw.Draw(image)
    for _ in range(3):
        draw.line([tuple(one) for one in rng.integers(10, 118, (4, 2)).tolist()], fill=0, width=3)
    return image


def saved_again(image: Image.Image, quality: int = 60) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


@pytest.mark.parametrize("make", [photograph, drawing, plaster])
def test_a_copy_that_was_changed_a_little_is_a_twin(make) -> None:
    image = make(0).convert("RGB")
    copies = [image, saved_again(image, 75), image.resize((60, 60)), ImageEnhance.Brightness(image).enhance(1.01)]
    others = [make(seed) for seed in range(1, 6)]
    assert found(*copies, *others) == {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}


@pytest.mark.parametrize("make", [photograph, drawing, plaster])
def test_other_pictures_of_one_kind_are_no_twins(make) -> None:
    assert found(*(make(seed) for seed in range(200))) == set()


def test_plain_colours_are_twins_where_they_hardly_differ() -> None:
    plain = [Image.new("RGB", (32, 32), colour) for colour in ("#808080", "#808080", "#818181", "#88807f", "white")]
    assert found(*plain) == {(0, 1), (0, 2), (1, 2), (2, 3), (0, 3), (1, 3)}
    assert found(Image.new("RGB", (32, 32), "#808080"), Image.new("RGB", (32, 32), "#868686")) == set()


def test_the_search_finds_what_comparing_all_would() -> None:
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (300, 16, 16, 3))
    noisy = [base + rng.normal(0, spread, base.shape) for spread in (1, 3, 4.9, 5.5)]
    pictures = np.concatenate([base, *noisy]).clip(0, 255).astype(np.uint8)
    pictures[400:420] = pictures[0]
    flat = pictures.reshape(len(pictures), -1).astype(np.float64)
    near = {
        (one, other)
        for one in range(len(flat))
        for other in np.flatnonzero(np.sqrt(((flat[one + 1 :] - flat[one]) ** 2).mean(axis=1)) <= 5) + one + 1
    }
    pairs = [tuple(sorted(one)) for one in twins(pictures).tolist()]
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == near
    assert len(near) > 600


def test_many_pictures_are_searched_in_seconds() -> None:
    rng = np.random.default_rng(0)
    rough = rng.integers(0, 256, (20_000, 4, 4, 3), dtype=np.uint8)
    pictures = rough.repeat(4, axis=1).repeat(4, axis=2)
    pictures[10_000:10_010] = pictures[:10]
    assert {tuple(sorted(one)) for one in twins(pictures).tolist()} == {(place, 10_000 + place) for place in range(10)}


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_compare(count: int) -> None:
    assert twins(np.zeros((count, 16, 16, 3), dtype=np.uint8)).shape == (0, 2)


def test_groups_are_joined_through_others() -> None:
    pairs = np.array([[5, 3], [1, 2], [3, 1]])
    assert grouped(7, pairs).tolist() == [0, 1, 1, 1, 4, 1, 6]


def test_a_tenth_is_held_out_whole_groups_at_a_time() -> None:
    names = [f"{number}.png" for number in range(4000)]
    groups = np.arange(4000) // 2
    out = held_out_groups(names, groups)
    assert out.mean() == pytest.approx(0.1, abs=0.02)
    assert (out[::2] == out[1::2]).all()


def test_a_group_keeps_its_side_whatever_is_added() -> None:
    names = [f"{number:04}" for number in range(1000)]
    few = held_out_groups(names[:500], np.arange(500))
    many = held_out_groups(names, np.arange(1000))
    assert (many[:500] == few).all()


@pytest.mark.parametrize("count", range(2, 12))
def test_few_pictures_have_a_test_part_too(count: int) -> None:
    for start in range(30):
        out = held_out_groups([str(start + number) for number in range(count)], np.arange(count))
        assert 0 < out.sum() < count


def test_a_large_group_is_trained_on() -> None:
    groups = np.array([0] * 50 + list(range(1, 21)))
    for start in range(30):
        out = held_out_groups([f"{start}-{number}" for number in range(70)], groups)
        assert not out[:50].any()
        assert out.any()


def test_one_group_is_not_divided() -> None:
    assert not held_out_groups(["a", "b"], np.array([0, 0])).any()


def test_each_side_has_both_parts() -> None:
    names = sorted((f"{side}{number}" for side in "ab" for number in range(5)), key=natural_key)
    sides = [np.arange(5), np.arange(5, 10)]
    out = held_out_groups(names, np.arange(10), sides)
    assert all(0 < out[side].sum() < 5 for side in sides)
