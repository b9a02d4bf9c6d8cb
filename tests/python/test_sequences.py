"""Layers over steps of sequences."""

import itertools

import nniesim
import numpy as np
import pytest

STEPS, SEQUENCES, FEATURES, OUTPUTS = 5, 3, 6, 4
CONTINUES = np.ones((STEPS, SEQUENCES), np.float32)
CONTINUES[0, :2] = CONTINUES[2, 1] = 0


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def codes(x, policy, largest=None):
    """What products read: x itself, or the accelerator's codes of it."""
    if policy == "float32":
        return x.astype(float)
    form = nniesim.gfpq8 if policy == "w8a8" else nniesim.gfpq16
    x = np.ascontiguousarray(x, np.float32)
    return form.fake_quantize(x, form.scale_of(x if largest is None else np.array([largest], np.float32))).astype(float)


class Cell:
    """A recurrent layer of random weights, and what it computes, from Caffe's definition."""

    def __init__(self, rng, gates):
        def weights(*shape):
            return (rng.standard_normal(shape) / 2).astype(np.float32)

        self.x, self.fixed = weights(STEPS, SEQUENCES, FEATURES), weights(SEQUENCES, 2)
        self.w_input, self.bias = weights(gates * OUTPUTS, FEATURES), weights(gates * OUTPUTS)
        self.w_hidden, self.w_fixed = weights(gates * OUTPUTS, OUTPUTS), weights(gates * OUTPUTS, 2)
        self.w_output, self.output_bias = weights(OUTPUTS, OUTPUTS), weights(OUTPUTS)
        self.h, self.c = np.tanh(weights(1, SEQUENCES, OUTPUTS)), weights(1, SEQUENCES, OUTPUTS)

    def sums(self, policy, fixed):
        """Of all steps, but for the states."""
        s = codes(self.x, policy) @ codes(self.w_input, policy).T + self.bias
        return s + codes(self.fixed, policy) @ codes(self.w_fixed, policy).T if fixed else s

    def lstm(self, policy, continues, h, c, fixed=False):
        y, w = [], codes(self.w_hidden, policy)
        for s, k in zip(self.sums(policy, fixed), continues[..., None]):
            i, f, o, g = np.split(s + codes(k * h, policy, 1.0) @ w.T, 4, 1)
            c = k * sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            y.append(h)
        return np.array(y), h[None], c[None]

    def rnn(self, policy, continues, h, fixed=False):
        y, w, w_output = [], codes(self.w_hidden, policy), codes(self.w_output, policy)
        for s, k in zip(self.sums(policy, fixed), continues[..., None]):
            h = np.tanh(s + codes(k * h, policy, 1.0) @ w.T)
            y.append(np.tanh(codes(h, policy, 1.0) @ w_output.T + self.output_bias))
        return np.array(y), h[None]


def near(results, expected, policy):
    """Every sum and state is truncated, steps add up, and a state that is off by a unit may get the next code."""
    limit = {"float32": 1e-6, "w8a8": 0.05, "w16a16": 0.01}[policy]
    mean = {"float32": 1e-7, "w8a8": 0.005, "w16a16": 0.002}[policy]
    apart = [np.abs(y - e) for y, e in zip(results, expected)]
    assert all(y.shape == e.shape for y, e in zip(results, expected))
    return len(results) == len(expected) and max(a.max() for a in apart) < limit and max(a.mean() for a in apart) < mean


BEGINNING = nniesim.continuation_indicator(STEPS, SEQUENCES)


def test_continuation_indicator():
    assert BEGINNING.dtype == np.float32
    assert np.array_equal(BEGINNING, np.vstack([np.zeros((1, SEQUENCES)), np.ones((STEPS - 1, SEQUENCES))]))


