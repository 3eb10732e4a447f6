"""Cards: the facts that every adapter and dataset declares about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from imlbench.errors import UserError, one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Facts common to everything in the registry.

    Attributes:
        name: the registered name, as typed at the command line.
        title: the name printed in tables.
        version: changes whenever the numbers that come out may change; part of a run's identity.
        summary: one line.
        licence: SPDX identifier or the terms in a few words.
        citation: the paper or page that defines it.
        url: where to read more, may be empty.
    """

    name: str
    title: str
    version: str
    summary: str
    licence: str
    citation: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """A weight file that an adapter needs.

    Attributes:
        name: file name.
        sha256: hexadecimal digest of the file.
        licence: licence of the weights, which may differ from the code's.
        source: where it can be obtained.
    """

    name: str
    sha256: str
    licence: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterCard(Card):
    """Facts of an annotator or a detector.

    Attributes:
        threshold: a pixel is marked as edited where its score >= threshold, in [0, 1].
        needs_instruction: whether a sample without an instruction cannot be scored.
        uses_instruction: whether the score map may depend on the instruction.
        uses_caption: whether the score map may depend on the caption.
        batched: True for models: `annotate` is called from one thread with whole batches. False for
            cheap, thread-safe adapters: it is called from the decoding threads, one sample at a time.
        accelerated: whether the adapter can use a device other than the CPU.
        seeded: whether the result depends on the seed.
        soft: whether scores between 0 and 1 carry information (a ranking of pixels).
        weights: the weight files it needs.
    """

    threshold: float = 0.5
    needs_instruction: bool = False
    uses_instruction: bool = False
    uses_caption: bool = False
    batched: bool = False
    accelerated: bool = False
    seeded: bool = False
    soft: bool = True
    weights: tuple[Weight, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionCard(Card):
    """Facts of what lies in a folder of the user's: a dataset, a corpus.

    Attributes:
        published: number of samples that the authors publish, by variant.
        variants: names that may follow the registered name after a colon.
        default_variant: the variant taken when none is named.
        layout: what a root folder must hold, in a few words, for error messages.
    """

    published: Mapping[str, int] = field(default_factory=dict)
    variants: tuple[str, ...] = ()
    default_variant: str = ""
    layout: str

    def checked_variant(self, variant: str) -> str:
        """The variant, the default one for "".

        Raises:
            UserError: there is none of this name.
        """
        if not variant:
            return self.default_variant
        if variant not in self.variants:
            known = ", ".join(self.variants) or "none"
            raise UserError(f"{self.name} has no variant {one_line(variant, 80)!r}; variants: {known}")
        return variant

    def label(self, variant: str) -> str:
        """The name under which a collection of this variant is opened again: "name", or "name:variant"."""
        return self.name if variant == self.default_variant else f"{self.name}:{variant}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetCard(CollectionCard):
    """Facts of a dataset.

    Attributes:
        mask_rule: how the ground truth is read from its file, in words.
        paper_title: the dataset's column in the published tables, empty where it has none.
        evaluation_only: True for benchmarks, on which nothing may ever be trained.
    """

    mask_rule: str
    paper_title: str = ""
    evaluation_only: bool = True
