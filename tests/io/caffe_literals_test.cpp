// Parameters that a prototxt gives as numbers are floats in the operators' parameters, as in Caffe: a unit test that
// writes the file's literals gets the bits of the network.
#include <string>
#include <vector>

#include <nniesim/io/caffe_import.hpp>
#include <nniesim/network/runner.hpp>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace caffe_literals_test {

namespace {

/// A network of one layer with this type and these fields, on inputs 2 x 4 x 5 x 6, `bottoms` of them.
network of_one(const std::string& type, const std::string& fields, const std::vector<tensor<float>>& learned = {},
               std::size_t bottoms = 1) {
  std::string text;
  std::string rest = "layer { name: 'x' type: '" + type + "' top: 'y' " + fields;
  for (std::size_t i = 0; i < bottoms; ++i) {
    const std::string name = "data" + std::to_string(i);
    text += "layer { name: '" + name + "' type: 'Input' top: '" + name +
            "' input_param { shape { dim: 2 dim: 4 dim: 5 dim: 6 } } }\n";
    rest += " bottom: '" + name + "'";
  }
  caffe_layer values;
  values.name = "x";
  values.blobs = learned;
  const caffe_model model{"model", {values}};
  return import_caffe(parse_prototxt(text + rest + " }\n", "net"), &model);
}

/// Whether the network gives what `op` gives, called with a policy and the inputs: in float, and where the hardware has
/// the layer in 8 and 16 bits too.
template <class Op, class... X>
void expect_same(const network& net, Op op, const X&... x) {
  CAPTURE(net.layers.back().type);
  const auto check = [&]<class P>(P, const precision_plan& plan) {
    CAPTURE(P::name);
    network_runner runner(net, plan);
    runner.run(x...);
    const auto expected = op(P{}, x...);
    runner.visit(blob_index(net, "x"), [&](auto view) {
      if constexpr (std::same_as<element_t<decltype(view)>, element_t<decltype(expected)>>) {
        std::size_t differences = view.size() == expected.size() ? 0 : 1;
        for (std::size_t i = 0; i < expected.size(); ++i) {
          if (!(view[i] == expected.data()[i])) ++differences;
        }
        CHECK(differences == 0);
      } else {
        FAIL("of another type");
      }
    });
  };
  check(float32{}, float_plan(net));
  if (net.layers.back().on_cpu) return;
  check(w8a8{}, plan_of(net, compile_mode::all_8bit));
  check(w16a16{}, plan_of(net, compile_mode::all_16bit));
}

/// What an element-wise layer reads: the network's input in the bits of the layer, which the operator by itself leaves
/// to others.
template <class P>
tensor<float> encoded(const tensor<float>& x) {
  using format = typename P::activations;
  tensor<float> result = x;
  if constexpr (!std::same_as<format, binary32>) {
    const std::span<float> values(result.data(), result.size());
    fake_quantize<format>(values, values, scale_of<format>(values));
  }
  return result;
}

}  // namespace

