"""Streams that are made ahead: order, errors in their place, and no thread left behind however they end."""

import gc
import itertools
import signal
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from cganx import runtime
from cganx.card import GeneratorCard, Image, Label, Latent
from cganx.errors import LabelError, NotAGenerator, RequestError
from cganx.runtime import testing
from cganx.runtime.sessions import Session

PAIRS = [("disc" if seed % 3 else {"disc": 0.25, "cross": 0.75}, seed) for seed in range(10)]


class Watched:
    """A fake backend that calls ``before(number of the run)`` at the start of every run but the two that prove a file."""

    def __init__(self, before: Callable[[int], object]) -> None:
        self.before = before
        self.number = -2

    def open(self, file: runtime.ModelFile, device: str, options: runtime.Options, /) -> tuple[Session, runtime.Device]:
        session, active = testing.FakeBackend().open(file, device, options)
        outer = self

        class Watch:
            def run(self, names: Any, feed: Any, /) -> Any:
                outer.number += 1
                if outer.number > 0:
                    outer.before(outer.number)
                return session.run(names, feed)

        return Watch(), active


def watched(before: Callable[[int], object]) -> runtime.Generator:
    return runtime.load(testing.TINY, backend=Watched(before))


def note(stream: Iterator[runtime.GeneratedPicture], seen: list[int]) -> None:
    for picture in stream:
        seen.append(picture.seed)


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("cganx-ahead")]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    gc.collect()
    assert workers() == []


def test_pictures_are_the_same_ahead(part: Callable[[str], None]) -> None:
    part("onnxruntime")
    tiny = testing.tiny()
    for size in (1, 3, 10, 64):
        plain = list(tiny.stream(PAIRS, size))
        ahead = list(tiny.stream(PAIRS, size, prefetch=True))
        assert [(one.label, one.seed) for one in ahead] == [(one.label, one.seed) for one in plain]
        assert np.stack([one.pixels for one in ahead]).tobytes() == np.stack([one.pixels for one in plain]).tobytes()
    assert list(tiny.stream([], prefetch=True)) == []


def test_requests_are_taken_where_pictures_are_asked_for_and_one_batch_ahead() -> None:
    taken: list[int] = []

    def requests() -> Iterator[tuple[str, int]]:
        for seed in itertools.count():
            taken.append(threading.get_ident())
            yield "disc", seed

    stream = watched(lambda _: None).stream(requests(), batch_size=4, prefetch=True)
    assert taken == []
    assert [picture.seed for picture in itertools.islice(stream, 4)] == [0, 1, 2, 3]
    assert len(taken) == 8
    assert next(stream).seed == 4
    assert len(taken) == 12
    assert set(taken) == {threading.get_ident()}
    stream.close()  # type: ignore[attr-defined]


def test_the_next_batch_is_made_meanwhile_and_no_further_one() -> None:
    begun = [threading.Event() for _ in range(4)]
    stream = watched(lambda number: begun[number - 1].set()).stream(
        (("disc", seed) for seed in itertools.count()), batch_size=2, prefetch=True
    )
    assert next(stream).seed == 0
    assert begun[1].wait(20)
    time.sleep(0.05)
    assert not begun[2].is_set()
    del stream


@pytest.mark.parametrize("prefetch", [False, True])
def test_what_was_made_before_an_error_comes_first(prefetch: bool) -> None:
    def ends() -> Iterator[tuple[str, int]]:
        yield from (("disc", seed) for seed in range(9))
        raise ConnectionError("no more")

    def breaks(number: int) -> None:
        if number == 3:
            raise OSError("the driver is gone")

    whole = watched(lambda _: None)
    for stream, error in (
        (whole.stream(ends(), 4, prefetch=prefetch), ConnectionError),
        (whole.stream([*PAIRS[:8], ("square", 8)], 4, prefetch=prefetch), LabelError),
        (whole.stream([*PAIRS[:8], ("disc",)], 4, prefetch=prefetch), RequestError),  # type: ignore[list-item]
        (watched(breaks).stream(PAIRS, 4, prefetch=prefetch), NotAGenerator),
    ):
        seen: list[int] = []
        with pytest.raises(error):
            note(stream, seen)
        assert seen == list(range(8))
        assert list(stream) == []
        assert workers() == []


@pytest.mark.parametrize("end", ["close", "drop", "throw", "exhaust"])
def test_the_thread_ends_with_the_stream(end: str) -> None:
    stream: Any = watched(lambda _: None).stream(PAIRS, 4, prefetch=True)
    assert next(stream).seed == 0
    assert len(workers()) == 1
    if end == "close":
        stream.close()
    elif end == "drop":
        del stream
    elif end == "throw":
        with pytest.raises(KeyboardInterrupt):
            stream.throw(KeyboardInterrupt)
    else:
        assert len(list(stream)) == 9
    assert workers() == []


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="only where a signal can be sent to a thread")
def test_a_batch_that_waits_its_turn_is_not_begun_after_an_interrupt(request: pytest.FixtureRequest) -> None:
    # A shell's background jobs are born ignoring it.
    request.addfinalizer(partial(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler)))
    runs: list[int] = []
    asked = threading.Event()

    def requests() -> Iterator[tuple[str, int]]:
        for seed in range(10):
            if seed == 4:
                asked.set()
            yield "disc", seed

    def before(number: int) -> None:
        runs.append(number)
        if number == 2:
            assert asked.wait(20)
            time.sleep(0.1)  # by now the main thread waits for this batch, and the third stands behind it
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            time.sleep(0.1)

    stream = watched(before).stream(requests(), 2, prefetch=True)
    assert [picture.seed for picture in itertools.islice(stream, 2)] == [0, 1]
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    assert runs == [1, 2]
    assert list(stream) == []


def test_a_stream_may_be_collected_in_its_own_thread() -> None:
    held: dict[str, Any] = {}
    collected = threading.Event()

    def before(number: int) -> None:
        if number == 2:
            while held["stream"].gi_running:
                time.sleep(0.001)
            held.clear()
            collected.set()

    held["stream"] = watched(before).stream(PAIRS, 2, prefetch=True)
    next(held["stream"])
    assert collected.wait(20)
    for worker in workers():
        worker.join(20)


@pytest.mark.parametrize("prefetch", [False, True])
def test_a_stream_of_any_length_takes_the_same_memory(prefetch: bool) -> None:
    card = GeneratorCard(
        name="large", classes=("a",), label=Label(), latent=Latent(size=4), image=Image(height=64, width=64, channels=3)
    )
    generator = testing.fake(card)

    def peak(batches: int) -> int:
        tracemalloc.start()
        for _ in generator.stream((("a", seed) for seed in range(8 * batches)), 8, prefetch=prefetch):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(4)
    few, many = peak(4), peak(40)
    assert many < 1.2 * few
