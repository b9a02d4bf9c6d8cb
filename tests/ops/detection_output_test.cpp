#include <nniesim/ops/detection_output.hpp>

#include <map>

#include "elementwise.hpp"

using namespace nniesim;

namespace detection_output_test {

namespace {

tensor<float> row(const std::vector<float>& values) {
  auto t = make_tensor<float>({1, values.size()});
  std::copy(values.begin(), values.end(), t.data());
  return t;
}

/// Boxes, then the same variances for each.
tensor<float> priors_of(const std::vector<float>& boxes, const std::array<float, 4>& variance) {
  auto t = make_tensor<float>({1, 2, boxes.size()});
  std::copy(boxes.begin(), boxes.end(), t.data());
  for (std::size_t i = 0; i < boxes.size(); ++i) t.data()[boxes.size() + i] = variance[i % 4];
  return t;
}

detection_output_params two_classes() {
  detection_output_params p;
  p.classes = 2;
  p.code = box_code::center_size;
  p.confidence_threshold = 0.1F;
  p.overlap_threshold = 0.5;
  return p;
}

/// The detections one by one over float64 numbers: [picture, class, score, left, top, right, bottom].
std::vector<std::vector<double>> plainly(const tensor<float>& loc, const tensor<float>& conf,
                                         const tensor<float>& prior, const detection_output_params& p) {
  const std::size_t n = prior.size() / 8, locations = p.share_location ? 1 : p.classes;
  std::vector<std::vector<double>> rows;
  for (std::size_t picture = 0; picture < loc.shape()[0]; ++picture) {
    std::vector<std::vector<double>> found;
    for (std::size_t label = 0; label < p.classes; ++label) {
      if (p.background == label) continue;
      std::multimap<double, std::vector<double>, std::greater<>> candidates;
      for (std::size_t i = 0; i < n; ++i) {
        const float score = conf.data()[(picture * n + i) * p.classes + label];
        if (!(score > p.confidence_threshold)) continue;
        double b[4], c[4];
        for (std::size_t k = 0; k < 4; ++k) {
          b[k] = static_cast<double>(prior.data()[i * 4 + k]);
          c[k] =
              static_cast<double>(loc.data()[((picture * n + i) * locations + (p.share_location ? 0 : label)) * 4 + k]);
          if (!p.variance_in_target) c[k] *= static_cast<double>(prior.data()[(n + i) * 4 + k]);
        }
        const double w = b[2] - b[0], h = b[3] - b[1];
        std::vector<double> box;
        if (p.code == box_code::corner) box = {b[0] + c[0], b[1] + c[1], b[2] + c[2], b[3] + c[3]};
        if (p.code == box_code::corner_size) {
          box = {b[0] + c[0] * w, b[1] + c[1] * h, b[2] + c[2] * w, b[3] + c[3] * h};
        }
        if (p.code == box_code::center_size) {
          const double x = (b[0] + b[2]) / 2 + c[0] * w, y = (b[1] + b[3]) / 2 + c[1] * h;
          const double sx = std::exp(c[2]) * w / 2, sy = std::exp(c[3]) * h / 2;
          box = {x - sx, y - sy, x + sx, y + sy};
        }
        candidates.insert({static_cast<double>(score), box});
      }
      double threshold = p.overlap_threshold;
      std::size_t seen = 0;
      std::vector<std::vector<double>> kept;
      for (const auto& [score, box] : candidates) {
        if (p.top_k && seen++ >= *p.top_k) break;
        bool keep = true;
        for (const auto& k : kept) {
          const double w = std::min(box[2], k[5]) - std::max(box[0], k[3]);
          const double h = std::min(box[3], k[6]) - std::max(box[1], k[4]);
          const auto area = [](double x1, double y1, double x2, double y2) {
            return x2 < x1 || y2 < y1 ? 0.0 : (x2 - x1) * (y2 - y1);
          };
          const double common = w > 0 && h > 0 ? w * h : 0.0;
          const double all = area(box[0], box[1], box[2], box[3]) + area(k[3], k[4], k[5], k[6]) - common;
          keep = keep && (common == 0 || common / all <= threshold);
        }
        if (!keep) continue;
        kept.push_back(
            {static_cast<double>(picture), static_cast<double>(label), score, box[0], box[1], box[2], box[3]});
        if (p.eta < 1 && threshold > 0.5) threshold *= p.eta;
      }
      found.insert(found.end(), kept.begin(), kept.end());
    }
    while (p.keep_top_k && found.size() > *p.keep_top_k) {
      found.erase(
          std::min_element(found.begin(), found.end(), [](const auto& a, const auto& b) { return a[2] < b[2]; }));
    }
    rows.insert(rows.end(), found.begin(), found.end());
  }
  return rows;
}

}  // namespace

TEST_CASE("detections by hand") {
  // Three priors: the second overlaps the first by 9/11, the third stands alone.
  const auto priors = priors_of({0, 0, 1, 1, 0.1F, 0, 1.1F, 1, 2, 2, 3, 4}, {0.5F, 0.5F, 0.5F, 0.5F});
  const auto none = row(std::vector<float>(12, 0.0F));
  const auto scores = row({0.1F, 0.75F, 0.1F, 0.5F, 0.1F, 0.25F});
  detection_output_params p = two_classes();
  CHECK(
      same_bits(detection_output(none, scores, priors, p),
                tensor<float>{{{{0, 1, 0.75F, 0, 0, 1, 1}, {0, 1, 0.25F, 2, 2, 3, 4}, {-1, -1, -1, -1, -1, -1, -1}}}}));
  p.keep_top_k = 1;
  CHECK(same_bits(detection_output(none, scores, priors, p), tensor<float>{{{{0, 1, 0.75F, 0, 0, 1, 1}}}}));
  p = two_classes();
  p.top_k = 2;  // the second one is among them and dropped
  CHECK(same_bits(detection_output(none, scores, priors, p),
                  tensor<float>{{{{0, 1, 0.75F, 0, 0, 1, 1}, {-1, -1, -1, -1, -1, -1, -1}}}}));
  p.confidence_threshold = 0.75F;  // a score must be above it
  p.top_k = 1;
  CHECK(same_bits(detection_output(none, scores, priors, p), tensor<float>{{{{-1, -1, -1, -1, -1, -1, -1}}}}));
  // Moved by half of its size times the variance, and grown by exp(2 ln 2 * 1/2) = 2.
  const float grow = 2 * std::log(2.0F);
  const auto y = detection_output(row({1, 0, grow, 0}), row({0, 1}), priors_of({0, 0, 1, 1}, {0.5F, 0.5F, 0.5F, 0.5F}),
                                  two_classes());
  CHECK(std::fabs(y(0, 0, 0, 3)) < 1e-6F);
  CHECK(y(0, 0, 0, 4) == 0.0F);
  CHECK(std::fabs(y(0, 0, 0, 5) - 2.0F) < 1e-6F);
  CHECK(y(0, 0, 0, 6) == 1.0F);
}

TEST_CASE("detections of random boxes equal a plain computation") {
  draws d(5);
  std::size_t rows = 0, full = 0;
  for (int i = 0; i < 120; ++i) {
    detection_output_params p;
    p.classes = d.between(1, 4);
    p.share_location = i % 2 == 0;
    p.code =
        std::array{box_code::corner, box_code::center_size, box_code::corner_size}[static_cast<std::size_t>(i) % 3];
    p.background = i % 5 == 0 ? std::nullopt : std::optional<std::size_t>(d.between(0, p.classes - 1));
    p.variance_in_target = i % 7 == 0;
    p.confidence_threshold = 0.3F;
    p.overlap_threshold = static_cast<double>(d.between(1, 9)) / 10;
    p.eta = i % 4 == 0 ? 0.9 : 1.0;
    if (i % 3 == 0) p.top_k = d.between(1, 6);
    if (i % 4 == 1) p.keep_top_k = d.between(1, 6);
    const std::size_t n = d.between(1, 12), pictures = d.between(1, 2), locations = p.share_location ? 1 : p.classes;
    auto prior = make_tensor<float>({1, 2, n * 4});
    for (std::size_t k = 0; k < n; ++k) {
      const float x = std::fabs(d.symmetric()), y = std::fabs(d.symmetric());
      const float box[4] = {x, y, x + 0.1F + std::fabs(d.symmetric()), y + 0.1F + std::fabs(d.symmetric())};
      std::copy(box, box + 4, prior.data() + k * 4);
      for (std::size_t c = 0; c < 4; ++c) prior.data()[(n + k) * 4 + c] = 0.1F + 0.1F * static_cast<float>(c);
    }
    const auto loc = d.tensor({pictures, n * locations * 4});
    auto conf = make_tensor<float>({pictures, n, p.classes});
    for (float& v : conf) v = std::fabs(d.symmetric());
    const auto y = detection_output(loc, conf, prior, p);
    const auto expected = plainly(loc, conf, prior, p);
    REQUIRE(y.shape()[2] >= expected.size());
    for (std::size_t r = 0; r < y.shape()[2]; ++r) {
      for (std::size_t k = 0; k < 7; ++k) {
        INFO("network " << i << ", row " << r << ", column " << k);
        const double want = r < expected.size() ? expected[r][k] : -1.0;
        CHECK(std::fabs(static_cast<double>(y(0, 0, r, k)) - want) <= 1e-5 * (1 + std::fabs(want)));
      }
    }
    rows += expected.size();
    full += expected.size() == y.shape()[2] ? 1U : 0U;
  }
  CHECK(rows > 300);
  CHECK(full > 5);
}

TEST_CASE("scores and boxes that are no numbers detect nothing and end nothing") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const auto priors = priors_of({0, 0, 1, 1, 0, 0, 1, 1}, {1, 1, 1, 1});
  const auto loc = row({nan, 0, 0, 0, 0, 0, infinity, -infinity});
  const auto conf = row({0, 1, 0, nan});
  const detection_output_params p = two_classes();
  auto y = make_tensor<float>({1, 1, 2, 7});
  detection_output_into(view_of(loc), view_of(conf), view_of(priors), p, view_of(y));
  CHECK(y(0, 0, 0, 1) == 1.0F);
  CHECK(y(0, 0, 1, 0) == -1.0F);
  CHECK_THROWS_WITH(detection_output(loc, conf, priors, p), contains("NaN"));
}