TEST_CASE("an operator with a prototxt's literals gives the network's bits", "[io]") {
  draws random(31);
  const tensor<float> x = random.tensor({2, 4, 5, 6}, 3.0F);
  const tensor<float> positive = xt::abs(x) + 0.1F;

  expect_same(
      of_one("LRN", "lrn_param { local_size: 3 alpha: 0.0001 beta: 0.7 k: 1.1 }"),
      []<class P>(P, const auto& in) {
        return lrn<P>(in, {.local_size = 3, .alpha = 0.0001F, .beta = 0.7F, .k = 1.1F});
      },
      x);
  expect_same(
      of_one("LRN", "lrn_param { local_size: 3 alpha: 0.05 beta: 0.3 norm_region: WITHIN_CHANNEL }"),
      []<class P>(P, const auto& in) {
        return lrn<P>(in, {.local_size = 3, .alpha = 0.05F, .beta = 0.3F, .region = lrn_region::within_channel});
      },
      x);
  expect_same(
      of_one("ReLU", "relu_param { negative_slope: 0.1 }"),
      []<class P>(P, const auto& in) { return relu<P>(in, {.negative_slope = 0.1F}); }, x);
  expect_same(
      of_one("ELU", "elu_param { alpha: 0.3 }"),
      []<class P>(P, const auto& in) {
        return activation<P>(in, {.function = activation_function::elu, .alpha = 0.3F});
      },
      x);
  expect_same(
      of_one("Exp", "exp_param { base: 1.7 scale: 0.3 shift: 0.1 }"),
      []<class P>(P, const auto& in) {
        return activation<P>(
            in, {.function = activation_function::exponential, .base = 1.7F, .scale = 0.3F, .shift = 0.1F});
      },
      x);
  expect_same(
      of_one("Log", "log_param { base: 2.3 scale: 0.7 shift: 0.2 }"),
      []<class P>(P, const auto& in) {
        return activation<P>(in,
                             {.function = activation_function::logarithm, .base = 2.3F, .scale = 0.7F, .shift = 0.2F});
      },
      positive);
  expect_same(
      of_one("Power", "power_param { power: 2 scale: 0.3 shift: 0.1 }"),
      []<class P>(P, const auto& in) { return power<P>(in, {.exponent = 2.0F, .scale = 0.3F, .shift = 0.1F}); }, x);
  expect_same(
      of_one("Power", "power_param { power: 0.5 scale: 1.3 shift: 0.1 }"),
      []<class P>(P, const auto& in) { return power<P>(in, {.exponent = 0.5F, .scale = 1.3F, .shift = 0.1F}); },
      positive);
  expect_same(
      of_one("Eltwise", "eltwise_param { operation: SUM coeff: 0.3 coeff: -0.7 }", {}, 2),
      []<class P>(P, const auto& a, const auto& b) {
        return eltwise<P>(encoded<P>(a), encoded<P>(b),
                          {.operation = eltwise_operation::sum, .coefficients = {0.3F, -0.7F}});
      },
      x, positive);
  expect_same(
      of_one("Reduction", "reduction_param { operation: SUM axis: 2 coeff: 0.1 }"),
      []<class P>(P, const auto& in) {
        return reduce_sum<P>(in, {.axes = {2, 3}, .keep_axes = false, .coefficient = 0.1F});
      },
      x);
  expect_same(
      of_one("MVN", "mvn_param { eps: 0.001 }"),
      []<class P>(P, const auto& in) { return mvn<P>(in, {.epsilon = 0.001F}); }, x);
  const tensor<float> one = xt::ones<float>({1});
  expect_same(
      of_one("Normalize", "norm_param { across_spatial: false eps: 0.01 }", {one}),
      []<class P>(P, const auto& in) { return l2_normalize<P>(in, {.across_positions = false, .epsilon = 0.01F}); }, x);
}

TEST_CASE("an operator with a model's values gives the network's bits", "[io]") {
  draws random(32);
  const tensor<float> x = random.tensor({2, 4, 5, 6}, 3.0F);
  const tensor<float> values = {0.1F, 0.3F, -0.7F, 1.3F};
  const tensor<float> variance = {0.2F, 1.1F, 3.3F, 0.9F};
  const tensor<float> count = {0.999F};
  expect_same(
      of_one("BatchNorm", "batch_norm_param { eps: 0.001 }", {values, variance, count}),
      []<class P>(P, const auto& in) {
        return batch_norm<P>(in, {.mean = {0.1F, 0.3F, -0.7F, 1.3F},
                                  .variance = {0.2F, 1.1F, 3.3F, 0.9F},
                                  .epsilon = 0.001F,
                                  .count = 0.999F});
      },
      x);
  // A learned factor is applied as it is; scale() takes a factor that another layer wrote.
  const channel_affine learned{{values.begin(), values.end()}, {variance.begin(), variance.end()}};
  expect_same(
      of_one("Scale", "scale_param { bias_term: true }", {values, variance}),
      [&]<class P>(P, const auto& in) {
        const tensor<value_t<P>> written = reshape<P>(in, {.extents = {0, 0, 0, 0}});
        auto y = make_tensor<value_t<P>>(shape_of(in));
        batch_norm_into<P>(view_of(written), learned, view_of(y));
        return y;
      },
      x);
  expect_same(
      of_one("Bias", "", {values}), [&]<class P>(P, const auto& in) { return bias<P>(in, values); }, x);
  expect_same(
      of_one("PReLU", "", {values}), [&]<class P>(P, const auto& in) { return prelu<P>(in, values); }, x);
}

}  // namespace caffe_literals_test
