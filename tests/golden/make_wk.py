#!/usr/bin/env python3
"""Writes golden/wk: a small Caffe network and compiled models (.wk) of it, in 8 and 16 bits, with BatchNorm beside the
weights and merged into them before. Needs nothing but Python: a second implementation of what io/wk*.hpp reads and
debug/wk_*.hpp compare, from the description of the format. The scales of the blobs are chosen, not found by running the
network. Instructions are the words that carry something known, and no program."""
import math
import pathlib
import struct
from fractions import Fraction

FOLDER = pathlib.Path(__file__).parent / "wk"
BUILD = b"00000000000000"


def f32(x):
    """The nearest float32."""
    return struct.unpack("<f", struct.pack("<f", x))[0]


def up(n, by):
    return -(-n // by) * by


# The network: (name, type, inputs, parameters). Names of layers are those of the blobs that they write.
NETWORK = [
    ("data", "Input", [], {"shape": (3, 16, 16)}),
    ("conv1", "Convolution", ["data"], {"num_output": 8, "kernel_size": 3, "stride": 2, "pad": 1}),
    ("bn1", "BatchNorm", ["conv1"], {}),
    ("scale1", "Scale", ["bn1"], {}),
    ("relu1", "ReLU", ["scale1"], {}),
    ("dw", "Convolution", ["relu1"], {"num_output": 8, "kernel_size": 3, "pad": 1, "group": 8}),
    ("bn2", "BatchNorm", ["dw"], {}),
    ("scale2", "Scale", ["bn2"], {}),
    ("relu2", "ReLU", ["scale2"], {}),
    ("conv2", "Convolution", ["relu2"], {"num_output": 6, "kernel_size": 3, "pad": 2, "dilation": 2}),
    ("leaky", "ReLU", ["conv2"], {"negative_slope": 0.1}),
    ("conv3", "Convolution", ["relu2"], {"num_output": 6, "kernel_size": 1, "group": 2}),
    ("sum", "Eltwise", ["leaky", "conv3"], {}),
    ("up", "Deconvolution", ["sum"], {"num_output": 6, "kernel_size": 2, "stride": 2, "group": 6, "bias_term": False}),
    ("deconv", "Deconvolution", ["sum"], {"num_output": 5, "kernel_size": 3, "stride": 2, "pad": 1}),
    ("pool", "Pooling", ["sum"], {"kernel_size": 2, "stride": 2}),
    ("fc", "InnerProduct", ["pool"], {"num_output": 10}),
]
# Scales in 1/128 octave of what stands as codes: at 8 bits and 16.
SCALES = {"data": (0, -384), "relu1": (-320, -733), "relu2": (-448, -861), "leaky": (-496, -871), "conv3": (-504, -915),
          "sum": (-480, -888), "pool": (-480, -891)}
# What reads with a scale of its own, in place of the one that the blob is stored with.
READ_SCALES = {"conv3": (-440, -860)}
OUTPUTS = ["up", "deconv", "fc"]


class Random:
    """Numbers that are the same everywhere."""

    def __init__(self, seed):
        self.state = seed

    def __call__(self):
        """From -1 to 1."""
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) / 2**30 - 1

    def values(self, count, spread, middle=0.0):
        # The cube: most weights of a network are small, too.
        return [f32(middle + spread * self() ** 3) for _ in range(count)]


def shapes(network):
    """C, H, W of each blob."""
    result = {}
    for name, kind, inputs, p in network:
        c, h, w = p["shape"] if kind == "Input" else result[inputs[0]]
        k, s, pad, d = (p.get(key, default) for key, default in (("kernel_size", 1), ("stride", 1), ("pad", 0), ("dilation", 1)))
        reach = (k - 1) * d + 1
        if kind == "Convolution":
            c, h, w = p["num_output"], (h + 2 * pad - reach) // s + 1, (w + 2 * pad - reach) // s + 1
        elif kind == "Deconvolution":
            c, h, w = p["num_output"], (h - 1) * s - 2 * pad + reach, (w - 1) * s - 2 * pad + reach
        elif kind == "Pooling":
            h, w = (h - k) // s + 1, (w - k) // s + 1
        elif kind == "InnerProduct":
            c, h, w = p["num_output"], 1, 1
        result[name] = c, h, w
    return result


