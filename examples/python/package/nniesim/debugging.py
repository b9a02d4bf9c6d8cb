"""What diagnoses, searches and compensations say: plain dataclasses."""

from __future__ import annotations

import dataclasses
import html as _html
import json
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from ._tables import html_table


@dataclasses.dataclass(frozen=True)
class Finding:
    """One fault that was found."""

    cause: str
    """"no fault", "preprocessing", "too few bits", ...: the vendor's procedure."""
    layer: str
    """Where it enters; empty where it is of no layer."""
    summary: str
    evidence: tuple[str, ...]
    against: tuple[str, ...]
    """What speaks against it."""
    rivals: tuple[tuple[str, str], ...]
    """Other causes, and what makes each less likely."""
    change: tuple[str, ...]
    """The exact changes to make: cfg lines, layers' names, edits of the prototxt."""
    next: str
    """The measurement that would decide; empty where none is needed."""


@dataclasses.dataclass(frozen=True)
class LayerEvidence:
    """One layer as a diagnosis saw it; None for what is not known."""

    layer: str
    partner: str
    """In the other run; empty where it has none, which never counts as equal."""
    relation: str
    bad: bool
    """It misses a threshold."""
    cosine: Optional[float]
    norm_error: Optional[float]
    relative_l2_error: Optional[float]
    floor_ratio: Optional[float]
    """The error as a multiple of what the bits cost anyway."""
    isolated_cosine: Optional[float]
    """Of the layer by itself."""
    cosine_in_16_bits: Optional[float]
    cosine_weights_only: Optional[float]
    cosine_activations_only: Optional[float]
    error_parts: Optional[dict[str, Any]] = None
    """Shares of the squared error: gain, offset, saturation, underflow, rounding; and the worst channels."""


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """What is wrong between two runs, why, and what to change."""

    verdict: Finding
    also: tuple[Finding, ...]
    """Further faults, in the procedure's order."""
    compared: int
    """How many of the layers were; nothing is concluded about the others."""
    layers: tuple[LayerEvidence, ...]
    remarks: tuple[str, ...]
    """What is not simulated, or not as it is by default."""
    text: str = dataclasses.field(repr=False)
    """All of it as the tool prints it."""
    html: str = dataclasses.field(repr=False)
    """The report, one page; empty where it was not asked for."""

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        names = ("layer", "cosine", "norm_error", "isolated_cosine", "floor_ratio", "bad")
        table = html_table(names, [tuple(getattr(row, n) for n in names) for row in self.layers])
        return f"<pre>{_html.escape(self.text)}</pre>{table}"


def finding_of(fields: dict[str, Any]) -> Finding:
    """From the library's JSON."""
    return Finding(
        cause=fields["cause"],
        layer=fields["layer"],
        summary=fields["summary"],
        evidence=tuple(fields["evidence"]),
        against=tuple(fields["against"]),
        rivals=tuple((r["cause"], r["why_not"]) for r in fields["rivals"]),
        change=tuple(fields["change"]),
        next=fields["next"],
    )


def diagnosis_of(found: dict[str, Any]) -> Diagnosis:
    """From the library's JSON, text and page."""
    fields = json.loads(found["json"])
    return Diagnosis(
        verdict=finding_of(fields["verdict"]),
        also=tuple(finding_of(f) for f in fields["also"]),
        compared=fields["compared"],
        layers=tuple(LayerEvidence(**row) for row in fields["layers"]),
        remarks=tuple(found["remarks"]),
        text=found["text"],
        html=found["html"],
    )


@dataclasses.dataclass(frozen=True)
class EvaluatedPlan:
    """A choice of layers in 16 bits."""

    layers: tuple[str, ...]
    time: float
    """Where all layers in 8 bits take 1."""
    score: float
    """The smallest over the pictures."""


def plan_of(fields: dict[str, Any]) -> EvaluatedPlan:
    """From the module's dict."""
    return EvaluatedPlan(tuple(fields["layers"]), fields["time"], fields["score"])


@dataclasses.dataclass(frozen=True)
class Search:
    """Which layers to mark _hp."""

    verdict: str
    """The result in a sentence."""
    reached: bool
    """Whether the best plan reaches the goal."""
    target: str
    goal: float
    best: EvaluatedPlan
    """The cheapest within the budget that reaches the goal, or, if none does, the one with the best score."""
    front: tuple[EvaluatedPlan, ...]
    """Those of which no other is both cheaper and better, by rising time."""
    evaluations: int
    all_in_16_bits: Optional[float]
    """Where the goal was not reached: the score with every layer in 16 bits."""
    marks_verified: Optional[bool]
    """Whether the files that were written have the marks and the score; None where none were asked for."""
    marks_remarks: tuple[str, ...]
    """What is wrong with them, or has no effect."""

    def _repr_html_(self) -> str:
        rows = [(p.time, p.score, ", ".join(p.layers)) for p in self.front]
        return f"<p>{_html.escape(self.verdict)}</p>" + html_table(("time", "score", "layers in 16 bits"), rows)


@dataclasses.dataclass(frozen=True)
class NormErrors:
    """Relative errors of norms, (quantized - float) / float."""

    mean: float
    """Signed."""
    mean_abs: float
    deviation: float
    samples: int


@dataclasses.dataclass(frozen=True)
class JudgedChain:
    """The norms behind a chain, with the old and the new constant."""

    before: NormErrors
    after: NormErrors
    removed: float
    """The share of the mean error that is gone."""
    removed_abs: float
    """The same of the mean magnitude."""
    left_out: int
    float_norms: npt.NDArray[np.float64]
    quantized: npt.NDArray[np.float64]
    compensated: npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Chain:
    """A chain of layers that computes a norm and divides by it, and its constant."""

    name: str
    layer: str
    """That holds the constant."""
    form: str
    outcome: str
    verdict: str
    old_constant: float
    new_constant: float
    interval: Optional[tuple[float, float]]
    """95 % interval of the constant."""
    training: JudgedChain
    held_out: JudgedChain


def _judged(fields: dict[str, Any]) -> JudgedChain:
    return JudgedChain(before=NormErrors(**fields.pop("before")), after=NormErrors(**fields.pop("after")), **fields)


def chain_of(fields: dict[str, Any]) -> Chain:
    """From the module's dict."""
    return Chain(training=_judged(fields.pop("training")), held_out=_judged(fields.pop("held_out")), **fields)


@dataclasses.dataclass(frozen=True)
class Compensation:
    """Constants that bring feature norms back; no chains where the network has none."""

    chains: tuple[Chain, ...]
    training_pictures: int
    held_out_pictures: int
    is_written: bool
    """Whether the prototxt was."""
    wrong: tuple[str, ...]
    """Why it was not."""

    def _repr_html_(self) -> str:
        rows = [
            (c.name, c.old_constant, c.new_constant, c.held_out.before.mean, c.held_out.after.mean, c.verdict)
            for c in self.chains
        ]
        return html_table(("norm", "constant", "new", "mean error before", "after", "verdict"), rows)
