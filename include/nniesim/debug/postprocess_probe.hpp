// Is the post-processing at fault? Runs it on the reference's outputs, on the other run's, and on the reference's
// disturbed by the measured error (step 5 of the vendor's procedure).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/metrics/compare.hpp>

NNIESIM_BEGIN_NAMESPACE

/// How far an output is from another decision.
struct decision_border {
  std::size_t output = 0;  ///< which of the outputs the decision is made of
  double distance = 0;  ///< Euclidean, in the output's unit, to the nearest output of another decision; may be infinite
};

/// Makes a decision of a network's outputs. Decisions are equal where their texts are.
struct postprocessing {
  std::string name;                                                   ///< what messages call it
  std::function<std::string(std::span<const tensor<float>>)> decide;  ///< the decision on the outputs, as text
  /// Empty where it is not known; asked only for outputs without NaN and infinity.
  std::function<decision_border(std::span<const tensor<float>>)> border{};
};

/// The built-in ones; each reads one of the outputs and throws shape_error where it is not there or does not fit. An
/// output with NaN or infinity in it gives the decision "not a number".
namespace postprocess {

/// The indices of the k largest values of an output of one sample (the first of several axes is 1), as a set in rising
/// order; of equal values those of lower index. k = 1 is arg-max; after a softmax, which changes no order, it is the
/// same. Border: sqrt(1/2) of the gap between the k-th and the next value. Throws format_error for k = 0, shape_error
/// where there are fewer than k values.
[[nodiscard]] postprocessing top_k(std::size_t k, std::size_t output = 0);

/// The row-major indices of values above t. Border: the smallest |value - t|. Throws format_error for a t that is not
/// finite.
[[nodiscard]] postprocessing threshold(double t, std::size_t output = 0);

/// The row-major indices of values whose softmax over axis 1 (the only axis of one of rank 1) is above t. Border: of
/// the nearest, to first order, |probability - t| over the length of the probability's gradient. Throws format_error
/// unless 0 < t < 1.
[[nodiscard]] postprocessing softmax(double t, std::size_t output = 0);

/// Whether features are scaled to length 1 before they are compared, as a network without a norm of its own needs it.
enum class feature_length { as_it_is, normalized };

/// "same" where the Euclidean distance of the output to `reference` (as many values, in the same order) is at most
/// `most`, else "other". Normalized, an output of zeros is "no feature", and the border is the distance to the cone of
/// all outputs that are just as far away as `most`. Throws format_error unless `reference` is finite and `most` is
/// finite and not negative, normalized also where the reference is zero or `most` is not below 2.
[[nodiscard]] postprocessing feature_distance(std::vector<float> reference, double most, feature_length length,
                                              std::size_t output = 0);

}  // namespace postprocess

/// What a probe says about a post-processing.
enum class probe_verdict {
  data_fault,  ///< the outputs are too far apart for the question: look for the fault in the data first
  sensitive,   ///< they agree, but the decision flips on the other's data or with errors of that size
  board_side,  ///< the same decision on both, and a stable one: where the board's differs, its own code is at fault
};

/// The verdict in words.
[[nodiscard]] constexpr std::string_view to_string(probe_verdict v) noexcept {
  switch (v) {
    case probe_verdict::data_fault: return "data fault";
    case probe_verdict::sensitive: return "sensitive post-processing";
    case probe_verdict::board_side: return "fault on the board's side";
  }
  return "?";
}

/// What counts as agreement and as stable. The cosine is the vendor's; 0.15 is what that cosine costs by itself, 0.141,
/// and little more, so that errors of the norm that a cosine does not see count too; 5 % is our choice.
struct probe_limits {
  double least_cosine = 0.99;            ///< of every output
  double most_relative_l2_error = 0.15;  ///< of every output
  double most_flips = 0.05;              ///< share of the trials
};

/// What a probe of a post-processing found.
struct probe_result {
  probe_verdict verdict = probe_verdict::data_fault;     ///< by the limits
  std::string reference_decision;                        ///< on the reference's outputs
  std::string other_decision;                            ///< on the other's outputs
  bool flips = false;                                    ///< whether they differ
  std::vector<comparison> outputs{};                     ///< the data
  static constexpr std::size_t most_decisions = 10'000;  ///< kept in `decisions`
  std::set<std::string> decisions{};                     ///< those of the trials, up to so many
  /// The distance of the reference from its decision's border in units of the RMS error of the output that it is made
  /// of: with errors of random signs, about how many standard deviations away another decision is. Infinite where the
  /// outputs are equal or there is no other decision; none where the border is not known or an output is not finite.
  std::optional<double> margin{};
  std::size_t trials = 0;             ///< that were made; 0 where an output is not finite
  std::size_t sign_flips = 0;         ///< trials with random signs that changed the decision
  std::size_t permutation_flips = 0;  ///< trials with permuted errors that did
  double flip_rate = 0;               ///< of all trials
};

