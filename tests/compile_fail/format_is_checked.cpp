// A type that is no format is refused by name.
// expected: satisfaction of .quantized_format<Weights>|does not satisfy 'quantized_format'
#include <nniesim/precision/policy.hpp>

#if defined(MUST_FAIL)
using format = float;
#else
using format = nniesim::gfpq16;
#endif

using policy = nniesim::precision<format, nniesim::gfpq8, nniesim::fp32_chain, nniesim::q20_12>;
policy p;
