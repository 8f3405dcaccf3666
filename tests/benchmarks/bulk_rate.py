"""How fast ``cganx generate`` fills folders and shards, beside the session alone and the encoders alone; and its memory.

Three subjects take turns in one process: the session alone (raw generation at the same batch), the encoders and writers alone
(as many threads, pixels that are there already), and the command's own pipeline. The target is a share of the slower one of
the first two. Where the session keeps all cores busy the encoders' work comes on top of it: the best that the cores then allow
is said too, from the sum of both times, and the share of that. Parquet and S3 (moto's server, on the same cores) stand beside
local shards, and whole commands on a Ray cluster of three CPUs on this machine, one of them left free, beside local ones.
Memory is the most private memory of a command of many pictures over that of one of a thousand.
"""

from __future__ import annotations

import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterable
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
from cganx_cli.sinks import LocalSink, Sink, sink_of
from cganx_cli.templates import Template

sys.path.insert(0, str(ROOT / "tests" / "image_cli"))  # the servers of the tests
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

    def parquet(self, folder: Path) -> None:
        fill_shards(self.generator, self.plan, SHARDS["parquet"], LocalSink(str(folder)), SETTINGS)

    def shards_to_s3(self, folder: Path) -> None:
        fill_shards(self.generator, self.plan, SHARDS["webdataset"], self._bucket(folder), SETTINGS)

    def parquet_to_s3(self, folder: Path) -> None:
        fill_shards(self.generator, self.plan, SHARDS["parquet"], self._bucket(folder), SETTINGS)

    def files_to_s3(self, folder: Path) -> None:
        fill_folder(self.generator, self.plan, self.naming, FREE, self._bucket(folder), SETTINGS)

    def _bucket(self, folder: Path) -> Sink:
        return sink_of(f"s3://made/{self.generator.card.name}/{folder.name}", 30)

    def _encode(self, encode, encoders: int) -> list:
        starts = range(0, len(self.requests), PIECE)
        with ThreadPoolExecutor(encoders) as pool:
            return list(pool.map(lambda at: encode(self.requests[at : at + PIECE], self.pixels[at : at + PIECE]), starts))

    @staticmethod
    def _none(requests):
        raise AssertionError(requests)


def chosen(arguments: Namespace) -> Iterable[tuple[str, str]]:
    return [(name, MODELS[name]) for name in arguments.models.split(",")]


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


def told(figure: Figure) -> Figure:
    """A figure that took minutes, said as soon as it is there."""
    measure, _, value, spread = figure.texts()
    say(f"{measure}: {value} [{spread}]")
    return figure


def others(arguments: Namespace, scratch: Path) -> list[Figure]:
    """Parquet and S3 beside local shards."""
    from s3_server import server

    with server() as s3:
        os.environ.update(s3.environment)
        s3.client().create_bucket(Bucket="made")
        return [figure for one in chosen(arguments) for figure in beside_shards(*one, arguments, scratch)]


def beside_shards(name: str, model: str, arguments: Namespace, scratch: Path) -> list[Figure]:
    subjects, numbers, figures = Subjects(model, arguments.pictures), itertools.count(), []
    count = len(subjects.requests)
    turns: dict[str, Turn] = {
        "Parquet": subjects.parquet,
        "shards to S3": subjects.shards_to_s3,
        "Parquet to S3": subjects.parquet_to_s3,
        "a file each to S3": subjects.files_to_s3,
    }
    for kind, turn in turns.items():
        say(f"{name}, {kind} ...")
        for one in (subjects.shards, turn):
            seconds(one, scratch, next(numbers))
        rows = []
        for number in range(arguments.rounds):
            order = (subjects.shards, turn) if number % 2 else (turn, subjects.shards)
            taken = {one: seconds(one, scratch, next(numbers)) for one in order}
            rows.append((taken[subjects.shards], taken[turn]))
        ratio = Spread.of([shards / other for shards, other in rows])
        shards, other = (count / statistics.median(column) for column in zip(*rows, strict=True))
        note = f"{other:,.0f} pictures/s, local shards {shards:,.0f}"
        figures.append(told(Figure(f"{kind}, {name}: rate / local shards", ratio.median, "", ratio, None, note)))
    return figures


def on_ray(arguments: Namespace, scratch: Path) -> list[Figure]:
    """Whole commands, from start to end: two workers of one core each beside one process on both."""
    from ray_cluster import cluster

    figures = []
    with cluster({}) as machines:
        engines = {"local": [], "ray": ["--engine", "ray", "--address", machines.address]}
        for name, model in chosen(arguments):
            say(f"{name}, Ray ...")
            seeds = arguments.cluster // (10 if name == "fashion" else 8)
            command = [
                sys.executable,
                "-m",
                "cganx_cli",
                "generate",
                model,
                "--seeds",
                f"0-{seeds - 1}",
                "--shards",
                "20",
                "--quiet",
            ]
            rows = []
            for number in range(arguments.cluster_rounds):
                taken = {}
                for engine in ("local", "ray") if number % 2 else ("ray", "local"):
                    out, begun = scratch / f"{name}-{engine}", time.perf_counter()
                    subprocess.run([*command, "-o", out, *engines[engine]], env=machines.environment, check=True)
                    taken[engine] = time.perf_counter() - begun
                    shutil.rmtree(out)
                rows.append((taken["local"], taken["ray"]))
            ratio = Spread.of([local / ray for local, ray in rows])
            local, ray = (arguments.cluster / statistics.median(column) for column in zip(*rows, strict=True))
            note = f"{ray:,.0f} pictures/s, local {local:,.0f}, {arguments.cluster:,} pictures from start to end"
            figures.append(told(Figure(f"shards by Ray, {name}: rate / local engine", ratio.median, "", ratio, None, note)))
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
        parts: dict[str, Callable[[], list[Figure]]] = {
            "local": lambda: [figure for one in chosen(arguments) for figure in rates(*one, arguments, Path(scratch))],
            "others": lambda: others(arguments, Path(scratch)),
            "ray": lambda: on_ray(arguments, Path(scratch)),
            "memory": lambda: memory(arguments, Path(scratch)),
        }
        return [figure for part in arguments.parts.split(",") for figure in parts[part]()]


if __name__ == "__main__":
    main(
        __doc__ or "",
        measure,
        ("--parts", "local,others,ray,memory", "what of it; ray needs Ray"),
        ("--models", ",".join(MODELS), "which generators"),
        ("--cluster", 40_000, "pictures of a command on the Ray cluster"),
        ("--cluster-rounds", 3, "pairs of such commands"),
        ("--pictures", 2000, "pictures of a turn"),
        ("--rounds", 7, "rounds of the three subjects"),
        ("--many", 50_000, "pictures of the command whose memory is watched"),
    )
