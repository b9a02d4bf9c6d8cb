// Feature norms that truncation shifts, y = x / (a + r): solves the constant a that brings the norms back, and proves
// it by running the network with it.
// Long: the model of a norm, its solution and its proof share their samples.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/norm_chain.hpp>
#include <nniesim/debug/norm_constants.hpp>
#include <nniesim/debug/norm_samples.hpp>
#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Pictures, made one at a time.
struct picture_set {
  std::size_t size = 0;  ///< pictures
  /// The network's inputs for picture i, in order. Called once for each picture and pass, in order.
  std::function<std::vector<tensor<float>>(std::size_t i)> inputs{};
};

/// A network whose norm constants are solved or judged, and how it is quantized.
struct compensation_problem {
  const network& net;               ///< folded, its layers' names all different
  precision_plan plan{};            ///< of the quantized network: plan_of(net, mode)
  const activation_ranges& ranges;  ///< of the network as it is
  /// The ranges that calibration finds for the network with other constants, as the compiler will for the changed
  /// prototxt. Empty: the ranges stay what they are.
  std::function<activation_ranges(const network&)> recalibrate{};
  double negligible = 0.002;  ///< a mean |error| below this is not worth a change
  executor threads{};         ///< for the layers; the result is the same for any number
  policy_set policies{};      ///< those that the plan names
};

/// Relative errors of norms, (quantized - float) / float, over samples.
struct norm_errors {
  double mean = 0;          ///< signed
  double mean_abs = 0;      ///< the mean of the magnitudes: errors of both signs do not cancel
  double deviation = 0;     ///< standard deviation (n - 1); 0 for one sample
  std::size_t samples = 0;  ///< that the others are of
};

/// The share of the mean |error| on the training pictures that a new constant must remove. Any shift of all norms
/// together can be made zero; where so little of the error is such a shift, the constant is not what is wrong.
inline constexpr double least_common_share = 0.25;

/// What solving the constant of one chain came to.
enum class compensation_outcome {
  compensated,            ///< the constant is new
  nothing_to_compensate,  ///< the error is negligible
  cannot_help,     ///< the error is not the same for all pictures, or out of reach; the constant stays what it was
  not_measurable,  ///< no sample has a norm to compare; the constant stays what it was
};

/// The outcome in words.
[[nodiscard]] constexpr std::string_view to_string(compensation_outcome o) noexcept {
  switch (o) {
    case compensation_outcome::compensated: return "compensated";
    case compensation_outcome::nothing_to_compensate: return "nothing to compensate";
    case compensation_outcome::cannot_help: return "a constant cannot help";
    case compensation_outcome::not_measurable: return "not measurable";
  }
  return "?";
}

/// What the training pictures say about one chain, the constants of those before it already changed.
struct solved_constant {
  norm_chain chain;  ///< as it is in the problem's network, with the old constant
  compensation_outcome outcome = compensation_outcome::not_measurable;  ///< whether `constant` is new, or why not
  float constant = 0;                                                   ///< a', or the old one
  /// 95 % interval for the constant that makes the mean error zero, from the spread over samples: where the mean error
  /// is within Student's t times its standard error. Ends that are out of reach are cut to the range that is searched.
  /// None for one sample, or where no constant in that range makes the mean error zero.
  std::optional<std::array<double, 2>> interval{};
  norm_errors before{};     ///< with the old constant, measured
  norm_errors predicted{};  ///< with `constant`, by the closed form
  /// The errors by where they arise: those that the exact norm of the quantized x would have, and the rest, which
  /// arises in the chain. Only the rest is repaired by a constant; what x brings along is hidden by it on average.
  norm_errors from_input{},  ///< those that x brings along
      from_chain{};          ///< those that arise in the chain
  std::size_t left_out = 0;  ///< samples that are not compared: a norm zero or not finite, or nothing to divide by
  std::string verdict;       ///< in a sentence
};

/// Solves the constants of all chains on training pictures: those that make the mean error of the norms after the
/// product zero. A norm changes with a' as factor(a') / factor(a), the factors computed from the measured r as the
/// accelerator's layers write and encode them; they fall while a' grows, so that bisection finds it. Searched where no
/// a' + r (or a' + r^2) becomes less than half or more than twice what it was. Chains behind others are measured again
/// with the new constants in place.
/// The references are always of the network as it is. Throws format_error for a float plan, options out of range and a
/// set without pictures; else as network_runner.
[[nodiscard]] std::vector<solved_constant> solve_compensation(const compensation_problem& problem,
                                                              std::span<const norm_chain> chains,
                                                              const picture_set& training);

