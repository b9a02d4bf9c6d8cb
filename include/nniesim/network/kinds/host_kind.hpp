// What kinds of layers have in common that only the host runs, in float.
#pragma once

#include <concepts>

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Throws format_error, while a layer is prepared, under policies that do not write floats.
struct host_kind : basic_kind {
  /// Throws format_error under policies that do not write floats.
  template <precision_policy P, class Params>
  [[nodiscard]] static detail::nothing_prepared prepare(const layer_facts& l, const Params&) {
    detail::require<format_error>(std::same_as<value_t<P>, float>, l.type, ": under policy ", policy_name<P>(),
                                  ", expected it on the host, in float32");
    return {};
  }
};

NNIESIM_END_NAMESPACE
