// Vector kernels of everything between the multiply-accumulate layers: element-wise layers, reductions, pooling and
// comparisons, on layer values (float and q20_12) with float64 in between. Each gives the bits of the scalar loop that
// the operator's header specifies; a NaN stays a NaN, its payload is not specified.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <type_traits>
#include <utility>

#include <nniesim/core/exp.hpp>
#include <nniesim/formats/fixed_point.hpp>
#include <nniesim/kernels/region.hpp>

#if defined(NNIESIM_ARCH_X86)
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the deliberately undefined registers inside its own intrinsics for mistakes.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif

NNIESIM_BEGIN_NAMESPACE

namespace kernels::layerwise {

/// The element types that have kernels.
template <class T>
concept layer_value = std::same_as<T, float> || std::same_as<T, q20_12>;

/// The powers that are made of correctly rounded operations: the k-th power or the root, or one divided by that.
struct exact_power {
  int power;  ///< 1, 2, 3; 0 stands for the square root
  bool reciprocal;
};

/// Windows over rows of a map: rows x columns elements each, `row` elements from one row to the next, neighbouring
/// windows `stride` columns apart.
struct windows {
  std::size_t row, rows, columns, stride;
};

/// How many sums a comparison keeps, and how many interleaved chains each has.
inline constexpr std::size_t comparison_sums = 6;
inline constexpr std::size_t comparison_chains = 8;

}  // namespace kernels::layerwise

NNIESIM_END_NAMESPACE

#if defined(NNIESIM_ARCH_X86)

NNIESIM_BEGIN_TARGET(NNIESIM_AVX2_TARGET)
NNIESIM_BEGIN_NAMESPACE

namespace kernels::layerwise::avx2 {

/// As many 32-bit words as there are lanes of float64.
struct half {
  using reg = __m128i;
  static constexpr std::size_t lanes = 4;
  static reg load(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
  static reg load(const void* p, std::size_t n) { return _mm_maskload_epi32(static_cast<const int*>(p), first(n)); }
  static void store(void* p, reg x) { _mm_storeu_si128(static_cast<__m128i*>(p), x); }
  static void store(void* p, reg x, std::size_t n) { _mm_maskstore_epi32(static_cast<int*>(p), first(n), x); }
  /// Words 0 and 2 of the first, 1 and 3 of the second: every other one of seven where the second begins at the fourth.
  static reg even(reg a, reg b) {
    return _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(a), _mm_castsi128_ps(b), 0xd8));
  }

 private:
  static reg first(std::size_t n) {
    return _mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(n)), _mm_setr_epi32(0, 1, 2, 3));
  }
};

/// A full register of 32-bit words, as layer values of type T.
struct full {
  using reg = __m256i;
  static constexpr std::size_t lanes = 8;
  static reg load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static reg load(const void* p, std::size_t n) { return _mm256_maskload_epi32(static_cast<const int*>(p), first(n)); }
  static void store(void* p, reg x) { _mm256_storeu_si256(static_cast<__m256i*>(p), x); }
  static void store(void* p, reg x, std::size_t n) { _mm256_maskstore_epi32(static_cast<int*>(p), first(n), x); }
  static reg even(reg a, reg b) {
    const __m256 pairs = _mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0xd8);
    return _mm256_permute4x64_epi64(_mm256_castps_si256(pairs), 0xd8);
  }
  static reg zero() { return _mm256_setzero_si256(); }
  template <class T>
  static reg lowest() {
    if constexpr (std::same_as<T, q20_12>) return _mm256_set1_epi32(std::numeric_limits<std::int32_t>::min());
    else return _mm256_castps_si256(_mm256_set1_ps(-std::numeric_limits<float>::infinity()));
  }
  /// a > b ? a : b.
  template <class T>
  static reg larger(reg a, reg b) {
    if constexpr (std::same_as<T, q20_12>) return _mm256_max_epi32(a, b);
    else return _mm256_castps_si256(_mm256_max_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b)));
  }
  /// The layer value of a + b. A sum of two floats rounded to float64 first is the same float.
  template <class T>
  static reg add(reg a, reg b) {
    if constexpr (std::same_as<T, q20_12>) {
      const reg sum = _mm256_add_epi32(a, b);
      const reg overflow = _mm256_andnot_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(a, sum));
      const reg most = _mm256_xor_si256(_mm256_srai_epi32(a, 31), _mm256_set1_epi32(0x7fffffff));
      return _mm256_castps_si256(
          _mm256_blendv_ps(_mm256_castsi256_ps(sum), _mm256_castsi256_ps(most), _mm256_castsi256_ps(overflow)));
    } else {
      return _mm256_castps_si256(_mm256_add_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b)));
    }
  }
  static bool any_nan(reg a, reg b) {
    return _mm256_movemask_ps(_mm256_cmp_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), _CMP_UNORD_Q)) != 0;
  }

 private:
  static reg first(std::size_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
};

