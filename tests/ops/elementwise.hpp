// What the tests of element-wise and shape operators share.
#pragma once

#include <algorithm>
#include <nniesim/kernels/isa.hpp>
#include <nniesim/precision/policy.hpp>
#include <vector>

#include "catch.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"

namespace {

/// Outputs in 1/65536, rounded to nearest: no policy of the library writes them.
struct fine_output : nniesim::precision<nniesim::gfpq8, nniesim::gfpq8, nniesim::fp32_chain,
                                        nniesim::fixed_point<16, 16, nniesim::nearest_even, nniesim::saturate>> {};

/// Checks y against doubles made by the test, each written in the policy's output format.
template <class P>
void check_values(const nniesim::tensor<nniesim::value_t<P>>& y, const std::vector<double>& expected) {
  REQUIRE(y.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("element " << i << " of " << nniesim::policy_name<P>());
    CHECK(P::output::to_double(y.data()[i]) == P::output::to_double(P::output::from(expected[i])));
  }
}

/// x as the policy's layers would hold it.
template <class P>
std::vector<double> held(const nniesim::tensor<float>& x) {
  std::vector<double> values;
  for (const float v : x) values.push_back(P::output::to_double(P::output::from(v)));
  return values;
}

/// A tensor whose last element is NaN.
inline nniesim::tensor<float> nan_tensor(const nniesim::tensor_shape& shape) {
  auto x = zeros(shape);
  x.data()[x.size() - 1] = std::numeric_limits<float>::quiet_NaN();
  return x;
}

/// Runs body.operator()<P>() for the policies that every operator is tested with.
template <class Body>
void for_policies(Body body) {
  body.template operator()<nniesim::float32>();
  body.template operator()<nniesim::w8a8>();
  body.template operator()<nniesim::uniform_w16a16>();
  body.template operator()<fine_output>();
}

/// Layer values that leave no branch out: both zeros, denormals, the ends of the range, infinities, NaN on request.
template <class P>
nniesim::value_t<P> odd_value(draws& d, bool with_nan) {
  using value = nniesim::value_t<P>;
  if constexpr (std::same_as<value, float>) {
    switch (d.between(0, 15)) {
      case 0: return 0.0F;
      case 1: return -0.0F;
      case 2: return std::numeric_limits<float>::infinity() * (d.bits() % 2 == 0 ? 1.0F : -1.0F);
      case 3: return with_nan ? std::numeric_limits<float>::quiet_NaN() : 1.0F;
      case 4: return std::bit_cast<float>(d.bits() & 0x807fffffU);
      case 5: return d.any_finite();
      default: return d.normal() * 100;
    }
  } else {
    switch (d.between(0, 7)) {
      case 0: return value{};
      case 1: return value::max();
      case 2: return value::lowest();
      case 3: return value::from_raw(static_cast<std::int32_t>(d.bits()));
      case 4: return value::from_raw(d.bits() % 2 == 0 ? 1 : -1);
      default: return value::from(d.normal() * 10);
    }
  }
}

/// n odd values at any alignment.
template <class P>
class odd_tensor {
 public:
  odd_tensor(draws& d, const nniesim::tensor_shape& shape, bool with_nan = true)
      : skew_(d.between(0, 3)), shape_(shape), values_(skew_ + shape.size() + 1) {
    for (auto& v : values_) v = odd_value<P>(d, with_nan);
  }
  nniesim::tensor_view<nniesim::value_t<P>> view() {
    return {std::span(values_.data() + skew_, shape_.size()), shape_};
  }
  nniesim::tensor_view<const nniesim::value_t<P>> in() { return view(); }

 private:
  std::size_t skew_;
  nniesim::tensor_shape shape_;
  std::vector<nniesim::value_t<P>> values_;
};

/// The same bits, or NaN in both.
template <class T>
bool same_value(T a, T b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (a != a && b != b);
}

/// Checks that `vectors(y)` fills a tensor of the shape with the bits that `specification(y)` does and touches nothing
/// behind it, and that it ran: it returns whether it did.
template <class P, class Specification, class Vectors>
void check_vectors(const nniesim::tensor_shape& shape, Specification specification, Vectors vectors) {
  using value = nniesim::value_t<P>;
  const value mark = P::output::from(77.0);
  std::vector<value> expected(shape.size()), got(shape.size() + 2, mark);
  specification(nniesim::tensor_view<value>(expected, shape));
  const bool ran = vectors(nniesim::tensor_view<value>(std::span(got.data() + 1, shape.size()), shape));
  const nniesim::isa used = nniesim::active_isa();
  INFO(nniesim::policy_name<P>() << " on " << to_string(used) << ", shape " << shape);
  CHECK(ran == (used != nniesim::isa::scalar));
  if (!ran) return;
  CHECK(got.front() == mark);
  CHECK(got.back() == mark);
  const bool same = std::equal(expected.begin(), expected.end(), got.begin() + 1, same_value<value>);
  CHECK(same);
}

/// Runs body.operator()<P>(draws, n) on every instruction set for the policies with vector kernels and many lengths.
template <class Body>
void for_vectors(Body body) {
  draws d(99);
  for_each_isa([&](nniesim::isa) {
    for (const std::size_t n : {1U, 3U, 4U, 5U, 7U, 8U, 9U, 15U, 16U, 17U, 31U, 32U, 33U, 66U, 130U, 1030U}) {
      body.template operator()<nniesim::float32>(d, n);
      body.template operator()<nniesim::w8a8>(d, n);
    }
  });
}

}  // namespace
