"""Where the weights of `dass` lie on this machine, and how the environment wants pairs to be seen."""

from __future__ import annotations

import os
from dataclasses import replace

from annotators.dass.config import InputPolicy
from annotators.dass.header import describe
from imlbench.errors import UserError, one_line
from imlbench.weights.using import file_here, lacking_files

NAME = "dass"
"""Of the weights; IMLBENCH_DASS names another place."""
FLIPS_VARIABLE = "IMLBENCH_DASS_FLIPS"
"""Names "yes" or "no", in place of what the weights say."""
WORDS = {"yes": True, "no": False}


def policy_wanted(policy: InputPolicy) -> InputPolicy:
    """The weights' own policy, with flips or without where the environment says so.

    Raises:
        UserError: it says neither yes nor no.
    """
    word = os.environ.get(FLIPS_VARIABLE, "")
    if not word:
        return policy
    if word not in WORDS:
        raise UserError(f"{FLIPS_VARIABLE}: expected yes or no, found {one_line(repr(word), 60)}")
    return replace(policy, flips=WORDS[word])


def lacking_anything() -> str:
    """What keeps the weights from being used here, on one line; empty = nothing is seen."""
    if lacks := lacking_files(NAME):
        return lacks
    path = file_here(NAME)
    try:
        if path is not None:
            policy_wanted(describe(path).policy)
    except UserError as error:
        return str(error)
    return ""
