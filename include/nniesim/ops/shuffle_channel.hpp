// ShuffleChannel: the channels of groups dealt out in turn. The accelerator has no such layer; it runs on the CPU.
#pragma once

#include <algorithm>
#include <cstddef>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of ShuffleChannel, a layer of Caffe's forks.
struct shuffle_channel_params {
  std::size_t groups = 1;  ///< of channels; a divisor of their number
};

/// The input's shape. Throws shape_error for fewer than two axes, an empty one, or groups that do not divide axis 1.
[[nodiscard]] inline tensor_shape infer_shape(const shuffle_channel_params& p, const tensor_shape& x) {
  const bool fits = x.rank() >= 2 && x.size() != 0 && p.groups != 0 && x[1] % p.groups == 0;
  detail::require<shape_error>(fits, "shuffle_channel: ", p.groups, " groups of input ", x,
                               ", expected a divisor of the channels on axis 1 and no empty axis");
  return x;
}

/// Channel k * groups + g of y is channel k of group g of x, as the forks of Caffe that have the layer do it. Elements
/// keep their bits. Checks first; `y` must have x's shape and stand elsewhere.
template <class T>
void shuffle_channel_into(tensor_view<const T> x, const shuffle_channel_params& p, tensor_view<T> y) {
  const tensor_shape& s = x.shape();
  detail::require_output(y.shape(), infer_shape(p, s), "shuffle_channel");
  const std::size_t channels = s[1], each = channels / p.groups, map = x.size() / s[0] / channels;
  for (std::size_t c = 0; c < s[0] * channels; ++c) {
    const std::size_t from = c / channels * channels + c % p.groups * each + c % channels / p.groups;
    std::copy_n(x.data() + from * map, map, y.data() + c * map);
  }
}

/// The channels of x dealt out in turn.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> shuffle_channel(const X& x, const shuffle_channel_params& p) {
  const detail::op_input<P, X> in(x, "shuffle_channel");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  shuffle_channel_into<value_t<P>>(in.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
