// What lets a diagnosis try things out: a network, and what another run of it was fed with.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nniesim/debug/match_layers.hpp>
#include <nniesim/debug/preprocess_solver.hpp>
#include <nniesim/network/blob_storage.hpp>
#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The pictures of the cfg's lists, for replays. Functions may be empty: what they would give is not at hand.
struct picture_lists {
  std::size_t count = 0;   ///< entries of each list
  std::size_t chosen = 0;  ///< the entry that both runs are said to have seen; `count` where it is none of them
  std::function<std::string(std::size_t entry)> name{};  ///< of an entry, to be shown
  /// Before it is resized and normalized; nothing for an entry that is no picture.
  std::function<std::optional<image>(std::size_t input, std::size_t entry)> read{};
  std::function<std::vector<tensor<float>>(std::size_t entry)> inputs{};  ///< as the network is given them
};

/// What lets a diagnosis try things out. All must outlive the call.
struct experiment_context {
  const network& net;                                ///< folded, as the other run computed it
  std::vector<tensor_view<const float>> inputs{};    ///< what the other run was fed with
  const activation_ranges& ranges;                   ///< of its blobs
  precision_plan plan{};                             ///< its precisions
  std::vector<known_preprocessing> preprocessing{};  ///< of each input by the cfg; or empty
  executor threads{};                                ///< for what is tried out
  policy_set policies{};     ///< the plan's; and others with more or fewer bits, which are tried where these do not do
  picture_lists pictures{};  ///< for replays with other pictures
};

/// Whether a policy has more bits than another, of weights, of activations or of both, and fewer of neither.
[[nodiscard]] constexpr bool is_finer(layer_precision a, layer_precision b) noexcept {
  const int weights = a.weight_bits() - b.weight_bits(), activations = a.activation_bits() - b.activation_bits();
  return weights >= 0 && activations >= 0 && weights + activations > 0;
}

/// What a layer can have in place of a precision: the policies of a set that have more or fewer bits (is_finer), encode
/// as it does and write the same. In the set's order.
[[nodiscard]] inline std::vector<layer_precision> other_precisions(const policy_set& policies,
                                                                   layer_precision planned) {
  std::vector<layer_precision> result;
  if (!planned.encodes()) return result;
  for (const layer_precision p : policies.names()) {
    const bool fits =
        p.encodes() && p.writes_floats() == planned.writes_floats() && p.writes_q20_12() == planned.writes_q20_12();
    if (fits && (is_finer(p, planned) || is_finer(planned, p))) result.push_back(p);
  }
  return result;
}

/// Of those with more bits the one with the most, the first of equal ones; none: more cannot be had.
[[nodiscard]] inline std::optional<layer_precision> finest_precision(const policy_set& policies,
                                                                     layer_precision planned) {
  std::optional<layer_precision> best;
  for (const layer_precision p : other_precisions(policies, planned)) {
    if (is_finer(p, planned) && (!best || is_finer(p, *best))) best = p;
  }
  return best;
}

/// Whether a layer that reads codes can have more bits than it is planned to have: in compile_mode 1 none can.
[[nodiscard]] inline bool can_have_more_bits(const experiment_context& lab) {
  for (std::size_t l = 0; l < lab.net.layers.size(); ++l) {
    const layer_precision planned = lab.plan.layers[l];
    if (planned.encodes() && reads_codes(lab.net.layers[l]) && finest_precision(lab.policies, planned)) return true;
  }
  return false;
}

/// Whether ranges give a policy its scales: those that are given do so in their own formats alone.
[[nodiscard]] inline bool have_scales(const activation_ranges& ranges, const network_policy& policy) {
  try {
    for (const auto& [blob, range] : ranges.blobs) policy.encode_activations(std::span<const float>(), range, {});
  } catch (const format_error&) {
    return false;
  }
  return true;
}

/// "8 bits", "4-bit weights and 12-bit activations".
[[nodiscard]] inline std::string bits_text(layer_precision p) {
  if (p.weight_bits() == p.activation_bits()) return detail::message(p.weight_bits(), " bits");
  return detail::message(p.weight_bits(), "-bit weights and ", p.activation_bits(), "-bit activations");
}

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
