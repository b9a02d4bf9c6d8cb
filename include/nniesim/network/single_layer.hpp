// One layer of a network by itself: what it gives for the floats that it is fed with, in any precision and range.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A layer, its weights prepared once. `net` must outlive the object; threads may share one
/// object, which no run changes.
class single_layer {
 public:
  /// `others` is the plan of the layers around it, which decide how its inputs are stored; nullptr: all have
  /// `precision`. Throws as network_policy::prepare and policy_set, with the layer's name and place.
  single_layer(const network& net, std::size_t index, layer_precision precision, const executor& threads = {},
               const policy_set& policies = {}, const precision_plan* others = nullptr)
      : layer_(&net.layers.at(index)), policy_(&policies[precision]), threads_(threads) {
    precision_plan plan{precision.writes_floats(), std::vector<layer_precision>(net.layers.size(), precision)};
    if (others != nullptr) plan = *others;
    plan.layers.at(index) = precision;
    is_float_ = plan.is_float;
    const std::vector<blob_storage> storage = blob_storage_of(net, plan);
    const std::vector<std::string> names = range_names(net);
    for (const std::size_t b : layer_->inputs) {
      inputs_.push_back({names[storage[b].range],
                         storage[b].is_codes() ? &policies[storage[b].read_by(precision)] : nullptr,
                         storage[b].is_float, reads_copy(net, plan, storage, index, b, false)});
    }
    for (const std::size_t b : layer_->outputs) {
      is_cut_.push_back(!plan.is_float && precision.writes_floats() && !storage[b].is_float);
    }
    prepared_ = detail::in_layer(
        *layer_, [&] { return policy_->prepare(*layer_, input_shapes(net, *layer_), {.threads = threads_}); });
  }

  /// All outputs for these inputs, in the layer's order, as the layer gives them in a network of that policy: under one
  /// that writes q20_12 inputs and outputs are that, but for inputs that stand as floats (blob_storage). The
  /// ranges of the inputs come from `ranges`, or, where that is nullptr or has none for the blob, from the inputs
  /// themselves. They are moved by `shifts` levels: none, one number for all, or one for each of code_inputs(). Throws
  /// shape_error or format_error as network_runner, and format_error for shifts of another number.
  [[nodiscard]] std::vector<tensor<float>> run(std::span<const tensor<float>> inputs,
                                               const activation_ranges* ranges = nullptr,
                                               std::span<const int> shifts = {}) const {
    return detail::in_layer(*layer_, [&] {
      return policy_->precision().writes_floats() ? run_on<float>(inputs, ranges, shifts)
                                                  : run_on<q20_12>(inputs, ranges, shifts);
    });
  }

  /// The scales that run() would use in levels (network_policy::level_of), one for each of code_inputs(); none where
  /// nothing is encoded. Throws as run().
  [[nodiscard]] std::vector<int> scales(std::span<const tensor<float>> inputs,
                                        const activation_ranges* ranges = nullptr) const {
    return detail::in_layer(*layer_, [&] {
      require_count(inputs);
      std::vector<int> levels;
      if (!policy_->precision().encodes_activations()) return levels;
      for (std::size_t i = 0; i < code_inputs(*layer_); ++i) {
        const bool is_float = is_float_ || inputs_[i].has_floats;
        const auto x = view_of(inputs[i]);
        levels.push_back(policy_->level_of(is_float ? range_for<float>(i, x.span(), ranges, {})
                                                    : range_for<q20_12>(i, encoded(x), ranges, {})));
      }
      return levels;
    });
  }

 private:
  struct input {
    std::string range;                      ///< its name among ranges
    const network_policy* codes = nullptr;  ///< whose codes it gets, where the blob is stored as codes
    bool has_floats = false;                ///< it stands as floats, in a plan where not all do
    bool is_copy = false;                   ///< the layer reads it as a copy
  };

  void require_count(std::span<const tensor<float>> inputs) const {
    detail::require<shape_error>(inputs.size() == inputs_.size(), layer_->type, ": ", inputs.size(),
                                 " inputs, expected ", inputs_.size());
  }
  [[nodiscard]] std::vector<q20_12> encoded(const tensor_view<const float>& x) const {
    std::vector<q20_12> values(x.size());
    encode<q20_12>(x.span(), std::span(values), {}, threads_);
    return values;
  }

