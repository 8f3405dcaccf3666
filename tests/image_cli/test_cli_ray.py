"""``--engine ray``: a real cluster of three machines makes the bytes that one machine makes, also where one of them dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from ray_cluster import cluster
from s3_server import server

from cganx.runtime.testing import TINY

SHARDS = ("--seeds", "0-11999", "--shards", "60")


@pytest.fixture(autouse=True)
def _parts(part):
    for name in ("click", "PIL", "onnxruntime"):
        part(name)


@pytest.fixture(scope="module")
def s3(part):
    for name in ("s3fs", "moto", "boto3", "flask", "pyarrow"):
        part(name)
    with server() as one:
        yield one


@pytest.fixture(scope="module")
def ray(part, s3):
    """The cluster: its machines have the keys of that S3 server, as its machines would."""
    if sys.platform != "linux":
        pytest.skip("Ray's clusters of several machines are for Linux")
    for name in ("ray", "psutil"):
        part(name)
    with cluster(s3.environment) as one:
        yield one


@pytest.fixture(scope="module")
def whole(part, tmp_path_factory):
    """What one machine makes."""
    for name in ("click", "PIL", "onnxruntime"):
        part(name)
    out = tmp_path_factory.mktemp("whole")
    assert finish(start(out, *SHARDS, "--quiet"))[0] == 0
    return contents(out)


def start(out, *args, ray=None):
    engine = [] if ray is None else ["--engine", "ray", "--address", ray.address, "--json"]
    return subprocess.Popen(
        [sys.executable, "-m", "cganx_cli", "generate", str(TINY), "-o", str(out), *map(str, args), *engine],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=None if ray is None else ray.environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def finish(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def wait_for_shards(out, count):
    until = time.monotonic() + 60
    while len(list(out.glob("tiny-*"))) < count:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_machine_killed_in_the_middle_costs_nothing(tmp_path, ray, whole):
    out = tmp_path / "out"
    process = start(out, *SHARDS, ray=ray)
    until = time.monotonic() + 60
    while not (at_work := [one for one in ray.machines[1:] if one.works()]):
        assert time.monotonic() < until, "no worker is outside the head"
        time.sleep(0.05)
    wait_for_shards(out, len(list(out.glob("tiny-*"))) + 3)
    at_work[0].kill()
    ray.machines.remove(at_work[0])
    assert len(list(out.glob("tiny-*"))) < 60, "it was not in the middle"
    code, said, err = finish(process)
    assert code == 0, err
    summary = json.loads(said)
    assert summary["workers"] == 2, "one of three CPUs is left free"
    assert summary["written"] == 12_000 * 2, "a picture is lost, or counted twice"
    assert contents(out) == whole
    assert "Traceback" not in err
    ray.add()


def test_ctrl_c_gives_up_what_is_in_work_and_the_same_command_goes_on(tmp_path, ray, whole):
    out = tmp_path / "out"
    process = start(out, *SHARDS, ray=ray)
    wait_for_shards(out, 5)
    process.send_signal(signal.SIGINT)
    code, said, err = finish(process)
    assert (code, said) == (130, "")
    assert "Traceback" not in err
    found = contents(out)
    assert 5 <= len(found) < 60
    assert found.items() <= whole.items()
    (victim, *_) = found
    (out / victim).write_bytes(found[victim][:1000])
    code, said, err = finish(start(out, *SHARDS, "--existing", "skip", ray=ray))
    assert code == 0, err
    summary = json.loads(said)
    assert summary["mended"] == 1
    assert summary["skipped"] == (len(found) - 1) * 12_000 * 2 // 60
    assert contents(out) == whole


def test_rows_of_a_file_go_to_s3_as_parquet(tmp_path, ray, s3):
    s3.client().create_bucket(Bucket="rows")
    rows = tmp_path / "rows.csv"
    rows.write_text("label,seed,truncation\n" + "".join(f"{('disc', 'cross')[n % 2]},{n},{0.5 + n % 3}\n" for n in range(300)))
    args = ("--requests", rows, "--format", "parquet", "--shards", "3", "--mirror", "random")
    code, _, err = finish(start("s3://rows/set", *args, ray=ray))
    assert code == 0, err
    assert finish(start(tmp_path / "whole", *args))[0] == 0
    assert {key.rpartition("/")[2]: data for key, data in s3.objects("rows").items()} == contents(tmp_path / "whole")


def test_what_a_worker_refuses_is_one_sentence(tmp_path, ray):
    out = tmp_path / "out"
    assert finish(start(out, "--seeds", "0-9", "--shards", "2"))[0] == 0
    before = contents(out)
    code, said, err = finish(start(out, "--seeds", "10-19", "--shards", "2", "--existing", "skip", ray=ray))
    assert (code, said) == (1, "")
    assert "a worker on " in err
    assert "of another model, other classes, seeds or settings" in err
    assert err.count("\n") == 1
    code, said, err = finish(start(tmp_path / "gpu", "--seeds", "0-9", "--shards", "2", "--device", "cuda", ray=ray))
    assert (code, err.count("\n")) == (1, 1)
    assert "the cluster has no GPU" in err
    assert contents(out) == before


# ----------------------------------------------------------------------------------------------------------------------
# Without a cluster


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("--engine", "ray"), "--engine ray makes shards, not a file a picture"),
        (("--engine", "ray", "--layout", "yolo"), "--engine ray makes shards, not a file a picture"),
        (("--engine", "ray", "--shards", "2", "--device", "cuda:1"), "say --device cuda"),
        (("--address", "10.0.0.1:6379", "--shards", "2"), "--address and --workers belong to --engine ray"),
        (("--workers", "3", "--shards", "2"), "--address and --workers belong to --engine ray"),
    ],
)
def test_what_ray_does_not_do_is_a_usage_error(run, tmp_path, monkeypatch, args, sentence):
    monkeypatch.setattr("cganx_cli.generate.find_spec", lambda _: True)
    done = run("generate", TINY, "--seeds", "0-9", "-o", tmp_path / "out", *args)
    assert done.exit_code == 2
    assert sentence in done.output
    assert not (tmp_path / "out").exists()


def test_without_ray_the_pip_line(run, tmp_path, monkeypatch):
    monkeypatch.setattr("cganx_cli.generate.find_spec", lambda name: None if name == "ray" else True)
    done = run("generate", TINY, "--seeds", "0-9", "--shards", "2", "-o", tmp_path / "out", "--engine", "ray")
    assert done.exit_code == 1
    assert done.output == 'Error: --engine ray needs ray, which is not installed: pip install "cganx[ray]"\n'
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:6379", "no-address"])
def test_an_address_where_no_cluster_is(tmp_path, part, address):
    part("ray")
    command = [sys.executable, "-m", "cganx_cli", "generate", str(TINY), "--seeds", "0-9", "--shards", "2"]
    command += ["-o", str(tmp_path / "out"), "--engine", "ray", "--address", address]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "RAY_ADDRESS": "unused"})
    assert done.returncode == 1
    assert done.stderr.startswith("Error: no Ray cluster")
    assert address in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
