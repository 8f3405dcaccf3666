"""Figures in the file's own card."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cganx import runtime
from cganx.data import DataSet
from cganx.errors import CganxError, ModelError
from cganx.evaluation import Oracle
from cganx.evaluation.card_writing import EVALUATION, write_into_card
from cganx.evaluation.figures import Evaluation, Judge
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
    done = write_into_card(path, found)
    after = runtime.read(path)
    assert after.sha256 == done.sha256 != before.sha256
    assert done.replaced is None
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


def test_later_figures_of_the_same_data_and_judge_join_the_earlier_ones(
    path: Path, found: Evaluation, pictures: DataSet, judge: Oracle
) -> None:
    write_into_card(path, found)
    first = runtime.read(path).card.metrics[EVALUATION]
    later = evaluate(path, pictures, samples=100, seed=1, metrics=["kernel-distance"], judge=judge)
    assert write_into_card(path, later).replaced is None
    both = runtime.read(path).card.metrics[EVALUATION]
    assert both["figures"].keys() == {"label-agreement", "coverage", "kernel-distance"}
    assert {name: (one["samples"], one["seed"]) for name, one in both["figures"].items()} == {
        "label-agreement": (300, 0),
        "coverage": (300, 0),
        "kernel-distance": (100, 1),
    }
    assert both["agreement_by_class"] == first["agreement_by_class"]
    again = evaluate(path, pictures, samples=60, metrics=["label-agreement"], judge=judge)
    again = replace(again, by_class=tuple(replace(one, agreement=0.5) for one in again.by_class))
    write_into_card(path, again)
    both = runtime.read(path).card.metrics[EVALUATION]
    assert both["figures"]["label-agreement"]["samples"] == 60
    assert both["figures"]["coverage"] == first["figures"]["coverage"]
    assert set(both["agreement_by_class"].values()) == {0.5}


@pytest.mark.parametrize(
    "other", [{"fingerprint": "another"}, {"judge": Judge(name="another", accuracy=0.9, pictures=3)}, "older"]
)
def test_figures_of_other_data_or_another_judge_take_the_place_of_the_earlier_ones(
    path: Path, found: Evaluation, other: dict[str, Any] | str
) -> None:
    earlier = found
    if other == "older":  # as cganx wrote them before they could be told
        earlier = SimpleNamespace(sha256=found.sha256, for_card=lambda: {"data": "tiny", "figures": {"coverage": {}}})
    write_into_card(path, earlier)
    changes = {} if isinstance(other, str) else other
    later = replace(found, sha256=runtime.read(path).sha256, figures=found.figures[:1], **changes)
    assert write_into_card(path, later).replaced == "tiny"
    assert runtime.read(path).card.metrics[EVALUATION] == json.loads(json.dumps(later.for_card()))


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
