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

/// What the header of a BMP file says; its pixels are all there.
struct bmp_layout {
  std::size_t rows = 0;
  std::size_t columns = 0;
  bool is_upwards = true;  ///< the last row comes first
  std::uint32_t bits = 0;  ///< of a pixel: 1, 4, 8 with a palette, 16, 32 with masks, 24
  std::array<bmp_channel, 3> channels{bmp_channel{0xff0000U}, {0xff00U}, {0xffU}};
  std::size_t palette = 0;  ///< offset of the palette
  std::size_t entry = 0;    ///< bytes of a colour there
  std::size_t colours = 0;  ///< of the palette
  std::size_t data = 0;     ///< offset of the pixels
  std::size_t stride = 0;   ///< bytes from row to row
};

/// The sizes that a header may have; the oldest one, and where masks end in the others.
inline constexpr std::uint32_t bmp_oldest_header = 12, bmp_masks_end = 52;
inline constexpr std::size_t bmp_file_header = 14;

/// Reads the masks and the palette, which stand between the header, of `header` bytes, and the pixels.
inline void read_bmp_colours(const image_bytes& file, std::uint32_t header, bool has_masks, bmp_layout& b) {
  if (b.bits == 16) b.channels = {bmp_channel{0x7c00U}, {0x3e0U}, {0x1fU}};
  std::size_t end = bmp_file_header + header;
  if (has_masks) {
    for (std::size_t c = 0; c < 3; ++c) {
      const std::size_t at = bmp_file_header + 40 + c * 4;
      b.channels[c].mask = file.little32(at);
      file.require(b.channels[c].usable(), at, "BMP: got the mask ", b.channels[c].mask,
                   ", expected 1 .. 8 bits in a row");
    }
    end = std::max<std::size_t>(end, bmp_file_header + bmp_masks_end);
  }
  file.require(b.data >= end, 10, "BMP: got pixels at byte ", b.data, ", expected after the header, which ends at ",
               end);
  const bool old = header == bmp_oldest_header;
  b.palette = end;
  b.entry = old ? 3 : 4;
  if (b.bits > 8) return;
  const std::uint32_t said = old ? 0 : file.little32(46);
  file.require(said <= 256, 46, "BMP: got ", said, " colours, expected at most 256");
  const std::size_t between = (b.data - end) / b.entry;  // files that do not say use what stands before the pixels
  b.colours = said != 0 ? said : std::min(between, std::size_t{1} << b.bits);
  file.require(b.colours >= 1 && b.colours <= between, 46, "BMP: got ", b.colours, " colours, and place for ", between,
               " before the pixels, expected at least one, and place for all");
}

/// Reads everything before the pixels. Throws as decode_bmp.
[[nodiscard]] inline bmp_layout read_bmp_layout(const image_bytes& file) {
  file.require(file.all().starts_with("BM"), 0, "got no signature of a BMP file");
  bmp_layout b;
  b.data = file.little32(10);
  const std::uint32_t header = file.little32(bmp_file_header);
  const bool old = header == bmp_oldest_header;
  file.require(old || header == 40 || header == bmp_masks_end || header == 56 || header == 108 || header == 124,
               bmp_file_header, "BMP: got a header of ", header, " bytes, expected 12, 40, 52, 56, 108 or 124");
  b.columns = old ? file.little16(18) : file.little32(18);
  const std::uint32_t height = old ? file.little16(20) : file.little32(22);
  b.is_upwards = height < 0x80000000U;  // negative: from the top
  b.rows = b.is_upwards ? height : 0U - height;
  require_image_size(b.rows, b.columns, message(file.file(), ": byte 18: BMP"));
  const std::size_t planes_at = old ? 22 : 26;
  const std::uint32_t planes = file.little16(planes_at);
  b.bits = file.little16(planes_at + 2);
  file.require(planes == 1, planes_at, "BMP: got ", planes, " planes, expected 1");
  file.require(b.bits == 1 || b.bits == 4 || b.bits == 8 || b.bits == 16 || b.bits == 24 || b.bits == 32, planes_at + 2,
               "BMP: got ", b.bits, " bits for a pixel, expected 1, 4, 8, 16, 24 or 32");
  const std::uint32_t compression = old ? 0 : file.little32(30);
  file.require(compression == 0 || (compression == 3 && (b.bits == 16 || b.bits == 32)), 30, "BMP: got compression ",
               compression, " of ", b.bits, " bits, expected 0, or 3 (masks) of 16 or 32 bits");
  read_bmp_colours(file, header, compression == 3, b);
  b.stride = (b.columns * b.bits + 31) / 32 * 4;
  (void)file.range(b.data, b.stride * b.rows);
  return b;
}

/// Decodes a BMP file. Throws parse_error with the offset, shape_error for a size that no picture may have.
[[nodiscard]] inline image decode_bmp(const image_bytes& file) {
  const bmp_layout b = read_bmp_layout(file);
  image result{b.rows, b.columns, {}};
  result.pixels.resize(result.rows * result.columns * 3);
  std::uint8_t* out = result.pixels.data();
  for (std::size_t y = 0; y < result.rows; ++y) {
    const std::size_t row = b.data + b.stride * (b.is_upwards ? result.rows - 1 - y : y);
    for (std::size_t x = 0; x < result.columns; ++x, out += 3) {
      if (b.bits <= 8) {
        const std::size_t per_byte = 8 / b.bits;
        const std::size_t at = row + x / per_byte;
        const std::size_t index = file.byte(at) >> (8 - b.bits * (x % per_byte + 1)) & ((1U << b.bits) - 1);
        file.require(index < b.colours, at, "BMP: got colour ", index, " of a palette of ", b.colours);
        const std::size_t colour = b.palette + index * b.entry;
        for (std::size_t c = 0; c < 3; ++c) out[c] = static_cast<std::uint8_t>(file.byte(colour + 2 - c));
      } else if (b.bits == 24) {
        for (std::size_t c = 0; c < 3; ++c) out[c] = static_cast<std::uint8_t>(file.byte(row + x * 3 + 2 - c));
      } else {
        const std::uint32_t pixel = b.bits == 16 ? file.little16(row + x * 2) : file.little32(row + x * 4);
        for (std::size_t c = 0; c < 3; ++c) out[c] = b.channels[c].of(pixel);
      }
    }
  }
  return result;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
