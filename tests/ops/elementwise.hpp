// What the tests of element-wise and shape operators share.
#pragma once

#include <nniesim/precision/policy.hpp>

#include "catch.hpp"
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

/// Runs body.operator()<P>() for the policies that every operator is tested with.
template <class Body>
void for_policies(Body body) {
  body.template operator()<nniesim::float32>();
  body.template operator()<nniesim::w8a8>();
  body.template operator()<nniesim::uniform_w16a16>();
  body.template operator()<fine_output>();
}

}  // namespace
