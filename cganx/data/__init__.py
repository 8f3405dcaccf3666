"""Labelled pictures from many sources, as packed uint8 arrays and names. Importing this needs numpy alone."""

from cganx.data.cache import cache_folder
from cganx.data.dataset import DataSet, Kind, LabelledImages, Labels, require_classes
from cganx.data.load import load

__all__ = ["DataSet", "Kind", "LabelledImages", "Labels", "cache_folder", "load", "require_classes"]
