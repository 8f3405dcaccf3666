"""``cganx check``: a table, a verdict as exit code, and JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cganx import runtime
from cganx.checking import CHECKS
from cganx.runtime.testing import TINY


@pytest.fixture(autouse=True)
def _parts(part):
    for name in ("click", "onnxruntime"):
        part(name)


@pytest.fixture
def cut(tmp_path) -> Path:
    path = tmp_path / "cut.onnx"
    path.write_bytes(TINY.read_bytes()[:-200])
    return path


def test_a_good_file_is_a_table_and_exit_code_0(run):
    done = run("check", TINY)
    assert (done.exit_code, done.stderr) == (0, "")
    *rows, summary = done.stdout.splitlines()
    assert [row.split()[0] for row in rows] == list(CHECKS)
    assert {row.split()[1] for row in rows} <= {"passed", "skipped"}
    assert len({len(row) - len(row.split(maxsplit=2)[2]) for row in rows}) == 1, "the columns are aligned"
    assert summary.startswith(f"{TINY}: {TINY.stat().st_size:,} bytes, ")
    assert "failed" not in done.stdout


def test_a_bundled_name_is_a_model(run):
    done = run("check", "fashion", "--json", "--device", "cpu")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert (found["model"], found["name"], found["device"], found["passed"]) == ("fashion", "fashion", "cpu", True)
    assert found["sha256"] == runtime.read(runtime.bundled()["fashion"]).sha256
    assert [one["name"] for one in found["checks"]] == list(CHECKS)
    assert [one["label"] for one in found["labels"]] == list(runtime.read(runtime.bundled()["fashion"]).card.classes)
    assert all(one["apart"] > 10 and one["between_seeds"] > 10 and one["flat"] == 0 for one in found["labels"])


@pytest.mark.parametrize("flag", [[], ["--json"]])
def test_a_broken_file_is_exit_code_1(run, cut, flag):
    done = run("check", cut, *flag)
    assert (done.exit_code, done.stderr) == (1, "")
    if flag:
        found = json.loads(done.stdout)
        assert (found["passed"], found["name"], found["sha256"], found["device"]) == (False, None, None, None)
        assert [one["name"] for one in found["checks"] if one["verdict"] == "failed"] == ["file"]
    else:
        assert done.stdout.splitlines()[-1].startswith(f"{cut}: {cut.stat().st_size:,} bytes, 1 failed, ")


def test_a_file_that_is_not_there_is_one_sentence(run, tmp_path):
    done = run("check", tmp_path / "none.onnx")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"Error: {tmp_path / 'none.onnx'}: there is no such file\n"
    assert run("check", TINY, "--device", "warp").exit_code == 2


def test_it_needs_click_and_onnxruntime_alone():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'onnx', 'PIL', 'tqdm', 'pooch']))\n"
        f"from cganx_cli.group import cganx\ncganx(['check', {str(TINY)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 skipped, 12 passed" in done.stdout
