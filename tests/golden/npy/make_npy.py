#!/usr/bin/env python3
"""Writes the .npy files that tests/io/npy_test.cpp reads: make_npy.py (with NumPy 1.24)

Element i, counted in C order, is (i - 3) * 0.75 in the float types and (37 * i - 5) modulo the range in the integer
types, so that the test can compute what it must find.
"""
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent


def elements(dtype, shape):
    n = int(np.prod(shape, dtype=np.int64))
    i = np.arange(n, dtype=np.int64)
    values = (i - 3) * 0.75 if np.dtype(dtype).kind == "f" else (37 * i - 5)
    return values.astype(dtype).reshape(shape)


def save(name, array, version=(1, 0)):
    with open(HERE / f"{name}.npy", "wb") as f:
        np.lib.format.write_array(f, array, version=version)


for kind in ("f4", "f8", "i2", "u2", "i4", "i8"):
    for order, label in (("<", "little"), (">", "big")):
        save(f"{kind}_{label}", elements(order + kind, (2, 3, 5)))
        save(f"{kind}_{label}_fortran", np.asfortranarray(elements(order + kind, (2, 3, 5))))
for kind in ("i1", "u1"):
    save(kind, elements(kind, (2, 3, 5)))
    save(f"{kind}_fortran", np.asfortranarray(elements(kind, (2, 3, 5))))

save("version_2", elements("<f4", (7,)), version=(2, 0))
save("version_3", elements("<f4", (7,)), version=(3, 0))
save("rank_0", elements("<f4", ()))
save("rank_1", elements("<f4", (7,)))
save("rank_8", elements("<f4", (1, 2, 1, 3, 1, 1, 2, 1)))
save("rank_8_fortran", np.asfortranarray(elements("<f4", (1, 2, 1, 3, 1, 1, 2, 1))))
save("empty", elements("<f4", (2, 0, 3)))
save("special", np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45, 3.4028235e38], dtype="<f4"))

# What is refused.
save("rank_9", elements("<f4", (1,) * 9))
save("float16", elements("<f2", (3,)))
save("uint32", elements("<u4", (3,)))
save("bool", np.array([True, False]))
save("complex", np.zeros(2, dtype="<c8"))
save("text", np.array(["ab", "c"]))
save("records", np.zeros(2, dtype=[("x", "<f4"), ("y", "<i4")]))
save("records_unicode", np.zeros(2, dtype=[("\u03b1", "<f4")]), version=(3, 0))
save("objects", np.array([1, "a", None], dtype=object))
