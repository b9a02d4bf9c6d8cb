// NNIESIM_DCHECK: internal invariants, checked unless NDEBUG or NNIESIM_NO_DCHECK is defined, and then gone (never
// "unreachable").
#pragma once

#include <nniesim/core/error.hpp>

#if defined(NNIESIM_NO_DCHECK)
#define NNIESIM_DCHECK(condition)                   \
  do {                                              \
    static_cast<void>(sizeof((condition) ? 1 : 0)); \
  } while (0)
#else
#define NNIESIM_DCHECK(condition)                                                                       \
  do {                                                                                                  \
    ::nniesim::detail::require<::nniesim::error>(static_cast<bool>(condition), __FILE__, ":", __LINE__, \
                                                 ": internal check failed: " #condition);               \
  } while (0)
#endif
