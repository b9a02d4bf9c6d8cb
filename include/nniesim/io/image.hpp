// Pictures: JPEG, PNG and BMP files, and OpenCV's bilinear resizing, bit for bit. A file may come from anywhere: all of
// it is checked before memory is taken for its pixels and before a decoder sees it.
#pragma once

#if !__has_include(<stb/stb_image.h>)
#error "nniesim/io/image.hpp needs the headers of stb (Debian: libstb-dev)"
#endif

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// stb_image as functions of each translation unit, without warnings for what is unused or its own style. Its memory
// begins as zeros, so that what a damaged picture leaves out is never what was there before. The sums of a damaged
// JPEG's coefficients may leave the range of int: they wrap.
#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#if defined(__clang__)
#pragma clang attribute push(__attribute__((no_sanitize("signed-integer-overflow"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC optimize("wrapv")
#endif
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#endif
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_STDIO
#define STBI_MALLOC(size) std::calloc(1, size)
#define STBI_REALLOC(memory, size) std::realloc(memory, size)
#define STBI_FREE(memory) std::free(memory)
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#include <stb/stb_image.h>
#undef STBI_ONLY_PNG
#undef STBI_ONLY_JPEG
#undef STBI_FREE
#undef STBI_REALLOC
#undef STBI_MALLOC
#undef STBI_NO_STDIO
#undef STB_IMAGE_IMPLEMENTATION
#undef STB_IMAGE_STATIC
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/io/bmp.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/io/image_bytes.hpp>
#include <nniesim/io/image_libraries.hpp>
#include <nniesim/io/jpeg_check.hpp>
#include <nniesim/io/png_check.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Larger files are refused unless the caller allows them.
inline constexpr std::uint64_t image_default_limit = std::uint64_t{128} << 20U;

namespace detail {

/// stb_image's pixels of a file that was checked, `channels` for each.
[[nodiscard]] inline std::vector<std::uint8_t> decode_by_stb(std::string_view bytes, std::string_view file,
                                                             std::size_t rows, std::size_t columns, int channels) {
  require<parse_error>(bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()), file, ": ",
                       bytes.size(), " bytes, expected less than 2 GiB");
  int x = 0;
  int y = 0;
  int of_file = 0;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes.data()), static_cast<int>(bytes.size()), &x, &y,
                            &of_file, channels),
      stbi_image_free);
  if (pixels == nullptr || static_cast<std::size_t>(x) != columns || static_cast<std::size_t>(y) != rows) {
    const char* const reason = stbi_failure_reason();
    throw parse_error(message(
        file, ": byte 0: the picture cannot be decoded (stb_image: ", reason == nullptr ? "unknown" : reason, ")"));
  }
  return {pixels.get(), pixels.get() + rows * columns * static_cast<std::size_t>(channels)};
}

/// A checked JPEG file by stb_image.
[[nodiscard]] inline image decode_jpeg_by_stb(std::string_view bytes, std::string_view file, const jpeg_header& jpeg) {
  return {jpeg.rows, jpeg.columns, decode_by_stb(bytes, file, jpeg.rows, jpeg.columns, 3)};
}

/// A checked PNG file by stb_image.
[[nodiscard]] inline image decode_png_by_stb(const png_content& png, std::string_view file) {
  image result{png.rows, png.columns, {}};
  if (png.colour != png_content::indexed) {
    result.pixels = decode_by_stb(png.decodable, file, png.rows, png.columns, 3);
    return result;
  }
  const std::vector<std::uint8_t> grey = decode_by_stb(png.decodable, file, png.rows, png.columns, 1);
  const std::uint32_t step = 255 / ((1U << png.depth) - 1);  // stb_image spreads grey over 0 .. 255
  result.pixels.reserve(grey.size() * 3);
  for (std::size_t i = 0; i < grey.size(); ++i) append_colour(result.pixels, png, file, i, grey[i] / step);
  return result;
}

}  // namespace detail

/// Decodes a JPEG, PNG or BMP file's bytes; `file` names it in messages. The whole file is checked before it is
/// decoded, by libjpeg and libpng where NNIESIM_USE_LIBJPEG and NNIESIM_USE_LIBPNG are defined, else by stb_image,
/// which takes coded data as far as it goes. libjpeg's pixels differ from stb_image's by up to 3, rarely 6;
/// libjpeg-turbo's are those of OpenCV's imread (287 files of all samplings, qualities and sizes, CMYK too), but for
/// the EXIF orientation, which that applies. 16-bit channels are cut to their upper 8 bits, transparency is dropped;
/// the EXIF orientation is not applied. Throws parse_error for other formats and for damaged or incomplete files,
/// shape_error for pictures beyond image_max_pixels and image_max_extent.
[[nodiscard]] inline image decode_image(std::string_view bytes, std::string_view file) {
  const detail::image_bytes view(bytes, file);
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) {
    const detail::png_content png = detail::check_png(view);
#if defined(NNIESIM_USE_LIBPNG)
    return detail::decode_png_by_libpng(png, file);
#else
    return detail::decode_png_by_stb(png, file);
#endif
  }
  if (bytes.starts_with("BM")) return detail::decode_bmp(view);
  if (!bytes.starts_with("\xff\xd8")) {
    view.fail(0, "got ", detail::excerpt(bytes.substr(0, 8)), ", expected JPEG, PNG or BMP");
  }
  const detail::jpeg_header jpeg = detail::check_jpeg(view);
