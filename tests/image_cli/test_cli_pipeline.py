"""The pipeline, the places that files go to, and what is said meanwhile."""

from __future__ import annotations

import queue
import re
import shlex
import threading
import time
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest

from cganx.errors import RequestError
from cganx.runtime.testing import tiny
from cganx_cli.choices import choices
from cganx_cli.pipeline import PIECE, Pipeline
from cganx_cli.requests import Product
from cganx_cli.seeds import parse_seeds
from cganx_cli.sinks import LocalSink, sink_of

DOC = Path(__file__).parents[2] / "docs/generate.md"


@pytest.fixture(autouse=True)
def _parts(part):
    for name in ("click", "PIL", "onnxruntime"):
        part(name)


def plan(seeds="0-99"):
    return Product(choices(tiny().card, []), parse_seeds(seeds))


def pipeline(encode, encoders=3, there=None, stop=None):
    return Pipeline(tiny(), encode, encoders, 32, stop or threading.Event(), there)


def test_results_come_in_the_order_of_the_requests_whoever_is_first():
    def encode(requests, pixels):
        time.sleep(0.02 * (requests[0].index // PIECE % 3 == 0))
        assert pixels.shape == (len(requests), *tiny().picture_shape)
        return [(one.index, row.tobytes()) for one, row in zip(requests, pixels, strict=True)]

    found = [row for piece in pipeline(encode).run(plan()) for row in piece]
    generator = tiny()
    made = [generator.generate(one.choice.label, one.seed)[0].tobytes() for one in plan()]
    assert found == list(enumerate(made))


def test_who_is_ahead_waits():
    """A consumer that takes nothing stops the session after what may wait, however much is asked for."""
    read = []

    def requests():
        for one in plan("0-99999"):
            read.append(one.index)
            yield one

    running = pipeline(lambda requests, _: len(requests), encoders=1).run(requests())
    next(running)
    time.sleep(0.5)
    before = len(read)
    assert before < 400
    time.sleep(0.2)
    assert len(read) == before
    running.close()
    assert threading.active_count() < 5


@pytest.mark.parametrize("broken", ["requests", "session", "encode", "there"])
def test_an_error_of_any_thread_is_raised_by_the_caller_s(broken):
    def requests():
        for one in plan():
            if broken == "requests" and one.index == 150:
                raise RequestError("line 151")
            yield one

    def encode(requests, _):
        if broken == "encode" and requests[0].index >= 100:
            raise click.ClickException("cannot write")
        return len(requests)

    def there(requests):
        if broken == "there":
            raise click.ClickException("cannot read")
        return 0, requests

    running = pipeline(encode, there=there if broken == "there" else None)
    if broken == "session":
        running.generator.generate = None
    with pytest.raises((RequestError, click.ClickException, TypeError)):
        list(running.run(requests()))
    assert not [one for one in threading.enumerate() if one.name.startswith(("session", "encode"))]


def test_what_comes_before_a_wrong_request_is_made():
    def requests():
        for one in plan():
            if one.index == 150:
                raise RequestError("line 151")
            yield one

    made = []
    with pytest.raises(RequestError, match="line 151"):
        made.extend(pipeline(lambda requests, _: len(requests)).run(requests()))
    assert sum(made) == 150


def test_stop_ends_after_what_is_in_work():
    stop, done = threading.Event(), []
    for count in pipeline(lambda requests, _: len(requests), stop=stop).run(plan("0-999999")):
        done.append(count)
        stop.set()
    assert 0 < sum(done) < 2000


def test_what_is_there_is_not_made():
    made = []

    def encode(requests, _):
        made.extend(one.index for one in requests)
        return 0

    def there(requests):
        missing = [one for one in requests if one.index % 3 == 0]
        return len(requests) - len(missing), missing

    assert sum(pipeline(encode, there=there).run(plan())) == 133
    assert sorted(made) == list(range(0, 200, 3))


def half(sink):
    with sink.stream("x/t.bin") as file:
        file.write(b"half")
        raise RuntimeError


@pytest.mark.parametrize("kind", ["local", "memory", "file"])
def test_a_sink_reads_what_it_was_given(tmp_path, part, kind):
    if kind != "local":
        part("fsspec")
    place = {"local": str(tmp_path / "a/b"), "memory": f"memory://{tmp_path.name}", "file": f"file://{tmp_path}/c"}[kind]
    sink = sink_of(place, 0)
    sink.reach()
    sink.open()
    sink.write("x/y/z.bin", b"0123456789")
    with sink.stream("x/s.bin") as file:
        file.write(b"abc")
        file.write(b"def")
    with pytest.raises(RuntimeError):
        half(sink)
    assert sorted(sink.names()) in (["x/s.bin", "x/y/z.bin"], ["x/s.bin", "x/t.bin", "x/y/z.bin"])
    assert sink.exists("x/t.bin") == (kind == "memory"), "fsspec's memory has no unfinished files"
    assert (sink.read("x/y/z.bin"), sink.read("x/y/z.bin", 3, 2), sink.read("x/y/z.bin", -4)) == (b"0123456789", b"34", b"6789")
    assert sink.read("x/none") is None
    assert sink.read("x/s.bin") == b"abcdef"
    with pytest.raises(click.ClickException, match="it is there"):
        sink.write("x/s.bin", b"", new=True)
    sink.close()
    if kind != "memory":
        assert isinstance(sink, LocalSink)
        assert not [path for path in Path(sink.root).rglob("*") if path.name.startswith(".cganx-")]


def test_a_url_that_nobody_knows_is_one_sentence(part):
    part("fsspec")
    with pytest.raises(click.ClickException, match="Protocol not known: s4"):
        sink_of("s4://bucket", 0)


def test_a_pipe_or_a_folder_in_the_place_of_a_file_is_left_alone(tmp_path):
    sink = sink_of(str(tmp_path), 0)
    sink.open()
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(click.ClickException, match=r"folder\.png: it is there, and is not a regular file"):
        sink.write("folder.png", b"x")
    sink.close()
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


def test_a_log_sees_a_line_now_and_then(monkeypatch, capsys):
    from cganx_cli import reporter

    now = [100.0]
    monkeypatch.setattr(reporter.time, "monotonic", lambda: now[0])
    with reporter.Reporter(1000, "picture", quiet=False) as one:
        for _ in range(20):
            now[0] += 5
            one.count(20, 5)
    said = capsys.readouterr().err.splitlines()
    assert said == ["50 of 1,000 pictures, 4/s, 4 min left", "350 of 1,000 pictures, 4/s, 3 min left"]
    with reporter.Reporter(None, "picture", quiet=True) as quiet:
        now[0] += 1000
        quiet.count(1)
    assert capsys.readouterr().err == ""


def test_the_commands_of_the_page_are_commands():
    from cganx_cli.generate import generate

    lines = re.findall(r"^    cganx (generate .*?)(?: +#.*)?$", DOC.read_text(), re.MULTILINE)
    assert len(lines) >= 4
    for line in lines:
        with generate.make_context("generate", shlex.split(line)[1:]) as context:
            assert context.params["model"] == "fashion"


def test_every_key_is_named_on_the_pages():
    from cganx_cli.provenance import Provenance

    keys = [f"`.{name}`" for name in vars(Provenance("", "")) if name != "model"]
    pages = DOC.read_text() + DOC.with_name("translate.md").read_text()
    assert [key for key in keys if key not in pages] == []


def test_memory_is_bounded_by_the_size_that_pictures_are_written_in():
    small = pipeline(len, encoders=16)
    assert (small.threads, small.piece) == (16, PIECE)
    large = replace(small, shape=(1024, 1024, 3))
    assert (large.threads, large.piece) == (16, 1)
    huge = replace(small, shape=(16384, 16384, 3))
    assert (huge.threads, huge.piece) == (1, 1)
    sizes = []
    list(replace(large, encode=lambda requests, _: sizes.append(len(requests))).run(plan("0-9")))
    assert sizes == [1] * 20


def test_large_pictures_are_resized_and_encoded_one_by_one():
    import tracemalloc

    from cganx_cli.pictures import Finish
    from cganx_cli.png import encode_png

    finish = Finish("tiny", "", size=(1500, 1400))
    requests = list(plan("0-7"))
    pixels = np.random.default_rng(1).integers(0, 256, (16, 8, 8, 3), np.uint8)
    made = finish.provenances(requests)
    tracemalloc.start()
    each = list(map(len, finish.encoded(encode_png, requests, pixels, made)))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(each) == 16
    assert most < 6 * 1500 * 1400 * 3, "bytes of six pictures, whatever their number"
    few = replace(finish, size=(20, 30))
    together = list(encode_png(few.pixels(requests, pixels), made))
    assert list(few.encoded(encode_png, requests, pixels, made)) == together


def test_rows_are_filtered_in_bands_to_the_same_bytes(monkeypatch):
    from cganx_cli import png

    pixels = np.random.default_rng(1).integers(0, 256, (2, 37, 11, 3), np.uint8)
    whole = png._filtered(pixels)
    monkeypatch.setattr(png, "BAND", 5 * 2 * 11 * 3)
    assert (png._filtered(pixels) == whole).all()


def test_live_requests_do_not_wait_for_others():
    lines, made = queue.Queue(), queue.Queue()
    one = replace(pipeline(lambda requests, _: made.put(requests[0].index), there=lambda requests: (0, requests)), batch_size=1)
    asked = iter(lines.get, None)
    running = threading.Thread(target=lambda: list(replace(one, live=True).run(asked)))
    running.start()
    for request in plan("0-2"):
        lines.put(request)
        assert made.get(timeout=30) == request.index
    lines.put(None)
    running.join()
