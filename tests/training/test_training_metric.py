from __future__ import annotations

import importlib
import json
import logging
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from training_pictures import SMALL, data_set, pictures

from cganx.data import DataSet
from cganx.evaluation import Recipe, quick
from cganx.training import Status, metric, open_run, train
from cganx.training.checkpoint import load_checkpoint, path_of
from cganx.training.figures import Figures, by_rank

JUDGED = SMALL | {"metric_every": 10}


@pytest.fixture(scope="module")
def judging() -> DataSet:
    """Stripes of 8 pixels, with test pictures enough to judge by."""
    names = ("stripes 1", "stripes 2", "stripes 3")
    train, test = pictures(49, 3, height=8, width=8), pictures(140, 3, height=8, width=8)
    return DataSet("stripes", names, train, test, "judging", "CC0-1.0")


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "QUICK", Recipe(at_least=600, at_most=600, batch_size=49))
    monkeypatch.setattr(metric, "SAMPLES", 60)
    monkeypatch.setattr(metric, "BATCH", 30)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch):
    """Let the metric say given distances, one after the other."""

    def script(*distances: float, agreements: tuple[float, ...] = ()) -> None:
        said = iter(distances)
        agreed = iter(agreements or (0.5,) * len(distances))
        monkeypatch.setattr(metric.Metric, "ready", lambda *_: True)
        monkeypatch.setattr(metric.Metric, "__call__", lambda *_: figures(next(said), next(agreed)))

    return script


def figures(frechet: float, agreement: float | None = 0.5, oracle: str = "one") -> Figures:
    return Figures(agreement=agreement, frechet=frechet, floor=2.0, samples=60, oracle=oracle, oracle_accuracy=0.9)


def tensors(run: Path, step: int) -> dict[str, torch.Tensor]:
    return load_checkpoint(run, step)[0]


