"""Bringing one file from where it is published: the hub, an https address, a local file."""

from __future__ import annotations

import http.client
import logging
import os
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from imlbench.errors import UserError, one_line
from imlbench.weights.incoming import Incoming, Progress, no_progress

CHUNK = 1 << 18
TIMEOUT_SECONDS = 30.0
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
LOCAL = ("localhost", "127.0.0.1", "::1")


REASONS = {
    "LocalEntryNotFoundError": "the hub cannot be reached",
    "GatedRepoError": "the hub wants its terms accepted on the repository's page, and then a login: hf auth login",
    "RepositoryNotFoundError": "the hub knows no such repository, or wants a login: hf auth login",
    "RevisionNotFoundError": "the hub knows no such revision",
    "RemoteEntryNotFoundError": "the hub's repository has no such file",
}
"""What the hub's client means, by its errors' names."""


def refuse_offline(label: str) -> None:
    """Stop where the user has forbidden the network.

    Raises:
        UserError: HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set.
    """
    for name in OFFLINE:
        if os.environ.get(name, "").strip().lower() in ("1", "true", "yes", "on"):
            raise UserError(f"{label}: {name} is set, nothing is downloaded; unset it, or use --from FOLDER")


def from_file(source: Path, target: Incoming, progress: Progress) -> None:
    """Copy a local file.

    Raises:
        UserError: it is missing, no regular file, cannot be read, or has another size.
    """
    if os.path.isdir(source):
        raise UserError(f"{target.label}: {source}: expected a file, found a folder")
    if not os.path.isfile(source):
        raise UserError(f"{target.label}: no file {source}")
    try:
        with source.open("rb") as file:
            total = os.fstat(file.fileno()).st_size
            target.expect(total)
            copy(file, target, total, progress)
    except OSError as error:
        raise UserError(f"{target.label}: {source}: cannot be read ({error.strerror})") from error


def from_url(url: str, target: Incoming, progress: Progress) -> None:
    """Download a file over https.

    Raises:
        UserError: offline, no https, no answer, an error, a wrong size, or the connection breaks off.
    """
    refuse_offline(target.label)
    allowed(url, target.label)
    opener = urllib.request.build_opener(Redirects(target.label))
    request = urllib.request.Request(url, headers={"User-Agent": "imlbench", "Accept-Encoding": "identity"})  # noqa: S310
    with explained(url, target.label), opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
        announced = answer.headers.get("Content-Length", "")
        total = int(announced) if announced.isdecimal() else None
        if total is not None:
            target.expect(total)
        copy(answer, target, total if total is not None else target.known.size, progress)
        # A connection that ends early raises nothing here.
        if total is not None and target.size != total:
            told = f"the connection ended after {target.size:,} of {total:,} bytes; nothing was kept, try again"
            raise UserError(f"{target.label}: {told}")


def copy(source: IO[bytes], target: Incoming, total: int | None, progress: Progress) -> None:
    """Copy to the end of `source`."""
    progress(target.known.name, 0, total)
    while chunk := source.read(CHUNK):
        target.write(chunk)
        progress(target.known.name, target.size, total)


def allowed(url: str, label: str) -> None:
    """Only https, since what an insecure connection brings could be recorded as right; this machine is exempt.

    Raises:
        UserError: another scheme.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOCAL):
        raise UserError(f"{label}: expected an https address, found {one_line(url, 200)}")


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections, but never away from https."""

    def __init__(self, label: str) -> None:
        self.label = label

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        try:
            allowed(newurl, self.label)
        except UserError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def explained(url: str, label: str) -> Iterator[None]:
    """Failures of a connection as one line."""
    where = f"{label}: {one_line(url, 200)}"
    try:
        yield
    except HTTPError as error:
        error.close()
        raise UserError(f"{where}: the server answers {error.code} {one_line(error.reason, 80)}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = one_line(getattr(error, "reason", error), 160)
        raise UserError(f"{where}: the download failed ({reason}); nothing was kept, try again") from error


def from_hub(repository: str, revision: str, target: Incoming, progress: Progress) -> None:
    """Download a file from the hub, or take it from the hub's own cache on this machine.

    Its environment variables (HF_TOKEN, HF_ENDPOINT, ...) count.

    Raises:
        UserError: offline, no connection, no such repository or file, no access, a wrong size.
    """
    refuse_offline(target.label)
    # In the weights' folder, so that the disk which has to hold the file is the one that is filled.
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=target.temporary.parent) as staging:
        from_file(Path(download(repository, revision, target, staging, progress)), target, no_progress)


def download(repository: str, revision: str, target: Incoming, staging: str, progress: Progress) -> str:
    """Path of the downloaded file.

    Raises:
        UserError: the hub refuses or cannot be reached.
    """
    try:
        import huggingface_hub
    except ImportError as error:
        raise UserError(f"{target.label}: needs huggingface_hub: pip install huggingface_hub") from error
    # Its retries speak up on their own; what is left to say is in the error.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        return huggingface_hub.hf_hub_download(
            repository,
            target.known.name,
            revision=revision,
            local_dir=staging,
            library_name="imlbench",
            endpoint=os.environ.get("HF_ENDPOINT") or None,
            tqdm_class=reporting(target.known.name, progress),
        )
    except Exception as error:
        # The client raises its own errors, those of its transport and those of the system.
        name = type(error).__name__
        reason = REASONS.get(name) or one_line(f"{name}: {error}", 200)
        told = f"{repository} at {revision[:12]} cannot be downloaded ({reason})"
        raise UserError(f"{target.label}: {told}; nothing was kept, try again or use --from FOLDER") from error


def reporting(name: str, progress: Progress) -> Any:
    """A progress bar for the hub's client that draws nothing and tells `progress` instead."""
    # By name, since the client's types leave its progress bar out.
    base: Any = import_module("huggingface_hub.utils").tqdm

    class Reporting(base):  # type: ignore[misc]
        """Counts, although it is switched off."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> None:
            self.n += n or 0
            progress(name, int(self.n), int(self.total) if self.total else None)

    return Reporting
