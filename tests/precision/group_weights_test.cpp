#include <nniesim/precision/group_weights.hpp>

#include <cmath>
#include <vector>

#include <nniesim/formats/uniform.hpp>
#include <nniesim/precision/units.hpp>
#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

TEST_CASE("weights of one magnitude are signs, and the magnitude is the first weight's") {
  const std::vector<float> w = {-0.3F, 0.3F, 0.3F + 5e-7F, -0.3F};
  const auto check = [&]<class F>(F) {
    const auto g = group_weights<F>::of(w);
    CHECK(g.is_constant);
    CHECK(g.scale.z() == -F::levels);
    CHECK(g.magnitude == static_cast<double>(0.3F));
    CHECK(g.encode(w[0]) == static_cast<typename F::code>(F::sign_bit | F::levels));
    CHECK(g.encode(w[1]) == static_cast<typename F::code>(F::levels));
    CHECK(g.encode(0.0F) == F::zero);
    CHECK(F::decode(g.encode(w[2]), g.scale) == 1.0F);
  };
  check(gfpq8{});
  check(gfpq16{});
  CHECK_FALSE(group_weights<gfpq8>::of(std::vector<float>{0.3F, 0.300003F}).is_constant);
  CHECK_FALSE(group_weights<gfpq8>::of(std::vector<float>{0.3F, 0.0F}).is_constant);
  CHECK(group_weights<gfpq8>::of(std::vector<float>{0.25F}).magnitude == 0.25);
}

TEST_CASE("weights that are all zero have magnitude 0; other formats have no such rule") {
  const auto g = group_weights<gfpq8>::of(std::vector<float>(3, 0.0F));
  CHECK(g.is_constant);
  CHECK(g.magnitude == 0.0);
  CHECK(g.encode(0.0F) == gfpq8::zero);
  const auto u = group_weights<uniform8>::of(std::vector<float>(3, 0.5F));
  CHECK_FALSE(u.is_constant);
  CHECK(u.magnitude == 1.0);
  CHECK(u.encode(0.5F) == uniform8::max_code);
}

TEST_CASE("operands times units are the values that codes stand for") {
  draws d(2);
  const auto check = [&]<class F>(F) {
    static_assert(coded_in_units<F>);
    for (int i = 0; i < 2000; ++i) {
      const typename F::scale s(static_cast<int>(d.between(0, 2000)) - 1500);
      const auto c = F::encode(d.symmetric() * F::largest(s), s);
      const double value = static_cast<double>(operand_of<float, F>(c, s)) * unit_of<float, F>(s);
      CHECK(value == approx(static_cast<double>(F::decode(c, s))).epsilon(0x1p-22));
    }
    const typename F::scale s(-100);
    CHECK(largest_operand<float, F>(s) ==
          static_cast<double>(F::in_units(static_cast<typename F::code>(F::max_magnitude))));
  };
  check(gfpq8{});
  check(gfpq16{});
  const uniform8::scale s(0.5F);
  CHECK(operand_of<std::int32_t, uniform8>(uniform8::code(-3), s) == -3);
  CHECK(unit_of<std::int32_t, uniform8>(s) == 0.5);
  CHECK(largest_operand<std::int32_t, uniform8>(s) == 127);
  CHECK(operand_of<float, uniform8>(uniform8::code(-3), s) == -1.5F);
  CHECK(unit_of<float, uniform8>(s) == 1.0);
  CHECK(operand_of<float, binary32>(0.7F, {}) == 0.7F);
  CHECK(unit_of<float, binary32>({}) == 1.0);
}
