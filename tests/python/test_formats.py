"""Formats: bit for bit what the vendor's library gives, from the golden data."""

import pickle
import threading

import nniesim
import numpy as np
import pytest
from conftest import GOLDEN, LONG, SHARED, bits, crc32c, floats_of

FORMATS = [
    nniesim.gfpq8,
    nniesim.gfpq16,
    nniesim.q20_12,
    nniesim.uniform8,
    nniesim.uniform16,
    nniesim.uniform8_pow2,
    nniesim.uniform16_pow2,
]
GFPQ = {8: nniesim.gfpq8, 16: nniesim.gfpq16}


def lines(name):
    for line in (GOLDEN / "gfpq" / name).read_text().splitlines():
        if line and not line.startswith("#"):
            yield line.split()


def golden_tensors():
    """Name, mode, stored and derived z of 8 and of 16 bits, and the columns in, out8, out16."""
    tensors = []
    for words in lines("tensors.txt"):
        if words[0] == "tensor":
            tensors.append((words[1], [int(w) for w in words[3:]], []))
        else:
            tensors[-1][2].append(words)
    return tensors


@pytest.mark.parametrize("name,numbers,rows", golden_tensors(), ids=lambda v: v if isinstance(v, str) else "")
def test_tensors_equal_the_vendors(name, numbers, rows):
    mode, stored8, z8, stored16, z16 = numbers
    x, out8, out16 = (floats_of([row[i] for row in rows]) for i in range(3))
    for form, stored, z, expected in ((nniesim.gfpq8, stored8, z8, out8), (nniesim.gfpq16, stored16, z16, out16)):
        derived = form.scale_of(x)
        assert {0: derived, 1: max(stored, derived), 2: stored}[mode] == z
        assert np.array_equal(bits(form.fake_quantize(x, z)), bits(expected))
        assert np.array_equal(bits(form.decode(form.encode(x, z), z)), bits(expected))


def test_scales_equal_the_vendors():
    form = None
    tried = 0
    for words in lines("scales.txt"):
        if words[0] == "bits":
            form = GFPQ[int(words[1])]
            continue
        word = int(words[0], 16)
        for k, z in enumerate(words[1:]):
            x = np.array([word + k], np.uint32).view(np.float32)
            assert form.scale_of(x) == int(z), words
            tried += 1
    assert tried > 1000


def test_values_equal_the_vendors():
    form = None
    for words in lines("values.txt"):
        if words[0] == "bits":
            form = GFPQ[int(words[1])]
            continue
        largest, value = floats_of(words[1:3])
        assert bits(form.fake_quantize(np.array([largest]), 0))[0] == bits(value), words


def golden_blocks():
    """(bits, z) -> the hash of each of the 256 blocks of 2^24 floats."""
    blocks = {}
    for width, z, first, crc in lines("exhaustive.txt"):
        known = blocks.setdefault((int(width), int(z)), [])
        first = int(first, 16)
        if known:
            known += [known[-1]] * (first - len(known))
        known.append(int(crc, 16))
    return {key: known + [known[-1]] * (256 - len(known)) for key, known in blocks.items()}


@pytest.mark.parametrize("width,z", list(golden_blocks()), ids=str)
def test_all_floats_equal_the_vendors_checksums(width, z):
    """2^24 floats of every exponent; of the first scale of each width unless the run is long, of the others a sample."""
    blocks = golden_blocks()
    first = next(key for key in blocks if key[0] == width) == (width, z)
    tried = range(256) if first or LONG else range(0x30, 0x50, 5)
    form = GFPQ[width]
    counter = np.arange(1 << 24, dtype=np.uint32)
    words = np.empty_like(counter)
    out = np.empty(1 << 24, np.float32)
    for block in tried:
        np.bitwise_or(counter, np.uint32(block << 24), out=words)
        form.fake_quantize(words.view(np.float32), z, out=out, threads=2)
        assert crc32c(out) == blocks[width, z][block], f"block {block:02x}"


def test_the_vendors_own_tensors():
    folder = SHARED / "gfpq" / "tensors"
    if not folder.exists():
        pytest.skip("skipped: ../shared/gfpq is not here")
    index = [line.split(",") for line in (folder / "index.csv").read_text().splitlines()[1:]]
    for name, _, mode, _, z8, _, z16, *_ in index:
        rows = [line.split(",") for line in (folder / name).read_text().splitlines()[1:]]
        x, out8, out16 = (floats_of([row[i] for row in rows]) for i in range(3))
        for form, z, expected in ((nniesim.gfpq8, z8, out8), (nniesim.gfpq16, z16, out16)):
            if mode == "0":
                assert form.scale_of(x) == int(z), name
            assert np.array_equal(bits(form.fake_quantize(x, int(z))), bits(expected)), name
    assert len(index) > 5


