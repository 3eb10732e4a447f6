from pathlib import Path

import numpy as np
import pytest
from making import by_id, edited, expected_mask, mask, photo, strays
from making_parquet import cell, opensdi_rows, png, write_shard

from imlbench.datasets.opensdi import OpenSDI, parse
from imlbench.errors import Reason, SampleError, UserError
from imlbench.loading import load


def fake(stem: str, generator: str = "sd15", area: str = "partial"):
    return (f"{area}/{generator}/fake/{stem}.png", 1, area == "partial")


def real(stem: str, generator: str = "sd15", area: str = "partial"):
    return (f"{area}/{generator}/real/{stem}.png", 0, False)


def make(root: Path, *shards, split: str = "sd15") -> Path:
    first = 0
    for number, rows in enumerate(shards):
        name = f"data/{split}-{number:05d}-of-{len(shards):05d}.parquet"
        write_shard(root / name, opensdi_rows(rows, seed=first))
        first += len(rows)
    return root


def make_train(root: Path) -> Path:
    """Shards ordered by class, as the training set's: partial/fake, partial/real, entire/fake, entire/real."""
    return make(
        root,
        [fake(name) for name in "abc"],
        [real(name) for name in "abx"],
        [fake("w", area="entire")],
        [real("v", area="entire")],
    )


def test_fakes_of_class_ordered_shards_are_paired_by_key(tmp_path):
    dataset = OpenSDI(make_train(tmp_path))
    samples = by_id(dataset)
    assert list(samples) == [f"partial/sd15/fake/{name}.png" for name in "abc"] + ["entire/sd15/fake/w.png"]
    first, second, third, whole = samples.values()
    assert np.array_equal(load(first).original, photo(3))
    assert np.array_equal(load(second).original, photo(4))
    assert third.original is None
    assert (whole.scope, whole.mask, whole.original) == ("whole-image", None, None)
    assert (dataset.reals, dataset.whole_images) == (4, 1)
    assert first.tags == {"editor": "sd15"}
    assert list(dataset.orphans()) == []


def test_masks_follow_the_mean_rule_and_whole_images_are_edited_everywhere(tmp_path):
    samples = by_id(OpenSDI(make_train(tmp_path)))
    assert np.array_equal(load(samples["partial/sd15/fake/a.png"]).mask, expected_mask())
    assert load(samples["entire/sd15/fake/w.png"]).mask.all()


def test_mean_of_the_channels_decides_where_grey_or_any_channel_would_differ(tmp_path):
    colours = np.zeros((24, 32, 3), np.uint8)
    colours[:, :8] = (0, 255, 0)  # luma 150, mean 85
    colours[:, 8:16] = (255, 0, 255)  # luma 105, mean 170
    colours[:, 16:24] = (127, 128, 128)  # mean 127.67
    colours[:, 24:] = (127, 127, 128)  # mean 127.33
    rows = {**opensdi_rows([fake("a")]), "mask": [cell(png(colours))]}
    write_shard(tmp_path / "sd15-0.parquet", rows)
    loaded = load(next(OpenSDI(tmp_path).samples()))
    assert loaded.mask[0].tolist() == [False] * 8 + [True] * 16 + [False] * 8


def test_pair_may_lie_in_any_two_shards_and_have_another_suffix(tmp_path):
    make(tmp_path, [fake("a")], split="sd2")
    write_shard(tmp_path / "more/0000.parquet", opensdi_rows([("partial/sd15/real/a.jpg", 0, False)], seed=5))
    make(tmp_path, [fake("a")], split="sd15")
    for variant in ("", "sd15"):
        samples = list(OpenSDI(tmp_path, variant).samples())
        assert np.array_equal(load(samples[0]).original, photo(5))


def test_two_originals_of_one_key_are_not_guessed_between(tmp_path):
    dataset = OpenSDI(make(tmp_path, [fake("a")], [real("a"), real("a")]))
    with pytest.raises(SampleError) as caught:
        load(next(dataset.samples()))
    assert caught.value.reason is Reason.DOUBLE_MATCH
    assert list(strays(dataset)) == ["partial/sd15/real/a.png#2"]


def test_variants_take_the_split_of_the_shard(tmp_path):
    make(tmp_path, [fake("a")], split="sd15")
    make(tmp_path, [fake("b", "flux"), real("c", "flux")], split="flux")
    assert len(OpenSDI(tmp_path)) == 2
    dataset = OpenSDI(tmp_path, "flux")
    assert list(by_id(dataset)) == ["partial/flux/fake/b.png"]
    assert (dataset.label, dataset.reals) == ("opensdi:flux", 1)
    with pytest.raises(UserError, match=r"no row of the split sd3 below .*splits found: flux, sd15"):
        OpenSDI(tmp_path, "sd3")


