// Every layer of a network by itself, on the inputs that the other run fed it with: what it would give in float, what
// in the planned bits and in others, and which ranges explain what the run shows.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/debug/channel_fit.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/run_pair.hpp>
#include <nniesim/network/single_layer.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// One output of a layer, fed with what the other run fed it with.
struct layer_trial {
  std::size_t layer = 0;
  std::size_t output = 0;
  comparison result{};    ///< float against what the run shows
  comparison expected{};  ///< float against the simulation, of the calibrated ranges and the data's own the better
  double loosest = 0;     ///< the larger relative L2 error from float of the two
  /// What the run shows, from the simulation that `expected` is of: relative, and the mean in steps of q20_12.
  double from_expected = 0, steps = 0;
  /// Relative L2 errors from the nearest simulation as planned, and from the nearest in another precision
  /// (other_precisions), which that is; infinite where that was not asked for.
  double from_planned = std::numeric_limits<double>::infinity(),
         from_other_width = std::numeric_limits<double>::infinity();
  layer_precision other_width{};
  split_errors parts{};  ///< what `result`'s error consists of
  bool is_input_finite = true;
  bool is_input_shown = true;     ///< else one of them is what the run is said to have been fed with
  bool is_zero = false;           ///< what the run shows, while float gives something
  bool saturates = false;         ///< a calibrated range is too small for what the layer reads
  bool has_channels_off = false;  ///< channels that neither float nor a simulation gives, beyond rounding

  /// Whether the run is as good as can be planned: what the simulation gives with the better ranges, but for the last
  /// digits, or no further from float.
  [[nodiscard]] bool is_as_planned() const noexcept {
    return from_expected <= limit::same_as_simulated || (from_planned <= limit::same_as_simulated && !saturates) ||
           steps <= limit::same_in_steps ||
           result.relative_l2_error <= limit::as_good_as_simulated * expected.relative_l2_error;
  }
  /// Whether no simulation as planned gives it, whatever its own rounding: something else was computed.
  [[nodiscard]] bool is_unplanned() const noexcept {
    return !is_as_planned() && steps > limit::same_in_steps &&
           from_planned > std::max(limit::unplanned_error, limit::unplanned * expected.relative_l2_error);
  }
  /// The same, by more than two ways of rounding are apart.
  [[nodiscard]] bool is_far_from_planned() const noexcept {
    return is_unplanned() && from_planned > limit::far_from_planned * expected.relative_l2_error &&
           result.relative_l2_error > std::max(limit::suspect_error, 2 * expected.relative_l2_error);
  }
  /// Whether it shows what another width gives, and not what the planned one does.
  [[nodiscard]] bool is_other_width() const noexcept {
    return std::isfinite(from_other_width) && from_other_width <= limit::explained_share * from_planned;
  }
};

/// A layer with the inputs that a run, the other or the reference, fed it with.
class layer_bench {
 public:
  layer_bench(const run_pair& runs, const experiment_context& lab, std::size_t index, run_side side = run_side::other)
      : lab_(lab), layer_(lab.net.layers[index]), index_(index), side_(side) {
    for (const std::size_t b : layer_.inputs) {
      auto x = runs.value(b, side);
      if (!x || runs_twice(runs, b)) return;
      is_input_shown_ = is_input_shown_ && (side == run_side::reference || runs.shown_as(b).has_value());
      inputs_.push_back(std::move(*x));
    }
    has_inputs_ = true;
    if (!is_input_finite()) return;
    in_float_ = single_layer(lab.net, index, layer_precision::float32, lab.threads, lab.policies).run(inputs_);
    for (std::size_t o = 0; o < layer_.outputs.size(); ++o) {
      const auto through = runs.shown_through(layer_.outputs[o], side);
      behind_.emplace_back(through.begin(), through.end());
      shown_.push_back(
          runs.value(through.empty() ? layer_.outputs[o] : lab.net.layers[through.back()].outputs[0], side));
      relu_.push_back(shown_[o] && through.empty() ? relu_shown_with(runs, o) : nullptr);
      rectify(in_float_[o], o);
    }
  }

