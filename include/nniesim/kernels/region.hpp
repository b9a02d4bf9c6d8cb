// Macros for regions of code compiled for one instruction set whatever the user's flags, and the intrinsics. Nothing
// may be included, and no template of the outside defined, inside a region; kernels are reached through the table of
// functions only.
#pragma once

#include <nniesim/kernels/isa.hpp>

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
#elif defined(NNIESIM_ARCH_ARM)
#include <arm_neon.h>
#endif

#define NNIESIM_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define NNIESIM_BEGIN_TARGET(features) \
  NNIESIM_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define NNIESIM_END_TARGET NNIESIM_PRAGMA(clang attribute pop)
#define NNIESIM_UNROLL _Pragma("unroll")
#else
#define NNIESIM_BEGIN_TARGET(features) NNIESIM_PRAGMA(GCC push_options) NNIESIM_PRAGMA(GCC target(features))
#define NNIESIM_END_TARGET NNIESIM_PRAGMA(GCC pop_options)
#define NNIESIM_UNROLL _Pragma("GCC unroll 32")
#endif

// Keeps compilers from loading a vector anew for each operation that takes it.
#if defined(NNIESIM_ARCH_ARM)
#define NNIESIM_IN_REGISTER(x) asm("" : "+w"(x))
#else
#define NNIESIM_IN_REGISTER(x) asm("" : "+v"(x))
#endif
