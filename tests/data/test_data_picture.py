import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cganx.data import picture
from cganx.data.picture import Unusable, crop_box, decode, fitted, header, inner_size, pillow
from cganx.data.sources import Form

SIDES = st.integers(8, 300)
GREY, RED = Form(16, 16, 1), Form(16, 16, 3)


@pytest.fixture(autouse=True)
def _pillow():
    with pillow():
        yield


@settings(deadline=None)  # the machine may be busy
@given(SIDES, SIDES, SIDES, SIDES)
def test_crop_box_is_centred_inside_and_of_the_aspect(height, width, to_height, to_width) -> None:
    left, top, right, bottom = crop_box(height, width, Form(to_height, to_width, 1))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert abs(left - (width - right)) <= 1
    assert abs(top - (height - bottom)) <= 1
    assert (right - left) * to_height == pytest.approx((bottom - top) * to_width)
    assert right - left == pytest.approx(width) or bottom - top == pytest.approx(height)


@settings(deadline=None)  # the machine may be busy
@given(SIDES, SIDES, SIDES, SIDES)
def test_inner_size_fits_and_touches(height, width, to_height, to_width) -> None:
    inner_height, inner_width = inner_size(height, width, Form(to_height, to_width, 1))
    assert 1 <= inner_height <= to_height
    assert 1 <= inner_width <= to_width
    assert inner_height == to_height or inner_width == to_width
    assert abs(inner_width * height / width - inner_height) <= 1 + height / width


@settings(deadline=None)  # the machine may be busy
@given(st.sampled_from(["crop", "pad"]), SIDES, SIDES, SIDES, SIDES, st.sampled_from([1, 3]), st.integers(0, 255))
def test_one_colour_stays_one_colour(fit, height, width, to_height, to_width, channels, value) -> None:
    pixels = fitted(Image.new("RGB", (width, height), (value,) * 3), Form(to_height, to_width, channels, fit))
    assert pixels.shape == (to_height, to_width, channels)
    assert pixels.dtype == np.uint8
    assert (pixels == value).all()


@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_a_picture_of_the_size_is_not_touched(fit: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 14, 3), dtype=np.uint8)
    assert (fitted(Image.fromarray(pixels), Form(9, 14, 3, fit)) == pixels).all()


def test_crop_cuts_the_middle_without_resampling_where_it_can() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (10, 15, 3), dtype=np.uint8)
    assert (fitted(Image.fromarray(pixels), Form(10, 10, 3)) == pixels[:, 2:12]).all()


def test_pad_repeats_the_edge() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (10, 16, 3), dtype=np.uint8)
    padded = fitted(Image.fromarray(pixels), Form(16, 16, 3, "pad"))
    assert (padded[3:13] == pixels).all()
    assert (padded[:3] == pixels[0]).all()
    assert (padded[13:] == pixels[-1]).all()


@pytest.mark.parametrize(("suffix", "tolerance"), [("png", 0), ("bmp", 0), ("webp", 0), ("gif", 0), ("tiff", 0), ("jpg", 6)])
def test_formats(tmp_path: Path, suffix: str, tolerance: int) -> None:
    path = tmp_path / f"x.{suffix}"
    Image.new("RGB", (20, 16), (200, 100, 51)).save(path, **({"lossless": True} if suffix == "webp" else {}))
    assert header(path)[:2] == (16, 20)
    assert np.abs(decode(path, RED).astype(int) - (200, 100, 51)).max() <= tolerance


MODES = {
    "L": (lambda: Image.new("L", (16, 16), 128), True, (128,) * 3),
    "1": (lambda: Image.new("1", (16, 16), 1), True, (255,) * 3),
    "I;16": (lambda: Image.fromarray(np.full((16, 16), 0x8080, dtype=np.uint16)), True, (128,) * 3),
    "LA": (lambda: Image.new("LA", (16, 16), (0, 51)), True, (204,) * 3),
    "RGBA": (lambda: Image.new("RGBA", (16, 16), (255, 0, 0, 51)), False, (255, 204, 204)),
    "RGBA, clear": (lambda: Image.new("RGBA", (16, 16), (255, 0, 0, 0)), False, (255, 255, 255)),
    "P": (lambda: Image.new("RGB", (16, 16), (9, 99, 199)).quantize(4), False, (9, 99, 199)),
}


