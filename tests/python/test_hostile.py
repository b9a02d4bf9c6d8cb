"""What is wrong gives an error that names the argument, never a crash nor a silent result."""

import nniesim
import numpy as np
import pytest
from conftest import CFG

X = np.ones((1, 3, 8, 8), np.float32)
W = np.ones((4, 3, 3, 3), np.float32)
READ_ONLY = np.ones(4, np.float32)
READ_ONLY.flags.writeable = False
BASE = np.zeros(10, np.float32)
g8, g16 = nniesim.gfpq8, nniesim.gfpq16


def conv(*arguments, policy="w8a8", **named):
    return nniesim.conv2d(*arguments, policy=policy, **named)


TYPE_ERRORS = {
    "float64": (lambda: g8.encode(X.astype(float), 0), r"gfpq8.encode: x has element type float64, expected float32"),
    "float16": (lambda: g8.fake_quantize(X.astype(np.float16)), "float16, expected float32"),
    "int64": (lambda: g8.scale_of(np.arange(3)), "gfpq8.scale_of: x has element type int64"),
    "bool": (lambda: g8.scale_of(np.array([True])), "bool"),
    "complex": (lambda: g8.scale_of(X.astype(complex)), "complex128"),
    "a list": (lambda: g8.encode([1.0, 2.0], 0), "x is of type list, expected an array"),
    "None": (lambda: g8.encode(None, 0), "x is of type NoneType"),
    "a text": (lambda: g8.encode("x", 0), "x is of type str"),
    "other byte order": (lambda: g8.encode(X.astype(">f4"), 0), "x is of type ndarray of >f4"),
    "texts": (lambda: g8.encode(np.array(["a"]), 0), "x is of type ndarray of <U1"),
    "objects": (lambda: g8.encode(np.array([None]), 0), "x is of type ndarray of object"),
    "no scale": (lambda: g8.encode(X), "gfpq8.encode: scale is of type NoneType, expected an int, z"),
    "a float for z": (lambda: g8.encode(X, 1.0), "scale, z, is of type float, expected an int"),
    "a bool for z": (lambda: g8.encode(X, True), "scale, z, is of type bool"),
    "a text for a step": (lambda: nniesim.uniform8.encode(X, "1"), "scale is of type str, expected a float"),
    "a scale of none": (lambda: nniesim.q20_12.encode(X, 1), "expected None: its values need no scale"),
    "threads": (lambda: g8.encode(X, 0, threads="2"), "threads is of type str, expected an int"),
    "out of another type": (
        lambda: g8.fake_quantize(X, out=np.empty(X.shape)),
        "out has element type float64, expected float32",
    ),
    "a read-only out": (lambda: g8.fake_quantize(READ_ONLY, out=READ_ONLY), "out is read-only"),
    "codes of another width": (
        lambda: g16.decode(np.zeros(3, np.uint8), 0),
        "gfpq16.decode: codes has element type uint8, expected uint16",
    ),
    "compare int": (lambda: nniesim.compare(X, X.astype(int)), "compare: other has element type int64"),
    "weights": (lambda: conv(X, W.astype(float)), "conv2d: w has element type float64"),
    "bias": (lambda: conv(X, W, [1.0]), "conv2d: bias is of type list"),
    "policy": (lambda: conv(X, W, policy=8), "policy is of type int, expected a str"),
    "stride": (lambda: conv(X, W, stride=1.5), "conv2d: stride is of type float"),
    "strides": (lambda: conv(X, W, stride=("1", 1)), "conv2d: stride is of type str"),
    "layer values in float": (
        lambda: conv(X.astype(np.int32), W, policy="float32"),
        "conv2d: x has element type int32",
    ),
    "a single input": (lambda: nniesim.eltwise(3, policy="w8a8"), "eltwise: inputs is of type int"),
    "exponent": (lambda: nniesim.power(X, "2", policy="w8a8"), "power: exponent is of type str"),
    "Network": (lambda: nniesim.Network(3), r"from_cfg\(\) or Network.from_caffe\(\)"),
}

