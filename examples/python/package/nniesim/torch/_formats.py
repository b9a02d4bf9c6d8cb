"""The formats as functions with gradients: forward bit for bit as the library, backward straight through."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple, Optional, Union

import numpy as np
import torch

from .. import FormatError, ShapeError
from ..formats import Format, gfpq8, gfpq16, q20_12

Scale = Union[int, torch.Tensor]


class _Tables(NamedTuple):
    """A log format on one device. Levels k (values 2^(k/levels)) are counted from `first`."""

    levels: int
    """To an octave."""
    largest_code: int
    lowest_z: int
    highest_z: int
    derived_z: int
    """Derived scales lie in -derived_z .. derived_z."""
    z_of_zeros: int
    first: int
    value: torch.Tensor
    """2^(k/levels) as float32."""
    boundary: torch.Tensor
    """The smallest float of at least 2^(k/levels) in real arithmetic."""
    threshold: torch.Tensor
    """The smallest float that rounds to level k + 1."""
    zero_limit: torch.Tensor
    """The largest float that is zero where k is the smallest level of its sign."""


def format_of(bits: int) -> Format:
    """gfpq8 or gfpq16. Raises ValueError for other widths."""
    if isinstance(bits, bool) or bits not in (8, 16):
        raise FormatError(f"bits is {bits!r}, expected 8 or 16")
    return gfpq8 if bits == 8 else gfpq16


def _z(f: Format, largest: Any) -> int:
    """The scale that a log format derives from a largest magnitude."""
    return int(f.scale_of(np.array([largest], np.float32)))  # type: ignore[arg-type]


@functools.lru_cache(maxsize=None)
def _tables(bits: int, device: torch.device) -> _Tables:
    """Made of the library's own answers: an octave is asked for, the others are it times powers of two."""
    f = format_of(bits)
    levels, largest_code = (16, 127) if bits == 8 else (128, 1407)
    value = f.decode(np.arange(levels, dtype=f.code_dtype), 0)
    # Rounding to level j + 1 begins between the values of levels j and j + 1: bisected in the floats' bits.
    low = value.view(np.int32).copy()
    high = f.decode(np.arange(1, levels + 1, dtype=f.code_dtype), 0).view(np.int32).copy()
    while np.any(high - low > 1):
        middle = (low + high) // 2
        rounds_up = f.encode(middle.view(np.float32), 0) > np.arange(levels)
        high = np.where(rounds_up, middle, high)
        low = np.where(rounds_up, low, middle)
    threshold = high.view(np.float32)
    # A value that was rounded down lies below its own boundary.
    below = np.array([_z(f, v) < j - largest_code for j, v in enumerate(value)])
    boundary = np.where(below, np.nextafter(value, np.float32(2)), value)

    lowest_z, highest_z = -125 * levels, 128 * levels - largest_code - 1
    first = lowest_z - levels
    octaves = np.arange(first // levels, 129)[:, None]

    def all_levels(octave: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return np.ldexp(octave.astype(np.float64)[None, :], octaves).astype(np.float32).ravel()

    boundaries = all_levels(boundary)
    is_power = np.arange(len(boundaries)) % levels == 0
    half = np.where(is_power, boundaries, np.nextafter(boundaries, np.float32(0)))
    limit = np.concatenate([np.zeros(levels, np.float32), half[:-levels]])  # half of 2^(k/levels): an octave below
    on_device = [torch.from_numpy(a).to(device) for a in (all_levels(value), boundaries, all_levels(threshold), limit)]
    derived_z, z_of_zeros = (_z(f, m) for m in (np.inf, 0))
    return _Tables(levels, largest_code, lowest_z, highest_z, derived_z, z_of_zeros, first, *on_device)


def _require_floats(x: Any, what: str) -> torch.Tensor:
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"{what} is a {type(x).__name__}, expected a torch.Tensor")
    if x.dtype != torch.float32:
        raise TypeError(f"{what} has element type {x.dtype}, expected torch.float32 (autocast must be off)")
    if x.layout != torch.strided or x.device.type == "meta":
        raise TypeError(f"{what} is of layout {x.layout} on {x.device}, expected a dense tensor with values")
    return x


def _checked_scale(z: Scale, x: torch.Tensor, t: _Tables) -> Scale:
    if isinstance(z, torch.Tensor):
        if z.is_floating_point() or z.is_complex() or z.dtype == torch.bool:
            raise TypeError(f"fake_quantize: scale has element type {z.dtype}, expected integers, z")
        if z.numel() == 1:
            return _checked_scale(int(z), x, t)
        try:
            fits = torch.broadcast_shapes(z.shape, x.shape) == x.shape  # type: ignore[no-untyped-call]
        except RuntimeError:
            fits = False
        if not fits:
            raise ShapeError(f"fake_quantize: scales of shape {tuple(z.shape)} do not fit x of shape {tuple(x.shape)}")
        z = z.to(x.device, torch.int64)
        bounds = (int(z.min()), int(z.max())) if z.numel() else (0, 0)
    else:
        if isinstance(z, bool) or not isinstance(z, (int, np.integer)):
            raise TypeError(f"fake_quantize: scale is a {type(z).__name__}, expected an int, z, or a tensor of such")
        bounds = (int(z), int(z))
    if bounds[0] < t.lowest_z or bounds[1] > t.highest_z:
        raise FormatError(
            f"fake_quantize: scale z is {bounds[0]} .. {bounds[1]}, expected {t.lowest_z} .. {t.highest_z}"
        )
    return z


def _nearest_levels(x: torch.Tensor, z: Scale, t: _Tables) -> torch.Tensor:
    """encode and decode in torch: for scales that differ within x, and on any device."""
    magnitude = x.abs()
    negative = torch.signbit(x).to(torch.int64)
    rounded = torch.bucketize(magnitude, t.threshold, right=True) + t.first
    q = (rounded - z).clamp(max=t.largest_code)
    q = torch.where(torch.isinf(x), negative, torch.maximum(q, negative))
    y = t.value[(q + z - t.first).clamp(0, len(t.value) - 1)]
    is_zero = torch.isnan(x) | (magnitude <= t.zero_limit[negative + z - t.first])
    return torch.where(is_zero, torch.zeros_like(y), torch.where(negative != 0, -y, y))


class FakeQuantize(torch.autograd.Function):
    """y = decode(encode(x)); dy/dx is 1, and 0 where x saturates: out of range by a step of the format or more,
    infinite, or NaN.

    Values above the largest level by less than a step are what the rounding of the scale does to every tensor's largest
    value; they keep their gradient, as do those that become zero.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, z: Scale, bits: int) -> torch.Tensor:
        f = format_of(bits)
        x = _require_floats(x, "fake_quantize: x").detach()
        t = _tables(bits, x.device)
        z = _checked_scale(z, x, t)
        top = t.boundary[z + t.largest_code + 1 - t.first]
        ctx.save_for_backward(x.abs() < top)
        if isinstance(z, torch.Tensor) or x.device.type != "cpu":
            return _nearest_levels(x, z, t)
        return torch.from_numpy(np.asarray(f.fake_quantize(x.contiguous().numpy(), int(z))).reshape(x.shape))

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[Optional[torch.Tensor], None, None]:
        (inside,) = ctx.saved_tensors
        return grad * inside, None, None


def fake_quantize(x: torch.Tensor, scale: Optional[Scale] = None, *, bits: int = 8) -> torch.Tensor:
    """`x` (float32, any shape and device) as a log format of 8 or 16 bits holds it, with FakeQuantize's gradient.

    `scale` is the integer z, a tensor of such that broadcasts to x, or None: that of x itself. NaN gives 0 and
    infinities the smallest level, as in the vendor's library. Raises TypeError for other element types, FormatError for
    z out of range, ShapeError for scales that do not fit.
    """
    if scale is None:
        scale = scale_of(x, bits=bits)
    return FakeQuantize.apply(x, scale, bits)  # type: ignore[no-any-return]


def scale_of(x: torch.Tensor, *, bits: int = 8) -> int:
    """The scale z that the library derives from the largest magnitude of `x` (float32); NaN is skipped."""
    f = format_of(bits)
    x = _require_floats(x, "scale_of: x").detach()
    magnitude = torch.where(torch.isnan(x), torch.zeros_like(x), x.abs())
    largest = float(magnitude.max()) if x.numel() else 0.0
    return _z(f, largest)


def scale_of_largest(largest: float, bits: int) -> int:
    """The scale z of a tensor by its largest magnitude, which is rounded to float32."""
    return _z(format_of(bits), largest)


def scales_of(magnitudes: torch.Tensor, bits: int) -> torch.Tensor:
    """The scales z (int64) of many tensors by their largest magnitudes (float32, not NaN)."""
    t = _tables(bits, magnitudes.device)
    level = torch.bucketize(magnitudes, t.boundary, right=True) + t.first - 1
    z = (level - t.largest_code).clamp(-t.derived_z, t.derived_z)
    z = torch.where(torch.isinf(magnitudes), torch.full_like(z, t.derived_z), z)
    return torch.where(magnitudes == 0, torch.full_like(z, t.z_of_zeros), z)


class FixedPoint(torch.autograd.Function):
    """y = x in whole 1/4096, rounded down, in -2^19 .. 2^19; dy/dx is 1, and 0 outside and of NaN, which gives 0."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        x = _require_floats(x, "fixed_point: x").detach()
        ctx.save_for_backward(x.abs() <= 2.0**19)
        if x.device.type == "cpu":
            return torch.from_numpy(np.asarray(q20_12.fake_quantize(x.contiguous().numpy())).reshape(x.shape))
        y = (torch.floor(x * 4096) / 4096).clamp(-(2.0**19), 2.0**19)
        return torch.where(torch.isnan(x), torch.zeros_like(y), y) + 0.0

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        (inside,) = ctx.saved_tensors
        result: torch.Tensor = grad * inside
        return result


def fixed_point(x: torch.Tensor) -> torch.Tensor:
    """What a layer of the accelerator writes (q20_12) of `x` (float32), with FixedPoint's gradient."""
    return FixedPoint.apply(x)  # type: ignore[no-any-return]
