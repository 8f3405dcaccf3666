"""The latent space of every kind of file: without classes, by attributes or index, with codes, noise, uniform latents."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from cganx import latent, runtime
from cganx.card import Image, Label, Latent
from cganx.errors import CganxError, LabelError, RequestError, SeedError
from cganx.latent.inversion import noise_seeds
from cganx.runtime.testing import tiny

SIZE = 12
NORMAL, UNIFORM = Latent(size=SIZE), Latent(size=SIZE, distribution="uniform")
SQUARE = Image(height=8, width=8, channels=1)
KINDS = {
    "class": {},
    "index": {"label": Label(input="index")},
    "attributes": {"kind": "attributes"},
    "unconditional": {"kind": "unconditional", "classes": ()},
    "uniform": {"latent": UNIFORM},
    "uniform, unconditional": {"kind": "unconditional", "classes": (), "latent": UNIFORM},
    "codes": {"codes": ("width", "tilt")},
    "colour": {"image": Image(height=8, width=10, channels=3)},
    "noise": {"noise": (3,)},
}
QUICK = latent.Search(points=50, starts=3, last_steps=20)


@pytest.fixture(autouse=True)
def _parts(part):
    part("onnxruntime")


@pytest.fixture
def made(make):
    def build(name):
        given = dict(KINDS[name])
        noise = given.pop("noise", ())
        card = make.card(**({"latent": NORMAL, "image": SQUARE} | given))
        return runtime.load(make.seal(make.model(card, noise, gain=0.3), card), "cpu")

    return build


def pictured(generator, found):
    """The picture of what a search found."""
    codes = None if found.codes is None else found.codes[None]
    return generator.generate(found.label, noise_seeds(generator), latents=found.latent[None], codes=codes)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_pictures_come_back(made, kind):
    generator = made(kind)
    count, classes = 4, len(generator.card.classes)
    labels = np.arange(count) % classes if classes else None
    codes = np.linspace(-0.9, 0.9, 2 * count).reshape(count, 2) if generator.card.codes else None
    points = latent.of_seeds(generator, range(20, 20 + count))
    pictures = np.asarray(generator.generate(labels, noise_seeds(generator), latents=points, codes=codes))
    found = latent.invert(generator, pictures, search=QUICK)
    for number, one in enumerate(found):
        assert one.text == (generator.label_text(int(labels[number])) if classes else None)
        assert one.distance < 0.02
        np.testing.assert_array_equal(pictured(generator, one), one.pixels)
        if generator.card.latent.distribution == "uniform":
            assert np.abs(one.latent).max() <= 1
        assert (one.codes is None) == (codes is None)
    errors = latent.reconstruction_error(generator, pictures, search=QUICK)
    np.testing.assert_allclose(errors, [one.distance for one in found])


@pytest.mark.parametrize("kind", KINDS)
def test_every_sheet_is_made_or_says_why_not(made, part, kind):
    part("PIL")
    generator = made(kind)
    card = generator.card
    labels = [(name, name) for name in card.classes] or [("", None)]
    view = latent.View(generator, labels, range(3), picture=np.zeros(generator.picture_shape, np.uint8))
    left = set()
    for name, sheet in latent.SHEETS.items():
        try:
            made_sheet = sheet(view)
        except (RequestError, LabelError):
            left.add(name)
        else:
            assert made_sheet.image(scale=1).size
            assert made_sheet.caption
    expected = {"blocks-20"}
    expected |= set() if card.codes else {"codes"}
    expected |= set() if card.latent.distribution == "normal" else {"truncation"}
    expected |= set() if card.classes and card.label.input == "weights" else {"blends"}
    assert left == expected


def test_sheets_begin_each_block_from_the_seed(made):
    generator = made("class")
    sheet = latent.SHEETS["blocks-10"](latent.View(generator, [("red", "red")], [5, 6]))
    (base,) = latent.of_seeds(generator, [5])
    for name, pictures in sheet.rows:
        np.testing.assert_array_equal(pictures[0], generator.generate("red", 5)[0])
        if name in ("zeros", "ones"):
            for picture, block in zip(pictures[1:], latent.blocks_of(SIZE, 10), strict=True):
                alone = latent.replace_block(base, block, name)
                np.testing.assert_array_equal(picture, generator.generate("red", latents=alone[None])[0])


@pytest.mark.parametrize("kind", KINDS)
def test_walks_close_and_stay_where_latents_are(made, kind):
    generator = made(kind)
    labels = list(generator.card.classes[:2]) or [None]
    points = latent.of_seeds(generator, range(3))
    vectors = latent.principal_directions(generator, count=1, labels=labels, points=2).vectors
    routes = [
        latent.walk(generator, latent.through_latents(generator, points, labels), frames=3),
        latent.walk(generator, latent.along_directions(generator, points[:1], vectors, labels), frames=2, way=latent.lerp),
        latent.walk(generator, latent.through_truncation(generator, points[:1], labels), frames=1, way=latent.lerp),
    ]
    for route in routes:
        frames = list(route)
        assert len(frames) == len(route)
        start, after = route.at(0), route.at(len(route))
        np.testing.assert_array_equal(start.latents, after.latents)
        if generator.card.latent.distribution == "uniform":
            assert max(np.abs(route[frame].latents).max() for frame in range(len(route))) <= 1
    straight = generator.card.latent.distribution == "uniform"
    assert routes[0].way is (latent.lerp if straight else latent.slerp)


def test_codes_go_to_both_ends_in_turn(made):
    generator = made("codes")
    stops = latent.through_codes(generator, latent.of_seeds(generator, [1]), ["blue"], codes=[0.5, 0.25])
    shown = [tuple(stop.codes[0]) for stop in stops]
    assert shown == [
        (0.5, 0.25), (1.0, 0.25), (0.5, 0.25), (-1.0, 0.25),
        (0.5, 0.25), (0.5, 1.0), (0.5, 0.25), (0.5, -1.0),
    ]  # fmt: skip
    (first, *_) = latent.walk(generator, stops, frames=1)
    np.testing.assert_array_equal(first, generator.generate("blue", 1, codes=np.array([[0.5, 0.25]])))


@pytest.mark.parametrize("ending", [".apng", ".gif"])
def test_a_long_animation_takes_the_memory_of_a_few_frames(part, tmp_path, ending):
    part("PIL")
    generator = tiny()
    stops = latent.through_latents(generator, latent.of_seeds(generator, range(2)), ["disc"])
    screen = latent.Screen.of(1, generator.picture_shape, scale=4)

    def peak(frames):
        route = latent.walk(generator, stops, frames=frames)
        tracemalloc.start()
        shown = (screen.frame(one) for one in route)
        latent.write_movie(tmp_path / f"{frames}{ending}", latent.Movie(shown, len(route)))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(50)  # what is imported and kept
    assert peak(600) - peak(100) < 1000 * 400  # two stops: 1,000 frames more, of 4,096 bytes each


NONE = np.zeros((0, 16, 16, 1), np.uint8)


def test_no_pictures_have_no_answers():
    assert latent.invert(tiny(), NONE) == []
    assert latent.reconstruction_error(tiny(), NONE).shape == (0,)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda _: latent.lerp([1.0, 2.0], [1.0, 2.0, 3.0], 0.5), "do not fit together"),
        (lambda _: latent.slerp([1.0], [1.0, 2.0], 0.5), "do not fit together"),
        (lambda _: latent.slerp(np.ones((2, 4)), np.ones((2, 4)), [0.0, 0.5, 1.0]), "do not fit together"),
        (lambda _: latent.slerp([1.0, 0.0], [0.0, 1.0], np.nan), "share of the way is a finite number"),
        (lambda _: latent.mean([[1.0, 2.0], [1.0]]), "finite numbers"),
        (lambda _: latent.arithmetic([1.0, 2.0], [[1.0]], [[1.0]]), "of the same size"),
        (lambda _: latent.arithmetic([1.0], [[1.0]], [[2.0]], strength=np.nan), "strength"),
        (lambda _: latent.truncate([1.0], np.nan), "over 0"),
        (lambda one: latent.through_latents(one, np.zeros((2, 7)), ["disc"]), "have 8 entries, these 7"),
        (lambda one: latent.through_latents(one, np.full((2, 8), np.nan), ["disc"]), "finite numbers"),
        (lambda one: latent.through_latents(one, np.zeros((2, 8))), "name one of disc, cross"),
        (lambda one: latent.along_directions(one, np.zeros((1, 8)), np.zeros((1, 7)), ["disc"]), "has 8 entries"),
        (lambda one: latent.along_directions(one, np.zeros((1, 8)), np.eye(8)[:1], ["disc"], reach=np.nan), "finite numbers"),
        (lambda one: latent.walk(one, latent.through_latents(one, np.zeros((2, 8)), ["disc"]), frames=2.5), "whole number"),
        (lambda one: latent.principal_directions(one, count=2.5), "whole number"),
        (lambda one: latent.principal_directions(one, seed=-1), "seed of 16 random points"),
        (lambda one: latent.invert(one, np.zeros((1, 16, 16, 1), np.uint8), search=latent.Search(seed=-1)), "seed of 1,000"),
        (lambda one: latent.invert(one, np.zeros((1, 16, 16, 1))), "pictures are uint8"),
        (lambda one: latent.invert(one, np.zeros((1, 16, 16, 1), np.uint8), among=["square"]), "no class 'square'"),
        (lambda _: latent.Search(points=1.5), "whole number"),
        (lambda _: latent.Search(prior=np.nan), "prior"),
        (lambda _: latent.Movie(iter([]), 3, fps=23.5), "fps"),
        (lambda _: latent.Group("none", ()), "no seeds"),
    ],
)
def test_what_does_not_fit_is_one_sentence(call, said):
    with pytest.raises(CganxError, match=said) as caught:
        call(tiny())
    assert isinstance(caught.value, (LabelError, RequestError, SeedError))


def test_classes_are_not_for_what_has_none(made):
    with pytest.raises(LabelError, match="no classes"):
        latent.through_latents(made("unconditional"), np.zeros((2, SIZE)), ["red"])
    with pytest.raises(LabelError, match="by index"):
        latent.through_classes(made("index"), np.zeros((1, SIZE)), ["red", "blue"])
    with pytest.raises(RequestError, match="codes are 2 numbers: width, tilt"):
        latent.through_codes(made("codes"), np.zeros((1, SIZE)), ["red"], codes=[1.0])
