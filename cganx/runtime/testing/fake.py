"""A backend that runs no network, for hosts' tests: no onnxruntime, the same card, checks and errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b, sha256
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cganx.errors import DeviceUnavailable
from cganx.runtime import latents
from cganx.runtime.backend import Device, Options, cuda_index
from cganx.runtime.generator import Generator, to_pixels
from cganx.runtime.model import DTYPES, FLOAT, UINT8, Value
from cganx.runtime.operators import Fact
from cganx.runtime.reader import Ends, ModelFile, contract_inputs, described
from cganx.runtime.sessions import Session

if TYPE_CHECKING:
    from cganx.card import GeneratorCard

__all__ = ["FakeBackend", "fake"]

Array: TypeAlias = "np.ndarray[Any, Any]"


@dataclass(frozen=True)
class FakeBackend:
    """Give it as ``backend`` to :func:`cganx.runtime.load`: files are read and checked, and their pictures are made up.

    A picture is even noise from the bytes of its latent, label and other inputs: the same for the same, whatever the batch,
    and another for others. ``cuda`` is how many GPUs there are to be; with none ``cuda`` raises DeviceUnavailable.

    >>> from cganx import runtime
    >>> from cganx.runtime import testing
    >>> generator = runtime.load("fashion", backend=testing.FakeBackend())
    >>> generator.generate("sneaker", seeds=[1, 2]).shape, str(generator.device)
    ((2, 28, 28, 1), 'cpu')
    """

    cuda: int = 0

    def open(self, file: ModelFile, device: str, options: Options, /) -> tuple[Session, Device]:  # noqa: ARG002
        """A session that makes up pictures. Raises DeviceUnavailable for a GPU that is not to be there."""
        index = cuda_index(device)
        if index is not None and index < self.cuda:
            return _FakeSession(file), Device(f"cuda:{index}", device)
        missing = "" if index is None else f"this backend is a fake that has {self.cuda} GPUs"
        if device not in ("auto", "cpu"):
            raise DeviceUnavailable(requested=device, active="cpu", missing=missing, fix="Give it more: FakeBackend(cuda=1)")
        return _FakeSession(file), Device("cpu", device, missing)


def fake(card: GeneratorCard, device: str = "auto", *, cuda: int = 0) -> Generator:
    """A generator of a card alone, without a file and without onnxruntime: all of a Generator but pickling.

    Raises DeviceUnavailable as :class:`FakeBackend` does.

    >>> from cganx.card import GeneratorCard, Image, Label, Latent
    >>> from cganx.runtime import testing
    >>> card = GeneratorCard(
    ...     name="pets", classes=("cat", "dog"), label=Label(),
    ...     latent=Latent(size=8), image=Image(height=4, width=6, channels=3),
    ... )
    >>> testing.fake(card).generate("dog", seeds=range(3)).shape
    (3, 4, 6, 3)
    """
    image, wanted = card.image, contract_inputs(card)
    wanted["image"] = DTYPES[FLOAT], (image.channels, image.height, image.width)
    wanted["pixels"] = DTYPES[UINT8], (image.height, image.width, image.channels)
    values = [Value(name, dtype, ("batch", *sizes)) for name, (dtype, sizes) in wanted.items()]
    facts = {name: Fact(dtype, (2, *(size or 1 for size in sizes))) for name, (dtype, sizes) in wanted.items()}
    ends = Ends(tuple(values[:-2]), tuple(values[-2:]), facts)
    file = described(card, ends, None, adopted=False)
    session, active = FakeBackend(cuda).open(file, device, Options())
    return Generator(replace(file, sha256=sha256(card.to_json().encode()).hexdigest()), session, active)


@dataclass(frozen=True)
class _FakeSession:
    file: ModelFile

    def run(self, names: Sequence[str], feed: Mapping[str, Array], /) -> Sequence[Array]:
        """Pictures from the bytes of each row that is fed."""
        tensors, image = self.file.tensors, self.file.card.image
        number = min(len(value) for value in feed.values())
        rows = [b"".join(feed[name][row].tobytes() for name in sorted(feed)) for row in range(number)]
        seeds = [int.from_bytes(blake2b(row, digest_size=8).digest(), "little") for row in rows]
        source = self.file.card.source
        taken = (image.height, image.width) if source is None else feed["source"].shape[2:]
        scale = 1 if source is None else source.scale
        sizes = image.channels, taken[0] * scale, taken[1] * scale
        made = latents.uniform(np.array(seeds, np.uint64), prod(sizes)).reshape(number, *sizes)
        outputs = {"image": made, "pixels": np.ascontiguousarray(to_pixels(made))}
        if tensors is not None:
            levels = (made + np.float32(1)) * np.float32((tensors.high - tensors.low) / 2) + np.float32(tensors.low)
            outputs[tensors.image] = levels.transpose(0, 2, 3, 1) if tensors.channels_last else levels
        return [outputs[name] for name in names]
