// DetectionOutput: from corrections of prior boxes and scores of classes to detections (SSD). The accelerator has no
// such layer; it runs on the CPU.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include <nniesim/core/exp.hpp>
#include <nniesim/ops/box.hpp>
#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What corrections are: differences of corners; of centres in sizes, and logarithms of sizes; of corners in sizes.
enum class box_code { corner, center_size, corner_size };

/// Parameters of SSD's DetectionOutput.
struct detection_output_params {
  std::size_t classes = 1;                    ///< of each prior's scores, the background among them
  bool share_location = true;                 ///< one box for all classes, else one for each
  std::optional<std::size_t> background = 0;  ///< the class that is never detected
  box_code code = box_code::corner;           ///< what the corrections are
  bool variance_in_target = false;            ///< corrections are not multiplied by the variances
  float confidence_threshold = std::numeric_limits<float>::lowest();  ///< scores above it count
  double overlap_threshold = 0.3;                                     ///< of the suppression within a class
  double eta = 1.0;                                                   ///< of the suppression
  std::optional<std::size_t> top_k{};       ///< of each class so many of the best are looked at
  std::optional<std::size_t> keep_top_k{};  ///< of a picture so many detections are kept
};

namespace detail {

[[nodiscard]] inline std::size_t priors_of(const tensor_shape& priors) { return priors.size() / 8; }

}  // namespace detail

/// 1 x 1 x R x 7, R the most detections that there may be: keep_top_k of each picture, or all of each class. Throws
/// shape_error unless corrections are N x (P * 4), P * 4 for each class where they do not share one, scores
/// N x (P * classes) and priors 1 x 2 x (P * 4), axes behind the first of corrections and scores taken as one.
[[nodiscard]] inline tensor_shape infer_shape(const detection_output_params& p, const tensor_shape& corrections,
                                              const tensor_shape& scores, const tensor_shape& priors) {
  const auto count = [](const tensor_shape& s) { return s.rank() >= 2 && s.size() != 0 ? s.size() / s[0] : 0; };
  const bool has_priors =
      priors.rank() >= 3 && priors.size() != 0 && priors[0] == 1 && priors[1] == 2 && priors.size() % 8 == 0;
  detail::require<shape_error>(has_priors, "detection_output: priors of shape ", priors,
                               ", expected 1 x 2 x four for each");
  constexpr std::size_t limit = std::size_t{1} << 24U;
  detail::require<shape_error>(p.classes >= 1 && p.classes < limit, "detection_output: ", p.classes,
                               " classes, expected 1 to ", limit - 1);
  const std::size_t boxes = detail::priors_of(priors);
  const std::size_t places = tensor_shape{boxes, p.share_location ? 1 : p.classes, 4}.size();
  detail::require<shape_error>(
      count(corrections) == places && count(scores) == tensor_shape{boxes, p.classes}.size() &&
          corrections[0] == scores[0],
      "detection_output: corrections ", corrections, " and scores ", scores, " for ", boxes, " priors and ", p.classes,
      " classes, expected ", places, " and ", boxes * p.classes,
      " of each picture: as many as SSD's PriorBox makes (FaceBoxes' makes more of a size: that is faceboxes: true "
      "in prior_box_param)");
  detail::require<format_error>(p.overlap_threshold >= 0 && p.eta > 0 && p.eta <= 1,
                                "detection_output: got nms_threshold ", p.overlap_threshold, " and eta ", p.eta,
                                ", expected at least 0, and more than 0 up to 1");
  const bool has_background = p.background && *p.background < p.classes;
  const std::size_t most =
      tensor_shape{p.classes - (has_background ? 1 : 0), std::min(boxes, p.top_k.value_or(boxes))}.size();
  const std::size_t kept = std::max<std::size_t>(1, std::min(most, p.keep_top_k.value_or(most)));
  return {1, 1, tensor_shape{corrections[0], kept}.size(), 7};
}

