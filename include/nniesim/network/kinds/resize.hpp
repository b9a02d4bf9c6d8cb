// Resizing (Interp, ResizeBilinear, ResizeNearestNeighbor), which the host runs.
#pragma once

#include <nniesim/network/kinds/host_kind.hpp>
#include <nniesim/ops/resize.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Interp, ResizeBilinear and ResizeNearestNeighbor.
template <>
struct layer_kind<resize_params> : host_kind {
  /// What infer_shape() gives for its one input.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const resize_params& p) {
    l.expect_inputs(1);
    return l.all(infer_shape(p, l.inputs[0]));
  }
  /// Calls resize_into() for maps that the threads share.
  template <precision_policy P>
  static void run(const resize_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    if constexpr (std::same_as<value_t<P>, float>) {
      const tensor_shape &xs = r.x().shape(), &ys = r.y().shape();
      const std::size_t in = xs[2] * xs[3], out = ys[2] * ys[3];
      detail::share(r.y().size(), out, r.threads, [&](std::size_t at, std::size_t n) {
        const std::size_t maps = n / out;
        resize_into<P>({r.x().span().subspan(at / out * in, maps * in), {1, maps, xs[2], xs[3]}}, p,
                       {r.y().span().subspan(at, n), {1, maps, ys[2], ys[3]}});
      });
    }
  }
};

NNIESIM_END_NAMESPACE
