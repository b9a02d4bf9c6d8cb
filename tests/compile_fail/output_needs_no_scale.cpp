// What a layer writes must stand alone: a format with a scale cannot be an output.
// expected: satisfaction of .codes_without_scale<F>|does not satisfy 'codes_without_scale'
#include <nniesim/precision/policy.hpp>

#if defined(MUST_FAIL)
using output = nniesim::gfpq8;
#else
using output = nniesim::q20_12;
#endif

using policy = nniesim::precision<nniesim::gfpq8, nniesim::gfpq8, nniesim::fp32_chain, output>;
policy p;
