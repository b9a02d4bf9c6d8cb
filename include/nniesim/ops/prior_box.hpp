// PriorBox: the boxes that a single-shot detector (SSD) corrects. The accelerator has no such layer; it runs on the
// CPU.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Sizes and steps in pixels of the picture.
struct prior_box_params {
  std::vector<float> min_sizes{};                         ///< sides of squares; 1 to 1000 of them
  std::vector<float> max_sizes{};                         ///< none, or one for each of min_sizes and larger
  std::vector<float> aspect_ratios{};                     ///< beside 1
  bool flip = true;                                       ///< of each ratio its inverse, too
  bool clip = false;                                      ///< to the picture
  std::array<float, 4> variance{0.1F, 0.1F, 0.1F, 0.1F};  ///< of a correction's four numbers, each more than 0
  std::array<std::size_t, 2> image{0, 0};  ///< rows and columns of the picture; 0: those of the second input
  std::array<float, 2> step{0, 0};         ///< between centres, rows and columns; 0: the picture's over the map's
  float offset = 0.5F;                     ///< of the first centre, in steps
  /// FaceBoxes': squares alone, which reach from the middle of a pixel to that of another; those of 32 and 64 pixels
  /// stand 4 x 4 and 2 x 2 to a step of 32.
  bool dense = false;
};

namespace detail {

/// The aspect ratios but 1, each once.
[[nodiscard]] inline std::vector<double> ratios_of(const prior_box_params& p) {
  std::vector<double> all{1.0};
  for (const float given : p.aspect_ratios) {
    const auto ratio = static_cast<double>(given);
    const bool is_new = std::none_of(all.begin(), all.end(), [&](double r) { return std::fabs(ratio - r) < 1e-6; });
    if (!is_new) continue;
    all.push_back(ratio);
    if (p.flip) all.push_back(1.0 / ratio);
  }
  all.erase(all.begin());
  return all;
}

/// How many squares of a min_size stand side by side at a place.
[[nodiscard]] inline std::size_t squares_of(const prior_box_params& p, float min_size) noexcept {
  return !p.dense ? 1 : min_size == 32.0F ? 4 : min_size == 64.0F ? 2 : 1;
}

}  // namespace detail

/// 1 x 2 x (H * W * boxes * 4). Throws shape_error where the inputs are not N x C x H x W, format_error for sizes that
/// are none.
[[nodiscard]] inline tensor_shape infer_shape(const prior_box_params& p, const tensor_shape& map,
                                              const tensor_shape& picture) {
  require_rank(map, 4, "prior_box input", "batch, channels, rows, columns");
  require_rank(picture, 4, "prior_box picture", "batch, channels, rows, columns");
  const auto is_size = [](float v) { return std::isfinite(v) && v > 0; };
  const auto require_sizes = [&](const std::vector<float>& values, std::string_view what) {
    for (const float v : values) {
      detail::require<format_error>(is_size(v), "prior_box: got ", what, " ", v, ", expected more than 0");
    }
  };
  require_sizes(p.min_sizes, "min_size");
  require_sizes(p.max_sizes, "max_size");
  require_sizes(p.aspect_ratios, "aspect_ratio");
  require_sizes({p.variance.begin(), p.variance.end()}, "variance");
  detail::require<format_error>(!p.min_sizes.empty() && p.min_sizes.size() <= 1000 && p.aspect_ratios.size() <= 1000,
                                "prior_box: got ", p.min_sizes.size(), " min_size and ", p.aspect_ratios.size(),
                                " aspect_ratio, expected at least one and at most 1000");
  detail::require<format_error>(p.max_sizes.empty() || p.max_sizes.size() == p.min_sizes.size(), "prior_box: got ",
                                p.max_sizes.size(), " max_size for ", p.min_sizes.size(),
                                " min_size, expected none or as many");
  for (std::size_t i = 0; i < p.max_sizes.size(); ++i) {
    detail::require<format_error>(p.max_sizes[i] > p.min_sizes[i], "prior_box: got max_size ", p.max_sizes[i],
                                  " for min_size ", p.min_sizes[i], ", expected more");
  }
  for (const float s : p.step) {
    detail::require<format_error>(std::isfinite(s) && s >= 0, "prior_box: got step ", s, ", expected at least 0");
  }
  detail::require<format_error>(std::isfinite(p.offset), "prior_box: got offset ", p.offset, ", expected a number");
  std::size_t squares = 0;
  for (const float v : p.min_sizes) squares += detail::squares_of(p, v) * detail::squares_of(p, v);
  detail::require<format_error>(!p.dense || (p.max_sizes.empty() && detail::ratios_of(p).empty() &&
                                             squares == (p.min_sizes.size() == 3 ? 21 : p.min_sizes.size())),
                                "prior_box: got faceboxes with ", squares, " squares of ", p.min_sizes.size(),
                                " min_size, ", p.max_sizes.size(), " max_size and ", p.aspect_ratios.size(),
                                " aspect_ratio, expected min_size alone: 32, 64 and a third, or any but these");
  const std::size_t boxes = detail::ratios_of(p).size() * p.min_sizes.size() + squares + p.max_sizes.size();
  const std::size_t places = tensor_shape{map[2], map[3], boxes, 4}.size();
  return {1, 2, places};
}

