"""The numbers of an annotated corpus as tables: a row per corpus and edit type, and one per reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imlbench.corpora.vocabulary import facts
from reports import markup
from reports.corpus_counting import STATUSES, Counts

HEADER = (
    *("corpus", "edit_type", "pairs", *STATUSES, "kept_share"),
    *("area_median", "qes_median_kept", "qes_median_rejected", "components_mean"),
)
TITLES = (
    *("Corpus", "Edit type", "Pairs", "Kept", "Rejected", "Failed", "Excluded", "Kept %"),
    *("Area %", "QES kept", "QES rejected", "Regions"),
)
ALL = "all"

Value = str | int | float | None


def numbers(counts: Sequence[Counts]) -> Iterator[list[Value]]:
    """A row of `HEADER` per corpus and edit type, and one of all its types; shares in [0, 1].

    Medians are the middles of bins: sixty a decade of area, 200 of QES.
    """
    for one in counts:
        for word in (*one.words(), None):
            by_status = [one.of(status, word) for status in STATUSES]
            total = sum(by_status)
            tried = sum(by_status[:3])
            medians = [
                one.histogram(name, status, word).median()
                for name, status in (("area", "kept"), ("qes", "kept"), ("qes", "rejected"))
            ]
            share = by_status[0] / tried if tried else None
            yield [one.corpus, word or ALL, total, *by_status, share, *medians, components(one, word)]


def components(counts: Counts, word: str | None) -> float | None:
    """Mean number of regions of the kept masks."""
    found = [one for (kind, ended), one in counts.measured.items() if ended == "kept" and word in (None, kind)]
    masks = sum(one.masks for one in found)
    return sum(one.components for one in found) / masks if masks else None


def csv(counts: Sequence[Counts]) -> str:
    """The table for programs."""
    return markup.csv_text(HEADER, ([rounded(value) for value in row] for row in numbers(counts)))


def rounded(value: Value) -> Value:
    """Six significant digits: a median is no better than its bin."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def sheets(counts: Sequence[Counts]) -> list[markup.Sheet]:
    """The tables for the eye."""
    rows = tuple(tuple((text,) for text in told(row)) for row in numbers(counts))
    reasons = tuple(
        ((one.corpus,), (status,), (reason,), (f"{count:,}",), (percent(count / one.total),))
        for one in counts
        for (status, reason), count in sorted(
            one.reasons.items(), key=lambda item: (STATUSES.index(item[0][0]), -item[1], item[0][1])
        )
    )
    found = [markup.Sheet("Pairs by corpus and edit type", TITLES, rows, words=2)]
    if reasons:
        header = ("Corpus", "Status", "Reason", "Pairs", "% of all")
        found.append(markup.Sheet("Pairs that were not kept", header, reasons, words=3))
    return found


def told(row: Sequence[Value]) -> Iterator[str]:
    """A row of `numbers` in words."""
    corpus, word, *tallies = row[:7]
    share, area, *rest = row[7:]
    yield str(corpus)
    yield "All" if word == ALL else facts(str(word)).title
    yield from (f"{count:,}" for count in tallies)
    yield percent(share)
    yield percent(area)
    yield from (markup.NOTHING if value is None else f"{value:.2f}" for value in rest)


def percent(share: Value) -> str:
    """A share in per cent, three digits."""
    return markup.NOTHING if share is None else f"{100 * float(share):.3g}"
