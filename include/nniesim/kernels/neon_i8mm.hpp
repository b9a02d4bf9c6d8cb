// Kernels for AArch64 with the 8-bit matrix product (an option from Armv8.2 on): sums of two rows and two outputs at a
// time over eight codes; everything else is NEON's.
#pragma once

#include <nniesim/kernels/neon_dot.hpp>

#if defined(NNIESIM_ARCH_ARM)

#if defined(__clang__)
#define NNIESIM_NEON_I8MM_TARGET "dotprod,i8mm"
#else
#define NNIESIM_NEON_I8MM_TARGET "arch=armv8.2-a+dotprod+i8mm"
#endif

// As in neon_dot.hpp: flags that name the instruction are left as they are, and there are no intrinsics.
#if !defined(__ARM_FEATURE_MATMUL_INT8)
NNIESIM_BEGIN_TARGET(NNIESIM_NEON_I8MM_TARGET)
#endif
NNIESIM_BEGIN_NAMESPACE

namespace kernels::neon_i8mm {

using reg = int32x4_t;
using pair = int32x2_t;

template <class Reg>
inline Reg load(const std::int32_t* p) {
  Reg x;
  std::memcpy(&x, p, sizeof x);
  return x;
}
/// a0 b0 a1 b1 and a2 b2 a3 b3; a0 a1 b0 b1 and a2 a3 b2 b3.
inline reg interleaved(pair a, pair b) { return __builtin_shufflevector(a, b, 0, 2, 1, 3); }
inline reg interleaved_low(reg a, reg b) { return __builtin_shufflevector(a, b, 0, 4, 1, 5); }
inline reg interleaved_high(reg a, reg b) { return __builtin_shufflevector(a, b, 2, 6, 3, 7); }
inline reg lows(reg a, reg b) { return __builtin_shufflevector(a, b, 0, 1, 4, 5); }
inline reg highs(reg a, reg b) { return __builtin_shufflevector(a, b, 2, 3, 6, 7); }

/// Words t and t + 1 of rows i and i + 1, of which the second may not be there.
struct adjacent_words {
  const std::int32_t* a;
  const std::int32_t* offset;
  [[nodiscard]] reg two(std::size_t i, std::size_t t) const {
    return interleaved(load<pair>(a + offset[t] + i), load<pair>(a + offset[t + 1] + i));
  }
  [[nodiscard]] reg one(std::size_t i, std::size_t t) const {
    return interleaved(load<pair>(a + offset[t] + i), pair{});
  }
};
struct strided_words {
  const std::int32_t* a;
  std::ptrdiff_t stride;
  [[nodiscard]] const std::int32_t* at(std::size_t i, std::size_t t) const {
    return a + static_cast<std::ptrdiff_t>(i) * stride + t;
  }
  [[nodiscard]] reg two(std::size_t i, std::size_t t) const {
    return __builtin_shufflevector(load<pair>(at(i, t)), load<pair>(at(i + 1, t)), 0, 1, 2, 3);
  }
  [[nodiscard]] reg one(std::size_t i, std::size_t t) const { return reg{*at(i, t), 0, *at(i + 1, t), 0}; }
};

/// Adds one step or two. A register of sums holds those of two rows and two outputs: the product of two rows of eight
/// codes each, of the activations and of the weights.
template <bool Two, std::size_t Vectors, std::size_t Rows, class Words>
[[gnu::always_inline]] inline void add_steps(const Words& x, std::size_t t, const std::int32_t* w,
                                             reg (&sum)[Rows / 2][2 * Vectors]) {
  reg b[2 * Vectors];
  NNIESIM_UNROLL
  for (std::size_t v = 0; v < Vectors; ++v) {
    const reg first = load<reg>(w + 4 * v);
    const reg second = Two ? load<reg>(w + 4 * (Vectors + v)) : reg{};
    b[2 * v] = interleaved_low(first, second);
    b[2 * v + 1] = interleaved_high(first, second);
  }
  NNIESIM_UNROLL
  for (std::size_t i = 0; i < Rows / 2; ++i) {
    const reg xi = Two ? x.two(2 * i, t) : x.one(2 * i, t);
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < 2 * Vectors; ++v) {
      asm("smmla %0.4s, %1.16b, %2.16b" : "+w"(sum[i][v]) : "w"(xi), "w"(b[v]));
    }
  }
}

