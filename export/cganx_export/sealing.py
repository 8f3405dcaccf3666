"""Graph and card -> the bytes of the file: ONNX's own image keys, the card, and the hash over both."""

from __future__ import annotations

from hashlib import sha256

import onnx
from onnx import helper

import cganx
from cganx.card import CARD_KEY, CHANNELS, HASH_KEY, GeneratorCard
from cganx_export.tracing import OPSET

__all__ = ["model_of", "seal"]

# onnx 1.16's; onnxruntime reads it since 1.18.
IR_VERSION = 10
PIXEL_FORMATS = {1: "Gray8", 3: "Rgb8"}


def model_of(graph: onnx.GraphProto) -> onnx.ModelProto:
    """The graph as a model of the default domain alone."""
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", _opset(graph))],
        ir_version=IR_VERSION,
        producer_name="cganx",
        producer_version=cganx.__version__,
    )


def _opset(graph: onnx.GraphProto) -> int:
    """What the exporter writes; of quantised graphs one more, for ONNX's own evaluator knows no older QuantizeLinear."""
    return OPSET + any(node.op_type == "QuantizeLinear" for node in graph.node)


def seal(graph: onnx.GraphProto, card: GeneratorCard) -> tuple[bytes, str]:
    """The file's bytes and its hash: SHA-256 over the card's JSON and the serialised graph as they lie in the file."""
    model = model_of(graph)
    text = card.to_json()
    graph_bytes = model.graph.SerializeToString(deterministic=True)
    digest = sha256(text.encode() + graph_bytes).hexdigest()
    # https://github.com/onnx/onnx/blob/main/docs/MetadataProps.md; they speak of the output `image`.
    helper.set_model_props(
        model,
        {
            "Image.BitmapPixelFormat": PIXEL_FORMATS[card.image.channels],
            "Image.ColorSpaceGamma": "SRGB" if card.image.color_space in CHANNELS.values() else "Linear",
            "Image.NominalPixelRange": "Normalized_1_1",
            CARD_KEY: text,
            HASH_KEY: digest,  # last, so that a file that was cut short has none
        },
    )
    return model.SerializeToString(deterministic=True), digest
