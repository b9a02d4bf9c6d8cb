// Inputs that differ little and change the outputs nevertheless; and those that differ and do not.
#include <nniesim/debug/rules/input_effect.hpp>

#include <cstdio>
#include <string>
#include <vector>

#include <nniesim/debug/diagnose.hpp>

#include "catch.hpp"
#include "support/input_faults.hpp"

using namespace nniesim;

namespace input_effect_test {

using namespace input_subjects;

namespace {

/// The chosen picture with a small difference, of strength 1 to 3: moved by a column, resized in another way, brighter.
floats nearly(const subject& s, int what, int strength) {
  input_scene scene = scene_of(s.pictures[s.chosen()], s.cfg, {1, 3, s.rows, s.columns});
  if (what == 0) return *changed_input({.bytes = byte_change::shifted, .right = strength, .border = 128}, scene);
  if (what == 1) {
    const resampling way = strength == 1   ? resampling::area
                           : strength == 2 ? resampling::nearest
                                           : resampling::nearest_centre;
    return *changed_input({.bytes = byte_change::resampled, .way = way}, scene);
  }
  for (float& v : scene.bytes) v = std::fmin(255.0F, v + 2.0F * static_cast<float>(strength));
  return *changed_input({}, scene);
}

}  // namespace

TEST_CASE("an input that differs is judged by what it does behind it", "[debug]") {
  std::size_t right = 0, all = 0;
  std::string wrong;
  std::uint32_t number = 80;
  for (const std::string& kind : kinds()) {
    subject s = made_subject(kind, number++);
    s.plan = plan_of(s.net, compile_mode::all_16bit);  // so that the input's effect stands out
    const tensor<float> fed = s.as_tensor(s.input(s.chosen()));
    const experiment_context lab = s.lab(fed);
    const run_values in_float = run_of(s.net, float_plan(s.net), nullptr, fed);
    for (int what = 0; what < 3; ++what) {
      for (int strength = 1; strength <= 3; ++strength) {
        const tensor<float> x = s.as_tensor(nearly(s, what, strength));
        const auto run = run_of(s.net, s.plan, &s.ranges, x);
        const double effect = compare(tensor_view<const float>(in_float.output(), {in_float.output().size()}),
                                      tensor_view<const float>(run.output(), {run.output().size()}))
                                  .relative_l2_error;
        const diagnosis d = diagnose(layers_as(s.net, in_float), layers_as(s.net, run), {}, &lab);
        const bool is_input = d.verdict.cause == fault::preprocessing || d.verdict.cause == fault::other_picture;
        ++all;
        // The inputs' own limit may speak where the outputs do not differ.
        const bool is_right = is_input || effect < 0.02;
        right += is_right ? 1U : 0U;
        if (!is_right) {
          wrong += detail::message("  ", kind, ", ", what, " ", strength, ", effect ", effect, ": ",
                                   to_string(d.verdict.cause), " ", d.verdict.layer, ": ", d.verdict.summary, "\n");
        }
      }
    }
    // An input whose dump alone differs a little is none.
    run_values run = run_of(s.net, s.plan, &s.ranges, fed);
    floats& shown = run.blobs[0];
    draws random(number);
    for (float& v : shown) v *= 1 + 0.002F * random.symmetric();
    const diagnosis d = diagnose(layers_as(s.net, in_float), layers_as(s.net, run), {}, &lab);
    CAPTURE(kind, d.verdict.summary);
    CHECK(d.verdict.cause != fault::preprocessing);
  }
  std::printf("small differences of inputs: %zu of %zu right\n%s", right, all, wrong.c_str());
  CHECK(static_cast<double>(right) >= 0.95 * static_cast<double>(all));
}

}  // namespace input_effect_test
