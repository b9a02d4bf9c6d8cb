// Softmax along one axis.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include <nniesim/core/cordic.hpp>
#include <nniesim/core/exp.hpp>
#include <nniesim/kernels/functions.hpp>
#include <nniesim/ops/input.hpp>
#include <nniesim/precision/function_rule.hpp>

NNIESIM_BEGIN_NAMESPACE

struct softmax_params {
  std::size_t axis = 1;
  function_rule rule = function_rule::hardware;
};

/// Same shape as the input. Throws shape_error for an axis out of range or an empty one.
[[nodiscard]] inline tensor_shape infer_shape(const softmax_params& p, const tensor_shape& x) {
  detail::require<shape_error>(p.axis < x.rank() && x.size() != 0, "softmax: axis ", p.axis, " of input ", x,
                               ", expected one under ", x.rank(), " and no empty axis");
  return x;
}

namespace reference {

/// Calls f(first, stride) for the values along an axis, stride apart, one after the other.
template <class F>
void for_each_along(const tensor_shape& shape, std::size_t axis, F f) {
  std::size_t inner = 1;
  for (std::size_t a = axis + 1; a < shape.rank(); ++a) inner *= shape[a];
  const std::size_t n = shape[axis];
  for (std::size_t o = 0; o < shape.size() / n / inner; ++o) {
    for (std::size_t i = 0; i < inner; ++i) f(o * n * inner + i, inner);
  }
}

/// The accelerator's form, in integers: exponentials of x - max and their sum in 1/2^18, the reciprocal of the sum in
/// 1/4096, products truncated to 1/4096. (Inferred: the CORDIC and its division stand in compiled models; ten outputs
/// of a board sum to 4085/4096, which a reciprocal of 12 bits explains, exact quotients or a reciprocal of 14 bits do
/// not.)
inline void hardware_softmax(tensor_view<const q20_12> x, const softmax_params& p, tensor_view<q20_12> y) {
  const std::size_t n = x.shape()[p.axis];
  for_each_along(x.shape(), p.axis, [&](std::size_t first, std::size_t stride) {
    q20_12 most = x[first];
    for (std::size_t k = 1; k < n; ++k) most = std::max(most, x[first + k * stride]);
    std::int64_t sum = 0;
    for (std::size_t k = 0; k < n; ++k) {
      const std::size_t at = first + k * stride;
      const std::int32_t e =
          cordic::falling_exp(static_cast<std::uint32_t>(most.raw()) - static_cast<std::uint32_t>(x[at].raw()));
      sum += e;
      y[at] = q20_12::from_raw(e);
    }
    const std::int64_t reciprocal = cordic::reciprocal(sum);
    for (std::size_t k = 0; k < n; ++k) {
      q20_12& v = y[first + k * stride];
      v = q20_12::from_raw(static_cast<std::int32_t>(v.raw() * reciprocal >> 18));
    }
  });
}

/// The exact form, in float64: exp(x - max), their sum in order along the axis, the quotient, the output format.
template <precision_policy P>
void exact_softmax(tensor_view<const value_t<P>> x, const softmax_params& p, tensor_view<value_t<P>> y) {
  const std::size_t n = x.shape()[p.axis];
  for_each_along(x.shape(), p.axis, [&](std::size_t base, std::size_t inner) {
    double most = P::output::to_double(x[base]);
    for (std::size_t k = 1; k < n; ++k) most = std::max(most, P::output::to_double(x[base + k * inner]));
    double sum = 0.0;
    for (std::size_t k = 0; k < n; ++k) sum += exact_bits_exp(P::output::to_double(x[base + k * inner]) - most);
    for (std::size_t k = 0; k < n; ++k) {
      const double e = exact_bits_exp(P::output::to_double(x[base + k * inner]) - most);
      y[base + k * inner] = P::output::from(e / sum);
    }
  });
}

/// The scalar specification. `y` may be `x` itself only in the accelerator's form.
template <precision_policy P>
void softmax(tensor_view<const value_t<P>> x, const softmax_params& p, tensor_view<value_t<P>> y) {
  if constexpr (std::same_as<value_t<P>, q20_12>) {
    if (is_hardware<P>(p.rule)) return hardware_softmax(x, p, y);
  }
  exact_softmax<P>(x, p, y);
}

}  // namespace reference

