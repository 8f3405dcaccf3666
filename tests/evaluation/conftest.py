"""A data set whose perfect generator is known: the tiny generator's own pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data_sets import data_set

from cganx.data import DataSet, LabelledImages
from cganx.evaluation import Oracle, Recipe, oracle
from cganx.runtime import Generator
from cganx.runtime.testing import tiny


@pytest.fixture(scope="session")
def generator() -> Generator:
    return tiny()


@pytest.fixture(scope="session")
def pictures(generator: Generator) -> DataSet:
    """600 training and 300 test pictures, of seeds that no judgement draws by itself."""
    names = generator.card.classes

    def part(count: int, first: int) -> LabelledImages:
        labels = np.arange(count) % len(names)
        return LabelledImages(np.asarray(generator.generate(labels, range(first, first + count))), labels)

    return data_set(part(600, 2**60), part(300, 2**61), names)


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return Recipe(passes=1, at_least=3000, at_most=3000, batch_size=64)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def judge(pictures: DataSet, recipe: Recipe, cache: Path) -> Oracle:
    return oracle(pictures, recipe=recipe, cache=cache)
