// MatMul: the products of the matrices in two inputs.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include <nniesim/kernels/engine.hpp>
#include <nniesim/ops/finished_sum.hpp>
#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The last two axes of both inputs are matrices, those before count them. (A public fork of Caffe and the proto of the
/// vendor's later tools have the transposes, another fork the sizes; what the accelerator's compiler has is not
/// public.)
struct matmul_params {
  bool transpose_a = false;  ///< the matrices of the first input stand as K x M
  bool transpose_b = false;  ///< the matrices of the second input stand as N x K
  std::array<std::size_t, 3>
      sizes{};  ///< M, K, N: the inputs hold M x K and K x N, the output is M x N; 0: by the axes
};

namespace detail {

/// `count` products of M x K and K x N matrices.
struct matmul_sizes {
  std::size_t count = 1, m = 0, k = 0, n = 0;
};

[[nodiscard]] inline matmul_sizes sizes_of(const matmul_params& p, const tensor_shape& a, const tensor_shape& b) {
  if (p.sizes != std::array<std::size_t, 3>{}) {
    const auto [m, k, n] = p.sizes;
    const bool fits =
        m != 0 && k != 0 && n != 0 && a.size() / m == k && a.size() % m == 0 && b.size() / k == n && b.size() % k == 0;
    require<shape_error>(fits && !p.transpose_a && !p.transpose_b, "matmul: inputs ", a, " and ", b, " as ", m, "x", k,
                         " and ", k, "x", n, ", expected as many elements, and no transposes of given sizes");
    return {1, m, k, n};
  }
  require<shape_error>(a.rank() >= 2 && b.rank() == a.rank() && a.size() != 0 && b.size() != 0, "matmul: inputs ", a,
                       " and ", b, ", expected equal ranks of at least 2 and no empty axis");
  const std::size_t rank = a.rank();
  matmul_sizes s;
  for (std::size_t i = 0; i + 2 < rank; ++i) {
    require<shape_error>(a[i] == b[i], "matmul: inputs ", a, " and ", b,
                         ", expected equal extents of the axes before the last two");
    s.count *= a[i];
  }
  s.m = a[p.transpose_a ? rank - 1 : rank - 2];
  s.k = a[p.transpose_a ? rank - 2 : rank - 1];
  s.n = b[p.transpose_b ? rank - 2 : rank - 1];
  const std::size_t other = b[p.transpose_b ? rank - 1 : rank - 2];
  require<shape_error>(other == s.k, "matmul: rows of ", s.k, " elements and columns of ", other, " of inputs ", a,
                       " and ", b, ", expected equal lengths");
  return s;
}

}  // namespace detail

/// The axes before the last two, then M x N. Throws shape_error where the inputs do not fit.
[[nodiscard]] inline tensor_shape infer_shape(const matmul_params& p, const tensor_shape& a, const tensor_shape& b) {
  const detail::matmul_sizes s = detail::sizes_of(p, a, b);
  if (p.sizes != std::array<std::size_t, 3>{}) return {s.m, s.n};
  std::vector<std::size_t> extents(a.begin(), a.end() - 2);
  extents.insert(extents.end(), {s.m, s.n});
  return tensor_shape(extents);
}

namespace detail {

/// Rows x columns operands of matrices of an input, which is encoded with scale `s`.
template <precision_policy P, class In>
[[nodiscard]] std::vector<typename P::accumulator::operand> matmul_operands(tensor_view<const In> x,
                                                                            const typename P::activations::scale& s,
                                                                            std::size_t rows, std::size_t columns,
                                                                            bool transpose) {
  using operand = typename P::accumulator::operand;
  using activations = typename P::activations;
  std::vector<operand> all(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t matrix = i / (rows * columns) * (rows * columns), at = i % (rows * columns);
    const std::size_t from = transpose ? at % columns * rows + at / columns : at;
    const float v = kernels::engine<P>::float_of(x[matrix + from]);
    all[i] = operand_of<operand, activations>(activations::encode(v, s), s);
  }
  return all;
}

}  // namespace detail

namespace reference {

/// The scalar specification. Both inputs are read as codes of the activations' format, each in its own scale (a
/// transcription of the guide has both as feature maps; the rest is our assumption, after the fully connected layer);
/// every output is one chain over k ascending of add(sum, b, a), starting at zero, then finished_sum without a bias.
/// In, In2: what the layer before wrote, or floats of the network's input.
template <precision_policy P, class In, class In2>
void matmul(tensor_view<const In> a, const typename P::activations::scale& sa, tensor_view<const In2> b,
            const typename P::activations::scale& sb, const matmul_params& p, tensor_view<value_t<P>> y) {
  using accumulator = typename P::accumulator;
  using operand = typename accumulator::operand;
  using activations = typename P::activations;
  const detail::matmul_sizes s = detail::sizes_of(p, a.shape(), b.shape());
  const auto as = detail::matmul_operands<P>(a, sa, s.m, s.k, p.transpose_a);
  const auto bs = detail::matmul_operands<P>(b, sb, s.k, s.n, p.transpose_b);
  const double unit = unit_of<operand, activations>(sa) * unit_of<operand, activations>(sb);
  const mac_options plain;
  std::vector<typename accumulator::sum> sums(s.n);
  for (std::size_t row = 0; row < s.count * s.m; ++row) {
    std::fill(sums.begin(), sums.end(), typename accumulator::sum{});
    const operand* const matrix = bs.data() + row / s.m * s.k * s.n;
    for (std::size_t k = 0; k < s.k; ++k) {
      const operand of_a = as[row * s.k + k];
      for (std::size_t n = 0; n < s.n; ++n) sums[n] = accumulator::add(sums[n], matrix[k * s.n + n], of_a);
    }
    for (std::size_t n = 0; n < s.n; ++n) y[row * s.n + n] = finished_sum<P>(sums[n], unit, 0.0F, n, plain);
  }
}

}  // namespace reference

/// Checks, then evaluates into `y`, which must have the inferred shape. Allocates both inputs' operands and a row of
/// sums. Throws format_error where the accumulator could overflow.
template <precision_policy P, class In, class In2>
void matmul_into(tensor_view<const In> a, const typename P::activations::scale& sa, tensor_view<const In2> b,
                 const typename P::activations::scale& sb, const matmul_params& p, tensor_view<value_t<P>> y) {
  using operand = typename P::accumulator::operand;
  using activations = typename P::activations;
  detail::require_output(y.shape(), infer_shape(p, a.shape(), b.shape()), "matmul");
  const double largest = largest_operand<operand, activations>(sa) * largest_operand<operand, activations>(sb);
  P::accumulator::check_capacity(detail::sizes_of(p, a.shape(), b.shape()).k, largest, "matmul");
  reference::matmul<P>(a, sa, b, sb, p, y);
}

/// The products, each input's scale derived from it.
template <precision_policy P, tensor_like A, tensor_like B>
[[nodiscard]] tensor<value_t<P>> matmul(const A& a, const B& b, const matmul_params& p = {}) {
  const detail::op_input<P, A> in_a(a, "matmul");
  const detail::op_input<P, B> in_b(b, "matmul");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in_a.shape(), in_b.shape()));
  const auto scale_of = [](const auto& x) { return kernels::engine<P>::scale_of(active_isa(), x.data(), x.size()); };
  matmul_into<P>(in_a.view(), scale_of(in_a.view()), in_b.view(), scale_of(in_b.view()), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
