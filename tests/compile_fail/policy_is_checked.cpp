// A wrong policy is one readable line that names the concept.
// expected: satisfaction of .activations<P>|does not satisfy 'activations'
#include <nniesim/ops/fully_connected.hpp>

struct half_a_policy {
  using weights = nniesim::gfpq8;
};

#if defined(MUST_FAIL)
using policy = half_a_policy;
#else
using policy = nniesim::w8a8;
#endif

auto use(const nniesim::fully_connected_layer<policy>& layer) { return sizeof layer; }
