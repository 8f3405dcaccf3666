"""The training loop: one for all presets."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

import cganx
from cganx.data import DataSet, TranslationData, TranslationSet
from cganx.training.checkpoint import load_newest
from cganx.training.clock import Clock, heeding, leave, signals
from cganx.training.devices import check_precision, find_device, kept_memory, threads
from cganx.training.directory import locked
from cganx.training.failing import Failures, OnFailure, check_on_failure
from cganx.training.health import NOT_FINITE, Finding
from cganx.training.keeping import Keeper
from cganx.training.presets import DEFAULT, find_preset
from cganx.training.processes import processes
from cganx.training.run import Run, open_run
from cganx.training.schedule import rate_factor, set_rate
from cganx.training.settings import changed
from cganx.training.starting import check, claim, identity, refuse_strangers, settings_of_each
from cganx.training.state import State
from cganx.training.status import Progress, Status
from cganx.training.tasks import Asked, Origin, task_of

__all__ = ["train"]

_log = logging.getLogger("cganx")
DEFAULT_OUT = "run"


def train(
    data: str | Path | DataSet | TranslationData | TranslationSet,
    preset: str = DEFAULT,
    out: str | Path = DEFAULT_OUT,
    *,
    steps: int | None = None,  # Train up to this step; default: the preset's, or no end where a time budget is given.
    time_budget: float | None = None,  # Seconds of wall time, data and last checkpoint included, over all sessions.
    seed: int = 0,  # Of the weights, the order of pictures, latents, labels and dropout.
    device: str = "auto",  # auto, cpu, cuda, cuda:N or mps.
    mixed_precision: str = "no",  # no, bf16 (CPU and CUDA) or fp16 (CUDA): what networks compute in; weights stay float32.
    on_failure: OnFailure = "warn",  # What follows when the health monitor names a failure; see cganx.training.failing.
    batch_size: int | None = None,  # Shorthand for the setting of that name: of all processes together.
    settings: Mapping[str, Any] | None = None,  # Values that replace the preset's; `cganx presets` lists them.
    init_from: str | Path | None = None,  # A run whose newest weights a new run starts with.
    image_size: int | tuple[int, int] | None = None,  # As in cganx.data.load, like the next four.
    channels: int | None = None,
    fit: str = "crop",
    labels_per_class: int | None = None,
    skip_unreadable: bool = False,
    progress: Progress | None = None,  # Called with a Status at every line of stats.jsonl.
    data_progress: Callable[[str, int, int], None] | None = None,  # As in cganx.data.load.
    started: float | None = None,  # time.monotonic() at which the time budget began; default: now.
) -> Run:
    """Train a generator on labelled pictures, or on two sides of pictures, or go on where the run in ``out`` stopped.

    The same arguments and the same ``out`` resume a run, on the CPU bit for bit at the same number of threads. Only
    ``steps``, ``time_budget`` and ``device`` may differ, so a finished run can be extended. Ctrl-C (or SIGTERM) ends
    the step, writes a checkpoint and raises KeyboardInterrupt (SystemExit 143).

    Raises TrainingError where the run cannot start, go on or be resumed, DataError for the pictures,
    DeviceUnavailable for the device.
    """
    begun = time.monotonic() if started is None else started
    out = Path(out)
    recipe = find_preset(preset)
    asked = dict(settings or {}) | ({} if batch_size is None else {"batch_size": batch_size})
    recipe = dataclasses.replace(recipe, settings=changed(recipe.settings, asked))
    if steps is None and time_budget is None:
        steps = recipe.steps
    check(steps, time_budget, seed)
    task = task_of(recipe)
    asked_of = Asked(
        data=data,
        preset=preset,
        image_size=image_size,
        channels=channels,
        fit=fit,
        labels_per_class=labels_per_class,
        skip_unreadable=skip_unreadable,
        cache=out / "data",
    )
    task.check(recipe, asked_of)
    check_on_failure(on_failure)
    torch_device = find_device(device)
    check_precision(mixed_precision, torch_device)

    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng([torch_device] if torch_device.type == "cuda" else []))
        together = stack.enter_context(processes(torch_device, mixed_precision))
        main, share = together.main, together.share
        share_settings = settings_of_each(recipe, together.count)
        if main:
            refuse_strangers(out)
            if init_from is not None:
                open_run(init_from).step()
            stack.enter_context(locked(out))
        thread_count = stack.enter_context(threads())
        stack.enter_context(kept_memory())
        stopped = stack.enter_context(signals(patient=together.count > 1))

        # Load the pictures.
        asked_of = dataclasses.replace(asked_of, shared=together.count > 1, progress=heeding(stopped, data_progress))
        loaded = task.load(recipe, asked_of, together)
        made_with = {"cganx": cganx.__version__, "torch": torch.__version__, "threads": thread_count}
        recipe, config = task.config(recipe, asked_of, loaded, Origin(seed, init_from, mixed_precision, made_with))
        together.require_same(identity(config, steps))
        if main:
            task.warn(recipe, config)
        run = claim(out, config) if main else Run(out, config)

        # Build the networks.
        state = State.build(recipe, config, task.labels(loaded), together)
        players = state.players
        reals = task.reals(recipe, config, loaded, together.device)

        # Go on from the newest checkpoint, or from another run's weights.
        newest = load_newest(run.path) if main else None
        if newest is not None:
            state.restore(run.path, *newest)
        elif init_from is not None and main:
            state.take_weights(open_run(init_from))
        resumed = bool(together.agreed(newest is not None)[0])
        if together.count > 1:
            state.restore(run.path, *together.from_main(*(newest or (state.shared(), state.about()))))
        if together.count > 1 and main:
            each = share_settings.batch_size
            _log.info("%d processes, %d of the %d pictures of a batch each", together.count, each, recipe.settings.batch_size)
        clock = Clock(begun, state.seconds, time_budget)
        metric = task.metric(loaded, run, data_progress)
        journal = task.journal(run, state, loaded) if main else None
        if journal is not None:
            stack.callback(journal.close)
        keeper = Keeper(
            *(run, state, loaded, clock, metric, journal),
            kept=state.step if resumed else None,
            halted=lambda: bool(stopped()) or clock.spent(),
        )
        if not resumed:
            keeper.keep(grid=False)
        stats = None if journal is None else journal.stats
        failures = Failures(run, state, stats, partial(keeper.keep, grid=True), on_failure)
        scores = {} if state.figures is None else state.figures.scalars()
        if metric.due(state.step) and not scores:  # it came to its end, or was stopped, just then
            scores = keeper.judge()
            keeper.keep(grid=False, anew=bool(scores))

        # Train.
        settings_ = recipe.settings
        begun_step = line_step = state.step
        line_begun = clock.training()
        while steps is None or state.step < steps:
            stop, spent, due = together.agreed(stopped() or 0, clock.spent(), main and metric.due(state.step + 1))
            if stop or spent:
                break
            real = reals.batch(share.of(state.order.next(recipe.update.reals(settings_))))
            factor = rate_factor(state.step, settings_) * state.rate_factor
            set_rate(players.generator_optimizer, settings_.generator_rate * factor)
            set_rate(players.discriminator_optimizer, settings_.discriminator_rate * factor)
            losses = state.options.update(players, real, state.fakes, share_settings)
            state.average_statistics()
            state.step += 1
            state.figures = None
            clock.tick()
            state.pending.append(torch.stack(losses))
            state.update_averages()

            # Go no further with what is worth nothing.
            if due or state.step % settings_.log_every == 0 or state.step % settings_.checkpoint_every == 0:
                broken = state.not_finite()
                if broken is not None:
                    failures.broken(Finding(NOT_FINITE, state.step, broken))
                    continue

            # Judge what it makes, and say how it goes.
            line: dict[str, float] = keeper.judge() if due else {}
            scores = dict(line) or scores
            if due or state.step % settings_.log_every == 0:
                means = state.mean_losses(recipe.update.losses)
                rate = (state.step - line_step) / (clock.training() - line_begun)
                line_step, line_begun = state.step, clock.training()
                status = Status(
                    step=state.step,
                    steps=steps,
                    seconds=clock.elapsed(),
                    remaining=clock.remaining(None if steps is None else (steps - state.step) / rate),
                    images_per_second=rate * settings_.batch_size,
                    losses=means,
                    metrics=scores,
                )
                options = state.options.figures()
                line |= _rounded(status) | means | options
                if journal is not None:
                    journal.plot("loss", means)
                    journal.plot("option", options)
                if main and progress is not None:
                    progress(status)

            # Look how healthy it is.
            looked = settings_.health_every > 0 and state.step % settings_.health_every == 0
            if journal is not None and looked:
                line |= journal.look()
            if state.step % settings_.checkpoint_every == 0:
                line |= keeper.test()
            if line or looked:
                line = {"step": state.step, "seconds": round(clock.elapsed(), 3)} | line
                if journal is not None:
                    journal.stats.add(line)
                failures.see(line)

            # Keep what was reached.
            if due or state.step % settings_.checkpoint_every == 0:
                keeper.keep(grid=state.step % settings_.grid_every == 0)
            elif state.step % settings_.grid_every == 0 and journal is not None:
                journal.show()

        last = state.step > begun_step and metric.begun(state.step) and state.figures is None and not stopped()
        last = together.agreed(main and last) != [0]
        keeper.keep(grid=state.step > begun_step, anew=last and bool(keeper.judge()))
        leave(int(together.agreed(stopped() or 0)[0]))
    return run


def _rounded(status: Status) -> dict[str, float]:
    return {"images_per_second": round(status.images_per_second, 1)}
