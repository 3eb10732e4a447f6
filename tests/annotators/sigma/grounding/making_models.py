"""Tiny Grounding DINO and SAM 2 with random weights, saved as the folders that the grounder loads."""

import json

import torch


def save_detector(folder, seed=0, **changes):
    """A Grounding DINO of some ten thousand weights with its processor."""
    from transformers import GroundingDinoConfig, GroundingDinoForObjectDetection, SwinConfig

    torch.manual_seed(seed)
    vision = SwinConfig(
        image_size=32, window_size=4, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1],
        out_features=["stage2", "stage3", "stage4"], out_indices=[2, 3, 4],
    )  # fmt: skip
    words = {
        "model_type": "bert", "vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "max_position_embeddings": 256,
    }  # fmt: skip
    settings = {
        "d_model": 64, "encoder_layers": 1, "decoder_layers": 2, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "num_queries": 6,
        "num_feature_levels": 4, "encoder_n_points": 2, "decoder_n_points": 2, "disable_custom_kernels": True,
    }  # fmt: skip
    config = GroundingDinoConfig(backbone_config=vision, text_config=words, **settings | changes)
    GroundingDinoForObjectDetection(config).save_pretrained(folder)
    detector_processor().save_pretrained(folder)
    return folder


def detector_processor():
    from transformers import GroundingDinoImageProcessor, GroundingDinoProcessor

    images = GroundingDinoImageProcessor(size={"shortest_edge": 64, "longest_edge": 96})
    return GroundingDinoProcessor(images, tokenizer())


def tokenizer():
    """Words of the tests, and letters for all others."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertTokenizerFast

    letters = "abcdefghijklmnopqrstuvwxyz"
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "red", "cat", "dog", *letters]
    entries += [f"##{letter}" for letter in "abcdefghijklmnopqrst"]
    vocabulary = {word: index for index, word in enumerate(entries)}
    core = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer()
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return BertTokenizerFast(tokenizer_object=core)


def save_segmenter(folder, seed=0, model_type="sam2"):
    """A SAM 2 of some ten thousand weights with its processor; published ones call themselves sam2_video."""
    from transformers import (
        Sam2Config,
        Sam2HieraDetConfig,
        Sam2ImageProcessor,
        Sam2MaskDecoderConfig,
        Sam2Model,
        Sam2Processor,
        Sam2PromptEncoderConfig,
        Sam2VisionConfig,
    )

    torch.manual_seed(seed)
    backbone = Sam2HieraDetConfig(
        hidden_size=8, num_attention_heads=1, image_size=[64, 64], blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64], num_attention_heads_per_stage=[1, 1, 2, 2],
        window_size_per_stage=[4, 4, 4, 2], global_attention_blocks=[3],
    )  # fmt: skip
    vision = Sam2VisionConfig(
        backbone_config=backbone, backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]], fpn_hidden_size=32,
    )  # fmt: skip
    prompts = Sam2PromptEncoderConfig(hidden_size=32, image_size=64, patch_size=16)
    masks = Sam2MaskDecoderConfig(
        hidden_size=32, mlp_dim=32, num_attention_heads=2, iou_head_hidden_dim=16, num_hidden_layers=2
    )
    model = Sam2Model(Sam2Config(vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=masks))
    for name, parameter in model.mask_decoder.named_parameters():
        # As they are first set, the masks of so small a network are all but constant.
        if "hypernetworks" in name or "upscale_conv" in name:
            parameter.data.mul_(10.0)
    # One matrix under two names.
    model.prompt_encoder.shared_embedding.positional_embedding.data.copy_(
        model.shared_image_embedding.positional_embedding.data
    )
    model.save_pretrained(folder)
    Sam2Processor(Sam2ImageProcessor(size={"height": 64, "width": 64}, mask_size=None)).save_pretrained(folder)
    rewrite(folder / "config.json", model_type=model_type)
    return folder


def as_published(folder, **settings):
    """Put the processor's settings into the files in which published weights have them."""
    together = json.loads((folder / "processor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(together.pop("image_processor") | settings))
    (folder / "processor_config.json").unlink()


def rewrite(path, **changes):
    """Change keys of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