struct f64 {
  using reg = __m256d;
  static constexpr std::size_t lanes = 4;
  static reg load(const double* p) { return _mm256_loadu_pd(p); }
  static void store(double* p, reg x) { _mm256_storeu_pd(p, x); }
  static reg set(double x) { return _mm256_set1_pd(x); }
  static reg add(reg a, reg b) { return _mm256_add_pd(a, b); }
  static reg sub(reg a, reg b) { return _mm256_sub_pd(a, b); }
  static reg mul(reg a, reg b) { return _mm256_mul_pd(a, b); }
  static reg div(reg a, reg b) { return _mm256_div_pd(a, b); }
  static reg sqrt(reg a) { return _mm256_sqrt_pd(a); }
  static reg fma(reg a, reg b, reg c) { return _mm256_fmadd_pd(a, b, c); }
  static reg abs(reg a) { return _mm256_andnot_pd(set(-0.0), a); }
  /// a > b ? a : b.
  static reg larger(reg a, reg b) { return _mm256_max_pd(a, b); }
  /// a < b ? a : b.
  static reg smaller(reg a, reg b) { return _mm256_min_pd(a, b); }
  static reg floor(reg a) { return _mm256_floor_pd(a); }
  static reg truncate(reg a) { return _mm256_round_pd(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
  /// 2^n of a whole number from -1022 to 1023, which the sum holds in its last bits.
  static reg power_of_two(reg n) {
    const __m256i biased = _mm256_castpd_si256(add(n, set(0x1p52 + 1023.0)));
    return _mm256_castsi256_pd(_mm256_slli_epi64(biased, 52));
  }
  /// a < b ? yes : no.
  static reg where_less(reg a, reg b, reg yes, reg no) {
    return _mm256_blendv_pd(no, yes, _mm256_cmp_pd(a, b, _CMP_LT_OQ));
  }
  static reg where_positive(reg a, reg yes, reg no) {
    return _mm256_blendv_pd(no, yes, _mm256_cmp_pd(a, _mm256_setzero_pd(), _CMP_GT_OQ));
  }
  /// +0 where a is zero, else b.
  static reg zero_where_zero(reg a, reg b) {
    return _mm256_and_pd(_mm256_cmp_pd(a, _mm256_setzero_pd(), _CMP_NEQ_UQ), b);
  }
  template <class T>
  static reg value(half::reg w) {
    if constexpr (std::same_as<T, q20_12>) return mul(_mm256_cvtepi32_pd(w), set(0x1p-12));
    else return _mm256_cvtps_pd(_mm_castsi128_ps(w));
  }
  /// Written as a layer does: the nearest float, or floor(x * 4096), saturated, and 0 for NaN.
  template <class T>
  static half::reg code(reg x) {
    if constexpr (std::same_as<T, q20_12>) {
      const reg number = _mm256_and_pd(x, _mm256_cmp_pd(x, x, _CMP_ORD_Q));
      const reg steps = _mm256_min_pd(mul(number, set(4096.0)), set(2147483647.0));
      return _mm256_cvtpd_epi32(_mm256_floor_pd(steps));  // too low: INT_MIN
    } else {
      return _mm_castps_si128(_mm256_cvtpd_ps(x));
    }
  }
};

#include <nniesim/kernels/generic/blocks.inl>
#include <nniesim/kernels/generic/layerwise.inl>

}  // namespace kernels::layerwise::avx2

NNIESIM_END_NAMESPACE
NNIESIM_END_TARGET

NNIESIM_BEGIN_TARGET(NNIESIM_AVX512_TARGET)
NNIESIM_BEGIN_NAMESPACE

namespace kernels::layerwise::avx512 {

struct half {
  using reg = __m256i;
  static constexpr std::size_t lanes = 8;
  static reg load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static reg load(const void* p, std::size_t n) { return _mm256_maskz_loadu_epi32(first(n), p); }
  static void store(void* p, reg x) { _mm256_storeu_si256(static_cast<__m256i*>(p), x); }
  static void store(void* p, reg x, std::size_t n) { _mm256_mask_storeu_epi32(p, first(n), x); }
  static reg even(reg a, reg b) {
    return _mm256_permutex2var_epi32(a, _mm256_setr_epi32(0, 2, 4, 6, 9, 11, 13, 15), b);
  }

