"""The fake backend: no onnxruntime, and every check and error of a real generator."""

import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cganx import runtime
from cganx.card import GeneratorCard, Image, Label, Latent, Source
from cganx.errors import DeviceUnavailable, LabelError, ModelNotFound, RequestError, SeedError
from cganx.runtime import testing


@pytest.fixture(scope="module")
def faked() -> runtime.Generator:
    return runtime.load(testing.TINY, backend=testing.FakeBackend())


def test_hosts_are_tested_without_onnxruntime() -> None:
    code = """
        import sys
        sys.modules["onnxruntime"] = None
        from cganx import runtime
        from cganx.runtime import testing
        generator = runtime.load("fashion", backend=testing.FakeBackend())
        assert generator.generate("sneaker", seeds=range(3)).shape == (3, 28, 28, 1)
        assert testing.fake(generator.card).generate("sneaker", seeds=range(3)).shape == (3, 28, 28, 1)
        assert len(list(generator.stream([("bag", 1), ("coat", 2)], 1, prefetch=True))) == 2
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_a_picture_is_its_label_and_seed(faked: runtime.Generator) -> None:
    labels, seeds = ["disc", "cross", {"disc": 0.3, "cross": 0.7}] * 7, list(range(21))
    together = faked.generate(labels, seeds)
    assert together.dtype == np.uint8
    assert together.flags.c_contiguous
    assert len({picture.tobytes() for picture in together}) == 21
    assert faked.generate(labels, seeds, batch_size=4).tobytes() == together.tobytes()
    assert runtime.load(testing.TINY, backend=testing.FakeBackend()).generate(labels, seeds).tobytes() == together.tobytes()
    assert faked.generate("disc", 0).tobytes() != faked.generate("cross", 0).tobytes()
    images = faked.images(labels, seeds)
    assert np.abs(images).max() <= 1
    levels = np.clip(np.rint((images + 1) * 127.5), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(together, levels)


def test_it_refuses_what_a_real_generator_refuses(faked: runtime.Generator, part: Callable[[str], None]) -> None:
    part("onnxruntime")
    for generator in (faked, testing.tiny()):
        for error, call in (
            (LabelError, lambda: generator.generate("disk", 1)),  # noqa: B023
            (LabelError, lambda: generator.generate(["disc"] * 2, [1, 2, 3])),  # noqa: B023
            (LabelError, lambda: generator.generate({"disc": 0.7}, 1)),  # noqa: B023
            (SeedError, lambda: generator.generate("disc", -1)),  # noqa: B023
            (RequestError, lambda: generator.generate("disc", latents=np.zeros(7))),  # noqa: B023
            (RequestError, lambda: generator.generate("disc", 1, codes=np.zeros(2))),  # noqa: B023
            (RequestError, lambda: generator.generate("disc", 1, truncation=0)),  # noqa: B023
            (RequestError, lambda: list(generator.stream([("disc",)]))),  # type: ignore[list-item]  # noqa: B023
            (LabelError, lambda: list(generator.stream([("disk", 1)], prefetch=True))),  # noqa: B023
        ):
            with pytest.raises(error):
                call()
    with pytest.raises(ModelNotFound):
        runtime.load("nothing.onnx", backend=testing.FakeBackend())


def test_files_of_every_kind(make: Any) -> None:
    def faked(data: bytes, **more: Any) -> runtime.Generator:
        return runtime.load(data, backend=testing.FakeBackend(), **more)

    assert faked(make.indexed()).generate(["red", "blue"], 3).shape == (2, 4, 4, 1)
    assert faked(make(classes=(), kind="unconditional")).generate(seeds=[1, 2]).shape == (2, 4, 4, 1)
    assert faked(make(kind="attributes", label=Label())).generate({"red": 1, "blue": 1}, 1).shape == (1, 4, 4, 1)
    coded = faked(make(codes=("tilt", "width")))
    assert coded.generate("red", 1, codes=np.ones(2)).tobytes() != coded.generate("red", 1).tobytes()
    inside = faked(make(truncation={"input": True}))
    assert inside.generate("red", 1, truncation=0.3).tobytes() != inside.generate("red", 1).tobytes()
    noisy = faked(make(noise=(6, 3)))
    points = np.zeros((1, 5))
    assert noisy.generate("red", 1, latents=points).tobytes() != noisy.generate("red", 2, latents=points).tobytes()

    foreign = make.model(make.card())
    del foreign.graph.output[1]
    for tensors in (None, runtime.Tensors(low=0, high=255)):
        adopted = faked(foreign.SerializeToString(), card=make.card(), tensors=tensors)
        assert np.abs(adopted.images("red", range(8))).max() <= 1 + 1e-6
        assert adopted.generate("red", 1).shape == (1, 4, 4, 1)


def test_gpus_that_are_not_there() -> None:
    one = testing.FakeBackend(cuda=1)
    assert str(runtime.load(testing.TINY, backend=one).device) == "cuda:0"
    assert str(runtime.load(testing.TINY, "cuda:0", backend=one).device) == "cuda:0"
    assert runtime.load(testing.TINY, "cpu", backend=one).device == runtime.Device("cpu", "cpu")
    with pytest.raises(DeviceUnavailable, match="has 1 GPUs"):
        runtime.load(testing.TINY, "cuda:1", backend=one)
    with pytest.raises(DeviceUnavailable, match="no such device name"):
        runtime.load(testing.TINY, "gpu", backend=one)
    automatic = runtime.load(testing.TINY, backend=testing.FakeBackend()).device
    assert (str(automatic), "fake" in automatic.reason) == ("cpu", True)


def test_it_is_pickled_with_its_backend(faked: runtime.Generator) -> None:
    again = pickle.loads(pickle.dumps(faked))
    assert again.generate("disc", 1).tobytes() == faked.generate("disc", 1).tobytes()


def test_a_card_alone_is_enough() -> None:
    image = Image(height=4, width=6, channels=3)
    card = GeneratorCard(name="pets", classes=("cat", "dog"), label=Label(), latent=Latent(size=8), image=image)
    generator = testing.fake(card, "cuda:1", cuda=2)
    assert (str(generator.device), generator.inputs, len(generator.sha256)) == ("cuda:1", ("latent", "label"), 64)
    assert generator.generate("dog", seeds=range(3)).shape == (3, 4, 6, 3)
    assert generator.generate("dog", 1).tobytes() == testing.fake(card).generate("dog", 1).tobytes()
    with pytest.raises(LabelError, match="Did you mean"):
        generator.generate("dogs", 1)
    turns = GeneratorCard(name="turns", kind="image-to-image", source=Source(channels=3, height=4, width=6), image=image)
    with pytest.raises(RequestError, match="turns pictures into pictures"):
        testing.fake(turns).generate(seeds=1)


def test_a_backend_that_makes_something_else_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(testing.TINY.read_bytes())

    class Bent:
        def __init__(self, bend: Callable[[str, Any], Any]) -> None:
            self.bend = bend

        def open(self, file: runtime.ModelFile, device: str, options: runtime.Options, /) -> tuple[Any, runtime.Device]:
            session, active = testing.FakeBackend().open(file, device, options)
            bend = self.bend

            class Session:
                def run(self, names: Any, feed: Any, /) -> Any:
                    return [bend(name, made) for name, made in zip(names, session.run(names, feed), strict=True)]

            return Session(), active

    for bend, words in (
        (lambda name, made: made[:-1] if name == "pixels" else made, "0 pictures where 1"),
        (lambda name, made: made[..., :8] if name == "image" else made, "the card says"),
        (lambda name, made: made * np.nan if name == "image" else made, "not finite"),
        (lambda name, made: made * 2 if name == "image" else made, "within -1..1"),
    ):
        with pytest.raises(runtime.NotAGenerator, match=words) as caught:
            runtime.load(path, backend=Bent(bend))
        assert caught.value.model == str(path)
