"""DASS's part of the catalogue: weights of the user's own training, and the encoder's to start from.

Size and hash of ConvNeXt-Small are not stated by its authors: they are recorded at the first get.
"""

from __future__ import annotations

from imlbench.weights.entries import KnownFile, Source, WeightFile

OWN = WeightFile(
    name="dass",
    title="DASS, trained on edits",
    licence="own",
    licence_url="",
    source=Source.OWN,
    origin="nobody has published them",
    files=(KnownFile("dass.safetensors"),),
    needed_by=("dass",),
    how="nobody has published them: train them (imlbench train dass --help), then "
    "imlbench weights get dass --from FILE",
)
CONVNEXT_SMALL = WeightFile(
    name="convnext-small",
    title="ConvNeXt-Small, ImageNet",
    licence="BSD-3-Clause",
    licence_url="https://github.com/pytorch/vision/blob/main/LICENSE",
    source=Source.URL,
    origin="https://pytorch.org/vision/stable/models/convnext.html",
    files=(
        KnownFile("convnext_small-0c510722.pth", url="https://download.pytorch.org/models/convnext_small-0c510722.pth"),
    ),
    needed_by=("train dass",),
)
DASS = (OWN, CONVNEXT_SMALL)
