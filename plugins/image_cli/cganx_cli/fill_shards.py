"""Pictures into shards: each appears when it is whole, and rests on its number alone."""

from __future__ import annotations

import threading
from collections.abc import Callable

import click

from cganx.runtime import Generator
from cganx_cli.interrupt import stop_on_interrupt
from cganx_cli.pictures import Finish
from cganx_cli.pipeline import Pipeline
from cganx_cli.reporter import Reporter
from cganx_cli.requests import Plan
from cganx_cli.settings import Count, Settings
from cganx_cli.shards import ShardFormat, Shards
from cganx_cli.sinks import Sink, opened

__all__ = ["chosen", "fill_shard", "fill_shards"]


def fill_shards(generator: Generator, plan: Plan, format_: ShardFormat, sink: Sink, settings: Settings) -> Count:
    """Write the shards that were asked for, one after the other. Raises click.ClickException."""
    shards = Shards(format_, generator.card, plan, Finish.of(generator, settings), settings.shards or 1)
    sizes = chosen(shards, sink, settings)
    count = Count()
    with (
        opened(sink),
        stop_on_interrupt() as stop,
        Reporter(sum(sizes.values()), "picture", quiet=settings.quiet) as reporter,
    ):
        for number in sizes:
            count.add(fill_shard(generator, shards, number, sink, settings, stop, reporter.count))
    return count


def chosen(shards: Shards, sink: Sink, settings: Settings) -> dict[int, int]:
    """The numbers of the shards that were asked for, and how many pictures each holds. Nothing is written.

    Raises click.ClickException, also where one is there and may not be.
    """
    total = shards.count
    units, called = shards.plan.units
    if total > units:
        raise click.UsageError(f"{units} {called} do not make {total} shards: ask for fewer")
    numbers = list(range(total) if settings.shard is None else settings.shard.part(0, total + 1))
    if max(numbers) >= total:
        raise click.UsageError(f"there is no shard {max(numbers)}: of {total} the last is {total - 1}")
    if settings.existing == "error":
        _refuse_existing(shards, numbers, sink)
    return {number: shards.part(number).count for number in numbers}


def fill_shard(
    generator: Generator,
    shards: Shards,
    number: int,
    sink: Sink,
    settings: Settings,
    stop: threading.Event,
    told: Callable[[int, int], None],
) -> Count:
    """Make one shard, or see that it is there. ``told`` hears how many pictures were made, and how many were there.

    Raises click.ClickException, and click.Abort where it was told to stop: the shard is given up, to be made anew later.
    """
    count = Count()
    description = shards.description(number)
    if settings.existing == "skip" and _is_there(shards, number, description, sink, count):
        count.skipped = shards.part(number).count
        told(0, count.skipped)
        return count
    encoders, shape = settings.encoders or sink.encoders, shards.finish.shape(generator.picture_shape)
    pipeline = Pipeline(generator, shards.encode, encoders, settings.batch_size, stop, shape=shape)
    with (
        sink.stream(shards.name(number)) as file,
        shards.format.writer(file, description, generator.card) as writer,
    ):
        for pictures, encoded in pipeline.run(shards.part(number)):
            writer.add(encoded)
            count.written += pictures
            told(pictures, 0)
        if stop.is_set():
            raise click.Abort
    return count


def _refuse_existing(shards: Shards, numbers: list[int], sink: Sink) -> None:
    there = set(sink.names()).__contains__ if len(numbers) > sink.few else sink.exists
    for name in map(shards.name, numbers):
        if there(name):
            raise click.ClickException(
                f"{sink.place(name)} is already there, nothing was written: say --existing skip or overwrite"
            )


def _is_there(shards: Shards, number: int, description: str, sink: Sink, count: Count) -> bool:
    """Whether a shard is whole and of these pictures. Raises click.ClickException where it is of others."""
    name = shards.name(number)
    found = shards.format.described(sink, name)
    if found and found != description:
        raise click.ClickException(
            f"{sink.place(name)} is there and of another model, other classes, seeds or settings: nothing was written over it; "
            "choose another folder or --existing overwrite"
        )
    count.mended += found == ""
    return bool(found)
