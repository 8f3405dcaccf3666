"""``cganx models``: what it lists, what it takes in, and what it refuses; a server of its own stands for the web."""

from __future__ import annotations

import json
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cganx import runtime
from cganx.runtime.testing import TINY

BYTES = TINY.read_bytes()
DIGEST = sha256(BYTES).hexdigest()


@pytest.fixture(autouse=True)
def _parts(part):
    part("click")


@pytest.fixture
def run():
    from click.testing import CliRunner

    from cganx_cli.group import cganx

    return lambda *args, **env: CliRunner().invoke(cganx, ["models", *map(str, args)], prog_name="cganx", env=env)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CGANX_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def held(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@contextmanager
def web(answer) -> Iterator[str]:
    """A server whose every GET is ``answer(handler)``; the address of it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def sends(body, length=None):
    def answer(handler):
        handler.send_response(200)
        if length != "none":
            handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_an_added_file_is_listed_shown_and_loaded_by_name(run, folder, part):
    part("onnxruntime")
    done = run("add", TINY, "--name", "mine")
    assert (done.exit_code, done.stdout) == (0, "")
    assert DIGEST in done.stderr
    assert held(folder) == ["mine.json", "mine.onnx"]
    listed = {one["name"]: one for one in json.loads(run("--json").stdout)}
    assert {name for name, one in listed.items() if one["bundled"]} == set(runtime.bundled())
    assert listed["mine"]["path"] == str(folder / "mine.onnx") == run("path", "mine").stdout.strip()
    assert json.loads(run("list", "--json").stdout) == list(listed.values())
    assert run("path").stdout.strip() == str(folder)
    shown = json.loads(run("show", "mine", "--json").stdout)
    assert (shown["source"], shown["card"]["name"]) == (str(TINY), "tiny")
    assert "came from" in run("show", "mine").stdout
    assert runtime.load("mine", "cpu").card.name == "tiny"


def test_the_name_is_the_file_s_and_the_same_file_twice_is_no_trouble(run):
    assert json.loads(run("add", TINY, "--json").stdout)["new"] is True
    again = json.loads(run("add", TINY, "--json").stdout)
    assert (again["name"], again["new"]) == ("tiny", False)


def test_another_file_of_that_name_is_refused_unless_asked_for(run, folder):
    run("add", TINY, "--name", "mine")
    other = runtime.bundled()["fashion"]
    done = run("add", other, "--name", "mine")
    assert done.exit_code == 1
    assert "--replace" in done.stderr
    assert (folder / "mine.onnx").read_bytes() == BYTES
    assert run("add", other, "--name", "MINE", "--replace").exit_code == 0, "a name that differs in case alone is the same"
    assert held(folder) == ["mine.json", "mine.onnx"]
    assert (folder / "mine.onnx").read_bytes() == other.read_bytes()
    assert run("verify", "mine").exit_code == 0


@pytest.mark.parametrize("name", ["fashion", "FASHION", "con", "Com1", "a.b", "a b", "../up", "", "-x", "ünï", "n" * 65])
def test_names_that_are_bundled_or_no_names_everywhere_are_refused(run, folder, name):
    done = run("add", TINY, f"--name={name}")
    assert (done.exit_code, held(folder)) == (2, [])
    assert "--name" in done.stderr


def test_what_loading_would_refuse_is_not_put_in_place(run, folder, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(BYTES[:-20])
    for source in (broken, tmp_path / "none.onnx", tmp_path):
        done = run("add", source, "--name", "mine")
        assert (done.exit_code, done.stdout, held(folder)) == (1, "", [])
        assert done.stderr.startswith("Error: ")
        assert done.stderr.count("\n") == 1


def test_a_hash_is_held_to(run, folder):
    assert run("add", TINY, "--sha256", "0" * 64).exit_code == 1
    assert run("add", TINY, "--sha256", "0" * 63).exit_code == 2
    assert held(folder) == []
    assert run("add", TINY, "--sha256", DIGEST.upper()).exit_code == 0


def test_what_lies_at_a_url_is_added_and_its_secrets_are_not_written_down(run, folder):
    with web(sends(BYTES)) as address:
        done = run("add", f"{address}/deep/my%2Dshoes.onnx?token=secret", "--sha256", DIGEST)
    assert done.exit_code == 0, done.stderr
    assert (folder / "my-shoes.onnx").read_bytes() == BYTES
    assert "secret" not in (folder / "my-shoes.json").read_text()
    assert run("verify", "my-shoes").exit_code == 0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda handler: handler.send_error(404), "answers 404"),
        (sends(BYTES, length=len(BYTES) + 1), "broke off"),
        (sends(b"", length=1 << 40), "larger than 256 MiB"),
        (sends(b"no model"), "has the sha256"),
    ],
)
def test_what_does_not_arrive_whole_is_not_added(run, folder, answer, said):
    with web(answer) as address:
        done = run("add", f"{address}/mine.onnx", "--sha256", DIGEST)
    assert (done.exit_code, held(folder)) == (1, [])
    assert said in done.stderr
    assert "nothing was added" in done.stderr


def test_a_stream_without_an_end_is_cut_off(run, folder, monkeypatch):
    from dataclasses import replace

    monkeypatch.setattr(runtime, "LIMITS", replace(runtime.LIMITS, file_bytes=1 << 18))
    with web(sends(bytes(1 << 20), length="none")) as address:
        done = run("add", f"{address}/mine.onnx", "--sha256", DIGEST)
    assert (done.exit_code, held(folder)) == (1, [])
    assert "larger than" in done.stderr


def test_nobody_there_is_one_sentence(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        done = run("add", f"https://127.0.0.1:{taken.getsockname()[1]}/mine.onnx")
    assert done.exit_code == 1
    assert "cannot be fetched" in done.stderr


def test_offline_fetches_nothing(run, folder):
    asked = []

    def answer(handler):
        asked.append(handler.path)
        sends(BYTES)(handler)

    with web(answer) as address:
        words = ("add", f"{address}/mine.onnx", "--sha256", DIGEST)
        done = [run(*words, "--offline"), run(*words, CGANX_OFFLINE="1")]
    assert [one.exit_code for one in done] == [1, 1]
    assert (asked, held(folder)) == ([], [])
    assert run("add", TINY, "--offline").exit_code == 0


@pytest.mark.parametrize("url", ["http://example.org/mine.onnx", "s3://bucket/mine.onnx", "file:///mine.onnx"])
def test_addresses_that_are_not_fetched_are_usage_errors(run, folder, url):
    done = run("add", url)
    assert (done.exit_code, held(folder)) == (2, [])


def test_a_redirection_may_not_leave_https():
    from email.message import Message
    from urllib.error import HTTPError
    from urllib.request import Request

    from cganx_cli.fetching import _SameOrSafer, is_url

    follow = _SameOrSafer().redirect_request
    headers = Message()
    with pytest.raises(HTTPError, match="from https"):
        follow(Request("https://a/x"), None, 302, "Found", headers, "http://b/x")
    assert follow(Request("https://a/x"), None, 302, "Found", headers, "https://b/x").full_url == "https://b/x"
    assert not is_url("C:\\models\\mine.onnx")
    assert not is_url("c:/models/mine.onnx")


def test_verify_finds_damage_and_change_and_the_list_goes_on(run, folder):
    for name in ("damaged", "changed", "by-hand"):
        run("add", TINY, "--name", name)
    (folder / "damaged.onnx").write_bytes(BYTES[:-20])
    shutil.copy(runtime.bundled()["fashion"], folder / "changed.onnx")
    (folder / "by-hand.json").unlink()
    done = run("verify", "--json")
    faults = {one["name"]: one["fault"] for one in json.loads(done.stdout)}
    assert done.exit_code == 1
    assert {name for name, fault in faults.items() if fault} == {"damaged", "changed"}
    assert "not the file that was added" in faults["changed"]
    assert run("verify", "by-hand", "fashion").exit_code == 0
    listed = run()
    assert listed.exit_code == 0
    assert "damaged: cannot be used" in listed.stdout


def test_remove_removes_what_was_added_alone(run, folder):
    run("add", TINY, "--name", "mine")
    assert run("remove", "mine").exit_code == 0
    assert held(folder) == []
    for name in ("mine", "fashion", "../mine"):
        assert run("remove", name).exit_code == 1
    assert runtime.bundled()["fashion"].exists()


def test_wrong_words_are_answered_with_near_ones(run):
    assert "did you mean 'fashion'" in run("show", "fashon").stderr
    assert run("show", "fashon").exit_code == 1
    done = run("ad", TINY)
    assert done.exit_code == 2
    assert "Did you mean 'add'" in done.stderr
    assert run("--json", "list").exit_code == 2


def test_a_folder_that_cannot_be_written_is_one_sentence(run, tmp_path):
    (tmp_path / "file").touch()
    done = run("add", TINY, CGANX_MODELS=str(tmp_path / "file"))
    assert done.exit_code == 1
    assert "CGANX_MODELS" in done.stderr
