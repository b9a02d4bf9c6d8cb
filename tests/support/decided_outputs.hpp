// Outputs of a network that a post-processing decides on.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <nniesim/debug/postprocess_probe.hpp>

#include "support/random.hpp"

namespace decided_outputs {

using namespace nniesim;

using tensors = std::vector<tensor<float>>;

inline tensor<float> row(const std::vector<float>& v) {
  auto t = make_tensor<float>({1, v.size()});
  std::copy(v.begin(), v.end(), t.data());
  return t;
}
/// The values with an error of the given deviation.
inline tensor<float> off(draws& d, tensor<float> t, float deviation) {
  for (float& v : t) v += d.normal() * deviation;
  return t;
}
inline std::string decide(const postprocessing& p, const tensors& outputs) { return p.decide(outputs); }

}  // namespace decided_outputs
