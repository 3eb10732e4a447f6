"""PromptFix: a million pairs of seven tasks of restoration; two of them are local edits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from imlbench.corpora.base import CorpusCard
from imlbench.corpora.cells import first_text
from imlbench.corpora.tables import TableCorpus, Texts


class PromptFix(TableCorpus):
    """`input_img` shows the object or the degradation: it is the original, and what was taken out is the edit.

    `auxiliary_prompt` describes and does not command: it is the caption.
    """

    card: ClassVar[CorpusCard] = CorpusCard(
        name="promptfix",
        title="PromptFix",
        version="1",
        summary="a million pairs of restoration; only watermark and object removal are local edits",
        licence="research only",
        citation="Yu et al., PromptFix, NeurIPS 2024",
        url="https://huggingface.co/datasets/yeates/PromptfixData",
        published={"": 1013320},
        layout="the hub's shards (data/train-*.parquet)",
    )
    original = "input_img"
    edited = "processed_img"
    needed = ("instruction", "task_id")
    optional = ("auxiliary_prompt",)

    def texts(self, values: Mapping[str, Any], path: str) -> Texts:
        return Texts(
            source_type=first_text(values, "task_id") or "",
            instruction=first_text(values, "instruction"),
            caption=first_text(values, "auxiliary_prompt"),
        )
