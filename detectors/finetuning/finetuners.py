"""What the entry points name: how each borrowed network is fine-tuned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from detectors.finetuning import methods, recipes
from detectors.finetuning.methods import Method
from detectors.finetuning.task import SquareTask
from imlbench.training.finetuners import PUBLIC, SCRATCH, Begun, Finetuner
from imlbench.weights.checking import digest

if TYPE_CHECKING:
    from torch import nn

    from detectors.finetuning.task import BorrowedTask
    from detectors.network_detector import NetworkDetector
    from imlbench.training.single_recipe import ImageRecipe


def begin(
    recipe: ImageRecipe,
    init: str,
    tables: Mapping[str, Mapping[str, Any]],
    *,
    method: Method,
    task: Callable[[nn.Module, ImageRecipe, Method], BorrowedTask] = SquareTask,
) -> Begun:
    """The network with the weights to start from.

    Raises:
        UserError: its package or its weights are missing, damaged or another network's.
    """
    if init == SCRATCH:
        torch.manual_seed(recipe.seed)
        network, started = method.build(), None
    else:
        paths = method.public(method.name) if init == PUBLIC else (Path(init),)
        network, started = method.detector().loaded(paths), " ".join(map(digest, paths))
    return Begun(task(network.requires_grad_(True), recipe, method), {"started_from": started})


def open_with(path: Path, device: str, *, method: Method) -> NetworkDetector:
    """The detector with the weights of a run."""
    return method.detector()(device, weights=path)


def finetuner(method: Method, presets: Mapping[str, ImageRecipe]) -> Finetuner:
    """A method's entry."""
    return Finetuner(
        name=method.name, recipes=presets, begin=partial(begin, method=method), open=partial(open_with, method=method)
    )


def sparse_vit() -> type[NetworkDetector]:
    """SparseViT's class."""
    from detectors.sparse_vit.detector import SparseVit

    return SparseVit


def mesorch() -> type[NetworkDetector]:
    """Mesorch's class."""
    from detectors.mesorch.detector import Mesorch

    return Mesorch


def iml_vit() -> type[NetworkDetector]:
    """IML-ViT's class."""
    from detectors.iml_vit.detector import ImlVit

    return ImlVit


def mvss_net() -> type[NetworkDetector]:
    """MVSS-Net's class."""
    from detectors.mvss_net.detector import MvssNet

    return MvssNet


SPARSE_VIT = finetuner(
    Method(
        "sparse-vit",
        sparse_vit,
        "sparse_vit",
        methods.sparse_vit_logits,
        methods.cross_entropy_alone,
    ),
    recipes.SPARSE_VIT,
)
MESORCH = finetuner(
    Method("mesorch", mesorch, "mesorch", methods.mesorch_logits, methods.cross_entropy_alone),
    recipes.MESORCH,
)
IML_VIT = finetuner(
    Method(
        "iml-vit",
        iml_vit,
        "iml_vit",
        methods.iml_vit_logits,
        methods.with_edges,
        ("loss", "bce", "edge"),
    ),
    recipes.IML_VIT,
)
MVSS_NET = finetuner(
    Method(
        "mvss-net",
        mvss_net,
        "mvss_net",
        methods.mvss_net_logits,
        methods.three_terms,
        ("loss", "mask", "image", "edge"),
        bgr=True,
    ),
    recipes.MVSS_NET,
)