/// Probes a post-processing: the decisions on both, and on `trials` disturbed copies of the reference, to which the
/// measured difference other - reference is added: in trials 0, 2, ... each element's with a random sign, in trials 1,
/// 3, ... permuted over the elements of its output. The same seed gives the same trials on every machine. Not disturbed
/// where an output has NaN or infinity, which is a data fault; then trials is 0.
/// Throws shape_error unless both have the same outputs, at least one and none empty; format_error for no trials, for
/// limits that are not numbers, and for a post-processing that decides differently on the same data; and whatever the
/// post-processing throws.
[[nodiscard]] probe_result probe(const postprocessing& post, std::span<const tensor<float>> reference,
                                 std::span<const tensor<float>> other, std::size_t trials, std::uint64_t seed,
                                 const probe_limits& limits = {});

namespace detail {

/// The output that a built-in post-processing reads.
[[nodiscard]] inline tensor_view<const float> read_output(std::span<const tensor<float>> outputs, std::size_t index,
                                                          std::string_view name) {
  require<shape_error>(index < outputs.size() && outputs[index].size() != 0, name, ": output ", index, " of ",
                       outputs.size(), ", expected one that is there and not empty");
  return view_of(outputs[index]);
}

[[nodiscard]] inline bool is_finite(tensor_view<const float> x) {
  return std::all_of(x.span().begin(), x.span().end(), [](float v) { return std::isfinite(v); });
}

/// A post-processing that reads one output.
template <class Decide, class Distance>
[[nodiscard]] postprocessing of_one_output(std::string name, std::size_t output, Decide decide, Distance distance) {
  auto checked = [name, output, decide](std::span<const tensor<float>> outputs) {
    const tensor_view<const float> x = read_output(outputs, output, name);
    return is_finite(x) ? decide(x) : std::string("not a number");
  };
  auto border = [name, output, distance](std::span<const tensor<float>> outputs) {
    return decision_border{output, distance(read_output(outputs, output, name))};
  };
  return {std::move(name), std::move(checked), std::move(border)};
}

/// Indices of all values, the first `k` and the one behind them in falling order of the values.
[[nodiscard]] inline std::vector<std::size_t> largest_first(tensor_view<const float> x, std::size_t k) {
  require<shape_error>(x.size() >= k && (x.shape().rank() < 2 || x.shape()[0] == 1), "top_k: output of shape ",
                       x.shape(), ", expected one sample of at least ", k, " values");
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(k + 1, x.size()));
  std::partial_sort(order.begin(), end, order.end(),
                    [&](std::size_t a, std::size_t b) { return x[a] != x[b] ? x[a] > x[b] : a < b; });
  return order;
}

[[nodiscard]] inline std::string joined(std::span<const std::size_t> indices) {
  std::string text;
  for (const std::size_t i : indices) text += (text.empty() ? "" : " ") + std::to_string(i);
  return text;
}

/// f(begin, stride, count) for each group of values whose softmax sums to 1.
template <class F>
void for_each_softmax(const tensor_shape& shape, const F& f) {
  const std::size_t batch = shape.rank() < 2 ? 1 : shape[0];
  const std::size_t channels = shape.rank() == 0 ? 1 : shape[shape.rank() < 2 ? 0 : 1];
  const std::size_t plane = shape.size() / batch / channels;
  for (std::size_t n = 0; n < batch; ++n) {
    for (std::size_t i = 0; i < plane; ++i) f(n * channels * plane + i, plane, channels);
  }
}

[[nodiscard]] inline std::vector<double> softmax_of(tensor_view<const float> x) {
  std::vector<double> p(x.size());
  for_each_softmax(x.shape(), [&](std::size_t begin, std::size_t stride, std::size_t count) {
    double most = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::size_t c = 0; c < count; ++c) most = std::max(most, double{x[begin + c * stride]});
    for (std::size_t c = 0; c < count; ++c) {
      double& here = p[begin + c * stride];
      here = std::exp(double{x[begin + c * stride]} - most);
      sum += here;
    }
    for (std::size_t c = 0; c < count; ++c) p[begin + c * stride] /= sum;
  });
  return p;
}

[[nodiscard]] inline double norm_of(tensor_view<const float> x) {
  double squared = 0;
  for (const float v : x.span()) squared = std::fma(double{v}, double{v}, squared);
  return std::sqrt(squared);
}

