"""CrispEdit-2M: 2.3 million pairs of seven types of edit; half of them differ in size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from imlbench.corpora.base import CorpusCard
from imlbench.corpora.cells import first_text
from imlbench.corpora.tables import TableCorpus, Texts
from imlbench.datasets.files import stem


class CrispEdit(TableCorpus):
    """Shards are called "<type>_<number>.parquet"; a row without a type has that of its shard's name."""

    card: ClassVar[CorpusCard] = CorpusCard(
        name="crispedit",
        title="CrispEdit-2M",
        version="1",
        summary="2.3 million pairs of seven types of edit; many pairs differ in size",
        licence="CC-BY-4.0",
        citation="CrispEdit-2M, data set on the Hugging Face hub",
        url="https://huggingface.co/datasets/WeiChow/CrispEdit-2M",
        published={"": 2286540},
        layout="the hub's shards (data/<type>_<number>.parquet)",
    )
    original = "input_img"
    edited = "output_img"
    needed = ("instruction",)
    optional = ("type",)

    def texts(self, values: Mapping[str, Any], path: str) -> Texts:
        prefix = stem(path).rpartition("_")[0]
        return Texts(
            source_type=first_text(values, "type") or prefix,
            instruction=first_text(values, "instruction"),
        )
