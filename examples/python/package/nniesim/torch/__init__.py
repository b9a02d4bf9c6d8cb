"""Retraining with PyTorch: what the accelerator's formats do to a network, with gradients.

`prepare` puts fake quantization where the accelerator encodes; after training, `Prepared` writes ranges, a
gfpq_param_file and the weights of a caffemodel. Needs torch, which the package does not install by itself.
"""

try:
    import torch as _torch  # noqa: F401
except ImportError as e:
    raise ImportError("nniesim.torch needs PyTorch: pip install torch") from e

from ._caffemodel import create_caffemodel, read_caffemodel, write_caffemodel
from ._formats import FakeQuantize, FixedPoint, fake_quantize, fixed_point, scale_of
from ._observers import ActivationQuantizer, Range, WeightQuantizer
from ._prepare import Prepared, prepare

__all__ = [
    "ActivationQuantizer",
    "FakeQuantize",
    "FixedPoint",
    "Prepared",
    "Range",
    "WeightQuantizer",
    "create_caffemodel",
    "fake_quantize",
    "fixed_point",
    "prepare",
    "read_caffemodel",
    "scale_of",
    "write_caffemodel",
]
