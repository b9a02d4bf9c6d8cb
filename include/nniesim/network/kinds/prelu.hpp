// PReLU.
#pragma once

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// One slope per channel, or one for all.
struct prelu {
  std::vector<float> slope{};  ///< of values that are not positive
};

}  // namespace layers

/// PReLU: a slope for each channel (axis 1), or one for all.
template <>
struct layer_kind<layers::prelu> : basic_kind {
  /// It may always write where its first input stands.
  [[nodiscard]] static bool works_in_place(const layers::prelu&) noexcept { return true; }
  /// Counts its slopes.
  [[nodiscard]] static std::size_t weights(const layers::prelu& p) noexcept { return p.slope.size(); }
  /// The shape of its one input, which must have as many channels as there are slopes, unless there is one.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const layers::prelu& p) {
    l.expect_inputs(1);
    l.expect_values(p.slope.size(), p.slope.size() == 1 ? 1 : l.channels(), "slopes");
    return l.all(l.inputs[0]);
  }
  /// Converts the slopes to what layers of the policy hold: prelu_slopes().
  template <precision_policy P>
  [[nodiscard]] static std::vector<value_t<P>> prepare(const layer_facts&, const layers::prelu& p) {
    return prelu_slopes<P>(p.slope);
  }
  /// Calls prelu_into().
  template <precision_policy P>
  static void run(const layers::prelu&, const std::vector<value_t<P>>& slope, const kind_run<P>& r) {
    prelu_into<P>(r.x(), tensor_view<const value_t<P>>(slope, {slope.size()}), r.y());
  }
};

NNIESIM_END_NAMESPACE
