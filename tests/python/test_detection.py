"""Layers of detectors that run on the host, in float."""

import math

import nniesim
import numpy as np
import pytest


def overlap(a, b, edge=0.0):
    """Of two boxes: their common area over that of both."""
    wide, high = (max(min(a[i + 2], b[i + 2]) - max(a[i], b[i]) + edge, 0) for i in (0, 1))
    areas = [(c[2] - c[0] + edge) * (c[3] - c[1] + edge) for c in (a, b)]
    return wide * high / (sum(areas) - wide * high) if wide * high > 0 else 0.0


def suppressed(boxes, order, threshold, edge=0.0):
    kept = []
    for i in order:
        if all(overlap(boxes[i], boxes[k], edge) <= threshold for k in kept):
            kept.append(i)
    return kept


def prior_boxes(rows, columns, height, width, low, high, ratios):
    boxes = []
    for row, column in np.ndindex(rows, columns):
        x, y = (column + 0.5) * width / columns, (row + 0.5) * height / rows
        for a, b in zip(low, high):
            sides = [(a, a), (math.sqrt(a * b),) * 2]
            sides += [(a * math.sqrt(q), a / math.sqrt(q)) for r in ratios for q in (r, 1 / r)]
            boxes += [
                ((x - w / 2) / width, (y - h / 2) / height, (x + w / 2) / width, (y + h / 2) / height) for w, h in sides
            ]
    return np.array(boxes)


def test_prior_box():
    y = nniesim.prior_box(
        (2, 3), (100, 200), [30, 60], max_sizes=[60.0, 90.0], aspect_ratios=2.0, variance=[0.1, 0.1, 0.2, 0.2]
    )
    expected = prior_boxes(2, 3, 100, 200, [30, 60], [60, 90], [2.0])
    assert y.dtype == np.float32 and y.shape == (1, 2, 2 * 3 * 8 * 4)
    assert np.abs(y[0, 0].reshape(-1, 4) - expected).max() < 1e-6
    assert np.array_equal(y[0, 1].reshape(-1, 4), np.tile(np.float32([0.1, 0.1, 0.2, 0.2]), (len(expected), 1)))
    clipped = nniesim.prior_box((2, 3), (100, 200), [30, 60], max_sizes=[60, 90], aspect_ratios=[2], clip=True)
    assert np.abs(clipped[0, 0].reshape(-1, 4) - expected.clip(0, 1)).max() < 1e-6
    moved = nniesim.prior_box(1, 10, 4.0, step=(2, 4), offset=0.0)
    assert np.allclose(moved[0, 0], [-0.2, -0.2, 0.2, 0.2])
    dense = nniesim.prior_box((1, 1), (32, 32), [32, 64, 128], dense=True)
    assert dense.shape == (1, 2, 21 * 4) and np.allclose(
        dense[0, 0, -4:], [(16 - 63.5) / 32] * 2 + [(16 + 63.5) / 32] * 2
    )


def detections(corrections, scores, priors, least, threshold, keep):
    """SSD's by centres and sizes, class 0 the background."""
    boxes, variances = priors[0].reshape(2, -1, 4).astype(float)
    rows = []
    for n in range(len(scores)):
        c = corrections[n].reshape(-1, 4) * variances
        size, middle = boxes[:, 2:] - boxes[:, :2], (boxes[:, 2:] + boxes[:, :2]) / 2
        center, half = c[:, :2] * size + middle, np.exp(c[:, 2:]) * size / 2
        found = np.concatenate([center - half, center + half], 1)
        s = scores[n].reshape(len(boxes), -1)
        mine = []
        for label in range(1, s.shape[1]):
            order = [i for i in np.argsort(-s[:, label], kind="stable") if s[i, label] > least]
            mine += [(n, label, s[i, label], *found[i]) for i in suppressed(found, order, threshold)]
        mine = sorted(sorted(mine, key=lambda d: -d[2])[:keep], key=lambda d: d[1])
        rows += mine
    return np.array(rows)


