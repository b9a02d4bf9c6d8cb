#include <nniesim/ops/reduce_sum.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace reduce_sum_test {

TEST_CASE("the sum over axes, times a coefficient") {
  const tensor<float> x{{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}};
  CHECK(same_bits(reduce_sum<float32>(x, {.axes = {0}}), tensor<float>{{{6, 8}, {10, 12}}}));
  CHECK(same_bits(reduce_sum<float32>(x, {.axes = {0, 2}, .keep_axes = false}), tensor<float>{14, 22}));
  // Caffe's Reduction from axis 1 with coefficient 0.5.
  CHECK(same_bits(reduce_sum<float32>(x, {.axes = axes_from(1, 3), .keep_axes = false, .coefficient = 0.5}),
                  tensor<float>{5, 13}));
  CHECK(shape_of(reduce_sum<float32>(x, {.axes = axes_from(0, 3), .keep_axes = false})) == tensor_shape{});
  const tensor<float> steps{1.0F / 4096, 2.0F / 4096, -6.0F / 4096};
  CHECK(reduce_sum<w8a8>(steps, {.axes = {0}})(0).raw() == -3);
  CHECK(reduce_sum<w8a8>(steps, {.axes = {0}, .coefficient = 0.5})(0).raw() == -2);
}

TEST_CASE("the sum of magnitudes and of squares") {
  const tensor<float> x{{1, -2}, {-3, 0.5F}};
  const auto column = [](float a, float b) {
    auto y = make_tensor<float>({2, 1});
    y(0, 0) = a;
    y(1, 0) = b;
    return y;
  };
  const reduce_sum_params magnitudes{.axes = {1}, .coefficient = 2, .term = reduction_term::magnitude};
  CHECK(same_bits(reduce_sum<float32>(x, magnitudes), column(6, 7)));
  const reduce_sum_params squares{.axes = {1}, .coefficient = -2, .term = reduction_term::square};
  CHECK(same_bits(reduce_sum<float32>(x, squares), column(-10, -18.5F)));
  // 3/4096 squared is less than a step; the sum of many is not, and is cut once.
  tensor<float> small = zeros({1000});
  small.fill(-3.0F / 4096);
  CHECK(reduce_sum<w8a8>(small, {.axes = {0}, .term = reduction_term::magnitude})(0).raw() == 3000);
  CHECK(reduce_sum<w8a8>(small, {.axes = {0}, .term = reduction_term::square})(0).raw() == 2);  // 9000 / 4096
}

TEST_CASE("wrong axes and coefficients are refused") {
  const auto x = zeros({3, 4});
  CHECK_THROWS_WITH(reduce_sum<w8a8>(x, {.axes = {2}}), contains("reduce_sum: axis 2") && contains("3x4"));
  CHECK_THROWS_WITH(reduce_sum<w8a8>(x, {.axes = {1, 1}}), contains("different"));
  CHECK_THROWS_WITH(reduce_sum<w8a8>(x, {.axes = axes_from(2, 2)}), contains("no axes"));
  CHECK_THROWS_AS(reduce_sum<w8a8>(zeros({0, 4}), {.axes = {1}}), shape_error);
  CHECK_THROWS_AS(reduce_sum<w8a8>(x, {.axes = {1}, .coefficient = std::numeric_limits<float>::infinity()}),
                  format_error);
  CHECK_THROWS_WITH(reduce_sum<float32>(nan_tensor({1, 2}), {.axes = {1}}), contains("NaN"));
}

TEST_CASE("sums by vectors equal the specification, over any axes") {
  for_vectors([]<class P>(draws& d, std::size_t n) {
    for (const tensor_shape& shape : {tensor_shape{n, 3, 2, 4}, tensor_shape{2, n, 1, 3}, tensor_shape{3, 1, 2, n}}) {
      odd_tensor<P> x(d, shape, d.between(0, 1) == 0);
      for (unsigned mask = 1; mask < 16; ++mask) {
        reduce_sum_params p;
        p.coefficient = mask % 3 == 0 ? 1.0F : -0.3F;
        for (std::size_t axis = 0; axis < 4; ++axis) {
          if ((mask >> axis & 1U) != 0) p.axes.push_back(axis);
        }
        check_vectors<P>(
            infer_shape(p, shape), [&](auto y) { reference::reduce_sum<P>(x.in(), p, y); },
            [&](auto y) { return detail::vector_reduce_sum<P>(x.in(), p, y); });
      }
    }
  });
}

}  // namespace reduce_sum_test
