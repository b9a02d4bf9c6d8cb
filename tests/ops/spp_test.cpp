#include <nniesim/ops/spp.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace spp_test {

TEST_CASE("a pyramid of maxima by hand") {
  const tensor<float> x{{{{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}, {-1, -2, -3, -4}}}};
  CHECK(same_bits(spp<float32>(x, {2}), tensor<float>{{12, 6, 8, 10, 12}}));
  CHECK(spp<float32>(x, {1, pooling_operation::average})(0, 0) == 4.25F);
  CHECK(shape_of(spp<float32>(zeros({2, 3, 8, 12}), {3})) == tensor_shape{2, 63});
}

TEST_CASE("a pyramid is the poolings behind each other, of each picture") {
  draws d(1);
  for_policies([&]<class P>() {
    using activations = typename P::activations;
    const auto x = d.tensor({2, 3, 7, 6});
    for (const pooling_operation operation : {pooling_operation::maximum, pooling_operation::average}) {
      const auto v = held<P>(x);
      const std::vector<float> values(v.begin(), v.end());
      const auto s = activations::scale_of(values);
      std::vector<double> expected;
      // 7 rows and 6 columns: kernels 7 x 6, 4 x 3 with 1 row of padding above, 2 x 2 with 1 row and 1 column.
      for (std::size_t n = 0; n < 2; ++n) {
        for (std::size_t bins = 1; bins <= 4; bins *= 2) {
          const long kernel[2] = {static_cast<long>((7 + bins - 1) / bins), static_cast<long>((6 + bins - 1) / bins)};
          const long size[2] = {7, 6};
          for (std::size_t c = 0; c < 3; ++c) {
            for (long row = 0; row < static_cast<long>(bins); ++row) {
              for (long column = 0; column < static_cast<long>(bins); ++column) {
                double sum = 0, most = -1e30;
                long area[2];
                long begin[2], end[2];
                for (const std::size_t a : {std::size_t{0}, std::size_t{1}}) {
                  const long pad = (kernel[a] * static_cast<long>(bins) - size[a] + 1) / 2;
                  begin[a] = (a == 0 ? row : column) * kernel[a] - pad;
                  end[a] = std::min(begin[a] + kernel[a], size[a] + pad);
                  area[a] = end[a] - begin[a];
                  begin[a] = std::max(begin[a], 0L);
                  end[a] = std::min(end[a], size[a]);
                }
                for (long r = begin[0]; r < end[0]; ++r) {
                  for (long k = begin[1]; k < end[1]; ++k) {
                    const float value = values[(n * 3 + c) * 42 + static_cast<std::size_t>(r * 6 + k)];
                    sum += static_cast<double>(value);
                    most = std::max(most, static_cast<double>(activations::decode(activations::encode(value, s), s)));
                  }
                }
                const bool is_max = operation == pooling_operation::maximum;
                expected.push_back(is_max ? most : sum / static_cast<double>(area[0] * area[1]));
              }
            }
          }
        }
      }
      check_values<P>(spp<P>(x, {3, operation}), expected);
      check_values<P>(spp<P>(x, {3, operation}, s), expected);
    }
  });
}

TEST_CASE("levels that a map is too small for are refused") {
  CHECK_THROWS_WITH(spp<w8a8>(zeros({1, 1, 5, 8}), {3}), contains("4 windows") && contains("1x1x5x8"));
  CHECK_THROWS_AS(spp<w8a8>(zeros({1, 1, 1, 1}), {2}), shape_error);
  CHECK_THROWS_AS(spp<w8a8>(zeros({1, 1, 8, 8}), {0}), shape_error);
  CHECK_THROWS_WITH(spp<w8a8>(zeros({1, 1, 8, 8}), {64}), contains("64 levels"));
  CHECK_THROWS_AS(spp<w8a8>(zeros({8, 8}), {1}), shape_error);
  CHECK_THROWS_WITH(spp<float32>(nan_tensor({1, 1, 2, 2}), {1}), contains("NaN"));
}

}  // namespace spp_test
