"""``-o s3://...``: against a real S3 server that fails now and then, and one that dies."""

from __future__ import annotations

import json
import os
import threading
import time

import pytest
from s3_server import server

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