namespace reference {

/// The specification. Rows of the map, columns, then boxes: of each min_size a square of it, with max_sizes one of
/// sqrt(min * max), then of each other ratio min * sqrt(ratio) x min / sqrt(ratio); left, top, right, bottom over the
/// picture's size. Dense squares stand row by row, and are a pixel less wide. The second channel repeats the variances.
/// In float64, each written as float (Caffe: float32).
inline void prior_box(const prior_box_params& p, const tensor_shape& map, const tensor_shape& picture,
                      tensor_view<float> y) {
  const std::array size{static_cast<double>(p.image[0] != 0 ? p.image[0] : picture[2]),
                        static_cast<double>(p.image[1] != 0 ? p.image[1] : picture[3])};
  double step[2];
  for (std::size_t i = 0; i < 2; ++i) {
    step[i] = p.step[i] > 0 ? static_cast<double>(p.step[i]) : size[i] / static_cast<double>(map[2 + i]);
  }
  const std::vector<double> ratios = detail::ratios_of(p);
  std::size_t at = 0;
  const auto put = [&](std::size_t row, std::size_t column, double height, double width,
                       const std::array<double, 2>& shift = {0, 0}) {
    const double half[2] = {height / 2, width / 2};
    const double place[2] = {static_cast<double>(row) + static_cast<double>(p.offset),
                             static_cast<double>(column) + static_cast<double>(p.offset)};
    for (const double side : {-1.0, 1.0}) {
      for (const std::size_t axis : {std::size_t{1}, std::size_t{0}}) {
        const double v = std::fma(place[axis], step[axis], shift[axis] + side * half[axis]) / size[axis];
        y[at++] = static_cast<float>(p.clip ? std::clamp(v, 0.0, 1.0) : v);
      }
    }
  };
  for (std::size_t row = 0; row < map[2]; ++row) {
    for (std::size_t column = 0; column < map[3]; ++column) {
      for (std::size_t i = 0; i < p.min_sizes.size(); ++i) {
        const auto least = static_cast<double>(p.min_sizes[i]);
        const std::size_t side_by_side = detail::squares_of(p, p.min_sizes[i]);
        const double side = p.dense ? least - 1 : least, apart = 32.0 / static_cast<double>(side_by_side);
        for (std::size_t n = 0; n < side_by_side * side_by_side; ++n) {
          const auto shift = [&](std::size_t k) {
            return apart * (static_cast<double>(k) - static_cast<double>(side_by_side / 2));
          };
          put(row, column, side, side, {shift(n / side_by_side), shift(n % side_by_side)});
        }
        if (!p.max_sizes.empty()) {
          const double mean = std::sqrt(least * static_cast<double>(p.max_sizes[i]));
          put(row, column, mean, mean);
        }
        for (const double ratio : ratios) put(row, column, least / std::sqrt(ratio), least * std::sqrt(ratio));
      }
    }
  }
  for (std::size_t i = 0; at < y.size(); ++i) y[at++] = p.variance[i % 4];
}

}  // namespace reference

/// Checks, then evaluates into `y`, which must have the inferred shape; only the inputs' shapes count.
inline void prior_box_into(const prior_box_params& p, const tensor_shape& map, const tensor_shape& picture,
                           tensor_view<float> y) {
  detail::require_output(y.shape(), infer_shape(p, map, picture), "prior_box");
  reference::prior_box(p, map, picture, y);
}

/// The boxes of a map of a picture.
[[nodiscard]] inline tensor<float> prior_box(const prior_box_params& p, const tensor_shape& map,
                                             const tensor_shape& picture) {
  auto y = make_tensor<float>(infer_shape(p, map, picture));
  prior_box_into(p, map, picture, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
