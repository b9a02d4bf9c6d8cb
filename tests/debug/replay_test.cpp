// Which cause gives just the values of an output: faults made by hand on networks of several kinds, only the output
// shown.
#include <nniesim/debug/replay.hpp>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/input_faults.hpp"

using namespace nniesim;

namespace replay_test {

using namespace input_subjects;

namespace {

/// Whether a cause is the planted one.
bool is_cause(const planted& p, const replayed_cause& c) {
  if (p.picture) return c.kind == replay_kind::picture && c.picture == *p.picture;
  return c.kind == replay_kind::input && p.is_right(c.change);
}

shown_values output_of(const subject& s, const floats& values) { return {"out", {s.net.blobs.size() - 1}, values}; }

}  // namespace

TEST_CASE("the cause that gives just an output's values", "[debug]") {
  std::size_t right = 0, all = 0;
  std::string wrong;
  std::uint32_t number = 0;
  for (const std::string& kind : kinds()) {
    for (std::uint32_t i = 0; i < 2; ++i) {
      const subject s = made_subject(kind, number++);
      const tensor<float> fed = s.as_tensor(s.input(s.chosen()));
      const experiment_context lab = s.lab(fed);
      for (const planted& p : input_faults()) {
        if (!p.applies(s)) continue;
        const auto shown = run_of(s.net, s.plan, &s.ranges, s.as_tensor(p.input(s)));
        const replay_result r = replayer(lab, {output_of(s, shown.output())}).run();
        ++all;
        const bool is_right = r.verdict == replay_verdict::explained && is_cause(p, r.causes.front());
        right += is_right ? 1U : 0U;
        if (is_right) continue;
        wrong += detail::message("  ", kind, " ", number, ", ", p.name, ": verdict ", static_cast<int>(r.verdict),
                                 ", as planned ", r.as_planned);
        for (std::size_t c = 0; c < std::min<std::size_t>(3, r.causes.size()); ++c) {
          wrong += detail::message(", ", r.causes[c].text, " (", r.causes[c].difference, ")");
        }
        wrong += "\n";
      }
    }
  }
  std::printf("replays of inputs: %zu of %zu right\n%s", right, all, wrong.c_str());
  CHECK(static_cast<double>(right) >= 0.95 * static_cast<double>(all));
}

TEST_CASE("what a run in another mode or with other ranges shows, and a clean one", "[debug]") {
  std::size_t right = 0, all = 0;
  std::string wrong;
  std::uint32_t number = 0;
  for (const std::string& kind : kinds()) {
    for (std::uint32_t i = 0; i < 2; ++i) {
      subject s = made_subject(kind, number++);
      const tensor<float> fed = s.as_tensor(s.input(s.chosen()));
      const experiment_context lab = s.lab(fed);
      const auto judge = [&](const std::string& name, const floats& shown, const auto& is_right) {
        const replay_result r = replayer(lab, {output_of(s, shown)}).run();
        ++all;
        if (is_right(r)) {
          ++right;
          return;
        }
        wrong += detail::message("  ", kind, " ", number, ", ", name, ": verdict ", static_cast<int>(r.verdict),
                                 ", as planned ", r.as_planned, r.causes.empty() ? "" : ", " + r.causes[0].text, "\n");
      };
      const auto clean = [](const replay_result& r) { return r.verdict == replay_verdict::as_planned; };
      const floats own = run_of(s.net, s.plan, &s.ranges, fed).output();
      judge("clean", own, clean);
      floats rounded = own;
      draws random(number);
      for (float& v : rounded) v += static_cast<float>(random.between(0, 1)) / 4096;
      judge("clean, rounded otherwise", rounded, clean);
      judge("16 bits", run_of(s.net, plan_of(s.net, compile_mode::all_16bit), &s.ranges, fed).output(),
            [](const replay_result& r) {
              return r.verdict == replay_verdict::as_planned || r.causes[0].kind == replay_kind::mode ||
                     r.causes[0].kind == replay_kind::in_float;
            });
      calibrator one(s.net, s.plan);
      one.add(s.as_tensor(s.input(0)));
      judge("ranges of one picture", run_of(s.net, s.plan, &one.ranges(), fed).output(), [](const replay_result& r) {
        return r.verdict == replay_verdict::as_planned || r.causes[0].kind == replay_kind::ranges;
      });
      // Weights that no cause explains.
      network other = s.net;
      for (layer& l : other.layers) {
        auto* c = std::get_if<layers::convolution>(&l.params);
        if (c == nullptr || l.name != "conv1") continue;
        std::reverse(c->weights.begin(), c->weights.end());
      }
      judge("other weights", run_of(other, s.plan, &s.ranges, fed).output(),
            [](const replay_result& r) { return r.verdict == replay_verdict::unexplained; });
    }
  }
  std::printf("replays of modes, ranges and clean runs: %zu of %zu right\n%s", right, all, wrong.c_str());
  CHECK(static_cast<double>(right) >= 0.95 * static_cast<double>(all));
}

TEST_CASE("a replay without inputs or shown values says nothing", "[debug]") {
  const subject s = made_subject("tiny", 1);
  const tensor<float> fed = s.as_tensor(s.input(s.chosen()));
  experiment_context lab = s.lab(fed);
  CHECK_FALSE(replayer(lab, {}).can_run());
  CHECK(replayer(lab, {{"x", {}, {1, 2}}}).run().verdict == replay_verdict::unexplained);
  lab.inputs.clear();
  CHECK_FALSE(replayer(lab, {{"x", {2}, {1, 2}}}).can_run());
}

}  // namespace replay_test
