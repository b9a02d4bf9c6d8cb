#include <nniesim/io/caffe_padding.hpp>

#include <array>
#include <string>

#include "catch.hpp"
#include "support/caffe_text.hpp"

using namespace nniesim;

namespace caffe_padding_test {

namespace {

using numbers = std::array<std::size_t, 4>;

detail::caffe_padding read(const std::string& text) {
  const prototxt_message message = parse_prototxt(text, "net");
  detail::caffe_problems problems;
  detail::caffe_fields fields(&message, message.where(), problems);
  const detail::caffe_padding result = detail::read_caffe_padding(fields);
  problems.throw_any();
  return result;
}
std::string problem(const std::string& text) {
  return caffe_text::problem_of([&] { return read(text); });
}
/// Top, left, bottom, right.
numbers sides(const padding& p) { return {p.top, p.left, p.bottom, p.right}; }

}  // namespace

TEST_CASE("padding is one number, rows and columns, or four sides", "[caffe]") {
  CHECK(sides(read("").sides) == numbers{0, 0, 0, 0});
  CHECK(sides(read("pad: 3").sides) == numbers{3, 3, 3, 3});
  CHECK(sides(read("pad: 1 pad: 2").sides) == numbers{1, 2, 1, 2});
  CHECK(sides(read("pad_h: 1 pad_w: 2").sides) == numbers{1, 2, 1, 2});
  CHECK(sides(read("pad_w: 2").sides) == numbers{0, 2, 0, 2});
  CHECK(sides(read("pad_l: 1 pad_r: 2 pad_t: 3 pad_b: 4").sides) == numbers{3, 1, 4, 2});
  CHECK(sides(read("pad_r: 2").sides) == numbers{0, 0, 0, 2});
  // Converters write zeros beside what counts.
  CHECK(sides(read("pad: 0 pad_b: 4").sides) == numbers{0, 0, 4, 0});
  CHECK(sides(read("pad: 1 pad_l: 0 pad_r: 0 pad_t: 0 pad_b: 0 pad_type: 0").sides) == numbers{1, 1, 1, 1});
  CHECK_FALSE(read("pad_type: VALID").same);
  CHECK(read("pad_type: SAME pad: 0").same);
}

TEST_CASE("padding that says two things, or is no number, is refused", "[caffe]") {
  CHECK_THAT(problem("pad: 1 pad_l: 1"), contains("got pad beside pad_l, pad_r, pad_t or pad_b, expected one kind"));
  CHECK_THAT(problem("pad_h: 1 pad_t: 1"), contains("got pad beside pad_l"));
  CHECK_THAT(problem("pad: 1 pad_type: 1"), contains("got pad_type 1 beside padding in numbers"));
  CHECK_THAT(problem("pad_b: 1 pad_type: SAME"), contains("got pad_type 1 beside padding in numbers"));
  CHECK_THAT(problem("pad: 1 pad_h: 1"), contains("got pad beside pad_h or pad_w"));
  CHECK_THAT(problem("pad: 1 pad: 1 pad: 1"), contains("got 3 values of pad, expected 1 or 2"));
  CHECK_THAT(problem("pad_l: -1"), contains("pad_l: got '-1'"));
  CHECK_THAT(problem("pad_l: 2147483648"), contains("pad_l: got '2147483648'"));
  CHECK_THAT(problem("pad_t: 1.5"), contains("pad_t: got '1.5'"));
  CHECK_THAT(problem("pad_type: 2"), contains("pad_type: got '2'"));
}

TEST_CASE("pad_type 1 pads as much as makes the output the input over the stride, rounded up", "[caffe]") {
  detail::caffe_padding same;
  same.same = true;
  for (std::size_t size = 1; size < 20; ++size) {
    for (std::size_t kernel = 1; kernel < 8; ++kernel) {
      for (std::size_t stride = 1; stride < 6; ++stride) {
        CAPTURE(size, kernel, stride);
        const padding p = same.on({1, 1, size, 7}, {kernel, 1}, {stride, 1});
        CHECK((p.left == 0 && p.right == 0));
        const std::size_t padded = size + p.top + p.bottom, wanted = (size + stride - 1) / stride;
        REQUIRE(padded >= kernel);
        CHECK((padded - kernel) / stride + 1 == wanted);
        // No row more than that takes, and the odd one behind.
        CHECK((p.bottom == p.top || p.bottom == p.top + 1));
        if (p.bottom != 0) CHECK((padded - 1 < kernel || (padded - 1 - kernel) / stride + 1 < wanted));
      }
    }
  }
  const padding columns = same.on({1, 1, 9, 8}, {1, 3}, {1, 2});
  CHECK(sides(columns) == numbers{0, 0, 0, 1});
  CHECK(sides(read("pad: 2").on({1, 1, 9, 9}, {3, 3}, {1, 1})) == numbers{2, 2, 2, 2});
}

}  // namespace caffe_padding_test
