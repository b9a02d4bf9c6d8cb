"""A model of PyTorch with fake quantization where the accelerator encodes."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional, Union

import numpy as np
import torch
import torch.fx
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize

from .. import FormatError, ParseError, ShapeError
from ._caffemodel import Floats, PathLike, write_caffemodel, write_whole
from ._observers import (
    ActivationQuantizer,
    BiasQuantizer,
    ChannelAffine,
    Range,
    Slope,
    Stored,
    WeightQuantizer,
    truncated_slope,
)

Names = Mapping[str, Union[str, Sequence[str]]]

_MAC = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_NORM = (nn.BatchNorm1d, nn.BatchNorm2d)
_CODE_READERS = _MAC + (nn.MaxPool2d, nn.AdaptiveMaxPool2d)
_SAME_BLOB = (nn.Identity, nn.Dropout, nn.Dropout2d)
_RESHAPES = (nn.Flatten, nn.Unflatten)

_POOLS = ("max_pool2d", "_max_pool2d", "adaptive_max_pool2d", "_adaptive_max_pool2d")
_RESHAPE_FUNCTIONS = (torch.flatten, torch.reshape, torch.squeeze, torch.unsqueeze)
_RESHAPE_METHODS = ("flatten", "view", "reshape", "squeeze", "unsqueeze", "contiguous")
_ELTWISE = ("add", "iadd", "add_", "sub", "isub", "sub_", "mul", "imul", "mul_", "max", "maximum", "matmul", "bmm")
_WITH_WEIGHTS = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose2d", "batch_norm", "bilinear", "embedding")
_WITH_MODES = ("dropout", "dropout2d", "feature_dropout", "alpha_dropout")  # torch.fx would fix the mode that it is in
_NOT_TENSORS = ("size", "dim", "getattr", "len", "numel")
_LISTS = ("chunk", "split", "unbind", "tensor_split")


@dataclasses.dataclass
class _Blob:
    """A value that is stored as codes."""

    name: str
    range: Range
    quantizers: dict[int, ActivationQuantizer]
    """By bits."""


@dataclasses.dataclass
class _Reader:
    """A layer that reads codes, as a gfpq_param_file has it."""

    name: str
    inputs: list[Optional[str]]
    """Names of blobs; None of one that is not stored as codes."""
    is_upsampling: bool


class Prepared(nn.Module):
    """What `prepare` gives: the model with fake quantization; call it and train it as the model itself.

    Its parameters are copies of the model's. `ranges` must be known before it runs: from `calibrate` or
    `import_ranges`.
    """

    def __init__(
        self,
        graph: torch.fx.GraphModule,
        blobs: dict[str, _Blob],
        readers: list[_Reader],
        layers: dict[str, str],
        names: Names,
        bits: int,
    ) -> None:
        super().__init__()
        self.graph_module = graph
        self.fixed_point = True
        """Layers write whole 1/4096."""
        self.pictures = 0
        """How many the ranges come from."""
        self._blobs = blobs
        self._readers = readers
        self._layers = layers  # names of layers by the nodes that hold what they write
        self._names = dict(names)
        self._bits = bits

    def forward(self, *inputs: torch.Tensor) -> Any:
        """The model's outputs as the accelerator has them."""
        return self.graph_module(*inputs)

    def values(self, *inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """What every layer writes, by its name, to lay beside `Network.run`: a layer with a BatchNorm behind it gives
        what comes behind that, as in the library. What is another name of a blob is no layer."""
        found: dict[str, torch.Tensor] = {}
        layers = self._layers

        class Recorder(torch.fx.Interpreter):
            def run_node(self, n: torch.fx.Node) -> Any:
                value = super().run_node(n)
                if n.name in layers and isinstance(value, torch.Tensor):
                    found[layers[n.name]] = value.detach().clone()
                return value

        Recorder(self.graph_module).run(*inputs)
        return found

    @property
    def ranges(self) -> dict[str, Range]:
        """The range of each blob that is stored as codes, by its name."""
        return {name: blob.range for name, blob in self._blobs.items()}

    def calibrate(self, pictures: Union[torch.Tensor, Iterable[Union[torch.Tensor, Sequence[torch.Tensor]]]]) -> None:
        """Derives all ranges anew, by the library's rule: largest magnitudes over the pictures, of the network as it is
        quantized with the ranges so far, nothing cut to 1/4096.

        `pictures` is a batch, or several: each a tensor, or a tuple of them where the model has several inputs. A batch
        is taken apart, for each picture counts by itself. Raises FormatError for no picture, NaN and infinities; then
        the ranges are what they were.
        """
        if isinstance(pictures, torch.Tensor):
            pictures = (pictures,)
        before = {name: copy.deepcopy(blob.range) for name, blob in self._blobs.items()}
        modes = {m: m.training for m in self.modules()}
        for blob in self._blobs.values():
            self._set(blob, Range())
        count = 0
        try:
            self.eval()
            self._observe(True)
            with torch.no_grad():
                for inputs in pictures:
                    parts = (inputs,) if isinstance(inputs, torch.Tensor) else tuple(inputs)
                    if not parts or any(p.ndim < 2 or len(p) != len(parts[0]) for p in parts):
                        raise ShapeError(
                            "calibrate: got inputs of shapes "
                            f"{[tuple(p.shape) for p in parts]}, expected batches of one length"
                        )
                    for n in range(len(parts[0])):
                        self(*(p[n : n + 1] for p in parts))
                        count += 1
            if count == 0:
                raise FormatError("calibrate: got no picture, expected one at least")
            for name, blob in self._blobs.items():
                if not np.isfinite(blob.range.largest):
                    raise FormatError(f"calibrate: blob {name!r} has an infinite value, expected finite ones")
        except BaseException:
            for name, blob in self._blobs.items():
                self._set(blob, before[name])
            raise
        finally:
            self._observe(False)
            for m, mode in modes.items():
                m.training = mode
        self.pictures = count

    @staticmethod
    def _set(blob: _Blob, to: Range) -> None:
        for field in dataclasses.fields(Range):
            setattr(blob.range, field.name, getattr(to, field.name))

    def _observe(self, on: bool) -> None:
        for m in self.modules():
            if isinstance(m, ActivationQuantizer):
                m.is_observing = on
            elif isinstance(m, (Stored, BiasQuantizer)):
                m.is_exact = on or not self.fixed_point

    def export_ranges(self, path: PathLike) -> None:
        """Writes the ranges as `nnie-debug --calibration` reads them. Raises FormatError where some are not known."""
        blobs: dict[str, dict[str, object]] = {}
        for name, r in sorted(self.ranges.items()):
            if not r.is_known:
                raise FormatError(f"export_ranges: blob {name!r} has no range, expected calibrate() before")
            entry = blobs[_escaped(name)] = {}
            if r.largest or r.had_zeros or not r.given:
                entry["largest"] = r.largest
            if r.had_zeros:
                entry["zeros"] = True
            entry.update({f"gfpq{bits}": z for bits, z in sorted(r.given.items())})
        widths = {q.bits for b in self._blobs.values() for q in b.quantizers.values()}
        precision = "mixed" if len(widths) > 1 else f"w{self._bits}a{self._bits}"
        whole = {
            "format": "nniesim ranges 1",
            "pictures": self.pictures,
            "rule": "quantized",
            "precision": precision,
            "blobs": blobs,
        }
        write_whole(path, _as_text(whole, 1))

    def import_ranges(self, path: PathLike) -> None:
        """Takes the ranges of a calibration file. Raises ParseError for another file, and for one without a range of a
        blob; then the ranges are what they were."""
        file = os.fspath(path)
        with open(path, "rb") as f:
            ranges, pictures = _parse_ranges(f.read(), file)
        missing = [name for name in self._blobs if name not in ranges]
        if missing:
            raise ParseError(f"{file}: no range for the blobs {missing}, expected one for each that is stored as codes")
        for name, blob in self._blobs.items():
            self._set(blob, ranges[name])
        self.pictures = pictures

    def export_gfpq_params(self, path: PathLike) -> None:
        """Writes the ranges of layers' inputs as a gfpq_param_file, the way MQBench does: grouped convolutions are left
        out. Raises FormatError where no largest magnitude is known."""
        layers: dict[str, list[float]] = {}
        upsamplings = 0
        for reader in self._readers:
            values: list[float] = []
            for blob in reader.inputs:
                known = self._blobs.get(blob) if blob is not None else None
                if known is None or not known.range.largest > 0:
                    break  # a value's place is its input's
                values.append(known.range.largest)
            if not values:
                continue
            layers[reader.name] = values
            if reader.is_upsampling:
                layers[f"{reader.name}_permute_{upsamplings}"] = values
                upsamplings += 1
        if not layers:
            raise FormatError("export_gfpq_params: no range of a layer's input is known, expected calibrate() before")
        whole = {"nnie": {"gfpq_param_dict": layers}}
        write_whole(path, _as_text(whole, 4))

    def blobs(self) -> dict[str, list[Floats]]:
        """The learned values (float32, not quantized) by the names of Caffe's layers, as its blobs.

        A BatchNorm gives mean, variance and the factor 1 to its first name, scale and bias to its second; one with
        weights and a single name is a FormatError.
        """
        all_blobs: dict[str, list[Floats]] = {}
        for path, m in self.graph_module.named_modules():
            if not isinstance(m, _MAC + _NORM + (nn.PReLU,)):
                continue
            names = _names_of(path, self._names)
            learned = [_floats(p) for p in (_original(m, "weight"), _original(m, "bias")) if p is not None]
            if not isinstance(m, _NORM):
                all_blobs[names[0]] = learned
                continue
            if m.running_mean is None or len(names) != (2 if learned else 1):
                raise FormatError(
                    f"layer {path!r}: got the names {names}, expected a BatchNorm's, and a Scale's of one with weights; "
                    "and running statistics"
                )
            statistics = [_floats(getattr(m, key)) for key in ("running_mean", "running_var")]
            all_blobs[names[0]] = [*statistics, np.ones(1, np.float32)]
            if learned:
                all_blobs[names[1]] = learned
        return all_blobs

    def write_caffemodel(self, source: PathLike, target: PathLike) -> None:
        """Writes `source`, the caffemodel of the same network, to `target` with the learned values of this one.

        Raises as the function write_caffemodel and as blobs().
        """
        write_caffemodel(source, target, self.blobs())

    def copy_to(self, model: nn.Module) -> None:
        """Copies parameters and statistics into `model`, which `prepare` was given, or one like it."""
        own = dict(self.graph_module.named_modules())
        with torch.no_grad():
            for path, m in model.named_modules():
                source = own.get(path)
                for key, value in list(m._parameters.items()) + list(m._buffers.items()):
                    if value is None:
                        continue
                    if source is None:
                        raise ShapeError(f"copy_to: got a layer {path!r}, expected the model that was prepared")
                    value.copy_(_original(source, key))


def _original(m: nn.Module, key: str) -> Any:
    """A parameter or buffer before it is quantized; None where there is none."""
    if parametrize.is_parametrized(m, key):
        return m.parametrizations[key].original  # type: ignore[index, union-attr]
    return getattr(m, key, None)


def _floats(t: torch.Tensor) -> Floats:
    return t.detach().to("cpu", torch.float32).numpy().copy()


def _names_of(key: str, names: Names) -> list[str]:
    given = names.get(key, key)
    return [given] if isinstance(given, str) else list(given)


def _as_text(whole: object, indent: int) -> bytes:
    text = json.dumps(whole, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"
    return "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text).encode()


def _escaped(name: str) -> str:
    """As calibration files have names: two backslashes for one, \\xNN for a byte that is no UTF-8."""
    text = name.replace("\\", "\\\\")
    return "".join(f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in text)


def _unescaped(name: str, where: str) -> str:
    out = bytearray()
    i = 0
    while i < len(name):
        if name[i] != "\\":
            out += name[i].encode("utf-8", "surrogatepass")
            i += 1
        elif name[i : i + 2] == "\\\\":
            out += b"\\"
            i += 2
        else:
            try:
                if name[i + 1 : i + 2] != "x" or len(name[i + 2 : i + 4]) != 2:
                    raise ValueError
                out.append(int(name[i + 2 : i + 4], 16))
            except ValueError:
                raise ParseError(f"{where}: got an escape that is neither \\\\ nor \\xNN") from None
            i += 4
    return out.decode("utf-8", "surrogateescape")


def _parse_ranges(data: bytes, file: str) -> tuple[dict[str, Range], int]:
    def fail(what: str) -> ParseError:
        return ParseError(f"{file}: {what}")

    try:
        whole = json.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError) as e:
        raise fail(f"it is no JSON: {e}") from None
    if not isinstance(whole, dict) or whole.get("format") != "nniesim ranges 1":
        got = whole.get("format") if isinstance(whole, dict) else type(whole).__name__
        raise fail(f"got format {str(got)[:100]!r}, expected 'nniesim ranges 1'")
    pictures, blobs = whole.get("pictures"), whole.get("blobs")
    if isinstance(pictures, bool) or not isinstance(pictures, int) or pictures < 0 or not isinstance(blobs, dict):
        raise fail("expected pictures, a count, and blobs, an object")
    ranges: dict[str, Range] = {}
    for key, value in blobs.items():
        where = f"blob {key[:100]!r}"
        if not isinstance(value, dict) or not value.keys() <= {"largest", "zeros", "gfpq8", "gfpq16"}:
            raise fail(f"{where}: expected an object of largest, zeros, gfpq8 and gfpq16")
        r = ranges[_unescaped(key, f"{file}: {where}")] = Range()
        largest = value.get("largest", 0.0)
        largest = float("inf") if largest == "infinity" else largest
        if isinstance(largest, bool) or not isinstance(largest, (int, float)) or not largest >= 0:
            raise fail(f"{where}: largest is {str(largest)[:100]}, expected a float, not negative")
        if largest > float(np.finfo(np.float32).max) and largest != float("inf"):
            raise fail(f"{where}: largest is {str(largest)[:100]}, expected a float32")
        r.largest = float(np.float32(largest))
        if not isinstance(value.get("zeros", False), bool):
            raise fail(f"{where}: expected zeros to be true or false")
        r.had_zeros = value.get("zeros", False)
        for bits, low, high in ((8, -2000, 1920), (16, -16000, 14976)):
            z = value.get(f"gfpq{bits}")
            if z is None:
                continue
            if isinstance(z, bool) or not isinstance(z, int) or not low <= z <= high:
                raise fail(f"{where}: gfpq{bits} is {str(z)[:100]}, expected a whole number from {low} to {high}")
            r.given[bits] = z
        if "largest" not in value and not r.given:
            raise fail(f"{where}: got no range, expected largest, gfpq8 or gfpq16")
    return ranges, pictures


class _Rewriter:
    """Puts the quantizers into a traced model."""

    def __init__(
        self,
        graph: torch.fx.GraphModule,
        bits: int,
        high_precision: Sequence[str],
        names: Names,
        codes: Mapping[str, bool],
    ) -> None:
        self.graph = graph
        self.bits = bits
        self.names = names
        self.codes = codes
        self.modules = dict(graph.named_modules())
        self.nodes = list(graph.graph.nodes)
        self.stored: dict[torch.fx.Node, torch.fx.Node] = {}
        self.norms: dict[torch.fx.Node, torch.fx.Node] = {}
        for n in self.nodes:
            users = list(n.users)
            if self.is_mac(n) and len(users) == 1 and isinstance(self.module(users[0]), _NORM):
                self.norms[n] = users[0]
        self.high = set(high_precision)
        keys = {self.key(n) for n in self.nodes if n.op != "output"}
        own = keys | {name for key in keys for name in _names_of(key, names)}
        for what, given in (("high_precision", self.high), ("codes", set(codes)), ("names", set(names))):
            unknown = given - (own if what == "high_precision" else keys)
            if unknown:
                raise FormatError(
                    f"prepare: {what} has {sorted(unknown)}, which the model does not have; it has {sorted(keys)}"
                )

    def key(self, n: torch.fx.Node) -> str:
        """A module's path, else the name that torch.fx gives."""
        return str(n.target) if n.op == "call_module" else n.name

    def module(self, n: torch.fx.Node) -> Optional[nn.Module]:
        return self.modules.get(str(n.target)) if n.op == "call_module" else None

    def function_name(self, n: torch.fx.Node) -> str:
        return n.target if n.op == "call_method" else getattr(n.target, "__name__", "")  # type: ignore[return-value]

    def is_mac(self, n: torch.fx.Node) -> bool:
        return isinstance(self.module(n), _MAC)

    def is_upsampling(self, n: torch.fx.Node) -> bool:
        m = self.module(n)
        if n.op == "call_function" and n.target is F.interpolate:
            return bool(n.kwargs.get("mode", n.args[3] if len(n.args) > 3 else "nearest") == "nearest")
        return isinstance(m, nn.Upsample) and m.mode == "nearest"

    def keeps_scale(self, n: torch.fx.Node) -> bool:
        """Whether the codes of its output have its input's scale: upsamplings, and deconvolutions that upsample."""
        m = self.module(n)
        if isinstance(m, nn.ConvTranspose2d):
            return m.groups == m.in_channels == m.out_channels and max(m.stride) > 1
        return self.is_upsampling(n)

    def tensor_inputs(self, n: torch.fx.Node) -> list[torch.fx.Node]:
        """The nodes that a layer reads as blobs."""
        return [i for i in n.all_input_nodes if i.op != "get_attr" and not self.is_no_tensor(i)]

    def is_no_tensor(self, n: torch.fx.Node) -> bool:
        """Sizes and what is computed of them."""
        if n.op not in ("call_function", "call_method"):
            return False
        if self.function_name(n) in _NOT_TENSORS:
            return True
        return bool(n.all_input_nodes) and all(self.is_no_tensor(i) for i in n.all_input_nodes)

    def is_list(self, n: torch.fx.Node) -> bool:
        return n.op in ("call_function", "call_method") and self.function_name(n) in _LISTS

    def reads_codes(self, n: torch.fx.Node) -> bool:
        if self.key(n) in self.codes:
            return self.codes[self.key(n)]
        if n.op == "call_module":
            return isinstance(self.module(n), _CODE_READERS) or self.is_upsampling(n)
        if n.op == "call_function" and (self.function_name(n) in _POOLS or self.is_upsampling(n)):
            return True
        is_call = n.op in ("call_function", "call_method")
        return is_call and self.function_name(n) in _ELTWISE and len(self.tensor_inputs(n)) > 1

    def is_same_blob(self, n: torch.fx.Node) -> bool:
        if n.op == "call_module":
            m = self.module(n)
            return isinstance(m, _SAME_BLOB) or (isinstance(m, _RESHAPES) and self.key(n) not in self.names)
        is_reshape = (n.op == "call_function" and n.target in _RESHAPE_FUNCTIONS) or (
            n.op == "call_method" and n.target in _RESHAPE_METHODS
        )
        return is_reshape and self.key(n) not in self.names

    def source(self, n: torch.fx.Node) -> torch.fx.Node:
        """The blob that a value is another name of; itself where it is none."""
        while self.is_same_blob(n):
            n = self.original_inputs(n)[0]
        return n

    def check(self) -> None:
        seen: dict[str, str] = {}
        for n in self.nodes:
            m = self.module(n)
            if m is None:
                if n.op in ("call_function", "call_method") and self.function_name(n) in _WITH_WEIGHTS + _WITH_MODES:
                    raise FormatError(f"prepare: node {n.name!r} calls {self.function_name(n)}(), expected a module")
                continue
            path = str(n.target)
            known = _MAC + _NORM + (nn.PReLU,)
            if not isinstance(m, known) and any(True for _ in m.parameters()):
                raise FormatError(
                    f"prepare: layer {path!r} is a {type(m).__name__}, expected one without parameters or "
                    f"one of {', '.join(k.__name__ for k in known)}"
                )
            if path in seen:
                raise FormatError(f"prepare: layer {path!r} is called twice, expected once: each call has its own blob")
            seen[path] = n.name
            if parametrize.is_parametrized(m):
                raise FormatError(f"prepare: layer {path!r} is parametrized already, expected plain weights")
            for p in m.parameters():
                if p.dtype != torch.float32:
                    raise FormatError(f"prepare: layer {path!r} has parameters of {p.dtype}, expected torch.float32")

    def bits_of(self, n: torch.fx.Node) -> int:
        is_high = self.key(n) in self.high or any(name in self.high for name in _names_of(self.key(n), self.names))
        return 16 if is_high else self.bits

    def norm_of(self, n: torch.fx.Node) -> Optional[torch.fx.Node]:
        """The BatchNorm that is in the multiplier of a layer, whose output it alone reads."""
        return self.norms.get(n)

    def insert(self, after: torch.fx.Node, name: str, m: nn.Module, *args: torch.fx.Node) -> torch.fx.Node:
        self.graph.add_submodule(name, m)
        with self.graph.graph.inserting_after(args[-1] if args and args[-1] is not after else after):
            return self.graph.graph.call_module(name, (after, *args))

    def run(self) -> tuple[dict[str, _Blob], list[_Reader], dict[str, str]]:
        self.check()
        for n in self.nodes:
            self.quantize_parameters(n)
        for n in self.nodes:
            self.stored[n] = self.store(n)
        blobs = self.store_codes()
        self.quantize_biases()
        readers = self.readers(blobs)
        self.graph.graph.lint()
        self.graph.recompile()
        return {b.name: b for b in blobs.values()}, readers, self.layers()

    def quantize_biases(self) -> None:
        for n in self.nodes:
            m = self.module(n)
            if not isinstance(m, _MAC) or m.bias is None:
                continue
            i = n.all_input_nodes[0]
            while self.is_same_blob(i):
                i = i.all_input_nodes[0]
            blob = self.graph.get_submodule(str(i.target))
            assert isinstance(blob, ActivationQuantizer)
            layer: Any = m
            quantizer = BiasQuantizer(layer, layer.parametrizations.weight[0], blob)
            parametrize.register_parametrization(layer, "bias", quantizer, unsafe=True)

    def layers(self) -> dict[str, str]:
        found = {}
        for n, value in self.stored.items():
            if value is n and n.op != "placeholder":
                continue
            inputs = self.original_inputs(n)
            is_behind = isinstance(self.module(n), _NORM) and bool(inputs) and self.norm_of(inputs[0]) is n
            found[value.name] = _names_of(self.key(inputs[0] if is_behind else n), self.names)[0]
        return found

    def quantize_parameters(self, n: torch.fx.Node) -> None:
        m = self.module(n)
        if isinstance(m, _MAC):
            quantizer = WeightQuantizer(self.key(n), self.bits_of(n), getattr(m, "groups", 1))
            parametrize.register_parametrization(m, "weight", quantizer, unsafe=True)
        elif isinstance(m, nn.PReLU):
            parametrize.register_parametrization(m, "weight", Slope(), unsafe=True)
        elif isinstance(m, nn.LeakyReLU):
            m.negative_slope = truncated_slope(m.negative_slope)

    def store(self, n: torch.fx.Node) -> torch.fx.Node:
        """The value of a layer in 1/4096."""
        if n.op not in ("call_module", "call_function", "call_method") or self.is_no_tensor(n) or self.is_same_blob(n):
            return n
        if self.is_list(n):
            return n
        if self.norm_of(n) is not None or isinstance(self.module(n), _RESHAPES):
            return n
        users = list(n.users)
        name = f"_stored_{n.name}"
        before = self.tensor_inputs(n)
        norm = self.module(n)
        if isinstance(norm, _NORM) and before and self.norm_of(before[0]) is n:
            axes = 4 if isinstance(norm, nn.BatchNorm2d) else 2
            self.graph.add_submodule(f"_affine_{n.name}", ChannelAffine(norm, axes))
            with self.graph.graph.inserting_after(n):
                affine = self.graph.graph.call_module(f"_affine_{n.name}", ())
            y = self.insert(n, name, Stored(), before[0], affine)
        else:
            y = self.insert(n, name, Stored())
        for u in users:
            u.replace_input_with(n, y)
        return y

    def store_codes(self) -> dict[torch.fx.Node, _Blob]:
        """A quantizer for each width in which a blob is read, in the order of the readers; who reads values gets the
        first one's."""
        wanted: dict[torch.fx.Node, list[int]] = {}
        for n in self.nodes:
            if not self.reads_codes(n):
                continue
            for i in self.original_inputs(n):
                widths = wanted.setdefault(self.source(i), [])
                if self.bits_of(n) not in widths:
                    widths.append(self.bits_of(n))
        blobs: dict[torch.fx.Node, _Blob] = {}
        for n in self.nodes:
            if n not in wanted:
                continue
            value = self.stored[n]
            keeper = n
            while self.keeps_scale(keeper):
                keeper = self.source(self.original_inputs(keeper)[0])
            name = _names_of(self.key(n), self.names)[-1]
            shared = blobs[keeper].range if keeper is not n and keeper in blobs else Range()
            blob = blobs[n] = _Blob(name, shared, {})
            same = {b.name for k, b in blobs.items() if k is not n}
            if name in same:
                raise FormatError(f"prepare: two blobs have the name {name!r}, expected names of their own")
            users = list(value.users)
            coded: dict[int, torch.fx.Node] = {}
            for bits in wanted[n]:
                q = blob.quantizers[bits] = ActivationQuantizer(name, bits, shared, observes=keeper is n)
                coded[bits] = self.insert(value, f"_codes{bits}_{n.name}", q)
            values: dict[int, torch.fx.Node] = {}
            for u in users:
                if u.op == "output":
                    continue
                bits = self.width_for(u, wanted[n])
                if self.multiplies_codes(u):
                    u.replace_input_with(value, coded[bits])
                    continue
                if bits not in values:
                    values[bits] = self.insert(coded[bits], f"_values{bits}_{n.name}", Stored())
                u.replace_input_with(value, values[bits])
        for n in self.nodes:  # an input that nobody reads as codes: layers get it in 1/4096
            if n.op == "placeholder" and n not in wanted:
                users = [u for u in n.users if u.op != "output"]
                y = self.insert(n, f"_stored_{n.name}", Stored())
                for u in users:
                    u.replace_input_with(n, y)
        # What keeps its input's range has none of its own in files.
        return {n: b for n, b in blobs.items() if not self.keeps_scale(n)}

    def width_for(self, user: torch.fx.Node, widths: list[int]) -> int:
        """In which of its widths a blob is read: the reader's own, of who reads values the first."""
        readers = [r for r in self.readers_behind(user) if self.reads_codes(r)]
        own = {self.bits_of(r) for r in readers}
        if len(own) > 1:
            raise FormatError(f"prepare: {self.key(user)!r} is read in 8 and in 16 bits, expected one width")
        return own.pop() if own else widths[0]

    def multiplies_codes(self, user: torch.fx.Node) -> bool:
        """Whether products are made of codes; all others get the values of codes in 1/4096."""
        kinds = {self.is_mac(r) for r in self.readers_behind(user)}
        if len(kinds) > 1:
            raise FormatError(
                f"prepare: {self.key(user)!r} is read by layers with and without products, expected one kind"
            )
        return True in kinds

    def readers_behind(self, n: torch.fx.Node) -> list[torch.fx.Node]:
        """The layer, or those that read what is another name of its input."""
        if not self.is_same_blob(n):
            return [n]
        return [r for u in n.users if u.op != "output" for r in self.readers_behind(u)]

    def original_inputs(self, n: torch.fx.Node) -> list[torch.fx.Node]:
        """The layers whose values a layer reads."""
        layer_of = {y: x for x, y in self.stored.items()}
        inputs: list[torch.fx.Node] = []
        for i in n.all_input_nodes:
            while str(i.target).startswith(("_codes", "_values")) and i.op == "call_module":
                i = i.all_input_nodes[0]
            i = layer_of.get(i, i)
            if i.op != "get_attr" and not self.is_no_tensor(i):
                inputs.append(i)
        return inputs

    def readers(self, blobs: dict[torch.fx.Node, _Blob]) -> list[_Reader]:
        by_quantizer = {q: blob.name for blob in blobs.values() for q in blob.quantizers.values()}

        def blob_of(i: torch.fx.Node) -> Optional[str]:
            while self.is_same_blob(i) or (i.op == "call_module" and str(i.target).startswith("_values")):
                i = i.all_input_nodes[0]
            m = self.graph.get_submodule(str(i.target)) if i.op == "call_module" else None
            return by_quantizer.get(m) if isinstance(m, ActivationQuantizer) else None

        result = []
        for n in self.nodes:
            m = self.module(n)
            is_concat = n.op == "call_function" and n.target in (torch.cat, torch.concat)
            if getattr(m, "groups", 1) != 1 or not (self.reads_codes(n) or is_concat):
                continue
            inputs = [blob_of(i) for i in self.tensor_inputs(n)]
            result.append(_Reader(_names_of(self.key(n), self.names)[0], inputs, self.is_upsampling(n)))
        return result


def prepare(
    model: nn.Module,
    bits: int = 8,
    *,
    high_precision: Sequence[str] = (),
    names: Optional[Names] = None,
    codes: Optional[Mapping[str, bool]] = None,
    fixed_point: bool = True,
    concrete_args: Optional[dict[str, Any]] = None,
) -> Prepared:
    """A copy of `model` (float32; torch.fx must be able to trace it) with fake quantization where the accelerator
    encodes.

    - Weights of Conv2d, ConvTranspose2d and Linear, as they are: a BatchNorm behind is in the multiplier.
    - Blobs that one of these, a max pooling, a nearest upsampling or an element-wise sum, product or maximum reads;
      once for each width of its readers. Members of a concatenation are not encoded one by one.
    - Biases, in whole units of the layer's products.
    - `fixed_point`: each layer's values in 1/4096, rounded down.

    `bits` is 8 or 16; layers in `high_precision` read 16 bits, as those marked _hp in the compiler's mode 2. Layers are
    named by their module's path, calls of functions and inputs by the name of their torch.fx node. `names` gives those
    that Caffe's layers have, for files: a name, or a BatchNorm's and its Scale's; flattening and reshaping are no
    layers unless they stand there. `codes` overrides whether a layer reads codes: {"mul": False} for a product with one
    factor per channel, which is a Scale.

    Raises FormatError for a model that this cannot be said of: layers with parameters of other kinds, layers that are
    called twice, functions with weights; and for names that the model does not have.
    """
    if isinstance(bits, bool) or bits not in (8, 16):
        raise FormatError(f"prepare: bits is {bits!r}, expected 8 or 16")
    if not isinstance(model, nn.Module):
        raise TypeError(f"prepare: model is a {type(model).__name__}, expected a torch.nn.Module")
    if isinstance(high_precision, str):
        raise TypeError("prepare: high_precision is a str, expected a list of names")
    try:
        graph = torch.fx.symbolic_trace(copy.deepcopy(model), concrete_args)
    except Exception as e:
        raise FormatError(f"prepare: torch.fx cannot trace the model: {e}") from e
    graph.train(model.training)
    rewriter = _Rewriter(graph, bits, high_precision, names or {}, codes or {})
    blobs, readers, layers = rewriter.run()
    prepared = Prepared(graph, blobs, readers, layers, names or {}, bits)
    prepared.fixed_point = bool(fixed_point)
    prepared.train(model.training)
    prepared._observe(False)
    return prepared
