// Operators that work on layer values: pooling, activations, norms, sums, ...
#include <nanobind/stl/optional.h>

#include <nniesim/nniesim.hpp>

#include "layers.hpp"
#include "module.hpp"

namespace nniesim_python {
namespace {

constexpr std::array<std::string_view, 12> function_names = {"sigmoid",     "tanh",      "elu",        "absolute",
                                                             "exponential", "logarithm", "bnll",       "threshold",
                                                             "relu6",       "swish",     "hard_swish", "mish"};

/// Arguments that stand for several inputs, each as what the layer before wrote.
template <precision_policy P>
struct several_inputs {
  std::vector<std::unique_ptr<layer_argument<P>>> arguments;
  std::vector<tensor_view<const value_t<P>>> views;
  std::vector<tensor_shape> shapes;

  several_inputs(nb::handle list, std::string_view function) {
    if (PySequence_Check(list.ptr()) == 0 || nb::isinstance<nb::str>(list)) {
      throw nb::type_error(nniesim::detail::message(function, ": inputs is of type ", type_name_of(list),
                                                    ", expected a sequence of arrays")
                               .c_str());
    }
    std::size_t i = 0;
    for (const nb::handle x : nb::borrow<nb::object>(list)) {
      arguments.push_back(std::make_unique<layer_argument<P>>(x, function, nniesim::detail::message("input ", i++)));
      views.push_back(arguments.back()->view());
      shapes.push_back(views.back().shape());
    }
  }
};

void add_pooling(nb::module_& m) {
  m.def(
      "pooling",
      [](nb::handle x, nb::handle policy, nb::handle operation, nb::handle kernel, nb::handle stride, nb::handle pad,
         nb::handle size, bool global, bool raw) {
        pooling_params p = pooling_argument(kernel, stride, pad, size, global, "pooling");
        p.operation = pooling_operation_argument(operation, "pooling: operation");
        return run_layer(policy, x, "pooling", raw,
                         [&]<precision_policy P>(const auto& in) { return pooling<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("policy").none(), nb::arg("operation").none(), nb::arg("kernel").none(),
      nb::arg("stride").none(), nb::arg("pad").none(), nb::arg("size").none(), nb::arg("global_map"), nb::arg("raw"));
}

void add_activations(nb::module_& m) {
  m.def(
      "relu",
      [](nb::handle x, nb::handle policy, nb::handle negative_slope, bool raw) {
        const relu_params p{float_argument(negative_slope, "relu: negative_slope")};
        return run_layer(policy, x, "relu", raw, [&]<precision_policy P>(const auto& in) { return relu<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("policy").none(), nb::arg("negative_slope").none(), nb::arg("raw"));
  m.def(
      "prelu",
      [](nb::handle x, nb::handle slopes, nb::handle policy, bool raw) {
        const array_argument<float> slope(slopes, "prelu: slopes");
        return run_layer(policy, x, "prelu", raw,
                         [&]<precision_policy P>(const auto& in) { return prelu<P>(in, slope.view()); });
      },
      nb::arg("x").none(), nb::arg("slopes").none(), nb::arg("policy").none(), nb::arg("raw"));
  m.def(
      "activation",
      [](nb::handle x, nb::handle function, nb::handle policy, nb::handle alpha, nb::handle threshold, nb::handle base,
         nb::handle scale, nb::handle shift, nb::handle rule, bool raw) {
        activation_params p;
        p.function =
            static_cast<activation_function>(choice_argument(function, "activation: function", function_names));
        p.alpha = float_argument(alpha, "activation: alpha");
        p.threshold = float_argument(threshold, "activation: threshold");
        p.base = float_argument(base, "activation: base");
        p.scale = float_argument(scale, "activation: scale");
        p.shift = float_argument(shift, "activation: shift");
        p.rule = rule_argument(rule, "activation: rule");
        return run_layer(policy, x, "activation", raw,
                         [&]<precision_policy P>(const auto& in) { return activation<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("function").none(), nb::arg("policy").none(), nb::arg("alpha").none(),
      nb::arg("threshold").none(), nb::arg("base").none(), nb::arg("scale").none(), nb::arg("shift").none(),
      nb::arg("rule").none(), nb::arg("raw"));
  m.def(
      "softmax",
      [](nb::handle x, nb::handle policy, nb::handle axis, nb::handle rule, bool raw) {
        const softmax_params p{axis_argument(axis, "softmax: axis"), rule_argument(rule, "softmax: rule")};
        return run_layer(policy, x, "softmax", raw,
                         [&]<precision_policy P>(const auto& in) { return softmax<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("policy").none(), nb::arg("axis").none(), nb::arg("rule").none(), nb::arg("raw"));
}

void add_scales(nb::module_& m) {
  m.def(
      "batch_norm",
      [](nb::handle x, nb::handle mean, nb::handle variance, nb::handle gamma, nb::handle beta, nb::handle policy,
         nb::handle epsilon, nb::handle count, bool raw) {
        batch_norm_params p;
        p.mean = values_argument(mean, "batch_norm: mean");
        p.variance = values_argument(variance, "batch_norm: variance");
        p.gamma = values_argument(gamma, "batch_norm: gamma");
        p.beta = values_argument(beta, "batch_norm: beta");
        p.epsilon = float_argument(epsilon, "batch_norm: epsilon");
        p.count = float_argument(count, "batch_norm: count");
        return run_layer(policy, x, "batch_norm", raw,
                         [&]<precision_policy P>(const auto& in) { return batch_norm<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("mean").none(), nb::arg("variance").none(), nb::arg("gamma").none(),
      nb::arg("beta").none(), nb::arg("policy").none(), nb::arg("epsilon").none(), nb::arg("count").none(),
      nb::arg("raw"));
  m.def(
      "scale",
      [](nb::handle x, nb::handle factor, nb::handle shift, nb::handle policy, nb::handle axis, bool raw) {
        const array_argument<float> factors(factor, "scale: factor");
        std::optional<array_argument<float>> shifts;
        if (!shift.is_none()) shifts.emplace(shift, "scale: shift");
        const scale_params p{axis_argument(axis, "scale: axis")};
        return run_layer(policy, x, "scale", raw, [&]<precision_policy P>(const auto& in) {
          return shifts ? nniesim::scale<P>(in, factors.view(), shifts->view(), p)
                        : nniesim::scale<P>(in, factors.view(), p);
        });
      },
      nb::arg("x").none(), nb::arg("factor").none(), nb::arg("shift").none(), nb::arg("policy").none(),
      nb::arg("axis").none(), nb::arg("raw"));
  m.def(
      "bias",
      [](nb::handle x, nb::handle shift, nb::handle policy, nb::handle axis, bool raw) {
        const array_argument<float> shifts(shift, "bias: shift");
        const bias_params p{axis_argument(axis, "bias: axis")};
        return run_layer(policy, x, "bias", raw,
                         [&]<precision_policy P>(const auto& in) { return nniesim::bias<P>(in, shifts.view(), p); });
      },
      nb::arg("x").none(), nb::arg("shift").none(), nb::arg("policy").none(), nb::arg("axis").none(), nb::arg("raw"));
  m.def(
      "power",
      [](nb::handle x, nb::handle exponent, nb::handle scale, nb::handle shift, nb::handle policy, bool raw) {
        const power_params p{float_argument(exponent, "power: exponent"), float_argument(scale, "power: scale"),
                             float_argument(shift, "power: shift")};
        return run_layer(policy, x, "power", raw, [&]<precision_policy P>(const auto& in) { return power<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("exponent").none(), nb::arg("scale").none(), nb::arg("shift").none(),
      nb::arg("policy").none(), nb::arg("raw"));
}

void add_several(nb::module_& m) {
  m.def(
      "eltwise",
      [](nb::handle inputs, nb::handle operation, nb::handle coefficients, nb::handle policy, bool raw) {
        constexpr std::array<std::string_view, 3> operations = {"sum", "product", "maximum"};
        eltwise_params p;
        p.operation = static_cast<eltwise_operation>(choice_argument(operation, "eltwise: operation", operations));
        p.coefficients = values_argument(coefficients, "eltwise: coefficients");
        return with_policy(policy, [&]<precision_policy P>() {
          const several_inputs<P> in(inputs, "eltwise");
          auto y = [&] {
            const nb::gil_scoped_release released;
            auto result = make_tensor<value_t<P>>(infer_shape(p, in.shapes));
            eltwise_into<P>(in.views, p, view_of(result));
            return result;
          }();
          return layer_result(std::move(y), raw);
        });
      },
      nb::arg("inputs").none(), nb::arg("operation").none(), nb::arg("coefficients").none(), nb::arg("policy").none(),
      nb::arg("raw"));
  m.def(
      "concat",
      [](nb::handle inputs, nb::handle axis, nb::handle policy, bool raw) {
        const concat_params p{axis_argument(axis, "concat: axis")};
        return with_policy(policy, [&]<precision_policy P>() {
          const several_inputs<P> in(inputs, "concat");
          auto y = [&] {
            const nb::gil_scoped_release released;
            auto result = make_tensor<value_t<P>>(infer_shape(p, in.shapes));
            concat_into<value_t<P>>(in.views, p, view_of(result));
            return result;
          }();
          return layer_result(std::move(y), raw);
        });
      },
      nb::arg("inputs").none(), nb::arg("axis").none(), nb::arg("policy").none(), nb::arg("raw"));
}

void add_norms(nb::module_& m) {
  m.def(
      "reduce_mean",
      [](nb::handle x, nb::handle axes, nb::handle policy, bool keep_axes, bool raw) {
        const reduce_mean_params p{sizes_argument(axes, "reduce_mean: axes"), keep_axes};
        return run_layer(policy, x, "reduce_mean", raw,
                         [&]<precision_policy P>(const auto& in) { return reduce_mean<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("axes").none(), nb::arg("policy").none(), nb::arg("keep_axes"), nb::arg("raw"));
  m.def(
      "reduce_sum",
      [](nb::handle x, nb::handle axes, nb::handle policy, bool keep_axes, nb::handle coefficient, nb::handle term,
         bool raw) {
        constexpr std::array<std::string_view, 3> terms = {"value", "magnitude", "square"};
        reduce_sum_params p;
        p.axes = sizes_argument(axes, "reduce_sum: axes");
        p.keep_axes = keep_axes;
        p.coefficient = float_argument(coefficient, "reduce_sum: coefficient");
        p.term = static_cast<reduction_term>(choice_argument(term, "reduce_sum: term", terms));
        return run_layer(policy, x, "reduce_sum", raw,
                         [&]<precision_policy P>(const auto& in) { return reduce_sum<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("axes").none(), nb::arg("policy").none(), nb::arg("keep_axes"),
      nb::arg("coefficient").none(), nb::arg("term").none(), nb::arg("raw"));
  m.def(
      "l2_normalize",
      [](nb::handle x, nb::handle policy, bool across_positions, nb::handle epsilon, bool raw) {
        const l2_normalize_params p{across_positions, float_argument(epsilon, "l2_normalize: epsilon")};
        return run_layer(policy, x, "l2_normalize", raw,
                         [&]<precision_policy P>(const auto& in) { return l2_normalize<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("policy").none(), nb::arg("across_positions"), nb::arg("epsilon").none(),
      nb::arg("raw"));
  m.def(
      "mvn",
      [](nb::handle x, nb::handle policy, bool normalize_variance, bool across_channels, nb::handle epsilon, bool raw) {
        const mvn_params p{normalize_variance, across_channels, float_argument(epsilon, "mvn: epsilon")};
        return run_layer(policy, x, "mvn", raw, [&]<precision_policy P>(const auto& in) { return mvn<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("policy").none(), nb::arg("normalize_variance"), nb::arg("across_channels"),
      nb::arg("epsilon").none(), nb::arg("raw"));
  m.def(
      "lrn",
      [](nb::handle x, nb::handle policy, nb::handle local_size, nb::handle alpha, nb::handle beta, nb::handle k,
         nb::handle region, bool raw) {
        constexpr std::array<std::string_view, 2> regions = {"across_channels", "within_channel"};
        lrn_params p;
        p.local_size = static_cast<std::size_t>(integer_argument(local_size, "lrn: local_size", 1, 1 << 24));
        p.alpha = float_argument(alpha, "lrn: alpha");
        p.beta = float_argument(beta, "lrn: beta");
        p.k = float_argument(k, "lrn: k");
        p.region = static_cast<lrn_region>(choice_argument(region, "lrn: region", regions));
        return run_layer(policy, x, "lrn", raw, [&]<precision_policy P>(const auto& in) { return lrn<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("policy").none(), nb::arg("local_size").none(), nb::arg("alpha").none(),
      nb::arg("beta").none(), nb::arg("k").none(), nb::arg("region").none(), nb::arg("raw"));
  m.def(
      "upsample",
      [](nb::handle x, nb::handle policy, nb::handle factor, nb::handle size, bool raw) {
        upsample_params p;
        p.factor = static_cast<std::size_t>(integer_argument(factor, "upsample: factor", 1, 1 << 24));
        if (!size.is_none()) p.size = pair_argument(size, "upsample: size");
        return run_layer(policy, x, "upsample", raw, [&]<precision_policy P>(const auto& in) {
          require_room(infer_shape(p, in.shape()), "upsample");
          return upsample<P>(in, p);
        });
      },
      nb::arg("x").none(), nb::arg("policy").none(), nb::arg("factor").none(), nb::arg("size").none(), nb::arg("raw"));
  m.def(
      "add_one_norm_outside",
      [](nb::handle x, nb::handle policy, nb::handle constant, nb::handle scale, bool raw) {
        const add_one_norm_params p{float_argument(constant, "add_one_norm_outside: constant"),
                                    float_argument(scale, "add_one_norm_outside: scale")};
        return run_layer(policy, x, "add_one_norm", raw,
                         [&]<precision_policy P>(const auto& in) { return add_one_norm_outside<P>(in, p); });
      },
      nb::arg("x").none(), nb::arg("policy").none(), nb::arg("constant").none(), nb::arg("scale").none(),
      nb::arg("raw"));
  m.def(
      "add_one_norm_inside",
      [](nb::handle x, nb::handle policy, nb::handle constant, bool raw) {
        const float a = float_argument(constant, "add_one_norm_inside: constant");
        return run_layer(policy, x, "add_one_norm", raw,
                         [&]<precision_policy P>(const auto& in) { return add_one_norm_inside<P>(in, a); });
      },
      nb::arg("x").none(), nb::arg("policy").none(), nb::arg("constant").none(), nb::arg("raw"));
}

}  // namespace

void add_operators(nb::module_& m) {
  add_pooling(m);
  add_activations(m);
  add_scales(m);
  add_several(m);
  add_norms(m);
}

}  // namespace nniesim_python
