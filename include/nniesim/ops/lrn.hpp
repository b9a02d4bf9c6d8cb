// LRN: local response normalization across channels or within a channel's map (Caffe's LRN).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <nniesim/core/exp.hpp>
#include <nniesim/core/log.hpp>
#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Whether a window lies over neighbouring channels or over the rows and columns of one channel.
enum class lrn_region { across_channels, within_channel };

/// Parameters of Caffe's LRN.
struct lrn_params {
  std::size_t local_size = 5;  ///< channels of a window, or its rows and columns; odd
  float alpha = 1.0F;          ///< divided by the number of elements in a window
  float beta = 0.75F;          ///< exponent of the divisor
  float k = 1.0F;              ///< across channels only; within a channel it stays 1, as Caffe has it
  lrn_region region = lrn_region::across_channels;  ///< what a window lies over
};

/// The input's shape. Throws shape_error for an even size or an input that is not N x C x ... (across channels) or
/// N x C x H x W (within), format_error for numbers that are not finite or a k that is not used.
[[nodiscard]] inline tensor_shape infer_shape(const lrn_params& p, const tensor_shape& x) {
  const bool across = p.region == lrn_region::across_channels;
  detail::require<format_error>(std::isfinite(p.alpha) && std::isfinite(p.beta) && std::isfinite(p.k), "lrn: alpha ",
                                p.alpha, ", beta ", p.beta, ", k ", p.k, ", expected finite numbers");
  detail::require<format_error>(across || p.k == 1.0F, "lrn within channels: k ", p.k, ", expected 1");
  detail::require<shape_error>(p.local_size % 2 == 1, "lrn: local size ", p.local_size, ", expected an odd number");
  detail::require<shape_error>((across ? x.rank() >= 2 : x.rank() == 4) && x.size() != 0, "lrn: got shape ", x,
                               across ? ", expected batch, channels, ..." : ", expected batch, channels, rows, columns",
                               " with no empty axis");
  return x;
}

namespace reference {

/// b^exponent with the same bits everywhere: from square roots for multiples of 1/4 up to 2, else exp(exponent * ln b).
[[nodiscard]] inline double lrn_power(double b, double exponent) noexcept {
  const double quarters = exponent * 4.0;
  if (!(quarters >= 0.0 && quarters <= 8.0 && quarters == std::floor(quarters))) {
    return exact_bits_exp(exponent * exact_bits_log(b));
  }
  const auto n = static_cast<unsigned>(quarters);
  if (n == 8U) return b * b;
  const double root = std::sqrt(b);
  double result = 1.0;
  if ((n & 4U) != 0) result = b;
  if ((n & 2U) != 0) result *= root;
  if ((n & 1U) != 0) result *= std::sqrt(root);
  return result;
}

/// The scalar specification, in float64 (our assumption): the sum of squares in the window, a chain of fused
/// multiply-adds in memory order with the elements outside of the tensor left out; x / fma(alpha / size, sum, k)^beta,
/// with size the elements of a whole window; then the output format. Undefined powers are NaN and written as such.
template <precision_policy P>
void lrn(tensor_view<const value_t<P>> x, const lrn_params& p, tensor_view<value_t<P>> y) {
  const bool across = p.region == lrn_region::across_channels;
  // Either is a window over two axes, of the rows and columns of each map or of the channels of each batch item.
  const std::size_t rows = across ? x.shape()[1] : x.shape()[2];
  const std::size_t columns = across ? x.size() / x.shape()[0] / x.shape()[1] : x.shape()[3];
  const std::size_t before = p.local_size / 2, before_column = across ? 0 : before;
  const auto size = static_cast<double>(p.local_size);
  const double alpha = static_cast<double>(p.alpha) / (across ? size : size * size);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t column = i % columns, row = i / columns % rows;
    const value_t<P>* map = x.data() + (i - row * columns - column);
    const std::size_t last_row = std::min(rows - 1, row + before);
    const std::size_t last_column = std::min(columns - 1, column + before_column);
    double sum = 0.0;
    for (std::size_t r = row - std::min(row, before); r <= last_row; ++r) {
      for (std::size_t c = column - std::min(column, before_column); c <= last_column; ++c) {
        const double v = P::output::to_double(map[r * columns + c]);
        sum = std::fma(v, v, sum);
      }
    }
    const double divisor = lrn_power(std::fma(alpha, sum, static_cast<double>(p.k)), static_cast<double>(p.beta));
    y[i] = P::output::from(P::output::to_double(x[i]) / divisor);
  }
}

}  // namespace reference

namespace detail {

/// By the vector kernels; false where there are none, or where the rows of a window are too long to keep.
template <precision_policy P>
bool vector_lrn(tensor_view<const value_t<P>> x, const lrn_params& p, tensor_view<value_t<P>> y) {
  const bool across = p.region == lrn_region::across_channels;
  const std::size_t rows = across ? x.shape()[1] : x.shape()[2];
  const std::size_t columns = across ? x.size() / x.shape()[0] / x.shape()[1] : x.shape()[3];
  const std::size_t before = std::min(p.local_size / 2, rows), side = across ? 0 : std::min(p.local_size / 2, columns);
  const auto size = static_cast<double>(p.local_size);
  const double alpha = static_cast<double>(p.alpha) / (across ? size : size * size);
  // The rows of a window as float64, with zeros beside the map: those add nothing to a sum of squares, not even a bit.
  constexpr std::size_t room = 8192, slack = 8, least = 16;
  double kept[room + slack] = {};
  const std::size_t kept_rows = std::min(rows, 2 * before + 1);
  if (room / kept_rows < 2 * side + std::min(columns, least)) return false;
  const std::size_t block = std::min(columns, room / kept_rows - 2 * side), width = block + 2 * side;
  return run_layerwise<P>([&](auto k) {
    for (std::size_t map = 0; map < x.size(); map += rows * columns) {
      for (std::size_t begin = 0; begin < columns; begin += block) {
        const std::size_t n = std::min(block, columns - begin);
        const std::size_t left = std::min(side, begin), right = std::min(side, columns - begin - n);
        std::size_t next = 0;
        for (std::size_t row = 0; row < rows; ++row) {
          const std::size_t first = row - std::min(row, before), last = std::min(rows - 1, row + before);
          for (; next <= last; ++next) {
            double* to = kept + next % kept_rows * width;
            std::fill_n(to, side - left, 0.0);
            k.widen(x.data() + map + next * columns + begin - left, to + side - left, left + n + right);
            std::fill_n(to + side + n + right, side - right, 0.0);
          }
          const std::size_t at = map + row * columns + begin;
          k.local_response(x.data() + at, kept, kept_rows, first % kept_rows,
                           {width, last - first + 1, 2 * side + 1, 1}, alpha, static_cast<double>(p.k),
                           static_cast<double>(p.beta), y.data() + at, n);
        }
      }
    }
  });
}

}  // namespace detail

/// Checks, then evaluates into `y`, which must not be `x`: its elements are read again. Allocates nothing.
template <precision_policy P>
void lrn_into(tensor_view<const value_t<P>> x, const lrn_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "lrn");
  detail::require<shape_error>(x.data() != y.data(), "lrn: input and output are one tensor ", x.shape(),
                               ", expected two");
  if (!detail::vector_lrn<P>(x, p, y)) reference::lrn<P>(x, p, y);
}

/// x / (k + alpha / size * (sum of the squares around x))^beta.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> lrn(const X& x, const lrn_params& p = {}) {
  const detail::op_input<P, X> in(x, "lrn");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  lrn_into<P>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
