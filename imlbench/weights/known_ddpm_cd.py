"""DDPM-CD's part of the catalogue. Its authors state neither sizes nor hashes: they are recorded at the first get."""

from __future__ import annotations

from imlbench.weights.entries import KnownFile, Source, WeightFile

REPOSITORY = "https://github.com/wgcban/ddpm-cd"
RELEASE = f"{REPOSITORY}/releases/tag/initial_release"
LICENCE = f"{REPOSITORY}/blob/4970792f65227958ffaa1de787649ce2c5839f12/LICENSE"
HEAD_FILE = "best_cd_model_gen.pth"


def on_page(name: str, title: str, file: str, path: str) -> WeightFile:
    """An entry that the authors' release page offers.

    Args:
        name: as typed.
        title: for people.
        file: its name, as published.
        path: where the authors' programs expect it, which tells the files apart.
    """
    how = f"download and unpack {RELEASE}, then imlbench weights get {name} --from FILE (there: {path})"
    return WeightFile(
        name=name,
        title=title,
        licence="MIT",
        licence_url=LICENCE,
        source=Source.PAGE,
        origin=RELEASE,
        files=(KnownFile(file),),
        needed_by=("ddpm-cd",),
        how=how,
    )


EXTRACTOR = on_page(
    "ddpm-cd-unet",
    "DDPM-CD's diffusion model, trained on remote sensing images",
    "I190000_E97_gen.pth",
    "I190000_E97_gen.pth",
)
HEADS = tuple(
    on_page(
        f"ddpm-cd-head-{name}",
        f"DDPM-CD's head for {title}, steps 50, 100, 400",
        HEAD_FILE,
        f"cd-{name}-50-100-400/{HEAD_FILE}",
    )
    for name, title in (("levir", "LEVIR-CD"), ("whu", "WHU-CD"), ("dsifn", "DSIFN-CD"), ("cdd", "CDD"))
)
"""For changes between satellite images. The heads that were retrained on edits are not published."""
OWN_HEAD = WeightFile(
    name="ddpm-cd",
    title="DDPM-CD's head, trained on edits",
    licence="own",
    licence_url="",
    source=Source.OWN,
    origin="nobody has published them",
    files=(KnownFile("ddpm-cd-head.safetensors"),),
    needed_by=("ddpm-cd",),
    how="nobody has published a head trained on edits: train one, then imlbench weights get ddpm-cd --from FILE; "
    "or let IMLBENCH_DDPM_CD name a published one for satellite images (imlbench weights list)",
)
DDPM_CD = (EXTRACTOR, *HEADS, OWN_HEAD)
