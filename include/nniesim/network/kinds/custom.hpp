// Custom: what a program of the host computes, described by its shapes alone.
#pragma once

#include <algorithm>
#include <vector>

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// The shapes of its outputs, and what they are to be: one tensor each, or none where nobody gave any. (The vendor's
/// guide: any number of inputs and outputs, a shape for each output in order; the compiler cuts the network here.)
struct custom {
  std::vector<tensor_shape> outputs{};  ///< one for each output, in order
  std::vector<tensor<float>> values{};  ///< one for each output, of its shape; or none
};

}  // namespace layers

/// Custom: writes the values that it was given.
template <>
struct layer_kind<layers::custom> : basic_kind {
  /// Counts all given values.
  [[nodiscard]] static std::size_t weights(const layers::custom& p) noexcept {
    std::size_t all = 0;
    for (const tensor<float>& t : p.values) all += t.size();
    return all;
  }
  /// Counts no parameters: given values are not learned.
  static void add_work(const layer_facts&, const tensor_shape&, const layers::custom&, layer_work& work) {
    work.parameters = 0;
  }
  /// The shapes that it was given.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const layers::custom& p) {
    detail::require<shape_error>(p.outputs.size() == l.outputs, l.type, ": ", p.outputs.size(), " shapes for ",
                                 l.outputs, " outputs, expected one for each");
    return p.outputs;
  }
  /// Throws format_error where there are no values, shape_error where they have other shapes than the outputs.
  template <precision_policy P>
  [[nodiscard]] static detail::nothing_prepared prepare(const layer_facts& l, const layers::custom& p) {
    detail::require<format_error>(!p.values.empty(), l.type, ": got no values of what a program of the host computes, ",
                                  "expected one file for each output (--custom LAYER=FILE.npy), or a run that stops ",
                                  "before it (--until-unsupported, --stop-at)");
    bool fits = p.values.size() == p.outputs.size();
    for (std::size_t i = 0; fits && i < p.values.size(); ++i) fits = shape_of(p.values[i]) == p.outputs[i];
    detail::require<shape_error>(fits, l.type, ": values of other shapes than its outputs have");
    return {};
  }
  /// Writes the given values in the policy's output format.
  template <precision_policy P>
  static void run(const layers::custom& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    for (std::size_t o = 0; o < r.outputs.size(); ++o) {
      std::transform(p.values[o].begin(), p.values[o].end(), r.outputs[o].data(),
                     [](float v) { return P::output::from(static_cast<double>(v)); });
    }
  }
};

NNIESIM_END_NAMESPACE
