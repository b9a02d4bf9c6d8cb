// What kinds share that make a map of each map (pooling, upsampling), with codes before or behind them: as many maps at
// a time as there is room for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Of a layer that makes maps of maps, where one of both stands as codes: as many maps at a time as there is room for.
[[nodiscard]] inline std::size_t maps_at_hand(std::size_t map, std::size_t maps) {
  return std::min(maps, std::max<std::size_t>(values_at_hand / map, 1));
}
/// What for_maps() takes beside the blobs, of a layer with parameters p.
template <precision_policy P, class Params>
[[nodiscard]] operator_need maps_need(const layer_facts& l, const Params& p, std::size_t workers) {
  if (!kernels::engine<P>::stores_codes || l.inputs.empty() || l.inputs[0].rank() != 4 || l.inputs[0].size() == 0)
    return {};
  const tensor_shape &x = l.inputs[0], y = infer_shape(p, x);
  const std::size_t maps = maps_at_hand(x[2] * x[3], x[0] * x[1]);
  return {0, 0, product_of(maps, sum_of(x[2] * x[3], product_of(y[2], y[3])), sizeof(float), workers)};
}
/// Calls f(view of the input, view of the output, the output's first element among all) for parts of a layer that makes
/// a map of each map: 1 x maps x height x width.
template <precision_policy P, class F>
void for_maps(const kind_run<P>& r, F&& f) {
  using value = value_t<P>;
  const tensor_shape &xs = r.x().shape(), &ys = r.y().shape();
  const std::size_t in = xs[2] * xs[3], out = ys[2] * ys[3];
  share(r.x().size(), in, r.threads, [&](std::size_t begin, std::size_t count) {
    const std::size_t each = r.has_codes() ? maps_at_hand(in, count / in) : count / in;
    std::vector<value> memory(r.has_codes() ? each * (in + out) : 0);
    value* const written = r.has_codes() ? memory.data() + each * in : nullptr;
    for (std::size_t map = begin / in, end = (begin + count) / in; map < end; map += each) {
      const std::size_t n = std::min(each, end - map);
      const tensor_view<const value> x(r.values(0, map * in, n * in, memory.data()), {1, n, xs[2], xs[3]});
      r.write(map * out, n * out, written, [&](const tensor_view<value>& y) {
        f(x, tensor_view<value>(y.span(), {1, n, ys[2], ys[3]}), map * out);
      });
    }
  });
}

}  // namespace detail

NNIESIM_END_NAMESPACE
