// The network that the project carries and its pictures, ready to be evaluated.
#pragma once

#include <nniesim/debug/evaluation.hpp>
#include <nniesim/debug/evaluation_identity.hpp>
#include <nniesim/debug/evaluation_pictures.hpp>

namespace test_networks {

using namespace nniesim;

/// The carried network on its own pictures.
struct evaluated_network {
  loaded_network loaded{{.cfg = NNIESIM_SOURCE_DIR "/examples/feature_norm/network/feature_norm.cfg"}};
  precision_plan plan = plan_of(loaded.net(), compile_mode::all_8bit);
  activation_ranges ranges = loaded.ranges("", plan);
  evaluation_pictures pictures = pictures_of({}, loaded);

  [[nodiscard]] evaluation_problem problem() const {
    evaluation_problem p{.net = loaded.net(), .plan = plan, .ranges = ranges};
    p.identity = identity_of(loaded);
    p.decisions.push_back(postprocess::top_k(1));
    return p;
  }
};

}  // namespace test_networks
