"""CAT-Net's coefficients and planes, from JPEG files made here."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from detectors import borrowed
from detectors.cat_net import coefficients, preprocessing
from detectors.cat_net.coefficients import Luma, read_luma, saved_as_jpeg
from detectors.cat_net.jpeg_header import UnusualJpegError, read_header
from imlbench.adapters import Picture
from imlbench.errors import UserError
from tests.detectors.making_networks import jpeg_of, jpeg_picture, needs_jpeglib, pixels_of


def cosines() -> np.ndarray:
    """The 8 x 8 matrix of the orthonormal discrete cosine transform."""
    row, column = np.mgrid[0:8, 0:8]
    matrix = np.cos(np.pi * row * (2 * column + 1) / 16) / 2
    matrix[0] /= np.sqrt(2)
    return matrix


def transformed(luma: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Quantised coefficients of each block, before rounding, of H x W values around zero."""
    blocks = luma.reshape(luma.shape[0] // 8, 8, -1, 8).transpose(0, 2, 1, 3)
    quantised = cosines() @ blocks @ cosines().T / table
    return quantised.transpose(0, 2, 1, 3).reshape(luma.shape)


class TestPlanes:
    def test_colours_and_their_padding(self):
        pixels = np.full((9, 8, 3), (0, 255, 127), np.uint8)
        seen = preprocessing.official_planes(pixels, np.zeros((16, 8), np.int16))
        assert seen.shape == (24, 16, 8)
        assert seen[:3, 8, 7].tolist() == pytest.approx([-1, 1, -0.5 / 127.5])
        # Continued by 127.5, which is 0.
        assert seen[:3, 9:].tolist() == np.zeros((3, 7, 8)).tolist()

    @pytest.mark.parametrize(
        ("value", "plane"),
        [(0, 0), (1, 1), (-1, 1), (19, 19), (-19, 19), (20, 20), (-20, 20), (1000, 20), (-32768, 20)],
    )
    def test_one_plane_says_the_magnitude(self, value, plane):
        seen = preprocessing.official_planes(np.zeros((8, 8, 3), np.uint8), np.full((8, 8), value, np.int16))
        assert seen.shape == (24, 8, 8)
        assert seen[3:, 4, 4].tolist() == [float(index == plane) for index in range(21)]

    def test_exactly_one_plane_everywhere_and_zero_beyond_the_coefficients(self):
        drawn = np.random.default_rng(0).integers(-40, 40, (16, 24)).astype(np.int16)
        seen = preprocessing.official_planes(np.zeros((16, 30, 3), np.uint8), drawn)
        assert seen.shape == (24, 16, 32)
        assert (seen[3:].sum(axis=0) == 1).all()
        assert (seen[3, :, 24:] == 1).all()


class TestHeader:
    @pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 1}])
    def test_sizes(self, options):
        header = read_header(jpeg_of(pixels_of(33, 50), **options))
        assert (header.height, header.width, header.blocks) == (33, 50, (5, 7))

    def test_grey_has_luma_too(self):
        buffer = io.BytesIO()
        Image.fromarray(pixels_of(9, 9)[..., 0]).save(buffer, "JPEG")
        assert read_header(buffer.getvalue()).blocks == (2, 2)

    def test_cmyk_has_none(self):
        buffer = io.BytesIO()
        Image.fromarray(pixels_of(9, 9)).convert("CMYK").save(buffer, "JPEG")
        with pytest.raises(UnusualJpegError, match="4 components"):
            read_header(buffer.getvalue())

    def test_colours_that_are_stored_as_they_are(self):
        buffer = io.BytesIO()
        Image.fromarray(pixels_of(9, 9)).save(buffer, "JPEG", keep_rgb=True)
        with pytest.raises(UnusualJpegError, match="red, green, blue without luma"):
            read_header(buffer.getvalue())

    def test_other_kinds_of_frames_are_refused(self):
        data = jpeg_of(pixels_of(9, 9))
        place = data.index(b"\xff\xc0")
        for kind in (0xC3, 0xC5, 0xC9, 0xCA, 0xCF):
            with pytest.raises(UnusualJpegError, match="neither a baseline nor a progressive file"):
                read_header(data[: place + 1] + bytes([kind]) + data[place + 2 :])

    def test_two_frames_are_refused(self):
        data = jpeg_of(pixels_of(9, 9))
        place = data.index(b"\xff\xc0")
        frame = data[place : place + 2 + struct.unpack_from(">H", data, place + 2)[0]]
        with pytest.raises(UnusualJpegError):
            read_header(data[:place] + frame + data[place:])

    def test_luma_below_full_resolution_is_refused(self):
        data = bytearray(jpeg_of(pixels_of(16, 16)))
        place = data.index(b"\xff\xc0")
        data[place + 11], data[place + 14] = 0x11, 0x22
        with pytest.raises(UnusualJpegError, match="luma below full resolution"):
            read_header(bytes(data))

    def test_no_prefix_of_a_file_is_taken_for_a_header_before_its_scan(self):
        data = jpeg_of(pixels_of(9, 9))
        for length in range(data.index(b"\xff\xda")):
            with pytest.raises(UnusualJpegError):
                read_header(data[:length])

    def test_random_damage_raises_nothing_else(self):
        data = jpeg_of(pixels_of(9, 9))
        draw = np.random.default_rng(0)
        for _ in range(300):
            broken = bytearray(data)
            broken[int(draw.integers(0, data.index(b"\xff\xda") + 2))] = int(draw.integers(0, 256))
            with suppress(UnusualJpegError):
                assert min(read_header(bytes(broken)).blocks) >= 1


