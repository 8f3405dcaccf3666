"""``cganx bench``: that it measures what it says, in processes that end; the figures themselves are the machine's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from cganx import runtime
from cganx.runtime.testing import TINY

QUICK = ["--rounds", "3", "--seconds", "0.01"]


@pytest.fixture(autouse=True)
def _parts(part):
    for name in ("click", "PIL", "onnxruntime"):
        part(name)


@pytest.fixture
def run():
    from click.testing import CliRunner

    from cganx_cli.group import cganx

    return lambda *args: CliRunner().invoke(cganx, ["bench", *map(str, args)], prog_name="cganx")


def test_every_batch_size_and_thread_count_is_measured_and_drawn(run, tmp_path):
    from PIL import Image

    plot = tmp_path / "deep" / "bench.png"
    done = run(TINY, "--batch-sizes", "1,8", "--threads", "1,2", *QUICK, "--plot", plot, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["model"]
    assert (found["name"], found["sha256"], found["device"]) == ("tiny", runtime.read(TINY).sha256, "cpu")
    assert [(row["threads"], row["batch"]) for row in found["rows"]] == [(1, 1), (1, 8), (2, 1), (2, 8)]
    for row in found["rows"]:
        rate = row["pictures_per_second"]
        assert 0 < rate["low"] <= rate["median"] <= rate["high"]
        assert rate["count"] == 3
    assert found["cold_start_seconds"]["count"] == 4
    with Image.open(plot) as image:
        assert image.size == (960, 600)
        assert len(image.getcolors(1 << 20)) > 10


def test_a_table_for_people_and_a_file_without_a_card_beside_it(run, tmp_path, part):
    part("onnx")
    import onnx

    model = onnx.load(TINY)
    del model.metadata_props[:]
    plain = tmp_path / "plain.onnx"
    onnx.save(model, plain)
    done = run(TINY, "--against", plain, "--batch-sizes", "4", "--threads", "1", *QUICK)
    assert done.exit_code == 0, done.output
    head, row, *rest = done.stdout.splitlines()
    assert "tiny: pictures/s" in head
    assert "plain.onnx: pictures/s" in head
    assert head.endswith("times as fast")
    assert row.split()[:2] == ["1", "4"]
    assert [line.partition(" ")[0] for line in rest[:2]] == ["tiny", "plain.onnx"]


@pytest.mark.skipif(sys.platform not in ("linux", "darwin", "win32"), reason="no other system's figure is known")
def test_the_most_memory_is_what_was_taken():
    from cganx_cli.bench_worker import peak_memory

    before = peak_memory()
    assert before is not None
    taken = bytearray(os.urandom(1)) * (before + (64 << 20))
    after = peak_memory()
    assert after is not None
    assert after - before >= 32 << 20, len(taken)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--batch-sizes", "0"], 2, "1,16,64"),
        (["--batch-sizes", "5000"], 2, "4,096"),
        (["--threads", "1,x"], 2, "--threads"),
        (["--threads", ",".join(map(str, range(1, 20)))], 2, "16 numbers"),
        (["--plot", "bench.svg"], 2, ".png"),
        (["--batchsizes", "1"], 2, "--batch-sizes"),
        (["--against", "fashon", *QUICK, "--batch-sizes", "1", "--threads", "1"], 1, "did you mean 'fashion'"),
    ],
)
def test_wrong_options_are_one_sentence(run, args, code, said):
    done = run(TINY, *args)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="the interruption is sent the POSIX way")
def test_an_interruption_ends_both_processes(part):
    part("psutil")
    import psutil

    words = [sys.executable, "-m", "cganx_cli", "bench", str(TINY), "--rounds", "1000", "--seconds", "60"]
    running = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs are born ignoring it
    )
    try:
        while not (below := psutil.Process(running.pid).children()):
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert (running.returncode, out, err.strip()) == (130, "", "")
    assert not any(one.is_running() for one in below)


@pytest.mark.skipif(os.name != "posix", reason="false is a POSIX program")
def test_a_process_that_dies_is_one_sentence(run, monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")
    done = run(TINY, *QUICK)
    assert done.exit_code == 1
    assert done.stderr == "Error: the process ended with 1\n"


def test_a_chart_has_room_for_every_name():
    from cganx_cli.plot import Line, plot

    points = ((1, 10.0, 9.0, 12.0), (64, 30.0, 20.0, 31.0))
    many = plot(
        "Many", [Line(f"a generator with a long name, {number} threads", points, number % 2 == 0) for number in range(9)]
    )
    one = plot("One size", [Line("a", ((16, 0.3, 0.2, 0.4),))])
    assert many.size == one.size
    assert many.tobytes() != plot("Many", [Line("a", points)]).tobytes()
