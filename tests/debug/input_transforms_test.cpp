// The list of what can be done to an input, on inputs small enough to be written down.
#include <nniesim/debug/input_transforms.hpp>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/input_subjects.hpp"

using namespace nniesim;

namespace input_transforms_test {

namespace {

using floats = std::vector<float>;

/// Bytes 0, 1, 2 ... of 3 channels of 2 x 4.
input_scene counted() {
  input_scene s{3, 2, 4, {}, {}, {}};
  for (std::size_t i = 0; i < s.size(); ++i) s.bytes.push_back(static_cast<float>(i));
  return s;
}
floats bytes_of(const input_change& c, const input_scene& s) {
  const auto y = changed_bytes(c, s);
  REQUIRE(y);
  REQUIRE(y->size() == s.size());
  return *y;
}

}  // namespace

TEST_CASE("changes of places", "[debug]") {
  const input_scene s = counted();
  CHECK(bytes_of({}, s) == s.bytes);
  CHECK(bytes_of({.reversed = true}, s) ==
        floats{16, 17, 18, 19, 20, 21, 22, 23, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(bytes_of({.bytes = byte_change::reordered, .order = {1, 2, 0}}, s)[0] == 8);
  // H x W x C: (0, 8, 16), (1, 9, 17) ...
  const floats interleaved = bytes_of({.bytes = byte_change::interleaved_as_planar}, s);
  CHECK(floats(interleaved.begin(), interleaved.begin() + 6) == floats{0, 8, 16, 1, 9, 17});
  const floats planar = bytes_of({.bytes = byte_change::planar_as_interleaved}, s);
  CHECK(floats(planar.begin(), planar.begin() + 4) == floats{0, 3, 6, 9});
  // Each undoes the other.
  input_scene once = s;
  once.bytes = interleaved;
  CHECK(bytes_of({.bytes = byte_change::planar_as_interleaved}, once) == s.bytes);
  CHECK(bytes_of({.bytes = byte_change::mirrored}, s)[0] == 3);
  CHECK(bytes_of({.bytes = byte_change::flipped}, s)[0] == 4);
  CHECK(bytes_of({.bytes = byte_change::rotated}, s)[0] == 7);
  const floats padded = bytes_of({.bytes = byte_change::rows_padded, .stride = 6, .border = -1}, s);
  CHECK(floats(padded.begin(), padded.begin() + 8) == floats{0, 1, 2, 3, -1, -1, 4, 5});
  const floats unpadded = bytes_of({.bytes = byte_change::rows_unpadded, .stride = 6, .border = -1}, s);
  CHECK(floats(unpadded.begin(), unpadded.begin() + 8) == floats{0, 1, 2, 3, 6, 7, 8, 9});
  CHECK(unpadded.back() == -1);
  const floats shifted = bytes_of({.bytes = byte_change::shifted, .right = 1, .down = -1, .border = 9}, s);
  CHECK(floats(shifted.begin(), shifted.begin() + 8) == floats{9, 4, 5, 6, 9, 9, 9, 9});
  // A plane that holds W rows of H.
  const floats turned = bytes_of({.bytes = byte_change::transposed}, s);
  CHECK(floats(turned.begin(), turned.begin() + 8) == floats{0, 4, 1, 5, 2, 6, 3, 7});
  CHECK_FALSE(changed_bytes({.bytes = byte_change::reordered, .order = {0}}, s));
  CHECK_FALSE(changed_bytes({.bytes = byte_change::letterboxed}, s));  // no picture
  CHECK_FALSE(changed_bytes({.bytes = byte_change::rows_padded}, s));  // no stride
}

TEST_CASE("changes of values", "[debug]") {
  input_scene s;
  s.channels = 3;
  s.known = {cfg_norm_type::channel_means_scale, channel_order::rgb, 0.5, {10, 20, 30}};
  s.bytes = {200, 100, 20};
  const auto with = [&](value_change v) { return *changed_input({.values = v}, s); };
  CHECK(with(value_change::none) == floats{95, 40, -5});
  CHECK(with(value_change::mean_missing) == floats{100, 50, 10});
  CHECK(with(value_change::scale_missing) == floats{190, 80, -10});
  CHECK(with(value_change::mean_and_scale_missing) == floats{200, 100, 20});
  CHECK(with(value_change::mean_twice) == floats{90, 30, -20});
  CHECK(with(value_change::scale_twice) == floats{47.5F, 20, -2.5F});
  CHECK(with(value_change::normalized_twice) == floats{42.5F, 10, -17.5F});
  CHECK(with(value_change::scale_before_mean) == floats{90, 30, -20});
  CHECK(with(value_change::means_reversed) == floats{85, 40, 5});
  CHECK(with(value_change::inverted) == floats{22.5F, 67.5F, 102.5F});
  CHECK(*changed_input({.values = value_change::other, .mean = {}, .scale = 2}, s) == floats{400, 200, 40});
  CHECK(*changed_input({.bytes = byte_change::signed_bytes}, s) == floats{-33, 40, -5});
  CHECK(*changed_input({.bytes = byte_change::clipped}, s) == floats{95, 40, 0});
  CHECK(*changed_input({.bytes = byte_change::wrapped}, s) == floats{95, 40, 123});
  CHECK(*changed_input({.bytes = byte_change::constant, .border = 0}, s) == floats{-5, -10, -15});
  const floats grey = bytes_of({.bytes = byte_change::grey}, s);
  CHECK(grey == floats{121, 121, 121});
}

TEST_CASE("a scene from an input undoes mean and scale", "[debug]") {
  const known_preprocessing cfg{
      cfg_norm_type::channel_means_scale, channel_order::rgb, 0.017, {123.68F, 116.78F, 103.94F}};
  input_scene s = counted();
  s.known = cfg;
  const floats x = *changed_input({}, s);
  CHECK(scene_of(x, cfg, {1, 3, 2, 4}).bytes == s.bytes);
  CHECK(scene_of(floats{1, 2}, {}, {1, 2}).plane() == 2);
  CHECK_THROWS_AS(scene_of(floats{1, 2}, {}, {1, 3}), shape_error);
}

TEST_CASE("resampling keeps what is even, and halves as it should", "[debug]") {
  image even{6, 8, std::vector<std::uint8_t>(6 * 8 * 3, 77)};
  image steps{1, 4, {0, 0, 0, 10, 10, 10, 20, 20, 20, 30, 30, 30}};
  for (const resampling way : {resampling::bilinear, resampling::nearest, resampling::nearest_centre,
                               resampling::corners, resampling::bicubic, resampling::area, resampling::smoothed}) {
    CAPTURE(to_string(way));
    const image small = detail::resampled(even, 3, 5, way);
    CHECK(small.rows == 3);
    CHECK(small.columns == 5);
    CHECK(std::set<std::uint8_t>(small.pixels.begin(), small.pixels.end()) == std::set<std::uint8_t>{77});
    CHECK(detail::resampled(even, 6, 8, way) == even);
  }
  CHECK(detail::resampled(steps, 1, 2, resampling::nearest).pixels[3] == 20);
  CHECK(detail::resampled(steps, 1, 2, resampling::area).pixels[0] == 5);
  CHECK(detail::resampled(steps, 1, 2, resampling::corners).pixels[3] == 30);
}

TEST_CASE("a letterbox has borders and a crop has none", "[debug]") {
  const image p = input_subjects::drawn_picture(3, 20, 40);
  const input_scene s = scene_of(p, {}, {1, 3, 20, 20});
  const floats boxed = bytes_of({.bytes = byte_change::letterboxed, .border = 300}, s);
  CHECK(std::count(boxed.begin(), boxed.end(), 300.0F) == 3 * 20 * 10);
  CHECK(boxed[0] == 300);
  const floats corner = bytes_of({.bytes = byte_change::letterboxed, .centred = false, .border = 300}, s);
  CHECK(corner[0] != 300);
  CHECK(corner.back() == 300);
  const floats cropped = bytes_of({.bytes = byte_change::cropped}, s);
  CHECK(cropped[0] == static_cast<float>(p.pixels[10 * 3 + 2]));  // blue of the eleventh column
}

TEST_CASE("every change of the list is possible and different, and has words of its own", "[debug]") {
  for (std::uint32_t i = 0; i < 5; ++i) {
    const auto s = input_subjects::made_subject("tiny", i);
    const input_scene scene = scene_of(s.pictures[0], s.cfg, {1, 3, s.rows, s.columns});
    std::set<std::string> texts;
    std::size_t count = 0;
    for (const auto breadth : {change_breadth::single, change_breadth::pairs}) {
      for (const input_change& c : input_changes(scene, breadth)) {
        CAPTURE(to_string(c, scene));
        const auto x = changed_input(c, scene);
        REQUIRE(x);
        CHECK(x->size() == scene.size());
        ++count;
        texts.insert(detail::message(to_string(c, scene), c.after, c.border));
      }
    }
    CHECK(texts.size() + 24 >= count);  // ways to one stride share words
    CHECK(to_string(input_change{}, scene) == "as the cfg says");
  }
}

}  // namespace input_transforms_test
