// A layer's output channel by channel: which channels are not what the layer gives, although the layer as a whole may
// be within what few bits cost.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/run_pair.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// One channel of what a layer shows, against what the layer gives in float for its inputs.
struct channel_fit {
  std::size_t channel = 0;
  double norm = 0;            ///< in float
  double error = 0;           ///< of what is shown, from float or the simulation, what is nearer; of the norm
  double rounding = 0;        ///< the simulation's error; of the norm
  double gain = 1, left = 0;  ///< the best factor, and the error that it leaves, of the norm
  bool is_off = false;        ///< not as the layer gives it
  bool is_silent = false;     ///< it shows one value everywhere, and should not
};

/// Cuts a tensor of the network's order into channels (axis 1 of NCHW and NC) and calls f(channel, index) for each
/// element.
template <class F>
void for_channels(const tensor_shape& shape, std::size_t count, const F& f) {
  const auto [n, c, h, w] = nchw_of(shape, count);
  std::size_t i = 0;
  for (std::size_t b = 0; b < n; ++b) {
    for (std::size_t ch = 0; ch < c; ++ch) {
      for (std::size_t e = 0; e < h * w; ++e) f(ch, i++);
    }
  }
}

/// Every channel of `shown` against `in_float` and, where the run is quantized, simulations of it.
[[nodiscard]] inline std::vector<channel_fit> fit_channels(const tensor<float>& in_float, const tensor<float>& shown,
                                                           std::span<const tensor<float>> simulated) {
  const tensor_shape& shape = shape_of(in_float);
  const std::size_t channels = nchw_of(shape, in_float.size())[1];
  const std::size_t each = in_float.size() / channels;
  struct sums {
    double rr = 0, xx = 0, rx = 0, off = 0, x_least = std::numeric_limits<double>::infinity(), x_most = -x_least,
           r_least = x_least, r_most = -x_least;
    std::vector<double> from_simulation, rounding;
  };
  std::vector<sums> all(channels);
  for (sums& s : all) {
    s.from_simulation.resize(simulated.size());
    s.rounding.resize(simulated.size());
  }
  const auto square = [](double v) { return v * v; };
  double whole = 0, whole_rounding = 0;
  for_channels(shape, in_float.size(), [&](std::size_t c, std::size_t i) {
    const auto r = static_cast<double>(in_float.data()[i]), x = static_cast<double>(shown.data()[i]);
    sums& s = all[c];
    s.rr += r * r;
    s.xx += x * x;
    s.rx += r * x;
    s.off += square(x - r);
    s.x_least = std::min(s.x_least, x);
    s.x_most = std::max(s.x_most, x);
    s.r_least = std::min(s.r_least, r);
    s.r_most = std::max(s.r_most, r);
    whole += r * r;
    for (std::size_t k = 0; k < simulated.size(); ++k) {
      const auto y = static_cast<double>(simulated[k].data()[i]);
      s.from_simulation[k] += square(x - y);
      s.rounding[k] += square(y - r);
      if (k == 0) whole_rounding += square(y - r);
    }
  });
  constexpr double step = limit::step_q20_12;
  std::vector<channel_fit> result;
  for (std::size_t c = 0; c < channels; ++c) {
    const sums& s = all[c];
    channel_fit f{c};
    f.norm = std::sqrt(s.rr);
    double off = s.off, rounding = 0;
    for (std::size_t k = 0; k < simulated.size(); ++k) {
      off = std::min(off, s.from_simulation[k]);
      rounding = std::max(rounding, s.rounding[k]);
    }
    // A few values may be right by chance: then the layer's rounding is the measure.
    if (each < limit::channel_values) {
      rounding = std::max(rounding, whole_rounding / static_cast<double>(channels));
    }
    const double unit = f.norm > 0 ? f.norm : 1;
    f.error = std::sqrt(off) / unit;
    f.rounding = std::sqrt(rounding) / unit;
    f.gain = s.rr > 0 ? s.rx / s.rr : 1;
    f.left = std::sqrt(std::max(0.0, s.xx - f.gain * s.rx)) / unit;
    const bool has_steps = std::sqrt(off / static_cast<double>(each)) > limit::channel_steps * step;
    const bool has_content = s.rr >= square(limit::least_channel) * whole / static_cast<double>(channels);
    const double root = std::sqrt(off), unavoidable = std::sqrt(rounding);
    f.is_off = has_steps && has_content &&
               (root > std::max(limit::channel_error * f.norm, limit::channel_over_rounding * unavoidable) ||
                root > std::max(limit::told_gain * f.norm, limit::channel_far_over_rounding * unavoidable));
    f.is_silent = each >= limit::channel_values && s.x_least == s.x_most &&
                  s.r_most - s.r_least > 2 * limit::channel_steps * step &&
                  std::sqrt(off) > limit::silent_over_rounding * std::sqrt(rounding) && has_steps && has_content;
    f.is_off = f.is_off || f.is_silent;
    result.push_back(f);
  }
  return result;
}

[[nodiscard]] inline bool any_is_off(std::span<const channel_fit> channels) {
  return std::any_of(channels.begin(), channels.end(), [](const channel_fit& c) { return c.is_off; });
}

}  // namespace detail

NNIESIM_END_NAMESPACE