VALUE_ERRORS = {
    "z": (nniesim.FormatError, lambda: g8.encode(X, 10**30), "scale, z, is 1000000000000000000000000000000"),
    "z below": (nniesim.FormatError, lambda: g16.decode(np.zeros(1, np.uint16), -(10**6)), "-1000000, expected"),
    "step": (nniesim.FormatError, lambda: nniesim.uniform8.encode(X, -1.0), "step is -1"),
    "NaN for a step": (nniesim.FormatError, lambda: nniesim.uniform8.encode(X, float("nan")), "step is nan"),
    "a step of no power of two": (nniesim.FormatError, lambda: nniesim.uniform8_pow2.encode(X, 0.3), "power of two"),
    "infinite data": (
        nniesim.FormatError,
        lambda: nniesim.uniform16.scale_of(np.array([np.inf], np.float32)),
        "the largest magnitude is inf",
    ),
    "no code": (
        nniesim.FormatError,
        lambda: g16.decode(np.array([0x7FFF], np.uint16), 0),
        "32767 at element 0 is no code",
    ),
    "threads 0": (nniesim.FormatError, lambda: g8.encode(X, 0, threads=0), r"threads is 0, expected 1 \.\. 1024"),
    "threads huge": (nniesim.FormatError, lambda: g8.encode(X, 0, threads=10**25), "threads is 1000"),
    "out's shape": (nniesim.ShapeError, lambda: g8.fake_quantize(X, out=X[0]), "out has shape 3x8x8, expected 1x3x8x8"),
    "out's layout": (
        nniesim.ShapeError,
        lambda: g8.fake_quantize(X, out=np.asfortranarray(np.ones_like(X))),
        "out is not C-contiguous",
    ),
    "out over its input": (
        nniesim.FormatError,
        lambda: g8.fake_quantize(BASE[1:], out=BASE[:-1]),
        "out lies over a part of what is read",
    ),
    "nine axes": (
        nniesim.ShapeError,
        lambda: g8.encode(np.zeros((1,) * 9, np.float32), 0),
        "rank 9, expected at most 8",
    ),
    "shapes": (nniesim.ShapeError, lambda: nniesim.compare(X, X[0]), "shapes 1x3x8x8 and 3x8x8"),
    "nothing to compare": (nniesim.ShapeError, lambda: nniesim.compare(X[:0], X[:0]), "no elements"),
    "bins": (nniesim.FormatError, lambda: nniesim.histograms(X, X, 0), r"bins is 0, expected 1 \.\. 65536"),
    "many bins": (nniesim.FormatError, lambda: nniesim.histograms(X, X, 2**70), "bins is 1180591620717411303424"),
    "no such policy": (nniesim.FormatError, lambda: conv(X, W, policy="w4a4"), "policy is .w4a4., expected float32"),
    "NaN": (nniesim.FormatError, lambda: conv(X * np.nan, W), "conv2d: NaN at"),
    "channels": (nniesim.ShapeError, lambda: conv(X[:, :2], W), "conv2d: weights 4x3x3x3 take 3"),
    "rank": (nniesim.ShapeError, lambda: conv(X[0], W), "conv2d input"),
    "an empty input": (ValueError, lambda: conv(X[:, :, :0], W), "conv2d"),
    "bias's length": (nniesim.ShapeError, lambda: conv(X, W, np.ones(3, np.float32)), "conv2d bias"),
    "stride 0": (nniesim.ShapeError, lambda: conv(X, W, stride=0), "conv2d rows: stride 0"),
    "stride -1": (nniesim.FormatError, lambda: conv(X, W, stride=-1), "conv2d: stride is -1"),
    "three strides": (nniesim.ShapeError, lambda: conv(X, W, stride=(1, 2, 3)), "conv2d: stride has 3 numbers"),
    "huge padding": (nniesim.ShapeError, lambda: conv(X, W, pad=2**30), "conv2d rows"),
    "groups": (nniesim.ShapeError, lambda: conv(X, W, groups=2), "conv2d: 2 groups"),
    "raw floats": (nniesim.FormatError, lambda: conv(X, W, policy="float32", raw=True), "raw is True"),
    "exponent 4": (nniesim.FormatError, lambda: nniesim.power(X, 4, policy="w8a8"), "power"),
    "no function": (
        nniesim.FormatError,
        lambda: nniesim.activation(X, "sin", policy="w8a8"),
        "activation: function is",
    ),
    "axis": (ValueError, lambda: nniesim.softmax(X, policy="w8a8", axis=7), "softmax"),
    "one input": (nniesim.ShapeError, lambda: nniesim.eltwise([X], policy="w8a8"), "eltwise: 1 inputs"),
    "no such format": (ValueError, lambda: nniesim.Format("fp4"), "Format: name is 'fp4', expected one of gfpq8"),
    "no such file": (nniesim.Error, lambda: nniesim.Network.from_cfg("/nowhere.cfg"), "/nowhere.cfg"),
    "an empty name": (nniesim.Error, lambda: nniesim.Network.from_cfg(""), "cfg is empty"),
    "no network": (nniesim.ParseError, lambda: nniesim.Network.from_caffe(CFG, CFG), "feature_norm.cfg"),
    "no compiled model": (nniesim.ParseError, lambda: nniesim.read_compiled(CFG), "feature_norm.cfg"),
    "no folders": (nniesim.Error, lambda: nniesim.compare_dumps("/nowhere", "/nowhere"), "nowhere"),
}


