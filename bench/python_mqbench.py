#!/usr/bin/env python3
"""Which values differ between the vendor's 8-bit quantizer, this library's and MQBench's NNIE backend, on the same
tensors.

Needs the package nniesim alone. Prints three tables: tensors of the vendor's library with its own outputs (of a folder
with index.csv, by default ../shared/gfpq/tensors, where it is there), then the weights and the blobs of the carried network, on
which the library stands for the vendor, and random tensors.

MQBench's rules, restated in float64 from its public source (mqbench/fake_quantize/nnie.py): z is round(16 log2 m) -
127, m the largest magnitude ever seen; the rest as the vendor's, but for a positive value at half the smallest level,
which passes as it is.

    python bench/python_mqbench.py [folder]
"""

import csv
import sys
from pathlib import Path

import numpy as np

import nniesim

SOURCE = Path(__file__).resolve().parents[1]
NETWORK = SOURCE / "examples" / "feature_norm" / "network" / "feature_norm.cfg"
COLUMNS = ("tensors", "other z", "values", "differ", "at the top", "at the bottom", "else", "error", "error, MQBench")


def mqbench_z(x):
    """None where its logarithm has no answer."""
    m = np.abs(x).max(initial=0.0).astype(np.float64)
    return int(np.rint(16 * np.log2(m))) - 127 if 0 < m < np.inf else None


def mqbench(x):
    """Its 8-bit values of x; float32."""
    z = mqbench_z(x)
    y = x.astype(np.float64)
    half = 2.0 ** ((z - 16) / 16), 2.0 ** ((z + 1 - 16) / 16)
    positive, negative = y > half[0], y < -half[1]
    zero = (y < half[0]) & (y >= -half[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.rint(16 * np.log2(np.abs(y)) - z)
    result = np.where(zero, 0.0, y)
    result = np.where(positive, 2.0 ** ((np.clip(level, 0, 127) + z) / 16), result)
    return np.where(negative, -(2.0 ** ((np.clip(level, 1, 127) + z) / 16)), result).astype(np.float32)


class Row:
    """Counts over tensors: where two results differ, and both results' errors."""

    def __init__(self):
        self.counts = np.zeros(7, np.int64)
        self.squares = np.zeros(3)

    def add(self, x, vendor, z):
        other_z = mqbench_z(x)
        other = mqbench(x)
        differ = vendor != other
        magnitude = np.abs(x.astype(np.float64))
        # Above the vendor's second highest level; below the first levels and half levels of both windows.
        top = differ & (magnitude >= 2.0 ** ((z + 126.5) / 16))
        bottom = differ & (magnitude <= 2.0 ** ((z + 3) / 16))
        rest = differ & ~top & ~bottom
        self.counts += [1, other_z != z, x.size, differ.sum(), top.sum(), bottom.sum(), rest.sum()]
        self.squares += [np.sum((y.astype(np.float64) - x) ** 2) for y in (x * 0, vendor, other)]

    def print(self, name, with_errors=True):
        n, _, size, *differing = self.counts
        shares = " ".join(f"{100 * d / size:12.4f}%" for d in differing)
        total, ours, theirs = self.squares
        errors = " ".join(f"{100 * np.sqrt(e / total):13.4f}%" for e in (ours, theirs))
        print(f"{name:34}{n:8}{self.counts[1]:8}{size:10} {shares} {errors if with_errors else ''}".rstrip())


def print_head(title):
    print(f"\n{title}\n{'':34}{COLUMNS[0]:>8}{COLUMNS[1]:>8}{COLUMNS[2]:>10} ", end="")
    print(" ".join(f"{c:>13}" for c in COLUMNS[3:7]), " ".join(f"{c:>14}" for c in COLUMNS[7:]))


def of_vendor(folder):
    """The vendor's own outputs. Says how many of this library's values differ from them, too."""
    print_head("Tensors quantized by the vendor's library (mode INIT)")
    values = ours_differ = 0
    skipped = []
    with open(folder / "index.csv", newline="") as f:
        tensors = [r for r in csv.DictReader(f) if r["mode"] == "0"]
    whole = Row()
    for entry in tensors:
        name = entry.get("file") or entry.get("name")
        path = folder / (name if name.endswith(".csv") else f"{name}.csv")
        with open(path, newline="") as f:
            rows = list(csv.DictReader(f))
        x, vendor = (np.array([int(r[k], 16) for r in rows], np.uint32).view(np.float32) for k in ("in", "out8"))
        z = nniesim.gfpq8.scale_of(x)
        ours = nniesim.gfpq8.fake_quantize(x, z)
        values += x.size
        ours_differ += int((ours.view(np.uint32) != vendor.view(np.uint32)).sum())
        if not np.isfinite(x).all() or mqbench_z(x) is None:
            skipped.append(path.stem)
            continue
        row = Row()
        row.add(x, vendor, z)
        row.print(path.stem)
        whole.add(x, vendor, z)
    whole.print("all", with_errors=False)
    print(f"this library: {ours_differ} of {values} values differ from the vendor's")
    print(f"left out, for MQBench's logarithm has no answer (NaN, infinity, zeros): {', '.join(skipped) or 'none'}")


def main(folder):
    if (folder / "index.csv").exists():
        of_vendor(folder)
    else:
        print(f"{folder}: no index.csv, the vendor's own outputs are left out")

    print_head("The carried network, one tensor each; and 1,000 random tensors of 10,000 values")
    sys.path.insert(0, str(SOURCE / "examples" / "feature_norm"))
    from caffe_files import read_caffemodel

    def compare(name, tensors):
        row = Row()
        for x in tensors:
            x = np.ascontiguousarray(x, np.float32).ravel()
            z = nniesim.gfpq8.scale_of(x)
            row.add(x, nniesim.gfpq8.fake_quantize(x, z), z)
        row.print(name)

    weights = read_caffemodel(NETWORK.with_suffix(".caffemodel"))
    compare("weights", [w for name, w in weights.items() if name.endswith(".weight")])
    network = nniesim.Network.from_cfg(NETWORK)
    compare("blobs, in float", [v for v in network.run(mode="float32").values() if np.abs(v).max() > 0])
    rng = np.random.default_rng(1)
    compare("normal", (rng.standard_normal(10_000) for _ in range(1000)))
    compare("normal, rectified", (np.maximum(rng.standard_normal(10_000), 0) for _ in range(1000)))
    compare("Laplace", (rng.laplace(size=10_000) for _ in range(1000)))
    compare("uniform", (2.0 ** rng.uniform() * rng.uniform(-1, 1, 10_000) for _ in range(1000)))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE.parent / "shared" / "gfpq" / "tensors")
