"""``cganx bench``: how fast a generator is here, how soon, and in how much memory."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from cganx import runtime
from cganx_cli.describe import sayable
from cganx_cli.files import write_whole
from cganx_cli.options import complete_model, device_option, json_option, model_argument
from cganx_cli.plot import Line, plot
from cganx_cli.progress import progress_bar

__all__ = ["bench"]

MOST_BATCH, MOST_THREADS, MOST_NUMBERS = 4096, 1024, 16


@dataclass(frozen=True)
class Spread:
    """The median of some values, its quartiles, and how many values there were."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        low, median, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [*values] * 3
        return cls(median, low, high, len(values))

    def said(self, digits: int) -> str:
        """With its quartiles."""
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f} to {self.high:,.{digits}f})"


@dataclass(frozen=True)
class _Row:
    """One measurement of a file: pictures a second in each round, seconds to the first picture, bytes at most."""

    threads: int
    batch: int
    rates: tuple[float, ...]
    cold: float
    peak: int | None
    about: Mapping[str, str]


@dataclass(frozen=True)
class _Subject:
    """What a process of its own is to load."""

    model: str
    device: str
    classes: tuple[str, ...]


class _Worker:
    """A process that has loaded a file; it waits, and uses no processor, until it is its turn."""

    def __init__(self, subject: _Subject, threads: int, batch: int) -> None:
        begun = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cganx_cli.bench_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C comes to this process alone, which ends the other
        )
        try:
            self.about = self._ask(json.dumps(asdict(subject) | {"threads": threads, "batch": batch}))
        except BaseException:
            self.close()
            raise
        self.cold = time.perf_counter() - begun
        self.batch = batch
        self.peak: int | None = None

    def seconds(self, runs: int) -> float:
        """How long so many runs take."""
        answer = self._ask(str(runs))
        self.peak = answer["peak_bytes"]
        return float(answer["seconds"])

    def runs_in(self, seconds: float) -> int:
        """How many runs take about so long; the file is warm then."""
        runs = 1
        while (took := self.seconds(runs)) < seconds / 4:
            runs *= 2
        return max(1, round(runs * seconds / took))

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        answer = self._process.stdout.readline()
        found: dict[str, Any] = json.loads(answer) if answer else {"error": f"the process ended with {self._process.wait()}"}
        if "error" in found:
            raise click.ClickException(str(found["error"]))
        return found


def _numbers(most: int) -> Any:
    def read(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, ...] | None:
        if text is None:
            return None
        each = [part.strip() for part in text.split(",")]
        if not all(part.isascii() and part.isdecimal() and len(part) < 6 and 1 <= int(part) <= most for part in each):
            raise click.BadParameter(f"{text!r} is not written as 1,16,64, numbers of 1 to {most:,}", context, parameter)
        found = tuple(dict.fromkeys(map(int, each)))
        if len(found) > MOST_NUMBERS:
            raise click.BadParameter(f"these are more than {MOST_NUMBERS} numbers", context, parameter)
        return found

    return read


