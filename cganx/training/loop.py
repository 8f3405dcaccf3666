"""The training loop: one for all presets."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import cganx
from cganx import data as labelled
from cganx.data import DataSet
from cganx.errors import TrainingError
from cganx.networks import ImageShape
from cganx.training.averaging import AveragedGenerator
from cganx.training.checkpoint import load_checkpoint, load_newest, remove_stale, save_checkpoint, steps_of
from cganx.training.devices import accelerator_for, find_device, kept_memory, threads
from cganx.training.directory import GRID_LATENTS, Events, GridWriter, Stats, locked
from cganx.training.preset import Preset
from cganx.training.presets import DEFAULT, find_preset
from cganx.training.run import CONFIG, Run, RunConfig, open_run, write_config
from cganx.training.sampling import LATENTS, Draws, Fakes, Order, Reals, Shuffled, seeded
from cganx.training.settings import Settings, changed
from cganx.training.status import Progress, Status
from cganx.training.updates import Players
from cganx.whole_file import UNFINISHED

__all__ = ["train"]

_log = logging.getLogger("cganx")
KEPT = 2
FEW_PICTURES = 10
DEFAULT_OUT = "run"
LEAVING = 0.4  # seconds that closing the files and the interpreter take


def train(
    data: str | Path | DataSet,
    preset: str = DEFAULT,
    out: str | Path = DEFAULT_OUT,
    *,
    steps: int | None = None,  # Train up to this step; default: the preset's, or no end where a time budget is given.
    time_budget: float | None = None,  # Seconds of wall time, data and last checkpoint included, over all sessions.
    seed: int = 0,  # Of the weights, the order of pictures, latents, labels and dropout.
    device: str = "auto",  # auto, cpu, cuda, cuda:N or mps.
    batch_size: int | None = None,  # Shorthand for the setting of that name.
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
    """Train a generator on labelled pictures, or go on where the run in ``out`` stopped.

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
    _check(steps, time_budget, seed)
    _check_size(recipe, preset, image_size, channels)
    _refuse_strangers(out)
    torch_device = find_device(device)
    if init_from is not None:
        open_run(init_from).step()

    with contextlib.ExitStack() as stack:
        stack.enter_context(locked(out))
        stack.enter_context(torch.random.fork_rng())
        thread_count = stack.enter_context(threads())
        stack.enter_context(kept_memory())
        stopped = stack.enter_context(_signals())

        # Load the pictures.
        if not isinstance(data, DataSet):
            data = labelled.load(
                data,
                image_size=image_size or recipe.fixed_size,
                channels=channels,
                fit=fit,
                labels_per_class=labels_per_class,
                skip_unreadable=skip_unreadable,
                cache=out / "data",
                progress=data_progress,
            )
        if recipe.settings.by_label:
            labelled.require_classes(data)
        made_with = {"cganx": cganx.__version__, "torch": torch.__version__, "threads": thread_count}
        config = _config(data, preset, recipe, seed, init_from, made_with)
        if recipe.settings.by_label:
            _warn_of_small_classes(config)
        run = _claim(out, config)

        # Build the networks.
        accelerator = accelerator_for(torch_device)
        state = _State.build(recipe, run.config, accelerator.device)
        players = dataclasses.replace(
            state.players,
            generator=accelerator.prepare(state.players.generator),
            discriminator=accelerator.prepare(state.players.discriminator),
            backward=accelerator.backward,
        )
        reals = Reals(data.train.images, data.train.labels, len(config.classes) * recipe.settings.by_label, accelerator.device)

        # Go on from the newest checkpoint, or from another run's weights.
        newest = load_newest(run.path)
        if newest is not None:
            state.restore(run.path, *newest)
        elif init_from is not None:
            state.take_weights(open_run(init_from))
        clock = _Clock(begun, state.seconds, time_budget)
        stats, events = Stats(run.path, state.step), Events(run.path, state.step)
        stack.callback(events.close)
        grids = GridWriter(run.path, config.classes, _grid_latents(recipe, state, seed).to(accelerator.device))

        def keep(*, grid: bool) -> None:
            """Write a checkpoint, and a sample grid where one is due; note how long that takes."""
            with clock.reserve():
                if grid:
                    grids.write(state.step, state.shown)
                if state.step not in steps_of(run.path):
                    state.check_finite(run.path)
                    save_checkpoint(run.path, state.step, state.tensors(), {"seconds": clock.elapsed()})
                    remove_stale(run.path, newest=KEPT, every=recipe.settings.keep_every)

        if not run.checkpoints():
            keep(grid=False)

        # Train.
        settings_ = recipe.settings
        begun_step = line_step = state.step
        line_begun = time.monotonic()
        while not stopped() and (steps is None or state.step < steps) and not clock.spent():
            real = reals.batch(state.order.next(recipe.update.reals(settings_)))
            factor = rate_factor(state.step, settings_)
            _set_rate(players.generator_optimizer, settings_.generator_rate * factor)
            _set_rate(players.discriminator_optimizer, settings_.discriminator_rate * factor)
            losses = recipe.update(players, real, state.fakes.draw, settings_)
            state.step += 1
            clock.tick()
            state.pending.append(torch.stack(losses))
            if state.average is not None:
                state.average.update(state.step)

            # Say how it goes.
            if state.step % settings_.log_every == 0:
                means = state.mean_losses(recipe.update.losses, run.path)
                rate = (state.step - line_step) / (time.monotonic() - line_begun)
                line_step, line_begun = state.step, time.monotonic()
                status = Status(
                    step=state.step,
                    steps=steps,
                    seconds=clock.elapsed(),
                    remaining=clock.remaining(None if steps is None else (steps - state.step) / rate),
                    images_per_second=rate * settings_.batch_size,
                    losses=means,
                )
                stats.add({"step": state.step, "seconds": round(status.seconds, 3)} | _rounded(status) | means)
                events.add(state.step, {f"loss/{name}": value for name, value in means.items()})
                if progress is not None:
                    progress(status)

            # Keep what was reached.
            if state.step % settings_.checkpoint_every == 0:
                keep(grid=state.step % settings_.grid_every == 0)
            elif state.step % settings_.grid_every == 0:
                grids.write(state.step, state.shown)

        keep(grid=state.step > begun_step)
        _leave(stopped())
    return run


