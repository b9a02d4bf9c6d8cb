// Where the network's input stands.
#pragma once

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// Where the network's input stands; its shape is the blob's.
struct input {};

}  // namespace layers

/// Where the network's input stands: computes nothing.
template <>
struct layer_kind<layers::input> : basic_kind {
  /// Throws shape_error: the shape is given, not inferred.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const layers::input&) {
    throw shape_error(std::string(l.type) + ": its shape is given, not inferred");
  }
  /// Does nothing.
  template <precision_policy P>
  static void run(const layers::input&, const detail::nothing_prepared&, const kind_run<P>&) {}
};

NNIESIM_END_NAMESPACE
