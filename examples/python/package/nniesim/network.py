"""Networks as the vendor's compiler takes them: run in any precision, compared, diagnosed, searched, compensated."""

from __future__ import annotations

import dataclasses
import itertools
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt

from ._core import Ranges
from ._tables import html_table
from ._types import Array, Floats, Path, path_text
from ._types import core as _core
from .debugging import (
    Chain,
    Compensation,
    Diagnosis,
    EvaluatedPlan,
    Search,
    chain_of,
    diagnosis_of,
    plan_of,
)
from .evaluation import Evaluation, Progress, read_evaluation
from .metrics import Comparison

Mode = Union[int, str, None]
Inputs = Union[Array, Sequence[Array], Mapping[str, Array], None]
Precisions = Optional[Mapping[str, str]]


def _path_of(path: Path, what: str) -> str:
    text = os.fspath(path)
    if not text:
        raise _core.Error(f"{what} is empty, expected the name of a file")
    return text


def _paths(files: Union[Path, Sequence[Path], None]) -> Optional[list[str]]:
    """One file or several."""
    if files is None:
        return None
    return [os.fspath(f) for f in ([files] if isinstance(files, (str, bytes, os.PathLike)) else files)]


def _inputs(inputs: Inputs) -> Any:
    return dict(inputs) if isinstance(inputs, Mapping) else inputs


MOST_PICTURES = 1_000_000
"""The library's limit for the pictures of an evaluation."""


def sequence_of(pictures: Iterable[Inputs]) -> Any:
    """What can be indexed as it is, anything else as a list."""
    if isinstance(pictures, (str, bytes, Mapping)):
        raise TypeError(f"evaluate: pictures is of type {type(pictures).__name__}, expected a sequence of inputs")
    if hasattr(pictures, "__getitem__") and hasattr(pictures, "__len__"):
        return pictures
    read = list(itertools.islice(pictures, MOST_PICTURES + 1))
    if len(read) > MOST_PICTURES:
        raise _core.FormatError(f"evaluate: pictures gives more than {MOST_PICTURES} pictures, the limit")
    return read


class _Reporter:
    """Calls a function with progress as a dataclass."""

    def __init__(self, function: Callable[[Progress], object]) -> None:
        if not callable(function):
            raise TypeError(f"evaluate: progress is of type {type(function).__name__}, expected a function")
        self._function = function

    def __call__(self, fields: dict[str, int]) -> None:
        self._function(Progress(**fields))


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer of a network."""

    name: str
    type: str
    """As the prototxt has it: "Convolution"."""
    where: str
    """Where it is defined: file:line:column."""
    inputs: tuple[str, ...]
    """The blobs that it reads."""
    outputs: tuple[str, ...]
    """What it gives, as `Network.run` names it: the layer's name, further outputs with their number ("slice:1")."""
    shapes: tuple[tuple[int, ...], ...]
    """Of its outputs."""
    on_cpu: bool
    """The host runs it, in float."""
    merged: tuple[str, ...]
    """The BatchNorm and Scale layers that are part of it."""


@dataclasses.dataclass(frozen=True)
class LayerRow:
    """One output of one layer, compared."""

    name: str
    type: str
    comparison: Comparison
    floor_ratio: Optional[float]
    """The error as a multiple of what 8 or 16 bits cost anyway; None where it is not known."""


_COLUMNS = ("layer", "type", "cosine", "norm_error", "relative_l2_error", "snr_db", "max_abs", "x floor")