def test_detection_output(rng):
    priors = nniesim.prior_box(4, 64, [20.0], aspect_ratios=[2.0])
    count = priors.shape[2] // 4
    corrections = rng.standard_normal((2, count * 4)).astype(np.float32)
    scores = rng.random((2, count * 3)).astype(np.float32)
    y = nniesim.detection_output(
        corrections,
        scores,
        priors,
        3,
        code="center_size",
        confidence_threshold=0.3,
        overlap_threshold=0.2,
        keep_top_k=30,
    )
    expected = detections(corrections, scores, priors, 0.3, 0.2, 30)
    assert y.shape == (1, 1, 60, 7) and 20 < len(expected) <= 60
    assert np.abs(y[0, 0, : len(expected)] - expected).max() < 1e-5 and (y[0, 0, len(expected) :] == -1).all()
    none = nniesim.detection_output(corrections, scores, priors, 3, confidence_threshold=2.0, top_k=1)
    assert none.shape == (1, 1, 4, 7) and (none == -1).all()


def anchors(base, ratios, scales):
    """py-faster-rcnn's, which reach from the middle of a pixel to that of another."""
    made = []
    for ratio in ratios:
        width = np.round(np.sqrt(base * base / ratio))
        height = np.round(width * ratio)
        made += [(width * s, height * s) for s in scales]
    middle = (base - 1) / 2
    return np.array(
        [(middle - (w - 1) / 2, middle - (h - 1) / 2, middle + (w - 1) / 2, middle + (h - 1) / 2) for w, h in made]
    )


def proposals(scores, corrections, picture, base, ratios, scales, stride, least, before, count, threshold):
    made = anchors(base, ratios, scales)
    found, values = [], []
    for row, column in np.ndindex(scores.shape[2:]):
        for a, anchor in enumerate(made):
            box = anchor + np.array([column, row] * 2) * stride
            d = corrections[0, 4 * a : 4 * a + 4, row, column].astype(float)
            size = box[2:] - box[:2] + 1
            center = d[:2] * size + box[:2] + size / 2
            half = np.exp(d[2:]) * size / 2
            b = np.concatenate([center - half, center + half]).clip(0, [picture[1] - 1, picture[0] - 1] * 2)
            if (b[2:] - b[:2] + 1 >= least * picture[2]).all():
                found.append(b)
                values.append(scores[0, len(made) + a, row, column])
    kept = suppressed(found, np.argsort(-np.array(values), kind="stable")[:before], threshold, 1.0)[:count]
    return np.array([found[i] for i in kept]), np.array([values[i] for i in kept])


def test_proposal(rng):
    scores = rng.random((1, 12, 5, 6)).astype(np.float32)
    corrections = rng.standard_normal((1, 24, 5, 6)).astype(np.float32) * 0.3
    picture, ratios, scales = (80, 96, 1.5), (0.5, 1, 2), (1, 2)
    y, values = nniesim.proposal(
        scores, corrections, picture, ratios=ratios, scales=scales, min_size=8.0, before_suppression=100, regions=60
    )
    boxes, best = proposals(scores, corrections, picture, 16, ratios, scales, 16, 8.0, 100, 60, 0.7)
    n = len(boxes)
    assert 20 < n and y.shape == (60, 5) and np.abs(y[:n, 1:] - boxes[:60]).max() < 1e-4 and not y[:n, 0].any()
    assert np.array_equal(values[:n], best) and not values[n:].any()
    assert np.array_equal(y[n:], np.tile(np.float32([-1, 0, 0, 0, 0]), (60 - n, 1)))


