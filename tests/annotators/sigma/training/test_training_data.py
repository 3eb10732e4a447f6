"""Pairs and batches: split by photograph, order by seed and position, the same on one process or several."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from making_training import make_set, short

from annotators.sigma.training.data import StageOneData, StageTwoData
from imlbench.errors import UserError
from imlbench.training.pairs import Place, kept_apart, parse_place, read_training_set
from imlbench.training.plan import Plan, batches


@pytest.fixture
def read(tmp_path):
    return read_training_set([Place(make_set(tmp_path / "set", 8), None)], 0.05)


def test_a_synthesised_set_keeps_its_own_split(read):
    assert [pair.sample.id for pair in read.train] == [f"{index:06}" for index in range(4)]
    assert [pair.source for pair in read.validation] == [f"photograph-{index}.png" for index in range(4, 8)]
    assert read.names == ("set",)


def test_the_identity_of_the_data_changes_with_the_data(tmp_path):
    first, second = (Place(make_set(tmp_path / name / "set", count), None) for name, count in (("a", 5), ("b", 6)))
    again = Place(make_set(tmp_path / "c" / "set", 5), None)
    hashes = [read_training_set([place], 0.05).sha256 for place in (first, second, again)]
    assert hashes[0] == hashes[2] != hashes[1]


def test_a_registered_dataset_is_split_by_original(tmp_path):
    make_set(tmp_path / "set", 8)
    place = parse_place(f"folder={tmp_path / 'set'}")
    read = read_training_set([place], 0.5)
    assert len(read.train) + len(read.validation) == 8
    assert all(kept_apart(pair.source, 0.5) for pair in read.validation)
    assert not any(kept_apart(pair.source, 0.5) for pair in read.train)


def test_what_is_no_set_is_one_line(tmp_path):
    with pytest.raises(UserError, match="--data: no such folder"):
        parse_place(str(tmp_path / "missing"))
    with pytest.raises(UserError, match=r"no set\.json"):
        read_training_set([Place(tmp_path, None)], 0.05)


def test_every_pair_comes_once_an_epoch_and_sizes_vary():
    config = short(steps=0, epochs=3.0, batch_size=2, sizes=(32, 48))
    keys = [key for batch in Plan(7, config) for key in batch]
    for epoch in range(3):
        assert sorted(key.pair for key in keys[7 * epoch : 7 * epoch + 7]) == list(range(7))
    assert [key.position for key in keys] == list(range(len(keys)))
    assert {key.size for key in keys} == {32, 48}
    assert [key.pair for key in keys[:7]] != [key.pair for key in keys[7:14]]


def test_all_images_of_a_batch_have_one_size():
    assert all(len({key.size for key in batch}) == 1 for batch in Plan(7, short(steps=20)))


def test_a_plan_that_starts_later_is_the_rest_of_the_plan():
    config = short(steps=9, accumulation=2)
    assert list(Plan(5, config, start=4)) == list(Plan(5, config))[8:]
    assert len(Plan(5, config, start=4)) == 10


def test_two_processes_share_what_one_would_do_with_batches_twice_as_large():
    whole = list(Plan(7, short(steps=5, batch_size=4, sizes=(32,))))
    shares = [list(Plan(7, short(steps=5, batch_size=2, sizes=(32,)), rank=rank, world=2)) for rank in (0, 1)]
    assert [first + second for first, second in zip(*shares, strict=True)] == whole


def test_an_item_follows_from_its_key_alone(read):
    config = short(steps=3)
    key = next(iter(Plan(4, config)))[0]
    first, again = (StageOneData(read.train, config)[key] for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    other = StageOneData(read.train, short(steps=3, seed=1))[key]
    assert not torch.equal(first["original"], other["original"])


def test_items_have_the_documented_shapes_and_ranges(read):
    config = short()
    batch = next(iter(batches(StageOneData(read.train, config), Plan(4, config), 0)))
    side = batch["original"].shape[-1]
    assert side in config.sizes
    assert batch["original"].shape == batch["edited"].shape == (2, 3, side, side)
    assert batch["mask"].shape == (2, 1, side, side)
    assert batch["prior"].shape == (2, 1, 8, 8)
    assert set(batch["mask"].unique().tolist()) <= {0.0, 1.0}
    assert all(value.dtype == torch.float32 for value in batch.values())
    assert all(0 <= value.min() <= value.max() <= 1 for value in batch.values())


def test_the_images_differ_exactly_where_the_mask_says(read):
    config = short(sizes=(64,), crop_min=1.0, crop_aspect=1.0, flip_probability=1.0, photometric_probability=1.0)
    data = StageOneData(read.train, config)
    for batch in Plan(4, config):
        for key in batch:
            item = data[key]
            differs = (item["original"] != item["edited"]).any(0, keepdim=True)
            assert not (differs & (item["mask"] == 0)).any()
            assert differs.sum() >= 0.99 * item["mask"].sum()


def test_a_cached_prior_is_seen_through_the_same_view_as_the_mask(read):
    config = short(sizes=(64,), prior_probability=1.0)

    def truth(pair):
        from imlbench.loading import load

        return load(pair.sample).mask.astype(np.float32)

    data = StageOneData(read.train, config, truth)
    for batch in Plan(4, config):
        for key in batch:
            item = data[key]
            seen = torch.nn.functional.adaptive_avg_pool2d(item["mask"], (8, 8))
            sure = (seen < 0.01) | (seen > 0.99)
            assert torch.allclose(item["prior"][sure], seen[sure], atol=0.3)


def test_stage_two_adds_an_unlabelled_pair_its_zero_edit_and_a_view(read):
    config = short()
    data = StageTwoData(read.train, read.train, config, [lambda image, generator: np.full_like(image, 128)])
    item = data[next(iter(Plan(4, config)))[0]]
    assert (item["zero_edit"] - 128 / 255).abs().max() < 1e-6
    assert item["view_original"].shape == item["pair_original"].shape == item["original"].shape
    assert not torch.equal(item["view_original"], item["pair_original"])
    same = (item["pair_original"] == item["pair_edited"]).all(0)
    assert torch.equal(item["view_original"][:, same], item["view_edited"][:, same])
    assert (item["pair_prior"] == 0.01).all()


def test_a_broken_file_stops_the_run_with_its_name(read, tmp_path):
    (tmp_path / "set" / "edited" / "000001.png").write_bytes(b"no image")
    data = StageOneData(read.train, short())
    broken = next(key for batch in Plan(4, short()) for key in batch if key.pair == 1)
    with pytest.raises(UserError, match=r"training pair 000001 cannot be read: edited/000001\.png: not an image"):
        data[broken]
