// The part that a policy of one's own lacks is named.
// expected: satisfaction of .output<P>. \[with P = mine\]|'mine' does not satisfy 'output'
#include <nniesim/ops/conv2d.hpp>

using namespace nniesim;

struct mine {
  using weights = gfpq8;
  using activations = gfpq16;
  using accumulator = fp32_chain;
#if !defined(MUST_FAIL)
  using output = q20_12;
#endif
};

auto use(const tensor<float>& x, const tensor<float>& w) { return conv2d<mine>(x, w, no_bias); }
