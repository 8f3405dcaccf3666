"""translate: pictures of any size into pictures, whole or in tiles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime
import pytest
from translators import STYLES, translator

from cganx import runtime
from cganx.card import GeneratorCard, Image, Source
from cganx.errors import LabelError, NotAGenerator, RequestError, SeedError
from cganx.runtime import testing

Array = np.ndarray[Any, Any]


@pytest.fixture(autouse=True)
def _onnx(part) -> None:
    part("onnx")


def loaded(kind: str, size: tuple[int, int] | None = None, **source: Any) -> runtime.Generator:
    return runtime.load(translator(kind, size, **source), "cpu")


def drawn(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def apart(one: Array, other: Array) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


def raw(data: bytes, feed: dict[str, Array]) -> Array:
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["pixels"], feed)[0])


def planes(pictures: Array) -> Array:
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(127.5) - np.float32(1))


@pytest.mark.parametrize("kind", ["brighter", "local", "four-times", "mean-free", "normalised", "reflecting"])
def test_a_picture_is_what_the_graph_makes(kind: str) -> None:
    pictures = drawn(3, 32, 48, 3)
    made = loaded(kind).translate(pictures)
    assert made.dtype == np.uint8
    assert made.seeds is None
    assert made.tobytes() == raw(translator(kind), {"source": planes(pictures)}).tobytes()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (5, 3), (17, 16), (30, 31)])
def test_any_size_is_continued_by_reflection_and_cut_back(height: int, width: int) -> None:
    picture = drawn(1, height, width, 3)
    made = loaded("local").translate(picture)
    whole = np.pad(picture, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="reflect")
    assert made.tobytes() == raw(translator("local"), {"source": planes(whole)})[:, :height, :width].tobytes()
    assert loaded("reflecting").translate(picture).shape == picture.shape
    assert loaded("four-times").translate(picture).shape == (1, 4 * height, 4 * width, 3)


@pytest.mark.parametrize("kind", ["local", "four-times", "reflecting"])
@pytest.mark.parametrize("tile", [40, 63, 96])
def test_what_is_made_does_not_depend_on_the_tiles(kind: str, tile: int) -> None:
    picture = drawn(1, 150, 131, 3)
    generator = loaded(kind)
    assert apart(generator.translate(picture), generator.translate(picture, tile=tile)) <= 2


def test_a_context_that_is_too_small_is_found_out_by_this_measure() -> None:
    """The test above can fail: at the tiles' inner edges a place lacks what it depends on."""
    picture = drawn(1, 150, 131, 3)
    generator = loaded("local", context=0)
    assert apart(generator.translate(picture), generator.translate(picture, tile=40)) > 2


def test_default_tiles_are_the_largest_that_the_reader_allows() -> None:
    data = translator("local")
    small = runtime.load(data, "cpu", limits=runtime.Limits(alive_elements=1 << 19))
    picture = drawn(1, 400, 300, 3)
    assert apart(small.translate(picture), runtime.load(data, "cpu").translate(picture)) <= 2


def test_pictures_of_different_sizes_give_a_list() -> None:
    generator = loaded("four-times")
    pictures = [drawn(9, 7, 3), drawn(4, 30, 3, seed=1), drawn(9, 7, 3, seed=2), drawn(5, 5, 1)]
    made = generator.translate(pictures)
    assert [one.shape for one in made] == [(36, 28, 3), (16, 120, 3), (36, 28, 3), (20, 20, 3)]
    assert all(one.tobytes() == generator.translate(each[None]).tobytes() for one, each in zip(made, pictures, strict=True))
    assert generator.translate([]) == []
    assert generator.translate(np.zeros((0, 5, 6, 3), np.uint8)).shape == (0, 20, 24, 3)


def test_a_picture_does_not_depend_on_those_beside_it_nor_on_threads() -> None:
    data = translator("local")
    pictures = drawn(70, 20, 22, 3)
    together = runtime.load(data, "cpu", threads=2).translate(pictures)
    one = runtime.load(data, "cpu", threads=1)
    assert together.tobytes() == b"".join(one.translate(picture[None]).tobytes() for picture in pictures)