@pytest.mark.parametrize("policy", ["float32", "w8a8", "w16a16"])
class TestRecurrent:
    def test_lstm(self, policy, rng):
        cell = Cell(rng, 4)
        take = {"policy": policy, "rule": "exact"}
        y = nniesim.lstm(cell.x, cell.w_input, cell.w_hidden, cell.bias, **take)
        assert near(y, cell.lstm(policy, BEGINNING, 0 * cell.h[0], 0 * cell.c[0]), policy)
        same = nniesim.lstm(cell.x, cell.w_input, cell.w_hidden, cell.bias, continuation=BEGINNING, threads=2, **take)
        assert all(np.array_equal(a, b) for a, b in zip(y, same))
        take |= {"continuation": CONTINUES, "first_h": cell.h, "first_c": cell.c}
        y = nniesim.lstm(cell.x, cell.w_input, cell.w_hidden, cell.bias, fixed=cell.fixed, w_fixed=cell.w_fixed, **take)
        assert near(y, cell.lstm(policy, CONTINUES, cell.h[0], cell.c[0], fixed=True), policy)
        half = nniesim.lstm(cell.x, cell.w_input, cell.w_hidden, policy=policy)
        assert np.abs(half[0] - y[0]).max() > 0.01 and np.array_equal(half[0][-1:], half[1])

    def test_rnn(self, policy, rng):
        cell = Cell(rng, 1)
        weights = (cell.w_input, cell.w_hidden, cell.w_output, cell.bias, cell.output_bias)
        y = nniesim.rnn(cell.x, *weights, policy=policy, rule="exact")
        assert near(y, cell.rnn(policy, BEGINNING, 0 * cell.h[0]), policy)
        y = nniesim.rnn(
            cell.x,
            *weights,
            policy=policy,
            rule="exact",
            continuation=CONTINUES,
            first_h=cell.h,
            fixed=cell.fixed,
            w_fixed=cell.w_fixed,
        )
        assert near(y, cell.rnn(policy, CONTINUES, cell.h[0], fixed=True), policy)

    def test_a_sequence_goes_on_where_it_was_left(self, policy, rng):
        cell = Cell(rng, 4)
        weights = (cell.w_input, cell.w_hidden, cell.bias)
        whole = nniesim.lstm(cell.x, *weights, policy=policy)
        if policy != "float32":  # the scale of x is derived from what is given
            cell.x[[0, 2], 0, 0] = 4.0
            whole = nniesim.lstm(cell.x, *weights, policy=policy)
        _, h, c = nniesim.lstm(cell.x[:2], *weights, policy=policy)
        rest = nniesim.lstm(
            cell.x[2:], *weights, policy=policy, continuation=np.ones((3, SEQUENCES), np.float32), first_h=h, first_c=c
        )
        assert np.array_equal(rest[0], whole[0][2:]) and all(np.array_equal(a, b) for a, b in zip(rest[1:], whole[1:]))


def test_raw_values_go_in_and_out(rng):
    cell = Cell(rng, 4)
    raw = np.round(cell.x * 4096).astype(np.int32)
    x = raw.astype(np.float32) / 4096
    floats = nniesim.lstm(x, cell.w_input, cell.w_hidden, policy="w16a16")
    integers = nniesim.lstm(raw, cell.w_input, cell.w_hidden, policy="w16a16", raw=True)
    assert all(i.dtype == np.int32 and np.array_equal(i / np.float32(4096), f) for i, f in zip(integers, floats))


def decoded(x, continues, blank, merge):
    """Of each sequence the classes, and minus the sum of the largest."""
    classes, scores = np.full((x.shape[1], x.shape[0]), -1.0), []
    for n in range(x.shape[1]):
        steps = next((t for t in range(1, len(x)) if continues is not None and continues[t, n] == 0), len(x))
        best = x[:steps, n].argmax(1)
        kept = [k for k, _ in itertools.groupby(best)] if merge else best
        kept = [k for k in kept if k != blank]
        classes[n, : len(kept)] = kept
        scores.append(-x[:steps, n].max(1).sum())
    return classes[..., None, None], np.array(scores)


@pytest.mark.parametrize("policy", ["float32", "w8a8", "uniform_w16a16"])
def test_ctc_greedy_decoder(policy, rng):
    x = (rng.permutation(9 * 4 * 3).reshape(9, 4, 3) / 16).astype(np.float32)
    continues = np.ones((9, 4), np.float32)
    continues[0] = continues[4, 1] = continues[1, 2] = 0
    for blank, merge, k in itertools.product((0, 1, None), (True, False), (None, continues)):
        y, scores = nniesim.ctc_greedy_decoder(x, k, policy=policy, blank=blank, merge_repeated=merge)
        expected, sums = decoded(x, k, 2 if blank is None else blank, merge)
        assert np.array_equal(y, expected) and np.array_equal(scores, sums)


X, W, H = (np.ones(s, np.float32) for s in ((3, 2, 6), (16, 6), (16, 4)))
STATE = np.ones((1, 2, 4), np.float32)
MANY = np.zeros((2052, 513), np.float32)


