"""``-o s3://...``: against a real S3 server that fails now and then, and one that dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from s3_server import Door, server

from cganx.runtime.testing import TINY


@pytest.fixture(scope="module", autouse=True)
def _parts(part):
    for name in ("click", "PIL", "onnxruntime", "s3fs", "moto", "boto3", "flask"):
        part(name)


@pytest.fixture(scope="module")
def flaky():
    """A server that answers every eighth request by 503, with an empty bucket for each test."""
    with server(fails=8) as one:
        yield one


@pytest.fixture
def s3(flaky, led):
    flaky.client().create_bucket(Bucket="made")
    led(flaky)
    yield flaky
    client = flaky.client()
    for key in flaky.objects("made"):
        client.delete_object(Bucket="made", Key=key)
    client.delete_bucket(Bucket="made")


@pytest.fixture
def led(monkeypatch):
    """``led(server)``: s3:// is that server from here on."""
    import s3fs

    def lead(one):
        s3fs.S3FileSystem.clear_instance_cache()
        for name, value in one.environment.items():
            monkeypatch.setenv(name, value)

    yield lead
    s3fs.S3FileSystem.clear_instance_cache()


def run(out, *args, code=0):
    from click.testing import CliRunner

    from cganx_cli.group import cganx

    done = CliRunner().invoke(cganx, ["generate", str(TINY), "-o", str(out), *map(str, args)])
    assert done.exit_code == code, done.output
    return done


def local(folder, *args):
    run(folder, *args)
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)).replace(os.sep, "/"): path.read_bytes() for path in found}


def test_objects_are_the_local_files_in_spite_of_failures(s3, tmp_path):
    args = ("--seeds", "0-9")
    run("s3://made/a", *args)
    plain = local(tmp_path, *args)
    lines = plain.pop("manifest.jsonl")
    found = {key.removeprefix("a/"): data for key, data in s3.objects("made").items()}
    assert sorted(found.pop("manifest.jsonl").splitlines()) == sorted(lines.splitlines())
    assert found == plain
    assert "already there" in run("s3://made/a", *args, code=1).stderr
    s3.client().delete_object(Bucket="made", Key="a/disc/3.png")
    done = json.loads(run("s3://made/a", *args, "--existing", "skip", "--json").stdout)
    assert (done["written"], done["skipped"]) == (1, 19)
    assert {key.removeprefix("a/") for key in s3.objects("made")} == {*plain, "manifest.jsonl"}


@pytest.mark.parametrize("kind", ["webdataset", "parquet"])
def test_shards_are_the_local_ones_and_are_skipped(s3, tmp_path, part, kind):
    part("pyarrow")
    args = ("--seeds", "0-20", "--shards", "2", "--format", kind)
    run("s3://made/b", *args)
    assert {key.removeprefix("b/"): data for key, data in s3.objects("made").items()} == local(tmp_path, *args)
    done = run("s3://made/b", *args, "--existing", "skip", "--json")
    assert json.loads(done.stdout)["skipped"] == 42


def test_a_shard_of_several_parts_is_whole_and_nothing_is_left_of_one_that_fails(s3, tmp_path, monkeypatch):
    from cganx_cli import sinks

    monkeypatch.setattr(sinks, "BLOCK", 5 * 2**20)  # the least that S3 takes
    args = ("--seeds", "0-6", "--class", "disc", "--resize", "2600")
    shard = ("--shards", "1")
    run("s3://made/c", *args, *shard)
    (whole,) = s3.objects("made").values()
    assert len(whole) > 5 * 2**20
    assert whole == next(iter(local(tmp_path, *args, *shard).values()))
    monkeypatch.setattr("cganx_cli.shards.TarShards.writer", failing)
    assert str(run("s3://made/d", *args, *shard, code=1).exception) == "a bug"
    assert list(s3.objects("made")) == ["c/tiny-00000-of-00001.tar"]
    assert s3.client().list_multipart_uploads(Bucket="made").get("Uploads", []) == []


def failing(self, file, description, card):
    del self, description, card
    file.write(bytes(12 * 2**20))
    raise RuntimeError("a bug")


def test_a_bucket_that_is_not_there_is_one_sentence(s3):
    del s3
    said = run("s3://none/x", "--seeds", "0", code=1).stderr
    assert "The specified bucket does not exist" in said
    assert said.count("\n") == 1


