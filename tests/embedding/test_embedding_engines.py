"""Other engines read the file as it is: docs/embedding.md's Python, run as it stands there, makes the runtime's pictures."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_embedding import assert_same_pixels

from cganx import runtime

MATERIALS = Path(__file__).parents[2] / "plugins" / "blender" / "generators" / "materials.onnx"
ENGINES = {"with_openvino": ("openvino", 24), "with_reference": ("onnx", 2)}  # the package, and how many pictures


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, documented: Path, part: Callable[[str], None]) -> tuple[Any, int]:
    """The page's module, and the number of pictures that it makes in a short time."""
    package, count = ENGINES[request.param]
    part(package)
    part("onnxruntime")
    spec = importlib.util.spec_from_file_location(request.param, documented / f"{request.param}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, count


@pytest.mark.parametrize("name", ["fashion", "letters", "emoji", "materials"])
def test_another_engine_makes_the_pictures_of_a_bundled_file(engine: tuple[Any, int], name: str, tmp_path: Path) -> None:
    module, count = engine
    source = MATERIALS if name == "materials" else runtime.bundled()[name]
    path = tmp_path / "generator.onnx"
    path.write_bytes(Path(source).read_bytes())
    generator = runtime.load(path, device="cpu")
    Path(f"{path}.json").write_text(generator.card.to_json(), "utf-8")
    names = [generator.card.classes[number % len(generator.card.classes)] for number in range(count)]
    latents = np.random.default_rng(0).standard_normal((count, generator.card.latent.size), np.float32)
    made = module.pictures(str(path), names, latents)
    assert made.dtype == np.uint8
    assert_same_pixels(made, generator.generate(names, latents=latents))