# ----------------------------------------------------------------------------------------------------------------------
# What changes from step to step


@dataclass
class _State:
    """Everything that a checkpoint holds."""

    players: Players
    average: AveragedGenerator | None
    order: Order
    fakes: Fakes
    device: torch.device
    step: int = 0
    seconds: float = 0.0
    pending: list[Tensor] = field(default_factory=list)  # losses [k] of the steps since the last line of stats

    @classmethod
    def build(cls, recipe: Preset[Any], config: RunConfig, device: torch.device) -> _State:
        """Fresh networks of the run's seed, on the device."""
        torch.manual_seed(int(seeded(config.seed, "weights").initial_seed()))
        classes, settings = len(config.classes), recipe.settings
        generator, discriminator = (
            build(config.shape, classes).to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
            for build in (recipe.generator, recipe.discriminator)
        )
        players = Players(
            generator=generator,
            discriminator=discriminator,
            generator_optimizer=recipe.optimizer(generator, settings.generator_rate, settings),
            discriminator_optimizer=recipe.optimizer(discriminator, settings.discriminator_rate, settings),
            backward=Tensor.backward,
        )
        average = AveragedGenerator(generator, settings.ema_decay) if settings.ema_decay > 0 else None
        order = (Shuffled if recipe.shuffled else Draws)(config.pictures, config.seed)
        random = seeded(config.seed, "fakes")
        fakes = Fakes(int(generator.latent), recipe.latent, config.class_counts, random, device)
        torch.manual_seed(int(seeded(config.seed, "layers").initial_seed()))  # dropout
        return cls(players, average, order, fakes, device)

    @property
    def shown(self) -> nn.Module:
        """The generator that people see."""
        return self.players.generator if self.average is None else self.average.module

    def _modules(self) -> dict[str, nn.Module]:
        modules = {"generator": self.players.generator, "discriminator": self.players.discriminator}
        return modules if self.average is None else modules | {"average": self.average.module}

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {
            "generator_optimizer": self.players.generator_optimizer,
            "discriminator_optimizer": self.players.discriminator_optimizer,
        }

    def tensors(self) -> dict[str, Tensor]:
        """All of it, by name."""
        out = {f"{part}/{name}": one for part, module in self._modules().items() for name, one in module.state_dict().items()}
        for part, optimizer in self._optimizers().items():
            for index, values in optimizer.state_dict()["state"].items():
                out |= {f"{part}/{index}/{name}": value for name, value in values.items()}
        out |= {f"order/{name}": value for name, value in self.order.state().items()}
        out |= {f"fakes/{name}": value for name, value in self.fakes.state().items()}
        out["random/cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            out["random/cuda"] = torch.cuda.get_rng_state(self.device)
        out["step"] = torch.tensor(self.step)
        if self.pending:
            out["pending"] = torch.stack(self.pending)
        return out

    @torch.no_grad()
    def restore(self, run: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Everything as it was at the checkpoint."""
        for part, module in self._modules().items():
            _load(module, _under(tensors, part), run)
        for part, optimizer in self._optimizers().items():
            _load_optimizer(optimizer, _under(tensors, part))
        self.order.restore(_under(tensors, "order"))
        self.fakes.restore(_under(tensors, "fakes"))
        torch.set_rng_state(tensors["random/cpu"])
        if self.device.type == "cuda" and "random/cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random/cuda"], self.device)
        self.step, self.seconds = int(tensors["step"]), float(state["seconds"])
        self.pending = [one.to(self.device) for one in tensors.get("pending", torch.empty(0))]

    def take_weights(self, run: Run) -> None:
        """The networks of another run's newest checkpoint, without its optimisers and its place in the data."""
        tensors, _ = load_checkpoint(run.path, run.step())
        for part, module in self._modules().items():
            weights = _under(tensors, part) or _under(tensors, "generator")  # that run may have kept no average
            _load(module, weights, run.path)

    def mean_losses(self, names: tuple[str, ...], run: Path) -> dict[str, float]:
        """Means since the last call. Raises TrainingError where a step's losses are not finite."""
        self._check_losses(run)
        means = torch.stack(self.pending).mean(dim=0).tolist()
        self.pending.clear()
        return {name: round(value, 6) for name, value in zip(names, means, strict=True)}

    def check_finite(self, run: Path) -> None:
        """Raise TrainingError where a loss or a weight is not finite: such a state is worth no checkpoint."""
        self._check_losses(run)
        finite = all(bool(one.isfinite().all()) for module in self._modules().values() for one in module.state_dict().values())
        if not finite:
            raise _not_finite("a weight", self.step, run)

    def _check_losses(self, run: Path) -> None:
        if self.pending:
            bad = (~torch.stack(self.pending).isfinite().all(dim=1)).nonzero()
            if len(bad):
                raise _not_finite("a loss", self.step - len(self.pending) + int(bad[0]) + 1, run)


def _not_finite(what: str, step: int, run: Path) -> TrainingError:
    steps = steps_of(run)
    last = f"the checkpoint of step {steps[-1]} stays" if steps else "there is no checkpoint before it"
    return TrainingError(
        f"{what} became infinite or undefined in step {step}; {last}. Try lower rates in a new run, such as "
        f"--set generator_rate=1e-4 --set discriminator_rate=1e-4"
    )


def _under(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{part}/"): one for name, one in tensors.items() if name.startswith(f"{part}/")}


def _load(module: nn.Module, tensors: dict[str, Tensor], run: Path) -> None:
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        raise TrainingError(f"the weights of {run} do not fit these networks: {detail}") from None


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Adam's moments, laid out in memory as their parameters are: the fused kernel takes that for granted."""
    parameters = [one for group in optimizer.param_groups for one in group["params"]]
    for name, value in tensors.items():
        index, _, key = name.partition("/")
        parameter = parameters[int(index)]
        like = torch.empty_like(parameter) if value.shape == parameter.shape else torch.empty_like(value)
        optimizer.state[parameter][key] = like.copy_(value)


# ----------------------------------------------------------------------------------------------------------------------
# The schedule


def rate_factor(step: int, settings: Settings) -> float:
    """What the learning rates are multiplied with: 1 for half the horizon, then linear to the floor, then the floor.

    It knows nothing of where the run ends, so an extended run is the same as a longer one.
    """
    if settings.rate_horizon == 0:
        return 1.0
    progress = min(1.0, max(0.0, 2.0 * step / settings.rate_horizon - 1.0))
    return 1.0 - (1.0 - settings.rate_floor) * progress


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


# ----------------------------------------------------------------------------------------------------------------------
# Time


class _Clock:
    """The run's wall time over all its sessions, against its budget.

    What it takes to write the last checkpoint and grid is reserved, as measured on those before.
    """

    def __init__(self, begun: float, before: float, budget: float | None) -> None:
        self._begun, self._before, self._budget = begun, before, budget
        self._closing, self._step, self._ticked = 0.0, 0.0, time.monotonic()

    def elapsed(self) -> float:
        """Seconds of the run, those of earlier sessions included."""
        return self._before + time.monotonic() - self._begun

    @contextlib.contextmanager
    def reserve(self) -> Iterator[None]:
        """Measure what writing a checkpoint takes."""
        begun = time.monotonic()
        yield
        self._ticked = time.monotonic()
        self._closing = max(self._closing, self._ticked - begun)

    def tick(self) -> None:
        """Note that a step is done: the slow ones of late say how long the next may take."""
        now = time.monotonic()
        self._step, self._ticked = max(0.9 * self._step, now - self._ticked), now

    def _left(self) -> float | None:
        if self._budget is None:
            return None
        return self._budget - self.elapsed() - 1.5 * self._closing - self._step - LEAVING

    def spent(self) -> bool:
        """Whether it is time to write the last checkpoint."""
        left = self._left()
        return left is not None and left <= 0.0

    def remaining(self, by_steps: float | None) -> float | None:
        """Seconds to the end, whichever comes first."""
        known = [one for one in (by_steps, self._left()) if one is not None]
        return min(known) if known else None


# ----------------------------------------------------------------------------------------------------------------------
# Signals


@contextlib.contextmanager
def _signals() -> Iterator[Callable[[], int | None]]:
    """Note the first SIGINT or SIGTERM instead of dying of it; a second one is not held back.

    Gives a function that says which came. Outside the main thread, where Python allows no handlers, it says None.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)
        for one, handler in before.items():
            signal.signal(one, handler)

    for number in numbers:
        signal.signal(number, note)
    try:
        yield lambda: received[0] if received else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int | None) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    if number is not None:
        raise SystemExit(128 + number)


# ----------------------------------------------------------------------------------------------------------------------
# Starting


def _check(steps: int | None, time_budget: float | None, seed: int) -> None:
    if steps is not None and steps < 1:
        raise TrainingError(f"steps is {steps}; train for at least one")
    if time_budget is not None and not time_budget > 0:
        raise TrainingError(f"the time budget is {time_budget} seconds; give it more than 0")
    if not 0 <= seed < 2**64:
        raise TrainingError(f"the seed is {seed}; a seed is an integer with 0 <= seed < 2**64")


def _check_size(recipe: Preset[Any], preset: str, image_size: int | tuple[int, int] | None, channels: int | None) -> None:
    """Refuse a size that the networks do not make before the pictures are packed at it."""
    if image_size is None:
        return
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    try:
        ImageShape(channels or 1, height, width)
    except ValueError as error:
        raise TrainingError(str(error)) from None
    _check_fixed_size(recipe, preset, (height, width))


def _check_fixed_size(recipe: Preset[Any], preset: str, size: tuple[int, int]) -> None:
    if recipe.fixed_size is not None and recipe.fixed_size != size:
        made = f"{recipe.fixed_size[0]}x{recipe.fixed_size[1]}"
        raise TrainingError(
            f"preset {preset!r} makes pictures of {made}, not {size[0]}x{size[1]}: leave the image size out, or give {made}"
        )


def _refuse_strangers(out: Path) -> None:
    """A run's directory is new, empty, or a run's."""
    if out.exists() and not out.is_dir():
        raise TrainingError(f"{out} is a file, not a directory; give a new or an empty one with --out")
    if not out.exists() or (out / CONFIG).exists():
        return
    strangers = sorted(path.name for path in out.iterdir() if path.name not in ("lock", "data") and not path.match(UNFINISHED))
    if strangers:
        raise TrainingError(f"{out} holds something that is no run ({strangers[0]}); give a new or an empty directory")


def _config(
    data: DataSet,
    preset: str,
    recipe: Preset[Any],
    seed: int,
    init_from: str | Path | None,
    made_with: Mapping[str, Any],
) -> RunConfig:
    labels = data.train.labels
    classes = recipe.settings.classes(data.classes)
    if recipe.settings.by_label:
        counts = tuple(np.bincount(labels[labels >= 0], minlength=len(classes)).tolist())
        pictures = sum(counts)
    else:
        counts, pictures = (1,) * len(classes), len(labels)
    try:
        ImageShape(data.channels, data.height, data.width)
    except ValueError as error:
        raise TrainingError(f"{data.name}: {error}") from None
    _check_fixed_size(recipe, preset, (data.height, data.width))
    return RunConfig(
        preset=preset,
        settings=dataclasses.asdict(recipe.settings),
        seed=seed,
        data=data.name,
        fingerprint=data.fingerprint,
        licence=data.licence,
        classes=classes,
        class_counts=counts,
        pictures=pictures,
        height=data.height,
        width=data.width,
        channels=data.channels,
        init_from=None if init_from is None else os.fspath(init_from),
        made_with=made_with,
    )


def _warn_of_small_classes(config: RunConfig) -> None:
    for name, count in zip(config.classes, config.class_counts, strict=True):
        if count < FEW_PICTURES:
            pictures = f"{count} labelled training picture{'' if count == 1 else 's'}"
            _log.warning("%s: class %r has %s; what is made of it will hardly be more than copies", config.data, name, pictures)


def _claim(out: Path, config: RunConfig) -> Run:
    """The run in ``out``: a new one where the directory is empty, else the one there, if it is the one asked for."""
    if (out / CONFIG).exists():
        run = open_run(out)
        differences = run.config.differences(config)
        if differences and not run.checkpoints():  # it never began: nothing is lost
            write_config(out, config)
            return Run(out, config)
        if differences:
            raise TrainingError(
                f"{out} holds a run that was started otherwise; train in another directory, or ask for the same:\n  "
                + "\n  ".join(differences)
            )
        return run
    write_config(out, config)
    return Run(out, config)


def _grid_latents(recipe: Preset[Any], state: _State, seed: int) -> Tensor:
    size = int(state.players.generator.latent)  # type: ignore[arg-type]
    return LATENTS[recipe.latent](GRID_LATENTS, size, seeded(seed, "grid"))


def _rounded(status: Status) -> dict[str, float]:
    return {"images_per_second": round(status.images_per_second, 1)}