  [[nodiscard]] std::size_t index() const noexcept { return index_; }
  [[nodiscard]] const layer& of() const noexcept { return layer_; }
  [[nodiscard]] const experiment_context& lab() const noexcept { return lab_; }
  /// Whether an output is shown with the work of layers behind it.
  [[nodiscard]] bool is_shown_through(std::size_t output) const {
    return relu_[output] != nullptr || !behind_[output].empty();
  }
  /// What these make of it.
  [[nodiscard]] tensor<float> as_shown(tensor<float> t, std::size_t output) const {
    rectify(t, output);
    return t;
  }

  /// Whether all inputs are known. Where they are finite, too, the rest can be asked.
  [[nodiscard]] bool has_inputs() const noexcept { return has_inputs_; }
  [[nodiscard]] bool is_input_shown() const noexcept { return is_input_shown_; }
  [[nodiscard]] bool is_input_finite() const {
    return std::all_of(inputs_.begin(), inputs_.end(), [](const tensor<float>& t) {
      return std::all_of(t.begin(), t.end(), [](float v) { return std::isfinite(v); });
    });
  }
  /// What the other run fed the layer with.
  [[nodiscard]] const std::vector<tensor<float>>& inputs() const noexcept { return inputs_; }
  [[nodiscard]] layer_precision planned() const { return lab_.plan.layers[index_]; }
  [[nodiscard]] std::size_t ranges() const { return code_inputs(layer_); }

  /// What the run shows of an output; nothing where it does not.
  [[nodiscard]] const std::optional<tensor<float>>& shown(std::size_t output) const { return shown_[output]; }
  /// Outputs in float, and as a precision gives them with calibrated or the data's own ranges; with the ReLU behind
  /// them where the run shows them so.
  [[nodiscard]] const std::vector<tensor<float>>& in_float() const noexcept { return in_float_; }
  [[nodiscard]] std::vector<tensor<float>> simulated(const single_layer& layer, bool calibrated,
                                                     std::span<const int> shifts = {}) const {
    std::vector<tensor<float>> all = layer.run(inputs_, calibrated ? &lab_.ranges : nullptr, shifts);
    for (std::size_t o = 0; o < all.size(); ++o) rectify(all[o], o);
    return all;
  }
  /// What the layer gives in float for inputs that are zero everywhere: its bias.
  [[nodiscard]] std::vector<tensor<float>> of_zeros() const {
    std::vector<tensor<float>> zeros = inputs_;
    for (tensor<float>& t : zeros) t.fill(0.0F);
    std::vector<tensor<float>> all =
        single_layer(lab_.net, index_, layer_precision::float32, lab_.threads, lab_.policies).run(zeros);
    for (std::size_t o = 0; o < all.size(); ++o) rectify(all[o], o);
    return all;
  }
  [[nodiscard]] single_layer prepared(layer_precision p) const {
    return {lab_.net, index_, p, lab_.threads, lab_.policies, p == planned() ? &lab_.plan : nullptr};
  }

  /// How many levels the calibrated ranges are away from those that the data ask for, each.
  [[nodiscard]] std::vector<int> calibrated_shifts(const single_layer& layer) const {
    std::vector<int> shifts = layer.scales(inputs_, &lab_.ranges);
    const std::vector<int> own = layer.scales(inputs_);
    for (std::size_t i = 0; i < shifts.size(); ++i) shifts[i] -= own[i];
    return shifts;
  }

