"""Networks over many pictures: `nnie-debug evaluate` and `nnie-debug merge`, the same bits."""

from __future__ import annotations

import copyreg
import dataclasses
import html as _html
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path as _File
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt

from ._core import Ranges
from ._tables import html_table
from ._types import Path, path_text
from ._types import core as _core

Doubles = npt.NDArray[np.float64]
Part = Union[Path, bytes]


def _ranges_of(text: bytes) -> Ranges:
    return _core.ranges_of_text(text)  # type: ignore[no-any-return]


copyreg.pickle(Ranges, lambda ranges: (_ranges_of, (_core.ranges_text(ranges),)))


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far an evaluation is."""

    done: int
    """Pictures that have a record."""
    of: int
    """Pictures of this shard."""
    bad: int
    """Of `done`: could not be evaluated."""
    known: int
    """Of `done`: by an earlier evaluation, from the state file."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class SampleSummary:
    """What many measurements of one kind come to."""

    count: int
    """Of finite measurements, which all that follows is of."""
    not_finite: int
    """Of the others, which are left out."""
    mean: Optional[Estimate]
    """None where nothing is finite."""
    percentiles: dict[int, Estimate]
    """1, 5, 25, 50, 75, 95 and 99, in percent, by the nearest rank."""
    worst: Optional[Estimate]
    worst_picture: Optional[str] = None
    """Its name; None of norms."""


@dataclasses.dataclass(frozen=True)
class EvaluatedLayer:
    """One output of one layer over all pictures, all layers before it quantized."""

    layer: str
    is_output: bool
    """Of the network."""
    cosine: SampleSummary
    norm_error: SampleSummary
    """(quantized norm - float norm) / float norm, signed."""
    relative_l2_error: SampleSummary


@dataclasses.dataclass(frozen=True)
class EvaluatedNorms:
    """Norms of a feature norm or of an output. What is of compensated norms is None without a compensated network."""

    name: str
    constant: Optional[float]
    """In use; None of an output."""
    new_constant: Optional[float]
    interval: Optional[tuple[float, float]]
    """95 % interval of the new constant, where it was solved with the evaluation."""
    left_out: int
    """Norms that are zero in float or not finite somewhere."""
    in_float: SampleSummary
    quantized: SampleSummary
    compensated: Optional[SampleSummary]
    error: SampleSummary
    """Relative, (quantized - float) / float."""
    error_compensated: Optional[SampleSummary]
    removed: Optional[float]
    """The share of the mean error that is gone."""
    removed_abs: Optional[float]
    """The same of the mean magnitude."""
    edges: Doubles
    """Of a histogram's bins; empty where all norms are equal."""
    shares_in_float: Doubles
    """Of the norms in each bin."""
    shares_quantized: Doubles
    shares_compensated: Optional[Doubles]


@dataclasses.dataclass(frozen=True)
class Share:
    """How often something holds."""

    count: int
    of: int
    share: Optional[Estimate]
    """None of nothing."""


@dataclasses.dataclass(frozen=True)
class EvaluatedDecision:
    """How often a quantized network decides as the float one."""

    name: str
    quantized: Share
    compensated: Optional[Share]


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """How often the largest value is the label's."""

    in_float: Share
    quantized: Share
    compensated: Optional[Share]
    out_of_range: int
    """Pictures whose label is no index of the output: they are evaluated, and have no part in the accuracy."""
    named: tuple[str, ...]
    """The first of them."""


@dataclasses.dataclass(frozen=True)
class EvaluatedPicture:
    """A picture, by the network's output with the largest relative error."""

    name: str
    number: int
    """In the whole list, from 0."""
    output: str
    cosine: float
    norm_error: float
    relative_l2_error: float


