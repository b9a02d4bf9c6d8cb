"""Pictures for the carried network as its own script makes them, of the digits that it carries: COUNT of them into
FOLDER/pictures, and lists comp0.txt .. comp3.txt, the first with labels in labelled.txt. Of more than there are digits,
the further ones are shifted, as in training. Standard library only: feature_norm_pictures.py NETWORK-FOLDER COUNT FOLDER"""
import struct
import sys
import zlib
from pathlib import Path

CORNERS = [(0, 0), (0, 8), (8, 0), (8, 8)]


def bytes_of_npy(path):
    content = path.read_bytes()
    return content[10 + struct.unpack("<H", content[8:10])[0] :]


def upscale(digit):
    """8 x 8 of 0 .. 16 to 32 x 32 of 0 .. 255, in integers; see train.py."""
    axis = [[0] * 8 for _ in range(32)]
    for i in range(32):
        low, part = divmod(2 * i - 3, 8)
        axis[i][min(max(low, 0), 7)] += 8 - part
        axis[i][min(max(low + 1, 0), 7)] += part
    rows = [[sum(axis[i][a] * digit[8 * a + b] for a in range(8)) for b in range(8)] for i in range(32)]
    return [[(sum(r[b] * axis[j][b] for b in range(8)) * 255 + 512) // 1024 for j in range(32)] for r in rows]


def png(rows):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    raw = b"".join(b"\0" + bytes(r) for r in rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 1)) + chunk(b"IEND", b"")


def main():
    network, count, folder = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    digits = bytes_of_npy(network / "../data/digits.npy")
    labels = bytes_of_npy(network / "../data/labels.npy")
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    lists = [[] for _ in CORNERS]
    for n in range(count):
        turn, k = divmod(n, len(labels))
        picture = upscale(digits[64 * k : 64 * k + 64])
        picture = [[picture[(r + turn) % 32][(c - turn) % 32] for c in range(32)] for r in range(32)]
        for i, (row, column) in enumerate(CORNERS):
            name = f"pictures/{n:05}_comp{i}.png"
            (folder / name).write_bytes(png([r[column : column + 24] for r in picture[row : row + 24]]))
            lists[i].append(name)
    for i, names in enumerate(lists):
        (folder / f"comp{i}.txt").write_text("\n".join(names) + "\n")
    lines = [f"{name} {labels[n % len(labels)]}" for n, name in enumerate(lists[0])]
    (folder / "labelled.txt").write_text("\n".join(lines) + "\n")


main()