  struct range_fit {
    std::vector<int> shifts{};                                    ///< levels from the data's own ranges
    double difference = std::numeric_limits<double>::infinity();  ///< relative, from what the run shows
  };
  /// The ranges with which a width comes nearest to an output: all moved alike, or, of a few, one alone.
  [[nodiscard]] range_fit fit_ranges(const single_layer& layer, std::size_t output) const {
    range_fit best;
    if (ranges() == 0) return best;
    fit_one(layer, output, std::nullopt, best);
    if (ranges() > 1 && ranges() <= limit::ranges_tried_alone) {
      for (std::size_t i = 0; i < ranges(); ++i) fit_one(layer, output, i, best);
    }
    return best;
  }
  [[nodiscard]] int levels_per_octave() const { return planned().levels_per_octave(); }
  /// The shares of the values of range i that lie above it, moved by `shift`, and that it rounds to zero.
  [[nodiscard]] std::pair<double, double> outside(std::size_t range, int shift) const {
    const double octaves = planned().octaves();
    std::size_t above = 0, below = 0, nonzero = 0;
    const auto visit = [&](const auto& look) {
      for (const float v : inputs_[range]) look(std::fabs(static_cast<double>(v)));
    };
    double most = 0;
    visit([&](double m) { most = std::max(most, m); });
    const double high = most * std::exp2(static_cast<double>(shift) / levels_per_octave());
    const double low = high * std::exp2(-octaves - 0.5);
    visit([&](double m) {
      nonzero += m > 0 ? 1U : 0U;
      above += m > high * limit::above_range ? 1U : 0U;
      below += m > 0 && m < low ? 1U : 0U;
    });
    const auto n = static_cast<double>(std::max<std::size_t>(nonzero, 1));
    return {static_cast<double>(above) / n, static_cast<double>(below) / n};
  }
  /// The channels of range i's values that have some above it, moved by `shift` down; moved up, those of which nothing
  /// is left. None where the blob has one channel.
  [[nodiscard]] std::vector<std::size_t> channels_outside(std::size_t range, int shift) const {
    const tensor<float>& x = inputs_[range];
    const std::size_t channels = nchw_of(shape_of(x), x.size())[1];
    std::vector<double> largest(channels);
    for_channels(shape_of(x), x.size(), [&](std::size_t c, std::size_t i) {
      largest[c] = std::max(largest[c], std::fabs(static_cast<double>(x.data()[i])));
    });
    const double most = largest.empty() ? 0 : *std::max_element(largest.begin(), largest.end());
    const double high = most * std::exp2(static_cast<double>(shift) / levels_per_octave());
    const double low = high * std::exp2(-planned().octaves() - 0.5);
    std::vector<std::size_t> result;
    for (std::size_t c = 0; c < channels && channels > 1; ++c) {
      const bool is_outside = shift < 0 ? largest[c] > high * limit::above_range : largest[c] > 0 && largest[c] < low;
      if (is_outside) result.push_back(c);
    }
    return result;
  }

 private:
  /// The ReLU behind an output; nullptr for none.
  [[nodiscard]] const relu_params* relu_behind(std::size_t blob) const {
    for (const layer& l : lab_.net.layers) {
      const auto* relu = std::get_if<relu_params>(&l.params);
      if (relu != nullptr && l.inputs[0] == blob) return relu;
    }
    return nullptr;
  }
  /// Whether this layer is a ReLU whose input the run shows with that ReLU done: doing it again changes leaky ones.
  [[nodiscard]] bool runs_twice(const run_pair& runs, std::size_t blob) const {
    const auto* relu = std::get_if<relu_params>(&layer_.params);
    const bool changes_twice =
        (relu != nullptr && relu->negative_slope != 0) || std::holds_alternative<layers::prelu>(layer_.params);
    const auto relation = runs.shown_as(blob);
    return side_ == run_side::other && changes_twice &&
           (relation == match_relation::fused_relu || relation == match_relation::fused_prelu);
  }
  /// The ReLU behind an output if what the run shows of it is the ReLU's: no value is negative though some should be,
  /// or, of a leaky one, if that fits much better.
  [[nodiscard]] const relu_params* relu_shown_with(const run_pair& runs, std::size_t o) const {
    const relu_params* const relu = relu_behind(layer_.outputs[o]);
    const bool is_fused = side_ == run_side::other && runs.shown_as(layer_.outputs[o]) == match_relation::fused_relu;
    if (relu == nullptr || is_fused) return relu;
    const tensor<float>& x = *shown_[o];
    if (relu->negative_slope == 0) {
      const auto least = [](const tensor<float>& t) {
        return t.size() == 0 ? 0 : *std::min_element(t.begin(), t.end());
      };
      return least(x) >= 0 && least(in_float_[o]) < 0 ? relu : nullptr;
    }
    tensor<float> after = in_float_[o];
    apply(*relu, after);
    return difference(view_of(after).span(), x) < limit::shown_with_relu * difference(view_of(in_float_[o]).span(), x)
               ? relu
               : nullptr;
  }
  static void apply(const relu_params& relu, tensor<float>& t) {
    for (float& v : t) v = v > 0 ? v : v * relu.negative_slope;
  }
  void rectify(tensor<float>& t, std::size_t o) const {
    if (relu_[o] != nullptr) apply(*relu_[o], t);
    for (const std::size_t l : behind_[o]) {
      const std::vector<tensor<float>> before = {t};
      t = std::move(single_layer(lab_.net, l, layer_precision::float32, lab_.threads, lab_.policies).run(before)[0]);
    }
  }
  [[nodiscard]] static double difference(std::span<const float> r, const tensor<float>& x) {
    return compare_values(r, view_of(x).span()).relative_l2_error;
  }

