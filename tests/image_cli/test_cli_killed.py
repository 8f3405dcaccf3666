"""Killed, full, read-only, interrupted: what is there is whole, and the same command ends with the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from cganx.runtime.testing import TINY

SEEDS = ("--seeds", "0-149")


@pytest.fixture(autouse=True)
def _parts(part):
    for name in ("click", "PIL", "onnxruntime"):
        part(name)


def command(out, *args):
    return [sys.executable, "-m", "cganx_cli", "generate", str(TINY), "-o", str(out), *map(str, args)]


def run(out, *args, code=0):
    from click.testing import CliRunner

    from cganx_cli.group import cganx

    done = CliRunner().invoke(cganx, command(out, *args)[3:])
    assert done.exit_code == code, done.output
    return done.stderr


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


FORMS = {
    "files": (*SEEDS,),
    "yolo": (*SEEDS, "--layout", "yolo"),
    "tar": (*SEEDS, "--shards", "5"),
    "parquet": (*SEEDS, "--shards", "5", "--format", "parquet"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
@pytest.mark.parametrize("form", FORMS)
def test_killed_anywhere_the_same_command_ends_with_the_same_bytes(tmp_path, part, form):
    if form == "parquet":
        part("pyarrow")
    args = FORMS[form]
    run(tmp_path / "whole", *args)
    whole = contents(tmp_path / "whole")
    out, kills, moments = tmp_path / "out", 0, random.Random(form)
    while kills < 4:
        count = moments.randrange(12 if "--shards" in args else 200)
        # The work is in a process that kills itself in front of a write, a rename or a deletion, drawn beforehand.
        code = KILLED.format(count=count, arguments=command(out, *args, "--existing", "skip", "--batch-size", 8)[3:])
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        found = {name: data for name, data in contents(out).items() if ".cganx-" not in name} if out.exists() else {}
        assert all(whole[name] == data for name, data in found.items() if name != "manifest.jsonl"), "a file is not whole"
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        kills += 1
    assert kills > 0
    run(out, *args, "--existing", "skip")
    found = contents(out)
    assert found.keys() == whole.keys(), "a scratch file is left, or a file is missing"
    found.pop("manifest.jsonl", None)
    assert found == {name: data for name, data in whole.items() if name != "manifest.jsonl"}
    assert not [path for path in out.rglob("*") if path.name.startswith(".cganx-")]


KILLED = """
import itertools, os, signal, sys
calls = itertools.count()
def hook(event, arguments):
    if event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir") or (event == "open" and arguments[1] in ("wb", "xb")):
        if next(calls) == {count}:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
from cganx_cli.group import cganx
sys.argv = ["cganx", *{arguments!r}]
cganx()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_a_scratch_folder_that_is_in_use_is_left_alone(tmp_path):
    out = tmp_path / "out"
    slow = subprocess.Popen(command(out, "--seeds", "0-999999", "--class", "disc"), stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not list(out.glob("disc/*.png")) and time.monotonic() < deadline:
            time.sleep(0.02)
        (used,) = out.glob(".cganx-*")
        run(out, "--seeds", "0-9", "--class", "cross")
        assert used.exists()
        assert slow.poll() is None
    finally:
        slow.kill()
        slow.wait()
    assert used.exists()
    run(out, "--seeds", "10-11", "--class", "cross")
    assert not list(out.glob(".cganx-*"))


@pytest.mark.skipif(sys.platform != "linux", reason="a full disk is tried with a small file system in memory, Linux's")
def test_a_disk_that_is_full_and_then_is_not_and_one_that_is_read_only(tmp_path):
    whole, small = tmp_path / "whole", tmp_path / "small"
    run(whole, *SEEDS)
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", small], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        said = run(small / "out", *SEEDS, code=1)
        assert "No space left on device" in said
        assert said.count("\n") == 1
        assert not list((small / "out").glob(".cganx-*"))
        subprocess.run(["mount", "-o", "remount,size=8m", small], check=True)
        run(small / "out", *SEEDS, "--existing", "skip")
        assert contents(small / "out").keys() == contents(whole).keys()
        assert {name: data for name, data in contents(small / "out").items() if name.endswith(".png")} == {
            name: data for name, data in contents(whole).items() if name.endswith(".png")
        }
        subprocess.run(["mount", "-o", "remount,ro", small], check=True)
        for args in (("--seeds", "900"), ("--seeds", "900", "--shards", "1")):
            said = run(small / "out", *args, code=1)
            assert "Read-only file system" in said
            assert said.count("\n") == 1
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is read-only to this user")
def test_a_folder_that_is_read_only_is_one_sentence(tmp_path):
    tmp_path.chmod(0o500)
    said = run(tmp_path / "out", "--seeds", "0", code=1)
    tmp_path.chmod(0o700)
    assert "Permission denied" in said
    assert said.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is POSIX's")
def test_ctrl_c_gives_a_shard_up_and_leaves_those_before(tmp_path):
    out = tmp_path / "out"
    process = subprocess.Popen(
        command(out, "--seeds", "0-99999", "--shards", "1000"),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 60
    while len(list(out.glob("*.tar"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "Traceback" not in said
    left = sorted(path.name for path in out.iterdir())
    assert len(left) >= 2
    assert left == [f"tiny-{number:05d}-of-01000.tar" for number in range(len(left))]
    run(out, "--seeds", "0-99999", "--shards", "1000", "--shard", f"0-{len(left) - 1}", "--existing", "skip")
