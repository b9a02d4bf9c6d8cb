// Operators that multiply and accumulate: convolution, deconvolution, fully connected, products of matrices.
#include <nniesim/ops/conv2d.hpp>
#include <nniesim/ops/deconv2d.hpp>
#include <nniesim/ops/fully_connected.hpp>
#include <nniesim/ops/matmul.hpp>

#include "layers.hpp"
#include "module.hpp"

namespace nniesim_python {
namespace {

/// Makes a layer of weights and bias, checks its geometry, and runs it; all but reading the arguments without the
/// interpreter's lock.
template <template <class> class Layer, class Check, class... Geometry>
[[nodiscard]] nb::object run_mac(nb::handle policy, nb::handle x, nb::handle w, nb::handle bias, nb::handle threads,
                                 bool raw, std::string_view function, Check check, const Geometry&... geometry) {
  const std::size_t count = threads_argument(threads);
  return with_policy(policy, [&]<precision_policy P>() {
    const array_argument<float> weights(w, nniesim::detail::message(function, ": w"));
    std::optional<array_argument<float>> biases;
    if (!bias.is_none()) biases.emplace(bias, nniesim::detail::message(function, ": bias"));
    auto y = on_input<P>(x, function, [&](const auto& in) {
      const nb::gil_scoped_release released;
      (void)check(in.shape(), weights.shape());
      const call_threads pool(count);
      const Layer<P> layer = biases ? Layer<P>(weights.view(), biases->view(), geometry..., {}, {}, pool.handle())
                                    : Layer<P>(weights.view(), no_bias, geometry..., {}, {}, pool.handle());
      return layer(in, pool.handle());
    });
    return layer_result(std::move(y), raw);
  });
}

[[nodiscard]] conv2d_params geometry_of(nb::handle stride, nb::handle pad, nb::handle dilation, nb::handle groups,
                                        const std::string& function) {
  conv2d_params p;
  p.stride = pair_argument(stride, function + ": stride");
  p.pad = padding_argument(pad, function + ": pad");
  p.dilation = pair_argument(dilation, function + ": dilation");
  p.groups = static_cast<std::size_t>(integer_argument(groups, function + ": groups", 1, 1 << 24));
  return p;
}

}  // namespace

void add_mac_operators(nb::module_& m) {
  m.def(
      "conv2d",
      [](nb::handle x, nb::handle w, nb::handle bias, nb::handle policy, nb::handle stride, nb::handle pad,
         nb::handle dilation, nb::handle groups, nb::handle threads, bool raw) {
        const conv2d_params p = geometry_of(stride, pad, dilation, groups, "conv2d");
        const auto check = [&](const tensor_shape& in, const tensor_shape& weights) {
          return infer_shape(p, in, weights);
        };
        return run_mac<conv2d_layer>(policy, x, w, bias, threads, raw, "conv2d", check, p);
      },
      nb::arg("x").none(), nb::arg("w").none(), nb::arg("bias").none(), nb::arg("policy").none(),
      nb::arg("stride").none(), nb::arg("pad").none(), nb::arg("dilation").none(), nb::arg("groups").none(),
      nb::arg("threads").none(), nb::arg("raw"));
  m.def(
      "deconv2d",
      [](nb::handle x, nb::handle w, nb::handle bias, nb::handle policy, nb::handle stride, nb::handle pad,
         nb::handle dilation, nb::handle groups, nb::handle threads, bool raw) {
        const conv2d_params p = geometry_of(stride, pad, dilation, groups, "deconv2d");
        const auto check = [&](const tensor_shape& in, const tensor_shape& weights) {
          return infer_deconv2d_shape(p, in, weights);
        };
        return run_mac<deconv2d_layer>(policy, x, w, bias, threads, raw, "deconv2d", check, p);
      },
      nb::arg("x").none(), nb::arg("w").none(), nb::arg("bias").none(), nb::arg("policy").none(),
      nb::arg("stride").none(), nb::arg("pad").none(), nb::arg("dilation").none(), nb::arg("groups").none(),
      nb::arg("threads").none(), nb::arg("raw"));
  m.def(
      "fully_connected",
      [](nb::handle x, nb::handle w, nb::handle bias, nb::handle policy, nb::handle threads, bool raw) {
        return run_mac<fully_connected_layer>(policy, x, w, bias, threads, raw, "fully_connected",
                                              infer_fully_connected_shape);
      },
      nb::arg("x").none(), nb::arg("w").none(), nb::arg("bias").none(), nb::arg("policy").none(),
      nb::arg("threads").none(), nb::arg("raw"));
  m.def(
      "matmul",
      [](nb::handle a, nb::handle b, nb::handle policy, bool transpose_a, bool transpose_b, bool raw) {
        return with_policy(policy, [&]<precision_policy P>() {
          const layer_argument<P> left(a, "matmul", "a"), right(b, "matmul", "b");
          auto y = [&] {
            const nb::gil_scoped_release released;
            return matmul<P>(left.view(), right.view(), {.transpose_a = transpose_a, .transpose_b = transpose_b});
          }();
          return layer_result(std::move(y), raw);
        });
      },
      nb::arg("a").none(), nb::arg("b").none(), nb::arg("policy").none(), nb::arg("transpose_a"),
      nb::arg("transpose_b"), nb::arg("raw"));
}

}  // namespace nniesim_python
