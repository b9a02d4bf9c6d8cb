// Where a layer's error comes from: a wrong gain, an offset, saturation, underflow to zero or rounding; and which
// channels carry it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <nniesim/metrics/compare.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The squared error |x - r|^2 of a tensor x against a reference r as shares that add up to 1, or are all 0 where there
/// is no error.
///
/// Every element is saturated, underflowed or ordinary, asked in this order:
/// - saturated: |x| is the largest of the tensor, and so is that of at least one other element but not of all; and the
///   line (below) at r lies beyond x, on x's side of zero, by more than rounding down to the largest level explains:
///   half the distance from the largest |x| to the next smaller one, at most half a step of gfpq8 (2.2 %).
///   A single largest element is never called saturated: every tensor has one.
/// - underflowed: x is 0, r is not, and the line at r keeps r's sign and more than half of its magnitude.
/// - ordinary: all others. x ~ gain r + offset is their line, by least squares (gain 1 where their r are all equal;
///   gain 1 and offset 0 where there are none). What the line explains of their error is divided between gain and
///   offset in the ratio of |(gain - 1) r|^2 to |offset|^2; what it does not explain is rounding.
/// The line that tells saturated and underflowed elements is fitted without any that could be either. The whole error
/// of a saturated or underflowed element counts as such, what the line would explain of it included.
///
/// Degenerate cases: x zero everywhere: all underflow. Both zero, or equal: shares 0, gain 1, offset 0. r constant: a
/// gain cannot be told from an offset, and is called one. NaN or infinity in either: shares, gain, offset and l2_error
/// are NaN, no element is counted as saturated or underflowed, and the counts say how many there are.
struct error_parts {
  double gain_share = 0;          ///< of ordinary elements: the line's part that is due to its gain
  double offset_share = 0;        ///< of ordinary elements: the line's part that is due to its offset
  double saturation_share = 0;    ///< all of the saturated elements' error
  double underflow_share = 0;     ///< all of the underflowed elements' error
  double rounding_share = 0;      ///< of ordinary elements: what the line does not explain
  double gain = 1;                ///< of the ordinary elements: x ~ gain r + offset
  double offset = 0;              ///< in the tensors' unit
  std::size_t saturated = 0;      ///< elements
  std::size_t underflowed = 0;    ///< elements
  std::size_t count = 0;          ///< elements in all
  double l2_error = 0;            ///< |x - r|
  std::size_t bad_reference = 0;  ///< NaN and infinities in r
  std::size_t bad_other = 0;      ///< NaN and infinities in x
};

/// The parts of the error of `other` against `reference`. Throws shape_error for different shapes or empty tensors.
template <tensor_like R, tensor_like X>
[[nodiscard]] error_parts split_error(const R& reference, const X& other);

/// One channel of two tensors. NaN or infinity in it: NaN, as in `comparison`.
struct channel_error {
  std::size_t channel = 0;  ///< its index
  double share = 0;       ///< of the squared error of all channels without NaN and infinity; 0 where there is no error
  double cosine = 0;      ///< of the channel by itself
  double norm_error = 0;  ///< signed, of the norms
};

/// The channels by falling share, those with NaN or infinity before them, equal ones in their own order.
struct channel_error_list {
  std::vector<channel_error> channels{};  ///< all of them, each once
  std::size_t bad = 0;                    ///< channels with NaN or infinity
  /// How many of the others, from the largest on, carry at least 90 % of their squared error; 0 where there is none.
  std::size_t most = 0;
};

/// The error by channel: axis 1 of NCHW, NC and the like, the only axis of a tensor of rank 1. Throws shape_error for
/// different shapes, empty tensors and scalars.
template <tensor_like R, tensor_like X>
[[nodiscard]] channel_error_list channel_errors(const R& reference, const X& other);

namespace detail {

/// A power of two that brings the largest finite magnitude of both near 1, so that no square leaves the range.
template <class R, class X>
[[nodiscard]] double unit_factor(std::span<const R> r, std::span<const X> x) noexcept {
  double most = 0;
  const auto note = [&](double v) {
    if (std::isfinite(v)) most = std::max(most, std::fabs(v));
  };
  for (const R v : r) note(static_cast<double>(v));
  for (const X v : x) note(static_cast<double>(v));
  return most == 0 ? 1 : std::ldexp(1.0, -std::max(std::ilogb(most), -1000));
}

/// Splits the error of n finite pairs: r(i) and x(i) give doubles of magnitude near 1 or less.
template <class R, class X>
class error_splitter {
 public:
  error_splitter(std::size_t n, R r, X x) : n_(n), r_(r), x_(x), kinds_(n, kind::ordinary) { find_plateau(); }

