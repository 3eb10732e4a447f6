"""The part of the catalogue that detectors need. Their authors state no SHA-256: hashes are recorded at the first get.

Most lie behind pages of Google Drive or Baidu, on which a person has to choose. Checkpoints that were trained under
IMDL-BenCo want its preprocessing, and have entries of their own: a file says nowhere which one it is.
"""

from __future__ import annotations

from imlbench.weights.entries import KnownFile, Source, WeightFile

BENCO = "https://github.com/scu-zjz/IMDLBenCo"
BENCO_PAGE = f"{BENCO}/issues/96"
PSCC = "https://github.com/proteus1991/PSCC-Net"
PSCC_FILES = f"{PSCC}/raw/f8c12718c3bcd389cd4bbc4102dc07b1b59b2a96/checkpoint"
SEGFORMER = "SegFormer: NVIDIA, research and evaluation only"


def on_page(name: str, title: str, licence: str, licence_url: str, file: str, page: str, told: str) -> WeightFile:
    """An entry that a person has to fetch.

    Args:
        name: as typed, of the detector.
        title: for people.
        licence: of the weights.
        licence_url: of the page that names it.
        file: its name, as published.
        page: that leads to it.
        told: what to look for there.
    """
    return WeightFile(
        name=name,
        title=title,
        licence=licence,
        licence_url=licence_url,
        source=Source.PAGE,
        origin=page,
        files=(KnownFile(file),),
        needed_by=(name,),
        how=f"{told} from {page}, then imlbench weights get {name} --from FILE",
    )


def by_benco(name: str, title: str, licence: str) -> WeightFile:
    """A checkpoint that was trained under IMDL-BenCo, by its makers or by the user."""
    return on_page(
        f"{name}-benco",
        f"{title}, trained under IMDL-BenCo",
        licence,
        BENCO,
        f"{name}-benco.pth",
        BENCO_PAGE,
        "take the checkpoint of the retrained models",
    )


CAT_NET = on_page(
    "cat-net",
    "CAT-Net v2",
    "CC-BY-4.0",
    "https://github.com/mjkwon2021/CAT-Net",
    "CAT_full_v2.pth.tar",
    "https://github.com/mjkwon2021/CAT-Net",
    "follow the link to CAT_full_v2.pth.tar (v1 is for splicing alone)",
)
MVSS_NET = on_page(
    "mvss-net",
    "MVSS-Net, trained on CASIAv2",
    "none stated",
    "https://github.com/dong03/MVSS-Net",
    "mvssnet_casia.pt",
    "https://github.com/dong03/MVSS-Net",
    "follow the link to mvssnet_casia.pt, or to the one trained on DEFACTO,",
)
IML_VIT = on_page(
    "iml-vit",
    "IML-ViT",
    "MIT; MAE's start weights: CC-BY-NC-4.0",
    "https://github.com/SunnyHaze/IML-ViT",
    "iml-vit_checkpoint.pth",
    "https://github.com/SunnyHaze/IML-ViT",
    "follow the link to iml-vit_checkpoint.pth",
)
PSCC_NET = WeightFile(
    name="pscc-net",
    title="PSCC-Net",
    licence="MIT",
    licence_url=f"{PSCC}/blob/main/LICENSE",
    source=Source.URL,
    origin=PSCC,
    files=tuple(
        KnownFile(f"{name}.pth", url=f"{PSCC_FILES}/{name}_checkpoint/{name}.pth")
        for name in ("HRNet", "NLCDetection", "DetectionHead")
    ),
    needed_by=("pscc-net",),
)
TRUFOR = on_page(
    "trufor",
    "TruFor",
    f"GRIP-UNINA: non-profit use only; {SEGFORMER}",
    "https://github.com/grip-unina/TruFor/blob/main/test_docker/LICENSE.txt",
    "trufor.pth.tar",
    "https://github.com/grip-unina/TruFor",
    "follow the link to TruFor_weights.zip (its MD5 begins with 7bee48f3) and unpack trufor.pth.tar",
)
SPARSE_VIT = on_page(
    "sparse-vit",
    "SparseViT",
    "none stated",
    "https://github.com/scu-zjz/SparseViT",
    "checkpoint.pth",
    "https://github.com/scu-zjz/SparseViT",
    "follow the link to checkpoint.pth",
)
MESORCH = on_page(
    "mesorch",
    "Mesorch",
    f"MIT; {SEGFORMER}",
    "https://github.com/scu-zjz/Mesorch",
    "mesorch-98.pth",
    "https://github.com/scu-zjz/Mesorch",
    "follow the link to mesorch-98.pth",
)
DETECTORS = (
    *(CAT_NET, MVSS_NET, IML_VIT, PSCC_NET, TRUFOR, SPARSE_VIT, MESORCH),
    by_benco("cat-net", "CAT-Net", "CC-BY-4.0 (the package's)"),
    by_benco("mvss-net", "MVSS-Net", "none stated by its authors; CC-BY-4.0 (the package's)"),
    by_benco("pscc-net", "PSCC-Net", "MIT; CC-BY-4.0 (the package's)"),
    by_benco("trufor", "TruFor", f"GRIP-UNINA: non-profit use only; {SEGFORMER}"),
)
