"""Data sets made of pictures that lie in other packages on this machine: nothing is fetched."""

from cganx.data.building.build import Built, build
from cganx.data.building.recipe import Places, Recipe
from cganx.data.building.recipes import RECIPES, find_recipe

__all__ = ["RECIPES", "Built", "Places", "Recipe", "build", "find_recipe"]
