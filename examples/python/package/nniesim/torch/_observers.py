"""Modules that quantize blobs and weights, with the library's rules for ranges and scales."""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import Any, Optional

import torch
from torch import nn

from .. import FormatError, ShapeError
from ._formats import FakeQuantize, fixed_point, format_of, scale_of_largest, scales_of


@dataclasses.dataclass
class Range:
    """The range of one blob over pictures; it only grows."""

    largest: float = 0.0
    """The largest magnitude; a float32."""
    had_zeros: bool = False
    """A picture gave nothing but zeros, whose scale tiny values do not reach."""
    given: dict[int, int] = dataclasses.field(default_factory=dict)
    """Scales z from outside, by bits."""

    @property
    def is_known(self) -> bool:
        return self.largest > 0 or self.had_zeros or bool(self.given)

    def add(self, largest: float) -> None:
        """One more picture's largest magnitude."""
        self.largest = max(self.largest, largest)
        self.had_zeros = self.had_zeros or largest == 0

    def scale(self, bits: int) -> int:
        """The scale z: the given one, else that of the largest magnitude. Raises FormatError where there is neither."""
        if bits in self.given:
            return self.given[bits]
        if not (self.largest > 0 or self.had_zeros):
            raise FormatError(f"range: it has no scale of {bits} bits, and no picture was seen")
        z = scale_of_largest(self.largest, bits)
        return max(z, scale_of_largest(0.0, bits)) if self.had_zeros else z


def _require_no_nan(x: torch.Tensor, name: str) -> None:
    if bool(torch.isnan(x).any()):
        raise FormatError(f"{name}: got NaN, expected numbers: did the training diverge?")


class ActivationQuantizer(nn.Module):
    """A blob as its readers get it: `bits` wide codes under the scale of its range.

    While it is observing, its range takes in what it sees before it quantizes, as the library's calibration does;
    otherwise the range stays, and what is beyond it saturates. Its range is a part of the state_dict. Raises
    FormatError for NaN, and where there is no range yet.
    """

    def __init__(self, name: str, bits: int, shared: Optional[Range] = None, *, observes: bool = True) -> None:
        """`shared` is a range that several have; one that does not observe leaves it to the others."""
        super().__init__()
        format_of(bits)
        self.name = name
        self.bits = bits
        self.range = Range() if shared is None else shared
        self.observes = observes
        self.is_observing = False

    def extra_repr(self) -> str:
        return f"{self.name!r}, bits={self.bits}"

    def get_extra_state(self) -> dict[str, object]:
        return dataclasses.asdict(self.range)

    def set_extra_state(self, state: dict[str, object]) -> None:
        for field in dataclasses.fields(Range):
            setattr(self.range, field.name, state[field.name])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _require_no_nan(x, f"blob {self.name!r}")
        if self.is_observing and self.observes and x.numel():
            self.range.add(float(x.detach().abs().max()))
        if not self.range.is_known:
            raise FormatError(f"blob {self.name!r} has no range, expected calibrate() or import_ranges() before")
        return FakeQuantize.apply(x, self.range.scale(self.bits), self.bits)  # type: ignore[no-any-return]


