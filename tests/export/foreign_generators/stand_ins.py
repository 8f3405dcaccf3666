"""Modules in the place of packages that a generator's file imports for its training alone."""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock, patch

import torch

__all__ = ["stand_in", "with_cuda_asserted"]


class _StandIn(ModuleType):
    """Has every name; what it names does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock(name=f"{self.__name__}.{name}")


class _Finder(MetaPathFinder, Loader):
    """Finds packages of these names, and all that is asked for in them."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        del path, target
        within = any(f"{name}.".startswith(f"{one}.") for one in self.names)
        return ModuleSpec(name, self, is_package=True) if within else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing in it."""


def stand_in(*names: str) -> None:
    """Let these packages be imported where they are not installed."""
    sys.meta_path.append(_Finder(set(names)))  # last: it is asked for what nobody else finds


def with_cuda_asserted() -> Any:
    """While it is entered, torch says that there is CUDA, which some packages assert when they are imported."""
    return patch.object(torch.cuda, "is_available", lambda: True)