[[nodiscard]] inline double rms_error(const tensor<float>& r, const tensor<float>& x) {
  double squared = 0;
  for (std::size_t i = 0; i < r.size(); ++i) {
    const double d = double{x.data()[i]} - double{r.data()[i]};
    squared = std::fma(d, d, squared);
  }
  return std::sqrt(squared / static_cast<double>(r.size()));
}

/// The reference with the measured error on it: with random signs, or permuted.
class disturber {
 public:
  disturber(std::span<const tensor<float>> reference, std::span<const tensor<float>> other, std::uint64_t seed)
      : reference_(reference), disturbed_(reference.begin(), reference.end()), random_(seed) {
    for (std::size_t o = 0; o < reference.size(); ++o) {
      std::vector<double>& d = errors_.emplace_back(reference[o].size());
      for (std::size_t i = 0; i < d.size(); ++i) d[i] = double{other[o].data()[i]} - double{reference[o].data()[i]};
    }
  }
  [[nodiscard]] std::span<const tensor<float>> with_random_signs() {
    for (std::size_t o = 0; o < errors_.size(); ++o) {
      std::uint64_t bits = 0;
      for (std::size_t i = 0; i < errors_[o].size(); ++i, bits >>= 1U) {
        if (i % 64 == 0) bits = random_();
        set(o, i, (bits & 1U) != 0 ? errors_[o][i] : -errors_[o][i]);
      }
    }
    return disturbed_;
  }
  [[nodiscard]] std::span<const tensor<float>> permuted() {
    for (std::size_t o = 0; o < errors_.size(); ++o) {
      std::vector<double> mixed = errors_[o];  // by hand: std::shuffle differs between libraries
      for (std::size_t i = mixed.size(); i > 1; --i) std::swap(mixed[i - 1], mixed[random_() % i]);
      for (std::size_t i = 0; i < mixed.size(); ++i) set(o, i, mixed[i]);
    }
    return disturbed_;
  }

 private:
  void set(std::size_t output, std::size_t i, double error) {
    disturbed_[output].data()[i] = static_cast<float>(double{reference_[output].data()[i]} + error);
  }
  std::span<const tensor<float>> reference_;
  std::vector<tensor<float>> disturbed_;
  std::vector<std::vector<double>> errors_;
  std::mt19937_64 random_;
};

}  // namespace detail

inline postprocessing postprocess::top_k(std::size_t k, std::size_t output) {
  detail::require<format_error>(k != 0, "top_k: k is 0, expected at least 1");
  return detail::of_one_output(
      "top_k", output,
      [k](tensor_view<const float> x) {
        std::vector<std::size_t> order = detail::largest_first(x, k);
        order.resize(k);
        std::sort(order.begin(), order.end());
        return detail::joined(order);
      },
      [k](tensor_view<const float> x) {
        const std::vector<std::size_t> order = detail::largest_first(x, k);
        if (order.size() == k) return std::numeric_limits<double>::infinity();
        return (double{x[order[k - 1]]} - double{x[order[k]]}) * std::sqrt(0.5);
      });
}

inline postprocessing postprocess::threshold(double t, std::size_t output) {
  detail::require<format_error>(std::isfinite(t), "threshold: ", t, ", expected a finite number");
  return detail::of_one_output(
      "threshold", output,
      [t](tensor_view<const float> x) {
        std::vector<std::size_t> above;
        for (std::size_t i = 0; i < x.size(); ++i) {
          if (double{x[i]} > t) above.push_back(i);
        }
        return detail::joined(above);
      },
      [t](tensor_view<const float> x) {
        double least = std::numeric_limits<double>::infinity();
        for (const float v : x.span()) least = std::min(least, std::fabs(double{v} - t));
        return least;
      });
}

inline postprocessing postprocess::softmax(double t, std::size_t output) {
  detail::require<format_error>(t > 0 && t < 1, "softmax: a threshold of ", t, ", expected one between 0 and 1");
  return detail::of_one_output(
      "softmax", output,
      [t](tensor_view<const float> x) {
        const std::vector<double> p = detail::softmax_of(x);
        std::vector<std::size_t> above;
        for (std::size_t i = 0; i < p.size(); ++i) {
          if (p[i] > t) above.push_back(i);
        }
        return detail::joined(above);
      },
      [t](tensor_view<const float> x) {
        const std::vector<double> p = detail::softmax_of(x);
        double least = std::numeric_limits<double>::infinity();
        detail::for_each_softmax(x.shape(), [&](std::size_t begin, std::size_t stride, std::size_t count) {
          double squares = 0;
          for (std::size_t c = 0; c < count; ++c) squares += p[begin + c * stride] * p[begin + c * stride];
          for (std::size_t c = 0; c < count; ++c) {
            // dp_i / dx_j = p_i (delta_ij - p_j)
            const double own = p[begin + c * stride];
            const double slope = own * std::sqrt(std::max(0.0, squares - 2 * own + 1));
            if (slope > 0) least = std::min(least, std::fabs(own - t) / slope);
          }
        });
        return least;
      });
}

