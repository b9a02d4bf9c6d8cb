#include <nniesim/ops/resize.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace resize_test {

TEST_CASE("bilinear resizing by hand") {
  const tensor<float> x{{{{0, 2}, {4, 10}}}};
  // Aligned corners: 3 places at 0, 1/2, 1.
  CHECK(same_bits(resize<float32>(x, {.size = {3, 3}}), tensor<float>{{{{0, 1, 2}, {2, 4, 6}, {4, 7, 10}}}}));
  // From the origin: places 0, 1/2, 1, 3/2 of which the last has no neighbour.
  CHECK(same_bits(resize<float32>(x, {.grid = resize_grid::origin, .size = {2, 4}}),
                  tensor<float>{{{{0, 1, 2, 2}, {4, 7, 10, 10}}}}));
  // Half pixels: places -1/4 (taken for 0), 1/4, 3/4, 5/4.
  CHECK(same_bits(resize<float32>(x, {.grid = resize_grid::half_pixels, .size = {2, 4}}),
                  tensor<float>{{{{0, 0.5F, 1.5F, 2}, {4, 5.5F, 8.5F, 10}}}}));
  // One element is the first with aligned corners, the one in the middle of pixels.
  CHECK(resize<float32>(x, {.size = {1, 1}})(0, 0, 0, 0) == 0.0F);
  CHECK(resize<float32>(x, {.grid = resize_grid::half_pixels, .size = {1, 1}})(0, 0, 0, 0) == 4.0F);
}

TEST_CASE("nearest resizing by hand") {
  const tensor<float> x{{{{1, 2, 3}}}};
  const auto row = [&](resize_grid grid, std::size_t n) {
    return resize<float32>(x, {.method = resize_method::nearest, .grid = grid, .size = {1, n}});
  };
  CHECK(same_bits(row(resize_grid::origin, 6), tensor<float>{{{{1, 1, 2, 2, 3, 3}}}}));
  CHECK(same_bits(row(resize_grid::origin, 2), tensor<float>{{{{1, 2}}}}));       // 0, 3/2
  CHECK(same_bits(row(resize_grid::half_pixels, 2), tensor<float>{{{{1, 3}}}}));  // 3/4, 9/4
  CHECK(same_bits(row(resize_grid::corners, 4), tensor<float>{{{{1, 2, 2, 3}}}}));
  CHECK(same_bits(row(resize_grid::corners, 5), tensor<float>{{{{1, 2, 2, 3, 3}}}}));  // halves upward
}

TEST_CASE("resizing equals float64 formulas on random sizes") {
  draws d(1);
  for (int i = 0; i < 200; ++i) {
    resize_params p;
    p.method = i % 2 == 0 ? resize_method::bilinear : resize_method::nearest;
    p.grid = std::array{resize_grid::corners, resize_grid::origin,
                        resize_grid::half_pixels}[static_cast<std::size_t>(i) / 2 % 3];
    p.size = {d.between(1, 20), d.between(1, 20)};
    p.crop = {d.between(0, 2), d.between(0, 1), d.between(0, 1), d.between(0, 2)};
    const auto x = d.tensor({2, 2, d.between(4, 12), d.between(4, 12)});
    const auto y = resize<float32>(x, p);
    const std::size_t in[2] = {x.shape()[2] - p.crop.top - p.crop.bottom, x.shape()[3] - p.crop.left - p.crop.right};
    const auto place = [&](std::size_t axis, std::size_t o) {
      const auto n = static_cast<double>(in[axis]), m = static_cast<double>(p.size[axis]), k = static_cast<double>(o);
      if (p.grid == resize_grid::corners) return m > 1 ? k * (n - 1) / (m - 1) : 0.0;
      if (p.grid == resize_grid::origin) return k * n / m;
      if (p.method == resize_method::nearest) return (k + 0.5) * n / m;
      return std::max((k + 0.5) * n / m - 0.5, 0.0);
    };
    for (std::size_t k = 0; k < y.size(); ++k) {
      const std::size_t column = k % p.size[1], row = k / p.size[1] % p.size[0], map = k / p.size[0] / p.size[1];
      const auto at = [&](double r, double c) {
        const auto index = [&](std::size_t axis, double v) {
          return static_cast<std::size_t>(std::min(v, static_cast<double>(in[axis] - 1)));
        };
        return static_cast<double>(
            x.data()[(map * x.shape()[2] + index(0, r) + p.crop.top) * x.shape()[3] + index(1, c) + p.crop.left]);
      };
      const double r = place(0, row), c = place(1, column);
      if (p.method == resize_method::nearest) {
        const double half = p.grid == resize_grid::corners ? 0.5 : 0.0;
        CHECK(static_cast<double>(y.data()[k]) == at(std::floor(r + half + 1e-9), std::floor(c + half + 1e-9)));
      } else {
        const double fr = r - std::floor(r), fc = c - std::floor(c);
        const double expected =
            (1 - fr) * ((1 - fc) * at(std::floor(r), std::floor(c)) + fc * at(std::floor(r), std::floor(c) + 1)) +
            fr * ((1 - fc) * at(std::floor(r) + 1, std::floor(c)) + fc * at(std::floor(r) + 1, std::floor(c) + 1));
        CHECK(std::fabs(static_cast<double>(y.data()[k]) - expected) <= 1e-6);
      }
    }
  }
}

