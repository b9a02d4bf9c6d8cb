"""Where things are, and small networks as files."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

SOURCE = Path(__file__).resolve().parents[2]
GOLDEN = SOURCE / "tests" / "golden"
SHARED = SOURCE.parent / "shared"
CFG = SOURCE / "examples" / "feature_norm" / "network" / "feature_norm.cfg"
TOOL = Path(sysconfig.get_path("scripts")) / "nnie-debug"
LONG = bool(os.environ.get("NNIESIM_LONG"))

sys.path.insert(0, str(SOURCE / "examples" / "feature_norm"))


def bits(x):
    """The bits of float32, which compare NaN and -0 as they are."""
    return np.ascontiguousarray(x, np.float32).view(np.uint32)


def floats_of(words):
    """Float32 of bit patterns in hexadecimal."""
    return np.array([int(w, 16) for w in words], np.uint32).view(np.float32)


def tool(*arguments, allowed=(0,)):
    """What nnie-debug prints as JSON: the C++ library by another way."""
    done = subprocess.run(
        [TOOL, *map(str, arguments), "--json"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode in allowed, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def feature_norm():
    import nniesim

    return nniesim.Network.from_cfg(CFG)


def write_two_layers(folder, rng, scale=0.2):
    """A network of a convolution, whose weights have this scale, and an inner product: its files and weights."""
    from caffe_files import write_caffemodel

    weights = {
        "conv.weight": rng.standard_normal((8, 3, 3, 3)).astype(np.float32) * scale,
        "conv.bias": rng.standard_normal(8).astype(np.float32),
        "fc.weight": rng.standard_normal((5, 8, 4, 4)).astype(np.float32) * 0.1,
        "fc.bias": rng.standard_normal(5).astype(np.float32),
    }
    (folder / "net.prototxt").write_text(
        'name: "two"\n'
        'layer { name: "data" type: "Input" top: "data" '
        "input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }\n"
        'layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" '
        "convolution_param { num_output: 8 kernel_size: 3 stride: 2 pad: 1 } }\n"
        'layer { name: "fc" type: "Convolution" bottom: "conv" top: "fc" '
        "convolution_param { num_output: 5 kernel_size: 4 } }\n"
    )
    write_caffemodel(folder / "net.caffemodel", weights)
    return folder / "net.prototxt", folder / "net.caffemodel", weights


@pytest.fixture
def two_layers(tmp_path, rng):
    return write_two_layers(tmp_path, rng)


def crc32c(array):
    """CRC-32C of an array's bytes."""
    import crc32c as module

    return module.crc32c(memoryview(np.ascontiguousarray(array)).cast("B"))
