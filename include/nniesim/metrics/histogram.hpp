// Histograms of two tensors over common bins, linear or logarithmic in the magnitude.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <nniesim/metrics/compare.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Counts of one tensor.
struct histogram_counts {
  std::vector<std::size_t> bins;  ///< edges[i] <= value < edges[i + 1]; the last bin takes its upper edge too
  std::size_t zeros = 0;          ///< logarithmic bins only: values that are zero
  std::size_t not_finite = 0;     ///< NaN and infinities, which are in no bin
};

/// Two tensors over the same edges, which cover all finite values of both.
struct histogram_pair {
  std::vector<double> edges;   ///< one more than bins, increasing
  histogram_counts reference;  ///< of the reference's values
  histogram_counts other;      ///< of the other run's, in the same bins
};

/// How the range is cut into bins.
enum class histogram_bins { linear, logarithmic };

/// Counts both tensors (of any shapes). Linear bins divide min .. max of the values; logarithmic ones divide the
/// magnitudes that are not zero, their edges evenly spaced in the logarithm. Throws format_error for bin counts outside
/// 1 .. 65536 and shape_error for empty tensors. Where no value can be binned there is one bin 0 .. 1 with nothing in
/// it.
template <tensor_like R, tensor_like X>
[[nodiscard]] histogram_pair histograms(const R& reference, const X& other, std::size_t bins,
                                        histogram_bins kind = histogram_bins::linear) {
  detail::require<format_error>(bins >= 1 && bins <= 65536, "histogram: ", bins, " bins, expected 1 .. 65536");
  const dense<element_t<R>> r(reference);
  const dense<element_t<X>> x(other);
  detail::require<shape_error>(r.view().size() != 0 && x.view().size() != 0, "histogram: tensors of shapes ",
                               r.view().shape(), " and ", x.view().shape(), ", expected no empty axis");
  const bool log = kind == histogram_bins::logarithmic;
  // What is binned of a value: NaN stands for "not in a bin".
  const auto position = [log](double v) {
    if (!std::isfinite(v) || (log && v == 0)) return std::numeric_limits<double>::quiet_NaN();
    return log ? std::log2(std::fabs(v)) : v;
  };
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  const auto widen = [&](const auto& values) {
    for (const auto& v : values) {
      const double at = position(static_cast<double>(v));
      if (at < low) low = at;
      if (at > high) high = at;
    }
  };
  widen(r.view().span());
  widen(x.view().span());
  histogram_pair h;
  const bool nothing = low > high;
  if (nothing) bins = 1;
  if (nothing) low = 0;
  if (nothing) high = 1;
  if (low == high) high = low + std::max(1e-6, std::fabs(low) * 1e-6);
  for (std::size_t i = 0; i <= bins; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(bins);
    const double at = i == bins ? high : std::fma(high / 2 - low / 2, 2 * share, low);
    h.edges.push_back(log && !nothing ? std::exp2(at) : at);
  }
  const auto count = [&](const auto& values, histogram_counts& c) {
    c.bins.assign(bins, 0);
    for (const auto& v : values) {
      const auto value = static_cast<double>(v);
      const double at = position(value);
      if (!std::isfinite(value)) ++c.not_finite;
      else if (at != at) ++c.zeros;
      else {
        const double size = log ? std::fabs(value) : value;
        const auto edge = std::upper_bound(h.edges.begin(), h.edges.end(), size) - h.edges.begin();
        ++c.bins[static_cast<std::size_t>(
            std::clamp<std::ptrdiff_t>(edge - 1, 0, static_cast<std::ptrdiff_t>(bins) - 1))];
      }
    }
  };
  count(r.view().span(), h.reference);
  count(x.view().span(), h.other);
  return h;
}

NNIESIM_END_NAMESPACE