class TestFallback:
    """With a stand-in for the library, so that it is tested without the extra."""

    @pytest.fixture(autouse=True)
    def luma(self, monkeypatch):
        self.read = []

        def stand_in(data, shape=None):
            self.read.append(data)
            header = read_header(data)
            if shape is not None and (header.height, header.width) != shape[:2]:
                raise UnusualJpegError("another size than the picture's")
            rows, columns = header.blocks
            return Luma(np.zeros((rows * 8, columns * 8), np.int16), np.ones((8, 8), np.uint16))

        monkeypatch.setattr(preprocessing, "read_luma", stand_in)

    def test_a_jpegs_own_file_is_read(self):
        picture = jpeg_picture()
        found = preprocessing.prepare(picture)
        assert self.read == [picture.data]
        assert found.notes == ()
        assert found.pixels is picture.pixels

    def test_anything_else_is_saved_at_quality_100_without_subsampling_and_flagged(self):
        pixels = pixels_of(19, 30)
        for picture in (
            Picture("a", pixels),
            Picture("b", pixels, b"png", "PNG"),
            Picture("c", pixels, b"", "JPEG", 6),
        ):
            found = preprocessing.prepare(picture)
            assert found.notes == ("no JPEG: saved at quality 100, 4:4:4",)
            assert found.luma.coefficients.shape == (24, 32)
            saved = Image.open(io.BytesIO(self.read[-1]))
            # Quality 100 quantises by 1 throughout; 4:4:4 samples luma and chroma alike.
            assert {step for table in saved.quantization.values() for step in table} == {1}
            assert {layer[1:3] for layer in saved.layer} == {(1, 1)}
            np.testing.assert_array_equal(found.pixels, np.asarray(saved.convert("RGB")))
            assert np.abs(found.pixels.astype(int) - pixels).max() <= 5

    def test_jpegs_without_luma_are_flagged_with_the_reason(self):
        buffer = io.BytesIO()
        Image.fromarray(pixels_of(9, 9)).convert("CMYK").save(buffer, "JPEG")
        found = preprocessing.prepare(Picture("a", pixels_of(9, 9), buffer.getvalue(), "JPEG"))
        assert found.notes[0].startswith("JPEG with 4 components")
        assert found.notes[0].endswith(": saved at quality 100, 4:4:4")

    def test_a_file_of_another_size_than_the_pixels(self):
        picture = Picture("a", pixels_of(9, 9), jpeg_of(pixels_of(9, 17)), "JPEG")
        assert preprocessing.prepare(picture).notes[0].startswith("JPEG with another size than the picture's")

    def test_benco_shows_its_doubly_scaled_colours(self):
        planes, table = preprocessing.benco_planes(pixels_of(40, 60))
        assert planes.shape == (24, 512, 512)
        assert table.shape == (8, 8)
        # Statistics first, then (value - 127.5) / 127.5: all within -1.017 and -0.979.
        assert -1.0171 < planes[:3].min() < planes[:3].max() < -0.979
        saved = Image.open(io.BytesIO(self.read[-1]))
        assert saved.size == (512, 512)
        # What is cut to whole bytes around zero: -2.1 to 2.6 gives 254, 255, 0, 1, 2.
        assert saved.quantization[0][0] == 8


