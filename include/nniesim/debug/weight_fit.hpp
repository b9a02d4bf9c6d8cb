// What is wrong with the parameters of one layer: from what it was fed with and what it shows, by replaying the layer
// with a lost bias, with silent, scaled or exchanged channels, and with any weights at all.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/debug/channel_fit.hpp>
#include <nniesim/debug/fact.hpp>
#include <nniesim/debug/layer_trials.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/network/fold.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// How a layer's parameters differ from the network's.
enum class weight_change {
  none,           ///< nothing speaks for it
  lost_bias,      ///< the layer without its bias gives what is shown
  gain,           ///< all of it is multiplied by one factor
  silent,         ///< channels that show one value everywhere
  scaled,         ///< channels that are multiplied by factors of their own
  exchanged,      ///< channels that stand in each other's place
  some_channels,  ///< channels with other values, the others are as they should be
  other_weights,  ///< all channels differ, and some weights give what is shown
  untested,       ///< all channels differ, and there are too few positions to tell whether any weights give that
};

struct weight_fit {
  weight_change what = weight_change::none;
  std::vector<std::size_t> channels{};  ///< that differ
  std::vector<double> gains{};          ///< of these, or the one
  std::size_t of = 0;                   ///< channels in all
  std::size_t dead_weights = 0;         ///< of the silent channels those that show zero
  double seen = 0;                      ///< error from float, of the norm
  double left = 0;                      ///< what the explanation leaves of it
  /// Where that is why weights are excluded: places of the map, and how many of them are right in all channels.
  std::size_t right_places = 0, places = 0;
  std::optional<double> any_weights{};  ///< what the best weights at all leave, where that was tried
};

/// A layer as a network of its own, to be changed.
class lone_layer {
 public:
  lone_layer(const network& net, std::size_t index) {
    for (const std::size_t b : net.layers[index].inputs) {
      net_.blobs.push_back(net.blobs[b]);
      net_.layers.push_back({net.blobs[b].name, "Input", "", {}, {net_.blobs.size() - 1}, layers::input{}});
    }
    layer l = net.layers[index];
    for (std::size_t i = 0; i < l.inputs.size(); ++i) l.inputs[i] = i;
    for (std::size_t o = 0; o < l.outputs.size(); ++o) {
      net_.blobs.push_back(net.blobs[net.layers[index].outputs[o]]);
      l.outputs[o] = net_.blobs.size() - 1;
    }
    net_.layers.push_back(std::move(l));
  }
  [[nodiscard]] layer& changed() noexcept { return net_.layers.back(); }
  [[nodiscard]] std::vector<tensor<float>> run(std::span<const tensor<float>> inputs) const {
    return single_layer(net_, net_.layers.size() - 1, layer_precision::float32).run(inputs);
  }

 private:
  network net_;
};

