"""Training on a Ray cluster: the same function in each of Ray Train's workers, which sets what torchrun sets."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from cganx.data import TranslationData
from cganx.errors import BackendMissing, CganxError, TrainingError
from cganx.training.devices import find_device

__all__ = ["train_on_ray"]

STARTED = "started"


def train_on_ray(workers: int, arguments: Mapping[str, Any]) -> None:
    """`cganx.training.train` with these keyword arguments in so many workers of a Ray cluster.

    The cluster is the one that ``RAY_ADDRESS`` names, else one on this machine that ends with the run. Every machine of a
    cluster needs the pictures and the run's directory under the same path. Raises BackendMissing without Ray, and what
    training raises.
    """
    for name, value in (("RAY_USAGE_STATS_ENABLED", "0"), ("RAY_DEDUP_LOGS", "0")):
        os.environ.setdefault(name, value)
    try:
        import ray
        from ray.train import RunConfig, ScalingConfig
        from ray.train.torch import TorchTrainer
    except ModuleNotFoundError as error:
        missing = f"the engine ray needs {error.name}, which is not installed"
        raise BackendMissing(f'{missing}: pip install "cganx[train,ray]"') from None

    gpu = find_device(arguments["device"]).type == "cuda"
    told = {name: _absolute(value) for name, value in arguments.items()}
    if told.get(STARTED) is not None:
        told[STARTED] = time.monotonic() - told[STARTED]  # other machines have other clocks
    with _cluster(ray), tempfile.TemporaryDirectory(prefix="cganx-ray-") as kept:
        trainer = TorchTrainer(
            _work,
            train_loop_config=told,
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpu),
            run_config=RunConfig(storage_path=kept),
        )
        try:
            trainer.fit()
        except CganxError:
            raise
        except Exception as error:
            raise TrainingError(f"a worker of the cluster failed; it said: {_cause(error)}") from error


@contextlib.contextmanager
def _cluster(ray: Any) -> Iterator[None]:
    """A cluster of this machine, unless this process has one already."""
    begun = not ray.is_initialized()
    if begun:
        ray.init(include_dashboard=False, log_to_driver=True)
    try:
        yield
    finally:
        if begun:
            ray.shutdown()


def _absolute(value: Any) -> Any:
    """Workers have another current folder. Named data sets are no paths."""
    if isinstance(value, TranslationData):
        return replace(value, **{one.name: _absolute(getattr(value, one.name)) for one in fields(value)})
    if isinstance(value, Path) or (isinstance(value, str) and Path(value).exists()):
        return str(Path(value).absolute())
    return value


def _work(told: Mapping[str, Any]) -> None:
    """What each worker does."""
    from cganx.training.loop import train
    from cganx.training.status import StatusLine

    began = told.get(STARTED)
    with StatusLine() as line:
        train(**{**told, STARTED: None if began is None else time.monotonic() - began}, progress=line)


def _cause(error: BaseException) -> str:
    """The sentence of the worker's own error, which Ray wraps."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    ours = [line.partition("cganx.errors.")[2].partition(": ")[2] for line in lines if "cganx.errors." in line]
    told = [line for line in ours if line and not line.startswith("another process of this run has ended")]
    return (told or ours or lines or [type(error).__name__])[-1]
