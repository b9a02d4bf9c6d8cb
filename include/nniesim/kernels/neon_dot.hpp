// Kernels for AArch64 with the 8-bit dot product (an option from Armv8.2 on); everything else is NEON's.
#pragma once

#include <nniesim/kernels/neon.hpp>

#if defined(NNIESIM_ARCH_ARM)

#if defined(__clang__)
#define NNIESIM_NEON_DOT_TARGET "dotprod"
#else
#define NNIESIM_NEON_DOT_TARGET "arch=armv8.2-a+dotprod"
#endif

// A processor named by the user's flags that has the instruction may have more: it is left as it is.
#if !defined(__ARM_FEATURE_DOTPROD)
NNIESIM_BEGIN_TARGET(NNIESIM_NEON_DOT_TARGET)
#endif
NNIESIM_BEGIN_NAMESPACE

namespace kernels::neon_dot {

namespace base = kernels::neon;

/// Products of four signed bytes, summed in 32 bits. Without intrinsics: GCC inlines those into this region only where
/// the user's flags name no feature beside the region's.
struct i8x4 {
  using element = std::int32_t;
  using reg = int32x4_t;
  static constexpr std::size_t lanes = 4;
  static reg zero() { return reg{}; }
  static reg load(const std::int32_t* p) {
    reg x;
    std::memcpy(&x, p, sizeof x);
    return x;
  }
  static void store(std::int32_t* p, reg x) { std::memcpy(p, &x, sizeof x); }
  static reg set(std::int32_t x) { return reg{x, x, x, x}; }
  static reg fma(reg w, reg x, reg sum) {
    // In assembly: not every compiler has the intrinsic without a flag of its own.
    asm("sdot %0.4s, %1.16b, %2.16b" : "+w"(sum) : "w"(w), "w"(x));
    return sum;
  }
};

using base::i16x2;
using base::packing;
inline constexpr std::string_view target = NNIESIM_NEON_DOT_TARGET;
inline constexpr isa this_isa = isa::neon_dot;

#include <nniesim/kernels/generic/dot_kernel_set.inl>

}  // namespace kernels::neon_dot

NNIESIM_END_NAMESPACE
#if !defined(__ARM_FEATURE_DOTPROD)
NNIESIM_END_TARGET
#endif

#endif
