"""The second judge of tests/benchmarks: its network, its pictures, and that it stands apart from the oracle."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from cganx.data import DataSet
from cganx.evaluation import Recipe, oracle, quality
from cganx.evaluation.classifier import ORACLE, to_input
from cganx.runtime import Generator
from cganx.runtime.testing import TINY

SCRIPTS = ("quality", "residual", "second_judge")


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    """second_judge.py, which finds the scripts beside it as it does when it is run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
        yield importlib.import_module("second_judge")
        for name in SCRIPTS:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def short() -> Recipe:
    return Recipe(at_least=1600, at_most=1600, batch_size=64)


@pytest.fixture
def data(pictures: DataSet, tmp_path: Path) -> Path:
    path = tmp_path / "shapes.npz"
    parts = (pictures.train, pictures.test)
    images, labels = (np.concatenate([getattr(part, name) for part in parts]) for name in ("images", "labels"))
    np.savez(path, images=images, labels=labels, classes=np.array(pictures.classes))
    return path


@pytest.mark.parametrize(("height", "width"), [(8, 8), (28, 28), (44, 60), (64, 64), (128, 16)])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_takes_any_size(script: ModuleType, height: int, width: int, channels: int) -> None:
    network = script.RESIDUAL.build(channels, max(height, width), 5).eval()
    images = torch.zeros(2, channels, height, width)
    assert network.features(images).shape == (2, 128)
    assert network(images).shape == (2, 5)


def test_pictures_are_varied_a_little_and_some_not_at_all(script: ModuleType, pictures: DataSet) -> None:
    pixels = torch.from_numpy(pictures.train.images[:200])
    seen = script.RESIDUAL.vary(pixels, torch.Generator().manual_seed(0))
    assert torch.equal(seen, script.RESIDUAL.vary(pixels, torch.Generator().manual_seed(0)))
    assert seen.abs().max() <= 1
    same = (seen == to_input(pixels)).flatten(1).float().mean(dim=1)
    assert 0.2 < (same == 1).float().mean() < 0.6  # a quarter is neither moved nor cut; others are moved by nothing
    for before, after in zip(to_input(pixels), seen, strict=True):
        assert set(after.unique().tolist()) <= {*before.unique().tolist(), 0.0}


def test_it_stands_apart_from_the_oracle(script: ModuleType, pictures: DataSet, short: Recipe, tmp_path: Path) -> None:
    second, plain = (oracle(pictures, recipe=short, architecture=kind, cache=tmp_path) for kind in (script.RESIDUAL, ORACLE))
    assert second.name.startswith("cganx-second-judge-1-")
    assert plain.name.startswith("cganx-oracle-1-")
    assert len(list(tmp_path.iterdir())) == 2
    assert second.accuracy > 0.9
    again = oracle(pictures, recipe=short, architecture=script.RESIDUAL, cache=tmp_path, progress=pytest.fail)
    np.testing.assert_array_equal(again.features(pictures.test.images), second.features(pictures.test.images))


def test_its_figures_are_those_of_the_pictures_that_the_oracle_judges(
    script: ModuleType,
    generator: Generator,
    data: Path,
    short: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CGANX_CACHE", str(tmp_path))
    monkeypatch.setattr(script, "RECIPE", short)
    assert script.main([str(TINY), str(TINY), "--data", str(data), "--samples", "200", "--json"]) == 0
    first, twin = json.loads(capsys.readouterr().out)
    assert first == twin
    assert first["margin"] == first["agreement"] - first["oracle_accuracy"]
    pictures = script.data.load(str(data), image_size=(16, 16), channels=1)
    second = oracle(pictures, recipe=short, architecture=script.RESIDUAL, cache=tmp_path, progress=pytest.fail)
    assert quality(generator, pictures, samples=200, judge=second).to_dict().items() <= first.items()

    assert script.main([str(TINY), "--data", str(data), "--samples", "200"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"right on {second.accuracy:.4f} of {second.pictures} real test pictures" in lines[0]
    assert lines[-1].split()[:2] == [first["model"], f"({first['sha256'][:8]})"]


def test_a_file_that_is_not_there_is_one_sentence(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(["not-there.onnx"]) == 1
    assert "not-there.onnx" in capsys.readouterr().err
