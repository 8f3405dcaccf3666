"""Shards on a Ray cluster: each worker holds the generator, and makes one shard after another as one machine alone would.

    this process:  numbers of shards -> whichever worker is free -> how many pictures it made
    a worker:      a number -> session, encoders -> the shard, into the sink

What goes to and fro are numbers. A worker that dies takes one shard with it, which another makes from its start: a shard takes
its name when it is whole, and rests on the command and its number alone, so nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import tempfile
import threading
import time
import zlib
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from cganx import __version__
from cganx.errors import CganxError
from cganx.runtime import Generator
from cganx.runtime.backend import threads_here
from cganx_cli.fill_shards import chosen, fill_shard
from cganx_cli.interrupt import stop_on_interrupt
from cganx_cli.loading import Loading
from cganx_cli.pictures import Finish
from cganx_cli.reporter import Reporter
from cganx_cli.requests import Plan, Table
from cganx_cli.settings import Count, Settings
from cganx_cli.shards import ShardFormat, Shards
from cganx_cli.sinks import Sink, is_url, local_path, opened, sink_of

__all__ = ["Cluster", "Work", "fill_shards_on_ray"]

MOST_DEATHS = 3  # of workers by one shard
LOOK = 0.5  # seconds between looks for Ctrl-C
SILENCE = 30.0  # seconds without a worker before that is said
FAREWELL = 120.0  # seconds that workers have to end the run that they are in, and give their shards up
REACH = 10.0  # seconds for a cluster to take a connection


@dataclass(frozen=True)
class Cluster:
    """Which cluster: its address, else a cluster of this machine for this command; how many workers, else all that fit."""

    address: str | None = None
    workers: int | None = None

    @property
    def where(self) -> str | None:
        """The address, or RAY_ADDRESS; None where the command starts its own cluster, which never grows."""
        return self.address or os.environ.get("RAY_ADDRESS")


@dataclass(frozen=True)
class Work:
    """All that a worker must know. No file of this machine is asked for there: the model and the requests travel as bytes."""

    model: bytes
    loading: Loading
    plan: Plan
    table: bytes | None
    format: ShardFormat
    out: str
    patience: float
    settings: Settings

    @classmethod
    def of(
        cls, model: bytes, loading: Loading, plan: Plan, format_: ShardFormat, out: str, patience: float, settings: Settings
    ) -> Work:
        """The same work for every worker. Raises click.ClickException where the requests cannot be read."""
        try:
            table = plan.path.read_bytes() if isinstance(plan, Table) else None
        except OSError as error:
            raise click.ClickException(f"cannot read the requests again: {error.strerror or error}") from None
        threads = loading.threads or 1
        settings = replace(settings, encoders=settings.encoders or 2 * threads)
        out = out if is_url(out) else str(Path(local_path(out)).absolute())
        return cls(model, replace(loading, threads=threads), plan, table, format_, out, patience, settings)

    def shards(self, generator: Generator, plan: Plan) -> Shards:
        """The shards of a plan by this work's generator."""
        finish = Finish.of(generator, self.settings)
        return Shards(self.format, generator.card, plan, finish, self.settings.shards or 1)


# ----------------------------------------------------------------------------------------------------------------------
# A worker


@dataclass(frozen=True)
class _Ready:
    """A worker can begin: what its generator runs on, and what else decides the bytes that it writes."""

    device: str
    versions: Mapping[str, str]


@dataclass(frozen=True)
class _Failed:
    """A worker's sentence. Errors are not sent themselves, which would have to be picklable."""

    host: str
    sentence: str


class _Worker:
    """The body of an actor. It answers while it works: it can be told to stop."""

    def __init__(self, work: Work) -> None:
        self._work, self._stop = work, threading.Event()

    def begin(self) -> _Ready | _Failed:
        work = self._work
        try:
            self._generator = work.loading.load(work.model)
            plan = work.plan
            if isinstance(plan, Table) and work.table is not None:
                self._folder = tempfile.TemporaryDirectory(prefix="cganx-requests-")
                plan = replace(plan, path=Path(self._folder.name, plan.path.name))
                plan.path.write_bytes(work.table)
            self._shards = work.shards(self._generator, plan)
            return _Ready(str(self._generator.device), _versions(work))
        except (CganxError, ImportError, OSError) as error:
            return _Failed(socket.gethostname(), str(error))

    def make(self, number: int) -> Count | _Failed:
        work = self._work
        try:
            sink = sink_of(work.out, work.patience)
            with opened(sink):
                return fill_shard(self._generator, self._shards, number, sink, work.settings, self._stop, lambda *_: None)
        except click.Abort:
            return _Failed(socket.gethostname(), "it was told to stop")
        except (CganxError, click.ClickException, ImportError, OSError) as error:
            return _Failed(socket.gethostname(), str(error))

    def stop(self) -> None:
        self._stop.set()


