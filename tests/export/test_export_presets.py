"""The networks of the presets and a real run, through the file and back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cganx import runtime
from cganx.card import GeneratorCard, Image, Latent
from cganx.errors import ExportError, TrainingError
from cganx_export import export, export_run

CLASSES = ("T-shirt/top", "Trouser", "Bag")


def trained_for_a_moment(module):
    """Statistics, gains and biases away from where they start, so that folding has something to do."""
    import torch

    generator = torch.Generator().manual_seed(0)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(0.05 * torch.rand(tensor.shape, generator=generator))
    return module


@pytest.mark.parametrize(
    ("network", "channels", "height", "width", "rewrite"),
    [
        ("SNGANGenerator", 1, 28, 28, True),
        ("SNGANGenerator", 3, 29, 18, False),
        ("CDCGANGenerator", 1, 28, 28, True),
        ("CDCGANGenerator", 3, 9, 14, False),
    ],
)
def test_a_presets_network_at_any_size_in_any_batch(
    modules: ModuleType, tmp_path: Path, network: str, channels: int, height: int, width: int, rewrite: bool
) -> None:
    assert modules
    import onnx
    from test_export_file import assert_batch_invariant

    from cganx import networks

    module = getattr(networks, network)(networks.ImageShape(channels, height, width), len(CLASSES))
    card = GeneratorCard(
        name="preset",
        classes=CLASSES,
        latent=Latent(size=module.latent),
        image=Image(height=height, width=width, channels=channels),
    )
    folded = networks.folded(trained_for_a_moment(module))
    report = export(folded, card, tmp_path / "preset.onnx", rewrite=rewrite)
    assert report.parity.batch_invariant
    assert not report.clipped
    operators = {node.op_type for node in onnx.load(report.path).graph.node}
    assert not operators & {"BatchNormalization", "Shape", "Expand", "Identity", "Div", "Sqrt"}
    latent = np.random.default_rng(0).standard_normal((64, module.latent), np.float32)
    assert_batch_invariant(report.path, latent, np.eye(3, dtype=np.float32)[np.arange(64) % 3], (2,))


def test_a_run_becomes_the_same_file_by_call_and_by_command(
    run_path: Path, tmp_path: Path, part: Callable[[str], None]
) -> None:
    part("click")
    import onnx
    from click.testing import CliRunner

    from cganx_export.command import export as command

    report = export_run(run_path, tmp_path / "noise.onnx", rewrite=False, name="Noise", color_space="normals")
    generator = runtime.load(report.path, device="cpu")
    assert (generator.card.name, generator.card.classes) == ("Noise", CLASSES)
    assert generator.card.training["steps"] == 3
    assert generator.card.method["preset"] == "sngan-small"
    assert generator.card.method["rewrites"] == []
    assert generator.card.image.color_space == "normals"
    assert {one.key: one.value for one in onnx.load(report.path).metadata_props}["Image.ColorSpaceGamma"] == "Linear"
    assert generator.generate("bag", seeds=range(4)).shape == (4, 13, 9, 3)

    out = tmp_path / "again.onnx"
    options = ["--no-rewrite", "--name", "Noise", "--checkpoint", "3", "--sidecar", "--color-space", "normals"]
    result = CliRunner().invoke(command, [str(run_path), "-o", str(out), *options], catch_exceptions=False)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (0, "", 2)
    assert "parity" in result.stderr
    assert out.read_bytes() == report.path.read_bytes()
    assert GeneratorCard.from_json((tmp_path / "again.onnx.json").read_text(encoding="utf-8")) == report.card


def test_the_command_writes_halves(run_path: Path, tmp_path: Path, part: Callable[[str], None]) -> None:
    part("click")
    from click.testing import CliRunner

    from cganx_cli.describe import inspect
    from cganx_export.command import export as command

    sizes = {}
    for weights in ("float32", "float16"):
        out = tmp_path / f"{weights}.onnx"
        arguments = [str(run_path), "-o", str(out), "--no-rewrite", "--weights", weights]
        result = CliRunner().invoke(command, arguments, catch_exceptions=False)
        assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (0, "", 2)
        assert ("float16 weights" in result.stderr) == (weights == "float16")
        sizes[weights] = out.stat().st_size
        assert runtime.load(out, device="cpu").generate("bag", seeds=range(4)).shape == (4, 13, 9, 3)
    assert sizes["float16"] < 0.55 * sizes["float32"]
    shown = CliRunner().invoke(inspect, [str(tmp_path / "float16.onnx")], catch_exceptions=False).stdout
    rows = dict(line.split(maxsplit=1) for line in shown.splitlines())
    assert rows["method.weights"] == "float16"
    assert float(rows["parity.rounding.pixels_far"]) <= 1e-3
    assert CliRunner().invoke(command, [str(run_path), "-o", "model.onnx", "--weights", "float8"]).exit_code == 2


def test_the_best_checkpoint_is_exported_where_one_was_judged(
    run_path: Path, tmp_path: Path, part: Callable[[str], None]
) -> None:
    part("click")
    from click.testing import CliRunner

    from cganx.training.checkpoint import load_checkpoint, save_checkpoint
    from cganx_export.command import export as command

    def exported(*options: str) -> tuple[GeneratorCard, str]:
        arguments = [str(run), "-o", str(tmp_path / "model.onnx"), "--no-rewrite", *options]
        result = CliRunner().invoke(command, arguments, catch_exceptions=False)
        return runtime.load(tmp_path / "model.onnx", device="cpu").card, result.stderr.splitlines()[1]

    run = shutil.copytree(run_path, tmp_path / "run")
    card, said = exported()
    assert (card.training["steps"], card.metrics) == (3, {})
    assert said == "step 3; no checkpoint was judged, so it is the latest"

    tensors, state = load_checkpoint(run, 3)
    figures = {"floor": 0.5, "samples": 2000, "oracle": "one", "oracle_accuracy": 0.9, "agreement": 0.8}
    for step, frechet in ((2, 1.0), (3, 4.0)):
        save_checkpoint(run, step, tensors, state | {"figures": figures | {"frechet": frechet}})
    card, said = exported()
    assert card.training["steps"] == 2
    assert card.metrics == figures | {"frechet": 1.0, "step": 2, "reference": "test"}
    assert said == (
        "step 2, the best of those judged: Frechet distance 1.00 (2.0 floors), label agreement 0.800, by 2,000 pictures"
    )
    card, said = exported("--checkpoint", "latest")
    assert card.metrics["frechet"] == 4.0
    assert said.startswith("step 3: Frechet distance 4.00 (8.0 floors)")


def test_a_run_or_checkpoint_that_is_not_there(run_path: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="is not a run"):
        export_run(tmp_path, tmp_path / "model.onnx")
    with pytest.raises(TrainingError):
        export_run(run_path, tmp_path / "model.onnx", checkpoint=2)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [["--checkpoint", "newest"], ["--label-input", "names"]])
def test_the_command_refuses_what_it_does_not_know(options: list[str], part: Callable[[str], None]) -> None:
    part("click")
    from click.testing import CliRunner

    from cganx_export.command import export as command

    assert CliRunner().invoke(command, ["run", "-o", "model.onnx", *options]).exit_code == 2


def test_nothing_is_left_of_an_error_of_the_runtime(
    modules: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, card: Callable[..., GeneratorCard]
) -> None:
    from cganx.errors import UnsafeModel
    from cganx_export import pipeline

    def refuse(data: bytes) -> None:
        assert data
        raise UnsafeModel("it is too large")

    monkeypatch.setattr(pipeline, "read", refuse)
    with pytest.raises(ExportError, match="the runtime would refuse the file: it is too large"):
        export(modules.Small(), card(), tmp_path / "model.onnx", rewrite=False)
    assert not list(tmp_path.iterdir())
