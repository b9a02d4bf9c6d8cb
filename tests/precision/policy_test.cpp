#include <nniesim/precision/policy.hpp>

#include <concepts>
#include <string>

#include "catch.hpp"

using namespace nniesim;

namespace {

static_assert(precision_policy<float32> && precision_policy<w8a8> && precision_policy<w16a16> &&
              precision_policy<uniform_w8a8> && precision_policy<uniform_w16a16>);
static_assert(!precision_policy<int> && !precision_policy<q20_12>);

// What each named policy is made of.
static_assert(std::same_as<w8a8::weights, gfpq8> && std::same_as<w8a8::activations, gfpq8> &&
              std::same_as<w8a8::accumulator, fp32_chain> && std::same_as<w8a8::output, q20_12>);
static_assert(std::same_as<w16a16::weights, gfpq16> && std::same_as<w16a16::activations, gfpq16> &&
              std::same_as<w16a16::output, q20_12>);
static_assert(std::same_as<uniform_w8a8::accumulator, exact_int32> &&
              std::same_as<uniform_w16a16::accumulator, exact_int64>);
static_assert(std::same_as<value_t<float32>, float> && std::same_as<value_t<w8a8>, q20_12>);
static_assert(is_reference<float32> && !is_reference<w8a8> && !is_reference<uniform_w16a16>);

// Policies of a user: one put together, one derived and named, one written out.
using mixed = precision<gfpq16, gfpq8, fp64_chain, fixed_point<16, 16, nearest_even, saturate>>;
struct named : precision<gfpq8, binary32, fp32_chain, binary32> {
  static constexpr std::string_view name = "my policy";
};
struct written_out {
  using weights = uniform8;
  using activations = uniform16;
  using accumulator = exact_int64;
  using output = bias24;
};
static_assert(precision_policy<mixed> && precision_policy<named> && precision_policy<written_out>);
static_assert(is_reference<named> && std::same_as<value_t<written_out>, bias24>);

// What does not go together.
static_assert(accumulates<fp32_chain, uniform8, gfpq8>);  // floats sum any values
static_assert(!accumulates<exact_int32, gfpq8, gfpq8>);   // logarithmic codes are no integers
static_assert(!accumulates<exact_int32, uniform8, binary32>);
static_assert(!accumulates<float, gfpq8, gfpq8>);
template <class W, class A, class S, class O>
concept can_be_put_together = requires {
  typename precision<W, A, S, O>;
};
static_assert(can_be_put_together<gfpq8, gfpq8, fp32_chain, q20_12>);
static_assert(!can_be_put_together<gfpq8, gfpq8, exact_int32, q20_12>);
static_assert(!can_be_put_together<gfpq8, gfpq8, fp32_chain, gfpq8>);  // an output that needs a scale
static_assert(!can_be_put_together<float, gfpq8, fp32_chain, q20_12>);

struct lacks_an_output {
  using weights = gfpq8;
  using activations = gfpq8;
  using accumulator = fp32_chain;
};
static_assert(!precision_policy<lacks_an_output>);

}  // namespace

TEST_CASE("a policy has its own name, or one made of its parts") {
  CHECK(policy_name<float32>() == "float32");
  CHECK(policy_name<w8a8>() == "w8a8");
  CHECK(policy_name<w16a16>() == "w16a16");
  CHECK(policy_name<uniform_w8a8>() == "uniform_w8a8");
  CHECK(policy_name<uniform_w16a16>() == "uniform_w16a16");
  CHECK(policy_name<named>() == "my policy");
  CHECK(policy_name<mixed>() == "gfpq16/gfpq8/fp64_chain/q16_16_nearest_even_saturate");
  CHECK(policy_name<written_out>() == "uniform8/uniform16/exact_int64/q24_0_nearest_even_saturate");
}
