#!/usr/bin/env python3
"""Writes the small files that fuzzing begins with: Caffe models in both layer formats, with every way of storing
values; a mean image; JPEG, PNG and BMP files of each kind; names that are awkward, for what is written; a graph,
prototxts to rewrite, and compiled models."""
import pathlib
import struct
import sys
import zlib

corpus = pathlib.Path(__file__).parent / "corpus"


def write(name, files):
    folder = corpus / name
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


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

write("caffemodel", {
    "current": field(1, "net") + field(100, names + field(7, shape + packed))
    + field(100, names + field(106, number(1, 3))),
    "loose": field(100, names + field(7, loose_shape + singles(1, 2, 3, 4))),
    "doubles": field(100, field(7, shape + doubles + field(6, floats(0)))),
    "v1": field(1, "old") + field(2, field(4, "ip") + number(5, 14) + field(2, "a") + field(3, "b")
                                  + field(6, old_shape + packed)),
    "v0": field(2, field(1, field(1, "conv"))),
    "mean": old_shape + packed,
})
write("mean_file", {"image": number(1, 1) + number(2, 1) + number(3, 2) + number(4, 2) + packed, "means": b"1\n2.5\n-3\n"})


def segment(marker, content):
    return bytes([255, marker]) + struct.pack(">H", len(content) + 2) + content


def table(kind, symbols):  # a code of one bit and one of two
    return segment(0xC4, bytes([kind << 4, 1, 1] + [0] * 14) + symbols)


def frame(kind, rows, columns, *components):
    content = struct.pack(">BHHB", 8, rows, columns, len(components))
    return segment(0xC0 + kind, content + b"".join(bytes(c) for c in components))


def scan(ids, first=0, last=63, bits=0):
    content = b"".join(bytes([i, 0]) for i in ids)
    return segment(0xDA, bytes([len(ids)]) + content + bytes([first, last, bits]))


def coded(bits):
    bits = bits.replace(" ", "")
    bits += "1" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


steps = segment(0xDB, bytes([0] + [8] * 64))
dc, ac = table(0, b"\0\5"), table(1, b"\0\1")
begin, end = b"\xff\xd8", b"\xff\xd9"
grey = frame(0, 8, 16, (1, 0x11, 0))


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(rows, columns, depth, colour, interlace, data, before=b""):
    header = struct.pack(">IIBBBBB", columns, rows, depth, colour, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))


def bmp(rows, columns, bits, data, after=b"", compression=0):
    header = struct.pack("<IIIiiHHIIIIII", 0, 54 + len(after), 40, columns, rows, 1, bits, compression, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<I", 0) + header + after + data


write("image", {
    "grey.jpg": begin + steps + dc + ac + grey + scan([1]) + coded("10 10100 0 10 00001 0") + end,
    "restart.jpg": begin + steps + dc + ac + segment(0xDD, b"\0\1") + grey + scan([1]) + coded("10 10100 0")
    + b"\xff\xd0" + coded("10 10101 0") + end,
    "colour.jpg": begin + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0") + steps + dc + ac
    + frame(1, 16, 16, (1, 0x22, 0), (2, 0x11, 0), (3, 0x11, 0)) + scan([1, 2, 3])
    + coded("10 10100 0 10 00001 10 1 0 0 0 0 0 0 0 0 0") + end,
    "progressive.jpg": begin + steps + dc + frame(2, 8, 16, (1, 0x11, 0)) + scan([1], 0, 0, 1)
    + coded("10 10000 10 00000") + ac + scan([1], 1, 63) + coded("0 0") + scan([1], 0, 0, 0x10) + coded("0 1") + end,
    "cmyk.jpg": begin + segment(0xEE, b"Adobe\0d\0\0\0\0\2") + steps + dc + ac
    + frame(0, 8, 8, (1, 0x11, 0), (2, 0x11, 0), (3, 0x11, 0), (4, 0x11, 0)) + scan([1, 2, 3, 4])
    + coded("10 10100 0 0 0 0 0 10 10100 0") + end,
    "grey.png": png(4, 5, 8, 0, 0, b"\1abcde\2abcde\3abcde\4abcde"),
    "rgb16.png": png(1, 2, 16, 2, 0, b"\0abcdefghijkl"),
    "indexed.png": png(2, 3, 2, 3, 0, b"\0\x18\0\x24", chunk(b"PLTE", b"abcdefghi") + chunk(b"tRNS", b"a")),
    "interlaced.png": png(2, 3, 8, 0, 1, b"\0a\0b\0c\0def"),
    "alpha.png": png(2, 2, 8, 6, 0, b"\0abcdefgh\0abcdefgh"),
    "bits24.bmp": bmp(2, 1, 24, b"abc\0def\0"),
    "bits8.bmp": bmp(-1, 2, 8, b"\1\0\0\0", b"abc\0def\0"),
    "bits16.bmp": bmp(1, 1, 16, b"ab\0\0", struct.pack("<III", 0xF800, 0x7E0, 0x1F), 3),
})


def strings(*texts):
    """As FuzzedDataProvider's ConsumeRandomLengthString reads them one after the other."""
    return b"".join(t.replace(b"\\", b"\\\\") + b"\\n" for t in texts)


awkward = [b"conv1", b"a/b", b"..", b".x", b"=1+1", b"a,\"b\"\r\n", b"\x1b[2J\0", b"\xd6\xd0", b"\xe4\xb8\xad", b"\\x41",
           b"<b onload='x'>&amp;", b"]]>-->", b"\xc2\x9b\xed\xa0\x80", b"@", b"n" * 150]
write("tar", {
    "short": strings(b"a/b", b"content", b"c", b"") + bytes(8),
    "long": strings(b"p" * 90 + b"/" + b"q" * 60, b"x" * 600) + b"\xff" * 8,
    "names": strings(*[t for name in awkward for t in (name, b"1")]) + bytes(40),
})
write("json", {
    "names": strings(*awkward) + struct.pack("<12d", *[0.1 * i - 0.5 for i in range(12)]) * 8,
    "bad": strings(*awkward[::2]) + struct.pack("<4d", float("nan"), float("inf"), -0.0, 1e308) * 16,
})
write("html", {
    "names": strings(*awkward * 4) + struct.pack("<16d", *[0.9 + 0.01 * i for i in range(16)]) * 4 + b"\x08",
    "few": strings(*awkward) + b"\x01",
})
write("net_tree", {
    "graph": b'digraph net {\n  node [shape=record];\n  a [label="{conv1|Convolution}"];\n'
             b'  "b c" [label="relu1\\nReLU"]; // two\n  subgraph cluster_0 { d [label=<x<br/>y>]; }\n'
             b'  a -> "b c" -> d;\n}\n',
    "strict": b'strict graph { a -- b; { c d } -- e [weight=2] /* x */ }',
})
write("prototxt_rewrite", {
    "marks": b"layer { name: 'a' 'b' # } \"\n }\nlayers: < name: \"c\\\"\" type: POWER >\n"
             b'layer { name: "d_hp" } layer { name: "e_cpu" } layer [{ name: "f" }, { name: "g" }]',
    "constants": b'layer { name: "p" power_param { power: 0.5 shift: - 1e-3f scale: 2 } }\n'
                 b'layer { name: "q" power_param: < > }\nlayer { name: "p" power_param {} }\n',
})

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "golden"))
import make_wk  # noqa: E402

write("wk", {"tiny_8": make_wk.tiny(8), "tiny_16": make_wk.tiny(16)})
