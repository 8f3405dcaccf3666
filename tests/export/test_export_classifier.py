"""The classifier of a run as a file of its own: what goes in and out, that it does what torch does, and who has none."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from cganx import runtime
from cganx.data import DataSet, LabelledImages
from cganx.errors import ExportError, NotAGenerator, TrainingError
from cganx_export import export_run
from cganx_export.command import export as command

if TYPE_CHECKING:
    from cganx.training import Run

SMALL = {"batch_size": 8, "checkpoint_every": 10, "grid_every": 10, "log_every": 5}


@pytest.fixture(scope="module")
def run(modules: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Run:
    assert modules  # what they need is installed
    from cganx.training import train

    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (30, 28, 28, 1), np.uint8), np.arange(30) % 3
    part = LabelledImages(images, np.where(np.arange(30) < 9, labels, -1))
    data = DataSet("noise", ("up", "down", "straße"), part, LabelledImages(images[:10], labels[:10]), "noise")
    return train(data, "sgan", tmp_path_factory.mktemp("classifier") / "run", steps=2, settings=SMALL)


def test_the_file_names_classes_as_torch_does(run: Run, tmp_path: Path) -> None:
    import onnxruntime
    import torch

    report = export_run(run.path, tmp_path / "g.onnx", rewrite=False, classifier=tmp_path / "c.onnx")
    assert report.classifier is not None
    assert report.classifier.max_difference <= report.classifier.tolerance
    assert report.classifier.bytes == (tmp_path / "c.onnx").stat().st_size
    assert runtime.read(tmp_path / "g.onnx").card.kind == "unconditional"

    session = onnxruntime.InferenceSession(tmp_path / "c.onnx", providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert (given.name, given.type, given.shape) == ("image", "tensor(float)", ["batch", 1, 28, 28])
    assert [(one.name, one.shape) for one in session.get_outputs()] == [
        ("logits", ["batch", 3]),
        ("probabilities", ["batch", 3]),
    ]
    module = run.classifier()
    for count in (1, 3):
        image = np.random.default_rng(count).uniform(-1, 1, (count, 1, 28, 28)).astype(np.float32)
        logits, probabilities = session.run(["logits", "probabilities"], {"image": image})
        np.testing.assert_allclose(logits, module(torch.from_numpy(image)).numpy(), atol=1e-4, rtol=1e-4)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)

    said = json.loads(session.get_modelmeta().custom_metadata_map["cganx.classifier"])
    assert said["classes"] == ["up", "down", "straße"]
    assert said["image"] == {"channels": 1, "height": 28, "width": 28, "range": [-1, 1]}
    assert said["test_accuracy"] == run.test_accuracy() == report.classifier.test_accuracy
    assert said["training"]["steps"] == 2
    with pytest.raises(NotAGenerator):
        runtime.read(tmp_path / "c.onnx")


def test_the_averaged_weights_are_exported(run: Run) -> None:
    import torch

    from cganx.training.checkpoint import load_checkpoint

    tensors, _ = load_checkpoint(run.path, 2)
    weight = run.classifier().discriminator.class_head.weight
    assert torch.equal(weight, tensors["classifier/class_head.weight"])
    assert not torch.equal(weight, tensors["discriminator/class_head.weight"])


def test_the_command_writes_both_and_says_the_accuracy(run: Run, tmp_path: Path) -> None:
    arguments = [str(run.path), "-o", str(tmp_path / "g.onnx"), "--no-rewrite", "--classifier", str(tmp_path / "c.onnx")]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0, done.output
    assert f"test accuracy {run.test_accuracy():.4f}" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"g.onnx", "c.onnx"}


def test_what_has_no_classifier_is_refused_before_anything_is_written(run: Run, tmp_path: Path) -> None:
    from cganx.training import train

    with pytest.raises(ExportError, match="cannot both be"):
        export_run(run.path, tmp_path / "g.onnx", classifier=tmp_path / "g.onnx")
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1), np.uint8)
    part = LabelledImages(images, np.arange(20) % 2)
    data = DataSet("noise", ("a", "b"), part, part, "noise 2")
    for preset in ("gan-dense", "cdcgan"):  # without labels, and with a discriminator that only takes them
        other = train(data, preset, tmp_path / preset, steps=1, settings=SMALL)
        with pytest.raises(TrainingError, match=f"preset '{preset}' has no classifier"):
            export_run(other.path, tmp_path / "out.onnx", classifier=tmp_path / "c.onnx")
    assert not (tmp_path / "out.onnx").exists()
    assert not (tmp_path / "c.onnx").exists()


def test_an_auxiliary_classifier_is_one_too(modules: ModuleType, tmp_path: Path) -> None:
    assert modules
    from cganx.training import train

    images = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 1), np.uint8)
    part = LabelledImages(images, np.arange(20) % 2)
    run = train(DataSet("noise", ("a", "b"), part, part, "noise 3"), "sngan-small", tmp_path / "run", steps=1, settings=SMALL)
    report = export_run(run.path, tmp_path / "g.onnx", rewrite=False, classifier=tmp_path / "c.onnx")
    assert report.classifier is not None
    assert report.classifier.classes == ("a", "b")
    assert report.classifier.test_accuracy is None
