"""Provenance of a run in lines: what was run, under which licence, on what, with what, and by which commands."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from imlbench import registry
from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from imlbench.results.reading import ResultReader, StoredRun

COMMANDS = 5
"""Commands told per run, the newest; a run may have been resumed any number of times."""
LONGEST = 1000


def provenance_lines(reader: ResultReader, stored: StoredRun) -> list[str]:
    """Everything that a run's numbers depend on, as plain text."""
    found = [*run_lines(stored), f"scored samples and their contents: SHA-256 {reader.fingerprint(stored.run_id)}"]
    commands = reader.provenance(stored.run_id)
    if len(commands) > COMMANDS:
        found.append(f"computed by {len(commands)} commands, of which the newest {COMMANDS} follow")
    for entry in commands[-COMMANDS:]:
        found += command_lines(entry, stored.run.adapter)
    return [one_line(line, LONGEST) for line in found]


def run_lines(stored: StoredRun) -> Iterator[str]:
    """What was run and on what, from the run itself."""
    run = stored.run
    card, identity = json.loads(run.card), json.loads(run.identity)
    yield f"run {stored.run_id}: {run.kind} {run.adapter}, version {card.get('version', '?')}"
    yield from licence_lines(run.kind, card)
    yield f"threshold: edited where score >= {run.threshold:.6g}"
    for weight in card.get("weights") or ():
        yield f"weights: {weight.get('name')}, SHA-256 {weight.get('sha256')}, licence {weight.get('licence')}"
    yield f"dataset: {run.dataset}, version {identity.get('dataset_version', '?')}"
    yield from dataset_licence(run.dataset)
    if run.perturbation:
        severity = "" if run.severity is None else f", severity {run.severity:g}"
        yield f"perturbation: {run.perturbation}{severity}, of the {run.target} image"
    versions = (identity.get("metric_version", "?"), identity.get("protocol_version", "?"))
    yield "metric version {}, protocol version {}".format(*versions)
    if identity.get("seed") is not None:
        yield f"seed, on which the numbers depend: {identity['seed']}"


def licence_lines(what: str, card: Mapping[str, Any]) -> Iterator[str]:
    """Licence and citation on a card, where it states them."""
    for fact in ("licence", "citation"):
        if card.get(fact):
            yield f"{what}'s {fact}: {card[fact]}"


def dataset_licence(label: str) -> Iterator[str]:
    """Licence and citation of a dataset that is installed here; results may come from elsewhere."""
    name = label.partition(":")[0]
    if name not in registry.names("datasets"):
        return
    try:
        card = registry.resolve("datasets", name).load().card
    except UserError as error:
        yield f"dataset's licence: unknown, {error}"
        return
    yield from licence_lines("dataset", {"licence": card.licence, "citation": card.citation})


def command_lines(entry: Mapping[str, Any], adapter: str) -> Iterator[str]:
    """One execution of a command."""
    command = entry.get("command")
    if isinstance(command, list):
        yield f"command: {shlex.join(map(str, command))}"
    started, version, python = (entry.get(name, "?") for name in ("started", "imlbench", "python"))
    yield f"started: {started}; imlbench {version}, Python {python}"
    for name in ("packages", "decoders"):
        versions = entry.get(name)
        if isinstance(versions, dict):
            yield f"{name}: " + ", ".join(f"{package} {version}" for package, version in versions.items())
    devices = entry.get("devices")
    if isinstance(devices, dict) and adapter in devices:
        yield f"device: {devices[adapter]}; machine: {entry.get('platform', '?')}"
    for name in ("root", "seed", "boundary", "limit"):
        if entry.get(name) not in (None, "None"):
            yield f"{name}: {entry[name]}"