def lstm(x=X, w=W, h=H, **named):
    return lambda p: nniesim.lstm(x, w, h, policy=p, **named)


ERRORS = {
    "features": (nniesim.ShapeError, lstm(w=W[:, :5]), "lstm: weights of the input of shape 16x5"),
    "gates": (nniesim.ShapeError, lstm(h=H[:4]), "lstm: weights of the state of shape 4x4"),
    "no matrix": (nniesim.ShapeError, lstm(h=H[0]), "weights of the state"),
    "one axis": (nniesim.ShapeError, lstm(x=X[0, 0]), "lstm: input 6"),
    "no steps": (nniesim.ShapeError, lstm(x=X[:0]), "lstm: input 0x2x6"),
    "bias": (nniesim.ShapeError, lstm(bias=np.ones(3, np.float32)), "lstm: 3 values of bias"),
    "continuation": (nniesim.ShapeError, lstm(continuation=X[:, :, 0].T), "lstm: continuation of shape 2x3"),
    "states alone": (nniesim.FormatError, lstm(first_h=STATE), "lstm: first states without a continuation"),
    "states": (nniesim.ShapeError, lstm(continuation=X[:, :, 0], first_c=STATE[0]), "lstm: first c of shape 2x4"),
    "fixed alone": (nniesim.FormatError, lstm(fixed=X[0]), "lstm: fixed without w_fixed"),
    "w_fixed alone": (nniesim.FormatError, lstm(w_fixed=W), "lstm: w_fixed without fixed"),
    "fixed": (nniesim.ShapeError, lstm(fixed=X[0], w_fixed=H), "lstm: weights of the fixed input of shape 16x4"),
    "NaN": (nniesim.FormatError, lstm(x=X * np.nan), "lstm: x: NaN at"),
    "NaN in states": (nniesim.FormatError, lstm(continuation=X[:, :, 0], first_h=STATE * np.nan), "lstm.*NaN at"),
    "NaN in weights": (nniesim.FormatError, lstm(w=W * np.nan), "NaN|finite"),
    "rule": (nniesim.FormatError, lstm(rule="table"), "lstm: rule is"),
    "threads": (nniesim.FormatError, lstm(threads=0), "threads is 0"),
    "type": (TypeError, lstm(x=X.astype(float)), "lstm: x has element type float64"),
    "a weight's type": (TypeError, lstm(h=None), "lstm: w_hidden is of type NoneType"),
    "rnn's output": (
        nniesim.ShapeError,
        lambda p: nniesim.rnn(X, W[:4], H[:4], H, policy=p),
        "rnn: weights of the output of shape 16x4",
    ),
    "huge sums": (
        nniesim.ShapeError,
        lambda p: nniesim.lstm(X[:1, :1, :1].repeat(2**19, 0), H[:1, :1].repeat(2052, 0), MANY, policy=p),
        "lstm: a result of shape 524288x1x2052",
    ),
    "blank": (
        nniesim.ShapeError,
        lambda p: nniesim.ctc_greedy_decoder(X, policy=p, blank=6),
        "ctc_greedy_decoder: blank 6",
    ),
    "blank's type": (TypeError, lambda p: nniesim.ctc_greedy_decoder(X, policy=p, blank="0"), "blank is of type str"),
    "classes": (nniesim.ShapeError, lambda p: nniesim.ctc_greedy_decoder(X[0], policy=p), "got shape 2x6"),
    "decoded NaN": (nniesim.FormatError, lambda p: nniesim.ctc_greedy_decoder(X * np.nan, policy=p), "NaN at"),
    "continuations": (
        nniesim.ShapeError,
        lambda p: nniesim.ctc_greedy_decoder(X, X, policy=p),
        "continuations of shape",
    ),
    "no continuations": (nniesim.ShapeError, lambda p: nniesim.ctc_greedy_decoder(X, X[:0], policy=p), "is empty"),
    "steps": (nniesim.ShapeError, lambda _: nniesim.continuation_indicator(0, 3), "continuation_indicator: 0 steps"),
    "many steps": (nniesim.ShapeError, lambda _: nniesim.continuation_indicator(2**20, 2**20), "a result of shape"),
    "steps' type": (TypeError, lambda _: nniesim.continuation_indicator(2.0, 3), "steps is of type float"),
}


@pytest.mark.parametrize("policy", ["float32", "w8a8"])
@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_the_argument(name, policy):
    kind, call, message = ERRORS[name]
    with pytest.raises(kind, match=message):
        call(policy)
