"""Weight files: what there is, where it lies, whether it is whole. Only `imlbench weights get` ever downloads."""

from __future__ import annotations

from imlbench.weights.entries import WeightFile
from imlbench.weights.known import catalogue
from imlbench.weights.locating import lacking, locate

__all__ = ["WeightFile", "catalogue", "lacking", "locate"]
