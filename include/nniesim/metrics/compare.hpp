// How far apart two tensors are: cosine, the signed error of the norms, the difference, its largest element, and where.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include <nniesim/tensor/tensor.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The result of a comparison of a reference r with another tensor x.
///
/// Degenerate cases: both zero: cosine 1, relative errors 0, SNR +infinity. Only r zero: cosine 0, relative errors
/// +infinity, SNR -infinity. Only x zero: cosine 0, relative_l2 -1, relative_difference 1, SNR 0. Equal and not zero:
/// SNR +infinity. A constant tensor is no special case. Any NaN or infinity in either: every real-valued field is NaN,
/// so that no threshold holds, and the counts say how many there are. Empty tensors are refused.
struct comparison {
  double cosine = 0;               ///< r.x / (|r| |x|), clamped to -1 .. 1
  double l2_reference = 0;         ///< |r|
  double l2_other = 0;             ///< |x|
  double relative_l2 = 0;          ///< (|x| - |r|) / |r|: signed, of the norms, as the vendor's users report it
  double relative_difference = 0;  ///< |x - r| / |r|
  double snr_db = 0;               ///< 20 log10(|r| / |x - r|)
  double max_abs = 0;              ///< largest |x - r|
  double mean_abs = 0;             ///< mean of |x - r|
  double mean_error = 0;           ///< mean of x - r: a bias shows here
  std::size_t max_index = 0;       ///< row-major index of the first largest |x - r|
  double max_reference = 0;        ///< r there
  double max_other = 0;            ///< x there
  std::size_t count = 0;           ///< elements
  std::size_t bad_reference = 0;   ///< NaN and infinities in r
  std::size_t bad_other = 0;       ///< NaN and infinities in x
};

/// Compares two streams piece by piece in constant memory; the cuts do not change a bit. Sums are kept in eight
/// interleaved float64 chains of fused multiply-adds and joined in a fixed order, on every machine.
class comparison_accumulator {
 public:
  /// Takes the next elements of both, equally many; elements convert to double.
  template <class R, class X>
  void add(std::span<const R> reference, std::span<const X> other) {
    detail::require<shape_error>(reference.size() == other.size(), "compare: pieces of ", reference.size(), " and ",
                                 other.size(), " elements, expected equally many");
    for (std::size_t i = 0; i < reference.size(); ++i) {
      add_pair(static_cast<double>(reference[i]), static_cast<double>(other[i]));
    }
  }

  /// The comparison of everything taken so far. Throws shape_error where that is nothing.
  [[nodiscard]] comparison result() const {
    detail::require<shape_error>(count_ != 0, "compare: no elements, expected at least one");
    comparison c;
    c.count = count_;
    c.bad_reference = bad_reference_;
    c.bad_other = bad_other_;
    if (bad_reference_ + bad_other_ != 0) {
      const double nan = std::numeric_limits<double>::quiet_NaN();
      c.cosine = c.l2_reference = c.l2_other = c.relative_l2 = c.relative_difference = c.snr_db = nan;
      c.max_abs = c.mean_abs = c.mean_error = c.max_reference = c.max_other = nan;
      return c;
    }
    c.l2_reference = std::sqrt(joined(&chain::reference));
    c.l2_other = std::sqrt(joined(&chain::other));
    const double difference = std::sqrt(joined(&chain::difference));
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (c.l2_reference > 0 && c.l2_other > 0) {
      // One root of the product of the squares: exactly 1 for equal tensors. Doubles may leave its range; floats
      // cannot.
      const double squares = joined(&chain::reference) * joined(&chain::other);
      const bool in_range = squares > 1e-290 && squares < infinity;
      const double product = joined(&chain::product);
      const double cosine = in_range ? product / std::sqrt(squares) : product / c.l2_reference / c.l2_other;
      c.cosine = cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;
    } else {
      c.cosine = c.l2_reference == c.l2_other ? 1 : 0;
    }
    if (c.l2_reference > 0) {
      c.relative_l2 = (c.l2_other - c.l2_reference) / c.l2_reference;
      c.relative_difference = difference / c.l2_reference;
    } else {
      c.relative_l2 = c.relative_difference = difference > 0 ? infinity : 0;
    }
    c.snr_db = difference == 0       ? infinity
               : c.l2_reference == 0 ? -infinity
                                     : 20 * std::log10(c.l2_reference / difference);
    c.max_abs = max_abs_;
    c.max_index = max_index_;
    c.max_reference = max_reference_;
    c.max_other = max_other_;
    c.mean_abs = joined(&chain::absolute) / static_cast<double>(count_);
    c.mean_error = joined(&chain::error) / static_cast<double>(count_);
    return c;
  }

