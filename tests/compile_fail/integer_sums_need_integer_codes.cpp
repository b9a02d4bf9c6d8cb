// An integer accumulator cannot sum log-domain codes.
// expected: satisfaction of .accumulates<|'accumulates<.*' evaluated to false
#include <nniesim/precision/policy.hpp>

#if defined(MUST_FAIL)
using format = nniesim::gfpq8;
#else
using format = nniesim::uniform8;
#endif

using policy = nniesim::precision<format, format, nniesim::exact_int32, nniesim::q20_12>;
policy p;
