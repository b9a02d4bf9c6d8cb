// One layer of a network by itself: what it gives for the floats that it is fed with, in any precision and range.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A layer, its weights prepared once. `net` must outlive the object; threads may share one
/// object, which no run changes.
class single_layer {
 public:
  /// Throws as layer_operator, with the layer's name and place.
  single_layer(const network& net, std::size_t index, layer_precision precision, const executor& threads = {})
      : layer_(&net.layers.at(index)),
        operator_(detail::in_layer(*layer_, [&] { return prepared_layers::prepare(net, index, precision); })),
        threads_(threads) {}

  /// All outputs for these inputs, in the layer's order. In 8 and 16 bits inputs and outputs are q20_12. The scales of
  /// the inputs come from `ranges`, or, where that is nullptr or has none for the layer, from the inputs themselves.
  /// `shifts` levels are added to them: none, one number for all, or one for each of input_ranges(). Throws shape_error
  /// or format_error as layer_operator, and format_error for ranges or shifts of another number.
  [[nodiscard]] std::vector<tensor<float>> run(std::span<const tensor<float>> inputs,
                                               const activation_ranges* ranges = nullptr,
                                               std::span<const int> shifts = {}) const {
    return detail::in_layer(*layer_, [&] {
      return std::visit([&]<class P>(const layer_operator<P>& op) { return run(op, inputs, ranges, shifts); },
                        *operator_);
    });
  }

  /// The scales z that run() would use, one for each of input_ranges(); none in float. Throws as run().
  [[nodiscard]] std::vector<int> scales(std::span<const tensor<float>> inputs,
                                        const activation_ranges* ranges = nullptr) const {
    return detail::in_layer(*layer_, [&] {
      return std::visit(
          [&]<class P>(const layer_operator<P>& op) {
            std::vector<int> z;
            if constexpr (!std::same_as<P, float32>) {
              const auto in = encoded<P>(inputs);
              for (const auto& s : scales_of(op, std::span(in), ranges, {})) z.push_back(s.z());
            }
            return z;
          },
          *operator_);
    });
  }

 private:
  template <class P>
  [[nodiscard]] std::vector<tensor<value_t<P>>> encoded(std::span<const tensor<float>> inputs) const {
    std::vector<tensor<value_t<P>>> in;
    for (const tensor<float>& t : inputs) {
      in.push_back(make_tensor<value_t<P>>(shape_of(t)));
      encode<typename P::output>(view_of(t).span(), view_of(in.back()).span(), {}, threads_);
    }
    return in;
  }

  template <class P>
  [[nodiscard]] std::vector<typename layer_operator<P>::activation_scale> scales_of(
      const layer_operator<P>& op, std::span<const tensor<value_t<P>>> inputs, const activation_ranges* ranges,
      std::span<const int> shifts) const {
    std::vector<tensor_view<const value_t<P>>> views;
    for (const auto& t : inputs) views.push_back(view_of(t));
    auto scales = op.derive_scales(views);
    if constexpr (!std::same_as<P, float32>) {
      if (ranges != nullptr) {
        const auto found = ranges->layers.find(layer_->name);
        const bool is_here = found != ranges->layers.end();
        detail::require<format_error>(!is_here || found->second.size() == scales.size(),
                                      "calibration: ", is_here ? found->second.size() : 0, " ranges, expected ",
                                      scales.size());
        for (std::size_t i = 0; is_here && i < scales.size(); ++i) {
          if constexpr (std::same_as<P, w8a8>) scales[i] = found->second[i].in_8bit;
          else scales[i] = found->second[i].in_16bit;
        }
      }
      detail::require<format_error>(shifts.size() <= 1 || shifts.size() == scales.size(), shifts.size(),
                                    " shifts, expected one for each of ", scales.size(), " ranges");
      using scale = typename P::activations::scale;
      for (std::size_t i = 0; !shifts.empty() && i < scales.size(); ++i) {
        const int shift = shifts.size() == 1 ? shifts[0] : shifts[i];
        scales[i] = scale(std::clamp(scales[i].z() + shift, scale::min_z, scale::max_z));
      }
    }
    return scales;
  }

  template <class P>
  [[nodiscard]] std::vector<tensor<float>> run(const layer_operator<P>& op, std::span<const tensor<float>> inputs,
                                               const activation_ranges* ranges, std::span<const int> shifts) const {
    using value = value_t<P>;
    const std::vector<tensor<value>> in = encoded<P>(inputs);
    const auto scales = scales_of(op, std::span(in), ranges, shifts);
    std::vector<tensor<value>> out;
    std::vector<tensor_view<const value>> from;
    std::vector<tensor_view<value>> to;
    for (const tensor_shape& s : op.output_shapes()) out.push_back(make_tensor<value>(s));
    for (const auto& t : in) from.push_back(view_of(t));
    for (auto& t : out) to.push_back(view_of(t));
    std::vector<std::byte> workspace(op.workspace_bytes(threads_));
    op.run(from, scales, to, workspace, threads_);
    std::vector<tensor<float>> result;
    for (const auto& t : out) {
      result.push_back(make_tensor<float>(shape_of(t)));
      std::transform(t.begin(), t.end(), result.back().begin(), [](const auto& v) { return static_cast<float>(v); });
    }
    return result;
  }

  const layer* layer_;
  std::shared_ptr<const prepared_layers::any_operator> operator_;
  executor threads_;
};

NNIESIM_END_NAMESPACE
