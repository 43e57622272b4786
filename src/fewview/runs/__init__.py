"""Runs: a recipe carried out from the scan file to the written volume, with record, checkpoint and stop."""

from .recipe import ReaderChoices, Recipe
from .reconstruct import reconstruct

__all__ = ["ReaderChoices", "Recipe", "reconstruct"]
