// Split and Dropout: the same values under other names.
#pragma once

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// The same values: under as many names as the layer has outputs (Split), or as they are (Dropout).
struct identity {};

}  // namespace layers

template <>
struct layer_kind<layers::identity> : basic_kind {
  static constexpr bool is_renaming = true;
  static constexpr bool is_same_blob = true;
  static constexpr bool is_allowed_behind_fully_connected = true;
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const layers::identity&) {
    l.expect_inputs(1);
    return l.all(l.inputs[0]);
  }
  template <precision_policy P>
  static void run(const layers::identity&, const detail::nothing_prepared&, const kind_run<P>& r) {
    detail::copy_to_all(r.x(), r.outputs, r.threads);
  }
};

NNIESIM_END_NAMESPACE
