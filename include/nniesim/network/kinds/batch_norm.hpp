// BatchNorm as a layer of its own.
#pragma once

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// Stored statistics, one per channel (axis 1).
struct batch_norm {
  batch_norm_params statistics{};  ///< means, variances, and what else as_affine() takes
};

}  // namespace layers

/// BatchNorm: a factor and a shift for each channel (axis 1).
template <>
struct layer_kind<layers::batch_norm> : basic_kind {
  /// It may always write where its first input stands.
  [[nodiscard]] static bool works_in_place(const layers::batch_norm&) noexcept { return true; }
  /// What the compiler takes in place of a layer of type BN.
  [[nodiscard]] static std::string_view rewrite(std::string_view type, const layers::batch_norm&) noexcept {
    return type == "BN" ? "BatchNorm with count 1, then Scale: the same four blobs" : "";
  }
  /// Two doubles for each channel.
  [[nodiscard]] static std::size_t weights(const layers::batch_norm& p) noexcept {
    return 4 * p.statistics.mean.size();
  }
  /// Counts a factor and a shift for each channel as parameters, and no products.
  static void add_work(const layer_facts&, const tensor_shape&, const layers::batch_norm& p, layer_work& work) {
    work.parameters = 2 * p.statistics.mean.size();
  }
  /// Notes each of these layers: boards were seen to go wrong with a batch normalization of its own.
  static void check_rules(const layer_facts&, const layers::batch_norm&, detail::hardware_rules& rules) {
    rules.require(false, "normalizations merged into the layer before: boards were seen to go wrong here",
                  detail::from_users, "a batch normalization of its own");
  }
  /// One factor and one shift per channel (axis 1), as which the layer before may take it in.
  [[nodiscard]] static std::optional<channel_affine> as_channel_affine(const layers::batch_norm& p) {
    return as_affine(p.statistics);
  }
  /// The shape of its one input, which must have as many channels as there are means.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const layers::batch_norm& p) {
    l.expect_inputs(1);
    (void)as_affine(p.statistics);
    l.expect_values(p.statistics.mean.size(), l.channels(), "means");
    return l.all(l.inputs[0]);
  }
  /// Makes factors and shifts of the statistics: as_affine().
  template <precision_policy P>
  [[nodiscard]] static channel_affine prepare(const layer_facts&, const layers::batch_norm& p) {
    return as_affine(p.statistics);
  }
  /// Multiplies and shifts each channel.
  template <precision_policy P>
  static void run(const layers::batch_norm&, const channel_affine& a, const kind_run<P>& r) {
    detail::run_affine<P>(r.x(), a, 1, r.y(), r.threads);
  }
};

NNIESIM_END_NAMESPACE
