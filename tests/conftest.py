"""What every test may ask for."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator

import hypothesis
import pytest
from hand_made import Maker

# A busy machine misses a deadline that says nothing about the code.
hypothesis.settings.register_profile("cganx", deadline=None)
hypothesis.settings.load_profile("cganx")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def missing(reason: str) -> None:
    """Skip for a missing optional part; with CGANX_REQUIRE=all, where nothing may be missing, fail."""
    if os.environ.get("CGANX_REQUIRE") == "all":
        pytest.fail(f"{reason} (CGANX_REQUIRE=all allows no such skip)")
    pytest.skip(reason)


@pytest.fixture(autouse=True, scope="session")
def _no_models_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What whoever runs the tests has added to their own model folder is none of the tests' business."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CGANX_MODELS", str(tmp_path_factory.mktemp("models") / "none"))
        yield


@pytest.fixture(scope="session")
def part() -> Callable[[str], None]:
    """``part("onnx")``: this test needs that importable module."""

    def need(name: str) -> None:
        if importlib.util.find_spec(name) is None:
            missing(f"{name} is not installed")

    return need


@pytest.fixture(scope="session")
def lacking() -> Callable[[str], None]:
    """``lacking("reason")``: skip for a missing part that is no module; a failure with CGANX_REQUIRE=all."""
    return missing


@pytest.fixture(scope="session")
def make(part: Callable[[str], None]) -> Maker:
    """Generator files made by hand, of every kind."""
    part("onnx")
    return Maker()
