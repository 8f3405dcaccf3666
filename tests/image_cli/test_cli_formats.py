"""Picture formats: pixels that come back, and provenance that comes with them."""

from __future__ import annotations

import io

import numpy as np
import pytest

from cganx.errors import RequestError
from cganx_cli.formats import FORMATS, format_of
from cganx_cli.png import encode_png, png_texts
from cganx_cli.provenance import Provenance

RNG = np.random.default_rng(5)
SMOOTH = np.linspace(0, 255, 20 * 30 * 3).reshape(1, 20, 30, 3).astype(np.uint8)
MADE = Provenance("tïny", "ab" * 32, "名前/ß", 2**64 - 1, 0.5, "tilt=1", version="1.2")


@pytest.fixture(autouse=True)
def _pillow(part):
    part("PIL")


def opened(data):
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image)
        return pixels if pixels.ndim == 3 else pixels[:, :, None], dict(getattr(image, "text", {}))


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (3, 28, 28, 1), (5, 17, 31, 3), (2, 64, 64, 3), (2, 1, 5, 3)])
def test_png_pixels_and_texts_are_read_by_pillow(shape):
    pixels = RNG.integers(0, 256, shape, np.uint8)
    for one, data in zip(pixels, encode_png(pixels, [MADE] * len(pixels)), strict=True):
        found, texts = opened(data)
        assert (found == one).all()
        assert texts == dict(MADE.texts()) == png_texts(data)


def test_a_png_has_the_same_bytes_alone_and_among_others():
    pixels = RNG.integers(0, 256, (7, 9, 9, 3), np.uint8)
    together = list(encode_png(pixels, [MADE] * 7))
    assert together == [next(encode_png(pixels[n : n + 1], [MADE])) for n in range(7)]


def test_pngs_are_about_as_small_as_pillow_s(part):
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    part("onnxruntime")
    from cganx import runtime

    for model, most in (("fashion", 1.05), ("emoji", 1.1)):
        generator = runtime.load(model, "cpu")
        pixels = np.asarray(generator.generate(0, seeds=range(24)))
        ours = sum(map(len, encode_png(pixels, [MADE] * 24)))
        theirs, info = io.BytesIO(), PngInfo()
        for key, text in MADE.texts():
            info.add_text(key, text)
        for one in pixels:
            Image.fromarray(one.squeeze()).save(theirs, "PNG", pnginfo=info)
        assert ours < most * len(theirs.getvalue())


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_format_gives_pixels_and_provenance_back(suffix, channels):
    format_ = format_of(suffix)
    made = Provenance(**{**vars(MADE), "quality": 95 if format_.lossy else None})
    pixels = np.ascontiguousarray(SMOOTH[..., :channels])
    (data,) = format_.encode(pixels, [made])
    assert data.startswith(format_.magic)
    if format_.texts is not None:
        texts = format_.texts(data)
        assert {key: value for key, value in texts.items() if key.startswith("cganx.")} == dict(made.texts())
        assert format_.texts(data[: len(data) * 2 // 3]) is None
        assert format_.texts(b"") is None
    if suffix == ".raw":
        found = np.frombuffer(data, np.uint8).reshape(pixels.shape[1:])
    elif suffix in (".npy", ".npz"):
        loaded = np.load(io.BytesIO(data))
        found = loaded if suffix == ".npy" else loaded["pixels"]
    else:
        found, _ = opened(data)
    assert np.abs(found.astype(int) - pixels[0]).max() <= (12 if format_.lossy else 0)
    assert list(format_.encode(pixels, [made])) == [data]


def test_a_changed_byte_of_a_png_is_seen():
    (data,) = encode_png(SMOOTH, [MADE])
    for place in range(8, len(data), 23):
        broken = bytearray(data)
        broken[place] ^= 64
        assert png_texts(bytes(broken)) is None


def test_a_suffix_that_is_no_format_names_a_near_one():
    with pytest.raises(RequestError, match=r"did you mean \.jpg\?"):
        format_of(".jpge")
    with pytest.raises(RequestError, match="needs a suffix"):
        format_of("")


@pytest.mark.filterwarnings("ignore::UserWarning")  # as outside of tests, where they are no errors
def test_a_tiff_that_is_cut_anywhere_is_not_whole_and_nothing_is_said(capfd):
    for channels in (1, 3):
        for size in (20, 300):
            pixels = np.ascontiguousarray(np.tile(SMOOTH, (1, size // 20, size // 20, 1))[..., :channels])
            (data,) = FORMATS[".tif"].encode(pixels, [MADE])
            assert FORMATS[".tif"].texts(data) == dict(MADE.texts())
            assert [end for end in range(len(data)) if FORMATS[".tif"].texts(data[:end]) is not None] == []
    assert capfd.readouterr() == ("", "")


def test_tiffs_of_others_are_seen_as_such():
    from PIL import Image

    for mode in ("L", "I;16", "F", "1"):
        for compression in (None, "tiff_adobe_deflate", "tiff_lzw"):
            file = io.BytesIO()
            Image.new(mode, (9, 7)).save(file, "TIFF", compression=compression)
            assert FORMATS[".tif"].texts(file.getvalue()) == {}


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("suffix", [suffix for suffix in FORMATS if FORMATS[suffix].texts is not None])
def test_a_damaged_file_is_never_a_traceback(suffix, capfd):
    """Bytes that are changed, and whole stretches; what comes back is texts or None."""
    format_ = format_of(suffix)
    (data,) = format_.encode(SMOOTH, [Provenance(**{**vars(MADE), "quality": 95 if format_.lossy else None})])
    rng = np.random.default_rng(7)
    found = []
    for turn in range(1500):
        broken = bytearray(data)
        for _ in range(1 + turn % 3):
            place = int(rng.integers(len(data)))
            broken[place] ^= int(rng.integers(1, 256))
        if turn % 5 == 0:
            broken[place : place + 40] = rng.bytes(40)
        if turn % 7 == 0:
            del broken[int(rng.integers(len(broken))) :]
        found.append(format_.texts(bytes(broken)))
    assert None in found
    assert all(one is None or isinstance(one, dict) for one in found)
    assert capfd.readouterr() == ("", "")
