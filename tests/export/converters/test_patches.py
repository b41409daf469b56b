"""PatchExtractor answers with every patch of every image, as scikit-learn's does."""

import numpy as np
import pytest
from sklearn.feature_extraction.image import PatchExtractor
from sklearn.pipeline import make_pipeline

import bridge
from bridge.errors import InputError, UnsupportedError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((12, 8, 8), (3, 3)),
        ((5, 8, 9, 3), (3, 2)),
        ((5, 20, 31), None),
        ((4, 3, 5, 1), (3, 5)),
        ((4, 3, 5, 2, 2), (1, 2)),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
@pytest.mark.parametrize("target", ["cpu", "cuda", "portable"])
def test_patches(shape, size, dtype, target):
    images = RNG.integers(256, size=shape).astype(dtype) / np.array(7 if dtype != np.uint8 else 1, dtype)
    images = images.astype(dtype)
    extractor = PatchExtractor(patch_size=size)
    file = bridge.export(make_pipeline(extractor), images[:3], target=target)
    assert bridge.verify(extractor, file, images).ok
    predictor, expected = bridge.load(file, device="cpu"), extractor.transform(images)
    found = predictor.in_blocks(2).transform(images)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found, expected, rtol=1e-6 if target == "portable" else 0)
    assert predictor.transform(images[:0]).shape == (0, *expected.shape[1:])
    assert not hasattr(predictor, "n_features_in_")


def test_a_fixed_number_of_images():
    images = RNG.normal(size=(7, 6, 5))
    extractor = PatchExtractor(patch_size=(2, 2))
    assert bridge.verify(extractor, bridge.export(extractor, images, batch_size=4), images).ok


def test_patches_drawn_at_random_are_refused():
    images = RNG.normal(size=(3, 6, 5))
    with pytest.raises(UnsupportedError, match=r"PatchExtractor\(max_patches=4\) draws patches at random"):
        bridge.export(PatchExtractor(patch_size=(2, 2), max_patches=4, random_state=0), images)


def test_other_images_are_refused():
    images = RNG.normal(size=(3, 6, 5))
    predictor = bridge.compile(PatchExtractor(patch_size=(2, 2)), images, device="cpu")
    with pytest.raises(InputError, match=r"exported for images of shape \(6, 5\); found an array of shape \(3, 5, 5\)"):
        predictor.transform(images[:, 1:])
    with pytest.raises(InputError, match=r"exported for images of shape \(6, 5\); found an array of shape \(3, 30\)"):
        predictor.transform(images.reshape(3, 30))
    images[1, 2, 3] = np.nan
    with pytest.raises(InputError, match=r"X contains NaN in row 1, which the estimator does not accept"):
        predictor.transform(images)