def test_split_of_shards_without_one_in_their_names_is_told_by_the_keys(tmp_path):
    write_shard(tmp_path / "0000.parquet", opensdi_rows([fake("a", "sd2"), fake("b", "sd3")]))
    assert list(by_id(OpenSDI(tmp_path, "sd3"))) == ["partial/sd3/fake/b.png"]


def test_bare_keys_take_the_generator_of_their_shard_and_the_scope_of_their_mask(tmp_path):
    rows = [("000651821.png", 1, True), ("000651822.png", 1, False), ("000651821.png", 0, False)]
    dataset = OpenSDI(make(tmp_path, rows))
    local, whole = dataset.samples()
    assert (local.id, local.scope, local.original) == ("000651821.png", "local", None)
    assert (whole.id, whole.scope) == ("000651822.png", "whole-image")
    assert local.tags == whole.tags == {"editor": "sd15"}
    assert list(dataset.orphans()) == []


def test_keys_that_come_twice_keep_ids_of_their_own_whatever_the_variant(tmp_path):
    make(tmp_path, [("x.png", 1, True)], split="sd15")
    make(tmp_path, [("x.png", 1, True), ("y.png", 1, True), ("y.png", 1, True)], split="sd2")
    assert list(by_id(OpenSDI(tmp_path))) == ["x.png", "x.png#2", "y.png", "y.png#2"]
    dataset = OpenSDI(tmp_path, "sd2")
    assert list(by_id(dataset)) == ["x.png#2", "y.png", "y.png#2"]
    assert set(strays(dataset)) == {"x.png#2", "y.png#2"}
    assert strays(OpenSDI(tmp_path, "sd15")) == {}


def test_rows_that_contradict_themselves_are_named(tmp_path):
    rows = [("partial/sd15/real/a.png", 1, True), ("partial/sd15/fake/b.png", 1, False), ("c.png", 7, False)]
    dataset = OpenSDI(make(tmp_path, rows))
    found = strays(dataset)
    assert "label 1, but the key says real" in found["partial/sd15/real/a.png"]
    assert "a partial fake without a mask" in found["partial/sd15/fake/b.png"]
    assert "label 7, expected 0 (real) or 1 (fake)" in found["c.png"]
    assert len(dataset) == 2


def test_null_keys_are_named_by_their_place(tmp_path):
    dataset = OpenSDI(make(tmp_path, [(None, 1, True), (None, 1, False)]))
    shard = "data/sd15-00000-of-00001.parquet"
    assert list(by_id(dataset)) == [f"{shard} row 0", f"{shard} row 1"]


def test_truncated_image_and_misfitting_original_fail_their_samples_only(tmp_path):
    rows = opensdi_rows([fake("a"), fake("b"), fake("c"), real("b")])
    rows["image"][0] = cell(png(edited(0))[:100])
    rows["image"][3] = cell(png(photo(3)[:, :20]))
    write_shard(tmp_path / "sd15-0.parquet", rows)
    first, second, third = OpenSDI(tmp_path).samples()
    for sample, reason in ((first, Reason.UNREADABLE), (second, Reason.SIZE_MISMATCH)):
        with pytest.raises(SampleError) as caught:
            load(sample)
        assert caught.value.reason is reason
    assert np.array_equal(load(third).mask, mask() > 0)


def test_unaligned_pair_shows_in_the_outside_difference(tmp_path):
    make(tmp_path, [fake("a"), fake("b")], [real("a")])
    write_shard(tmp_path / "data/sd15-9.parquet", opensdi_rows([real("b")], seed=1))
    other, same = OpenSDI(tmp_path).samples()
    assert load(same).outside_difference() == 0
    assert load(other).outside_difference() > 100


def test_root_without_shards_and_wrong_columns_are_one_line(tmp_path):
    with pytest.raises(UserError, match=r"no Parquet file below .*expected the hub's shards"):
        OpenSDI(tmp_path)
    write_shard(tmp_path / "a.parquet", {"text": ["x"]})
    with pytest.raises(UserError, match=r"a\.parquet has no column key, label, image, mask"):
        OpenSDI(tmp_path)


@pytest.mark.parametrize("text", ["", "a.png", "fake/a.png", "odd/sd15/fake/a.png", "partial/sd15/maybe/a.png"])
def test_keys_of_another_shape_claim_nothing(text):
    assert parse(text, "sd2")[:3] == ("", "sd2", "")
