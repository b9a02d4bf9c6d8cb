// NNIESIM_DCHECK: internal invariants, checked in builds without NDEBUG and gone (never "unreachable") in the others.
#pragma once

#include <nniesim/core/error.hpp>

#if defined(NDEBUG)
#define NNIESIM_DCHECK(condition) \
  do {                            \
  } while (0)
#else
#define NNIESIM_DCHECK(condition)                                                                                \
  do {                                                                                                           \
    if (!(condition)) throw ::nniesim::error(::nniesim::detail::concat(__FILE__, ":", __LINE__, ": internal check failed: ", \
                                                                       #condition));                             \
  } while (0)
#endif
