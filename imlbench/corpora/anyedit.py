"""AnyEdit: 2.5 million pairs of 25 types of edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from imlbench.corpora.base import CorpusCard
from imlbench.corpora.cells import as_text, first_text
from imlbench.corpora.tables import TableCorpus, Texts


class AnyEdit(TableCorpus):
    """Rows lie in blocks by type. Captions that read "None" are none; the edited image's is preferred.

    Instructions of the visual_* types speak of a second picture as "[v*]"; that picture (`visual_input`) is not read.
    """

    card: ClassVar[CorpusCard] = CorpusCard(
        name="anyedit",
        title="AnyEdit",
        version="1",
        summary="2.5 million pairs of 25 types of edit",
        licence="MIT on the card, CC-BY-4.0 later",
        citation="Yu et al., AnyEdit, CVPR 2025",
        url="https://huggingface.co/datasets/Bin1117/AnyEdit",
        published={"train": 2504683, "validation": 5000},
        variants=("train", "validation"),
        default_variant="train",
        layout="the hub's shards (data/train-*.parquet)",
    )
    original = "image_file"
    edited = "edited_file"
    needed = ("edit_instruction", "edit_type")
    optional = ("image_id", "input", "output")

    def texts(self, values: Mapping[str, Any], path: str) -> Texts:
        captions = (as_text(values.get(name)) for name in ("output", "input"))
        return Texts(
            source_id=first_text(values, "image_id") or "",
            source_type=first_text(values, "edit_type") or "",
            instruction=first_text(values, "edit_instruction"),
            caption=next((caption for caption in captions if caption and caption.strip() != "None"), None),
        )
