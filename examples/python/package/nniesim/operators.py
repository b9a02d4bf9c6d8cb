"""Operators, one layer each, under a policy: "float32" (the reference), "w8a8" or "w16a16" (the accelerator's), or
"uniform_w8a8" or "uniform_w16a16" (integers in equal steps, exact sums).

Feature maps are N x C x H x W. Inputs are float32, or int32 in units of 1/4096: what a layer of the accelerator wrote
(`raw=True`). Results are float32, or with `raw=True` that int32, which policy "float32" does not have. Sizes that stand
for rows and columns are an int for both or a pair; `pad` may also be (top, left, bottom, right). Scales of weights and
activations are derived from the data. Parameters that are left out have Caffe's defaults.

All raise ShapeError where shapes do not fit, FormatError for NaN in the inputs and for parameters that the policy does not
have, TypeError for arguments of another type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional, Union

import numpy.typing as npt

from ._types import Array
from ._types import core as _core

Sizes = Union[int, Sequence[int]]
Result = npt.NDArray[Any]


def conv2d(
    x: Array,
    w: Array,
    bias: Optional[Array] = None,
    *,
    policy: str,
    stride: Sizes = 1,
    pad: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    threads: int = 1,
    raw: bool = False,
) -> Result:
    """Convolution of x (N x C x H x W) with w (OC x C/groups x KH x KW) and a bias of OC values."""
    return _core.conv2d(x, w, bias, policy, stride, pad, dilation, groups, threads, raw)  # type: ignore[no-any-return]


def deconv2d(
    x: Array,
    w: Array,
    bias: Optional[Array] = None,
    *,
    policy: str,
    stride: Sizes = 1,
    pad: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    threads: int = 1,
    raw: bool = False,
) -> Result:
    """Deconvolution of x (N x C x H x W) with w (C x OC/groups x KH x KW) and a bias of OC values."""
    return _core.deconv2d(x, w, bias, policy, stride, pad, dilation, groups, threads, raw)  # type: ignore[no-any-return]


def fully_connected(
    x: Array, w: Array, bias: Optional[Array] = None, *, policy: str, threads: int = 1, raw: bool = False
) -> Result:
    """w x + bias for x (N x ...), w (OUT x IN) and a bias of OUT values."""
    return _core.fully_connected(x, w, bias, policy, threads, raw)  # type: ignore[no-any-return]


def matmul(
    a: Array, b: Array, *, policy: str, transpose_a: bool = False, transpose_b: bool = False, raw: bool = False
) -> Result:
    """Products of the matrices in the last two axes of a and b."""
    return _core.matmul(a, b, policy, transpose_a, transpose_b, raw)  # type: ignore[no-any-return]


def pooling(
    x: Array,
    operation: str = "maximum",
    *,
    policy: str,
    kernel: Sizes = 1,
    stride: Sizes = 1,
    pad: Sizes = 0,
    size: str = "ceil",
    global_map: bool = False,
    raw: bool = False,
) -> Result:
    """Pooling: "maximum", "average" (the padding counts) or "average_inside"; `size` is "ceil" (Caffe's) or "floor"."""
    return _core.pooling(x, policy, operation, kernel, stride, pad, size, global_map, raw)  # type: ignore[no-any-return]


def relu(x: Array, *, policy: str, negative_slope: float = 0.0, raw: bool = False) -> Result:
    """max(x, 0) + negative_slope * min(x, 0)."""
    return _core.relu(x, policy, negative_slope, raw)  # type: ignore[no-any-return]


def prelu(x: Array, slopes: Array, *, policy: str, raw: bool = False) -> Result:
    """max(x, 0) + slope * min(x, 0), with one slope or one for each channel (axis 1)."""
    return _core.prelu(x, slopes, policy, raw)  # type: ignore[no-any-return]


def activation(
    x: Array,
    function: str,
    *,
    policy: str,
    alpha: float = 1.0,
    threshold: float = 0.0,
    base: float = -1.0,
    scale: float = 1.0,
    shift: float = 0.0,
    rule: str = "hardware",
    raw: bool = False,
) -> Result:
    """ "sigmoid", "tanh", "elu", "absolute", "exponential", "logarithm", "bnll", "threshold", "relu6", "swish",
    "hard_swish" or "mish" of every element.

    `alpha` is of elu and swish, `threshold` of threshold, `base` (-1: e), `scale` and `shift` of exponential and
    logarithm. `rule`: "hardware" (the accelerator's tables), "nearest_entry" or "exact".
    """
    return _core.activation(x, function, policy, alpha, threshold, base, scale, shift, rule, raw)  # type: ignore[no-any-return]


def softmax(x: Array, *, policy: str, axis: int = 1, rule: str = "hardware", raw: bool = False) -> Result:
    """exp(x) over its sum along an axis."""
    return _core.softmax(x, policy, axis, rule, raw)  # type: ignore[no-any-return]


def batch_norm(
    x: Array,
    mean: Array,
    variance: Array,
    gamma: Optional[Array] = None,
    beta: Optional[Array] = None,
    *,
    policy: str,
    epsilon: float = 1e-5,
    count: float = 1.0,
    raw: bool = False,
) -> Result:
    """Batch normalization as a layer of its own; one value of each kind for each channel (axis 1).

    `mean` and `variance` are divided by `count`, as Caffe keeps them.
    """
    return _core.batch_norm(x, mean, variance, gamma, beta, policy, epsilon, count, raw)  # type: ignore[no-any-return]


def scale(
    x: Array, factor: Array, shift: Optional[Array] = None, *, policy: str, axis: int = 1, raw: bool = False
) -> Result:
    """x * factor + shift, whose extents are those of x from `axis` on."""
    return _core.scale(x, factor, shift, policy, axis, raw)  # type: ignore[no-any-return]


def bias(x: Array, shift: Array, *, policy: str, axis: int = 1, raw: bool = False) -> Result:
    """x + shift, whose extents are those of x from `axis` on."""
    return _core.bias(x, shift, policy, axis, raw)  # type: ignore[no-any-return]


def power(
    x: Array, exponent: float = 1.0, *, policy: str, scale: float = 1.0, shift: float = 0.0, raw: bool = False
) -> Result:
    """(scale * x + shift)^exponent; the accelerator has the exponents -3, -2, -1, -1/2, 1/2, 1, 2 and 3."""
    return _core.power(x, exponent, scale, shift, policy, raw)  # type: ignore[no-any-return]


def eltwise(
    inputs: Sequence[Array],
    operation: str = "sum",
    *,
    policy: str,
    coefficients: Optional[Array] = None,
    raw: bool = False,
) -> Result:
    """ "sum", "product" or "maximum" of two or more arrays of one shape; of a sum with a coefficient (float32) each."""
    return _core.eltwise(inputs, operation, coefficients, policy, raw)  # type: ignore[no-any-return]


def concat(inputs: Sequence[Array], *, policy: str, axis: int = 1, raw: bool = False) -> Result:
    """Arrays one behind the other along an axis."""
    return _core.concat(inputs, axis, policy, raw)  # type: ignore[no-any-return]


def reduce_mean(x: Array, axes: Sizes, *, policy: str, keep_axes: bool = True, raw: bool = False) -> Result:
    """The mean over axes, which are kept with extent 1 or dropped."""
    return _core.reduce_mean(x, axes, policy, keep_axes, raw)  # type: ignore[no-any-return]


def reduce_sum(
    x: Array,
    axes: Sizes,
    *,
    policy: str,
    keep_axes: bool = True,
    coefficient: float = 1.0,
    term: str = "value",
    raw: bool = False,
) -> Result:
    """The sum over axes, times a coefficient, of values, magnitudes or squares (`term`: "value", "magnitude", "square")."""
    return _core.reduce_sum(x, axes, policy, keep_axes, coefficient, term, raw)  # type: ignore[no-any-return]


def l2_normalize(
    x: Array, *, policy: str, across_positions: bool = True, epsilon: float = 1e-10, raw: bool = False
) -> Result:
    """x divided by its norm: of everything behind the batch axis, or of axis 1 at every position."""
    return _core.l2_normalize(x, policy, across_positions, epsilon, raw)  # type: ignore[no-any-return]


def mvn(
    x: Array,
    *,
    policy: str,
    normalize_variance: bool = True,
    across_channels: bool = False,
    epsilon: float = 1e-9,
    raw: bool = False,
) -> Result:
    """(x - mean) / (sqrt(variance) + epsilon), of each channel or of all of a batch item."""
    return _core.mvn(x, policy, normalize_variance, across_channels, epsilon, raw)  # type: ignore[no-any-return]


def lrn(
    x: Array,
    *,
    policy: str,
    local_size: int = 5,
    alpha: float = 1.0,
    beta: float = 0.75,
    k: float = 1.0,
    region: str = "across_channels",
    raw: bool = False,
) -> Result:
    """x / (k + alpha / size * sum of the squares around x)^beta; `region`: "across_channels" or "within_channel"."""
    return _core.lrn(x, policy, local_size, alpha, beta, k, region, raw)  # type: ignore[no-any-return]


def upsample(x: Array, factor: int = 2, *, policy: str, size: Optional[Sizes] = None, raw: bool = False) -> Result:
    """Each element `factor` times along rows and columns, or to a size of rows and columns."""
    return _core.upsample(x, policy, factor, size, raw)  # type: ignore[no-any-return]


def add_one_norm_outside(
    x: Array, *, policy: str, constant: float = 1.0, scale: float = 1 / 512, raw: bool = False
) -> Result:
    """x / (constant + scale * |x|) for x (N x D), layer by layer as networks build it of Power and ReduceMean."""
    return _core.add_one_norm_outside(x, policy, constant, scale, raw)  # type: ignore[no-any-return]


def add_one_norm_inside(x: Array, *, policy: str, constant: float = 1.0, raw: bool = False) -> Result:
    """x / sqrt(mean(x^2) + constant) for x (N x D), layer by layer."""
    return _core.add_one_norm_inside(x, policy, constant, raw)  # type: ignore[no-any-return]


def crelu(x: Array, *, policy: str, axis: int = 1, negative_slope: float = 0.0, raw: bool = False) -> Result:
    """The ReLU of x and, behind it along an axis, the ReLU of -x."""
    return _core.crelu(x, policy, axis, negative_slope, raw)  # type: ignore[no-any-return]


def axpy(a: Array, x: Array, b: Array, *, policy: str, raw: bool = False) -> Result:
    """a * x + b, with a factor a (N x C, axes of extent 1 may follow) for each channel of x and b."""
    return _core.axpy(a, x, b, policy, raw)  # type: ignore[no-any-return]


def shuffle_channel(x: Array, groups: int, *, policy: str, raw: bool = False) -> Result:
    """The channels of groups dealt out in turn: channel k * groups + g is channel k of group g."""
    return _core.shuffle_channel(x, groups, policy, raw)  # type: ignore[no-any-return]


def arg_max(x: Array, *, policy: str, top_k: int = 1, axis: Optional[int] = None, out_max_val: bool = False) -> Result:
    """The places of the top_k largest elements as float32, of equal ones the last first.

    Along an axis, where `out_max_val` gives the values instead; without one of each batch item, N x 1 x top_k, or with
    `out_max_val` N x 2 x top_k, the values behind the places.
    """
    return _core.arg_max(x, policy, top_k, axis, out_max_val)  # type: ignore[no-any-return]


def resize(
    x: Array,
    size: Sizes,
    *,
    policy: str,
    method: str = "bilinear",
    grid: str = "corners",
    crop: Sizes = 0,
    raw: bool = False,
) -> Result:
    """Maps of another size: `method` "nearest" or "bilinear"; `crop`, as `pad`, is left out of x first.

    `grid` says where element o lies in x: "corners": o * (in - 1) / (out - 1), "origin": o * in / out, "half_pixels":
    (o + 1/2) * in / out - 1/2.
    """
    return _core.resize(x, size, policy, method, grid, crop, raw)  # type: ignore[no-any-return]


def spp(x: Array, levels: int, operation: str = "maximum", *, policy: str, raw: bool = False) -> Result:
    """Spatial pyramid pooling: poolings into 2^l x 2^l windows for each level l, flattened, one behind the other."""
    return _core.spp(x, levels, operation, policy, raw)  # type: ignore[no-any-return]


def pooling_places(
    x: Array,
    *,
    policy: str,
    kernel: Sizes = 1,
    stride: Sizes = 1,
    pad: Sizes = 0,
    size: str = "ceil",
    global_map: bool = False,
    raw: bool = False,
) -> Result:
    """The places, row * W + column, of a maximum pooling's maxima in their maps: the mask that `unpool` takes."""
    return _core.pooling_places(x, policy, kernel, stride, pad, size, global_map, raw)  # type: ignore[no-any-return]


def unpool(x: Array, places: Array, size: Sizes, *, policy: str, raw: bool = False) -> Result:
    """Every element at its place, row * columns + column, in a map of `size`; zeros elsewhere."""
    return _core.unpool(x, places, size, policy, raw)  # type: ignore[no-any-return]


def roi_pooling(
    x: Array, regions: Array, pooled: Sizes, *, policy: str, spatial_scale: float = 1.0, raw: bool = False
) -> Result:
    """The maxima of a grid of `pooled` windows over each region (R x 5: picture, left, top, right, bottom)."""
    return _core.roi_pooling(x, regions, pooled, policy, spatial_scale, raw)  # type: ignore[no-any-return]


def psroi_pooling(
    x: Array,
    regions: Array,
    outputs: int,
    group: int,
    *,
    policy: str,
    spatial_scale: float = 1.0,
    raw: bool = False,
) -> Result:
    """The means of a grid of group x group windows over each region, each cell of a channel of its own (R-FCN).

    x has outputs * group * group channels; regions are R x 5: picture, left, top, right, bottom.
    """
    return _core.psroi_pooling(x, regions, outputs, group, policy, spatial_scale, raw)  # type: ignore[no-any-return]
