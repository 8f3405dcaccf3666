"""cganx translate: people's own pictures, as they come."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from translators import KINDS, translator

from cganx import runtime

Array = np.ndarray[Any, Any]


@pytest.fixture(autouse=True)
def _parts(part) -> None:
    for name in ("click", "PIL", "onnxruntime", "onnx"):
        part(name)


@pytest.fixture(scope="module")
def models(part, tmp_path_factory) -> dict[str, Path]:
    part("onnx")
    folder = tmp_path_factory.mktemp("models")
    made = {kind: folder / f"{kind}.onnx" for kind in KINDS}
    for kind, path in made.items():
        path.write_bytes(translator(kind))
    return made


@pytest.fixture
def turned(run, models):
    """Runs the command; its result, with the exit code that was expected."""

    def call(kind: str, *args: Any, code: int = 0) -> Any:
        done = run("translate", models[kind], "--device", "cpu", *args)
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        return done

    return call


def drawn(height: int = 12, width: int = 20, channels: int = 3, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def saved(path: Path, pixels: Array | None = None, **options: Any) -> Path:
    from PIL import Image

    pixels = drawn() if pixels is None else pixels
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(path, **options)
    return path


def pixels_of(data: Path | bytes) -> Array:
    from PIL import Image

    with Image.open(io.BytesIO(data) if isinstance(data, bytes) else data) as image:
        found = np.asarray(image)
    return found if found.ndim == 3 else found[:, :, None]


def expected(models: dict[str, Path], kind: str, pixels: Array, **options: Any) -> Array:
    return runtime.load(models[kind], "cpu").translate(pixels[None], **options)[0]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ----------------------------------------------------------------------------------------------------------------------
# Where they lie


def test_a_file_becomes_what_the_runtime_makes_and_says_of_what(turned, models, tmp_path) -> None:
    from cganx_cli.png import png_texts

    source = saved(tmp_path / "a.png")
    turned("local", source, "-o", tmp_path / "out")
    assert pixels_of(tmp_path / "out" / "a.png").tobytes() == expected(models, "local", drawn()).tobytes()
    texts = png_texts((tmp_path / "out" / "a.png").read_bytes())
    assert texts is not None
    assert texts["cganx.model"] == "local"
    assert texts["cganx.source"] == "a.png"
    assert len(texts["cganx.source_sha256"]) == 64
    assert "cganx.seed" not in texts


def test_a_folders_layout_is_kept_and_the_target_inside_it_is_no_source(turned, tmp_path) -> None:
    folder = tmp_path / "in"
    saved(folder / "a.png")
    saved(folder / "below" / "deep" / "b.jpg", drawn(9, 7))
    (folder / "notes.txt").write_text("no picture")
    for _ in range(2):
        turned("four-times", folder, "-o", folder / "out", "--existing", "skip")
    assert set(contents(folder / "out")) == {"a.png", "below/deep/b.jpg"}
    assert pixels_of(folder / "out" / "below" / "deep" / "b.jpg").shape == (36, 28, 3)


def test_globs_of_which_each_picture_is_turned_once(turned, tmp_path) -> None:
    for name in ("a.png", "b.png", "c.jpg"):
        saved(tmp_path / name)
    done = turned("brighter", tmp_path / "a.png", tmp_path / "*.png", "-o", tmp_path / "out", "--json")
    assert set(contents(tmp_path / "out")) == {"a.png", "b.png"}
    summary = json.loads(done.stdout)
    assert (summary["written"], summary["skipped"], summary["failed"]) == (2, 0, 0)
    turned("brighter", tmp_path / "a.png", tmp_path / "a.*", "-o", tmp_path / "once")
    assert set(contents(tmp_path / "once")) == {"a.png"}
    assert "there is no picture" in turned("brighter", tmp_path / "*.webp", "-o", tmp_path / "none", code=1).stderr


def test_stdin_to_stdout(models, tmp_path) -> None:
    from click.testing import CliRunner

    from cganx_cli.group import cganx

    data = saved(tmp_path / "a.png").read_bytes()
    words = ["translate", str(models["brighter"]), "-", "-o", "-", "--device", "cpu"]
    done = CliRunner().invoke(cganx, words, input=data)
    assert done.exit_code == 0, done.stderr
    assert pixels_of(done.stdout_bytes).tobytes() == expected(models, "brighter", drawn()).tobytes()
    broken = CliRunner().invoke(cganx, words, input=b"no picture")
    assert broken.exit_code == 1
    assert broken.stdout_bytes == b""
    assert broken.stderr.startswith("Error: stdin: not a picture")


def test_a_file_may_be_named_and_says_its_format(turned, models, tmp_path) -> None:
    source = saved(tmp_path / "a.png")
    turned("brighter", source, "-o", tmp_path / "new" / "b.tif")
    assert pixels_of(tmp_path / "new" / "b.tif").tobytes() == expected(models, "brighter", drawn()).tobytes()
    assert "says its format" in turned("brighter", source, "-o", tmp_path / "c.png", "--format", "jpg", code=2).stderr


def test_what_is_made_never_takes_a_sources_place(turned, tmp_path) -> None:
    source = saved(tmp_path / "in" / "a.png")
    before = source.read_bytes()
    for out in (tmp_path / "in", source):
        done = turned("brighter", source, "-o", out, "--existing", "overwrite", code=2)
        assert "would be replaced by what is made of it" in done.stderr
    assert contents(tmp_path / "in") == {"a.png": before}


def test_two_pictures_of_one_name_are_refused_before_anything_is_made(turned, tmp_path) -> None:
    one, other = saved(tmp_path / "x" / "a.png"), saved(tmp_path / "y" / "A.png")
    assert "would both be" in turned("brighter", one, other, "-o", tmp_path / "out", code=2).stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_in_a_ring_end(turned, tmp_path) -> None:
    saved(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "ring").symlink_to(tmp_path / "in", target_is_directory=True)
    (tmp_path / "in" / "self.png").symlink_to("self.png")
    done = turned("brighter", tmp_path / "in", "-o", tmp_path / "out", code=1)
    assert "self.png: it cannot be read" in done.stderr or "self.png: there is no such file" in done.stderr
    assert set(contents(tmp_path / "out")) == {"a.png"}


# ----------------------------------------------------------------------------------------------------------------------
# What they are


@pytest.mark.parametrize("format_", ["png", "webp", "tif"])
@pytest.mark.parametrize("kind", ["brighter", "four-times"])
def test_alpha_is_kept_at_the_pictures_size(turned, models, tmp_path, kind, format_) -> None:
    pixels = drawn(channels=4)
    pixels[:, :10, 3], pixels[:, 10:, 3] = 0, 255
    turned(kind, saved(tmp_path / "a.png", pixels), "-o", tmp_path / "out", "--format", format_)
    made, scale = pixels_of(tmp_path / "out" / f"a.{format_}"), KINDS[kind].scale
    assert made.shape == (12 * scale, 20 * scale, 4)
    assert (made[:, : 8 * scale, 3] == 0).all()
    assert (made[:, 12 * scale :, 3] == 255).all()
    if format_ == "png":
        assert made[:, :, :3].tobytes() == expected(models, kind, pixels[:, :, :3]).tobytes()


def test_jpeg_holds_no_alpha_and_has_the_picture_on_white(turned, tmp_path) -> None:
    pixels = np.zeros((16, 16, 4), np.uint8)
    turned("brighter", saved(tmp_path / "a.png", pixels), "-o", tmp_path / "out", "--format", "jpg")
    assert pixels_of(tmp_path / "out" / "a.jpg").min() >= 254


def test_a_large_png_is_whole_and_skipped_too(turned, models, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("cganx_cli.sources.LARGE", 100)
    source = saved(tmp_path / "a.png")
    turned("brighter", source, "-o", tmp_path / "out")
    assert pixels_of(tmp_path / "out" / "a.png").tobytes() == expected(models, "brighter", drawn()).tobytes()
    again = turned("brighter", source, "-o", tmp_path / "out", "--existing", "skip", "--json")
    assert json.loads(again.stdout)["skipped"] == 1


def test_exifs_orientation_is_applied(turned, models, tmp_path) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to the right
    turned("brighter", saved(tmp_path / "a.png", exif=exif), "-o", tmp_path / "out")
    upright = np.ascontiguousarray(np.rot90(drawn(), -1))
    made = tmp_path / "out" / "a.png"
    assert pixels_of(made).tobytes() == expected(models, "brighter", upright).tobytes()
    with Image.open(made) as image:
        assert 0x0112 not in image.getexif()


def _sixteen(path: Path) -> Array:
    from PIL import Image

    levels = drawn(channels=1)
    Image.fromarray(levels[:, :, 0].astype(np.uint16) * 257).save(path)
    return levels


def _cmyk(path: Path) -> Array:
    from PIL import Image

    with Image.fromarray(drawn()).convert("CMYK") as image:
        image.save(path)
        return np.asarray(image.convert("RGB"))


def _palette(path: Path) -> Array:
    from PIL import Image

    with Image.fromarray(drawn()).quantize(16) as image:
        image.save(path)
        return np.asarray(image.convert("RGB"))


def _animated(path: Path) -> Array:
    from PIL import Image

    frames = [Image.fromarray(np.full((12, 20, 3), level, np.uint8)) for level in (200, 10)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    return np.full((12, 20, 3), 200, np.uint8)


@pytest.mark.parametrize(
    ("name", "write"), [("a.png", _sixteen), ("a.tif", _cmyk), ("b.png", _palette), ("c.png", _animated), ("d.gif", _animated)]
)
def test_modes_that_are_not_eight_bit_colour(turned, models, tmp_path, name, write) -> None:
    pixels = write(tmp_path / name)
    turned("brighter", tmp_path / name, "-o", tmp_path / "out", "--format", "png")
    made = pixels_of(tmp_path / "out" / f"{Path(name).stem}.png")
    assert made.tobytes() == expected(models, "brighter", pixels).tobytes()


def _bomb(path: Path) -> None:
    from PIL import Image

    Image.new("1", (20_000, 20_000)).save(path)


BAD = {
    "text.png": (lambda path: path.write_text("no picture"), "not a picture"),
    "empty.png": (lambda path: path.write_bytes(b""), "it is empty"),
    "cut.png": (lambda path: path.write_bytes(saved(path, drawn(64, 64)).read_bytes()[:2000]), ""),
    "bomb.png": (_bomb, "a decompression bomb"),
}


def test_what_cannot_be_read_is_named_and_the_others_go_on(turned, tmp_path) -> None:
    folder = tmp_path / "in"
    saved(folder / "good.png")
    saved(folder / "pixel.png", drawn(1, 1))
    saved(folder / "folder.png" / "inner.png", drawn(3, 40))
    for name, (write, _) in BAD.items():
        write(folder / name)
    done = turned("local", folder, "-o", tmp_path / "out", "--json", code=1)
    assert set(contents(tmp_path / "out")) == {"good.png", "pixel.png", "folder.png/inner.png"}
    assert pixels_of(tmp_path / "out" / "pixel.png").shape == (1, 1, 3)
    lines = done.stderr.splitlines()
    for name, (_, said) in BAD.items():
        (line,) = [line for line in lines if line.startswith(str(folder / name))]
        assert said in line
    assert json.loads(done.stdout.splitlines()[0])["failed"] == len(BAD)
    assert "4 of 7 could not be turned" in lines[-1]


# ----------------------------------------------------------------------------------------------------------------------
# What is there already


def test_existing_files(turned, tmp_path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    saved(folder / "a.png")
    turned("brighter", folder, "-o", out)
    first = contents(out)
    saved(folder / "b.png", drawn(seed=1))
    assert "already there, nothing was written" in turned("brighter", folder, "-o", out, code=1).stderr
    assert contents(out) == first
    done = turned("brighter", folder, "-o", out, "--existing", "skip", "--json")
    assert (json.loads(done.stdout)["written"], json.loads(done.stdout)["skipped"]) == (1, 1)
    assert "of another picture, model or option" in turned("local", folder, "-o", out, "--existing", "skip", code=1).stderr
    assert contents(out)["a.png"] == first["a.png"]
    turned("local", folder, "-o", out, "--existing", "overwrite")
    assert contents(out)["a.png"] != first["a.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_killed_the_same_command_ends_with_the_same_bytes(turned, models, tmp_path) -> None:
    folder = tmp_path / "in"
    for number in range(8):
        saved(folder / f"{number % 2}" / f"{number}.png", drawn(seed=number))
    turned("brighter", folder, "-o", tmp_path / "whole")
    whole, out = contents(tmp_path / "whole"), tmp_path / "out"
    words = ["translate", str(models["brighter"]), str(folder), "-o", str(out), "--existing", "skip", "--device", "cpu"]
    done = subprocess.run([sys.executable, "-c", KILLED.format(words=words)], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    there = {name: data for name, data in contents(out).items() if ".cganx-" not in name}
    assert 0 < len(there) < 8
    assert there.items() <= whole.items()
    turned("brighter", folder, "-o", out, "--existing", "skip")
    assert contents(out) == whole


KILLED = """
import itertools, os, signal, sys
calls = itertools.count()
def hook(event, arguments):
    if event == "os.rename" and next(calls) == 6:
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
from cganx_cli.group import cganx
sys.argv = ["cganx", *{words!r}]
cganx()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
def test_ctrl_c_leaves_whole_files(run, models, tmp_path, monkeypatch) -> None:
    from cganx_cli.sinks import LocalSink

    folder, write = tmp_path / "in", LocalSink.write
    for number in range(4):
        saved(folder / f"{number}.png", drawn(seed=number))

    def written(self, name, data, *, new=False) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        write(self, name, data, new=new)

    monkeypatch.setattr(LocalSink, "write", written)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born ignoring it
    try:
        done = run("translate", models["brighter"], folder, "-o", tmp_path / "out", "--device", "cpu")
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.exit_code == 130
    assert set(contents(tmp_path / "out")) == {"0.png"}


