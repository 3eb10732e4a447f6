"""Weights of the annotators that are not trained on edits. Sizes and hashes are what public records agree on.

The file of `lpips-alex` was measured; the packages torchmetrics and lpips hold the same one.
"""

from __future__ import annotations

from imlbench.weights.entries import KnownFile, Source, WeightFile

ALEXNET = WeightFile(
    name="alexnet",
    title="AlexNet, ImageNet",
    licence="BSD-3-Clause",
    licence_url="https://github.com/pytorch/vision/blob/main/LICENSE",
    source=Source.URL,
    origin="https://pytorch.org/vision/stable/models/alexnet.html",
    files=(
        KnownFile(
            "alexnet-owt-7be5be79.pth",
            244408911,
            "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
            "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        ),
    ),
    needed_by=("lpips-map",),
)

LPIPS_ALEX = WeightFile(
    name="lpips-alex",
    title="LPIPS 0.1, weights of AlexNet's layers",
    licence="BSD-2-Clause",
    licence_url="https://github.com/richzhang/PerceptualSimilarity/blob/master/LICENSE",
    source=Source.PACKAGE,
    origin="torchmetrics",
    package="torchmetrics",
    files=(
        KnownFile(
            "functional/image/lpips_models/alex.pth",
            6009,
            "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
        ),
    ),
    needed_by=("lpips-map",),
    how="pip install 'torchmetrics>=1.6,<2', or take weights/v0.1/alex.pth of the package lpips: "
    "imlbench weights get lpips-alex --from FILE",
)

SAM_VIT_B = WeightFile(
    name="sam-vit-b",
    title="SAM, ViT-B",
    licence="Apache-2.0",
    licence_url="https://github.com/facebookresearch/segment-anything/blob/main/LICENSE",
    source=Source.URL,
    origin="https://github.com/facebookresearch/segment-anything",
    files=(
        KnownFile(
            "sam_vit_b_01ec64.pth",
            375042383,
            "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
            "https://dl.fbaipublicfiles.com/segment_anything/sam_vit_b_01ec64.pth",
        ),
    ),
    needed_by=("anychange",),
)
FLOORS = (ALEXNET, LPIPS_ALEX, SAM_VIT_B)
