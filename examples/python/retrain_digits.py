#!/usr/bin/env python3
"""Retrains a network that loses accuracy in 8 bits, and asks the library's simulation whether that helped.

The digits that this project carries (scikit-learn's, 1,797 of 8x8 pixels; every third is held out) and a small network
of depthwise and pointwise convolutions with BatchNorm. As it is trained here, it loses nothing in 8 bits. Real
depthwise networks do, for their channels come to differ by orders of magnitude, while the accelerator has one scale for
all channels of a blob. So the trained network is given such channels: each is divided by a power of two up to 2^8 and
the next layer's weights multiplied by it, which changes nothing in float.

Prints the accuracy on the held-out third: in float, in 8 bits, and in 8 bits after retraining, the last two from the
simulation of the accelerator (compile mode 0) on Caffe files that it writes to a folder. Needs torch, nothing else.

    python examples/python/retrain_digits.py [folder]
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

import nniesim
import nniesim.torch as nt

DATA = Path(__file__).resolve().parents[1] / "feature_norm" / "data"
NAMES = {
    "x": "data",
    **{f"bn{i}": (f"bn{i}", f"scale{i}") for i in range(1, 6)},
}
CALIBRATION_PICTURES = 50


class Digits(nn.Module):
    """8x8 pixels to ten logits."""

    def __init__(self, width=12):
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1, bias=False)
        self.bn1, self.relu1 = nn.BatchNorm2d(width), nn.ReLU()
        self.dw2 = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.bn2, self.relu2 = nn.BatchNorm2d(width), nn.ReLU()
        self.pw3 = nn.Conv2d(width, width, 1, bias=False)
        self.bn3, self.relu3 = nn.BatchNorm2d(width), nn.ReLU()
        self.pool3 = nn.MaxPool2d(2)
        self.dw4 = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.bn4, self.relu4 = nn.BatchNorm2d(width), nn.ReLU()
        self.pw5 = nn.Conv2d(width, 2 * width, 1, bias=False)
        self.bn5, self.relu5 = nn.BatchNorm2d(2 * width), nn.ReLU()
        self.pool5 = nn.AvgPool2d(4)
        self.fc = nn.Linear(2 * width, 10)

    def forward(self, x):
        x = self.relu1(self.bn1(self.conv1(x)))
        x = self.relu2(self.bn2(self.dw2(x)))
        x = self.pool3(self.relu3(self.bn3(self.pw3(x))))
        x = self.relu4(self.bn4(self.dw4(x)))
        x = self.relu5(self.bn5(self.pw5(x)))
        return self.fc(torch.flatten(self.pool5(x), 1))


def spread_channels(model, octaves):
    """Scales each channel by a power of two behind one layer and back in the next: in float the function stays the
    same, to the bit but for underflow."""
    order = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for norm, reader in (
            (model.bn1, model.dw2),
            (model.bn2, model.pw3),
            (model.bn3, model.dw4),
            (model.bn4, model.pw5),
        ):
            count = len(norm.weight)
            factor = 2.0 ** -torch.linspace(0, octaves, count).round()[torch.randperm(count, generator=order)]
            norm.weight *= factor
            norm.bias *= factor
            reader.weight /= factor[:, None, None, None] if reader.groups > 1 else factor[None, :, None, None]


def prototxt(width=12):
    """The network as Caffe has it."""
    text = ['name: "digits"', 'layer { name: "data" type: "Input" top: "data" input_param { shape {']
    text.append("  dim: 1 dim: 1 dim: 8 dim: 8 } } }")
    bottom = "data"

    def layer(name, kind, parameters="", in_place=False):
        nonlocal bottom
        top = bottom if in_place else name
        text.append(f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{top}" {parameters} }}')
        bottom = top

    def convolution(number, kind, outputs):
        geometry = "kernel_size: 1" if kind == "pw" else "kernel_size: 3 pad: 1"
        group = f"group: {outputs}" if kind == "dw" else ""
        parameters = f"convolution_param {{ num_output: {outputs} {geometry} {group} bias_term: false }}"
        layer(f"{kind}{number}", "Convolution", parameters)
        layer(f"bn{number}", "BatchNorm", "batch_norm_param { use_global_stats: true eps: 1e-5 }", True)
        layer(f"scale{number}", "Scale", "scale_param { bias_term: true }", True)
        layer(f"relu{number}", "ReLU", "", True)

    convolution(1, "conv", width)
    convolution(2, "dw", width)
    convolution(3, "pw", width)
    layer("pool3", "Pooling", "pooling_param { pool: MAX kernel_size: 2 stride: 2 }")
    convolution(4, "dw", width)
    convolution(5, "pw", 2 * width)
    layer("pool5", "Pooling", "pooling_param { pool: AVE kernel_size: 4 stride: 4 }")
    layer("fc", "InnerProduct", "inner_product_param { num_output: 10 }")
    return "\n".join(text) + "\n"


def train(model, pictures, labels, epochs, rate, before_epoch=lambda: None):
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        before_epoch()
        model.train()
        for chosen in torch.randperm(len(pictures)).split(64):
            loss = nn.functional.cross_entropy(model(pictures[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    model.eval()


def accuracy(logits, labels):
    return 100 * float((np.asarray(logits).argmax(1) == np.asarray(labels)).mean())


def simulate(folder, model_name, ranges_name, pictures):
    """The logits that the library's simulation gives in compile mode 0."""
    network = nniesim.Network.from_caffe(folder / "digits.prototxt", folder / model_name)
    ranges = network.read_ranges(folder / ranges_name, mode=0)
    runner = network.runner(mode=0, ranges=ranges, keep=["fc"])
    return np.concatenate([runner.run(p[None])["fc"].reshape(1, 10) for p in pictures])


