// Reshape.
#pragma once

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// Caffe's Reshape: the input's axes axis .. axis + count - 1 get the extents of `params` (0 copies, -1 takes the
/// rest).
struct reshape {
  reshape_params params{};
  std::size_t axis = 0;
  std::size_t count = 4;
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

template <>
struct layer_kind<layers::reshape> : basic_kind {
  static constexpr bool is_renaming = true;
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const layers::reshape& p) {
    l.expect_inputs(1);
    return l.all(detail::infer_shape(p, l.inputs[0]));
  }
  static void check_rules(const layer_facts&, const layers::reshape& p, detail::hardware_rules& rules) {
    const bool keeps = !p.params.extents.empty() && p.params.extents[0] == 0;
    rules.require(p.axis != 0 || keeps, "a first extent of 0", detail::from_users, "first extent ",
                  p.params.extents.empty() ? 1 : p.params.extents[0]);
    rules.require(p.axis != 0 || p.params.extents.size() == 4, "4 axes", detail::from_users, p.params.extents.size(),
                  " axes");
  }
  template <precision_policy P>
  static void run(const layers::reshape&, const detail::nothing_prepared&, const kind_run<P>& r) {
    detail::copy_to_all(r.x(), r.outputs, r.threads);
  }
};

NNIESIM_END_NAMESPACE
