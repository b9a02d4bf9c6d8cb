"""Layers over steps of sequences. x is steps x sequences x ...; a continuation, steps x sequences, is 0 where a
sequence begins, else 1. Arrays, policies, `raw` and errors are those of the operators."""

from __future__ import annotations

from typing import Optional

from ._types import Array, Floats
from ._types import core as _core
from .operators import Result


def lstm(
    x: Array,
    w_input: Array,
    w_hidden: Array,
    bias: Optional[Array] = None,
    *,
    policy: str,
    continuation: Optional[Array] = None,
    fixed: Optional[Array] = None,
    w_fixed: Optional[Array] = None,
    first_h: Optional[Array] = None,
    first_c: Optional[Array] = None,
    rule: str = "hardware",
    threads: int = 1,
    raw: bool = False,
) -> tuple[Result, Result, Result]:
    """Caffe's LSTM of H outputs: all of them (steps x sequences x H), and h and c after the last step.

    `w_input` is 4H x features, `w_hidden` 4H x H, `bias` 4H, in the order of the gates i, f, o, g. `fixed` (sequences x
    ...) is the same in all steps, its weights `w_fixed` 4H x its features. `first_h` and `first_c`, 1 x sequences x H,
    are the states before the first step, which take a continuation; else they are 0. Without a continuation all
    sequences begin at step 0. `rule` is that of `activation`.
    """
    return _core.lstm(  # type: ignore[no-any-return]
        x, w_input, w_hidden, bias, policy, continuation, fixed, w_fixed, first_h, first_c, rule, threads, raw
    )


def rnn(
    x: Array,
    w_input: Array,
    w_hidden: Array,
    w_output: Array,
    bias: Optional[Array] = None,
    output_bias: Optional[Array] = None,
    *,
    policy: str,
    continuation: Optional[Array] = None,
    fixed: Optional[Array] = None,
    w_fixed: Optional[Array] = None,
    first_h: Optional[Array] = None,
    rule: str = "hardware",
    threads: int = 1,
    raw: bool = False,
) -> tuple[Result, Result]:
    """Caffe's RNN of H outputs: all of them (steps x sequences x H), and h after the last step.

    h = tanh(w_hidden h + w_input x + bias), y = tanh(w_output h + output_bias); `w_input` is H x features, `w_hidden`
    and `w_output` H x H. The other arguments are those of `lstm`.
    """
    return _core.rnn(  # type: ignore[no-any-return]
        x,
        w_input,
        w_hidden,
        w_output,
        bias,
        output_bias,
        policy,
        continuation,
        fixed,
        w_fixed,
        first_h,
        rule,
        threads,
        raw,
    )


def ctc_greedy_decoder(
    x: Array,
    continuation: Optional[Array] = None,
    *,
    policy: str,
    blank: Optional[int] = 0,
    merge_repeated: bool = True,
) -> tuple[Floats, Floats]:
    """Of each sequence the most probable class of every step of x (steps x sequences x classes), without blanks.

    Gives sequences x steps x 1 x 1, -1 behind the classes, and of each sequence minus the sum of the largest elements.
    `blank` None is the last class. A sequence ends before the first step but 0 whose continuation is 0.
    """
    return _core.ctc_greedy_decoder(x, continuation, policy, blank, merge_repeated)  # type: ignore[no-any-return]


def continuation_indicator(steps: int, sequences: int) -> Floats:
    """The continuation of sequences that all begin at step 0: steps x sequences, 0 in the first step, else 1."""
    return _core.continuation_indicator(steps, sequences)  # type: ignore[no-any-return]
