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
from cganx.training.averaging import AveragedNetwork
from cganx.training.checkpoint import load_checkpoint
from cganx.training.figures import FIGURES, AnyFigures, figures_of
from cganx.training.options import Options, Resumable
from cganx.training.preset import Preset
from cganx.training.processes import Processes
from cganx.training.run import Run, RunConfig
from cganx.training.sampling import Order, seeded
from cganx.training.updates import Players, no_content, no_maps

__all__ = ["State"]

RESTART_RATE = 0.5


@dataclass
class State:
    """Everything that a checkpoint holds.

    The same in all processes, but for the random state of their layers and for losses that are not yet settled.
    """

    players: Players
    average: AveragedNetwork | None
    classifier: AveragedNetwork | None  # of a discriminator that alone learns classes
    order: Order
    fakes: Any  # of a latent's recipe a `Draw`, of image-to-image a `Memory`; `Resumable` both
    options: Options
    labels: Labels = field(repr=False)  # of the training pictures
    processes: Processes
    seed: int
    step: int = 0
    seconds: float = 0.0
    restarts: int = 0
    pending: list[Tensor] = field(default_factory=list)  # losses [k] of this process in the steps since it was settled
    settled: list[Tensor] = field(default_factory=list)  # means over the processes, of the steps since the last line of stats
    figures: AnyFigures | None = None  # of this step's generator, where the main process judged it

    @classmethod
    def build(cls, recipe: Preset[Any], config: RunConfig, labels: Labels, processes: Processes) -> State:
        """Fresh networks of the run's seed, on the process's device; ``labels`` are those of the training pictures."""
        torch.manual_seed(int(seeded(config.seed, "weights").initial_seed()))
        settings, device = recipe.settings, processes.device
        generator, discriminator = (
            build(config.shape, chosen).to(device, memory_format=recipe.layout).train()  # type: ignore[call-overload]
            for build, chosen in (
                (recipe.generator, config.chosen),
                (recipe.discriminator, len(config.taught) or config.chosen),
            )
        )
        looked = recipe.looks(device)
        options = Options.build(recipe, config.seed, device, processes.share, processes.average)
        players = Players(
            generator=generator,
            discriminator=discriminator,
            generator_optimizer=recipe.optimizer(generator, settings.generator_rate, settings),
            discriminator_optimizer=recipe.optimizer(discriminator, settings.discriminator_rate, settings),
            backward=processes.backward,
            average=processes.average,
            augment=options.augment,
            roll=options.roll,
            step=processes.step,
            precision=processes.precision,
            content=no_content if looked is None else looked.content,
            maps=no_maps if looked is None else looked.maps,
        )
        average = AveragedNetwork(generator, settings.ema_decay) if settings.ema_decay > 0 else None
        classifier = AveragedNetwork(discriminator, settings.taught_decay) if settings.taught_decay > 0 else None
        order = recipe.order(config, labels)
        fakes = recipe.fakes(config, labels, generator, device, processes.share)
        state = cls(players, average, classifier, order, fakes, options, labels, processes, config.seed)
        state._seed_layers()
        return state

    def _seed_layers(self) -> None:
        """A random state for dropout: each process has its own, and one that joins later does not repeat an old one."""
        rank = self.processes.share.rank
        stream = f"layers {rank} {self.step}" if rank or self.step else "layers"
        torch.manual_seed(int(seeded(self.seed, stream).initial_seed()))

    @property
    def shown(self) -> nn.Module:
        """The generator that people see."""
        return self.players.generator if self.average is None else self.average.module

    @property
    def judge(self) -> nn.Module:
        """The discriminator that names classes."""
        return self.players.discriminator if self.classifier is None else self.classifier.module

    def update_averages(self) -> None:
        """Take in the weights of the step that was just done."""
        for one in (self.average, self.classifier):
            if one is not None:
                one.update(self.step)

    def _modules(self) -> dict[str, nn.Module]:
        modules = {"generator": self.players.generator, "discriminator": self.players.discriminator}
        averaged = {"average": self.average, "classifier": self.classifier}
        return modules | {name: one.module for name, one in averaged.items() if one is not None}

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {
            "generator_optimizer": self.players.generator_optimizer,
            "discriminator_optimizer": self.players.discriminator_optimizer,
        }

    def _resumables(self) -> dict[str, Resumable]:
        return {"order": self.order, "fakes": self.fakes, "scaling": self.processes, **self.options.resumables}

    @torch.no_grad()
    def average_statistics(self) -> None:
        """Give batch norm's running statistics, which each process takes from its part of a batch, their mean everywhere."""
        if self.processes.count == 1:
            return
        networks = (self.players.generator, self.players.discriminator)
        norms = [one for network in networks for one in network.modules() if isinstance(one, nn.modules.batchnorm._BatchNorm)]
        self.processes.average([one for norm in norms for one in norm.buffers() if one.is_floating_point()])

    def _settle(self) -> None:
        """Turn this process's losses into means over the processes."""
        if self.pending:
            losses = torch.stack(self.pending)
            self.processes.average([losses])
            self.settled += losses
            self.pending.clear()

    def about(self) -> dict[str, Any]:
        """What of it is not a tensor."""
        return {"seconds": self.seconds} | ({} if self.figures is None else {FIGURES: self.figures.to_dict()})

    def shared(self) -> dict[str, Tensor]:
        """The tensors that are the same in all processes, by name."""
        out = {f"{part}/{name}": one for part, module in self._modules().items() for name, one in module.state_dict().items()}
        for part, optimizer in self._optimizers().items():
            for index, values in optimizer.state_dict()["state"].items():
                out |= {f"{part}/{index}/{name}": value for name, value in values.items()}
        for part, one in self._resumables().items():
            out |= {f"{part}/{name}": value for name, value in one.state().items()}
        if self.restarts:
            out["restarts"] = torch.tensor(self.restarts)
        return out | {"step": torch.tensor(self.step)}

    def tensors(self) -> dict[str, Tensor]:
        """All of it, by name. To be called by all processes."""
        self._settle()
        out = self.shared() | {"random/cpu": self.processes.gathered(torch.get_rng_state())}
        device = self.processes.device
        if device.type == "cuda":
            out["random/cuda"] = self.processes.gathered(torch.cuda.get_rng_state(device))
        if self.settled:
            out["pending"] = torch.stack(self.settled)
        return out

    @torch.no_grad()
    def restore(self, run: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Everything as it was at the checkpoint; a process that has no random state there begins a new one."""
        for part, module in self._modules().items():
            _load(module, under(tensors, part), run)
        for part, optimizer in self._optimizers().items():
            _load_optimizer(optimizer, under(tensors, part))
        for part, one in self._resumables().items():
            one.restore(under(tensors, part))
        self.step, self.seconds, self.restarts = int(tensors["step"]), float(state["seconds"]), int(tensors.get("restarts", 0))
        self.figures = figures_of(state)
        rank, device = self.processes.share.rank, self.processes.device
        states = tensors.get("random/cpu", torch.empty(0))
        if rank >= len(states):
            self._seed_layers()
        else:
            torch.set_rng_state(states[rank].clone())  # it reads the storage from its beginning
            if device.type == "cuda" and "random/cuda" in tensors:
                torch.cuda.set_rng_state(tensors["random/cuda"][rank].clone(), device)
        self.settled = [one.to(device) for one in tensors.get("pending", torch.empty(0))]

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
        self.settled.clear()
        self.restarts += 1

    def take_weights(self, run: Run) -> None:
        """The networks of another run's newest checkpoint, without its optimisers and its place in the data."""
        tensors, _ = load_checkpoint(run.path, run.step())
        for part, module in self._modules().items():
            kept_no_average = "discriminator" if part == "classifier" else "generator"
            weights = under(tensors, part) or under(tensors, kept_no_average)
            _load(module, weights, run.path)

    def mean_losses(self, names: tuple[str, ...]) -> dict[str, float]:
        """Means since the last call. To be called by all processes."""
        self._settle()
        means = torch.stack(self.settled).mean(dim=0).tolist()
        self.settled.clear()
        return {name: round(value, 6) for name, value in zip(names, means, strict=True)}

    def not_finite(self) -> str | None:
        """What of the losses since the last line and of the weights is infinite or undefined, and since which step.

        To be called by all processes.
        """
        self._settle()
        if self.settled:
            bad = (~torch.stack(self.settled).isfinite().all(dim=1)).nonzero()
            if len(bad):
                return f"a loss became infinite or undefined in step {self.step - len(self.settled) + int(bad[0]) + 1:,}"
        finite = all(bool(one.isfinite().all()) for module in self._modules().values() for one in module.state_dict().values())
        return None if finite else "a weight became infinite or undefined"

    def check_finite(self) -> None:
        """Raise TrainingError where the state is worth no checkpoint. To be called by all processes."""
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
    """Adam's moments, laid out in memory as their parameters are, and its step count where they are.

    The fused kernel takes both for granted; other optimisers count steps on the CPU.
    """
    parameters = [(one, group.get("fused", False)) for group in optimizer.param_groups for one in group["params"]]
    for name, value in tensors.items():
        index, _, key = name.partition("/")
        parameter, fused = parameters[int(index)]
        moment = value.shape == parameter.shape
        like = parameter if moment else torch.empty_like(value, device=parameter.device if fused else value.device)
        optimizer.state[parameter][key] = torch.empty_like(like).copy_(value)