@pytest.mark.parametrize("form", FORMATS, ids=repr)
class TestEveryFormat:
    def test_fake_quantize_is_decode_of_encode(self, form, rng):
        x = rng.standard_normal((3, 4, 5)).astype(np.float32)
        scale = form.scale_of(x)
        codes = form.encode(x, scale)
        assert codes.dtype == form.code_dtype and codes.shape == x.shape
        assert codes.dtype.itemsize * 8 == form.bits
        values = form.decode(codes, scale)
        assert np.array_equal(bits(values), bits(form.fake_quantize(x, scale)))
        assert np.array_equal(bits(values), bits(form.fake_quantize(x)))
        assert np.abs(values).max() <= form.largest(scale)

    def test_any_layout_gives_the_same(self, form, rng):
        x = rng.standard_normal((6, 5, 4, 3)).astype(np.float32)
        scale = form.scale_of(x)
        for view in (x.transpose(3, 1, 0, 2), x[::2, ::-1], np.asfortranarray(x), x[:, 1:3, ::3], x[0, 0, 0, 0:1]):
            expected = form.fake_quantize(np.ascontiguousarray(view), scale)
            assert np.array_equal(bits(form.fake_quantize(view, scale)), bits(expected))
            assert form.scale_of(view) == form.scale_of(np.ascontiguousarray(view))
            codes = np.asarray(form.encode(view, scale))
            assert np.array_equal(bits(form.decode(codes.T, scale)), bits(expected.T))

    def test_any_number_of_threads_gives_the_same(self, form, rng):
        x = rng.standard_normal(300_001).astype(np.float32)
        scale = form.scale_of(x)
        one, codes = form.fake_quantize(x, scale), form.encode(x, scale)
        for threads in (2, 3, 16):
            assert np.array_equal(bits(form.fake_quantize(x, scale, threads=threads)), bits(one))
            assert np.array_equal(form.encode(x, scale, threads=threads), codes)
            assert np.array_equal(bits(form.decode(codes, scale, threads=threads)), bits(one))

    def test_out_is_written_and_returned(self, form, rng):
        x = rng.standard_normal((7, 3)).astype(np.float32)
        scale = form.scale_of(x)
        out = np.full_like(x, np.nan)
        assert form.fake_quantize(x, scale, out=out) is out
        assert np.array_equal(bits(out), bits(form.fake_quantize(x, scale)))
        codes = np.empty(x.shape, form.code_dtype)
        assert form.encode(x, scale, out=codes) is codes
        back = np.empty_like(x)
        assert form.decode(codes, scale, out=back) is back
        assert np.array_equal(bits(back), bits(out))
        form.fake_quantize(x, scale, out=x)
        assert np.array_equal(bits(x), bits(out))

    def test_special_values(self, form):
        x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 3e38], np.float32)
        scale = form.scale_of(np.array([1.0], np.float32))
        y = form.fake_quantize(x, scale)
        assert np.isfinite(y).all() and y[0] == 0 and y[3] == 0
        events = form.events(x, scale)
        assert events.nan == 1 and events.infinite == 2
        assert isinstance(events, nniesim.EventCounts)

    def test_empty_scalar_and_read_only(self, form):
        assert form.fake_quantize(np.zeros((0, 3), np.float32)).shape == (0, 3)
        scalar = np.array(0.5, np.float32)
        assert form.fake_quantize(scalar).shape == ()
        scalar.flags.writeable = False
        assert form.fake_quantize(scalar, form.scale_of(scalar)).shape == ()

    def test_it_is_a_value(self, form):
        assert pickle.loads(pickle.dumps(form)) == form
        assert len({form, nniesim.Format(form.name)}) == 1
        assert form.name in repr(form)


def test_events_of_values_out_of_range():
    x = np.array([1.0, 100.0, 1e-9], np.float32)
    events = nniesim.uniform8.events(x, 0.01)
    assert (events.saturated, events.flushed, events.clipped) == (1, 1, 0)


class Foreign:
    """An array of another library: DLPack and nothing else."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


def test_dlpack_in_and_out(rng):
    x = rng.standard_normal((2, 3)).astype(np.float32)
    out = np.empty_like(x)
    nniesim.gfpq8.fake_quantize(Foreign(x), out=Foreign(out))
    assert np.array_equal(bits(out), bits(nniesim.gfpq8.fake_quantize(x)))
    assert nniesim.compare(Foreign(x), Foreign(x)).cosine == 1
    assert np.array_equal(np.from_dlpack(nniesim.gfpq8.encode(x, 0)), nniesim.gfpq8.encode(x, 0))


def test_other_threads_run_meanwhile():
    """The interpreter is free: another thread of Python counts while one call quantizes."""
    x = np.zeros(1 << 25, np.float32)
    done = threading.Event()
    worker = threading.Thread(target=lambda: (nniesim.gfpq16.events(x, 0), done.set()))
    worker.start()
    turns = 0
    while not done.wait(0.001):
        turns += 1
    worker.join()
    assert turns > 5


def test_results_do_not_share_memory(rng):
    x = rng.standard_normal(10).astype(np.float32)
    a, b = nniesim.gfpq8.fake_quantize(x), nniesim.gfpq8.fake_quantize(x)
    assert not np.shares_memory(a, b) and not np.shares_memory(a, x)
    assert a.flags.owndata or a.base is not None