TEST_CASE("shapes that do not belong together are refused") {
  const detection_output_params p = two_classes();
  const tensor_shape priors{1, 2, 12};
  CHECK(infer_shape(p, {2, 12}, {2, 6}, priors) == tensor_shape{1, 1, 6, 7});
  CHECK(infer_shape(p, {2, 12, 1, 1}, {2, 3, 2}, {1, 2, 12, 1}) == tensor_shape{1, 1, 6, 7});
  CHECK_THROWS_WITH(infer_shape(p, {1, 12}, {1, 7}, priors), contains("1x7") && contains("3 priors") && contains("6"));
  CHECK_THROWS_AS(infer_shape(p, {1, 16}, {1, 6}, priors), shape_error);
  CHECK_THROWS_AS(infer_shape(p, {2, 12}, {1, 6}, priors), shape_error);
  CHECK_THROWS_AS(infer_shape(p, {1, 12}, {1, 6}, {1, 1, 24}), shape_error);
  CHECK_THROWS_AS(infer_shape(p, {1, 12}, {1, 6}, {1, 2, 0}), shape_error);
  CHECK_THROWS_AS(infer_shape(p, {12}, {6}, priors), shape_error);
  detection_output_params bad = p;
  bad.classes = 0;
  CHECK_THROWS_AS(infer_shape(bad, {1, 12}, {1, 6}, priors), shape_error);
  bad.classes = std::size_t{1} << 62U;
  CHECK_THROWS_AS(infer_shape(bad, {1, 12}, {1, 6}, priors), shape_error);
  bad = p;
  bad.eta = 0;
  CHECK_THROWS_AS(infer_shape(bad, {1, 12}, {1, 6}, priors), format_error);
  bad = p;
  bad.overlap_threshold = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(infer_shape(bad, {1, 12}, {1, 6}, priors), format_error);
}

}  // namespace detection_output_test
