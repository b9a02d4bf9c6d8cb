"""How fast the Python package's fake_quantize is: against the C++ function, and against the usual formula of log2 and exp2
(NumPy's, and torch's where it is installed). Paired rounds, medians of the ratios; one thread each.

    python bench/python_speed.py [rounds] [floats]     # needs the installed package and a C++20 compiler
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nniesim
import numpy as np

SOURCE = Path(__file__).resolve().parents[1]
PROGRAM = r"""
// Answers each line of "width into" with the seconds of one call; into: 1 existing memory, 0 a new tensor.
#include <nniesim/kernels/quantize.hpp>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <vector>
using namespace nniesim;
template <class F>
double seconds(const tensor<float>& x, tensor<float>& out, bool into, int z) {
  const typename F::scale s(z);
  const auto begin = std::chrono::steady_clock::now();
  if (into) fake_quantize<F>(std::span<const float>(x.data(), x.size()), std::span<float>(out.data(), out.size()), s);
  else { const tensor<float> y = fake_quantize<F>(x, s); out.data()[0] = y.data()[y.size() - 1]; }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}
int main(int, char** argv) {
  const std::size_t n = std::stoull(argv[2]);
  auto x = make_tensor<float>({n}), out = make_tensor<float>({n});
  std::ifstream(argv[1], std::ios::binary).read(reinterpret_cast<char*>(x.data()), static_cast<std::streamsize>(4 * n));
  std::memset(out.data(), 0, 4 * n);
  for (int width, into, z; std::cin >> width >> into >> z;)
    std::cout << (width == 8 ? seconds<gfpq8>(x, out, into, z) : seconds<gfpq16>(x, out, into, z)) << std::endl;
}
"""


def formula(xp, x, z, levels, largest):
    """The usual fake quantization of a log format, as training code has it."""
    magnitude = xp.abs(x)
    q = xp.clip(xp.round(levels * xp.log2(magnitude)) - z, 0, largest)
    return xp.sign(x) * xp.exp2((q + z) / levels)


def timed(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1 << 24
    x = np.random.default_rng(1).standard_normal(count).astype(np.float32)
    out = np.zeros_like(x)
    try:
        import torch

        torch.set_num_threads(1)
        tensor = torch.from_numpy(x)
    except ImportError:
        torch = None
    with tempfile.TemporaryDirectory() as folder:
        source, program, data = (Path(folder) / name for name in ("speed.cpp", "speed", "x.bin"))
        source.write_text(PROGRAM)
        x.tofile(data)
        compiler = os.environ.get("CXX", "g++")
        subprocess.run(
            [compiler, "-std=c++20", "-O2", "-DNDEBUG", f"-I{SOURCE}/include", "-isystem", "/usr/include/eigen3"]
            + [source, "-o", program, "-pthread"],
            check=True,
        )
        with subprocess.Popen(
            [program, data, str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as cpp:

            def native(width, into, z):
                cpp.stdin.write(f"{width} {into} {z}\n")
                cpp.stdin.flush()
                return float(cpp.stdout.readline())

            print(f"{count} floats, {rounds} rounds; speed of Python's function over that of the other, median (range)")
            for form, levels, largest in ((nniesim.gfpq8, 16, 127), (nniesim.gfpq16, 128, 1407)):
                z = form.scale_of(x)
                others = {
                    "C++, into existing memory": (
                        lambda: timed(lambda: form.fake_quantize(x, z, out=out)),
                        lambda: native(form.bits, 1, z),
                    ),
                    "C++, a new array": (
                        lambda: timed(lambda: form.fake_quantize(x, z)),
                        lambda: native(form.bits, 0, z),
                    ),
                    "NumPy's log2 and exp2": (
                        lambda: timed(lambda: form.fake_quantize(x, z)),
                        lambda: timed(lambda: formula(np, x, z, levels, largest)),
                    ),
                }
                if torch is not None:
                    others["torch's log2 and exp2"] = (
                        lambda: timed(lambda: form.fake_quantize(x, z)),
                        lambda: timed(lambda: formula(torch, tensor, z, levels, largest)),
                    )
                for name, (mine, other) in others.items():
                    mine(), other()
                    ratios = []
                    for i in range(rounds if "C++" in name else min(rounds, 5)):
                        pair = [mine, other] if i % 2 == 0 else [other, mine]
                        seconds = [call() for call in pair]
                        ratios.append(seconds[1] / seconds[0] if i % 2 == 0 else seconds[0] / seconds[1])
                    print(
                        f"{form.name:7} against {name:27} {statistics.median(ratios):8.2f}"
                        f"   ({min(ratios):.2f} .. {max(ratios):.2f})"
                    )


if __name__ == "__main__":
    main()