namespace detail {

/// The exact form with the exponentials of the first elements along the axis kept between the sum and the quotient: an
/// exponential is most of the work.
template <precision_policy P>
void softmax_keeping(tensor_view<const value_t<P>> x, const softmax_params& p, tensor_view<value_t<P>> y) {
  constexpr std::size_t most_kept = 1024;
  double kept[most_kept];
  const std::size_t n = x.shape()[p.axis];
  reference::for_each_along(x.shape(), p.axis, [&](std::size_t base, std::size_t inner) {
    double most = P::output::to_double(x[base]);
    for (std::size_t k = 1; k < n; ++k) most = std::max(most, P::output::to_double(x[base + k * inner]));
    double sum = 0.0;
    for (std::size_t k = 0; k < n; ++k) {
      const double e = exact_bits_exp(P::output::to_double(x[base + k * inner]) - most);
      if (k < most_kept) kept[k] = e;
      sum += e;
    }
    for (std::size_t k = 0; k < n; ++k) {
      const std::size_t at = base + k * inner;
      const double e = k < most_kept ? kept[k] : exact_bits_exp(P::output::to_double(x[at]) - most);
      y[at] = P::output::from(e / sum);
    }
  });
}

/// As many positions as the kernels below work on at once.
inline constexpr std::size_t softmax_columns = 64;

/// The accelerator's form of `columns` positions side by side, at most softmax_columns, `rows` values each, one
/// `stride` behind the other; y as x, which it may be. Sums fit 32 bits up to 8191 rows.
template <class Kernels>
void softmax_of_columns(Kernels k, const q20_12* x, q20_12* y, std::size_t rows, std::size_t stride,
                        std::size_t columns) {
  q20_12 most[softmax_columns];
  std::int32_t sum[softmax_columns] = {};
  std::fill_n(most, columns, q20_12::lowest());
  for (std::size_t r = 0; r < rows; ++r) k.raise(x + r * stride, most, columns);
  for (std::size_t r = 0; r < rows; ++r) k.falling_exp(x + r * stride, most, y + r * stride, sum, columns);
  k.reciprocals(sum, columns);
  for (std::size_t r = 0; r < rows; ++r) k.multiply(y + r * stride, sum, columns);
}

/// Of n neighbouring values.
template <class Kernels>
void softmax_of_row(Kernels k, const q20_12* x, q20_12* y, std::size_t n) {
  // Row by row of a matrix with softmax_columns columns, whose last row is shorter.
  const auto by_rows = [&](auto f) {
    for (std::size_t i = 0; i < n; i += softmax_columns) f(i, std::min(softmax_columns, n - i));
  };
  q20_12 most[softmax_columns];
  std::int32_t word[softmax_columns] = {};
  std::fill_n(most, softmax_columns, q20_12::lowest());
  by_rows([&](std::size_t i, std::size_t m) { k.raise(x + i, most, m); });
  std::fill_n(most, softmax_columns, *std::max_element(most, most + softmax_columns));
  by_rows([&](std::size_t i, std::size_t m) { k.falling_exp(x + i, most, y + i, word, m); });
  std::int64_t sum = 0;
  for (const std::int32_t s : word) sum += s;
  std::fill_n(word, softmax_columns, cordic::reciprocal(sum));
  by_rows([&](std::size_t i, std::size_t m) { k.multiply(y + i, word, m); });
}

/// The accelerator's form by the vector kernels; false where there are none.
[[nodiscard]] inline bool vector_softmax(tensor_view<const q20_12> x, const softmax_params& p, tensor_view<q20_12> y) {
  constexpr std::size_t most_rows = 8191;  // of exponentials that are 2^18 and a little more
  const std::size_t n = x.shape()[p.axis];
  std::size_t inner = 1;
  for (std::size_t axis = p.axis + 1; axis < x.shape().rank(); ++axis) inner *= x.shape()[axis];
  const std::size_t outer = x.size() / n / inner;
  if (n > (inner == 1 ? most_rows * softmax_columns : most_rows)) return false;
  return kernels::layerwise::run_functions([&](auto k) {
    if (inner == 1 && n < 16) {  // few values each: positions side by side
      q20_12 tile[16 * softmax_columns];
      for (std::size_t o = 0; o < outer; o += softmax_columns) {
        const std::size_t columns = std::min(softmax_columns, outer - o);
        for (std::size_t i = 0; i < columns * n; ++i) tile[i % n * softmax_columns + i / n] = x[o * n + i];
        softmax_of_columns(k, tile, tile, n, softmax_columns, columns);
        for (std::size_t i = 0; i < columns * n; ++i) y[o * n + i] = tile[i % n * softmax_columns + i / n];
      }
      return;
    }
    for (std::size_t o = 0; o < outer; ++o) {
      const std::size_t at = o * n * inner;
      if (inner == 1) {
        softmax_of_row(k, x.data() + at, y.data() + at, n);
        continue;
      }
      for (std::size_t i = 0; i < inner; i += softmax_columns) {
        softmax_of_columns(k, x.data() + at + i, y.data() + at + i, n, inner, std::min(softmax_columns, inner - i));
      }
    }
  });
}

}  // namespace detail

/// Checks, then evaluates into `y`, which may be `x` itself. Allocates nothing.
template <precision_policy P>
void softmax_into(tensor_view<const value_t<P>> x, const softmax_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "softmax");
  if constexpr (std::same_as<value_t<P>, q20_12>) {
    if (is_hardware<P>(p.rule)) {
      if (!detail::vector_softmax(x, p, y)) reference::hardware_softmax(x, p, y);
      return;
    }
  }
  detail::softmax_keeping<P>(x, p, y);
}

/// exp(x) / sum of exp(x) along an axis.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> softmax(const X& x, const softmax_params& p = {}) {
  const detail::op_input<P, X> in(x, "softmax");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  softmax_into<P>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
