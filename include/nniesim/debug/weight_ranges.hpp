// The ranges with which a layer's weights were encoded: one for each group, or, where the other run has others, which
// ones explain what it shows.
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

#include <nniesim/debug/layer_trials.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/network/fold.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Ranges of weights that explain an output.
struct weight_range_fit {
  std::vector<int> shifts{};        ///< levels from the range that a group's own weights ask for, of each
  bool is_one_for_all = false;      ///< every group has the range of the layer's largest weight
  std::vector<std::size_t> cut{};   ///< groups whose large weights saturate
  std::vector<std::size_t> lost{};  ///< groups whose small weights vanish
  /// Relative L2 error of what the run shows, the root mean square over the groups: each counts, however little it has.
  double left = std::numeric_limits<double>::infinity();
};

/// A layer of products whose weights are encoded with other ranges. A range that is moved by some levels cuts weights
/// above it and takes those for zero that lie below it; on levels of a log format nothing else changes.
class weight_range_search {
 public:
  weight_range_search(const layer_bench& bench, std::size_t output)
      : bench_(bench), output_(output), changed_(bench.lab().net) {
    layer& l = changed_.layers[bench.index()];
    weights_ = weights_and_bias(l).first;
    if (weights_ == nullptr || weights_->size() == 0) return;
    original_.assign(weights_->begin(), weights_->end());
    groups_ = std::visit(
        [](const auto& p) -> std::size_t {
          if constexpr (requires { p.geometry.groups; }) return p.geometry.groups;
          else return 1;
        },
        l.params);
    const std::size_t each = original_.size() / groups_;
    for (std::size_t g = 0; g < groups_; ++g) {
      double most = 0;
      for (std::size_t i = g * each; i < (g + 1) * each; ++i) {
        most = std::max(most, std::fabs(static_cast<double>(original_[i])));
      }
      largest_.push_back(most);
    }
    shown_.resize(groups_);
    for_groups([&](std::size_t g, double shown, std::size_t) { shown_[g] += shown * shown; });
  }

  /// The nearest ranges, for the calibrated range of the input and for another one. They must leave little
  /// (limit::explained_by_range), and a share of what the weights' own leave (limit::explained_share).
  [[nodiscard]] std::optional<weight_range_fit> find(std::span<const int> input_shifts) {
    if (weights_ == nullptr || original_.empty()) return std::nullopt;
    weight_range_fit best;
    for (const bool is_calibrated : {true, false}) {
      if (!is_calibrated && input_shifts.empty()) continue;
      input_ = is_calibrated ? std::nullopt : std::optional(input_shifts);
      const double own = relative(errors(std::vector<int>(groups_)));
      const double enough = std::min(limit::explained_by_range, limit::explained_share * own);
      weight_range_fit f = groups_ > 1 ? one_for_all() : weight_range_fit();
      if (!(f.left <= enough)) f = each_by_itself();
      if (f.left <= enough && own > 0 && f.left < best.left) best = std::move(f);
    }
    if (best.shifts.empty()) return std::nullopt;
    const auto told = static_cast<int>(std::ceil(limit::other_range_octaves * levels()));
    for (std::size_t g = 0; g < groups_; ++g) {
      if (best.shifts[g] <= -told) best.cut.push_back(g);
      if (best.shifts[g] >= told && changes(g, best.shifts[g])) best.lost.push_back(g);
    }
    if (best.cut.empty() && best.lost.empty()) return std::nullopt;
    return best;
  }

 private:
  [[nodiscard]] int levels() const { return bench_.levels_per_octave(); }
  /// The largest level that a magnitude reaches.
  [[nodiscard]] int level_of(double magnitude) const {
    return static_cast<int>(std::floor(levels() * std::log2(magnitude)));
  }
  [[nodiscard]] float encoded(float w, int top) const {
    const double high = std::exp2(static_cast<double>(top) / levels()), low = high * std::exp2(-octaves() - 0.5);
    const double m = std::fabs(static_cast<double>(w));
    return m < low ? 0.0F : m > high ? std::copysign(static_cast<float>(high), w) : w;
  }
  [[nodiscard]] double octaves() const { return bench_.planned().octaves(); }
  /// Whether a group loses weights, and not all.
  [[nodiscard]] bool changes(std::size_t group, int shift) const {
    const std::size_t each = original_.size() / groups_;
    std::size_t lost = 0, left = 0;
    for (std::size_t i = group * each; i < (group + 1) * each; ++i) {
      const float w = encoded(original_[i], level_of(largest_[group]) + shift);
      lost += w == 0 && original_[i] != 0 ? 1U : 0U;
      left += w != 0 ? 1U : 0U;
    }
    return lost != 0 && left != 0;
  }

