// Parameter: learned values as a blob.
#pragma once

#include <algorithm>

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// The values, of the blob's shape. They are written as any layer writes: in 1/4096, unless the readers want codes (our
/// assumption: nothing is known of it in compiled models).
struct parameter {
  tensor<float> values{};  ///< of the blob's shape
};

}  // namespace layers

/// Parameter: learned values as a blob; it has no input.
template <>
struct layer_kind<layers::parameter> : basic_kind {
  /// Counts its values.
  [[nodiscard]] static std::size_t weights(const layers::parameter& p) noexcept { return p.values.size(); }
  /// The shape of the values.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const layers::parameter& p) {
    l.expect_inputs(0);
    return l.all(shape_of(p.values));
  }
  /// Writes the values in the policy's output format.
  template <precision_policy P>
  static void run(const layers::parameter& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    std::transform(p.values.begin(), p.values.end(), r.y().data(),
                   [](float v) { return P::output::from(static_cast<double>(v)); });
  }
};

NNIESIM_END_NAMESPACE