 private:
  static __mmask8 first(std::size_t n) { return static_cast<__mmask8>((1U << n) - 1U); }
};

struct full {
  using reg = __m512i;
  static constexpr std::size_t lanes = 16;
  static reg load(const void* p) { return _mm512_loadu_si512(p); }
  static reg load(const void* p, std::size_t n) { return _mm512_maskz_loadu_epi32(first(n), p); }
  static void store(void* p, reg x) { _mm512_storeu_si512(p, x); }
  static void store(void* p, reg x, std::size_t n) { _mm512_mask_storeu_epi32(p, first(n), x); }
  static reg even(reg a, reg b) {
    const reg index = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31);
    return _mm512_permutex2var_epi32(a, index, b);
  }
  static reg zero() { return _mm512_setzero_si512(); }
  template <class T>
  static reg lowest() {
    if constexpr (std::same_as<T, q20_12>) return _mm512_set1_epi32(std::numeric_limits<std::int32_t>::min());
    else return _mm512_castps_si512(_mm512_set1_ps(-std::numeric_limits<float>::infinity()));
  }
  template <class T>
  static reg larger(reg a, reg b) {
    if constexpr (std::same_as<T, q20_12>) return _mm512_max_epi32(a, b);
    else return _mm512_castps_si512(_mm512_max_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b)));
  }
  template <class T>
  static reg add(reg a, reg b) {
    if constexpr (std::same_as<T, q20_12>) {
      const reg sum = _mm512_add_epi32(a, b);
      const reg overflow = _mm512_andnot_si512(_mm512_xor_si512(a, b), _mm512_xor_si512(a, sum));
      const reg most = _mm512_xor_si512(_mm512_srai_epi32(a, 31), _mm512_set1_epi32(0x7fffffff));
      return _mm512_mask_mov_epi32(sum, _mm512_movepi32_mask(overflow), most);
    } else {
      return _mm512_castps_si512(_mm512_add_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b)));
    }
  }
  static bool any_nan(reg a, reg b) {
    return _mm512_cmp_ps_mask(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), _CMP_UNORD_Q) != 0;
  }

 private:
  static __mmask16 first(std::size_t n) { return static_cast<__mmask16>((1U << n) - 1U); }
};