  /// Calls f(group, what is shown, index) for each element.
  template <class F>
  void for_groups(const F& f) const {
    const tensor<float>& x = *bench_.shown(output_);
    const std::size_t channels = nchw_of(shape_of(x), x.size())[1];
    for_channels(shape_of(x), x.size(),
                 [&](std::size_t c, std::size_t i) { f(c * groups_ / channels, static_cast<double>(x.data()[i]), i); });
  }
  /// Errors of each group, squared, with these ranges.
  [[nodiscard]] std::vector<double> errors(std::span<const int> shifts) {
    const std::size_t each = original_.size() / groups_;
    for (std::size_t g = 0; g < groups_; ++g) {
      for (std::size_t i = g * each; i < (g + 1) * each; ++i) {
        weights_->data()[i] = largest_[g] > 0 ? encoded(original_[i], level_of(largest_[g]) + shifts[g]) : original_[i];
      }
    }
    const experiment_context& lab = bench_.lab();
    const single_layer layer(changed_, bench_.index(), bench_.planned(), lab.threads, lab.policies, &lab.plan);
    const tensor<float> y = bench_.simulated(layer, !input_, input_.value_or(std::span<const int>()))[output_];
    std::vector<double> sums(groups_);
    for_groups([&](std::size_t g, double shown, std::size_t i) {
      const double d = shown - static_cast<double>(y.data()[i]);
      sums[g] += d * d;
    });
    return sums;
  }
  [[nodiscard]] double relative(std::span<const double> squares) const {
    double sum = 0;
    for (std::size_t g = 0; g < groups_; ++g) {
      if (squares[g] > 0) sum += std::min(1.0, squares[g] / shown_[g]);  // of nothing anything is all
    }
    return std::sqrt(sum / static_cast<double>(groups_));
  }
  [[nodiscard]] weight_range_fit one_for_all() {
    const double most = *std::max_element(largest_.begin(), largest_.end());
    weight_range_fit f;
    if (!(most > 0)) return f;
    for (const double m : largest_) f.shifts.push_back(m > 0 ? level_of(most) - level_of(m) : 0);
    f.left = relative(errors(f.shifts));
    f.is_one_for_all = true;
    return f;
  }
  /// Groups do not touch each other: each run tries one range for all of them.
  [[nodiscard]] weight_range_fit each_by_itself() {
    std::vector<int> shifts(groups_), tried(groups_);
    std::vector<double> best = errors(shifts);
    const auto offer = [&](const auto& shift_of) {
      for (std::size_t g = 0; g < groups_; ++g) tried[g] = shift_of(g);
      const std::vector<double> e = errors(tried);
      for (std::size_t g = 0; g < groups_; ++g) {
        if (!(e[g] < limit::nearer_range * best[g])) continue;
        best[g] = e[g];
        shifts[g] = tried[g];
      }
    };
    const int octave = levels();
    for (int step = octave / 2; step <= limit::tried_weight_octaves * octave; step += octave / 2) {
      offer([&](std::size_t) { return -step; });
      offer([&](std::size_t) { return step; });
    }
    for (int step = octave / 4; step >= 1; step /= 2) {
      const std::vector<int> from = shifts;
      offer([&](std::size_t g) { return from[g] - step; });
      offer([&](std::size_t g) { return from[g] + step; });
    }
    return {.shifts = std::move(shifts), .left = relative(best)};
  }

  const layer_bench& bench_;
  std::size_t output_;
  network changed_;
  tensor<float>* weights_ = nullptr;
  std::vector<float> original_;
  std::size_t groups_ = 1;
  std::vector<double> largest_;  ///< magnitude of a group's weights
  std::vector<double> shown_;    ///< squares of what the run shows of each group
  std::optional<std::span<const int>> input_;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
