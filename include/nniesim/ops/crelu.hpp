// CReLU: the ReLU of x and, behind it along an axis, the ReLU of -x.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <nniesim/ops/relu.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of CReLU, a layer of Caffe's forks.
struct crelu_params {
  std::size_t axis = 1;         ///< along which the halves stand
  float negative_slope = 0.0F;  ///< of both halves
};

/// The input's shape, twice as long on p.axis. Throws shape_error for an axis out of range or an empty one,
/// format_error for a slope that is not finite.
[[nodiscard]] inline tensor_shape infer_shape(const crelu_params& p, const tensor_shape& x) {
  (void)infer_shape(relu_params{p.negative_slope}, x);
  detail::require<shape_error>(p.axis < x.rank(), "crelu: axis ", p.axis, " of input ", x, ", expected one under ",
                               x.rank());
  std::vector<std::size_t> extents(x.begin(), x.end());
  extents[p.axis] *= 2;
  return tensor_shape(extents);
}

/// Checks, then evaluates into `y`, which must have the inferred shape. The specification is reference::relu, of x and
/// of -x as the output format holds it. Nothing is known of it in compiled models: no half is encoded (our assumption,
/// as for a ReLU). Allocates nothing.
template <precision_policy P>
void crelu_into(tensor_view<const value_t<P>> x, const crelu_params& p, tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "crelu");
  std::size_t outer = 1;
  for (std::size_t axis = 0; axis < p.axis; ++axis) outer *= x.shape()[axis];
  const std::size_t n = x.size() / outer;
  const tensor_shape half{n};
  const relu_params relu{p.negative_slope};
  for (std::size_t o = 0; o < outer; ++o) {
    const auto in = x.span().subspan(o * n, n);
    const auto positive = y.span().subspan(2 * o * n, n), negative = y.span().subspan((2 * o + 1) * n, n);
    relu_into<P>({in, half}, relu, {positive, half});
    std::transform(in.begin(), in.end(), negative.begin(),
                   [](const value_t<P>& v) { return P::output::from(-P::output::to_double(v)); });
    relu_into<P>({negative, half}, relu, {negative, half});
  }
}

/// ReLU of x and of -x, one behind the other.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> crelu(const X& x, const crelu_params& p = {}) {
  const detail::op_input<P, X> in(x, "crelu");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  crelu_into<P>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
