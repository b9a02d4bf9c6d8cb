// Every operator with every parameter, by the names in the table of examples/guide/operators.md.
#include <iostream>

#include <nniesim/nniesim.hpp>

using namespace nniesim;

namespace {

template <class P>
std::size_t run_all() {
  tensor<float> x = xt::ones<float>({2, 4, 8, 8}), w = xt::ones<float>({8, 2, 3, 3}) * 0.1F;
  for (std::size_t i = 0; i < x.size(); ++i) x.flat(i) = static_cast<float>(i % 23) / 23.0F + 0.1F;
  tensor<float> bias_of_8 = xt::ones<float>({8}), slopes = xt::ones<float>({4}) * 0.25F;
  std::size_t size = 0;
  const auto add = [&](const auto& y) { size += y.size(); };

  add(conv2d<P>(x, w, bias_of_8, {.stride = {2, 2}, .pad = {1, 1}, .dilation = {1, 1}, .groups = 2}));
  add(conv2d<P>(x, w, {.pad = {1, 1, 0, 0}, .groups = 2}));
  tensor<float> w2 = xt::ones<float>({4, 8, 3, 3}) * 0.1F, rows = xt::ones<float>({3, 5}),
                full = xt::ones<float>({8, 5});
  add(deconv2d<P>(x, w2, bias_of_8, {.stride = {2, 2}}));
  add(deconv2d<P>(x, w2));
  add(fully_connected<P>(rows, full, bias_of_8));
  add(fully_connected<P>(rows, full));
  add(pooling<P>(x, {.operation = pooling_operation::average,
                     .kernel = {3, 3},
                     .stride = {2, 2},
                     .pad = {1, 1},
                     .size = pooling_size::floor}));
  add(pooling<P>(x, {.operation = pooling_operation::maximum, .global = true}));
  add(relu<P>(x, {.negative_slope = 0.1F}));
  add(prelu<P>(x, slopes));
  add(activation<P>(x, {.function = activation_function::elu, .alpha = 0.5F}));
  add(activation<P>(x, {.function = activation_function::exponential, .base = 2.0F, .scale = 0.5F, .shift = 0.1F}));
  add(batch_norm<P>(x, {.mean = {1, 1, 1, 1},
                        .variance = {2, 2, 2, 2},
                        .gamma = {1, 1, 1, 1},
                        .beta = {0, 0, 0, 0},
                        .epsilon = 1e-3F,
                        .count = 1}));
  add(scale<P>(x, slopes, slopes, {.axis = 1}));
  add(scale<P>(x, slopes));
  add(bias<P>(x, slopes, {.axis = 1}));
  add(power<P>(x, {.exponent = 2, .scale = 0.5F, .shift = 0.25F}));
  add(eltwise<P>(x, x, {.operation = eltwise_operation::sum, .coefficients = {1, -1}}));
  add(reduce_mean<P>(x, {.axes = {2, 3}, .keep_axes = false}));
  add(reduce_sum<P>(x, {.axes = {1}, .keep_axes = true, .coefficient = 0.5F}));
  add(l2_normalize<P>(x, {.across_positions = false, .epsilon = 1e-6F}));
  add(mvn<P>(x, {.normalize_variance = true, .across_channels = false, .epsilon = 1e-6F}));
  add(lrn<P>(x, {.local_size = 3, .alpha = 1e-4F, .beta = 0.75F, .k = 1, .region = lrn_region::across_channels}));
  add(softmax<P>(x, {.axis = 1}));
  add(concat<P>({.axis = 1}, x, x, x));
  for (const auto& part : slice<P>(x, {.axis = 1, .points = {1}})) add(part);
  add(crop<P>(x, {2, 4, 5, 5}, {.axis = 2, .offsets = {1, 2}}));
  add(permute<P>(x, {.order = {0, 2, 3, 1}}));
  add(reshape<P>(x, {.extents = {0, -1}}));
  add(upsample<P>(x, {.factor = 2}));
  add(add_one_norm_outside<P>(rows, {.constant = 1, .scale = 0.2F}));
  add(add_one_norm_inside<P>(rows, 1.0F));
  return size;
}

}  // namespace

int main() {
  tensor<float> x = xt::ones<float>({1, 5});
  const bool found = arg_max<float32>(x, {.top_k = 2, .out_max_val = true, .axis = 1}).size() == 2;
  std::cout << run_all<float32>() << ' ' << run_all<w8a8>() << '\n';
  return found && run_all<float32>() == run_all<w8a8>() && run_all<w16a16>() == run_all<uniform_w8a8>() ? 0 : 1;
}
