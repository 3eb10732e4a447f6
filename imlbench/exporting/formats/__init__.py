"""The layouts that a training set can be written in, by name."""

from __future__ import annotations

from imlbench.exporting.formats.base import Writer
from imlbench.exporting.formats.coco import CocoWriter
from imlbench.exporting.formats.folder import FolderWriter
from imlbench.exporting.formats.hf import HuggingFaceWriter
from imlbench.exporting.formats.imdlbenco import ImdlBenCoWriter
from imlbench.exporting.formats.webdataset import WebDatasetWriter

WRITERS: dict[str, type[Writer]] = {
    "folder": FolderWriter,
    "imdlbenco": ImdlBenCoWriter,
    "hf": HuggingFaceWriter,
    "webdataset": WebDatasetWriter,
    "coco": CocoWriter,
}
