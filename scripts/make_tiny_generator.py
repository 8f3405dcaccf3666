"""Make the tiny generator that lies in the package for tests: ``python scripts/make_tiny_generator.py [OUT]``.

Its weights follow from formulas, so the file is the same bytes each time. It draws a disc or a cross that the latents
shade; a blend of the two classes lies between them.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cganx.card import CARD_KEY, HASH_KEY, GeneratorCard, Image, Latent

SIZE, LATENT = 16, 8
CARD = GeneratorCard(
    name="tiny",
    kind="class",
    classes=("disc", "cross"),
    latent=Latent(size=LATENT),
    image=Image(height=SIZE, width=SIZE, channels=1),
    method={"preset": "none", "summary": "drawn by formula, not trained"},
    licences={"weights": "Apache-2.0", "data": "none"},
)


def weights() -> dict[str, np.ndarray]:
    """The two templates and the eight shades, before tanh."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] - (SIZE - 1) / 2
    disc = np.where(np.hypot(x, y) < 5.5, 2.0, -2.0)
    cross = np.where((np.abs(x) < 2) | (np.abs(y) < 2), 2.0, -2.0)
    shades = [np.cos(np.pi * (a * (x + 8) + b * (y + 8)) / SIZE) for a in range(3) for b in range(3) if a or b]
    return {
        "templates": np.stack([disc, cross]).reshape(2, -1).astype(np.float32),
        "shades": (0.25 * np.stack(shades)).reshape(LATENT, -1).astype(np.float32),
    }


def build() -> bytes:
    """The file's bytes."""
    constants = weights() | {
        "shape": np.array([-1, 1, SIZE, SIZE], np.int64),
        "one": np.array(1, np.float32),
        "half_range": np.array(127.5, np.float32),
        "zero": np.array(0, np.float32),
        "most": np.array(255, np.float32),
    }
    node = helper.make_node
    nodes = [
        node("MatMul", ["label", "templates"], ["template"]),
        node("Gemm", ["latent", "shades", "template"], ["flat"]),
        node("Reshape", ["flat", "shape"], ["logits"]),
        node("Tanh", ["logits"], ["image"]),
        node("Add", ["image", "one"], ["shifted"]),
        node("Mul", ["shifted", "half_range"], ["scaled"]),
        node("Round", ["scaled"], ["rounded"]),
        node("Clip", ["rounded", "zero", "most"], ["clipped"]),
        node("Cast", ["clipped"], ["bytes"], to=TensorProto.UINT8),
        node("Transpose", ["bytes"], ["pixels"], perm=[0, 2, 3, 1]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "tiny",
        [value("latent", TensorProto.FLOAT, ["batch", LATENT]), value("label", TensorProto.FLOAT, ["batch", 2])],
        [
            value("image", TensorProto.FLOAT, ["batch", 1, SIZE, SIZE]),
            value("pixels", TensorProto.UINT8, ["batch", SIZE, SIZE, 1]),
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, producer_name="cganx", opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    card = CARD.to_json()
    digest = sha256(card.encode() + model.graph.SerializeToString(deterministic=True)).hexdigest()
    keys = {
        "Image.BitmapPixelFormat": "Gray8",
        "Image.ColorSpaceGamma": "SRGB",
        "Image.NominalPixelRange": "Normalized_1_1",
        CARD_KEY: card,
        HASH_KEY: digest,  # last, so that a file that was cut short has none
    }
    helper.set_model_props(model, keys)
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


if __name__ == "__main__":
    default = Path(__file__).parent.parent / "cganx" / "runtime" / "testing" / "tiny.onnx"
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    out.write_bytes(build())
    print(f"{out}: {out.stat().st_size} bytes")
