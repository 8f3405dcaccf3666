"""The health monitor: what it measures, what it says of logs, and what follows in a run."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from training_pictures import SMALL, data_set

from cganx.data import DataSet
from cganx.errors import TrainingError
from cganx.networks import Judgement
from cganx.training import PRESETS, metric, open_run, train
from cganx.training.checkpoint import load_checkpoint
from cganx.training.directory import read_stats
from cganx.training.figures import Figures
from cganx.training.health import FAILURE, NOT_FINITE, RESTARTED, Balance, Checkup, Monitor, remedies, replay
from cganx.training.health.measures import duplicates, nearest, pairwise
from cganx.training.health.remedies import SETTINGS
from cganx.training.health.rules import RULES, TRANSLATION_RULES
from cganx.training.settings import changed, parse

CROSS_ENTROPY = Balance(discriminator=math.log(2), generator=math.log(2))
CRITIC = Balance(discriminator=0.0, generator=0.0)
WELL = {
    "reach_low": -1.0,
    "reach_high": 1.0,
    "real_low": -1.0,
    "real_high": 0.9,
    "variety": 0.8,
    "duplicates": 0.0,
    "score_spread": 1.0,
}


def log(
    steps: int, *, start: int = 0, checkup: Mapping[str, float] = WELL, **losses: float | tuple[float, float]
) -> Iterator[dict[str, float]]:
    """Lines every 50 steps with losses that stay, or go evenly from one value to another; a checkup every 500."""
    for step in range(start + 50, start + steps + 1, 50):
        share = (step - start) / steps
        line = {name: one if isinstance(one, float) else one[0] + share * (one[1] - one[0]) for name, one in losses.items()}
        yield {"step": step} | line | (checkup if step % 500 == 0 else {})


HEALTHY = {"discriminator": 0.5, "generator": 1.2, "accuracy": 0.75}
# The late part of the book's logs: anime DCGAN, whose discriminator is nearly always right, and pictures are good.
AHEAD = {"discriminator": 0.04, "generator": 4.0, "accuracy": 0.985}


def named(lines: Iterator[dict[str, float]], balance: Balance = CROSS_ENTROPY) -> list[tuple[str, int]]:
    return [(one.name, one.step) for one in replay(lines, balance)]


# --- rules on logs


@pytest.mark.parametrize("losses", [HEALTHY, AHEAD], ids=["even", "discriminator ahead"])
def test_a_healthy_run_raises_no_alarm(losses: dict[str, float]) -> None:
    assert named(log(20_000, **losses)) == []


def test_a_value_that_the_generator_cannot_make_is_named_at_the_first_checkup() -> None:
    grey = WELL | {"reach_low": 0.0}
    assert named(log(3_000, checkup=grey, **HEALTHY)) == [("output range", 500)]
    nearly = WELL | {"reach_low": -0.8, "reach_high": 0.7}
    assert named(log(3_000, checkup=nearly, **HEALTHY)) == []


def test_a_discriminator_that_pays_nothing_for_long_has_won() -> None:
    won = {"discriminator": 0.0001, "generator": (8.0, 14.0), "accuracy": 1.0}
    assert named(log(5_000, **won)) == [("discriminator won", 2_500)]
    assert named(log(2_450, **won)) == []
    assert named(log(5_000, **won | {"generator": (14.0, 8.0)})) == []  # the generator gains
    assert named(log(5_000, **won | {"accuracy": 0.985})) == []
    assert named(log(5_000, **won | {"discriminator": 0.002})) == []


def test_near_copies_are_a_collapse_when_they_last() -> None:
    copies = WELL | {"duplicates": 0.6, "variety": 0.6}
    assert named(log(6_000, checkup=copies, **HEALTHY)) == [("mode collapse", 2_500)]
    for_a_while = [*log(1_500, checkup=copies, **HEALTHY), *log(2_000, start=1_500, **HEALTHY)]
    assert named(iter(for_a_while)) == []
    alike = WELL | {"variety": 0.05}
    assert named(log(6_000, checkup=alike, **HEALTHY)) == [("mode collapse", 2_500)]


def test_fewer_copies_will_do_where_the_discriminator_is_far_ahead() -> None:
    some = WELL | {"duplicates": 0.3}
    assert named(log(6_000, checkup=some, **AHEAD)) == [("mode collapse", 2_500)]
    assert named(log(6_000, checkup=some, **HEALTHY)) == []


def test_a_generator_that_pays_nothing_against_a_guessing_discriminator_has_won() -> None:
    won = {"discriminator": 1.5, "generator": 0.05, "accuracy": 0.5}
    assert named(log(5_000, **won)) == [("generator won", 2_500)]
    assert named(log(5_000, **won | {"accuracy": 0.7})) == []
    assert named(log(5_000, **won), Balance(2.0, 0.0)) == []  # hinge: what the generator pays has no zero


def test_a_critic_that_says_the_same_of_everything_is_dead() -> None:
    dead = WELL | {"score_spread": 2e-4}
    assert named(log(5_000, checkup=dead, critic=-3e-4, generator=2e-3), CRITIC) == [("dead critic", 2_500)]
    assert named(log(5_000, checkup=dead, critic=-0.1, generator=2e-3), CRITIC) == []
    assert named(log(5_000, checkup=WELL, critic=-3e-4, generator=2e-3), CRITIC) == []


def test_losses_on_halves_count_together() -> None:
    halves = {"discriminator_real": 1e-5, "discriminator_fake": 1e-5, "generator": (8.0, 9.0), "accuracy": 1.0}
    assert named(log(3_000, **halves), Balance(2 * math.log(2), math.log(2))) == [("discriminator won", 2_500)]


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 280))
def test_a_run_that_was_resumed_anywhere_is_judged_the_same(cut: int) -> None:
    copies = WELL | {"duplicates": 0.6}
    lines = [*log(8_000, **HEALTHY), *log(6_000, start=8_000, checkup=copies, **HEALTHY)]
    whole, first, second = Monitor(CROSS_ENTROPY), Monitor(CROSS_ENTROPY), Monitor(CROSS_ENTROPY)
    expected = [one for line in lines for one in whole.see(line)]
    found = [one for line in lines[:cut] for one in first.see(line)]
    for line in lines[:cut]:
        second.see(line)
    assert found + [one for line in lines[cut:] for one in second.see(line)] == expected != []


def test_a_restart_begins_the_history_anew() -> None:
    copies = WELL | {"duplicates": 0.6}
    monitor = Monitor(CROSS_ENTROPY)
    assert [one.step for line in log(2_500, checkup=copies, **HEALTHY) for one in monitor.see(line)] == [2_500]
    assert monitor.see({"step": 2_500, RESTARTED: 1_000}) == []
    again = [one.step for line in log(4_000, start=2_500, checkup=copies, **HEALTHY) for one in monitor.see(line)]
    assert again == [5_000]


# --- remedies


@pytest.mark.parametrize("preset", list(PRESETS))
@pytest.mark.parametrize("name", [*RULES, NOT_FINITE])
def test_every_remedy_is_a_setting_that_the_preset_takes_and_does_not_have_yet(name: str, preset: str) -> None:
    recipe = PRESETS[preset].settings
    tries = remedies(name, recipe)
    assert tries
    for one in tries:
        if one.startswith("--set "):
            assert changed(recipe, parse([one.removeprefix("--set ")])) != recipe
        if "--preset " in one:
            assert one.split("--preset ")[1].split(",")[0].split()[0] in PRESETS


def test_remedies_are_known_for_all_failures() -> None:
    assert set(SETTINGS) == {*RULES, *TRANSLATION_RULES, NOT_FINITE}


# --- measures


class Drawn(nn.Module):
    """A generator without weights: what it makes is a function of the latent and the label."""

    def __init__(self, make: object) -> None:
        super().__init__()
        self.make = make

    def forward(self, latent: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return self.make(latent, label)  # type: ignore[operator]


class Brightness(nn.Module):
    def forward(self, image: torch.Tensor, label: torch.Tensor) -> Judgement:  # noqa: ARG002
        return Judgement(image.mean(dim=(1, 2, 3)))


def checkup(classes: int = 3, latent: int = 64) -> Checkup:
    images = np.random.default_rng(0).integers(0, 256, (300, 8, 8, 1), np.uint8)
    return Checkup.choose(
        images,
        np.arange(300) % 3,
        classes,
        draw=lambda n: (torch.randn(n, latent, generator=torch.Generator().manual_seed(0)), torch.zeros(n, classes)),
        random=torch.Generator().manual_seed(1),
        device=torch.device("cpu"),
    )


def test_distances_by_hand() -> None:
    points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    assert float(pairwise(points)) == pytest.approx((5 + 1 + math.sqrt(18)) / 3)
    assert nearest(points).tolist() == pytest.approx([1.0, math.sqrt(18), 1.0])
    assert float(duplicates(torch.tensor([0.1, 0.3]), torch.tensor(1.0))) == 0.5


def test_pictures_as_various_as_the_real_ones_measure_about_one() -> None:
    noise = Drawn(lambda latent, _: torch.erf(latent / math.sqrt(2)).view(-1, 1, 8, 8))  # even over -1..1, as the real ones
    measured = checkup().measure(noise, Brightness())
    assert measured["variety"] == pytest.approx(1, abs=0.05)
    assert measured["nearest"] == pytest.approx(1, abs=0.05)
    assert measured["duplicates"] == 0
    assert measured["separation"] == pytest.approx(0.5, abs=0.1)
    assert measured["sensitivity"] > 0.05
    assert (measured["reach_low"], measured["reach_high"]) == (-1, 1)


def test_one_picture_a_class_is_no_variety_however_much_classes_differ() -> None:
    one_each = Drawn(lambda _, label: (label.argmax(1).float() - 1).view(-1, 1, 1, 1).expand(-1, 1, 8, 8))
    measured = checkup().measure(one_each, Brightness())
    assert (measured["variety"], measured["duplicates"], measured["sensitivity"]) == (0, 1, 0)
    unlabelled = checkup(classes=0).measure(Drawn(lambda latent, _: torch.zeros(len(latent), 1, 8, 8)), Brightness())
    assert (unlabelled["variety"], unlabelled["duplicates"]) == (0, 1)


def test_the_range_is_what_can_be_reached_and_not_what_is_made_so_far() -> None:
    shy = Drawn(lambda latent, _: torch.tanh(0.05 * latent).view(-1, 1, 8, 8))
    assert checkup().measure(shy, Brightness())["reach_low"] < -0.9
    grey = Drawn(lambda latent, _: torch.sigmoid(torch.relu(latent)).view(-1, 1, 8, 8))
    measured = checkup().measure(grey, Brightness())
    assert measured["reach_low"] == 0.5
    assert measured["real_low"] < -0.95


def test_a_checkup_disturbs_nothing() -> None:
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Dropout(), nn.Unflatten(1, (1, 8, 8))).train()

    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, latent: torch.Tensor, label: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
            return torch.tanh(self.network(latent))

    wrapped = Wrapped().train()
    before = {name: one.clone() for name, one in wrapped.state_dict().items()}
    random = torch.get_rng_state()
    checkup().measure(wrapped, Brightness())
    assert all(torch.equal(one, before[name]) for name, one in wrapped.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert wrapped.training
    assert network[2].training


def test_classes_of_too_few_pictures_are_left_out_and_nothing_is_measured_without_any() -> None:
    images, labels = np.zeros((7, 8, 8, 1), np.uint8), np.array([0, 0, 0, 0, 1, 1, 1])
    draws = {
        "draw": lambda n: (torch.randn(n, 4), torch.zeros(n, 2)),
        "random": torch.Generator(),
        "device": torch.device("cpu"),
    }
    assert len(Checkup.choose(images, labels, 2, **draws).groups) == 1
    few = Checkup.choose(images[:3], labels[:3], 2, **draws)
    assert few.measure(nn.Identity(), nn.Identity()) == {}


# --- runs


def failures(run: Path) -> list[str]:
    return [line[FAILURE] for line in read_stats(run) if FAILURE in line]


def test_a_failing_preset_is_named_written_and_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dark = data_set(1, height=28, width=28)
    with caplog.at_level(logging.WARNING, "cganx"):
        run = train(dark, "convergence-failure", tmp_path / "run", steps=20, settings=SMALL | {"health_every": 10})
    assert failures(run.path) == ["output range"]
    assert "output range: the generator reaches" in caplog.text
    report = (run.path / "report.html").read_text(encoding="utf-8")
    assert "<b>output range</b>, seen at step 10" in report
    assert "step-00000020.png" in report
    assert "<polyline" in report


def test_stop_keeps_the_run_and_the_same_command_goes_on(stripes: DataSet, tmp_path: Path) -> None:
    out, quick = tmp_path / "run", SMALL | {"health_every": 5}
    with pytest.raises(TrainingError, match=r"stopped\. step 5: output range.*Try in a new run"):
        train(stripes, "convergence-failure", out, steps=20, settings=quick, on_failure="stop")
    assert open_run(out).checkpoints()[-1] == 5
    run = train(stripes, "convergence-failure", out, steps=20, settings=quick, on_failure="stop")
    assert run.step() == 20
    assert failures(out) == ["output range"]


def test_restart_goes_back_with_lower_rates_and_resumes_to_the_bit(stripes: DataSet, tmp_path: Path) -> None:
    quick = SMALL | {"health_every": 15, "checkpoint_every": 10}
    whole = train(stripes, "convergence-failure", tmp_path / "whole", steps=30, settings=quick, on_failure="restart-best")
    lines = [line for line in read_stats(whole.path) if RESTARTED in line]
    assert [(line["step"], line[RESTARTED]) for line in lines] == [(15, 0), (30, 0)]
    first = train(stripes, "convergence-failure", tmp_path / "parts", steps=22, settings=quick, on_failure="restart-best")
    assert load_checkpoint(first.path, 22)[0]["restarts"] == 1
    parts = train(stripes, "convergence-failure", tmp_path / "parts", steps=30, settings=quick, on_failure="restart-best")
    one, other = (load_checkpoint(run.path, 30)[0] for run in (whole, parts))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_restart_goes_back_to_the_best_checkpoint_where_there_is_one(
    stripes: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distances = iter([3.0, 1.0, 2.0, 4.0, 5.0])
    monkeypatch.setattr(metric.Metric, "ready", lambda *_: True)
    monkeypatch.setattr(
        metric.Metric,
        "__call__",
        lambda *_: Figures(agreement=None, frechet=next(distances), floor=1.0, samples=9, oracle="one", oracle_accuracy=0.9),
    )
    quick = SMALL | {"health_every": 45, "metric_every": 10}
    run = train(stripes, "convergence-failure", tmp_path / "run", steps=45, settings=quick, on_failure="restart-best")
    assert [line[RESTARTED] for line in read_stats(run.path) if RESTARTED in line] == [20]


def test_a_run_that_is_not_finite_is_named_and_can_go_back(
    stripes: DataSet, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The 12th, the 24th ... step jumps to infinity.
    monkeypatch.setattr("cganx.training.loop.rate_factor", lambda step, _: math.inf if step % 12 == 11 else 1.0)
    with pytest.raises(TrainingError, match=r"step 15: not finite: a .* in step 1[23].*; the checkpoint of step 10 stays"):
        train(stripes, "gan-dense", tmp_path / "warn", steps=20, settings=SMALL)
    assert failures(tmp_path / "warn") == [NOT_FINITE]
    with caplog.at_level(logging.WARNING, "cganx"):
        run = train(stripes, "gan-dense", tmp_path / "again", steps=22, settings=SMALL, on_failure="restart-best")
    assert run.step() == 22
    assert "the networks are those of step 0 again, at 0.5 of the rates" in caplog.text
    with pytest.raises(TrainingError, match=r"stopped after 3 restarts\. step 5\d: not finite"):
        train(stripes, "gan-dense", tmp_path / "again", steps=100, settings=SMALL, on_failure="restart-best")


def test_no_checkups_on_request(stripes: DataSet, tmp_path: Path) -> None:
    run = train(stripes, "convergence-failure", tmp_path / "run", steps=10, settings=SMALL | {"health_every": 0})
    assert failures(run.path) == []
    assert not any("variety" in line for line in read_stats(run.path))


def test_a_way_to_act_that_is_none_is_refused(stripes: DataSet, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="on_failure is 'panic': give one of warn, stop, restart-best"):
        train(stripes, out=tmp_path / "run", steps=1, on_failure="panic")  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()