/// The constants that changed.
[[nodiscard]] std::vector<norm_constant> changed_constants(const network& net, std::span<const solved_constant> solved);

/// What re-running says about one chain.
struct judged_chain {
  std::string name;      ///< of the chain: its product's
  norm_errors before{},  ///< of the quantized network as it is
      after{};           ///< of the one with the new constants
  /// 1 - |after.mean| / |before.mean|: the share of the common shift of the norms, which is what constants act on, that
  /// is gone. Negative where it grew, 0 where both are zero.
  double removed = 0;
  double removed_abs = 0;           ///< the same of mean_abs, in which what differs from picture to picture remains
  std::vector<double> float_norms,  ///< of every sample, of the float network
      quantized,                    ///< of every sample, of the quantized network as it is
      compensated;                  ///< of every sample, of the one with the new constants
  std::size_t left_out = 0;         ///< samples whose float norm is zero or any not finite
};

/// Runs the network in float, quantized and quantized with these constants, and compares the norms after each chain.
/// Throws as solve_compensation and with_constants.
[[nodiscard]] std::vector<judged_chain> judge_compensation(const compensation_problem& problem,
                                                           std::span<const norm_chain> chains,
                                                           std::span<const norm_constant> constants,
                                                           const picture_set& pictures);

namespace detail {

[[nodiscard]] inline norm_errors errors_of(std::span<const double> errors) {
  norm_errors e;
  e.samples = errors.size();
  if (errors.empty()) return e;
  const auto n = static_cast<double>(errors.size());
  for (const double v : errors) {
    e.mean += v / n;
    e.mean_abs += std::fabs(v) / n;
  }
  double squares = 0;
  for (const double v : errors) squares += (v - e.mean) * (v - e.mean);
  if (errors.size() > 1) e.deviation = std::sqrt(squares / (n - 1));
  return e;
}

/// 1 - after / before of magnitudes.
[[nodiscard]] inline double removed_share(double before, double after) noexcept {
  if (before > 0) return 1 - after / before;
  return after > 0 ? -std::numeric_limits<double>::infinity() : 0;
}

/// The 97.5 % quantile of Student's t: exact for 1 and 2 degrees of freedom, else the expansion in their inverse
/// (Abramowitz and Stegun 26.7.5), which is within 0.2 %.
[[nodiscard]] inline double student_t(std::size_t freedom) noexcept {
  if (freedom == 1) return 12.7062047;
  if (freedom == 2) return 4.3026527;
  const double v = 1 / static_cast<double>(freedom);
  return 1.9599640 + v * (2.3722712 + v * (2.8224986 + v * (2.5558498 + v * 1.5895341)));
}

/// One chain's closed form.
class norm_model {
 public:
  norm_model(const network& net, const precision_plan& plan, const activation_ranges& ranges, const norm_chain& chain,
             std::vector<norm_sample> samples, const policy_set& policies)
      : chain_(chain),
        root_(std::get<power_params>(net.layers[chain.root].params)),
        inverse_(std::get<power_params>(net.layers[chain.inverse].params)) {
    const std::vector<blob_storage> storage = blob_storage_of(net, plan);
    const std::vector<std::string> names = range_names(net);
    for (const auto& [l, input] : chain.encoders) {
      const blob_storage& s = storage[net.layers[l].inputs[input]];
      if (!s.is_codes()) continue;
      encoders_.push_back({&policies[s.read_by(plan.layers[l])], ranges.blobs.at(names[s.range])});
    }
    double low = -std::numeric_limits<double>::infinity();
    double high = std::numeric_limits<double>::infinity();
    for (norm_sample& s : samples) {
      const double divisor = chain.constant + s.base;
      const bool usable = std::isfinite(s.reference) && s.reference > 0 && std::isfinite(divisor) && divisor > 0;
      if (!usable) {
        ++left_out_;
        continue;
      }
      low = std::max(low, chain.constant - divisor / 2);
      high = std::min(high, chain.constant + divisor);
      samples_.push_back(s);
    }
    low_ = low;
    high_ = high;
  }