@pytest.mark.parametrize("name", MODES)
def test_modes(tmp_path: Path, name: str) -> None:
    make, grey, colour = MODES[name]
    path = tmp_path / "x.png"
    make().save(path)
    assert header(path).grey is grey
    assert (decode(path, RED) == colour).all()
    assert decode(path, GREY).shape == (16, 16, 1)


@pytest.mark.parametrize("mode", ["P", "RGB", "L"])
def test_a_transparent_colour_becomes_white(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "x.png"
    image = Image.new("RGB", (16, 16), (30, 30, 30))
    chosen = {"P": lambda: image.quantize(2), "RGB": lambda: image, "L": lambda: image.convert("L")}[mode]()
    transparent = {"P": lambda: chosen.getpixel((0, 0)), "RGB": lambda: (30, 30, 30), "L": lambda: 30}[mode]()
    chosen.save(path, transparency=transparent)
    assert (decode(path, RED) == 255).all()


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    for suffix in ("png", "tiff"):
        Image.fromarray(values).save(tmp_path / f"x.{suffix}")
        assert (decode(tmp_path / f"x.{suffix}", GREY)[..., 0] == np.arange(256).reshape(16, 16)).all()


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_values_without_a_range_are_refused(tmp_path: Path, kind) -> None:
    Image.fromarray(np.full((16, 16), 70_000, dtype=kind)).save(tmp_path / "x.tiff")
    with pytest.raises(Unusable, match="8 or 16 bits"):
        decode(tmp_path / "x.tiff", GREY)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "webp", "jpg"])
def test_exif_orientation(tmp_path: Path, orientation: int, suffix: str) -> None:
    upright = np.zeros((24, 16, 3), dtype=np.uint8)
    upright[:8, :8] = 255  # the corner at the top left
    turned = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: np.rot90(upright), 7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(np.ascontiguousarray(turned)).save(path, exif=exif, quality=100)
    assert header(path)[:2] == (24, 16)
    assert np.abs(decode(path, Form(24, 16, 3)).astype(int) - upright).max() < 40


def test_a_big_jpeg_keeps_its_look(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 1200).astype(np.uint8)[None].repeat(800, axis=0)
    Image.fromarray(ramp).save(tmp_path / "x.jpg", quality=95)
    small = decode(tmp_path / "x.jpg", Form(16, 24, 1))[..., 0]
    assert np.abs(small.astype(float) - (np.arange(24) + 0.5) / 24 * 255).max() < 4


def test_the_two_pictures_of_a_stereo_camera(tmp_path: Path) -> None:
    frames = [Image.new("L", (16, 16), value) for value in (10, 200)]
    frames[0].save(tmp_path / "x.jpg", format="MPO", save_all=True, append_images=frames[1:])
    assert (decode(tmp_path / "x.jpg", GREY) == 10).all()


def test_the_first_frame_counts(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    assert (decode(tmp_path / "x.gif", RED) == (255, 0, 0)).all()


def bomb(path: Path, width: int, height: int) -> None:
    """A PNG of a few bytes whose header declares that size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))


@pytest.mark.parametrize(("width", "height"), [(9000, 9000), (10_000, 9500), (50_000, 50_000), (2**31 - 1, 2**31 - 1)])
def test_decompression_bombs(tmp_path: Path, width: int, height: int) -> None:
    bomb(tmp_path / "x.png", width, height)
    for read in (header, lambda path: decode(path, RED)):
        with pytest.raises(Unusable, match="decompression bomb"):
            read(tmp_path / "x.png")


@pytest.mark.parametrize("data", [b"", b"no picture", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n"])
def test_no_picture(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(Unusable, match="not a picture"):
        header(tmp_path / "x.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "gif", "tiff"])
def test_damage_is_unusable_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Unusable):
        decode(path, RED)
    for _ in range(100):
        damaged = bytearray(whole)
        for place in rng.integers(0, min(len(whole), 300), 3):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        with suppress(Unusable):
            assert decode(path, RED).shape == (16, 16, 3)


def test_too_small_names_the_size(tmp_path: Path) -> None:
    Image.new("L", (7, 30)).save(tmp_path / "x.png")
    with pytest.raises(Unusable, match="too small: 7 x 30"):
        header(tmp_path / "x.png")


def test_suffixes_have_decoders() -> None:
    Image.init()
    assert {Image.EXTENSION[suffix] for suffix in picture.SUFFIXES} == set(picture.FORMATS)
    assert set(picture.FORMATS) <= set(Image.OPEN)
