"""Pictures from many sources, as packed uint8 arrays and names. Importing this needs numpy alone."""

from cganx.data.cache import cache_folder
from cganx.data.dataset import DataSet, Kind, LabelledImages, Labels, require_classes
from cganx.data.load import load
from cganx.data.translating import (
    TASKS,
    Pairs,
    SideBySide,
    Task,
    TranslationData,
    Unpaired,
    load_pairs,
    load_side_by_side,
    load_task,
    load_unpaired,
)
from cganx.data.translation import TranslationPictures, TranslationSet

__all__ = [
    "TASKS",
    "DataSet",
    "Kind",
    "LabelledImages",
    "Labels",
    "Pairs",
    "SideBySide",
    "Task",
    "TranslationData",
    "TranslationPictures",
    "TranslationSet",
    "Unpaired",
    "cache_folder",
    "load",
    "load_pairs",
    "load_side_by_side",
    "load_task",
    "load_unpaired",
    "require_classes",
]
