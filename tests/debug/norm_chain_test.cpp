#include <nniesim/debug/norm_chain.hpp>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;

namespace norm_chain_test {

namespace {

struct parts {
  float square = 2, root = 0.5F, inverse = -1;
  float constant = 0.25F;
  bool is_mean = true;
  reduction_term term = reduction_term::value;
};

/// data, x^2, its mean or sum, the root, 1 / (constant + r), the product.
network norm_of(const parts& p) {
  test_networks::network_builder b;
  const std::size_t x = b.input({2, 8, 1, 1});
  std::size_t at = b.add("square", power_params{p.square, 0.5F, 0}, {x});
  if (p.is_mean) at = b.add("reduced", reduce_mean_params{{1, 2, 3}, false}, {at});
  else at = b.add("reduced", reduce_sum_params{{1, 2, 3}, false, 3, p.term}, {at});
  at = b.add("root", power_params{p.root, 8, 0}, {at});
  at = b.add("inverse", power_params{p.inverse, 1, p.constant}, {at});
  b.add("norm", layers::scale{{0}, std::nullopt, {}}, {x, at});
  return b.net;
}

}  // namespace

TEST_CASE("a norm is found with its layers, its constant and its weight", "[debug]") {
  const auto chains = find_norm_chains(norm_of({}));
  REQUIRE(chains.size() == 1);
  const norm_chain& c = chains[0];
  CHECK(c.name == "norm");
  CHECK(c.form == norm_form::outside);
  CHECK(c.square == 1);
  CHECK(c.reduction == 2);
  CHECK(c.root == 3);
  CHECK(c.inverse == 4);
  CHECK(c.holder == 4);
  CHECK(c.product == 5);
  CHECK(c.constant == 0.25);
  CHECK(c.weight == approx(0.25 / 8));  // (x / 2)^2, the mean of 8
  CHECK(c.input == 0);
  CHECK(c.samples == 2);
  CHECK(c.sequence == 0);
  CHECK(find_norm_chains(norm_of({.is_mean = false})).at(0).weight == approx(0.25 * 3));
  CHECK(to_string(norm_form::outside) != to_string(norm_form::inside));
}

TEST_CASE("other exponents are no norm", "[debug]") {
  CHECK(find_norm_chains(norm_of({.square = 1})).empty());
  CHECK(find_norm_chains(norm_of({.root = 1})).empty());
  CHECK(find_norm_chains(norm_of({.inverse = -2})).empty());
  CHECK(find_norm_chains(norm_of({.is_mean = false, .term = reduction_term::square})).empty());
  CHECK(find_norm_chains({}).empty());
}

}  // namespace norm_chain_test
