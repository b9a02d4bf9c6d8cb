// Pictures in YUV as cameras and boards have them (semi-planar, 4:2:0 and 4:2:2), and what a picture loses on the way
// to YUV and back: image_type 3 and 5 of the compiler's cfg.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/io/image_bytes.hpp>

NNIESIM_BEGIN_NAMESPACE

/// How many pixels share a pair of colour values.
enum class yuv_sampling {
  yuv420,  ///< 2 x 2: SVP_BLOB_TYPE_YVU420SP, image_type 3
  yuv422,  ///< 1 row x 2 columns: SVP_BLOB_TYPE_YVU422SP, image_type 5
};

/// Which of the two colour values comes first in memory.
enum class yuv_order {
  vu,  ///< as the names of the vendor's types say (NV21, NV61)
  uv,  ///< NV12, NV16
};

/// A conversion of single pixels between RGB and YUV, all of them bytes: encode(red, green, blue) gives Y, U, V, decode
/// the way back.
template <class P>
concept yuv_policy = requires(std::uint8_t b) {
  { P::encode(b, b, b) } -> std::same_as<std::array<std::uint8_t, 3>>;
  { P::decode(b, b, b) } -> std::same_as<std::array<std::uint8_t, 3>>;
};

/// BT.601 in studio range (Y 16 .. 235), in integers of 1/256. decode is the matrix that the vendor prints for the
/// successor's input stage (AIPP: 298, 516; 298, -100, -208; 298, 409; biases 16, 128, 128), shifted down; encode is
/// its usual counterpart, rounded. That the accelerator has the same numbers is our assumption; nothing is published.
struct bt601_studio {
  static constexpr const char* name = "BT.601 studio range";  ///< for messages and reports

  /// Y, U, V of a colour; U is the blue difference, V the red one.
  [[nodiscard]] static constexpr std::array<std::uint8_t, 3> encode(std::uint8_t red, std::uint8_t green,
                                                                    std::uint8_t blue) noexcept {
    const int r = red, g = green, b = blue;
    return {byte((66 * r + 129 * g + 25 * b + 128) / 256 + 16), byte((-38 * r - 74 * g + 112 * b + 32896) / 256),
            byte((112 * r - 94 * g - 18 * b + 32896) / 256)};
  }
  /// Red, green, blue of Y, U and V.
  [[nodiscard]] static constexpr std::array<std::uint8_t, 3> decode(std::uint8_t luma, std::uint8_t blue,
                                                                    std::uint8_t red) noexcept {
    const int y = 298 * (luma - 16), u = blue - 128, v = red - 128;
    return {shifted(y + 409 * v), shifted(y - 100 * u - 208 * v), shifted(y + 516 * u)};
  }

 private:
  [[nodiscard]] static constexpr std::uint8_t byte(int v) noexcept {
    return static_cast<std::uint8_t>(std::clamp(v, 0, 255));
  }
  [[nodiscard]] static constexpr std::uint8_t shifted(int v) noexcept { return v < 0 ? byte(0) : byte(v / 256); }
};

/// A picture in YUV: Y of every pixel row by row, then for each block of pixels its two colour values.
struct yuv_picture {
  std::size_t rows = 0;                          ///< of Y
  std::size_t columns = 0;                       ///< of Y
  yuv_sampling sampling = yuv_sampling::yuv420;  ///< which pixels share their colour values
  yuv_order order = yuv_order::vu;               ///< which of the two colour values comes first
  std::vector<std::uint8_t> luma{};              ///< rows x columns
  std::vector<std::uint8_t> colour{};            ///< colour_rows() x colour_columns() x 2

  /// Rows of pairs of colour values.
  [[nodiscard]] std::size_t colour_rows() const noexcept {
    return sampling == yuv_sampling::yuv420 ? (rows + 1) / 2 : rows;
  }
  /// Pairs of colour values in a row.
  [[nodiscard]] std::size_t colour_columns() const noexcept { return (columns + 1) / 2; }
};

