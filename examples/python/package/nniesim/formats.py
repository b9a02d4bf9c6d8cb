"""Number formats: whole arrays of float32 to codes and back, as the vendor's quantization library does it."""

from __future__ import annotations

import dataclasses
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt

from ._types import Array, Floats
from ._types import core as _core

Scale = Union[int, float, None]


@dataclasses.dataclass(frozen=True)
class EventCounts:
    """What happened to values while they were encoded: how many there were of each."""

    saturated: int
    """Out of range even when rounded (gfpq: by a step or more)."""
    clipped: int
    """gfpq only: above the largest magnitude by less than a step, the price of a scale that is rounded down."""
    flushed: int
    """Not zero, but encoded as zero."""
    nan: int
    """NaN, encoded as zero."""
    infinite: int
    """Plus or minus infinity."""


class Format:
    """A number format: `gfpq8`, `gfpq16`, `q20_12`, `uniform8`, `uniform16` and those with steps of powers of two.

    What the values of one array have in common is its scale: the integer z of gfpq (values are 2^((z + q)/levels)), the
    step of uniform integers, None of q20_12. Arrays may have any shape of up to 8 axes, and need not be contiguous; a
    C-contiguous one is read without a copy.
    """

    __slots__ = ("_core", "name")

    name: str
    """As the library's tables and messages have it."""

    def __init__(self, name: str) -> None:
        """The format of this name. Raises ValueError for another."""
        if name not in _NAMES:
            raise ValueError(f"Format: name is {name!r}, expected one of {', '.join(_NAMES)}")
        self.name = name
        self._core: Any = getattr(_core, name)

    def __repr__(self) -> str:
        return f"nniesim.{self.name}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Format) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __reduce__(self) -> tuple[type[Format], tuple[str]]:
        return (Format, (self.name,))

    @property
    def bits(self) -> int:
        """Bits of a code: 8, 16 or 32."""
        return int(self._core.bits)

    @property
    def code_dtype(self) -> np.dtype[Any]:
        """The element type of codes: uint8 and uint16 of gfpq, int8 and int16 of uniform, int32 of q20_12."""
        return np.dtype(str(self._core.code_dtype))

    def scale_of(self, x: Array) -> Scale:
        """The scale that the format derives from the largest magnitude of `x` (float32); NaN is skipped.

        Raises TypeError for another element type and FormatError where a uniform format has no step for it (infinity).
        """
        return self._core.scale_of(x)  # type: ignore[no-any-return]

    def largest(self, scale: Scale = None) -> float:
        """The largest magnitude that the format has under a scale."""
        return float(self._core.largest(scale))

    def encode(
        self, x: Array, scale: Scale = None, *, out: Optional[Array] = None, threads: int = 1
    ) -> npt.NDArray[Any]:
        """The codes of `x` (float32) under `scale`, in its shape.

        NaN gives zero's code; values out of range the largest one (gfpq: infinities the smallest, as the vendor's library
        has it). `out`, C-contiguous and of `code_dtype`, is written and returned where it is given. Raises TypeError
        for arrays of another type and for a scale of another kind, FormatError for one out of range, ShapeError for an
        `out` of another shape.
        """
        return self._core.encode(x, scale, out, threads)  # type: ignore[no-any-return]

    def decode(self, codes: Array, scale: Scale = None, *, out: Optional[Array] = None, threads: int = 1) -> Floats:
        """The float32 values of `codes` (of `code_dtype`) under `scale`, in their shape.

        Raises as `encode`, and FormatError for patterns of gfpq16 that are no code.
        """
        return self._core.decode(codes, scale, out, threads)  # type: ignore[no-any-return]

    def fake_quantize(self, x: Array, scale: Scale = None, *, out: Optional[Array] = None, threads: int = 1) -> Floats:
        """`x` (float32) as the format holds it: decode(encode(x)), under `scale` or, for None, that of `x` itself.

        `out` may be `x`. Raises as `encode`.
        """
        return self._core.fake_quantize(x, scale, out, threads)  # type: ignore[no-any-return]

    def events(self, x: Array, scale: Scale = None) -> EventCounts:
        """What happens to the values of `x` (float32) while they are encoded, under `scale` or, for None, its own."""
        return EventCounts(**self._core.events(x, scale))


_NAMES = ("gfpq8", "gfpq16", "q20_12", "uniform8", "uniform16", "uniform8_pow2", "uniform16_pow2")

gfpq8 = Format("gfpq8")
"""The vendor's 8-bit log-domain code "1.3.4": 16 levels to an octave, 127 of each sign."""
gfpq16 = Format("gfpq16")
"""The vendor's 16-bit log-domain code "1.5.7": 128 levels to an octave, 1407 of each sign."""
q20_12 = Format("q20_12")
"""What layers of the accelerator write: int32 in units of 1/4096, rounded down, saturating."""
uniform8 = Format("uniform8")
"""Symmetric 8-bit integers times a step."""
uniform16 = Format("uniform16")
"""Symmetric 16-bit integers times a step."""
uniform8_pow2 = Format("uniform8_pow2")
"""Symmetric 8-bit integers times a power of two."""
uniform16_pow2 = Format("uniform16_pow2")
"""Symmetric 16-bit integers times a power of two."""
