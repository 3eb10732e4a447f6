"""The trained baselines side by side, without private weights: same pairs, same number of samples, same seed.

    python -m benchmarks.baselines_comparison PAIRS --out DIR --dataset cocoglide=FOLDER

PAIRS is a folder of `imlbench synth`. ddpm-cd's head (small, over a random diffusion model unless --unet names one),
meta-cd (ResNet-18, no FastSAM), dass (small) and sigma-lite from scratch are trained, each by its own recipe; they and
efficientnet-cosine are measured on the datasets, clean and perturbed, and on the demo set. DIR/comparison.md is the
outcome. Every step leaves its marker: the same command goes on where it was killed, and does nothing twice.

A quick look: --samples 640 --limit 40. Another size or batch: --changes FILE, a TOML file with a table for each
annotator, such as [meta-cd] sizes = [256] and [meta-cd.network] image_size = 256.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.comparison.contestants import NAMES
from benchmarks.comparison.costs import costs
from benchmarks.comparison.measuring import RESULTS, Measured, folders_of_images, measure, opened
from benchmarks.comparison.order import SAMPLES, Order, read_changes
from benchmarks.comparison.training import Finished, Say, train, weights_of
from benchmarks.comparison.writing import Found, page
from benchmarks.machine import machine
from imlbench.errors import UserError
from imlbench.files import write_atomically
from imlbench.results.reading import ResultReader
from imlbench.training.pairs import parse_place, read_training_set
from imlbench.training.recipe import Recipe

PAGE = "comparison.md"


def compare(order: Order, say: Say = lambda line: print(line, file=sys.stderr)) -> Measured:
    """Train, measure, write the page; only what is missing.

    Args:
        order: what to compare.
        say: gets lines of progress.

    Returns:
        What was measured, with the number of outcomes that were computed now.

    Raises:
        UserError: anything that the user can mend; what was done stays.
        KeyboardInterrupt: it was interrupted; likewise.
    """
    data = read_training_set([parse_place(order.pairs)], Recipe().validation_share)
    datasets = opened(order)
    keep_out = folders_of_images(datasets)
    runs: dict[str, Finished] = {}
    for one in order.trained:
        runs[one.name] = train(one, order, data, keep_out, say)
    with weights_of(order):
        measured = measure(order, datasets)
        cost = costs(order, say)
    with ResultReader(order.out / RESULTS) as reader:
        text = page(Found(order, data, runs, measured, cost, machine()), reader)
    write_atomically(order.out / PAGE, text)
    return measured


def parsed(arguments: Sequence[str]) -> Order:
    """The order that a command line asks for.

    Raises:
        UserError: it asks for what there is not.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baselines_comparison")
    parser.add_argument("pairs", help="Folder of `imlbench synth`, or DATASET=FOLDER.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=SAMPLES, help="That each network sees.")
    parser.add_argument("--dataset", action="append", default=[], help="DATASET or DATASET=FOLDER; repeatable.")
    parser.add_argument("--no-demo", action="store_true", help="Leave the demo set out.")
    parser.add_argument("--limit", type=int, help="Samples of each dataset.")
    parser.add_argument("--only", action="append", default=[], help=f"Of {', '.join(NAMES)}; repeatable.")
    parser.add_argument("--changes", type=Path, help="TOML file that changes recipes.")
    parser.add_argument("--unet", type=Path, help="A diffusion model for ddpm-cd.")
    parser.add_argument("--seed", type=int, default=0, help="Of the trainings.")
    parser.add_argument("--workers", type=int, default=1, help="Decoding processes of a training.")
    chosen = parser.parse_args(arguments)
    return Order(
        pairs=chosen.pairs,
        out=chosen.out,
        samples=chosen.samples,
        datasets=tuple(chosen.dataset),
        demo=not chosen.no_demo,
        limit=chosen.limit,
        only=tuple(chosen.only),
        changes=read_changes(chosen.changes) if chosen.changes else {},
        unet=chosen.unet,
        seed=chosen.seed,
        workers=chosen.workers,
    )


def main(arguments: Sequence[str]) -> int:
    """Compare and print the page; 2 where the user can mend something, 130 after Ctrl-C."""
    try:
        order = parsed(arguments)
        compare(order)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        return 130
    print((order.out / PAGE).read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
