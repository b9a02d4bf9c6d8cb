// Whose rounding would a product of two rules have?
// expected alone: fixed-point numbers of different rounding or overflow rules do not mix
#include <nniesim/formats/fixed_point.hpp>

using a = nniesim::fixed_point<8, 8, nniesim::floor_rounding, nniesim::saturate>;
#if defined(MUST_FAIL)
using b = nniesim::fixed_point<8, 8, nniesim::nearest_even, nniesim::saturate>;
#else
using b = a;
#endif

auto use(a x, b y) { return x * y; }