def learned(network, seed):
    """Each layer's blobs, as (shape, values)."""
    random, sizes, result = Random(seed), shapes(network), {}
    for name, kind, inputs, p in network:
        if kind in ("Convolution", "Deconvolution", "InnerProduct"):
            c, h, w = sizes[inputs[0]]
            k, group, outputs = p.get("kernel_size", 1), p.get("group", 1), p["num_output"]
            shape = (outputs, c // group, k, k)
            if kind == "Deconvolution":
                shape = (c, outputs // group, k, k)
            if kind == "InnerProduct":
                shape = (outputs, c * h * w)
            count = math.prod(shape)
            weights = [1.0] * count if name == "up" else random.values(count, 0.7)
            if name == "dw" and count == 72:  # a group of one magnitude, one that is dead, a zero
                weights[9:18] = [math.copysign(0.375, v) for v in weights[9:18]]
                weights[18:27] = [f32(1e-9)] * 9
                weights[4] = 0.0
            result[name] = [(shape, weights)]
            if p.get("bias_term", True):
                result[name].append(((outputs,), random.values(outputs, 0.5)))
        elif kind == "BatchNorm":
            c = sizes[name][0]
            result[name] = [((c,), random.values(c, 0.4)), ((c,), random.values(c, 0.8, 1.0)), ((1,), [1.0])]
        elif kind == "Scale":
            c = sizes[name][0]
            result[name] = [((c,), random.values(c, 0.6, 1.1)), ((c,), random.values(c, 0.6))]
    return result


# Caffe's files.
def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def caffemodel(network, blobs):
    net = field(1, "small")
    for name, kind, _, _ in network:
        if name not in blobs:
            continue
        layer = field(1, name) + field(2, kind)
        for shape, values in blobs[name]:
            layer += field(7, field(7, field(1, b"".join(map(varint, shape)))) + field(5, struct.pack(f"<{len(values)}f", *values)))
        net += field(100, layer)
    return net


def prototxt(network):
    lines = ['name: "small"']
    for name, kind, inputs, p in network:
        text = f'layer {{ name: "{name}" type: "{kind}"' + "".join(f' bottom: "{b}"' for b in inputs) + f' top: "{name}"'
        parts = " ".join(f"{k}: {str(v).lower()}" for k, v in p.items() if k != "own_layer")
        if kind == "Input":
            text += " input_param { shape { dim: 1 " + " ".join(f"dim: {n}" for n in p["shape"]) + " } }"
        elif kind in ("Convolution", "Deconvolution"):
            text += f" convolution_param {{ {parts} }}"
        elif kind == "InnerProduct":
            text += f" inner_product_param {{ {parts} }}"
        elif kind == "Pooling":
            text += f" pooling_param {{ pool: MAX {parts} }}"
        elif kind == "ReLU" and p:
            text += f" relu_param {{ {parts} }}"
        elif kind == "Scale":
            text += " scale_param { bias_term: true }"
        lines.append(text + " }")
    return "\n".join(lines) + "\n"


def affine(network, blobs, name):
    """Factor and shift of each channel that the BatchNorm and Scale behind a layer are; None without them."""
    factors = shifts = None
    following = name
    while True:
        readers = [(n, k) for n, k, inputs, _ in network if inputs == [following]]
        if len(readers) != 1 or readers[0][1] not in ("BatchNorm", "Scale"):
            return None if factors is None else (factors, shifts)
        following, kind = readers[0]
        a, b = blobs[following][0][1], blobs[following][1][1]
        if kind == "BatchNorm":
            steps = [1 / math.sqrt(v + f32(1e-5)) for v in b]
            offsets = [-m * s for m, s in zip(a, steps)]
        else:
            steps, offsets = a, b
        if factors is None:
            factors, shifts = steps, offsets
        else:
            factors, shifts = ([f * s for f, s in zip(factors, steps)],
                               [float(Fraction(t) * Fraction(s) + Fraction(o)) for t, s, o in zip(shifts, steps, offsets)])


def merged(network, blobs):
    """The blobs with BatchNorm and Scale taken into the convolutions before them."""
    result = dict(blobs)
    for name, kind, _, _ in network:
        both = affine(network, blobs, name) if kind == "Convolution" else None
        if both is None:
            continue
        (shape, weights), (bias_shape, bias) = blobs[name]
        each = len(weights) // shape[0]
        result[name] = [(shape, [f32(w * both[0][i // each]) for i, w in enumerate(weights)]),
                        (bias_shape, [f32(float(Fraction(b) * Fraction(f) + Fraction(s))) for b, f, s in zip(bias, *both)])]
    return result


# The accelerator's codes: sign, q; a value is +-2^((z + q)/levels).
class Format:
    def __init__(self, bits):
        self.bits = bits
        self.levels, self.most, self.sign = (16, 127, 0x80) if bits == 8 else (128, 1407, 0x8000)

    def scale(self, weights):
        largest = max(abs(w) for w in weights)
        return math.floor(self.levels * math.log2(largest)) - self.most if largest else (-446 if self.bits == 8 else -3959)

    def code(self, w, z):
        """As memory holds it."""
        least = 1 if w < 0 else 0
        if w == 0 or 2 * abs(w) <= 2 ** ((z + least) / self.levels):
            return self.sign
        q = min(max(math.floor(self.levels * math.log2(abs(w)) + 0.5) - z, least), self.most)
        return (self.sign if w < 0 else 0) | (q if self.bits == 8 else q << 2)

    def group(self, weights):
        """z, magnitude and codes of a group's weights."""
        magnitudes = [abs(w) for w in weights]
        if f32(max(magnitudes) - min(magnitudes)) < f32(1e-6):
            signs = [0.0 if w == 0 else math.copysign(1.0, w) for w in weights]
            return -self.levels, abs(weights[0]), [self.code(s, -self.levels) for s in signs]
        z = self.scale(weights)
        return z, 1.0, [self.code(w, z) for w in weights]

    def bytes(self, codes):
        return struct.pack(f"<{len(codes)}{'B' if self.bits == 8 else 'H'}", *codes)


def int32(x):
    """To nearest, ties to even, within 32 bits."""
    return max(-2**31, min(2**31 - 1, round(x)))


def code_area(form, codes, outputs, channels, rows, columns, merge):
    """Of one block; `codes`: outputs x channels x rows x columns."""
    placed = {}
    for i, code in enumerate(codes):
        x, y = i % columns, i // columns % rows
        c, o = i // columns // rows % channels, i // columns // rows // channels
        if form.bits == 16:
            chunks = up(channels, 8) // 8
            lines = up(rows * columns * chunks, 4) // 4
            unit = (y * columns + x) * chunks + c // 8
            placed[unit % lines, unit // lines, c % 8] = code
        else:
            if merge:
                c, y = 2 * c + y % 2, y // 2
            placed[y * columns + x, c // 16, o, c % 16] = code
    if form.bits == 16:
        order = [(line, lane, c) for line in range(lines) for lane in range(4) for c in range(8)]
    else:
        units = range((up(rows, 2) // 2 if merge else rows) * columns)
        chunks = range(up(channels * (2 if merge else 1), 16) // 16)
        order = [(u, k, o, c) for u in units for k in chunks for o in range(4) for c in range(16)]
    assert set(placed) <= set(order)
    return form.bytes([placed.get(place, form.sign) for place in order])


# The prefix code of blocks.
def bits(value, count):
    return [value >> i & 1 for i in reversed(range(count))]


def tokens(block, palette, runs):
    """Lists of bits, the end mark last."""
    single = {}
    forms = [[0], [2], [3], [4]] + [[5, k] for k in range(8)] + [[6, k] for k in range(8)]
    if runs:
        forms = [[0], [4]] + [[5, k] for k in range(1, 8)] + [[6, k] for k in range(8)]
    units = [bits(t[0], 3) + (bits(t[1], 3) if len(t) > 1 else []) for t in forms]
    units += [bits(7, 3) + [0, 0, k] for k in range(2)] + [bits(7, 3) + [0, 1] + bits(k, 4) for k in range(15)]
    for byte, unit in reversed(list(zip(palette, units))):
        single[byte] = unit
    i = 0
    while i < len(block):
        run = 1
        while i + run < len(block) and block[i + run] == block[i]:
            run += 1
        if block[i] == palette[0] and runs:
            count = 9 if run >= 9 else min(run, 4)
            yield bits(5, 3) + bits(0, 3) if count == 9 else bits(count - 1, 3)
        elif block[i] == palette[0] and run >= 2:
            count = 2
            yield bits(1, 3)
        else:
            count = 1
            yield single.get(block[i]) or bits(7, 3) + [1] + bits(block[i], 8)
        i += count
    yield bits(7, 3) + [0, 1] + bits(15, 4)


def stream(units):
    out, flag, end = [0], 0, 34
    for unit in units:
        out += unit
        if len(out) < end or unit == bits(7, 3) + [0, 1] + bits(15, 4):
            continue
        out[flag] = 1 if (len(out) - end) % 6 == 0 else 0
        flag, end = len(out), end + 43
        out.append(0)
    out += [0] * (-len(out) % 8)
    return bytes(sum(bit << i for i, bit in enumerate(out[k:k + 8])) for k in range(0, len(out), 8)) + b"\0\0"


class BlockWriter:
    """Stores blocks, each coding in its turn."""

    def __init__(self, runs):
        self.turns = [0x11, 0x01, 0x00] + ([0x51, 0x01] if runs else [])
        self.count = 0
        self.palette = None

    def __call__(self, block):
        coding = self.turns[self.count % len(self.turns)]
        self.count += 1
        head = struct.pack("<BH", coding, len(block))
        if coding == 0x00:
            return head + block + b"\0\0"
        if coding != 0x01:
            common = sorted(set(block), key=lambda b: (-block.count(b), b))
            if coding == 0x51:
                common = [0x80] + [b for b in common if b != 0x80]
            self.palette = bytes(common[:37]).ljust(37, b"\0")
            head += self.palette
        return head + stream(tokens(block, self.palette, coding == 0x51))


# The file.
def word(low, value=0):
    """An instruction: its low bits and what stands above them; bit 63 makes the parity even."""
    w = low | value
    return struct.pack("<Q", w | bin(w).count("1") % 2 << 63)


def load(register, value):
    return word(register, value << 12)


class Compiled:
    def __init__(self, width, with_tables=True):
        self.form = Format(width)
        self.width = width
        self.weights, self.table, self.instructions, self.parameters, self.records = b"", [], b"", b"", b""
        self.late = []  # addresses that are known at the end: place in the instructions, low bits, address of what, offset
        self.store_block = BlockWriter(width == 8)
        self.with_tables = with_tables
        self.starts = [0]  # of segments, in instructions

    def record(self, kind, size, shape, z, is_output=False):
        c, h, w = shape
        stride = up(w * size, 16)
        self.records += struct.pack("<BBHHHIIBBBBIHHIiI8x", kind, size, w, 0, h, c, 0, 0, is_output, 0, 0, stride, 0,
                                    len(self.records) // 48, len(self.instructions) // 8 - self.starts[-1], z,
                                    0 if is_output else stride * h * c)
        self.instructions += word(0x80B, 1 << 42) + word(0x0B, 1 << 42)

    def read(self, z):
        self.instructions += word(0x3784, (z & 0x1FFF) << 50 | 0x3801094650000)

    def store(self, z, size, activation):
        self.instructions += word(0x2585, (z & 0x1FFF) << 50 | {1: 0, 2: 2, 4: 7}[size] << 47 | activation << 34 | 1 << 32
                                  | 0xF5270000)

    def address(self, low, what, offset):
        self.late.append((len(self.instructions), low, what, offset))
        self.instructions += bytes(8)

    def blocks(self, low, blocks):
        self.address(low, "table", 8 * len(self.table))
        for block in blocks:
            self.weights = self.weights.ljust(up(len(self.weights), 16), b"\0")
            stored = self.store_block(block)
            self.table.append((len(self.weights), len(stored)))
            self.weights += stored
        if len(self.table) % 2:
            self.table.append((0, 0))

    def convolution(self, kind, p, input_shape, shape, group, z_in, size, z_out, activation, slope):
        """One group; `group`: codes, z, magnitude, then bias, factor and shift of each output."""
        codes, z_w, magnitude, values = group
        (c, h, w), (outputs, out_h, out_w) = input_shape, shape
        form, k, d, s, pad = self.form, p.get("kernel_size", 1), p.get("dilation", 1), p.get("stride", 1), p.get("pad", 0)
        merge = self.width == 8 and kind == 0 and s == 2 and 2 * c <= 16
        z_w = z_w * (8 if self.width == 8 else 1)
        unit = 2 ** ((z_w + z_in) / 128) * magnitude
        coarse = round(unit * 2**42) >= 2**31
        steps = 2**31 if coarse else 2**42
        self.record(kind, size, shape, z_out)
        self.address(0x789, "parameters", len(self.parameters))
        chunks = up(c * (2 if merge else 1), self.width == 8 and 16 or 8) // (16 if self.width == 8 else 8)
        stride = 1 if kind == 1 else s
        padded = (w - 1) * s + 1 + k - 1 - pad if kind == 1 else w + pad
        rows = up(k, 2) // 2 if merge else k
        self.parameters += struct.pack(
            "<Ii9xB14xHHHHBBBBBBBBHH", up(out_w * size, 16) * out_h, int32(unit * steps), 0 if coarse else 1, out_w, padded,
            chunks, chunks * stride * up(-(-w // stride), 16) // 16, (k - 1) * d + 1, (rows - 1) * d + 1, d, d,
            s if kind == 1 else 1, s if kind == 1 else 1, stride, 1 if merge else stride, chunks * stride, k * rows * chunks)
        self.parameters = self.parameters.ljust(up(len(self.parameters), 32), b"\0")
        share = 4 if self.width == 8 else 1
        area, blocks = c * k * k, []
        for first in range(0, outputs, share):
            some = range(first, min(first + share, outputs))
            head = b""
            for o in some:
                bias, factor, shift = values[o]
                head += struct.pack("<4i", int32(bias / unit), int32(factor * unit * steps), int32(shift * 4096),
                                    math.trunc(slope * 4096))
            head = head.ljust(64, b"\0" if self.width == 16 else b"\x80")
            blocks.append(head + code_area(form, codes[first * area:(first + len(some)) * area], len(some), c, k, k, merge))
        self.blocks(0x689, blocks)
        self.read(z_in)
        self.store(z_out, size, activation)
        left = (k - 1) * d - pad if kind == 1 else pad
        self.instructions += word(0x29298E | (self.width == 16) << 22,
                                  left << 34 | (0 if merge else left) << 26 | (kind == 1 and s > 1) << 25)

    def fully_connected(self, codes, z_w, magnitude, bias, inputs, z_in):
        unit = 2 ** ((z_w * (8 if self.width == 8 else 1) + z_in) / 128) * magnitude
        share = 4 if self.width == 8 else 1
        self.record(5, 4, (len(bias), 1, 1), 0)
        head = b"".join(struct.pack("<i", int32(b / unit)) for b in bias)
        block = head.ljust(up(len(head), 64), b"\0")
        for first in range(0, len(bias), share):
            some = codes[first * inputs:(first + share) * inputs]
            block += code_area(self.form, some, len(some) // inputs, inputs, 1, 1, False)
        assert len(block) <= 40960, "one block only"
        self.blocks(0x309, [block])
        self.read(z_in)

    def depthwise(self, codes, z_w, bias, p, shape, z_in, size, z_out):
        """All channels as one layer of its own: 64 a block."""
        self.record(4, size, shape, z_out)
        k, area = p["kernel_size"], p["kernel_size"] ** 2
        self.address(0x409, "parameters", len(self.parameters))
        self.parameters += struct.pack("<Ii9xB14xHHHHBBBBBBBBHH", up(shape[2] * size, 16) * shape[1], 0, 1, shape[2], shape[2],
                                       4, 4, k, k, 1, 1, 1, 1, 1, 1, 4, area * 4)
        unit = 2 ** ((8 * z_w + z_in) / 128)
        blocks = []
        for first in range(0, len(bias), 64):
            some = range(first, min(first + 64, len(bias)))
            head = b"".join(struct.pack("<i", int32(bias[c] / unit)) for c in some).ljust(256, b"\x80")
            content = [0x80] * 64 * area
            for c in some:
                for position in range(area):
                    content[64 * position + (c - first) % 4 * 16 + (c - first) // 4] = codes[c * area + position]
            blocks.append(head + bytes(content))
        self.blocks(0x509, blocks)
        self.read(z_in)
        self.store(z_out, size, 1)

    def other(self, kind, size, shape, z, inputs):
        self.record(kind, size, shape, z)
        for i in inputs:
            self.read(i)

    def next_segment(self):
        self.starts.append(len(self.instructions) // 8)

    def bytes(self, segments):
        """`segments`: lists of (name, shape) of inputs and outputs of each."""
        def node(name, shape, is_input):
            c, h, w = shape
            kind = b"\0\0\1\0" if is_input else (b"\1\0\0\0" if h > 1 else bytes(4))
            return struct.pack("<III4s32sB15x", h, w, c, kind, name.encode()[:31], 1 if is_input else 2 * (h > 1))

        nodes = [b"".join(node(n, s, True) for n, s in inputs) + b"".join(node(n, s, False) for n, s in outputs)
                 for inputs, outputs in segments]
        base = 0xC0 + sum(16 + len(n) for n in nodes)
        body, places = b"", {}
        functions = [b""] * 4
        if self.with_tables:
            sigmoid = [min(32767, math.trunc(2**15 / (1 + math.exp(-(i - 256) / 16)))) for i in range(512)]
            tanh = [math.trunc(2**15 * math.tanh((i - 255.5) / 16)) for i in range(512)]
            tables = [sigmoid, [max(-32767, min(32767, t)) for t in tanh]]
            functions = [struct.pack("<512h", *t) for t in tables] + [bytes(1024)] * 2
        for name, content in [("weights", self.weights), ("table", b"".join(struct.pack("<II", *e) for e in self.table)),
                              *((f"function{i}", f) for i, f in enumerate(functions)),
                              ("instructions", self.instructions), ("parameters", self.parameters), ("records", self.records)]:
            body = body.ljust(up(len(body), 16), b"\0")
            places[name] = len(body), len(content)
            body += content
        start = places["instructions"][0]
        body = bytearray(body)
        for at, low, what, offset in self.late:
            body[start + at:start + at + 8] = load(low, places[what][0] + offset)

        header = bytearray(0xC0)

        def put(at, name):
            struct.pack_into("<II", header, at, *places[name])

        header[0x10:0x14] = bytes([1, 1, 1, 2])
        header[0x20:0x20 + len(BUILD)] = BUILD
        header[0x31] = len(segments)
        struct.pack_into("<II", header, 0x34, base, places["records"][0])
        put(0x40, "parameters")
        put(0x50, "weights")
        put(0x60, "table")
        for i in range(4):
            put(0x70 + 16 * i, f"function{i}")
        put(0xB0, "records")
        whole = bytearray(header)
        ends = self.starts[1:] + [len(self.instructions) // 8]
        for (inputs, outputs), all_nodes, first, end in zip(segments, nodes, self.starts, ends):
            whole += struct.pack("<BBBBIII", 0, len(inputs), len(outputs), 0, 0, start + 8 * first, 8 * (end - first))
            whole += all_nodes
        whole += body
        crc = 0  # the register begins at 0, other than zlib's
        for byte in whole[4:base + places["records"][0]]:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
        struct.pack_into("<I", whole, 0, crc ^ 0xFFFFFFFF)
        return bytes(whole)


def compiled(network, blobs, width, scales, read_scales, outputs, is_merged, with_tables=True, second=None):
    """`second`: the layer with which a second segment begins."""
    model, sizes = Compiled(width, with_tables), shapes(network)
    at = 0 if width == 8 else 1
    z_of = {name: z[at] for name, z in scales.items()}
    used = merged(network, blobs) if is_merged else blobs
    stored = {}  # by which name the blob stands that a layer writes or that is behind it
    for name, kind, inputs, p in network:
        if name in stored:
            continue
        stored[name] = name
        if name == second:
            model.next_segment()
        z_in = [read_scales[name][at] if name in read_scales else z_of.get(stored[i], 0) for i in inputs]
        size = width // 8
        if p.get("own_layer"):
            z_w = model.form.scale(used[name][0][1])
            codes = [model.form.code(w, z_w) for w in used[name][0][1]]
            model.depthwise(codes, z_w, used[name][1][1], p, sizes[name], z_in[0], size, z_of[name])
        elif kind in ("Convolution", "Deconvolution"):
            both = affine(network, blobs, name)
            end, activation, slope = name, 1, 0.0
            while True:  # what it takes in
                following = [(n, k, q) for n, k, i, q in network if i == [end]]
                if len(following) != 1 or following[0][1] not in ("BatchNorm", "Scale", "ReLU"):
                    break
                end, what, q = following[0]
                stored[end] = end
                if what == "ReLU":
                    slope = f32(q.get("negative_slope", 0.0))
                    activation = 5 if slope else 6
                    break
            group, (c, h, w), (outputs_all, oh, ow) = p.get("group", 1), sizes[inputs[0]], sizes[name]
            weights = used[name][0][1]
            bias = used[name][1][1] if len(used[name]) > 1 else [0.0] * outputs_all
            factors, shifts = ([1.0] * outputs_all, [0.0] * outputs_all) if both is None or is_merged else both
            each, n = len(weights) // group, outputs_all // group
            for g in range(group):
                z_w, magnitude, codes = model.form.group(weights[g * each:(g + 1) * each])
                if kind == "Deconvolution":  # inputs x outputs, to outputs x inputs, turned
                    k = p["kernel_size"] ** 2
                    kernels = {(i // n, i % n): codes[i * k:(i + 1) * k][::-1] for i in range(each // k)}
                    codes = [code for o in range(n) for i in range(c // group) for code in kernels[i, o]]
                values = list(zip(bias, factors, shifts))[g * n:(g + 1) * n]
                z_out, bytes_out = (z_of[end], size) if end in z_of else (0, 4)
                model.convolution(1 if kind == "Deconvolution" else 0, p, (c // group, h, w), (n, oh, ow),
                                  (codes, z_w, magnitude, values), z_in[0], bytes_out, z_out, activation, slope)
        elif kind == "InnerProduct":
            z_w, magnitude, codes = model.form.group(used[name][0][1])
            model.fully_connected(codes, z_w, magnitude, used[name][1][1], used[name][0][0][1], z_in[0])
        else:
            model.other({"Input": 0x2C, "Eltwise": 0x1B, "Pooling": 0x03, "ReLU": 0x07}[kind], size, sizes[name],
                        z_of[name], z_in)
        if name in outputs:
            model.record(0x2D, 4, sizes[name], 0, True)
    inputs = [(n, sizes[n]) for n, kind, _, _ in network if kind == "Input"]
    names = [n for n, _, _, _ in network]
    late = [n for n in outputs if second and names.index(n) >= names.index(second)]
    segments = [(inputs, [(n, sizes[n]) for n in outputs if n not in late])]
    return model.bytes(segments + ([(inputs, [(n, sizes[n]) for n in late])] if second else []))


# Two layers of one shape, which the model has the other way round and in two segments.
EXCHANGED = [("data", "Input", [], {"shape": (2, 4, 4)}),
             ("a", "Convolution", ["data"], {"num_output": 2, "kernel_size": 2}),
             ("b", "Convolution", ["data"], {"num_output": 2, "kernel_size": 2})]

# A depthwise convolution as a layer of its own.
DEPTHWISE = [("data", "Input", [], {"shape": (70, 4, 4)}),
             ("dw", "Convolution", ["data"], {"num_output": 70, "kernel_size": 3, "pad": 1, "group": 70, "own_layer": True})]

# For fuzzing: small enough.
TINY = [("data", "Input", [], {"shape": (2, 4, 4)}),
        ("conv", "Convolution", ["data"], {"num_output": 2, "kernel_size": 2}),
        ("up", "Deconvolution", ["conv"], {"num_output": 2, "kernel_size": 2, "stride": 2, "group": 2, "bias_term": False})]


def tiny(width):
    return compiled(TINY, learned(TINY, 2), width, {"data": (0, -384), "conv": (-448, -861)}, {}, ["up"], False, False)


def main():
    FOLDER.mkdir(exist_ok=True)
    blobs = learned(NETWORK, 1)
    (FOLDER / "small.prototxt").write_text(prototxt(NETWORK))
    (FOLDER / "small.caffemodel").write_bytes(caffemodel(NETWORK, blobs))
    for name, width, is_merged in (("small_8", 8, False), ("small_16", 16, False), ("small_merged_8", 8, True)):
        whole = compiled(NETWORK, blobs, width, SCALES, READ_SCALES, OUTPUTS, is_merged)
        (FOLDER / f"{name}.wk").write_bytes(whole)
    blobs = learned(EXCHANGED, 3)
    (FOLDER / "exchanged.prototxt").write_text(prototxt(EXCHANGED))
    (FOLDER / "exchanged.caffemodel").write_bytes(caffemodel(EXCHANGED, blobs))
    data, a, b = EXCHANGED
    whole = compiled([data, b, a], blobs, 8, {"data": (0, -384)}, {}, ["b", "a"], False, False, "a")
    (FOLDER / "exchanged.wk").write_bytes(whole)
    blobs = learned(DEPTHWISE, 4)
    (FOLDER / "depthwise.prototxt").write_text(prototxt(DEPTHWISE))
    (FOLDER / "depthwise.caffemodel").write_bytes(caffemodel(DEPTHWISE, blobs))
    whole = compiled(DEPTHWISE, blobs, 8, {"data": (0, 0), "dw": (-320, 0)}, {}, ["dw"], False, False)
    (FOLDER / "depthwise.wk").write_bytes(whole)


if __name__ == "__main__":
    main()
