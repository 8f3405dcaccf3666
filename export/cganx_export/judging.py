"""Who judges the label agreement of a run's file: the oracle of the data that the run learnt from."""

from __future__ import annotations

import os

from cganx.data import load
from cganx.errors import DataError, ExportError
from cganx.evaluation import quick_oracle
from cganx.training.run import RunConfig
from cganx_export.precision import Judge

__all__ = ["judge_of"]


def judge_of(config: RunConfig, data: str | os.PathLike[str] | None, *, force: bool = False) -> Judge:
    """The quick oracle of ``data``, or of what the run names; a Judge without one, and why, where that is not at hand.

    Raises DataError where ``data`` is given and cannot judge, ExportError where the run has not learnt from it.
    """
    if config.kind != "class" or not config.classes:
        if data is not None:
            raise ExportError("the run takes no classes, so that there is no label agreement to measure; leave the data out")
        return Judge(missing="it takes no classes", force=force)
    try:
        found = load(os.fspath(data or config.data), image_size=(config.height, config.width), channels=config.channels)
        if found.classes != config.classes:
            raise DataError(f"{found.name}: its classes are not those that the run learnt")
        oracle = quick_oracle(found)
    except DataError as error:
        if data is not None:
            raise
        return Judge(missing=f"{error}; give the run's pictures with --data", force=force)
    return Judge(oracle, force=force)
