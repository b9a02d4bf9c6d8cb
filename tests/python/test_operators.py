"""Operators under every policy."""

import math

import nniesim
import numpy as np
import pytest
from conftest import bits

POLICIES = ("float32", "w8a8", "w16a16")


def exact(rng, *shape):
    """Values that every policy holds exactly, sums of some of their products too."""
    return rng.choice(np.array([-2, -1, -0.5, 0, 0.5, 1, 2], np.float32), shape)


def convolve(x, w, stride, pad):
    """In float64, straight from the definition."""
    x = np.pad(x.astype(float), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    return np.einsum("nchwij,ocij->nohw", windows, w.astype(float))


def given(y, expected, policy):
    """Float gives what is exact; the accelerator multiplies a sum by an integer and truncates: up to a unit less."""
    short = np.asarray(expected, np.float32) - y
    return not short.any() if policy == "float32" else short.min() >= 0 and short.max() <= 1 / 4096


def truncated(exact, y):
    """Whether layer values are the whole 4096ths of exact sums, those below."""
    short = exact - y
    return short.min() > -1e-6 and short.max() < 1 / 4096 + 1e-6


UNIFORM = {"uniform_w8a8": nniesim.uniform8, "uniform_w16a16": nniesim.uniform16}


@pytest.mark.parametrize("policy", UNIFORM)
def test_uniform_policies_sum_products_of_codes(policy, rng):
    form = UNIFORM[policy]
    x, w = rng.standard_normal((2, 4, 9, 9)).astype(np.float32), rng.standard_normal((6, 4, 3, 3)).astype(np.float32)
    b = rng.standard_normal(6).astype(np.float32)
    codes_x, codes_w = form.fake_quantize(x, form.scale_of(x)), form.fake_quantize(w, form.scale_of(w))
    expected = convolve(codes_x, codes_w, 1, 1) + b[:, None, None]
    y = nniesim.conv2d(x, w, b, policy=policy, pad=1)
    assert truncated(expected, y)
    raw = nniesim.conv2d(x, w, b, policy=policy, pad=1, raw=True)
    assert raw.dtype == np.int32 and np.array_equal(raw / np.float32(4096), y)
    flat = np.ascontiguousarray(x.reshape(2, -1)[:, :216])
    y = nniesim.fully_connected(flat, codes_w.reshape(1, -1), policy=policy)
    assert truncated(form.fake_quantize(flat).astype(float) @ codes_w.reshape(-1, 1).astype(float), y)
    assert nniesim.relu(x, policy=policy).min() == 0 and np.abs(nniesim.relu(x, policy=policy) - x.clip(0)).max() < 0.02
    assert np.abs(nniesim.eltwise([x, x], policy=policy) - 2 * x).max() < 0.05
    assert np.abs(nniesim.softmax(x, policy=policy).sum(1) - 1).max() < 0.02


@pytest.mark.parametrize("policy", POLICIES)
class TestExactNumbers:
    """Where no format rounds, every policy gives the definition's result."""

    def test_conv2d(self, policy, rng):
        x, w, b = exact(rng, 2, 4, 9, 9), exact(rng, 6, 4, 3, 3), exact(rng, 6)
        y = nniesim.conv2d(x, w, b, policy=policy, stride=2, pad=1)
        assert given(y, convolve(x, w, 2, 1) + b[:, None, None], policy)
        grouped = nniesim.conv2d(x, w[:, :2], policy=policy, stride=(2, 2), pad=(1, 1, 1, 1), groups=2)
        halves = [convolve(x[:, 2 * g : 2 * g + 2], w[3 * g : 3 * g + 3, :2], 2, 1) for g in range(2)]
        assert given(grouped, np.concatenate(halves, 1), policy)
        y = nniesim.conv2d(x, w, policy=policy, dilation=(2, 1))
        assert given(y, convolve(x, np.insert(w, [1, 2], 0, axis=2), 1, 0), policy)

    def test_deconv2d(self, policy, rng):
        x, w = exact(rng, 1, 3, 4, 4), exact(rng, 3, 2, 2, 2)
        expected = np.einsum("nchw,coij->nohiwj", x.astype(float), w.astype(float)).reshape(1, 2, 8, 8)
        assert given(nniesim.deconv2d(x, w, policy=policy, stride=2), expected, policy)

    def test_fully_connected_and_matmul(self, policy, rng):
        x, w, b = exact(rng, 3, 10), exact(rng, 7, 10), exact(rng, 7)
        assert given(nniesim.fully_connected(x, w, b, policy=policy), x @ w.T + b, policy)
        assert given(nniesim.matmul(x, w, policy=policy, transpose_b=True), x @ w.T, policy)

    def test_pooling(self, policy, rng):
        x = exact(rng, 1, 2, 6, 6)
        blocks = x.reshape(1, 2, 3, 2, 3, 2)
        assert np.array_equal(nniesim.pooling(x, policy=policy, kernel=2, stride=2), blocks.max((3, 5)))
        mean = nniesim.pooling(x, "average", policy=policy, kernel=2, stride=2)
        assert np.array_equal(mean, blocks.mean((3, 5)))
        whole = nniesim.pooling(x, global_map=True, policy=policy)
        assert np.array_equal(whole, x.max((2, 3), keepdims=True))
        assert nniesim.pooling(x, policy=policy, kernel=3, stride=2, size="floor").shape[2] == 2

    def test_activations(self, policy, rng):
        x = exact(rng, 2, 3, 4, 4)
        assert np.array_equal(nniesim.relu(x, policy=policy), np.maximum(x, 0))
        assert np.array_equal(nniesim.relu(x, policy=policy, negative_slope=0.5), np.where(x > 0, x, x / 2))
        slopes = np.array([0.5, 0.25, 0], np.float32)
        assert np.array_equal(nniesim.prelu(x, slopes, policy=policy), np.where(x > 0, x, x * slopes[:, None, None]))
        assert np.array_equal(nniesim.activation(x, "absolute", policy=policy), np.abs(x))
        y = nniesim.activation(x, "sigmoid", policy=policy, rule="exact")
        assert np.abs(y - 1 / (1 + np.exp(-x.astype(float)))).max() < 1 / 4096

    def test_scales(self, policy, rng):
        x, f = exact(rng, 2, 3, 4, 4), np.array([0.5, 1, 2], np.float32)
        shift = f[:, None, None]
        assert np.array_equal(nniesim.scale(x, f, policy=policy), x * shift)
        assert np.array_equal(nniesim.scale(x, f, f, policy=policy), x * shift + shift)
        assert np.array_equal(nniesim.bias(x, f, policy=policy), x + shift)
        assert np.array_equal(nniesim.power(x, 2, policy=policy, scale=2, shift=1), (2 * x + 1) ** 2)
        y = nniesim.batch_norm(x, f * 0, f * 0 + 1, f, f, policy=policy, epsilon=0.0)
        assert np.array_equal(y, x * shift + shift)

    def test_several_inputs(self, policy, rng):
        a, b = exact(rng, 2, 3, 4, 4), exact(rng, 2, 3, 4, 4)
        assert np.array_equal(nniesim.eltwise([a, b], policy=policy), a + b)
        assert np.array_equal(nniesim.eltwise((a, b, a), "maximum", policy=policy), np.maximum(a, b))
        weights = np.array([1, -1], np.float32)
        assert np.array_equal(nniesim.eltwise([a, b], policy=policy, coefficients=weights), a - b)
        assert np.array_equal(nniesim.concat([a, b, a], policy=policy), np.concatenate([a, b, a], 1))

    def test_reductions(self, policy, rng):
        x = exact(rng, 2, 4, 2, 2)
        assert np.array_equal(nniesim.reduce_mean(x, (2, 3), policy=policy), x.mean((2, 3), keepdims=True))
        assert np.array_equal(nniesim.reduce_sum(x, 1, policy=policy, keep_axes=False), x.sum(1))
        squares = nniesim.reduce_sum(x, [1], policy=policy, term="square", coefficient=0.5)
        assert np.array_equal(squares, 0.5 * (x**2).sum(1, keepdims=True))
        assert np.array_equal(nniesim.upsample(x, 2, policy=policy), x.repeat(2, 2).repeat(2, 3))
        if policy == "float32":
            assert nniesim.upsample(x, policy=policy, size=(3, 4)).shape == (2, 4, 3, 4)
        with pytest.raises(nniesim.ShapeError, match="upsample"):
            nniesim.upsample(x, 1 << 20, policy=policy)

    def test_norms_are_near_the_definition(self, policy, rng):
        x = rng.standard_normal((2, 6, 3, 3)).astype(np.float32)
        d = x.astype(float)
        near = 4 / 4096
        y = nniesim.l2_normalize(x, policy=policy)
        assert np.abs(y - d / np.sqrt((d**2).sum((1, 2, 3), keepdims=True))).max() < near
        y = nniesim.mvn(x, policy=policy)
        assert np.abs(y - (d - d.mean((2, 3), keepdims=True)) / d.std((2, 3), keepdims=True)).max() < near
        y = nniesim.softmax(x, policy=policy)
        e = np.exp(d)
        assert np.abs(y - e / e.sum(1, keepdims=True)).max() < 40 / 4096
        assert nniesim.lrn(x, policy=policy).shape == x.shape
        flat = x.reshape(2, -1)
        length = np.linalg.norm(flat.astype(float), axis=1, keepdims=True)
        # The chain of layers truncates: the norms shift, the directions stay.
        y = nniesim.add_one_norm_outside(flat, policy=policy)
        c = nniesim.compare(flat / (1 + length / 512), y)
        assert c.cosine > 0.9999 and abs(c.norm_error) < (1e-6 if policy == "float32" else 0.05)
        y = nniesim.add_one_norm_inside(flat, policy=policy)
        c = nniesim.compare(flat / np.sqrt((flat.astype(float) ** 2).mean(1, keepdims=True) + 1), y)
        assert c.cosine > 0.9999 and abs(c.norm_error) < (1e-6 if policy == "float32" else 0.05)


def test_the_readme_of_the_library():
    """What the first example of README.md prints."""
    x, w = np.ones((1, 3, 32, 32), np.float32), np.full((8, 3, 3, 3), 0.3, np.float32)
    reference, y8 = (nniesim.conv2d(x, w, policy=p, stride=2, pad=1) for p in ("float32", "w8a8"))
    c = nniesim.compare(reference, y8)
    assert f"{c.cosine:.6g}" == "1" and f"{c.norm_error:.6g}" == "-1.83756e-05"


@pytest.mark.parametrize("policy", POLICIES)
def test_an_operator_is_the_networks_layer(policy, two_layers, rng):
    prototxt, caffemodel, weights = two_layers
    network = nniesim.Network.from_caffe(prototxt, caffemodel)
    x = rng.standard_normal((1, 3, 8, 8)).astype(np.float32)
    values = network.run(x, policy)
    conv = nniesim.conv2d(x, weights["conv.weight"], weights["conv.bias"], policy=policy, stride=2, pad=1)
    assert np.array_equal(bits(values["conv"]), bits(conv))
    fc = nniesim.conv2d(values["conv"], weights["fc.weight"], weights["fc.bias"], policy=policy)
    assert np.array_equal(bits(values["fc"]), bits(fc))


def test_raw_values_are_in_units_of_a_4096th(rng):
    x, w = rng.standard_normal((1, 3, 8, 8)).astype(np.float32), rng.standard_normal((4, 3, 3, 3)).astype(np.float32)
    y, raw = (nniesim.conv2d(x, w, policy="w8a8", raw=r) for r in (False, True))
    assert raw.dtype == np.int32 and np.array_equal(y, raw.astype(np.float32) / 4096)
    assert np.array_equal(nniesim.relu(raw, policy="w8a8", raw=True), np.maximum(raw, 0))
    assert np.array_equal(nniesim.conv2d(raw, w[:, :, :1, :1].repeat(2, 1)[:, :4], policy="w8a8").shape, (1, 4, 6, 6))
    assert np.array_equal(nniesim.relu(y, policy="w8a8"), nniesim.relu(raw, policy="w8a8"))


@pytest.mark.parametrize("policy", POLICIES)
def test_threads_and_layouts_change_no_bit(policy, rng):
    x, w = rng.standard_normal((2, 8, 30, 30)).astype(np.float32), rng.standard_normal((24, 8, 3, 3)).astype(np.float32)
    one = nniesim.conv2d(x, w, policy=policy, pad=1)
    for threads in (2, 5):
        assert np.array_equal(bits(nniesim.conv2d(x, w, policy=policy, pad=1, threads=threads)), bits(one))
    view = np.asfortranarray(x)
    assert np.array_equal(bits(nniesim.conv2d(view, w, policy=policy, pad=1)), bits(one))
    assert not math.isnan(nniesim.compare(one, one).cosine)