inline postprocessing postprocess::feature_distance(std::vector<float> reference, double most, feature_length length,
                                                    std::size_t output) {
  const bool normalized = length == feature_length::normalized;
  const tensor_view<const float> view(reference, {reference.size()});
  const double norm = detail::norm_of(view);
  detail::require<format_error>(!reference.empty() && detail::is_finite(view) && std::isfinite(most) && most >= 0,
                                "feature_distance: a reference of ", reference.size(), " values and a threshold of ",
                                most, ", expected finite values and a finite threshold of at least 0");
  detail::require<format_error>(!normalized || (norm > 0 && most < 2), "feature_distance: a reference of length ", norm,
                                " and a threshold of ", most,
                                ", expected a length to normalize and a threshold below 2");
  const auto distance = [reference = std::move(reference), norm, normalized](tensor_view<const float> x) {
    detail::require<shape_error>(x.size() == reference.size(), "feature_distance: output of shape ", x.shape(),
                                 ", expected the reference's ", reference.size(), " values");
    const double unit_x = normalized ? detail::norm_of(x) : 1;
    const double unit_r = normalized ? norm : 1;
    double squared = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double d = double{x[i]} / unit_x - double{reference[i]} / unit_r;
      squared = std::fma(d, d, squared);
    }
    return std::sqrt(squared);
  };
  return detail::of_one_output(
      "feature_distance", output,
      [=](tensor_view<const float> x) {
        const double d = distance(x);
        return std::string(std::isnan(d) ? "no feature" : d <= most ? "same" : "other");
      },
      [=](tensor_view<const float> x) {
        const double d = distance(x);
        if (!normalized) return std::fabs(d - most);
        if (std::isnan(d)) return 0.0;
        // Between directions at a distance d is an angle of 2 asin(d / 2).
        const double angle = std::fabs(2 * std::asin(std::min(1.0, d / 2)) - 2 * std::asin(most / 2));
        return detail::norm_of(x) * std::sin(std::min(angle, std::asin(1.0)));
      });
}

inline probe_result probe(const postprocessing& post, std::span<const tensor<float>> reference,
                          std::span<const tensor<float>> other, std::size_t trials, std::uint64_t seed,
                          const probe_limits& limits) {
  detail::require<shape_error>(!reference.empty() && reference.size() == other.size(), "probe: ", reference.size(),
                               " and ", other.size(), " outputs, expected equally many, at least one");
  detail::require<format_error>(trials != 0, "probe: 0 trials, expected at least 1");
  detail::require<format_error>(
      !std::isnan(limits.least_cosine) && !std::isnan(limits.most_relative_l2_error) && !std::isnan(limits.most_flips),
      "probe: a limit is NaN, expected numbers");
  probe_result result;
  bool agree = true;
  bool finite = true;
  for (std::size_t o = 0; o < reference.size(); ++o) {
    const comparison& c = result.outputs.emplace_back(compare(reference[o], other[o]));
    agree = agree && c.cosine >= limits.least_cosine && c.relative_l2_error <= limits.most_relative_l2_error;
    finite = finite && c.bad_reference + c.bad_other == 0;
  }
  result.reference_decision = post.decide(reference);
  detail::require<format_error>(post.decide(reference) == result.reference_decision, "probe: ", post.name,
                                " decides differently when it is run again on the same data");
  result.other_decision = post.decide(other);
  result.flips = result.reference_decision != result.other_decision;
  if (!finite) return result;

  if (post.border) {
    const decision_border border = post.border(reference);
    const double rms = detail::rms_error(reference[border.output], other[border.output]);
    result.margin = rms > 0 ? border.distance / rms : std::numeric_limits<double>::infinity();
  }
  detail::disturber disturbed(reference, other, seed);
  for (; result.trials < trials; ++result.trials) {
    const bool by_sign = result.trials % 2 == 0;
    const std::string decision = post.decide(by_sign ? disturbed.with_random_signs() : disturbed.permuted());
    const bool flipped = decision != result.reference_decision;
    if (result.decisions.size() < probe_result::most_decisions) result.decisions.insert(decision);
    (by_sign ? result.sign_flips : result.permutation_flips) += flipped ? 1U : 0U;
  }
  result.flip_rate = static_cast<double>(result.sign_flips + result.permutation_flips) / static_cast<double>(trials);
  if (agree) {
    const bool unstable = result.flips || result.flip_rate > limits.most_flips;
    result.verdict = unstable ? probe_verdict::sensitive : probe_verdict::board_side;
  }
  return result;
}

NNIESIM_END_NAMESPACE
