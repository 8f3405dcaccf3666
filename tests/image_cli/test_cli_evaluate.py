"""``cganx evaluate`` and ``cganx compare``."""

from __future__ import annotations

import importlib
import json
import shutil
from functools import partial

import numpy as np
import pytest

from cganx import runtime
from cganx.runtime.testing import TINY, tiny

FEW = ["--samples", "220", "--metrics", "label-agreement", "--metrics", "coverage"]


@pytest.fixture(autouse=True)
def _parts(part):
    for name in ("click", "PIL", "onnxruntime", "torch", "safetensors", "sklearn"):
        part(name)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def run(monkeypatch, cache):
    from click.testing import CliRunner

    from cganx_cli.group import cganx

    oracle = importlib.import_module("cganx.evaluation.oracle")
    monkeypatch.setenv("CGANX_CACHE", str(cache))
    monkeypatch.setattr(oracle, "Recipe", partial(oracle.Recipe, passes=1, at_least=3000, at_most=3000))
    return lambda *args: CliRunner().invoke(cganx, [str(one) for one in args], prog_name="cganx")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Pictures of the tiny generator, as an .npz; of other seeds than those that are judged."""
    path = tmp_path_factory.mktemp("data") / "shapes.npz"
    generator = tiny()
    labels = np.arange(3000) % 2
    images = np.asarray(generator.generate(labels, range(2**60, 2**60 + 3000)))
    np.savez(path, images=images, labels=labels, classes=np.array(generator.card.classes))
    return path


@pytest.fixture
def file(tmp_path):
    return shutil.copy(TINY, tmp_path / "mine.onnx")


def test_a_table_with_all_that_belongs_to_it(run, data, file):
    done = run("evaluate", file, "--data", data, *FEW)
    assert done.exit_code == 0, done.output
    assert "judge: cganx-oracle-1-" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith(("label-", "coverage"))] == [
        "label-agreement",
        "coverage",
    ]
    assert "disc" in done.stdout


def test_json_the_report_and_the_card(run, data, file, tmp_path):
    before = runtime.read(file)
    done = run("evaluate", file, "--data", data, *FEW, "--json", "--report", tmp_path / "deep/report.html", "--into-card")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["sha256"] == before.sha256
    assert [figure["name"] for figure in said["figures"]] == ["label-agreement", "coverage"]
    assert "<html" in (tmp_path / "deep/report.html").read_text()
    after = runtime.read(file)
    assert after.sha256 in done.stderr
    assert after.card.metrics["evaluation"]["figures"].keys() == {"label-agreement", "coverage"}
    again = run("evaluate", file, "--data", data, *FEW, "--json")
    assert json.loads(again.stdout)["figures"] == said["figures"]


def test_a_report_that_cannot_be_written_is_said_before_any_work(run, data, file, tmp_path, monkeypatch):
    (tmp_path / "plain").write_text("")
    monkeypatch.setattr("cganx.data.load", lambda *_, **__: pytest.fail("the data were loaded"))
    for place in (tmp_path / "plain/report.html", tmp_path / ("r" * 300), tmp_path / "plain/deep/report.html"):
        done = run("evaluate", file, "--data", data, *FEW, "--report", place)
        assert done.exit_code == 1, done.output
        assert f"{place} cannot be written: " in done.stderr
        assert "name another place with --report" in done.stderr
    assert run("evaluate", file, "--data", data, *FEW, "--report", "/dev/null").exit_code == 1
    assert {path.name for path in tmp_path.iterdir()} == {"plain", "mine.onnx"}


def test_the_table_is_there_where_the_disk_is_full_in_the_end(run, data, file, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    run("evaluate", file, "--data", data, *FEW)
    monkeypatch.setattr("cganx.whole_file.whole_file", full)
    done = run("evaluate", file, "--data", data, *FEW, "--report", tmp_path / "report.html")
    assert done.exit_code == 1
    assert "No space left on device" in done.stderr
    assert "coverage" in done.stdout


def test_earlier_figures_in_the_card_stay_or_are_said_to_go(run, data, file, tmp_path):
    few = ["--samples", "100", "--metrics", "label-agreement", "--into-card"]
    assert "are gone" not in run("evaluate", file, "--data", data, *FEW, "--into-card").stderr
    assert "are gone" not in run("evaluate", file, "--data", data, *few).stderr
    figures = runtime.read(file).card.metrics["evaluation"]["figures"]
    assert {name: one["samples"] for name, one in figures.items()} == {"label-agreement": 100, "coverage": 220}
    with np.load(data) as arrays:
        np.savez(
            tmp_path / "less.npz", **{name: array[:2000] if name != "classes" else array for name, array in arrays.items()}
        )
    done = run("evaluate", file, "--data", tmp_path / "less.npz", *few)
    assert "the earlier figures in its card, by shapes, are gone" in done.stderr
    assert runtime.read(file).card.metrics["evaluation"]["figures"].keys() == {"label-agreement"}


def test_figures_of_image_to_image_are_refused_before_the_data_are_looked_for(run, file, tmp_path):
    words = ["--data", tmp_path / "missing.npz", "--metrics", "coverage", "--metrics", "psnr"]
    for command in (["evaluate", file], ["compare", file, "-o", tmp_path / "sheet.png"]):
        done = run(*command, *words)
        assert done.exit_code == 2, done.output
        assert "psnr is a figure of files that make pictures from pictures" in " ".join(done.stderr.split())
    assert not (tmp_path / "sheet.png").exists()


def test_gan_train_of_a_few(run, data, file):
    words = ["--samples", "100", "--train-samples", "200", "--metrics", "gan-train", "--json"]
    (figure,) = json.loads(run("evaluate", file, "--data", data, *words).stdout)["figures"]
    assert figure["samples"] == 200
    assert figure["value"] > 0.8
    assert figure["real"] > 0.8


def test_a_file_of_another_maker(run, data, tmp_path, part):
    part("onnx")
    import onnx

    model = onnx.load(TINY)
    del model.metadata_props[:]
    del model.graph.output[1]
    for value, name in ((model.graph.input[0], "z"), (model.graph.input[1], "y"), (model.graph.output[0], "fake")):
        for node in model.graph.node:
            node.input[:] = [name if one == value.name else one for one in node.input]
            node.output[:] = [name if one == value.name else one for one in node.output]
        value.name = name
    path = tmp_path / "theirs.onnx"
    onnx.save(model, path)
    names = ["--latent-input", "z", "--label-input-name", "y", "--output", "fake"]
    done = run("evaluate", path, "--data", data, *FEW, *names, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["model"] == "theirs"
    ours = json.loads(run("evaluate", TINY, "--data", data, *FEW, "--json").stdout)
    assert said["figures"] == ours["figures"]
    bare = run("evaluate", path, "--data", data, *FEW)
    assert bare.exit_code == 1
    assert "has no cganx.card" in bare.stderr
    assert run("evaluate", path, "--data", data, *names, "--into-card").exit_code == 2


def test_wrong_calls(run, data, file, tmp_path):
    done = run("evaluate", file, "--data", data, "--metrics", "fid")
    assert done.exit_code == 2
    assert "there is no figure 'fid'" in done.stderr
    assert run("evaluate", file).exit_code == 2
    other = tmp_path / "other.npz"
    np.savez(other, images=np.zeros((40, 16, 16, 1), np.uint8), labels=np.arange(40) % 2, classes=np.array(["cat", "dog"]))
    done = run("evaluate", file, "--data", other, *FEW)
    assert done.exit_code == 1
    assert "no class in common: the generator has 'disc', 'cross', the data 'cat', 'dog'" in done.stderr
    assert run("evaluate", tmp_path / "missing.onnx", "--data", data).exit_code == 1


def test_compare_without_data(run, tmp_path):
    done = run("compare", TINY, TINY, "-o", tmp_path / "deep/sheet.png")
    assert done.exit_code == 0, done.output
    for said in ("MFLOP a picture", "pictures/s, batch 64", "0.0"):
        assert said in done.stdout
    from PIL import Image

    with Image.open(tmp_path / "deep/sheet.png") as image:
        whole = image.size
    assert run("compare", TINY, "-o", tmp_path / "one.png", "--pictures", "4").exit_code == 0
    with Image.open(tmp_path / "one.png") as image:
        assert image.size[0] < whole[0] < 2.2 * image.size[0]
        assert image.size[1] == whole[1]


def test_compare_with_data_as_json(run, data, tmp_path):
    done = run("compare", TINY, "-o", tmp_path / "sheet.png", "--data", data, *FEW, "--json")
    assert done.exit_code == 0, done.output
    (one,) = json.loads(done.stdout)
    assert one["bytes"] == TINY.stat().st_size
    assert one["images_a_second_64"] > 0
    assert [figure["name"] for figure in one["evaluation"]["figures"]] == ["label-agreement", "coverage"]
    text = run("compare", TINY, "-o", tmp_path / "sheet.png", "--data", data, *FEW).stdout
    assert "real" in text.splitlines()[0]
    assert "coverage" in text


def test_compare_needs_something_in_common(run, tmp_path):
    done = run("compare", TINY, "fashion", "-o", tmp_path / "sheet.png")
    assert done.exit_code == 1
    assert "no class in common" in done.stderr
    assert not (tmp_path / "sheet.png").exists()
