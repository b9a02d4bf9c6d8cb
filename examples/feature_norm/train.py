#!/usr/bin/python3
"""Trains the feature network of this example on scikit-learn's 1,797 handwritten digits and writes data/ and network/.

Run with Debian's python3-torch and python3-sklearn. A second run on the same machine writes the same bytes; another
instruction set rounds otherwise and trains to other weights of the same quality. --check compares the stored digits and
labels with scikit-learn's, and the expected outputs with those of the stored weights. Not part of the build.

Input: the 8x8 digits (0..16), upscaled to 32x32 pixels of 0..255 by bilinear interpolation with half-pixel centres, in
integers: the weights of an axis are eighths, s is the weighted sum in 1/64, pixel = floor((s * 255 + 512) / 1024).
The network takes raw pixels (no mean, no scale). Held out: every third digit (index % 3 == 2).

Network, after the one measured on hardware: four branches comp0..3, each on its own 24x24 corner of the picture, give a
512-dimensional feature each (cfc); add-one norm y = x / (1 + |x|/512); the four together through jfc; add-one norm with
1/2048; classifier. The layers are initialised so that the norms of the branch features start near 530 and that of the
joint feature near 6000, the sizes of the measured network; training then moves them as it likes.
"""
import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from caffe_files import FOLDER, read_caffemodel, write_caffemodel, write_network_files

HERE = Path(__file__).resolve().parent
MODEL = FOLDER / "feature_norm.caffemodel"
CORNERS = [(0, 0), (0, 8), (8, 0), (8, 8)]
NORMS = [f"comp{i}.cfc" for i in range(4)] + [f"comp{i}.cnorm" for i in range(4)] + ["jfc", "jnorm"]


def upscale(digits):
    """uint8 [n,8,8] of 0..16 -> uint8 [n,32,32] of 0..255, in integers."""
    axis = np.zeros((32, 8), dtype=np.int64)
    for i in range(32):
        eighths = 2 * i - 3  # 8 * ((i + 1/2) / 4 - 1/2)
        low = eighths // 8
        axis[i, min(max(low, 0), 7)] += 8 - eighths % 8
        axis[i, min(max(low + 1, 0), 7)] += eighths % 8
    s = np.einsum("ia,nab,jb->nij", axis, digits.astype(np.int64), axis)
    return ((s * 255 + 512) // 1024).astype(np.uint8)


def add_one_norm(x, scale):
    return x / (1 + x.norm(dim=1, keepdim=True) * scale)


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(16, 16, 3, stride=2, padding=1)
        self.conv4 = nn.Conv2d(16, 24, 3)
        self.cfc = nn.Linear(24, 512)

    def forward(self, x):
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = torch.relu(conv(x))
        return self.cfc(x.flatten(1))


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        for i in range(4):
            setattr(self, f"comp{i}", Branch())
        self.jfc = nn.Linear(2048, 32)
        self.classifier = nn.Linear(32, 10)

    def forward(self, x):
        """Logits, and the norms in the order of NORMS."""
        norms, features = [], []
        for i, (row, column) in enumerate(CORNERS):
            feature = getattr(self, f"comp{i}")(x[:, :, row : row + 24, column : column + 24])
            features.append(add_one_norm(feature, 1 / 512))
            norms.append(feature.norm(dim=1))
        norms += [f.norm(dim=1) for f in features]
        joint = self.jfc(torch.cat(features, dim=1))
        normed = add_one_norm(joint, 1 / 2048)
        norms += [joint.norm(dim=1), normed.norm(dim=1)]
        return self.classifier(normed), torch.stack(norms, dim=1)


def initialise(network, pictures):
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
            nn.init.zeros_(module.bias)
    with torch.no_grad():
        norms = network(pictures)[1].mean(0)
        for i in range(4):
            getattr(network, f"comp{i}").cfc.weight *= 530 / norms[i]
        network.jfc.weight *= 6000 / network(pictures)[1].mean(0)[8]
        network.classifier.weight /= network(pictures)[0].std()


def train(pictures, labels):
    torch.manual_seed(1)
    network = Network()
    initialise(network, pictures)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
    epochs, batch = 60, 64
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        order = torch.randperm(len(pictures))
        for at in range(0, len(order), batch):
            chosen = order[at : at + batch]
            # Cyclic shifts by up to two pixels, one per batch: about one point on the held-out third.
            shift = torch.randint(-2, 3, (2,)).tolist()
            moved = torch.roll(pictures[chosen], shift, dims=(2, 3))
            loss = nn.functional.cross_entropy(network(moved)[0], labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    return network


def store(name, value):
    """Writes data/<name>.npy, or with --check compares it: integers exactly, floats to the last digits of float32."""
    path = HERE / f"data/{name}.npy"
    if "--check" not in sys.argv:
        np.save(path, value)
    elif not np.allclose(np.load(path), value, *((1e-6, 1e-6) if value.dtype == np.float32 else (0, 0))):
        sys.exit(f"{path} differs")


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    digits = load_digits()
    small = digits.images.astype(np.uint8)
    pictures = torch.tensor(upscale(small), dtype=torch.float32)[:, None]
    labels = torch.tensor(digits.target)
    held_out = torch.arange(len(labels)) % 3 == 2

    if "--check" not in sys.argv:
        (HERE / "data").mkdir(exist_ok=True)
        write_network_files(upscale(small)[~held_out.numpy()], CORNERS)
        trained = train(pictures[~held_out], labels[~held_out]).state_dict()
        write_caffemodel(MODEL, {name: value.numpy() for name, value in trained.items()})

    store("digits", small)
    store("labels", digits.target.astype(np.uint8))
    network = Network().double()
    network.load_state_dict({name: torch.tensor(value.copy()) for name, value in read_caffemodel(MODEL).items()})
    with torch.no_grad():
        logits, norms = network(pictures[held_out].double())
    accuracy = (logits.argmax(1) == labels[held_out]).float().mean().item()
    print(f"held out: {100 * accuracy:.2f} % of {int(held_out.sum())} right")
    for name, norm in zip(NORMS, norms.mean(0).tolist()):
        print(f"mean norm of {name:12} {norm:10.3f}")
    store("expected_logits", logits.float().numpy())
    store("expected_norms", norms.float().numpy())


if __name__ == "__main__":
    main()
