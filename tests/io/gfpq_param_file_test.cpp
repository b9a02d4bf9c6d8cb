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
  CHECK_THROWS_WITH(parsed(R"({"conv1": []})"), contains("'conv1': expected a list"));
  for (const std::string bad : {"0", "-1", "1e-60", "1e39", "true", "\"1\""}) {
    CAPTURE(bad);
    CHECK_THROWS_WITH(parsed(R"({"conv1": [)" + bad + "]}"), contains("'conv1': range 0 is no positive float"));
  }
  CHECK(parsed(R"({"conv1": [1e-45]})").ranges.blobs.at("data").largest > 0.0F);
  CHECK_THROWS_WITH(parsed(R"({"conv1": [1], "conv2": [2], "conv1": [3]})"), contains("got the member 'conv1' twice"));
  CHECK_THROWS_WITH(parsed(R"({"conv1": [1, 2]})"), contains("got 2 ranges, expected at most one for each of its 1"));
  CHECK_THROWS_AS(parsed("{"), parse_error);
}

TEST_CASE("ranges are written as MQBench writes them, and read back exactly", "[io]") {
  draws random(2);
  network_builder b;
  const std::size_t data = b.input({1, 4, 6, 6});
  const std::size_t x = b.add("conv1", layers::convolution{{}, random.tensor({4, 4, 1, 1}), {}}, {data});
  b.net.layers.back().type = "Convolution";
  layers::convolution grouped{{}, random.tensor({4, 1, 1, 1}), {}};
  grouped.geometry.groups = 4;
  const std::size_t y = b.add("deep", grouped, {x});
  const std::size_t up = b.add("up", upsample_params{2}, {y});
  b.net.layers.back().type = "Upsample";
  const std::size_t up2 = b.add("up2", upsample_params{2}, {x});
  b.net.layers.back().type = "Upsample";
  b.add("sum", eltwise_params{}, {up, up2});
  activation_ranges ranges;
  ranges.blobs["data"] = activation_range::of(127.99999F);
  ranges.blobs["conv1"] = activation_range::of(0.1F);
  ranges.blobs["deep"] = activation_range::of(3e-30F);
  ranges.blobs["up"] = activation_range::of(5.0F);
  ranges.blobs["up2"] = activation_range::of(7.0F);
  const std::string text = gfpq_params_text(b.net, ranges);
  CHECK_THAT(text, contains("{\n    \"nnie\": {\n        \"gfpq_param_dict\": {") && contains("\"up2_permute_1\"") &&
                       !contains("\"deep\""));
  const gfpq_params read = parse_gfpq_params(text, "g.json", b.net);
  CHECK(read.unknown.empty());
  REQUIRE(read.ranges.blobs.size() == 5);
  for (const auto& [name, range] : ranges.blobs) CHECK(read.ranges.blobs.at(name).largest == range.largest);
  CHECK(parse_gfpq_params(R"({"other_permute_0": [1], "up_permute_7": [2]})", "g.json", b.net).unknown ==
        std::vector<std::string>{"other_permute_0"});
  CHECK_THROWS_WITH(gfpq_params_text(b.net, {}), contains("no range of a layer's input is known"));
}

}  // namespace gfpq_param_file_test
