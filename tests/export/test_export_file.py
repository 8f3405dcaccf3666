"""The file that export writes: tensors, metadata, hash, bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import numpy as np

from cganx import runtime
from cganx.card import CARD_KEY, HASH_KEY, GeneratorCard, Image
from cganx_export import export


def described(values) -> dict[str, tuple[int, tuple[int | str, ...]]]:
    kinds = {value.name: value.type.tensor_type for value in values}
    return {
        name: (kind.elem_type, tuple(size.dim_param or size.dim_value for size in kind.shape.dim))
        for name, kind in kinds.items()
    }


def session(path: Path):
    from cganx.runtime.backend import open_session

    return open_session(path.read_bytes(), "cpu", None)[0]


def assert_batch_invariant(path: Path, latent: np.ndarray, label: np.ndarray, threads_tried: tuple[int, ...]) -> None:
    from cganx.runtime.backend import open_session

    for threads in threads_tried:
        run = open_session(path.read_bytes(), "cpu", threads)[0].run
        together = run(["image", "pixels"], {"latent": latent, "label": label})
        for batch in (1, 2, 3, 7, 16):
            parts = [
                run(["image", "pixels"], {"latent": latent[first : first + batch], "label": label[first : first + batch]})
                for first in range(0, len(latent), batch)
            ]
            for whole, pieces in zip(together, zip(*parts, strict=True), strict=True):
                assert np.concatenate(pieces).tobytes() == whole.tobytes()
        backwards = run(["image", "pixels"], {"latent": latent[::-1].copy(), "label": label[::-1].copy()})
        assert all(np.array_equal(one[::-1], whole) for one, whole in zip(backwards, together, strict=True))


def formula(image: np.ndarray) -> np.ndarray:
    levels = np.clip(np.round((image + np.float32(1)) * np.float32(127.5)), 0, 255)
    return np.transpose(levels.astype(np.uint8), (0, 2, 3, 1))


def test_tensors_have_the_contracts_names_types_and_shapes(plain: Path) -> None:
    import onnx

    graph = onnx.load(plain).graph
    real, byte = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8
    assert described(graph.input) == {"latent": (real, ("batch", 6)), "label": (real, ("batch", 3))}
    assert described(graph.output) == {"image": (real, ("batch", 1, 8, 12)), "pixels": (byte, ("batch", 8, 12, 1))}


def test_the_graph_is_minimal_and_anonymous(plain: Path) -> None:
    import onnx

    model = onnx.load(plain)
    assert [node.op_type for node in model.graph.node] == [
        *("Concat", "Gemm", "Relu", "Reshape", "ConvTranspose", "LeakyRelu", "Conv", "Tanh"),
        *("Clip", "Add", "Mul", "Round", "Cast", "Transpose"),
    ]
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 18)]
    assert (model.producer_name, model.doc_string, model.graph.doc_string, len(model.functions)) == ("cganx", "", "", 0)
    assert not model.graph.value_info
    for node in model.graph.node:
        assert not any((node.doc_string, node.metadata_props, node.name, node.domain))
    data = plain.read_bytes()
    for word in (b"/home", b"/root", b"/tmp", b"site-packages", b"aten::", b"aten.", b"torch.nn", b".py"):
        assert word not in data
    used = {name for node in model.graph.node for name in node.input}
    assert {tensor.name for tensor in model.graph.initializer} <= used


def test_metadata_holds_the_card_onnx_own_keys_and_a_hash_over_card_and_graph(plain: Path) -> None:
    import onnx

    model = onnx.load(plain)
    metadata = {one.key: one.value for one in model.metadata_props}
    assert metadata["Image.BitmapPixelFormat"] == "Gray8"
    assert metadata["Image.ColorSpaceGamma"] == "SRGB"
    assert metadata["Image.NominalPixelRange"] == "Normalized_1_1"
    graph = model.graph.SerializeToString()
    assert graph in plain.read_bytes()
    assert metadata[HASH_KEY] == sha256(metadata[CARD_KEY].encode() + graph).hexdigest()
    card = json.loads(metadata[CARD_KEY])
    assert card["parity"]["batches"] == [1, 2, 7]
    assert 0 <= card["parity"]["max_difference"] <= card["parity"]["tolerance"] == 1e-4
    assert card["parity"]["batch_invariant"] is True
    assert card["method"] == {"rewrites": []}


def test_the_runtime_reads_the_file_and_gives_its_pixels(plain: Path) -> None:
    generator = runtime.load(plain, device="cpu")
    assert generator.generate("down", seeds=range(5)).shape == (5, 8, 12, 1)
    assert generator.card.classes == ("up", "down", "left or right")


def test_pixels_are_the_formula_of_image(plain: Path) -> None:
    latent = np.random.default_rng(0).standard_normal((40, 6), np.float32)
    label = np.eye(3, dtype=np.float32)[np.arange(40) % 3]
    image, pixels = session(plain).run(["image", "pixels"], {"latent": latent, "label": label})
    assert np.array_equal(pixels, formula(image))
    assert len(np.unique(pixels)) > 20


def test_the_same_module_gives_the_same_bytes_and_stays_as_it_was(
    modules: ModuleType, card: Callable[..., GeneratorCard], plain: Path, tmp_path: Path
) -> None:
    module = modules.Small()
    module.train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    report = export(module, card(), tmp_path / "again.onnx", rewrite=False)
    assert report.path.read_bytes() == plain.read_bytes()
    assert report.bytes == plain.stat().st_size
    assert report.sha256 == runtime.read(plain).sha256
    assert module.training
    assert all(tensor.requires_grad for tensor in module.parameters())
    assert all(bool((tensor == before[name]).all()) for name, tensor in module.state_dict().items())


def test_an_index_label_gives_what_the_weights_give(
    modules: ModuleType, card: Callable[..., GeneratorCard], plain: Path, tmp_path: Path
) -> None:
    import onnx

    path = tmp_path / "index.onnx"
    report = export(modules.Small(), card(), path, label_input="index", rewrite=False)
    assert report.card.label is not None
    assert report.card.label.input == "index"
    assert described(onnx.load(path).graph.input)["label"] == (onnx.TensorProto.INT64, ("batch",))
    latent = np.random.default_rng(0).standard_normal((9, 6), np.float32)
    index = np.arange(9) % 3
    (by_index,) = session(path).run(["pixels"], {"latent": latent, "label": index})
    (by_weights,) = session(plain).run(["pixels"], {"latent": latent, "label": np.eye(3, dtype=np.float32)[index]})
    assert np.array_equal(by_index, by_weights)
    assert np.array_equal(
        runtime.load(path, device="cpu").generate("down", seeds=3), runtime.load(plain, device="cpu").generate("down", seeds=3)
    )


def test_an_unconditional_generator_has_no_label(
    modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path
) -> None:
    path = tmp_path / "unconditional.onnx"
    export(modules.Unconditional(), card(kind="unconditional", classes=()), path)
    assert [one.name for one in session(path).get_inputs()] == ["latent"]
    assert runtime.load(path, device="cpu").generate(None, seeds=range(2)).shape == (2, 8, 12, 1)


def test_three_channels_are_rgb(modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path) -> None:
    import onnx

    path = tmp_path / "colour.onnx"
    export(modules.Small(channels=3), card(image=Image(height=8, width=12, channels=3)), path)
    metadata = {one.key: one.value for one in onnx.load(path).metadata_props}
    assert metadata["Image.BitmapPixelFormat"] == "Rgb8"
    image, pixels = session(path).run(
        ["image", "pixels"], {"latent": np.ones((2, 6), np.float32), "label": np.eye(3, dtype=np.float32)[:2]}
    )
    assert pixels.shape == (2, 8, 12, 3)
    assert np.array_equal(pixels, formula(image))


def test_an_unbounded_image_is_clipped_in_the_graph(
    modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path
) -> None:
    report = export(modules.Unbounded(), card(), tmp_path / "clipped.onnx")
    assert report.clipped
    assert "clipped" in str(report)
    latent = np.random.default_rng(0).standard_normal((30, 6), np.float32)
    label = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    image, pixels = session(report.path).run(["image", "pixels"], {"latent": latent, "label": label})
    assert (image.min(), image.max()) == (-1, 1)
    assert (pixels.min(), pixels.max()) == (0, 255)


def test_a_saturated_tanh_stays_in_range(modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path) -> None:
    """onnxruntime's own tanh reaches 1.0000002."""
    module = modules.Small()
    module.to_image.weight.data *= 100
    report = export(module, card(), tmp_path / "saturated.onnx", rewrite=False)
    assert not report.clipped
    latent = np.random.default_rng(0).standard_normal((200, 6), np.float32)
    label = np.eye(3, dtype=np.float32)[np.arange(200) % 3]
    image, pixels = session(report.path).run(["image", "pixels"], {"latent": latent, "label": label})
    assert (image.min(), image.max()) == (-1, 1)
    assert np.array_equal(pixels, formula(image))


