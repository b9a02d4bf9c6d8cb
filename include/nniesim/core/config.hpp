// Refuses compilers and flags under which the results could not be exact, and opens the library's namespace: an inline
// namespace per version, instruction set and build kind, so that differently configured objects never share a symbol.
#pragma once

#include <cfloat>
#include <climits>
#include <limits>

#include <nniesim/core/mingw_math.hpp>
#include <nniesim/core/version.hpp>

#if __cplusplus < 202002L
#error "nniesim needs C++20"
#endif

#if !defined(__cpp_exceptions)
#error "nniesim reports errors by exceptions: build without -fno-exceptions"
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
#elif defined(__ARM_FEATURE_MATMUL_INT8)
#define NNIESIM_BUILD_ISA neoni8mm
#elif defined(__ARM_FEATURE_DOTPROD)
#define NNIESIM_BUILD_ISA neondot
#else
#define NNIESIM_BUILD_ISA base
#endif

// Internal invariants are checked (core/check.hpp) without NDEBUG, unless NNIESIM_NO_DCHECK is defined: by programs
// that link operators which were compiled so.
#if defined(NDEBUG) && !defined(NNIESIM_NO_DCHECK)
#define NNIESIM_NO_DCHECK
#endif
#if defined(NNIESIM_NO_DCHECK)
#define NNIESIM_BUILD_KIND release
#else
#define NNIESIM_BUILD_KIND debug
#endif

#define NNIESIM_PASTE4_(a, b, c, d) v##a##_##b##_##c##_##d
#define NNIESIM_PASTE4(a, b, c, d) NNIESIM_PASTE4_(a, b, c, d)
#define NNIESIM_ABI NNIESIM_PASTE4(NNIESIM_VERSION_MAJOR, NNIESIM_VERSION_MINOR, NNIESIM_BUILD_ISA, NNIESIM_BUILD_KIND)

// Warnings of programs that include the headers which are not meant for a library of exact numbers: it compares floats
// for equality on purpose, leaves out the default where a switch has all cases, so that compilers tell a forgotten one,
// computes in double in between, and casts to types that are what they cast from on some platforms or for some
// template arguments.
#if defined(__clang__)
#if __has_warning("-Wswitch-default")
#define NNIESIM_SWITCH_DEFAULT _Pragma("clang diagnostic ignored \"-Wswitch-default\"")
#else
#define NNIESIM_SWITCH_DEFAULT
#endif
#define NNIESIM_BEGIN_OWN_WARNINGS                                                                                     \
  _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \"-Wfloat-equal\"")                               \
      _Pragma("clang diagnostic ignored \"-Wswitch-enum\"") _Pragma("clang diagnostic ignored \"-Wdouble-promotion\"") \
          _Pragma("clang diagnostic ignored \"-Wzero-as-null-pointer-constant\"") NNIESIM_SWITCH_DEFAULT
#define NNIESIM_END_OWN_WARNINGS _Pragma("clang diagnostic pop")
#elif defined(__GNUC__)
#define NNIESIM_BEGIN_OWN_WARNINGS                                                                               \
  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wfloat-equal\"")                             \
      _Pragma("GCC diagnostic ignored \"-Wswitch-default\"") _Pragma("GCC diagnostic ignored \"-Wswitch-enum\"") \
          _Pragma("GCC diagnostic ignored \"-Wuseless-cast\"")                                                   \
              _Pragma("GCC diagnostic ignored \"-Wdouble-promotion\"")                                           \
                  _Pragma("GCC diagnostic ignored \"-Wzero-as-null-pointer-constant\"")
#define NNIESIM_END_OWN_WARNINGS _Pragma("GCC diagnostic pop")
#else
#define NNIESIM_BEGIN_OWN_WARNINGS
#define NNIESIM_END_OWN_WARNINGS
#endif

#define NNIESIM_BEGIN_NAMESPACE \
  NNIESIM_BEGIN_OWN_WARNINGS    \
  namespace nniesim {           \
  inline namespace NNIESIM_ABI {
#define NNIESIM_END_NAMESPACE \
  }                           \
  }                           \
  NNIESIM_END_OWN_WARNINGS
