#include <nniesim/debug/preprocess_solver.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <nniesim/formats/gfpq.hpp>
#include <nniesim/kernels/quantize.hpp>

#include "catch.hpp"
#include "support/random.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace preprocess_solver_test {

namespace {

using floats = std::vector<float>;
constexpr std::size_t rows = 20, columns = 30, plane = rows * columns;
const tensor_shape shape = {1, 3, rows, columns};

/// A picture of three planes, B G R, which are alike as those of photographs are: smooth shapes, a tint, a little
/// noise.
floats picture(std::uint32_t seed, float tint = 1.0F) {
  draws random(seed);
  floats p(3 * plane);
  const float a = 0.2F + 0.1F * std::fabs(random.symmetric());
  const float b = 3.0F * random.symmetric();
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < plane; ++i) {
      const auto x = static_cast<float>(i % columns);
      const auto y = static_cast<float>(i / columns);
      const float shade = 110.0F + 70.0F * std::sin(a * x + b) * std::cos(0.3F * y + b);
      const float own = 40.0F * std::sin(0.15F * (x + y) + 2.0F * static_cast<float>(c)) + 8.0F * random.symmetric();
      p[c * plane + i] = std::round(std::fmin(255.0F, std::fmax(0.0F, shade + tint * own)));
    }
  }
  return p;
}

floats swapped(const floats& p) {
  floats s(p.begin() + 2 * plane, p.end());
  s.insert(s.end(), p.begin() + plane, p.begin() + 2 * plane);
  s.insert(s.end(), p.begin(), p.begin() + plane);
  return s;
}

const floats means = {104, 117, 123};
constexpr float scale = 1.0F / 128;

floats normalized(const floats& p, const floats& mean, float factor) {
  floats x = p;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!mean.empty()) x[i] -= mean.size() == 3 ? mean[i / plane] : mean[i];
    x[i] *= factor;
  }
  return x;
}

/// As a layer of the accelerator writes it, or as 8 bits hold it.
floats in_8bit(const floats& x) {
  floats y(x.size());
  fake_quantize<gfpq8>(x, y, gfpq8::scale_of(x));
  return y;
}
floats truncated(floats x) {
  for (float& v : x) v = std::floor(v * 4096) / 4096;
  return x;
}

const known_preprocessing full{cfg_norm_type::channel_means_scale, channel_order::bgr, 1.0 / 128, means};

struct expectation {
  std::string summary;
  std::vector<std::string> changes;
};
void check(const floats& reference, const floats& other, const known_preprocessing* known, const expectation& e,
           bool fits_8bit = true) {
  for (const floats& x : {other, truncated(other), fits_8bit ? in_8bit(other) : other}) {
    const preprocess_solution s = solve_preprocessing(reference, shape, x, known);
    CAPTURE(s.summary, s.evidence, s.changes);
    CHECK(s.verdict == preprocess_verdict::explained);
    CHECK(words_of(s.summary) == e.summary);
    REQUIRE(s.changes.size() == e.changes.size());
    for (std::size_t i = 0; i < e.changes.size(); ++i) CHECK_THAT(s.changes[i], contains(e.changes[i]));
  }
}

}  // namespace

TEST_CASE("inputs that are the same but for rounding need no change", "[debug]") {
  for (std::uint32_t seed = 1; seed <= 5; ++seed) {
    const floats r = normalized(picture(seed), means, scale);
    for (const floats& x : {r, truncated(r), in_8bit(r)}) {
      for (const known_preprocessing* known : {&full, static_cast<const known_preprocessing*>(nullptr)}) {
        const auto s = solve_preprocessing(r, shape, x, known);
        CAPTURE(seed, s.summary, s.evidence);
        CHECK(s.verdict == preprocess_verdict::same);
        CHECK(s.changes.empty());
      }
    }
  }
}

TEST_CASE("the order of channels", "[debug]") {
  for (std::uint32_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    const floats p = picture(seed);
    const std::string summary = "the channels stand in another order";
    // The reference takes RGB; its means stand in that order.
    check(normalized(swapped(p), means, scale), normalized(p, means, scale), &full, {summary, {"[RGB_order] RGB"}});
    known_preprocessing raw;
    raw.order = channel_order::rgb;
    check(p, swapped(p), &raw, {summary, {"[RGB_order] BGR"}});
    check(p, swapped(p), nullptr, {summary, {"RGB_order: the other one"}});
    floats turned = p;  // no cfg makes 1, 2, 0
    std::rotate(turned.begin(), turned.begin() + plane, turned.end());
    check(p, turned, &raw, {summary, {"channel order 2, 0, 1"}});
  }
}

