// Macros for regions of code compiled for one instruction set whatever the user's flags. Nothing may be included, and
// no template of the outside defined, inside a region; kernels are reached through the table of functions only.
#pragma once

#include <nniesim/kernels/isa.hpp>

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
