#include <nniesim/debug/in_place_chains.hpp>

#include <vector>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;

namespace in_place_chains_test {

using namespace test_networks;

TEST_CASE("chains of layers that may write one blob", "[debug]") {
  draws random(1);
  network_builder b;
  std::size_t x = b.input({1, 2, 4, 4});
  x = b.add("conv", layers::convolution{{.pad = {1, 1}}, random.tensor({2, 2, 3, 3}), {}}, {x});
  x = b.add("leaky", relu_params{0.1F}, {x});
  x = b.add("drop", layers::identity{}, {x});
  x = b.add("second", layers::convolution{{.pad = {1, 1}}, random.tensor({2, 2, 3, 3}), {}}, {x});
  b.add("relu", relu_params{}, {x});  // seen from the content alone
  const std::vector<detail::in_place_chain> chains = detail::in_place_chains(b.net);
  REQUIRE(chains.size() == 1);
  CHECK(b.net.layers[chains[0].first].name == "conv");
  REQUIRE(chains[0].writers.size() == 2);
  CHECK(b.net.layers[chains[0].writers[1]].name == "drop");
}

TEST_CASE("which writer a dump shows", "[debug]") {
  std::vector<tensor<float>> made(2, make_tensor<float>({1, 2}));
  made[0].data()[0] = -1;
  made[0].data()[1] = made[1].data()[1] = 2;
  made[1].data()[0] = -0.1F;
  CHECK(detail::writer_shown(made, std::vector<float>{-1, 2}, {true, false}) == 0U);
  CHECK(detail::writer_shown(made, std::vector<float>{-0.1F, 2}, {true, false}) == 1U);
  CHECK_FALSE(detail::writer_shown(made, std::vector<float>{-0.55F, 2}, {true, false}));  // as near to both
  CHECK_FALSE(detail::writer_shown(made, std::vector<float>{1, 2, 3}, {true, false}));
}

}  // namespace in_place_chains_test