TEST_CASE("mean and scale, in which way they differ", "[debug]") {
  for (std::uint32_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    const floats p = picture(seed);
    const floats r = normalized(p, means, scale);
    const std::string lines = "means.txt: a text file with one line for each channel: 10",
                      file = "[mean_file] means.txt";

    known_preprocessing only_scale{cfg_norm_type::scale, channel_order::bgr, 1.0 / 128, {}};
    check(r, normalized(p, {}, scale), &only_scale, {"the mean is not subtracted", {"[norm_type] 5", file, lines}});
    known_preprocessing only_mean{cfg_norm_type::channel_means, channel_order::bgr, 1, means};
    check(r, normalized(p, means, 1), &only_mean,
          {"the scale is missing", {"[norm_type] 5", "[data_scale] 0.0078125"}});
    known_preprocessing nothing;
    check(r, p, &nothing,
          {"the mean is not subtracted; the scale is missing", {"[norm_type] 5", file, lines, "[data_scale] 0.007"}});
    // The picture was normalized before the cfg does it again.
    check(r, normalized(r, means, scale), &full,
          {"the cfg normalizes a picture that is normalized already, or the reference does not normalize it",
           {"[norm_type] 0"}},
          false);
    check(p, r, &full,
          {"the cfg normalizes a picture that is normalized already, or the reference does not normalize it",
           {"[norm_type] 0"}});
    check(r, normalized(normalized(p, means, 1), means, scale), &full,
          {"the mean is subtracted once too often: the picture, or the reference, does without", {"[norm_type] 3"}});
    known_preprocessing other_scale = full;
    other_scale.scale = 1.0 / 256;
    check(r, normalized(p, means, 1.0F / 256), &other_scale,
          {"the scale differs by a factor of 2", {"[data_scale] 0.0078125"}});
    check(r, normalized(p, means, 1.0F / 256), nullptr, {"the scale differs by a factor of 2", {"data_scale times 2"}});
    // An old script: scale first, then the mean.
    floats first = normalized(p, {}, scale);
    for (std::size_t i = 0; i < first.size(); ++i) first[i] -= means[i / plane];
    check(first, r, &full,
          {"the reference scales first and subtracts the mean then: (x * scale) - mean",
           {"in the reference's script: subtract the mean first"}});
    known_preprocessing reversed = full;
    reversed.mean = {123, 117, 104};
    check(r, normalized(p, reversed.mean, scale), &reversed,
          {"the means stand in the other order of channels", {file, lines}});
    // Two at once.
    check(normalized(swapped(p), means, scale), normalized(p, {}, scale), &only_scale,
          {"the channels stand in another order; the mean is not subtracted",
           {"[RGB_order] RGB", "[norm_type] 5", file, lines}});
    // What only a script does.
    floats twice = means;
    for (float& m : twice) m *= 2;
    check(normalized(p, twice, scale), r, &full,
          {"the reference subtracts the mean twice", {"in the reference's script: subtract the mean once"}});
    floats inverted = p;
    for (float& v : inverted) v = 255 - v;
    check(normalized(inverted, means, scale), r, &full,
          {"the reference is inverted: large where the other is small, as 255 - x is", {"no cfg inverts a picture"}});
    check(normalized(p, means, 1.0F / 8192), r, &full,
          {"the scale differs by a factor of 0.0156", {"no cfg can: mean 10"}});
  }
}

