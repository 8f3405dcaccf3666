"""Pictures that repeat without a seam: sizes, the game, the card, the file, and a run that resumes to the bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from training_pictures import SMALL

from cganx import runtime
from cganx.data import DataSet, Kind, LabelledImages
from cganx.errors import TrainingError
from cganx.evaluation.metrics.seam import seam_ratio
from cganx.networks import ImageShape
from cganx.networks.layers import base_size, is_reached, nearest_reached, upsamplings
from cganx.networks.sngan import SNGANGenerator
from cganx.networks.wrapping import WrappingConv2d
from cganx.training import PRESETS, open_run, train
from cganx.training.augmentation import Roller, rolled
from cganx.training.checkpoint import load_checkpoint
from cganx.training.sampling import Chances
from cganx.training.settings import changed

TILEABLE = SMALL | {"tileable": True}


def crops(side: int = 24, *, noise: bool = False) -> DataSet:
    """Crops of two kinds of waves that do not repeat in them, in colour."""
    random = np.random.default_rng(0)

    def part(count: int) -> LabelledImages:
        labels = np.arange(count) % 2
        place = np.arange(side)
        phase = random.uniform(0, 2 * np.pi, (count, 1))
        wave = np.cos(place[None, :] * np.where(labels, 1.1, 0.45)[:, None] + phase)
        image = 127.5 + 60 * wave[:, :, None, None] + 60 * wave[:, None, :, None] + np.zeros(3)
        image += random.normal(0, 20, image.shape) if noise else 0
        return LabelledImages(np.clip(image, 0, 255).astype(np.uint8), labels.astype(np.int64))

    return DataSet(name="waves", classes=("slow", "fast"), train=part(64), test=part(16), fingerprint="waves", licence="")


def weights(run: Path, step: int) -> dict[str, Tensor]:
    return load_checkpoint(run, step)[0]


# --- sizes


@given(st.integers(8, 256), st.integers(8, 256))
@settings(max_examples=60, deadline=None)
def test_a_size_is_reached_where_the_doublings_cut_nothing(height: int, width: int) -> None:
    shape = ImageShape(3, height, width)
    doubled = [side * 2 ** upsamplings(shape) for side in base_size(shape)]
    assert is_reached(shape) == (doubled == [height, width])


@pytest.mark.parametrize(
    ("size", "near"),
    [((30, 30), [28, 32]), ((65, 65), [64, 72]), ((81, 81), [80, 72]), ((255, 255), [256, 224]), ((8, 8), [8, 9])],
)
def test_the_nearest_sizes_of_a_square_are_squares(size: tuple[int, int], near: list[int]) -> None:
    found = nearest_reached(ImageShape(1, *size))
    assert [(one.height, one.width) for one in found] == [(side, side) for side in near]


@given(st.integers(8, 256), st.integers(8, 256))
@settings(max_examples=10, deadline=None)
def test_there_is_always_a_size_near_by(height: int, width: int) -> None:
    found = nearest_reached(ImageShape(1, height, width))
    assert len(found) == 2
    assert all(is_reached(one) for one in found)


def test_a_size_that_would_be_cut_is_refused_with_the_nearest(tmp_path: Path) -> None:
    wanted = "30x30 pictures cannot be tileable: .* give an image size of 28x28 or 32x32, or leave tileable out"
    with pytest.raises(TrainingError, match=wanted):
        train("fashion-small", out=tmp_path / "run", steps=1, image_size=30, settings=TILEABLE)
    with pytest.raises(TrainingError, match="21x21 pictures cannot be tileable"):
        train(crops(21), out=tmp_path / "run", steps=1, settings=TILEABLE)
    with pytest.raises(ValueError, match="cannot be tileable"):
        SNGANGenerator(ImageShape(1, 30, 30), 2, tileable=True)
    with pytest.raises(TrainingError, match="no setting 'tileable'"):
        changed(PRESETS["gan"].settings, {"tileable": True})


def test_without_a_size_the_nearest_is_taken(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "waves.npz", images=crops(21).train.images, labels=crops(21).train.labels, classes=np.array(["slow", "fast"])
    )
    run = train(tmp_path / "waves.npz", out=tmp_path / "run", steps=1, settings=TILEABLE)
    assert (run.config.height, run.config.width) == (20, 20)
    plain = train(tmp_path / "waves.npz", out=tmp_path / "plain", steps=1, settings=SMALL)
    assert (plain.config.height, plain.config.width) == (21, 21)


# --- the game


def test_rolling_is_that_of_numpy() -> None:
    image = torch.randn(5, 3, 8, 6)
    down, right = torch.tensor([0, 1, -3, 7, 20]), torch.tensor([0, 5, 2, -1, -9])
    for number, one in enumerate(rolled(image, down, right)):
        assert one.equal(image[number].roll((int(down[number]), int(right[number])), (1, 2)))


def test_a_generator_that_starts_has_no_seam_and_a_plain_one_has() -> None:
    """Random weights, all latents: what differs is only how convolutions read at the edge."""
    torch.manual_seed(0)
    shape, label = ImageShape(3, 64, 64), torch.eye(2)[torch.arange(64) % 2]
    ratios = []
    for tileable in (True, False):
        generator = SNGANGenerator(shape, 2, tileable=tileable)
        made = generator(torch.randn(64, 64, generator=torch.Generator().manual_seed(1)), label)
        ratios.append(seam_ratio(runtime.generator.to_pixels(made.detach().numpy())).value)
    assert ratios[0] == pytest.approx(1.0, abs=0.2)
    assert ratios[1] > 1.5


@pytest.mark.parametrize("tileable", [True, False])
def test_training_and_use_are_one_function_but_for_the_norms(tileable: bool) -> None:
    torch.manual_seed(0)
    generator = SNGANGenerator(ImageShape(3, 24, 48), 2, tileable=tileable).double()
    latent, label = torch.randn(4, 64, dtype=torch.float64), torch.eye(2, dtype=torch.float64)[torch.tensor([0, 1, 1, 0])]
    generator.eval()
    used = generator(latent, label)
    for conv in generator.convs:
        conv.train()
    torch.testing.assert_close(generator(latent, label), used, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["class", "attributes"])
def test_the_recipe_of_either_kind_of_label_wraps(kind: Kind) -> None:
    preset = PRESETS["sngan-small"]
    for tileable in (True, False):
        recipe = replace(preset, settings=changed(preset.settings, {"tileable": tileable})).of_kind(kind)
        generator = recipe.generator(ImageShape(3, 16, 16), 2)
        assert any(isinstance(one, WrappingConv2d) for one in generator.modules()) == tileable
        assert any("shared_gain" in name for name in generator.state_dict()) == (kind == "attributes")


def test_made_pictures_are_rolled_for_the_discriminator_alone(tmp_path: Path) -> None:
    """Rolled or not, a picture has the same pixels; the generator that people see is not told of it."""
    run = train(crops(), out=tmp_path / "run", steps=1, settings=TILEABLE)
    roll = Roller(Chances(torch.Generator().manual_seed(0), torch.device("cpu")))
    image = run.generator()(torch.randn(16, 64), torch.eye(2)[torch.arange(16) % 2])
    moved = roll(image)
    assert moved.shape == image.shape
    assert not moved.equal(image)
    assert moved.flatten(2).sort().values.equal(image.flatten(2).sort().values)


# --- a run


def test_a_step_changes_all_weights_the_card_says_it_and_a_resumed_run_is_the_same_to_the_bit(tmp_path: Path) -> None:
    for out, stops in (("straight", (4,)), ("resumed", (2, 4))):
        for steps in stops:
            run = train(crops(), out=tmp_path / out, steps=steps, settings=TILEABLE)
    one, other = weights(tmp_path / "straight", 4), weights(tmp_path / "resumed", 4)
    assert one.keys() == other.keys()
    assert [name for name, value in one.items() if not torch.equal(value, other[name])] == []
    assert "rolls/random" in one
    before = weights(tmp_path / "straight", 0)
    trained = [name for name in one if name.startswith(("generator/", "discriminator/")) and not name.endswith("._u")]
    assert [name for name in trained if torch.equal(one[name], before[name])] == []
    assert run.card().image.tileable
    assert open_run(run.path).preset.settings.repeats
    plain = train(crops(), out=tmp_path / "plain", steps=1, settings=SMALL)
    assert not plain.card().image.tileable
    assert "rolls/random" not in weights(plain.path, 1)


def test_tileable_is_part_of_what_a_run_is(tmp_path: Path) -> None:
    train(crops(), out=tmp_path / "run", steps=1, settings=TILEABLE)
    with pytest.raises(TrainingError, match="tileable: True in the run, False asked"):
        train(crops(), out=tmp_path / "run", steps=2, settings=SMALL)


def test_a_plain_run_s_weights_may_begin_a_tileable_one(tmp_path: Path) -> None:
    train(crops(), out=tmp_path / "plain", steps=1, settings=SMALL)
    train(crops(), out=tmp_path / "run", steps=1, settings=TILEABLE, init_from=tmp_path / "plain")


def test_the_file_repeats_and_does_the_same(tmp_path: Path, part) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        part(package)
    from cganx_export import export_run

    run = train(crops(), out=tmp_path / "run", steps=8, settings=TILEABLE)
    report = export_run(run.path, tmp_path / "model.onnx", rewrite=True)
    assert report.parity.max_difference <= 1e-4
    file = runtime.read(tmp_path / "model.onnx")
    assert file.card.image.tileable
    generator, module = runtime.load(tmp_path / "model.onnx", device="cpu"), run.generator()
    for count in (1, 3):
        latents = np.random.default_rng(count).normal(size=(count, 64)).astype(np.float32)
        ids = np.arange(count) % 2
        with torch.inference_mode():
            wanted = runtime.generator.to_pixels(module(torch.from_numpy(latents), torch.eye(2)[torch.from_numpy(ids)]).numpy())
        made = generator.generate(list(ids), latents=latents)
        assert np.abs(made.astype(int) - wanted.astype(int)).max() <= 1
    assert seam_ratio(generator.generate("slow", seeds=range(64))).value == pytest.approx(1.0, abs=0.25)
