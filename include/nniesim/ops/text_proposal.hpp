// TextProposal: from scores and corrections of anchors one above the other to pieces of lines of text (CTPN). The
// accelerator has no such layer; it runs on the CPU.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>

#include <nniesim/core/exp.hpp>
#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Parameters of the proposal layer of CTPN.
struct text_proposal_params {
  std::size_t stride = 16;  ///< pixels of the picture between places of the map
};

namespace detail {

/// CTPN's anchors are 16 pixels wide; these are their heights, as its code (Python 2) rounds them to whole pixels.
inline constexpr std::array<int, 10> text_heights{11, 16, 23, 33, 48, 68, 97, 139, 198, 283};

/// First and last row of an anchor at the map's first place: 7.5 less and plus half of the height, toward zero.
[[nodiscard]] constexpr std::array<int, 2> text_anchor(int height) noexcept {
  const int half = height / 2;
  return {half < 8 ? 7 - half : 8 - half, 7 + half};
}

}  // namespace detail

/// A x 4 for the A anchors of all places. Throws shape_error unless scores and corrections are of one picture, with two
/// channels for each of ten anchors and one size, and the picture is 1 x at least 2; format_error for a stride outside
/// 1 to 2^20.
[[nodiscard]] inline tensor_shape infer_shape(const text_proposal_params& p, const tensor_shape& scores,
                                              const tensor_shape& corrections, const tensor_shape& picture) {
  constexpr std::size_t anchors = detail::text_heights.size();
  detail::require<format_error>(p.stride >= 1 && p.stride <= (std::size_t{1} << 20U), "text_proposal: got stride ",
                                p.stride, ", expected 1 to ", std::size_t{1} << 20U);
  detail::require<shape_error>(
      scores.rank() == 4 && scores == corrections && scores[0] == 1 && scores[1] == 2 * anchors && scores.size() != 0,
      "text_proposal: scores ", scores, " and corrections ", corrections, ", expected one picture of ", 2 * anchors,
      " channels and one size");
  detail::require<shape_error>(picture.rank() >= 1 && picture[0] == 1 && picture.size() >= 2, "text_proposal: picture ",
                               picture, ", expected 1 x 3: height, width, scale");
  return {scores.size() / 2, 4};
}

namespace reference {

/// The specification, CTPN's: rows of the map, columns, anchors. A correction moves the anchor's middle by a part of
/// its height, and gives the logarithm of the height's factor; columns stay. A row has left, top, right, bottom,
/// clipped to the picture; corrections that give no numbers leave NaN there. In float64 with explicit fused
/// multiply-adds; heights and tops are written as float before they are added. `found_scores` are those of the channels
/// behind the first ten; it may be empty.
inline void text_proposal(tensor_view<const float> scores, tensor_view<const float> corrections,
                          const std::array<double, 2>& picture, const text_proposal_params& p, tensor_view<float> y,
                          std::span<float> found_scores) {
  constexpr std::size_t anchors = detail::text_heights.size();
  const std::size_t columns = scores.shape()[3], map = scores.shape()[2] * columns;
  for (std::size_t at = 0; at < map; ++at) {
    const double top = static_cast<double>(at / columns * p.stride),
                 left = static_cast<double>(at % columns * p.stride);
    for (std::size_t a = 0; a < anchors; ++a) {
      const auto [first, last] = detail::text_anchor(detail::text_heights[a]);
      const double height = last - first + 1, middle = top + (first + last) / 2.0;
      const auto correction = [&](std::size_t i) { return static_cast<double>(corrections[(2 * a + i) * map + at]); };
      const auto new_height = static_cast<float>(exact_bits_exp(correction(1)) * height);
      const auto new_top =
          static_cast<float>(std::fma(correction(0), height, middle) - static_cast<double>(new_height) / 2);
      const auto put = [&](std::size_t side, double v) {
        y[(at * anchors + a) * 4 + side] = static_cast<float>(std::max(std::min(v, picture[1 - side % 2] - 1), 0.0));
      };
      put(0, left);
      put(1, static_cast<double>(new_top));
      put(2, left + 15);
      put(3, static_cast<double>(new_top + new_height));
      if (!found_scores.empty()) found_scores[at * anchors + a] = scores[(anchors + a) * map + at];
    }
  }
}

}  // namespace reference

/// Checks, then evaluates into `y`, which must have the inferred shape, and into found_scores, which has a place for
/// each anchor or none. Throws as infer_shape, and format_error for a picture that has no size.
inline void text_proposal_into(tensor_view<const float> scores, tensor_view<const float> corrections,
                               tensor_view<const float> picture, const text_proposal_params& p, tensor_view<float> y,
                               std::span<float> found_scores = {}) {
  detail::require_output(y.shape(), infer_shape(p, scores.shape(), corrections.shape(), picture.shape()),
                         "text_proposal");
  detail::require<shape_error>(found_scores.empty() || found_scores.size() == y.shape()[0],
                               "text_proposal: ", found_scores.size(), " places for scores of ", y.shape()[0],
                               " anchors");
  const std::array size{static_cast<double>(picture[0]), static_cast<double>(picture[1])};
  for (const double v : size) {
    detail::require<format_error>(v >= 1 && v < 0x1p20, "text_proposal: picture ", size[0], " x ", size[1],
                                  ", expected at least 1 x 1 and below 2^20");
  }
  reference::text_proposal(scores, corrections, size, p, y, found_scores);
}

/// The pieces of scores and corrections. Throws format_error for NaN.
template <tensor_like X, tensor_like Y, tensor_like Z>
[[nodiscard]] tensor<float> text_proposal(const X& scores, const Y& corrections, const Z& picture,
                                          const text_proposal_params& p = {}) {
  const detail::op_input<float32, X> s(scores, "text_proposal scores");
  const detail::op_input<float32, Y> c(corrections, "text_proposal corrections");
  const detail::op_input<float32, Z> i(picture, "text_proposal picture");
  auto y = make_tensor<float>(infer_shape(p, s.shape(), c.shape(), i.shape()));
  text_proposal_into(s.view(), c.view(), i.view(), p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
