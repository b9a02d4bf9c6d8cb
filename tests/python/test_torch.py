"""nniesim.torch: fake quantization equals the library's formats bit for bit, gradients pass straight through, and a
prepared model is what the library runs. Skipped where PyTorch is not installed."""

import copy
import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest

import nniesim

torch = pytest.importorskip("torch", reason="PyTorch is not installed: nniesim.torch is not tested")
import nniesim.torch as nt  # noqa: E402
from nniesim.torch import _formats  # noqa: E402
from torch import nn  # noqa: E402

FORMATS = {8: nniesim.gfpq8, 16: nniesim.gfpq16}
LARGEST_CODE = {8: 127, 16: 1407}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    yield
    torch.set_num_threads(before)


def bits_of(x):
    return np.asarray(x, dtype=np.float32).view(np.uint32)


def all_kinds_of_floats():
    """Each exponent with significands at, beside and between the powers, both signs; zeros, denormals, infinities,
    NaN."""
    significands = np.unique(
        np.concatenate([np.arange(0, 4), 2**23 - np.arange(1, 5), np.arange(0, 2**23, 2**23 // 61)])
    )
    magnitudes = (np.arange(256)[:, None].astype(np.uint32) << 23 | significands.astype(np.uint32)).ravel()
    return np.concatenate([magnitudes, magnitudes | np.uint32(1 << 31)]).view(np.float32)


def beside_every_limit(bits, z):
    """The two floats at each limit between two codes under z, the limits of zero and of saturation."""
    f = FORMATS[bits]
    codes = np.arange(LARGEST_CODE[bits] + 1, dtype=f.code_dtype)
    values = f.decode(codes, z)
    with np.errstate(over="ignore"):
        middle = (values.astype(np.float64) * 2.0 ** (0.5 / {8: 16, 16: 128}[bits])).astype(np.float32)
        ends = np.concatenate([values[:2] / 2, values[-1:] * np.float32(2 ** (1 / {8: 16, 16: 128}[bits]))])
    at = np.concatenate([values, middle, ends]).view(np.int32)
    near = np.concatenate([at + d for d in (-2, -1, 0, 1, 2)]).view(np.float32)
    return np.concatenate([near, -near])


SCALES = {
    8: (-2000, -511, -446, -151, -150, -127, -16, 0, 17, 511, 1920),
    16: (-16000, -3959, -1407, -1062, 0, 1, 14976),
}


@pytest.mark.parametrize("bits", [8, 16])
def test_forward_is_the_librarys_on_all_kinds_of_floats(bits):
    for z in SCALES[bits]:
        x = np.concatenate([all_kinds_of_floats(), beside_every_limit(bits, z)])
        expected = FORMATS[bits].fake_quantize(x, z)
        tensor = torch.from_numpy(x)
        got = nt.fake_quantize(tensor, z, bits=bits)
        assert np.array_equal(bits_of(got), bits_of(expected)), z
        # Scales that differ within a tensor, and devices, have another way.
        many = torch.full(tensor.shape, z, dtype=torch.int32)
        assert np.array_equal(bits_of(nt.fake_quantize(tensor, many, bits=bits)), bits_of(expected)), z


@pytest.mark.parametrize("bits", [8, 16])
def test_scales_are_the_librarys(bits):
    f = FORMATS[bits]
    values = all_kinds_of_floats()
    values = values[np.isfinite(values) | np.isinf(values)]
    near = np.concatenate([beside_every_limit(bits, z) for z in (-150, 17)])
    m = np.abs(np.concatenate([values, near[np.isfinite(near)]]))
    expected = [f.scale_of(v.reshape(1)) for v in m]
    assert _formats.scales_of(torch.from_numpy(m), bits).tolist() == expected
    x = torch.tensor([float("nan"), -3.0, 2.0])
    assert nt.scale_of(x, bits=bits) == f.scale_of(x.numpy())
    assert nt.scale_of(torch.empty(0), bits=bits) == f.scale_of(np.zeros(0, np.float32))
    own = nt.fake_quantize(torch.tensor([0.3, -1.7]), bits=bits)
    assert np.array_equal(bits_of(own), bits_of(f.fake_quantize(np.array([0.3, -1.7], np.float32))))


def test_fixed_point_is_the_librarys():
    x = np.concatenate([all_kinds_of_floats(), np.arange(-9, 9, dtype=np.float32) / 8192])
    expected = nniesim.q20_12.fake_quantize(x)
    assert np.array_equal(bits_of(nt.fixed_point(torch.from_numpy(x))), bits_of(expected))
    x = torch.tensor([1.0, -(2.0**19), 2.0**20, -(2.0**20), float("nan"), float("inf")], requires_grad=True)
    nt.fixed_point(x).sum().backward()
    assert x.grad.tolist() == [1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("way", ["one", "many"])
def test_gradient_passes_straight_and_stops_where_the_library_counts_saturation(bits, way):
    z = -130 if bits == 8 else -1300
    x = np.concatenate([all_kinds_of_floats(), beside_every_limit(bits, z)])
    f = FORMATS[bits]
    tensor = torch.from_numpy(x).requires_grad_()
    scale = z if way == "one" else torch.full(tensor.shape, z)
    y = nt.fake_quantize(tensor, scale, bits=bits)
    weights = torch.rand(y.shape) + 0.5
    y.backward(weights)
    passed = tensor.grad.numpy() != 0
    assert np.array_equal(tensor.grad.numpy()[passed], weights.numpy()[passed])
    finite = np.isfinite(x)
    assert not passed[~finite].any()
    counts = f.events(x[finite], z)
    assert counts.saturated == int((~passed[finite]).sum()) > 0
    # Above the largest level by less than a step: clipped, not saturated.
    assert counts.clipped > 0 and f.events(x[passed], z).clipped == counts.clipped
    assert f.events(x[passed], z).saturated == 0


def test_gradient_of_a_loss_through_quantized_weights():
    weight = torch.tensor([0.5, -0.25, 0.1], requires_grad=True)
    x = torch.tensor([1.0, 2.0, 3.0])
    loss = ((nt.fake_quantize(weight) * x).sum() - 1).square()
    loss.backward()
    by_hand = 2 * ((nt.fake_quantize(weight.detach()) * x).sum() - 1) * x
    assert torch.equal(weight.grad, by_hand)


def test_groups_have_scales_of_their_own_and_constant_ones_stand_as_signs():
    rng = np.random.default_rng(3)
    w = (rng.standard_normal((6, 2, 3, 3)) * 2.0 ** np.arange(-6, 6, 2)[:, None, None, None]).astype(np.float32)
    w[4:] = np.sign(w[4:]) * np.float32(0.3)
    for bits, f in FORMATS.items():
        got = nt.WeightQuantizer("conv", bits, 3)(torch.from_numpy(w)).numpy()
        for g in range(2):
            part = np.ascontiguousarray(w[2 * g : 2 * g + 2])
            assert np.array_equal(bits_of(got[2 * g : 2 * g + 2]), bits_of(f.fake_quantize(part)))
        assert np.array_equal(got[4:], w[4:])
        alone = nt.WeightQuantizer("conv", bits)(torch.from_numpy(w)).numpy()
        assert np.array_equal(bits_of(alone), bits_of(f.fake_quantize(w)))
    tensor = torch.from_numpy(w).requires_grad_()
    nt.WeightQuantizer("conv", 8, 3)(tensor).sum().backward()
    assert torch.equal(tensor.grad, torch.ones_like(tensor))
    zeros = torch.zeros(4, 1, 3, 3)
    assert torch.equal(nt.WeightQuantizer("conv", 8, 4)(zeros), zeros)


def test_hostile_tensors():
    x = torch.ones(3)
    for bad in (
        x.double(),
        x.half(),
        x.int(),
        x.bool(),
        x.to("meta"),
        x.to_sparse(),
        np.ones(3, np.float32),
        None,
        1.0,
    ):
        with pytest.raises(TypeError, match="expected"):
            nt.fake_quantize(bad, 0)
        with pytest.raises(TypeError, match="expected"):
            nt.fixed_point(bad)
    for bad in (1.5, "0", True, torch.ones(3), torch.ones(3, dtype=torch.bool), [0]):
        with pytest.raises(TypeError, match="expected"):
            nt.fake_quantize(x, bad)
    for bad in (10**6, -(10**6), torch.tensor([0, 0, 10**6]), torch.tensor(-(10**6))):
        with pytest.raises(nniesim.FormatError, match="-2000 .. 1920"):
            nt.fake_quantize(x, bad)
    with pytest.raises(nniesim.ShapeError, match=r"\(2,\)"):
        nt.fake_quantize(x, torch.tensor([0, 1]))
    with pytest.raises(nniesim.ShapeError):
        nt.fake_quantize(x, torch.zeros(2, 3, dtype=torch.int32))
    for bad in (4, 32, True, "8", None):
        with pytest.raises(nniesim.FormatError, match="expected 8 or 16"):
            nt.fake_quantize(x, 0, bits=bad)
    with pytest.raises(nniesim.FormatError, match="conv.*NaN"):
        nt.WeightQuantizer("conv", 8)(torch.tensor([float("nan"), 1.0]))
    with pytest.raises(nniesim.ShapeError, match="3 groups"):
        nt.WeightQuantizer("conv", 8, 3)(torch.ones(4, 2))
    with pytest.raises(nniesim.FormatError, match="blob 'x'.*NaN"):
        nt.ActivationQuantizer("x", 8)(torch.tensor([float("nan")]))
    with pytest.raises(nniesim.FormatError, match="blob 'x' has no range"):
        nt.ActivationQuantizer("x", 8)(x)


def test_empty_strided_and_frozen_tensors():
    for shape in ((0,), (2, 0, 3)):
        empty = torch.empty(shape, requires_grad=True)
        y = nt.fake_quantize(empty, 0)
        assert y.shape == shape
        y.sum().backward()
        assert empty.grad.shape == shape
    scalar = torch.tensor(0.3)
    assert nt.fake_quantize(scalar, -150).item() == nniesim.gfpq8.fake_quantize(np.float32(0.3), -150).item()
    x = torch.randn(4, 5, 6)
    y = nt.fake_quantize(x.permute(2, 0, 1), -120)
    assert torch.equal(y, nt.fake_quantize(x, -120).permute(2, 0, 1)) and not y.requires_grad
    before = x.clone()
    nt.fake_quantize(x, -150)
    assert torch.equal(x, before)
    expanded = torch.tensor([0.3]).expand(4, 4)
    assert torch.equal(nt.fake_quantize(expanded, -150), nt.fake_quantize(expanded.contiguous(), -150))


class Small(nn.Module):
    """Convolution, BatchNorm, maximum, depthwise and pointwise layers with a shortcut, averages, fully connected."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 8, 3, padding=1, bias=False)
        self.bn1, self.relu1 = nn.BatchNorm2d(8), nn.ReLU(inplace=True)
        self.pool1 = nn.MaxPool2d(2)
        self.dw2 = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.bn2, self.relu2 = nn.BatchNorm2d(8), nn.LeakyReLU(0.1)
        self.pw3 = nn.Conv2d(8, 8, 1)
        self.relu3, self.pool3 = nn.ReLU(), nn.AvgPool2d(2)
        self.drop, self.fc = nn.Dropout(0.5), nn.Linear(8 * 2 * 2, 5)

    def forward(self, x):
        x = self.pool1(self.relu1(self.bn1(self.conv1(x))))
        x = self.relu3(x + self.pw3(self.relu2(self.bn2(self.dw2(x)))))
        return self.fc(torch.flatten(self.drop(self.pool3(x)), 1))


NAMES = {"x": "data", "bn1": ("bn1", "scale1"), "bn2": ("bn2", "scale2"), "add": "sum"}
LAYERS = ["conv1", "relu1", "pool1", "dw2", "relu2", "pw3", "sum", "relu3", "pool3", "fc"]
PROTOTXT = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 8 dim: 8 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 8 kernel_size: 3 pad: 1 bias_term: false } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" batch_norm_param { use_global_stats: true eps: 1e-5 } }
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "dw2" type: "Convolution" bottom: "pool1" top: "dw2"
        convolution_param { num_output: 8 kernel_size: 3 pad: 1 group: 8 } }
layer { name: "bn2" type: "BatchNorm" bottom: "dw2" top: "dw2" batch_norm_param { use_global_stats: true eps: 1e-5 } }
layer { name: "scale2" type: "Scale" bottom: "dw2" top: "dw2" scale_param { bias_term: true } }
layer { name: "relu2" type: "ReLU" bottom: "dw2" top: "dw2" relu_param { negative_slope: 0.1 } }
layer { name: "pw3" type: "Convolution" bottom: "dw2" top: "pw3" convolution_param { num_output: 8 kernel_size: 1 } }
layer { name: "sum" type: "Eltwise" bottom: "pool1" bottom: "pw3" top: "sum" }
layer { name: "relu3" type: "ReLU" bottom: "sum" top: "sum" }
layer { name: "pool3" type: "Pooling" bottom: "sum" top: "pool3" pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "pool3" top: "fc" inner_product_param { num_output: 5 } }
"""


def trained_small():
    """With statistics and weights of all sizes."""
    model = Small().train()
    with torch.no_grad():
        for norm in (model.bn1, model.bn2):
            norm.weight.uniform_(-1, 2)
            norm.bias.uniform_(-0.5, 0.5)
        model.dw2.weight *= 2.0 ** torch.randint(-6, 3, (8, 1, 1, 1))
        for _ in range(20):
            model(torch.randn(16, 2, 8, 8))
    return model.eval()


def library_network(folder, prepared, prototxt=PROTOTXT):
    (folder / "net.prototxt").write_text(prototxt)
    nt.create_caffemodel(folder / "net.caffemodel", prepared.blobs(), "small")
    return nniesim.Network.from_caffe(folder / "net.prototxt", folder / "net.caffemodel")


def with_marks(prototxt, layers):
    for name in layers:
        prototxt = prototxt.replace(f'name: "{name}"', f'name: "{name}_hp"')
    return prototxt


@pytest.mark.parametrize("mode, high", [(0, ()), (1, ()), (2, ("pw3", "fc"))])
def test_a_prepared_model_is_what_the_library_runs(tmp_path, mode, high):
    model = trained_small()
    marked = {n: f"{n}_hp" for n in high}
    prepared = nt.prepare(model, 16 if mode == 1 else 8, high_precision=high, names=NAMES | marked)
    pictures = torch.randn(6, 2, 8, 8)
    prepared.calibrate(pictures)
    network = library_network(tmp_path, prepared, with_marks(PROTOTXT, high))

    # Float sums of different orders differ in their last places, and then, rarely, a code by one level.
    half_a_level = 2.0 ** (0.5 / (128 if mode == 1 else 16)) - 1
    network.calibrate(mode, pictures=[p[None].numpy() for p in pictures]).save(str(tmp_path / "own.json"))
    prepared.export_ranges(tmp_path / "ranges.json")
    own, ours = (json.loads((tmp_path / f"{n}.json").read_text()) for n in ("own", "ranges"))
    assert {k: v for k, v in ours.items() if k != "blobs"} == {k: v for k, v in own.items() if k != "blobs"}
    assert ours["blobs"].keys() == own["blobs"].keys()
    for name, r in ours["blobs"].items():
        assert r["largest"] == pytest.approx(own["blobs"][name]["largest"], rel=half_a_level), name

    ranges = network.read_ranges(tmp_path / "ranges.json", mode)
    layers = [marked.get(n, n) for n in LAYERS]
    equal_pictures = 0
    for x in torch.randn(6, 1, 2, 8, 8):
        theirs = network.run(x.numpy(), mode, ranges=ranges, keep=layers)
        with torch.no_grad():
            values = prepared.values(x)
        is_equal = True
        for name in layers:
            got, expected = values[name].numpy().ravel(), theirs[name].ravel()
            # A code that is one level off moves what reads it by a level of one product.
            bound = 1 / 4096 + (2 ** (1 / 16) - 1) * np.abs(expected).max()
            assert np.abs(got - expected).max() <= bound, name
            assert (got != expected).mean() <= 0.05, name
            is_equal = is_equal and np.array_equal(got, expected)
        equal_pictures += is_equal
    assert equal_pictures >= 3


def test_what_is_summed_exactly_is_the_librarys_to_the_bit(tmp_path):
    """Weights, pixels, BatchNorm's factors and units are powers of two: neither order nor rounding is of influence."""
    model = trained_small()
    with torch.no_grad():
        model.conv1.weight.copy_(torch.sign(model.conv1.weight) * 2.0 ** torch.randint(-4, 1, model.conv1.weight.shape))
        model.conv1.weight[7, 0, 0, 0] = 1.96875  # makes the scale -112, a whole octave; its channel is no power of two
        model.bn1.eps = 2.0**-17
        model.bn1.running_var.fill_(1 - 2.0**-17)
        model.bn1.weight.copy_(2.0 ** torch.randint(-3, 3, (8,)))
    prepared = nt.prepare(model, names=NAMES)
    pictures = 2.0 ** torch.randint(-5, 1, (8, 2, 8, 8)) * torch.randint(-1, 2, (8, 2, 8, 8))
    prepared.calibrate(pictures)
    prepared.ranges["data"].given[8] = -112
    prototxt = PROTOTXT.replace("eps: 1e-5", "eps: 7.62939453125e-06", 1)
    network = library_network(tmp_path, prepared, prototxt)
    prepared.export_ranges(tmp_path / "ranges.json")
    ranges = network.read_ranges(tmp_path / "ranges.json", 0)
    layers = ["conv1", "relu1", "pool1"]
    for x in pictures:
        theirs = network.run(x[None].numpy(), 0, ranges=ranges, keep=layers)
        with torch.no_grad():
            values = prepared.values(x[None])
        for name in layers:
            assert np.array_equal(values[name].numpy()[:, :7], theirs[name][:, :7]), name


def test_codes_are_where_readers_want_them():
    model = trained_small()
    prepared = nt.prepare(model, high_precision=["pw3"], names=NAMES)
    # The average is read as values, the BatchNorm's input by nobody; relu2 is read in 16 bits, pool1 in 8 alone.
    assert set(prepared.ranges) == {"data", "relu1", "pool1", "relu2", "pw3", "pool3"}
    found = {(q.name, q.bits) for q in prepared.modules() if isinstance(q, nt.ActivationQuantizer)}
    assert found == {("data", 8), ("relu1", 8), ("pool1", 8), ("relu2", 16), ("pw3", 8), ("pool3", 8)}
    both = nt.prepare(model, high_precision=["add"], names=NAMES)
    found = {(q.name, q.bits) for q in both.modules() if isinstance(q, nt.ActivationQuantizer)}
    assert {("pool1", 8), ("pool1", 16), ("pw3", 16)} <= found
    weights = {q.name: (q.bits, q.groups) for q in prepared.modules() if isinstance(q, nt.WeightQuantizer)}
    assert weights == {"conv1": (8, 1), "dw2": (8, 8), "pw3": (16, 1), "fc": (8, 1)}


class Others(nn.Module):
    """Upsampling, slices, a concatenation, a deconvolution that upsamples, a product by sizes."""

    def __init__(self):
        super().__init__()
        self.up = nn.Upsample(scale_factor=2)
        self.a, self.b = nn.Conv2d(2, 3, 1), nn.Conv2d(2, 3, 1)
        self.deconv = nn.ConvTranspose2d(6, 6, 2, stride=2, groups=6, bias=False)
        self.last = nn.Conv2d(6, 2, 1)

    def forward(self, x):
        halves = torch.chunk(self.up(x), 2, dim=1)
        x = torch.cat([self.a(halves[0]), self.b(halves[1])], dim=1)
        x = self.last(torch.relu(self.deconv(x)))
        return x.view(x.size(0), x.size(1) * 2, -1)


def test_scales_that_are_kept_and_blobs_of_slices():
    prepared = nt.prepare(Others().eval(), names={"getitem_1": "chunk:1"})
    assert set(prepared.ranges) == {"x", "getitem", "chunk:1", "cat", "relu"}
    prepared.calibrate(torch.randn(2, 4, 4, 4))
    assert prepared(torch.randn(2, 4, 4, 4)).shape == (2, 4, 128)
    direct = nt.prepare(nn.Sequential(nn.ConvTranspose2d(3, 3, 2, stride=2, groups=3), nn.Conv2d(3, 2, 1)).eval())
    quantizers = [q for q in direct.modules() if isinstance(q, nt.ActivationQuantizer)]
    assert len(quantizers) == 2 and quantizers[0].range is quantizers[1].range
    with torch.no_grad():
        direct.graph_module.get_submodule("0").parametrizations.weight.original.fill_(4)
    direct.calibrate(torch.full((1, 3, 2, 2), 0.5))
    assert direct.ranges["input_1" if "input_1" in direct.ranges else "input"].largest == 0.5


OTHERS = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 4 dim: 4 dim: 4 } } }
layer { name: "half" type: "Power" bottom: "data" top: "half" power_param { power: 1 scale: 0.5 } }
layer { name: "up" type: "Upsample" bottom: "half" top: "up" upsample_param { scale: 2 } }
layer { name: "slice" type: "Slice" bottom: "up" top: "s0" top: "s1" slice_param { axis: 1 slice_point: 2 } }
layer { name: "a" type: "Convolution" bottom: "s0" top: "a" convolution_param { num_output: 3 kernel_size: 1 } }
layer { name: "b" type: "Convolution" bottom: "s1" top: "b" convolution_param { num_output: 3 kernel_size: 1 } }
layer { name: "cat" type: "Concat" bottom: "a" bottom: "b" top: "cat" }
layer { name: "deconv" type: "Deconvolution" bottom: "cat" top: "deconv"
        convolution_param { num_output: 6 kernel_size: 2 stride: 2 group: 6 bias_term: false } }
layer { name: "last" type: "Convolution" bottom: "deconv" top: "last" convolution_param { num_output: 2 kernel_size: 1 } }
"""


def test_other_layers_are_what_the_library_runs(tmp_path):
    class Net(Others):
        def forward(self, x):
            halves = torch.chunk(self.up(x * 0.5), 2, dim=1)
            return self.last(self.deconv(torch.cat([self.a(halves[0]), self.b(halves[1])], dim=1)))

    names = {"x": "data", "mul": "half", "getitem": "slice", "getitem_1": "slice:1"}
    prepared = nt.prepare(Net().eval(), names=names)
    assert set(prepared.ranges) == {"half", "slice", "slice:1", "cat"}
    x = torch.randn(4, 4, 4, 4)
    prepared.calibrate(x)
    network = library_network(tmp_path, prepared, OTHERS)
    own = network.calibrate(0, pictures=[p[None].numpy() for p in x])
    own.save(str(tmp_path / "own.json"))
    prepared.export_ranges(tmp_path / "ranges.json")
    own_blobs, blobs = (json.loads((tmp_path / f"{n}.json").read_text())["blobs"] for n in ("own", "ranges"))
    # The library notes the range of the deconvolution's output, too, whose codes have its input's.
    assert own_blobs.keys() - blobs.keys() == {"deconv"} and blobs.keys() < own_blobs.keys()
    for name, r in blobs.items():
        assert r["largest"] == pytest.approx(own_blobs[name]["largest"], rel=2.0 ** (0.5 / 16) - 1), name
    ranges = network.read_ranges(tmp_path / "ranges.json", 0)
    layers = ["half", "up", "slice", "slice:1", "a", "b", "cat", "deconv", "last"]
    for picture in x:
        theirs = network.run(picture[None].numpy(), 0, ranges=ranges, keep=layers)
        with torch.no_grad():
            values = prepared.values(picture[None])
        for name in layers[:-2]:
            assert np.array_equal(values[name].numpy(), theirs[name]), name
        # A sum of one product: one in 16 is a power of two, on a step of 1/4096, and falls on either side.
        steps = np.abs(values["deconv"].numpy() - theirs["deconv"]) * 4096
        assert steps.max() <= 1 and (steps != 0).mean() < 1 / 16
        bound = 1 / 4096 + (2 ** (1 / 16) - 1) * np.abs(theirs["last"]).max()
        assert np.abs(values["last"].numpy() - theirs["last"]).max() <= bound


def test_training_changes_weights_and_loses_nothing(tmp_path):
    model = trained_small()
    prepared = nt.prepare(model, names=NAMES)
    x, target = torch.randn(32, 2, 8, 8), torch.randint(0, 5, (32,))
    prepared.calibrate(x)
    before = copy.deepcopy(prepared.state_dict())
    prepared.train()
    optimizer = torch.optim.SGD(prepared.parameters(), lr=0.05)
    losses = []
    for _ in range(30):
        loss = nn.functional.cross_entropy(prepared(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.1
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in prepared.parameters())
    prepared.eval()
    expected = prepared(x).detach()
    # State, copies and the float model.
    other = nt.prepare(model, names=NAMES)
    other.load_state_dict(prepared.state_dict())
    assert torch.equal(other(x), expected) and other.ranges == prepared.ranges
    assert torch.equal(copy.deepcopy(prepared)(x), expected)
    trained = copy.deepcopy(model)
    prepared.copy_to(trained)
    again = nt.prepare(trained, names=NAMES)
    prepared.export_ranges(tmp_path / "ranges.json")
    again.import_ranges(tmp_path / "ranges.json")
    assert torch.equal(again(x), expected) and again.ranges == prepared.ranges and again.pictures == 32
    prepared.load_state_dict(before)
    assert not torch.equal(prepared(x), expected)
    assert torch.equal(model.fc.weight, trained_small_weight(before))


def trained_small_weight(state):
    return state["graph_module.fc.parametrizations.weight.original"]


def test_calibration_takes_each_picture_and_fails_whole():
    model = trained_small()
    x = torch.randn(6, 2, 8, 8)
    one, many = nt.prepare(model, names=NAMES), nt.prepare(model, names=NAMES)
    one.calibrate(x)
    many.calibrate([x[:1], (x[1:4],), x[4:]])
    assert one.ranges == many.ranges and one.pictures == many.pictures == 6
    before = copy.deepcopy(one.ranges)
    for bad, message in (
        ([], "no picture"),
        ([x, x * float("nan")], "NaN"),
        ([x, torch.full_like(x, float("inf"))], "infinite|NaN"),
        ([x.double()], "float32|type"),
        ([()], "batches"),
        ([(x, x[:1])], "batches"),
    ):
        with pytest.raises((ValueError, TypeError, RuntimeError), match=message):
            one.calibrate(bad)
        assert one.ranges == before and one.pictures == 6
    zeros = nt.prepare(model, names=NAMES)
    zeros.calibrate([x * 1e-7, torch.zeros_like(x)])
    assert zeros.ranges["data"].had_zeros
    assert nniesim.gfpq8.scale_of((x * 1e-7).numpy()) < zeros.ranges["data"].scale(8) == -446
    # A model in training stays in training.
    zeros.train()
    zeros.calibrate(x)
    assert zeros.training and zeros.graph_module.drop.training
    with pytest.raises(nniesim.FormatError, match="'data' has no range"):
        nt.prepare(model, names=NAMES)(x)


def test_ranges_as_files(tmp_path):
    model = trained_small()
    names = NAMES | {"add": 'a "\\ \u00e9\udc80', "pw3": "pw3_hp"}
    prepared = nt.prepare(model, high_precision=["pw3_hp"], names=names)
    with pytest.raises(nniesim.FormatError, match="no range"):
        prepared.export_ranges(tmp_path / "none.json")
    with pytest.raises(nniesim.FormatError, match="no range"):
        prepared.export_gfpq_params(tmp_path / "none.json")
    assert list(tmp_path.iterdir()) == []
    prepared.calibrate(torch.randn(3, 2, 8, 8))
    prepared.export_ranges(tmp_path / "ranges.json")
    text = json.loads((tmp_path / "ranges.json").read_text())
    assert (text["format"], text["pictures"], text["precision"]) == ("nniesim ranges 1", 3, "mixed")
    before = copy.deepcopy(prepared.ranges)
    prepared.import_ranges(tmp_path / "ranges.json")
    assert prepared.ranges == before

    text["blobs"]["data"] = {"gfpq8": -100, "gfpq16": -1000}
    text["blobs"]["relu1"] = {"largest": "infinity", "zeros": True}
    (tmp_path / "given.json").write_text(json.dumps(text))
    prepared.import_ranges(tmp_path / "given.json")
    assert prepared.ranges["data"].scale(8) == -100 and prepared.ranges["data"].scale(16) == -1000
    assert prepared.ranges["relu1"].scale(8) == 511
    prepared.import_ranges(tmp_path / "ranges.json")

    prepared.export_gfpq_params(tmp_path / "gfpq.json")
    layers = json.loads((tmp_path / "gfpq.json").read_text())["nnie"]["gfpq_param_dict"]
    expected = {
        "conv1": ["data"],
        "pool1": ["relu1"],
        "pw3_hp": ["relu2"],
        names["add"]: ["pool1", "pw3_hp"],
        "fc": ["pool3"],
    }  # not the depthwise layer
    assert layers == {k.replace("\udc80", "\ufffd"): [before[b].largest for b in v] for k, v in expected.items()}

    for bad in (
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 10**5,
        b'{"format": "nniesim ranges 2"}',
        json.dumps(text | {"pictures": -1}).encode(),
        json.dumps(text | {"blobs": []}).encode(),
        json.dumps(text | {"blobs": {}}).encode(),
        *(
            json.dumps(text | {"blobs": text["blobs"] | {"data": blob}}).encode()
            for blob in (
                1,
                {},
                {"largest": -1},
                {"largest": 1e39},
                {"largest": "x"},
                {"gfpq8": 1921},
                {"gfpq8": 1.5},
                {"largest": 1, "zeros": 1},
                {"more": 1},
                {"largest": True},
                {"largest": float("nan")},
            )
        ),
        json.dumps(text | {"blobs": text["blobs"] | {"a\\y": {"largest": 1}}}).encode(),
    ):
        (tmp_path / "bad.json").write_bytes(bad)
        with pytest.raises(nniesim.ParseError, match="bad.json"):
            prepared.import_ranges(tmp_path / "bad.json")
        assert prepared.ranges == before


def test_caffemodel_round_trip(tmp_path):
    model = trained_small()
    prepared = nt.prepare(model, names=NAMES)
    source, target = tmp_path / "a.caffemodel", tmp_path / "b.caffemodel"
    nt.create_caffemodel(source, prepared.blobs(), "small")
    stored = nt.read_caffemodel(source)
    assert list(stored) == ["conv1", "bn1", "scale1", "dw2", "bn2", "scale2", "pw3", "fc"]
    assert np.array_equal(stored["conv1"][0], model.conv1.weight.detach().numpy())
    assert np.array_equal(stored["bn2"][1], model.bn2.running_var.numpy()) and stored["bn2"][2].tolist() == [1]
    assert np.array_equal(stored["scale2"][1], model.bn2.bias.detach().numpy())

    # What is replaced by itself stays, byte for byte; what is not replaced too.
    nt.write_caffemodel(source, target, stored)
    assert target.read_bytes() == source.read_bytes()
    with torch.no_grad():
        prepared.graph_module.fc.parametrizations.weight.original += 1
    prepared.write_caffemodel(source, target)
    changed = nt.read_caffemodel(target)
    assert np.array_equal(changed["fc"][0], model.fc.weight.detach().numpy() + 1)
    assert all(np.array_equal(x, y) for k in stored if k != "fc" for x, y in zip(stored[k], changed[k], strict=True))
    nt.write_caffemodel(target, target, {"fc": stored["fc"]})
    assert target.read_bytes() == source.read_bytes()

    # Old files: layers of the V1 format, four extents, doubles, values one by one, fields that nobody knows.
    field, varint = nt._caffemodel._field, nt._caffemodel._varint
    extents = b"".join(varint(n << 3) + varint(e) for n, e in ((1, 1), (2, 1), (3, 1), (4, 2)))
    doubles = field(8, np.array([1.5, -2], "<f8").tobytes())
    singly = b"".join(varint(5 << 3 | 5) + np.float32(v).tobytes() for v in (3, 4))
    unknown = varint(99 << 3) + varint(7) + field(98, b"x") + varint(97 << 3 | 1) + bytes(8)
    v1 = field(4, b"ip") + unknown + field(6, extents + doubles) + field(6, field(7, field(1, varint(2))) + singly)
    source.write_bytes(field(1, b"old") + unknown + field(2, v1) + unknown)
    assert [b.tolist() for b in nt.read_caffemodel(source)["ip"]] == [[[[[1.5, -2.0]]]], [3.0, 4.0]]
    nt.write_caffemodel(source, target, {"ip": [np.array([5, 6]), np.array([7, 8])]})
    assert [b.ravel().tolist() for b in nt.read_caffemodel(target)["ip"]] == [[5, 6], [7, 8]]
    assert target.read_bytes().startswith(field(1, b"old") + unknown) and target.read_bytes().endswith(unknown)


def test_caffemodels_that_do_not_fit(tmp_path):
    prepared = nt.prepare(trained_small(), names=NAMES)
    source, target = tmp_path / "a.caffemodel", tmp_path / "b.caffemodel"
    blobs = prepared.blobs()
    nt.create_caffemodel(source, blobs)
    for bad, message in (
        ({"nobody": blobs["fc"]}, "no layer 'nobody'"),
        ({"fc": blobs["fc"][:1]}, "'fc': got 1 blobs, expected 2"),
        ({"fc": [blobs["fc"][0].T, blobs["fc"][1]]}, r"'fc': blob 0: got shape \(32, 5\), expected \(5, 32\)"),
        ({"fc": [blobs["fc"][0] * np.float32("nan"), blobs["fc"][1]]}, "not finite"),
    ):
        with pytest.raises(nniesim.ShapeError, match=message):
            nt.write_caffemodel(source, target, bad)
        assert not target.exists()
    with pytest.raises(nniesim.ShapeError, match="empty"):
        nt.create_caffemodel(target, {"fc": [np.zeros((0, 2))]})
    with pytest.raises(nniesim.FormatError, match="bn1.*names"):
        nt.prepare(trained_small()).blobs()
    with pytest.raises(FileNotFoundError):
        nt.write_caffemodel(tmp_path / "none", target, blobs)

    # Damaged files are errors, never anything else. (Cuts and single bytes.)
    whole = source.read_bytes()
    rng = np.random.default_rng(5)
    refused = 0
    for k in range(300):
        data = bytearray(whole[: rng.integers(len(whole))] if k % 2 else whole)
        for at in rng.integers(0, max(len(data), 1), 1 + k % 3):
            if data:
                data[at] = rng.integers(256)
        (tmp_path / "bad").write_bytes(data)
        try:
            nt.write_caffemodel(tmp_path / "bad", target, {"fc": blobs["fc"]})
        except (nniesim.ParseError, nniesim.ShapeError):
            refused += 1
    assert refused > 100
    bomb = nt._caffemodel._field(
        100,
        nt._caffemodel._field(1, b"fc")
        + nt._caffemodel._field(
            7, nt._caffemodel._field(7, nt._caffemodel._field(1, nt._caffemodel._varint(2**62) * 3))
        ),
    )
    (tmp_path / "bad").write_bytes(bomb)
    with pytest.raises(nniesim.ParseError, match="'fc'"):
        nt.read_caffemodel(tmp_path / "bad")


def test_models_that_cannot_be_prepared():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 1)

        def forward(self, x):
            return self.conv(self.conv(x))

    class Branches(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    class Dropping(nn.Module):
        def forward(self, x):
            return nn.functional.dropout(x, training=self.training)

    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2, 2))

        def forward(self, x):
            return nn.functional.linear(x, self.weight)

    for bad, message in (
        (Twice(), "'conv' is called twice"),
        (Branches(), "torch.fx"),
        (Functional(), "linear"),
        (Dropping(), "dropout"),
        (nn.Sequential(nn.LSTM(2, 2)), "LSTM"),
        (nn.Sequential(nn.Conv1d(1, 1, 1)), "Conv1d"),
        (nn.Sequential(nn.Conv2d(1, 1, 1)).double(), "torch.float64"),
    ):
        with pytest.raises(nniesim.FormatError, match=message):
            nt.prepare(bad)
    model = trained_small()
    for arguments in (
        {"high_precision": ["nobody"]},
        {"names": {"nobody": "x"}},
        {"codes": {"nobody": True}},
        {"bits": 4},
    ):
        with pytest.raises(nniesim.FormatError, match="nobody|8 or 16"):
            nt.prepare(model, **arguments)
    with pytest.raises(nniesim.FormatError, match="two blobs"):
        nt.prepare(model, names={"x": "same", "relu1": "same"})
    for bad in (None, lambda x: x, "model"):
        with pytest.raises(TypeError):
            nt.prepare(bad)
    with pytest.raises(TypeError):
        nt.prepare(model, high_precision="fc")
    prepared = nt.prepare(model, names=NAMES)
    prepared.calibrate(torch.randn(2, 2, 8, 8))
    with pytest.raises((TypeError, RuntimeError)):
        prepared(torch.randn(2, 2, 8, 8).double())
    with pytest.raises(nniesim.FormatError, match="'data'.*NaN"):
        prepared(torch.full((1, 2, 8, 8), float("nan")))


def test_two_factors_are_read_as_codes_unless_told_otherwise():
    class Product(nn.Module):
        def forward(self, x, y):
            return x * y

    assert set(nt.prepare(Product()).ranges) == {"x", "y"}
    assert set(nt.prepare(Product(), codes={"mul": False}).ranges) == set()


def test_the_guide_runs(tmp_path, monkeypatch):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4)
            self.fc = nn.Linear(4 * 6 * 6, 3)

        def forward(self, x):
            return self.fc(torch.flatten(self.bn1(self.conv1(x)), 1))

    page = Path(__file__).resolve().parents[2] / "examples" / "guide" / "retraining.md"
    monkeypatch.chdir(tmp_path)
    names = {"bn1": ("bn1", "scale1"), "fc": "fc_hp"}
    model = Net()
    nt.create_caffemodel("net.caffemodel", nt.prepare(model, names=names).blobs())
    Path("net.prototxt").write_text("""
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 8 dim: 8 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 4 kernel_size: 3 bias_term: false } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" batch_norm_param { use_global_stats: true eps: 1e-5 } }
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "fc_hp" type: "InnerProduct" bottom: "conv1" top: "fc_hp" inner_product_param { num_output: 3 } }
""")
    given = {"model": model, "pictures": torch.randn(8, 1, 8, 8), "labels": torch.randint(0, 3, (8,))}
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, str(page), "exec"), given)
    with torch.no_grad():
        expected = given["prepared"](given["pictures"][:1])
    assert np.abs(given["outputs"]["fc_hp"] - expected.numpy()).max() < 0.01
    assert Path("gfpq_param.json").exists()


def test_the_example_wins_back_at_least_half(tmp_path):
    path = Path(__file__).resolve().parents[2] / "examples" / "python" / "retrain_digits.py"
    spec = importlib.util.spec_from_file_location("retrain_digits", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    in_float, in_8_bits, retrained = example.main(tmp_path)
    assert in_float > 90
    assert in_8_bits < in_float - 20
    assert retrained - in_8_bits >= (in_float - in_8_bits) / 2