def test_norms_dropout_and_parametrisations_leave_no_node(
    modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path
) -> None:
    import onnx
    import torch

    module = modules.Normalised().train()
    report = export(module, card(), tmp_path / "normalised.onnx", rewrite=False)
    operators = {node.op_type for node in onnx.load(report.path).graph.node}
    assert not operators & {"BatchNormalization", "Dropout", "Identity", "Constant", "Shape", "Div", "Sqrt", "MatMul"}
    # The module given still works, and still learns through its parametrisation.
    assert torch.nn.utils.parametrize.is_parametrized(module.to_image)
    module(torch.randn(4, 6), torch.eye(3)[[0, 1, 2, 0]]).sum().backward()


def test_the_sidecar_is_the_card(modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path) -> None:
    report = export(modules.Small(), card(), tmp_path / "small.onnx", rewrite=False, sidecar=True)
    text = (tmp_path / "small.onnx.json").read_text(encoding="utf-8")
    assert GeneratorCard.from_json(text) == report.card == runtime.read(report.path).card


def test_the_report_says_what_was_done(modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path) -> None:
    report = export(modules.Small(), card(), tmp_path / "made" / "on the way" / "small.onnx")
    assert report.path.is_file()
    assert report.rewrites[0].rewrites == ("few-channel-conv-transposed",)
    applied = [name for trial in report.rewrites if trial.applied for name in trial.rewrites]
    assert report.card.method["rewrites"] == applied
    assert len(report.card.method["rewrites_timed"]["time_by_batch"]) == len(report.rewrites)
    assert all(one.milliseconds_before > 0 for trial in report.rewrites for one in trial.times)
    assert report.parity.pictures == 3 + 2 * 2 + 3 * 7 // 3 + 1 + 2 + 7
    assert "parity" in str(report)


def test_a_picture_does_not_depend_on_its_batch(
    modules: ModuleType, card: Callable[..., GeneratorCard], tmp_path: Path
) -> None:
    """Also where onnxruntime's convolution alone would: 33 channels, 7x7."""
    path = tmp_path / "odd.onnx"
    report = export(modules.OddChannels(), card(image=Image(height=5, width=5, channels=1)), path, rewrite=False)
    assert report.parity.batch_invariant
    latent = np.random.default_rng(0).standard_normal((64, 6), np.float32)
    assert_batch_invariant(path, latent, np.eye(3, dtype=np.float32)[np.arange(64) % 3], (1, 2, 3))