  /// Moves all ranges alike, or one of them alone: in half octaves, then by halves of that.
  void fit_one(const single_layer& layer, std::size_t output, std::optional<std::size_t> alone, range_fit& best) const {
    int centre = 0;
    double nearest = std::numeric_limits<double>::infinity();
    const auto offer = [&](int shift) {
      std::vector<int> shifts(ranges(), alone ? 0 : shift);
      if (alone) shifts[*alone] = shift;
      const double d = difference(view_of(*shown_[output]).span(), simulated(layer, false, shifts)[output]);
      if (d < nearest) {
        nearest = d;
        centre = shift;
      }
      if (d < best.difference) best = {std::move(shifts), d};
    };
    const int octave = levels_per_octave();
    const int farthest = limit::tried_octaves * octave;
    for (int shift = -farthest; shift <= farthest; shift += octave / 2) offer(shift);
    for (int step = octave / 4; step >= 1; step /= 2) {
      const int from = centre;
      offer(from - step);
      offer(from + step);
    }
  }

  const experiment_context& lab_;
  const layer& layer_;
  std::size_t index_;
  run_side side_;
  std::vector<tensor<float>> inputs_, in_float_;
  std::vector<std::optional<tensor<float>>> shown_;
  std::vector<const relu_params*> relu_;          ///< of each output that is shown with it
  std::vector<std::vector<std::size_t>> behind_;  ///< of each output: the in-place layers that it is shown through
  bool has_inputs_ = false, is_input_shown_ = true;
};

/// All trials, in order of execution.
class layer_trials {
 public:
  layer_trials(const run_pair& runs, const experiment_context& lab) : runs_(runs), lab_(lab) {
    for (std::size_t i = 0; i < lab.net.layers.size(); ++i) {
      if (!std::holds_alternative<layers::input>(lab.net.layers[i].params)) try_layer(i);
    }
  }

  [[nodiscard]] const std::vector<layer_trial>& all() const noexcept { return all_; }
  /// nullptr where there is none.
  [[nodiscard]] const layer_trial* of(std::size_t layer, std::size_t output) const {
    const auto found = std::find_if(all_.begin(), all_.end(), [&](const layer_trial& t) {
      return t.layer == layer && t.output == output && t.is_input_finite;
    });
    return found == all_.end() ? nullptr : &*found;
  }

