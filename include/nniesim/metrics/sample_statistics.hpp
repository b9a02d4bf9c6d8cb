// What many measurements of one kind say: mean, percentiles and the worst, each with a bootstrap interval. The same
// bits for the same numbers in the same order, on every machine.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Which of two measurements is worse.
enum class worse_sample {
  smaller,            ///< of cosines
  larger,             ///< of relative errors
  farther_from_zero,  ///< of signed errors
};

/// A number with its 95 % interval: the middle 95 % of what resamples give.
struct sample_estimate {
  double value = 0;  ///< of all measurements
  double low = 0;    ///< where the interval begins
  double high = 0;   ///< where it ends

  /// Equal in all three.
  [[nodiscard]] bool operator==(const sample_estimate&) const = default;
};

/// The percentiles that are given, in percent.
inline constexpr std::array<int, 7> sample_percentiles = {1, 5, 25, 50, 75, 95, 99};

/// What many measurements of one kind come to.
struct sample_summary {
  std::size_t count = 0;       ///< of finite measurements, which all that follows is of; 0: nothing follows
  std::size_t not_finite = 0;  ///< of the others
  sample_estimate mean{};      ///< of all of them
  /// As sample_percentiles says.
  std::array<sample_estimate, sample_percentiles.size()> percentiles{};
  sample_estimate worst{};   ///< its interval ends at the value: no resample is worse than what was seen
  std::size_t worst_at = 0;  ///< index of the first one that bad among all measurements

  /// Equal in every number.
  [[nodiscard]] bool operator==(const sample_summary&) const = default;
};

/// How intervals are found: by drawing samples again.
struct bootstrap_options {
  std::size_t resamples = 1000;  ///< 0: the intervals are the values themselves
  std::uint64_t seed = 1;        ///< the same seed and numbers give the same intervals
};

namespace detail {

/// Steele, Lea and Flood's SplitMix64: all its states and results are integers, the same on every machine.
class split_mix {
 public:
  explicit split_mix(std::uint64_t seed) noexcept : state_(seed) {}
  [[nodiscard]] std::uint64_t operator()() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30U) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27U) * 0x94d049bb133111ebU;
    return z ^ z >> 31U;
  }
  /// 0 .. n-1, n below 2^32; off from equal shares by less than n / 2^32.
  [[nodiscard]] std::uint32_t below(std::uint64_t n) noexcept {
    return static_cast<std::uint32_t>(((*this)() >> 32U) * n >> 32U);
  }

 private:
  std::uint64_t state_;
};

/// Place of a percentile among n sorted values by the nearest rank, so that it is one of them: ceil(p n / 100) - 1.
[[nodiscard]] constexpr std::size_t nearest_rank(int percent, std::size_t n) noexcept {
  const std::size_t rank = (static_cast<std::size_t>(percent) * n + 99) / 100;
  return rank == 0 ? 0 : rank - 1;
}

[[nodiscard]] inline double badness(double v, worse_sample w) noexcept {
  return w == worse_sample::smaller ? -v : w == worse_sample::larger ? v : std::fabs(v);
}

/// The measured numbers of one sample in rising order.
struct sample_points {
  double mean = 0, worst = 0;
  std::array<double, sample_percentiles.size()> percentiles{};
};

/// Resamples of sorted values: every draw of one counts it once more.
class resampler {
 public:
  resampler(std::span<const double> sorted, worse_sample w, std::uint64_t seed)
      : sorted_(sorted), worse_(w), random_(seed), counts_(sorted.size()) {}

  [[nodiscard]] sample_points next() {
    const std::size_t n = sorted_.size();
    std::fill(counts_.begin(), counts_.end(), 0U);
    sample_points p;
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint32_t drawn = random_.below(n);
      sum += sorted_[drawn];
      ++counts_[drawn];
    }
    p.mean = sum / static_cast<double>(n);
    std::size_t seen = 0, at = 0, first = 0, last = n - 1;
    for (std::size_t k = 0; k < sample_percentiles.size(); ++k) {
      const std::size_t rank = nearest_rank(sample_percentiles[k], n);
      while (seen <= rank) seen += counts_[at++];
      p.percentiles[k] = sorted_[at - 1];
    }
    while (counts_[first] == 0) ++first;
    while (counts_[last] == 0) --last;
    const double low = sorted_[first], high = sorted_[last];
    p.worst = badness(low, worse_) > badness(high, worse_) ? low : high;
    return p;
  }

 private:
  std::span<const double> sorted_;
  worse_sample worse_;
  split_mix random_;
  std::vector<std::uint32_t> counts_;
};

/// The value with the middle 95 % of the resampled ones, which are sorted for it.
[[nodiscard]] inline sample_estimate with_interval(double value, std::vector<double>& resampled) {
  if (resampled.empty()) return {value, value, value};
  std::sort(resampled.begin(), resampled.end());
  const std::size_t n = resampled.size(), cut = n / 40;  // 2.5 % at either end
  return {value, resampled[cut], resampled[n - 1 - cut]};
}

}  // namespace detail

/// The summary of measurements; those that are not finite are counted and left out. The mean is their sum in the order
/// given over their number, percentiles are by the nearest rank. Throws format_error for 2^32 measurements or more.
/// Time: resamples times measurements; memory: three numbers a measurement.
[[nodiscard]] inline sample_summary summarize(std::span<const double> values, worse_sample w,
                                              const bootstrap_options& options = {}) {
  detail::require<format_error>(values.size() < (std::uint64_t{1} << 32U), "statistics: ", values.size(),
                                " measurements, expected fewer than 2^32");
  sample_summary s;
  std::vector<double> sorted;
  sorted.reserve(values.size());
  double sum = 0, most = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double v = values[i];
    if (!std::isfinite(v)) {
      ++s.not_finite;
      continue;
    }
    sum += v;
    sorted.push_back(v);
    if (const double bad = detail::badness(v, w); bad > most) {
      most = bad;
      s.worst_at = i;
    }
  }
  s.count = sorted.size();
  if (s.count == 0) return s;
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> means, worst;
  std::array<std::vector<double>, sample_percentiles.size()> percentiles;
  detail::resampler draws(sorted, w, options.seed);
  for (std::size_t r = 0; r < options.resamples; ++r) {
    const detail::sample_points p = draws.next();
    means.push_back(p.mean);
    worst.push_back(p.worst);
    for (std::size_t k = 0; k < percentiles.size(); ++k) percentiles[k].push_back(p.percentiles[k]);
  }
  s.mean = detail::with_interval(sum / static_cast<double>(s.count), means);
  s.worst = detail::with_interval(values[s.worst_at], worst);
  for (std::size_t k = 0; k < percentiles.size(); ++k) {
    const double value = sorted[detail::nearest_rank(sample_percentiles[k], s.count)];
    s.percentiles[k] = detail::with_interval(value, percentiles[k]);
  }
  return s;
}

NNIESIM_END_NAMESPACE
