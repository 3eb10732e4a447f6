"""imlbench: knowing where an image was edited, and proving how well one knows it.

The names below are imported when they are first used, so that `import imlbench` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from imlbench.adapters import Annotator, Detection, Detector, DetectorCard, Picture
    from imlbench.cards import AdapterCard, DatasetCard, Weight
    from imlbench.datasets.base import Dataset
    from imlbench.datasets.opening import open_dataset
    from imlbench.errors import SampleError, UserError
    from imlbench.evaluation import evaluate
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader
    from imlbench.samples import Pair, Sample

LAZY = {
    "AdapterCard": "imlbench.cards",
    "Annotator": "imlbench.adapters",
    "Conventions": "imlbench.metrics",
    "Dataset": "imlbench.datasets.base",
    "DatasetCard": "imlbench.cards",
    "Detection": "imlbench.adapters",
    "Detector": "imlbench.adapters",
    "DetectorCard": "imlbench.adapters",
    "Pair": "imlbench.samples",
    "Picture": "imlbench.adapters",
    "ResultReader": "imlbench.results.reading",
    "Sample": "imlbench.samples",
    "SampleError": "imlbench.errors",
    "UserError": "imlbench.errors",
    "Weight": "imlbench.cards",
    "evaluate": "imlbench.evaluation",
    "open_dataset": "imlbench.datasets.opening",
}
"""Public name -> the module that defines it."""

__all__ = [
    "AdapterCard",
    "Annotator",
    "Conventions",
    "Dataset",
    "DatasetCard",
    "Detection",
    "Detector",
    "DetectorCard",
    "Pair",
    "Picture",
    "ResultReader",
    "Sample",
    "SampleError",
    "UserError",
    "Weight",
    "__version__",
    "evaluate",
    "open_dataset",
]


def __getattr__(name: str) -> Any:
    if name not in LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
