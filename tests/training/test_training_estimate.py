from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cganx.errors import CganxError
from cganx.training import open_run
from cganx.training.command import train

ASKED = ["--preset", "gan-dense", "--batch-size", "8"]


def dry(folder: Path, out: Path, *more: str) -> dict:
    result = CliRunner().invoke(
        train, ["--data", str(folder), "-o", str(out), *ASKED, *more, "--dry-run"], catch_exceptions=False
    )
    assert result.exit_code == 0
    return json.loads(result.stdout)


def test_a_dry_run_says_what_the_run_would_be_and_leaves_nothing(folder: Path, tmp_path: Path):
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    found = dry(folder, tmp_path / "run", "--set", "beta1=0.4", "--steps", "1000")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert found["time"]["seconds"] == pytest.approx(1000 * found["time"]["seconds_per_step"], rel=0.05, abs=0.2)
    assert found["parameters"]["generator"] > 1000
    assert found["memory_mib"]["generator"] == pytest.approx(found["parameters"]["generator"] * 4 / 2**20, rel=0.2, abs=0.02)
    assert found["memory_mib"]["generator_optimizer"] == pytest.approx(2 * found["memory_mib"]["generator"], rel=0.2, abs=0.02)
    assert found["memory_mib"].get("process_peak", 100) > 50

    result = CliRunner().invoke(
        train, ["--data", str(folder), "-o", str(tmp_path / "run"), *ASKED, "--set", "beta1=0.4", "--steps", "1"]
    )
    assert result.exit_code == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert {**config, "made_with": 0} == {**found["config"], "made_with": 0}
    assert dry(folder, tmp_path / "run", "--set", "beta1=0.4", "--time-budget", "60")["time"]["seconds"] <= 60
    assert open_run(tmp_path / "run").step() == 1


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--set", "beta3=0.4"], "did you mean"),
        (["--image-size", "3000"], "too large"),
        (["--init-from", "nowhere"], "not a run"),
        (["--set", "beta1=0.3"], "beta1: 0.5 in the run, 0.3 asked"),
    ],
)
def test_what_training_refuses_is_refused(more: list[str], says: str, folder: Path, tmp_path: Path):
    out = tmp_path / "run"
    if "beta1=0.3" in more:
        CliRunner().invoke(train, ["--data", str(folder), "-o", str(out), *ASKED, "--steps", "1"], catch_exceptions=False)
    with pytest.raises(CganxError, match=says):
        dry(folder, out, *more)
    assert out.exists() == ("beta1=0.3" in more)
