#include <nniesim/formats/gfpq_tables.hpp>

#include <array>
#include <cstdint>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

namespace gfpq_tables_test {

namespace {

/// A whole number of any size: 32-bit digits, lowest first. Enough to prove the tables without a logarithm.
class natural {
 public:
  explicit natural(std::uint64_t x) : digits_{static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(x >> 32U)} {
    trim();
  }
  [[nodiscard]] natural squared() const {
    natural result(0);
    result.digits_.assign(digits_.size() * 2, 0);
    for (std::size_t i = 0; i < digits_.size(); ++i) {
      std::uint64_t carry = 0;
      for (std::size_t k = 0; k < digits_.size(); ++k) {
        carry += std::uint64_t{digits_[i]} * digits_[k] + result.digits_[i + k];
        result.digits_[i + k] = static_cast<std::uint32_t>(carry);
        carry >>= 32U;
      }
      result.digits_[i + digits_.size()] = static_cast<std::uint32_t>(carry);
    }
    result.trim();
    return result;
  }
  /// Sign of the difference to 2^exponent.
  [[nodiscard]] int compared_with_power_of_two(std::size_t exponent) const {
    std::size_t length = digits_.size() * 32;
    while (length > 0 && (digits_[(length - 1) / 32] >> ((length - 1) % 32) & 1U) == 0) --length;
    if (length != exponent + 1) return length > exponent ? 1 : -1;
    for (std::size_t i = 0; i + 1 < length; ++i) {
      if ((digits_[i / 32] >> (i % 32) & 1U) != 0) return 1;
    }
    return 0;
  }

 private:
  void trim() {
    while (!digits_.empty() && digits_.back() == 0) digits_.pop_back();
  }
  std::vector<std::uint32_t> digits_;
};

/// Sign of significand / 2^scale - 2^(numerator / 2^log2_of_denominator), exactly.
int compared_with_root(std::uint64_t significand, std::size_t scale, std::size_t numerator, int log2_of_denominator) {
  natural power(significand);
  for (int i = 0; i < log2_of_denominator; ++i) power = power.squared();
  return power.compared_with_power_of_two(numerator + (scale << static_cast<unsigned>(log2_of_denominator)));
}

}  // namespace

TEST_CASE("the natural numbers of this test compare correctly with powers of two") {
  CHECK(compared_with_root(3, 1, 1, 1) == 1);    // 1.5 > sqrt 2
  CHECK(compared_with_root(11, 3, 1, 1) == -1);  // 1.375 < sqrt 2
  CHECK(compared_with_root(1, 0, 0, 7) == 0);
  CHECK(compared_with_root(1U << 23U, 23, 0, 7) == 0);
}

TEST_CASE("each fraction is the double nearest to 2^(j/128), and its float the float nearest to it") {
  for (std::size_t j = 0; j < 128; ++j) {
    INFO("j = " << j);
    const std::uint64_t bits = detail::exp2_fraction_bits[j];
    REQUIRE(bits >> 52U == 0x3ffU);
    const std::uint64_t significand = (bits & ((std::uint64_t{1} << 52U) - 1)) | std::uint64_t{1} << 52U;
    if (j != 0) CHECK(compared_with_root(2 * significand - 1, 53, j, 7) < 0);
    CHECK(compared_with_root(2 * significand + 1, 53, j, 7) > 0);

    const auto single = std::bit_cast<std::uint32_t>(static_cast<float>(std::bit_cast<double>(bits)));
    const std::uint64_t short_significand = (single & 0x7fffffU) | 0x800000U;
    if (j != 0) CHECK(compared_with_root(2 * short_significand - 1, 24, j, 7) < 0);
    CHECK(compared_with_root(2 * short_significand + 1, 24, j, 7) > 0);
  }
}

TEST_CASE("each boundary is the smallest significand that is not below 2^(j/128)") {
  for (std::size_t j = 0; j < 128; ++j) {
    INFO("j = " << j);
    const std::uint64_t m = detail::exp2_boundary[j];
    CHECK(compared_with_root(m, 23, j, 7) >= 0);
    CHECK(compared_with_root(m - 1, 23, j, 7) < 0);
    CHECK((m >= 0x800000 && m <= 0xffffff));
  }
}

TEST_CASE("each midpoint is the smallest significand above 2^((j + 1/2)/128)") {
  for (std::size_t j = 0; j < 128; ++j) {
    INFO("j = " << j);
    const std::uint64_t m = detail::exp2_midpoint[j];
    CHECK(compared_with_root(m, 23, 2 * j + 1, 8) > 0);
    CHECK(compared_with_root(m - 1, 23, 2 * j + 1, 8) < 0);
    CHECK((m >= 0x800000 && m <= 0xffffff));
  }
}

TEST_CASE("the tables of 16 levels keep the properties, and all tables ascend") {
  const auto& table = detail::gfpq_table<16>;
  for (std::size_t j = 0; j < 16; ++j) {
    INFO("j = " << j);
    CHECK(table.fraction[j] == std::bit_cast<double>(detail::exp2_fraction_bits[8 * j]));
    CHECK(compared_with_root(table.boundary[j], 23, j, 4) >= 0);
    CHECK(compared_with_root(table.boundary[j] - 1, 23, j, 4) < 0);
    CHECK(compared_with_root(table.threshold[j], 23, 2 * j + 1, 5) > 0);
    CHECK(compared_with_root(table.threshold[j] - 1, 23, 2 * j + 1, 5) < 0);
  }
  const auto ascends = [](const auto& t) {
    for (std::size_t j = 1; j < t.size(); ++j) {
      if (t[j] <= t[j - 1]) return false;
    }
    return true;
  };
  CHECK(ascends(table.fraction));
  CHECK(ascends(detail::gfpq_table<128>.fraction));
  CHECK(ascends(detail::gfpq_table<128>.boundary));
  CHECK(ascends(detail::gfpq_table<128>.threshold));
}

TEST_CASE("known constants of the 8-bit format stand in the tables") {
  const auto& table = detail::gfpq_table<16>;
  CHECK(table.boundary[1] == 0x85aac4);
  CHECK(table.threshold[0] == 0x82cd87);
  CHECK(table.threshold[15] == 0xfa83b3);
  CHECK(std::bit_cast<std::uint32_t>(static_cast<float>(table.fraction[8])) == 0x3fb504f3);
}

}  // namespace gfpq_tables_test
