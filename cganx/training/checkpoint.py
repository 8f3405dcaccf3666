"""Checkpoints: one safetensors file each, written whole or not at all.

``checkpoints/step-00000500.safetensors`` holds every tensor of the run's state (random states as uint8), and what is
not a tensor as JSON in the file's own metadata. A file appears by rename, after its bytes are on the disk.
"""

from __future__ import annotations

import json
import logging
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from cganx.errors import TrainingError
from cganx.whole_file import UNFINISHED, whole_file

__all__ = ["load_checkpoint", "load_newest", "remove_stale", "save_checkpoint", "steps_of", "write_whole"]

_log = logging.getLogger("cganx")
FOLDER = "checkpoints"
KEY = "cganx.state"
CHECKS = "cganx.crc32"
_NAME = re.compile(r"step-(\d{8,})\.safetensors")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that its name leads to the old bytes or the new ones, never to a part of them."""
    try:
        with whole_file(path) as file:
            file.write(content)
    except OSError as error:
        raise TrainingError(f"{path} cannot be written ({error.strerror}); make room or mend the permissions") from None


def path_of(run: Path, step: int) -> Path:
    """Where the checkpoint of that step lies."""
    return run / FOLDER / f"step-{step:08d}.safetensors"


def steps_of(run: Path) -> tuple[int, ...]:
    """The steps of which the run holds checkpoints, ascending."""
    folder = run / FOLDER
    matches = (_NAME.fullmatch(path.name) for path in folder.iterdir()) if folder.is_dir() else iter(())
    return tuple(sorted(int(match[1]) for match in matches if match))


def save_checkpoint(run: Path, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> Path:
    """Write one checkpoint; returns its path. TrainingError where the disk refuses it."""
    path = path_of(run, step)
    plain = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
    checks = {name: _checksum(tensor) for name, tensor in plain.items()}
    write_whole(path, save(plain, metadata={KEY: json.dumps(state, allow_nan=False), CHECKS: json.dumps(checks)}))
    return path


def load_checkpoint(run: Path, step: int, *, prefix: str = "") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors (those whose name starts with ``prefix``) on the CPU, and what is not a tensor.

    Raises TrainingError where there is no such checkpoint, or the file is damaged.
    """
    path = path_of(run, step)
    if not path.is_file():
        there = ", ".join(str(one) for one in steps_of(run)) or "none"
        raise TrainingError(f"{run} has no checkpoint of step {step}; it has: {there}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state, checks = json.loads(metadata[KEY]), json.loads(metadata[CHECKS])
            tensors = {name: file.get_tensor(name) for name in file.keys() if name.startswith(prefix)}  # noqa: SIM118
        for name, tensor in tensors.items():
            if checks[name] != _checksum(tensor):
                raise ValueError(f"the checksum of {name} does not fit")
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise TrainingError(
            f"{path} is damaged ({error}); delete it, and the run goes on from the checkpoint before it"
        ) from None
    return tensors, state


def load_newest(run: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The newest checkpoint that is whole, as `load_checkpoint` gives it; None where there is none at all.

    Damaged ones are set aside under another name, with a sentence in the log. TrainingError where all are damaged.
    """
    steps = steps_of(run)
    for step in reversed(steps):
        try:
            return load_checkpoint(run, step)
        except TrainingError as error:
            if step == steps[0]:
                raise
            path = path_of(run, step)
            path.replace(path.with_name(f"{path.name}.damaged"))
            _log.warning(
                "%s; it is set aside, and the run goes on from the checkpoint before it", str(error).partition("; ")[0]
            )
    return None


def _checksum(tensor: Tensor) -> int:
    """CRC-32 of a tensor's bytes: safetensors itself would not notice one that changed."""
    return zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())


def remove_stale(run: Path, *, newest: int, every: int, best: int | None = None) -> None:
    """Delete all but the ``newest`` checkpoints, the best, and those at multiples of ``every`` steps; and unfinished files."""
    for step in steps_of(run)[:-newest]:
        if step != best and (step == 0 or step % every):
            path_of(run, step).unlink(missing_ok=True)
    for path in run.rglob(UNFINISHED):
        path.unlink(missing_ok=True)
