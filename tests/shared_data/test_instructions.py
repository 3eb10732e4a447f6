"""The rule parser on the 10,000 published dev instructions of DEAL-300K."""

import json
from collections import Counter
from pathlib import Path

import pytest

from annotators.sigma.parse import Action
from annotators.sigma.rules import parse_instruction

INSTRUCTIONS = Path(__file__).parents[2].parent / "shared" / "data" / "DEAL-300K" / "instructions"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not INSTRUCTIONS.is_dir(), reason="the private data folder shared/data is not beside the project"
    ),
]


def test_nearly_every_real_instruction_is_understood():
    texts = [
        entry["generated_text"]
        for name in ("checkpoint-120_dev_results.json", "checkpoint-180_dev_results.json")
        for entry in json.loads((INSTRUCTIONS / name).read_text())
    ]
    assert len(texts) == 10_000
    parses = [parse_instruction(text) for text in texts]
    understood = sum(bool(parse.concepts) and parse.action is not Action.GLOBAL for parse in parses) / len(parses)
    actions = Counter(parse.action.value for parse in parses)
    print(f"\nparse rate {understood:.2%} of {len(texts)}: {dict(actions)}")
    assert understood >= 0.995
    # The set asks for things far more often than it takes them away; every action occurs.
    assert actions["add"] > actions["attribute change"] > actions["replace"] > actions["remove"] > 100
    longest = max(len(concept.split()) for parse in parses for concept in parse.concepts)
    assert longest <= 7
