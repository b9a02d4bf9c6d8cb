// Split and Dropout: the same values under other names.
#pragma once

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// The same values: under as many names as the layer has outputs (Split), or as they are (Dropout).
struct identity {};

}  // namespace layers

/// Split and Dropout: the same values under other names.
template <>
struct layer_kind<layers::identity> : basic_kind {
  static constexpr bool is_renaming = true;                        ///< its outputs are the input under other names
  static constexpr bool is_same_blob = true;                       ///< and of the same shape
  static constexpr bool is_allowed_behind_fully_connected = true;  ///< a Split or Dropout may stand there
  /// The shape of its one input, for every output.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const layers::identity&) {
    l.expect_inputs(1);
    return l.all(l.inputs[0]);
  }
  /// Copies the input into each output that is not the input itself.
  template <precision_policy P>
  static void run(const layers::identity&, const detail::nothing_prepared&, const kind_run<P>& r) {
    detail::copy_to_all(r.x(), r.outputs, r.threads);
  }
};

NNIESIM_END_NAMESPACE
