"""Attributes, several labels at once, and classes sampled evenly."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training_pictures import SMALL, pictures

from cganx import runtime
from cganx.data import DataSet, LabelledImages
from cganx.errors import DataError, LabelError, TrainingError
from cganx.networks import ClassConditionalAffine, ClassConditionalBatchNorm2d
from cganx.objectives import attribute_cross_entropy
from cganx.training import PRESETS, Run, labels, train
from cganx.training.checkpoint import load_checkpoint
from cganx.training.labels import LabelTable, combination_table, combinations_of, shown_labels
from cganx.training.sampling import Even, Fakes, Reals, seeded
from cganx.training.settings import changed

NAMES = ("smiling", "hat", "beard")
ABLE = [name for name, preset in PRESETS.items() if preset.attributes is not None]


def attributes(count: int = 48, **shape: int) -> LabelledImages:
    """Stripes; combinations come unevenly, and none of the pictures has all three attributes."""
    number = np.arange(count)
    each = np.stack([number % 2 == 0, number % 3 == 0, number % 4 == 1], axis=1).astype(np.uint8)
    return LabelledImages(pictures(count, 3, **shape).images, each)


def people(**shape: int) -> DataSet:
    return DataSet("people", NAMES, attributes(**shape), attributes(12, **shape), f"people {shape}", "CC0-1.0")


# --- the maths


def test_attribute_cross_entropy_is_the_closed_form() -> None:
    logits = torch.tensor([[0.3, -1.2, 2.0], [0.0, 4.0, -0.5]])
    label = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.25]])
    on = torch.sigmoid(logits)
    terms = label * on.log() + (1 - label) * (1 - on).log()
    assert attribute_cross_entropy(logits, label).item() == pytest.approx(-terms.sum(1).mean().item(), rel=1e-6)
    none = attribute_cross_entropy(torch.zeros(5, 7), torch.rand(5, 7).round())
    assert none.item() == pytest.approx(7 * np.log(2), rel=1e-6)  # nothing known: one bit an attribute


def test_attributes_add_their_gains_to_one_that_all_pictures_have() -> None:
    affine = ClassConditionalAffine(4, 3, several=True)
    x = torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(affine(x, torch.zeros(2, 3)), x)  # none on: nothing is dark
    torch.nn.init.normal_(affine.gain)
    torch.nn.init.normal_(affine.bias)
    made = affine(x, torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.5, 0.0]]))
    gains = torch.stack([1 + affine.gain[0] + affine.gain[2], 1 + 0.5 * affine.gain[1]])
    biases = torch.stack([affine.bias[0] + affine.bias[2], 0.5 * affine.bias[1]])
    torch.testing.assert_close(made, gains[:, :, None, None] * x + biases[:, :, None, None])


@torch.no_grad()
def test_batch_norm_folds_into_gains_of_attributes() -> None:
    norm = ClassConditionalBatchNorm2d(4, 3, several=True).eval()
    for tensor in (*norm.parameters(), norm.norm.running_mean):
        tensor.add_(torch.randn_like(tensor))
    norm.norm.running_var.uniform_(0.5, 2.0)
    x, label = torch.randn(6, 4, 3, 3), torch.rand(6, 3).round()
    label[0] = 0.0
    torch.testing.assert_close(norm.folded()(x, label), norm(x, label), rtol=1e-5, atol=1e-5)


# --- what a step is fed


def test_fakes_have_the_combinations_of_the_data_as_often_as_they_come() -> None:
    part = attributes()
    fakes = Fakes(2, "normal", LabelTable.of_attributes(part.labels), torch.Generator().manual_seed(0), torch.device("cpu"))
    _, label = fakes(20_000)
    assert label.dtype == torch.float32
    drawn, real = (combinations_of(each, seeded(0, "x")) for each in (label.numpy().astype(np.uint8), part.labels))
    assert drawn.keys() == real.keys()
    for text, count in real.items():
        assert drawn[text] / 20_000 == pytest.approx(count / 48, abs=0.015)


def test_the_table_of_combinations_comes_back_and_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    part = attributes()
    found = combinations_of(part.labels, seeded(0, "combinations"))
    assert (sum(found.values()), list(found.values())) == (48, sorted(found.values(), reverse=True))
    table, whole = combination_table(found), LabelTable.of_attributes(part.labels)
    assert sorted(table.rows.tolist()) == sorted(whole.rows.tolist())
    assert table.counts.sum() == whole.counts.sum()
    monkeypatch.setattr(labels, "MOST_COMBINATIONS", 3)
    few = combinations_of(part.labels, seeded(0, "combinations"))
    assert (sum(few.values()), few.keys() <= found.keys()) == (3, True)
    assert few == combinations_of(part.labels, seeded(0, "combinations"))


def test_reals_have_their_own_attributes() -> None:
    part = attributes()
    reals = Reals(part.images, part.labels, 3, torch.device("cpu"))
    index = torch.tensor([5, 0, 47])
    batch = reals.batch(index)
    assert len(reals) == 48
    assert torch.equal(batch.label, torch.from_numpy(part.labels)[index].float())
    assert torch.equal(((batch.image + 1) * 127.5).round().byte(), torch.from_numpy(part.images)[index].permute(0, 3, 1, 2))


def test_a_grid_shows_none_each_alone_and_the_commonest_together() -> None:
    rows = shown_labels(NAMES, {"000": 9, "110": 5, "100": 4, "011": 1})
    assert [name for name, _ in rows] == ["none", "smiling", "hat", "beard", "smiling, hat", "hat, beard"]
    assert torch.stack([label for _, label in rows]).tolist() == [
        *([0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]),
        *([1, 1, 0], [0, 1, 1]),
    ]
    assert [name for name, _ in shown_labels(("a", "b"), {})] == ["a", "b"]


# --- whole runs


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(people(), "sngan-small", tmp_path_factory.mktemp("runs") / "people", steps=4, settings=SMALL)


@pytest.mark.parametrize("name", ABLE)
def test_every_preset_that_takes_attributes_learns_from_them(name: str, tmp_path: Path) -> None:
    height, width = PRESETS[name].fixed_size or (16, 16)
    made = train(people(height=height, width=width), name, tmp_path / "run", steps=1, settings=SMALL)
    assert (made.card().kind, made.card().classes) == ("attributes", NAMES)
    before, after = (load_checkpoint(made.path, step)[0] for step in (0, 1))
    for part in ("generator/", "discriminator/"):
        assert any(not torch.equal(value, after[key]) for key, value in before.items() if key.startswith(part))


def test_a_picture_with_no_attribute_on_is_a_picture(run: Run) -> None:
    after = load_checkpoint(run.path, 4)[0]
    assert not torch.equal(after["generator/first_norm.affine.shared_gain"], torch.ones(64))
    assert not torch.equal(after["generator/first_norm.affine.gain"], torch.zeros(3, 64))
    generator = run.generator()
    made = generator(torch.randn(8, 64), torch.zeros(8, 3))
    assert made.isfinite().all()
    assert made.std(dim=0).mean() > 1e-3  # what differs between latents


def test_the_run_says_what_it_was_fed(run: Run) -> None:
    config = json.loads((run.path / "config.json").read_text())
    assert (config["kind"], config["classes"], config["pictures"]) == ("attributes", list(NAMES), 48)
    assert config["class_counts"] == [24, 16, 12]
    assert config["combinations"] == combinations_of(attributes().labels, seeded(0, "combinations"))
    assert run.card().kind == "attributes"


def test_a_resumed_run_is_the_same_bit_for_bit(run: Run, tmp_path: Path) -> None:
    for steps in (1, 3, 4):
        train(people(), "sngan-small", tmp_path / "resumed", steps=steps, settings=SMALL)
    one, other = (load_checkpoint(path, 4)[0] for path in (run.path, tmp_path / "resumed"))
    assert one.keys() == other.keys()
    assert [key for key, value in one.items() if not torch.equal(value, other[key])] == []


def test_an_exported_file_switches_attributes(run: Run, tmp_path: Path, part) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        part(package)
    from cganx_export import export_run

    report = export_run(run.path, tmp_path / "people.onnx", rewrite=False)
    assert report.parity.max_difference <= 1e-4
    # None, each alone and all together, in batches of 1, 2 and 7, and a mixture in each.
    assert report.parity.pictures == (5 + 1) + (6 + 2) + (7 + 7)
    generator = runtime.load(tmp_path / "people.onnx", device="cpu")
    assert (generator.card.kind, generator.card.classes) == ("attributes", NAMES)
    asked = [{}, {"smiling": 1, "hat": 1}, "beard", {"smiling": 1, "hat": 1, "beard": 1}, {"hat": 0.5}]
    latents = np.random.default_rng(0).standard_normal((5, 64)).astype(np.float32)
    weights = torch.tensor([[0, 0, 0], [1, 1, 0], [0, 0, 1], [1, 1, 1], [0, 0.5, 0]], dtype=torch.float32)
    with torch.inference_mode():
        wanted = runtime.generator.to_pixels(run.generator()(torch.from_numpy(latents), weights).clamp(-1, 1).numpy())
    made = generator.generate(asked, latents=latents)
    assert np.abs(made.astype(int) - wanted.astype(int)).max() <= 1
    with pytest.raises(LabelError, match="from 0 to 1"):
        generator.generate({"hat": 1.5}, seeds=0)


def test_presets_and_settings_for_classes_alone_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainingError, match="even_classes is for classes, and people has attributes"):
        train(people(), out=tmp_path / "run", steps=1, settings=SMALL | {"even_classes": True})
    table = {**PRESETS, "alone": dataclasses.replace(PRESETS["r3gan"], attributes=None)}
    monkeypatch.setattr("cganx.training.presets.PRESETS", table)
    with pytest.raises(TrainingError, match="'alone' takes classes, and people has attributes: take one of sngan-small, "):
        train(people(), "alone", tmp_path / "run", steps=1, settings=SMALL)
    assert not (tmp_path / "run").exists()


def test_an_unconditional_preset_does_not_mind_attributes(tmp_path: Path) -> None:
    made = train(people(), "gan-dense", tmp_path / "run", steps=1, settings=SMALL)
    assert (made.card().kind, made.card().classes, made.config.combinations) == ("unconditional", (), {})


def test_attributes_of_few_pictures_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rare = attributes()
    each = rare.labels.copy()
    each[:, 1] = np.arange(48) < 3
    each[:, 2] = np.arange(48) != 7
    data = DataSet("people", NAMES, LabelledImages(rare.images, each), rare, "rare")
    with caplog.at_level(logging.WARNING, "cganx"):
        train(data, out=tmp_path / "run", steps=1, settings=SMALL)
    assert "only 3 training pictures have the attribute 'hat'" in caplog.text
    assert "only 1 training pictures do not have the attribute 'beard'" in caplog.text
    assert "smiling" not in caplog.text
    each[:, 2] = 1
    with pytest.raises(DataError, match="every training picture has the attribute 'beard'"):
        train(data, out=tmp_path / "other", steps=1, settings=SMALL)


# --- uneven classes, sampled evenly


@given(
    st.lists(st.integers(1, 7), min_size=1, max_size=5), st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(0, 9)
)
def test_even_order_takes_every_class_equally_often_however_it_is_cut(sizes: list[int], cuts: list[int], seed: int) -> None:
    classes = np.repeat(np.arange(len(sizes)), sizes)
    order = Even(classes, seed)
    taken = torch.cat([order.next(n) for n in cuts]).numpy()
    assert Even(classes, seed).next(sum(cuts)).tolist() == taken.tolist()
    resumed = Even(classes, seed)
    resumed.next(cuts[0])
    other = Even(classes, seed)
    other.restore(resumed.state())
    assert np.array_equal(np.concatenate([taken[: cuts[0]], other.next(sum(cuts[1:])).numpy()]), taken)
    for start in range(0, len(taken) - len(sizes) + 1, len(sizes)):  # a round: one of each class
        assert sorted(classes[taken[start : start + len(sizes)]]) == list(range(len(sizes)))
    for label, size in enumerate(sizes):
        mine = taken[classes[taken] == label]
        for start in range(0, len(mine) - size + 1, size):  # every picture before one comes again
            assert len(set(mine[start : start + size])) == size


def uneven() -> DataSet:
    """40, 6 and 2 pictures of three classes, and one without label."""
    part = pictures(49, 3)
    classes = np.repeat([0, 1, 2, -1], [40, 6, 2, 1]).astype(np.int64)
    return DataSet("uneven", ("many", "some", "few"), LabelledImages(part.images, classes), part, "uneven")


@pytest.mark.parametrize("name", ["sngan-small", "cdcgan"])
def test_even_classes_resume_bit_for_bit_and_leave_the_default_alone(name: str, tmp_path: Path) -> None:
    even = SMALL | {"even_classes": "true"}
    for out, stops in (("straight", (4,)), ("resumed", (1, 3, 4))):
        for steps in stops:
            made = train(uneven(), name, tmp_path / out, steps=steps, settings=even)
    one, other = (load_checkpoint(tmp_path / out, 4)[0] for out in ("straight", "resumed"))
    assert [key for key, value in one.items() if not torch.equal(value, other[key])] == []
    assert made.config.class_counts == (40, 6, 2)  # what there is, not what is drawn
    assert made.config.labels(evenly=True).counts.tolist() == [1, 1, 1]
    with pytest.raises(TrainingError, match="even_classes: True in the run, False asked"):
        train(uneven(), name, tmp_path / "resumed", steps=5, settings=SMALL)


def test_unconditional_presets_have_no_such_setting() -> None:
    with pytest.raises(TrainingError, match="no setting 'even_classes'"):
        changed(PRESETS["gan"].settings, {"even_classes": True})
    both = changed(PRESETS["wgan"].settings, {"even_classes": True, "conditional": False})
    assert not both.evenly