struct f64 {
  using reg = __m512d;
  static constexpr std::size_t lanes = 8;
  static reg load(const double* p) { return _mm512_loadu_pd(p); }
  static void store(double* p, reg x) { _mm512_storeu_pd(p, x); }
  static reg set(double x) { return _mm512_set1_pd(x); }
  static reg add(reg a, reg b) { return _mm512_add_pd(a, b); }
  static reg sub(reg a, reg b) { return _mm512_sub_pd(a, b); }
  static reg mul(reg a, reg b) { return _mm512_mul_pd(a, b); }
  static reg div(reg a, reg b) { return _mm512_div_pd(a, b); }
  static reg sqrt(reg a) { return _mm512_sqrt_pd(a); }
  static reg fma(reg a, reg b, reg c) { return _mm512_fmadd_pd(a, b, c); }
  static reg abs(reg a) { return _mm512_abs_pd(a); }
  static reg larger(reg a, reg b) { return _mm512_max_pd(a, b); }
  static reg smaller(reg a, reg b) { return _mm512_min_pd(a, b); }
  // GCC without optimization makes a macro of the intrinsic, whose mask of ones then warns in whoever includes this.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
  static reg floor(reg a) { return _mm512_roundscale_pd(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
  static reg truncate(reg a) { return _mm512_roundscale_pd(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
#pragma GCC diagnostic pop
  static reg power_of_two(reg n) {
    const __m512i biased = _mm512_castpd_si512(add(n, set(0x1p52 + 1023.0)));
    return _mm512_castsi512_pd(_mm512_slli_epi64(biased, 52));
  }
  static reg where_less(reg a, reg b, reg yes, reg no) {
    return _mm512_mask_blend_pd(_mm512_cmp_pd_mask(a, b, _CMP_LT_OQ), no, yes);
  }
  static reg where_positive(reg a, reg yes, reg no) {
    return _mm512_mask_blend_pd(_mm512_cmp_pd_mask(a, _mm512_setzero_pd(), _CMP_GT_OQ), no, yes);
  }
  static reg zero_where_zero(reg a, reg b) {
    return _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(a, _mm512_setzero_pd(), _CMP_NEQ_UQ), b);
  }
  template <class T>
  static reg value(half::reg w) {
    if constexpr (std::same_as<T, q20_12>) return mul(_mm512_cvtepi32_pd(w), set(0x1p-12));
    else return _mm512_cvtps_pd(_mm256_castsi256_ps(w));
  }
  template <class T>
  static half::reg code(reg x) {
    if constexpr (std::same_as<T, q20_12>) {
      const __mmask8 number = _mm512_cmp_pd_mask(x, x, _CMP_ORD_Q);
      const reg steps = _mm512_maskz_min_pd(number, mul(x, set(4096.0)), set(2147483647.0));
      return _mm512_cvt_roundpd_epi32(steps, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);  // too low: INT_MIN
    } else {
      return _mm256_castps_si256(_mm512_cvtpd_ps(x));
    }
  }
};

#include <nniesim/kernels/generic/blocks.inl>
#include <nniesim/kernels/generic/layerwise.inl>

}  // namespace kernels::layerwise::avx512

NNIESIM_END_NAMESPACE
NNIESIM_END_TARGET

#endif

NNIESIM_BEGIN_NAMESPACE

namespace kernels::layerwise {

/// Calls run(set) with the set of the active instruction set, void where there is none for it; false without one.
template <class Avx512, class Avx2, class Neon, class Run>
[[nodiscard]] bool run_one_of([[maybe_unused]] Run run) {
  [[maybe_unused]] const isa i = active_isa();
  const auto try_set = [&]<class Set>(std::type_identity<Set>, auto one, auto other) {
    using nniesim::detail::is_compiled;
    if constexpr (!std::is_void_v<Set> && (is_compiled(one()) || is_compiled(other()))) {
      if (i != one() && i != other()) return false;
      run(Set{});
      return true;
    } else {
      return false;
    }
  };
  return try_set(
             std::type_identity<Avx512>{}, [] { return isa::avx512; }, [] { return isa::avx512_vnni; }) ||
         try_set(
             std::type_identity<Avx2>{}, [] { return isa::avx2; }, [] { return isa::avx_vnni; }) ||
         try_set(
             std::type_identity<Neon>{}, [] { return isa::neon; }, [] { return isa::neon_dot; });
}

/// Calls run(kernel_set) with the kernels of the active instruction set. False where it has none (scalar, NEON): the
/// caller then takes the specification's loop.
template <class Run>
[[nodiscard]] bool run([[maybe_unused]] Run run) {
#if defined(NNIESIM_ARCH_X86)
  return run_one_of<avx512::kernel_set, avx2::kernel_set, void>(run);
#else
  return false;
#endif
}

}  // namespace kernels::layerwise

NNIESIM_END_NAMESPACE
