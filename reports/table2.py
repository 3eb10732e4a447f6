"""The table of detectors before and after training on annotated pairs, beside the published numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imlbench.cards import Card
from imlbench.report import Report
from reports.options import TableFormat, TableOutput, TextFormat, deliver, text_format

if TYPE_CHECKING:
    from reports.study_data import Study

SOURCE = "arXiv 2605.27924, Table 2"


def table2(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of `imlbench study`.")],
    output: TableOutput = None,
    form: TableFormat = None,
) -> None:
    """Detectors before and after training on each annotator's masks: F1, IoU, gains, annotators against each other."""
    from reports.study_data import read_study
    from reports.table2_sheets import METRICS, notes, sheets

    chosen = text_format(output, form)
    found = read_study(study, METRICS)
    if not deliver(output, chosen, lambda chosen: render(found, chosen)):
        from reports.terminal import print_sheets

        print_sheets(sheets(found), notes(found))


def render(study: Study, form: TextFormat) -> str:
    """The table as text in one of the formats."""
    from reports import markup
    from reports.table2_rows import CSV_HEADER, long_rows
    from reports.table2_sheets import notes, sheets

    if form == TextFormat.CSV:
        return markup.csv_text(CSV_HEADER, long_rows(study))
    write = markup.latex if form == TextFormat.LATEX else markup.markdown
    return write(sheets(study), notes(study))


TABLE2 = Report(
    Card(
        name="table2",
        title="Table 2",
        version="1",
        summary="detectors before and after training on annotators' masks, beside the published numbers",
        licence="Apache-2.0",
        citation=f"SIGMA, {SOURCE}",
        url="https://arxiv.org/abs/2605.27924",
    ),
    table2,
)