@dataclasses.dataclass(frozen=True)
class BadPicture:
    """One that could not be evaluated."""

    name: str
    problem: str


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What the records of an evaluation say; the same for any number of shards, threads and processes."""

    network: str
    about: str
    """Mode, ranges and what is not as it is by default."""
    pictures: int
    """Listed, of all shards together."""
    shard: tuple[int, int]
    """(index, count)."""
    training: int
    """Pictures that compensated constants were solved on, which do not judge them."""
    evaluated: int
    bad: int
    """Could not be evaluated."""
    missing: int
    """Of the shard, without a record: the evaluation was stopped."""
    bad_pictures: tuple[BadPicture, ...]
    """The first of them."""
    layers: tuple[EvaluatedLayer, ...]
    norms: tuple[EvaluatedNorms, ...]
    decisions: tuple[EvaluatedDecision, ...]
    accuracy: Optional[Accuracy]
    """None without labels."""
    worst_pictures: tuple[EvaluatedPicture, ...]
    """Worst first."""
    text: str = dataclasses.field(repr=False)
    """All of it as the tool prints it."""

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        def mean(s: Optional[SampleSummary]) -> Optional[float]:
            return None if s is None or s.mean is None else s.mean.value

        rows = [
            (
                x.layer,
                mean(x.cosine),
                x.cosine.worst and x.cosine.worst.value,
                x.cosine.worst_picture,
                mean(x.norm_error),
                mean(x.relative_l2_error),
            )
            for x in self.layers
        ]
        head = ("layer", "mean cosine", "worst", "of picture", "mean norm error", "mean relative error")
        about = f"{self.evaluated} of {self.pictures} pictures, {self.bad} bad, {self.missing} missing"
        return f"<p>{_html.escape(about)}</p>" + html_table(head, rows)


def _estimate(values: Optional[tuple[float, float, float]]) -> Optional[Estimate]:
    return None if values is None else Estimate(*values)


def _summary(fields: Optional[dict[str, Any]]) -> Any:
    if fields is None:
        return None
    return SampleSummary(
        count=fields["count"],
        not_finite=fields["not_finite"],
        mean=_estimate(fields["mean"]),
        percentiles={percent: Estimate(*e) for percent, e in fields["percentiles"].items()},
        worst=_estimate(fields["worst"]),
        worst_picture=fields.get("worst_picture") if fields["count"] else None,
    )


def _share(fields: Optional[dict[str, Any]]) -> Any:
    return None if fields is None else Share(fields["count"], fields["of"], _estimate(fields["share"]))


def _layer(fields: dict[str, Any]) -> EvaluatedLayer:
    kinds = ("cosine", "norm_error", "relative_l2_error")
    return EvaluatedLayer(fields["layer"], fields["is_output"], *(_summary(fields[k]) for k in kinds))


def _norms(fields: dict[str, Any]) -> EvaluatedNorms:
    for kind in ("in_float", "quantized", "compensated", "error", "error_compensated"):
        fields[kind] = _summary(fields[kind])
    return EvaluatedNorms(**fields)


def _evaluation(fields: dict[str, Any]) -> Evaluation:
    labels = fields.pop("labels")
    of_shares = ("in_float", "quantized", "compensated")
    if labels is not None:
        labels.update({kind: _share(labels[kind]) for kind in of_shares})
    return Evaluation(
        **fields
        | {
            "accuracy": None if labels is None else Accuracy(**labels),
            "bad_pictures": tuple(BadPicture(*b) for b in fields["bad_pictures"]),
            "layers": tuple(_layer(x) for x in fields["layers"]),
            "norms": tuple(_norms(x) for x in fields["norms"]),
            "decisions": tuple(
                EvaluatedDecision(d["name"], _share(d["quantized"]), _share(d["compensated"]))
                for d in fields["decisions"]
            ),
            "worst_pictures": tuple(EvaluatedPicture(**p) for p in fields["worst_pictures"]),
        }
    )


def read_evaluation(
    path: Path,
    *,
    worst: int = 10,
    resamples: int = 1000,
    threads: int = 1,
    html: Optional[Path] = None,
    csv: Optional[Path] = None,
    json: Optional[Path] = None,
) -> Evaluation:
    """What a file of records says, whole or not: of `Network.evaluate(state=...)` or `nnie-debug evaluate --state`.

    `worst`: so many pictures are named. `resamples`: for the intervals; 0 makes them the values themselves. `html`, `csv`
    and `json`: files to write, as the tool's. Raises ParseError for a damaged file.
    """
    options = {
        "worst": worst,
        "resamples": resamples,
        "threads": threads,
        "html": path_text(html),
        "csv": path_text(csv),
        "json": path_text(json),
    }
    return _evaluation(_core.summarize_evaluation(os.fspath(path), options))


def _files_of(parts: Iterable[Part], folder: _File) -> list[str]:
    files: list[str] = []
    for part in parts:
        if isinstance(part, (bytes, bytearray, memoryview)):
            file = folder / f"part{len(files)}"
            file.write_bytes(part)
            files.append(str(file))
        else:
            files.append(os.fspath(part))
    return files


def merge_evaluations(
    parts: Iterable[Part], output: Optional[Path] = None, *, incomplete: bool = False, **report: Any
) -> Evaluation:
    """Joins the files of shards, whole or not, in any order: `nnie-debug merge`.

    Exact: of complete parts the joined file is byte for byte that of one evaluation in one piece. `parts`: names of files,
    or their bytes. `output`: the joined file, written as a whole or not at all. `incomplete`: pictures may be missing.
    `report`: as of `read_evaluation`. Raises Error for parts of different evaluations, for a picture that is in two, and
    for missing ones, and ParseError for damaged parts.
    """
    with tempfile.TemporaryDirectory(prefix="nniesim-") as folder:
        files = _files_of(parts, _File(folder))
        joined = os.path.join(folder, "joined") if output is None else os.fspath(output)
        _core.merge_evaluations(files, joined, bool(incomplete))
        return read_evaluation(joined, **report)


@dataclasses.dataclass(frozen=True)
class NormRecords:
    """Norms of a feature norm, of each picture (rows) and sample (columns)."""

    in_float: Doubles
    quantized: Doubles
    input: Doubles
    """Of what the norm is taken of, quantized."""
    base: Doubles
    """What the layer with the constant takes, times its scale."""
    compensated: Doubles
    """Of the compensated network; `quantized` without one."""


@dataclasses.dataclass(frozen=True)
class EvaluationRecords:
    """What was measured on each picture, as arrays: a row for each of `numbers`, in the order of the pictures."""

    numbers: npt.NDArray[np.uint64]
    """Of the pictures in the whole list, from 0."""
    names: tuple[str, ...]
    layers: tuple[str, ...]
    """The columns of the next four."""
    cosine: Doubles
    relative_l2_error: Doubles
    l2_reference: Doubles
    """The norm in float."""
    l2_other: Doubles
    """The norm quantized."""
    outputs: tuple[str, ...]
    """Those of the network, the columns of `l2_compensated`."""
    l2_compensated: Doubles
    """The norm in the compensated network; quantized without one."""
    norms: dict[str, NormRecords]
    """Of each feature norm."""
    decisions: tuple[str, ...]
    agrees: npt.NDArray[np.bool_]
    """Pictures x decisions x (quantized, compensated)."""
    right: Optional[npt.NDArray[np.bool_]]
    """Pictures x (the label is known, right in float, quantized, compensated); None without labels."""
    ranges: tuple[str, ...]
    """The columns of `largest`."""
    largest: npt.NDArray[np.float32]
    """Largest magnitudes of blobs in float."""
    bad: dict[int, BadPicture]
    """Those that could not be evaluated, by number."""


def read_evaluation_records(path: Path) -> EvaluationRecords:
    """The records of an evaluation's file, whole or not. Raises ParseError for a damaged one."""
    r = _core.evaluation_records(os.fspath(path))
    rows = len(r["numbers"])
    columns = len(r["layers"])
    layers = {k: r[k].reshape(rows, columns) for k in ("cosine", "relative_l2_error", "l2_reference", "l2_other")}
    bad = zip(r["numbers_of_bad"], r["names_of_bad"], r["problems"])
    return EvaluationRecords(
        numbers=r["numbers"],
        names=r["names"],
        layers=r["layers"],
        outputs=r["outputs"],
        l2_compensated=r["compensated"].reshape(rows, len(r["outputs"])),
        norms={
            name: NormRecords(*(values.reshape(rows, samples) for values in kinds))
            for name, (samples, kinds) in r["norms"].items()
        },
        decisions=r["decisions"],
        agrees=r["agrees"].astype(bool).reshape(rows, len(r["decisions"]), 2),
        right=r["labels"].astype(bool).reshape(rows, 4) if r["has_labels"] else None,
        ranges=r["ranges"],
        largest=r["largest"].reshape(rows, len(r["ranges"])),
        bad={int(number): BadPicture(name, problem) for number, name, problem in bad},
        **layers,
    )


def merge_ranges(parts: Sequence[Ranges]) -> Ranges:
    """The ranges over all pictures from those over parts of them, of the rule "floating".

    Exact, for the largest of magnitudes depends on no order. Those of "quantized" do: a picture is quantized with the
    ranges of those before it. Raises Error for them, and for no parts.
    """
    return _core.merge_ranges(list(parts))  # type: ignore[no-any-return]
