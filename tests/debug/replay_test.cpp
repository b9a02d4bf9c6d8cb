// Which cause gives just the values of an output: faults made by hand on networks of several kinds, only the output
// shown.
#include <nniesim/debug/replay.hpp>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/input_subjects.hpp"

using namespace nniesim;
using namespace input_subjects;

namespace replay_test {

namespace {

/// A fault of the input, made from the pixels of the resized picture (rows x columns x RGB) or of the list.
struct planted {
  std::string name;
  std::function<floats(const subject&)> input;
  std::function<bool(const replayed_cause&)> is_right;
  std::function<bool(const subject&)> applies = [](const subject&) { return true; };
};

/// The buffer that a board would have: rows x columns x 3 in the network's order.
floats interleaved(const subject& s, const floats& planar) {
  floats v(planar.size());
  const std::size_t plane = s.rows * s.columns;
  for (std::size_t i = 0; i < plane; ++i) {
    for (std::size_t c = 0; c < 3; ++c) v[i * 3 + c] = planar[c * plane + i];
  }
  return v;
}
floats own_bytes(const subject& s) { return s.bytes(resize(s.pictures[s.chosen()], s.rows, s.columns)); }
floats by_cfg(const subject& s, const floats& bytes) { return s.normalized(bytes, s.cfg.mean, s.cfg.scale); }
floats turned(const subject& s, floats planar) {
  const auto plane = static_cast<std::ptrdiff_t>(s.rows * s.columns);
  std::swap_ranges(planar.begin(), planar.begin() + plane, planar.begin() + 2 * plane);
  return planar;
}

std::function<bool(const replayed_cause&)> is_bytes(byte_change b, bool reversed = false) {
  return [=](const replayed_cause& c) {
    return c.kind == replay_kind::input && c.change.bytes == b && c.change.reversed == reversed &&
           c.change.values == value_change::none;
  };
}
std::function<bool(const replayed_cause&)> is_value(value_change v, bool reversed = false) {
  return [=](const replayed_cause& c) {
    return c.kind == replay_kind::input && c.change.bytes == byte_change::none && c.change.values == v &&
           c.change.reversed == reversed;
  };
}

std::vector<planted> input_faults() {
  const auto has_mean = [](const subject& s) { return !s.cfg.mean.empty(); };
  const auto has_scale = [](const subject& s) { return s.cfg.scale != 1; };
  const auto has_both = [](const subject& s) { return !s.cfg.mean.empty() && s.cfg.scale != 1; };
  const auto has_means = [](const subject& s) { return !s.cfg.mean.empty() && s.cfg.mean[0] != s.cfg.mean[2]; };
  std::vector<planted> all;
  all.push_back({"channels reversed", [](const subject& s) { return by_cfg(s, turned(s, own_bytes(s))); },
                 is_bytes(byte_change::none, true)});
  all.push_back({"no mean", [](const subject& s) { return s.normalized(own_bytes(s), {}, s.cfg.scale); },
                 is_value(value_change::mean_missing), has_mean});
  all.push_back({"no scale", [](const subject& s) { return s.normalized(own_bytes(s), s.cfg.mean, 1); },
                 is_value(value_change::scale_missing), has_scale});
  all.push_back({"raw bytes", [](const subject& s) { return own_bytes(s); },
                 is_value(value_change::mean_and_scale_missing), has_both});
  all.push_back({"mean twice", [](const subject& s) { return by_cfg(s, s.normalized(own_bytes(s), s.cfg.mean, 1)); },
                 is_value(value_change::mean_twice), has_mean});
  all.push_back(
      {"scale first",
       [](const subject& s) { return s.normalized(s.normalized(own_bytes(s), {}, s.cfg.scale), s.cfg.mean, 1); },
       is_value(value_change::scale_before_mean), has_both});
  all.push_back({"all twice", [](const subject& s) { return by_cfg(s, by_cfg(s, own_bytes(s))); },
                 is_value(value_change::normalized_twice), has_both});
  all.push_back({"means in reverse",
                 [](const subject& s) {
                   return s.normalized(own_bytes(s), {s.cfg.mean[2], s.cfg.mean[1], s.cfg.mean[0]}, s.cfg.scale);
                 },
                 is_value(value_change::means_reversed), has_means});
  all.push_back({"interleaved as planar", [](const subject& s) { return by_cfg(s, interleaved(s, own_bytes(s))); },
                 is_bytes(byte_change::interleaved_as_planar)});
  all.push_back({"interleaved as planar, channels reversed",
                 [](const subject& s) { return by_cfg(s, interleaved(s, turned(s, own_bytes(s)))); },
                 is_bytes(byte_change::interleaved_as_planar, true)});
  all.push_back({"planar as interleaved",
                 [](const subject& s) {
                   const floats buffer = own_bytes(s);
                   floats v(buffer.size());
                   const std::size_t plane = s.rows * s.columns;
                   for (std::size_t i = 0; i < plane; ++i) {
                     for (std::size_t c = 0; c < 3; ++c) v[c * plane + i] = buffer[i * 3 + c];
                   }
                   return by_cfg(s, v);
                 },
                 is_bytes(byte_change::planar_as_interleaved)});
  for (const std::size_t unit : {std::size_t{16}, std::size_t{32}}) {
    all.push_back({"rows padded to " + std::to_string(unit),
                   [=](const subject& s) {
                     const std::size_t stride = (s.columns + unit - 1) / unit * unit;
                     const floats p = own_bytes(s);
                     floats buffer(3 * s.rows * stride, 0.0F);
                     for (std::size_t r = 0; r < 3 * s.rows; ++r) {
                       for (std::size_t i = 0; i < s.columns; ++i) buffer[r * stride + i] = p[r * s.columns + i];
                     }
                     buffer.resize(p.size());
                     return by_cfg(s, buffer);
                   },
                   is_bytes(byte_change::rows_padded), [=](const subject& s) { return s.columns % unit != 0; }});
  }
  all.push_back({"rows read 16 apart",
                 [](const subject& s) {
                   const std::size_t stride = (s.columns + 15) / 16 * 16;
                   floats p = own_bytes(s);
                   floats v;
                   p.resize(3 * s.rows * stride, 0.0F);
                   for (std::size_t r = 0; r < 3 * s.rows; ++r) {
                     for (std::size_t i = 0; i < s.columns; ++i) v.push_back(p[r * stride + i]);
                   }
                   return by_cfg(s, v);
                 },
                 is_bytes(byte_change::rows_unpadded), [](const subject& s) { return s.columns % 16 != 0; }});
  const auto moved = [](const subject& s, auto from) {
    const floats p = own_bytes(s);
    floats v(p.size());
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t j = 0; j < s.rows; ++j) {
        for (std::size_t i = 0; i < s.columns; ++i) {
          const auto [y, x] = from(j, i);
          v[(c * s.rows + j) * s.columns + i] = p[(c * s.rows + y) * s.columns + x];
        }
      }
    }
    return by_cfg(s, v);
  };
  all.push_back({"mirrored",
                 [=](const subject& s) {
                   return moved(s, [&](std::size_t j, std::size_t i) { return std::pair(j, s.columns - 1 - i); });
                 },
                 is_bytes(byte_change::mirrored)});
  all.push_back({"flipped",
                 [=](const subject& s) {
                   return moved(s, [&](std::size_t j, std::size_t i) { return std::pair(s.rows - 1 - j, i); });
                 },
                 is_bytes(byte_change::flipped)});
  for (const std::size_t p : {std::size_t{0}, std::size_t{2}}) {
    all.push_back({"picture " + std::to_string(p), [=](const subject& s) { return s.input(p); },
                   [=](const replayed_cause& c) { return c.kind == replay_kind::picture && c.picture == p; }});
  }
  for (const float border : {0.0F, 114.0F, 128.0F}) {
    all.push_back(
        {"letterboxed with " + std::to_string(static_cast<int>(border)),
         [=](const subject& s) {
           const image& p = s.pictures[s.chosen()];
           const double f = std::min(static_cast<double>(s.rows) / static_cast<double>(p.rows),
                                     static_cast<double>(s.columns) / static_cast<double>(p.columns));
           const auto h = std::min(s.rows, static_cast<std::size_t>(std::lround(static_cast<double>(p.rows) * f)));
           const auto w =
               std::min(s.columns, static_cast<std::size_t>(std::lround(static_cast<double>(p.columns) * f)));
           const image small = resize(p, h, w);
           image all_of{s.rows, s.columns,
                        std::vector<std::uint8_t>(s.rows * s.columns * 3, static_cast<std::uint8_t>(border))};
           const std::size_t top = (s.rows - h) / 2, left = (s.columns - w) / 2;
           for (std::size_t j = 0; j < h; ++j) {
             std::copy_n(small.pixels.begin() + static_cast<std::ptrdiff_t>(j * w * 3), w * 3,
                         all_of.pixels.begin() + static_cast<std::ptrdiff_t>(((j + top) * s.columns + left) * 3));
           }
           return by_cfg(s, s.bytes(all_of));
         },
         is_bytes(byte_change::letterboxed),
         [](const subject& s) {  // with its aspect the picture fills the input
           return s.rows * s.pictures[0].columns != s.columns * s.pictures[0].rows;
         }});
  }
  all.push_back({"nearest neighbour",
                 [](const subject& s) {
                   const image& p = s.pictures[s.chosen()];
                   image n{s.rows, s.columns, {}};
                   for (std::size_t j = 0; j < s.rows; ++j) {
                     for (std::size_t i = 0; i < s.columns; ++i) {
                       const std::size_t at = (j * p.rows / s.rows * p.columns + i * p.columns / s.columns) * 3;
                       for (std::size_t c = 0; c < 3; ++c) n.pixels.push_back(p.pixels[at + c]);
                     }
                   }
                   return by_cfg(s, s.bytes(n));
                 },
                 is_bytes(byte_change::resampled)});
  all.push_back({"signed bytes",
                 [](const subject& s) {
                   floats v = own_bytes(s);
                   for (float& f : v) f = static_cast<float>(static_cast<std::int8_t>(static_cast<std::uint8_t>(f)));
                   return by_cfg(s, v);
                 },
                 is_bytes(byte_change::signed_bytes)});
  return all;
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
      const laboratory lab = s.lab(fed);
      for (const planted& p : input_faults()) {
        if (!p.applies(s)) continue;
        const auto shown = run_of(s.net, s.plan, &s.ranges, s.as_tensor(p.input(s)));
        const replay_result r = replayer(lab, {output_of(s, shown.output())}).run();
        ++all;
        const bool is_right = r.verdict == replay_verdict::explained && p.is_right(r.causes.front());
        right += is_right ? 1U : 0U;
        if (is_right) continue;
        wrong += detail::concat("  ", kind, " ", number, ", ", p.name, ": verdict ", static_cast<int>(r.verdict),
                                ", as planned ", r.as_planned);
        for (std::size_t c = 0; c < std::min<std::size_t>(3, r.causes.size()); ++c) {
          wrong += detail::concat(", ", r.causes[c].text, " (", r.causes[c].difference, ")");
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
      const laboratory lab = s.lab(fed);
      const auto judge = [&](const std::string& name, const floats& shown, const auto& is_right) {
        const replay_result r = replayer(lab, {output_of(s, shown)}).run();
        ++all;
        if (is_right(r)) {
          ++right;
          return;
        }
        wrong += detail::concat("  ", kind, " ", number, ", ", name, ": verdict ", static_cast<int>(r.verdict),
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
  laboratory lab = s.lab(fed);
  CHECK_FALSE(replayer(lab, {}).can_run());
  CHECK(replayer(lab, {{"x", {}, {1, 2}}}).run().verdict == replay_verdict::unexplained);
  lab.inputs.clear();
  CHECK_FALSE(replayer(lab, {{"x", {2}, {1, 2}}}).can_run());
}

}  // namespace replay_test
