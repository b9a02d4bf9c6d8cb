#include <nniesim/ops/roi.hpp>

#include <array>
#include <limits>
#include <span>
#include <vector>

#include "elementwise.hpp"

using namespace nniesim;

namespace roi_test {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("lists of regions are R x 5, of maps with rows and columns under 2^24") {
  const auto check = [](const tensor_shape& x, const tensor_shape& regions) {
    detail::require_regions(x, regions, "roi");
  };
  CHECK_NOTHROW(check({1, 2, 3, 4}, {7, 5}));
  CHECK_NOTHROW(check({1, 2, 3, 4}, {7, 5, 1, 1}));
  CHECK_NOTHROW(check({1, 1, (1U << 24U) - 1, 1}, {1, 5}));
  for (const tensor_shape& regions : {tensor_shape{5}, tensor_shape{7, 4}, tensor_shape{7, 5, 2}, tensor_shape{0, 5},
                                      tensor_shape{5, 7}, tensor_shape{5, 1, 5}}) {
    CAPTURE(regions);
    CHECK_THROWS_WITH(check({1, 2, 3, 4}, regions), contains("roi: regions of shape ") && contains("expected R x 5"));
  }
  CHECK_THROWS_WITH(check({2, 3, 4}, {7, 5}), contains("roi input: got shape 2x3x4"));
  CHECK_THROWS_WITH(check({1, 1, 1U << 24U, 1}, {1, 5}), contains("expected rows and columns under 16777216"));
  CHECK_THROWS_AS(check({1, 1, 1, 1U << 24U}, {1, 5}), shape_error);
}

TEST_CASE("a spatial scale is more than 0 and at most 1024") {
  for (const float scale : {1.0F, 0.0625F, 1024.0F, std::numeric_limits<float>::denorm_min()}) {
    CHECK_NOTHROW(detail::require_spatial_scale(scale, "roi"));
  }
  for (const float scale : {0.0F, -1.0F, 1024.0001F, infinity, nan}) {
    CHECK_THROWS_WITH(detail::require_spatial_scale(scale, "roi"), contains("roi: got spatial_scale "));
  }
}

TEST_CASE("a region is a picture of the batch and four corners; -1 stands for none") {
  const tensor<float> list{{1, 2, 3, 4, 5},   {-1, nan, 0, 0, 0}, {0, -infinity, 0, infinity, 1},
                           {2, 0, 0, 0, 0},   {0.5F, 0, 0, 0, 0}, {-2, 0, 0, 0, 0},
                           {nan, 0, 0, 0, 0}, {0, 0, 0, nan, 0}};
  const auto at = [&](std::size_t r) { return detail::region_of<float32>(view_of(list), r, 2, "roi"); };
  REQUIRE(at(0));
  CHECK(at(0)->picture == 1);
  CHECK(at(0)->corner == std::array<float, 4>{2, 3, 4, 5});
  CHECK_FALSE(at(1));
  CHECK(at(2)->corner[2] == infinity);
  CHECK_THROWS_WITH(at(3), "roi: region 3 of picture 2, expected 0 to 1, or -1 for none");
  for (const std::size_t bad : {4U, 5U, 6U}) CHECK_THROWS_AS(at(bad), format_error);
  CHECK_THROWS_WITH(at(7), "roi: region 7: NaN, expected numbers");
  CHECK_THROWS_WITH(detail::check_regions<float32>(view_of(list), 2, "roi"), contains("region 3"));
  CHECK_THROWS_WITH(detail::check_regions<float32>(view_of(list), 3, "roi"), contains("region 4 of picture 0.5"));

  const std::vector<q20_12> fixed{q20_12::from(1.0), q20_12::from(2.25), q20_12::from(-3.0), q20_12::from(4.0),
                                  q20_12::from(5.5)};
  const auto held = detail::region_of<w8a8>({std::span<const q20_12>(fixed), {1, 5}}, 0, 2, "roi");
  CHECK(held->corner == std::array<float, 4>{2.25F, -3, 4, 5.5F});
}

TEST_CASE("places become indices of the map, however far they are") {
  CHECK(detail::near_map(-3.0F) == -3.0F);
  CHECK(detail::near_map(infinity) == 0x1p23F);
  CHECK(detail::near_map(-1e30F) == -0x1p23F);
  CHECK(detail::index_in(-0.5F, 10) == 0);
  CHECK(detail::index_in(9.0F, 10) == 9);
  CHECK(detail::index_in(11.0F, 10) == 10);
  CHECK(detail::index_in(infinity, 10) == 10);
  CHECK(detail::index_in(-infinity, 10) == 0);
  CHECK(detail::index_in(0x1p24F, (1U << 24U) - 1) == (1U << 24U) - 1);
}

}  // namespace roi_test
