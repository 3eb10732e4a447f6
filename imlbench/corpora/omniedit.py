"""OmniEdit-Filtered-1.2M: pairs of six tasks, each with several instructions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from imlbench.corpora.base import CorpusCard
from imlbench.corpora.cells import as_text, first_text
from imlbench.corpora.tables import TableCorpus, Texts
from imlbench.corpora.vocabulary import OTHER, edit_type, normalised

MAX_WORDS = 6
"""Words at the beginning of an id among which the subtask is looked for."""


class OmniEdit(TableCorpus):
    """Of a row's instructions the first that is not blank is taken: the same one on every machine and in every run.

    The task "attribute_modification" is told apart by the beginning of the row's id, such as "attr_mod_color".
    """

    card: ClassVar[CorpusCard] = CorpusCard(
        name="omniedit",
        title="OmniEdit-Filtered-1.2M",
        version="1",
        summary="1.2 million pairs of six tasks, scored by a vision-language model",
        licence="MIT",
        citation="Wei et al., OmniEdit, ICLR 2025",
        url="https://huggingface.co/datasets/TIGER-Lab/OmniEdit-Filtered-1.2M",
        published={"train": 1202797, "dev": 700},
        variants=("train", "dev"),
        default_variant="train",
        layout="the hub's shards (data/train-*.parquet)",
    )
    original = "src_img"
    edited = "edited_img"
    needed = ("edited_prompt_list", "task")
    optional = ("omni_edit_id",)

    def texts(self, values: Mapping[str, Any], path: str) -> Texts:
        source_id = first_text(values, "omni_edit_id") or ""
        task = first_text(values, "task") or ""
        return Texts(
            source_id=source_id,
            source_type=task,
            instruction=first_prompt(values.get("edited_prompt_list")),
            edit_type=finer_type(task, source_id),
        )


def first_prompt(value: Any) -> str | None:
    """The first instruction of a list that is not blank; a text is a list of one."""
    prompts = value if isinstance(value, list) else [value]
    return next((text for text in map(as_text, prompts) if text is not None), None)


def finer_type(task: str, source_id: str) -> str:
    """The category of a row: by the beginning of its id where the task leaves it open, else by its task."""
    by_task = edit_type(task)
    if by_task not in ("appearance", OTHER):
        return by_task
    words = normalised(source_id).removeprefix("task_").split("_")[:MAX_WORDS]
    by_id = (edit_type("_".join(words[:count])) for count in range(len(words), 0, -1))
    return next((word for word in by_id if word != OTHER), by_task)
