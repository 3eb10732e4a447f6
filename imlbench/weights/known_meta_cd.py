"""The part of the catalogue that Meta-CD and SAM-CD need. Nobody has published weights of theirs for edits.

The size and hash of ResNet-18 are what public records agree on; where nothing is stated, they are recorded at the
first get.
"""

from __future__ import annotations

from imlbench.weights.entries import KnownFile, Source, WeightFile

TORCHVISION = "https://github.com/pytorch/vision/blob/main/LICENSE"
FASTSAM_RELEASE = "https://github.com/ultralytics/assets/releases/download/v8.4.0"


def own(name: str, title: str) -> WeightFile:
    """What the user trains.

    Args:
        name: as typed, of the annotator.
        title: for people.
    """
    how = f"nobody has published them: train them (imlbench train {name} --help), then imlbench weights get {name} "
    return WeightFile(
        name=name,
        title=title,
        licence="own",
        licence_url="",
        source=Source.OWN,
        origin="nobody has published them",
        files=(KnownFile(f"{name}.safetensors"),),
        needed_by=(name,),
        how=f"{how}--from FILE",
    )


def resnet(layers: int, file: KnownFile) -> WeightFile:
    """torchvision's weights of ImageNet, from which a training may start."""
    return WeightFile(
        name=f"resnet-{layers}",
        title=f"ResNet-{layers}, ImageNet",
        licence="BSD-3-Clause",
        licence_url=TORCHVISION,
        source=Source.URL,
        origin="https://pytorch.org/vision/stable/models/resnet.html",
        files=(file,),
        needed_by=("train meta-cd",),
    )


RESNET_18 = resnet(
    18,
    KnownFile(
        "resnet18-f37072fd.pth",
        46830571,
        "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
        "https://download.pytorch.org/models/resnet18-f37072fd.pth",
    ),
)
RESNET_34 = resnet(
    34, KnownFile("resnet34-b627a593.pth", url="https://download.pytorch.org/models/resnet34-b627a593.pth")
)
FASTSAM_X = WeightFile(
    name="fastsam-x",
    title="FastSAM-x",
    licence="AGPL-3.0",
    licence_url="https://github.com/ultralytics/ultralytics/blob/main/LICENSE",
    source=Source.URL,
    origin="https://github.com/ultralytics/assets",
    files=(KnownFile("FastSAM-x.pt", url=f"{FASTSAM_RELEASE}/FastSAM-x.pt"),),
    needed_by=("meta-cd", "sam-cd", "train meta-cd", "train sam-cd"),
)
META_CD = (
    own("meta-cd", "Meta-CD, trained on edits"),
    own("sam-cd", "SAM-CD, trained on edits"),
    FASTSAM_X,
    RESNET_18,
    RESNET_34,
)