  [[nodiscard]] std::size_t size() const noexcept { return samples_.size(); }
  [[nodiscard]] std::size_t left_out() const noexcept { return left_out_; }

  [[nodiscard]] norm_errors errors(double constant) const {
    std::vector<double> all;
    for (const norm_sample& s : samples_) {
      double norm = s.quantized;  // zero stays zero
      if (norm > 0) norm *= factor(s, constant) / factor(s, chain_.constant);
      all.push_back((norm - s.reference) / s.reference);
    }
    return errors_of(all);
  }
  /// The constant whose mean error is `target`; nothing where it is out of reach.
  [[nodiscard]] std::optional<double> solve(double target) const {
    double low = low_;
    double high = high_;
    if (!(errors(low).mean >= target) || !(errors(high).mean <= target)) return std::nullopt;
    for (int i = 0; i < 60; ++i) {
      const double middle = low + (high - low) / 2;
      (errors(middle).mean > target ? low : high) = middle;
    }
    return low + (high - low) / 2;
  }
  [[nodiscard]] std::optional<std::array<double, 2>> interval() const {
    if (samples_.size() < 2) return std::nullopt;
    const std::optional<double> constant = solve(0);
    if (!constant) return std::nullopt;
    const auto n = static_cast<double>(samples_.size());
    const double half = student_t(samples_.size() - 1) * errors(*constant).deviation / std::sqrt(n);
    return std::array{std::min(solve(half).value_or(low_), *constant),
                      std::max(solve(-half).value_or(high_), *constant)};
  }
  /// The errors of the exact norm of the quantized x, and what the measured ones have besides.
  [[nodiscard]] std::pair<norm_errors, norm_errors> origins() const {
    std::vector<double> from_input, from_chain;
    for (const norm_sample& s : samples_) {
      const double inside = root_.scale * chain_.weight * s.input * s.input + root_.shift;
      double exact = power_of(inside, root_.exponent);
      if (chain_.root != chain_.inverse) exact = power_of(inverse_.scale * exact + inverse_.shift, inverse_.exponent);
      from_input.push_back((s.input * exact - s.reference) / s.reference);
      from_chain.push_back((s.quantized - s.input * exact) / s.reference);
    }
    return {errors_of(from_input), errors_of(from_chain)};
  }

 private:
  /// What x is multiplied with under a constant, as the accelerator's layers write and encode it.
  [[nodiscard]] double factor(const norm_sample& s, double constant) const {
    const power_params& holder = chain_.holder == chain_.root ? root_ : inverse_;
    double v = written(power_of(s.base + constant, holder.exponent));
    if (chain_.holder != chain_.inverse) v = written(power_of(inverse_.scale * v + inverse_.shift, inverse_.exponent));
    q20_12 stored = q20_12::from(v);
    const std::span<q20_12> one(&stored, 1);
    for (const encoder& e : encoders_) {
      e.policy->encode_activations(one, e.range, one);
    }
    return static_cast<double>(stored);
  }
  [[nodiscard]] static double written(double v) { return static_cast<double>(q20_12::from(v)); }

  struct encoder {
    const network_policy* policy;
    activation_range range;
  };

  const norm_chain& chain_;
  power_params root_, inverse_;
  std::vector<encoder> encoders_;
  std::vector<norm_sample> samples_;
  double low_ = 0, high_ = 0;  ///< what is searched
  std::size_t left_out_ = 0;
};

inline void check(const compensation_problem& p, const picture_set& pictures) {
  require<format_error>(!p.plan.is_float, "compensation: got a float plan, expected a quantized one");
  require<format_error>(p.negligible >= 0 && p.negligible < std::numeric_limits<double>::infinity(),
                        "compensation: got a negligible error of ", p.negligible, ", expected 0 or more");
  require<format_error>(pictures.size != 0 && pictures.inputs, "compensation: no pictures, expected at least one");
}

/// Runs of one network, quantized or in float, that keep what chains need.
class chain_runner {
 public:
  chain_runner(const compensation_problem& p, const network& net, const precision_plan& plan,
               std::span<const norm_chain> chains)
      : runner_(net, plan, {.keep = chain_blobs(net, chains), .threads = p.threads, .policies = p.policies}) {}
  chain_runner(const compensation_problem& p, const network& net, const activation_ranges& ranges,
               std::span<const norm_chain> chains)
      : chain_runner(p, net, p.plan, chains) {
    runner_.use(ranges);
  }