# ----------------------------------------------------------------------------------------------------------------------
# What is asked for


def test_masks_by_file_folder_and_alpha(turned, models, tmp_path) -> None:
    pixels, mask = drawn(), np.zeros((12, 20), np.uint8)
    mask[3:6, 4:9] = 255
    source = saved(tmp_path / "in" / "a.png", pixels)
    saved(tmp_path / "mask.png", mask[:, :, None])
    saved(tmp_path / "in" / "masks" / "a.png", mask[:, :, None])
    clear = saved(tmp_path / "clear.png", np.dstack([pixels, 255 - mask]))
    wanted = expected(models, "filler", pixels, mask=mask[None]).tobytes()
    turned("filler", source, "--mask", tmp_path / "mask.png", "-o", tmp_path / "by-file")
    turned("filler", tmp_path / "in", "--mask", tmp_path / "in" / "masks", "-o", tmp_path / "by-folder")
    turned("filler", clear, "--mask-alpha", "-o", tmp_path / "by-alpha")
    assert set(contents(tmp_path / "by-folder")) == {"a.png"}
    for made in ("by-file/a.png", "by-folder/a.png", "by-alpha/clear.png"):
        assert pixels_of(tmp_path / made).tobytes() == wanted
    small = saved(tmp_path / "small.png", mask[:5, :, None])
    assert "its mask is 20 x 5, and it is 20 x 12" in turned("filler", source, "--mask", small, "-o", "x", code=1).stderr
    saved(tmp_path / "b.png")
    done = turned("filler", tmp_path / "b.png", "--mask", tmp_path / "in" / "masks", "-o", tmp_path / "x", code=1)
    assert "there is no mask" in done.stderr
    assert "give --mask or --mask-alpha" in turned("filler", source, "-o", tmp_path / "x", code=2).stderr
    assert "takes no mask" in turned("brighter", source, "--mask-alpha", "-o", tmp_path / "x", code=2).stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("said", "label"),
    [("ink", "Ink"), ("1", "wash"), ("ink=0.25,wash=0.75", {"Ink": 0.25, "wash": 0.75})],
)
def test_styles(turned, models, tmp_path, said, label) -> None:
    turned("styled", saved(tmp_path / "a.png"), "--style", said, "-o", tmp_path / "out")
    assert pixels_of(tmp_path / "out" / "a.png").tobytes() == expected(models, "styled", drawn(), label=label).tobytes()