def test_a_server_that_dies_is_one_sentence_and_so_is_one_that_is_dead(led, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # or each failure takes seconds before it is one
    with server() as s3:
        s3.client().create_bucket(Bucket="made")
        led(s3)

        def kill():
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and not s3.objects("made"):
                time.sleep(0.1)
            s3.stop()

        killer = threading.Thread(target=kill)
        killer.start()
        said = run("s3://made/d", "--seeds", "0-999999", "--patience", "0", code=1).stderr
        killer.join()
        assert said.startswith("Error: cannot write s3://made/d/")
        assert said.count("\n") == 1
        said = run("s3://made/d", "--seeds", "0", "--patience", "0", code=1).stderr
        assert said.startswith("Error: cannot reach s3://made/d: Could not connect to the endpoint URL")
        assert said.count("\n") == 1


@pytest.fixture(scope="module")
def sound():
    """A server that answers all."""
    with server() as one:
        yield one


@pytest.fixture
def door(sound, led, monkeypatch):
    """A door before a server with an empty bucket, which this process and its children go through."""
    sound.client().create_bucket(Bucket="made")
    led(sound)
    one = Door(sound.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL", one.url)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    yield one
    one.close()
    client = sound.client()
    listed = client.list_objects_v2(Bucket="made").get("Contents", [])
    if listed:
        client.delete_objects(Bucket="made", Delete={"Objects": [{"Key": one["Key"]} for one in listed]})
    for left in client.list_multipart_uploads(Bucket="made").get("Uploads", []):
        client.abort_multipart_upload(Bucket="made", Key=left["Key"], UploadId=left["UploadId"])
    client.delete_bucket(Bucket="made")


def begun(*args):
    """A command of its own process."""
    line = [sys.executable, "-m", "cganx_cli", "generate", str(TINY), "-q", *map(str, args)]
    return subprocess.Popen(line, stderr=subprocess.PIPE, text=True)


def wait_until(true, seconds=60):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def count(s3):
    return s3.client().list_objects_v2(Bucket="made").get("KeyCount", 0)


def found_in(s3, folder):
    """Objects and their bytes, but for the manifest, which lists pictures in the order that they came in."""
    return {
        key.removeprefix(f"{folder}/"): data for key, data in s3.objects("made").items() if not key.endswith("manifest.jsonl")
    }


def test_a_dropped_connection_is_waited_for_in_silence(door, sound, tmp_path):
    args = ("--seeds", "0-99")
    process = begun(*args, "-o", "s3://made/f", "--patience", "60")
    wait_until(lambda: count(sound) > 20)
    for _ in range(3):
        door.shut()
        time.sleep(0.3)
        door.open()
        time.sleep(0.3)
    assert process.communicate(timeout=120) == (None, "")
    assert process.returncode == 0
    plain = local(tmp_path, *args)
    del plain["manifest.jsonl"]
    assert found_in(sound, "f") == plain


@pytest.mark.parametrize("form", [("--seeds", "0-99"), ("--seeds", "0-999", "--shards", "20")], ids=["files", "shards"])
def test_a_server_that_is_gone_is_one_sentence_and_once_it_is_back_the_bytes_are_the_same(door, sound, tmp_path, form):
    process = begun(*form, "-o", "s3://made/g", "--patience", "0")
    wait_until(lambda: count(sound) > 2)
    door.shut()
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 1
    assert said.startswith("Error: cannot write s3://made/g/")
    assert said.count("\n") == 1
    plain = local(tmp_path, *form)
    plain.pop("manifest.jsonl", None)
    before = found_in(sound, "g")
    assert 0 < len(before) < len(plain)
    assert before.items() <= plain.items()
    door.open()
    run("s3://made/g", *form, "--existing", "skip")
    assert found_in(sound, "g") == plain


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
@pytest.mark.parametrize("form", [("--seeds", "0-99"), ("--seeds", "0-999", "--shards", "20")], ids=["files", "shards"])
def test_a_killed_command_left_whole_objects_and_goes_on(door, sound, tmp_path, form):
    del door
    process = begun(*form, "-o", "s3://made/k")
    wait_until(lambda: count(sound) > 2)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    plain = local(tmp_path, *form)
    plain.pop("manifest.jsonl", None)
    before = found_in(sound, "k")
    assert 0 < len(before) < len(plain)
    assert before.items() <= plain.items()
    run("s3://made/k", *form, "--existing", "skip")
    assert found_in(sound, "k") == plain


def test_the_parts_of_a_shard_are_sent_again_within_the_patience(door, sound, tmp_path, monkeypatch):
    from cganx_cli import sinks

    monkeypatch.setattr(sinks, "BLOCK", 5 * 2**20)
    args = ("--seeds", "0-6", "--class", "disc", "--resize", "2600", "--shards", "1")

    def shut():
        wait_until(lambda: sound.client().list_multipart_uploads(Bucket="made").get("Uploads"))
        door.shut()
        time.sleep(4)
        door.open()

    shutting = threading.Thread(target=shut)
    shutting.start()
    run("s3://made/p", *args, "--patience", "60")
    shutting.join()
    assert found_in(sound, "p") == local(tmp_path, *args)


def test_keys_that_are_not_there_are_said_at_once(door, monkeypatch, tmp_path):
    del door
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    began = time.monotonic()
    said = run("s3://made/x", "--seeds", "0", "--patience", "600", code=1).stderr
    assert said == "Error: cannot reach s3://made/x: Unable to locate credentials\n"
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("out", ["s3://", "s3:///folder"])
def test_a_url_without_a_bucket_is_a_wrong_use(out):
    assert "it names no bucket" in run(out, "--seeds", "0", code=2).stderr
