"""The labelled sheet: sizes, colours, text that is never cut off, and what it refuses."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from cganx.errors import BackendMissing, RequestError


@pytest.fixture(autouse=True)
def _pillow(part):
    part("PIL")


def pictures(count, height, width, channels, level=0):
    return np.full((count, height, width, channels), level, np.uint8)


def blocks(image, value):
    """Boxes (rows, columns) that hold pixels of exactly this value."""
    found = np.argwhere(np.all(np.atleast_3d(np.asarray(image)) == value, axis=2))
    return (*found.min(axis=0), *(found.max(axis=0) + 1))


@pytest.mark.parametrize(("side", "shown"), [(8, 56), (16, 64), (28, 56), (32, 64), (64, 64), (128, 128), (256, 256)])
def test_small_pictures_are_enlarged_by_a_whole_factor(side, shown):
    from cganx.grid import sheet

    top, left, bottom, right = blocks(sheet([("", pictures(1, side, side, 1))]), 0)
    assert (bottom - top, right - left) == (shown, shown)


def test_enlarging_repeats_pixels_and_keeps_them():
    from cganx.grid import sheet

    checker = (np.indices((4, 6)).sum(0) % 2 * 255).astype(np.uint8)[None, :, :, None]
    image = np.asarray(sheet([("", checker)], scale=3))
    top, left, _, _ = blocks(image, 0)
    assert (image[top : top + 12, left : left + 18] == checker[0, :, :, 0].repeat(3, 0).repeat(3, 1)).all()


def test_grey_stays_grey_and_one_coloured_row_makes_it_rgb():
    from cganx.grid import sheet

    grey, colour = ("grey", pictures(2, 16, 16, 1, 7)), ("colour", pictures(1, 16, 16, 3, 9))
    assert sheet([grey]).mode == "L"
    mixed = sheet([grey, colour])
    assert mixed.mode == "RGB"
    assert blocks(mixed, (7, 7, 7))[0] < blocks(mixed, (9, 9, 9))[0]


def test_long_names_widen_the_margin_and_are_not_cut():
    from cganx.grid import sheet

    rows = [("W" * 31, pictures(1, 28, 28, 1, 128))]
    image = np.asarray(sheet(rows))
    ink = np.argwhere(image < 100)
    assert ink[:, 1].min() > 4
    assert ink[:, 1].max() < blocks(image, 128)[1]
    wrapped = np.asarray(sheet([("W " * 300, pictures(1, 28, 28, 1, 128))]))
    assert wrapped.shape[0] > 300
    assert (wrapped[:4] == 255).all()
    assert (wrapped[-4:] == 255).all()
    assert wrapped.shape[1] < 3 * image.shape[1]


def test_names_beyond_ascii_are_written_too():
    from cganx.grid import sheet

    image = np.asarray(sheet([("Größe, Кот, 猫", pictures(1, 28, 28, 1, 128))]))
    assert (image[:, : blocks(image, 128)[1]] < 100).any()


def test_column_heads_are_above_and_widen_the_columns():
    from cganx.grid import sheet

    plain = sheet([("a", pictures(2, 28, 28, 1))])
    headed = sheet([("a", pictures(2, 28, 28, 1))], columns=["0", "1"])
    wide = sheet([("a", pictures(2, 28, 28, 1))], columns=[str(2**64 - 1), "1"])
    assert headed.size[1] > plain.size[1]
    assert headed.size[0] == plain.size[0]
    assert wide.size[0] > headed.size[0] + 100


def test_rows_may_differ_in_length_and_more_heads_than_columns_are_left_out():
    from cganx.grid import sheet

    rows = [("a", pictures(1, 28, 28, 1)), ("b", pictures(4, 28, 28, 1)), ("c", pictures(0, 28, 28, 1))]
    assert sheet(rows, columns=list("0123456789")).size == sheet(rows, columns=list("0123")).size


@pytest.mark.parametrize(
    ("rows", "cause"),
    [
        ([], "at least one picture"),
        ([("a", pictures(0, 8, 8, 1))], "at least one picture"),
        ([("a", pictures(1, 8, 8, 2))], "'a' is uint8"),
        ([("a", pictures(1, 8, 8, 1).astype(np.float32))], "float32"),
        ([("a", pictures(1, 8, 8, 1)[0])], r"\[8, 8, 1\]"),
        ([("a", pictures(1, 8, 8, 1)), ("b", pictures(1, 8, 9, 1))], "one size"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_cause(rows, cause):
    from cganx.grid import sheet

    with pytest.raises(RequestError, match=cause):
        sheet(rows)


def test_a_scale_below_one_is_refused():
    from cganx.grid import sheet

    with pytest.raises(RequestError, match="scale is 0"):
        sheet([("a", pictures(1, 8, 8, 1))], scale=0)


def test_without_pillow_the_pip_line_is_named(monkeypatch):
    from cganx.grid import sheet

    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(BackendMissing, match=r"pip install \"cganx\[cli\]\""):
        sheet([("a", pictures(1, 8, 8, 1))])


def test_a_sheet_that_no_memory_holds_is_refused():
    from cganx.grid import sheet

    with pytest.raises(RequestError, match="smaller scale"):
        sheet([("", pictures(100, 28, 28, 1))], scale=300)


def test_a_sheet_as_svg_holds_each_picture_as_it_is():
    import base64
    import io
    import json
    from xml.etree import ElementTree

    from PIL import Image

    from cganx.grid import sheet, svg_sheet

    rng = np.random.default_rng(0)
    rows = [
        ("a < b & c", rng.integers(0, 256, (2, 6, 4, 3), np.uint8)),
        ("control \x01, Größe", rng.integers(0, 256, (1, 6, 4, 1), np.uint8)),
    ]
    root = ElementTree.fromstring(svg_sheet(rows, scale=5, columns=["0", "1"], about={"cganx.model": "<x>"}))
    name = "{http://www.w3.org/2000/svg}"
    assert (int(root.get("width")), int(root.get("height"))) == sheet(rows, scale=5, columns=["0", "1"]).size
    assert json.loads(root.find(f"{name}metadata").text) == {"cganx.model": "<x>"}
    assert [one.text for one in root.iter(f"{name}text")] == ["0", "1", "a < b & c", "control \N{REPLACEMENT CHARACTER}, Größe"]
    images = list(root.iter(f"{name}image"))
    assert [one.find(f"{name}title").text.partition(",")[0][:7] for one in images] == ["a < b &", "a < b &", "control"]
    for element, pixels in zip(images, [*rows[0][1], *rows[1][1]], strict=True):
        assert (element.get("width"), element.get("height")) == ("20", "30")
        with Image.open(io.BytesIO(base64.b64decode(element.get("href").partition(",")[2]))) as image:
            assert (np.asarray(image).reshape(pixels.shape) == pixels).all()


def test_an_svg_sheet_lies_as_the_png_does():
    from xml.etree import ElementTree

    from cganx.grid import sheet, svg_sheet

    rows = [("a", pictures(2, 28, 28, 1)), ("b", pictures(2, 28, 28, 1))]
    image = next(ElementTree.fromstring(svg_sheet(rows)).iter("{http://www.w3.org/2000/svg}image"))
    top, left, _, _ = blocks(sheet(rows), 0)
    assert (int(image.get("x")), int(image.get("y"))) == (left, top)