  [[nodiscard]] error_parts split() {
    error_parts parts;
    parts.count = n_;
    double saturation = 0, underflow = 0, total = 0;
    for (std::size_t i = 0; i < n_; ++i) total = std::fma(x_(i) - r_(i), x_(i) - r_(i), total);
    if (total < 1e-290) return parts;  // of values near 1: equal, or as good as

    for (std::size_t i = 0; i < n_; ++i) {
      if (on_plateau(i) || flushed(i)) kinds_[i] = kind::candidate;
    }
    const line clean = fit();
    bool has_more = false;  // ordinary elements than that one was fitted to
    for (std::size_t i = 0; i < n_; ++i) {
      if (kinds_[i] != kind::candidate) continue;
      const double expected = clean.at(r_(i));
      const double squared = (x_(i) - r_(i)) * (x_(i) - r_(i));
      if (on_plateau(i) && std::copysign(1.0, x_(i)) * expected > largest_ + tolerance_) {
        ++parts.saturated;
        saturation += squared;
      } else if (flushed(i) && 2 * expected / r_(i) > 1) {
        ++parts.underflowed;
        underflow += squared;
      } else {
        kinds_[i] = kind::ordinary;
        has_more = true;
      }
    }
    const line all = has_more ? fit() : clean;
    double explained = 0, rest = 0, of_gain = 0, of_offset = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      if (kinds_[i] != kind::ordinary) continue;
      const double by_gain = (all.gain - 1) * r_(i);
      const double by_line = by_gain + all.offset;
      const double left = x_(i) - r_(i) - by_line;
      of_gain = std::fma(by_gain, by_gain, of_gain);
      of_offset = std::fma(all.offset, all.offset, of_offset);
      explained = std::fma(by_line, by_line, explained);
      rest = std::fma(left, left, rest);
    }
    // The line is by least squares: what it explains and what it leaves add up to the ordinary elements' error.
    const double sum = explained + rest + saturation + underflow;
    const double gain_of_line = of_gain + of_offset == 0 ? 0 : of_gain / (of_gain + of_offset);
    parts.gain_share = explained / sum * gain_of_line;
    parts.offset_share = explained / sum * (1 - gain_of_line);
    parts.saturation_share = saturation / sum;
    parts.underflow_share = underflow / sum;
    parts.rounding_share = rest / sum;
    parts.gain = all.gain;
    parts.offset = all.offset;
    parts.l2_error = std::sqrt(total);
    return parts;
  }

 private:
  enum class kind : std::uint8_t { ordinary, candidate };
  struct line {
    double gain = 1;
    double offset = 0;
    [[nodiscard]] double at(double r) const noexcept { return std::fma(gain, r, offset); }
  };

  [[nodiscard]] bool on_plateau(std::size_t i) const { return has_plateau_ && std::fabs(x_(i)) == largest_; }
  [[nodiscard]] bool flushed(std::size_t i) const { return x_(i) == 0 && r_(i) != 0; }

  void find_plateau() {
    double below = 0;
    std::size_t members = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      const double size = std::fabs(x_(i));
      if (size > largest_) {
        below = largest_;
        largest_ = size;
        members = 1;
      } else if (size == largest_) {
        ++members;
      } else {
        below = std::max(below, size);
      }
    }
    constexpr double half_step = 0.0218971486541166;  // 2^(1/32) - 1
    has_plateau_ = largest_ > 0 && members > 1 && members < n_;
    tolerance_ = std::min((largest_ - below) / 2, largest_ * half_step);
  }

  /// The line of the ordinary elements.
  [[nodiscard]] line fit() const {
    double least = std::numeric_limits<double>::infinity(), most = -least, mean_r = 0, mean_d = 0;
    std::size_t n = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      if (kinds_[i] != kind::ordinary) continue;
      ++n;
      least = std::min(least, r_(i));
      most = std::max(most, r_(i));
      mean_r += r_(i);
      mean_d += x_(i) - r_(i);
    }
    if (n == 0) return {};
    mean_r /= static_cast<double>(n);
    mean_d /= static_cast<double>(n);
    if (least == most) return {1, mean_d};
    double squares = 0, products = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      if (kinds_[i] != kind::ordinary) continue;
      const double from_mean = r_(i) - mean_r;
      squares = std::fma(from_mean, from_mean, squares);
      products = std::fma(from_mean, x_(i) - r_(i) - mean_d, products);
    }
    if (squares == 0) return {1, mean_d};
    const double slope = products / squares;  // of the difference x - r, so that equal tensors give a gain of exactly 1
    return {1 + slope, std::fma(-slope, mean_r, mean_d)};
  }

  std::size_t n_;
  R r_;
  X x_;
  std::vector<kind> kinds_;
  double largest_ = 0;  ///< |x|
  double tolerance_ = 0;
  bool has_plateau_ = false;
};

}  // namespace detail