def test_a_style_that_is_not_there(turned, tmp_path) -> None:
    source = saved(tmp_path / "a.png")
    assert "Did you mean 'wash'?" in turned("styled", source, "--style", "wsh", "-o", tmp_path / "out", code=2).stderr
    assert "say --style Ink" in turned("styled", source, "-o", tmp_path / "out", code=2).stderr
    assert "no classes" in turned("brighter", source, "--style", "ink", "-o", tmp_path / "out", code=2).stderr
    assert not (tmp_path / "out").exists()


def test_tiles(turned, models, tmp_path) -> None:
    source = saved(tmp_path / "a.png", drawn(90, 70))
    turned("local", source, "-o", tmp_path / "out", "--tile", 40)
    wanted = expected(models, "local", drawn(90, 70), tile=40)
    assert pixels_of(tmp_path / "out" / "a.png").tobytes() == wanted.tobytes()
    assert "tile is 1, and this generator needs" in turned("local", source, "-o", tmp_path / "x", "--tile", 1, code=1).stderr


def test_a_seed_is_for_noise_and_named_when_drawn(turned, models, tmp_path) -> None:
    source = saved(tmp_path / "a.png")
    turned("noisy", source, "-o", tmp_path / "out", "--seed", 7)
    assert pixels_of(tmp_path / "out" / "a.png").tobytes() == expected(models, "noisy", drawn(), seeds=7).tobytes()
    done = turned("noisy", source, "-o", tmp_path / "drawn", "--json")
    seed = json.loads(done.stdout)["seed"]
    assert f"--seed {seed} makes the same again" in done.stderr
    turned("noisy", source, "-o", tmp_path / "again", "--seed", seed)
    assert contents(tmp_path / "again") == contents(tmp_path / "drawn")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("-o", "-", "--json"), "leave --json out"),
        (("-o", "out", "--format", "pgn"), "did you mean .png?"),
        (("-o", "out", "--quality", "9"), "--quality is for JPEG"),
        (("-o", "out", "--existing", "skip", "--format", "npy"), "--existing skip needs files that say"),
        (("-o", "out", "--mask", "nowhere.png"), "does not exist"),
    ],
)
def test_calls_that_are_wrong(turned, tmp_path, monkeypatch, args, said) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in turned("brighter", saved(tmp_path / "a.png"), *args, code=2).stderr
    assert not (tmp_path / "out").exists()