namespace detail {

/// A corrected prior, in float64 with explicit fused multiply-adds, written as float.
[[nodiscard]] inline box corrected(const detection_output_params& p, const float* prior, const float* variance,
                                   const float* correction) {
  double c[4], b[4];
  for (std::size_t i = 0; i < 4; ++i) {
    b[i] = static_cast<double>(prior[i]);
    c[i] = static_cast<double>(correction[i]) * (p.variance_in_target ? 1.0 : static_cast<double>(variance[i]));
  }
  const double size[2] = {b[2] - b[0], b[3] - b[1]};
  double corner[4];
  if (p.code == box_code::center_size) {
    for (std::size_t i = 0; i < 2; ++i) {
      const double center = std::fma(c[i], size[i], (b[i] + b[2 + i]) / 2);
      const double half = exact_bits_exp(c[2 + i]) * size[i] / 2;
      corner[i] = center - half;
      corner[2 + i] = center + half;
    }
  } else {
    for (std::size_t i = 0; i < 4; ++i) {
      corner[i] = std::fma(c[i], p.code == box_code::corner_size ? size[i % 2] : 1.0, b[i]);
    }
  }
  return {static_cast<float>(corner[0]), static_cast<float>(corner[1]), static_cast<float>(corner[2]),
          static_cast<float>(corner[3])};
}

struct detection {
  float score;
  std::size_t label, prior;
};

}  // namespace detail

namespace reference {

/// The specification, after Caffe's: of each class but the background, scores above the threshold from the highest on
/// (of equal ones the first prior first), at most top_k; boxes that overlap a kept one by more than the threshold are
/// dropped; of all classes the keep_top_k best (of equal ones the lower class first) in the order of classes. A row has
/// the picture's index, the class, the score, left, top, right, bottom, not clipped. Caffe's output has as many rows as
/// detections; here they are followed by rows of -1, which is what Caffe gives where there are none.
inline void detection_output(tensor_view<const float> corrections, tensor_view<const float> scores,
                             tensor_view<const float> priors, const detection_output_params& p, tensor_view<float> y) {
  const std::size_t pictures = corrections.shape()[0], boxes = detail::priors_of(priors.shape());
  const std::size_t locations = p.share_location ? 1 : p.classes;
  std::fill(y.span().begin(), y.span().end(), -1.0F);
  float* out = y.data();
  std::vector<box> found(boxes);
  for (std::size_t picture = 0; picture < pictures; ++picture) {
    std::vector<detail::detection> all;
    const float* score = scores.data() + picture * boxes * p.classes;
    for (std::size_t label = 0; label < p.classes; ++label) {
      if (p.background == label) continue;
      const std::vector<std::size_t> best = places_of_largest({score, boxes * p.classes}, label, p.classes, boxes,
                                                              p.confidence_threshold, p.top_k.value_or(boxes));
      for (const std::size_t i : best) {
        const std::size_t at = ((picture * boxes + i) * locations + (p.share_location ? 0 : label)) * 4;
        found[i] =
            detail::corrected(p, priors.data() + i * 4, priors.data() + (boxes + i) * 4, corrections.data() + at);
      }
      for (const std::size_t i : suppressed(found, best, {p.overlap_threshold, p.eta, 0.0}, boxes)) {
        all.push_back({score[i * p.classes + label], label, i});
      }
    }
    if (p.keep_top_k && all.size() > *p.keep_top_k) {
      std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
      all.resize(*p.keep_top_k);
      std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.label < b.label; });
    }
    for (const detail::detection& d : all) {
      const std::size_t at = ((picture * boxes + d.prior) * locations + (p.share_location ? 0 : d.label)) * 4;
      const box b = detail::corrected(p, priors.data() + d.prior * 4, priors.data() + (boxes + d.prior) * 4,
                                      corrections.data() + at);
      const float row[7] = {static_cast<float>(picture), static_cast<float>(d.label), d.score, b.x1, b.y1, b.x2, b.y2};
      out = std::copy(row, row + 7, out);
    }
  }
}

}  // namespace reference

/// Checks, then evaluates into `y`, which must have the inferred shape. Allocates lists of the priors.
inline void detection_output_into(tensor_view<const float> corrections, tensor_view<const float> scores,
                                  tensor_view<const float> priors, const detection_output_params& p,
                                  tensor_view<float> y) {
  detail::require_output(y.shape(), infer_shape(p, corrections.shape(), scores.shape(), priors.shape()),
                         "detection_output");
  reference::detection_output(corrections, scores, priors, p, y);
}

/// The detections of corrections, scores and priors. Throws format_error for NaN.
template <tensor_like X, tensor_like Y, tensor_like Z>
[[nodiscard]] tensor<float> detection_output(const X& corrections, const Y& scores, const Z& priors,
                                             const detection_output_params& p) {
  const detail::op_input<float32, X> c(corrections, "detection_output corrections");
  const detail::op_input<float32, Y> s(scores, "detection_output scores");
  const detail::op_input<float32, Z> b(priors, "detection_output priors");
  auto y = make_tensor<float>(infer_shape(p, c.shape(), s.shape(), b.shape()));
  detection_output_into(c.view(), s.view(), b.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