template <tensor_like R, tensor_like X>
error_parts split_error(const R& reference, const X& other) {
  const dense<element_t<R>> dense_r(reference);
  const dense<element_t<X>> dense_x(other);
  const auto r = dense_r.view().span();
  const auto x = dense_x.view().span();
  detail::require<shape_error>(dense_r.view().shape() == dense_x.view().shape() && !r.empty(), "split_error: shapes ",
                               dense_r.view().shape(), " and ", dense_x.view().shape(),
                               ", expected equal ones with no empty axis");
  const auto bad = [](auto values) {
    return static_cast<std::size_t>(std::count_if(
        values.begin(), values.end(), [](const auto& v) { return !std::isfinite(static_cast<double>(v)); }));
  };
  error_parts parts;
  const std::size_t bad_reference = bad(r), bad_other = bad(x);
  if (bad_reference + bad_other != 0) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    parts.gain_share = parts.offset_share = parts.saturation_share = parts.underflow_share = parts.rounding_share = nan;
    parts.gain = parts.offset = parts.l2_error = nan;
    parts.count = r.size();
    parts.bad_reference = bad_reference;
    parts.bad_other = bad_other;
    return parts;
  }
  const double factor = detail::unit_factor(r, x);
  const auto at = [factor](auto values) {
    return [factor, values](std::size_t i) { return static_cast<double>(values[i]) * factor; };
  };
  parts = detail::error_splitter(r.size(), at(r), at(x)).split();
  parts.offset /= factor;
  parts.l2_error /= factor;
  return parts;
}

template <tensor_like R, tensor_like X>
channel_error_list channel_errors(const R& reference, const X& other) {
  const dense<element_t<R>> dense_r(reference);
  const dense<element_t<X>> dense_x(other);
  const tensor_shape& shape = dense_r.view().shape();
  const auto r = dense_r.view().span();
  const auto x = dense_x.view().span();
  detail::require<shape_error>(shape == dense_x.view().shape() && shape.rank() != 0 && !r.empty(),
                               "channel_errors: shapes ", shape, " and ", dense_x.view().shape(),
                               ", expected equal ones of rank 1 or more with no empty axis");
  const std::size_t batch = shape.rank() == 1 ? 1 : shape[0];
  const std::size_t channels = shape.rank() == 1 ? shape[0] : shape[1];
  const std::size_t map = r.size() / batch / channels;
  const double factor = detail::unit_factor(r, x);

  channel_error_list list;
  double total = 0;
  for (std::size_t c = 0; c < channels; ++c) {
    comparison_accumulator sums;
    double squared = 0;
    for (std::size_t n = 0; n < batch; ++n) {
      const std::size_t begin = (n * channels + c) * map;
      sums.add(r.subspan(begin, map), x.subspan(begin, map));
      for (std::size_t i = begin; i < begin + map; ++i) {
        const double d = static_cast<double>(x[i]) * factor - static_cast<double>(r[i]) * factor;
        squared = std::fma(d, d, squared);
      }
    }
    const comparison result = sums.result();
    const bool is_bad = result.bad_reference + result.bad_other != 0;
    if (is_bad) squared = std::numeric_limits<double>::quiet_NaN();
    else total += squared;
    list.bad += is_bad ? 1U : 0U;
    list.channels.push_back({c, squared, result.cosine, result.norm_error});
  }
  std::stable_sort(list.channels.begin(), list.channels.end(), [](const channel_error& a, const channel_error& b) {
    return std::isnan(a.share) ? !std::isnan(b.share) : a.share > b.share;
  });
  double carried = 0;
  for (std::size_t i = 0; i < channels; ++i) {
    channel_error& c = list.channels[i];
    if (i >= list.bad && carried < 0.9 * total) {
      carried += c.share;
      ++list.most;
    }
    if (total > 0) c.share /= total;
  }
  return list;
}

NNIESIM_END_NAMESPACE