def test_each_command_names_the_other_for_a_file_of_the_others_kind(run, models, tmp_path) -> None:
    source = saved(tmp_path / "a.png")
    done = run("translate", "fashion", source, "-o", tmp_path / "out")
    assert (done.exit_code, "cganx generate is its command" in done.stderr) == (1, True)
    for seeds in (["--seeds", "0"], []):
        done = run("generate", models["brighter"], *seeds, "-o", tmp_path / "out")
        assert (done.exit_code, "cganx translate" in done.stderr, "drawn" in done.stderr) == (1, True, False)
    assert not (tmp_path / "out").exists()


# ----------------------------------------------------------------------------------------------------------------------
# The other commands on such files


def test_inspect_shows_open_sizes_by_name(run, models) -> None:
    shown = run("inspect", models["four-times"]).stdout
    assert "image [batch, 3, height*4, width*4], pixels [batch, height*4, width*4, 3]" in shown
    assert "any size, 3 channels, made 4 times as large; a result depends on 3 pixels around a place" in shown


def test_check_turns_made_up_sources(run, models) -> None:
    done = run("check", models["styled"], "--json", "--device", "cpu")
    assert done.exit_code == 0, done.output
    found = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    assert {name for name, one in found.items() if one["verdict"] == "skipped"} == {"latents"}
    assert "from source to source" in found["seeds"]["said"]


def test_check_finds_styles_that_are_one_and_results_of_one_colour(run, tmp_path) -> None:
    def blind(model: Any) -> None:
        for constant in model.graph.initializer:
            if list(constant.dims) == [2, 3]:
                constant.raw_data = bytes(len(constant.raw_data))

    def grey(model: Any) -> None:
        for constant in model.graph.initializer:
            if constant.name == "c0":
                constant.raw_data = bytes(len(constant.raw_data))

    for kind, change, failing in (("styled", blind, {"classes"}), ("brighter", grey, {"colours", "seeds"})):
        path = tmp_path / f"{kind}.onnx"
        path.write_bytes(translator(kind, change=change))
        done = run("check", path, "--json", "--device", "cpu")
        assert done.exit_code == 1
        assert {one["name"] for one in json.loads(done.stdout)["checks"] if one["verdict"] == "failed"} == failing


def test_bench_measures_such_files(run, models) -> None:
    args = ("--rounds", 1, "--seconds", 0.01, "--threads", 1, "--batch-sizes", 2, "--device", "cpu", "--json")
    done = run("bench", models["filler"], *args)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["model"]["rows"][0]["pictures_per_second"]["median"] > 0