TEST_CASE("an element that a fraction of 0 leaves out does not count") {
  const float infinity = std::numeric_limits<float>::infinity();
  const tensor<float> x{{{{1, infinity}}}};
  const auto y = resize<float32>(x, {.size = {1, 3}});
  CHECK(y(0, 0, 0, 0) == 1.0F);
  CHECK(y(0, 0, 0, 2) == infinity);
}

TEST_CASE("resizing by vectors equals the specification") {
  for_vectors([]<class P>(draws& d, std::size_t n) {
    for (const resize_method method : {resize_method::nearest, resize_method::bilinear}) {
      for (const resize_grid grid : {resize_grid::corners, resize_grid::origin, resize_grid::half_pixels}) {
        resize_params p{.method = method, .grid = grid, .size = {d.between(1, 12), n}};
        const tensor_shape shape{2, d.between(1, 2), d.between(2, 9), n > 100 ? d.between(2, 1100) : d.between(2, 40)};
        if (d.bits() % 2 == 0) p.crop = {d.between(0, 1), d.between(0, 1)};
        if (p.crop.top + p.crop.bottom >= shape[2] || p.crop.left + p.crop.right >= shape[3]) p.crop = {};
        odd_tensor<P> x(d, shape);
        INFO("input " << shape);
        check_vectors<P>(
            infer_shape(p, shape), [&](auto y) { reference::resize<P>(x.in(), p, y); },
            [&](auto y) { return detail::vector_resize<P>(x.in(), p, y); });
      }
    }
  });
}

TEST_CASE("sizes and crops that leave nothing are refused") {
  const auto x = zeros({1, 1, 4, 4});
  CHECK_THROWS_WITH(resize<float32>(x, {.size = {0, 2}}), contains("rows") && contains("1x1x4x4 without 0 and 0 to 0"));
  CHECK_THROWS_AS(resize<float32>(x, {.size = {2, std::size_t{1} << 24U}}), shape_error);
  CHECK_THROWS_WITH(resize<float32>(x, {.size = {2, 2}, .crop = {0, 2, 0, 2}}), contains("columns"));
  CHECK_THROWS_AS(resize<float32>(x, {.size = {2, 2}, .crop = {~std::size_t{0}, 0, 1, 0}}), shape_error);
  CHECK_THROWS_AS(resize<float32>(zeros({4, 4}), {.size = {2, 2}}), shape_error);
  CHECK_THROWS_WITH(resize<float32>(nan_tensor({1, 1, 2, 2}), {.size = {2, 2}}), contains("NaN"));
}

}  // namespace resize_test