/// Whether any weights and bias of a convolution or a fully connected layer give an output for an input: the error that
/// the best ones leave, of the norm; nothing where there are too many unknowns for the positions.
[[nodiscard]] inline std::optional<double> left_by_any_weights(const layer& l, const tensor<float>& input,
                                                               const tensor<float>& output) {
  const auto* c = std::get_if<layers::convolution>(&l.params);
  if (c == nullptr || shape_of(input).rank() != 4 || shape_of(output).rank() != 4) return std::nullopt;
  const tensor_shape w = shape_of(c->weights), x = shape_of(input), y = shape_of(output);
  const std::size_t unknowns = w[1] * w[2] * w[3] + 1, positions = y[0] * y[2] * y[3];
  if (unknowns > limit::solved_weights ||
      static_cast<double>(positions) < limit::positions_per_weight * static_cast<double>(unknowns)) {
    return std::nullopt;
  }
  const conv2d_params& g = c->geometry;
  const std::size_t outputs = y[1] / g.groups;
  double left = 0, norm = 0;
  std::vector<double> row(unknowns), matrix(unknowns * unknowns), sides(unknowns * outputs), squares(outputs);
  for (std::size_t group = 0; group < g.groups; ++group) {
    std::fill(matrix.begin(), matrix.end(), 0);
    std::fill(sides.begin(), sides.end(), 0);
    std::fill(squares.begin(), squares.end(), 0);
    for (std::size_t n = 0; n < y[0]; ++n) {
      for (std::size_t r = 0; r < y[2]; ++r) {
        for (std::size_t s = 0; s < y[3]; ++s) {
          std::size_t u = 0;
          for (std::size_t k = 0; k < w[1]; ++k) {
            for (std::size_t a = 0; a < w[2]; ++a) {
              for (std::size_t b = 0; b < w[3]; ++b) {
                const auto at = static_cast<std::ptrdiff_t>(r * g.stride[0] + a * g.dilation[0]) -
                                static_cast<std::ptrdiff_t>(g.pad.top);
                const auto on = static_cast<std::ptrdiff_t>(s * g.stride[1] + b * g.dilation[1]) -
                                static_cast<std::ptrdiff_t>(g.pad.left);
                const bool is_inside = at >= 0 && on >= 0 && at < static_cast<std::ptrdiff_t>(x[2]) &&
                                       on < static_cast<std::ptrdiff_t>(x[3]);
                row[u++] =
                    is_inside
                        ? static_cast<double>(
                              input
                                  .data()[((n * x[1] + group * w[1] + k) * x[2] + static_cast<std::size_t>(at)) * x[3] +
                                          static_cast<std::size_t>(on)])
                        : 0;
              }
            }
          }
          row[u] = 1;
          for (std::size_t i = 0; i < unknowns; ++i) {
            if (row[i] == 0) continue;
            for (std::size_t j = 0; j <= i; ++j) matrix[i * unknowns + j] += row[i] * row[j];
            for (std::size_t o = 0; o < outputs; ++o) {
              const auto v =
                  static_cast<double>(output.data()[((n * y[1] + group * outputs + o) * y[2] + r) * y[3] + s]);
              sides[o * unknowns + i] += row[i] * v;
            }
          }
          for (std::size_t o = 0; o < outputs; ++o) {
            const auto v = static_cast<double>(output.data()[((n * y[1] + group * outputs + o) * y[2] + r) * y[3] + s]);
            squares[o] += v * v;
          }
        }
      }
    }
    // Cholesky, with a little on the diagonal: smooth pictures leave directions that nothing determines.
    double trace = 0;
    for (std::size_t i = 0; i < unknowns; ++i) trace += matrix[i * unknowns + i];
    const double ridge = 1e-9 * trace / static_cast<double>(unknowns) + 1e-30;
    for (std::size_t i = 0; i < unknowns; ++i) matrix[i * unknowns + i] += ridge;
    for (std::size_t i = 0; i < unknowns; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        double v = matrix[i * unknowns + j];
        for (std::size_t k = 0; k < j; ++k) v -= matrix[i * unknowns + k] * matrix[j * unknowns + k];
        matrix[i * unknowns + j] = i == j ? std::sqrt(std::max(v, ridge)) : v / matrix[j * unknowns + j];
      }
    }
    for (std::size_t o = 0; o < outputs; ++o) {
      double explained = 0;  // |L^-1 b|^2: what the best weights explain of the square
      for (std::size_t i = 0; i < unknowns; ++i) {
        double v = sides[o * unknowns + i];
        for (std::size_t k = 0; k < i; ++k) v -= matrix[i * unknowns + k] * sides[o * unknowns + k];
        sides[o * unknowns + i] = v / matrix[i * unknowns + i];
        explained += sides[o * unknowns + i] * sides[o * unknowns + i];
      }
      left += std::max(0.0, squares[o] - explained);
      norm += squares[o];
    }
  }
  return norm > 0 ? std::optional(std::sqrt(left / norm)) : std::nullopt;
}

/// In how many places of its map (rows times columns) an output is right in all channels together.
[[nodiscard]] inline std::size_t right_places(const tensor<float>& in_float, const tensor<float>& shown,
                                              std::span<const tensor<float>> simulated) {
  const auto [n, c, h, w] = nchw_of(shape_of(in_float), in_float.size());
  const std::size_t plane = h * w;
  std::vector<double> off(plane), size(plane);
  std::vector<std::vector<double>> from(simulated.size(), std::vector<double>(plane));
  for (std::size_t i = 0; i < in_float.size(); ++i) {
    const auto r = static_cast<double>(in_float.data()[i]), x = static_cast<double>(shown.data()[i]);
    off[i % plane] += (x - r) * (x - r);
    size[i % plane] += r * r;
    for (std::size_t k = 0; k < simulated.size(); ++k) {
      const double d = x - static_cast<double>(simulated[k].data()[i]);
      from[k][i % plane] += d * d;
    }
  }
  // Right is what has far less error than the others, for its size.
  double mean = 0, error = 0;
  for (std::size_t p = 0; p < plane; ++p) {
    for (const auto& f : from) off[p] = std::min(off[p], f[p]);
    mean += size[p] / static_cast<double>(plane);
    error += off[p] / static_cast<double>(plane);
  }
  if (mean == 0) return 0;
  const double usual = limit::right_place * std::sqrt(error / mean);
  std::size_t right = 0;
  for (std::size_t p = 0; p < plane; ++p) {
    right += std::sqrt(off[p]) <= usual * std::sqrt(std::max(size[p], limit::least_place * mean)) ? 1U : 0U;
  }
  return right;
}

