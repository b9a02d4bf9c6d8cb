"""Layers of detectors that run on the host, in float32: they take no policy. Parameters that are left out have the
defaults of the layers that they stand for; lists of numbers may be one number. Errors are those of the operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional, Union

from ._types import Array, Floats
from ._types import core as _core
from .operators import Sizes

Numbers = Union[float, Sequence[float]]


def prior_box(
    map_size: Sizes,
    picture_size: Sizes,
    min_sizes: Numbers,
    *,
    max_sizes: Numbers = (),
    aspect_ratios: Numbers = (),
    flip: bool = True,
    clip: bool = False,
    variance: Numbers = 0.1,
    step: Numbers = 0.0,
    offset: float = 0.5,
    dense: bool = False,
) -> Floats:
    """SSD's prior boxes of a map of a picture, 1 x 2 x (H * W * boxes * 4): left, top, right, bottom, then variances.

    Sizes and steps are in pixels; `step` 0 is the picture's size over the map's. `dense` makes FaceBoxes' squares.
    """
    return _core.prior_box(  # type: ignore[no-any-return]
        map_size, picture_size, min_sizes, max_sizes, aspect_ratios, flip, clip, variance, step, offset, dense
    )


def detection_output(
    corrections: Array,
    scores: Array,
    priors: Array,
    classes: int,
    *,
    share_location: bool = True,
    background: Optional[int] = 0,
    code: str = "corner",
    variance_in_target: bool = False,
    confidence_threshold: Optional[float] = None,
    overlap_threshold: float = 0.3,
    eta: float = 1.0,
    top_k: Optional[int] = None,
    keep_top_k: Optional[int] = None,
) -> Floats:
    """SSD's detections, 1 x 1 x R x 7: picture, class, score, left, top, right, bottom; rows of -1 behind them.

    `corrections` are N x (P * 4), `scores` N x (P * classes), `priors` what `prior_box` gives. `code`: "corner",
    "center_size" or "corner_size".
    """
    return _core.detection_output(  # type: ignore[no-any-return]
        corrections,
        scores,
        priors,
        classes,
        share_location,
        background,
        code,
        variance_in_target,
        confidence_threshold,
        overlap_threshold,
        eta,
        top_k,
        keep_top_k,
    )


def proposal(
    scores: Array,
    corrections: Array,
    picture: Sequence[float],
    *,
    stride: int = 16,
    base_size: int = 16,
    ratios: Numbers = (0.5, 1.0, 2.0),
    scales: Numbers = (8.0, 16.0, 32.0),
    min_size: float = 16.0,
    before_suppression: int = 6000,
    regions: int = 300,
    overlap_threshold: float = 0.7,
) -> tuple[Floats, Floats]:
    """The regions of Faster R-CNN, regions x 5 as `roi_pooling` takes them, and their scores; -1, 0, 0, 0, 0 for none.

    `scores` are 1 x 2A x H x W for A anchors, `corrections` 1 x 4A x H x W, `picture` is (height, width, scale).
    """
    return _core.proposal(  # type: ignore[no-any-return]
        scores,
        corrections,
        picture,
        stride,
        base_size,
        ratios,
        scales,
        min_size,
        before_suppression,
        regions,
        overlap_threshold,
    )


def text_proposal(
    scores: Array, corrections: Array, picture: Sequence[float], *, stride: int = 16
) -> tuple[Floats, Floats]:
    """The pieces of lines of CTPN, one for each anchor: left, top, right, bottom, and their scores.

    `scores` and `corrections` are 1 x 20 x H x W, `picture` is (height, width) and whatever follows.
    """
    return _core.text_proposal(scores, corrections, picture, stride)  # type: ignore[no-any-return]
