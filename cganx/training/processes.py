"""The processes that train one run together: torchrun or the like starts them, here they act as one.

Each has both networks whole and takes its share of every batch. Gradients are averaged before each step of an optimiser, so
the networks stay the same everywhere. The first process, the main one, alone writes the run's directory.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from accelerate import Accelerator
from safetensors.torch import load, save
from torch import Tensor
from torch import distributed as dist

from cganx.errors import TrainingError
from cganx.training.devices import accelerator_for
from cganx.training.sampling import Share

__all__ = ["Processes", "processes"]

_log = logging.getLogger("cganx")
SCALING = ("scale", "_growth_tracker")
PATIENCE = timedelta(days=7)  # the others wait while one packs pictures, writes, or measures


@dataclass(frozen=True)
class Processes:
    """This process and those that train with it; alone, nothing here costs anything.

    ``control`` is for what is not the networks' numbers: a group on the CPU, so that a GPU is not waited for. Whatever speaks
    to the others (`average`, `agreed`, `gathered`, `from_main`, `in_turns`, `require_same`) has to be called by all processes
    in the same order. TrainingError where another one has ended.
    """

    accelerator: Accelerator
    control: dist.ProcessGroup | None = None

    @property
    def share(self) -> Share:
        """What this process takes of a batch."""
        return Share(self.accelerator.process_index, self.accelerator.num_processes)

    @property
    def count(self) -> int:
        """How many there are."""
        return self.share.count

    @property
    def main(self) -> bool:
        """Whether this is the one that writes."""
        return self.share.rank == 0

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        device: torch.device = self.accelerator.device
        return device

    def backward(self, loss: Tensor) -> None:
        """Differentiate a loss."""
        self.accelerator.backward(loss)

    def precision(self) -> contextlib.AbstractContextManager[None]:
        """Where networks run: under autocast with mixed precision."""
        context: contextlib.AbstractContextManager[None] = self.accelerator.autocast()
        return context

    def step(self, *optimizers: torch.optim.Optimizer) -> None:
        """Move the weights of optimisers; gradients scaled for fp16 are scaled back, and skipped where one overflowed."""
        scaler = self.accelerator.scaler
        for optimizer in optimizers:
            optimizer.step() if scaler is None else scaler.step(optimizer)
        if scaler is not None:
            scaler.update()

    def state(self) -> dict[str, Tensor]:
        """All that the scaling of gradients needs to go on from here: nothing but for fp16."""
        scaler = self.accelerator.scaler
        if scaler is None:
            return {}
        values = scaler.state_dict()
        return {name: torch.tensor(values[name], dtype=torch.float64) for name in SCALING}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        scaler = self.accelerator.scaler
        if scaler is not None and state:
            scaler.load_state_dict(
                scaler.state_dict() | {"scale": float(state["scale"]), "_growth_tracker": int(state["_growth_tracker"])}
            )

    @torch.no_grad()
    def average(self, tensors: list[Tensor]) -> None:
        """Put the mean over the processes into each tensor; one message for all of them."""
        if self.count == 1 or not tensors:
            return
        whole = torch.cat([one.reshape(-1) for one in tensors])
        with _together():
            mean = self.accelerator.reduce(whole, reduction="mean")
        parts = mean.split([one.numel() for one in tensors])
        torch._foreach_copy_(tensors, [part.view(one.shape) for part, one in zip(parts, tensors, strict=True)])

    def agreed(self, *numbers: float) -> list[float]:
        """The largest of each number over all processes, which wait for each other here."""
        if self.control is None:
            return list(numbers)
        largest = torch.tensor(numbers, dtype=torch.float64)
        with _together():
            dist.all_reduce(largest, dist.ReduceOp.MAX, group=self.control)
        return largest.tolist()

    def gathered(self, tensor: Tensor) -> Tensor:
        """The CPU tensors [...] of all processes, which have one shape, as [count, ...]."""
        if self.control is None:
            return tensor[None]
        every = [torch.empty_like(tensor) for _ in range(self.count)]
        with _together():
            dist.all_gather(every, tensor, group=self.control)
        return torch.stack(every)

    def from_main(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The main process's tensors, on the CPU, and its JSON, whatever the others give."""
        if self.control is None:
            return dict(tensors), dict(state)
        contiguous = {name: one.detach().to("cpu").contiguous() for name, one in tensors.items()}
        return load(self._sent(save(contiguous))), json.loads(self._sent(json.dumps(dict(state)).encode()))

    def _sent(self, content: bytes) -> bytes:
        with _together():
            size = torch.tensor(len(content))
            dist.broadcast(size, 0, group=self.control)
            data = (
                torch.frombuffer(bytearray(content), dtype=torch.uint8)
                if self.main
                else torch.empty(int(size), dtype=torch.uint8)
            )
            dist.broadcast(data, 0, group=self.control)
        return data.numpy().tobytes()

    @contextlib.contextmanager
    def in_turns(self) -> Iterator[None]:
        """Let the main process through first, then one of each other machine, then the rest."""
        turn = 0 if self.main else 1 if self.accelerator.is_local_main_process else 2
        for _ in range(turn):
            self.agreed(0)
        yield
        for _ in range(2 - turn):
            self.agreed(0)

    def require_same(self, identity: bytes) -> None:
        """Raise TrainingError, in every process, unless all give the same 32 bytes."""
        every = self.gathered(torch.frombuffer(bytearray(identity), dtype=torch.uint8))
        if not bool((every == every[0]).all()):
            raise TrainingError(
                "the processes of this run were started with different arguments or found different pictures; "
                "start all of them with the same command, and give every machine the same pictures"
            )


@contextlib.contextmanager
def processes(device: torch.device, mixed_precision: str = "no") -> Iterator[Processes]:
    """Meet the other processes, if this one was started as one of several.

    They stay together for the next run, unless this one fails: then this process parts from them, and whoever waits for it
    is told so at once.
    """
    try:
        accelerator = accelerator_for(device, mixed_precision)
        control = dist.new_group(timeout=PATIENCE, backend="gloo") if accelerator.num_processes > 1 else None
    except RuntimeError as error:
        raise TrainingError(f"the processes of this run did not find each other ({error}); start them again") from error
    try:
        yield Processes(accelerator, control)
    except BaseException:
        if control is not None:
            dist.destroy_process_group()
        raise
    if control is not None:
        dist.destroy_process_group(control)


@contextlib.contextmanager
def _together() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise TrainingError("another process of this run has ended; what it said tells why") from error
