"""What is found by looking at pictures alone: directions, and the point that made a picture."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from cganx import latent
from cganx.errors import LabelError, RequestError
from cganx.latent import sheets
from cganx.runtime.testing import tiny

QUICK = latent.Search(points=200, last_steps=20)


@pytest.fixture(autouse=True)
def _parts(part):
    part("onnxruntime")


@pytest.fixture(scope="module")
def generator():
    return tiny()


def test_directions_are_orthonormal_and_the_first_changes_most(generator):
    found = latent.principal_directions(generator, count=4)
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(4), atol=1e-5)
    assert (np.diff(found.effects) <= 0).all()
    assert found.effects[0] > 0
    again = latent.principal_directions(generator, count=4)
    np.testing.assert_array_equal(found.vectors, again.vectors)

    points = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)

    def moved(vector):
        """The mean change of the picture, as far as it is the same from every point."""
        steps = [generator.images(0, latents=points + sign * 0.05 * vector).mean(axis=0) for sign in (1, -1)]
        return float(np.sqrt(np.mean((steps[0] - steps[1]) ** 2)))

    assert moved(found.vectors[0]) > moved(found.vectors[-1])


def test_directions_that_cannot_be(generator):
    with pytest.raises(RequestError, match="has 1 to 8 directions, not 9"):
        latent.principal_directions(generator, count=9)
    with pytest.raises(LabelError, match="square"):
        latent.principal_directions(generator, labels=["square"])


def test_its_own_pictures_come_back_as_their_class_and_near(generator):
    asked = np.arange(10) % 2
    pictures = np.asarray(generator.generate(asked, range(100, 110)))
    found = latent.invert(generator, pictures, search=QUICK)
    classes = generator.card.classes
    assert np.mean([one.text == classes[label] for one, label in zip(found, asked, strict=True)]) >= 0.9
    assert np.median([one.distance for one in found]) < 0.02
    for one, picture in zip(found, pictures, strict=True):
        np.testing.assert_array_equal(generator.generate(one.label, latents=one.latent[None])[0], one.pixels)
        far = np.sqrt(np.mean((one.pixels / 255.0 - picture / 255.0) ** 2))
        assert one.distance == pytest.approx(far, abs=1e-9)


def test_equal_questions_have_equal_answers_and_a_class_can_be_asked_for(generator):
    picture = np.asarray(generator.generate("disc", 5))
    one, again = (latent.invert(generator, picture, search=QUICK)[0] for _ in range(2))
    np.testing.assert_array_equal(one.latent, again.latent)
    cross = latent.invert(generator, picture, among=["cross"], search=QUICK)[0]
    assert cross.text == "cross"
    assert cross.distance > one.distance


def test_a_foreign_picture_is_far_and_noise_is_farther_than_a_flat_one(generator):
    noise = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 1), np.uint8)
    own = np.asarray(generator.generate("disc", 1))
    errors = latent.reconstruction_error(generator, np.concatenate([own, noise]), search=QUICK)
    assert errors[0] < 0.02
    assert errors[1] > 0.2
    by_class = latent.reconstruction_error(generator, own, [generator.card.classes.index("disc")], search=QUICK)
    assert by_class[0] == pytest.approx(errors[0], abs=0.01)


def test_pictures_and_searches_that_cannot_be(generator):
    with pytest.raises(RequestError, match=r"pictures are uint8 \[n, 16, 16, 1\]"):
        latent.invert(generator, np.zeros((1, 28, 28, 1), np.uint8))
    with pytest.raises(RequestError, match="no label to search among"):
        latent.invert(generator, np.zeros((1, 16, 16, 1), np.uint8), among=[])
    with pytest.raises(RequestError, match="prior"):
        latent.Search(prior=0)
    with pytest.raises(RequestError, match="labels are whole numbers"):
        latent.reconstruction_error(generator, np.zeros((2, 16, 16, 1), np.uint8), [0])


def test_no_torch_is_loaded():
    code = "import sys, cganx.latent; assert not {'torch', 'PIL', 'av', 'onnx'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_sheet_of_the_nearest_picture_begins_with_the_least_distance(generator, monkeypatch):
    distances = {"disc": 0.3, "cross": 0.1}

    def invert(_generator, pictures, *, among):
        (label,) = among
        point = np.zeros(8, np.float32)
        distance = distances[label]
        return [
            latent.Inversion(
                label=label, text=label, latent=point, codes=None, pixels=pictures[0], distance=distance, cost=1 - distance
            )
        ]

    monkeypatch.setattr(sheets, "invert", invert)
    picture = np.zeros((16, 16, 1), np.uint8)
    made = sheets.SHEETS["picture"](sheets.View(generator, [(name, name) for name in distances], picture=picture))
    assert [name for name, _ in made.rows] == ["cross, 0.100", "disc, 0.300"]
    assert made.caption.endswith("Nearest: cross, 0.100.")
    assert [one.text for one in made.found] == ["cross", "disc"]
