"""Image-to-image generators as files: their tensors, any size, noise, context, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cganx.card import GeneratorCard, Image, Latent
from cganx.errors import ExportError


@pytest.fixture(scope="session")
def translators(modules: ModuleType) -> ModuleType:
    """The small torch modules of translation_modules.py."""
    assert modules  # what they need is installed
    import translation_modules

    return translation_modules


@pytest.fixture(scope="session")
def written(translators: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """The report of the plain file of a module of theirs, written once."""
    from cganx_export import export

    reports: dict[tuple[str, int | None], Any] = {}
    folder = tmp_path_factory.mktemp("translators")

    def write(name: str, side: int | None = None) -> Any:
        if (name, side) not in reports:
            module = translators.filled(getattr(translators, name))
            reports[name, side] = export(module, translators.card(module, side), folder / f"{name}-{side}.onnx", rewrite=False)
        return reports[name, side]

    return write


def declared(path: Path) -> dict[str, tuple[int | str, ...]]:
    import onnx

    graph = onnx.load(path).graph
    return {
        value.name: tuple(size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.output)
    }


def run(path: Path, **feeds: np.ndarray) -> list[np.ndarray]:
    from cganx_export.parity import session_of

    made: list[np.ndarray] = session_of(path.read_bytes()).run(["image", "pixels"], feeds)
    return made


def source_of(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).uniform(-1, 1, shape).astype(np.float32)


def changed_source(card: GeneratorCard, **changes: Any) -> GeneratorCard:
    assert card.source is not None
    return replace(card, source=replace(card.source, **changes))


OPEN = ("batch", 1, "height", "width")
LARGE, LARGE_PIXELS = ("batch", 3, "height*4", "width*4"), ("batch", "height*4", "width*4", 3)
SAME, SAME_PIXELS = ("batch", 3, "height", "width"), ("batch", "height", "width", 3)


@pytest.mark.parametrize(
    ("name", "tensors"),
    [
        ("UNet", {"source": OPEN, "image": SAME, "pixels": SAME_PIXELS}),
        ("Residual", {"source": OPEN, "image": SAME, "pixels": SAME_PIXELS}),
        ("Enlarging", {"source": OPEN, "image": LARGE, "pixels": LARGE_PIXELS}),
        ("Filling", {"source": OPEN, "mask": OPEN, "image": SAME, "pixels": SAME_PIXELS}),
        ("Styled", {"source": OPEN, "label": ("batch", 3), "image": SAME, "pixels": SAME_PIXELS}),
        (
            "Drawing",
            {"source": OPEN, "noise.0": ("batch", 8, "height/2", "width/2"), "image": SAME, "pixels": SAME_PIXELS},
        ),
    ],
)
def test_the_tensors_are_in_order_and_height_and_width_are_open(
    written: Callable[..., Any], name: str, tensors: dict[str, tuple[int | str, ...]]
) -> None:
    report = written(name)
    assert list(declared(report.path).items()) == list(tensors.items())
    assert report.parity.max_difference <= 1e-4
    assert report.card.parity["sizes"] == [list(space) for space in report.parity.sizes]
    heights, widths = zip(*report.parity.sizes, strict=True)
    assert report.parity.sizes[0] == (16, 16)
    assert len(report.parity.sizes) >= 4
    assert min(heights) < 16 < max(widths)
    assert any(height != width for height, width in report.parity.sizes)


@pytest.mark.parametrize("name", ["UNet", "Residual", "Enlarging", "Filling", "Styled"])
def test_a_size_that_was_never_compared_gives_what_torch_gives(
    written: Callable[..., Any], translators: ModuleType, name: str
) -> None:
    import torch

    path = written(name).path
    feeds = {"source": source_of(2, 1, 28, 52)}
    if name == "Filling":
        feeds["mask"] = (source_of(2, 1, 28, 52) > 0).astype(np.float32)
    if name == "Styled":
        feeds["label"] = np.array([[1, 0, 0], [0.2, 0.3, 0.5]], np.float32)
    image, pixels = run(path, **feeds)
    with torch.no_grad():
        module = translators.filled(getattr(translators, name)).eval()
        wanted = module(*(torch.from_numpy(one) for one in feeds.values())).clamp(-1, 1).numpy()
    np.testing.assert_allclose(image, wanted, rtol=0, atol=1e-5)
    levels = np.clip(np.round((image + np.float32(1)) * np.float32(127.5)), 0, 255)
    np.testing.assert_array_equal(pixels, levels.astype(np.uint8).transpose(0, 2, 3, 1))


def test_a_size_at_which_the_module_itself_rounds_as_much_as_is_allowed_is_not_compared(translators: ModuleType) -> None:
    import torch
    from torch import nn

    from cganx_export.arguments import Inputs
    from cganx_export.parity import _takes

    class Rounding(nn.Module):
        """At 8 pixels it lets 1 + x - 1 - x show, which is 0 but for rounding."""

        multiple = 4

        def forward(self, source: torch.Tensor) -> torch.Tensor:
            rounding = (source * 0.1 + 1.0 - 1.0 - source * 0.1) * (1e4 if source.shape[2] == 8 else 1.0)
            return torch.tanh(source + rounding).expand(-1, 3, -1, -1)

    module = Rounding()
    inputs = Inputs(translators.card(module))
    assert [_takes(module, inputs, (side, side)) for side in (4, 8, 12)] == [True, False, True]


def test_a_fixed_size_stays_fixed(written: Callable[..., Any]) -> None:
    report = written("UNet", 16)
    assert declared(report.path)["source"] == ("batch", 1, 16, 16)
    assert declared(report.path)["pixels"] == ("batch", 16, 16, 3)
    assert report.parity.sizes == ((16, 16),)
    assert (report.card.source.height, report.card.source.context) == (16, None)


def test_the_runtimes_reader_takes_the_files(written: Callable[..., Any]) -> None:
    from cganx import runtime

    for name in ("UNet", "Drawing", "Filling", "Enlarging"):
        file = runtime.read(written(name).path)
        assert file.card == written(name).card
        assert file.tile == 512


def test_pictures_do_not_depend_on_their_batch(written: Callable[..., Any]) -> None:
    path, source = written("UNet").path, source_of(7, 1, 24, 16)
    together = run(path, source=source)[0]
    for batch in (1, 2, 3):
        parts = [run(path, source=source[first : first + batch])[0] for first in range(0, 7, batch)]
        np.testing.assert_array_equal(np.concatenate(parts), together)


def test_noise_switches_values_off_and_goes_with_the_size(written: Callable[..., Any]) -> None:
    path, source = written("Drawing").path, source_of(1, 1, 24, 32)
    one, same, other = (
        run(path, source=source, **{"noise.0": np.random.default_rng(seed).standard_normal((1, 8, 12, 16), np.float32)})[0]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.05


def test_dropout_is_off_in_eval_mode(written: Callable[..., Any]) -> None:
    import onnx

    graph = onnx.load(written("UNet").path).graph
    assert "noise.0" not in declared(written("UNet").path)
    assert not any("Random" in node.op_type or node.op_type == "Dropout" for node in graph.node)


def test_a_style_by_number_becomes_weights_that_blend(translators: ModuleType, tmp_path: Path) -> None:
    from cganx_export import export

    module = translators.filled(translators.StyledByNumber)
    export(module, translators.card(module), tmp_path / "numbers.onnx", rewrite=False)
    source = source_of(1, 1, 8, 8)
    pure = [run(tmp_path / "numbers.onnx", source=source, label=row[None])[0] for row in np.eye(3, dtype=np.float32)]
    assert np.abs(pure[0] - pure[1]).max() > 1e-2
    assert declared(tmp_path / "numbers.onnx")["label"] == ("batch", 3)
    export(module, translators.card(module), tmp_path / "index.onnx", rewrite=False, label_input="index")
    by_number = run(tmp_path / "index.onnx", source=source, label=np.array([1], np.int64))[0]
    np.testing.assert_allclose(by_number, pure[1], rtol=0, atol=1e-5)


def test_a_convention_is_about_the_source_too(written: Callable[..., Any], translators: ModuleType, tmp_path: Path) -> None:
    from cganx_export import Convention, export

    module = translators.filled(translators.Flattened)
    card = translators.card(module)
    convention = Convention(low=0, high=255, channels_last=True)
    export(module, card, tmp_path / "flat.onnx", rewrite=False, convention=convention)
    source = source_of(2, 1, 12, 20)
    flat, plain = (run(path, source=source)[0] for path in (tmp_path / "flat.onnx", written("UNet").path))
    np.testing.assert_allclose(flat, plain, rtol=0, atol=1e-5)


# ----------------------------------------------------------------------------------------------------------------------
# Context


def reach(path: Path, side: int, multiple: int, scale: int) -> int:
    """How far a change of one patch reaches in the file, in pixels of the source."""
    source = source_of(1, 1, side, side)
    first = side // 2 // multiple * multiple
    changed = source.copy()
    changed[:, :, first : first + multiple, first : first + multiple] *= -1
    before, after = run(path, source=source)[0], run(path, source=changed)[0]
    rows = np.flatnonzero(np.abs(before - after).max((0, 1, 3)) > 1e-6)
    return int(max(first - rows[0] // scale, rows[-1] // scale - (first + multiple - 1)))


@pytest.mark.parametrize(("name", "context"), [("UNet", 12), ("Enlarging", 4)])
def test_the_context_is_as_far_as_a_change_reaches(
    written: Callable[..., Any], translators: ModuleType, name: str, context: int
) -> None:
    report, module = written(name), getattr(translators, name)
    assert report.card.source.context == context
    found = reach(report.path, 64, module.multiple, getattr(module, "scale", 1))
    assert context - 2 * module.multiple < found <= context


def test_statistics_of_the_picture_have_no_context(written: Callable[..., Any]) -> None:
    assert written("Residual").card.source.context is None
    assert reach(written("Residual").path, 64, 2, 1) > 25


def test_mirrored_edges_and_upsampling_have_a_context(translators: ModuleType, tmp_path: Path) -> None:
    from torch import nn

    from cganx_export import export

    module = translators.filled(lambda: translators.Residual(nn.BatchNorm2d))
    report = export(module, translators.card(module), tmp_path / "residual.onnx", rewrite=False)
    assert report.card.source.context == 8
    assert 5 <= reach(report.path, 64, 2, 1) <= 8


# ----------------------------------------------------------------------------------------------------------------------
# Forms of the file


def test_rewritten_forms_are_the_same_function_at_any_size(
    translators: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cganx_export import export, timing

    monkeypatch.setattr(timing, "SECONDS", 0.5)
    module = translators.filled(translators.UNet)
    taken: list[tuple[str, ...]] = []
    for form in range(2):
        monkeypatch.setattr(timing, "fastest", lambda trials, form=form: form if form < len(trials) else None)
        report = export(module, translators.card(module), tmp_path / f"{form}.onnx")
        taken += [trial.rewrites for trial in report.rewrites if trial.applied]
        assert report.parity.max_difference <= 1e-4
        assert report.card.source.context == 12
    assert any("phases-split" in rewrites for rewrites in taken)


def test_float16_weights_are_held_to_the_pixels_and_a_context_that_was_said_is_kept(
    translators: ModuleType, tmp_path: Path
) -> None:
    from cganx_export import export

    module = translators.filled(translators.UNet)
    card = changed_source(translators.card(module), context=40)
    report = export(module, card, tmp_path / "half.onnx", rewrite=False, weights="float16", sidecar=True)
    assert report.card.source is not None
    assert report.card.source.context == 40
    assert GeneratorCard.from_json((tmp_path / "half.onnx.json").read_text()) == report.card
    assert report.parity.rounding is not None
    assert report.parity.rounding.pixels_far <= 1e-3
    assert report.card.method["weights"] == "float16"


def test_a_triton_model_has_open_sizes(written: Callable[..., Any], tmp_path: Path) -> None:
    from cganx_export import write_triton

    config = (write_triton(written("Enlarging").path, tmp_path) / "config.pbtxt").read_text()
    assert 'name: "source" data_type: TYPE_FP32 dims: [1, -1, -1]' in config
    assert 'name: "pixels" data_type: TYPE_UINT8 dims: [-1, -1, 3]' in config


# ----------------------------------------------------------------------------------------------------------------------
# Refusals


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("OneSize", "give the card's source that height and width"),
        ("BySize", "a fixed height and width"),
    ],
)
def test_modules_of_one_size_say_how_to_mend(translators: ModuleType, tmp_path: Path, name: str, said: str) -> None:
    from cganx_export import export

    module = translators.filled(getattr(translators, name))
    with pytest.raises(ExportError, match=said):
        export(module, translators.card(module), tmp_path / "no.onnx", rewrite=False)
    assert not list(tmp_path.iterdir())
    if name == "OneSize":
        export(module, translators.card(module, 16), tmp_path / "yes.onnx", rewrite=False)


def test_sizes_that_do_not_go_together_are_refused(translators: ModuleType, tmp_path: Path) -> None:
    from cganx_export import export

    module = translators.filled(translators.UNet)
    card = translators.card(module)
    with pytest.raises(ExportError, match="not divisible by 5, the card's multiple"):
        export(module, changed_source(card, multiple=5), tmp_path / "no.onnx")
    with pytest.raises(ExportError, match="is not 3 times as large as a source of 5 x 5"):
        export(module, changed_source(card, scale=3), tmp_path / "no.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_lower_precisions_are_refused(translators: ModuleType, tmp_path: Path, precision: Any) -> None:
    from cganx_export import export

    module = translators.filled(translators.UNet)
    with pytest.raises(ExportError, match="makes its own of sources"):
        export(module, translators.card(module), tmp_path / "no.onnx", precision=precision)
    assert not list(tmp_path.iterdir())


def test_a_mask_is_taken_where_the_module_or_the_convention_says_so(translators: ModuleType, tmp_path: Path) -> None:
    from torch import nn

    from cganx_export import Convention, export

    class Wrapped(nn.Module):
        multiple = 2

        def __init__(self) -> None:
            super().__init__()
            self.made = translators.filled(translators.Filling)

        def forward(self, source, mask):
            return self.made(source, mask)

    module = Wrapped()
    with pytest.raises(ExportError, match=r"a mask too with Convention\(mask=True\)"):
        export(module, translators.card(module), tmp_path / "no.onnx", rewrite=False)
    export(module, translators.card(module), tmp_path / "yes.onnx", rewrite=False, convention=Convention(mask=True))
    assert list(declared(tmp_path / "yes.onnx"))[:2] == ["source", "mask"]


def test_a_mask_without_a_source_is_refused(modules: ModuleType, tmp_path: Path) -> None:
    from cganx_export import Convention, export

    card = GeneratorCard(name="small", kind="unconditional", latent=Latent(size=6), image=Image(height=8, width=12, channels=1))
    with pytest.raises(ExportError, match="the card has no source"):
        export(modules.Unconditional(), card, tmp_path / "no.onnx", convention=Convention(mask=True))
