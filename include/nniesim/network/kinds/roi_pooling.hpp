// ROIPooling: a map and the regions on it.
#pragma once

#include <nniesim/network/kinds/kind.hpp>
#include <nniesim/ops/roi_pooling.hpp>

NNIESIM_BEGIN_NAMESPACE

/// It reads values, not codes: corners of regions in codes would be other regions (our assumption; the board's driver
/// hands regions over in a list of their own).
template <>
struct layer_kind<roi_pooling_params> : basic_kind {
  /// What infer_shape() gives for the map and the regions.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const roi_pooling_params& p) {
    l.expect_inputs(2);
    return l.all(infer_shape(p, l.inputs[0], l.inputs[1]));
  }
  /// Calls roi_pooling_into() for regions that the threads share. Throws format_error for regions of a picture that is
  /// not there.
  template <precision_policy P>
  static void run(const roi_pooling_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    detail::check_regions<P>(r.inputs[1], r.x().shape()[0], "roi_pooling");  // parts would count from their own first
    const std::size_t one = r.y().size() / r.y().shape()[0];
    const tensor_shape& s = r.y().shape();
    detail::share(r.y().size(), one, r.threads, [&](std::size_t at, std::size_t n) {
      const tensor_view<const value_t<P>> regions(r.inputs[1].span().subspan(at / one * 5, n / one * 5), {n / one, 5});
      roi_pooling_into<P>(r.x(), regions, p, {r.y().span().subspan(at, n), {n / one, s[1], s[2], s[3]}});
    });
  }
};

NNIESIM_END_NAMESPACE
