"""Operators on maps, channels and regions that the host computes, under every policy."""

import nniesim
import numpy as np
import pytest

POLICIES = ("float32", "w8a8", "w16a16", "uniform_w8a8")


def exact(rng, *shape):
    """Values that the policies of the accelerator hold exactly."""
    return rng.choice(np.array([-2, -1, -0.5, 0, 0.5, 1, 2], np.float32), shape)


def sixteenths(rng, *shape):
    """Different values that layers write exactly."""
    return (rng.permutation(np.prod(shape)).reshape(shape) / 16 - 2).astype(np.float32)


@pytest.mark.parametrize("policy", POLICIES)
class TestChannels:
    def test_crelu(self, policy, rng):
        x = sixteenths(rng, 2, 3, 4, 4)
        both = np.concatenate([x.clip(0), (-x).clip(0)], 1)
        assert np.array_equal(nniesim.crelu(x, policy=policy), both)
        leaky = np.concatenate([np.where(v > 0, v, v / 4) for v in (x, -x)], 3)
        assert np.array_equal(nniesim.crelu(x, policy=policy, axis=3, negative_slope=0.25), leaky)

    def test_axpy(self, policy, rng):
        a, x, b = exact(rng, 2, 3), exact(rng, 2, 3, 4, 5), exact(rng, 2, 3, 4, 5)
        expected = a[..., None, None] * x + b
        assert np.array_equal(nniesim.axpy(a, x, b, policy=policy), expected)
        assert np.array_equal(nniesim.axpy(a[..., None, None], x, b, policy=policy), expected)

    def test_shuffle_channel(self, policy, rng):
        x = sixteenths(rng, 2, 6, 2, 2)
        expected = x.reshape(2, 3, 2, 2, 2).swapaxes(1, 2).reshape(x.shape)
        assert np.array_equal(nniesim.shuffle_channel(x, 3, policy=policy), expected)

    def test_arg_max(self, policy, rng):
        x = sixteenths(rng, 2, 5, 3)
        order = np.argsort(-x, 1)[:, :2]
        places = nniesim.arg_max(x, policy=policy, top_k=2, axis=1)
        assert places.dtype == np.float32 and np.array_equal(places, order)
        values = nniesim.arg_max(x, policy=policy, top_k=2, axis=1, out_max_val=True)
        assert np.array_equal(values, np.take_along_axis(x, order, 1))
        flat = x.reshape(2, -1)
        best = np.argsort(-flat, 1)[:, :4]
        both = nniesim.arg_max(x, policy=policy, top_k=4, out_max_val=True)
        assert np.array_equal(both, np.stack([best, np.take_along_axis(flat, best, 1)], 1))
        assert nniesim.arg_max(np.ones((1, 4), np.float32), policy=policy).item() == 3  # of equal ones the last


def between(x, places, axis):
    """Linear between elements along an axis, at places."""
    below = np.floor(places).astype(int)
    above = np.minimum(below + 1, x.shape[axis] - 1)
    part = (places - below).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return x.take(below, axis) * (1 - part) + x.take(above, axis) * part


GRIDS = {
    "corners": lambda o, n, m: o * (n - 1) / max(m - 1, 1),
    "origin": lambda o, n, m: o * n / m,
    "half_pixels": lambda o, n, m: np.clip((o + 0.5) * n / m - 0.5, 0, n - 1),
}


