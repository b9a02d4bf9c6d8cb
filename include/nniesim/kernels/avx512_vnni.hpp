// Kernels for AVX-512 with VNNI: the 8-bit dot product; everything else is AVX-512's.
#pragma once

#include <nniesim/kernels/avx512.hpp>

#if defined(NNIESIM_ARCH_X86)

NNIESIM_BEGIN_TARGET(NNIESIM_AVX512_VNNI_TARGET)
NNIESIM_BEGIN_NAMESPACE

namespace kernels::avx512_vnni {

/// Products of four signed bytes (weights) with four unsigned ones (activations), summed in 32 bits without saturation.
struct i8x4 {
  using element = std::int32_t;
  using reg = __m512i;
  static constexpr std::size_t lanes = 16;
  static reg zero() { return _mm512_setzero_si512(); }
  static reg load(const std::int32_t* p) { return _mm512_loadu_si512(p); }
  static void store(std::int32_t* p, reg x) { _mm512_storeu_si512(p, x); }
  static reg set(std::int32_t x) { return _mm512_set1_epi32(x); }
  static reg fma(reg w, reg x, reg sum) {
    // In assembly: at -O3 GCC 12 takes tiles of the intrinsic apart and halves their speed.
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
  }
};

/// The same of two signed 16-bit integers each.
struct i16x2 : avx512::i16x2 {
  static reg fma(reg a, reg b, reg c) {
    asm("vpdpwssd %2, %1, %0" : "+v"(c) : "v"(b), "v"(a));
    return c;
  }
};

#include <nniesim/kernels/generic/tiles.inl>

struct kernel_set : avx512::kernel_set {
  static constexpr isa id = isa::avx512_vnni;
  static constexpr word_packing words{4, 128};

  template <class T>
  static void adjacent(const T* a, const std::int32_t* offset, const T* w, chain_steps chain, std::size_t rows,
                       std::size_t vectors, T* sum) {
    if constexpr (!std::same_as<T, std::int32_t>) {
      avx512::kernel_set::adjacent<T>(a, offset, w, chain, rows, vectors, sum);
    } else if (vectors == 1) {
      adjacent_rows<i8x4, 1>(avx512::tile_rows{}, a, offset, w, chain, rows, sum);
    } else {
      adjacent_rows<i8x4, 2>(avx512::tile_rows{}, a, offset, w, chain, rows, sum);
    }
  }
  template <class T>
  static void strided(const T* a, std::ptrdiff_t stride, const T* w, std::size_t steps, std::size_t rows,
                      std::size_t vectors, T* sum, bool resume) {
    if constexpr (!std::same_as<T, std::int32_t>) {
      avx512::kernel_set::strided<T>(a, stride, w, steps, rows, vectors, sum, resume);
    } else if (vectors == 1) {
      strided_rows<i8x4, 1>(avx512::tile_rows{}, a, stride, w, steps, rows, sum, resume);
    } else {
      strided_rows<i8x4, 2>(avx512::tile_rows{}, a, stride, w, steps, rows, sum, resume);
    }
  }
  template <class At>
  static void split(At at, const std::int32_t* w, std::size_t steps, std::size_t rows, std::size_t vectors,
                    std::int64_t* sum, bool resume) {
    split_sums<i16x2>(avx512::split_tile_rows{}, at, w, steps, rows, vectors, sum, resume);
  }
};

}  // namespace kernels::avx512_vnni

NNIESIM_END_NAMESPACE
NNIESIM_END_TARGET

#endif
