// BMP files without compression: 1, 4 or 8 bits with a palette, 16 and 32 bits with masks, 24 bits.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <nniesim/io/image_bytes.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// A channel within a pixel's bits.
struct bmp_channel {
  std::uint32_t mask = 0;

  [[nodiscard]] bool usable() const noexcept {
    if (mask == 0) return false;
    const std::uint32_t low = mask >> std::countr_zero(mask);
    return (low & (low + 1)) == 0 && low <= 255;
  }
  /// In 8 bits: its bits, repeated from the top.
  [[nodiscard]] std::uint8_t of(std::uint32_t pixel) const noexcept {
    const int count = std::popcount(mask);
    const std::uint32_t value = (pixel & mask) >> std::countr_zero(mask);
    std::uint32_t result = 0;
    for (int shift = 8 - count; shift > -count; shift -= count) result |= shift >= 0 ? value << shift : value >> -shift;
    return static_cast<std::uint8_t>(result);
  }
};

/// Decodes a BMP file. Throws parse_error with the offset, shape_error for a size that no picture may have.
[[nodiscard]] inline image decode_bmp(const image_bytes& file) {
  constexpr std::size_t file_header = 14;
  constexpr std::uint32_t oldest = 12, masks_end = 52;  // sizes of headers
  file.require(file.all().starts_with("BM"), 0, "got no signature of a BMP file");
  const std::size_t data = file.little32(10);
  const std::uint32_t header = file.little32(file_header);
  file.require(
      header == oldest || header == 40 || header == masks_end || header == 56 || header == 108 || header == 124,
      file_header, "BMP: got a header of ", header, " bytes, expected 12, 40, 52, 56, 108 or 124");
  const bool old = header == oldest;
  const std::uint32_t width = old ? file.little16(18) : file.little32(18);
  const std::uint32_t height = old ? file.little16(20) : file.little32(22);
  const bool upwards = height < 0x80000000U;  // negative: from the top
  image result{upwards ? height : 0U - height, width, {}};
  require_image_size(result.rows, result.columns, concat(file.file(), ": byte 18: BMP"));
  const std::size_t planes_at = old ? 22 : 26;
  const std::uint32_t planes = file.little16(planes_at);
  const std::uint32_t bits = file.little16(planes_at + 2);
  file.require(planes == 1, planes_at, "BMP: got ", planes, " planes, expected 1");
  file.require(bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 24 || bits == 32, planes_at + 2,
               "BMP: got ", bits, " bits for a pixel, expected 1, 4, 8, 16, 24 or 32");
  const std::uint32_t compression = old ? 0 : file.little32(30);
  file.require(compression == 0 || (compression == 3 && (bits == 16 || bits == 32)), 30, "BMP: got compression ",
               compression, " of ", bits, " bits, expected 0, or 3 (masks) of 16 or 32 bits");

  std::array<bmp_channel, 3> channels{bmp_channel{0xff0000U}, {0xff00U}, {0xffU}};
  if (bits == 16) channels = {bmp_channel{0x7c00U}, {0x3e0U}, {0x1fU}};
  std::size_t end = file_header + header;
  if (compression == 3) {
    for (std::size_t c = 0; c < 3; ++c) {
      const std::size_t at = file_header + 40 + c * 4;
      channels[c].mask = file.little32(at);
      file.require(channels[c].usable(), at, "BMP: got the mask ", channels[c].mask, ", expected 1 .. 8 bits in a row");
    }
    end = std::max<std::size_t>(end, file_header + masks_end);
  }
  file.require(data >= end, 10, "BMP: got pixels at byte ", data, ", expected after the header, which ends at ", end);
  const std::size_t entry = old ? 3 : 4;
  std::size_t colours = 0;
  if (bits <= 8) {
    const std::uint32_t said = old ? 0 : file.little32(46);
    file.require(said <= 256, 46, "BMP: got ", said, " colours, expected at most 256");
    const std::size_t between = (data - end) / entry;  // files that do not say use what stands before the pixels
    colours = said != 0 ? said : std::min(between, std::size_t{1} << bits);
    file.require(colours >= 1 && colours <= between, 46, "BMP: got ", colours, " colours, and place for ", between,
                 " before the pixels, expected at least one, and place for all");
  }
  const std::size_t stride = (result.columns * bits + 31) / 32 * 4;
  (void)file.range(data, stride * result.rows);

  result.pixels.resize(result.rows * result.columns * 3);
  std::uint8_t* out = result.pixels.data();
  for (std::size_t y = 0; y < result.rows; ++y) {
    const std::size_t row = data + stride * (upwards ? result.rows - 1 - y : y);
    for (std::size_t x = 0; x < result.columns; ++x, out += 3) {
      if (bits <= 8) {
        const std::size_t per_byte = 8 / bits;
        const std::size_t at = row + x / per_byte;
        const std::size_t index = file.byte(at) >> (8 - bits * (x % per_byte + 1)) & ((1U << bits) - 1);
        file.require(index < colours, at, "BMP: got colour ", index, " of a palette of ", colours);
        for (std::size_t c = 0; c < 3; ++c) out[c] = static_cast<std::uint8_t>(file.byte(end + index * entry + 2 - c));
      } else if (bits == 24) {
        for (std::size_t c = 0; c < 3; ++c) out[c] = static_cast<std::uint8_t>(file.byte(row + x * 3 + 2 - c));
      } else {
        const std::uint32_t pixel = bits == 16 ? file.little16(row + x * 2) : file.little32(row + x * 4);
        for (std::size_t c = 0; c < 3; ++c) out[c] = channels[c].of(pixel);
      }
    }
  }
  return result;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
