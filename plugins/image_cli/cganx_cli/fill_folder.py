"""Pictures into a folder or a URL, a file each, with the manifest and what a data set needs beside them."""

from __future__ import annotations

from contextlib import closing
from functools import partial

import click

from cganx.runtime import Generator
from cganx_cli.formats import format_of, quiet_pillow
from cganx_cli.interrupt import stop_on_interrupt
from cganx_cli.layouts import DataSet, Layout
from cganx_cli.manifest import Manifest
from cganx_cli.pictures import Finish
from cganx_cli.pipeline import Pipeline, pixels_of
from cganx_cli.reporter import Reporter
from cganx_cli.requests import Naming, Plan, Unread
from cganx_cli.settings import Count, Settings
from cganx_cli.single_files import SingleFiles
from cganx_cli.sinks import Sink, opened

__all__ = ["QUALITY", "fill_folder"]

QUALITY = 95


def fill_folder(
    generator: Generator, plan: Plan | Unread, naming: Naming, layout: Layout, sink: Sink, settings: Settings
) -> Count:
    """Write each picture to a file of its own. Raises click.ClickException, and RequestError before anything is written."""
    format_ = format_of(naming.template.suffix)
    quality = (settings.quality or QUALITY) if format_.lossy else None
    finish = Finish.of(generator, settings, quality)
    known = None if isinstance(plan, Unread) else plan
    data, listed = None, False
    if known is not None:
        data = DataSet(generator.card, known, naming, finish.size or generator.picture_shape[:2])
        layout.check(data)
        if settings.existing == "error":
            _refuse_existing(sink, known, naming, layout)
        if settings.existing == "skip":  # an index of other pictures is said before the work, not after it
            listed = layout.is_listed(sink, data)
    files = SingleFiles(
        sink,
        format_,
        naming,
        finish,
        layout,
        data,
        again=partial(pixels_of, generator),
        overwrite=settings.existing == "overwrite",
        new=settings.existing == "error" and (known is None or sink.quick),
    )
    count = Count()
    ours = (lambda _: False) if known is None else partial(known.holds, naming=naming)
    with quiet_pillow(), opened(sink), closing(Manifest(sink, ours)) as manifest, stop_on_interrupt() as stop:
        skips = settings.existing == "skip"
        if settings.existing != "overwrite":
            manifest.check(generator.sha256 if skips else None)
        encoders = settings.encoders or sink.encoders
        pipeline = Pipeline(
            generator,
            files.write,
            encoders,
            settings.batch_size,
            stop,
            files.there if skips else None,
            finish.shape(generator.picture_shape),
            live=known is None,
        )
        try:
            with Reporter(None if known is None else known.count, "picture", quiet=settings.quiet) as reporter:
                for done in pipeline.run(plan):
                    manifest.add(done.lines)
                    count.written += done.written
                    count.skipped += done.skipped
                    count.mended += done.mended
                    reporter.count(done.written, done.skipped)
        finally:
            manifest.put()
        if stop.is_set():
            raise click.Abort
        if layout.index is not None and data is not None and not listed:
            _put_index(sink, layout, data, keep=skips)
    return count


def _refuse_existing(sink: Sink, plan: Plan, naming: Naming, layout: Layout) -> None:
    """Raises click.ClickException where a file would be written over, before any is made."""
    if plan.count <= sink.few:
        first = next((name for name in map(naming.name, plan) if sink.exists(name)), None)
    else:
        first = next((name for name in sink.names() if plan.holds(name, naming)), None)
    if first is None and layout.called is not None and sink.exists(layout.called):
        first = layout.called
    if first is not None:
        raise click.ClickException(
            f"{sink.place(first)} is already there, nothing was written: say --existing skip or overwrite"
        )


def _put_index(sink: Sink, layout: Layout, data: DataSet, *, keep: bool) -> None:
    """A data set's list of its pictures. With ``keep`` one that came meanwhile is left. Raises click.ClickException."""
    assert layout.called is not None
    if keep and layout.is_listed(sink, data):
        return
    with sink.stream(layout.called) as out:
        for block in layout.blocks(data):
            out.write(block)
