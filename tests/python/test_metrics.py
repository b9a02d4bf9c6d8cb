"""Comparisons and histograms."""

import math

import nniesim
import numpy as np


def test_compare_is_what_numpy_says(rng):
    r = rng.standard_normal((4, 50)).astype(np.float32)
    x = (r + 0.01 * rng.standard_normal(r.shape)).astype(np.float32)
    c = nniesim.compare(r, x)
    a, b = r.astype(float).ravel(), x.astype(float).ravel()
    assert math.isclose(c.cosine, a @ b / np.linalg.norm(a) / np.linalg.norm(b), rel_tol=1e-12)
    assert math.isclose(c.norm_error, np.linalg.norm(b) / np.linalg.norm(a) - 1, rel_tol=1e-6)
    assert math.isclose(c.relative_l2_error, np.linalg.norm(b - a) / np.linalg.norm(a), rel_tol=1e-12)
    assert math.isclose(c.snr_db, -20 * math.log10(c.relative_l2_error), rel_tol=1e-12)
    assert c.max_abs == np.abs(b - a).max() and c.max_index == np.abs(b - a).argmax()
    assert (c.max_reference, c.max_other) == (a[c.max_index], b[c.max_index])
    assert math.isclose(c.mean_error, (b - a).mean(), rel_tol=1e-9, abs_tol=1e-15)
    assert c.count == r.size and "cosine" in repr(c) and "<table>" in c._repr_html_()


def test_doubles_and_layouts_compare_too(rng):
    r = rng.standard_normal((5, 6))
    assert nniesim.compare(r, r).snr_db == math.inf
    assert nniesim.compare(r.T, r.T.astype(np.float32)).cosine > 0.999999
    assert nniesim.compare(r[::2], r[::2].copy()) == nniesim.compare(r[::2].copy(), r[::2])


def test_nan_meets_no_threshold():
    x = np.ones(3, np.float32)
    y = np.array([1, np.nan, np.inf], np.float32)
    c = nniesim.compare(x, y)
    assert math.isnan(c.cosine) and c.bad_other == 2 and c.bad_reference == 0


def test_compare_samples_is_the_mean_over_the_first_axis(rng):
    r = rng.standard_normal((3, 40)).astype(np.float32)
    x = nniesim.gfpq8.fake_quantize(r)
    each = [nniesim.compare(a, b) for a, b in zip(r, x)]
    assert math.isclose(nniesim.compare_samples(r, x).cosine, sum(c.cosine for c in each) / 3, rel_tol=1e-12)


def test_histograms(rng):
    r = rng.standard_normal(1000).astype(np.float32)
    h = nniesim.histograms(r, r, 32)
    assert len(h.edges) == 33 and h.reference.bins.sum() == 1000
    assert np.array_equal(h.reference.bins, np.histogram(r, h.edges)[0])
    log = nniesim.histograms(np.array([0, 1, 2, np.nan], np.float32), r, 8, logarithmic=True)
    assert log.reference.zeros == 1 and log.reference.not_finite == 1 and log.reference.bins.sum() == 2
