// Kernels for AVX2 with AVX-VNNI: the 8-bit dot product; everything else is AVX2's.
#pragma once

#include <nniesim/kernels/avx2.hpp>

#if defined(NNIESIM_ARCH_X86)

NNIESIM_BEGIN_TARGET(NNIESIM_AVX2_TARGET)
NNIESIM_BEGIN_NAMESPACE

namespace kernels::avx_vnni {

namespace base = kernels::avx2;

/// Products of four signed bytes (weights) with four unsigned ones (activations), summed in 32 bits without saturation.
struct i8x4 : base::i16x2 {
  static reg fma(reg w, reg x, reg sum) {
    // In assembly: no compiler flag or intrinsic of its own is needed.
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w));
    return sum;
  }
};

/// The same of two signed 16-bit integers each.
struct i16x2 : base::i16x2 {
  static reg fma(reg a, reg b, reg c) {
    asm("%{vex%} vpdpwssd %2, %1, %0" : "+x"(c) : "x"(b), "x"(a));
    return c;
  }
};

inline constexpr word_packing packing{4, 128};
inline constexpr std::string_view target = NNIESIM_AVX2_TARGET;
inline constexpr isa this_isa = isa::avx_vnni;

#include <nniesim/kernels/generic/dot_kernel_set.inl>

}  // namespace kernels::avx_vnni

NNIESIM_END_NAMESPACE
NNIESIM_END_TARGET

#endif