TEST_CASE("every line of a cfg that is proposed is one that its parser takes", "[debug]") {
  std::size_t lines = 0;
  const std::vector<floats> some_means = {
      {}, means, {123, 117, 104}, {127.5F, 127.5F, 127.5F}, {208, 234, 246}, {16256, 16256, 16256}, {-40, 0, 10}};
  const std::vector<float> scales = {1, 1.0F / 255, 1.0F / 128, 0.017F, -1, -1.0F / 128, 1e-4F, 3};
  for (std::uint32_t seed = 1; seed <= 2; ++seed) {
    const floats p = picture(seed);
    for (const floats& m : some_means) {
      for (const float k : scales) {
        for (const bool is_swapped : {false, true}) {
          for (const known_preprocessing& cfg :
               {full, known_preprocessing{},
                known_preprocessing{cfg_norm_type::scale, channel_order::rgb, 1.0 / 255, {}},
                known_preprocessing{cfg_norm_type::channel_means, channel_order::rgb, 1, {123, 117, 104}}}) {
            const floats by_cfg = normalized(p, cfg.mean, static_cast<float>(cfg.scale));
            const auto s = solve_preprocessing(normalized(is_swapped ? swapped(p) : p, m, k), shape, by_cfg, &cfg);
            CAPTURE(seed, m, k, is_swapped, s.summary, s.changes);
            std::string text = "[prototxt_file] a\n[caffemodel_file] b\n[image_list] l.txt\n[image_type] 1\n";
            for (const char* key : {"norm_type] 2", "mean_file] m.txt", "data_scale] 0.5", "RGB_order] RGB"}) {
              const std::string start = "[" + std::string(key).substr(0, std::string(key).find(' '));
              const bool is_given = std::any_of(s.changes.begin(), s.changes.end(),
                                                [&](const std::string& c) { return c.starts_with(start); });
              if (!is_given) text += "[" + std::string(key) + "\n";
            }
            for (const std::string c : s.changes) {
              if (c.starts_with("[")) {
                text += c + "\n";
                ++lines;
              }
              // Nothing else may look like a line to be copied.
              else
                CHECK(c.find("] ") == std::string::npos);
            }
            compiler_cfg parsed;
            REQUIRE_NOTHROW(parsed = parse_compiler_cfg(text, "n.cfg"));
            CHECK(parsed.inputs.at(0).data_scale > 0);
            for (const std::string c : s.changes) {
              if (!c.starts_with("means.txt")) continue;
              CHECK(c.find("16256") == std::string::npos);
            }
          }
        }
      }
    }
  }
  CHECK(lines > 100);
}

TEST_CASE("a mean image that the reference averages", "[debug]") {
  const floats p = picture(7);
  floats image(3 * plane);
  floats averages(3);
  for (std::size_t i = 0; i < image.size(); ++i) {
    image[i] = 90.0F + 25.0F * std::sin(static_cast<float>(i % plane) * 0.05F) + 10.0F * static_cast<float>(i / plane);
    averages[i / plane] += image[i] / plane;
  }
  const known_preprocessing by_element{cfg_norm_type::mean_image_scale, channel_order::bgr, 1.0 / 128, image};
  check(normalized(p, averages, scale), normalized(p, image, scale), &by_element,
        {"the reference averages the mean image to one value for each channel; the cfg subtracts it element by element",
         {"[norm_type] 5", "[mean_file]", "means.txt"}});
  const auto same = solve_preprocessing(normalized(p, image, scale), shape, normalized(p, image, scale), &by_element);
  CHECK(same.verdict == preprocess_verdict::same);
  check(normalized(swapped(p), {}, scale), normalized(p, image, scale), &by_element,
        {"the channels stand in another order; the mean is subtracted once too often: the picture, or the reference, "
         "does without",
         {"[RGB_order] RGB", "[norm_type] 3"}});
}

TEST_CASE("layouts of the input", "[debug]") {
  const floats r = normalized(picture(3), means, scale);
  floats last(r.size()), turned(r.size()), padded(3 * rows * 32), sheared(r.size());
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t y = 0; y < rows; ++y) {
      for (std::size_t x = 0; x < columns; ++x) {
        const std::size_t at = (c * rows + y) * columns + x;
        last[(y * columns + x) * 3 + c] = r[at];
        turned[(c * columns + x) * rows + y] = r[at];
        padded[(c * rows + y) * 32 + x] = r[at];
        const std::size_t from = (c * rows + y) * 32 + x;
        sheared[at] = from < r.size() ? r[from] : 0.0F;
      }
    }
  }
  check(r, last, &full, {"layout: channels last (H x W x C in place of C x H x W)", {"C x H x W = 3 x 20 x 30"}});
  check(r, turned, &full, {"layout: rows and columns exchanged", {"C x H x W = 3 x 20 x 30"}});
  check(r, padded, &full, {"layout: rows padded; rows of 30 stand 32 apart", {"32 apart (stride)"}});
  check(r, sheared, &full, {"layout: rows read with a wrong stride; rows of 30 stand 32 apart", {"32 apart (stride)"}});
}

