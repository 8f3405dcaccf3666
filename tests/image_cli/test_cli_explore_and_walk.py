"""``cganx explore`` and ``cganx walk``."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cganx import latent
from cganx.card import Latent
from cganx.runtime.testing import TINY, tiny


@pytest.fixture(autouse=True)
def _parts(part):
    for name in ("click", "PIL", "onnxruntime"):
        part(name)


@pytest.fixture
def saved(tmp_path):
    """A picture of the tiny generator, as a file."""
    from PIL import Image

    Image.fromarray(tiny().generate("disc", 5)[0, :, :, 0]).save(tmp_path / "disc.png")
    return tmp_path / "disc.png"


def test_all_sheets_that_the_generator_has_and_why_not_the_others(run, tmp_path):
    from PIL import Image

    done = run("explore", TINY, "-o", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert set(said["left_out"]) == {"blocks-10", "blocks-20", "codes"}
    assert "8 entries" in said["left_out"]["blocks-10"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"{name}.png" for name in said["sheets"]} | {"index.html"}
    page = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    for name in said["sheets"]:
        assert f'src="{name}.png"' in page
        with Image.open(tmp_path / f"out/{name}.png") as image:
            assert image.text["cganx.model"] == "tiny"
    assert "http" not in page


def test_the_same_latent_is_down_a_column(run, tmp_path):
    from PIL import Image

    assert run("explore", TINY, "-o", tmp_path, "--sheet", "classes", "--seeds", "3-4", "--scale", "1").exit_code == 0
    with Image.open(tmp_path / "classes.png") as image:
        shown = np.asarray(image.convert("L"))
    generator = tiny()
    for label in generator.card.classes:
        for seed in (3, 4):
            picture = generator.generate(label, seed)[0, :, :, 0]
            windows = np.lib.stride_tricks.sliding_window_view(shown, picture.shape)
            assert (windows == picture).all(axis=(2, 3)).sum() == 1


def test_the_nearest_picture_is_of_its_class_and_its_point_is_kept(run, tmp_path, saved):
    done = run("explore", TINY, "-o", tmp_path / "out", "--sheet", "picture", "--picture", saved)
    assert done.exit_code == 0, done.output
    assert "The nearest picture is 0.0" in done.stderr
    assert done.stderr.rstrip().endswith("disc")
    (first, *_) = json.loads((tmp_path / "out/picture.json").read_text())
    made = tiny().generate(first["label"], latents=np.array([first["latent"]], np.float32))[0]
    wanted = tiny().generate("disc", 5)[0]
    assert np.sqrt(np.mean((made / 255.0 - wanted / 255.0) ** 2)) == pytest.approx(first["distance"], abs=1e-4)


def test_a_picture_of_another_size_is_taken_with_a_sentence(run, tmp_path):
    from PIL import Image

    Image.new("RGB", (40, 30), "white").save(tmp_path / "big.png")
    done = run("explore", TINY, "-o", tmp_path / "out", "--sheet", "picture", "--picture", tmp_path / "big.png")
    assert done.exit_code == 0, done.output
    assert "big.png is 40 x 30 pixels: its middle, resized to 16 x 16, is searched for." in done.stderr
    (tmp_path / "no.png").write_bytes(b"no picture")
    done = run("explore", TINY, "-o", tmp_path / "out", "--sheet", "picture", "--picture", tmp_path / "no.png")
    assert done.exit_code == 1
    assert "no.png cannot be used" in done.stderr


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (["--class", "square"], 2, "square"),
        (["--seeds", "3"], 2, "sheets are of 2 to 40 seeds"),
        (["--seeds", "0-99"], 2, "sheets are of 2 to 40 seeds"),
        (["--sheet", "picture"], 2, "say --picture FILE"),
        (["--sheet", "codes"], 1, "no continuous codes"),
        (["--sheet", "nothing"], 2, "'nothing' is not one of"),
        (["--group", "a=9-1"], 2, "--group"),
        (["--group", "a=0-3", "--sheet", "arithmetic"], 1, "needs two groups"),
    ],
)
def test_explore_refuses(run, tmp_path, given, code, said):
    done = run("explore", TINY, "-o", tmp_path / "out", *given)
    assert done.exit_code == code
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_latents_of_sheets_are_truncated(run, make, tmp_path):
    from PIL import Image

    args = ("--sheet", "classes", "--seeds", "3-4", "--scale", "1", "--truncation", "0.5")
    assert run("explore", TINY, "-o", tmp_path, *args).exit_code == 0
    picture = tiny().generate("disc", 3, truncation=0.5)[0, :, :, 0]
    with Image.open(tmp_path / "classes.png") as image:
        shown = np.asarray(image.convert("L"))
        assert image.text["cganx.truncation"] == "0.5"
    windows = np.lib.stride_tricks.sliding_window_view(shown, picture.shape)
    assert (windows == picture).all(axis=(2, 3)).sum() == 1
    (tmp_path / "even.onnx").write_bytes(make(latent=Latent(size=8, distribution="uniform")))
    done = run("explore", tmp_path / "even.onnx", "-o", tmp_path / "out", *args)
    assert (done.exit_code, "truncation needs a normal latent" in done.stderr) == (1, True)
    assert not (tmp_path / "out").exists()


def test_a_file_without_latents_has_no_sheets(run, tmp_path, part):
    part("onnx")
    from translators import translator

    (tmp_path / "brighter.onnx").write_bytes(translator("brighter"))
    for given in ([], ["--sheet", "classes"]):
        done = run("explore", tmp_path / "brighter.onnx", "-o", tmp_path / "out", *given)
        assert done.exit_code == 1
        assert done.stderr == "Error: brighter takes no latent: it has no latent space to move in\n"
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "frames", "size"),
    [
        (["--through", "seeds", "--seeds", "0-2"], 12, (68, 32)),
        (["--through", "classes", "--seeds", "0-1"], 8, (68, 32)),
        (["--through", "directions", "--direction", "1", "--class", "disc"], 16, (32, 32)),
        (["--through", "truncation", "--class", "disc", "--once"], 69, (32, 32)),
    ],
)
def test_walks(run, tmp_path, given, frames, size):
    from PIL import Image

    done = run("walk", TINY, "-o", tmp_path / "walk.apng", "--frames", "4", "--scale", "2", *given)
    assert (done.exit_code, done.output) == (0, "")
    with Image.open(tmp_path / "walk.apng") as image:
        assert image.n_frames == frames
        assert image.size == size


def test_the_first_frame_is_what_generate_makes(run, tmp_path):
    from PIL import Image

    given = ["--class", "disc", "--seeds", "4,9", "--frames", "2", "--scale", "1"]
    assert run("walk", TINY, "-o", tmp_path / "a.apng", *given).exit_code == 0
    with Image.open(tmp_path / "a.apng") as image:
        assert image.n_frames == 4
        assert image.text["cganx.sha256"] == tiny().sha256
        for frame, seed in ((0, 4), (2, 9)):
            image.seek(frame)
            np.testing.assert_array_equal(np.asarray(image.convert("L")), tiny().generate("disc", seed)[0, :, :, 0])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["-o", "a.avi"], "ends in .avi; animations are"),
        (["-o", "a.gif", "--fps", "60"], "at most 50 frames a second"),
        (["-o", "a.gif", "--seeds", "0"], "at least two stops"),
        (["-o", "a.gif", "--through", "codes"], "no codes to walk through"),
        (["-o", "a.gif", "--through", "classes", "--class", "disc"], "at least two stops"),
        (["-o", "a.gif", "--through", "directions", "--direction", "99"], "1 to 8 directions"),
        (["-o", "a.gif", "--through", "classes", "--seeds", "0-999"], "more than 400"),
        (["-o", "a.gif", "--class", "square"], "square"),
        (["-o", "a.gif", "--direction", "0"], "counted from 1"),
    ],
)
def test_walk_refuses_and_leaves_nothing(run, tmp_path, monkeypatch, given, said):
    monkeypatch.chdir(tmp_path)
    done = run("walk", TINY, *given)
    assert done.exit_code in (1, 2)
    assert said in done.stderr
    assert not list(tmp_path.iterdir())


def test_mp4_without_its_part_says_what_to_install(run, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    done = run("walk", TINY, "-o", tmp_path / "a.mp4")
    assert done.exit_code in (1, 2)
    assert "pip install" in done.stderr
    assert "video" in done.stderr
    assert not list(tmp_path.iterdir())


def test_every_ending_that_the_help_names_is_written(run):
    text = run("walk", "--help").output
    assert all(ending in text for ending in latent.FORMATS)
