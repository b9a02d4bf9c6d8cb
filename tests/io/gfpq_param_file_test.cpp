#include <nniesim/io/gfpq_param_file.hpp>

#include <string>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;

namespace gfpq_param_file_test {

using namespace test_networks;

TEST_CASE("ranges of layers' inputs become those of blobs", "[io]") {
  draws random(1);
  network_builder b;
  const std::size_t data = b.input({1, 3, 6, 6});
  const std::size_t x = b.add("conv1", layers::convolution{{}, random.tensor({4, 3, 1, 1}), {}}, {data});
  const std::size_t left = b.add("conv2_hp", layers::convolution{{}, random.tensor({4, 4, 1, 1}), {}}, {x});
  const std::size_t right = b.add("conv3", layers::convolution{{}, random.tensor({4, 4, 1, 1}), {}}, {x});
  b.add("sum", eltwise_params{}, {left, right});
  const auto parsed = [&](const std::string& text) { return parse_gfpq_params(text, "g.json", b.net); };
  const std::string layers = R"({"conv1": [2.5], "conv2": [3], "conv3": [4.5], "sum": [1, 2], "gone": [7]})";
  for (const std::string& text :
       {layers, R"({"gfpq_param_dict": )" + layers + "}", R"({"nnie": {"gfpq_param_dict": )" + layers + "}}"}) {
    const gfpq_params p = parsed(text);
    CHECK(p.unknown == std::vector<std::string>{"gone"});
    CHECK(p.ranges.blobs.at("data").largest == 2.5F);
    CHECK(p.ranges.blobs.at("conv1").largest == 4.5F);  // the larger one of its readers
    CHECK(p.ranges.blobs.at("conv2_hp").largest == 1.0F);
    CHECK(p.ranges.blobs.at("conv3").largest == 2.0F);
    CHECK(p.ranges.rule == range_rule::given);
  }
  CHECK_THROWS_WITH(parsed("[]"), contains("expected {\"nnie\""));
  CHECK_THROWS_WITH(parsed("{}"), contains("got no layers"));
  CHECK_THROWS_WITH(parsed(R"({"conv1": 2})"), contains("'conv1': expected a list"));
  CHECK_THROWS_WITH(parsed(R"({"conv1": [0]})"), contains("no positive float"));
  CHECK_THROWS_WITH(parsed(R"({"conv1": [1, 2]})"), contains("got 2 ranges, expected at most one for each of its 1"));
  CHECK_THROWS_AS(parsed("{"), parse_error);
}

}  // namespace gfpq_param_file_test
