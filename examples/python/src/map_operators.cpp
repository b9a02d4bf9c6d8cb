// Operators on maps and channels that the host computes, or that a compiler splits: CReLU, Axpy, resizing, SPP,
// unpooling, regions, the largest elements.
#include <nniesim/ops/arg_max.hpp>
#include <nniesim/ops/axpy.hpp>
#include <nniesim/ops/crelu.hpp>
#include <nniesim/ops/psroi_pooling.hpp>
#include <nniesim/ops/resize.hpp>
#include <nniesim/ops/roi_pooling.hpp>
#include <nniesim/ops/shuffle_channel.hpp>
#include <nniesim/ops/spp.hpp>
#include <nniesim/ops/unpool.hpp>

#include "layers.hpp"
#include "module.hpp"

namespace nniesim_python {
namespace {

/// Calls f(x, other) without the interpreter's lock, both being what layers before wrote.
template <class F>
[[nodiscard]] nb::object run_on_two(nb::handle policy, nb::handle x, nb::handle other, std::string_view function,
                                    std::string_view name, bool raw, F f) {
  return with_policy(policy, [&]<precision_policy P>() {
    const layer_argument<P> in(x, function), second(other, function, name);
    auto y = [&] {
      const nb::gil_scoped_release released;
      return f.template operator()<P>(in.view(), second.view());
    }();
    return layer_result(std::move(y), raw);
  });
}

void add_channels(nb::module_& m) {
  m.def(
      "crelu",
      [](nb::handle x, nb::handle policy, nb::handle axis, nb::handle negative_slope, bool raw) {
        const crelu_params p{axis_argument(axis, "crelu: axis"),
                             float_argument(negative_slope, "crelu: negative_slope")};
        return run_layer(policy, x, "crelu", raw, [&]<precision_policy P>(const auto& in) { return crelu<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("policy").none(), nb::arg("axis").none(), nb::arg("negative_slope").none(),
      nb::arg("raw"));
  m.def(
      "axpy",
      [](nb::handle a, nb::handle x, nb::handle b, nb::handle policy, bool raw) {
        return with_policy(policy, [&]<precision_policy P>() {
          const layer_argument<P> factors(a, "axpy", "a"), in(x, "axpy"), summand(b, "axpy", "b");
          auto y = [&] {
            const nb::gil_scoped_release released;
            return axpy<P>(factors.view(), in.view(), summand.view());
          }();
          return layer_result(std::move(y), raw);
        });
      },
      nb::arg("a").none(), nb::arg("x").none(), nb::arg("b").none(), nb::arg("policy").none(), nb::arg("raw"));
  m.def(
      "shuffle_channel",
      [](nb::handle x, nb::handle groups, nb::handle policy, bool raw) {
        const shuffle_channel_params p{
            static_cast<std::size_t>(integer_argument(groups, "shuffle_channel: groups", 1, 1 << 24))};
        return run_layer(policy, x, "shuffle_channel", raw,
                         [&]<precision_policy P>(const auto& in) { return shuffle_channel<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("groups").none(), nb::arg("policy").none(), nb::arg("raw"));
  m.def(
      "arg_max",
      [](nb::handle x, nb::handle policy, nb::handle top_k, nb::handle axis, bool out_max_val) {
        arg_max_params p;
        p.top_k = static_cast<std::size_t>(integer_argument(top_k, "arg_max: top_k", 1, 1 << 24));
        p.out_max_val = out_max_val;
        if (!axis.is_none()) p.axis = axis_argument(axis, "arg_max: axis");
        return run_layer(policy, x, "arg_max", false,
                         [&]<precision_policy P>(const auto& in) { return arg_max<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("policy").none(), nb::arg("top_k").none(), nb::arg("axis").none(),
      nb::arg("out_max_val"));
}

void add_sizes(nb::module_& m) {
  m.def(
      "resize",
      [](nb::handle x, nb::handle size, nb::handle policy, nb::handle method, nb::handle grid, nb::handle crop,
         bool raw) {
        constexpr std::array<std::string_view, 2> methods = {"nearest", "bilinear"};
        constexpr std::array<std::string_view, 3> grids = {"corners", "origin", "half_pixels"};
        resize_params p;
        p.size = pair_argument(size, "resize: size");
        p.method = static_cast<resize_method>(choice_argument(method, "resize: method", methods));
        p.grid = static_cast<resize_grid>(choice_argument(grid, "resize: grid", grids));
        p.crop = padding_argument(crop, "resize: crop");
        return run_layer(policy, x, "resize", raw, [&]<precision_policy P>(const auto& in) {
          require_room(infer_shape(p, in.shape()), "resize");
          return resize<P>(in, p);
        });
      },
      nb::arg("x").none(), nb::arg("size").none(), nb::arg("policy").none(), nb::arg("method").none(),
      nb::arg("grid").none(), nb::arg("crop").none(), nb::arg("raw"));
  m.def(
      "spp",
      [](nb::handle x, nb::handle levels, nb::handle operation, nb::handle policy, bool raw) {
        const spp_params p{static_cast<std::size_t>(integer_argument(levels, "spp: levels", 0, 1 << 24)),
                           pooling_operation_argument(operation, "spp: operation")};
        return run_layer(policy, x, "spp", raw, [&]<precision_policy P>(const auto& in) { return spp<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("levels").none(), nb::arg("operation").none(), nb::arg("policy").none(),
      nb::arg("raw"));
}

void add_unpooling(nb::module_& m) {
  m.def(
      "pooling_places",
      [](nb::handle x, nb::handle policy, nb::handle kernel, nb::handle stride, nb::handle pad, nb::handle size,
         bool global, bool raw) {
        const pooling_params p = pooling_argument(kernel, stride, pad, size, global, "pooling_places");
        return run_layer(policy, x, "pooling_places", raw,
                         [&]<precision_policy P>(const auto& in) { return pooling_places<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("policy").none(), nb::arg("kernel").none(), nb::arg("stride").none(),
      nb::arg("pad").none(), nb::arg("size").none(), nb::arg("global_map"), nb::arg("raw"));
  m.def(
      "unpool",
      [](nb::handle x, nb::handle places, nb::handle size, nb::handle policy, bool raw) {
        const unpool_params p{pair_argument(size, "unpool: size")};
        return run_on_two(policy, x, places, "unpool", "places", raw,
                          [&]<precision_policy P>(const auto& in, const auto& at) {
                            require_room(infer_shape(p, in.shape(), at.shape()), "unpool");
                            return unpool<P>(in, at, p);
                          });
      },
      nb::arg("x").none(), nb::arg("places").none(), nb::arg("size").none(), nb::arg("policy").none(), nb::arg("raw"));
}

void add_regions(nb::module_& m) {
  m.def(
      "roi_pooling",
      [](nb::handle x, nb::handle regions, nb::handle pooled, nb::handle policy, nb::handle spatial_scale, bool raw) {
        const roi_pooling_params p{pair_argument(pooled, "roi_pooling: pooled"),
                                   float_argument(spatial_scale, "roi_pooling: spatial_scale")};
        return run_on_two(policy, x, regions, "roi_pooling", "regions", raw,
                          [&]<precision_policy P>(const auto& in, const auto& at) {
                            require_room(infer_shape(p, in.shape(), at.shape()), "roi_pooling");
                            return roi_pooling<P>(in, at, p);
                          });
      },
      nb::arg("x").none(), nb::arg("regions").none(), nb::arg("pooled").none(), nb::arg("policy").none(),
      nb::arg("spatial_scale").none(), nb::arg("raw"));
  m.def(
      "psroi_pooling",
      [](nb::handle x, nb::handle regions, nb::handle outputs, nb::handle group, nb::handle policy,
         nb::handle spatial_scale, bool raw) {
        const psroi_pooling_params p{
            static_cast<std::size_t>(integer_argument(outputs, "psroi_pooling: outputs", 1, 1 << 24)),
            static_cast<std::size_t>(integer_argument(group, "psroi_pooling: group", 1, 1 << 24)),
            float_argument(spatial_scale, "psroi_pooling: spatial_scale")};
        return run_on_two(
            policy, x, regions, "psroi_pooling", "regions", raw,
            [&]<precision_policy P>(const auto& in, const auto& at) { return psroi_pooling<P>(in, at, p); });
      },
      nb::arg("x").none(), nb::arg("regions").none(), nb::arg("outputs").none(), nb::arg("group").none(),
      nb::arg("policy").none(), nb::arg("spatial_scale").none(), nb::arg("raw"));
}

}  // namespace

void add_map_operators(nb::module_& m) {
  add_channels(m);
  add_sizes(m);
  add_unpooling(m);
  add_regions(m);
}

}  // namespace nniesim_python
