// How far apart two tensors are: cosine, the signed error of the norms, the difference, its largest element, and where.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include <nniesim/kernels/layerwise.hpp>
#include <nniesim/tensor/tensor.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The result of a comparison of a reference r with another tensor x.
///
/// Degenerate cases: both zero: cosine 1, relative errors 0, SNR +infinity. Only r zero: cosine 0, relative errors
/// +infinity, SNR -infinity. Only x zero: cosine 0, norm_error -1, relative_l2_error 1, SNR 0. Equal and not zero:
/// SNR +infinity. A constant tensor is no special case. Any NaN or infinity in either: every real-valued field is NaN,
/// so that no threshold holds, and the counts say how many there are. Empty tensors are refused.
struct comparison {
  double cosine = 0;              ///< r.x / (|r| |x|), clamped to -1 .. 1
  double l2_reference = 0;        ///< |r|
  double l2_other = 0;            ///< |x|
  double norm_error = 0;          ///< (|x| - |r|) / |r|: signed, of the norms, as the vendor's users report it
  double relative_l2_error = 0;   ///< |x - r| / |r|
  double snr_db = 0;              ///< 20 log10(|r| / |x - r|)
  double max_abs = 0;             ///< largest |x - r|
  double mean_abs = 0;            ///< mean of |x - r|
  double mean_error = 0;          ///< mean of x - r: a bias shows here
  std::size_t max_index = 0;      ///< row-major index of the first largest |x - r|
  double max_reference = 0;       ///< r there
  double max_other = 0;           ///< x there
  std::size_t count = 0;          ///< elements
  std::size_t bad_reference = 0;  ///< NaN and infinities in r
  std::size_t bad_other = 0;      ///< NaN and infinities in x
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
    add_each(reference.data(), other.data(), add_blocks(reference.data(), other.data(), reference.size()),
             reference.size());
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
      c.cosine = c.l2_reference = c.l2_other = c.norm_error = c.relative_l2_error = c.snr_db = nan;
      c.max_abs = c.mean_abs = c.mean_error = c.max_reference = c.max_other = nan;
      return c;
    }
    c.l2_reference = std::sqrt(joined(of_reference));
    c.l2_other = std::sqrt(joined(of_other));
    const double difference = std::sqrt(joined(of_difference));
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (c.l2_reference > 0 && c.l2_other > 0) {
      // One root of the product of the squares: exactly 1 for equal tensors. Doubles may leave its range; floats
      // cannot.
      const double squares = joined(of_reference) * joined(of_other);
      const bool in_range = squares > 1e-290 && squares < infinity;
      const double product = joined(of_product);
      const double cosine = in_range ? product / std::sqrt(squares) : product / c.l2_reference / c.l2_other;
      c.cosine = cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;
    } else {
      c.cosine = c.l2_reference == c.l2_other ? 1 : 0;
    }
    if (c.l2_reference > 0) {
      c.norm_error = (c.l2_other - c.l2_reference) / c.l2_reference;
      c.relative_l2_error = difference / c.l2_reference;
    } else {
      c.norm_error = c.relative_l2_error = difference > 0 ? infinity : 0;
    }
    c.snr_db = difference == 0       ? infinity
               : c.l2_reference == 0 ? -infinity
                                     : 20 * std::log10(c.l2_reference / difference);
    c.max_abs = max_abs_;
    c.max_index = max_index_;
    c.max_reference = max_reference_;
    c.max_other = max_other_;
    c.mean_abs = joined(absolute) / static_cast<double>(count_);
    c.mean_error = joined(signed_error) / static_cast<double>(count_);
    return c;
  }

 private:
  /// The sums: of r r, x x, r x, d d, |d| and d, with d = x - r.
  enum sum { of_reference, of_other, of_product, of_difference, absolute, signed_error };
  static constexpr std::size_t chains = kernels::layerwise::comparison_chains;

  /// Takes whole blocks of eight by the vector kernels, where there are any; returns how many pairs it took.
  template <class R, class X>
  std::size_t add_blocks(const R* r, const X* x, std::size_t n) {
    if constexpr (kernels::layerwise::layer_value<R> && kernels::layerwise::layer_value<X>) {
      // Kernels begin with chain 0; the very first pair is always the largest so far.
      const std::size_t head = count_ == 0 ? chains : (chains - count_ % chains) % chains;
      if (n < head + chains) return 0;
      std::size_t at = head;
      const bool done = kernels::layerwise::run([&](auto k) {
        add_each(r, x, 0, head);
        constexpr std::size_t piece = 1024;  // what is searched again for the place of a new largest difference
        while (n - at >= chains) {
          const std::size_t here = std::min(piece, (n - at) / chains * chains);
          double most = max_abs_;
          if (k.compare(r + at, x + at, here, sums_, most)) {
            if (most > max_abs_) find(r + at, x + at, most);
            count_ += here;
          } else {
            add_each(r, x, at, at + here);
          }
          at += here;
        }
      });
      if (done) return at;
    }
    return 0;
  }
  /// Notes the first pair that is `most` apart.
  template <class R, class X>
  void find(const R* r, const X* x, double most) noexcept {
    std::size_t i = 0;
    while (std::fabs(static_cast<double>(x[i]) - static_cast<double>(r[i])) != most) ++i;
    max_abs_ = most;
    max_index_ = count_ + i;
    max_reference_ = static_cast<double>(r[i]);
    max_other_ = static_cast<double>(x[i]);
  }

  /// The scalar specification, for pairs begin .. end-1.
  template <class R, class X>
  void add_each(const R* r, const X* x, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) add_pair(static_cast<double>(r[i]), static_cast<double>(x[i]));
  }
  void add_pair(double r, double x) noexcept {
    const bool good_r = std::isfinite(r);
    const bool good_x = std::isfinite(x);
    if (!good_r || !good_x) [[unlikely]] {
      bad_reference_ += good_r ? 0U : 1U;
      bad_other_ += good_x ? 0U : 1U;
      ++count_;
      return;
    }
    const std::size_t c = count_ % chains;
    const double d = x - r;
    const double size = std::fabs(d);
    sums_[of_reference][c] = std::fma(r, r, sums_[of_reference][c]);
    sums_[of_other][c] = std::fma(x, x, sums_[of_other][c]);
    sums_[of_product][c] = std::fma(r, x, sums_[of_product][c]);
    sums_[of_difference][c] = std::fma(d, d, sums_[of_difference][c]);
    sums_[absolute][c] += size;
    sums_[signed_error][c] += d;
    if (size > max_abs_ || count_ == 0) {
      max_abs_ = size;
      max_index_ = count_;
      max_reference_ = r;
      max_other_ = x;
    }
    ++count_;
  }
  [[nodiscard]] double joined(sum part) const noexcept {
    const double* c = sums_[part];
    return ((c[0] + c[1]) + (c[2] + c[3])) + ((c[4] + c[5]) + (c[6] + c[7]));
  }

  double sums_[kernels::layerwise::comparison_sums][chains] = {};
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
/// cosine and errors are means, and norm_error is the relative error of the mean norms. The place of the largest error
/// is that of the whole tensor.
template <tensor_like R, tensor_like X>
[[nodiscard]] comparison compare_samples(const R& reference, const X& other) {
  comparison all = compare(reference, other);
  const dense<element_t<R>> r(reference);
  const dense<element_t<X>> x(other);
  const std::size_t samples = r.view().shape().rank() == 0 ? 1 : r.view().shape()[0];
  const std::size_t each = r.view().size() / samples;
  all.cosine = all.l2_reference = all.l2_other = all.relative_l2_error = all.snr_db = 0;
  for (std::size_t n = 0; n < samples; ++n) {
    comparison_accumulator sums;
    sums.add(std::span<const element_t<R>>(r.view().data() + n * each, each),
             std::span<const element_t<X>>(x.view().data() + n * each, each));
    const comparison c = sums.result();
    const auto add = [samples](double& mean, double v) { mean += v / static_cast<double>(samples); };
    add(all.cosine, c.cosine);
    add(all.l2_reference, c.l2_reference);
    add(all.l2_other, c.l2_other);
    add(all.relative_l2_error, c.relative_l2_error);
    add(all.snr_db, c.snr_db);
  }
  if (all.l2_reference > 0) all.norm_error = (all.l2_other - all.l2_reference) / all.l2_reference;
  return all;
}

NNIESIM_END_NAMESPACE
