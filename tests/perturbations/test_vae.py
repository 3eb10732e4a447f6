"""Round trips through autoencoders: padding, range, weights that are checked before anything is computed."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from imlbench.cards import Card
from imlbench.errors import Reason, SampleError, UserError
from imlbench.perturb import Condition
from imlbench.perturbations import local_weights, vae_kl, vae_taef2
from imlbench.perturbations.round_trip import Autoencoder, RoundTrip
from imlbench.perturbations.vae_kl import AutoencoderKlRoundTrip
from imlbench.perturbations.vae_taef2 import Taef2RoundTrip
from tests.making_sets import photo

REAL = Path(__file__).parents[3] / "shared" / "data" / "weights"


@pytest.fixture(autouse=True)
def nothing_set(tmp_path, monkeypatch):
    """No weights from the machine's own configuration, and none left over from another test."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    for name in (vae_taef2.VARIABLE, vae_kl.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    for module in (vae_taef2, vae_kl):
        module.load.cache_clear()


class Fake(RoundTrip):
    """A round trip whose autoencoder is a function."""

    card = Card(name="fake", title="F", version="1", summary="-", licence="none", citation="none")

    def __init__(self, function, multiple=8, max_pixels=10_000):
        self.one = Autoencoder(function, multiple, max_pixels, {"file": "ab"})

    def autoencoder(self):
        return self.one


def trip(perturbation, image, times=1):
    return perturbation.apply(image, times, np.random.default_rng(0))