/// Whether a layer has parameters that a caffemodel gives.
[[nodiscard]] inline bool has_learned_values(const layer& l) {
  return visit_kind(l, [](auto kind, const auto& p) { return decltype(kind)::weights(p) != 0; });
}

/// What explains an output by other parameters. `bench` holds the side that is judged; `simulated` are simulations of
/// that output, of which the nearest counts; none for a side that is in float.
[[nodiscard]] inline weight_fit fit_weights(const layer_bench& bench, std::size_t output,
                                            std::span<const tensor<float>> simulated) {
  const tensor<float>& r = bench.in_float()[output];
  const tensor<float>& x = *bench.shown(output);
  weight_fit fit;
  if (!has_learned_values(bench.of())) return fit;
  const auto away = [&](const tensor<float>& y) {
    return compare_values(view_of(r).span(), view_of(y).span()).relative_l2_error;
  };
  const auto from_shown = [&](const tensor<float>& y) {
    double d = 0, n = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double e = static_cast<double>(x.data()[i]) - static_cast<double>(y.data()[i]);
      d += e * e;
      n += static_cast<double>(r.data()[i]) * static_cast<double>(r.data()[i]);
    }
    return n > 0 ? std::sqrt(d / n) : std::numeric_limits<double>::infinity();
  };
  fit.seen = away(x);
  double rounding = 0, from_simulation = fit.seen;
  for (const tensor<float>& s : simulated) {
    rounding = std::max(rounding, away(s));
    from_simulation = std::min(from_simulation, from_shown(s));
  }
  const std::vector<channel_fit> channels = fit_channels(r, x, simulated);
  fit.of = channels.size();
  std::vector<channel_fit> off;
  for (const channel_fit& c : channels) {
    if (c.is_off) off.push_back(c);
  }
  // An explanation must leave no more than rounding, or little of what was seen.
  const auto explains = [&](double left) {
    return left <= std::max(limit::explained_by_weights * fit.seen, 1.5 * rounding);
  };
  const bool is_layer_off = from_simulation > std::max(1.5 * rounding, limit::told_gain);

  if (is_layer_off || !off.empty()) {
    // A lost bias: replayed.
    layer copy = bench.of();
    const auto [weights, bias] = weights_and_bias(copy);
    channel_affine* const affine = affine_behind(copy);
    const bool has_bias = (bias != nullptr && !bias->empty()) || (affine != nullptr && !affine->shift.empty());
    if (has_bias) {
      lone_layer lone(bench.lab().net, bench.index());
      weights_and_bias(lone.changed()).second->clear();
      for (double& v : affine_behind(lone.changed())->shift) v = 0;
      const double left = from_shown(bench.as_shown(std::move(lone.run(bench.inputs())[output]), output));
      if (explains(left) && left < limit::explained_by_weights * from_simulation) {
        fit.what = weight_change::lost_bias;
        fit.left = left;
        return fit;
      }
    }
    // One factor for all.
    double rr = 0, rx = 0;
    for (std::size_t i = 0; i < r.size(); ++i) {
      rr += static_cast<double>(r.data()[i]) * static_cast<double>(r.data()[i]);
      rx += static_cast<double>(r.data()[i]) * static_cast<double>(x.data()[i]);
    }
    if (rr > 0 && is_layer_off) {
      const double gain = rx / rr;
      tensor<float> scaled = r;
      for (float& v : scaled) v *= static_cast<float>(gain);
      const double left = from_shown(scaled);
      if (gain > 0 && std::fabs(gain - 1) > limit::told_gain && explains(left) && left < fit.seen / 2) {
        fit.what = weight_change::gain;
        fit.gains = {gain};
        fit.left = left;
        return fit;
      }
    }
  }
  for (const channel_fit& c : off) fit.channels.push_back(c.channel);
  const bool are_some =
      !off.empty() && static_cast<double>(off.size()) <= limit::some_channels * static_cast<double>(channels.size());
  if (are_some) {
    if (std::all_of(off.begin(), off.end(), [](const channel_fit& c) { return c.is_silent; })) {
      fit.what = weight_change::silent;
      return fit;
    }
    // Exchanged: each is what another of them should be.
    const auto [n, c, h, w] = nchw_of(shape_of(r), r.size());
    const std::size_t plane = h * w, all = c, batch = n;
    const auto distance = [&](std::size_t of_x, std::size_t of_r) {
      double d = 0;
      for (std::size_t b = 0; b < batch; ++b) {
        for (std::size_t e = 0; e < plane; ++e) {
          const double v = static_cast<double>(x.data()[(b * all + of_x) * plane + e]) -
                           static_cast<double>(r.data()[(b * all + of_r) * plane + e]);
          d += v * v;
        }
      }
      return std::sqrt(d);
    };
    if (batch * plane >= limit::channel_values && off.size() >= 2) {
      const bool are_exchanged = std::all_of(off.begin(), off.end(), [&](const channel_fit& a) {
        const double own = distance(a.channel, a.channel);
        return std::any_of(off.begin(), off.end(), [&](const channel_fit& b) {
          return a.channel != b.channel && distance(a.channel, b.channel) < limit::explained_by_weights * own;
        });
      });
      if (are_exchanged) {
        fit.what = weight_change::exchanged;
        return fit;
      }
    }
    const bool are_scaled =
        batch * plane >= limit::channel_values && std::all_of(off.begin(), off.end(), [&](const auto& a) {
          return std::fabs(a.gain - 1) > limit::told_gain && std::fabs(a.gain) > limit::channel_error &&
                 a.left < std::max(limit::explained_by_weights * a.error, 1.5 * a.rounding);
        });
    fit.what = are_scaled ? weight_change::scaled : weight_change::some_channels;
    for (const channel_fit& a : off) fit.gains.push_back(a.gain);
    return fit;
  }
  if (!is_layer_off && off.empty()) return fit;
  // Weights are the same everywhere: where half of the places are right they are.
  const auto [n, c, h, w] = nchw_of(shape_of(r), r.size());
  if (h * w >= limit::places_of_error) {
    const std::size_t right = right_places(r, x, simulated);
    if (static_cast<double>(right) >= limit::right_places * static_cast<double>(h * w)) {
      fit.right_places = right;
      fit.places = h * w;
      return fit;
    }
  }
  // All of it: would any weights do?
  const bool is_product = is_mac_layer(bench.of());
  if (is_product && !bench.is_shown_through(output)) {
    fit.any_weights = left_by_any_weights(bench.of(), bench.inputs()[0], x);
  }
  if (fit.any_weights) {
    fit.left = *fit.any_weights;
    fit.what = explains(fit.left) ? weight_change::other_weights : weight_change::none;
  } else {
    fit.what = weight_change::untested;
  }
  return fit;
}

