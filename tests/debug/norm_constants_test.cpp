#include <nniesim/debug/norm_constants.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;

namespace norm_constants_test {

namespace {

network two_powers() {
  test_networks::network_builder b;
  const std::size_t x = b.add("a", power_params{1, 1, 0.5F}, {b.input({1, 2, 3, 3})});
  b.add("b", power_params{1, 1, 0}, {x});
  b.add("relu", relu_params{}, {x});
  return b.net;
}
using constants = std::vector<norm_constant>;

}  // namespace

TEST_CASE("constants go into the layers that are named", "[debug]") {
  const network net = two_powers();
  const network changed = with_constants(net, constants{{"b", 0.25F}});
  CHECK(std::get<power_params>(changed.layers[2].params).shift == 0.25F);
  CHECK(std::get<power_params>(changed.layers[1].params).shift == 0.5F);
  CHECK(verify_constants(net, changed, constants{{"b", 0.25F}}).empty());
  CHECK(verify_constants(net, changed, constants{{"b", 0.5F}}).size() == 1);
  CHECK(verify_constants(net, net, constants{{"b", 0.25F}}).size() == 1);
  CHECK_FALSE(verify_constants(net, {}, {}).empty());
  CHECK_THROWS_WITH(with_constants(net, constants{{"none", 1}}), contains("got 0 layers 'none'"));
  CHECK_THROWS_WITH(with_constants(net, constants{{"relu", 1}}), contains("expected a Power"));
  CHECK_THROWS_WITH(with_constants(net, constants{{"a", std::numeric_limits<float>::infinity()}}),
                    contains("expected a finite number"));
}

TEST_CASE("constants go into the text, and every other byte stays", "[debug]") {
  const std::string text =
      "layer { name: 'a' type: 'Power' power_param { shift: -1.5e-3 # old\n scale: 2 } }\n"
      "layer { name: \"b\" type: 'Power' power_param{} }\n";
  CHECK(prototxt_with_constants(text, constants{{"a", 0.5F}, {"b", 2}}) ==
        "layer { name: 'a' type: 'Power' power_param { shift: 0.5 # old\n scale: 2 } }\n"
        "layer { name: \"b\" type: 'Power' power_param{ shift: 2 } }\n");
  CHECK(prototxt_with_constants(text, {}) == text);
  CHECK_THROWS_WITH(prototxt_with_constants(text, constants{{"c", 1}}), contains("no layer 'c'"));
  CHECK_THROWS_WITH(prototxt_with_constants(text, constants{{"a", 1}, {"a", 2}}), contains("named twice"));
  CHECK_THROWS_AS(prototxt_with_constants("layer {", {}), error);
}

}  // namespace norm_constants_test
