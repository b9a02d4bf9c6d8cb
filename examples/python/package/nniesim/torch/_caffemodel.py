"""Learned values in Caffe's binary files: read by layer name, and replaced so that all other bytes stay."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Union

import numpy as np
import numpy.typing as npt

from .. import ParseError, ShapeError

Floats = npt.NDArray[np.float32]
PathLike = Union[str, "os.PathLike[str]"]

# Field numbers of caffe.proto: of a network, of its layers in both formats (name, blobs), of a blob.
_LAYERS = {100: (1, 7), 2: (4, 6)}
_EXTENTS = (1, 2, 3, 4)
_DATA, _SHAPE, _DOUBLES = 5, 7, 8
_MOST_BYTES = 2**31 - 1
_MOST_AXES = 8


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


class _Message:
    """The fields of one message, each (number, wire type, content, all of its bytes)."""

    def __init__(self, data: memoryview, where: str) -> None:
        self._data = data
        self._where = where
        self._at = 0

    def fail(self, what: str) -> ParseError:
        return ParseError(f"{self._where}: byte {self._at} of the message: {what}")

    def _number(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            if self._at >= len(self._data):
                raise self.fail("it ends within a number, expected a protobuf field")
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value & 2**64 - 1
        raise self.fail("got a number of more than 10 bytes, expected a protobuf field")

    def __iter__(self) -> Iterator[tuple[int, int, memoryview, memoryview]]:
        self._at = 0
        while self._at < len(self._data):
            start = self._at
            key = self._number()
            wire = key & 7
            if wire == 0:
                content_at = self._at
                self._number()
                end = self._at
            elif wire in (1, 2, 5):
                length = 8 if wire == 1 else 4 if wire == 5 else self._number()
                content_at, end = self._at, self._at + length
            else:
                raise self.fail(f"got wire type {wire}, expected a field of a binary file")
            if key >> 3 == 0 or end > len(self._data):
                raise self.fail(f"field {key >> 3} does not end in its message, expected a whole one")
            self._at = end
            yield key >> 3, wire, self._data[content_at:end], self._data[start:end]


def _numbers(data: memoryview, where: str) -> list[int]:
    """Packed varints, or one by itself."""
    values, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            values.append(value)
            value = shift = 0
        elif shift > 63:
            break
    if shift:
        raise ParseError(f"{where}: a number of the shape does not end")
    return values


def _blob(data: memoryview, where: str) -> Floats:
    legacy: dict[int, int] = {}
    shape: list[int] = []
    floats: list[memoryview] = []
    doubles: list[memoryview] = []
    for number, wire, content, _ in _Message(data, where):
        if number in _EXTENTS and wire == 0:
            legacy[number] = _numbers(content, where)[0]
        elif number == _SHAPE and wire == 2:
            for n, w, c, _ in _Message(content, where):
                if n == 1 and w in (0, 2):
                    shape += _numbers(c, where)
        elif number == _DATA and wire in (2, 5):
            floats.append(content)
        elif number == _DOUBLES and wire in (1, 2):
            doubles.append(content)
    extents = [legacy.get(n, 0) for n in _EXTENTS] if legacy else shape
    if floats and doubles:
        raise ParseError(f"{where}: got values in both data and double_data, expected them in one")
    raw, kind = b"".join(floats or doubles), "<f4" if floats else "<f8"
    if len(raw) % np.dtype(kind).itemsize:
        raise ParseError(f"{where}: got values of {len(raw)} bytes, expected whole numbers")
    values = np.frombuffer(raw, dtype=kind)
    count = 1
    for e in extents:
        count *= e
    if len(extents) > _MOST_AXES or count != len(values) or count == 0:
        raise ParseError(f"{where}: got shape {tuple(extents)} and {len(values)} values, expected as many, and some")
    with np.errstate(over="ignore"):
        result: Floats = values.astype(np.float32).reshape(extents)
    if not np.isfinite(result).all():
        raise ParseError(f"{where}: got values that are no finite floats")
    return result


def _read(path: PathLike) -> memoryview:
    if os.stat(path).st_size > _MOST_BYTES:
        raise ParseError(f"{os.fspath(path)}: got more than {_MOST_BYTES} bytes, the most that protobuf takes")
    return memoryview(Path(path).read_bytes())


def _name_of(layer: memoryview, number: int, where: str) -> str:
    for n, wire, content, _ in _Message(layer, where):
        if n == number and wire == 2:
            return bytes(content).decode("utf-8", "surrogateescape")
    return ""


def read_caffemodel(path: PathLike) -> dict[str, list[Floats]]:
    """The learned values of each layer that has any, by its name, in the file's shapes.

    Raises ParseError, with file and layer, for what is no Caffe model, and for names that stand there twice.
    """
    file = os.fspath(path)
    layers: dict[str, list[Floats]] = {}
    for number, wire, content, _ in _Message(_read(path), file):
        if number not in _LAYERS or wire != 2:
            continue
        name_field, blob_field = _LAYERS[number]
        name = _name_of(content, name_field, file)
        where = f"{file}: layer {name!r}"
        blobs = [_blob(c, f"{where}: blob") for n, w, c, _ in _Message(content, where) if n == blob_field and w == 2]
        if blobs and name in layers:
            raise ParseError(f"{where} stands there twice, expected it once")
        if blobs:
            layers[name] = blobs
    if not layers:
        raise ParseError(f"{file}: got no layer with learned values, expected a Caffe model")
    return layers


def _without_ones(shape: Sequence[int]) -> list[int]:
    return [n for n in shape if n != 1]


def _replaced(blob: memoryview, values: Floats, where: str) -> bytes:
    old = _blob(blob, where)
    if _without_ones(old.shape) != _without_ones(values.shape):
        raise ShapeError(f"{where}: got shape {values.shape}, expected {old.shape}, which the file has")
    if not np.isfinite(values).all():
        raise ShapeError(f"{where}: got values that are not finite")
    kept = b"".join(bytes(raw) for n, _, _, raw in _Message(blob, where) if n not in (_DATA, _DOUBLES))
    return kept + _field(_DATA, np.ascontiguousarray(values, dtype="<f4").tobytes())


def write_caffemodel(source: PathLike, target: PathLike, layers: Mapping[str, Sequence[Floats]]) -> None:
    """Writes the model of `source` to `target`, which may be the same, with the blobs of `layers` in place of its own.

    Shapes must be those of the file, axes of length 1 apart. The target is written whole or not at all. Raises
    ParseError for a source that is no Caffe model, and ShapeError, which names the layer, for blobs that do not fit and
    for layers that the source does not have.
    """
    file = os.fspath(source)
    left = dict(layers)
    out: list[bytes] = []
    for number, wire, content, raw in _Message(_read(source), file):
        name = _name_of(content, _LAYERS[number][0], file) if number in _LAYERS and wire == 2 else None
        if name is None or name not in left:
            out.append(bytes(raw))
            continue
        blob_field = _LAYERS[number][1]
        where = f"{file}: layer {name!r}"
        values = [np.asarray(v, dtype=np.float32) for v in left.pop(name)]
        parts = list(_Message(content, where))
        blobs = [i for i, (n, w, _, _) in enumerate(parts) if n == blob_field and w == 2]
        if len(blobs) != len(values):
            raise ShapeError(f"{where}: got {len(values)} blobs, expected {len(blobs)}, which the file has")
        new = [bytes(raw_part) for _, _, _, raw_part in parts]
        for k, i in enumerate(blobs):
            new[i] = _field(blob_field, _replaced(parts[i][2], values[k], f"{where}: blob {k}"))
        out.append(_field(number, b"".join(new)))
    if left:
        raise ShapeError(f"{file}: has no layer {', '.join(map(repr, left))}, expected all that are to be replaced")
    write_whole(target, b"".join(out))


def create_caffemodel(target: PathLike, layers: Mapping[str, Sequence[Floats]], name: str = "") -> None:
    """Writes a caffemodel of learned values alone, by layer name, for a prototxt that says all else: that is what Caffe
    and the library take from one. Raises ShapeError for values that are none or not finite."""
    net = _field(1, name.encode()) if name else b""
    for layer, blobs in layers.items():
        content = _field(1, layer.encode("utf-8", "surrogateescape"))
        for k, blob in enumerate(blobs):
            values = np.asarray(blob, dtype=np.float32)
            if values.size == 0 or values.ndim > _MOST_AXES or not np.isfinite(values).all():
                raise ShapeError(f"layer {layer!r}: blob {k} of shape {values.shape} is empty or not finite")
            shape = _field(_SHAPE, _field(1, b"".join(map(_varint, values.shape))))
            content += _field(7, shape + _field(_DATA, np.ascontiguousarray(values, dtype="<f4").tobytes()))
        net += _field(100, content)
    write_whole(target, net)


def write_whole(target: PathLike, data: bytes) -> None:
    """Writes a file whole or not at all."""
    target = Path(target)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with open(part, "xb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        if target.exists():
            os.chmod(part, target.stat().st_mode & 0o777)
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
