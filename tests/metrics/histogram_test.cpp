#include <nniesim/metrics/histogram.hpp>

#include <numeric>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace histogram_test {

TEST_CASE("linear bins cover both tensors and count every value once") {
  const tensor<float> r = {0.0F, 1.0F, 2.0F, 3.0F}, x = {-1.0F, 3.0F, std::numeric_limits<float>::infinity()};
  const histogram_pair h = histograms(r, x, 4);
  CHECK(h.edges == std::vector<double>{-1, 0, 1, 2, 3});
  CHECK(h.reference.bins == std::vector<std::size_t>{0, 1, 1, 2});
  CHECK(h.other.bins == std::vector<std::size_t>{1, 0, 0, 1});
  CHECK(h.other.not_finite == 1);
}

TEST_CASE("logarithmic bins take magnitudes, zeros apart") {
  const tensor<float> r = {1.0F, -2.0F, 4.0F, 0.0F, -0.0F}, x = {16.0F};
  const histogram_pair h = histograms(r, x, 4, histogram_bins::logarithmic);
  CHECK(h.edges == std::vector<double>{1, 2, 4, 8, 16});
  CHECK(h.reference.bins == std::vector<std::size_t>{1, 1, 1, 0});
  CHECK(h.reference.zeros == 2);
  CHECK(h.other.bins == std::vector<std::size_t>{0, 0, 0, 1});
}

TEST_CASE("nothing is lost on random data, constants and tensors without a number") {
  draws d(1);
  auto x = d.tensor({1000});
  x(7) = std::numeric_limits<float>::quiet_NaN();
  x(8) = 0.0F;
  for (const auto kind : {histogram_bins::linear, histogram_bins::logarithmic}) {
    for (const auto& t :
         {x, tensor<float>{5.0F, 5.0F}, tensor<float>{0.0F}, tensor<float>{std::numeric_limits<float>::quiet_NaN()}}) {
      const histogram_pair h = histograms(t, t, 33, kind);
      CHECK(std::accumulate(h.reference.bins.begin(), h.reference.bins.end(),
                            h.reference.zeros + h.reference.not_finite) == t.size());
      CHECK(std::is_sorted(h.edges.begin(), h.edges.end()));
      CHECK(h.edges.size() == h.reference.bins.size() + 1);
    }
  }
}

TEST_CASE("unreasonable bin counts and empty tensors are refused") {
  const tensor<float> x = {1.0F};
  CHECK_THROWS_AS(histograms(x, x, 0), format_error);
  CHECK_THROWS_AS(histograms(x, x, std::size_t{1} << 40U), format_error);
  CHECK_THROWS_AS(histograms(make_tensor<float>({0}), x, 3), shape_error);
}

}  // namespace histogram_test
