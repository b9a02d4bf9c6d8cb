// Regions of interest as lists have them: R x 5, each the index of a picture of the batch, then left, top, right,
// bottom in pixels of the picture.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string_view>

#include <nniesim/ops/input.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Throws shape_error unless there are R x 5 regions (axes of extent 1 may follow) and N x C x H x W maps of extents
/// under 2^24.
inline void require_regions(const tensor_shape& x, const tensor_shape& regions, std::string_view what) {
  require_rank(x, 4, message(what, " input"), "batch, channels, rows, columns");
  constexpr std::size_t limit = std::size_t{1} << 24U;
  require<shape_error>(
      regions.rank() >= 2 && regions.size() == regions[0] * 5 && regions.size() != 0 && regions[1] == 5, what,
      ": regions of shape ", regions, ", expected R x 5: picture, left, top, right, bottom");
  require<shape_error>(x[2] < limit && x[3] < limit, what, ": input ", x, ", expected rows and columns under ", limit);
}

/// From pixels of the picture to those of the map. Up to 1024, far more than any network has, places stay finite.
inline void require_spatial_scale(float scale, std::string_view what) {
  constexpr float most = 1024.0F;
  require<format_error>(scale > 0.0F && scale <= most, what, ": got spatial_scale ", scale,
                        ", expected more than 0 and at most ", most);
}

struct region {
  std::size_t picture;
  std::array<float, 4> corner;  ///< left, top, right, bottom
};

/// The r-th region of a list; nothing for the row that stands for none, which begins with -1. Throws format_error for a
/// picture that is not there and for NaN.
template <precision_policy P>
[[nodiscard]] std::optional<region> region_of(tensor_view<const value_t<P>> regions, std::size_t r,
                                              std::size_t pictures, std::string_view what) {
  const auto at = [&](std::size_t i) { return P::output::to_float(regions[r * 5 + i]); };
  const float picture = at(0);
  if (picture == -1.0F) return std::nullopt;
  const bool is_there = picture >= 0 && picture < static_cast<float>(pictures) && picture == std::floor(picture);
  require<format_error>(is_there, what, ": region ", r, " of picture ", picture, ", expected 0 to ", pictures - 1,
                        ", or -1 for none");
  region result{static_cast<std::size_t>(picture), {}};
  for (std::size_t i = 0; i < 4; ++i) {
    result.corner[i] = at(1 + i);
    require<format_error>(result.corner[i] == result.corner[i], what, ": region ", r, ": NaN, expected numbers");
  }
  return result;
}

/// Throws as region_of for the first region that is none.
template <precision_policy P>
void check_regions(tensor_view<const value_t<P>> regions, std::size_t pictures, std::string_view what) {
  for (std::size_t r = 0; r < regions.shape()[0]; ++r) (void)region_of<P>(regions, r, pictures, what);
}

/// A place as a whole number that is within 2^24 of the map, so that sums of a few are exact in float.
[[nodiscard]] inline float near_map(float place) noexcept {
  constexpr float far = 0x1p23F;
  return std::clamp(place, -far, far);
}

/// A float as an index from 0 to n.
[[nodiscard]] inline std::size_t index_in(float place, std::size_t n) noexcept {
  return static_cast<std::size_t>(std::clamp(place, 0.0F, static_cast<float>(n)));
}

}  // namespace detail

NNIESIM_END_NAMESPACE
