// Softmax along one axis.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include <nniesim/core/cordic.hpp>
#include <nniesim/core/exp.hpp>
#include <nniesim/kernels/layerwise.hpp>
#include <nniesim/ops/input.hpp>
#include <nniesim/precision/function_rule.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of Caffe's Softmax.
struct softmax_params {
  std::size_t axis = 1;                          ///< along which values are normalized
  function_rule rule = function_rule::hardware;  ///< as the accelerator computes it, or exactly
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
  constexpr std::size_t most_kept = 1024;  // exponentials, which are most of the work; those behind are made again
  double kept[most_kept];
  const std::size_t n = x.shape()[p.axis];
  for_each_along(x.shape(), p.axis, [&](std::size_t base, std::size_t inner) {
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

/// The scalar specification. `y` may be `x` itself.
template <precision_policy P>
void softmax(tensor_view<const value_t<P>> x, const softmax_params& p, tensor_view<value_t<P>> y) {
  if constexpr (std::same_as<value_t<P>, q20_12>) {
    if (is_hardware<P>(p.rule)) return hardware_softmax(x, p, y);
  }
  exact_softmax<P>(x, p, y);
}

}  // namespace reference

namespace detail {

/// As many positions as the kernels below work on at once, and rows whose exponentials they keep.
inline constexpr std::size_t softmax_columns = 64;
inline constexpr std::size_t softmax_kept_rows = 32;

/// Softmax by kernels that have columns(x, y, rows, stride, n), which is n positions side by side, at most
/// softmax_columns, of `rows` values, each one `stride` behind the other; and row(x, y, n), n neighbouring values of
/// one position. y may be x.
template <class T, class Form>
void softmax_by_parts(tensor_view<const T> x, std::size_t axis, tensor_view<T> y, Form form) {
  const std::size_t n = x.shape()[axis];
  std::size_t inner = 1;
  for (std::size_t a = axis + 1; a < x.shape().rank(); ++a) inner *= x.shape()[a];
  const std::size_t outer = x.size() / n / inner;
  if (inner == 1 && n <= softmax_kept_rows) {  // few values each: positions side by side
    T tile[softmax_kept_rows * softmax_columns];
    for (std::size_t o = 0; o < outer; o += softmax_columns) {
      const std::size_t columns = std::min(softmax_columns, outer - o);
      const auto each = [&](auto f) {
        for (std::size_t c = 0; c < columns; ++c) {
          for (std::size_t r = 0; r < n; ++r) f(r * softmax_columns + c, (o + c) * n + r);
        }
      };
      each([&](std::size_t place, std::size_t i) { tile[place] = x[i]; });
      form.columns(tile, tile, n, softmax_columns, columns);
      each([&](std::size_t place, std::size_t i) { y[i] = tile[place]; });
    }
    return;
  }
  for (std::size_t o = 0; o < outer; ++o) {
    const std::size_t at = o * n * inner;
    if (inner == 1) {
      form.row(x.data() + at, y.data() + at, n);
      continue;
    }
    for (std::size_t i = 0; i < inner; i += softmax_columns) {
      form.columns(x.data() + at + i, y.data() + at + i, n, inner, std::min(softmax_columns, inner - i));
    }
  }
}

/// The accelerator's form. Sums of columns fit 32 bits up to 8191 rows: exponentials are 2^18 and a little more.
template <class Kernels>
struct hardware_softmax_form {
  Kernels k;

  void columns(const q20_12* x, q20_12* y, std::size_t rows, std::size_t stride, std::size_t n) const {
    q20_12 most[softmax_columns];
    std::int32_t sum[softmax_columns] = {};
    std::fill_n(most, n, q20_12::lowest());
    for (std::size_t r = 0; r < rows; ++r) k.raise(x + r * stride, most, n);
    for (std::size_t r = 0; r < rows; ++r) k.falling_exp(x + r * stride, most, y + r * stride, sum, n);
    k.reciprocals(sum, n);
    for (std::size_t r = 0; r < rows; ++r) k.multiply(y + r * stride, sum, n);
  }
  void row(const q20_12* x, q20_12* y, std::size_t n) const {
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
};

/// The exact form.
template <class Kernels, class T>
struct exact_softmax_form {
  Kernels k;

  void columns(const T* x, T* y, std::size_t rows, std::size_t stride, std::size_t n) const {
    double most[softmax_columns] = {};
    double sum[softmax_columns] = {};
    double kept[softmax_kept_rows + 1][softmax_columns];  // what finds no place goes into the last row, again and again
    std::transform(x, x + n, most, [](const T& v) { return static_cast<double>(v); });
    for (std::size_t r = 1; r < rows; ++r) k.raise(x + r * stride, most, n);
    for (std::size_t r = 0; r < rows; ++r) {
      double* e = kept[std::min(r, softmax_kept_rows)];
      k.exponentials(x + r * stride, most, e, n);
      k.accumulate(e, sum, n);
    }
    for (std::size_t r = 0; r < rows; ++r) {
      double* e = kept[std::min(r, softmax_kept_rows)];
      if (r >= softmax_kept_rows) k.exponentials(x + r * stride, most, e, n);
      k.shares(e, sum, y + r * stride, n);
    }
  }
  void row(const T* x, T* y, std::size_t n) const {
    constexpr std::size_t piece = 1024;
    double most[piece], e[piece], sums[piece];
    double largest = static_cast<double>(x[0]);
    for (std::size_t i = 1; i < n; ++i) largest = std::max(largest, static_cast<double>(x[i]));
    std::fill_n(most, piece, largest);
    double sum = 0.0;
    for (std::size_t i = 0; i < n; i += piece) {
      const std::size_t m = std::min(piece, n - i);
      k.exponentials(x + i, most, e, m);
      for (std::size_t j = 0; j < m; ++j) sum += e[j];
    }
    std::fill_n(sums, piece, sum);
    for (std::size_t i = 0; i < n; i += piece) {
      const std::size_t m = std::min(piece, n - i);
      if (n > piece) k.exponentials(x + i, most, e, m);
      k.shares(e, sums, y + i, m);
    }
  }
};

/// By the vector kernels; false where there are none.
template <precision_policy P>
[[nodiscard]] bool vector_softmax(tensor_view<const value_t<P>> x, const softmax_params& p, tensor_view<value_t<P>> y) {
  if constexpr (std::same_as<value_t<P>, q20_12>) {
    if (is_hardware<P>(p.rule)) {
      constexpr std::size_t most_rows = 8191;
      if (x.shape()[p.axis] > most_rows) return false;
      return kernels::layerwise::run_functions(
          [&](auto k) { softmax_by_parts(x, p.axis, y, hardware_softmax_form<decltype(k)>{k}); });
    }
  }
  return run_layerwise<P>(
      [&](auto k) { softmax_by_parts(x, p.axis, y, exact_softmax_form<decltype(k), value_t<P>>{k}); });
}

}  // namespace detail

/// Checks, then evaluates into `y`, which may be `x` itself. Allocates nothing.
template <precision_policy P>
void softmax_into(tensor_view<const value_t<P>> x, const softmax_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "softmax");
  if (!detail::vector_softmax<P>(x, p, y)) reference::softmax<P>(x, p, y);
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
