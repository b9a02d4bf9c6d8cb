#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <nniesim/io/yuv.hpp>
#include <vector>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace yuv_test {

namespace {

using triple = std::array<std::uint8_t, 3>;

/// BT.601's definition in studio range, from its luma weights alone.
std::array<double, 3> defined(const triple& rgb) {
  const double r = rgb[0] / 255.0, g = rgb[1] / 255.0, b = rgb[2] / 255.0, y = 0.299 * r + 0.587 * g + 0.114 * b;
  return {16 + 219 * y, 128 + 112 * (b - y) / (1 - 0.114), 128 + 112 * (r - y) / (1 - 0.299)};
}

image noise(std::size_t rows, std::size_t columns, draws& d) {
  image picture{rows, columns, {}};
  for (std::size_t i = 0; i < rows * columns * 3; ++i) {
    picture.pixels.push_back(static_cast<std::uint8_t>(d.between(0, 255)));
  }
  return picture;
}

/// Another policy, that loses nothing.
struct as_it_is {
  static triple encode(std::uint8_t a, std::uint8_t b, std::uint8_t c) { return {a, b, c}; }
  static triple decode(std::uint8_t a, std::uint8_t b, std::uint8_t c) { return {a, b, c}; }
};

}  // namespace

TEST_CASE("the integers are BT.601's within a unit", "[io]") {
  CHECK(bt601_studio::encode(255, 255, 255) == triple{235, 128, 128});
  CHECK(bt601_studio::encode(0, 0, 0) == triple{16, 128, 128});
  CHECK(bt601_studio::encode(255, 0, 0) == triple{82, 90, 240});
  CHECK(bt601_studio::encode(0, 0, 255) == triple{41, 240, 110});
  CHECK(bt601_studio::decode(235, 128, 128) == triple{254, 254, 254});  // 298 * 219 / 256, cut
  CHECK(bt601_studio::decode(16, 128, 128) == triple{0, 0, 0});
  CHECK(bt601_studio::decode(81, 90, 240) == triple{254, 0, 0});
  CHECK(bt601_studio::decode(255, 255, 255) == triple{255, 125, 255});
  for (int r = 0; r < 256; r += 5) {
    for (int g = 0; g < 256; g += 5) {
      for (int b = 0; b < 256; b += 5) {
        const triple rgb = {static_cast<std::uint8_t>(r), static_cast<std::uint8_t>(g), static_cast<std::uint8_t>(b)};
        const triple yuv = bt601_studio::encode(rgb[0], rgb[1], rgb[2]);
        const std::array<double, 3> right = defined(rgb);
        double off = 0, back = 0;
        for (std::size_t k = 0; k < 3; ++k) off = std::max(off, std::abs(yuv[k] - right[k]));
        const triple again = bt601_studio::decode(yuv[0], yuv[1], yuv[2]);
        for (std::size_t k = 0; k < 3; ++k) back = std::max(back, std::abs(double(again[k]) - double(rgb[k])));
        if (off > 1.0 || back > 4.0) FAIL(r << ' ' << g << ' ' << b << ": off by " << off << ", back by " << back);
      }
    }
  }
}

TEST_CASE("blocks share the mean of their colours, in the order of the vendor's types", "[io]") {
  // Values of the policy that keeps all: U of 2 x 3 pixels 1 2 10 / 3 5 20, V 10 of all but one.
  const image picture = {2, 3, {7, 1, 10, 8, 2, 10, 9, 10, 10, 6, 3, 10, 5, 5, 11, 4, 20, 10}};
  const yuv_picture two = to_yuv<as_it_is>(picture, yuv_sampling::yuv420);
  CHECK(two.luma == std::vector<std::uint8_t>{7, 8, 9, 6, 5, 4});
  CHECK(two.colour == std::vector<std::uint8_t>{10, 3, 10, 15});  // V U V U; 11 / 4 up, 30 / 2; 41 / 4 down
  const yuv_picture one = to_yuv<as_it_is>(picture, yuv_sampling::yuv422, yuv_order::uv);
  CHECK(one.colour == std::vector<std::uint8_t>{2, 10, 10, 10, 4, 11, 20, 10});
  CHECK(from_yuv<as_it_is>(one).pixels ==
        std::vector<std::uint8_t>{7, 2, 10, 8, 2, 10, 9, 10, 10, 6, 4, 11, 5, 4, 11, 4, 20, 10});
  CHECK(through_yuv<as_it_is>(picture, yuv_sampling::yuv420).pixels ==
        std::vector<std::uint8_t>{7, 3, 10, 8, 3, 10, 9, 15, 10, 6, 3, 10, 5, 3, 10, 4, 15, 10});
}

TEST_CASE("what is lost is little in flat pictures, much in coloured noise, less at 4:2:2", "[io]") {
  draws d(4);
  const image picture = noise(16, 18, d);
  const auto loss = [](const image& a, const image& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::pow(double(a.pixels[i]) - double(b.pixels[i]), 2);
    return std::sqrt(sum / static_cast<double>(a.pixels.size()));
  };
  const double at420 = loss(picture, through_yuv(picture, yuv_sampling::yuv420));
  const double at422 = loss(picture, through_yuv(picture, yuv_sampling::yuv422));
  CHECK(at420 > at422);
  CHECK(at422 > 20);
  image flat{5, 7, {}};
  for (std::size_t i = 0; i < 35; ++i) flat.pixels.insert(flat.pixels.end(), {200, 90, 30});
  CHECK(loss(flat, through_yuv(flat, yuv_sampling::yuv420)) < 3);
  CHECK(through_yuv(flat, yuv_sampling::yuv420) == through_yuv(flat, yuv_sampling::yuv422));
}

TEST_CASE("planes and pictures of other sizes are refused", "[io]") {
  CHECK_THROWS_AS(to_yuv(image{}, yuv_sampling::yuv420), shape_error);
  CHECK_THROWS_WITH(to_yuv(image{2, 2, {1}}, yuv_sampling::yuv420), contains("got 1 bytes for 2 x 2 pixels"));
  yuv_picture p = to_yuv(image{2, 2, std::vector<std::uint8_t>(12)}, yuv_sampling::yuv420);
  p.colour.pop_back();
  CHECK_THROWS_WITH(from_yuv(p), contains("got 4 and 1 bytes for 2 x 2 pixels, expected 4 and 2"));
}

}  // namespace yuv_test
