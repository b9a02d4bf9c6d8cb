// Reshape.
#pragma once

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// Caffe's Reshape: the input's axes axis .. axis + count - 1 get the extents of `params` (0 copies, -1 takes the
/// rest).
struct reshape {
  reshape_params params{};  ///< the new extents
  std::size_t axis = 0;     ///< the first of the input's axes that they replace
  std::size_t count = 4;    ///< how many they replace
};

}  // namespace layers

namespace detail {

[[nodiscard]] inline tensor_shape infer_shape(const layers::reshape& p, const tensor_shape& x) {
  require<shape_error>(p.axis <= x.rank() && p.count <= x.rank() - p.axis, "reshape: ", p.count, " axes from ", p.axis,
                       " on of input ", x, ", expected axes of the input");
  const std::span<const std::size_t> all(x.begin(), x.end());
  const tensor_shape part(all.subspan(p.axis, p.count));
  const tensor_shape changed = nniesim::infer_shape(p.params, part);
  std::vector<std::size_t> extents(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(p.axis));
  extents.insert(extents.end(), changed.begin(), changed.end());
  extents.insert(extents.end(), x.begin() + static_cast<std::ptrdiff_t>(p.axis + p.count), x.end());
  return tensor_shape(extents);
}

}  // namespace detail

/// Reshape: the same values under other extents.
template <>
struct layer_kind<layers::reshape> : basic_kind {
  static constexpr bool is_renaming = true;         ///< its output is the input under another shape
  static constexpr bool reads_stored_codes = true,  ///< its run reads blobs that stand as codes
      writes_stored_codes = true,                   ///< its run writes codes
      moves_values = true;                          ///< its elements are only moved
  /// The shape of its one input with the axes replaced.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const layers::reshape& p) {
    l.expect_inputs(1);
    return l.all(detail::infer_shape(p, l.inputs[0]));
  }
  /// From the batch axis on allows four extents alone, the first of them 0.
  static void check_rules(const layer_facts&, const layers::reshape& p, detail::hardware_rules& rules) {
    const bool keeps = !p.params.extents.empty() && p.params.extents[0] == 0;
    rules.require(p.axis != 0 || keeps, "a first extent of 0", detail::from_users, "first extent ",
                  p.params.extents.empty() ? 1 : p.params.extents[0]);
    rules.require(p.axis != 0 || p.params.extents.size() == 4, "4 axes", detail::from_users, p.params.extents.size(),
                  " axes");
  }
  /// Copies the values, unless they stand there already.
  template <precision_policy P>
  static void run(const layers::reshape&, const detail::nothing_prepared&, const kind_run<P>& r) {
    detail::move_to_output(r);
  }
};

NNIESIM_END_NAMESPACE