def test_without_the_extra_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(borrowed, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"cat-net: needs jpeglib, not installed: pip install 'imlbench\[jpeg\]'"):
        read_luma(jpeg_of(pixels_of(9, 9)))


def test_another_library_of_that_name_is_told(monkeypatch):
    monkeypatch.setattr(borrowed, "find_spec", lambda name: True)
    monkeypatch.setattr(coefficients, "import_module", lambda name: SimpleNamespace())
    with pytest.raises(UserError, match=r"jpeglib is not the one expected .AttributeError"):
        read_luma(jpeg_of(pixels_of(9, 9)))


@needs_jpeglib
class TestCoefficients:
    @pytest.mark.parametrize("options", [{"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}])
    @pytest.mark.parametrize("progressive", [False, True])
    def test_they_are_the_files_own(self, options, progressive, tmp_path):
        import jpeglib

        data = jpeg_of(pixels_of(37, 50), progressive=progressive, **options)
        (tmp_path / "a.jpg").write_bytes(data)
        file = jpeglib.read_dct(str(tmp_path / "a.jpg"))
        found = read_luma(data, (37, 50, 3))
        rows, columns = file.Y.shape[:2]
        np.testing.assert_array_equal(found.coefficients, file.Y.transpose(0, 2, 1, 3).reshape(rows * 8, columns * 8))
        np.testing.assert_array_equal(found.table, file.qt[0])

    def test_they_are_the_cosine_transform_of_what_was_saved(self):
        grey = pixels_of(32, 40)[..., 0]
        data = jpeg_of(np.repeat(grey[..., np.newaxis], 3, axis=2), quality=80)
        found = read_luma(data)
        expected = transformed(grey.astype(float) - 128, found.table)
        # Encoders compute in whole numbers: a coefficient next to a half may fall to either side.
        assert np.abs(found.coefficients - expected).max() <= 0.6
        assert np.abs(found.coefficients).max() > 20

    def test_the_table_is_the_one_that_pillow_names(self):
        data = jpeg_of(pixels_of(16, 16), quality=63)
        table = Image.open(io.BytesIO(data)).quantization[0]
        assert read_luma(data).table.ravel().tolist() == list(table)

    def test_quality_100_without_subsampling_round_trips(self):
        pixels = pixels_of(24, 24)
        data, decoded = saved_as_jpeg(pixels)
        assert (read_luma(data).table == 1).all()
        assert np.abs(decoded.astype(int) - pixels).max() <= 5

    def test_a_large_file_leaves_no_trace(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        read_luma(jpeg_of(pixels_of(400, 400)))
        assert list(tmp_path.iterdir()) == []

    def test_truncated_files_do_not_end_the_process(self):
        code = (
            "import sys; from detectors.cat_net.coefficients import read_luma;"
            "from detectors.cat_net.jpeg_header import UnusualJpegError\n"
            "data = sys.stdin.buffer.read()\n"
            "for length in range(len(data) // 2, len(data), 97):\n"
            "    try: read_luma(data[:length])\n"
            "    except UnusualJpegError: pass\n"
            "print('alive')"
        )
        data = jpeg_of(pixels_of(40, 40))
        said = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=False)
        assert said.stdout.strip() == b"alive"
