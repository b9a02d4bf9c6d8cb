// What was done to the input that a run shows, told on its bytes: mean and scale are fitted, and so undone, for every
// way in which the picture's bytes may have been laid out, moved, cut or resized.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/input_transforms.hpp>
#include <nniesim/debug/limits.hpp>

NNIESIM_BEGIN_NAMESPACE

/// How an input follows from a scene.
struct input_explanation {
  bool holds = false;     ///< whether the scene explains the input
  input_change change{};  ///< what makes it, where it holds; of values only where the cfg is known
  double left = 1;        ///< the relative L2 that the change leaves of the input about its channels' means
  double as_it_is = 1;    ///< the same with no change of the bytes
  /// The input is (byte - mean) * scale, with a mean and a scale for each channel or one for all. Where the cfg's mean
  /// image explains the input, `mean` is what was subtracted besides. Both are empty where the explanation does not
  /// hold, the cfg is not known or the input is constant by channel.
  std::vector<double> mean{},  ///< in bytes
      scale{};                 ///< by which bytes are multiplied
};

namespace detail {

class input_explainer {
 public:
  /// `x` is the input to explain, in the scene's order of elements. `knows_cfg`: the scene's bytes are those of the
  /// picture; else they are another run's input and its means are not known.
  input_explainer(const input_scene& scene, std::span<const float> x, bool knows_cfg)
      : s_(scene), x_(x), knows_cfg_(knows_cfg) {}

  [[nodiscard]] input_explanation explain() {
    input_explanation e;
    if (x_.size() != s_.size() || x_.empty()) return e;
    if (!std::all_of(x_.begin(), x_.end(), [](float v) { return std::isfinite(v); })) return e;
    if (is_constant_by_channel(x_)) {
      const bool is_filled = !is_constant_by_channel(s_.bytes);
      e.holds = is_filled && s_.plane() >= 16;
      e.change.bytes = byte_change::constant;
      e.change.border = x_[0] / static_cast<float>(s_.known.scale) + s_.mean_at(0);
      e.left = 0;
      return e;
    }
    if (is_constant_by_channel(s_.bytes)) return e;
    offer({});
    e.as_it_is = best_.left;
    if (best_.left > limit::same_input) {
      for (const input_change& c : candidates()) offer(c);
      search_shifts();
      search_strides();
    }
    if (best_.gain.empty() || best_.left > limit::explained_input) {
      e.left = best_.left;
      return e;
    }
    e.holds = true;
    e.left = best_.left;
    e.change = best_.change;
    if (knows_cfg_) tell_values(e);
    tell_border(e);
    return e;
  }

 private:
  struct fit {
    input_change change{};
    double left = std::numeric_limits<double>::infinity();
    std::vector<double> gain{}, offset{};  ///< of each channel: x = gain * byte + offset
    bool has_mean_image = false;           ///< the mean image is subtracted before
  };

  [[nodiscard]] bool is_constant_by_channel(std::span<const float> v) const {
    for (std::size_t c = 0; c < s_.channels; ++c) {
      const auto part = v.subspan(c * s_.plane(), s_.plane());
      if (!std::all_of(part.begin(), part.end(), [&](float f) { return f == part[0]; })) return false;
    }
    return true;
  }

  [[nodiscard]] std::vector<input_change> candidates() const {
    std::vector<input_change> all;
    for (input_change c : input_changes(s_, change_breadth::single)) {
      if (c.values != value_change::none || c.after || c.bytes == byte_change::constant) continue;
      if (c.bytes == byte_change::letterboxed) c.border = std::numeric_limits<float>::quiet_NaN();
      if (!knows_cfg_ && !is_of_places(c, s_)) continue;
      all.push_back(std::move(c));
    }
    if (s_.channels == 3) {
      const std::size_t singles = all.size();
      for (std::size_t i = 0; i < singles; ++i) {
        if (all[i].reversed || all[i].bytes == byte_change::reordered || all[i].bytes == byte_change::grey) continue;
        input_change c = all[i];
        c.reversed = true;
        all.push_back(std::move(c));
      }
    }
    return all;
  }