@pytest.mark.parametrize("name", TYPE_ERRORS)
def test_type_errors_name_the_argument(name):
    call, message = TYPE_ERRORS[name]
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize("name", VALUE_ERRORS)
def test_value_errors_name_the_argument(name):
    kind, call, message = VALUE_ERRORS[name]
    with pytest.raises(kind, match=message) as caught:
        call()
    assert isinstance(caught.value, ValueError)


def test_what_no_memory_holds_is_a_memory_error():
    with pytest.raises(MemoryError):
        g8.fake_quantize(np.broadcast_to(np.float32(1), (1 << 20, 1 << 25)))


@pytest.mark.parametrize(
    "inputs,message",
    [
        (np.zeros((1, 1, 24, 24), np.float32), "1 inputs, the network has 4"),
        ({"comp0": np.zeros((1, 1, 24, 24), np.float32)}, "inputs has no .comp1."),
        ([np.zeros((1, 1, 24, 23), np.float32)] * 4, "24x23"),
        ([np.full((1, 1, 24, 24), np.nan, np.float32)] * 4, "NaN"),
        ([np.zeros((0, 1, 24, 24), np.float32)] * 4, "0x1x24x24"),
    ],
)
def test_inputs_of_a_network(feature_norm, inputs, message):
    with pytest.raises(ValueError, match=message):
        feature_norm.run(inputs)


@pytest.mark.parametrize(
    "named,message",
    [
        ({"mode": 3}, r"mode is 3, expected 0 \.\. 2"),
        ({"mode": "w4a4"}, "mode is .w4a4."),
        ({"precisions": {"jfcc": "w16a16"}}, "jfc"),
        ({"precisions": {"jfc": "w2"}}, "precisions: .jfc. is .w2."),
        ({"mode": "float32", "precisions": {"jfc": "w8a8"}}, "w8a8"),
        ({"keep": ["nothing"]}, "nothing"),
    ],
)
def test_plans_of_a_network(feature_norm, named, message):
    with pytest.raises(ValueError, match=message):
        feature_norm.run(**named)


def test_types_of_a_networks_arguments(feature_norm):
    for named, message in (
        ({"mode": 1.5}, "mode is of type float"),
        ({"keep": "jfc"}, "keep is of type str"),
        ({"inputs": [X.astype(float)] * 4}, "run: input .comp0. has element type float64"),
    ):
        with pytest.raises(TypeError, match=message):
            feature_norm.run(**named)


def test_a_cfg_with_a_mistake_names_its_line(tmp_path):
    (tmp_path / "bad.cfg").write_text(CFG.read_text().replace("[compile_mode] 0", "[compile_mode] 7"))
    with pytest.raises(nniesim.ParseError, match=r"bad.cfg:4"):
        nniesim.Network.from_cfg(tmp_path / "bad.cfg")