 private:
  struct chain {
    double reference = 0, other = 0, product = 0, difference = 0, absolute = 0, error = 0;
  };

  void add_pair(double r, double x) noexcept {
    const bool good_r = std::isfinite(r);
    const bool good_x = std::isfinite(x);
    if (!good_r || !good_x) [[unlikely]] {
      bad_reference_ += good_r ? 0U : 1U;
      bad_other_ += good_x ? 0U : 1U;
      ++count_;
      return;
    }
    chain& c = chains_[count_ % chains_.size()];
    const double d = x - r;
    const double size = std::fabs(d);
    c.reference = std::fma(r, r, c.reference);
    c.other = std::fma(x, x, c.other);
    c.product = std::fma(r, x, c.product);
    c.difference = std::fma(d, d, c.difference);
    c.absolute += size;
    c.error += d;
    if (size > max_abs_ || count_ == 0) {
      max_abs_ = size;
      max_index_ = count_;
      max_reference_ = r;
      max_other_ = x;
    }
    ++count_;
  }
  [[nodiscard]] double joined(double chain::*part) const noexcept {
    const auto& c = chains_;
    return ((c[0].*part + c[1].*part) + (c[2].*part + c[3].*part)) +
           ((c[4].*part + c[5].*part) + (c[6].*part + c[7].*part));
  }

  std::array<chain, 8> chains_{};
  double max_abs_ = 0, max_reference_ = 0, max_other_ = 0;
  std::size_t max_index_ = 0, count_ = 0, bad_reference_ = 0, bad_other_ = 0;
};

/// Compares two tensors of one shape whose elements convert to double. Throws shape_error for different shapes or empty
/// tensors.
template <tensor_like R, tensor_like X>
[[nodiscard]] comparison compare(const R& reference, const X& other) {
  const dense<element_t<R>> r(reference);
  const dense<element_t<X>> x(other);
  detail::require<shape_error>(r.view().shape() == x.view().shape(), "compare: shapes ", r.view().shape(), " and ",
                               x.view().shape(), ", expected equal ones");
  comparison_accumulator sums;
  sums.add(std::span<const element_t<R>>(r.view().span()), std::span<const element_t<X>>(x.view().span()));
  return sums.result();
}

/// The mean over the samples (first axis) of each sample's comparison, as the published layer tables have it: norms,
/// cosine and errors are means, and relative_l2 is the relative error of the mean norms. The place of the largest error
/// is that of the whole tensor.
template <tensor_like R, tensor_like X>
[[nodiscard]] comparison compare_samples(const R& reference, const X& other) {
  comparison all = compare(reference, other);
  const dense<element_t<R>> r(reference);
  const dense<element_t<X>> x(other);
  const std::size_t samples = r.view().shape().rank() == 0 ? 1 : r.view().shape()[0];
  const std::size_t each = r.view().size() / samples;
  all.cosine = all.l2_reference = all.l2_other = all.relative_difference = all.snr_db = 0;
  for (std::size_t n = 0; n < samples; ++n) {
    comparison_accumulator sums;
    sums.add(std::span<const element_t<R>>(r.view().data() + n * each, each),
             std::span<const element_t<X>>(x.view().data() + n * each, each));
    const comparison c = sums.result();
    const auto add = [samples](double& mean, double v) { mean += v / static_cast<double>(samples); };
    add(all.cosine, c.cosine);
    add(all.l2_reference, c.l2_reference);
    add(all.l2_other, c.l2_other);
    add(all.relative_difference, c.relative_difference);
    add(all.snr_db, c.snr_db);
  }
  if (all.l2_reference > 0) all.relative_l2 = (all.l2_other - all.l2_reference) / all.l2_reference;
  return all;
}

NNIESIM_END_NAMESPACE