def test_a_stream_takes_pictures_as_they_are_asked_for() -> None:
    generator, taken = loaded("local"), []

    def pictures() -> Iterator[Array]:
        for number in range(1000):
            taken.append(number)
            yield drawn(16 + 2 * (number // 500), 16, 3, seed=number)

    stream = generator.translate_stream(pictures())
    first = next(stream)
    assert len(taken) <= 65
    assert first.tobytes() == generator.translate(drawn(1, 16, 16, 3)).tobytes()
    assert sum(1 for _ in stream) == 999


def test_a_stream_tells_how_far_it_is_and_is_ended_by_who_watches() -> None:
    generator = loaded("local")
    told: list[float] = []
    (made,) = generator.translate_stream([drawn(300, 300, 3)], tile=32, watch=told.append)
    assert made.shape == (300, 300, 3)
    assert told == sorted(told)
    assert len(told) > 1
    assert told[-1] == 1.0

    def end(_share: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        next(generator.translate_stream([drawn(300, 300, 3)], tile=32, watch=end))


def test_grey_and_colour() -> None:
    generator = loaded("brighter")
    grey = drawn(2, 8, 8, 1)
    assert generator.translate(grey).tobytes() == generator.translate(np.repeat(grey, 3, axis=3)).tobytes()
    assert generator.translate([grey[0, :, :, 0]])[0].tobytes() == generator.translate(grey[:1]).tobytes()
    card = GeneratorCard(
        name="grey",
        kind="image-to-image",
        image=Image(height=8, width=8, channels=1),
        source=Source(channels=1, context=0),
    )
    from translators import Net, seal

    net = Net(channels=1)
    grey_only = runtime.load(
        seal(
            net.model(net.node("Mul", net.take("source", 1, "height", "width"), net.constant(0.5)), ("height", "width")), card
        ),
        "cpu",
    )
    from PIL import Image as Pillow

    colour = drawn(1, 33, 40, 3)
    luma = np.asarray(Pillow.fromarray(colour[0]).convert("L"))[None, :, :, None]
    assert grey_only.translate(colour).tobytes() == grey_only.translate(luma).tobytes()


def test_masks() -> None:
    generator = loaded("filler")
    pictures, mask = drawn(2, 24, 20, 3), np.zeros((2, 24, 20), np.uint8)
    mask[0, 4:9, 3:8] = 200
    made = generator.translate(pictures, mask=mask)
    assert made.tobytes() == generator.translate(pictures, mask=mask > 0).tobytes()
    kept = generator.translate(pictures, mask=np.zeros_like(mask))
    assert (made[1] == kept[1]).all()
    assert (made[0] != kept[0]).any(axis=2)[4:9, 3:8].mean() > 0.9
    assert (made[0] == kept[0])[mask[0] == 0].all()
    assert apart(made, generator.translate(pictures, mask=mask, tile=12)) <= 2
    with pytest.raises(RequestError, match="fills what a mask marks"):
        generator.translate(pictures)
    with pytest.raises(RequestError, match="takes no mask"):
        loaded("local").translate(pictures, mask=mask)
    for wrong in (mask[:1], mask.astype(float), mask[:, :5]):
        with pytest.raises(RequestError, match="mask"):
            generator.translate(pictures, mask=wrong)


def test_styles_by_label() -> None:
    generator = loaded("styled")
    picture = drawn(1, 16, 16, 3)
    both = generator.translate(np.repeat(picture, 2, axis=0), label=list(STYLES))
    assert both[0].tobytes() == generator.translate(picture, label="ink").tobytes()
    assert both[1].tobytes() == generator.translate(picture, label=1).tobytes()
    assert (both[0] != both[1]).mean() > 0.3
    blend = generator.translate(picture, label={"Ink": 0.5, "wash": 0.5})
    assert (blend != both[0]).any()
    assert generator.label_text({"Ink": 0.5, "wash": 0.5}) == "Ink=0.5,wash=0.5"
    with pytest.raises(LabelError, match="name one of Ink, wash"):
        generator.translate(picture)
    with pytest.raises(LabelError, match="Did you mean"):
        generator.translate(picture, label="was")
    with pytest.raises(LabelError, match="has no classes"):
        loaded("local").translate(picture, label="Ink")
    with pytest.raises(RequestError, match="2 labels and 3 pictures"):
        generator.translate(np.repeat(picture, 3, axis=0), label=["Ink", "wash"])


def test_noise_rests_on_the_seed_alone() -> None:
    generator = loaded("noisy")
    pictures = drawn(2, 300, 520, 3)
    made = generator.translate(pictures, seeds=[1, 2])
    assert made.seeds == (1, 2)
    assert made.tobytes() == generator.translate(pictures, seeds=[1, 2], tile=64).tobytes()
    assert made[1].tobytes() == generator.translate(pictures[1:], seeds=2).tobytes()
    grey = np.full((1, 256, 512, 3), 128, np.uint8)
    field = generator.translate(grey, seeds=3)[0]
    assert (field[:, :256] == field[:, 256:]).all()  # it repeats
    assert (field[:, :128] != field[:, 128:256]).mean() > 0.5
    assert generator.translate(grey)[0].tobytes() != field.tobytes()
    again = generator.translate(grey[:, :40, :40])
    assert again.seeds is not None
    assert again.tobytes() == generator.translate(grey[:, :40, :40], seeds=again.seeds).tobytes()
    with pytest.raises(SeedError):
        generator.translate(grey, seeds=-1)
    with pytest.raises(RequestError, match="2 seeds and 1 pictures"):
        generator.translate(grey, seeds=[1, 2])


def test_a_whole_that_is_too_large_for_a_tile_asks_for_one() -> None:
    generator = loaded("mean-free")
    assert generator.translate(drawn(1, 512, 100, 3)).shape == (1, 512, 100, 3)
    wide = drawn(1, 40, 600, 3)
    with pytest.raises(RequestError, match=r"600 x 40 is larger than the 512 x 512 .* say tile=600 .* or tile=512 for tiles"):
        generator.translate(wide)
    whole = generator.translate(wide, tile=600)
    assert whole.tobytes() == raw(translator("mean-free"), {"source": planes(wide)}).tobytes()


def test_tiles_of_what_depends_on_the_whole_are_blended() -> None:
    """Of a slope every tile has another mean; what they make fades from one to the next without a step."""
    slope = np.repeat(np.linspace(0, 255, 200).astype(np.uint8)[None, None, :, None], 3, axis=3).repeat(90, axis=1)
    made = loaded("mean-free").translate(slope, tile=64)[0].astype(int)
    assert np.abs(np.diff(made, axis=1)).max() < 12
    assert np.abs(np.diff(made, axis=0)).max() <= 1
    assert (loaded("brighter", context=None).translate(slope, tile=64) == loaded("brighter").translate(slope)).all()
    larger = loaded("four-times", context=None)
    picture = drawn(1, 70, 90, 3)
    inner = larger.translate(picture, tile=64)
    assert inner.shape == (1, 280, 360, 3)
    assert np.abs(inner.astype(int) - larger.translate(picture).astype(int)).mean() < 4


def test_a_generator_of_one_size() -> None:
    generator = loaded("local", (64, 48))
    for height, width in ((64, 48), (20, 30), (1, 1)):
        picture = drawn(1, height, width, 3)
        whole = np.pad(picture, ((0, 0), (0, 64 - height), (0, 48 - width), (0, 0)), mode="reflect")
        assert (
            generator.translate(picture).tobytes()
            == raw(translator("local", (64, 48)), {"source": planes(whole)})[:, :height, :width].tobytes()
        )
    large = drawn(1, 200, 111, 3)
    assert apart(generator.translate(large), loaded("local").translate(large)) <= 2
    with pytest.raises(RequestError, match="no other size: say tile=64"):
        generator.translate(large, tile=32)
    unknown = loaded("local", (64, 48), context=None)
    with pytest.raises(RequestError, match="make it smaller, or say tile=64 for tiles that are blended"):
        unknown.translate(large)
    assert unknown.translate(large, tile=64).shape == large.shape
    wide = loaded("local", (64, 48), context=30)
    with pytest.raises(RequestError, match="make it smaller"):
        wide.translate(large)


@pytest.mark.parametrize("tile", [0, -4, True, 2.5, "64"])
def test_what_is_no_tile_is_refused(tile: Any) -> None:
    with pytest.raises(RequestError, match="not a whole number"):
        loaded("local").translate(drawn(1, 8, 8, 3), tile=tile)


def test_tiles_that_are_too_small_are_refused() -> None:
    with pytest.raises(RequestError, match="needs 4 at least"):
        loaded("reflecting").translate(drawn(1, 8, 8, 3), tile=3)
    with pytest.raises(RequestError, match=re.escape("a tile of 20 pixels is all edge") + ".*say tile=30 or more"):
        loaded("local").translate(drawn(1, 100, 8, 3), tile=20)
    assert loaded("local").translate(drawn(1, 100, 8, 3), tile=30).shape == (1, 100, 8, 3)


@pytest.mark.parametrize(
    ("pictures", "said"),
    [
        (np.zeros((8, 8, 3), np.uint8), "picture[None]"),
        (np.zeros((1, 8, 8, 4), np.uint8), "alpha"),
        (np.zeros((1, 8, 8, 5), np.uint8), "5 channels"),
        (np.zeros((1, 8, 8, 3), np.float32), "uint8"),
        (np.zeros((1, 0, 8, 3), np.uint8), "uint8 [height"),
        ([np.zeros((8, 8, 3), np.uint16)], "uint16"),
        (["picture.png"], "picture 0 is"),
    ],
)
def test_what_is_no_picture_is_refused(pictures: Any, said: str) -> None:
    with pytest.raises(RequestError, match=re.escape(said)):
        loaded("local").translate(pictures)


def test_each_kind_of_generator_has_its_own_call() -> None:
    generator = loaded("local")
    with pytest.raises(RequestError, match=r"give it some by translate\(\) or cganx translate"):
        generator.generate(seeds=1)
    for method in (generator.images, generator.warm_up):
        with pytest.raises(RequestError, match="translate"):
            method()
    with pytest.raises(RequestError, match=r"ask it by generate\(\)"):
        testing.tiny().translate(drawn(1, 8, 8, 3))
    generator.close()
    with pytest.raises(RequestError, match="closed"):
        generator.translate(drawn(1, 8, 8, 3))


def test_a_file_that_makes_what_is_no_picture_does_not_load() -> None:
    def too_bright(model: Any) -> None:
        model.graph.node[1].op_type = "Exp"

    with pytest.raises(NotAGenerator, match=r"not within -1\.\.1"):
        runtime.load(translator("brighter", change=too_bright), "cpu")


def test_a_session_of_the_host() -> None:
    data = translator("noisy")
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    picture = drawn(1, 20, 30, 3)
    asked = loaded("noisy").translate(picture, seeds=1).tobytes()
    assert runtime.Generator.from_session(session).translate(picture, seeds=1).tobytes() == asked
    assert runtime.Generator.from_session(session, file=data).translate(picture, seeds=1).tobytes() == asked


def test_the_fake_translates() -> None:
    generator = runtime.load(translator("four-times"), backend=testing.FakeBackend())
    made = generator.translate(drawn(2, 10, 12, 3))
    assert made.shape == (2, 40, 48, 3)
    assert made[0].tobytes() != made[1].tobytes()


def test_the_size_of_a_source_that_is_turned_as_a_whole() -> None:
    assert loaded("local", (32, 48)).source_size(16) == (32, 48)
    generator = loaded("local")
    height, width = (side // generator.card.source.scale for side in generator.picture_shape[:2])
    assert generator.source_size(10_000) == (height, width)
    assert max(generator.source_size(8)) <= max(8, generator.card.source.multiple)
    generator.translate(drawn(1, *loaded("normalised").source_size(10_000), 3))
    with pytest.raises(RequestError, match="takes no source"):
        runtime.load("fashion", "cpu").source_size(8)
