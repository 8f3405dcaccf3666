"""Pictures of two sides: found, held against each other, divided, packed; and what is wrong with them, in one sentence."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cganx.data import (
    Pairs,
    SideBySide,
    Task,
    TranslationPictures,
    TranslationSet,
    Unpaired,
    load_pairs,
    load_side_by_side,
    load_task,
    load_unpaired,
    packing,
    translating,
)
from cganx.errors import DataError

SIZE = (24, 32)


def pixels(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """A picture like no other: (height, width) of soft colours."""
    rough = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(rough).resize(size[::-1], Image.Resampling.BICUBIC)


def turned(image: Image.Image) -> Image.Image:
    """What belongs to it: the same in other colours."""
    return Image.fromarray(255 - np.asarray(image)[..., ::-1])


Fill = Callable[..., Path]


@pytest.fixture
def fill(tmp_path: Path) -> Fill:
    """``fill("a/sub", range(9))``: pictures by number; ``make`` says what each is, ``first`` makes others."""

    def filled(
        name: str,
        numbers: range | list[int],
        make: Callable[[Image.Image], Image.Image] = lambda image: image,
        size: tuple[int, int] = SIZE,
        suffix: str = "png",
        first: int = 0,
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in numbers:
            make(pixels(first + number, size)).save(folder / f"{number}.{suffix}")
        return folder

    return filled


def refused(load: Callable[[], object], *parts: str) -> None:
    with pytest.raises(DataError) as caught:
        load()
    assert "\n" not in str(caught.value)
    for part in parts:
        assert part in str(caught.value)


def rows(images: np.ndarray) -> set[bytes]:
    return {image.tobytes() for image in images}


# pairs


def test_pairs_by_name_row_by_row(fill: Fill) -> None:
    a, b = fill("a", range(60)), fill("b", range(60), turned)
    data = load_pairs(a, b)
    assert (data.name, data.paired, data.scale, data.task, data.classes) == ("a-to-b", True, 1, None, ())
    assert data.source_shape == data.target_shape == (24, 32, 3)
    assert len(data.train.source) + len(data.test.source) == 60
    assert 1 <= len(data.test.source) <= 15
    for part in (data.train, data.test):
        assert part.labels is None
        assert (part.target == 255 - part.source[..., ::-1]).all()


def test_names_count_without_suffix_and_with_folders_below(fill: Fill) -> None:
    a, b = fill("a/x", range(10)), fill("b/x", range(10), turned, suffix="bmp")
    fill("a/y", range(10), first=100)
    fill("b/y", range(10), turned, suffix="webp", first=100)
    data = load_pairs(a.parent, b.parent)
    assert len(data.train.source) + len(data.test.source) == 20
    near = np.abs(data.train.target.astype(int) - (255 - data.train.source[..., ::-1].astype(int))).mean(axis=(1, 2, 3))
    assert near.max() < 12


def test_sizes_of_one_aspect_are_brought_together(fill: Fill) -> None:
    a, b = fill("a", range(12)), fill("b", range(12), size=(48, 64))
    data = load_pairs(a, b, image_size=(12, 16))
    assert data.source_shape == data.target_shape == (12, 16, 3)
    assert np.abs(data.train.source.astype(int) - data.train.target).mean() < 3


def test_the_default_size_is_the_targets_up_to_128(fill: Fill) -> None:
    a, b = fill("a", range(3)), fill("b", range(3), size=(96, 128))
    assert load_pairs(a, b).source_shape == (96, 128, 3)
    c = fill("c", range(3), size=(120, 160))
    assert load_pairs(a, c).source_shape == (128, 128, 3)


def test_twins_of_different_aspect(fill: Fill) -> None:
    a, b = fill("a", range(4)), fill("b", range(4))
    fill("b", [2], size=(24, 33))
    refused(lambda: load_pairs(a, b), "1 of 4 pairs differ in aspect", "2.png has 32 x 24 pixels", "33 x 24", "crop one")
    fill("a", [2], size=(24, 33))
    load_pairs(a, b)
    fill("a", [2], size=(48, 67))  # half of that is 33 or 34
    load_pairs(a, b)
    fill("a", [2], size=(48, 70))
    refused(lambda: load_pairs(a, b), "1 of 4 pairs differ in aspect")


def test_missing_twins_are_counted_and_named(fill: Fill) -> None:
    a, b = fill("a", range(10)), fill("b", range(4, 11))
    refused(
        lambda: load_pairs(a, b), "5 of 17 pictures have no twin", f"{a} alone has 4: 0, 1, 2, ...", f"{b} alone has 1: 10)"
    )


def test_a_name_with_two_suffixes(fill: Fill) -> None:
    a, b = fill("a", range(4)), fill("b", range(4))
    fill("a", [3], suffix="jpg")
    refused(lambda: load_pairs(a, b), "'3' is there with two suffixes", str(a))


def test_empty_sides_and_what_is_no_folder(fill: Fill, tmp_path: Path) -> None:
    a, b = fill("a", range(4)), fill("b", [])
    (b / "notes.txt").write_text("x")
    refused(lambda: load_pairs(a, b), str(b), "there is no picture in it")
    refused(lambda: load_unpaired(b, a), str(b), "there is no picture in it")
    refused(lambda: load_pairs(a, tmp_path / "gone"), "gone: no such folder")
    refused(lambda: load_side_by_side(a / "0.png"), "not a folder")
    refused(lambda: load_task(b, "inpaint"), "there is no picture in it")
    refused(lambda: load_task(tmp_path / "gone", "inpaint"), "no such file or folder")


@pytest.mark.parametrize("asked", [Pairs, Unpaired])
def test_one_folder_for_both_sides(fill: Fill, asked: type[Pairs] | type[Unpaired]) -> None:
    a = fill("a", range(4))
    fill("a/b", range(4))
    refused(asked(a, a / ".." / "a").load, "are the same folder")
    refused(asked(a, a / "b").load, "lies in", "on both sides")
    refused(asked(a / "b", a).load, "lies in")
    fill("styles/x", range(4))
    top = fill("styles/y", range(4)).parent
    refused(asked(top, top).load, "are the same folder")


def test_train_and_test_of_both(fill: Fill) -> None:
    for number, part in enumerate(("train", "test")):
        fill(f"a/{part}", range(5 + number), first=100 * number)
        b = fill(f"b/{part}", range(5 + number), turned, first=100 * number)
    data = load_pairs(b.parent.parent / "a", b.parent)
    assert (len(data.train.source), len(data.test.source)) == (5, 6)
    assert (data.test.target == 255 - data.test.source[..., ::-1]).all()
    fill("c", range(5))
    for asked in (Pairs, Unpaired):
        refused(asked(b.parent, b.parent.parent / "c").load, "is divided in train and test, and", "is not")


def test_test_pictures_with_a_twin_in_training_are_left_out(fill: Fill, caplog: pytest.LogCaptureFixture) -> None:
    for side in "ab":
        fill(f"{side}/train", range(10))
        folder = fill(f"{side}/test", range(8, 14), lambda image: image.point(lambda value: min(255, value + 1)))
    with caplog.at_level(logging.WARNING, "cganx"):
        data = load_pairs(folder.parents[1] / "a", folder.parent)
    assert (len(data.train.source), len(data.test.source)) == (10, 4)
    assert "left out 2 test pictures that are near-duplicates" in caplog.text
    for side in "ab":
        for path in (folder.parents[1] / side / "test").iterdir():
            if int(path.stem) > 9:
                path.unlink()
    refused(Pairs(folder.parents[1] / "a", folder.parent).load, "every test picture is a near-duplicate")


def test_near_duplicates_are_on_one_side_whichever_side_shows_them(fill: Fill) -> None:
    a, b = fill("a", range(40)), fill("b", range(40), turned)
    for number in range(40):  # twins by their sources alone
        image = Image.open(a / f"{number}.png")
        image.save(a / f"copy of {number}.jpg", quality=95, subsampling=0)
        pixels(1000 + number).save(b / f"copy of {number}.png")
    data = load_pairs(a, b)
    assert len(data.train.source) + len(data.test.source) == 80
    for held_out in data.test.source.astype(int):
        assert np.abs(data.train.source - held_out).mean(axis=(1, 2, 3)).min() > 10
    assert len(data.test.source) % 2 == 0


def test_grey_sources_stay_grey_and_are_promoted_where_asked(fill: Fill, caplog: pytest.LogCaptureFixture) -> None:
    a, b = fill("a", range(12), lambda image: image.convert("L")), fill("b", range(12))
    with caplog.at_level(logging.WARNING, "cganx"):
        data = load_pairs(a, b)
    assert (data.source_shape[2], data.target_shape[2]) == (1, 3)
    assert "all its sources are grey and have one channel; with source_channels=3" in caplog.text
    caplog.clear()
    data = load_pairs(a, b, source_channels=3)
    assert data.source_shape[2] == 3
    assert (data.train.source == data.train.source[..., :1]).all()
    assert load_pairs(b, a).target_shape[2] == 1
    assert load_pairs(b, a, channels=3).target_shape[2] == 3
    assert not caplog.records


def test_alpha_lies_on_white_and_orientation_counts(fill: Fill) -> None:
    a = fill("a", range(6), lambda image: Image.new("RGBA", image.size, (0, 0, 0, 0)))
    b = fill("b", range(6))
    for number in range(6):
        exif = Image.Exif()
        exif[0x0112] = 6
        turned_back = pixels(number).rotate(90, expand=True)
        turned_back.save(b / f"{number}.png", exif=exif)
    data = load_pairs(a, b, source_channels=3)
    assert data.target_shape == (24, 32, 3)
    assert (data.train.source == 255).all()


def test_unreadable_pictures_take_their_twins_with_them(fill: Fill, caplog: pytest.LogCaptureFixture) -> None:
    a, b = fill("a", range(20)), fill("b", range(20), turned)
    whole = (a / "3.png").read_bytes()
    (a / "3.png").write_bytes(whole[: len(whole) // 2])
    (b / "5.png").write_bytes(b"no picture")
    refused(lambda: load_pairs(a, b), "3.png", "2 of 40 pictures cannot be used", "--skip-unreadable")
    with caplog.at_level(logging.WARNING, "cganx"):
        data = load_pairs(a, b, skip_unreadable=True)
    assert "skipped 2 of 40" in caplog.text
    assert len(data.train.source) + len(data.test.source) == 18
    assert (data.train.target == 255 - data.train.source[..., ::-1]).all()
    for number in range(20):
        (b / f"{number}.png").write_bytes(b"no picture")
    refused(lambda: load_pairs(a, b, skip_unreadable=True, image_size=16), "none of its 20", str(a))


def test_the_fingerprint_is_of_pixels_and_of_what_they_are_for(fill: Fill) -> None:
    a, b = fill("a", range(12)), fill("b", range(12), turned)
    first = load_pairs(a, b)
    assert load_pairs(a, b).fingerprint == first.fingerprint
    others = [load_pairs(b, a), load_unpaired(a, b), load_pairs(a, b, image_size=16), load_task(b, "inpaint")]
    assert len({first.fingerprint, *(one.fingerprint for one in others)}) == 5


def test_licences_of_both_sides_or_beside_them(fill: Fill) -> None:
    a, b = fill("a", range(4)), fill("b", range(4))
    (a.parent / "licences.txt").write_text("Both: CC0-1.0\n")
    assert load_pairs(a, b).licence == "Both: CC0-1.0"
    (b / "licences.txt").write_text("B: MIT\n")
    assert load_pairs(a, b).licence == "Both: CC0-1.0; B: MIT"
    assert load_pairs(a, b, licence="mine").licence == "mine"


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"image_size": 7}, "image size 7"),
        ({"channels": 2}, "2 channels"),
        ({"source_channels": 2}, "2 source channels"),
        ({"fit": "stretch"}, "crop, pad"),
    ],
)
def test_options_that_pairs_cannot_have(fill: Fill, options: dict[str, object], cause: str) -> None:
    a, b = fill("a", range(4)), fill("b", range(4))
    refused(lambda: load_pairs(a, b, **options), cause)  # type: ignore[arg-type]


def test_packed_pictures_are_mapped_and_found_again(fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = fill("a", range(20)), fill("b", range(20), turned)
    plain = load_pairs(a, b)
    monkeypatch.setattr(packing, "MEMORY_LIMIT", 1000)
    first = load_pairs(a, b, cache=tmp_path / "kept")
    assert isinstance(first.train.source, np.memmap)
    assert first.fingerprint == plain.fingerprint
    assert (first.train.target == 255 - first.train.source[..., ::-1]).all()
    stages: list[str] = []
    again = load_pairs(a, b, cache=tmp_path / "kept", progress=lambda stage, *_: stages.append(stage))
    assert again.fingerprint == plain.fingerprint
    assert "decoding pictures" not in stages
    enlarged = load_task(b, "superresolve", 2, cache=tmp_path / "kept", image_size=32)
    assert isinstance(enlarged.train.source, np.memmap)
    assert (load_task(b, "superresolve", 2, image_size=32).train.source == enlarged.train.source).all()
    assert not list((tmp_path / "kept").glob(".data-*"))


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_keep_their_names(fill: Fill) -> None:
    a, b = fill("a", range(10)), fill("b", range(5), turned)
    elsewhere = fill("elsewhere", range(5, 10), turned)
    for number in range(5, 10):
        (elsewhere / f"{number}.png").rename(elsewhere / f"x{number}.png")
        (b / f"{number}.png").symlink_to(elsewhere / f"x{number}.png")
    (b / "loop").symlink_to(b, target_is_directory=True)
    data = load_pairs(a, b)
    assert (data.train.target == 255 - data.train.source[..., ::-1]).all()


# side by side


def beside(image: Image.Image) -> Image.Image:
    both = Image.new(image.mode, (2 * image.width, image.height))
    both.paste(image, (0, 0))
    both.paste(turned(image), (image.width, 0))
    return both


def test_either_half_is_the_source(fill: Fill) -> None:
    folder = fill("both", range(30), beside)
    left, right = load_side_by_side(folder), load_side_by_side(folder, "right")
    assert left.source_shape == (24, 32, 3)
    assert left.name == "both"
    assert (left.train.source == right.train.target).all()
    assert (left.test.target == right.test.source).all()
    assert (left.train.target == 255 - left.train.source[..., ::-1]).all()
    assert left.fingerprint != right.fingerprint


def test_what_cannot_be_two_pictures(fill: Fill, caplog: pytest.LogCaptureFixture) -> None:
    folder = fill("both", range(20), beside)
    pixels(50, (24, 63)).save(folder / "odd.png")
    refused(lambda: load_side_by_side(folder), "odd.png: 63 x 24", "the width is odd")
    pixels(50, (64, 64)).save(folder / "odd.png")
    refused(lambda: load_side_by_side(folder), "odd.png: 64 x 64", "it is not wider than high")
    pixels(50, (8, 10)).save(folder / "odd.png")
    refused(lambda: load_side_by_side(folder), "its halves are 5 pixels wide")
    with caplog.at_level(logging.WARNING, "cganx"):
        data = load_side_by_side(folder, skip_unreadable=True)
    assert len(data.train.source) + len(data.test.source) == 20
    refused(lambda: load_side_by_side(folder, "top"), "'top'", "left or right")  # type: ignore[arg-type]


# unpaired


def test_unpaired_sides_have_as_many_pictures_as_they_have(fill: Fill) -> None:
    a, b = fill("a", range(30)), fill("b", range(30, 80))
    data = load_unpaired(a, b)
    assert (data.name, data.paired, data.classes) == ("a-to-b", False, ())
    assert len(data.train.source) + len(data.test.source) == 30
    assert len(data.train.target) + len(data.test.target) == 50
    assert len(data.test.source) > 0
    assert len(data.test.target) > 0


def test_a_subject_that_both_sides_show_is_held_out_on_both(fill: Fill) -> None:
    a, b = fill("a", range(60)), fill("b", range(60), turned)
    data = load_unpaired(a, b)
    assert {(255 - one[..., ::-1]).tobytes() for one in data.test.source} == rows(data.test.target)


def test_a_subfolder_a_style(fill: Fill) -> None:
    a = fill("a", range(40))
    for number, style in enumerate(("wash", "ink 2", "ink 10")):
        b = fill(f"b/{style}", range(20 + number), lambda image, shift=number: image.rotate(90 * shift + 90).resize((32, 24)))
    data = load_unpaired(a, b.parent)
    assert data.classes == ("ink 2", "ink 10", "wash")
    assert data.train.labels is not None
    assert data.test.labels is not None
    counts = np.bincount(data.train.labels) + np.bincount(data.test.labels, minlength=3)
    assert counts.tolist() == [21, 22, 20]
    red = np.asarray(Image.open(b.parent / "wash" / "0.png"))
    place = [number for number, one in enumerate(data.train.target) if (one == red).all()]
    assert [data.train.labels[number] for number in place] in ([2], [])


def test_a_side_may_be_one_of_the_styles_and_is_none_then(fill: Fill) -> None:
    for number, style in enumerate(("noto", "openmoji", "twemoji")):
        top = fill(f"styles/{style}", range(10), first=100 * number).parent
    data = load_unpaired(top / "noto", top)
    assert data.classes == ("openmoji", "twemoji")
    assert not rows(data.train.source) & rows(data.train.target)
    assert load_unpaired(top / "noto", top / "twemoji").classes == ()


def test_styles_in_train_and_test(fill: Fill) -> None:
    for number, part in enumerate(("train", "test")):
        fill(f"a/{part}", range(6), first=1000 * number)
        for place, style in enumerate(("x", "y")):
            b = fill(f"b/{part}/{style}", range(5 + place), first=1000 * number + 100 * place + 100)
    data = load_unpaired(b.parents[2] / "a", b.parents[1])
    assert data.classes == ("x", "y")
    assert data.train.labels is not None
    assert data.test.labels is not None
    assert np.bincount(data.train.labels).tolist() == np.bincount(data.test.labels).tolist() == [5, 6]


def test_a_grey_side_against_one_in_colour(fill: Fill) -> None:
    a, b = fill("a", range(10), lambda image: image.convert("L")), fill("b", range(10))
    refused(lambda: load_unpaired(a, b), f"{a} is all grey and {b} has colour", "ask for 3 channels")
    refused(lambda: load_unpaired(b, a), f"{a} is all grey and {b} has colour")
    for channels in (1, 3):
        data = load_unpaired(a, b, channels=channels)
        assert data.source_shape == data.target_shape == (24, 32, channels)


# tasks


def test_all_grey_is_refused_before_near_duplicates_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("it took minutes of a large set")

    monkeypatch.setattr(translating, "divide", never)
    refused(lambda: load_task("fashion-small", "colorize"), "no picture has colour")


def test_colorize(fill: Fill) -> None:
    data = load_task(fill("a", range(30)), "colorize")
    assert (data.name, data.task, data.paired, data.scale) == ("a-colorize", "colorize", True, 1)
    assert (data.source_shape, data.target_shape) == ((24, 32, 1), (24, 32, 3))
    for part in (data.train, data.test):
        for source, target in zip(part.source, part.target, strict=True):
            assert (source[..., 0] == np.asarray(Image.fromarray(target).convert("L"))).all()


def test_superresolve_reduces_without_aliasing(fill: Fill) -> None:
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 127

    def striped(image: Image.Image) -> Image.Image:
        return Image.fromarray(stripes + np.asarray(image.resize((64, 64))) // 2)

    data = load_task(fill("a", range(10), striped), "superresolve")
    assert (data.scale, data.source_shape, data.target_shape) == (4, (16, 16, 3), (64, 64, 3))
    for part in (data.train, data.test):
        for source, target in zip(part.source, part.target, strict=True):
            assert (source == np.asarray(Image.fromarray(target).resize((16, 16), Image.Resampling.BICUBIC))).all()
            area = target.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
            assert np.abs(source - area).mean() < 6


def test_superresolve_in_grey_and_by_another_scale(fill: Fill) -> None:
    folder = fill("a", range(10))
    data = load_task(folder, "superresolve", 2, image_size=(16, 32), channels=1)
    assert (data.scale, data.source_shape, data.target_shape) == (2, (8, 16, 1), (16, 32, 1))
    refused(lambda: load_task(folder, "superresolve", image_size=34), "34 x 34", "4 divides")
    refused(lambda: load_task(folder, "superresolve", image_size=16), "at least 32")
    fill("c", range(10), size=(35, 46))
    assert load_task(folder.parent / "c", "superresolve", 2).target_shape == (34, 46, 3)


def test_inpaint_has_its_targets_as_sources(fill: Fill) -> None:
    data = load_task(fill("a", range(10)), "inpaint")
    assert data.train.source is data.train.target
    assert data.test.source is data.test.target


def test_tasks_take_class_folders_arrays_and_named_sets(fill: Fill, tmp_path: Path) -> None:
    folder = fill("classes/x", range(10)).parent
    fill("classes/y", range(10), first=50)
    data = load_task(folder, "colorize")
    assert (len(data.train.source) + len(data.test.source), data.classes) == (20, ())
    images = np.stack([np.asarray(pixels(number)) for number in range(40)])
    path = tmp_path / "set.npz"
    np.savez(path, images=images, labels=np.zeros(40, np.int64), classes=["x"], licences=["mine"])
    data = load_task(path, "colorize")
    assert (data.name, data.licence) == ("set-colorize", "mine")
    assert len(data.train.source) + len(data.test.source) == 40
    data = load_task("fashion-small", "inpaint")
    assert (data.name, data.target_shape) == ("fashion-small-inpaint", (28, 28, 1))
    assert len(data.test.target) > 1900


def test_twins_in_arrays_are_left_out_of_the_test_part(tmp_path: Path) -> None:
    images = np.stack([np.asarray(pixels(number)) for number in range(20)])
    path = tmp_path / "set.npz"
    labels = np.zeros(20, np.int64)
    np.savez(path, images=images, labels=labels, classes=["x"], test_images=images[15:] // 2 * 2, test_labels=labels[:5])
    refused(lambda: load_task(path, "inpaint"), "every test picture is a near-duplicate")
    test = np.concatenate([images[15:], np.asarray(pixels(99))[None]])
    np.savez(path, images=images, labels=labels, classes=["x"], test_images=test, test_labels=labels[:6])
    assert len(load_task(path, "inpaint").test.target) == 1


def test_tasks_that_cannot_be(fill: Fill) -> None:
    folder = fill("a", range(10), lambda image: image.convert("L"))
    refused(lambda: Task(folder, "colourize"), "did you mean 'colorize'")
    refused(lambda: Task(folder, "xyz"), "there are colorize, superresolve, inpaint")
    refused(lambda: Task(folder, "inpaint", 2), "scale belongs to superresolve")
    refused(lambda: Task(folder, "superresolve", 1), "scale 1", "from 2 to 8")
    refused(lambda: load_task(folder, "colorize"), str(folder), "no picture has colour")
    refused(lambda: load_task("fashion-small", "colorize", channels=3), "no picture has colour")
    refused(lambda: load_task(folder, "colorize", channels=1), "colorize with 1 channel")
    refused(lambda: load_task(folder, "inpaint", source_channels=3), "made by the task inpaint")


# the set


def test_a_set_whose_parts_do_not_fit_together() -> None:
    def made(
        source: tuple[int, ...], target: tuple[int, ...], labels: list[int] | None = None, **more: object
    ) -> TranslationSet:
        part = TranslationPictures(
            np.zeros(source, np.uint8), np.zeros(target, np.uint8), None if labels is None else np.array(labels, np.int64)
        )
        given = {"paired": True, "scale": 1, "task": None, "classes": ()} | more
        return TranslationSet("x", part, part, fingerprint="", **given)  # type: ignore[arg-type]

    shape = (2, 8, 8, 3)
    made(shape, shape)
    made(shape, shape, [0, 1], classes=("a", "b"))
    refused(lambda: made(shape, (3, 8, 8, 3)), "no pairs")
    refused(lambda: made(shape, (2, 16, 16, 3)), "not 1 to 1")
    made(shape, (2, 16, 16, 3), scale=2)
    refused(lambda: made(shape, shape, [0, 0]), "labels without names")
    refused(lambda: made(shape, shape, classes=("a",)), "names of styles without labels")
    refused(lambda: made(shape, shape, [0, 2], classes=("a", "b")), "one index into 2 styles")
    refused(lambda: made(shape, shape, [0], classes=("a", "b")), "one index into 2 styles")


def test_what_is_asked_for_has_a_name_and_is_a_value(fill: Fill) -> None:
    a, b = fill("a", range(4)), fill("b", range(4))
    for asked, name in (
        (Pairs(a, b), "a-to-b"),
        (SideBySide(a), "a"),
        (Unpaired(a, b), "a-to-b"),
        (Task(a, "inpaint"), "a-inpaint"),
        (Task("fashion-small", "inpaint"), "fashion-small-inpaint"),
        (Task("x/set.npz", "inpaint"), "set-inpaint"),
    ):
        assert asked.name == name
        assert hash(asked) == hash(type(asked)(**vars(asked)))