template <std::size_t Vectors, std::size_t Rows, class Words>
inline void matrix_tile(const Words& x, const std::int32_t* w, chain_steps chain, std::int32_t* sum, bool resume) {
  constexpr std::size_t width = 4 * Vectors;
  reg acc[Rows / 2][2 * Vectors];
  NNIESIM_UNROLL
  for (std::size_t i = 0; i < Rows / 2; ++i) {
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
      const std::int32_t* at = sum + 2 * i * width + 4 * v;
      const reg upper = resume ? load<reg>(at) : reg{};
      const reg lower = resume ? load<reg>(at + width) : reg{};
      acc[i][2 * v] = lows(upper, lower);
      acc[i][2 * v + 1] = highs(upper, lower);
    }
  }
  for (std::size_t run = 0; run < chain.runs; ++run) {
    std::size_t t = run * chain.distance;
    const std::size_t end = t + chain.steps;
    for (; t + 2 <= end; t += 2) add_steps<true, Vectors, Rows>(x, t, w + t * width, acc);
    if (t < end) add_steps<false, Vectors, Rows>(x, t, w + t * width, acc);
  }
  NNIESIM_UNROLL
  for (std::size_t i = 0; i < Rows / 2; ++i) {
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
      std::int32_t* at = sum + 2 * i * width + 4 * v;
      const reg upper = lows(acc[i][2 * v], acc[i][2 * v + 1]);
      const reg lower = highs(acc[i][2 * v], acc[i][2 * v + 1]);
      std::memcpy(at, &upper, sizeof upper);
      std::memcpy(at + width, &lower, sizeof lower);
    }
  }
}

template <std::size_t Vectors, class Words, std::size_t... Rows>
inline void matrix_rows(std::index_sequence<Rows...>, const Words& x, const std::int32_t* w, chain_steps chain,
                        std::size_t rows, std::int32_t* sum, bool resume) {
  bool done = false;
  ((done || rows > Rows || (matrix_tile<Vectors, Rows>(x, w, chain, sum, resume), done = true)), ...);
}

struct kernel_set : neon_dot::kernel_set {
  static constexpr isa id = isa::neon_i8mm;
  static constexpr std::string_view compiled_for = NNIESIM_NEON_I8MM_TARGET;
  using tile_rows = std::index_sequence<2, 4, 6, 8, 10>;  // a row alone is left to the dot product

  template <class T>
  static void adjacent(const T* a, const std::int32_t* offset, const T* w, chain_steps chain, std::size_t rows,
                       std::size_t vectors, T* sum) {
    if constexpr (std::same_as<T, std::int32_t>) {
      const adjacent_words x{a, offset};
      if (rows > 1 && vectors == 1) return matrix_rows<1>(tile_rows{}, x, w, chain, rows, sum, false);
      if (rows > 1) return matrix_rows<2>(tile_rows{}, x, w, chain, rows, sum, false);
    }
    neon_dot::kernel_set::adjacent<T>(a, offset, w, chain, rows, vectors, sum);
  }
  template <class T>
  static void strided(const T* a, std::ptrdiff_t stride, const T* w, std::size_t steps, std::size_t rows,
                      std::size_t vectors, T* sum, bool resume) {
    if constexpr (std::same_as<T, std::int32_t>) {
      const strided_words x{a, stride};
      if (rows > 1 && vectors == 1) return matrix_rows<1>(tile_rows{}, x, w, {1, steps, 0}, rows, sum, resume);
      if (rows > 1) return matrix_rows<2>(tile_rows{}, x, w, {1, steps, 0}, rows, sum, resume);
    }
    neon_dot::kernel_set::strided<T>(a, stride, w, steps, rows, vectors, sum, resume);
  }
};

}  // namespace kernels::neon_i8mm

NNIESIM_END_NAMESPACE
#if !defined(__ARM_FEATURE_MATMUL_INT8)
NNIESIM_END_TARGET
#endif

#endif
