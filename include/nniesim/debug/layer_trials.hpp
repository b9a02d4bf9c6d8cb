// Every layer of a network by itself, on the input that the other run fed it with: what it would give in float, what
// in 8 and in 16 bits, and which range explains what the run shows.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <nniesim/debug/run_pair.hpp>
#include <nniesim/network/single_layer.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// A layer fed with what the other run fed it with.
struct layer_trial {
  std::size_t layer;
  comparison result{};          ///< float against what the run shows
  comparison expected{};        ///< float against the simulation, of the calibrated range and the data's own the better
  double from_expected = 0;     ///< relative difference of that simulation from what the run shows
  double from_other_width = 0;  ///< the same of the width, 8 or 16 bits, that is not planned
  bool is_input_finite = true;
  bool is_zero = false;    ///< the output; while float gives something
  bool only_relu = false;  ///< what the run calls the layer's output is that of the ReLU behind it

  /// Whether the run shows what the other width gives, and not what the planned one does.
  [[nodiscard]] bool is_other_width() const noexcept {
    return from_expected > 0 && from_other_width <= 0.25 * from_expected;
  }
};

class layer_trials {
 public:
  layer_trials(run_pair& runs, const laboratory& lab) : runs_(runs), lab_(lab) {
    for (std::size_t i = 0; i < lab.net.layers.size(); ++i) try_layer(i);
  }

  [[nodiscard]] const std::vector<layer_trial>& all() const noexcept { return all_; }

  /// The layer's outputs in a precision; ranges as single_layer::run takes them.
  [[nodiscard]] std::vector<tensor<float>> run(std::size_t index, const std::vector<tensor<float>>& inputs,
                                               layer_precision p, const activation_ranges* ranges = nullptr) const {
    return single_layer(lab_.net, index, p, lab_.threads).run(inputs, ranges);
  }

  struct best_scale {
    int shift = 0;                                                ///< levels
    double difference = std::numeric_limits<double>::infinity();  ///< relative
  };
  /// The activation scale, as a distance from what the data ask for, with which the simulation comes nearest to y.
  [[nodiscard]] best_scale fit_scale(std::size_t index, const std::vector<tensor<float>>& inputs,
                                     std::span<const float> y) const {
    const single_layer layer(lab_.net, index, lab_.plan.layers[index], lab_.threads);
    const int octave = levels_per_octave(index);
    best_scale best;
    const auto offer = [&](int shift) {
      const auto out = layer.run(inputs, nullptr, shift);
      const double difference = compare_values(y, view_of(out[0]).span()).relative_difference;
      if (difference < best.difference) best = {shift, difference};
    };
    for (int shift = -10 * octave; shift <= 10 * octave; shift += octave / 2) offer(shift);
    for (int step = octave / 4; step >= 1; step /= 2) {
      const int centre = best.shift;
      offer(centre - step);
      offer(centre + step);
    }
    return best;
  }
  [[nodiscard]] int levels_per_octave(std::size_t index) const {
    return lab_.plan.layers[index] == layer_precision::w16a16 ? gfpq16::levels : gfpq8::levels;
  }
  /// The shares of the inputs' values that lie above a range and that it rounds to zero.
  [[nodiscard]] std::pair<double, double> outside(std::size_t index, const std::vector<tensor<float>>& inputs,
                                                  int shift) const {
    const bool in_16bit = lab_.plan.layers[index] == layer_precision::w16a16;
    const double octaves =
        static_cast<double>(in_16bit ? gfpq16::max_magnitude : gfpq8::max_magnitude) / levels_per_octave(index);
    std::size_t above = 0, below = 0, nonzero = 0;
    for (const tensor<float>& t : inputs) {
      double most = 0;
      for (const float v : t) most = std::max(most, std::fabs(static_cast<double>(v)));
      const double high = most * std::exp2(static_cast<double>(shift) / levels_per_octave(index));
      const double low = high * std::exp2(-octaves - 0.5);
      for (const float v : t) {
        const double m = std::fabs(static_cast<double>(v));
        nonzero += m > 0 ? 1U : 0U;
        above += m > high * 1.05 ? 1U : 0U;
        below += m > 0 && m < low ? 1U : 0U;
      }
    }
    const auto n = static_cast<double>(std::max<std::size_t>(nonzero, 1));
    return {static_cast<double>(above) / n, static_cast<double>(below) / n};
  }

