"""How far apart two arrays are."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from ._types import Array
from ._types import core as _core


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A reference r compared with another array x.

    Both zero: cosine 1, relative errors 0, SNR infinite. Only r zero: cosine 0, relative errors infinite. Any NaN or
    infinity in either: every real-valued field is NaN, and the counts say how many there are.
    """

    cosine: float
    """r.x / (|r| |x|), in -1 .. 1: the vendor's similarity."""
    norm_error: float
    """(|x| - |r|) / |r|: signed, of the norms; a cosine does not show it."""
    relative_l2_error: float
    """|x - r| / |r|."""
    snr_db: float
    """20 log10(|r| / |x - r|), in decibels."""
    max_abs: float
    """The largest |x - r|."""
    mean_abs: float
    """The mean of |x - r|."""
    mean_error: float
    """The mean of x - r: a bias shows here."""
    l2_reference: float
    """|r|."""
    l2_other: float
    """|x|."""
    max_index: int
    """Row-major index of the first largest |x - r|."""
    max_reference: float
    """r there."""
    max_other: float
    """x there."""
    count: int
    """Elements."""
    bad_reference: int
    """NaN and infinities in r."""
    bad_other: int
    """NaN and infinities in x."""

    def _repr_html_(self) -> str:
        from ._tables import html_table

        return html_table(("field", "value"), [(f.name, getattr(self, f.name)) for f in dataclasses.fields(self)])


@dataclasses.dataclass(frozen=True)
class HistogramCounts:
    """Counts of one array over the edges of a `Histogram`."""

    bins: npt.NDArray[np.uint64]
    """Values in edges[i] <= value < edges[i + 1]; the last bin takes its upper edge too."""
    zeros: int
    """Logarithmic bins only: values that are zero."""
    not_finite: int
    """NaN and infinities."""


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Two arrays counted over the same edges, which cover all finite values of both."""

    edges: npt.NDArray[np.float64]
    """One more than bins, increasing; magnitudes where the bins are logarithmic."""
    reference: HistogramCounts
    other: HistogramCounts


def compare(reference: Array, other: Array) -> Comparison:
    """Compares two arrays (float32 or float64 each) of one shape.

    Raises ShapeError for different shapes or empty arrays, TypeError for other element types.
    """
    return Comparison(**_core.compare(reference, other))


def compare_samples(reference: Array, other: Array) -> Comparison:
    """The mean over the samples (first axis) of each one's comparison, as published tables of layers have it.

    Norms, cosine and errors are means, and `norm_error` is the relative error of the mean norms; the place of the
    largest error is that of the whole array. Raises as `compare`.
    """
    return Comparison(**_core.compare_samples(reference, other))


def histograms(reference: Array, other: Array, bins: int = 64, *, logarithmic: bool = False) -> Histogram:
    """Counts two arrays (float32 or float64 each, of any shapes) over common bins.

    Linear bins divide the range of the values; logarithmic ones that of the magnitudes that are not zero. Raises
    FormatError for bins outside 1 .. 65536 and ShapeError for empty arrays.
    """
    h: dict[str, Any] = _core.histograms(reference, other, bins, logarithmic)
    return Histogram(h["edges"], HistogramCounts(**h["reference"]), HistogramCounts(**h["other"]))