class TestRoundTrip:
    @pytest.mark.parametrize("shape", [(1, 1), (1, 20), (7, 5), (8, 16), (33, 41)])
    def test_identity_leaves_every_level_in_place(self, shape):
        seen = []

        def identity(planes):
            seen.append(planes)
            return planes

        image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
        image.flags.writeable = False
        assert np.array_equal(trip(Fake(identity), image), image)
        (planes,) = seen
        assert planes.dtype == np.float32
        assert planes.shape == (1, 3, *(-(-side // 8) * 8 for side in shape))
        assert planes.min() >= 0
        assert planes.max() <= 1

    def test_padding_is_the_reflection_at_the_right_and_the_bottom(self):
        image = photo(0, (6, 7))

        def look(planes):
            levels = np.rint(planes[0].transpose(1, 2, 0) * 255)
            assert np.array_equal(levels[:6, :7], image)
            assert np.array_equal(levels[6:, :7], image[[4, 3]])
            assert np.array_equal(levels[:6, 7], image[:, 5])
            return planes

        trip(Fake(look), image)

    def test_what_leaves_the_range_is_clipped_and_rounded(self):
        image = np.full((8, 8, 3), 200, np.uint8)
        assert (trip(Fake(lambda planes: planes * 2), image) == 255).all()
        assert (trip(Fake(lambda planes: planes - 1), image) == 0).all()
        assert (trip(Fake(lambda planes: planes + np.float32(0.6 / 255)), image) == 201).all()

    def test_severity_is_the_number_of_times(self):
        image = np.full((8, 8, 3), 100, np.uint8)
        darker = Fake(lambda planes: planes / 2)
        assert [int(trip(darker, image, times)[0, 0, 0]) for times in (1, 2, 3)] == [50, 25, 12]
        for severity in (0, 1.5, 11, float("nan")):
            with pytest.raises(UserError, match="fake: severity is a whole number of round trips from 1 to 10"):
                Condition(darker, severity)

    def test_large_images_fail_alone(self):
        with pytest.raises(SampleError, match="fake: works on at most 100 pixels at once, here 20 x 6") as caught:
            trip(Fake(lambda planes: planes, max_pixels=100), photo(0, (6, 20)))
        assert caught.value.reason is Reason.TOO_LARGE

    @pytest.mark.parametrize("function", [lambda planes: planes[..., :-1], lambda planes: planes * np.nan])
    def test_what_is_no_image_fails_the_sample(self, function):
        with pytest.raises(SampleError, match="no image of the input's size with finite values"):
            trip(Fake(function), photo(0, (8, 8)))

    def test_threads_take_turns(self):
        inside, most = [], []
        both_want_in = threading.Barrier(4)

        def slow(planes):
            inside.append(1)
            most.append(len(inside))
            threading.Event().wait(0.01)
            inside.pop()
            return planes

        def one(seed):
            both_want_in.wait()
            image = photo(seed, (9, 9))
            return np.array_equal(trip(fake, image), image)

        fake = Fake(slow)
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(one, range(4)))
        assert most == [1, 1, 1, 1]


@pytest.fixture(scope="module")
def states():
    """Random weights in TAEF2's layout, as its files hold them."""
    import torch

    from imlbench.perturbations import taef2_network as network

    torch.manual_seed(0)
    return {
        name: {key: value.half() for key, value in part.state_dict().items()}
        for name, part in zip(vae_taef2.FILES, (network.encoder(), network.decoder()), strict=True)
    }


def write_states(folder, states):
    import torch

    folder.mkdir(exist_ok=True)
    for name, state in states.items():
        torch.save(state, folder / name)
    return folder


@pytest.fixture
def taef2(tmp_path, states, monkeypatch):
    folder = write_states(tmp_path / "taef2", states)
    monkeypatch.setenv(vae_taef2.VARIABLE, str(folder))
    return folder


class TestTaef2:
    def test_the_layout_is_that_of_the_published_files(self, states):
        encoder, decoder = (states[name] for name in vae_taef2.FILES)
        assert (len(encoder), len(decoder)) == (79, 79)
        sizes = [sum(value.numel() for value in state.values()) for state in (encoder, decoder)]
        assert sizes == [1_338_528, 1_338_499]
        shapes = {
            name: tuple(encoder[name].shape) for name in ("0.weight", "2.weight", "14.weight", "13.pool.0.weight")
        }
        assert shapes == {
            "0.weight": (64, 3, 3, 3), "2.weight": (64, 64, 3, 3), "14.weight": (32, 64, 3, 3),
            "13.pool.0.weight": (256, 64, 1, 1),
        }  # fmt: skip
        assert decoder["1.weight"].shape == (64, 32, 3, 3)
        assert decoder["19.weight"].shape == (3, 64, 3, 3)

    def test_it_is_the_networks_output_in_float32(self, taef2, states):
        import torch

        from imlbench.perturbations import taef2_network as network

        image = photo(0, (19, 26))
        parts = network.encoder(), network.decoder()
        for part, name in zip(parts, vae_taef2.FILES, strict=True):
            part.load_state_dict(states[name])
        padded = np.pad(image, [(0, 5), (0, 6), (0, 0)], mode="reflect")
        planes = torch.from_numpy(padded).permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            latent = parts[0](planes)
            assert latent.shape == (1, 32, 3, 4)
            expected = (parts[1](latent).clamp(0, 1) * 255).round()[0].permute(1, 2, 0)[:19, :26].numpy()
        assert np.array_equal(trip(Taef2RoundTrip(), image), expected)

    def test_weights_are_named_by_their_hash(self, taef2):
        expected = {name: hashlib.sha256((taef2 / name).read_bytes()).hexdigest() for name in vae_taef2.FILES}
        assert Taef2RoundTrip().weights() == expected

    def test_several_objects_and_threads_share_one_network_and_agree(self, taef2):
        image = photo(0, (24, 24))
        assert Taef2RoundTrip().autoencoder() is Taef2RoundTrip().autoencoder()
        expected = trip(Taef2RoundTrip(), image)
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda _: trip(Taef2RoundTrip(), image), range(8)))
        assert all(np.array_equal(result, expected) for result in results)

    def test_the_folder_may_stand_in_the_config_file(self, tmp_path, states):
        folder = write_states(tmp_path / "somewhere", states)
        (tmp_path / "imlbench.toml").write_text(f'[weights]\ntaef2 = "{folder.name}"\n')
        assert set(Taef2RoundTrip().weights()) == set(vae_taef2.FILES)

    @pytest.mark.parametrize("text", ["[weights]\ntaef2 = 3\n", 'weights = "here"\n[data_roots]\n', "[weights\n"])
    def test_a_config_file_that_says_something_else(self, tmp_path, text):
        (tmp_path / "imlbench.toml").write_text(text)
        with pytest.raises(UserError, match=r"imlbench\.toml|vae-taef2"):
            Taef2RoundTrip().weights()


