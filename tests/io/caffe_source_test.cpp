#include <nniesim/io/caffe_source.hpp>

#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace caffe_source_test {

namespace {

using detail::caffe_learned;

caffe_layer layer_of(const std::string& name, const std::vector<tensor_shape>& shapes) {
  caffe_layer l;
  l.name = name;
  for (const tensor_shape& s : shapes) l.blobs.push_back(counted(s));
  return l;
}
std::vector<tensor_view<const float>> of(caffe_learned& learned, const std::string& name,
                                         const std::vector<tensor_shape>& expected) {
  return learned.of(name, expected);
}

}  // namespace

TEST_CASE("marks are taken off a name in any order, but not the whole name", "[caffe]") {
  CHECK(caffe_learned::without_marks("conv_hp_report") == "conv");
  CHECK(caffe_learned::without_marks("conv_cpu_hp") == "conv");
  CHECK(caffe_learned::without_marks("conv_hp_x") == "conv_hp_x");
  CHECK(caffe_learned::without_marks("_hp") == "_hp");
  CHECK(caffe_learned::without_marks("_cpu_hp") == "_cpu");
  CHECK(caffe_learned::without_marks("").empty());
}

TEST_CASE("a layer's values have its name and shapes, but for axes of 1 in front", "[caffe]") {
  const caffe_model model{
      "m",
      {layer_of("a", {{1, 1, 2, 3}, {2}}), layer_of("twice", {{1}}), layer_of("twice", {{1}}), layer_of("none", {})}};
  caffe_learned learned(&model, "m");
  const auto a = of(learned, "a", {{2, 3}, {1, 2}});
  REQUIRE(a.size() == 2);
  CHECK(a[0].shape() == tensor_shape{2, 3});
  CHECK(a[0][5] == 5.0F);
  CHECK(learned.first_shape("a") == tensor_shape{1, 1, 2, 3});
  CHECK(learned.count("a") == 2U);
  CHECK_FALSE(learned.count("none"));
  CHECK_FALSE(learned.count("twice"));
  CHECK(of(learned, "none", {}).empty());
  CHECK_THROWS_WITH(of(learned, "a", {{2, 3}}), contains("got 2 learned blobs in m, expected 1"));
  CHECK_THROWS_WITH(of(learned, "a", {{3, 2}, {2}}),
                    contains("got learned blob 0 of shape 1x1x2x3 in m, expected 3x2"));
  CHECK_THROWS_WITH(of(learned, "b", {{1}}), contains("got no learned values in m, expected 1 blobs"));
  CHECK_THROWS_WITH(of(learned, "twice", {{1}}), contains("got several layers of that name"));
  caffe_learned no_model(nullptr, "m");
  CHECK_THROWS_WITH(of(no_model, "a", {{1}}), contains("got no model, expected 1 blobs"));
}

TEST_CASE("names that differ in marks share their values, one layer at a time", "[caffe]") {
  const caffe_model model{"m", {layer_of("a_hp", {{1}}), layer_of("b", {{1}}), layer_of("b_cpu", {{2}})}};
  caffe_learned learned(&model, "m");
  CHECK(of(learned, "a_report", {{1}}).size() == 1);
  CHECK_THROWS_WITH(of(learned, "a", {{1}}), contains("which layer 'a_report' has already"));
  CHECK(of(learned, "b_cpu", {{2}}).size() == 1);  // its own name comes first
  CHECK_THROWS_WITH(of(learned, "b_hp", {{1}}), contains("got learned values of 'b' and 'b_cpu' in m"));
}

TEST_CASE("without a model values are ones, as many as may be", "[caffe]") {
  caffe_learned ones(nullptr, "m", true);
  const auto values = of(ones, "any", {{2, 2}, {3}});
  CHECK(values[0].span()[3] == 1.0F);
  CHECK(values[1].size() == 3);
  const tensor<float> taken = ones.take("any", 0, {2, 2});
  CHECK(same_bits(taken, tensor<float>{{1, 1}, {1, 1}}));
  CHECK_THROWS_WITH(of(ones, "huge", {{1U << 30U}}), contains("expected at most 536870912 in all without a model"));
  CHECK_THROWS_AS(of(ones, "huge", {{(1U << 29U) - 6}}), format_error);  // 7 are given already
  const caffe_model model{"m", {layer_of("a", {{2}})}};
  caffe_learned lacking(&model, "m", false, true);
  CHECK(of(lacking, "a", {{2}})[0][1] == 1.0F);
  CHECK(lacking.lacking().empty());
  CHECK(of(lacking, "b", {{2}})[0][1] == 1.0F);
  CHECK(lacking.lacking() == std::vector<std::string>{"b"});
}

TEST_CASE("values of a model that is given away are moved, and dropped with their layer", "[caffe]") {
  caffe_model model{"m", {layer_of("a", {{2, 2}, {2}})}};
  const float* const place = model.layers[0].blobs[0].data();
  caffe_learned learned(std::move(model), "m");
  const tensor<float> taken = learned.take("a", 0, {1, 4});
  CHECK(taken.data() == place);
  CHECK(shape_of(taken) == tensor_shape{1, 4});
  learned.drop("a");
  CHECK(model.layers[0].blobs.empty());
  CHECK_FALSE(learned.first_shape("a"));
}

TEST_CASE("axes of a layer's input count from either end", "[caffe]") {
  const prototxt_message message = parse_prototxt("", "net");
  detail::caffe_problems problems;
  detail::caffe_source source{.fields = {&message, message.where(), problems}, .name = "x"};
  source.inputs = {{2, 3, 4}};
  source.problems = &problems;
  CHECK(source.axis(0) == 0);
  CHECK(source.axis(-1) == 2);
  CHECK(source.axis(-3) == 0);
  CHECK_THROWS_WITH(source.axis(3), "got axis 3 of input 2x3x4, expected -3 to 2");
  CHECK_THROWS_WITH(source.axis(-4, "end_axis"), contains("got end_axis -4"));
  CHECK(source.run_of_axes(1, 2) == tensor_shape{3, 4});
  CHECK(source.run_of_axes(2, 0) == tensor_shape{});
  CHECK_THROWS_WITH(source.run_of_axes(2, 2), contains("got num_axes 2 from axis 2 of input 2x3x4"));
  CHECK(source.channels() == 3);
  source.inputs = {{5}};
  CHECK_THROWS_WITH(source.channels(), contains("got input 5, expected batch and channels"));
  CHECK(source.ready());
  problems.add("a problem");
  CHECK_FALSE(source.ready());
}

}  // namespace caffe_source_test
