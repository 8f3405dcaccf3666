"""A run: the directory that training writes, and what can be read back from it."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

import cganx
from cganx.card import GeneratorCard, Image, Latent, Source
from cganx.data import Kind
from cganx.errors import TrainingError
from cganx.networks import Classifier, ImageShape
from cganx.networks.translation import Cycle, TranslationShape
from cganx.training.averaging import reestimate
from cganx.training.checkpoint import load_checkpoint, steps_of, write_whole
from cganx.training.figures import AnyFigures, by_rank, figures_of
from cganx.training.labels import LabelTable, combination_table
from cganx.training.preset import Preset
from cganx.training.presets import PRESETS, find_preset
from cganx.training.sampling import Fakes, seeded
from cganx.training.settings import changed

__all__ = ["Checkpoint", "Run", "RunConfig", "open_run"]

Checkpoint = int | Literal["best", "latest"]
"""A step, or how to find one."""

CPU = torch.device("cpu")
_log = logging.getLogger("cganx")
FORMAT = 2
CONFIG = "config.json"
AVERAGED_BATCHES, BATCHES = 100, 16  # for batch norm's statistics; without an average those of the run are near already


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What a run is, in ``config.json``.

    Everything but ``made_with`` must stay the same for the run to be resumed. ``classes`` are those that the generator
    takes, none where it is unconditional; ``class_counts`` say how often each is drawn: the labelled training pictures of
    each. ``taught`` are the classes that the discriminator alone learns from the data's labels; ``codes`` names the
    continuous codes that the generator takes. ``pictures`` is how many a run learns from. ``fingerprint`` is the sha256 of
    the data set's content.

    Where ``kind`` is ``attributes``, ``classes`` are their names, ``class_counts`` say how many pictures have each, and
    ``combinations`` how often each combination comes (``"0101"``, a digit an attribute, in their order; where there are more
    than 4,096, among as many pictures): batch norm's statistics are estimated with labels drawn of it.

    Of image-to-image, ``source`` says the size and channels of a source and how many times larger its target is, which
    ``height``, ``width`` and ``channels`` are of; ``sources`` and ``pictures`` count the two sides, ``classes`` are the
    targets' styles, ``paired`` and ``task`` are those of the data.
    """

    preset: str
    settings: Mapping[str, int | float]
    seed: int
    data: str
    fingerprint: str
    licence: str
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    pictures: int
    height: int
    width: int
    channels: int
    taught: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    init_from: str | None = None
    kind: Kind = "class"
    combinations: Mapping[str, int] = field(default_factory=dict)
    source: Mapping[str, int] | None = None
    sources: int = 0
    paired: bool = False
    task: str | None = None
    mixed_precision: str = "no"
    format: int = FORMAT
    made_with: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> Any:
        """What the networks are built for: an `ImageShape`, of image-to-image a `TranslationShape`."""
        return ImageShape(self.channels, self.height, self.width) if self.source is None else self.translation

    @property
    def translation(self) -> TranslationShape:
        """The shapes of a source and a target."""
        if self.source is None:
            raise TrainingError(f"preset {self.preset!r} makes pictures of a latent, not of pictures")
        target = ImageShape(self.channels, self.height, self.width)
        source = ImageShape(self.source["channels"], self.source["height"], self.source["width"])
        return TranslationShape(source, target, self.source["scale"])

    @property
    def chosen(self) -> int:
        """How many numbers choose a picture beside its latent."""
        return len(self.classes) + len(self.codes)

    def labels(self, *, evenly: bool) -> LabelTable:
        """The labels of fakes, as often as they come in the data; ``evenly``, every class equally often."""
        if self.kind == "attributes":
            return combination_table(self.combinations)
        return LabelTable.of_classes((1,) * len(self.classes) if evenly else self.class_counts)

    def to_json(self) -> str:
        """The text of ``config.json``."""
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> RunConfig:
        """The config of a text. ValueError, KeyError or TypeError where it is none."""
        values = json.loads(text)
        if values["format"] > FORMAT:
            raise TrainingError(
                f"the run was written by a newer cganx ({values['made_with'].get('cganx', 'unknown')}); update this one: "
                f"pip install -U cganx"
            )
        if values["format"] < FORMAT:
            raise TrainingError("the run was written by an older cganx and cannot be read by this one; start a new one")
        known = {one.name for one in dataclasses.fields(cls)}
        values = {name: value for name, value in values.items() if name in known}
        names = {name: tuple(values.get(name, ())) for name in ("taught", "codes")}
        return cls(**values | names | {name: tuple(values[name]) for name in ("classes", "class_counts")})

    def differences(self, asked: RunConfig) -> list[str]:
        """A line for each entry in which ``asked`` differs: ``batch_size: 64 in the run, 32 asked``."""
        mine, theirs = _flat(self), _flat(asked)
        names = [*mine, *(name for name in theirs if name not in mine)]
        return [
            f"{name}: {mine.get(name, 'nothing')} in the run, {theirs.get(name, 'nothing')} asked"
            for name in names
            if mine.get(name) != theirs.get(name)
        ]


