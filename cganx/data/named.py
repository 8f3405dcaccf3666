"""Data sets that have a name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from cganx.data.idx import find_idx
from cganx.data.sources import Source
from cganx.errors import DataError

__all__ = ["FASHION_CLASSES", "NAMED"]

FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
FASHION_LICENCE = "Fashion-MNIST: MIT, Copyright (c) 2017 Zalando SE"
DEBIAN = Path("/usr/share/datasets")


def _fashion(folder: Path, name: str) -> Source | None:
    if not folder.is_dir():
        return None
    return find_idx(folder, name=name, classes=FASHION_CLASSES, licence=FASHION_LICENCE)


def _fashion_small() -> Source:
    source = _fashion(Path(__file__).with_name("fashion_small"), "fashion-small")
    if source is None:
        raise DataError("fashion-small: its files are not in the package: install cganx again")
    return source


def _fashion_mnist() -> Source:
    given = os.environ.get("CGANX_DATA")
    folders = [Path(given) / "fashion-mnist"] if given else []
    for folder in (*folders, DEBIAN / "fashion-mnist"):
        source = _fashion(folder, "fashion-mnist")
        if source is not None:
            return source
    fill = str(folders[0]) if folders else "a folder fashion-mnist, and set CGANX_DATA to the folder that holds it"
    raise DataError(
        "fashion-mnist: not on this machine: install Debian's package dataset-fashion-mnist "
        f"(apt-get install dataset-fashion-mnist), or put the four IDX files of Fashion-MNIST into {fill}"
    )


NAMED: Mapping[str, Callable[[], Source]] = MappingProxyType({"fashion-small": _fashion_small, "fashion-mnist": _fashion_mnist})