class WeightQuantizer(nn.Module):
    """Weights as the accelerator holds them: one scale per group of the first axis, of the group's largest magnitude.

    A group whose magnitudes differ by less than 1e-6 stands as signs times the magnitude of its first weight. Raises
    FormatError for NaN and ShapeError for weights that groups do not divide.
    """

    constant_spread = 1e-6

    def __init__(self, name: str, bits: int, groups: int = 1) -> None:
        super().__init__()
        format_of(bits)
        self.name = name
        self.bits = bits
        self.groups = groups

    def extra_repr(self) -> str:
        return f"{self.name!r}, bits={self.bits}, groups={self.groups}"

    def _groups(self, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Weights by group, scales z, whether they are constant, and magnitudes of the first weights; of each group."""
        if weight.numel() == 0 or weight.shape[0] % self.groups != 0:
            raise ShapeError(f"weights of {self.name!r}: shape {tuple(weight.shape)} in {self.groups} groups")
        groups = weight.reshape(self.groups, -1)
        magnitudes = groups.detach().abs()
        most, least = magnitudes.amax(1), magnitudes.amin(1)
        is_constant = most - least < torch.tensor(self.constant_spread, dtype=torch.float32, device=most.device)
        return groups, scales_of(most, self.bits), is_constant, magnitudes[:, 0]

    def units(self, weight: torch.Tensor) -> torch.Tensor:
        """What a product of the smallest codes is worth of each group, but for the input's scale; float64."""
        levels = 16 if self.bits == 8 else 128
        _, scales, is_constant, first = self._groups(weight)
        return torch.where(is_constant, first.double() / 2, 2.0 ** (scales.double() / levels))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        _require_no_nan(weight, f"weights of {self.name!r}")
        groups, scales, is_constant, first = self._groups(weight)
        coded = FakeQuantize.apply(groups, int(scales) if self.groups == 1 else scales[:, None], self.bits)
        if bool(is_constant.any()):
            signs = torch.sign(groups.detach()) * first[:, None]
            coded = torch.where(is_constant[:, None], groups + (signs - groups).detach(), coded)
        return coded.reshape(weight.shape)  # type: ignore[no-any-return]


class BiasQuantizer(nn.Module):
    """Biases in whole units of a layer's products, 2^((z of weights + z of input)/levels), saturated to 32 bits; the
    gradient passes. Of weights that are all zero no bias is left, as the multiplier is 0 then."""

    def __init__(self, layer: nn.Module, weights: WeightQuantizer, blob: ActivationQuantizer) -> None:
        super().__init__()
        self._others: tuple[Any, WeightQuantizer, ActivationQuantizer] = (layer, weights, blob)  # not children
        self.is_exact = False  # while ranges are derived

    def __deepcopy__(self, memo: dict[int, object]) -> BiasQuantizer:
        result = BiasQuantizer(*copy.deepcopy(self._others, memo))
        result.is_exact = self.is_exact
        return result

    def forward(self, bias: torch.Tensor) -> torch.Tensor:
        layer, weights, blob = self._others
        if self.is_exact or not blob.range.is_known:
            return bias
        with torch.no_grad():
            units = weights.units(layer.parametrizations.weight.original)
            levels = 16 if blob.bits == 8 else 128
            units = units * 2.0 ** (blob.range.scale(blob.bits) / levels)
            units = units.repeat_interleave(len(bias) // len(units))
            whole = torch.round(bias.double() / units).clamp(-(2.0**31), 2.0**31 - 1)
            rounded = torch.where(units > 0, whole * units, torch.zeros_like(units)).float()
        return bias + (rounded - bias.detach())


class _StraightThrough(torch.autograd.Function):
    """The second argument, with the gradient of the first."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return y.clone()

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grad, None


class Stored(nn.Module):
    """A layer's values in 1/4096. A BatchNorm is a multiplier and a shift of the layer before it: once its statistics
    are those of the evaluation, the product is rounded down, and the shift to nearest by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.is_exact = False  # while ranges are derived, nothing is cut

    def forward(
        self,
        x: torch.Tensor,
        sums: Optional[torch.Tensor] = None,
        affine: Optional[tuple[torch.Tensor, torch.Tensor]] = None,
    ) -> torch.Tensor:
        if self.is_exact:
            return x
        if sums is None or affine is None:
            return fixed_point(x)
        factor, shift = affine
        with torch.no_grad():
            steps = torch.floor(sums.double() * factor * 4096) + torch.round(shift * 4096)
            y = (steps / 4096).to(torch.float32)
        return fixed_point(_StraightThrough.apply(x, y))


class ChannelAffine(nn.Module):
    """A BatchNorm's factor and shift (float64, [1, C, 1, 1] or [1, C]) while it evaluates; None while it trains."""

    def __init__(self, norm: nn.Module, axes: int) -> None:
        super().__init__()
        self._norm = (norm,)  # not a child: its parameters have their own place
        self.axes = axes

    def __deepcopy__(self, memo: dict[int, object]) -> ChannelAffine:
        return ChannelAffine(copy.deepcopy(self._norm[0], memo), self.axes)

    def forward(self) -> Optional[tuple[torch.Tensor, torch.Tensor]]:
        norm: Any = self._norm[0]
        if norm.training or norm.running_mean is None:
            return None
        shape = (1, -1) + (1,) * (self.axes - 2)
        with torch.no_grad():
            factor = 1.0 / torch.sqrt(norm.running_var.double() + norm.eps)
            shift = -norm.running_mean.double() * factor
            if norm.affine:
                shift = shift * norm.weight.double() + norm.bias.double()
                factor = factor * norm.weight.double()
            return factor.reshape(shape), shift.reshape(shape)


class Slope(nn.Module):
    """Negative slopes in 1/4096, truncated toward zero, as the compiler stores them; the gradient passes."""

    def forward(self, slope: torch.Tensor) -> torch.Tensor:
        return slope + (torch.trunc(slope.detach() * 4096) / 4096 - slope.detach())


def truncated_slope(slope: float) -> float:
    return math.trunc(slope * 4096) / 4096