namespace detail {

inline void require_yuv(const yuv_picture& p) {
  require_image_size(p.rows, p.columns, "YUV picture");
  require<shape_error>(
      p.luma.size() == p.rows * p.columns && p.colour.size() == p.colour_rows() * p.colour_columns() * 2,
      "YUV picture: got ", p.luma.size(), " and ", p.colour.size(), " bytes for ", p.rows, " x ", p.columns,
      " pixels, expected ", p.rows * p.columns, " and ", p.colour_rows() * p.colour_columns() * 2);
}

}  // namespace detail

/// A picture in YUV. A block's colour is the mean of its pixels' colours, halves rounded up; blocks at an odd edge have
/// the pixels that there are (our assumptions). Throws shape_error for sizes that image_max_pixels and image_max_extent
/// exclude, and pixels that are not rows x columns x 3.
template <yuv_policy Policy = bt601_studio>
[[nodiscard]] yuv_picture to_yuv(const image& picture, yuv_sampling sampling, yuv_order order = yuv_order::vu) {
  detail::require_image_size(picture.rows, picture.columns, "to YUV");
  detail::require<shape_error>(picture.pixels.size() == picture.rows * picture.columns * 3, "to YUV: got ",
                               picture.pixels.size(), " bytes for ", picture.rows, " x ", picture.columns,
                               " pixels, expected 3 for each");
  yuv_picture result{picture.rows, picture.columns, sampling, order, {}, {}};
  result.luma.resize(picture.rows * picture.columns);
  const std::size_t width = result.colour_columns();
  struct sum {
    std::uint32_t u = 0, v = 0, count = 0;
  };
  std::vector<sum> sums(result.colour_rows() * width);
  for (std::size_t y = 0; y < picture.rows; ++y) {
    for (std::size_t x = 0; x < picture.columns; ++x) {
      const std::uint8_t* rgb = picture.pixels.data() + (y * picture.columns + x) * 3;
      const std::array<std::uint8_t, 3> yuv = Policy::encode(rgb[0], rgb[1], rgb[2]);
      result.luma[y * picture.columns + x] = yuv[0];
      sum& s = sums[(sampling == yuv_sampling::yuv420 ? y / 2 : y) * width + x / 2];
      s.u += yuv[1];
      s.v += yuv[2];
      ++s.count;
    }
  }
  result.colour.reserve(sums.size() * 2);
  for (const sum& s : sums) {
    const auto u = static_cast<std::uint8_t>((s.u + s.count / 2) / s.count);
    const auto v = static_cast<std::uint8_t>((s.v + s.count / 2) / s.count);
    result.colour.push_back(order == yuv_order::uv ? u : v);
    result.colour.push_back(order == yuv_order::uv ? v : u);
  }
  return result;
}

/// A picture of YUV. Every pixel has the colour of its block (our assumption: nothing is interpolated). Throws
/// shape_error for planes of another size than rows and columns say.
template <yuv_policy Policy = bt601_studio>
[[nodiscard]] image from_yuv(const yuv_picture& picture) {
  detail::require_yuv(picture);
  image result{picture.rows, picture.columns, std::vector<std::uint8_t>(picture.rows * picture.columns * 3)};
  const std::size_t first_is_u = picture.order == yuv_order::uv ? 0 : 1;
  for (std::size_t y = 0; y < picture.rows; ++y) {
    for (std::size_t x = 0; x < picture.columns; ++x) {
      const std::size_t row = picture.sampling == yuv_sampling::yuv420 ? y / 2 : y;
      const std::uint8_t* pair = picture.colour.data() + (row * picture.colour_columns() + x / 2) * 2;
      const auto rgb = Policy::decode(picture.luma[y * picture.columns + x], pair[first_is_u], pair[1 - first_is_u]);
      std::copy(rgb.begin(), rgb.end(),
                result.pixels.begin() + static_cast<std::ptrdiff_t>((y * picture.columns + x) * 3));
    }
  }
  return result;
}

/// What is left of a picture that is given to the network in YUV. Throws as to_yuv.
template <yuv_policy Policy = bt601_studio>
[[nodiscard]] image through_yuv(const image& picture, yuv_sampling sampling) {
  return from_yuv<Policy>(to_yuv<Policy>(picture, sampling));
}

NNIESIM_END_NAMESPACE
