"""Everything of a run that changes from step to step, and that a checkpoint holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cganx.data import Labels
from cganx.errors import TrainingError
from cganx.training.averaging import AveragedGenerator
from cganx.training.checkpoint import load_checkpoint
from cganx.training.figures import FIGURES, Figures
from cganx.training.labels import LabelTable
from cganx.training.options import Options, Resumable
from cganx.training.preset import Preset
from cganx.training.run import Run, RunConfig
from cganx.training.sampling import Draws, Even, Fakes, Order, Shuffled, seeded
from cganx.training.updates import Players

__all__ = ["State"]

RESTART_RATE = 0.5


@dataclass
class State:
    """Everything that a checkpoint holds."""

    players: Players
    average: AveragedGenerator | None
    order: Order
    fakes: Fakes
    options: Options
    labels: Labels = field(repr=False)  # of the training pictures
    device: torch.device
    step: int = 0
    seconds: float = 0.0
    restarts: int = 0
    pending: list[Tensor] = field(default_factory=list)  # losses [k] of the steps since the last line of stats
    figures: Figures | None = None  # of this step's generator, where it was judged

    @classmethod
    def build(cls, recipe: Preset[Any], config: RunConfig, labels: Labels, device: torch.device) -> State:
        """Fresh networks of the run's seed, on the device; ``labels`` are those of the training pictures."""
        torch.manual_seed(int(seeded(config.seed, "weights").initial_seed()))
        classes, settings = len(config.classes), recipe.settings
        generator, discriminator = (
            build(config.shape, classes).to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
            for build in (recipe.generator, recipe.discriminator)
        )
        options = Options.build(recipe, config.seed, device)
        players = Players(
            generator=generator,
            discriminator=discriminator,
            generator_optimizer=recipe.optimizer(generator, settings.generator_rate, settings),
            discriminator_optimizer=recipe.optimizer(discriminator, settings.discriminator_rate, settings),
            backward=Tensor.backward,
            augment=options.augment,
        )
        average = AveragedGenerator(generator, settings.ema_decay) if settings.ema_decay > 0 else None
        order: Order = (Shuffled if recipe.shuffled else Draws)(config.pictures, config.seed)
        if settings.evenly:
            order = Even(labels[labels >= 0], config.seed)
        table = LabelTable.of_attributes(labels) if config.kind == "attributes" else config.labels(evenly=settings.evenly)
        fakes = Fakes(int(generator.latent), recipe.latent, table, seeded(config.seed, "fakes"), device)
        torch.manual_seed(int(seeded(config.seed, "layers").initial_seed()))  # dropout
        return cls(players, average, order, fakes, options, labels, device)

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

    def _resumables(self) -> dict[str, Resumable]:
        return {"order": self.order, "fakes": self.fakes, **self.options.resumables}

    def about(self) -> dict[str, Any]:
        """What of it is not a tensor."""
        return {"seconds": self.seconds} | ({} if self.figures is None else {FIGURES: self.figures.to_dict()})

    def tensors(self) -> dict[str, Tensor]:
        """All tensors of it, by name."""
        out = {f"{part}/{name}": one for part, module in self._modules().items() for name, one in module.state_dict().items()}
        for part, optimizer in self._optimizers().items():
            for index, values in optimizer.state_dict()["state"].items():
                out |= {f"{part}/{index}/{name}": value for name, value in values.items()}
        for part, one in self._resumables().items():
            out |= {f"{part}/{name}": value for name, value in one.state().items()}
        out["random/cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            out["random/cuda"] = torch.cuda.get_rng_state(self.device)
        out["step"] = torch.tensor(self.step)
        if self.restarts:
            out["restarts"] = torch.tensor(self.restarts)
        if self.pending:
            out["pending"] = torch.stack(self.pending)
        return out

    @torch.no_grad()
    def restore(self, run: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Everything as it was at the checkpoint."""
        for part, module in self._modules().items():
            _load(module, under(tensors, part), run)
        for part, optimizer in self._optimizers().items():
            _load_optimizer(optimizer, under(tensors, part))
        for part, one in self._resumables().items():
            one.restore(under(tensors, part))
        torch.set_rng_state(tensors["random/cpu"])
        if self.device.type == "cuda" and "random/cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random/cuda"], self.device)
        self.step, self.seconds, self.restarts = int(tensors["step"]), float(state["seconds"]), int(tensors.get("restarts", 0))
        self.figures = Figures.of(state)
        self.pending = [one.to(self.device) for one in tensors.get("pending", torch.empty(0))]

    @property
    def rate_factor(self) -> float:
        """What restarts have left of the learning rates."""
        return RESTART_RATE**self.restarts

    @torch.no_grad()
    def go_back(self, run: Path, tensors: Mapping[str, Tensor]) -> None:
        """Networks and optimisers as they were at a checkpoint, to go on from this step with new numbers and lower rates."""
        for part, module in self._modules().items():
            _load(module, under(tensors, part), run)
        for part, optimizer in self._optimizers().items():
            optimizer.state.clear()
            _load_optimizer(optimizer, under(tensors, part))
        self.pending.clear()
        self.figures = None  # those of the weights that are left
        self.restarts += 1

    def take_weights(self, run: Run) -> None:
        """The networks of another run's newest checkpoint, without its optimisers and its place in the data."""
        tensors, _ = load_checkpoint(run.path, run.step())
        for part, module in self._modules().items():
            weights = under(tensors, part) or under(tensors, "generator")  # that run may have kept no average
            _load(module, weights, run.path)

    def mean_losses(self, names: tuple[str, ...]) -> dict[str, float]:
        """Means since the last call."""
        means = torch.stack(self.pending).mean(dim=0).tolist()
        self.pending.clear()
        return {name: round(value, 6) for name, value in zip(names, means, strict=True)}

    def not_finite(self) -> str | None:
        """What of the losses since the last line and of the weights is infinite or undefined, and since which step."""
        if self.pending:
            bad = (~torch.stack(self.pending).isfinite().all(dim=1)).nonzero()
            if len(bad):
                return f"a loss became infinite or undefined in step {self.step - len(self.pending) + int(bad[0]) + 1:,}"
        finite = all(bool(one.isfinite().all()) for module in self._modules().values() for one in module.state_dict().values())
        return None if finite else "a weight became infinite or undefined"

    def check_finite(self) -> None:
        """Raise TrainingError where the state is worth no checkpoint."""
        broken = self.not_finite()
        if broken is not None:
            raise TrainingError(f"step {self.step:,}: {broken}; the last checkpoint stays")


def under(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
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
