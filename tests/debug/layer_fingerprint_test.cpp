#include <nniesim/debug/layer_fingerprint.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace layer_fingerprint_test {

using nniesim::detail::fingerprint_of;

TEST_CASE("what is kept of a layer, against its values", "[debug]") {
  const std::vector<float> v = {1, -2, 0, 4, -0.5F, 3};
  const auto p = fingerprint_of(v, {1, 2, 1, 3});
  CHECK(p.readable());
  CHECK(p.count == 6);
  CHECK(p.dims == std::array<std::size_t, 4>{1, 2, 1, 3});
  CHECK(p.least == -2);
  CHECK(p.most == 4);
  CHECK(p.nonzero == 5);
  CHECK(p.sum == 5.5);
  CHECK(p.squares == 30.25);
  CHECK(p.positive_sum == 8);
  CHECK(p.positive_squares == 26);
  CHECK(p.sample == v);  // of few values all
  CHECK(p.quantiles.front() == -2);
  CHECK(p.quantiles.back() == 4);
  CHECK_FALSE(p.not_negative());
  CHECK_FALSE(p.has_content());  // too few values other than zero
  // Shapes of other ranks are read as NCHW begins with them; without one all is one row of channels.
  CHECK(fingerprint_of(v, {2, 3}).dims == std::array<std::size_t, 4>{2, 3, 1, 1});
  CHECK(fingerprint_of(v, {2, 1, 3}).dims == std::array<std::size_t, 4>{1, 2, 1, 3});
  CHECK(fingerprint_of(v, {}).dims == std::array<std::size_t, 4>{1, 6, 1, 1});
  // What is no number ends it.
  std::vector<float> bad = v;
  bad[2] = std::numeric_limits<float>::quiet_NaN();
  CHECK_FALSE(fingerprint_of(bad, {6}).finite);
  CHECK_FALSE(fingerprint_of(bad, {6}).has_content());
}

TEST_CASE("samples of permuted values are samples of the values permuted", "[debug]") {
  draws random(3);
  const std::array<std::size_t, 4> dims = {1, 3, 4, 5};
  std::vector<float> v(60);
  for (float& f : v) f = random.normal();
  const auto p = fingerprint_of(v, {1, 3, 4, 5});
  for (std::size_t k = 0; k < detail::match_permutations.size(); ++k) {
    const auto& order = detail::match_permutations[k].order;
    // By the definition: element (a, b, c, d) of the result stands at its place of the given axes.
    std::vector<float> moved;
    std::array<std::size_t, 4> at{};
    for (at[0] = 0; at[0] < dims[order[0]]; ++at[0]) {
      for (at[1] = 0; at[1] < dims[order[1]]; ++at[1]) {
        for (at[2] = 0; at[2] < dims[order[2]]; ++at[2]) {
          for (at[3] = 0; at[3] < dims[order[3]]; ++at[3]) {
            std::array<std::size_t, 4> before{};
            for (std::size_t axis = 0; axis < 4; ++axis) before[order[axis]] = at[axis];
            moved.push_back(v[((before[0] * 3 + before[1]) * 4 + before[2]) * 5 + before[3]]);
          }
        }
      }
    }
    CHECK(detail::permuted(v, dims, order) == moved);
    if (!p.permuted_samples[k].empty()) CHECK(p.permuted_samples[k] == moved);
  }
}

TEST_CASE("likeness, padding, PReLU and affine by their definitions", "[debug]") {
  const auto l = detail::likeness_of(2, 3, 5, 6, 20, 10);  // (1, 2) and (2, 4)
  CHECK(l.cosine == approx(1));
  CHECK(l.correlation == approx(1));
  CHECK(detail::likeness_of(2, 0, 0, 6, 20, 0).cosine == 0);
  CHECK(detail::likeness_of(2, 2, 2, 6, 20, 6).correlation == 0);  // (1, 1) has no spread

  const std::vector<float> padded = {1, 2, 0, 0, 3, 4, 0, 0};
  CHECK(detail::without_padding(padded, 2, 2, 4) == std::vector<float>{1, 2, 3, 4});
  CHECK_FALSE(detail::without_padding(padded, 2, 1, 4).has_value());

  // Two channels of eight values: slopes of a quarter and of -1/2.
  std::vector<float> y(16), x(16);
  for (std::size_t i = 0; i < 16; ++i) {
    y[i] = (i % 2 == 0 ? -1.0F : 1.0F) * static_cast<float>(i + 1);
    x[i] = y[i] > 0 ? y[i] : y[i] * (i < 8 ? 0.25F : -0.5F);
  }
  CHECK(detail::after_prelu(y, x, {1, 2, 2, 4}) == x);
  for (std::size_t i = 0; i < 16; ++i) x[i] = i < 8 ? 2 * y[i] + 1 : -3 * y[i] + 5;
  CHECK(detail::affine_correlation(y, x, {1, 2, 2, 4}, 1) == approx(1));
  for (float& f : x) f = 1;
  CHECK(detail::affine_correlation(y, x, {1, 2, 2, 4}, 1) == 0);
}

TEST_CASE("every relation reads otherwise", "[debug]") {
  std::set<std::string_view> texts;
  for (int r = 0; r <= static_cast<int>(match_relation::unverifiable); ++r) {
    CHECK(texts.insert(to_string(static_cast<match_relation>(r))).second);
  }
}

}  // namespace layer_fingerprint_test
