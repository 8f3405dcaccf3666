import itertools
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cganx import runtime
from cganx.card import Label, Latent
from cganx.errors import LabelError, ModelNotFound, NotAGenerator, RequestError, SeedError
from cganx.runtime import latents, testing


@pytest.fixture(scope="module")
def tiny(part: Any) -> runtime.Generator:
    part("onnxruntime")
    return testing.tiny()


def test_the_tiny_generator_is_what_its_script_makes(part: Any) -> None:
    part("onnx")
    import runpy

    script = Path(__file__).parents[2] / "scripts" / "make_tiny_generator.py"
    assert runpy.run_path(str(script))["build"]() == testing.TINY.read_bytes()
    assert testing.TINY.stat().st_size < 16_000


def test_a_run_takes_fewer_pictures_where_64_would_take_more_than_a_gigabyte(
    part: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    part("onnxruntime")
    alive = runtime.read(testing.TINY).alive
    assert 16 * 16 + 16 * 16 < alive < 100_000  # an image and its pixels at least
    generator = testing.tiny()
    assert generator.batch_size == 64
    monkeypatch.setattr("cganx.runtime.generator.RUN_VALUES", 7 * alive + 1)
    few = testing.tiny()
    sizes = []
    run = few._run
    monkeypatch.setattr(few, "_run", lambda request: sizes.append(request.number) or run(request))
    assert np.array_equal(few.generate("disc", range(17)), generator.generate("disc", range(17)))
    assert sizes == [7, 7, 3]
    assert len(list(few.stream(("disc", seed) for seed in range(8)))) == 8
    assert sizes[3:] == [7, 1]
    few.generate("disc", range(17), batch_size=10)
    assert sizes[5:] == [10, 7]
    import onnxruntime

    session = onnxruntime.InferenceSession(testing.TINY, providers=["CPUExecutionProvider"])
    assert runtime.Generator.from_session(session, file=testing.TINY).batch_size == 7
    assert runtime.Generator.from_session(session).batch_size == 64
    monkeypatch.setattr("cganx.runtime.generator.RUN_VALUES", alive // 2)
    assert testing.tiny().batch_size == 1


def test_pictures_come_by_name(tiny: runtime.Generator) -> None:
    assert tiny.card.classes == ("disc", "cross")
    pixels = tiny.generate("disc", seeds=range(3))
    assert pixels.dtype == np.uint8
    assert pixels.shape == (3, 16, 16, 1)
    assert pixels.seeds == (0, 1, 2)
    disc, cross = tiny.generate(["disc", "cross"], seeds=5)
    assert disc[4, 4, 0] > 150 > 100 > cross[4, 4, 0]
    assert str(tiny.device) == "cpu"


@pytest.mark.parametrize(
    ("labels", "seeds", "count"),
    [
        ("disc", 3, 1),
        ("disc", [1, 2, 3], 3),
        (["disc", "cross", "disc"], 9, 3),
        (["disc", "cross"], [1, 2], 2),
        (["disc"], [1, 2], 2),
        ({"disc": 0.5, "cross": 0.5}, np.arange(4), 4),
        (np.array([0, 1]), np.array([3, 4], np.uint64), 2),
        ("disc", [], 0),
        ([], [], 0),
        ("disc", range(200), 200),
    ],
)
def test_labels_and_seeds_broadcast(tiny: runtime.Generator, labels: Any, seeds: Any, count: int) -> None:
    pixels = tiny.generate(labels, seeds)
    assert pixels.shape == (count, 16, 16, 1)
    assert len(pixels.seeds or ()) == count


@pytest.mark.parametrize(("labels", "seeds"), [(["disc", "cross"], [1, 2, 3]), (["disc"] * 3, [1, 2]), ([], [1, 2])])
def test_what_does_not_broadcast_is_a_label_error(tiny: runtime.Generator, labels: Any, seeds: Any) -> None:
    with pytest.raises(LabelError):
        tiny.generate(labels, seeds)


@pytest.mark.parametrize(
    "seed",
    [-1, 2**64, 1.0, "7", True, None, [None], [1, -1], [2**64], [True], np.array([-1]), np.array([1.5]), np.array([[1]]), b"7"],
)
def test_what_is_no_seed_is_refused(tiny: runtime.Generator, seed: Any) -> None:
    if seed is None:
        return
    with pytest.raises(SeedError):
        tiny.generate("disc", seed)


def test_seeds_of_64_bits_differ_and_are_drawn_when_not_given(tiny: runtime.Generator) -> None:
    top = tiny.generate("disc", [0, 2**32, 2**63, 2**64 - 1])
    assert len({picture.tobytes() for picture in top}) == 4
    drawn = tiny.generate("disc")
    assert drawn.seeds is not None
    np.testing.assert_array_equal(tiny.generate("disc", drawn.seeds), drawn)
    assert tiny.generate("disc").seeds != drawn.seeds
    assert (drawn[:, ::2] + 1).seeds is None


def test_a_picture_does_not_depend_on_its_batch(tiny: runtime.Generator) -> None:
    labels = [("disc", "cross", {"disc": 0.25, "cross": 0.75})[index % 3] for index in range(64)]
    seeds = [index * 977 for index in range(64)]
    together = tiny.generate(labels, seeds)
    alone = np.concatenate([tiny.generate(label, seed) for label, seed in zip(labels, seeds, strict=True)])
    backwards = tiny.generate(labels[::-1], seeds[::-1])[::-1]
    in_sevens = tiny.generate(labels, seeds, batch_size=7)
    streamed = np.stack([one.pixels for one in tiny.stream(zip(labels, seeds, strict=True), batch_size=5)])
    with ThreadPoolExecutor(8) as pool:
        threaded = np.concatenate(list(pool.map(tiny.generate, labels, seeds)))
    for other in (alone, backwards, in_sevens, streamed, threaded):
        assert other.tobytes() == together.tobytes()


def test_streams_are_lazy_ordered_and_endless(tiny: runtime.Generator) -> None:
    taken = 0

    def requests() -> Iterator[tuple[Any, int]]:
        nonlocal taken
        for seed in itertools.count():
            taken += 1
            yield ({"cross": 0.7, "disc": 0.3} if seed % 2 else "DISC"), seed

    stream = tiny.stream(requests(), batch_size=4)
    assert taken == 0
    pictures = list(itertools.islice(stream, 6))
    assert taken == 8
    assert [picture.seed for picture in pictures] == list(range(6))
    assert [picture.label for picture in pictures][:2] == ["disc", "cross=0.7,disc=0.3"]
    assert pictures[0].pixels.shape == (16, 16, 1)
    assert list(tiny.stream([])) == []
    with pytest.raises(LabelError):
        list(tiny.stream([("square", 1)]))


def test_latents_stand_for_seeds(tiny: runtime.Generator) -> None:
    points = latents.normal(np.array([7, 8], np.uint64), 8)
    np.testing.assert_array_equal(tiny.generate("disc", latents=points), tiny.generate("disc", [7, 8]))
    np.testing.assert_array_equal(tiny.generate("disc", latents=points[0]), tiny.generate("disc", 7))
    with pytest.raises(RequestError, match="one of the two"):
        tiny.generate("disc", 7, latents=points)
    for wrong in (np.zeros(7), np.zeros((2, 2, 8)), np.full(8, np.nan), np.array(["a"] * 8)):
        with pytest.raises(RequestError):
            tiny.generate("disc", latents=wrong)


def test_truncation_draws_nearer_points(tiny: runtime.Generator) -> None:
    points = latents.normal(np.arange(5, dtype=np.uint64), 8, truncation=np.full(5, 0.4))
    np.testing.assert_array_equal(tiny.generate("cross", range(5), truncation=0.4), tiny.generate("cross", latents=points))
    mixed = tiny.generate("cross", range(2), truncation=np.array([0.4, 9.0]))
    np.testing.assert_array_equal(mixed[0], tiny.generate("cross", 0, truncation=0.4)[0])
    images = tiny.images("cross", range(5), truncation=0.4, batch_size=2)
    np.testing.assert_array_equal(images, tiny.images("cross", latents=points))
    assert not np.array_equal(images, tiny.images("cross", range(5)))
    np.testing.assert_array_equal(mixed[1], tiny.generate("cross", 1)[0])
    for wrong in (0, -1.0, float("nan"), 0.001, "a", np.ones(3)):
        with pytest.raises(RequestError):
            tiny.generate("cross", range(2), truncation=wrong)
    with pytest.raises(RequestError):
        tiny.generate("cross", latents=points, truncation=0.4)


def test_what_the_file_does_not_take_is_refused(tiny: runtime.Generator) -> None:
    with pytest.raises(RequestError, match="takes no codes"):
        tiny.generate("disc", 1, codes=np.zeros((1, 2)))
    for size in (0, -1, 1.5, True):
        with pytest.raises(RequestError, match="batch_size"):
            tiny.generate("disc", 1, batch_size=size)
    for threads in (0, 1.5, True):
        with pytest.raises(RequestError, match="threads"):
            runtime.load(testing.TINY, threads=threads)


def test_a_generator_can_be_sent_to_another_process(tiny: runtime.Generator) -> None:
    again = pickle.loads(pickle.dumps(tiny))
    np.testing.assert_array_equal(again.generate("disc", 3), tiny.generate("disc", 3))
    assert again.sha256 == tiny.sha256


def test_files_are_found_by_path_bytes_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: Any) -> None:
    part("onnxruntime")
    data = testing.TINY.read_bytes()
    plain = tmp_path / "no-suffix"
    plain.write_bytes(data)
    monkeypatch.chdir(tmp_path)
    assert len({runtime.load(source).sha256 for source in (data, str(testing.TINY), testing.TINY, plain, "no-suffix")}) == 1
    for gone in ("nothing", "nothing.onnx", tmp_path / "nothing.onnx", tmp_path, "a/b", "\0", ""):
        with pytest.raises(ModelNotFound) as caught:
            runtime.load(gone)
        assert isinstance(caught.value, FileNotFoundError)
        assert str(caught.value)


def test_pixels_are_the_image_by_the_formula(tiny: runtime.Generator) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(testing.TINY.read_bytes(), providers=["CPUExecutionProvider"])
    feed = {"latent": latents.normal(np.arange(9, dtype=np.uint64), 8), "label": np.eye(2, dtype=np.float32)[[0, 1] * 4 + [0]]}
    image, pixels = session.run(["image", "pixels"], feed)
    wanted = np.clip(np.rint((image + np.float32(1)) * np.float32(127.5)), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(pixels, wanted)
    np.testing.assert_array_equal(tiny.generate([0, 1] * 4 + [0], range(9)), pixels)


def test_other_kinds_of_files(make: Any) -> None:
    indexed = runtime.load(make.indexed())
    assert indexed.generate(["red", "blue"], 3).shape == (2, 4, 4, 1)
    assert indexed.generate("red", 3).tobytes() != indexed.generate("blue", 3).tobytes()

    free = runtime.load(make(classes=(), kind="unconditional"))
    assert free.generate(seeds=[1, 2]).shape == (2, 4, 4, 1)
    assert [one.label for one in free.stream([(None, 1)])] == [None]
    with pytest.raises(LabelError):
        free.generate("red", 1)

    flat = runtime.load(make(latent=Latent(size=5, distribution="uniform")))
    points = latents.uniform(np.array([4], np.uint64), 5)
    np.testing.assert_array_equal(flat.generate("red", 4), flat.generate("red", latents=points))
    with pytest.raises(RequestError):
        flat.generate("red", 4, truncation=0.5)

    several = runtime.load(make(kind="attributes", label=Label()))
    assert several.generate({"red": 1, "blue": 1}, 1).shape == (1, 4, 4, 1)

    coded = runtime.load(make(codes=("tilt", "width")))
    np.testing.assert_array_equal(coded.generate("red", 1), coded.generate("red", 1, codes=np.zeros(2)))
    tilted = coded.generate("red", 1, codes=np.array([[0, 1], [1, 0]]))
    (streamed,) = coded.stream([("red", 1)], codes=np.array([1, 0]))
    np.testing.assert_array_equal(streamed.pixels, tilted[1])
    assert tilted[0].tobytes() != tilted[1].tobytes()

    inside = runtime.load(make(truncation={"input": True}))
    np.testing.assert_array_equal(inside.generate("red", 1), inside.generate("red", 1, truncation=1.0))
    assert inside.generate("red", 1, truncation=0.3).tobytes() != inside.generate("red", 1).tobytes()

    noisy = runtime.load(make(noise=(6, 3)))
    np.testing.assert_array_equal(noisy.generate("red", [1, 2])[1], noisy.generate("red", 2)[0])
    points = latents.normal(np.array([5], np.uint64), 5)
    np.testing.assert_array_equal(noisy.generate("red", 5, latents=points), noisy.generate("red", 5))
    colour = runtime.load(make(image=runtime.read(make()).card.image.__class__(height=4, width=6, channels=3)))
    assert colour.generate("red", 1).shape == (1, 4, 6, 3)


def test_a_file_of_another_maker_is_adopted_with_a_card(make: Any) -> None:
    foreign = make.model(make.card())
    del foreign.graph.output[1]
    data = foreign.SerializeToString()
    with pytest.raises(NotAGenerator, match="card"):
        runtime.load(data)
    adopted = runtime.load(data, card=make.card())
    np.testing.assert_array_equal(adopted.generate("red", range(4)), runtime.load(make()).generate("red", range(4)))


def test_an_image_out_of_range_or_not_finite_does_not_load(make: Any) -> None:
    def widen(model: Any) -> None:
        model.graph.node[[node.op_type for node in model.graph.node].index("Tanh")].op_type = "Exp"

    with pytest.raises(NotAGenerator, match="not within"):
        runtime.load(make(widen))


@pytest.mark.parametrize("latents", [np.full((1, 8), 1e300), [[1.0], [1.0, 2.0]]])
def test_latents_that_float32_does_not_hold_are_refused(latents: Any) -> None:
    with pytest.raises(runtime.RequestError, match="latents"):
        runtime.load(testing.TINY, device="cpu").generate(0, latents=latents)


@pytest.mark.parametrize("request_", [("square",), "square", 5, None])
def test_a_stream_takes_pairs(request_: Any) -> None:
    with pytest.raises(runtime.RequestError, match="a pair"):
        list(runtime.load(testing.TINY, device="cpu").stream([request_]))


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_a_generator_of_any_bytes_can_be_pickled(kind: Any) -> None:
    generator = runtime.load(kind(testing.TINY.read_bytes()), device="cpu")
    again = pickle.loads(pickle.dumps(generator))
    assert np.array_equal(again.generate(0, seeds=1), generator.generate(0, seeds=1))


@pytest.mark.parametrize("threads", [0, 10**6, True, 1.0])
def test_a_number_of_threads_that_is_none_is_refused(threads: Any) -> None:
    with pytest.raises(runtime.RequestError, match="threads"):
        runtime.load(testing.TINY, device="cpu", threads=threads)


@pytest.mark.parametrize("device", [None, 5])
def test_a_device_that_is_no_name_is_said_so(device: Any) -> None:
    with pytest.raises(runtime.DeviceUnavailable, match="no such device name"):
        runtime.load(testing.TINY, device=device)
