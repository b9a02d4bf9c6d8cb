// One layer of a network by itself: what it gives for the floats that it is fed with, in any precision and range.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A layer, its weights prepared once. `net` must outlive the object; threads may share one
/// object, which no run changes.
class single_layer {
 public:
  /// Throws as network_policy::prepare and policy_set, with the layer's name and place.
  single_layer(const network& net, std::size_t index, layer_precision precision, const executor& threads = {},
               const policy_set& policies = {})
      : layer_(&net.layers.at(index)), policy_(&policies[precision]), threads_(threads) {
    prepared_ = detail::in_layer(*layer_, [&] { return policy_->prepare(*layer_, input_shapes(net, *layer_)); });
  }

  /// All outputs for these inputs, in the layer's order. Under a policy that writes q20_12 inputs and outputs are that.
  /// The ranges of the inputs come from `ranges`, or, where that is nullptr or has none for the layer, from the inputs
  /// themselves. They are moved by `shifts` levels: none, one number for all, or one for each of input_ranges(). Throws
  /// shape_error or format_error as network_runner, and format_error for ranges or shifts of another number.
  [[nodiscard]] std::vector<tensor<float>> run(std::span<const tensor<float>> inputs,
                                               const activation_ranges* ranges = nullptr,
                                               std::span<const int> shifts = {}) const {
    return detail::in_layer(*layer_, [&] {
      return policy_->precision().writes_floats() ? run_on<float>(inputs, ranges, shifts)
                                                  : run_on<q20_12>(inputs, ranges, shifts);
    });
  }

  /// The scales that run() would use in levels (network_policy::level_of), one for each of input_ranges(); none where
  /// nothing is encoded. Throws as run().
  [[nodiscard]] std::vector<int> scales(std::span<const tensor<float>> inputs,
                                        const activation_ranges* ranges = nullptr) const {
    return detail::in_layer(*layer_, [&] {
      std::vector<int> levels;
      if (!policy_->precision().encodes()) return levels;
      const auto found = policy_->precision().writes_floats()
                             ? ranges_for<float>(views_of(encoded<float>(inputs)), ranges, {})
                             : ranges_for<q20_12>(views_of(encoded<q20_12>(inputs)), ranges, {});
      for (const activation_range& r : found) levels.push_back(policy_->level_of(r));
      return levels;
    });
  }

 private:
  template <class V>
  [[nodiscard]] std::vector<tensor<V>> encoded(std::span<const tensor<float>> inputs) const {
    using format = std::conditional_t<std::same_as<V, float>, binary32, q20_12>;
    std::vector<tensor<V>> in;
    for (const tensor<float>& t : inputs) {
      in.push_back(make_tensor<V>(shape_of(t)));
      encode<format>(view_of(t).span(), view_of(in.back()).span(), {}, threads_);
    }
    return in;
  }
  template <class V>
  [[nodiscard]] static std::vector<tensor_view<const V>> views_of(const std::vector<tensor<V>>& all) {
    std::vector<tensor_view<const V>> views;
    for (const tensor<V>& t : all) views.push_back(view_of(t));
    return views;
  }

  template <class V>
  [[nodiscard]] std::vector<activation_range> ranges_for(std::span<const tensor_view<const V>> inputs,
                                                         const activation_ranges* given,
                                                         std::span<const int> shifts) const {
    const std::size_t count = input_ranges(*layer_);
    std::vector<activation_range> ranges(count);
    if (!policy_->precision().encodes()) return ranges;
    const auto found = given == nullptr ? decltype(given->layers.begin()){} : given->layers.find(layer_->name);
    if (given != nullptr && found != given->layers.end()) {
      ranges = found->second;
      detail::require<format_error>(ranges.size() == count, "calibration: ", ranges.size(), " ranges, expected ",
                                    count);
    } else {
      ranges = detail::ranges_of<V>(*layer_, inputs);
    }
    detail::require<format_error>(shifts.size() <= 1 || shifts.size() == count, shifts.size(),
                                  " shifts, expected one for each of ", count, " ranges");
    for (std::size_t i = 0; !shifts.empty() && i < count; ++i) {
      ranges[i] = policy_->shifted(ranges[i], shifts.size() == 1 ? shifts[0] : shifts[i]);
    }
    return ranges;
  }

  template <class V>
  [[nodiscard]] std::vector<tensor<float>> run_on(std::span<const tensor<float>> inputs, const activation_ranges* given,
                                                  std::span<const int> shifts) const {
    const std::vector<tensor<V>> in = encoded<V>(inputs);
    const auto from = views_of(in);
    detail::require<shape_error>(from.size() == layer_->inputs.size(), layer_->type, ": ", from.size(),
                                 " inputs, expected ", layer_->inputs.size());
    const auto ranges = ranges_for<V>(from, given, shifts);
    std::vector<tensor<V>> out;
    std::vector<tensor_view<V>> to;
    for (const tensor_shape& s : prepared_->output_shapes()) out.push_back(make_tensor<V>(s));
    for (auto& t : out) to.push_back(view_of(t));
    std::vector<std::byte> workspace(prepared_->workspace_bytes(threads_));
    prepared_->run(layer_run<V>{from, ranges, to, workspace, threads_});
    std::vector<tensor<float>> result;
    for (const auto& t : out) {
      result.push_back(make_tensor<float>(shape_of(t)));
      std::transform(t.begin(), t.end(), result.back().begin(), [](const auto& v) { return static_cast<float>(v); });
    }
    return result;
  }

  const layer* layer_;
  const network_policy* policy_;
  std::shared_ptr<const prepared_layer> prepared_;
  executor threads_;
};

NNIESIM_END_NAMESPACE
