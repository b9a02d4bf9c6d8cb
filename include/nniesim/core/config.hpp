// Refuses compilers and flags under which the results could not be exact, and opens the library's namespace: an inline
// namespace per version, instruction set and build kind, so that differently configured objects never share a symbol.
#pragma once

#include <cfloat>
#include <climits>
#include <limits>

#include <nniesim/core/version.hpp>

#if __cplusplus < 202002L
#error "nniesim needs C++20"
#endif

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    defined(__NO_SIGNED_ZEROS__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0)
#error "nniesim computes exact bits: build without -ffast-math, -Ofast and their parts"
#endif

#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "nniesim needs float arithmetic in float (FLT_EVAL_METHOD 0): on 32-bit x86 use -msse2 -mfpmath=sse"
#endif

static_assert(std::numeric_limits<float>::is_iec559 && std::numeric_limits<double>::is_iec559,
              "nniesim needs IEEE 754 binary32 and binary64");
static_assert(CHAR_BIT == 8 && sizeof(int) == 4);

// The instruction set that the compiler may use in plain inline code.
#if defined(__AVX512VNNI__)
#define NNIESIM_BUILD_ISA avx512vnni
#elif defined(__AVX512F__)
#define NNIESIM_BUILD_ISA avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define NNIESIM_BUILD_ISA avx2fma
#elif defined(__AVX2__)
#define NNIESIM_BUILD_ISA avx2
#elif defined(__AVX__) && defined(__FMA__)
#define NNIESIM_BUILD_ISA avxfma
#elif defined(__AVX__)
#define NNIESIM_BUILD_ISA avx
#elif defined(__SSE4_1__)
#define NNIESIM_BUILD_ISA sse4
#elif defined(__ARM_FEATURE_DOTPROD)
#define NNIESIM_BUILD_ISA neondot
#else
#define NNIESIM_BUILD_ISA base
#endif

#if defined(NDEBUG)
#define NNIESIM_BUILD_KIND release
#else
#define NNIESIM_BUILD_KIND debug
#endif

#define NNIESIM_PASTE4_(a, b, c, d) v##a##_##b##_##c##_##d
#define NNIESIM_PASTE4(a, b, c, d) NNIESIM_PASTE4_(a, b, c, d)
#define NNIESIM_ABI NNIESIM_PASTE4(NNIESIM_VERSION_MAJOR, NNIESIM_VERSION_MINOR, NNIESIM_BUILD_ISA, NNIESIM_BUILD_KIND)

#define NNIESIM_BEGIN_NAMESPACE \
  namespace nniesim {           \
  inline namespace NNIESIM_ABI {
#define NNIESIM_END_NAMESPACE \
  }                           \
  }
