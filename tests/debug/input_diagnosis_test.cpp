// Inputs that are among the dumps, in whole diagnoses: what was done to them is the verdict, and no layer behind them
// is accused.
#include <nniesim/debug/input_check.hpp>

#include <cstdio>
#include <string>
#include <vector>

#include <nniesim/debug/diagnose.hpp>

#include "catch.hpp"
#include "support/input_faults.hpp"

using namespace nniesim;

namespace input_diagnosis_test {

using namespace input_subjects;

namespace {

bool is_input_fault(const finding& f) { return f.cause == fault::preprocessing || f.cause == fault::other_picture; }
bool advises_vendor(const finding& f) {
  for (const std::string c : f.change) {
    if (c.find("vendor") != std::string::npos) return true;
  }
  return false;
}

struct score {
  std::size_t right = 0, all = 0;
  std::string wrong;
  void add(bool is_right, const std::string& what, const diagnosis& d) {
    ++all;
    if (is_right) {
      ++right;
      return;
    }
    wrong +=
        detail::message("  ", what, ": ", to_string(d.verdict.cause), " '", d.verdict.layer, "': ", d.verdict.summary);
    for (const finding& f : d.also) wrong += detail::message("; also ", to_string(f.cause), " '", f.layer, "'");
    wrong += "\n";
  }
};

}  // namespace

TEST_CASE("what was done to an input that is shown is the verdict, and no layer is accused", "[debug][long]") {
  score with_lab, reference_wrong, folders;
  std::uint32_t number = 200;
  for (const std::string& kind : kinds()) {
    const subject s = made_subject(kind, number++);
    const tensor<float> fed = s.as_tensor(s.input(s.chosen()));
    const experiment_context lab = s.lab(fed);
    const run_values in_float = run_of(s.net, float_plan(s.net), nullptr, fed);
    const run_values own = run_of(s.net, s.plan, &s.ranges, fed);
    for (const planted& p : input_faults()) {
      if (!p.applies(s)) continue;
      const tensor<float> x = s.as_tensor(p.input(s));
      const auto other = layers_as(s.net, run_of(s.net, s.plan, &s.ranges, x));
      const auto is_right = [&](const diagnosis& d) {
        bool accuses = advises_vendor(d.verdict);
        for (const finding& f : d.also) accuses = accuses || f.cause == fault::suspect_layer || advises_vendor(f);
        return is_input_fault(d.verdict) && !accuses;
      };
      const std::string what = detail::message(kind, ", ", p.name);
      diagnosis d = diagnose(layers_as(s.net, in_float), other, {}, &lab);
      with_lab.add(is_right(d), what, d);
      if (number % 2 == 0) {  // the other two by turns, for the time that they take
        d = diagnose(layers_as(s.net, in_float), other);
        folders.add(is_input_fault(d.verdict), what, d);
        continue;
      }
      d = diagnose(layers_as(s.net, run_of(s.net, float_plan(s.net), nullptr, x)), layers_as(s.net, own), {}, &lab);
      reference_wrong.add(is_right(d), what, d);
    }
    const diagnosis d = diagnose(layers_as(s.net, in_float), layers_as(s.net, own), {}, &lab);
    CAPTURE(kind, d.verdict.summary);
    CHECK_FALSE(is_input_fault(d.verdict));
  }
  const auto tell = [](const char* what, const score& s) {
    std::printf("%s: %zu of %zu right\n%s", what, s.right, s.all, s.wrong.c_str());
    CHECK(static_cast<double>(s.right) >= 0.95 * static_cast<double>(s.all));
  };
  tell("other run's inputs", with_lab);
  tell("reference's inputs", reference_wrong);
  tell("inputs of folders alone", folders);
}

TEST_CASE("an interleaved buffer whose content looks like the planar one does not accuse the first layer", "[debug]") {
  // Dark pictures whose means differ: the content of the two layouts is alike, and matching takes one for the other.
  subject s = made_subject("chain", 301);
  s.cfg = {cfg_norm_type::channel_means_scale, channel_order::rgb, 0.017, {123.68F, 116.78F, 103.94F}};
  for (image& p : s.pictures) {
    for (std::uint8_t& v : p.pixels) v = static_cast<std::uint8_t>(v / 6);
  }
  calibrator c(s.net, s.plan);
  for (std::size_t p = 0; p < s.pictures.size(); ++p) c.add(s.as_tensor(s.input(p)));
  s.ranges = c.ranges();
  const tensor<float> fed = s.as_tensor(s.input(s.chosen()));
  const experiment_context lab = s.lab(fed);
  const auto x = s.as_tensor(by_cfg(s, interleaved(s, own_bytes(s))));
  const diagnosis d = diagnose(layers_as(s.net, run_of(s.net, float_plan(s.net), nullptr, fed)),
                               layers_as(s.net, run_of(s.net, s.plan, &s.ranges, x)), {}, &lab);
  CAPTURE(d.verdict.summary, d.verdict.evidence);
  CHECK(d.verdict.cause == fault::preprocessing);
  CHECK_THAT(d.verdict.summary.text("change"), contains("interleaved buffer"));
  for (const finding& f : d.also) CHECK(f.cause != fault::suspect_layer);
}

}  // namespace input_diagnosis_test
