#include <nniesim/network/host_layers.hpp>

#include <string>

#include <nniesim/io/caffe_import.hpp>

#include "catch.hpp"
#include "support/caffe_text.hpp"

using namespace nniesim;

namespace host_layers_test {

using namespace caffe_text;

namespace {

network imported(const std::string& text) {
  return import_caffe(parse_prototxt(data + text, "net"), nullptr, {}, {.shapes_alone = true});
}
std::string rewrite(const std::string& type, const std::string& rest = "") {
  return std::string(usual_rewrite(imported(one("x", type, "data", "y", rest)).layers.at(1)));
}

}  // namespace

TEST_CASE("layers that the compiler does not know have their usual rewrite", "[network]") {
  CHECK_THAT(rewrite("ReLU6"), contains("Threshold at 6") && contains("Power (scale -1, shift 6)"));
  CHECK(rewrite("ReLU", "relu_param { relu6: true }") == rewrite("ReLU6"));
  CHECK_THAT(rewrite("Swish"), contains("Sigmoid, then Eltwise PROD"));
  CHECK_THAT(rewrite("HardSwish"), contains("Power (scale -1/6, shift 1)"));
  CHECK_THAT(rewrite("Mish"), contains("BNLL, TanH"));
  CHECK_THAT(rewrite("ShuffleChannel"), contains("Reshape, Permute, Reshape"));
  CHECK_THAT(rewrite("BN", "param { } param { }"), contains("Scale with bias_term"));
  CHECK_THAT(rewrite("BN", "param { } param { } param { } param { }"), contains("BatchNorm"));
  CHECK(rewrite("ReLU").empty());
  CHECK(rewrite("Scale").empty());
  CHECK(rewrite("Threshold").empty());
  CHECK(rewrite("ArgMax").empty());
  CHECK(usual_rewrite(imported(one("x_cpu", "Power", "data", "y")).layers.at(1)).empty());
}

TEST_CASE("the network is cut at the first layer that the compiler does not know", "[network]") {
  const auto first = [](const std::string& text) {
    const network net = imported(text);
    const auto found = first_unknown_to_compiler(net);
    return found ? net.layers[*found].name : "none";
  };
  const std::string before = one("a", "ReLU", "data", "a") + one("b_cpu", "Power", "a", "b") +
                             one("c", "ReLU", "b", "b") +
                             one("d", "Custom", "b", "d", "custom_param { shape { dim: 1 dim: 4 } }");
  CHECK(first(before) == "none");
  CHECK(first(before + one("e", "ReLU6", "d", "d") + one("f", "Mish", "d", "f")) == "f");
  CHECK(first(before + one("e", "ReLU6", "d", "e")) == "e");
  CHECK(first(one("m", "Mish", "data", "m") + one("a", "ArgMax", "m", "n")) == "m");
}

}  // namespace host_layers_test
