// What was done to an input that is shown: faults made by hand from pictures that the test draws.
#include <nniesim/debug/input_explanation.hpp>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/input_faults.hpp"

using namespace nniesim;

namespace input_explanation_test {

using namespace input_subjects;

namespace {

struct score {
  std::size_t right = 0, all = 0;
  std::string wrong;
  void add(bool is_right, const std::string& what, const input_explanation& e, const input_scene& s) {
    ++all;
    if (is_right) {
      ++right;
      return;
    }
    wrong += detail::message("  ", what, ": ", e.holds ? to_string(e.change, s) : "not explained", ", left ", e.left,
                             ", as it is ", e.as_it_is, "\n");
  }
};

}  // namespace

TEST_CASE("an input that is shown is explained on its bytes", "[debug][long]") {
  score with_cfg, without;
  for (std::uint32_t number = 0; number < 6; ++number) {
    const subject s = made_subject("tiny", number);
    const input_scene scene = scene_of(s.pictures[s.chosen()], s.cfg, {1, 3, s.rows, s.columns});
    REQUIRE(*changed_input({}, scene) == s.input(s.chosen()));
    const input_scene bare = scene_of(s.input(s.chosen()), known_preprocessing{}, {1, 3, s.rows, s.columns});
    for (const planted& p : input_faults()) {
      if (!p.applies(s) || !p.is_shown) continue;
      const floats x = p.input(s);
      const std::string what = detail::message(p.name, ", subject ", number);
      const input_explanation e = explain_input(scene, x);
      with_cfg.add(e.holds && p.is_right(e.change), what, e, scene);
      if (!p.is_of_places) continue;
      const input_explanation f = explain_input(bare, x, false);
      without.add(f.holds && p.is_right(f.change), what, f, bare);
    }
    CHECK(explain_input(scene, s.input(s.chosen())).change.is_none());
    CHECK_FALSE(explain_input(scene, s.input(0)).holds);  // another picture
  }
  std::printf("inputs with the cfg: %zu of %zu right\n%s", with_cfg.right, with_cfg.all, with_cfg.wrong.c_str());
  std::printf("inputs without: %zu of %zu right\n%s", without.right, without.all, without.wrong.c_str());
  CHECK(static_cast<double>(with_cfg.right) >= 0.95 * static_cast<double>(with_cfg.all));
  CHECK(static_cast<double>(without.right) >= 0.95 * static_cast<double>(without.all));
}

TEST_CASE("a buffer that was not filled", "[debug]") {
  const subject s = made_subject("tiny", 1);
  const input_scene scene = scene_of(s.pictures[0], s.cfg, {1, 3, s.rows, s.columns});
  floats x(scene.size(), 0.0F);
  input_explanation e = explain_input(scene, x);
  CHECK(e.holds);
  CHECK(e.change.bytes == byte_change::constant);
  x = s.normalized(x, s.cfg.mean, s.cfg.scale);  // one value in each channel
  e = explain_input(scene, x);
  CHECK(e.holds);
  CHECK(e.change.bytes == byte_change::constant);
  CHECK(std::fabs(e.change.border) < 1e-3);
  input_scene empty = scene;
  std::fill(empty.bytes.begin(), empty.bytes.end(), 7.0F);
  CHECK_FALSE(explain_input(empty, x).holds);  // both are
}

TEST_CASE("inputs of another size or without numbers explain nothing", "[debug]") {
  const subject s = made_subject("tiny", 1);
  const input_scene scene = scene_of(s.pictures[0], s.cfg, {1, 3, s.rows, s.columns});
  CHECK_FALSE(explain_input(scene, floats(5)).holds);
  CHECK_FALSE(explain_input(scene, {}).holds);
  floats x = s.input(0);
  x[3] = std::nanf("");
  CHECK_FALSE(explain_input(scene, x).holds);
}

TEST_CASE("the border of a letterbox and the way of a shift are told", "[debug]") {
  const subject s = made_subject("tiny", 1);
  const input_scene scene = scene_of(s.pictures[s.chosen()], s.cfg, {1, 3, s.rows, s.columns});
  const floats x = *changed_input({.bytes = byte_change::letterboxed, .border = 77}, scene);
  input_explanation e = explain_input(scene, x);
  CHECK(e.change.bytes == byte_change::letterboxed);
  CHECK(e.change.border == 77);
  e = explain_input(scene, *changed_input({.bytes = byte_change::shifted, .right = -3, .down = 2, .border = 9}, scene));
  CHECK(e.change.bytes == byte_change::shifted);
  CHECK(e.change.right == -3);
  CHECK(e.change.down == 2);
  CHECK(e.change.border == 9);
}

}  // namespace input_explanation_test