TEST_CASE("another picture, and the same one made in another way", "[debug]") {
  const floats r = normalized(picture(1), means, scale);
  const auto other = solve_preprocessing(r, shape, normalized(picture(2), means, scale), &full);
  CHECK(other.verdict == preprocess_verdict::other_picture);
  CHECK(other.summary.kind() == fact_kind::pictures_differ);
  floats blurred = r;  // as another way of resizing does
  for (std::size_t i = 2; i + 2 < r.size(); ++i) {
    blurred[i] = 0.2F * (r[i - 2] + r[i - 1] + r[i] + r[i + 1] + r[i + 2]);
  }
  const auto resized = solve_preprocessing(r, shape, blurred, &full);
  CAPTURE(resized.summary, resized.evidence);
  CHECK(resized.verdict == preprocess_verdict::unexplained);
  CHECK(resized.changes.empty());
}

TEST_CASE("inputs that say little", "[debug]") {
  const floats grey = [] {
    floats p = picture(4, 0.0F);
    for (std::size_t i = plane; i < p.size(); ++i) p[i] = p[i % plane];
    return p;
  }();
  const auto alike = solve_preprocessing(grey, shape, in_8bit(swapped(grey)), nullptr);
  CHECK(alike.verdict == preprocess_verdict::same);
  CHECK(alike.evidence.back().kind() == fact_kind::channels_alike);

  floats broken = grey;
  broken[5] = std::numeric_limits<float>::quiet_NaN();
  CHECK(solve_preprocessing(grey, shape, broken, nullptr).verdict == preprocess_verdict::unexplained);
  CHECK(solve_preprocessing(broken, shape, grey, nullptr).summary.kind() == fact_kind::input_not_a_number);
  const floats zeros(3 * plane), few(7);
  CHECK(solve_preprocessing(zeros, shape, zeros, nullptr).verdict == preprocess_verdict::same);
  for (const auto& s :
       {solve_preprocessing(grey, shape, zeros, nullptr), solve_preprocessing(zeros, shape, grey, nullptr),
        solve_preprocessing(floats(3 * plane, 0.5F), shape, floats(3 * plane, 128), nullptr)}) {
    CHECK(s.verdict == preprocess_verdict::unexplained);
    CHECK(s.summary.kind() == fact_kind::input_is_constant);
  }
  const auto sizes = solve_preprocessing(grey, shape, few, nullptr);
  CHECK(sizes.verdict == preprocess_verdict::unexplained);
  CHECK(sizes.summary.count("other") == 7);
  CHECK_THROWS_AS(solve_preprocessing({}, {1, 0, 2, 2}, grey), shape_error);
  CHECK_THROWS_AS(solve_preprocessing(few, shape, few), shape_error);
  // Vectors, and more channels than pictures have, share one gain and offset.
  const floats vector = {1, 2, 3, 5, 8, 13, 21};
  floats doubled = vector;
  for (float& v : doubled) v *= 2;
  const auto s = solve_preprocessing(vector, {1, 7}, doubled, nullptr);
  CHECK(s.verdict == preprocess_verdict::explained);
  CHECK_THAT(s.changes.at(0), contains("data_scale times 0.5"));
}

TEST_CASE("a channel of one value has no scale of its own", "[debug]") {
  floats p = picture(31);
  std::fill(p.begin(), p.begin() + plane, 90.0F);
  const known_preprocessing cfg{cfg_norm_type::channel_means_scale, channel_order::bgr, 1.0 / 128, means};
  const preprocess_solution s =
      solve_preprocessing(normalized(p, means, 1.0F / 256), shape, normalized(p, means, scale), &cfg);
  CHECK(s.verdict == preprocess_verdict::explained);
  CHECK_THAT(s.summary, contains("the scale differs") && !contains("scale of its own"));
}

TEST_CASE("the means of a batch are each picture's", "[debug]") {
  floats two = picture(32);
  const floats second = picture(33);
  two.insert(two.end(), second.begin(), second.end());
  const auto prepare = [&](const floats& mean, float factor) {
    floats x = two;
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = (x[i] - mean[i / plane % 3]) * factor;
    return x;
  };
  const known_preprocessing cfg{cfg_norm_type::channel_means_scale, channel_order::bgr, 1.0 / 128, means};
  const preprocess_solution s =
      solve_preprocessing(prepare(means, 1.0F / 256), {2, 3, rows, columns}, prepare(means, scale), &cfg);
  CHECK_THAT(s.summary, contains("the scale differs") && !contains("means"));
}

}  // namespace preprocess_solver_test