def _versions(work: Work) -> Mapping[str, str]:
    """What the bytes of a shard rest on beside the command."""
    import numpy as np
    import onnxruntime

    found = {
        "cganx": __version__,
        "numpy": np.__version__,
        "onnxruntime": onnxruntime.__version__,
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
    }
    packages = [name for name in (work.format.package, work.settings.size and "Pillow") if name]
    return found | {name: version(name) for name in packages}


# ----------------------------------------------------------------------------------------------------------------------
# This process


def fill_shards_on_ray(generator: Generator, work: Work, cluster: Cluster) -> tuple[Count, int, str]:
    """Write the shards that were asked for. Returns what came of it, by how many workers, and what they ran on.

    ``generator`` is this machine's, of the same file. Raises click.ClickException.
    """
    sink = sink_of(work.out, work.patience)
    shards = work.shards(generator, work.plan)
    sizes = chosen(shards, sink, work.settings)
    _sweep(sink)  # says whether the place can be written before workers are asked
    try:
        with (
            stop_on_interrupt() as stop,
            _connected(cluster.where) as ray,
            Reporter(sum(sizes.values()), "picture", quiet=work.settings.quiet) as reporter,
        ):
            crew = _Crew(ray, work, sizes, cluster)
            crew.run(stop, reporter)
    finally:
        _sweep(sink)  # what killed workers left in the place
    _check_seen(shards, sizes, sink, work)
    return crew.count, crew.size, crew.device


class _Crew:
    """The workers, and the shards that wait for them."""

    def __init__(self, ray: Any, work: Work, sizes: Mapping[int, int], cluster: Cluster) -> None:
        threads, gpus = work.loading.threads or 1, int(work.loading.device != "cpu")
        self.size = cluster.workers or len(sizes)
        if cluster.workers is None or cluster.where is None:
            self.size = min(self.size, _room([one["Resources"] for one in ray.nodes() if one["Alive"]], threads, gpus))
        self.size = min(self.size, len(sizes))
        self.count, self.device = Count(), ""
        self._ray, self._sizes, self._versions = ray, sizes, _versions(work)
        self._waiting, self._left, self._deaths = deque(sizes), set(sizes), Counter[int | None]()
        self._actor = ray.remote(num_cpus=threads, num_gpus=gpus, max_concurrency=2, max_restarts=0)(_Worker)
        self._work = ray.put(work)
        self._busy: dict[Any, tuple[Any, int | None]] = {}
        for _ in range(self.size):
            self._hire()

    def run(self, stop: threading.Event, reporter: Reporter) -> None:
        """Until every shard is there. Raises click.ClickException, and click.Abort where it is told to stop."""
        silent_until = time.monotonic() + SILENCE
        try:
            while self._left:
                answered, _ = self._ray.wait(list(self._busy), timeout=LOOK)
                if stop.is_set():
                    raise click.Abort
                for one in answered:
                    self._take(one, reporter)
                if not self.device and time.monotonic() > silent_until:
                    silent_until = float("inf")
                    reporter.note("No worker has begun yet: the cluster has nothing free, or is still starting machines.")
        except Exception:
            self._dismiss()
            raise

    def _hire(self) -> None:
        worker = self._actor.remote(self._work)
        self._busy[worker.begin.remote()] = (worker, None)

    def _take(self, one: Any, reporter: Reporter) -> None:
        """One worker's answer; and its next shard."""
        worker, number = self._busy.pop(one)
        try:
            answer = self._ray.get(one)
        except self._ray.exceptions.RayTaskError:
            raise
        except self._ray.exceptions.RayError as error:
            self._replace(number, error)
            return
        if isinstance(answer, _Failed):
            raise click.ClickException(f"a worker on {answer.host}: {answer.sentence}")
        if isinstance(answer, _Ready):
            self._check(answer)
            self.device = answer.device
        else:
            assert number is not None
            self._left.discard(number)
            self.count.add(answer)
            reporter.count(answer.written, answer.skipped)
        if self._waiting:
            number = self._waiting.popleft()
            self._busy[worker.make.remote(number)] = (worker, number)

    def _replace(self, number: int | None, error: Exception) -> None:
        """Another worker for one that died, and its shard to whoever is free first."""
        self._deaths[number] += 1
        most = MOST_DEATHS if number is not None else MOST_DEATHS * self.size
        if getattr(error, "actor_init_failed", False):
            raise click.ClickException(f"a worker cannot begin; each machine of the cluster needs cganx: {_last_line(error)}")
        if self._deaths[number] == most:
            what = "before they began" if number is None else f"of shard {number}"
            raise click.ClickException(f"{most} workers died {what}; Ray says: {_last_line(error)}")
        if number is not None:
            self._waiting.appendleft(number)
        self._hire()

    def _check(self, ready: _Ready) -> None:
        for name, here in self._versions.items():
            there = ready.versions.get(name)
            if there != here:
                raise click.ClickException(
                    f"a worker has {name} {there} and this machine {here}, and their bytes may differ: install the same on all"
                )

    def _dismiss(self) -> None:
        """Let the workers give their shards up: an upload that nobody aborts is stored for ever."""
        busy = {one: worker for one, (worker, number) in self._busy.items() if number is not None}
        for worker in busy.values():
            worker.stop.remote()
        if busy:
            self._ray.wait(list(busy), num_returns=len(busy), timeout=FAREWELL)


