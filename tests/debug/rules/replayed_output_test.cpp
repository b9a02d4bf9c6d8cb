// Diagnoses of runs that show outputs alone.
#include <nniesim/debug/rules/replayed_output.hpp>

#include <cstdio>
#include <string>
#include <vector>

#include <nniesim/debug/diagnose.hpp>

#include "catch.hpp"
#include "support/input_faults.hpp"

using namespace nniesim;

namespace replayed_output_test {

using namespace input_subjects;

namespace {

std::vector<named_values> all_of(const network& net, const run_values& run, bool output_alone,
                                 const std::string& name = {}) {
  std::vector<named_values> list;
  for (const layer& l : net.layers) {
    const std::size_t b = l.outputs[0];
    if (output_alone && b + 1 != net.blobs.size()) continue;
    list.push_back({name.empty() ? l.name : name, net.blobs[b].shape, [v = run.blobs[b]] { return v; }});
  }
  return list;
}

fault expected_of(const planted& p) { return p.picture ? fault::other_picture : fault::preprocessing; }

}  // namespace

TEST_CASE("one output, under any name, tells what was done to the input", "[debug]") {
  std::size_t right = 0, all = 0, vendor = 0;
  std::string wrong;
  std::uint32_t number = 20;
  for (const std::string& kind : kinds()) {
    const subject s = made_subject(kind, number++);
    const tensor<float> fed = s.as_tensor(s.input(s.chosen()));
    const experiment_context lab = s.lab(fed);
    const run_values in_float = run_of(s.net, float_plan(s.net), nullptr, fed);
    const auto reference = all_of(s.net, in_float, false);
    for (const planted& p : input_faults()) {
      if (!p.applies(s)) continue;
      const auto x = run_of(s.net, s.plan, &s.ranges, s.as_tensor(p.input(s)));
      for (const char* name : {"", "seg0_layer7"}) {
        const diagnosis d = diagnose(reference, all_of(s.net, x, true, name), {}, &lab);
        ++all;
        const bool is_right = d.verdict.cause == expected_of(p) && !d.verdict.change.empty();
        right += is_right ? 1U : 0U;
        for (const std::string c : d.verdict.change) vendor += c.find("vendor") != std::string::npos ? 1U : 0U;
        if (!is_right) {
          wrong += detail::message("  ", kind, ", ", p.name, ", ", name, ": ", to_string(d.verdict.cause), ": ",
                                   d.verdict.summary, "\n");
        }
      }
    }
  }
  std::printf("diagnoses of one output: %zu of %zu right\n%s", right, all, wrong.c_str());
  CHECK(static_cast<double>(right) >= 0.95 * static_cast<double>(all));
  CHECK(vendor == 0);
}

TEST_CASE("one output that is right is no fault of the input", "[debug]") {
  std::uint32_t number = 40;
  for (const std::string& kind : kinds()) {
    const subject s = made_subject(kind, number++);
    const tensor<float> fed = s.as_tensor(s.input(s.chosen()));
    const experiment_context lab = s.lab(fed);
    const auto reference = all_of(s.net, run_of(s.net, float_plan(s.net), nullptr, fed), false);
    run_values own = run_of(s.net, s.plan, &s.ranges, fed);
    for (const bool rounds : {false, true}) {
      if (rounds) {
        draws random(3);
        for (float& v : own.blobs.back()) v += static_cast<float>(random.between(0, 1)) / 4096;
      }
      const diagnosis d = diagnose(reference, all_of(s.net, own, true, rounds ? "seg0_layer5" : ""), {}, &lab);
      CAPTURE(kind, d.verdict.summary, d.verdict.evidence);
      CHECK(d.verdict.summary.kind() != fact_kind::agree_but_output);
      CHECK(d.layers.back().result.has_value());
      CHECK(d.verdict.cause != fault::preprocessing);
      CHECK(d.verdict.cause != fault::other_picture);
      CHECK(d.verdict.cause != fault::activation_scale);
      CHECK(d.verdict.cause != fault::suspect_layer);
    }
  }
}

TEST_CASE("one output of a run in another mode, or with the ranges of one picture", "[debug]") {
  std::size_t right = 0, all = 0;
  std::string wrong;
  std::uint32_t number = 50;
  for (const std::string& kind : kinds()) {
    for (int i = 0; i < 3; ++i) {
      subject s = made_subject(kind, number++);
      const tensor<float> fed = s.as_tensor(s.input(s.chosen()));
      const auto reference = all_of(s.net, run_of(s.net, float_plan(s.net), nullptr, fed), false);
      const auto judge = [&](const std::string& name, const subject& told, const run_values& run, auto is_right) {
        const experiment_context lab = told.lab(fed);
        const diagnosis d = diagnose(reference, all_of(s.net, run, true, "seg0_layer9"), {}, &lab);
        ++all;
        if (is_right(d.verdict)) {
          ++right;
          return;
        }
        wrong +=
            detail::message("  ", kind, ", ", name, ": ", to_string(d.verdict.cause), ": ", d.verdict.summary, "\n");
      };
      // Planned in 16 bits, run in 8: a fault where it can be seen.
      subject fine = s;
      fine.plan = plan_of(s.net, compile_mode::all_16bit);
      const run_values coarse = run_of(s.net, s.plan, &s.ranges, fed);
      judge("8 bits for 16", fine, coarse,
            [](const finding& f) { return f.cause == fault::bits_not_as_planned || f.cause == fault::none; });
      judge("16 bits for 8", s, run_of(s.net, fine.plan, &s.ranges, fed),
            [](const finding& f) { return f.cause == fault::none || f.cause == fault::bits_not_as_planned; });
      // Ranges of the one picture of the list that is darkest by far.
      subject dark = s;
      for (std::uint8_t& p : dark.pictures[0].pixels) p = static_cast<std::uint8_t>(p / 8);
      calibrator c(s.net, s.plan), one(s.net, s.plan);
      for (std::size_t p = 0; p < dark.pictures.size(); ++p) c.add(dark.as_tensor(dark.input(p)));
      one.add(dark.as_tensor(dark.input(0)));
      dark.ranges = c.ranges();
      judge("ranges of one picture", dark, run_of(s.net, s.plan, &one.ranges(), fed), [](const finding& f) {
        return f.cause == fault::activation_scale || f.cause == fault::none || f.cause == fault::precision;
      });
    }
  }
  std::printf("modes and ranges by one output: %zu of %zu right\n%s", right, all, wrong.c_str());
  CHECK(static_cast<double>(right) >= 0.95 * static_cast<double>(all));
}

TEST_CASE("a reference of which the output alone is there may be what is wrong", "[debug]") {
  std::size_t right = 0, all = 0;
  std::string wrong;
  std::uint32_t number = 60;
  for (const std::string& kind : kinds()) {
    const subject s = made_subject(kind, number++);
    const tensor<float> fed = s.as_tensor(s.input(s.chosen()));
    const experiment_context lab = s.lab(fed);
    const auto other = all_of(s.net, run_of(s.net, s.plan, &s.ranges, fed), true);
    for (const planted& p : input_faults()) {
      if (!p.applies(s)) continue;
      const auto y = run_of(s.net, float_plan(s.net), nullptr, s.as_tensor(p.input(s)));
      const diagnosis d = diagnose(all_of(s.net, y, true), other, {}, &lab);
      ++all;
      const bool says_reference = d.verdict.summary.kind() == fact_kind::reference_not_as_cfg;
      const bool is_right = d.verdict.cause == expected_of(p) && says_reference;
      right += is_right ? 1U : 0U;
      if (!is_right) {
        wrong +=
            detail::message("  ", kind, ", ", p.name, ": ", to_string(d.verdict.cause), ": ", d.verdict.summary, "\n");
      }
    }
  }
  std::printf("references of one output: %zu of %zu right\n%s", right, all, wrong.c_str());
  CHECK(static_cast<double>(right) >= 0.95 * static_cast<double>(all));
}

}  // namespace replayed_output_test
