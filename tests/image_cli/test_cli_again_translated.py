"""``cganx again`` on pictures that ``cganx translate`` made of others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from translators import translator


@pytest.fixture(autouse=True)
def _parts(part) -> None:
    for name in ("click", "PIL", "onnxruntime", "onnx"):
        part(name)


@pytest.fixture
def turned(run, tmp_path):
    """What ``cganx translate`` makes of a picture of ``pixels`` by a generator that lies above it."""

    def call(kind: str, pixels: np.ndarray[Any, Any], *args: Any, suffix: str = ".png", picture: str = "a.png") -> Path:
        model = tmp_path / f"{kind}.onnx"
        model.write_bytes(translator(kind))
        saved(tmp_path / "in" / picture, pixels)
        done = run("translate", model, tmp_path / "in" / picture, "-o", tmp_path / f"out{suffix}", "--device", "cpu", *args)
        assert done.exit_code == 0, done.output
        return tmp_path / f"out{suffix}"

    return call


@pytest.fixture
def again(run):
    """The outcome of ``cganx again`` of one picture, and the exit code."""

    def call(*args: Any) -> tuple[dict[str, Any], int]:
        done = run("again", "--device", "cpu", "--json", *args)
        (found,) = json.loads(done.stdout)
        return found, done.exit_code

    return call


def drawn(channels: int = 3, height: int = 12, width: int = 20) -> np.ndarray[Any, Any]:
    return np.random.default_rng(channels).integers(0, 256, (height, width, channels), np.uint8)


def saved(path: Path, pixels: np.ndarray[Any, Any]) -> Path:
    from PIL import Image

    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize(
    ("kind", "args"),
    [("local", ("--tile", "32")), ("four-times", ()), ("styled", ("--style", "ink=0.7,wash=0.3")), ("noisy", ("--seed", "3"))],
)
def test_it_is_equal_alpha_and_all(turned, again, tmp_path, kind, args) -> None:
    picture = turned(kind, drawn(4), *args)
    found, code = again(picture, "--source", tmp_path / "in", "-o", tmp_path / "copy.png")
    assert (found["verdict"], code) == ("equal", 0), found
    assert found["said"].startswith("a.png, ")
    assert (tmp_path / "copy.png").read_bytes() == picture.read_bytes()


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".tiff"])
def test_of_another_format_too_by_its_own_quality(turned, again, tmp_path, suffix) -> None:
    quality = () if suffix == ".tiff" else ("--quality", "35")
    found, code = again(turned("local", drawn(), *quality, suffix=suffix), "--source", tmp_path / "in" / "a.png")
    assert (found["verdict"], code) == ("equal", 0), found


@pytest.mark.parametrize(("suffix", "name"), [(".jpg", "b.jfif"), (".png", "b.JPG"), (".webp", "b"), (".png", "b.npy")])
def test_its_name_does_not_tell_its_format(turned, again, tmp_path, suffix, name) -> None:
    renamed = turned("local", drawn(), suffix=suffix).rename(tmp_path / name)
    found, code = again(renamed, "--source", tmp_path / "in", "-o", tmp_path / "copy.png")
    assert (found["verdict"], code) == ("equal", 0), found


def test_its_source_may_lie_beside_it(turned, again, tmp_path) -> None:
    picture = turned("local", drawn())
    (tmp_path / "below").mkdir()
    moved = shutil.move(picture, tmp_path / "below" / "made.png")
    found, code = again(moved)
    assert (found["verdict"], code) == ("not made", 1)
    assert found["said"] == f"it was made of a.png with the hash {found['source_sha256'][:12]}, " + (
        "which nothing beside it has: name the file or its folder by --source"
    )
    shutil.move(tmp_path / "in" / "a.png", tmp_path / "a.png")
    assert again(moved)[0]["verdict"] == "equal"
    saved(tmp_path / "a.png", drawn()[::-1])
    assert again(moved)[0]["verdict"] == "not made"
    found, _ = again(moved, "--source", tmp_path / "a.png")
    assert found["said"].endswith("which no file of --source has")


def test_a_source_that_is_not_there_is_said_at_once(turned, run, tmp_path) -> None:
    done = run("again", turned("local", drawn()), "--source", tmp_path / "none")
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"there is no {tmp_path / 'none'}" in done.stderr


def test_a_mask_is_found_by_its_hash(turned, again, tmp_path) -> None:
    mask = saved(tmp_path / "holes.png", np.where(np.arange(240).reshape(12, 20) % 3, 0, 255).astype(np.uint8))
    picture = turned("filler", drawn(), "--mask", mask)
    for sources in (["--source", tmp_path / "in", "--source", mask], ["--source", tmp_path / "in"]):  # it lies beside it
        found, code = again(picture, *sources)
        assert (found["verdict"], code) == ("equal", 0), found
    mask.unlink()
    assert "its mask has the hash" in again(picture, "--source", tmp_path / "in")[0]["said"]
    alpha = turned("filler", drawn(4), "--mask-alpha", suffix=".webp", picture="b.png")
    assert again(alpha, "--source", tmp_path / "in")[0]["verdict"] == "equal"


def test_a_changed_picture_is_told_how_far_it_is(turned, again, tmp_path) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    picture = turned("local", drawn())
    info = PngInfo()
    with Image.open(picture) as image:
        for key, text in image.info.items():
            info.add_text(key, text)
        pixels = np.asarray(image).copy()
    pixels[3, 4] ^= 64
    Image.fromarray(pixels).save(picture, pnginfo=info)
    found, code = again(picture, "--source", tmp_path / "in")
    assert (found["verdict"], found["differing"], found["most"], code) == ("different", 3, 64, 1)
    Image.fromarray(pixels[:8]).save(picture, pnginfo=info)
    found, code = again(picture, "--source", tmp_path / "in")
    assert (found["verdict"], code) == ("different", 1)
    assert "it is 20 x 8, and what is made of a.png is 20 x 12" in found["said"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cganx.source_sha256": "../etc"}, "not by a name and a hash"),
        ({"cganx.source": None}, "not by a name and a hash"),
        ({"cganx.mask": "all"}, "neither alpha nor a hash"),
        ({"cganx.tile": "0"}, "no number from 1 to 65,536"),
        ({"cganx.quality": "many"}, "no number from 1 to 100"),
        ({"cganx.label": "ink"}, "local has no classes"),
        ({"cganx.mask": "alpha"}, "mask"),
        ({"cganx.mirror": "horizontal"}, "which such a picture has not"),
        ({"cganx.source": "x" * 300}, None),
        ({"cganx.source": "../../a.png"}, None),
    ],
)
def test_what_it_says_may_be_wrong(turned, again, tmp_path, changed, said) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    picture = turned("local", drawn())
    info = PngInfo()
    with Image.open(picture) as image:
        for key, text in {**image.info, **changed}.items():
            if text is not None:
                info.add_text(key, text)
        image.save(picture, pnginfo=info)
    found, code = again(picture, "--source", tmp_path / "in")
    assert (found["verdict"], code) == (("equal", 0) if said is None else ("not made", 1)), found
    assert said is None or said in found["said"]


def test_without_its_seed_a_noisy_one_is_not_made(turned, again, tmp_path) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    picture = turned("noisy", drawn(), "--seed", "3")
    info = PngInfo()
    with Image.open(picture) as image:
        for key, text in image.info.items():
            if key != "cganx.seed":
                info.add_text(key, text)
        image.save(picture, pnginfo=info)
    found, code = again(picture, "--source", tmp_path / "in")
    assert (found["verdict"], found["said"], code) == ("not made", "it names no seed, and noisy takes noise", 1)


def test_half_a_character_stops_nobody(turned, run, tmp_path) -> None:
    from PIL import Image

    picture, exif = turned("local", drawn()), Image.Exif()
    exif[270] = json.dumps({"cganx.sha256": "0", "cganx.source": "\ud800", "cganx.source_sha256": 64 * "0"})
    Image.fromarray(drawn()).save(tmp_path / "half.jpg", exif=exif)
    done = run("again", "--json", tmp_path / "half.jpg", picture, "--source", tmp_path / "in")
    assert [one["verdict"] for one in json.loads(done.stdout)] == ["not made", "equal"]
