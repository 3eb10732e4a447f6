"""Detectors that are not in any package, whose checkouts run as commands: open rows until a command is named."""

from __future__ import annotations

from typing import ClassVar

from detectors.external.subprocess_detector import SubprocessDetector
from imlbench.adapters import DetectorCard


def card(name: str, title: str, summary: str, licence: str, citation: str, url: str) -> DetectorCard:
    """A card of what a command runs, with the preprocessing of its authors."""
    return DetectorCard(
        name=name,
        title=title,
        version="1",
        summary=summary,
        licence=licence,
        citation=citation,
        url=url,
        threshold=0.5,
        batched=True,
        accelerated=True,
        preprocessing="official",
        # Whether it has one of its own is the checkout's; a missing one is the largest score of the map.
        scores_images=True,
        reads_files=True,
    )


class Mtcl(SubprocessDetector):
    """MTCL, whose code its paper calls public; no copy was found."""

    declared: ClassVar[DetectorCard] = card(
        "mtcl",
        "MTCL",
        "runs the checkout that IMLBENCH_MTCL_COMMAND names; no public copy was found",
        "not known",
        "Haodong Li et al., Expert Systems with Applications 270 (2025) 126492",
        "https://doi.org/10.1016/j.eswa.2025.126492",
    )


class TruForOfficial(SubprocessDetector):
    """TruFor by its authors' own code, beside the row `trufor`."""

    declared: ClassVar[DetectorCard] = card(
        "trufor-official",
        "TruFor (checkout)",
        "runs the authors' checkout that IMLBENCH_TRUFOR_OFFICIAL_COMMAND names",
        "non-profit only (GRIP-UNINA); NVIDIA: research only",
        "Guillaro, Cozzolino, Sud, Dufour, Verdoliva, TruFor, CVPR 2023",
        "https://github.com/grip-unina/TruFor",
    )


class MaskClip(SubprocessDetector):
    """MaskCLIP of OpenSDI, which needs OpenAI's CLIP from its repository."""

    declared: ClassVar[DetectorCard] = card(
        "maskclip",
        "MaskCLIP",
        "runs the OpenSDI checkout that IMLBENCH_MASKCLIP_COMMAND names",
        "none stated by its authors",
        "Wang, Huang, Hong, OpenSDI: Spotting Diffusion-Generated Images in the Open World, CVPR 2025",
        "https://github.com/iamwangyabin/OpenSDI",
    )


class NfaVit(SubprocessDetector):
    """NFA-ViT of BR-Gen, which carries Noiseprint++'s weights and with them TruFor's terms."""

    declared: ClassVar[DetectorCard] = card(
        "nfa-vit",
        "NFA-ViT",
        "runs the BR-Gen checkout that IMLBENCH_NFA_VIT_COMMAND names",
        "CC-BY-4.0; non-profit only (GRIP-UNINA); NVIDIA: research only",
        "Cai, Wang, Ji, Zhoumen, Chen, Yao, Sun, Zooming In on Fakes: A Novel Dataset for Localized AI-Generated Image "
        "Detection with Forgery Amplification Approach, arXiv 2504.11922",
        "https://github.com/clpbc/BR-Gen",
    )


class WebIml(SubprocessDetector):
    """Web-IML, announced for release; its predecessor APSC-Net speaks the same way."""

    declared: ClassVar[DetectorCard] = card(
        "web-iml",
        "Web-IML",
        "runs the MIML checkout that IMLBENCH_WEB_IML_COMMAND names; announced, not released",
        "CC-BY-NC-4.0",
        "Qu, Zhong, He, Li, Jin, Webly-Supervised Image Manipulation Localization via Category-Aware Auto-Annotation, "
        "arXiv 2508.20987",
        "https://github.com/qcf-568/MIML",
    )


class External(SubprocessDetector):
    """Any other detector."""

    declared: ClassVar[DetectorCard] = card(
        "external",
        "External",
        "runs any command that IMLBENCH_EXTERNAL_COMMAND names and that speaks JSON lines",
        "the command's",
        "what the command runs",
        "",
    )
