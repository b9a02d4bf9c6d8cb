// Kernels for AArch64 with the 8-bit dot product (an option from Armv8.2 on); everything else is NEON's.
#pragma once

#include <nniesim/kernels/neon.hpp>

#if defined(NNIESIM_ARCH_ARM)

// A processor named by the user's flags that has the instruction may have more: it is left as it is.
#if !defined(__ARM_FEATURE_DOTPROD)
NNIESIM_BEGIN_TARGET(NNIESIM_NEON_DOT_TARGET)
#endif
NNIESIM_BEGIN_NAMESPACE

namespace kernels::neon_dot {

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

#include <nniesim/kernels/generic/tiles.inl>

struct kernel_set : neon::kernel_set {
  static constexpr isa id = isa::neon_dot;

  template <class T>
  static void adjacent(const T* a, const std::int32_t* offset, const T* w, chain_steps chain, std::size_t rows,
                       std::size_t vectors, T* sum) {
    if constexpr (!std::same_as<T, std::int32_t>) {
      neon::kernel_set::adjacent<T>(a, offset, w, chain, rows, vectors, sum);
    } else if (vectors == 1) {
      adjacent_rows<i8x4, 1>(neon::tile_rows{}, a, offset, w, chain, rows, sum);
    } else {
      adjacent_rows<i8x4, 2>(neon::tile_rows{}, a, offset, w, chain, rows, sum);
    }
  }
  template <class T>
  static void strided(const T* a, std::ptrdiff_t stride, const T* w, std::size_t steps, std::size_t rows,
                      std::size_t vectors, T* sum, bool resume) {
    if constexpr (!std::same_as<T, std::int32_t>) {
      neon::kernel_set::strided<T>(a, stride, w, steps, rows, vectors, sum, resume);
    } else if (vectors == 1) {
      strided_rows<i8x4, 1>(neon::tile_rows{}, a, stride, w, steps, rows, sum, resume);
    } else {
      strided_rows<i8x4, 2>(neon::tile_rows{}, a, stride, w, steps, rows, sum, resume);
    }
  }
};

}  // namespace kernels::neon_dot

NNIESIM_END_NAMESPACE
#if !defined(__ARM_FEATURE_DOTPROD)
NNIESIM_END_TARGET
#endif

#endif
