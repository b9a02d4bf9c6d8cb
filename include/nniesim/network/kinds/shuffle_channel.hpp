// ShuffleChannel, which the host runs.
#pragma once

#include <string_view>

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/shuffle_channel.hpp>

NNIESIM_BEGIN_NAMESPACE

/// ShuffleChannel: the channels dealt out in turn.
template <>
struct layer_kind<shuffle_channel_params> : basic_kind {
  /// The compiler takes Reshapes around a Permute, or a Convolution.
  [[nodiscard]] static std::string_view rewrite(std::string_view, const shuffle_channel_params&) noexcept {
    return "Reshape, Permute, Reshape (users report that Permute is compiled for the order 0 2 3 1 alone), or a "
           "Convolution of 1x1 whose weights exchange the channels";
  }
  /// The shape of its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const shuffle_channel_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Calls shuffle_channel_into().
  template <precision_policy P>
  static void run(const shuffle_channel_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    shuffle_channel_into<value_t<P>>(r.x(), p, r.y());
  }
};

NNIESIM_END_NAMESPACE
