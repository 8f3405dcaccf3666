"""What another engine makes of exported and hand-made files: the image that onnxruntime makes, and its pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hand_made import Maker

from cganx.card import GeneratorCard, Image, Label, Latent
from cganx_export import export

CLASSES = ("T-shirt/top", "Trouser", "Bag")
Arrays = dict[str, np.ndarray]


def by_openvino(path: Path, given: Arrays) -> tuple[np.ndarray, np.ndarray]:
    import openvino

    made = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(given)
    return made["image"], made["pixels"]


def by_reference(path: Path, given: Arrays) -> tuple[np.ndarray, np.ndarray]:
    from onnx.reference import ReferenceEvaluator

    image, pixels = ReferenceEvaluator(str(path)).run(["image", "pixels"], given)
    return image, pixels


@pytest.fixture(params=[("openvino", by_openvino), ("onnx", by_reference)], ids=["openvino", "reference"])
def engine(request: pytest.FixtureRequest, part: Callable[[str], None]) -> Callable[[Path, Arrays], tuple[Any, Any]]:
    package, run = request.param
    part(package)
    return run  # type: ignore[no-any-return]


def inputs(path: Path, card: GeneratorCard, count: int) -> Arrays:
    """What the file takes, of every class in turn."""
    import onnx

    random = np.random.default_rng(0)
    given: Arrays = {}
    for value in onnx.load(path).graph.input:
        shape = [count, *(size.dim_value for size in value.type.tensor_type.shape.dim[1:])]
        given[value.name] = random.standard_normal(shape, np.float32)
    if card.label is not None:
        turns = np.arange(count) % len(card.classes)
        given["label"] = turns if card.label.input == "index" else np.eye(len(card.classes), dtype=np.float32)[turns]
    return given


def assert_the_same(engine: Any, path: Path, card: GeneratorCard, *, near: float = 1e-4, count: int = 3) -> None:
    import onnxruntime

    given = inputs(path, card, count)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    wanted_image, wanted = session.run(["image", "pixels"], given)
    image, pixels = engine(path, given)
    assert (image.dtype, pixels.dtype) == (np.float32, np.uint8)
    assert image.shape == wanted_image.shape
    assert np.abs(image - wanted_image).max() <= near
    assert pixels.shape == wanted.shape
    assert (np.abs(pixels.astype(int) - wanted) > 1).mean() <= 1e-3
    assert np.ptp(wanted) > 20, "a picture, so that there is something to compare"


@pytest.mark.parametrize(
    ("noise", "changes"),
    [
        ((), {}),
        ((), {"label": Label(input="index")}),
        ((), {"kind": "attributes"}),
        ((), {"kind": "unconditional", "classes": ()}),
        ((), {"codes": ("tilt",), "truncation": {"input": True}}),
        ((2, 3), {"image": Image(height=4, width=4, channels=3)}),
    ],
    ids=["class", "index", "attributes", "unconditional", "codes and truncation", "noise"],
)
def test_a_hand_made_file(engine: Any, make: Maker, tmp_path: Path, noise: tuple[int, ...], changes: dict[str, Any]) -> None:
    path = tmp_path / "g.onnx"
    path.write_bytes(make(noise=noise, **changes))
    assert_the_same(engine, path, make.card(**changes), count=7)


@pytest.fixture(scope="module", params=[("sngan-small", True), ("cdcgan", False), ("cgan", False), ("r3gan", False)])
def preset_file(
    request: pytest.FixtureRequest, modules: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, GeneratorCard]:
    """The file of a preset's network with random weights, rewritten or plain."""
    assert modules
    import torch

    from cganx import networks
    from cganx.training.presets import find_preset

    preset, rewrite = request.param
    torch.manual_seed(0)
    module = find_preset(preset).generator(networks.ImageShape(1, 8, 8), len(CLASSES))
    card = GeneratorCard(
        name="preset", classes=CLASSES, latent=Latent(size=module.latent), image=Image(height=8, width=8, channels=1)
    )
    path = tmp_path_factory.mktemp("preset") / f"{preset}.onnx"
    export(networks.folded(module), card, path, rewrite=rewrite)
    return path, card


def test_a_presets_network(engine: Any, preset_file: tuple[Path, GeneratorCard]) -> None:
    assert_the_same(engine, *preset_file)


@pytest.fixture(
    scope="module",
    params=[({"weights": "float16"}, 1e-4), ({"precision": "float16"}, 2e-2), ({"precision": "int8"}, 1e-3)],
    ids=["stored as float16", "computed in float16", "int8"],
)
def precise_file(
    request: pytest.FixtureRequest, modules: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, GeneratorCard, float]:
    """A file of another precision, and how near to onnxruntime's its image is."""
    asked, near = request.param
    card = GeneratorCard(name="wide", classes=CLASSES, latent=Latent(size=6), image=Image(height=8, width=12, channels=1))
    path = tmp_path_factory.mktemp("precise") / "g.onnx"
    export(modules.Wide(), card, path, rewrite=False, **asked)
    return path, card, near


def test_a_file_of_another_precision(engine: Any, precise_file: tuple[Path, GeneratorCard, float]) -> None:
    path, card, near = precise_file
    assert_the_same(engine, path, card, near=near)