  void run(const std::vector<tensor<float>>& inputs) {
    std::vector<tensor_view<const float>> views;
    for (const auto& t : inputs) views.push_back(view_of(t));
    runner_.run(views);
  }
  [[nodiscard]] std::vector<double> output_norms(const norm_chain& c) const { return detail::output_norms(runner_, c); }
  /// All but the reference.
  [[nodiscard]] std::vector<norm_sample> samples(const norm_chain& c) const { return samples_of(runner_, c); }

 private:
  network_runner runner_;
};

/// A network with changed constants, ready to run.
class changed_network {
 public:
  changed_network(const compensation_problem& p, std::span<const norm_constant> constants,
                  std::span<const norm_chain> chains)
      : net_(with_constants(p.net, constants)),
        ranges_(p.recalibrate && !constants.empty() ? p.recalibrate(net_) : p.ranges),
        runner_(p, net_, ranges_, chains) {}

  [[nodiscard]] chain_runner& runner() noexcept { return runner_; }
  [[nodiscard]] const activation_ranges& ranges() const noexcept { return ranges_; }

 private:
  network net_;
  activation_ranges ranges_;
  chain_runner runner_;
};

/// The outcome for one chain from its samples.
[[nodiscard]] inline solved_constant solve_chain(const compensation_problem& p, const activation_ranges& ranges,
                                                 const norm_chain& chain, std::vector<norm_sample> samples) {
  solved_constant s;
  s.chain = chain;
  s.constant = static_cast<float>(chain.constant);
  const norm_model model(p.net, p.plan, ranges, s.chain, std::move(samples), p.policies);
  s.left_out = model.left_out();
  if (model.size() == 0) {
    s.verdict = "not measurable: no sample has a norm that could be compared";
    return s;
  }
  s.before = s.predicted = model.errors(chain.constant);
  std::tie(s.from_input, s.from_chain) = model.origins();
  s.interval = model.interval();
  const std::string error = message(chain.sequence == 0 ? "" : "behind the constants already solved, ",
                                    "the norms are off by ", percent_with_sign(s.before.mean, 2), " on average");
  const std::string origin = s.from_input.mean_abs > s.from_chain.mean_abs
                                 ? message("; most of that comes before the norm, ", percent(s.from_input.mean_abs),
                                           " against ", percent(s.from_chain.mean_abs), " of the chain")
                                 : std::string();
  if (s.before.mean_abs < p.negligible) {
    s.outcome = compensation_outcome::nothing_to_compensate;
    s.verdict = message("nothing to compensate: ", error);
    return s;
  }
  const std::optional<double> constant = model.solve(0);
  s.outcome = compensation_outcome::cannot_help;
  if (!constant) {
    s.verdict = message("a constant cannot help: ", error, ", more than one can change that keeps every a + r within ",
                        "half and twice what it was", origin);
    return s;
  }
  const auto rounded = static_cast<float>(*constant);
  s.predicted = model.errors(static_cast<double>(rounded));
  const std::string change =
      message(percent(s.before.mean_abs), " to ", percent(s.predicted.mean_abs), " in magnitude");
  if (rounded == s.constant || removed_share(s.before.mean_abs, s.predicted.mean_abs) < least_common_share) {
    s.verdict = message("a constant cannot help: ", error, ", but by another amount in every sample (deviation ",
                        percent(s.before.deviation), "); the best one, ", shortest(rounded), ", brings them from ",
                        change, origin);
    s.predicted = s.before;
    return s;
  }
  s.outcome = compensation_outcome::compensated;
  s.constant = rounded;
  s.verdict = message(error, "; ", shortest(rounded), " in place of ", shortest(static_cast<float>(chain.constant)),
                      " makes that ", percent_with_sign(s.predicted.mean, 2), " and brings them from ", change, origin,
                      origin.empty() ? "" : ": that is hidden, not repaired");
  return s;
}

}  // namespace detail

