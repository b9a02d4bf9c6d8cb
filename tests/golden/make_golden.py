#!/usr/bin/env python3
"""Writes the compact golden data of the GFPQ formats: make_golden.py GFPQ_FOLDER

GFPQ_FOLDER holds the full tables (exhaustive.csv, scales.csv, thresholds_*.csv, tensors/); every output value in them
was produced by the vendor's quantization library. Nothing is computed here, only checked and selected:
  gfpq/exhaustive.txt  all block hashes, one line per run of equal ones
  gfpq/scales.txt      all derived z; two neighbouring floats share a line
  gfpq/values.txt      the floats of z = 0 and the largest float that encodes as each
  gfpq/tensors.txt     of each tensor: everything up to 320 elements, else a sample with the largest magnitude
"""
import csv
import pathlib
import sys

WHOLE = 320
SAMPLE = 110


def rows(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def write(name, comment, lines):
    path = pathlib.Path(__file__).parent / "gfpq" / name
    path.write_text("".join(f"{line}\n" for line in [*(f"# {c}" for c in comment), *lines]))


def numeric(bits):
    """Order of floats given as bits: minus infinity .. plus infinity; -0 just below +0."""
    b = int(bits, 16)
    return ~b + (1 << 31) if b >> 31 else b + (1 << 31)


def exhaustive(source):
    lines, last = [], None
    table = rows(source / "exhaustive.csv")
    assert len(table) == 5 * 256
    for i, r in enumerate(table):
        assert int(r["block"], 16) == i % 256
        key = (r["bits"], r["z"], r["crc32c"])
        if key != last:
            lines.append(f"{r['bits']} {r['z']} {r['block']} {r['crc32c']}")
        last = key
    write("exhaustive.txt",
          ["CRC-32C of the outputs for the 2^24 floats with bits BBxxxxxx, ascending, with the given z.",
           "bits z first_block crc32c; the hash holds up to the next line's block, or to ff."], lines)


def scales(source):
    lines, table, i, width = [], rows(source / "scales.csv"), 0, None
    while i < len(table):
        r = table[i]
        if r["bits"] != width:
            width = r["bits"]
            lines.append(f"bits {width}")
        s = table[i + 1] if i + 1 < len(table) else None
        if s and s["bits"] == r["bits"] and int(s["max_bits"], 16) == int(r["max_bits"], 16) + 1:
            lines.append(f"{r['max_bits']} {r['z']} {s['z']}")
            i += 2
        else:
            lines.append(f"{r['max_bits']} {r['z']}")
            i += 1
    write("scales.txt", ["The z derived from a tensor of one float: its bits, z, [z of the next float]."], lines)


def values(source):
    lines = []
    for width in (8, 16):
        previous = None
        lines.append(f"bits {width}")
        for r in rows(source / f"thresholds_{width}.csv"):
            # The intervals cover all finite floats without a gap, so that their upper ends say everything.
            low = numeric(r["min_bits"])
            assert low == numeric("ff7fffff") if previous is None else low == previous + 1, r
            previous = numeric(r["max_bits"])
            lines.append(f"{r['sign']}{r['q'] or 0} {r['max_bits']} {r['out_bits']}")
        assert previous == numeric("7f7fffff")
    write("values.txt", ["The values of z = 0, ascending: sign and q, the largest float that encodes as it, the value.",
                         "The smallest such float follows the line above, or is -FLT_MAX."], lines)


def tensors(source):
    lines = []
    for t in rows(source / "tensors" / "index.csv"):
        data = [(r["in"], r["out8"], r["out16"]) for r in rows(source / "tensors" / t["file"])]
        assert len(data) == int(t["count"])
        if len(data) > WHOLE:
            step = -(-len(data) // SAMPLE)
            # z depends on the largest magnitude alone: a sample that has it keeps the whole tensor's z.
            magnitudes = [int(d[0], 16) & 0x7fffffff for d in data]
            top = max((m, i) for i, m in enumerate(magnitudes) if m <= 0x7f800000)[1]
            data = [d for i, d in enumerate(data) if i % step == 0 or i == top]
        name = pathlib.Path(t["file"]).stem
        stored = [t["stored_z8"] or "0", t["stored_z16"] or "0"]
        lines.append(f"tensor {name} {len(data)} {t['mode']} {stored[0]} {t['z8']} {stored[1]} {t['z16']}")
        lines += [" ".join(d) for d in data]
    write("tensors.txt", ["tensor name count mode stored_z8 z8 stored_z16 z16, then one element per line: in out8 out16.",
                          "mode 0 derives z, 1 takes the larger of stored and derived, 2 takes the stored one."], lines)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    for part in (exhaustive, scales, values, tensors):
        part(folder)
