#include <nniesim/metrics/format_error.hpp>

#include <nniesim/formats/gfpq.hpp>
#include <nniesim/formats/uniform.hpp>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace format_error_test {

TEST_CASE("an error of one code is about one step") {
  const gfpq8::scale s(-127);
  const tensor<float> r = {gfpq8::decode(100, s), gfpq8::decode(50, s)},
                      x = {gfpq8::decode(99, s), gfpq8::decode(50, s)};
  const step_error e = compare_in_steps<gfpq8>(r, x, s);
  CHECK(e.max == approx(1.0));
  CHECK(e.mean == approx(0.5));
  CHECK(e.max_index == 0);
  const step_error u = compare_in_steps<uniform8>(tensor<float>{1.0F}, tensor<float>{1.5F}, uniform8::scale(0.25F));
  CHECK(u.max == 2.0);
  const tensor<float> nan = {std::numeric_limits<float>::quiet_NaN()};
  CHECK(std::isnan(compare_in_steps<uniform8>(tensor<float>{1.0F}, nan, uniform8::scale(0.25F)).max));
}

TEST_CASE("the unavoidable error of the 8-bit log code is its rounding in the logarithm") {
  draws d(1);
  const auto x = d.tensor({200000});
  // Rounding by at most half of 1/16 octave, evenly: 2^(1/16) ln 2 / sqrt(12) = 1.25 %, a little more with zeros and
  // the top.
  CHECK(unavoidable_error<gfpq8>(x) == approx(0.0125).epsilon(0.05));
  CHECK(unavoidable_error<gfpq16>(x) == approx(0.0125 / 8).epsilon(0.05));
  CHECK(unavoidable_error<binary32>(x) == 0);
}

TEST_CASE("the floor ratio is 1 for the format's own rounding and grows with the error") {
  draws d(2);
  const auto x = d.tensor({5000});
  const auto s = gfpq8::scale_of({x.data(), x.size()});
  auto y = x;
  for (auto& v : y) v = gfpq8::decode(gfpq8::encode(v, s), s);
  CHECK(floor_ratio<gfpq8>(x, y) == approx(1.0));
  for (auto& v : y) v = gfpq8::decode(gfpq8::encode(v, gfpq8::scale(s.z() - 16)), gfpq8::scale(s.z() - 16));
  CHECK(floor_ratio<gfpq8>(x, y) > 2.0);
  CHECK(floor_ratio<binary32>(x, x) == 1.0);
  CHECK(floor_ratio<binary32>(x, y) == std::numeric_limits<double>::infinity());
}

TEST_CASE("the floor ratio tells nothing of values that the format holds as they are") {
  draws d(3);
  const auto x = d.tensor({100});
  auto y = x;
  y.data()[0] += 0.1F;
  CHECK(telling_floor_ratio<gfpq8>(x, y) == floor_ratio<gfpq8>(x, y));
  CHECK_FALSE(telling_floor_ratio<binary32>(x, y));
  tensor<float> one_hot = xt::zeros<float>({10});
  auto soft = one_hot;
  one_hot(3) = 1.0F;
  CHECK_FALSE(telling_floor_ratio<gfpq8>(one_hot, y = xt::ones<float>({10})));
  soft(3) = 0.9997F;
  CHECK_FALSE(telling_floor_ratio<gfpq8>(one_hot, soft));
  CHECK_FALSE(telling_floor_ratio<gfpq8>(tensor<float>(xt::zeros<float>({10})), soft));
}

}  // namespace format_error_test