inline std::vector<norm_constant> changed_constants(const network& net, std::span<const solved_constant> solved) {
  std::vector<norm_constant> result;
  for (const solved_constant& s : solved) {
    if (s.outcome == compensation_outcome::compensated) {
      result.push_back({net.layers.at(s.chain.holder).name, s.constant});
    }
  }
  return result;
}

inline std::vector<solved_constant> solve_compensation(const compensation_problem& problem,
                                                       std::span<const norm_chain> chains,
                                                       const picture_set& training) {
  detail::check(problem, training);
  std::size_t passes = 0;
  for (const norm_chain& c : chains) passes = std::max(passes, c.sequence + 1);
  std::vector<solved_constant> solved(chains.size());
  std::vector<norm_constant> constants;
  detail::chain_runner reference(problem, problem.net, float_plan(problem.net), chains);
  std::vector<std::vector<double>> references(chains.size());  // of all samples
  for (std::size_t pass = 0; pass < passes; ++pass) {
    detail::changed_network quantized(problem, constants, chains);
    std::vector<std::vector<detail::norm_sample>> samples(chains.size());
    for (std::size_t i = 0; i < training.size; ++i) {
      const std::vector<tensor<float>> inputs = training.inputs(i);
      if (pass == 0) reference.run(inputs);
      quantized.runner().run(inputs);
      for (std::size_t c = 0; c < chains.size(); ++c) {
        if (pass == 0) {
          const std::vector<double> norms = reference.output_norms(chains[c]);
          references[c].insert(references[c].end(), norms.begin(), norms.end());
        }
        if (chains[c].sequence != pass) continue;
        for (const detail::norm_sample& s : quantized.runner().samples(chains[c])) {
          samples[c].push_back(s);
          samples[c].back().reference = references[c][samples[c].size() - 1];
        }
      }
    }
    for (std::size_t c = 0; c < chains.size(); ++c) {
      if (chains[c].sequence == pass)
        solved[c] = detail::solve_chain(problem, quantized.ranges(), chains[c], std::move(samples[c]));
    }
    std::vector<solved_constant> so_far;
    for (std::size_t c = 0; c < chains.size(); ++c) {
      if (chains[c].sequence <= pass) so_far.push_back(solved[c]);
    }
    constants = changed_constants(problem.net, so_far);
  }
  return solved;
}

inline std::vector<judged_chain> judge_compensation(const compensation_problem& problem,
                                                    std::span<const norm_chain> chains,
                                                    std::span<const norm_constant> constants,
                                                    const picture_set& pictures) {
  detail::check(problem, pictures);
  std::vector<judged_chain> judged(chains.size());
  detail::chain_runner reference(problem, problem.net, float_plan(problem.net), chains);
  detail::chain_runner quantized(problem, problem.net, problem.ranges, chains);
  detail::changed_network compensated(problem, constants, chains);
  for (std::size_t i = 0; i < pictures.size; ++i) {
    const std::vector<tensor<float>> inputs = pictures.inputs(i);
    reference.run(inputs);
    quantized.run(inputs);
    compensated.runner().run(inputs);
    const auto add = [](std::vector<double>& to, const std::vector<double>& norms) {
      to.insert(to.end(), norms.begin(), norms.end());
    };
    for (std::size_t c = 0; c < chains.size(); ++c) {
      add(judged[c].float_norms, reference.output_norms(chains[c]));
      add(judged[c].quantized, quantized.output_norms(chains[c]));
      add(judged[c].compensated, compensated.runner().output_norms(chains[c]));
    }
  }
  for (std::size_t c = 0; c < chains.size(); ++c) {
    judged_chain& j = judged[c];
    j.name = chains[c].name;
    std::vector<double> before, after;
    for (std::size_t n = 0; n < j.float_norms.size(); ++n) {
      const double norm = j.float_norms[n];
      if (!std::isfinite(norm) || norm == 0) {
        ++j.left_out;
        continue;
      }
      before.push_back((j.quantized[n] - norm) / norm);
      after.push_back((j.compensated[n] - norm) / norm);
    }
    j.before = detail::errors_of(before);
    j.after = detail::errors_of(after);
    j.removed = detail::removed_share(std::fabs(j.before.mean), std::fabs(j.after.mean));
    j.removed_abs = detail::removed_share(j.before.mean_abs, j.after.mean_abs);
  }
  return judged;
}

NNIESIM_END_NAMESPACE
