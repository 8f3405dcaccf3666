"""The semi-supervised preset: what labels teach, what all pictures teach, and the test accuracy that is reported."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from training_pictures import SMALL, data_set

from cganx.data import DataSet, LabelledImages
from cganx.errors import DataError
from cganx.networks import ImageShape, Judgement
from cganx.networks.sgan import SGANDiscriminator
from cganx.training import train
from cganx.training.accuracy import class_accuracy
from cganx.training.checkpoint import load_checkpoint
from cganx.training.sampling import HalfLabelled, Reals, Shuffled
from cganx.training.updates.semi_supervised import moved

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def few() -> DataSet:
    """Of 49 pictures only six have a label."""
    data = data_set(3, height=28, width=28)
    labels = np.where(np.arange(49) < 6, data.train.labels, -1)
    return replace(data, train=LabelledImages(data.train.images, labels), fingerprint="few")


def test_the_score_is_the_log_of_real_against_a_fake_logit_of_zero():
    torch.manual_seed(0)
    judged = SGANDiscriminator(ImageShape(1, 28, 28), 4).eval()(torch.randn(5, 1, 28, 28))
    with_fake = torch.cat([judged.class_logits, torch.zeros(5, 1)], dim=1)  # type: ignore[list-item]
    real = 1 - torch.softmax(with_fake, dim=1)[:, -1]
    torch.testing.assert_close(torch.sigmoid(judged.score), real)


def test_half_of_each_batch_is_labelled_and_the_other_half_is_any():
    labels = np.array([-1, 2, -1, -1, 0, -1, -1, -1])
    reals = Reals(np.zeros((8, 8, 8, 1), np.uint8), labels, 3, CPU, unlabelled=True)
    assert len(reals) == 8
    order = HalfLabelled(Shuffled(8, 0), torch.tensor([1, 4]), 0)
    taken = torch.stack([order.next(8) for _ in range(4)])
    assert sorted(taken[:, :4].flatten().tolist()) == sorted([*range(8)] * 2)
    assert sorted(taken[:, 4:].flatten().tolist()) == [1] * 8 + [4] * 8
    assert reals.batch(taken[0]).label.sum(dim=1)[4:].tolist() == [1.0] * 4
    assert reals.batch(torch.tensor([0, 1])).label.tolist() == [[0, 0, 0], [0, 0, 1]]


def test_labelled_pictures_are_moved_by_their_own_lengths_and_keep_their_edge():
    image = torch.rand(3, 2, 28, 14)
    down, right = torch.tensor([0.5, 0.999, 0.0]), torch.tensor([0.5, 0.5, 1.0])
    out = moved(image, down, right)
    assert torch.equal(out[0], image[0])
    assert torch.equal(out[1][:, 2:], image[1][:, :-2])
    assert torch.equal(out[1][:, 0], image[1][:, 0])
    assert torch.equal(out[2][:, :-2, 1:], image[2][:, 2:, :-1])
    assert torch.equal(out[2][:, -1, 1:], image[2][:, -1, :-1])


def test_the_order_of_both_halves_goes_on_from_its_state():
    def made() -> HalfLabelled:
        return HalfLabelled(Shuffled(10, 3), torch.tensor([2, 5, 7]), 3)

    first, second = made(), made()
    first.next(14)
    second.restore(first.state())
    assert torch.equal(first.next(20), second.next(20))


def test_all_pictures_serve_and_labels_reach_the_discriminator_alone(few: DataSet, tmp_path: Path):
    run = train(few, "sgan", tmp_path / "run", steps=1, settings=SMALL)
    assert (run.config.pictures, run.config.classes, run.config.taught) == (49, (), few.classes)
    assert run.card().kind == "unconditional"
    # Without weight for the labels nothing depends on them: the same pictures with other labels give the same.
    other = replace(few, train=LabelledImages(few.train.images, np.where(few.train.labels < 0, -1, 2 - few.train.labels)))
    quiet, still = (
        load_checkpoint(train(data, "sgan", tmp_path / name, steps=1, settings=SMALL | {"class_weight": 0.0}).path, 1)[0]
        for name, data in (("quiet", few), ("still", other))
    )
    assert {name for name, value in quiet.items() if not torch.equal(value, still[name])} == {"pending"}  # the loss itself
    told = load_checkpoint(run.path, 1)[0]
    assert not torch.equal(told["discriminator/class_head.weight"], quiet["discriminator/class_head.weight"])


def test_labels_are_needed(tmp_path: Path):
    data = data_set(3, height=28, width=28)
    bare = replace(data, train=LabelledImages(data.train.images, np.full(49, -1)))
    with pytest.raises(DataError, match="no labelled training picture of class 'stripes 1'"):
        train(bare, "sgan", tmp_path / "run", steps=1, settings=SMALL)


class Named(nn.Module):
    """Names the class that the brightness says."""

    def forward(self, image: torch.Tensor, label: torch.Tensor) -> Judgement:  # noqa: ARG002
        assert not self.training
        level = ((image.mean(dim=(1, 2, 3)) + 1) * 127.5).round()
        return Judgement(level, -(level[:, None] - 10 * torch.arange(3)).abs())


def test_accuracy_is_the_share_of_labelled_pictures_named_right():
    labels = np.array([0, 1, 2, 1, -1])
    images = np.zeros((5, 8, 8, 1), np.uint8) + np.array([0, 10, 20, 20, 20], np.uint8)[:, None, None, None]
    judge = Named()
    assert class_accuracy(judge, LabelledImages(images, labels), 3, CPU) == 0.75
    assert judge.training


def test_test_accuracy_is_reported_at_every_checkpoint(few: DataSet, tmp_path: Path):
    run = train(few, "sgan", tmp_path / "run", steps=10, settings=SMALL | {"checkpoint_every": 5})
    lines = [json.loads(line) for line in (run.path / "stats.jsonl").read_text().splitlines()]
    found = {line["step"]: line["test_accuracy"] for line in lines if "test_accuracy" in line}
    assert list(found) == [5, 10]
    assert all(0 <= value <= 1 and math.isclose(value * 12, round(value * 12)) for value in found.values())
    assert load_checkpoint(run.path, 10, prefix="none/")[1]["test_accuracy"] == found[10]