def _room(machines: Sequence[Mapping[str, float]], threads: int, gpus: int) -> int:
    """How many workers leave a CPU of the cluster free for whatever else must run there. Raises click.ClickException."""
    cpus = sum(int(has.get("CPU", 0)) for has in machines)
    if gpus and not any(has.get("GPU") for has in machines):
        raise click.ClickException("the cluster has no GPU: leave --device cuda out, or add machines that have one")
    if cpus <= threads:
        raise click.ClickException(
            f"the cluster has {cpus} CPUs, and a worker of {threads} would leave none free: add machines, or leave --engine out"
        )
    fit = sum(int(min(has.get("CPU", 0) // threads, has.get("GPU", 0) if gpus else cpus)) for has in machines)
    if not fit:
        raise click.ClickException(
            f"no machine of the cluster has {threads} CPUs{' and a GPU' if gpus else ''}: lower --threads"
        )
    return min((cpus - 1) // threads, fit)


@contextlib.contextmanager
def _connected(address: str | None) -> Iterator[Any]:
    """Ray, on the cluster of that address, else on one of this machine that ends with the block."""
    for name in ("RAY_USAGE_STATS_ENABLED", "RAY_DEDUP_LOGS"):
        os.environ.setdefault(name, "0")
    import ray

    if address is not None:
        _reach(address)
    own = {"address": "local", "num_cpus": threads_here(), "include_dashboard": False}
    try:
        ray.init(**(own if address is None else {"address": address}), logging_level=logging.CRITICAL, log_to_driver=False)
    except (ray.exceptions.RayError, ConnectionError, RuntimeError, ValueError, SystemExit) as error:
        where = "on this machine" if address is None else f"at {address}"
        said = "it answers, but not as Ray does" if isinstance(error, SystemExit) else " ".join(str(error).split()).rstrip(".")
        raise click.ClickException(f"no Ray cluster {where}: {said}") from None
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):  # a dead machine's log is printed there
        try:
            yield ray
        finally:
            ray.shutdown()


def _reach(address: str) -> None:
    """Whether anything takes a connection there: Ray itself would ask for minutes. Raises click.ClickException."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon or not port.isdecimal():
        return  # auto, and what Ray refuses
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH).close()
    except (OSError, OverflowError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or error
        raise click.ClickException(
            f"no Ray cluster answers at {address}: {said}; `ray start --head` says its address"
        ) from None


def _sweep(sink: Sink) -> None:
    with opened(sink):
        pass


def _check_seen(shards: Shards, sizes: Mapping[int, int], sink: Sink, work: Work) -> None:
    """A folder of the same name on each machine is not one folder. Raises click.ClickException."""
    if is_url(work.out):
        return
    unseen, until = [*map(shards.name, sizes)], time.monotonic() + work.patience
    while unseen := [name for name in unseen if not sink.exists(name)]:
        if time.monotonic() > until:
            raise click.ClickException(
                f"{len(unseen)} shards are not in {work.out} here: give -o a folder that all machines share, or a URL"
            )
        time.sleep(LOOK)


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[-1].rstrip(".")
