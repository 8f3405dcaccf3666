"""``cganx grid``, ``cganx inspect`` and ``cganx models``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from cganx import runtime
from cganx.runtime.testing import TINY


@pytest.fixture(autouse=True)
def _parts(part):
    part("click")


def test_a_sheet_has_a_row_a_class_and_a_column_a_seed(run, tmp_path, part):
    part("PIL")
    part("onnxruntime")
    from PIL import Image

    sizes = []
    for args in (["--seeds", "0-3"], ["--seeds", "0-3", "--class", "disc"], ["--seeds", "0-7", "--class", "disc"], []):
        done = run("grid", TINY, "-o", tmp_path / "deep/grid.png", *args)
        assert (done.exit_code, done.output) == (0, "")
        with Image.open(tmp_path / "deep/grid.png") as image:
            sizes.append(image.size)
            assert image.text == {"cganx.model": "tiny", "cganx.sha256": runtime.read(TINY).sha256}
    (both, one, twice, usual) = sizes
    assert both[1] > one[1]
    assert twice[0] > one[0]
    assert usual[0] > twice[0], "ten columns where nothing is said"


@pytest.mark.parametrize(("command", "out"), [("grid", "x.png"), ("walk", "x.gif"), ("explore", "x")])
def test_drawn_seeds_are_named_and_make_the_same_again(run, tmp_path, part, command, out):
    part("PIL")
    part("onnxruntime")
    extra = ["--frames", "2"] if command == "walk" else ["--sheet", "classes"] if command == "explore" else []
    done = run(command, TINY, "-o", tmp_path / "drawn" / out, "--count", "3", *extra)
    assert done.exit_code == 0, done.output
    seeds = done.stderr.split()[1].rstrip(",")
    first, last = map(int, seeds.split("-"))
    assert last - first == 2
    assert run(command, TINY, "-o", tmp_path / "again" / out, "--seeds", seeds, *extra).exit_code == 0
    made, again = (
        {path.name: path.read_bytes() for path in (tmp_path / place).rglob("*") if path.is_file()}
        for place in ("drawn", "again")
    )
    assert made == again
    done = run(command, TINY, "-o", tmp_path / "both" / out, "--count", "3", "--seeds", "1", *extra)
    assert (done.exit_code, "give one of them" in done.stderr) == (2, True)


def test_a_sheet_of_a_million_pictures_is_refused(run, tmp_path, part):
    part("PIL")
    part("onnxruntime")
    done = run("grid", TINY, "-o", tmp_path / "grid.png", "--seeds", "0-18446744073709551615")
    assert done.exit_code == 2
    assert "cganx generate" in done.stderr


def test_a_column_has_one_latent_and_the_ending_decides_the_format(run, tmp_path, part):
    part("PIL")
    part("onnxruntime")
    import numpy as np
    from PIL import Image

    for ending in ("png", "webp", "SVG"):
        done = run("grid", TINY, "-o", tmp_path / f"grid.{ending}", "--seeds", "3,9", "--scale", "2")
        assert (done.exit_code, done.output) == (0, "")
    sheets = []
    for ending in ("png", "webp"):
        with Image.open(tmp_path / f"grid.{ending}") as image:
            assert image.format == ending.upper()
            sheets.append(np.asarray(image.convert("RGB")))
    assert (sheets[0] == sheets[1]).all(), "WebP loses nothing"
    with Image.open(tmp_path / "grid.webp") as image:
        assert image.getexif()[270] == f"cganx.model=tiny; cganx.sha256={runtime.read(TINY).sha256}"
    generator = runtime.load(TINY, "cpu")
    for label in ("disc", "cross"):
        for seed in (3, 9):
            large = generator.generate(label, seed)[0].repeat(2, 0).repeat(2, 1)
            windows = np.lib.stride_tricks.sliding_window_view(sheets[0][:, :, 0], (32, 32))
            assert (windows == large[:, :, 0]).all((2, 3)).any()
    text = (tmp_path / "grid.SVG").read_text()
    assert text.count("<image ") == 4
    assert "<title>cross, 9</title>" in text


def test_a_sheet_has_one_of_three_formats_and_fits_in_it(run, tmp_path, part):
    part("PIL")
    part("onnxruntime")
    for name in ("grid.gif", "grid"):
        done = run("grid", TINY, "-o", tmp_path / name)
        assert done.exit_code == 2
        assert ".png, .webp, .svg" in done.stderr
    done = run("grid", TINY, "-o", tmp_path / "grid.webp", "--seeds", "0-300", "--class", "disc")
    assert done.exit_code == 1
    assert "16,383" in done.stderr
    assert not list(tmp_path.iterdir())


def test_grid_asks_where_to(run):
    assert run("grid", TINY).exit_code == 2


def test_inspect_shows_the_card(run):
    done = run("inspect", TINY)
    assert done.exit_code == 0
    assert "0 disc, 1 cross" in done.stdout
    assert "latent [batch, 8]" in done.stdout
    assert runtime.read(TINY).sha256 in done.stdout


def test_inspect_json_is_the_card_as_in_the_file(run):
    text = run("inspect", TINY, "--json").stdout.strip()
    assert text.encode() in TINY.read_bytes()
    assert json.loads(text)["classes"] == ["disc", "cross"]


def test_inspect_writes_a_sidecar(run, tmp_path):
    model = tmp_path / "mine.onnx"
    shutil.copy(TINY, model)
    assert run("inspect", model, "--sidecar").exit_code == 0
    assert json.loads((tmp_path / "mine.onnx.json").read_text())["name"] == "tiny"


def test_inspect_needs_no_onnxruntime():
    code = (
        "import sys; sys.modules['onnxruntime'] = sys.modules['PIL'] = None\nfrom cganx_cli.group import cganx\n"
        f"cganx(['inspect', {str(TINY)!r}, '--json'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_inspect_refuses_what_the_runtime_would(run, tmp_path):
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(TINY.read_bytes()[:-20])
    done = run("inspect", damaged)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert run("inspect", tmp_path / "none.onnx").exit_code == 1


def test_models_lists_what_is_bundled(run, monkeypatch, tmp_path):
    shutil.copy(TINY, tmp_path / "small.onnx")
    monkeypatch.setattr("cganx.runtime.generator.ZOO", tmp_path)
    (found,) = json.loads(run("models", "--json").stdout)
    assert found["name"] == "small"
    assert found["classes"] == ["disc", "cross"]
    assert found["bytes"] == TINY.stat().st_size
    assert "small: 2 classes, 16 x 16 x 1" in run("models").stdout
    assert "0 disc" in run("inspect", "small").stdout, "a bundled name is a MODEL"