class LayerTable(Sequence[LayerRow]):
    """Layers in order of execution, each compared with the float network: a table in notebooks and when printed."""

    def __init__(self, rows: Iterable[LayerRow]) -> None:
        self._rows = tuple(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        """The row of a number, or of a layer's name."""
        if isinstance(index, str):
            for row in self._rows:
                if row.name == index:
                    return row
            raise KeyError(index)
        return self._rows[index]

    def __iter__(self) -> Iterator[LayerRow]:
        return iter(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LayerTable) and other._rows == self._rows

    def __hash__(self) -> int:
        return hash(self._rows)

    def column(self, field: str) -> npt.NDArray[np.float64]:
        """A field of all comparisons ("cosine", "norm_error", ...) or "floor_ratio", to plot; NaN where there is none."""
        if field == "floor_ratio":
            return np.array([np.nan if r.floor_ratio is None else r.floor_ratio for r in self._rows], np.float64)
        return np.array([getattr(r.comparison, field) for r in self._rows], np.float64)

    @property
    def names(self) -> list[str]:
        """The layers' names, for a plot's axis."""
        return [r.name for r in self._rows]

    def _cells(self) -> list[tuple[object, ...]]:
        return [
            (
                r.name,
                r.type,
                r.comparison.cosine,
                r.comparison.norm_error,
                r.comparison.relative_l2_error,
                r.comparison.snr_db,
                r.comparison.max_abs,
                r.floor_ratio,
            )
            for r in self._rows
        ]

    def __repr__(self) -> str:
        rows = [tuple(f"{c:.6g}" if isinstance(c, float) else str(c or "") for c in row) for row in self._cells()]
        widths = [max(len(row[i]) for row in [_COLUMNS, *rows]) for i in range(len(_COLUMNS))]
        return "\n".join(
            "  ".join(c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip()
            for row in [_COLUMNS, *rows]
        )

    def _repr_html_(self) -> str:
        return html_table(_COLUMNS, self._cells())


def _table(rows: Iterable[tuple[str, str, dict[str, Any], Optional[float]]]) -> LayerTable:
    return LayerTable(LayerRow(name, kind, Comparison(**result), floor) for name, kind, result, floor in rows)


@dataclasses.dataclass(frozen=True)
class NetworkComparison:
    """A network in float against the same as it is quantized."""

    accumulated: LayerTable
    """Every layer, all before it quantized."""
    isolated: Optional[LayerTable]
    """Each layer by itself, fed with the float input; None where it was not asked for."""

    def _repr_html_(self) -> str:
        return self.accumulated._repr_html_()


class Runner:
    """A network made ready for many runs: its weights are quantized and laid out once. `Network.runner` makes it."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Any) -> None:
        self._runner = runner

    def run(self, inputs: Inputs = None) -> dict[str, Floats]:
        """The values of the layers that are kept, by name, as new arrays; see `Network.run`."""
        return self._runner.run(_inputs(inputs))  # type: ignore[no-any-return]

    @property
    def memory_bytes(self) -> int:
        """What it needs, the weights among it."""
        return int(self._runner.memory_bytes)


@dataclasses.dataclass(frozen=True)
class CompiledLayer:
    """A layer of a network against what a compiled model has of it."""

    layer: str
    compiled: tuple[int, ...]
    """The model's layers that it became."""
    bits: Optional[int]
    """In which it multiplies: 8 or 16."""
    blocks_raw: tuple[int, int, int]
    """Weight blocks that are equal in all codes, differ, and cannot be read: against the weights as they are."""
    blocks_merged: tuple[int, int, int]
    """The same against weights with BatchNorm merged before compiling."""
    outputs: int
    equal_outputs: int
    """Of them, those whose bias, multiplier, shift and slope are equal."""
    first_difference: str
    input_z: Optional[int]
    """The scale that it reads with."""
    stored_input_z: Optional[int]
    """That of who stored the blob."""


@dataclasses.dataclass(frozen=True)
class ClippedBlob:
    """A blob whose float values are beyond the scale that a compiled model has for it."""

    blob: str
    bits: int
    z: int
    needed_z: int
    largest: float


@dataclasses.dataclass(frozen=True)
class CompiledComparison:
    """A compiled model against the network that it is made of."""

    file: str
    batch_norm_merged: Optional[bool]
    """Whether BatchNorm was merged into the weights before compiling; None where the network does not tell."""
    layers: tuple[CompiledLayer, ...]
    blob_z: dict[str, tuple[int, int]]
    """Bits and z of each blob that stands as codes."""
    clipped: Optional[tuple[ClippedBlob, ...]]
    """Blobs that the chosen pictures clip; None without pictures."""

    def _repr_html_(self) -> str:
        names = [f.name for f in dataclasses.fields(CompiledLayer)]
        return html_table(names, [tuple(getattr(row, name) for name in names) for row in self.layers])


class Network:
    """A network of Caffe's files, as the vendor's compiler quantizes it, and the pictures that it is fed with.

    `mode` of its methods is the compile_mode: 0 all 8 bits, 1 all 16, 2 layers named _hp 16; or "float32", "w8a8",
    "w16a16" for all layers; None for the cfg's. `precisions` gives single layers another policy, by name.
    Methods may be called from several threads: they wait for each other, but for `Runner`s.
    """

    __slots__ = ("_files", "_options")

    def __init__(self, files: Any) -> None:
        """Use `from_cfg` or `from_caffe`."""
        if not isinstance(files, _core.NetworkFiles):
            raise TypeError("Network: made by Network.from_cfg() or Network.from_caffe()")
        self._files = files
        self._options: dict[str, Any] = {}

    @classmethod
    def from_cfg(
        cls,
        cfg: Path,
        *,
        pictures: Sequence[Path] = (),
        with_pictures: bool = True,
        batch_norm: str = "fused",
        stop_at: Optional[str] = None,
        until_unsupported: bool = False,
        custom: Sequence[str] = (),
        sum_rounding: str = "none",
        functions: str = "hardware",
        threads: int = 1,
    ) -> Network:
        """The network of the compiler's cfg, with the cfg's lists of pictures, its preprocessing and its mode.

        `pictures`: one for each input, in place of the lists' last ones. `with_pictures=False` looks at none.
        `batch_norm`: "fused" (into the multiplier, as compilers of 2019 and later), "own_layers", "merged" (into the
        weights). `stop_at` is the last layer that is read. `custom`: LAYER=FILE.npy of what the host gives in place of a
        Custom layer. `sum_rounding` ("none", "nearest", "truncate") and `functions` ("hardware", "nearest_entry", "exact")
        are what is not known of the arithmetic. Raises ParseError with file, line and layer for what is malformed, Error
        for what is missing or does not fit.
        """
        return cls._load(
            cfg=_path_of(cfg, "Network.from_cfg: cfg"),
            pictures=[os.fspath(p) for p in pictures],
            with_inputs=with_pictures,
            batch_norm=batch_norm,
            stop_at=stop_at,
            until_unsupported=until_unsupported,
            custom=custom,
            sum_rounding=sum_rounding,
            functions=functions,
            threads=threads,
        )

    @classmethod
    def from_caffe(
        cls,
        prototxt: Path,
        caffemodel: Path,
        *,
        pictures: Sequence[Path] = (),
        rgb_order: str = "BGR",
        norm_type: int = 0,
        mean_file: Optional[Path] = None,
        data_scale: Optional[float] = None,
        batch_norm: str = "fused",
        stop_at: Optional[str] = None,
        until_unsupported: bool = False,
        custom: Sequence[str] = (),
        sum_rounding: str = "none",
        functions: str = "hardware",
        threads: int = 1,
    ) -> Network:
        """The network of a prototxt and its caffemodel.

        `pictures`: one for each input of the network, a picture or .npy of its shape; without, methods take `inputs`.
        `rgb_order`, `norm_type` (0 none, 1 mean image, 2 channel means, 3 scale, 4 and 5 both), `mean_file` and
        `data_scale` are the cfg's preprocessing. The rest as `from_cfg`.
        """
        return cls._load(
            prototxt=_path_of(prototxt, "Network.from_caffe: prototxt"),
            caffemodel=_path_of(caffemodel, "Network.from_caffe: caffemodel"),
            pictures=[os.fspath(p) for p in pictures],
            rgb_order=rgb_order,
            norm_type=norm_type,
            mean_file=path_text(mean_file),
            data_scale=data_scale,
            batch_norm=batch_norm,
            stop_at=stop_at,
            until_unsupported=until_unsupported,
            custom=custom,
            sum_rounding=sum_rounding,
            functions=functions,
            threads=threads,
        )

    @classmethod
    def _load(cls, **options: Any) -> Network:
        defaults: dict[str, Any] = {
            "cfg": None,
            "prototxt": None,
            "caffemodel": None,
            "rgb_order": "BGR",
            "norm_type": 0,
            "mean_file": None,
            "data_scale": None,
            "with_inputs": True,
        }
        network = cls(_core.load_network(defaults | options))
        network._options = defaults | options
        return network

    def __repr__(self) -> str:
        return f"Network({self.name!r}, {len(self._files.layers())} layers)"

    @property
    def name(self) -> str:
        """As the prototxt has it."""
        return str(self._files.name)

    @property
    def mode(self) -> int:
        """The cfg's compile_mode: 0, 1 or 2."""
        return int(self._files.mode)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers in order of execution."""
        return tuple(Layer(**fields) for fields in self._files.layers())

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the network's inputs, by name, in order."""
        return self._files.inputs()  # type: ignore[no-any-return]

    @property
    def outputs(self) -> tuple[str, ...]:
        """What layers give and none reads."""
        return tuple(self._files.outputs())

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is not simulated, or not as it is by default: sentences."""
        return tuple(self._files.remarks)

    @property
    def listed_pictures(self) -> int:
        """Entries of the cfg's lists of pictures."""
        return int(self._files.listed)

    def picture(self, index: Optional[int] = None) -> dict[str, Floats]:
        """The inputs made from entry `index` of the cfg's lists, or, for None, what is compared: the pictures given
        by name, else the lists' last entries."""
        return self._files.picture(index)  # type: ignore[no-any-return]

    def plan(self, mode: Mode = None, *, precisions: Precisions = None) -> dict[str, str]:
        """The policy of every layer, by name."""
        return self._files.plan(mode, None if precisions is None else dict(precisions))  # type: ignore[no-any-return]

    def runner(
        self,
        mode: Mode = None,
        *,
        precisions: Precisions = None,
        ranges: Optional[Ranges] = None,
        keep: Optional[Sequence[str]] = None,
    ) -> Runner:
        """The network made ready for many runs; arguments as of `run`."""
        return Runner(
            _core.Runner(
                self._files, mode, None if precisions is None else dict(precisions), ranges, keep is None, keep
            )
        )

    def run(
        self,
        inputs: Inputs = None,
        mode: Mode = None,
        *,
        precisions: Precisions = None,
        ranges: Optional[Ranges] = None,
        keep: Optional[Sequence[str]] = None,
    ) -> dict[str, Floats]:
        """Runs the network once and gives every layer's values (float32), by name.

        `inputs`: an array, a sequence of arrays or a dict of them by the inputs' names (float32, of `Network.inputs`'
        shapes); None for `picture()`. `ranges`: those of the activations, from `calibrate`; None derives them from
        this picture. `keep`: the names of layers to give besides the outputs; None gives all. Raises ShapeError for
        inputs of other shapes, FormatError for NaN in them, for names that are not there and for plans that do not fit.
        """
        return self.runner(mode, precisions=precisions, ranges=ranges, keep=keep).run(inputs)

    def calibrate(
        self,
        mode: Mode = None,
        *,
        precisions: Precisions = None,
        pictures: Optional[Iterable[Inputs]] = None,
        rule: str = "quantized",
    ) -> Ranges:
        """The ranges of all blobs over pictures: the cfg's lists, or `pictures`, each as `inputs` of `run`.

        `rule`: largest magnitudes of the network as the mode quantizes it ("quantized", which compiled models agree with)
        or of the float network ("floating").
        """
        return self._files.calibrate(  # type: ignore[no-any-return]
            mode,
            None if precisions is None else dict(precisions),
            None if pictures is None else (_inputs(x) for x in pictures),
            rule,
        )

    def read_inputs(self, files: Sequence[Path]) -> dict[str, Floats]:
        """The inputs made from one picture: of each input a file, preprocessed as the cfg says. Raises Error for a file
        that is missing, damaged or of another size."""
        values = _core.read_inputs(self._files, [os.fspath(f) for f in files], None)
        return dict(zip(self.inputs, values))

    def evaluate(
        self,
        mode: Mode = None,
        *,
        precisions: Precisions = None,
        pictures: Optional[Iterable[Inputs]] = None,
        names: Optional[Sequence[str]] = None,
        lists: Union[Path, Sequence[Path], None] = None,
        folder: Optional[Path] = None,
        labels: Union[bool, Sequence[int], None] = None,
        ranges: Optional[Ranges] = None,
        top_k: Optional[int] = None,
        threshold: Optional[float] = None,
        decisions: Optional[Mapping[str, Callable[[dict[str, Floats]], Union[str, int]]]] = None,
        output_layer: Optional[str] = None,
        compensated: Optional[Path] = None,
        compensate: Optional[int] = None,
        state: Optional[Path] = None,
        shard: tuple[int, int] = (0, 1),
        threads: Optional[int] = None,
        progress: Optional[Callable[[Progress], object]] = None,
        stop: Optional[Callable[[], bool]] = None,
        **report: Any,
    ) -> Evaluation:
        """The network over many pictures, in float and as the accelerator computes it: `nnie-debug evaluate`, with the
        same bits in the state file.

        Pictures: the cfg's lists; or `lists`, a file of names for each input, with `labels=True` for the class behind each
        name of the first; or a `folder`; or `pictures`, each as `inputs` of `run`, with their `names` (else "picture 0"
        and so on) and `labels`, indices of the output. A sequence is indexed when a picture's turn comes, by any thread;
        anything else that gives pictures is read to its end first. A picture that cannot be evaluated, an OSError or a
        ValueError of the sequence included, is counted and named; other exceptions end the evaluation.

        `ranges`: None takes those of the cfg's lists or of the pictures given by name. `top_k`, `threshold`, `decisions`
        (functions of a dict of the outputs' values that give a str or an int): how often the quantized network decides as
        the float one; `output_layer`: the one that the first two and labels are of. `compensated`: a prototxt with other
        constants, which runs as a third network; or `compensate`: on how many of the pictures, spread evenly, such constants
        are solved first, for the others to judge.

        `state`: a file of records, which a later call goes on with. `shard`: (index, count), a part of the pictures, for
        `merge_evaluations`. `threads`: so many pictures at once, the network's number unless given. `progress` is called
        after each picture; `stop` is asked before each: True ends the evaluation after the pictures at hand, and
        `Evaluation.missing` says how many are left. Ctrl-C does, too, and raises KeyboardInterrupt. `report`: as of
        `read_evaluation`.
        """
        state_file = None if state is None else _path_of(state, "evaluate: state")
        index, count = shard
        if (index, count) != (0, 1) and state_file is None:
            raise _core.Error("evaluate: a shard needs a file for its part, expected state")
        found, about = self._prepared(mode, precisions, ranges)
        options = self._of_pictures(pictures, names, lists, folder, labels) | {
            "mode": mode,
            "precisions": None if precisions is None else dict(precisions),
            "ranges_are_given": ranges is not None,
            "about": about,
            "top_k": top_k,
            "threshold": threshold,
            "decisions": None if decisions is None else dict(decisions),
            "output_layer": output_layer,
            "compensated": path_text(compensated),
            "compensate": compensate,
            "shard_index": index,
            "shard_count": count,
            "threads": threads,
            "progress": progress if progress is None else _Reporter(progress),
            "stop": stop,
        }
        with tempfile.TemporaryDirectory(prefix="nniesim-") as temporary:
            options["state"] = state_file or os.path.join(temporary, "records")
            _core.evaluate(self._files, found, options)
            return read_evaluation(options["state"], **report)

    def _prepared(self, mode: Mode, precisions: Precisions, ranges: Optional[Ranges]) -> tuple[Ranges, str]:
        """The ranges of an evaluation, and what its file says of it."""
        return _core.prepare_evaluation(  # type: ignore[no-any-return]
            self._files, mode, None if precisions is None else dict(precisions), ranges
        )

    @staticmethod
    def _of_pictures(
        pictures: Optional[Iterable[Inputs]],
        names: Optional[Sequence[str]],
        lists: Union[Path, Sequence[Path], None],
        folder: Optional[Path],
        labels: Union[bool, Sequence[int], None],
    ) -> dict[str, Any]:
        given = [n for n, v in (("pictures", pictures), ("lists", lists), ("folder", folder)) if v is not None]
        if len(given) > 1:
            raise _core.Error(f"evaluate: got {' and '.join(given)}, expected one of them")
        if pictures is None and names is not None:
            raise _core.Error("evaluate: names are of pictures, expected them")
        if labels is not None and not isinstance(labels, bool) and pictures is None:
            raise _core.Error("evaluate: a sequence of labels is of pictures, expected them; those of lists: True")
        if labels is True and lists is None:
            raise _core.Error("evaluate: labels is True, which is for lists, expected some")
        return {
            "pictures": None if pictures is None else sequence_of(pictures),
            "names": names,
            "lists": _paths(lists),
            "folder": path_text(folder),
            "has_labels": labels is True,
            "labels": None if isinstance(labels, bool) else labels,
        }

    def read_ranges(self, path: Path, mode: Mode = None) -> Ranges:
        """The ranges of a file of `Ranges.save` or `nnie-debug calibrate`, or of a compiled model (.wk), whose scales
        are taken. Raises Error where it does not fit the network and the mode."""
        return self._files.read_ranges(_path_of(path, "read_ranges: path"), mode)  # type: ignore[no-any-return]

    def compare(
        self,
        mode: Mode = None,
        *,
        precisions: Precisions = None,
        inputs: Inputs = None,
        ranges: Optional[Ranges] = None,
        isolated: bool = False,
    ) -> NetworkComparison:
        """The network in float against a plan, layer by layer, on one picture, as `nnie-debug run`.

        `ranges`: None takes those of the cfg's lists or of the pictures given by name; without either, of `inputs`.
        """
        accumulated, alone = self._files.compare(
            mode, None if precisions is None else dict(precisions), _inputs(inputs), ranges, isolated
        )
        return NetworkComparison(_table(accumulated), None if alone is None else _table(alone))

    def diagnose(
        self,
        mode: Optional[int] = None,
        *,
        reference: Optional[Path] = None,
        other: Optional[Path] = None,
        calibration: Optional[Path] = None,
        float_prototxt: Optional[Path] = None,
        goal: Optional[float] = None,
        top_k: Optional[int] = None,
        threshold: Optional[float] = None,
        softmax: Optional[float] = None,
        output_layer: Optional[str] = None,
        html: Optional[Path] = None,
        markdown: Optional[Path] = None,
        report: bool = True,
    ) -> Diagnosis:
        """What is wrong, why, and what to change: `nnie-debug diagnose`.

        Compares the float network, or `reference` (a folder of dumps), with the simulation in `mode`, or `other` (a folder
        of the compiler's or the board's dumps). `calibration`: a file of ranges or a compiled model. `float_prototxt`: the
        network that is meant, where the compiled one has other constants. `goal`: also search the layers to mark _hp for
        this cosine. `top_k`, `threshold` or `softmax`: the post-processing, of `output_layer` or the outputs. `html` and
        `markdown`: files to write; the page is in `Diagnosis.html`, too, unless `report` is False.
        """
        return diagnosis_of(
            _core.diagnose_network(
                self._files,
                {
                    "mode": mode,
                    "reference": path_text(reference),
                    "other": path_text(other),
                    "calibration": path_text(calibration),
                    "float_prototxt": path_text(float_prototxt),
                    "goal": goal,
                    "top_k": top_k,
                    "threshold": threshold,
                    "softmax": softmax,
                    "output_layer": output_layer,
                    "html": path_text(html),
                    "markdown": path_text(markdown),
                    "report": bool(report),
                },
            )
        )

    def search(
        self,
        goal: Optional[float] = None,
        *,
        target: str = "output-cosine",
        layers: Optional[Sequence[str]] = None,
        score: Optional[Callable[[dict[str, Floats], dict[str, Floats]], float]] = None,
        budget: Optional[float] = None,
        strategy: str = "by-gain",
        pictures: Union[int, Sequence[Inputs]] = 1,
        inputs: Inputs = None,
        evaluation: Optional[Path] = None,
        lists: Union[Path, Sequence[Path], None] = None,
        folder: Optional[Path] = None,
        calibration: Optional[Path] = None,
        state_file: Optional[Path] = None,
        output: Optional[Path] = None,
    ) -> Search:
        """The layers to mark _hp (16 bits in mode 2): the cheapest that reach a goal within a budget.

        `target`: "output-cosine" (goal 0.99 unless given), "worst-layer-cosine" or "norm-error" (goal -0.01: norms within
        1 %), of `layers` or the outputs; or `score`, a function of two dicts of the outputs' values, reference and
        quantized, that gives a number, larger is better. `budget`: most time, where all layers in 8 bits take 1.
        `strategy`: "by-gain", or "from-first" as the vendor has it.

        `pictures`: how many of the cfg's lists, from their ends, or a sequence of them; or `inputs`, of one; or, with
        `evaluation`, the state file of one, how many of its pictures, the worst: those of the cfg's lists, or of the
        `lists` or the `folder` that were evaluated. A plan's score is the smallest over the pictures. `state_file` keeps
        every evaluation. `output`: writes OUTPUT.prototxt and OUTPUT.caffemodel with the marks, verified. Ctrl-C raises
        KeyboardInterrupt after the plan at hand.
        """
        return self._search(
            {
                "goal": goal,
                "target": target,
                "layers": layers,
                "score": score,
                "budget": budget,
                "strategy": strategy,
                "pictures": pictures,
                "inputs": _inputs(inputs),
                "evaluation": path_text(evaluation),
                "lists": _paths(lists),
                "folder": path_text(folder),
                "calibration": path_text(calibration),
                "state_file": path_text(state_file),
                "output": path_text(output),
            }
        )

    def _search(self, options: dict[str, Any]) -> Search:
        options = {"evaluation": None, "lists": None, "folder": None, "measure": None} | options
        if not isinstance(options["pictures"], int):
            options["pictures"] = [_inputs(x) for x in options["pictures"]]
        found = _core.search(self._files, options)
        best: EvaluatedPlan = plan_of(found.pop("best"))
        front = tuple(plan_of(p) for p in found.pop("front"))
        found["marks_remarks"] = tuple(found["marks_remarks"])
        return Search(best=best, front=front, **found)

    def compensate(
        self,
        mode: Optional[int] = None,
        *,
        calibration: Optional[Path] = None,
        evaluation: Optional[Path] = None,
        held_out: float = 0.5,
        output: Optional[Path] = None,
    ) -> Compensation:
        """The constants that bring back feature norms that Power / ReduceMean chains shift, solved on some of the cfg's
        pictures and proved on the share `held_out` of them. `evaluation`: the state file of one, on whose norms they are
        solved without another run. `output`: writes the prototxt with the new constants."""
        found = _core.compensate(
            self._files, mode, path_text(calibration), path_text(evaluation), held_out, path_text(output)
        )
        chains: tuple[Chain, ...] = tuple(chain_of(c) for c in found.pop("chains"))
        found["wrong"] = tuple(found["wrong"])
        return Compensation(chains=chains, **found)

    def compare_compiled(self, path: Path) -> CompiledComparison:
        """A compiled model (.wk) against this network: every weight block code for code, every output's bias,
        multiplier and shift, the scales of all blobs, and with pictures which blobs these clip."""
        found = _core.compare_compiled(self._files, _path_of(path, "compare_compiled: path"))
        clipped = found["clipped"]
        return CompiledComparison(
            file=found["file"],
            batch_norm_merged=found["batch_norm_merged"],
            layers=tuple(CompiledLayer(**row) for row in found["layers"]),
            blob_z=found["blob_z"],
            clipped=None if clipped is None else tuple(ClippedBlob(**blob) for blob in clipped),
        )


@dataclasses.dataclass(frozen=True)
class ModelLayer:
    """A layer of a compiled model."""

    type: str
    shape: tuple[int, int, int]
    """Channels, rows, columns of what it stores."""
    stored_bits: int
    """8, 16: codes; 32: int32 in units of 1/4096."""
    z: Optional[int]
    """The scale of what it stores, of codes."""
    bits: Optional[int]
    """In which it multiplies."""
    input_z: Optional[int]
    activation: Optional[str]
    blocks: int
    """Of weights."""
    kernel: Optional[tuple[int, int]]
    stride: Optional[tuple[int, int]]
    dilation: Optional[tuple[int, int]]


@dataclasses.dataclass(frozen=True)
class CompiledModel:
    """What a compiled model (.wk) says. The format is not documented: what no rule explains stays unknown."""

    file: str
    version: tuple[int, int, int, int]
    build: str
    """The compiler's stamp, not the model's date."""
    checksum_fits: bool
    segments: tuple[Any, ...]
    """Inputs and outputs of each: (name, (channels, rows, columns))."""
    layers: tuple[ModelLayer, ...]
    blocks: int
    """Of weights, in all."""
    unreadable_blocks: tuple[tuple[int, str], ...]
    """Place in the file and problem of those that do not decode."""
    damaged_instructions: int

    def _repr_html_(self) -> str:
        names = [f.name for f in dataclasses.fields(ModelLayer)]
        return html_table(names, [tuple(getattr(row, name) for name in names) for row in self.layers])


def read_compiled(path: Path) -> CompiledModel:
    """Reads a compiled model (.wk). Raises ParseError with the byte where it is none."""
    found = _core.read_compiled(_path_of(path, "read_compiled: path"))
    found["layers"] = tuple(ModelLayer(**row) for row in found["layers"])
    return CompiledModel(**found)


@dataclasses.dataclass(frozen=True)
class DumpComparison:
    """Two folders of dumps, compared by the layers' names."""

    layers: LayerTable
    not_compared: tuple[tuple[str, str], ...]
    """Layers of both that could not be, and why."""
    only_reference: tuple[str, ...]
    """Files without a partner."""
    only_other: tuple[str, ...]

    def _repr_html_(self) -> str:
        return self.layers._repr_html_()


def compare_dumps(reference: Path, other: Path) -> DumpComparison:
    """Two folders of dumps (.npy, the compiler's linear.hex, .float) compared, no model needed, in constant memory."""
    found = _core.compare_dumps(
        _path_of(reference, "compare_dumps: reference"), _path_of(other, "compare_dumps: other")
    )
    return DumpComparison(_table(found["rows"]), found["not_compared"], found["only_reference"], found["only_other"])


def diagnose_dumps(
    reference: Path,
    other: Path,
    *,
    html: Optional[Path] = None,
    markdown: Optional[Path] = None,
    report: bool = True,
) -> Diagnosis:
    """The diagnosis of two folders of dumps, without a network; see `Network.diagnose`."""
    return diagnosis_of(
        _core.diagnose_dumps(
            _path_of(reference, "diagnose_dumps: reference"),
            _path_of(other, "diagnose_dumps: other"),
            path_text(html),
            path_text(markdown),
            bool(report),
        )
    )
