"""`imlbench annotate-corpus`: masks for a whole corpus of pairs, shard by shard; run again to go on."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlbench.cli.options import config_option, failure_limit
from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from imlbench.annotating.driver import Account
    from imlbench.annotating.plan import Plan

NAMED = 5
"""Lost shards that are named; the rest is counted."""


class PairKindOption(StrEnum):
    """The words of `imlbench.annotating.gate.KindAsked`."""

    ANY = "any"
    SPG = "spg"


class EngineOption(StrEnum):
    """The words of `imlbench.annotating.engine.EngineName`."""

    LOCAL = "local"
    RAY = "ray"


def annotate_corpus(
    name: Annotated[str, typer.Argument(help="Corpus, or name:variant; `imlbench list corpora` shows them.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the annotation; run again to go on with it.")],
    root: Annotated[
        Path | None, typer.Option(help="Folder of the corpus; else from the environment or the config file.")
    ] = None,
    annotator: Annotated[str, typer.Option(help="Annotator; `imlbench list annotators` shows them.")] = "sigma-lite",
    second: Annotated[str | None, typer.Option(help="Another annotator that has to agree.")] = None,
    engine: Annotated[EngineOption, typer.Option(help="What spreads the shards over processes.")] = EngineOption.LOCAL,
    workers: Annotated[int | None, typer.Option(help="Processes; default: one a GPU, or one a processor.")] = None,
    gpus: Annotated[int, typer.Option(help="GPUs that the processes share; 0 = none.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Pairs per call of an annotator that works in batches.")] = 8,
    shard_size: Annotated[int, typer.Option(help="Pairs of a shard at most.")] = 500,
    types: Annotated[
        str, typer.Option(metavar="NAME,...", help="Only these edit types, or all; default: those that keep the frame.")
    ] = "",
    limit: Annotated[int | None, typer.Option(help="So many pairs, from all over the corpus.")] = None,
    seed: Annotated[int, typer.Option(help="Of --limit, and of annotators that draw random numbers.")] = 0,
    min_qes: Annotated[float, typer.Option(help="Keep masks that are more decided than this; 0 = any.")] = 0.5,
    area: Annotated[str, typer.Option(metavar="LO,HI", help="Keep masks of this share of the frame.")] = "0.002,0.9",
    min_alignment: Annotated[float, typer.Option(help="Keep pairs aligned at least so well; 0 = any.")] = 0.5,
    min_agreement: Annotated[float, typer.Option(help="With --second: keep masks with at least this IoU.")] = 0.5,
    pair_kind: Annotated[
        PairKindOption, typer.Option(help="spg: leave out pairs that do not show the same content, aligned.")
    ] = PairKindOption.ANY,
    keep_soft: Annotated[bool, typer.Option("--keep-soft", help="Store the scores beside the masks.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Do failed pairs again.")] = False,
    timeout: Annotated[
        float, typer.Option(help="Seconds that a batch may take; what hangs longer is a failed pair. 0 = for ever.")
    ] = 600.0,
    fail_on_error: Annotated[
        str, typer.Option(metavar="N|FRACTION", help="Exit with 1 above so many failed pairs.")
    ] = "0",
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
    config: Annotated[Path | None, config_option("annotate-corpus")] = None,
) -> None:
    """Annotate a corpus of pairs that has no masks; what is done already is not done again."""
    from imlbench.annotating.engine import Crew, open_engine
    from imlbench.annotating.gate import Gates
    from imlbench.annotating.plan import Options, make_plan
    from imlbench.corpora.opening import open_corpus

    bound = failure_limit(fail_on_error)
    gates = Gates(min_qes, read_area(area), min_alignment, min_agreement, pair_kind.value)
    options = Options(
        limit=limit, shard_size=shard_size, gates=gates, keep_soft=keep_soft, seed=seed, **chosen_types(types)
    )
    opened = open_engine(engine.value, Crew.usual(workers, gpus))
    # What a third party's code prints must not end up in the JSON.
    with redirect_stdout(sys.stderr):
        plan = make_plan(open_corpus(name, root), annotator, options, second, batch_size, timeout)
        account = run(plan, out, opened, retry_failed)
    tell(account, out, as_json)
    complain(account, bound, out)


def run(plan: Plan, out: Path, engine: Any, retry_failed: bool) -> Account:
    """Annotate under a bar or lines."""
    from imlbench.annotating.driver import annotate_corpus as annotate
    from imlbench.cli.progress import progress

    with progress(plan.corpus.label, "shards" if plan.by_shard else "pairs") as bar:
        return annotate(plan, out, engine, retry_failed, bar)


def read_area(text: str) -> tuple[float, float]:
    """Two numbers from "0.002,0.9".

    Raises:
        UserError: they are none.
    """
    try:
        low, high = (float(value) for value in text.split(","))
    except ValueError:
        raise UserError(f"--area: expected LO,HI such as 0.002,0.9, found {one_line(text, 40)!r}") from None
    return low, high


def chosen_types(text: str) -> dict[str, Any]:
    """The argument `types` of `Options`, none where the text is empty.

    Raises:
        UserError: a name is no edit type.
    """
    from imlbench.corpora.vocabulary import EDIT_TYPES, OTHER, chosen_types

    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        return {}
    return {"types": (*EDIT_TYPES, OTHER) if names == ["all"] else chosen_types(names)}


def tell(account: Account, out: Path, as_json: bool) -> None:
    """Print what was done."""
    facts = {
        # First, since its "shards" are ranges of finished ones.
        **account.totals.as_json(),
        "out": str(out),
        "shards": account.shards,
        "done": account.done,
        "computed": account.computed,
        "lost": {str(number): message for number, message in sorted(account.lost.items())},
        "broken": account.broken,
        "interrupted": account.interrupted,
    }
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    found = ", ".join(f"{count} {status}" for status, count in facts["status"].items()) or "no pairs"
    typer.echo(f"{account.done} of {account.shards} shards done, {account.computed} of them now: {found}")
    for status, reasons in facts["reasons"].items():
        if reasons:
            typer.echo(f"{status}: " + ", ".join(f"{reason} {count}" for reason, count in reasons.items()))
    typer.echo(f"annotation: {out}; imlbench corpus status {out} tells more")


def complain(account: Account, bound: tuple[float, bool], out: Path) -> None:
    """Say what is missing, and leave with 1 where too much failed.

    Raises:
        typer.Exit: with code 1.
    """
    if account.interrupted:
        typer.echo(f"imlbench: interrupted; what is done is in {out}; run the same command again to go on", err=True)
        # Not typer.Exit, which would look like an interruption that nobody has told of.
        sys.exit(130)
    for number, message in sorted(account.lost.items())[:NAMED]:
        typer.echo(f"imlbench: shard {number} is missing: {one_line(message, 400)}", err=True)
    if len(account.lost) > NAMED:
        typer.echo(f"imlbench: {len(account.lost) - NAMED} more shards are missing", err=True)
    if account.broken:
        typer.echo(f"imlbench: {unread(list(account.broken.values()))}", err=True)
    failed, (most, is_fraction) = account.totals.status["failed"], bound
    if failed > (most * account.totals.rows if is_fraction else most):
        typer.echo(f"imlbench: {failed} pairs failed; the same command with --retry-failed does them again", err=True)
        raise typer.Exit(1)
    if account.lost or account.broken:
        raise typer.Exit(1)


def unread(reasons: list[str]) -> str:
    """What is said of files that could not be read as a whole."""
    several = len(reasons) > 1
    many, them = (f"{len(reasons)} files of the corpus are", "them") if several else ("a file of the corpus is", "it")
    first = f"{one_line(reasons[0], 400)}{', and others' if several else ''}"
    return f"{many} not annotated: {first}; once mended, the same command with --retry-failed takes {them} up"
