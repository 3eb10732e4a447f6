"""The Ray cluster that works: the one that is there, or one of this machine for as long as it is needed."""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import ray

from imlbench.errors import UserError, one_line
from imlbench.jobs import describe
from imlbench.settings import available_cpus

if TYPE_CHECKING:
    from imlbench.annotating.engine import Crew

ADDRESS = "RAY_ADDRESS"
"""Name of the environment variable in which Ray's own tools say where the cluster is."""
PLACE = re.compile(r"(?:ray://)?(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[^/:\[\]]+)):(?P<port>[0-9]{1,5})/?")
"""An address with a host and a port, the head node's own or that of Ray's client; others Ray has to understand."""
ANSWER_SECONDS = 10.0
"""So long a head node may take to answer. Ray itself would go on asking for minutes where there is none."""


@contextmanager
def cluster(crew: Crew) -> Iterator[None]:
    """Be connected to a cluster; what was connected or started here is ended.

    A program that is connected already stays so. Else the cluster that the environment names is joined; where it
    names none, one is started on this machine.

    Raises:
        UserError: there is no cluster at that address, none can be started, or this machine has too few GPUs.
    """
    # What Ray Data has to say of its progress and of what it repeats is in Ray's own log files.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    if ray.is_initialized():
        yield
        return
    address = os.environ.get(ADDRESS, "")
    try:
        connect(address, crew)
    except Exception as error:
        # Ray raises whatever its parts raise, from a refused connection to a full disk.
        why = one_line(describe(error), 300)
        mend = f"see that {ADDRESS}={one_line(address, 100)} is right" if address else "use --engine local"
        raise UserError(f"--engine ray: no Ray cluster can be used ({why}); {mend}") from error
    try:
        found = int(ray.cluster_resources().get("GPU", 0))  # type: ignore[no-untyped-call]
        # A cluster may bring more machines when they are asked for; this machine will not.
        if not address and found < crew.gpus:
            raise UserError(f"--gpus {crew.gpus}: Ray finds {found} on this machine")
        yield
    finally:
        ray.shutdown()


def connect(address: str, crew: Crew) -> None:
    """Join the cluster at an address, or start one here where it is empty."""
    # Nobody's standard output is Ray's to write on, and nothing about a run is sent to Ray's makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    said: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address:
        knock(address)
        ray.init(address=address, **said)
        return
    slots = crew.workers + available_cpus() if crew.gpus else crew.workers
    ray.init(address="local", num_cpus=slots, include_dashboard=False, **said)


def knock(address: str) -> None:
    """See that somebody answers at an address; one without host and port, such as "auto", is left to Ray.

    Raises:
        OSError: nobody does.
    """
    place = PLACE.fullmatch(address)
    if place is not None:
        where = (place["v6"] or place["host"], min(int(place["port"]), 65535))
        socket.create_connection(where, timeout=ANSWER_SECONDS).close()