class TestMissingAndWrongWeights:
    def test_nothing_set(self):
        expected = (
            r"^vae-taef2: set IMLBENCH_TAEF2 to the folder that holds taef2_encoder\.pth and taef2_decoder\.pth, "
            r"or add \[weights\] taef2 to imlbench\.toml$"
        )
        with pytest.raises(UserError, match=expected):
            Taef2RoundTrip().weights()

    def test_no_such_folder(self, tmp_path, monkeypatch):
        monkeypatch.setenv(vae_taef2.VARIABLE, str(tmp_path / "gone"))
        with pytest.raises(UserError, match=r"no such folder: .*gone; set IMLBENCH_TAEF2"):
            Taef2RoundTrip().weights()

    @pytest.mark.parametrize("how", ["missing", "folder", "pipe"])
    def test_no_such_file(self, taef2, how):
        path = taef2 / "taef2_decoder.pth"
        path.unlink()
        if how == "folder":
            path.mkdir()
        elif how == "pipe":
            os.mkfifo(path)
        with pytest.raises(UserError, match=rf"^vae-taef2: no such file: {path}$"):
            Taef2RoundTrip().weights()

    @pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04" + bytes(100), b"\x80\x02c__builtin__\neval\n."])
    def test_a_damaged_file(self, taef2, content):
        (taef2 / "taef2_decoder.pth").write_bytes(content)
        with pytest.raises(UserError, match=r"taef2_decoder\.pth: not a weight file that torch reads: ") as caught:
            Taef2RoundTrip().weights()
        assert "\n" not in str(caught.value)

    def test_half_a_file(self, taef2):
        path = taef2 / "taef2_encoder.pth"
        path.write_bytes(path.read_bytes()[:100_000])
        with pytest.raises(UserError, match=r"taef2_encoder\.pth: not a weight file that torch reads: "):
            Taef2RoundTrip().weights()

    def test_a_file_that_would_run_code_is_refused(self, taef2, tmp_path):
        import torch

        class Evil:
            def __reduce__(self):
                return (open, (str(tmp_path / "ran"), "w"))

        torch.save({"0.weight": Evil()}, taef2 / "taef2_encoder.pth")
        with pytest.raises(UserError, match="not a weight file that torch reads"):
            Taef2RoundTrip().weights()
        assert not (tmp_path / "ran").exists()

    def test_encoder_and_decoder_confused(self, taef2):
        encoder, decoder = (taef2 / name for name in vae_taef2.FILES)
        swapped = encoder.read_bytes()
        encoder.write_bytes(decoder.read_bytes())
        decoder.write_bytes(swapped)
        with pytest.raises(UserError, match=r"taef2_encoder\.pth: not TAEF2's weights: ") as caught:
            Taef2RoundTrip().weights()
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("change", ["shape", "missing", "more", "list", "no tensors"])
    def test_another_networks_weights(self, taef2, states, change):
        import torch

        state = dict(states["taef2_encoder.pth"])
        if change == "shape":
            state["0.weight"] = torch.zeros(32, 3, 3, 3)
        elif change == "missing":
            del state["11.pool.0.weight"]
        elif change == "more":
            state["15.weight"] = torch.zeros(1)
        torch.save(
            {"list": [1, 2], "no tensors": dict.fromkeys(state, 1)}.get(change, state), taef2 / vae_taef2.FILES[0]
        )
        with pytest.raises(UserError, match=r"taef2_encoder\.pth: not TAEF2's weights: ") as caught:
            Taef2RoundTrip().weights()
        assert "\n" not in str(caught.value)

    def test_a_file_that_is_far_too_large_is_not_read(self, tmp_path):
        path = tmp_path / "large"
        with path.open("wb") as file:
            file.truncate(1 << 30)
        with pytest.raises(UserError, match=r"vae-x: .*large has 1073741824 bytes, expected at most 1000"):
            local_weights.sha256_of("vae-x", path, 1000)


FAKE_DIFFUSERS = """
import json, os, types
import torch
class AutoencoderKL:
    def __init__(self, config):
        self.config = types.SimpleNamespace(**config)
    @classmethod
    def from_pretrained(cls, folder, *, local_files_only, use_safetensors, torch_dtype, **options):
        assert local_files_only and use_safetensors and torch_dtype is torch.float32
        assert options.pop("output_loading_info")
        with open(os.path.join(folder, "config.json")) as file:
            config = json.load(file)
        return cls(config), {"missing_keys": config.get("missing", []), "unexpected_keys": []}
    def eval(self):
        return self
    def requires_grad_(self, wanted):
        return self
    def encode(self, planes):
        assert planes.dtype is torch.float32 and -1 <= planes.min() and planes.max() <= 1 and planes.min() < 0
        mode = types.SimpleNamespace(mode=lambda: planes)
        return types.SimpleNamespace(latent_dist=mode)
    def decode(self, latent):
        return types.SimpleNamespace(sample=-latent)
"""


