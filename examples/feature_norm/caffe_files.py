"""The feature network as Caffe files: writes network/ (prototxt, cfg, pictures) and the weights as a caffemodel, which it
also reads. Needs NumPy alone; used by train.py."""
import struct
import zlib
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "network"
CALIBRATION_PICTURES = 20


# Protocol buffers: a field is its number and kind, then a varint, four bytes, or a length and as many bytes.
def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, content):
    if isinstance(content, str):
        content = content.encode()
    return varint(number << 3 | 2) + varint(len(content)) + content


def write_caffemodel(path, weights):
    """`weights`: {"layer.weight": array, "layer.bias": array}. InnerProduct layers became 1x1 convolutions, which the
    accelerator allows more layers behind."""
    net = field(1, "feature_norm")
    for name in dict.fromkeys(key.rsplit(".", 1)[0] for key in weights):
        layer = field(1, name) + field(2, "Convolution")
        for part in ("weight", "bias"):
            value = np.asarray(weights[f"{name}.{part}"], dtype="<f4")
            shape = value.shape + (1, 1) if value.ndim == 2 else value.shape
            dims = field(1, b"".join(varint(n) for n in shape))
            layer += field(7, field(7, dims) + field(5, value.tobytes()))
        net += field(100, layer)
    path.write_bytes(net)


def fields(data):
    """(number, content) of each field of a message as written here: all of them have a length."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = number()
        length = number()
        yield key >> 3, data[at : at + length]
        at += length


def read_caffemodel(path):
    """What write_caffemodel was given, with the shapes of the InnerProduct layers."""
    weights = {}
    for kind, layer in fields(path.read_bytes()):
        if kind != 100:
            continue
        content = list(fields(layer))
        name = next(value for key, value in content if key == 1).decode()
        for part, blob in zip(("weight", "bias"), (value for key, value in content if key == 7)):
            parts = dict(fields(blob))
            dims, packed = [], dict(fields(parts[7]))[1]
            value = shift = 0
            for byte in packed:
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    dims.append(value)
                    value = shift = 0
            array = np.frombuffer(parts[5], dtype="<f4").reshape(dims)
            if part == "weight" and not name.split(".")[-1].startswith("conv"):
                array = array.reshape(dims[:2])
            weights[f"{name}.{part}"] = array
    return weights


def prototxt():
    """Each branch: four convolutions with ReLU, cfc, the add-one norm x / (1 + |x| / 512) as the chain of layers that the
    accelerator has; then concat, jfc, the norm with 1 / 2048, classifier."""
    text = ['name: "feature_norm"']

    def layer(name, kind, bottoms, top, parameters=""):
        ends = "".join(f' bottom: "{b}"' for b in bottoms) + f' top: "{top}"'
        text.append(f'layer {{ name: "{name}" type: "{kind}"{ends}{parameters and " " + parameters} }}')

    def convolution(name, bottom, outputs, geometry):
        layer(name, "Convolution", [bottom], name, f"convolution_param {{ num_output: {outputs} {geometry} }}")

    def norm(name, bottom, features, scale):
        square, mean, root, inverse = (f"{name}.{part}" for part in ("square", "mean", "root", "inverse"))
        layer(square, "Power", [bottom], square, f"power_param {{ power: 2 scale: {scale!r} }}")
        layer(mean, "Reduction", [square], mean, "reduction_param { operation: MEAN axis: 1 }")
        layer(root, "Power", [mean], root, f"power_param {{ power: 0.5 scale: {features} }}")
        layer(inverse, "Power", [root], inverse, "power_param { power: -1 shift: 1 }")
        layer(name, "Scale", [bottom, inverse], name, "scale_param { axis: 0 }")

    for i in range(4):
        text.append(f'layer {{ name: "comp{i}" type: "Input" top: "comp{i}"')
        text.append("        input_param { shape { dim: 1 dim: 1 dim: 24 dim: 24 } } }")
    for i in range(4):
        bottom = f"comp{i}"
        for name, outputs, geometry in (
            ("conv1", 8, "kernel_size: 3 stride: 2 pad: 1"),
            ("conv2", 16, "kernel_size: 3 stride: 2 pad: 1"),
            ("conv3", 16, "kernel_size: 3 stride: 2 pad: 1"),
            ("conv4", 24, "kernel_size: 3"),
        ):
            convolution(f"comp{i}.{name}", bottom, outputs, geometry)
            bottom = f"comp{i}.{name}"
            layer(f"comp{i}.relu{name[-1]}", "ReLU", [bottom], bottom)
        convolution(f"comp{i}.cfc", bottom, 512, "kernel_size: 1")
        norm(f"comp{i}.cnorm", f"comp{i}.cfc", 512, 1 / 512)
    layer("concat", "Concat", [f"comp{i}.cnorm" for i in range(4)], "concat")
    convolution("jfc", "concat", 32, "kernel_size: 1")
    norm("jnorm", "jfc", 32, 1 / 2048)
    convolution("classifier", "jnorm", 10, "kernel_size: 1")
    return "\n".join(text) + "\n"


def png(picture):
    """A grey picture of 8 bits."""
    rows, columns = picture.shape

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    raw = b"".join(b"\0" + row.tobytes() for row in picture)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def write_network_files(pictures, corners):
    """Prototxt, cfg, and the first pictures (uint8 [n,32,32]) as the four corners that the branches see."""
    (FOLDER / "pictures").mkdir(parents=True, exist_ok=True)
    (FOLDER / "feature_norm.prototxt").write_text(prototxt())
    cfg = [
        "[prototxt_file] feature_norm.prototxt",
        "[caffemodel_file] feature_norm.caffemodel",
        "[net_type] 0",
        "[compile_mode] 0",
    ]
    for i, (row, column) in enumerate(corners):
        names = []
        for n, picture in enumerate(pictures[:CALIBRATION_PICTURES]):
            names.append(f"pictures/{n:02}_comp{i}.png")
            (FOLDER / names[-1]).write_bytes(png(np.ascontiguousarray(picture[row : row + 24, column : column + 24])))
        (FOLDER / f"comp{i}.txt").write_text("\n".join(names) + "\n")
        cfg += [f"[image_list] comp{i}.txt", "[image_type] 1", "[mean_file] null", "[norm_type] 0"]
    (FOLDER / "feature_norm.cfg").write_text("\n".join(cfg) + "\n")