def _flat(config: RunConfig) -> dict[str, Any]:
    values = dataclasses.asdict(config)
    del values["made_with"], values["format"], values["combinations"]  # the fingerprint tells of these
    settings = values.pop("settings")
    return {**values, **settings}


@dataclass(frozen=True)
class Run:
    """A run directory: its config, checkpoints and generators. Made by `train` and `open_run`."""

    path: Path
    config: RunConfig

    @property
    def preset(self) -> Preset[Any]:
        """The preset that the run was started with, with the run's own settings."""
        preset = find_preset(self.config.preset)
        settings = changed(preset.settings, self.config.settings)
        return dataclasses.replace(preset, settings=settings).of_kind(self.config.kind)

    def checkpoints(self) -> tuple[int, ...]:
        """The steps of which checkpoints are there, ascending."""
        return steps_of(self.path)

    def best(self) -> tuple[int, AnyFigures] | None:
        """The step and the figures of the best checkpoint that is whole, by the metric's Frechet distance; None without one.

        What is damaged is passed over with a sentence in the log.
        """
        for step, figures in by_rank(self.path):
            try:
                load_checkpoint(self.path, step)
            except TrainingError as error:
                _log.warning("%s; the next best is taken", str(error).partition("; ")[0])
            else:
                return step, figures
        return None

    def step(self, checkpoint: Checkpoint = "latest") -> int:
        """The step of that checkpoint; ``best`` is the latest where none was judged. TrainingError where there is none."""
        steps = self.checkpoints()
        if not steps:
            raise TrainingError(f"{self.path} has no checkpoint yet; let it train for longer")
        if checkpoint == "best":
            best = self.best()
            return steps[-1] if best is None else best[0]
        return steps[-1] if checkpoint == "latest" else checkpoint

    def generator(self, checkpoint: Checkpoint = "latest", *, back: bool = False) -> nn.Module:
        """The generator of a checkpoint, in eval mode, float32 on the CPU, the same each time.

        Averaged weights where the recipe averages, and batch-norm statistics re-estimated for these weights with latents
        and labels drawn from the run's seed. Takes latents [n, latent] and label weights [n, classes], latents alone
        where it is unconditional; gives pictures [n, channels, height, width] in -1..1. Of image-to-image it takes sources,
        masks and label weights as far as it has them. ``back``: of a cycle, the way back. Raises TrainingError where there
        is no such checkpoint, and no way back.
        """
        prefix = "average/" if self._averages else "generator/"
        tensors, _ = load_checkpoint(self.path, self.step(checkpoint), prefix=prefix)
        with torch.random.fork_rng(devices=[]):
            module = self.preset.generator(self.config.shape, self.config.chosen)
        _load_weights(module, {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}, self.path)
        module.requires_grad_(False)
        self.settle(module)
        if back:
            return _way_back(module, self.config)
        there: nn.Module = module.there if isinstance(module, Cycle) else module
        return there

    def settle(self, module: nn.Module) -> None:
        """Give a generator with this run's weights the batch-norm statistics of these weights; in eval mode after.

        Of image-to-image they are the run's own: there are no sources without its data, and the average goes with them.
        """
        if self.config.source is not None:
            module.eval()
            return
        draw = self.fakes(module, "statistics", device=next(module.parameters()).device)
        reestimate(module, draw, batches=AVERAGED_BATCHES if self._averages else BATCHES)

    def classifier(self, checkpoint: Checkpoint = "latest") -> Classifier:
        """The discriminator of a checkpoint as a classifier of the data's classes, in eval mode, float32 on the CPU.

        Averaged weights where the recipe averages them. Raises TrainingError where there is no such checkpoint, and where
        the preset's discriminator learns no classes of the data.
        """
        config, preset = self.config, self.preset
        classes = self.classifier_classes
        prefix = "classifier/" if preset.settings.taught_decay > 0 else "discriminator/"
        with torch.random.fork_rng(devices=[]):
            module = Classifier(preset.discriminator(config.shape, len(classes) or config.chosen), len(classes))
        module.requires_grad_(False).eval()
        try:
            if not classes:
                raise ValueError
            module(torch.zeros(1, config.channels, config.height, config.width))
        except ValueError:
            raise TrainingError(
                f"preset {config.preset!r} has no classifier: its discriminator learns no class of the data; "
                "sgan is made for one"
            ) from None
        tensors, _ = load_checkpoint(self.path, self.step(checkpoint), prefix=prefix)
        _load_weights(module.discriminator, {name.removeprefix(prefix): one for name, one in tensors.items()}, self.path)
        return module

    @property
    def classifier_classes(self) -> tuple[str, ...]:
        """The data's classes of which each picture shows one, as far as a discriminator may learn them."""
        config = self.config
        return config.taught or (config.classes if self.preset.settings.by_label and config.kind == "class" else ())

    def test_accuracy(self, checkpoint: Checkpoint = "latest") -> float | None:
        """The share of test pictures whose class the checkpoint's classifier names; None where it was not measured."""
        _, state = load_checkpoint(self.path, self.step(checkpoint), prefix="none/")
        accuracy: float | None = state.get("test_accuracy")
        return accuracy

    def fakes(self, generator: nn.Module, stream: str, *, evenly: bool = False, device: torch.device = CPU) -> Fakes:
        """What a generator of this run is fed, drawn by the run's seed for that purpose; ``evenly``: every class as often."""
        latent = int(generator.latent)  # type: ignore[arg-type]
        labels = self.config.labels(evenly=evenly or self.preset.settings.evenly)
        random, codes = seeded(self.config.seed, stream), len(self.config.codes)
        return Fakes(latent, self.preset.latent, labels, random, device, codes=codes)

    @property
    def _averages(self) -> bool:
        return self.config.settings["ema_decay"] > 0

    def card(self, checkpoint: Checkpoint = "latest", *, back: bool = False) -> GeneratorCard:
        """What the generator of a checkpoint is, what the metric said of it included; all but the figures of parity."""
        config, preset = self.config, self.preset
        step = self.step(checkpoint)
        _, state = load_checkpoint(self.path, step, prefix="none/")
        figures = figures_of(state)
        with torch.device("meta"):
            generator: Any = preset.generator(config.shape, config.chosen)
        kind: str = config.kind if config.classes else "unconditional"
        latent = source = None
        name, classes, channels = self.path.resolve().name, config.classes, config.channels
        if config.source is None:
            latent = Latent(size=int(generator.latent), distribution=preset.latent)
        elif back:
            name, classes, kind, channels = f"{name}-back", (), "image-to-image", config.source["channels"]
            source = _source(_way_back(generator, config), {**config.source, "channels": config.channels})
        else:
            kind, source = "image-to-image", _source(generator, config.source)
        return GeneratorCard(
            name=name,
            image=Image(height=config.height, width=config.width, channels=channels, tileable=preset.settings.repeats),
            kind=kind,
            classes=classes,
            latent=latent,
            source=source,
            codes=config.codes,
            method={
                "preset": config.preset,
                "summary": preset.summary,
                "source": preset.source,
                "generator_label": preset.generator_label,
                "discriminator_label": preset.discriminator_label,
                "loss": preset.game.name,
            },
            training={
                "data": config.data,
                "data_sha256": config.fingerprint,
                "pictures": config.pictures,
                **({"sources": config.sources} if source is not None and not config.paired else {}),
                **({} if config.task is None else {"task": config.task}),
                "steps": step,
                "seconds": round(state["seconds"], 1),
                "seed": config.seed,
                "settings": dict(config.settings),
                **({} if config.init_from is None else {"init_from": Path(config.init_from).resolve().name}),
                "mixed_precision": config.mixed_precision,
                "cganx": config.made_with.get("cganx", cganx.__version__),
                "torch": config.made_with.get("torch", torch.__version__),
            },
            metrics={} if figures is None else {"step": step, "reference": "test"} | figures.to_dict(),
            licences={"data": config.licence} if config.licence else {},
        )


