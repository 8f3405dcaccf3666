from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from PIL import Image
from training_pictures import data_set, pictures

from cganx.data import DataSet


@pytest.fixture(scope="session")
def stripes() -> DataSet:
    return data_set()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a folder with a subfolder a class."""
    root = tmp_path_factory.mktemp("pictures")
    for index in range(3):
        (root / f"stripes {index + 1}").mkdir()
    part = pictures(49, 3)
    for number, (image, label) in enumerate(zip(part.images[:-1], part.labels[:-1], strict=True)):
        Image.fromarray(image[..., 0]).save(root / f"stripes {label + 1}" / f"{number}.png")
    return root


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CGANX_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _foreign_warnings():
    """Warnings of tensorboard's own imports, which no user of it can mend."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="tensorboard.*")
        yield
