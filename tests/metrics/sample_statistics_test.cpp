#include <nniesim/metrics/sample_statistics.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

namespace sample_statistics_test {

namespace {

std::vector<double> draws(std::size_t n, std::uint64_t seed) {
  detail::split_mix random(seed);
  std::vector<double> v(n);
  for (double& x : v) {  // a sum of twelve is nearly normal, of variance 1
    for (int i = 0; i < 12; ++i) x += static_cast<double>(random() >> 11U) / 9007199254740992.0;
    x -= 6;
  }
  return v;
}

}  // namespace

TEST_CASE("mean, percentiles by the nearest rank and the worst", "[metrics]") {
  std::vector<double> v;
  for (int i = 1; i <= 200; ++i) v.push_back(i * 7 % 201);  // 1 .. 200 in some order
  const sample_summary s = summarize(v, worse_sample::smaller);
  CHECK(s.count == 200);
  CHECK(s.not_finite == 0);
  CHECK(s.mean.value == 100.5);
  const std::array<double, 7> expected = {2, 10, 50, 100, 150, 190, 198};
  for (std::size_t k = 0; k < expected.size(); ++k) CHECK(s.percentiles[k].value == expected[k]);
  CHECK(s.worst.value == 1);
  CHECK(v[s.worst_at] == 1);
  CHECK(summarize(v, worse_sample::larger).worst.value == 200);
  for (double& x : v) x -= 150;
  CHECK(summarize(v, worse_sample::farther_from_zero).worst.value == -149);
}

TEST_CASE("what is not finite is counted and left out; nothing finite is no summary", "[metrics]") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> some = {nan, 3, -infinity, 1, infinity};
  const sample_summary s = summarize(some, worse_sample::smaller);
  CHECK(s.count == 2);
  CHECK(s.not_finite == 3);
  CHECK(s.mean.value == 2);
  CHECK(s.worst_at == 3);
  const std::vector<double> none = {nan, infinity};
  CHECK(summarize(none, worse_sample::larger).count == 0);
  CHECK(summarize(none, worse_sample::larger).not_finite == 2);
  CHECK(summarize({}, worse_sample::larger) == sample_summary{});
}

TEST_CASE("intervals are the resamples' middle 95 %, the same whenever they are asked for", "[metrics]") {
  const std::vector<double> v = draws(400, 3);
  const sample_summary s = summarize(v, worse_sample::larger), again = summarize(v, worse_sample::larger);
  CHECK(s == again);
  CHECK_FALSE(summarize(v, worse_sample::larger, {.seed = 2}).mean == s.mean);
  // The standard error of a mean of 400 of variance 1 is 1/20; 1.96 of them to either side.
  CHECK(s.mean.high - s.mean.low == Approx(2 * 1.96 / 20).epsilon(0.12));
  CHECK(s.mean.low < s.mean.value);
  CHECK(s.mean.value < s.mean.high);
  for (const sample_estimate& p : s.percentiles) {
    CHECK(p.low <= p.value);
    CHECK(p.value <= p.high);
    CHECK(std::find(v.begin(), v.end(), p.low) != v.end());
  }
  CHECK(s.worst.high == s.worst.value);
  CHECK(s.worst.low <= s.worst.value);
  const sample_summary bare = summarize(v, worse_sample::larger, {.resamples = 0});
  CHECK(bare.mean.low == bare.mean.value);
  CHECK(bare.mean.value == s.mean.value);
}

TEST_CASE("the interval of a mean covers it as often as it says", "[metrics]") {
  int covered = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    const sample_summary s = summarize(draws(60, seed), worse_sample::smaller, {.resamples = 400});
    covered += s.mean.low <= 0 && 0 <= s.mean.high ? 1 : 0;
  }
  // 95 % of 400 are 380, with a standard deviation of 4.4; of 60 a bootstrap interval is somewhat short.
  CHECK(covered >= 362);
  CHECK(covered <= 396);
}

TEST_CASE("a resample's points are those of the numbers that were drawn", "[metrics]") {
  std::vector<double> sorted = draws(37, 9);
  std::sort(sorted.begin(), sorted.end());
  detail::resampler fast(sorted, worse_sample::farther_from_zero, 5);
  detail::split_mix random(5);
  for (int round = 0; round < 50; ++round) {
    std::vector<double> drawn;
    for (std::size_t i = 0; i < sorted.size(); ++i) drawn.push_back(sorted[random.below(sorted.size())]);
    double sum = 0;
    for (const double v : drawn) sum += v;
    std::sort(drawn.begin(), drawn.end());
    const detail::sample_points p = fast.next();
    CHECK(p.mean == sum / 37);
    for (std::size_t k = 0; k < sample_percentiles.size(); ++k) {
      CHECK(p.percentiles[k] == drawn[detail::nearest_rank(sample_percentiles[k], drawn.size())]);
    }
    CHECK(std::fabs(p.worst) == std::max(std::fabs(drawn.front()), std::fabs(drawn.back())));
  }
}

}  // namespace sample_statistics_test
