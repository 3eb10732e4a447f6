"""The cache of priors: second calls compute nothing, and nothing that is wrong with the folder is trusted or fatal."""

import hashlib
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotators.sigma.grounding.cache import PriorCache, decode, default_folder, encode, key_of
from annotators.sigma.grounding.pairs import PairPriors
from tests.annotators.sigma.grounding.grounders_made_up import Boxes, CountingRules, photo

LATTICE = (4, 5)
KEY = bytes(range(32))
KNOWN = {"cat": [(0, 1, 0, 0.5, 1.0)], "dog": [(0, 0.5, 0, 1, 0.7)]}
ADD = "add a cat"
ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def values(seed=0, lattice=LATTICE):
    return np.random.default_rng(seed).uniform(0.01, 1, lattice).astype(np.float32)


def priors(folder, parser=None, grounder=None, lattice=LATTICE, epsilon=0.01):
    return PairPriors(
        parser or CountingRules(), grounder or Boxes(KNOWN), lattice, epsilon, PriorCache(folder) if folder else None
    )


def entries(folder):
    return sorted(folder.rglob("*.prior"))


class TestSecondCall:
    def test_computes_nothing_in_this_process_or_another(self, tmp_path):
        first = priors(tmp_path)
        expected = first.of(photo(), photo(1), ADD)
        again = priors(tmp_path)
        for one in (first, again):
            assert (one.of(photo(), photo(1), ADD) == expected).all()
        assert (first.parser.calls, len(first.grounder.asked)) == (1, 1)
        assert (again.parser.calls, again.grounder.asked) == (0, [])

    def test_without_a_cache_everything_is_computed_anew(self):
        one = priors(None)
        assert (one.of(photo(), photo(1), ADD) == one.of(photo(), photo(1), ADD)).all()
        assert one.parser.calls == 2

    def test_gives_what_the_first_one_gave_to_the_bit(self, tmp_path):
        expected = priors(None).of(photo(), photo(1), ADD)
        for _ in range(2):
            found = priors(tmp_path).of(photo(), photo(1), ADD)
            assert (found.dtype, found.shape) == (np.float32, LATTICE)
            assert found.tobytes() == expected.tobytes()

    def test_its_array_can_be_written_to_without_harm(self, tmp_path):
        one = priors(tmp_path)
        one.of(photo(), photo(1), ADD)
        found = one.of(photo(), photo(1), ADD)
        expected = found.copy()
        found[:] = 0.5
        assert (one.of(photo(), photo(1), ADD) == expected).all()


class TestKey:
    BASE = (photo(), photo(1), ADD, "rules", "boxes", LATTICE, 0.01)

    @pytest.mark.parametrize(
        ("position", "value"),
        [
            (0, photo(2)), (1, photo(2)), (2, "add a dog"), (2, None), (2, ""), (3, "rules 2"), (4, "boxes 2"),
            (5, (5, 4)), (6, 0.02), (0, photo().reshape(60, 40, 3)),
        ],
    )  # fmt: skip
    def test_changes_with_everything_that_the_prior_depends_on(self, position, value):
        changed = list(self.BASE)
        changed[position] = value
        assert key_of(*changed) != key_of(*self.BASE)

    def test_does_not_depend_on_how_an_array_lies_in_memory(self):
        turned = np.asfortranarray(photo())
        assert key_of(turned, *self.BASE[1:]) == key_of(*self.BASE)

    def test_no_two_texts_run_together(self):
        one = key_of(photo(), photo(1), "a", "bc", "d", LATTICE, 0.01)
        assert one != key_of(photo(), photo(1), "a", "b", "cd", LATTICE, 0.01)
        assert key_of(photo(), photo(1), None, "p", "g", LATTICE, 0.01) != key_of(
            photo(), photo(1), "null", "p", "g", LATTICE, 0.01
        )


@pytest.mark.parametrize("text", ["\ud800", "../../etc/passwd", "a\x00b", "x" * 100_000, "犬\u202e", 'add "cat"\n\\'])
def test_hostile_instructions_are_keys_like_any_other(tmp_path, text):
    first = priors(tmp_path / "cache")
    expected = first.of(photo(), photo(1), text)
    again = priors(tmp_path / "cache")
    assert (again.of(photo(), photo(1), text) == expected).all()
    assert again.parser.calls == 0
    assert os.listdir(tmp_path) == ["cache"]
    assert all(len(path.name) == 70 for path in entries(tmp_path))