def test_text_proposal(rng):
    scores = rng.random((1, 20, 3, 4)).astype(np.float32)
    corrections = rng.standard_normal((1, 20, 3, 4)).astype(np.float32) * 0.2
    y, values = nniesim.text_proposal(scores, corrections, [48, 64])
    heights = (11, 16, 23, 33, 48, 68, 97, 139, 198, 283)
    expected = []
    for row, column in np.ndindex(3, 4):
        for a, height in enumerate(heights):
            first, last = int(7.5 - height // 2), int(7.5 + height // 2)  # toward zero, as CTPN's Python 2
            move, factor = corrections[0, 2 * a : 2 * a + 2, row, column].astype(float)
            size = (last - first + 1) * math.exp(factor)
            top = move * (last - first + 1) + (first + last) / 2 + row * 16 - size / 2
            expected.append([column * 16, top, column * 16 + 15, top + size])
    expected = np.array(expected).clip(0, [63, 47, 63, 47])
    assert y.shape == (120, 4) and np.abs(y - expected).max() < 1e-4
    assert np.array_equal(values.reshape(3, 4, 10), scores[0, 10:].transpose(1, 2, 0))


PRIORS = nniesim.prior_box(2, 8, 2.0)
LOCATIONS, SCORES = np.zeros((1, 16), np.float32), np.zeros((1, 8), np.float32)
RPN = [np.zeros((1, n, 2, 2), np.float32) for n in (18, 36)]
TEXT = np.zeros((1, 20, 2, 2), np.float32)
ERRORS = {
    "no sizes": (nniesim.FormatError, lambda: nniesim.prior_box(2, 8, []), "prior_box: got 0 min_size"),
    "a size below 0": (nniesim.FormatError, lambda: nniesim.prior_box(2, 8, -1.0), "got min_size -1"),
    "NaN for a size": (nniesim.FormatError, lambda: nniesim.prior_box(2, 8, math.nan), "got min_size nan"),
    "a text of sizes": (TypeError, lambda: nniesim.prior_box(2, 8, "30"), "prior_box: min_sizes is of type str"),
    "texts of sizes": (TypeError, lambda: nniesim.prior_box(2, 8, ["30"]), "prior_box: min_sizes is of type str"),
    "an empty picture": (nniesim.ShapeError, lambda: nniesim.prior_box(2, 0, 1.0), "prior_box picture"),
    "an empty map": (nniesim.ShapeError, lambda: nniesim.prior_box((0, 2), 8, 1.0), "prior_box input"),
    "a huge map": (nniesim.ShapeError, lambda: nniesim.prior_box(2**20, 8, 1.0), "prior_box: a result of shape"),
    "a map beyond all": (nniesim.ShapeError, lambda: nniesim.prior_box(2**40, 8, 1.0), "shape: more than"),
    "three variances": (nniesim.ShapeError, lambda: nniesim.prior_box(2, 8, 1.0, variance=[1, 1, 1]), "variance has 3"),
    "no steps": (nniesim.ShapeError, lambda: nniesim.prior_box(2, 8, 1.0, step=()), "step has 0 numbers"),
    "classes": (
        nniesim.ShapeError,
        lambda: nniesim.detection_output(LOCATIONS, SCORES, PRIORS, 3),
        "detection_output: corrections 1x16 and scores 1x8",
    ),
    "priors": (nniesim.ShapeError, lambda: nniesim.detection_output(LOCATIONS, SCORES, SCORES, 2), "priors of shape"),
    "NaN in scores": (
        nniesim.FormatError,
        lambda: nniesim.detection_output(LOCATIONS, SCORES * np.nan, PRIORS, 2),
        "NaN at",
    ),
    "code": (
        nniesim.FormatError,
        lambda: nniesim.detection_output(LOCATIONS, SCORES, PRIORS, 2, code="corners"),
        "detection_output: code is",
    ),
    "eta": (
        nniesim.FormatError,
        lambda: nniesim.detection_output(LOCATIONS, SCORES, PRIORS, 2, eta=0.0),
        "eta 0",
    ),
    "layer values": (
        TypeError,
        lambda: nniesim.detection_output(LOCATIONS.astype(np.int32), SCORES, PRIORS, 2),
        "corrections has element type int32",
    ),
    "anchors": (nniesim.ShapeError, lambda: nniesim.proposal(*RPN, (8, 8, 1), ratios=1.0), "proposal: scores"),
    "a picture": (nniesim.ShapeError, lambda: nniesim.proposal(*RPN, (8, 8)), "proposal: picture 1x2"),
    "a picture of no size": (nniesim.FormatError, lambda: nniesim.proposal(*RPN, (8, 0, 1)), "proposal: picture 8 x 0"),
    "a picture of NaN": (nniesim.FormatError, lambda: nniesim.proposal(*RPN, (8, math.nan, 1)), "picture 8 x nan"),
    "many regions": (nniesim.FormatError, lambda: nniesim.proposal(*RPN, (8, 8, 1), regions=2**24), "16777216 regions"),
    "NaN in corrections": (
        nniesim.FormatError,
        lambda: nniesim.proposal(RPN[0], RPN[1] * np.nan, (8, 8, 1)),
        "proposal: corrections: NaN at",
    ),
    "text's channels": (nniesim.ShapeError, lambda: nniesim.text_proposal(RPN[0], RPN[0], (8, 8)), "text_proposal"),
    "text's picture": (nniesim.FormatError, lambda: nniesim.text_proposal(TEXT, TEXT, (8, 2e6)), "below 2"),
    "text's stride": (nniesim.FormatError, lambda: nniesim.text_proposal(TEXT, TEXT, (8, 8), stride=0), "stride is 0"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_the_argument(name):
    kind, call, message = ERRORS[name]
    with pytest.raises(kind, match=message):
        call()
