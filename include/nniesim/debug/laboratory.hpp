// What lets a diagnosis try things out: a network, and what another run of it was fed with.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nniesim/debug/match_layers.hpp>
#include <nniesim/debug/preprocess_solver.hpp>
#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What lets a diagnosis try things out. All must outlive the call.
struct laboratory {
  const network& net;                                ///< folded, as the other run computed it
  std::vector<tensor_view<const float>> inputs{};    ///< what the other run was fed with
  const activation_ranges& ranges;                   ///< of its layers' inputs
  precision_plan plan{};                             ///< its precisions
  std::vector<known_preprocessing> preprocessing{};  ///< of each input by the cfg; or empty
  executor threads{};
  policy_set policies{};  ///< the plan's, and w8a8 and w16a16, which are tried too
};

/// A runner's values as layers to compare. It must have kept all blobs and outlive the list.
[[nodiscard]] inline std::vector<named_values> layers_of(const network_runner& runner) {
  std::vector<named_values> result;
  for (const layer& l : runner.net().layers) {
    for (std::size_t o = 0; o < l.outputs.size(); ++o) {
      const std::size_t b = l.outputs[o];
      result.push_back({output_name(l, o), runner.net().blobs[b].shape, [&runner, b] {
                          const tensor<float> t = runner.value(b);
                          return std::vector<float>(t.begin(), t.end());
                        }});
    }
  }
  return result;
}

NNIESIM_END_NAMESPACE
