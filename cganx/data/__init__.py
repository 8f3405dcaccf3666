"""Labelled pictures from many sources, as packed uint8 arrays and class names. Importing this needs numpy alone."""

from cganx.data.cache import cache_folder
from cganx.data.dataset import DataSet, LabelledImages, require_classes
from cganx.data.load import load

__all__ = ["DataSet", "LabelledImages", "cache_folder", "load", "require_classes"]
