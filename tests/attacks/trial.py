"""Tries files in processes of their own, under limits, and says what came of each.

``Trials`` starts a server that has imported the runtime already; it forks a process for each job. A child may not write
files, open any but the one it was given, reach the net or start programs; what it does all the same is told.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
GiB = 1 << 30
PYTHONS_OWN = tuple({sys.prefix, sys.base_prefix, *filter(None, sys.path)})
RUNTIMES_OWN = ("/proc/self/cgroup", "/sys/fs/cgroup/")  # how many processors it may use, whatever the file
# The ways to load a file of ours, and one that is adopted.
OURS = ("read path", "load path", "read bytes", "load bytes")
THEIRS = ("adopt bytes", "card_of path")
# Seconds by the clock of a whole job and of one load, on a machine that does other things too. A load that waits for a pipe or
# a lock takes no time of a processor.
DEADLINE = 120.0
PATIENCE = 20.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one way of loading one file came to; ``error`` is the class's name, '' for a picture."""

    file: str
    way: str
    error: str = ""
    leaf: bool = False
    message: str = ""
    seconds: float = 0.0  # of processor
    megabytes: float = 0.0  # at the most, over what was there before
    touched: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a child said line by line, how it ended ('' or what was wrong), and what it printed."""

    lines: list[Any]
    ended: str
    printed: str


class Trials:
    """``with Trials() as trials: trials.files(...)``."""

    def __enter__(self) -> Trials:
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "ORT_DISABLE_TELEMETRY": "1", "PYTHONWARNINGS": "error"}
        command = [sys.executable, os.fspath(Path(__file__))]
        self._server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait(30)
        self._server.stdout.close()

    def ask(self, job: dict[str, Any]) -> Answer:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(job) + "\n")
        answer = json.loads(self._server.stdout.readline())
        return Answer(**answer)

    def files(
        self, folder: Path, files: Sequence[str], ways: Sequence[str], patience: float = PATIENCE
    ) -> tuple[list[Outcome], Answer]:
        """Loads each file in each way; a child in ``folder`` does them all, and ends at a load that takes longer."""
        job = {"job": "files", "folder": os.fspath(folder), "files": list(files), "ways": list(ways), "patience": patience}
        answer = self.ask(job)
        return [Outcome(**line) for line in answer.lines], answer

    def mutants(self, start: int, count: int) -> tuple[list[dict[str, Any]], Answer]:
        """Loads that many mutants in one child; what is neither refused nor a picture is told."""
        answer = self.ask({"job": "mutants", "start": start, "count": count})
        return answer.lines, answer

    def single_nodes(self, start: int, count: int) -> tuple[list[dict[str, Any]], Answer]:
        """Runs that many graphs of one operator in one child, and compares what is made with what the reader says."""
        answer = self.ask({"job": "single nodes", "start": start, "count": count})
        return answer.lines, answer


# ----------------------------------------------------------------------------------------------------------------------
# The server


def serve() -> None:
    sys.path.insert(0, os.fspath(HERE))
    from cganx import runtime
    from cganx.runtime.testing import TINY

    runtime.load(TINY, device="cpu", threads=1).generate("disc", seeds=0)
    runtime.card_of(TINY, runtime.Tensors(), name="tiny")  # all that is imported late is imported now
    import mutants  # noqa: F401
    import single_nodes  # noqa: F401

    with os.fdopen(os.dup(1), "w", buffering=1) as answers:
        os.dup2(2, 1)
        for line in sys.stdin:
            answers.write(json.dumps(asdict(_forked(json.loads(line)))) + "\n")


def _forked(job: dict[str, Any]) -> Answer:
    said, say = os.pipe()
    printed, prints = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(said)
            os.dup2(prints, 1)
            os.dup2(prints, 2)
            _limited(job, say)
            status = 0
        except BaseException as error:  # whatever it is, the server tells it
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(status)
    os.close(say)
    os.close(prints)
    texts, late = _until_closed([said, printed], DEADLINE)
    if late:
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for end in (said, printed):
        os.close(end)
    ended = "took too long" if late else f"ended by signal {-status}" if status < 0 else f"exit code {status}" if status else ""
    lines = [json.loads(one) for one in texts[0].decode().split("\n")[:-1]]
    return Answer(lines=lines, ended=ended, printed=texts[1].decode(errors="replace"))


def _until_closed(ends: list[int], seconds: float) -> tuple[list[bytes], bool]:
    texts = {end: bytearray() for end in ends}
    open_, until = set(ends), time.monotonic() + seconds
    while open_:
        ready = select.select(list(open_), [], [], max(0.0, until - time.monotonic()))[0]
        if not ready:
            return [bytes(texts[end]) for end in ends], True
        for end in ready:
            part = os.read(end, 1 << 16)
            texts[end] += part
            if not part:
                open_.discard(end)
    return [bytes(texts[end]) for end in ends], False


# ----------------------------------------------------------------------------------------------------------------------
# A child


def _limited(job: dict[str, Any], say: int) -> None:
    os.chdir(job.get("folder", "/"))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + 4 * GiB, resource.RLIM_INFINITY))
    watch = _Watch(job.get("patience", PATIENCE))
    sys.addaudithook(watch)
    jobs = {"files": _load_files, "mutants": _load_mutants, "single nodes": _follow_single_nodes}
    for line in jobs[job["job"]](job, watch):
        os.write(say, (json.dumps(line) + "\n").encode())


class _Watch:
    """An audit hook that notes what a loading process has no business with."""

    FORBIDDEN = ("os.", "shutil.", "socket.", "subprocess.", "tempfile.", "pickle.", "ctypes.dlopen", "urllib.", "http.")
    HARMLESS = ("os.listdir", "os.scandir")

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self.armed = False
        self.may_open: str | None = None
        self.seen: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        if event == "open" and arguments[0] != self.may_open and not str(arguments[0]).startswith(PYTHONS_OWN + RUNTIMES_OWN):
            self.seen.append(f"open {arguments[0]!r}"[:200])
        elif event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
            self.seen.append(f"opened for writing: {arguments[0]!r}"[:200])
        elif event.startswith(self.FORBIDDEN) and event not in self.HARMLESS:
            self.seen.append(f"{event} {arguments!r}"[:200])


def _status(name: str) -> int:
    """A size in bytes that Linux knows of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def _at_most_since(reset: bool) -> int:
    """The most memory this process has had; on Linux since the last reset, elsewhere since it began."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmHWM")


def _watched(watch: _Watch, path: str | None, load: Callable[[], object]) -> tuple[Exception | None, float, float]:
    """The error of a load, the seconds of processor and the megabytes that it took."""
    before = _at_most_since(reset=True)
    error: Exception | None = None
    signal.setitimer(signal.ITIMER_REAL, watch.patience)  # at its end the process does
    watch.seen, watch.may_open, watch.armed = [], path, True
    started = time.process_time()
    try:
        load()
    except Exception as caught:
        error = caught
    seconds = time.process_time() - started
    signal.setitimer(signal.ITIMER_REAL, 0)
    watch.armed = False
    return error, seconds, (_at_most_since(reset=False) - before) / 1e6


def _load_files(job: dict[str, Any], watch: _Watch) -> Iterator[dict[str, Any]]:
    from cganx import runtime
    from cganx.card import GeneratorCard, Image, Latent

    card = GeneratorCard(
        name="adopted", classes=("disc", "cross"), latent=Latent(size=8), image=Image(height=16, width=16, channels=1)
    )

    def content(path: str) -> bytes:
        return Path(path).read_bytes()

    tensors = runtime.Tensors()
    ways: dict[str, Callable[[Any], object]] = {
        "read": runtime.read,
        "load": lambda source: runtime.load(source, device="cpu", threads=1).generate(0, seeds=0),
        "adopt": lambda source: runtime.load(source, "cpu", card=card, tensors=tensors, threads=1),
        "touch": _touch,
        "crash": lambda _: os.kill(os.getpid(), signal.SIGSEGV),
        "wait": lambda _: os.read(os.pipe()[0], 1),
        "card_of": lambda source: runtime.load(
            source, "cpu", card=runtime.card_of(source, tensors, name="x", classes=card.classes), tensors=tensors, threads=1
        ),
    }
    for path in job["files"]:
        for way in job["ways"]:
            kind, _, how = way.partition(" ")
            source: Any = content(path) if how == "bytes" else path
            error, seconds, megabytes = _watched(watch, path, lambda: ways[kind](source))  # noqa: B023
            yield asdict(
                Outcome(
                    file=path,
                    way=way,
                    error="" if error is None else type(error).__name__,
                    leaf=_is_leaf(error),
                    message="" if error is None else str(error),
                    seconds=seconds,
                    megabytes=megabytes,
                    touched=watch.seen,
                )
            )


def _touch(_: object) -> None:
    """What no file may bring about; for the test of the trial itself."""
    import socket

    with socket.socket() as one:
        one.connect_ex(("127.0.0.1", 9))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    Path("beside.txt").write_text("x")


def _is_leaf(error: Exception | None) -> bool:
    from cganx.errors import ModelError

    return isinstance(error, ModelError) and type(error) is not ModelError


def _load_mutants(job: dict[str, Any], watch: _Watch) -> Iterator[dict[str, Any]]:
    import mutants

    for index in range(job["start"], job["start"] + job["count"]):
        data = mutants.mutant(index)
        yield {"index": index}
        found: list[str] = []
        error, seconds, megabytes = _watched(watch, None, lambda: found.extend(mutants.faults(data)))  # noqa: B023
        leaf = _is_leaf(error)
        if error is not None and not leaf:
            found.append(f"{type(error).__name__}: {error}")
        found += watch.seen
        yield {"index": index, "refused": leaf, "faults": found, "seconds": seconds, "megabytes": megabytes}


def _follow_single_nodes(job: dict[str, Any], _: _Watch) -> Iterator[dict[str, Any]]:
    import single_nodes

    for number in range(job["start"], job["start"] + job["count"]):
        yield {"index": number}
        operator, wrong = single_nodes.followed(number)
        yield {"index": number, "operator": operator, "faults": wrong}


if __name__ == "__main__":
    serve()