/// How the layer's parameters differ.
[[nodiscard]] inline fact weight_fact(const weight_fit& f, const std::string& layer) {
  const auto of = [&](fact_kind kind) { return fact(kind, {{"layer", layer}}); };
  switch (f.what) {
    case weight_change::none: break;
    case weight_change::lost_bias: return of(fact_kind::lost_bias);
    case weight_change::gain:
      return of(fact_kind::multiplied).add("gain", f.gains[0]).add("several", false).add("all", true);
    case weight_change::silent: return of(fact_kind::one_value_in_channels).add("channels", f.channels);
    case weight_change::scaled:
      return of(fact_kind::multiplied)
          .add("gain", f.gains[0])
          .add("several", f.gains.size() != 1)
          .add("channels", f.channels)
          .add("all", false);
    case weight_change::exchanged: return of(fact_kind::exchanged_channels).add("channels", f.channels);
    case weight_change::some_channels:
      return of(fact_kind::other_weights_in_channels).add("channels", f.channels).add("of", f.of);
    case weight_change::other_weights:
    case weight_change::untested: return of(fact_kind::other_weights);
  }
  return {};
}
/// What speaks for it.
[[nodiscard]] inline fact weight_evidence(const weight_fit& f) {
  const std::vector<fact_field> shares = {{"left", f.left}, {"seen", f.seen}};
  switch (f.what) {
    case weight_change::lost_bias: return {fact_kind::lost_bias_leaves, shares};
    case weight_change::gain: return {fact_kind::factor_leaves, shares};
    case weight_change::silent:
    case weight_change::scaled:
    case weight_change::exchanged:
    case weight_change::some_channels:
      return {fact_kind::other_channels_right, {{"count", f.of - f.channels.size()}, {"of", f.of}}};
    case weight_change::other_weights: return {fact_kind::some_weights_leave, shares};
    case weight_change::untested: return fact_kind::too_few_positions;
    case weight_change::none:
      if (f.places != 0) return {fact_kind::places_right, {{"count", f.right_places}, {"of", f.places}}};
      return f.any_weights ? fact(fact_kind::no_weights_do, {{"left", *f.any_weights}}) : fact_kind::no_parameter_does;
  }
  return {};
}

}  // namespace detail

NNIESIM_END_NAMESPACE