def _png(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() != ".png":
        raise click.BadParameter(f"{path} does not end in .png", context, parameter)
    return path


@click.command()
@model_argument
@click.option(
    "--batch-sizes",
    callback=_numbers(MOST_BATCH),
    default="1,16,64",
    show_default=True,
    metavar="1,16,64",
    help="Pictures in a run.",
)
@click.option(
    "--threads",
    callback=_numbers(MOST_THREADS),
    metavar="1,2",
    help="Threads of a run; one, and as many as there are, by default.",
)
@click.option("--rounds", type=click.IntRange(1, 1000), default=5, show_default=True, help="Measurements of each.")
@click.option(
    "--seconds", type=click.FloatRange(0.01, 600), default=0.5, show_default=True, help="How long one measurement takes, about."
)
@click.option(
    "--against",
    metavar="FILE",
    shell_complete=complete_model,
    help="Measure this file too, in turn with MODEL, and say how many times as fast MODEL is.",
)
@click.option(
    "--plot",
    "picture",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_png,
    help="A chart, .png; replaced if there.",
)
@device_option
@json_option("Print everything as JSON.")
def bench(
    model: str,
    batch_sizes: tuple[int, ...],
    threads: tuple[int, ...] | None,
    rounds: int,
    seconds: float,
    against: str | None,
    picture: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Measure MODEL, a generator's file or a bundled name: pictures a second at several batch sizes and threads, the time
    from a cold process to the first picture, and the most memory.

    Each is measured in a process of its own. With --against both files have theirs, and take turns, so that a busy machine
    is as busy for both; the ratio is the median over the rounds, with quartiles. A FILE without a card is measured too where
    its tensors are called latent, label and image. Where pictures become
    pictures they are grey, and of the card's size.
    """
    file = runtime.read(runtime.find(model))
    subjects = [_Subject(one, device, file.card.classes) for one in (model, against) if one is not None]
    each = [(count, batch) for count in threads or _usual_threads(device) for batch in batch_sizes]
    rows: list[tuple[_Row, ...]] = []
    with progress_bar(len(each), "process") as bar:
        for count, batch in each:
            rows.append(_measured(subjects, count, batch, rounds, seconds))
            if bar is not None:
                bar.update()
    names = [row.about["name"] for row in rows[0]]
    if picture is not None:
        _plotted(picture, names, rows)
    if as_json:
        click.echo(json.dumps(_as_json(subjects, rows, len(file.data)), ensure_ascii=False))
    else:
        click.echo("\n".join(map(sayable, _as_text(names, rows))))


def _usual_threads(device: str) -> tuple[int, ...]:
    from cganx.runtime.backend import threads_here

    most = threads_here()
    return (most,) if device.startswith("cuda") else tuple(dict.fromkeys((1, most)))


def _measured(subjects: Sequence[_Subject], threads: int, batch: int, rounds: int, seconds: float) -> tuple[_Row, ...]:
    """A row for each subject, measured in turn; who goes first changes each round."""
    with _workers(subjects, threads, batch) as workers:
        runs = [worker.runs_in(seconds) for worker in workers]
        rates: list[list[float]] = [[] for _ in workers]
        for number in range(rounds):
            order = range(len(workers)) if number % 2 == 0 else reversed(range(len(workers)))
            for one in order:
                rates[one].append(batch * runs[one] / workers[one].seconds(runs[one]))
        return tuple(
            _Row(threads, batch, tuple(rate), worker.cold, worker.peak, worker.about)
            for worker, rate in zip(workers, rates, strict=True)
        )


@contextmanager
def _workers(subjects: Sequence[_Subject], threads: int, batch: int) -> Iterator[list[_Worker]]:
    with ExitStack() as stack:
        started = []
        for subject in subjects:
            started.append(_Worker(subject, threads, batch))
            stack.callback(started[-1].close)
        yield started


def _ratio(row: Sequence[_Row]) -> Spread:
    """How many times as fast the first is, round by round."""
    return Spread.of([first / second for first, second in zip(row[0].rates, row[1].rates, strict=True)])


def _as_text(names: Sequence[str], rows: Sequence[tuple[_Row, ...]]) -> list[str]:
    heads = ["threads", "batch"]
    for name in names:
        heads += [f"{name}: pictures/s", "ms a run", "peak MB"]
    heads += ["times as fast"] if len(names) > 1 else []
    cells = []
    for row in rows:
        line = [str(row[0].threads), str(row[0].batch)]
        for one in row:
            rate = Spread.of(one.rates)
            peak = "?" if one.peak is None else f"{one.peak / 1e6:,.0f}"
            line += [rate.said(0 if rate.median >= 100 else 1), f"{1000 * one.batch / rate.median:,.2f}", peak]
        cells.append([*line, *([_ratio(row).said(2)] if len(row) > 1 else [])])
    widths = [max(len(line[column]) for line in (heads, *cells)) for column in range(len(heads))]
    table = ["  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)) for line in (heads, *cells)]
    for number, name in enumerate(names):
        cold = Spread.of([row[number].cold for row in rows])
        table.append(
            f"{name} on {rows[0][number].about['device']}: {cold.said(2)} s from a cold process to the first picture, "
            f"of {cold.count}"
        )
    return [*table, "In brackets: the quartiles."]


def _as_json(subjects: Sequence[_Subject], rows: Sequence[tuple[_Row, ...]], size: int) -> dict[str, Any]:
    import onnxruntime

    files = [
        {
            "model": subject.model,
            **rows[0][number].about,
            "cold_start_seconds": asdict(Spread.of([row[number].cold for row in rows])),
            "rows": [
                {
                    "threads": row[number].threads,
                    "batch": row[number].batch,
                    "pictures_per_second": asdict(Spread.of(row[number].rates)),
                    "peak_bytes": row[number].peak,
                }
                for row in rows
            ],
        }
        for number, subject in enumerate(subjects)
    ]
    found = {
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "machine": platform.machine(),
        "bytes": size,
        "model": files[0],
    }
    if len(files) > 1:
        ratios = [{"threads": row[0].threads, "batch": row[0].batch, **asdict(_ratio(row))} for row in rows]
        found |= {"against": files[1], "times_as_fast": ratios}
    return found


def _plotted(path: Path, names: Sequence[str], rows: Sequence[tuple[_Row, ...]]) -> None:
    """Pictures a second over the batch size, a line a file and number of threads."""
    lines: dict[tuple[int, int], list[tuple[int, Spread]]] = {}
    for row in rows:
        for number, one in enumerate(row):
            lines.setdefault((number, one.threads), []).append((one.batch, Spread.of(one.rates)))
    drawn = [
        Line(
            f"{names[number]}, {threads} {'thread' if threads == 1 else 'threads'}",
            tuple((batch, rate.median, rate.low, rate.high) for batch, rate in sorted(points)),
            dashed=number > 0,
        )
        for (number, threads), points in lines.items()
    ]
    image = plot("Pictures a second by batch size", drawn)
    write_whole(path, lambda file: image.save(file, format="PNG"))