def main(folder):
    start = time.perf_counter()
    torch.manual_seed(7)
    torch.set_num_threads(1)  # layers are too small to share
    digits = np.load(DATA / "digits.npy").astype(np.float32)[:, None]
    answers = np.load(DATA / "labels.npy").astype(np.int64)
    held_out = np.arange(len(digits)) % 3 == 2
    pictures, labels = torch.from_numpy(digits[~held_out]), torch.from_numpy(answers[~held_out])
    tests, test_labels = digits[held_out], answers[held_out]
    some = pictures[:CALIBRATION_PICTURES]

    model = Digits()
    train(model, pictures, labels, epochs=12, rate=1e-2)
    spread_channels(model, 8)
    with torch.no_grad():
        in_float = accuracy(model(torch.from_numpy(tests)), test_labels)

    # The float network in 8 bits.
    prepared = nt.prepare(model, names=NAMES)
    prepared.calibrate(some)
    (folder / "digits.prototxt").write_text(prototxt())
    nt.create_caffemodel(folder / "float.caffemodel", prepared.blobs(), "digits")
    prepared.export_ranges(folder / "float.json")
    in_8_bits = accuracy(simulate(folder, "float.caffemodel", "float.json", tests), test_labels)

    # Retrained: ranges follow the weights, from epoch to epoch.
    train(prepared, pictures, labels, epochs=12, rate=4e-3, before_epoch=lambda: prepared.calibrate(some))
    prepared.calibrate(some)
    prepared.write_caffemodel(folder / "float.caffemodel", folder / "retrained.caffemodel")
    prepared.export_ranges(folder / "retrained.json")
    retrained = accuracy(simulate(folder, "retrained.caffemodel", "retrained.json", tests), test_labels)

    print(f"float                          {in_float:6.2f} % of {len(tests)} held-out digits")
    print(f"8 bits, simulated              {in_8_bits:6.2f} %")
    print(f"8 bits, retrained, simulated   {retrained:6.2f} %")
    lost, won = in_float - in_8_bits, retrained - in_8_bits
    print(f"retraining wins back {won:.2f} of {lost:.2f} points, in {time.perf_counter() - start:.0f} s")
    return in_float, in_8_bits, retrained


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
