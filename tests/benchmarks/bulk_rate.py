"""How fast ``cganx generate`` fills folders and shards, beside the session alone and the encoders alone; and its memory.

Three subjects take turns in one process: the session alone (raw generation at the same batch), the encoders and writers alone
(as many threads, pixels that are there already), and the command's own pipeline. The target is a share of the slower one of
the first two. Where the session keeps all cores busy the encoders' work comes on top of it: the best that the cores then allow
is said too, from the sum of both times, and the share of that. Memory is the most private memory of a command of many pictures
over that of one of a thousand.
"""

from __future__ import annotations

import itertools
import shutil
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from private_memory import watched
from report import Figure, Target, main
from side_by_side import Spread
from subjects import BUILD, ROOT, say

from cganx import runtime
from cganx_cli.choices import choices
from cganx_cli.fill_folder import fill_folder
from cganx_cli.fill_shards import fill_shards
from cganx_cli.formats import format_of
from cganx_cli.layouts import FREE
from cganx_cli.pictures import Finish
from cganx_cli.pipeline import PIECE, pixels_of
from cganx_cli.requests import Naming, Product
from cganx_cli.seeds import Seeds
from cganx_cli.settings import Settings
from cganx_cli.shards import SHARDS, Shards
from cganx_cli.single_files import SingleFiles
from cganx_cli.sinks import LocalSink
from cganx_cli.templates import Template

MODELS = {"fashion": "fashion", "materials": str(ROOT / "plugins/blender/generators/materials.onnx")}
SETTINGS = Settings("error", None, None, False, None, "lanczos", None, 64, None, True)
LEAST, MOST_GROWTH = 0.9, 300.0
Turn = Callable[[Path], object]


class Subjects:
    """The three subjects for one model, ``count`` pictures a turn."""

    def __init__(self, model: str, count: int) -> None:
        self.generator = runtime.load(model, "cpu")
        labels = choices(self.generator.card, [])
        self.plan = Product(labels, Seeds((range(-(-count // len(labels))),)))
        self.requests = list(self.plan)
        self.naming = Naming.of(Template.parse(FREE.template), self.generator.card)
        self.finish = Finish.of(self.generator, SETTINGS)
        self.pixels = np.concatenate([pixels_of(self.generator, batch) for batch in self._cut(64)])

    def _cut(self, size: int) -> list[list]:
        return [self.requests[start : start + size] for start in range(0, len(self.requests), size)]

    def raw(self, _: Path) -> None:
        """The session alone."""
        for batch in self._cut(64):
            self.generator.generate([one.choice.label for one in batch], [one.seed for one in batch], batch_size=64)

    def files_alone(self, folder: Path) -> None:
        sink = LocalSink(str(folder))
        sink.open()
        files = SingleFiles(sink, format_of(".png"), self.naming, self.finish, FREE, None, self._none, False, True)
        self._encode(files.write, sink.encoders)
        sink.close()

    def files(self, folder: Path) -> None:
        fill_folder(self.generator, self.plan, self.naming, FREE, LocalSink(str(folder)), SETTINGS)

    def shards_alone(self, folder: Path) -> None:
        sink = LocalSink(str(folder))
        sink.open()
        shards = Shards(SHARDS["webdataset"], self.generator.card, self.plan, self.finish, 1)
        with sink.stream("shard.tar") as file, shards.format.writer(file, "", self.generator.card) as writer:
            for _, encoded in self._encode(shards.encode, sink.encoders):
                writer.add(encoded)
        sink.close()

    def shards(self, folder: Path) -> None:
        fill_shards(self.generator, self.plan, SHARDS["webdataset"], LocalSink(str(folder)), SETTINGS)

    def _encode(self, encode, encoders: int) -> list:
        starts = range(0, len(self.requests), PIECE)
        with ThreadPoolExecutor(encoders) as pool:
            return list(pool.map(lambda at: encode(self.requests[at : at + PIECE], self.pixels[at : at + PIECE]), starts))

    @staticmethod
    def _none(requests):
        raise AssertionError(requests)


def seconds(turn: Turn, scratch: Path, number: int) -> float:
    folder = scratch / str(number)
    begun = time.perf_counter()
    turn(folder)
    taken = time.perf_counter() - begun
    shutil.rmtree(folder, ignore_errors=True)
    return taken


def rates(name: str, model: str, arguments: Namespace, scratch: Path) -> list[Figure]:
    subjects = Subjects(model, arguments.pictures)
    side, count = subjects.generator.card.image.width, len(subjects.requests)
    figures, numbers = [], itertools.count()
    for kind, alone, whole in (
        ("PNG files", subjects.files_alone, subjects.files),
        ("shards", subjects.shards_alone, subjects.shards),
    ):
        say(f"{name}, {kind} ...")
        turns = (subjects.raw, alone, whole)
        for turn in turns:
            seconds(turn, scratch, next(numbers))
        rows = []
        for number in range(arguments.rounds):
            order = [(number + place) % 3 for place in range(3)]
            taken = {at: seconds(turns[at], scratch, next(numbers)) for at in order}
            rows.append((taken[0], taken[1], taken[2]))
        shares = Spread.of([max(raw, encoding) / pipeline for raw, encoding, pipeline in rows])
        allowed = Spread.of([(raw + encoding) / pipeline for raw, encoding, pipeline in rows])
        raw, encoding, pipeline = (count / sorted(column)[len(rows) // 2] for column in zip(*rows, strict=True))
        note = f"{pipeline:,.0f} pictures/s; session alone {raw:,.0f}, encoding alone {encoding:,.0f}"
        title = f"{kind} of {side} px, {name}"
        figures.append(
            Figure(f"{title}: rate / min(session alone, encoding alone)", shares.median, "", shares, Target(">=", LEAST), note)
        )
        figures.append(Figure(f"{title}: rate / what the cores allow for both", allowed.median, "", allowed))
    return figures


def memory(arguments: Namespace, scratch: Path) -> list[Figure]:
    peaks = []
    for count in (1000, arguments.many):
        say(f"memory of {count:,} pictures ...")
        command = [sys.executable, "-m", "cganx_cli", "generate", "fashion", "--seeds", f"0-{count // 10 - 1}", "--quiet"]
        seen: list[int] = []
        watched(
            [*command, "-o", str(scratch / f"many-{count}")], lambda _, private, seen=seen: seen.append(private), every=0.05
        )
        shutil.rmtree(scratch / f"many-{count}")
        peaks.append(max(seen) / 2**20)
    note = f"{peaks[0]:,.0f} MiB for 1,000, {peaks[1]:,.0f} MiB for {arguments.many:,}"
    return [
        Figure(
            "private memory of many pictures over that of 1,000",
            peaks[1] - peaks[0],
            "MiB",
            None,
            Target("<=", MOST_GROWTH),
            note,
        )
    ]


def measure(arguments: Namespace) -> list[Figure]:
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        figures = [figure for name, model in MODELS.items() for figure in rates(name, model, arguments, Path(scratch))]
        return figures + memory(arguments, Path(scratch))


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--pictures", 2000, "pictures of a turn"),
        ("--rounds", 7, "rounds of the three subjects"),
        ("--many", 50_000, "pictures of the command whose memory is watched"),
    )
