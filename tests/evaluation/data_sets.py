"""Data sets from arrays."""

from __future__ import annotations

from cganx.data import DataSet, LabelledImages
from cganx.data.dataset import fingerprint, pixel_digest


def data_set(train: LabelledImages, test: LabelledImages, classes: tuple[str, ...], name: str = "tiny") -> DataSet:
    digest = pixel_digest(train.images, test.images)
    return DataSet(name, classes, train, test, fingerprint(classes, train.labels, test.labels, digest))