 private:
  [[nodiscard]] static bool is_finite(const tensor<float>& t) {
    return std::all_of(t.begin(), t.end(), [](float v) { return std::isfinite(v); });
  }
  [[nodiscard]] bool has_relu_behind(std::size_t index) const {
    return std::any_of(lab_.net.layers.begin(), lab_.net.layers.end(), [&](const layer& l) {
      return std::holds_alternative<relu_params>(l.params) && l.inputs[0] == lab_.net.layers[index].outputs[0];
    });
  }

  void try_layer(std::size_t index) {
    const layer& l = lab_.net.layers[index];
    if (std::holds_alternative<layers::input>(l.params)) return;
    const auto y = runs_.other_value(l.outputs[0]);
    const auto inputs = runs_.other_inputs(index);
    if (!y || !inputs) return;
    layer_trial t{index};
    t.is_input_finite = std::all_of(inputs->begin(), inputs->end(), is_finite);
    if (!t.is_input_finite) {
      all_.push_back(t);
      return;
    }
    const std::vector<tensor<float>> in_float = run(index, *inputs, layer_precision::float32);
    std::vector<float> r(in_float[0].begin(), in_float[0].end());
    const std::span<const float> x = view_of(*y).span();
    t.result = compare_values(r, x);
    if (runs_.is_bad(t.result) && has_relu_behind(index)) {
      std::vector<float> with_relu = r;
      for (float& v : with_relu) v = rectified(v);
      const comparison c = compare_values(with_relu, x);
      if (!runs_.is_bad(c)) {
        t.result = c;
        t.only_relu = true;
        r = std::move(with_relu);
      }
    }
    t.is_zero = t.result.l2_other == 0 && t.result.l2_reference > 0;
    if (lab_.plan.layers[index] != layer_precision::float32) simulate(t, *inputs, view_of(in_float[0]).span(), x);
    for (layer_row& shown : runs_.rows()) {
      if (layer_key(shown.shown.name) != layer_key(l.name)) continue;
      shown.shown.isolated = t.result.cosine;
      split(shown.shown, r, x, shape_of(*y));
    }
    all_.push_back(t);
  }

  /// What the planned width would give, and the other one where the run does not show that.
  void simulate(layer_trial& t, const std::vector<tensor<float>>& inputs, std::span<const float> in_float,
                std::span<const float> x) const {
    const bool has_ranges = input_ranges(lab_.net.layers[t.layer]) != 0;
    const auto with_both_ranges = [&](layer_precision p, const auto& look) {
      const single_layer layer(lab_.net, t.layer, p, lab_.threads);
      look(layer.run(inputs, &lab_.ranges));
      if (has_ranges) look(layer.run(inputs));
    };
    bool is_first = true;
    with_both_ranges(lab_.plan.layers[t.layer], [&](const std::vector<tensor<float>>& simulated) {
      const comparison c = compare_values(in_float, view_of(simulated[0]).span());
      const double from_run = compare_values(x, view_of(simulated[0]).span()).relative_difference;
      if (is_first || c.relative_difference < t.expected.relative_difference) t.expected = c;
      t.from_expected = is_first ? from_run : std::min(t.from_expected, from_run);
      is_first = false;
    });
    t.from_other_width = std::numeric_limits<double>::infinity();
    // Equal but for the last digits of Q20.12: nothing to ask.
    if (!has_ranges || t.only_relu || !(t.from_expected > 1e-3)) return;
    const bool is_8bit = lab_.plan.layers[t.layer] == layer_precision::w8a8;
    with_both_ranges(is_8bit ? layer_precision::w16a16 : layer_precision::w8a8,
                     [&](const std::vector<tensor<float>>& simulated) {
                       const comparison c = compare_values(x, view_of(simulated[0]).span());
                       t.from_other_width = std::min(t.from_other_width, c.relative_difference);
                     });
  }

  run_pair& runs_;
  const laboratory& lab_;
  std::vector<layer_trial> all_;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
