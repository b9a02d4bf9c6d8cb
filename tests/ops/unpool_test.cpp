#include <nniesim/ops/pooling.hpp>
#include <nniesim/ops/unpool.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace unpool_test {

TEST_CASE("elements go where the places say, zeros elsewhere") {
  const tensor<float> x{{{{1, -2}, {3, 4}}, {{5, 6}, {7, 8}}}};
  const tensor<float> at{{{{5, 3}, {0, 2}}, {{0, 1}, {2, 3}}}};
  CHECK(same_bits(unpool<float32>(x, at, {{2, 3}}), tensor<float>{{{{3, 0, 4}, {-2, 0, 1}}, {{5, 6, 7}, {8, 0, 0}}}}));
  // Of several at one place the last.
  const tensor<float> same{{{{1, 1}, {1, 1}}, {{0, 0}, {0, 3}}}};
  CHECK(same_bits(unpool<float32>(x, same, {{2, 2}}), tensor<float>{{{{0, 4}, {0, 0}}, {{7, 0}, {0, 8}}}}));
}

TEST_CASE("an unpooled pooling has each maximum in its place") {
  draws d(1);
  for_policies([&]<class P>() {
    for (int i = 0; i < 20; ++i) {
      const auto x = d.tensor({2, 3, d.between(2, 9), d.between(2, 9)});
      const pooling_params p{.kernel = {2, 2}, .stride = {2, 2}};
      const auto most = pooling<P>(x, p);
      const auto y = unpool<P>(most, pooling_places<P>(x, p), {{x.shape()[2], x.shape()[3]}});
      const auto held_x = held<P>(x);
      // Windows do not overlap: where y is not zero it is the pooling of its window.
      std::size_t found = 0;
      for (std::size_t k = 0; k < y.size(); ++k) {
        const double v = P::output::to_double(y.data()[k]);
        if (v == 0) continue;
        ++found;
        const std::size_t w = x.shape()[3], h = x.shape()[2], map = k / (h * w), row = k / w % h, column = k % w;
        CHECK(v == P::output::to_double(most(map / 3, map % 3, row / 2, column / 2)));
        for (std::size_t r = row / 2 * 2; r < std::min(h, row / 2 * 2 + 2); ++r) {
          for (std::size_t c = column / 2 * 2; c < std::min(w, column / 2 * 2 + 2); ++c) {
            if constexpr (is_reference<P>) CHECK(held_x[map * h * w + r * w + c] <= v);
          }
        }
      }
      CHECK(found >= most.size() / 2);
    }
  });
}

TEST_CASE("places outside the map, and shapes that do not fit, are refused") {
  const auto x = zeros({1, 1, 1, 2});
  const tensor<float> outside{{{{0, 4}}}}, negative{{{{-1, 0}}}}, half{{{{0.5F, 0}}}};
  CHECK_THROWS_WITH(unpool<float32>(x, outside, {{2, 2}}), contains("place 4 at (0, 0, 0, 1)") && contains("under 4"));
  CHECK_THROWS_AS(unpool<float32>(x, negative, {{2, 2}}), format_error);
  CHECK_THROWS_AS(unpool<w8a8>(x, half, {{2, 2}}), format_error);
  CHECK_THROWS_WITH(unpool<float32>(x, nan_tensor({1, 1, 1, 2}), {{2, 2}}), contains("NaN"));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const tensor<float> unknown{{{{nan, 0}}}};
  auto y = zeros({1, 1, 2, 2});
  CHECK_THROWS_WITH(unpool_into<float32>(view_of(x), view_of(unknown), {{2, 2}}, view_of(y)), contains("place nan"));
  CHECK_THROWS_WITH(unpool<float32>(x, zeros({1, 1, 2, 1}), {{2, 2}}), contains("1x1x2x1") && contains("the same"));
  CHECK_THROWS_AS(unpool<float32>(x, x, {{0, 2}}), shape_error);
  CHECK_THROWS_AS(unpool<float32>(x, x, {{std::size_t{1} << 40U, std::size_t{1} << 40U}}), shape_error);
  CHECK_THROWS_AS(unpool<float32>(zeros({1, 2}), zeros({1, 2}), {{2, 2}}), shape_error);
  CHECK_THROWS_AS(unpool_into<float32>(view_of(x), view_of(x), {{3, 2}}, view_of(y)), shape_error);
}

}  // namespace unpool_test
