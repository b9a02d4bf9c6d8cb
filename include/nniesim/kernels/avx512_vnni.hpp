// Kernels for AVX-512 with VNNI: the 8-bit dot product; everything else is AVX-512's.
#pragma once

#include <nniesim/kernels/avx512.hpp>

#if defined(NNIESIM_ARCH_X86)

#define NNIESIM_AVX512_VNNI_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma"

NNIESIM_BEGIN_TARGET(NNIESIM_AVX512_VNNI_TARGET)
NNIESIM_BEGIN_NAMESPACE

namespace kernels::avx512_vnni {

namespace base = kernels::avx512;

/// Products of four signed bytes (weights) with four unsigned ones (activations), summed in 32 bits without saturation.
struct i8x4 : base::i16x2 {
  static reg fma(reg w, reg x, reg sum) {
    // In assembly: at -O3 GCC 12 takes tiles of the intrinsic apart and halves their speed.
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
  }
};

/// The same of two signed 16-bit integers each.
struct i16x2 : base::i16x2 {
  static reg fma(reg a, reg b, reg c) {
    asm("vpdpwssd %2, %1, %0" : "+v"(c) : "v"(b), "v"(a));
    return c;
  }
};

inline constexpr word_packing packing{4, 128};
inline constexpr std::string_view target = NNIESIM_AVX512_VNNI_TARGET;
inline constexpr isa this_isa = isa::avx512_vnni;

#include <nniesim/kernels/generic/dot_kernel_set.inl>

}  // namespace kernels::avx512_vnni

NNIESIM_END_NAMESPACE
NNIESIM_END_TARGET

#endif
