#include <nniesim/ops/psroi_pooling.hpp>

#include <numeric>

#include "elementwise.hpp"

using namespace nniesim;

namespace psroi_pooling_test {

namespace {

std::vector<float> values_of(const tensor<float>& t) { return {t.begin(), t.end()}; }

}  // namespace

TEST_CASE("the mean of each cell's own channel by hand") {
  auto x = make_tensor<float>({1, 4, 4, 4});
  for (std::size_t k = 0; k < x.size(); ++k) x.data()[k] = static_cast<float>(k % 16 + 100 * (k / 16));
  // Pixels 0..7 of the picture are the map's 4 x 4; cells of 2 x 2.
  const tensor<float> region{{0, 0, 0, 7, 7}};
  CHECK(
      same_bits(psroi_pooling<float32>(x, region, {1, 2, 0.5F}), tensor<float>{{{{2.5F, 104.5F}, {210.5F, 312.5F}}}}));
  // Two outputs of one cell each: channels in order, the whole region.
  auto two = make_tensor<float>({1, 2, 4, 4});
  std::copy_n(x.data(), 32, two.data());
  CHECK(values_of(psroi_pooling<float32>(two, region, {2, 1, 0.5F})) == std::vector<float>{7.5F, 107.5F});
  // Exchanged corners leave a tenth of a pixel, which is in one element.
  CHECK(values_of(psroi_pooling<float32>(two, tensor<float>{{0, 3, 1, 1, 0}}, {2, 1, 1.0F})) ==
        std::vector<float>{7, 107});
  // Outside, and no region at all.
  CHECK(same_bits(psroi_pooling<float32>(two, tensor<float>{{0, 90, 90, 99, 99}, {-1, 0, 0, 3, 3}}, {2, 1, 1.0F}),
                  zeros({2, 2, 1, 1})));
}

TEST_CASE("regions of random places, position by position, equal a plain computation") {
  draws d(3);
  for_policies([&]<class P>() {
    for (int i = 0; i < 40; ++i) {
      const psroi_pooling_params p{d.between(1, 2), d.between(1, 3), 0.25F};
      const std::size_t channels = p.outputs * p.group * p.group;
      const auto x = d.tensor({2, channels, d.between(2, 9), d.between(2, 9)});
      const auto values = held<P>(x);
      const std::size_t count = d.between(1, 4);
      auto regions = make_tensor<float>({count, 5});
      for (std::size_t r = 0; r < count; ++r) {
        regions(r, 0) = static_cast<float>(d.between(0, 1));
        for (std::size_t k = 1; k < 5; ++k) regions(r, k) = static_cast<float>(d.between(0, 60)) - 10.25F;
      }
      const auto y = psroi_pooling<P>(x, regions, p);
      const std::size_t h = x.shape()[2], w = x.shape()[3];
      std::vector<double> expected;
      bool is_exact = true;  // whether no edge is so near a whole number that float32 decides
      for (std::size_t r = 0; r < count; ++r) {
        for (std::size_t o = 0; o < p.outputs; ++o) {
          for (std::size_t cy = 0; cy < p.group; ++cy) {
            for (std::size_t cx = 0; cx < p.group; ++cx) {
              const std::size_t cell[2] = {cy, cx}, size[2] = {h, w};
              double from[2], to[2];
              for (const std::size_t a : {std::size_t{0}, std::size_t{1}}) {
                const double begin = std::round(static_cast<double>(regions(r, 2 - a))) * 0.25;
                const double end = (std::round(static_cast<double>(regions(r, 4 - a))) + 1) * 0.25;
                const double bin = std::max(end - begin, 0.1) / static_cast<double>(p.group);
                const double low = begin + static_cast<double>(cell[a]) * bin, high = low + bin;
                for (const double edge : {low, high}) {
                  const double rest = std::fabs(edge - std::round(edge));
                  is_exact = is_exact && (rest > 1e-5 || bin == std::round(bin * 64) / 64);
                }
                from[a] = std::clamp(std::floor(low), 0.0, static_cast<double>(size[a]));
                to[a] = std::clamp(std::ceil(high), 0.0, static_cast<double>(size[a]));
              }
              double sum = 0;
              for (double row = from[0]; row < to[0]; ++row) {
                for (double column = from[1]; column < to[1]; ++column) {
                  const std::size_t channel = (o * p.group + cy) * p.group + cx;
                  const std::size_t map = static_cast<std::size_t>(regions(r, 0)) * channels + channel;
                  sum += values[(map * h + static_cast<std::size_t>(row)) * w + static_cast<std::size_t>(column)];
                }
              }
              const double area = std::max(to[0] - from[0], 0.0) * std::max(to[1] - from[1], 0.0);
              expected.push_back(area > 0 ? sum / area : 0.0);
            }
          }
        }
      }
      if (is_exact) check_values<P>(y, expected);
    }
  });
}

TEST_CASE("channels that are not those of the grid, and lists that are no regions, are refused") {
  const auto x = zeros({1, 8, 4, 4});
  CHECK_THROWS_WITH(psroi_pooling<w8a8>(x, zeros({1, 5}), {3, 2, 1.0F}), contains("1x8x4x4") && contains("3 outputs"));
  CHECK_THROWS_AS(psroi_pooling<w8a8>(x, zeros({1, 5}), {8, 0, 1.0F}), shape_error);
  CHECK_THROWS_AS(psroi_pooling<w8a8>(x, zeros({1, 5}), {std::size_t{1} << 62U, 2, 1.0F}), shape_error);
  CHECK_THROWS_AS(psroi_pooling<w8a8>(x, zeros({1, 5}), {2, 2, -1.0F}), format_error);
  CHECK_THROWS_AS(psroi_pooling<w8a8>(x, zeros({1, 4}), {2, 2, 1.0F}), shape_error);
  CHECK_THROWS_WITH(psroi_pooling<w8a8>(x, tensor<float>{{1, 0, 0, 1, 1}}, {2, 2, 1.0F}), contains("picture 1"));
  CHECK_THROWS_WITH(psroi_pooling<float32>(x, nan_tensor({1, 5}), {2, 2, 1.0F}), contains("NaN"));
}

}  // namespace psroi_pooling_test
