"""Figures in the file's own card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cganx import runtime
from cganx.data import DataSet
from cganx.errors import CganxError, ModelError
from cganx.evaluation import Oracle
from cganx.evaluation.card_writing import EVALUATION, write_into_card
from cganx.evaluation.figures import Evaluation
from cganx.evaluation.suite import evaluate
from cganx.runtime.model import parse
from cganx.runtime.testing import TINY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(TINY, tmp_path / "tiny.onnx"))


@pytest.fixture(scope="module")
def found(pictures: DataSet, judge: Oracle) -> Evaluation:
    return evaluate(TINY, pictures, samples=300, metrics=["label-agreement", "coverage", "class-frechet-distance"], judge=judge)


def test_the_card_holds_the_figures_and_the_rest_is_as_it_was(path: Path, found: Evaluation) -> None:
    before = runtime.read(path)
    digest = write_into_card(path, found)
    after = runtime.read(path)
    assert after.sha256 == digest != before.sha256
    kept = {name: value for name, value in after.card.metrics.items() if name != EVALUATION}
    assert kept == dict(before.card.metrics)
    written = after.card.metrics[EVALUATION]
    assert written == json.loads(json.dumps(found.for_card()))
    assert written["figures"]["label-agreement"]["value"] == pytest.approx(found["label-agreement"].value, rel=1e-4)
    assert "class-frechet-distance" not in written["figures"]  # 300 pictures are too few for it
    ours, theirs = (parse(memoryview(file.data)) for file in (before, after))
    assert bytes(ours.graph_bytes) == bytes(theirs.graph_bytes)
    rest = {name: value for name, value in theirs.metadata.items() if not name.startswith("cganx.")}
    assert rest == {name: value for name, value in ours.metadata.items() if not name.startswith("cganx.")}
    np.testing.assert_array_equal(runtime.load(path).generate("disc", range(3)), runtime.load(TINY).generate("disc", range(3)))
    assert [one.name for one in path.parent.iterdir()] == ["tiny.onnx"]


def test_onnx_reads_it(path: Path, found: Evaluation, part) -> None:
    part("onnx")
    import onnx

    write_into_card(path, found)
    model = onnx.load(path)
    onnx.checker.check_model(model)
    assert model.producer_name == onnx.load(TINY).producer_name


def test_a_file_that_has_changed_since_is_left_alone(path: Path, found: Evaluation) -> None:
    write_into_card(path, found)
    data = path.read_bytes()
    with pytest.raises(ModelError, match="evaluate it again"):
        write_into_card(path, found)
    assert path.read_bytes() == data


def test_a_place_that_cannot_be_written_is_named(path: Path, found: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    data = path.read_bytes()
    monkeypatch.setattr("cganx.evaluation.card_writing.whole_file", full)
    with pytest.raises(CganxError, match="No space left on device"):
        write_into_card(path, found)
    assert path.read_bytes() == data