class TestAutoencoderKl:
    @pytest.fixture
    def folder(self, tmp_path, monkeypatch):
        """A model that inverts pictures, and a diffusers that loads it."""
        (tmp_path / "packages" / "diffusers").mkdir(parents=True)
        (tmp_path / "packages" / "diffusers" / "__init__.py").write_text(FAKE_DIFFUSERS)
        monkeypatch.syspath_prepend(str(tmp_path / "packages"))
        monkeypatch.delitem(sys.modules, "diffusers", raising=False)
        folder = tmp_path / "kl"
        folder.mkdir()
        (folder / "config.json").write_text('{"block_out_channels": [8, 8, 8]}')
        (folder / "diffusion_pytorch_model.safetensors").write_bytes(b"weights")
        monkeypatch.setenv(vae_kl.VARIABLE, str(folder))
        yield folder
        sys.modules.pop("diffusers", None)

    def test_minus_one_to_one_the_mode_and_back(self, folder):
        image = photo(0, (13, 18))
        assert np.array_equal(trip(AutoencoderKlRoundTrip(), image), 255 - image)
        assert np.array_equal(trip(AutoencoderKlRoundTrip(), image, 2), image)

    def test_the_multiple_follows_from_the_configuration(self, folder):
        assert AutoencoderKlRoundTrip().autoencoder().multiple == 4

    def test_both_files_take_part_in_the_identity(self, folder):
        expected = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in vae_kl.FILES}
        assert AutoencoderKlRoundTrip().weights() == expected

    @pytest.mark.parametrize("name", vae_kl.FILES)
    def test_a_missing_file(self, folder, name):
        (folder / name).unlink()
        with pytest.raises(UserError, match=rf"^vae-kl: no such file: {folder / name}$"):
            AutoencoderKlRoundTrip().weights()

    def test_what_diffusers_refuses(self, folder):
        (folder / "config.json").write_text("{")
        with pytest.raises(UserError, match=r"vae-kl: .*: not an AutoencoderKL that diffusers reads: JSONDecodeError"):
            AutoencoderKlRoundTrip().weights()

    def test_weights_that_diffusers_would_make_up(self, folder):
        (folder / "config.json").write_text('{"block_out_channels": [8], "missing": ["b.weight", "a.weight"]}')
        with pytest.raises(UserError, match=r"weights and config\.json differ: 2 names, such as a\.weight"):
            AutoencoderKlRoundTrip().weights()

    def test_nothing_set(self):
        with pytest.raises(UserError, match=r"^vae-kl: set IMLBENCH_VAE_KL to the folder that holds config\.json and "):
            AutoencoderKlRoundTrip().weights()

    def test_without_diffusers(self, folder, monkeypatch):
        monkeypatch.setattr(vae_kl, "find_spec", lambda name: None)
        expected = r"^vae-kl: needs diffusers, which is not installed: pip install 'imlbench\[vae\]'$"
        with pytest.raises(UserError, match=expected):
            AutoencoderKlRoundTrip().weights()


@pytest.mark.shared
@pytest.mark.skipif(not REAL.is_dir(), reason="the private data folder with TAEF2's weights is not on this machine")
def test_the_published_taef2_gives_back_a_photograph(monkeypatch):
    from PIL import Image

    monkeypatch.setenv(vae_taef2.VARIABLE, str(REAL))
    path = sorted((REAL.parent / "photos" / "kodak").iterdir())[3]
    image = np.asarray(Image.open(path).convert("RGB"))[100:357, 50:300]
    error = trip(Taef2RoundTrip(), image).astype(float) - image
    assert 10 * np.log10(255**2 / (error**2).mean()) > 28
    # A zero edit on which pixel differences fire all the same.
    assert (np.abs(error).max(axis=2) > 10).mean() > 0.02
