"""The oracle: a classifier of the real pictures, trained once per data set, whose features and verdicts judge generators."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from cganx.data import DataSet, LabelledImages, cache_folder, require_classes
from cganx.errors import DataError
from cganx.evaluation.classifier import FEATURES, ORACLE, Architecture, FeatureNetwork, Progress, Recipe, fit, to_input
from cganx.evaluation.frechet import Gaussian, Moments, frechet
from cganx.whole_file import whole_file

__all__ = ["Oracle", "Recipe", "oracle"]

BATCH = 256
KEY = "cganx.oracle"
NETWORK, MEAN, COVARIANCE = "network.", "real.mean", "real.covariance"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Oracle:
    """A trained classifier of one data set.

    ``accuracy`` is its share of right verdicts on the set's test split, 0..1. ``real`` is the Gaussian of the test
    split's features and ``floor`` the Frechet distance of the training split to it: what a perfect generator could
    reach. Both splits count every class alike. ``pictures`` is the number of labelled test pictures behind these three.
    ``name`` tells which oracle it is: version and key.
    """

    name: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    accuracy: float
    floor: float
    real: Gaussian
    pictures: int
    _network: FeatureNetwork = field(repr=False)

    def features(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The float32 features [n, 128] of pictures uint8 [n, height, width, channels].

        Raises DataError where these are not pictures of the size that the oracle was trained on.
        """
        self._check(pixels)
        return _features(self._network, pixels)

    def predict(self, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The class ids int64 [n] of pictures uint8 [n, height, width, channels]. Raises what :meth:`features` does."""
        return self.classify(self.features(pixels))

    def classify(self, features: NDArray[np.float32]) -> NDArray[np.int64]:
        """The class ids int64 [n] of features [n, 128] that :meth:`features` gave."""
        return _classify(self._network, features)

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """How sure it is of each class, float32 [n, classes] with rows of sum 1, of features that :meth:`features` gave."""
        return _probabilities(self._network, features)

    @property
    def size(self) -> int:
        """The number of its features."""
        return FEATURES

    @property
    def least_accuracy(self) -> float:
        """Half-way from guessing to being always right: one with less does not judge others."""
        return 0.5 + 0.5 / len(self.classes)

    def _check(self, pixels: NDArray[np.uint8]) -> None:
        if pixels.dtype != np.uint8 or pixels.shape[1:] != self.shape:
            raise DataError(
                f"the oracle judges pictures uint8 [n, {', '.join(str(side) for side in self.shape)}], "
                f"not {pixels.dtype} {list(pixels.shape)}: load both sides at one size"
            )


def oracle(
    dataset: DataSet,
    *,
    recipe: Recipe | None = None,
    architecture: Architecture = ORACLE,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Oracle:
    """The oracle of a data set: from the cache, else trained and kept there.

    It runs on the CPU, so that a figure does not depend on the machine's GPU.

    Args:
        dataset: at least two classes, with labelled pictures of each in both splits.
        recipe: how it is trained where it has to be; part of the cache's key.
        architecture: what is trained; others give a second opinion, and their figures do not compare with the oracle's.
        cache: the folder to keep it in; by default ``$CGANX_CACHE``, else the user's cache folder.
        progress: called with (stage, done, total) while it is trained.

    Raises:
        DataError: the set cannot judge: attributes, one class only, or a class without labelled training or test pictures.
    """
    if dataset.kind == "attributes":
        raise DataError(f"{dataset.name}: the oracle tells classes apart, and this set has attributes: it cannot judge")
    require_classes(dataset)
    _require_test_pictures(dataset)
    recipe = recipe or Recipe()
    identity = json.dumps([architecture.version, dataset.fingerprint, asdict(recipe)])
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    path = (cache or cache_folder()) / f"{architecture.name}-{key}.safetensors"
    name = f"cganx-{architecture.name}-{architecture.version}-{key}"
    kept = _read(path, dataset, name, architecture)
    if kept is None:
        kept = _train(dataset, recipe, name, architecture, progress or (lambda *_: None))
        _write(path, kept)
    return kept


def _train(dataset: DataSet, recipe: Recipe, name: str, architecture: Architecture, progress: Progress) -> Oracle:
    train, test = dataset.train, dataset.test
    network = fit(train.images, train.labels, len(dataset.classes), recipe, progress, architecture)
    learnt, _ = _judge(network, train, "judging the training pictures", progress)
    real, accuracy = _judge(network, test, "judging the test pictures", progress)
    return Oracle(
        name=name,
        classes=dataset.classes,
        shape=(dataset.height, dataset.width, dataset.channels),
        accuracy=accuracy,
        floor=frechet(learnt, real),
        real=real,
        pictures=int((test.labels >= 0).sum()),
        _network=network,
    )


def _judge(network: FeatureNetwork, part: LabelledImages, stage: str, progress: Progress) -> tuple[Gaussian, float]:
    """The Gaussian of a split's features, every class counted alike, and the share of right verdicts."""
    weights = 1.0 / np.maximum(np.bincount(part.labels[part.labels >= 0]), 1)
    moments, right, seen = Moments(), 0, 0
    for start in range(0, len(part), BATCH):
        known = part.labels[start : start + BATCH] >= 0
        labels = part.labels[start : start + BATCH][known]
        features = _features(network, part.images[start : start + BATCH][known])
        moments.add(features, weights[labels])
        right += int((_classify(network, features) == labels).sum())
        seen += len(labels)
        progress(stage, min(start + BATCH, len(part)), len(part))
    return moments.gaussian(), right / seen


def _require_test_pictures(dataset: DataSet) -> None:
    labels = dataset.test.labels
    counts = np.bincount(labels[labels >= 0], minlength=len(dataset.classes))
    empty = [name for name, count in zip(dataset.classes, counts, strict=True) if count == 0]
    if empty:
        raise DataError(
            f"{dataset.name}: no labelled test picture of class {empty[0]!r} to judge by: add some to the test part"
        )


@torch.inference_mode()
def _features(network: FeatureNetwork, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    features = np.empty((len(pixels), FEATURES), np.float32)
    for start in range(0, len(pixels), BATCH):
        part = np.ascontiguousarray(pixels[start : start + BATCH])
        features[start : start + BATCH] = network.features(to_input(torch.from_numpy(part))).numpy()
    return features


@torch.inference_mode()
def _classify(network: FeatureNetwork, features: NDArray[np.float32]) -> NDArray[np.int64]:
    ids: NDArray[np.int64] = network.classify(torch.from_numpy(features)).argmax(dim=1).numpy()
    return ids


@torch.inference_mode()
def _probabilities(network: FeatureNetwork, features: NDArray[np.float32]) -> NDArray[np.float32]:
    shares: NDArray[np.float32] = network.classify(torch.from_numpy(features)).softmax(dim=1).numpy()
    return shares


def _write(path: Path, made: Oracle) -> None:
    """Keep it, whole or not at all; a disk that refuses costs the next call its time, not this one its figures."""
    tensors: dict[str, Tensor] = {
        f"{NETWORK}{name}": tensor.contiguous() for name, tensor in made._network.state_dict().items()
    }
    tensors |= {MEAN: torch.from_numpy(made.real.mean), COVARIANCE: torch.from_numpy(made.real.covariance)}
    figures = {"name": made.name, "accuracy": made.accuracy, "floor": made.floor, "pictures": made.pictures}
    try:
        with whole_file(path) as file:
            file.write(save(tensors, metadata={KEY: json.dumps(figures)}))
    except OSError as error:
        _log.warning("%s cannot be written (%s), so %s will be trained again next time", path, error.strerror, made.name)


def _read(path: Path, dataset: DataSet, name: str, architecture: Architecture) -> Oracle | None:
    """The kept oracle; None where there is none, or the file is damaged or another's."""
    shape = (dataset.height, dataset.width, dataset.channels)
    with torch.device("meta"):  # no weights are drawn: the caller's random state stays as it is
        network = architecture.build(shape[2], max(shape[:2]), len(dataset.classes))
    try:
        with safe_open(path, framework="pt") as file:
            figures = json.loads((file.metadata() or {})[KEY])
            if figures["name"] != name:
                return None
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        network.load_state_dict(
            {key.removeprefix(NETWORK): value for key, value in tensors.items() if key.startswith(NETWORK)},
            assign=True,
        )
        return Oracle(
            name=name,
            classes=dataset.classes,
            shape=shape,
            accuracy=float(figures["accuracy"]),
            floor=float(figures["floor"]),
            real=Gaussian(tensors[MEAN].numpy(), tensors[COVARIANCE].numpy()),
            pictures=int(figures["pictures"]),
            _network=network.to(memory_format=torch.channels_last).eval(),  # type: ignore[call-overload]
        )
    except (SafetensorError, OSError, RuntimeError, KeyError, TypeError, ValueError):
        return None
