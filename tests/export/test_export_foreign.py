"""Modules of other makers: what the exported graph converts, and what it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cganx import runtime
from cganx.card import GeneratorCard, Image, Latent
from cganx.errors import ExportError
from cganx_export import Convention, export

NAMES = ("a", "b", "c", "d")


@pytest.fixture(scope="module")
def foreign(part: Callable[[str], None]) -> ModuleType:
    """The modules of foreign_modules.py."""
    for name in ("torch", "onnx", "onnxscript", "onnxruntime"):
        part(name)
    import foreign_modules

    return foreign_modules


def card(classes: tuple[str, ...] = (), channels: int = 1, truncates: bool = False) -> GeneratorCard:
    return GeneratorCard(
        name="foreign",
        kind="class" if classes else "unconditional",
        classes=classes,
        latent=Latent(size=6),
        image=Image(height=8, width=8, channels=channels),
        truncation={"input": True} if truncates else None,
    )


@pytest.fixture(scope="module")
def numbered(foreign: ModuleType, tmp_path_factory: pytest.TempPathFactory):
    """foreign_modules.Numbered with one forward behind it, and what exporting it reports."""
    import torch

    module = foreign.Numbered()
    module(torch.randn(2, 6, 1, 1), torch.tensor([0, 1]))  # hooks now keep what they computed
    path = tmp_path_factory.mktemp("foreign") / "numbered.onnx"
    convention = Convention(latent=(6, 1, 1), low=0, high=255, channels_last=True)
    return module, export(module, card(NAMES, channels=3), path, convention=convention, rewrite=False)


def run(path: Path, **given: np.ndarray) -> np.ndarray:
    from cganx_export.parity import session_of

    names = {name.replace("_", "."): value for name, value in given.items()}
    image: np.ndarray = session_of(path.read_bytes()).run(["image"], names)[0]
    return image


def test_class_numbers_shapes_ranges_and_draws_become_the_contracts(numbered) -> None:
    module, report = numbered
    generator = runtime.load(report.path, device="cpu")
    assert generator.inputs == ("latent", "label", *(f"noise.{number}" for number in range(5)))
    assert report.parity.max_difference <= 1e-4
    assert not report.clipped  # a sigmoid of 0..255 is -1..1
    together = generator.generate("b", seeds=[3, 4, 5])
    assert together.shape == (3, 8, 8, 3)
    assert np.array_equal(generator.generate("b", seeds=4)[0], together[1])
    assert module.training
    assert module.to_image._forward_pre_hooks


def test_the_file_does_what_the_module_does_with_its_own_noise(numbered) -> None:
    """Against the module's own call, where its generator of random numbers is what differs: so without noise."""
    import torch

    module, report = numbered
    strengths = module.strengths.data.clone()
    latent = torch.randn(4, 6, 1, 1)
    names = [f"noise_{number}" for number in range(5)]
    shapes = [(4, 1, 8, 8), (4, 6, 8, 8), (4, 1, 8, 8), (4, 6, 8, 8), (4, 1, 8, 8)]
    made = run(
        report.path,
        latent=latent.flatten(1).numpy(),
        label=np.eye(4, dtype=np.float32),
        **{name: np.zeros(shape, np.float32) for name, shape in zip(names, shapes, strict=True)},
    )
    module.strengths.data[:] = 0
    # Of no noise at all torch.rand's middle, 1/2, and torch.normal's mean, which is x, remain.
    module.noise, noise = lambda x: strengths[1] / 2 + strengths[3] * x, module.noise
    with torch.no_grad():
        wanted = module.eval()(latent, torch.arange(4)).permute(0, 3, 1, 2) / 127.5 - 1
    module.strengths.data[:], module.noise = strengths, noise
    module.train()
    np.testing.assert_allclose(made, wanted.numpy(), atol=1e-4)


def test_a_blend_of_class_numbers_is_the_blend_of_their_rows(numbered) -> None:
    _, report = numbered
    generator = runtime.load(report.path, device="cpu")
    whole, other, mixed = (generator.images(label, seeds=9) for label in ("a", "b", {"a": 0.5, "b": 0.5}))
    assert not np.allclose(whole, other, atol=1e-3)
    assert min(np.abs(mixed - whole).max(), np.abs(mixed - other).max()) > 1e-3


