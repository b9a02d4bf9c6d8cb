// CTCGreedyDecoder, which the host runs.
#pragma once

#include <concepts>

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/ctc_greedy_decoder.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Inputs are the classes of each step and, as the sequences may end earlier, their continuations; outputs the classes
/// that are found and, if there is a second one, the scores, sequences x 1 x 1 x 1.
template <>
struct layer_kind<ctc_greedy_decoder_params> : basic_kind {
  /// What infer_shape() gives for the classes; scores are sequences x 1 x 1 x 1.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const ctc_greedy_decoder_params& p) {
    using detail::require;
    require<shape_error>(l.inputs.size() == 1 || l.inputs.size() == 2, l.type, ": ", l.inputs.size(),
                         " inputs, expected 1 or 2");
    require<shape_error>(l.outputs == 1 || l.outputs == 2, l.type, ": ", l.outputs, " outputs, expected 1 or 2");
    const tensor_shape& x = l.inputs[0];
    std::vector<tensor_shape> all{infer_shape(p, x)};
    if (l.inputs.size() == 2) {
      const tensor_shape& k = l.inputs[1];
      require<shape_error>(k.rank() >= 2 && k[0] == x[0] && k[1] == x[1] && k.size() == x[0] * x[1], l.type,
                           ": continuations of shape ", k, " for input ", x, ", expected ", x[0], "x", x[1]);
    }
    if (l.outputs == 2) all.push_back({x[1], 1, 1, 1});
    return all;
  }
  /// Throws format_error under policies that do not write floats.
  template <precision_policy P>
  [[nodiscard]] static detail::nothing_prepared prepare(const layer_facts& l, const ctc_greedy_decoder_params&) {
    detail::require<format_error>(std::same_as<value_t<P>, float>, l.type, ": under policy ", policy_name<P>(),
                                  ", expected it on the host, in float32");
    return {};
  }
  /// Calls ctc_greedy_decoder_into().
  template <precision_policy P>
  static void run(const ctc_greedy_decoder_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    if constexpr (std::same_as<value_t<P>, float>) {
      ctc_greedy_decoder_into<P>(r.x(), r.inputs.size() == 2 ? r.inputs[1] : tensor_view<const float>(), p, r.y(),
                                 r.outputs.size() == 2 ? r.outputs[1] : tensor_view<float>());
    }
  }
};

NNIESIM_END_NAMESPACE
