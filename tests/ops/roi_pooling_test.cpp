#include <nniesim/ops/roi_pooling.hpp>

#include <limits>

#include "elementwise.hpp"

using namespace nniesim;

namespace roi_pooling_test {

namespace {

/// A tensor of these values in memory order.
tensor<float> of(const tensor_shape& shape, const std::vector<float>& values) {
  auto t = make_tensor<float>(shape);
  REQUIRE(t.size() == values.size());
  std::copy(values.begin(), values.end(), t.data());
  return t;
}

}  // namespace

TEST_CASE("the maxima of a region's windows by hand") {
  const auto x = counted({1, 1, 6, 8});
  // Pixels 2..13 and 4..11 of the picture are 1..7 and 2..6 of the map: windows of 3.5 columns and 2.5 rows.
  const tensor<float> region{{0, 2, 4, 13, 11}};
  const auto y = roi_pooling<float32>(x, region, {{2, 2}, 0.5F});
  // Rows 2..4 and 4..6 (cut at 6), columns 1..4 and 4..7.
  CHECK(same_bits(y, tensor<float>{{{{36, 39}, {44, 47}}}}));
  CHECK(same_bits(roi_pooling<float32>(x, region, {{1, 1}, 0.5F}), of({1, 1, 1, 1}, {47})));
  // One pixel, however the corners stand.
  CHECK(
      same_bits(roi_pooling<float32>(x, tensor<float>{{0, 3, 2, 3, 2}}, {{1, 2}, 1.0F}), tensor<float>{{{{19, 19}}}}));
  CHECK(same_bits(roi_pooling<float32>(x, tensor<float>{{0, 3, 2, 1, 0}}, {{1, 1}, 1.0F}), of({1, 1, 1, 1}, {19})));
}

TEST_CASE("what a region has outside the map does not count, and nothing is 0") {
  const auto x = counted({1, 1, 2, 2});
  CHECK(same_bits(roi_pooling<float32>(x, tensor<float>{{0, -4, -4, 3, 3}}, {{2, 2}, 1.0F}),
                  tensor<float>{{{{0, 0}, {0, 3}}}}));
  const tensor<float> far{{0, 50, 50, 60, 60}, {0, -1e30F, -1e30F, -1e29F, -1e29F}, {-1, 0, 0, 1, 1}};
  const tensor<float> negative{{{{-1, -2}, {-3, -4}}}};
  CHECK(same_bits(roi_pooling<float32>(negative, far, {{1, 1}, 1.0F}), zeros({3, 1, 1, 1})));
  const float infinity = std::numeric_limits<float>::infinity();
  const tensor<float> everything{{0, -infinity, -infinity, infinity, infinity}};
  CHECK(same_bits(roi_pooling<float32>(negative, everything, {{1, 1}, 1.0F}), of({1, 1, 1, 1}, {-1})));
}

TEST_CASE("regions of random places equal a plain computation") {
  draws d(3);
  for_policies([&]<class P>() {
    for (int i = 0; i < 40; ++i) {
      const auto x = d.tensor({2, 3, d.between(2, 12), d.between(2, 12)});
      const auto values = held<P>(x);
      const std::size_t count = d.between(1, 5);
      auto regions = make_tensor<float>({count, 5});
      for (std::size_t r = 0; r < count; ++r) {
        regions(r, 0) = static_cast<float>(d.between(0, 1));
        // Quarters, which every format holds, and whose products with a power of two are exact.
        for (std::size_t k = 1; k < 5; ++k) regions(r, k) = static_cast<float>(d.between(0, 400)) / 4 - 20;
      }
      const roi_pooling_params p{{d.between(1, 4), d.between(1, 4)}, 0.25F};
      const auto y = roi_pooling<P>(x, regions, p);
      const long size[2] = {static_cast<long>(x.shape()[2]), static_cast<long>(x.shape()[3])};
      std::vector<double> expected;
      for (std::size_t r = 0; r < count; ++r) {
        long begin[2], length[2];
        for (const std::size_t a : {std::size_t{0}, std::size_t{1}}) {
          const auto corner = [&](std::size_t k) { return std::lround(static_cast<double>(regions(r, k)) * 0.25); };
          begin[a] = corner(2 - a);
          length[a] = std::max(corner(4 - a) - begin[a] + 1, 1L);
        }
        for (std::size_t c = 0; c < 3; ++c) {
          for (std::size_t gy = 0; gy < p.pooled[0]; ++gy) {
            for (std::size_t gx = 0; gx < p.pooled[1]; ++gx) {
              const long cell[2] = {static_cast<long>(gy), static_cast<long>(gx)};
              long from[2], to[2];
              for (const std::size_t a : {std::size_t{0}, std::size_t{1}}) {
                const long bins = static_cast<long>(p.pooled[a]);
                // Exact: floor and ceil of a fraction of whole numbers.
                from[a] = std::clamp(begin[a] + cell[a] * length[a] / bins, 0L, size[a]);
                to[a] = std::clamp(begin[a] + ((cell[a] + 1) * length[a] + bins - 1) / bins, 0L, size[a]);
              }
              double most = -1e30;
              for (long row = from[0]; row < to[0]; ++row) {
                for (long column = from[1]; column < to[1]; ++column) {
                  const auto picture = static_cast<std::size_t>(regions(r, 0));
                  most = std::max(most, values[(picture * 3 + c) * static_cast<std::size_t>(size[0] * size[1]) +
                                               static_cast<std::size_t>(row * size[1] + column)]);
                }
              }
              expected.push_back(most == -1e30 ? 0.0 : most);
            }
          }
        }
      }
      check_values<P>(y, expected);
    }
  });
}

TEST_CASE("lists that are no regions are refused") {
  const auto x = zeros({2, 1, 4, 4});
  CHECK_THROWS_WITH(roi_pooling<w8a8>(x, tensor<float>{{0, 0, 0, 1, 1}, {2, 0, 0, 1, 1}}, {}),
                    contains("region 1 of picture 2") && contains("0 to 1"));
  CHECK_THROWS_AS(roi_pooling<float32>(x, tensor<float>{{0.5F, 0, 0, 1, 1}}, {}), format_error);
  CHECK_THROWS_AS(roi_pooling<float32>(x, tensor<float>{{-2, 0, 0, 1, 1}}, {}), format_error);
  CHECK_THROWS_WITH(roi_pooling<float32>(x, zeros({3, 4}), {}), contains("3x4") && contains("R x 5"));
  CHECK_THROWS_AS(roi_pooling<float32>(x, zeros({0, 5}), {}), shape_error);
  CHECK_THROWS_AS(roi_pooling<float32>(zeros({4, 4}), zeros({1, 5}), {}), shape_error);
  CHECK_THROWS_AS(roi_pooling<float32>(x, zeros({1, 5}), {{0, 1}, 1.0F}), shape_error);
  CHECK_THROWS_AS(roi_pooling<float32>(x, zeros({1, 5}), {{std::size_t{1} << 40U, 1}, 1.0F}), shape_error);
  CHECK_THROWS_WITH(roi_pooling<float32>(x, zeros({1, 5}), {{1, 1}, 0.0F}), contains("spatial_scale 0"));
  CHECK_THROWS_WITH(roi_pooling<float32>(x, zeros({1, 5}), {{1, 1}, 1e30F}), contains("at most 1024"));
  CHECK_THROWS_AS(roi_pooling<float32>(x, zeros({1, 5}), {{1, 1}, std::numeric_limits<float>::quiet_NaN()}),
                  format_error);
  CHECK_THROWS_AS(roi_pooling<float32>(x, nan_tensor({1, 5}), {}), format_error);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const tensor<float> unknown{{0, 0, nan, 1, 1}}, no_picture{{nan, 0, 0, 1, 1}};
  auto y = zeros({1, 1, 1, 1});
  CHECK_THROWS_WITH(roi_pooling_into<float32>(view_of(x), view_of(unknown), {}, view_of(y)), contains("region 0: NaN"));
  CHECK_THROWS_AS(roi_pooling_into<float32>(view_of(x), view_of(no_picture), {}, view_of(y)), format_error);
  CHECK(shape_of(roi_pooling<float32>(x, zeros({2, 5, 1, 1}), {})) == tensor_shape{2, 1, 1, 1});
}

}  // namespace roi_pooling_test