def test_a_batch_in_the_groups_of_convolutions_becomes_products(foreign: ModuleType, tmp_path: Path) -> None:
    import torch

    module = foreign.Modulated()
    path = tmp_path / "modulated.onnx"
    report = export(module, card(truncates=True), path, rewrite=False)
    assert report.parity.batch_invariant
    latent = np.random.default_rng(0).standard_normal((5, 6), np.float32)
    bound = np.linspace(0.1, 1, 5, dtype=np.float32)[:, None]
    with torch.no_grad():
        wanted = module(torch.from_numpy(latent), torch.from_numpy(bound)).numpy()
    np.testing.assert_allclose(run(path, latent=latent, truncation=bound), wanted, atol=1e-4)
    generator = runtime.load(path, device="cpu")
    assert not np.array_equal(generator.generate(seeds=1), generator.generate(seeds=1, truncation=0.3))


@pytest.mark.parametrize("transposed", [False, True])
def test_unfolded_convolutions_are_torchs(foreign: ModuleType, transposed: bool) -> None:
    import torch

    from cganx_export.unfolding import UNFOLDED

    assert foreign
    function = torch.conv_transpose2d if transposed else torch.conv2d
    torch.manual_seed(0)
    for kernel, stride, padding, dilation in [
        (1, 1, 0, 1),
        (3, 1, 1, 1),
        (3, 2, 0, 1),
        (4, 2, 1, 1),
        (3, 3, 2, 2),
        (2, 1, 0, 2),
    ]:
        x, bias = torch.randn(1, 12, 9, 8), torch.randn(15)
        weight = torch.randn(*((12, 5) if transposed else (15, 4)), kernel, kernel)
        given = (x, weight, bias, stride, padding, *((stride - 1, 3, dilation) if transposed else (dilation, 3)))
        torch.testing.assert_close(UNFOLDED[function](*given), function(*given), rtol=0, atol=1e-4)


def test_a_class_number_that_is_a_quantity_stays_one(foreign: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"goes into .*torch\.Tensor\.float.*label_input='index'"):
        export(foreign.Ordinal(), card(NAMES), tmp_path / "weights.onnx")
    report = export(foreign.Ordinal(), card(NAMES), tmp_path / "index.onnx", label_input="index", rewrite=False)
    assert [one.name for one in tmp_path.iterdir()] == ["index.onnx"]
    assert report.card.label is not None
    assert report.card.label.input == "index"
    generator = runtime.load(report.path, device="cpu")
    assert not np.array_equal(generator.generate("a", seeds=1), generator.generate("d", seeds=1))


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        ("randint", r"aten\.randint.* in `layer` \(_Layer\)"),
        ("plane", r"torch\.randn in `layer` \(_Layer\).*\[8, 8\] for 3 pictures"),
        ("dropout", r"aten\.dropout.* in `layer` \(_Layer\)"),
        ("branch", r"cannot follow the module in `layer` \(_Layer\)"),
        ("many", "other pictures in a batch of more than 49"),
    ],
)
def test_what_no_file_can_hold_is_named_with_its_layer(foreign: ModuleType, tmp_path: Path, draw: str, says: str) -> None:
    with pytest.raises(ExportError, match=says):
        export(foreign.Drawing(draw), card(), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_branch_on_the_batch_that_makes_no_difference_is_followed(foreign: ModuleType, tmp_path: Path) -> None:
    report = export(foreign.Drawing("many alike"), card(), tmp_path / "model.onnx", rewrite=False)
    assert runtime.load(report.path, device="cpu").generate(seeds=range(60), batch_size=60).shape == (60, 8, 8, 1)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("OwnStatistics", r"`norm` \(BatchNorm1d\) keeps no running statistics"),
        ("NeverFilled", r"not finite from `norm` \(BatchNorm1d\) on"),
    ],
)
def test_a_layer_that_was_never_trained_is_named(foreign: ModuleType, tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(ExportError, match=says):
        export(getattr(foreign, name)(), card(), tmp_path / "model.onnx")


@pytest.mark.parametrize("given", [{"low": 1.0, "high": 0.0}, {"high": float("inf")}, {"latent": (0, 4)}])
def test_a_convention_that_cannot_be_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ExportError):
        Convention(**given)  # type: ignore[arg-type]
