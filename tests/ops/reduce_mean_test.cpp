#include <nniesim/ops/reduce_mean.hpp>

#include <algorithm>
#include <map>

#include "elementwise.hpp"

using namespace nniesim;

namespace reduce_mean_test {

TEST_CASE("the mean over any axes is the sum in memory order divided by the count") {
  draws d(1);
  const auto x = d.tensor({3, 4, 5});
  const std::vector<std::vector<std::size_t>> choices = {{0}, {1}, {2}, {0, 2}, {1, 2}, {0, 1, 2}, {2, 0}};
  for_policies([&]<class P>() {
    const auto v = held<P>(x);
    for (const auto& axes : choices) {
      std::map<std::size_t, std::pair<double, double>> sums;  // by index among the kept coordinates
      const auto is_reduced = [&](std::size_t axis) { return std::find(axes.begin(), axes.end(), axis) != axes.end(); };
      for (std::size_t i = 0; i < v.size(); ++i) {
        const std::size_t at[3] = {i / 20, i / 5 % 4, i % 5};
        const std::size_t extents[3] = {3, 4, 5};
        std::size_t key = 0;
        for (std::size_t axis = 0; axis < 3; ++axis) {
          if (!is_reduced(axis)) key = key * extents[axis] + at[axis];
        }
        sums[key].first += v[i];
        sums[key].second += 1;
      }
      std::vector<double> expected;
      for (const auto& [key, sum] : sums) expected.push_back(sum.first / sum.second);
      check_values<P>(reduce_mean<P>(x, {.axes = axes}), expected);
    }
  });
}

TEST_CASE("reduced axes stay with extent 1 or go") {
  const auto x = zeros({3, 4, 5});
  CHECK(shape_of(reduce_mean<float32>(x, {.axes = {1}})) == tensor_shape{3, 1, 5});
  CHECK(shape_of(reduce_mean<float32>(x, {.axes = {0, 1}, .keep_axes = false})) == tensor_shape{5});
  CHECK(shape_of(reduce_mean<float32>(x, {.axes = {0, 1, 2}, .keep_axes = false})) == tensor_shape{});
}

TEST_CASE("a mean of layer values is truncated") {
  const tensor<float> x = {{1.0F / 4096, 2.0F / 4096}, {-1.0F / 4096, -2.0F / 4096}};
  const auto y = reduce_mean<w8a8>(x, {.axes = {1}});
  CHECK(y(0, 0).raw() == 1);
  CHECK(y(1, 0).raw() == -2);
}

TEST_CASE("wrong axes are refused") {
  const auto x = zeros({3, 4});
  CHECK_THROWS_WITH(reduce_mean<w8a8>(x, {.axes = {2}}), contains("axis 2") && contains("3x4"));
  CHECK_THROWS_WITH(reduce_mean<w8a8>(x, {.axes = {1, 1}}), contains("different"));
  CHECK_THROWS_WITH(reduce_mean<w8a8>(x, {}), contains("no axes"));
  CHECK_THROWS_AS(reduce_mean<w8a8>(zeros({0, 4}), {.axes = {1}}), shape_error);
}

TEST_CASE("means by vectors equal the specification, over any axes") {
  for_vectors([]<class P>(draws& d, std::size_t n) {
    for (const tensor_shape& shape : {tensor_shape{n, 3, 2, 4}, tensor_shape{2, n, 1, 3}, tensor_shape{3, 1, 2, n}}) {
      odd_tensor<P> x(d, shape, d.between(0, 1) == 0);
      for (unsigned mask = 1; mask < 16; ++mask) {
        reduce_mean_params p;
        for (std::size_t axis = 0; axis < 4; ++axis) {
          if ((mask >> axis & 1U) != 0) p.axes.push_back(axis);
        }
        check_vectors<P>(
            infer_shape(p, shape), [&](auto y) { reference::reduce_mean<P>(x.in(), p, y); },
            [&](auto y) { return detail::vector_reduce_mean<P>(x.in(), p, y); });
      }
    }
  });
}

TEST_CASE("a sum that float64 may round goes through the specification") {
  const tensor_shape shape{(std::size_t{1} << 21U) + 1};
  std::vector<q20_12> x(shape.size(), q20_12::lowest()), y(1);
  CHECK_FALSE(detail::vector_reduce_mean<w8a8>(tensor_view<const q20_12>(x, shape), {.axes = {0}},
                                               tensor_view<q20_12>(y, {1})));
}

}  // namespace reduce_mean_test