def lines(run: Path) -> list[dict[str, Any]]:
    timeless = ("seconds", "images_per_second")
    text = (run / "stats.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in timeless} for line in text]


@pytest.mark.parametrize("preset", ["sngan-small", "cdcgan"])
def test_judging_changes_nothing_of_a_run_and_is_the_same_when_it_is_resumed(preset: str, judging: DataSet, tmp_path: Path):
    train(judging, preset, tmp_path / "plain", steps=20, settings=SMALL | {"metric_every": 0})
    train(judging, preset, tmp_path / "judged", steps=20, settings=JUDGED)
    train(judging, preset, tmp_path / "resumed", steps=13, settings=JUDGED)
    train(judging, preset, tmp_path / "resumed", steps=20, settings=JUDGED)
    plain, judged, resumed = (tensors(tmp_path / name, 20) for name in ("plain", "judged", "resumed"))
    assert plain.keys() == judged.keys() == resumed.keys()
    assert all(torch.equal(one, judged[name]) and torch.equal(one, resumed[name]) for name, one in plain.items())
    assert lines(tmp_path / "judged") == lines(tmp_path / "resumed")
    by_step = {line["step"]: line for line in lines(tmp_path / "judged")}
    assert list(by_step) == [5, 10, 15, 20]
    assert {step for step, line in by_step.items() if "frechet" in line} == {10, 20}
    assert 0.0 <= by_step[20]["agreement"] <= 1.0
    assert by_step[20]["frechet_floors"] == pytest.approx(
        by_step[20]["frechet"] / open_run(tmp_path / "judged").best()[1].floor, rel=1e-3
    )
    assert not any("frechet" in line for line in lines(tmp_path / "plain"))
    assert open_run(tmp_path / "plain").best() is None


def test_what_is_judged_is_what_is_exported(judging: DataSet, tmp_path: Path):
    run = train(judging, out=tmp_path / "run", steps=10, settings=JUDGED)
    judge = metric.Metric(judging, run, None)
    assert judge.ready(lambda: False)
    found = judge(run.generator(10))
    assert found == run.best()[1]
    card = run.card("best")
    assert card.training["steps"] == card.metrics["step"] == 10
    assert card.metrics["frechet"] == found.frechet
    assert card.metrics["oracle"] == found.oracle


def test_the_oracle_is_trained_once(judging: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    trained: list[str] = []
    oracles = importlib.import_module("cganx.evaluation.oracle")  # the package's name for it is the function
    real = oracles._train
    monkeypatch.setattr(oracles, "_train", lambda *args: trained.append("oracle") or real(*args))
    monkeypatch.setenv("CGANX_CACHE", str(tmp_path / "cache"))
    train(judging, out=tmp_path / "short", steps=9, settings=JUDGED)
    assert not trained
    for name in ("one", "other"):
        train(judging, out=tmp_path / name, steps=10, settings=JUDGED)
    assert trained == ["oracle"]


def test_the_best_checkpoint_stays_until_there_is_a_better_one(judging: DataSet, tmp_path: Path, scripted):
    settings = JUDGED | {"checkpoint_every": 5}
    scripted(3.0, 1.0, 2.0, 9.0)
    run = train(judging, out=tmp_path / "run", steps=40, settings=settings)
    assert run.checkpoints() == (20, 35, 40)
    assert (run.step("best"), run.step(), run.best()[1].frechet) == (20, 40, 1.0)
    scripted(0.5, 4.0)
    run = train(judging, out=tmp_path / "run", steps=60, settings=settings)
    assert run.checkpoints() == (50, 55, 60)
    assert run.step("best") == 50


def test_agreement_breaks_ties_and_one_oracle_alone_ranks(
    judging: DataSet, tmp_path: Path, scripted, monkeypatch: pytest.MonkeyPatch
):
    scripted(2.0, 2.0, 3.0, agreements=(0.9, 0.4, 1.0))
    run = train(judging, out=tmp_path / "run", steps=30, settings=JUDGED | {"keep_every": 10})
    assert [step for step, _ in by_rank(run.path)] == [10, 20, 30]
    monkeypatch.setattr(metric.Metric, "__call__", lambda *_: figures(50.0, oracle="another"))
    train(judging, out=tmp_path / "run", steps=40, settings=JUDGED | {"keep_every": 10})
    assert [step for step, _ in by_rank(run.path)] == [40]


def test_a_damaged_best_checkpoint_is_named_and_the_next_best_taken(
    judging: DataSet, tmp_path: Path, scripted, caplog: pytest.LogCaptureFixture
):
    scripted(1.0, 2.0, 3.0)
    run = train(judging, out=tmp_path / "run", steps=30, settings=JUDGED | {"keep_every": 10})
    path = path_of(run.path, 10)
    content = path.read_bytes()
    path.write_bytes(content[:-500] + bytes([content[-500] ^ 255]) + content[-499:])
    assert run.step("best") == 20
    assert "step-00000010.safetensors is damaged" in caplog.text
    path_of(run.path, 20).write_bytes(b"PK" * 1000)
    assert run.step("best") == 30
    assert "step-00000020.safetensors is damaged" in caplog.text


@pytest.mark.parametrize("why", ["few", "one class", "unlabelled"])
def test_data_that_cannot_judge_is_named_once_and_training_goes_on(why: str, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    data = {
        "few": data_set(3, height=8, width=8),
        "one class": DataSet("one", ("a",), pictures(49, 1, height=8, width=8), pictures(140, 1, height=8, width=8), "one"),
        "unlabelled": DataSet("none", (), pictures(49, 1, height=8, width=8), pictures(140, 1, height=8, width=8), "none"),
    }[why]
    data.train.labels[:] = data.train.labels if why != "unlabelled" else -1
    data.test.labels[:] = data.test.labels if why != "unlabelled" else -1
    preset = "sngan-small" if why == "few" else "gan-dense"
    with caplog.at_level(logging.WARNING, "cganx"):
        run = train(data, preset, tmp_path / "run", steps=20, settings=JUDGED)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["the best checkpoint is not chosen"]
    assert run.step("best") == run.step() == 20
    assert run.card("best").metrics == {}


def test_without_the_datas_classes_the_distance_stands_alone(judging: DataSet, tmp_path: Path):
    seen: list[Status] = []
    run = train(judging, "gan-dense", tmp_path / "run", steps=15, settings=JUDGED, progress=seen.append)
    step, found = run.best()
    assert found.agreement is None
    assert "agreement" not in run.card(step).metrics
    assert [sorted(one.metrics) for one in seen] == [[], ["frechet", "frechet_floors"], ["frechet", "frechet_floors"]]
    assert f"frechet {seen[1].metrics['frechet']:.3f}" in str(seen[1])
    assert {step for step, _ in by_rank(run.path)} == {10, 15}  # the last one too


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_run_that_is_stopped_while_the_oracle_is_trained_stops_and_judges_when_it_goes_on(
    judging: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CGANX_CACHE", str(tmp_path / "cache"))
    stages: list[str] = []

    def interrupt(stage: str, *_: int) -> None:
        stages.append(stage)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(judging, out=tmp_path / "run", steps=20, settings=JUDGED, data_progress=interrupt)
    assert stages == ["training the oracle"]
    run = open_run(tmp_path / "run")
    assert (run.step(), run.best()) == (10, None)
    train(judging, out=tmp_path / "run", steps=20, settings=JUDGED)
    train(judging, out=tmp_path / "straight", steps=20, settings=JUDGED)
    assert [one[1] for one in by_rank(run.path)] == [one[1] for one in by_rank(tmp_path / "straight")]


def test_a_run_from_before_there_was_a_metric_goes_on_and_is_judged(judging: DataSet, tmp_path: Path):
    train(judging, out=tmp_path / "run", steps=8, settings=SMALL)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["settings"].pop("metric_every") == 1000
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    assert train(judging, out=tmp_path / "run", steps=9, settings=SMALL).step() == 9


@pytest.mark.parametrize("state", [{}, {"figures": None}, {"figures": {"frechet": 1.0}}, {"figures": [1]}])
def test_a_checkpoint_without_figures_was_not_judged(state: dict[str, Any]):
    assert Figures.of(state) is None


def test_figures_come_back_from_a_checkpoint():
    for one in (figures(1.5), figures(0.0, None)):
        assert Figures.of(json.loads(json.dumps({"figures": one.to_dict() | {"later": 1}}))) == one