  template <class V>
  [[nodiscard]] activation_range range_for(std::size_t i, std::span<const V> x, const activation_ranges* given,
                                           std::span<const int> shifts) const {
    activation_range range;
    const auto* const found = given == nullptr ? nullptr : find(*given, inputs_[i].range);
    range = found != nullptr ? *found : activation_range::of(detail::largest_magnitude<V>(x));
    if (shifts.empty()) return range;
    return inputs_[i].codes->shifted(range, shifts.size() == 1 ? shifts[0] : shifts[i]);
  }
  [[nodiscard]] static const activation_range* find(const activation_ranges& ranges, const std::string& name) {
    const auto found = ranges.blobs.find(name);
    return found == ranges.blobs.end() ? nullptr : &found->second;
  }

  template <class V>
  [[nodiscard]] std::vector<tensor<float>> run_on(std::span<const tensor<float>> inputs, const activation_ranges* given,
                                                  std::span<const int> shifts) const {
    require_count(inputs);
    const std::size_t count = code_inputs(*layer_);
    detail::require<format_error>(
        shifts.size() <= 1 || !policy_->precision().encodes_activations() || shifts.size() == count, shifts.size(),
        " shifts, expected one for each of ", count, " inputs");
    std::vector<tensor<V>> in;
    std::vector<tensor_view<const V>> from;
    std::vector<tensor_view<const float>> floats(inputs.size());
    std::vector<activation_range> ranges(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const input& how = inputs_[i];
      const auto shift = i < count ? shifts : std::span<const int>();
      const bool is_encoded = how.codes != nullptr && how.is_copy;
      tensor<float> x = inputs[i];
      const std::span<float> values = view_of(x).span();
      if (is_float_ || how.has_floats) {
        if (how.codes != nullptr) ranges[i] = range_for<float>(i, values, given, shift);
        if (is_encoded) how.codes->encode_activations(values, ranges[i], values, threads_);
      }
      if constexpr (std::same_as<V, float>) {
        if (is_float_ || how.has_floats) {
          in.push_back(std::move(x));
          continue;
        }
      }
      // As it stands between layers, in 1/4096.
      std::vector<q20_12> written = encoded(view_of(std::as_const(x)));
      if (!how.has_floats) {
        if (how.codes != nullptr) ranges[i] = range_for<q20_12>(i, written, given, shift);
        if (is_encoded) how.codes->encode_activations(written, ranges[i], written);
      } else if (how.codes != nullptr && policy_->precision().encodes_activations() && reads_codes(*layer_, i)) {
        floats[i] = view_of(inputs[i]);
      }
      in.push_back(make_tensor<V>(shape_of(x)));
      if constexpr (std::same_as<V, float>)
        decode<q20_12>(std::span<const q20_12>(written), view_of(in.back()).span(), {});
      else std::copy(written.begin(), written.end(), in.back().begin());
    }
    for (const auto& t : in) from.push_back(view_of(t));
    std::vector<tensor<V>> out;
    std::vector<tensor_view<V>> to;
    for (const tensor_shape& s : prepared_->output_shapes()) out.push_back(make_tensor<V>(s));
    for (auto& t : out) to.push_back(view_of(t));
    std::vector<std::byte> workspace(prepared_->workspace_bytes(threads_));
    prepared_->run(layer_run<V>{from, ranges, to, workspace, threads_, false, floats});
    std::vector<tensor<float>> result;
    for (std::size_t o = 0; o < out.size(); ++o) {
      result.push_back(make_tensor<float>(shape_of(out[o])));
      std::transform(out[o].begin(), out[o].end(), result[o].begin(), [&](const auto& v) {
        const auto f = static_cast<float>(v);
        return is_cut_[o] ? static_cast<float>(detail::from_host(f)) : f;
      });
    }
    return result;
  }

  const layer* layer_;
  const network_policy* policy_;
  bool is_float_ = false;  ///< the plan around it
  std::vector<input> inputs_;
  std::vector<bool> is_cut_;  ///< of each output: the host hands it to the accelerator
  std::shared_ptr<const prepared_layer> prepared_;
  executor threads_;
};

NNIESIM_END_NAMESPACE