#if defined(NNIESIM_USE_LIBJPEG)
  return detail::decode_jpeg_by_libjpeg(bytes, file, jpeg);
#else
  return detail::decode_jpeg_by_stb(bytes, file, jpeg);
#endif
}

/// Reads a picture. Throws as decode_image, and error for what cannot be read.
[[nodiscard]] inline image read_image(const std::filesystem::path& path,
                                      std::uint64_t max_bytes = image_default_limit) {
  return decode_image(detail::read_whole_file(path, max_bytes, "a picture"), path.string());
}

namespace detail {

/// Where an output row or column lies in the input: between `at` and the next one, with their weights in 1/2048.
struct resize_tap {
  std::ptrdiff_t at;
  std::int32_t first;
  std::int32_t second;
};

/// Taps of one axis. The centres of the outer pixels lie half a pixel within the border, positions are rounded to
/// float32, weights to 11 bits, halves to even.
[[nodiscard]] inline std::vector<resize_tap> resize_taps(std::size_t from, std::size_t to) {
  const double scale = 1.0 / (static_cast<double>(to) / static_cast<double>(from));
  std::vector<resize_tap> taps(to);
  for (std::size_t i = 0; i < to; ++i) {
    // A product and a difference, each rounded: as std::fma the product cannot be contracted with what follows.
    const double centre = std::fma(static_cast<double>(i) + 0.5, scale, 0.0);
    const auto position = static_cast<float>(centre - 0.5);
    const float whole = std::floor(position);
    const float fraction = position - whole;
    taps[i] = {static_cast<std::ptrdiff_t>(whole),
               static_cast<std::int32_t>(std::nearbyint((1.0F - fraction) * 2048.0F)),
               static_cast<std::int32_t>(std::nearbyint(fraction * 2048.0F))};
  }
  return taps;
}

}  // namespace detail

/// Bilinear resizing without smoothing, equal to OpenCV's cv::resize with INTER_LINEAR on 8-bit pixels. Throws
/// shape_error for sizes of 0 or beyond image_max_pixels and image_max_extent.
[[nodiscard]] inline image resize(const image& in, std::size_t rows, std::size_t columns) {
  detail::require_image_size(in.rows, in.columns, "resize: input");
  detail::require_image_size(rows, columns, "resize: result");
  detail::require<shape_error>(in.pixels.size() == in.rows * in.columns * 3, "resize: got ", in.pixels.size(),
                               " bytes for ", in.rows, " x ", in.columns, " pixels, expected 3 for each");
  if (rows == in.rows && columns == in.columns) return in;
  const auto vertical = detail::resize_taps(in.rows, rows);
  const auto horizontal = detail::resize_taps(in.columns, columns);
  const auto last_row = static_cast<std::ptrdiff_t>(in.rows) - 1;
  const auto last_column = static_cast<std::ptrdiff_t>(in.columns) - 1;

  image out{rows, columns, std::vector<std::uint8_t>(rows * columns * 3)};
  std::array<std::vector<std::int32_t>, 2> line;  // two input rows, resized along the columns, in 1/2048
  for (auto& l : line) l.resize(columns * 3);
  const auto fill = [&](std::vector<std::int32_t>& to, std::ptrdiff_t row) {
    const std::uint8_t* from = in.pixels.data() + static_cast<std::size_t>(row) * in.columns * 3;
    for (std::size_t x = 0; x < columns; ++x) {
      const detail::resize_tap& tap = horizontal[x];
      const auto a = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(tap.at, 0, last_column)) * 3;
      const auto b = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(tap.at + 1, 0, last_column)) * 3;
      for (std::size_t c = 0; c < 3; ++c) to[x * 3 + c] = from[a + c] * tap.first + from[b + c] * tap.second;
    }
  };
  for (std::size_t y = 0; y < rows; ++y) {
    const detail::resize_tap& tap = vertical[y];
    fill(line[0], std::clamp<std::ptrdiff_t>(tap.at, 0, last_row));
    fill(line[1], std::clamp<std::ptrdiff_t>(tap.at + 1, 0, last_row));
    std::uint8_t* const to = out.pixels.data() + y * columns * 3;
    for (std::size_t i = 0; i < columns * 3; ++i) {
      // OpenCV's steps. The two weights of a tap may add to 2049, hence the limit.
      const std::int32_t sum = (tap.first * (line[0][i] >> 4) >> 16) + (tap.second * (line[1][i] >> 4) >> 16);
      to[i] = static_cast<std::uint8_t>(std::clamp((sum + 2) >> 2, 0, 255));
    }
  }
  return out;
}

NNIESIM_END_NAMESPACE
