#include <nniesim/kernels/weight_codes.hpp>

#include <cstring>
#include <limits>
#include <nniesim/formats/uniform.hpp>
#include <vector>

#include "catch.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"

namespace weight_codes_test {

using namespace nniesim;

/// Weights of many kinds: the last ones are of constant magnitude, or nearly.
std::vector<std::vector<float>> weights() {
  std::vector<std::vector<float>> all;
  std::mt19937 bits(1);
  std::normal_distribution<float> normal(0.0F, 0.1F);
  for (const std::size_t n : {1U, 2U, 15U, 16U, 17U, 100U, 1000U}) {
    std::vector<float> w(n);
    for (float& v : w) v = normal(bits);
    all.push_back(w);
    w[n / 2] = 0;
    all.push_back(w);
    all.emplace_back(n, 0.0F);
    all.emplace_back(n, -0.25F);
    all.push_back(all.back());
    all.back()[n - 1] = 0.25F + 2.0e-6F;
    all.push_back(all[all.size() - 2]);
    all.back()[n / 3] = -0.25F + 5.0e-7F;
  }
  return all;
}

template <class F>
void check_all() {
  for (const std::vector<float>& w : weights()) {
    const auto expected = group_weights<F>::of(w);
    const auto got = kernels::encoding_of<F>(w);
    CHECK(got.scale == expected.scale);
    CHECK(got.magnitude == expected.magnitude);
    CHECK(got.is_constant == expected.is_constant);
    std::vector<typename F::code> codes(w.size());
    kernels::encode_weights<F>(got, w, codes);
    for (std::size_t i = 0; i < w.size(); ++i) REQUIRE(codes[i] == expected.encode(w[i]));
  }
}

void largest_magnitudes_show_all() {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const std::size_t n : {1U, 16U, 40U}) {
    for (std::size_t at = 0; at < n; ++at) {
      std::vector<float> w(n, -0.5F);
      CHECK(kernels::largest_magnitude_bits(w) == std::bit_cast<std::uint32_t>(0.5F));
      w[at] = -2;
      CHECK(kernels::largest_magnitude_bits(w) == std::bit_cast<std::uint32_t>(2.0F));
      w[at] = -infinity;
      CHECK(kernels::largest_magnitude_bits(w) == std::bit_cast<std::uint32_t>(infinity));
      w[at] = std::numeric_limits<float>::quiet_NaN();
      CHECK(kernels::largest_magnitude_bits(w) > std::bit_cast<std::uint32_t>(infinity));
    }
  }
  CHECK(kernels::largest_magnitude_bits({}) == 0);
}

TEST_CASE("weights are encoded as group_weights does it") {
  for_each_isa([](isa) {
    check_all<gfpq8>();
    check_all<gfpq16>();
  });
  check_all<uniform8>();
}

TEST_CASE("largest magnitudes show NaN and infinity") {
  for_each_isa([](isa) { largest_magnitudes_show_all(); });
}

TEST_CASE("magnitudes are found while values are copied") {
  for_each_isa([](isa i) {
    draws d(3);
    for (const std::size_t n : {0U, 1U, 7U, 16U, 33U, 100U}) {
      std::vector<float> w(n + 1), copy(n + 1, 7.0F);
      for (float& v : w) v = std::bit_cast<float>(d.bits());
      const std::uint32_t bits =
          kernels::select(i, [&](auto set) { return decltype(set)::magnitude_bits(w.data(), copy.data(), n); });
      CHECK(bits == kernels::scalar::kernel_set::magnitude_bits(w.data(), nullptr, n));
      CHECK(std::memcmp(w.data(), copy.data(), n * sizeof(float)) == 0);
      CHECK(copy[n] == 7.0F);
    }
  });
}

TEST_CASE("groups have encodings of their own, or the given ones") {
  draws d(1);
  std::vector<float> w;
  for (int g = 0; g < 3; ++g) {
    for (int i = 0; i < 10; ++i) w.push_back(std::ldexp(d.normal(), 4 * g));
  }
  const auto derived = detail::encodings<gfpq8>({}, w, 3, "test");
  REQUIRE(derived.size() == 3);
  for (std::size_t g = 0; g < 3; ++g) CHECK(derived[g].scale == gfpq8::scale_of(std::span(w).subspan(10 * g, 10)));
  const auto one = detail::encodings<gfpq8>({derived[1]}, w, 3, "test");
  REQUIRE(one.size() == 3);
  CHECK(one[2].scale == derived[1].scale);
  CHECK_THROWS_WITH(detail::encodings<gfpq8>({derived[0], derived[1]}, w, 3, "test"),
                    contains("2 encodings of weights for 3 groups"));
}

}  // namespace weight_codes_test