class TestBrokenEntries:
    def good(self, folder):
        one = priors(folder)
        expected = one.of(photo(), photo(1), ADD)
        return expected, entries(folder)[0]

    @pytest.mark.parametrize("kept", [0, 1, 17, 40, 100, -1])
    def test_a_truncated_entry_is_computed_anew_and_replaced(self, tmp_path, kept):
        expected, path = self.good(tmp_path)
        whole = path.read_bytes()
        path.write_bytes(whole[:kept])
        again = priors(tmp_path)
        assert (again.of(photo(), photo(1), ADD) == expected).all()
        assert again.parser.calls == 1
        assert path.read_bytes() == whole

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, len(encode(values(), KEY)) - 1), st.integers(1, 255))
    def test_a_changed_byte_anywhere_is_noticed(self, position, change):
        data = bytearray(encode(values(), KEY))
        data[position] ^= change
        assert decode(bytes(data), KEY, LATTICE) is None

    def test_an_entry_is_read_back_to_the_bit(self):
        assert (decode(encode(values(), KEY), KEY, LATTICE) == values()).all()

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.binary(max_size=400))
    def test_foreign_bytes_are_no_entry(self, data):
        assert decode(data, KEY, LATTICE) is None

    @pytest.mark.parametrize("value", [np.nan, 0.0, -0.5, 1.5, np.inf])
    def test_values_that_no_prior_has_are_refused_even_with_a_good_checksum(self, value):
        prior = values()
        prior[1, 1] = value
        assert decode(encode(prior, KEY), KEY, LATTICE) is None

    def test_the_entry_of_another_key_or_lattice_is_refused(self, tmp_path):
        data = encode(values(), KEY)
        assert decode(data, hashlib.sha256(b"other").digest(), LATTICE) is None
        # As many cells in another order: the key holds the lattice, the length alone would not tell.
        self.good(tmp_path)
        other = priors(tmp_path, lattice=(5, 4)).of(photo(), photo(1), ADD)
        assert other.shape == (5, 4)
        assert len(entries(tmp_path)) == 2

    def test_a_folder_a_pipe_or_a_device_in_an_entrys_place_neither_hangs_nor_fails(self, tmp_path):
        expected, path = self.good(tmp_path)
        for make in (os.mkfifo, os.mkdir, lambda where: os.symlink("/dev/zero", where)):
            path.unlink()
            make(path)
            assert (priors(tmp_path).of(photo(), photo(1), ADD) == expected).all()
            if path.is_dir():
                path.rmdir()
                path.touch()

    def test_reading_leaves_no_file_open(self, tmp_path):
        cache = PriorCache(tmp_path)
        for kind in ("missing", "directory", "entry"):
            path = cache.path(KEY)
            if kind == "directory":
                path.mkdir(parents=True)
            elif kind == "entry":
                path.rmdir()
                cache.write(KEY, values())
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(5):
                assert (cache.read(KEY, LATTICE) is not None) == (kind == "entry")
            assert len(os.listdir("/proc/self/fd")) == before


class TestBrokenFolder:
    def test_a_folder_that_cannot_be_made_costs_a_warning_and_no_run(self, tmp_path, caplog):
        (tmp_path / "file").write_text("not a folder")
        one = priors(tmp_path / "file" / "priors")
        expected = priors(None).of(photo(), photo(1), ADD)
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                assert (one.of(photo(), photo(1), ADD) == expected).all()
        assert len(caplog.records) == 1
        assert caplog.records[0].getMessage().startswith("priors are not cached: ")

    def test_a_full_disk_costs_a_warning_and_no_run(self, tmp_path, caplog, monkeypatch):
        def full(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        one = priors(tmp_path)
        assert one.of(photo(), photo(1), ADD).shape == LATTICE
        assert "No space left" in caplog.text
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    def test_the_default_folder_follows_the_environment(self, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
        assert default_folder() == Path("/caches/imlbench/priors")
        assert PriorCache().folder == default_folder()


WRITER = """
import sys
import numpy as np
from annotators.sigma.grounding.cache import PriorCache
cache = PriorCache(sys.argv[1])
print("ready", flush=True)
while True:
    for number in range(20):
        prior = np.full((60, 50), (number + 1) / 20, np.float32)
        cache.write(bytes([number]) * 32, prior)
"""


def start(folder):
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    return process


def test_processes_that_write_the_same_entries_and_are_killed_leave_only_whole_ones(tmp_path):
    writers = [start(tmp_path) for _ in range(2)]
    cache = PriorCache(tmp_path)
    seen = 0
    try:
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            for number in range(20):
                found = cache.read(bytes([number]) * 32, (60, 50))
                if found is not None:
                    seen += 1
                    assert (found == np.float32((number + 1) / 20)).all()
    finally:
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.wait()
            writer.stdout.close()
    assert seen > 20
    for path in entries(tmp_path):
        key = bytes.fromhex(path.stem)
        assert cache.read(key, (60, 50)) is not None


class TestSizeBound:
    def fill(self, cache, numbers):
        for number in numbers:
            cache.write(bytes([number]) * 32, values(number))
            os.utime(cache.path(bytes([number]) * 32), (1000 + number, 1000 + number))

    def test_the_entries_used_longest_ago_go_first(self, tmp_path):
        size = len(encode(values(), KEY))
        cache = PriorCache(tmp_path, max_bytes=10 * size)
        self.fill(cache, range(10))
        assert cache.read(bytes([0]) * 32, LATTICE) is not None
        cache.write(bytes([99]) * 32, values(99))
        left = {path.stem[:2] for path in entries(tmp_path)}
        assert len(left) == 9
        assert {"00", "63"} <= left
        assert not {"01", "02"} & left

    def test_without_a_bound_nothing_goes(self, tmp_path):
        self.fill(PriorCache(tmp_path), range(30))
        assert len(entries(tmp_path)) == 30

    def test_only_this_caches_files_are_removed(self, tmp_path):
        foreign = [tmp_path / "notes.txt", tmp_path / "00" / "notes.txt", tmp_path / "00" / ".hidden"]
        left_over = tmp_path / "00" / f".{'0' * 40}.{'a' * 16}"
        fresh = tmp_path / "00" / f".{'0' * 40}.{'b' * 16}"
        (tmp_path / "00").mkdir()
        for path in (*foreign, left_over, fresh):
            path.write_text("x" * 5000)
        os.utime(left_over, (1000, 1000))
        PriorCache(tmp_path, max_bytes=1).write(KEY, values())
        assert entries(tmp_path) == []
        assert all(path.exists() for path in (*foreign, fresh))
        assert not left_over.exists()
