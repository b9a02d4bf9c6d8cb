#include <nniesim/ops/prior_box.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace prior_box_test {

namespace {

void check_near(const tensor<float>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("element " << i);
    CHECK(std::fabs(static_cast<double>(got.data()[i]) - expected[i]) <= 1e-6);
  }
}

}  // namespace

TEST_CASE("boxes of each place by hand") {
  // A map of 1 x 2 of a picture of 100 x 200: steps of 100, centres at (50, 50) and (150, 50).
  prior_box_params p;
  p.min_sizes = {20};
  p.max_sizes = {45};  // sqrt(900) = 30
  p.aspect_ratios = {4};
  p.variance = {0.1F, 0.1F, 0.2F, 0.2F};
  std::vector<double> expected;
  for (const double x : {50.0, 150.0}) {
    for (const auto& [w, h] : {std::pair(20.0, 20.0), {30.0, 30.0}, {40.0, 10.0}, {10.0, 40.0}}) {
      for (const double v : {(x - w / 2) / 200, (50 - h / 2) / 100, (x + w / 2) / 200, (50 + h / 2) / 100}) {
        expected.push_back(v);
      }
    }
  }
  const std::size_t boxes = expected.size();
  for (std::size_t i = 0; i < boxes; ++i) expected.push_back(std::array{0.1, 0.1, 0.2, 0.2}[i % 4]);
  const auto y = prior_box(p, {1, 8, 1, 2}, {1, 3, 100, 200});
  CHECK(shape_of(y) == tensor_shape{1, 2, 32});
  check_near(y, expected);
}

TEST_CASE("steps, offsets, sizes of the picture and clipping") {
  prior_box_params p;
  p.min_sizes = {8, 16};
  p.step = {4, 8};
  p.offset = 0;
  p.image = {16, 32};
  p.clip = true;
  const auto y = prior_box(p, {1, 1, 2, 1}, {1, 3, 999, 999});
  std::vector<double> expected;
  for (const double row : {0.0, 4.0}) {
    for (const double size : {8.0, 16.0}) {
      for (const double v : {-size / 2 / 32, (row - size / 2) / 16, size / 2 / 32, (row + size / 2) / 16}) {
        expected.push_back(std::clamp(v, 0.0, 1.0));
      }
    }
  }
  for (std::size_t i = expected.size(); i > 0; --i) expected.push_back(0.1);
  check_near(y, expected);
}

TEST_CASE("FaceBoxes' squares stand side by side") {
  prior_box_params p;
  p.min_sizes = {32, 64, 128};
  p.dense = true;
  const auto y = prior_box(p, {1, 8, 1, 1}, {1, 3, 32, 64});
  REQUIRE(shape_of(y) == tensor_shape{1, 2, 21 * 4});
  const auto check = [&](std::size_t box, double x, double y_, double half) {
    INFO("box " << box);
    const double expected[4] = {(x - half) / 64, (y_ - half) / 32, (x + half) / 64, (y_ + half) / 32};
    for (std::size_t k = 0; k < 4; ++k) {
      CHECK(std::fabs(static_cast<double>(y.data()[box * 4 + k]) - expected[k]) <= 1e-6);
    }
  };
  // Around the place's middle, (32, 16): from 16 pixels before it on, row by row.
  check(0, 16, 0, 15.5);
  check(1, 24, 0, 15.5);
  check(4, 16, 8, 15.5);
  check(15, 40, 24, 15.5);
  check(16, 16, 0, 31.5);
  check(18, 16, 16, 31.5);
  check(19, 32, 16, 31.5);
  check(20, 32, 16, 63.5);

  p.min_sizes = {256};
  CHECK(infer_shape(p, {1, 1, 2, 2}, {1, 3, 8, 8}) == tensor_shape{1, 2, 4 * 4});
  // Where FaceBoxes' own code counts other boxes than it makes.
  p.min_sizes = {32};
  CHECK_THROWS_WITH(infer_shape(p, {1, 1, 2, 2}, {1, 3, 8, 8}), contains("16 squares of 1 min_size"));
  p.min_sizes = {16, 128, 256};
  CHECK_THROWS_AS(infer_shape(p, {1, 1, 2, 2}, {1, 3, 8, 8}), format_error);
  p.min_sizes = {32, 64, 128};
  p.aspect_ratios = {2};
  CHECK_THROWS_AS(infer_shape(p, {1, 1, 2, 2}, {1, 3, 8, 8}), format_error);
  p.aspect_ratios.clear();
  p.max_sizes = {64, 128, 256};
  CHECK_THROWS_AS(infer_shape(p, {1, 1, 2, 2}, {1, 3, 8, 8}), format_error);
}

TEST_CASE("ratios that are there already count once") {
  prior_box_params p;
  p.min_sizes = {8};
  p.aspect_ratios = {1, 2, 0.5F, 2, 3};
  CHECK(infer_shape(p, {1, 1, 1, 1}, {1, 3, 8, 8}) == tensor_shape{1, 2, 5 * 4});  // 1, 2, 1/2, 3, 1/3
  p.flip = false;
  CHECK(infer_shape(p, {1, 1, 1, 1}, {1, 3, 8, 8}) == tensor_shape{1, 2, 4 * 4});  // 1, 2, 1/2, 3
}

TEST_CASE("parameters that are no sizes are refused") {
  const tensor_shape map{1, 1, 2, 2}, picture{1, 3, 8, 8};
  prior_box_params good;
  good.min_sizes = {4};
  CHECK_NOTHROW(prior_box(good, map, picture));
  const auto refused = [&](auto change) {
    prior_box_params p = good;
    change(p);
    CHECK_THROWS_AS(prior_box(p, map, picture), format_error);
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  refused([](auto& p) { p.min_sizes.clear(); });
  refused([](auto& p) { p.min_sizes = {0}; });
  refused([&](auto& p) { p.min_sizes = {nan}; });
  refused([](auto& p) { p.max_sizes = {4}; });
  refused([](auto& p) { p.max_sizes = {5, 6}; });
  refused([](auto& p) { p.aspect_ratios = {-1}; });
  refused([](auto& p) { p.variance[2] = 0; });
  refused([](auto& p) { p.step[0] = -1; });
  refused([&](auto& p) { p.offset = nan; });
  refused([](auto& p) { p.min_sizes.assign(2000, 4.0F); });
  CHECK_THROWS_AS(prior_box(good, {1, 2}, picture), shape_error);
  CHECK_THROWS_AS(prior_box(good, map, {8, 8}), shape_error);
  const std::size_t huge = std::size_t{1} << 31U;
  CHECK_THROWS_AS(infer_shape(good, {1, 1, huge, huge}, picture), shape_error);
}

}  // namespace prior_box_test
