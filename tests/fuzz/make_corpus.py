#!/usr/bin/env python3
"""Writes the small Caffe models that fuzzing begins with: both layer formats and every way of storing values."""
import pathlib
import struct

folder = pathlib.Path(__file__).parent / "corpus" / "caffemodel"


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(tag, value):
    return varint(tag << 3) + varint(value)


def field(tag, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(tag << 3 | 2) + varint(len(content)) + content


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def singles(*values):
    return b"".join(varint(5 << 3 | 5) + floats(v) for v in values)


shape = field(7, field(1, bytes([2, 2])))
loose_shape = field(7, number(1, 2) + number(1, 2))
old_shape = number(1, 1) + number(2, 1) + number(3, 2) + number(4, 2)
packed = field(5, floats(1, 2, 3, 4))
doubles = field(8, struct.pack("<4d", 1, 2, 3, 4))
names = field(1, "conv") + field(2, "Convolution") + field(3, "a") + field(4, "b")

files = {
    "current": field(1, "net") + field(100, names + field(7, shape + packed))
    + field(100, names + field(106, number(1, 3))),
    "loose": field(100, names + field(7, loose_shape + singles(1, 2, 3, 4))),
    "doubles": field(100, field(7, shape + doubles + field(6, floats(0)))),
    "v1": field(1, "old") + field(2, field(4, "ip") + number(5, 14) + field(2, "a") + field(3, "b")
                                  + field(6, old_shape + packed)),
    "v0": field(2, field(1, field(1, "conv"))),
    "mean": old_shape + packed,
}
folder.mkdir(parents=True, exist_ok=True)
for name, content in files.items():
    (folder / name).write_bytes(content)