  /// Fits x to the bytes by lines: of each channel, or, where means are not known, of each pair of channels between
  /// which bytes wandered.
  [[nodiscard]] fit fitted_to(const input_change& change, const std::vector<float>& y,
                              const std::vector<std::ptrdiff_t>* from) const {
    fit f{change};
    const std::size_t plane = s_.plane();
    const bool by_channel = plane >= 8 && s_.channels <= 4;
    const std::size_t channels = by_channel ? s_.channels : 1, length = x_.size() / channels;
    const bool by_source = from != nullptr && !knows_cfg_ && by_channel;
    double left = 0, spread = 0;
    std::size_t covered = 0;
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t source = 0; source < (by_source ? channels : 1); ++source) {
        std::vector<float> a, b;
        for (std::size_t i = c * length; i < (c + 1) * length; ++i) {
          if (std::isnan(y[i])) continue;
          if (by_source && static_cast<std::size_t>((*from)[i]) / plane != source) continue;
          a.push_back(x_[i]);
          b.push_back(y[i]);
        }
        covered += a.size();
        if (a.size() < 8) {
          if (!by_source && a.empty()) return f;
          if (a.empty()) continue;
        }
        const line_fit line = fit_line(a, b);
        left += line.unexplained;
        spread += line.spread;
        if (source == 0 || f.gain.size() == c) {
          f.gain.push_back(line.gain);
          f.offset.push_back(line.offset);
        }
      }
    }
    if (f.gain.size() != channels ||
        static_cast<double>(covered) < limit::least_covered * static_cast<double>(x_.size())) {
      f.gain.clear();
      return f;
    }
    if (spread > 0) f.left = std::sqrt(left / spread);
    return f;
  }
  void take(fit f) {
    if (f.gain.empty()) return;
    const bool is_first = best_.gain.empty();
    if (is_first || f.left < limit::explained_input_share * best_.left) best_ = std::move(f);
  }
  void offer(const input_change& change) {
    const auto from = places_of(change, s_);
    const auto y = changed_bytes(change, s_);
    if (!y) return;
    fit f = fitted_to(change, *y, from ? &*from : nullptr);
    if (s_.known.has_mean_image(s_.channels)) {
      std::vector<float> without = *y;
      for (std::size_t i = 0; i < without.size(); ++i) without[i] -= s_.mean_at(i);
      fit g = fitted_to(change, without, nullptr);
      g.has_mean_image = true;
      if (!g.gain.empty() && g.left <= f.left) f = std::move(g);
    }
    take(std::move(f));
  }

  /// What lines leave on some elements spread over the input: for searches.
  [[nodiscard]] double left_on_sample(const input_change& change) const {
    const std::size_t n = x_.size(), plane = s_.plane();
    const std::size_t step = std::max<std::size_t>(1, n / limit::searched_elements) | 1U;
    double left = 0, spread = 0;
    std::size_t covered = 0, all = 0;
    for (std::size_t c = 0; c < s_.channels; ++c) {
      std::vector<float> a, b;
      for (std::size_t i = c * plane + c; i < (c + 1) * plane; i += step) {
        ++all;
        const std::ptrdiff_t at = place_of(change, s_, c, i % plane / s_.columns, i % s_.columns);
        if (at < 0) continue;
        a.push_back(x_[i]);
        b.push_back(s_.bytes[static_cast<std::size_t>(at)]);
      }
      covered += a.size();
      if (a.size() < 8) continue;
      const line_fit line = fit_line(a, b);
      left += line.unexplained;
      spread += line.spread;
    }
    if (static_cast<double>(covered) < limit::least_covered * static_cast<double>(all) || !(spread > 0)) return 1;
    return std::sqrt(left / spread);
  }
  void search_shifts() {
    if (s_.rows < 8 || s_.columns < 8) return;
    const auto limit = [](std::size_t n) { return std::min(limit::most_shift, static_cast<int>(n / 3)); };
    search([&](const auto& look) {
      for (int down = -limit(s_.rows); down <= limit(s_.rows); ++down) {
        for (int right = -limit(s_.columns); right <= limit(s_.columns); ++right) {
          if (right != 0 || down != 0) look({.bytes = byte_change::shifted, .right = right, .down = down});
        }
      }
    });
  }
  void search_strides() {
    if (s_.rows < 4 || s_.columns < 4) return;
    search([&](const auto& look) {
      for (const bool interleaved : {false, true}) {
        if (interleaved && s_.channels == 1) break;
        const std::size_t w = interleaved ? s_.columns * s_.channels : s_.columns;
        for (std::size_t stride = w - w / 4; stride <= w + std::max<std::size_t>(64, w / 4); ++stride) {
          if (stride == w) continue;
          for (const byte_change b : {byte_change::rows_padded, byte_change::rows_unpadded}) {
            if (b == byte_change::rows_padded && stride < w) continue;
            look({.bytes = b, .stride = stride, .interleaved = interleaved});
          }
        }
      }
    });
  }
  /// Offers the one that leaves least of what `visit` shows.
  template <class Visit>
  void search(const Visit& visit) {
    input_change nearest;
    double least = 1;
    visit([&](input_change c) {
      for (const bool reversed : {false, true}) {
        if (reversed && s_.channels != 3) break;
        c.reversed = reversed;
        const double left = left_on_sample(c);
        if (left >= least) continue;
        least = left;
        nearest = c;
      }
    });
    if (least < 1) offer(nearest);
  }

  /// Mean and scale from the fit, and which of the usual faults they are.
  void tell_values(input_explanation& e) const {
    const std::size_t channels = best_.gain.size();
    constexpr double range = 255;
    for (std::size_t c = 0; c < channels; ++c) {
      const double scale = best_.gain[c];
      e.scale.push_back(scale);
      e.mean.push_back(scale != 0 ? -best_.offset[c] / scale : 0);
    }
    const auto fits = [&](const normalization& n) {
      for (std::size_t c = 0; c < channels; ++c) {
        const double mean = best_.has_mean_image ? 0 : mean_of(n.mean, c, channels);
        const double tolerance =
            std::max(limit::gain_tolerance * range / 2, limit::gain_tolerance / 2 * std::fabs(mean));
        if (std::fabs(e.scale[c] - n.scale) > limit::gain_tolerance * std::fabs(n.scale)) return false;
        if (std::fabs(e.mean[c] - mean) > tolerance) return false;
      }
      return true;
    };
    std::vector<input_change> ways = {{}};
    for (const input_change& v : value_changes(s_)) ways.push_back(v);
    for (const input_change& w : ways) {
      e.change.values = w.values;
      if (fits(normalization_of(e.change, s_))) return;
    }
    e.change.values = value_change::other;
    for (const double m : e.mean) e.change.mean.push_back(static_cast<float>(m));
    e.change.scale = std::accumulate(e.scale.begin(), e.scale.end(), 0.0) / static_cast<double>(channels);
  }
  [[nodiscard]] double mean_of(const std::vector<float>& mean, std::size_t c, std::size_t channels) const {
    if (mean.empty()) return 0;
    if (mean.size() == channels) return static_cast<double>(mean[c]);
    const std::size_t each = mean.size() / channels;  // of elements, or of several channels
    const auto first = mean.begin() + static_cast<std::ptrdiff_t>(c * each);
    return std::accumulate(first, first + static_cast<std::ptrdiff_t>(each), 0.0) / static_cast<double>(each);
  }
  /// The value of what is outside the picture, in bytes, where it is one.
  void tell_border(input_explanation& e) const {
    if (!std::isnan(e.change.border) || best_.gain.size() != s_.channels) return;
    const auto y = changed_bytes(e.change, s_);
    if (!y) return;
    std::vector<double> seen;
    for (std::size_t i = 0; i < y->size(); ++i) {
      if (!std::isnan((*y)[i])) continue;
      const std::size_t c = i / s_.plane();
      if (best_.gain[c] != 0) seen.push_back((static_cast<double>(x_[i]) - best_.offset[c]) / best_.gain[c]);
    }
    if (seen.empty()) return;
    const auto [low, high] = std::minmax_element(seen.begin(), seen.end());
    if (*high - *low <= 1) e.change.border = static_cast<float>(std::round((*low + *high) / 2));
  }

  const input_scene& s_;
  std::span<const float> x_;
  bool knows_cfg_;
  fit best_;
};

}  // namespace detail

/// Explains an input by a scene. Never throws for values that explain nothing: the explanation does not hold then.
[[nodiscard]] inline input_explanation explain_input(const input_scene& scene, std::span<const float> input,
                                                     bool knows_cfg = true) {
  return detail::input_explainer(scene, input, knows_cfg).explain();
}

NNIESIM_END_NAMESPACE
