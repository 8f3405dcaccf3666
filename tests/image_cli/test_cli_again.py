"""``cganx again``: pictures that say what made them, in each place that a format has, and pictures that do not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cganx import runtime
from cganx.runtime.testing import TINY

SHA = "b88772552f55778492eededc2a1c3b8d90d00bc6930464c4872dd4854e809fd0"


@pytest.fixture(autouse=True)
def _parts(part):
    for name in ("click", "PIL", "onnxruntime"):
        part(name)


@pytest.fixture
def made(run, tmp_path):
    """``cganx generate`` with the tiny generator beside its file; the pictures."""

    def make(*args):
        model = shutil.copy(TINY, tmp_path / "tiny.onnx")
        done = run("generate", model, "-o", tmp_path / "out", *args)
        assert done.exit_code == 0, done.output
        return sorted((tmp_path / "out").rglob("*.png"))

    return make


@pytest.fixture
def again(run):
    """The outcomes of ``cganx again --json``, by picture, and its exit code."""

    def call(*args):
        done = run("again", "--json", *args)
        return {Path(one["picture"]).name: one for one in json.loads(done.stdout)}, done.exit_code

    return call


def saved(path, pixels, **how):
    from PIL import Image

    Image.fromarray(pixels).save(path, **how)
    return path


def pixels_of(path):
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image)


def about(**more):
    return {"cganx.model": "tiny", "cganx.sha256": SHA, "cganx.label": "cross", "cganx.seed": "7", **more}


def exif(text, comment=None):
    from PIL import Image

    found = Image.Exif()
    found[270] = text
    if comment is not None:
        found.get_ifd(0x8769)[0x9286] = comment
    return found


def cross(seed=7):
    return runtime.load(TINY, "cpu").generate("cross", seed)[0][:, :, 0]


@pytest.mark.parametrize("args", [["--seeds", "0-1"], ["--class", "disc=0.3,cross=0.7", "--seeds", "18446744073709551615"]])
def test_what_generate_wrote_is_equal(made, again, args):
    pictures = made(*args)
    found, code = again(*pictures)
    assert code == 0
    assert {one["verdict"] for one in found.values()} == {"equal"}
    assert {one["differing"] for one in found.values()} == {0}


def test_a_truncated_one_is_made_with_its_truncation(made, run):
    (picture,) = made("--class", "disc", "--seeds", "3", "--truncation", "0.3")
    assert (pixels_of(picture) != runtime.load(TINY, "cpu").generate("disc", 3)[0][:, :, 0]).any()
    done = run("again", picture)
    assert (done.exit_code, done.stdout) == (0, f"{picture}: equal: disc, seed 3, by tiny\n")


def test_codes_and_attributes_are_set_again(run, make, tmp_path):
    coded, several = tmp_path / "coded.onnx", tmp_path / "several.onnx"
    coded.write_bytes(make(codes=("continuous-0", "continuous-1")))
    several.write_bytes(make(kind="attributes"))
    run("generate", coded, "--code", "continuous-1=1.5", "--seeds", "4", "-o", tmp_path / "codes")
    run("generate", several, "--seeds", "4", "-o", tmp_path / "attributes")
    pictures = [*(tmp_path / "codes").rglob("*.png"), *(tmp_path / "attributes").rglob("*.png")]
    done = run("again", "--json", *pictures)
    assert len(pictures) > 4
    assert {one["verdict"] for one in json.loads(done.stdout)} == {"equal"}
    assert {one["code"] for one in json.loads(done.stdout)} == {"continuous-1=1.5", None}


@pytest.mark.parametrize(
    ("suffix", "how"),
    [
        ("tiff", {"exif": lambda: exif(json.dumps(about()))}),
        ("webp", {"exif": lambda: exif("; ".join(f"{key}={text}" for key, text in about().items())), "lossless": True}),
        ("webp", {"exif": lambda: exif("", b"UNICODE\0" + json.dumps(about()).encode("utf-16")), "lossless": True}),
        (
            "webp",
            {
                "xmp": lambda: (
                    f'<rdf:Description cganx:model="tiny" cganx:sha256="{SHA}" cganx:seed="7"><cganx:label>cross</cganx:label>'
                ).encode(),
                "lossless": True,
            },
        ),
    ],
)
def test_exif_and_xmp_are_read_too(again, tmp_path, suffix, how):
    shutil.copy(TINY, tmp_path / "other-name.onnx")
    how = {key: value() if callable(value) else value for key, value in how.items()}
    found, code = again(saved(tmp_path / f"a.{suffix}", cross(), **how))
    assert (code, found[f"a.{suffix}"]["verdict"]) == (0, "equal"), found


def test_a_jpeg_is_close_and_another_seed_s_is_not(again, tmp_path):
    shutil.copy(TINY, tmp_path / "tiny.onnx")
    text = exif(json.dumps(about()))
    saved(tmp_path / "same.jpg", cross(), exif=text, quality=90)
    saved(tmp_path / "other.jpg", 255 - cross(), exif=text, quality=90)
    found, code = again(tmp_path / "same.jpg", tmp_path / "other.jpg")
    assert code == 1
    assert (found["same.jpg"]["verdict"], found["other.jpg"]["verdict"]) == ("close", "different")
    assert 0 < found["same.jpg"]["rms"] < 16 < found["other.jpg"]["rms"]


def test_a_changed_picture_is_told_how_far_it_is(run, made, again):
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    (picture,) = made("--class", "cross", "--seeds", "7")
    info = PngInfo()
    for key, text in about().items():
        info.add_text(key, text)
    one, large = cross().copy(), np.kron(cross(), np.ones((2, 2), np.uint8))
    one[3, 4] ^= 128
    saved(picture, one, pnginfo=info)
    found, code = again(picture)
    assert (code, found["7.png"]["verdict"]) == (1, "different")
    assert (found["7.png"]["differing"], found["7.png"]["most"]) == (1, 128)
    one[3, 4] ^= 129
    saved(picture, one, pnginfo=info)
    assert "another machine" in run("again", picture).stdout
    info.add_text("cganx.tint", "red")
    Image.fromarray(large).save(picture, pnginfo=info)
    said = run("again", picture).stdout
    assert "32 x 32" in said
    assert "tint" in said


def test_a_model_that_is_not_found_is_named_and_can_be_given(run, tmp_path, monkeypatch):
    from PIL import Image

    from cganx_cli.png import Provenance, write_png

    picture = tmp_path / "a.png"
    write_png(picture, Image.fromarray(cross()), Provenance("tiny", SHA, "cross", 7))
    done = run("again", picture)
    assert done.exit_code == 1
    assert SHA[:12] in done.stdout
    assert "--model" in done.stdout
    assert "--model has the hash" in run("again", picture, "--model", "fashion").stdout
    assert run("again", picture, "--model", TINY).exit_code == 0
    assert run("again", picture, "--model", tmp_path / "none.onnx").exit_code == 1
    (tmp_path / "models").mkdir()
    shutil.copy(TINY, tmp_path / "models" / "mine.onnx")
    monkeypatch.setenv("CGANX_MODELS", str(tmp_path / "models"))
    assert run("again", picture).exit_code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ({}, "does not say what made it"),
        (about(**{"cganx.seed": "-1"}), "cganx.seed"),
        (about(**{"cganx.seed": str(2**64)}), "cganx.seed"),
        (about(**{"cganx.truncation": "nan"}), "cganx.truncation"),
        (about(**{"cganx.mirror": "vertical"}), "cganx.mirror"),
        (about(**{"cganx.resize": "16x16 best"}), "cganx.resize"),
        (about(**{"cganx.resize": "99999x99999 box"}), "another size"),
        (about(**{"cganx.label": "crosss"}), "crosss"),
        (about(**{"cganx.code": "continuous-0=1"}), "no codes"),
        ({"cganx.sha256": SHA, "cganx.label": "cross"}, "no seed"),
        ({"cganx.sha256": SHA, "cganx.seed": "7"}, "no label"),
    ],
)
def test_what_cannot_be_made_again_is_one_sentence_each(run, tmp_path, text, said):
    shutil.copy(TINY, tmp_path / "tiny.onnx")
    picture = saved(tmp_path / "a.tiff", cross(), exif=exif(json.dumps(text)))
    done = run("again", picture)
    assert (done.exit_code, done.stderr) == (1, "")
    assert done.stdout.startswith(f"{picture}: not made: ")
    assert said in done.stdout
    assert done.stdout.count("\n") == 1


def test_mirrored_and_resized_pictures_are_made_again_as_they_are(again, made, run, tmp_path):
    pictures = made("--seeds", "0-7", "--mirror", "random", "--resize", "24x20", "--filter", "bicubic")
    mirrored = [path for path in pictures if b"cganx.mirror" in path.read_bytes()]
    assert 0 < len(mirrored) < len(pictures)
    found, code = again(*pictures)
    assert code == 0
    assert {one["verdict"] for one in found.values()} == {"equal"}
    assert run("again", *pictures, "-o", tmp_path / "copy").exit_code == 0
    for path in pictures:
        assert (tmp_path / "copy" / path.parent.name / path.name).read_bytes() == path.read_bytes()


def test_an_npz_is_read_by_its_arrays(run, made, again, tmp_path):
    made("--seeds", "0-3", "--mirror", "random", "--resize", "24x20", "--name", "{class}-{seed}.npz")
    pictures = sorted((tmp_path / "out").glob("*.npz"))
    found, code = again(*pictures)
    assert (code, len(found)) == (0, 8)
    assert {one["verdict"] for one in found.values()} == {"equal"}
    assert {one["seed"] for one in found.values()} == {0, 1, 2, 3}
    arrays = dict(np.load(pictures[0]))
    np.savez(pictures[0], **arrays | {"pixels": 255 - arrays["pixels"]})
    assert again(pictures[0])[0][pictures[0].name]["verdict"] == "different"
    np.savez(pictures[1], pixels=arrays["pixels"])
    assert "does not say what made it" in run("again", pictures[1]).stdout
    for wrong in ({"pixels": arrays["pixels"].astype(float)}, {"pixels": arrays["pixels"][0]}, {"others": np.zeros(3)}):
        np.savez(pictures[2], **wrong)
        assert "no whole picture" in run("again", pictures[2]).stdout
    pictures[3].write_bytes(pictures[4].read_bytes()[:-40])
    assert "no whole picture" in run("again", pictures[3]).stdout


def test_an_npz_that_unpacks_to_too_much_is_refused(run, monkeypatch, tmp_path):
    from cganx_cli import again

    monkeypatch.setattr(again, "MOST_UNPACKED", 10**5)
    np.savez_compressed(tmp_path / "a.npz", pixels=np.zeros((400, 400, 1), np.uint8))
    assert "larger than is read" in run("again", tmp_path / "a.npz").stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--name", "{seed}.npy"), "holds no provenance: the manifest.jsonl"),
        (("--name", "{seed}.raw"), "holds no provenance: the manifest.jsonl"),
        (("--format", "webdataset"), "take one out, its PNG says what made it"),
        (("--format", "parquet"), "its columns say what made each"),
    ],
)
def test_what_holds_no_provenance_of_one_picture_says_what_does(run, made, tmp_path, part, args, said):
    if "parquet" in args:
        part("pyarrow")
    made("--class", "disc", "--seeds", "0", *args)
    picture = next(path for path in (tmp_path / "out").iterdir() if path.name != "manifest.jsonl")
    done = run("again", picture)
    assert (done.exit_code, done.stderr) == (1, "")
    assert said in done.stdout


def test_what_is_no_picture_does_not_stop_the_others(again, made, tmp_path):
    (picture,) = made("--class", "disc", "--seeds", "0")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "half.png").write_bytes(picture.read_bytes()[:-60])
    found, code = again(tmp_path / "text.png", tmp_path / "half.png", tmp_path / "none.png", tmp_path, picture)
    assert code == 1
    assert [one["verdict"] for one in found.values()] == ["not made"] * 4 + ["equal"]


def test_out_is_a_file_or_a_folder_and_nothing_is_overwritten(run, made, tmp_path):
    pictures = made("--seeds", "0-1")
    before = [path.read_bytes() for path in pictures]
    assert run("again", pictures[0], "-o", tmp_path / "one.png").exit_code == 0
    assert (tmp_path / "one.png").read_bytes() == before[0]
    assert run("again", *pictures, "-o", tmp_path / "copy").exit_code == 0
    assert [(tmp_path / "copy" / path.parent.name / path.name).read_bytes() for path in pictures] == before
    for out in (pictures[0], tmp_path / "one.png", tmp_path / "out" / "cross"):
        done = run("again", pictures[0], "-o", out)
        assert (done.exit_code, "already there" in done.stderr) == (1, True)
    assert run("again", pictures[0], "-o", tmp_path / "one.jpg").exit_code == 2
    shutil.copy(pictures[0], pictures[0].with_suffix(".tif"))
    assert run("again", pictures[0], pictures[0].with_suffix(".tif"), "-o", tmp_path / "more").exit_code == 2
    assert not (tmp_path / "more").exists()


def test_it_wants_a_picture_and_names_a_near_option(run):
    assert run("again").exit_code == 2
    done = run("again", "a.png", "--modle", "x")
    assert done.exit_code == 2
    assert "--model" in done.stderr
