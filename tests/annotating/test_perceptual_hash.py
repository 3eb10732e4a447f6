import cv2
import numpy as np

from imlbench.annotating.perceptual_hash import perceptual_hash
from tests.annotating.making_pairs import photograph


def bits_between(first: np.ndarray, second: np.ndarray) -> int:
    return (int(perceptual_hash(first), 16) ^ int(perceptual_hash(second), 16)).bit_count()


def smooth(seed: int) -> np.ndarray:
    """An image with much at low frequencies, as photographs have."""
    return cv2.resize(photograph(seed, 16), (256, 192), interpolation=cv2.INTER_CUBIC)


def test_a_hash_is_sixteen_hexadecimal_digits():
    assert len(perceptual_hash(smooth(1))) == 16
    assert int(perceptual_hash(smooth(1)), 16) > 0


def test_copies_of_other_size_and_quality_are_near():
    image = smooth(1)
    compressed = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR)
    assert bits_between(image, cv2.resize(image, (100, 75), interpolation=cv2.INTER_AREA)) <= 4
    assert bits_between(image, compressed) <= 4


def test_other_images_are_far():
    assert min(bits_between(smooth(1), smooth(seed)) for seed in range(2, 12)) >= 12


def test_images_of_one_colour_have_a_hash():
    for value in (0, 1, 128, 255):
        assert perceptual_hash(np.full((5, 7, 3), value, np.uint8)) in ("0" * 16, "8" + "0" * 15)
