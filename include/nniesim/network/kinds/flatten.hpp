// Flatten.
#pragma once

#include <array>
#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// The axes axis .. end_axis taken as one.
struct flatten {
  std::size_t axis = 1;      ///< the first of them
  std::size_t end_axis = 3;  ///< the last of them
};

}  // namespace layers

namespace detail {

/// A shape whose axes first .. last are replaced by `middle`.
[[nodiscard]] inline tensor_shape replace_axes(const tensor_shape& x, std::size_t first, std::size_t last,
                                               std::span<const std::size_t> middle) {
  std::vector<std::size_t> extents(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(first));
  extents.insert(extents.end(), middle.begin(), middle.end());
  extents.insert(extents.end(), x.begin() + static_cast<std::ptrdiff_t>(last) + 1, x.end());
  return tensor_shape(extents);
}

[[nodiscard]] inline tensor_shape infer_shape(const layers::flatten& p, const tensor_shape& x) {
  require<shape_error>(x.size() != 0 && p.axis <= p.end_axis && p.end_axis < x.rank(), "flatten: axes ", p.axis, " to ",
                       p.end_axis, " of input ", x, ", expected axes in order under ", x.rank(), " and no empty axis");
  std::size_t joined = 1;
  for (std::size_t a = p.axis; a <= p.end_axis; ++a) joined *= x[a];
  return replace_axes(x, p.axis, p.end_axis, std::array{joined});
}

}  // namespace detail

/// Flatten: some axes taken as one.
template <>
struct layer_kind<layers::flatten> : basic_kind {
  static constexpr bool is_renaming = true;         ///< its output is the input under another shape
  static constexpr bool reads_stored_codes = true,  ///< its run reads blobs that stand as codes
      writes_stored_codes = true,                   ///< its run writes codes
      moves_values = true;                          ///< its elements are only moved
  /// Forbids the batch axis.
  static void check_rules(const layer_facts&, const layers::flatten& p, detail::hardware_rules& rules) {
    rules.not_batch(p.axis);
  }
  /// The shape of its one input with the axes joined.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const layers::flatten& p) {
    l.expect_inputs(1);
    return l.all(detail::infer_shape(p, l.inputs[0]));
  }
  /// Copies the values, unless they stand there already.
  template <precision_policy P>
  static void run(const layers::flatten&, const detail::nothing_prepared&, const kind_run<P>& r) {
    detail::move_to_output(r);
  }
};

NNIESIM_END_NAMESPACE