 private:
  void try_layer(std::size_t index) {
    const layer& l = lab_.net.layers[index];
    const layer_bench bench(runs_, lab_, index);
    if (!bench.has_inputs()) return;
    if (!bench.is_input_finite()) {
      all_.push_back({.layer = index, .is_input_finite = false, .is_input_shown = bench.is_input_shown()});
      return;
    }
    std::vector<layer_trial> trials;
    for (std::size_t o = 0; o < l.outputs.size(); ++o) {
      if (!bench.shown(o)) continue;
      const std::span<const float> r = view_of(bench.in_float()[o]).span(), x = view_of(*bench.shown(o)).span();
      layer_trial t{.layer = index, .output = o, .is_input_shown = bench.is_input_shown()};
      t.result = compare_values(r, x);
      t.is_zero = t.result.l2_other == 0 && t.result.l2_reference > 0;
      t.parts = split(r, x, shape_of(*bench.shown(o)));
      trials.push_back(std::move(t));
    }
    if (trials.empty()) return;
    simulate(bench, trials);
    all_.insert(all_.end(), trials.begin(), trials.end());
  }

  /// Whether the run shows what the planned width gives, whatever the ranges.
  [[nodiscard]] static bool is_shown(const layer_trial& t) {
    return t.from_planned <= limit::same_as_simulated || t.steps <= limit::same_in_steps;
  }
  /// What the planned width gives, and others where the run does not show that.
  void simulate(const layer_bench& bench, std::vector<layer_trial>& trials) const {
    const auto with_both_ranges = [&](layer_precision p, const auto& look) {
      const single_layer layer = bench.prepared(p);
      const bool has_own = bench.ranges() != 0 && p.encodes();
      if (!has_own || p == bench.planned() || have_scales(lab_.ranges, lab_.policies[p])) {
        look(bench.simulated(layer, true));
      }
      if (!has_own) return;
      // Where that is shown, the data's own range is asked for only if the calibrated one is too small for them.
      if (p == bench.planned()) {
        const std::vector<int> shifts = bench.calibrated_shifts(layer);
        const int least = shifts.empty() ? 0 : *std::min_element(shifts.begin(), shifts.end());
        for (layer_trial& t : trials) t.saturates = least <= -limit::other_range_octaves * bench.levels_per_octave();
        if (!trials[0].saturates && std::all_of(trials.begin(), trials.end(), is_shown)) return;
      }
      look(bench.simulated(layer, false));
    };
    bool is_first = true;
    std::vector<std::vector<tensor<float>>> as_planned;
    with_both_ranges(bench.planned(), [&](const std::vector<tensor<float>>& simulated) {
      for (layer_trial& t : trials) {
        const std::span<const float> s = view_of(simulated[t.output]).span();
        const comparison c = compare_values(view_of(bench.in_float()[t.output]).span(), s);
        const comparison from_run = compare_values(view_of(*bench.shown(t.output)).span(), s);
        if (is_first || c.relative_l2_error < t.expected.relative_l2_error) {
          t.expected = c;
          t.from_expected = from_run.relative_l2_error;
          t.steps = from_run.mean_abs * (1U << 12U);
        }
        t.loosest = std::max(t.loosest, c.relative_l2_error);
        if (is_first || from_run.relative_l2_error < t.from_planned) t.from_planned = from_run.relative_l2_error;
      }
      is_first = false;
      as_planned.push_back(simulated);
    });
    for (layer_trial& t : trials) {
      if (is_shown(t)) continue;
      std::vector<tensor<float>> of_output;
      for (const auto& simulated : as_planned) of_output.push_back(simulated[t.output]);
      t.has_channels_off = any_is_off(fit_channels(bench.in_float()[t.output], *bench.shown(t.output), of_output));
    }
    if (bench.ranges() == 0 || std::all_of(trials.begin(), trials.end(), is_shown)) return;
    for (const layer_precision other : other_precisions(lab_.policies, bench.planned())) {
      with_both_ranges(other, [&](const std::vector<tensor<float>>& simulated) {
        for (layer_trial& t : trials) {
          if (is_shown(t)) continue;
          const comparison c =
              compare_values(view_of(*bench.shown(t.output)).span(), view_of(simulated[t.output]).span());
          if (!(c.relative_l2_error < t.from_other_width)) continue;
          t.from_other_width = c.relative_l2_error;
          t.other_width = other;
        }
      });
    }
  }

  const run_pair& runs_;
  const experiment_context& lab_;
  std::vector<layer_trial> all_;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
