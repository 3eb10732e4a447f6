"""Weight files: the published names and shapes, and one line for whatever is wrong with a file."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch
from safetensors.torch import save_file

from annotators.ddpm_cd.checkpoint import load_extractor, load_head, load_network
from annotators.ddpm_cd.config import PUBLISHED, STEPS_BY_NUMBER, DdpmCdConfig, ExtractorConfig, HeadConfig
from annotators.ddpm_cd.head import ChangeHead
from annotators.ddpm_cd.names import published_shapes
from annotators.ddpm_cd.own_files import save_part
from annotators.ddpm_cd.unet import UNet
from imlbench.errors import UserError
from imlbench.weights.checking import digest
from tests.annotators.ddpm_cd.making_ddpm_cd import FINEST, TINY, fill, names_of, own_files, schedule_tables

EXTRACTOR = TINY.extractor


def shapes_of(network, steps=0):
    return {name: list(shape) for name, shape in published_shapes(network, names_of(network), steps).items()}


def light(shapes):
    """A state dict of any size in a file of a few kilobytes: every tensor repeats one number."""
    number = torch.full((1,), 0.25)
    return {name: number.expand(tuple(shape)) for name, shape in shapes.items()}


@pytest.fixture
def files(tmp_path):
    """A diffusion model and a head under their published names."""
    extractor, head = UNet(EXTRACTOR), ChangeHead(TINY)
    torch.save(fill(extractor) | schedule_tables(EXTRACTOR), tmp_path / "I190000_E97_gen.pth")
    torch.save(fill(head), tmp_path / "best_cd_model_gen.pth")
    return tmp_path / "I190000_E97_gen.pth", tmp_path / "best_cd_model_gen.pth"


@pytest.mark.parametrize(
    ("part", "tables", "count", "sha256"),
    [
        (UNet, 2000, 374, "6e900d20874c0620e6341b6928f0cdbbe0e3c989fc0e2ccc7a33685cde919233"),
        (ChangeHead, 0, 56, "8e346fa64f92a2727d96f78b3fef4ed5aca4273aeca25638513355f947528aaf"),
    ],
)
def test_names_and_shapes_are_those_of_the_authors_program(part, tables, count, sha256):
    with torch.device("meta"):
        shapes = shapes_of(part(PUBLISHED.extractor if part is UNet else PUBLISHED), tables)
    assert len(shapes) == count
    assert hashlib.sha256(json.dumps(shapes, sort_keys=True).encode()).hexdigest() == sha256


def test_published_names_that_a_reader_can_check():
    with torch.device("meta"):
        extractor = shapes_of(UNet(PUBLISHED.extractor), 2000)
        head = shapes_of(ChangeHead(PUBLISHED))
    assert extractor["betas"] == [2000]
    assert extractor["denoise_fn.noise_level_mlp.1.weight"] == [512, 128]
    assert extractor["denoise_fn.downs.2.conv.weight"] == [128, 128, 3, 3]
    assert extractor["denoise_fn.downs.12.attn.qkv.weight"] == [3072, 1024, 1, 1]
    assert extractor["denoise_fn.ups.0.res_block.block1.block.3.weight"] == [1024, 2048, 3, 3]
    assert extractor["denoise_fn.ups.18.res_block.res_conv.weight"] == [128, 256, 1, 1]
    assert head["decoder.0.block.0.weight"] == [1024, 3072, 1, 1]
    assert head["decoder.7.block.2.sSE.conv.weight"] == [1, 128, 1, 1]
    assert head["clfr_stg2.weight"] == [2, 64, 3, 3]


def test_files_of_the_published_size_load_strictly(tmp_path):
    with torch.device("meta"):
        extractor, head = shapes_of(UNet(PUBLISHED.extractor), 2000), shapes_of(ChangeHead(PUBLISHED))
    torch.save(light(extractor) | schedule_tables(PUBLISHED.extractor), tmp_path / "I190000_E97_gen.pth")
    torch.save(light(head), tmp_path / "best_cd_model_gen.pth")
    network = load_network(tmp_path / "I190000_E97_gen.pth", tmp_path / "best_cd_model_gen.pth")
    assert network.config == PUBLISHED
    assert sum(parameter.numel() for parameter in network.parameters()) == 391_048_067 + 46_405_126
    assert not any(parameter.is_meta for parameter in network.parameters())


def test_published_files_load_with_every_weight_in_its_place(files):
    expected, head = UNet(EXTRACTOR), ChangeHead(TINY)
    fill(expected)
    fill(head)
    loaded, loaded_head = load_extractor(files[0], EXTRACTOR), load_head(files[1], EXTRACTOR)
    for mine, theirs in ((expected, loaded), (head, loaded_head)):
        assert mine.state_dict().keys() == theirs.state_dict().keys()
        assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in mine.state_dict().items())
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert not loaded.training
    assert loaded_head.config == HeadConfig()


@pytest.mark.parametrize("number", [2, 4])
def test_a_published_heads_steps_follow_from_its_shapes(tmp_path, number):
    config = DdpmCdConfig(extractor=EXTRACTOR, head=HeadConfig(steps=STEPS_BY_NUMBER[number]))
    torch.save(fill(ChangeHead(config)), tmp_path / "head.pth")
    assert load_head(tmp_path / "head.pth", EXTRACTOR).config.steps == STEPS_BY_NUMBER[number]


def test_a_head_of_one_step_is_loaded_when_its_step_is_named(tmp_path):
    config = DdpmCdConfig(extractor=EXTRACTOR, head=HeadConfig(steps=(100,)))
    torch.save(fill(ChangeHead(config)), tmp_path / "head.pth")
    assert load_head(tmp_path / "head.pth", EXTRACTOR, steps=(100,)).config.steps == (100,)
    with pytest.raises(UserError, match="not a published change head of several steps"):
        load_head(tmp_path / "head.pth", EXTRACTOR)


def test_own_files_say_their_sizes_themselves(tmp_path):
    extractor, head = own_files(tmp_path, FINEST)
    network = load_network(extractor, head, trained_on=digest(extractor))
    assert network.config == FINEST
    again = save_part(tmp_path / "again.safetensors", network.head, {"seed": 0}, digest(extractor))
    assert again == digest(head)


def test_a_head_trained_on_another_diffusion_model_is_refused(tmp_path):
    extractor, head = own_files(tmp_path)
    with pytest.raises(UserError, match=f"trained on the diffusion model of SHA-256 {digest(extractor)}, found 0000"):
        load_network(extractor, head, trained_on="0" * 64)


def test_a_wrong_hash_is_told(files):
    with pytest.raises(UserError, match="expected SHA-256 1111"):
        load_extractor(files[0], EXTRACTOR, sha256="1" * 64)
    assert load_extractor(files[0], EXTRACTOR, sha256=digest(files[0]))


def one_line_of(function, *arguments, **named) -> str:
    with pytest.raises(UserError) as caught:
        function(*arguments, **named)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_file_gets_one_line(tmp_path):
    assert "no such weight file" in one_line_of(load_extractor, tmp_path / "none.pth")
    assert "no such weight file" in one_line_of(load_head, tmp_path / "none.safetensors")
    assert "cannot be read" in one_line_of(load_head, tmp_path / "none.pth", sha256="0" * 64)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04" + bytes(100), bytes(100)])
@pytest.mark.parametrize("load", [load_extractor, load_head])
def test_a_damaged_file_gets_one_line(tmp_path, suffix, content, load):
    (tmp_path / f"file{suffix}").write_bytes(content)
    assert f"file{suffix}" in one_line_of(load, tmp_path / f"file{suffix}")


def test_a_truncated_file_gets_one_line(files, tmp_path):
    data = files[0].read_bytes()
    (tmp_path / "cut.pth").write_bytes(data[: len(data) // 2])
    assert "truncated" in one_line_of(load_extractor, tmp_path / "cut.pth", EXTRACTOR)


def test_another_architecture_gets_one_line(files):
    message = one_line_of(load_extractor, files[0])
    assert "not this network's weights" in message
    assert "of another shape" in message
    assert "not this network's weights" in one_line_of(load_head, files[1])
    assert "not this network's weights" in one_line_of(load_extractor, files[1], EXTRACTOR)
    assert "not a published change head" in one_line_of(load_head, files[0])


def test_a_weight_too_few_or_too_many_gets_one_line(files):
    state = torch.load(files[1], weights_only=True)
    weight = state.pop("clfr_stg1.bias")
    torch.save(state, files[1])
    assert "1 missing (clfr_stg1.bias)" in one_line_of(load_head, files[1], EXTRACTOR)
    torch.save(state | {"clfr_stg1.bias": weight, "module.extra": weight}, files[1])
    assert "1 unexpected (module.extra)" in one_line_of(load_head, files[1], EXTRACTOR)


def test_a_weight_that_is_no_finite_number_gets_one_line(files):
    state = torch.load(files[1], weights_only=True)
    state["clfr_stg1.bias"][3] = float("nan")
    torch.save(state, files[1])
    assert "hidden.bias: expected finite" in one_line_of(load_head, files[1], EXTRACTOR)


def test_another_noise_schedule_gets_one_line(files):
    other = ExtractorConfig(
        base_width=8, norm_groups=4, image_size=32, attention_sides=(2,), beta_first=1e-4, beta_last=2e-2
    )
    assert "expected a noise schedule of 0.0001 to 0.02" in one_line_of(load_extractor, files[0], other)


def test_nothing_in_a_file_is_executed(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"betas": Evil()}, tmp_path / "evil.pth")
    assert "evil.pth" in one_line_of(load_extractor, tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


def described(**changes):
    values = {"format": "imlbench-ddpm-cd", "version": 1, "part": "head", "config": {}, "facts": {}, "extractor": ""}
    return json.dumps(values | changes)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[", "another file of imlbench's"),
        ('{"format": "imlbench-sigma"}', "another file of imlbench's"),
        (described(version=2), "expected format version 1, found 2"),
        (described(part="extractor"), "expected DDPM-CD's head, found its extractor"),
        (described(config=[]), "damaged"),
        (described(config={"stepps": [50]}), "did you mean 'steps'"),
        (described(config={"steps": [50, 5000]}), "expected at most 2000"),
        (described(config={"maps": [2, 5, 8]}), "one of each of the 5 levels"),
    ],
)
def test_a_damaged_description_gets_one_line(tmp_path, text, told):
    save_file({"weight": torch.zeros(1)}, tmp_path / "head.safetensors", {"imlbench": text})
    message = one_line_of(load_head, tmp_path / "head.safetensors", EXTRACTOR)
    assert told in message
    assert "head.safetensors" in message


def test_what_cannot_be_saved_is_refused(tmp_path):
    head = ChangeHead(FINEST)
    assert "ends in .safetensors" in one_line_of(save_part, tmp_path / "head.pth", head)
    with pytest.raises(ValueError, match="must be JSON"):
        save_part(tmp_path / "head.safetensors", head, {"when": object()})
    head.hidden.bias.data[0] = float("inf")
    with pytest.raises(ValueError, match="expected finite weights"):
        save_part(tmp_path / "head.safetensors", head)
    assert list(tmp_path.iterdir()) == []
