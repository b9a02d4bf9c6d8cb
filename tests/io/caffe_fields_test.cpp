#include <nniesim/io/caffe_fields.hpp>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/caffe_text.hpp"

using namespace nniesim;

namespace caffe_fields_test {

namespace {

using detail::caffe_fields;

/// What is wrong once `read` has read a message of this text; "" for nothing.
template <class Read>
std::string problems_of(const std::string& text, const Read& read) {
  const prototxt_message message = parse_prototxt(text, "net");
  detail::caffe_problems problems;
  caffe_fields fields(&message, message.where(), problems);
  read(fields);
  const std::string found = caffe_text::problem_of([&] {
    problems.throw_any();
    return 0;
  });
  return found == "(no parse_error)" ? "" : found;
}
/// What `read` reads, where nothing is wrong.
template <class Read>
auto value_of(const std::string& text, const Read& read) {
  std::optional<decltype(read(std::declval<caffe_fields&>()))> value;
  CHECK(problems_of(text, [&](caffe_fields& f) { value = read(f); }).empty());
  return *value;
}

using pair = std::array<std::size_t, 2>;

}  // namespace

TEST_CASE("a field that is missing has its default, and one that cannot be read is a problem", "[caffe]") {
  const auto read = [](caffe_fields& f) { return f.integer<int>("n", 7, -2, 9); };
  CHECK(value_of("", read) == 7);
  CHECK(value_of("n: -2", read) == -2);
  CHECK_THAT(problems_of("n: 10", read), contains("net:1:1: n: got '10'"));
  CHECK_THAT(problems_of("n: 3 n: 4", read), contains("n"));
  CHECK_THAT(problems_of("n { }", read), contains("n"));
  CHECK(value_of("r: 0.5", [](caffe_fields& f) { return f.real("r", 1.0F); }) == 0.5F);
  CHECK_THAT(problems_of("r: nan", [](caffe_fields& f) { (void)f.real("r", 1.0F); }), contains("r: got 'nan'"));
  CHECK(value_of("", [](caffe_fields& f) { return f.boolean("b", true); }));
  CHECK_THAT(problems_of("b: 3", [](caffe_fields& f) { (void)f.boolean("b", true); }), contains("b: got '3'"));
  CHECK_THAT(problems_of("", [](caffe_fields& f) { (void)f.count("n"); }), contains("got no n, expected one"));
  CHECK_THAT(problems_of("n: 0", [](caffe_fields& f) { (void)f.count("n"); }), contains("n: got '0'"));
  CHECK_THAT(problems_of("s: ''", [](caffe_fields& f) { (void)f.string("s"); }),
             contains("s: got an empty string, expected a name"));
  // Those of a message that is not there are defaults, too.
  CHECK(value_of("", [](caffe_fields& f) { return f.fields("p").integer<int>("n", 3, 0, 9); }) == 3);
  CHECK(value_of("p { n: 4 }", [](caffe_fields& f) { return f.fields("p").integer<int>("n", 3, 0, 9); }) == 4);
}

TEST_CASE("a pair is one number, two, or a field for each, not mixed", "[caffe]") {
  const auto read = [](std::optional<std::size_t> fallback, std::size_t low) {
    return [=](caffe_fields& f) { return f.pair("k", "k_h", "k_w", fallback, low); };
  };
  CHECK(value_of("", read(1, 1)) == pair{1, 1});
  CHECK(value_of("k: 3", read(1, 1)) == pair{3, 3});
  CHECK(value_of("k: 3 k: 5", read(1, 1)) == pair{3, 5});
  CHECK(value_of("k_w: 5 k_h: 3", read(1, 1)) == pair{3, 5});
  CHECK(value_of("k_w: 5", read(0, 0)) == pair{0, 5});
  CHECK_THAT(problems_of("", read(std::nullopt, 1)), contains("got no k, expected it, or k_h and k_w"));
  CHECK_THAT(problems_of("k_w: 5", read(1, 1)), contains("got only one of k_h and k_w, expected both or k"));
  CHECK_THAT(problems_of("k: 1 k_h: 1 k_w: 1", read(1, 1)), contains("got k beside k_h or k_w"));
  CHECK_THAT(problems_of("k: 1 k: 2 k: 3", read(1, 1)), contains("got 3 values of k, expected 1 or 2"));
  CHECK_THAT(problems_of("k: 0", read(1, 1)), contains("k: got '0'"));
}

TEST_CASE("of two names for one field one may be there", "[caffe]") {
  const auto axis = [](caffe_fields& f) { return f.axis_or("concat_dim"); };
  CHECK(value_of("", axis) == 1);
  CHECK(value_of("axis: -2", axis) == -2);
  CHECK(value_of("concat_dim: 2", axis) == 2);
  CHECK_THAT(problems_of("axis: 1 concat_dim: 1", axis), contains("got axis and concat_dim, expected one of them"));
  CHECK_THAT(problems_of("axis: 9", axis), contains("axis: got '9'"));
  const auto axes = [](caffe_fields& f) { return f.of_axes<int>("order", 0, 7); };
  CHECK(value_of("order: [3, 1]", axes) == std::vector<int>{3, 1});
  CHECK(value_of("order: [0, 0, 0, 0, 0, 0, 0, 0]", axes).size() == 8);
  CHECK_THAT(problems_of("order: [0, 0, 0, 0, 0, 0, 0, 0, 0]", axes), contains("got 9 order, expected at most 8"));
}

TEST_CASE("shapes have 1 to 8 extents, and no more elements than there can be", "[caffe]") {
  const auto read = [](caffe_fields& f) { return f.shapes("shape"); };
  CHECK(value_of("shape { dim: [2, 3] } shape { dim: 4 }", read) ==
        std::vector<tensor_shape>{tensor_shape{2, 3}, tensor_shape{4}});
  CHECK_THAT(problems_of("shape { }", read), contains("shape: got 0 dim, expected 1 to 8"));
  CHECK_THAT(problems_of("shape { dim: [1, 1, 1, 1, 1, 1, 1, 1, 1] }", read), contains("got 9 dim"));
  CHECK_THAT(problems_of("shape { dim: 0 }", read), contains("dim: got '0'"));
  const std::string most = "2147483647";
  CHECK_THAT(problems_of("shape { dim: [" + most + ", " + most + ", " + most + "] }", read), contains("elements in"));
  CHECK_THAT(problems_of("",
                         [](caffe_fields& f) {
                           CHECK(f.shape({1U << 31U, 1U << 31U, 4}) == tensor_shape{});
                         }),
             contains("elements in"));
}

TEST_CASE("problems are told with their layer, unknown types first, and not without end", "[caffe]") {
  const prototxt_message message = parse_prototxt("a: 1", "net");
  detail::caffe_problems problems;
  CHECK_NOTHROW(problems.throw_any());
  problems.enter("conv");
  problems.add("net:3:1: first");
  problems.enter("");
  problems.add("net:4:1: second");
  problems.add_missing("Foo", message.where(), "x");
  problems.add_missing("Foo", message.where(), "y");
  CHECK(problems.count() == 4);
  const auto told = [&] {
    return caffe_text::problem_of([&] {
      problems.throw_any();
      return 0;
    });
  };
  CHECK(told() ==
        "2 layers of type 'Foo', which is not supported, the first at net:1:1 (layer 'x')\n"
        "net:3:1: first (layer 'conv')\nnet:4:1: second");
  for (int i = 0; i < 60; ++i) problems.add("more");
  CHECK_THAT(told(), contains("\n... and 12 more"));
}

TEST_CASE("what says how to train is no unread field", "[caffe]") {
  const prototxt_message message = parse_prototxt("weight_filler { type: 'x' } engine: CUDNN mine: 1", "net");
  detail::caffe_problems problems;
  const caffe_fields fields(&message, message.where(), problems);
  REQUIRE(message.unread().size() == 1);
  CHECK(message.unread()[0].path == "mine");
  fields.ignore("mine");
  CHECK(message.unread().empty());
}

}  // namespace caffe_fields_test