def _way_back(generator: nn.Module, config: RunConfig) -> nn.Module:
    if not isinstance(generator, Cycle):
        raise TrainingError(f"preset {config.preset!r} learns no way back; a cycle does, such as cyclegan-small")
    return generator.back


def _source(generator: Any, about: Mapping[str, int]) -> Source:
    """What the generator takes; height and width stay open where its network takes any."""
    size = (None, None) if generator.open_size else (about["height"], about["width"])
    return Source(
        channels=about["channels"],
        height=size[0],
        width=size[1],
        multiple=generator.multiple,
        scale=about["scale"],
    )


def open_run(path: str | Path) -> Run:
    """The run in that directory. Raises TrainingError where there is none, or its config cannot be read."""
    path = Path(path)
    file = path / CONFIG
    if not file.is_file():
        raise TrainingError(f"{path} is not a run: it has no {CONFIG}; give the directory that `cganx train` wrote")
    try:
        return Run(path, _completed(RunConfig.from_json(file.read_text(encoding="utf-8"))))
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise TrainingError(f"{file} cannot be read ({error}); restore it, or start a run in another directory") from None


def _completed(config: RunConfig) -> RunConfig:
    """With the defaults of the settings that there were not yet when the run began."""
    if config.preset not in PRESETS:
        return config
    defaults = dataclasses.asdict(PRESETS[config.preset].settings)
    return dataclasses.replace(config, settings={**defaults, **config.settings})


def write_config(path: Path, config: RunConfig) -> None:
    """Write ``config.json`` whole."""
    write_whole(path / CONFIG, config.to_json().encode())


def _load_weights(module: nn.Module, tensors: dict[str, torch.Tensor], path: Path) -> None:
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        raise TrainingError(f"the checkpoint of {path} does not fit the network of its preset: {detail}") from None