@pytest.mark.parametrize("policy", POLICIES)
class TestMaps:
    @pytest.mark.parametrize("grid", GRIDS)
    @pytest.mark.parametrize("size", [(9, 7), (3, 1), (5, 4)])
    def test_resize(self, policy, grid, size, rng):
        x = sixteenths(rng, 2, 2, 5, 4)
        expected = x.astype(float)
        for axis in (2, 3):
            n, m = x.shape[axis], size[axis - 2]
            expected = between(expected, np.minimum(GRIDS[grid](np.arange(m), n, m), n - 1), axis)
        y = nniesim.resize(x, size, policy=policy, grid=grid)
        short = expected - y  # what layers write is truncated
        assert (
            np.abs(short).max() < 1e-6 if policy == "float32" else -1e-6 < short.min() and short.max() < 1 / 4096 + 1e-6
        )

    def test_resize_nearest_of_a_part(self, policy, rng):
        x = sixteenths(rng, 1, 2, 6, 6)
        y = nniesim.resize(x, 8, policy=policy, method="nearest", grid="origin", crop=1)
        assert np.array_equal(y, x[:, :, 1:5, 1:5].repeat(2, 2).repeat(2, 3))

    def test_spp(self, policy, rng):
        x = exact(rng, 2, 3, 8, 4)
        levels = [x.reshape(2, 3, k, 8 // k, k, 4 // k) for k in (1, 2, 4)]
        expected = np.concatenate([v.max((3, 5)).reshape(2, -1) for v in levels], 1)
        if policy == "uniform_w8a8":  # whose codes are multiples of a step that is no power of two
            assert np.abs(nniesim.spp(x, 3, policy=policy) - expected).max() < 0.01
        else:
            assert np.array_equal(nniesim.spp(x, 3, policy=policy), expected)
        means = np.concatenate([v.mean((3, 5)).reshape(2, -1) for v in levels], 1)
        assert np.array_equal(nniesim.spp(x, 3, "average", policy=policy), means)

    def test_unpool_by_the_places_of_a_pooling(self, policy, rng):
        x = np.stack([rng.permutation(36).reshape(6, 6) for _ in range(4)]).reshape(2, 2, 6, 6).astype(np.float32) - 30
        x = np.where(np.abs(x) < 16, x, 0) / 2
        x += np.where(x == 0, -8, 0)  # of equal ones the first counts
        blocks = x.reshape(2, 2, 3, 2, 2, 3).transpose(0, 1, 2, 4, 3, 5).reshape(2, 2, 3, 2, 6)
        best = blocks.argmax(4)
        row, column = np.arange(3)[:, None] * 2 + best // 3, np.arange(2) * 3 + best % 3
        if policy in ("float32", "w16a16"):  # codes of 8 bits may be equal
            places = nniesim.pooling_places(x, policy=policy, kernel=(2, 3), stride=(2, 3))
            assert np.array_equal(places, row * 6 + column)
        raw = None if policy == "float32" else nniesim.pooling_places(x, policy=policy, kernel=2, raw=True)
        assert raw is None or (raw.dtype == np.int32 and not (raw % 4096).any() and raw.max() < 36 * 4096)
        places = (row * 6 + column).astype(np.float32)
        expected = np.zeros((4, 36), np.float32)
        np.put_along_axis(expected, places.reshape(4, -1).astype(int), blocks.max(4).reshape(4, -1), 1)
        y = nniesim.unpool(blocks.max(4), places, 6, policy=policy)
        assert np.array_equal(y, expected.reshape(x.shape))


def rounded(v):
    """Halves away from zero."""
    return int(np.floor(v + 0.5) if v >= 0 else np.ceil(v - 0.5))


def roi_maxima(x, regions, rows, columns, scale):
    """Fast R-CNN's, from its definition."""
    y = np.zeros((len(regions), x.shape[1], rows, columns), np.float32)
    for r, (picture, *corners) in enumerate(regions.tolist()):
        if picture < 0:
            continue
        left, top, right, bottom = (rounded(c * scale) for c in corners)
        high, wide = max(bottom - top + 1, 1) / rows, max(right - left + 1, 1) / columns
        for i, j in np.ndindex(rows, columns):
            a, b = (int(np.clip(v + top, 0, x.shape[2])) for v in (np.floor(i * high), np.ceil((i + 1) * high)))
            c, d = (int(np.clip(v + left, 0, x.shape[3])) for v in (np.floor(j * wide), np.ceil((j + 1) * wide)))
            if a < b and c < d:
                y[r, :, i, j] = x[int(picture), :, a:b, c:d].max((1, 2))
    return y


def psroi_means(x, regions, outputs, group, scale):
    """R-FCN's, from its definition."""
    y = np.zeros((len(regions), outputs, group, group))
    for r, (picture, *corners) in enumerate(regions.tolist()):
        left, top = (rounded(c) * scale for c in corners[:2])
        right, bottom = ((rounded(c) + 1) * scale for c in corners[2:])
        high, wide = max(bottom - top, 0.1) / group, max(right - left, 0.1) / group
        for o, i, j in np.ndindex(outputs, group, group):
            a, b = (int(np.clip(v, 0, x.shape[2])) for v in (np.floor(top + i * high), np.ceil(top + (i + 1) * high)))
            c, d = (int(np.clip(v, 0, x.shape[3])) for v in (np.floor(left + j * wide), np.ceil(left + (j + 1) * wide)))
            if a < b and c < d:
                y[r, o, i, j] = x[int(picture), (o * group + i) * group + j, a:b, c:d].astype(float).mean()
    return y


REGIONS = np.array(
    [
        [0, 0, 0, 15, 15],
        [1, 3, 5, 24, 18],
        [1, -9, -9, 60, 60],
        [0, 8, 8, 8, 8],
        [1, 22, 2, 27, 30],
        [0, 90, 90, 99, 99],
    ],
    np.float32,
)


@pytest.mark.parametrize("policy", POLICIES)
class TestRegions:
    def test_roi_pooling(self, policy, rng):
        x = sixteenths(rng, 2, 3, 8, 7)
        regions = np.concatenate([REGIONS, [[-1, 0, 0, 0, 0]]]).astype(np.float32)
        y = nniesim.roi_pooling(x, regions, (2, 4), policy=policy, spatial_scale=0.25)
        assert y.any() and np.array_equal(y, roi_maxima(x, regions, 2, 4, 0.25))

    def test_psroi_pooling(self, policy, rng):
        x = sixteenths(rng, 2, 8, 8, 7)
        y = nniesim.psroi_pooling(x, REGIONS, 2, 2, policy=policy, spatial_scale=0.25)
        expected = psroi_means(x, REGIONS, 2, 2, 0.25)
        assert y.any() and np.abs(y - expected).max() < (1e-6 if policy == "float32" else 1 / 4096)


def test_raw_values_go_in_and_out(rng):
    x = sixteenths(rng, 1, 2, 4, 4)
    raw = (x * 4096).astype(np.int32)
    for call in (
        lambda v, **n: nniesim.crelu(v, **n),
        lambda v, **n: nniesim.axpy(v[:, :, 0, 0], v, v, **n),
        lambda v, **n: nniesim.shuffle_channel(v, 2, **n),
        lambda v, **n: nniesim.resize(v, (5, 6), **n),
        lambda v, **n: nniesim.spp(v, 2, **n),
    ):
        y = call(raw, policy="w8a8", raw=True)
        assert y.dtype == np.int32 and np.array_equal(y.astype(np.float32) / 4096, call(x, policy="w8a8"))
    assert np.array_equal(nniesim.arg_max(raw, policy="w8a8"), nniesim.arg_max(x, policy="w8a8"))


X = np.ones((1, 4, 8, 8), np.float32)
ONE = np.array([[0, 0, 0, 4, 4]], np.float32)
HUGE = np.ones((1, 256, 4, 4), np.float32)
ERRORS = {
    "crelu's axis": (nniesim.ShapeError, lambda p: nniesim.crelu(X, policy=p, axis=4), "crelu: axis 4"),
    "crelu's slope": (ValueError, lambda p: nniesim.crelu(X, policy=p, negative_slope=np.inf), "slope"),
    "crelu's type": (
        TypeError,
        lambda p: nniesim.crelu(X.astype(float), policy=p),
        "crelu: x has element type float64",
    ),
    "axpy's factors": (nniesim.ShapeError, lambda p: nniesim.axpy(X[:, :3, 0, 0], X, X, policy=p), "axpy: factors 1x3"),
    "axpy's NaN": (
        nniesim.FormatError,
        lambda p: nniesim.axpy(X[:, :, 0, 0] * np.nan, X, X, policy=p),
        "axpy.*NaN at",
    ),
    "axpy's type": (TypeError, lambda p: nniesim.axpy(None, X, X, policy=p), "axpy: a is of type NoneType"),
    "groups": (nniesim.ShapeError, lambda p: nniesim.shuffle_channel(X, 3, policy=p), "shuffle_channel: 3 groups"),
    "a float of groups": (TypeError, lambda p: nniesim.shuffle_channel(X, 2.0, policy=p), "groups is of type float"),
    "top_k": (nniesim.ShapeError, lambda p: nniesim.arg_max(X, policy=p, axis=1, top_k=5), "arg_max: the 5 largest"),
    "arg_max's axis": (TypeError, lambda p: nniesim.arg_max(X, policy=p, axis="1"), "arg_max: axis is of type str"),
    "nothing": (nniesim.ShapeError, lambda p: nniesim.arg_max(X[:0], policy=p), "arg_max"),
    "size 0": (nniesim.ShapeError, lambda p: nniesim.resize(X, (0, 3), policy=p), "resize rows"),
    "what is cropped": (nniesim.ShapeError, lambda p: nniesim.resize(X, 3, policy=p, crop=4), "resize rows"),
    "a huge size": (nniesim.ShapeError, lambda p: nniesim.resize(X, 2**23, policy=p), "at most 1073741824 elements"),
    "method": (nniesim.FormatError, lambda p: nniesim.resize(X, 3, policy=p, method="cubic"), "resize: method is"),
    "levels": (nniesim.ShapeError, lambda p: nniesim.spp(X, 11, policy=p), "spp: 11 levels"),
    "levels 0": (nniesim.ShapeError, lambda p: nniesim.spp(X, 0, policy=p), "spp: 0 levels"),
    "small maps": (nniesim.ShapeError, lambda p: nniesim.spp(X, 5, policy=p), "spp"),
    "no pictures": (nniesim.ShapeError, lambda p: nniesim.spp(X[:0], 1, policy=p), "spp input"),
    "places' kernel": (nniesim.ShapeError, lambda p: nniesim.pooling_places(X, policy=p, kernel=99), "kernel 99"),
    "places' shape": (nniesim.ShapeError, lambda p: nniesim.unpool(X, X[:, :1], 16, policy=p), "unpool: places of"),
    "places outside": (nniesim.FormatError, lambda p: nniesim.unpool(X, X * 64, 8, policy=p), "unpool: place 64"),
    "half places": (nniesim.FormatError, lambda p: nniesim.unpool(X, X / 2, 8, policy=p), "unpool: place 0.5"),
    "many zeros": (
        nniesim.ShapeError,
        lambda p: nniesim.unpool(HUGE, HUGE, 2**12, policy=p),
        "unpool: a result of shape 1x256x4096x4096",
    ),
    "regions": (nniesim.ShapeError, lambda p: nniesim.roi_pooling(X, ONE[:, :4], 2, policy=p), "regions of shape 1x4"),
    "no such picture": (nniesim.FormatError, lambda p: nniesim.roi_pooling(X, ONE + 1, 2, policy=p), "of picture 1"),
    "scale 0": (
        nniesim.FormatError,
        lambda p: nniesim.roi_pooling(X, ONE, 2, policy=p, spatial_scale=0.0),
        "spatial_scale 0",
    ),
    "a huge grid": (
        nniesim.ShapeError,
        lambda p: nniesim.roi_pooling(HUGE, ONE, 2**12, policy=p),
        "roi_pooling: a result of shape 1x256x4096x4096",
    ),
    "NaN in regions": (nniesim.FormatError, lambda p: nniesim.roi_pooling(X, ONE * np.nan, 2, policy=p), "NaN at"),
    "channels": (nniesim.ShapeError, lambda p: nniesim.psroi_pooling(X, ONE, 2, 2, policy=p), "psroi_pooling: input"),
    "outputs": (nniesim.FormatError, lambda p: nniesim.psroi_pooling(X, ONE, 0, 2, policy=p), "outputs is 0"),
    "policy": (nniesim.FormatError, lambda p: nniesim.spp(X, 1, policy=p + "x"), "policy is"),
}


@pytest.mark.parametrize("policy", ["float32", "w8a8"])
@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_the_argument(name, policy):
    kind, call, message = ERRORS[name]
    with pytest.raises(kind, match=message):
        call(policy)
