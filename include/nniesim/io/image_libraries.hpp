// JPEG by libjpeg and PNG by libpng, for programs that are linked with them and define NNIESIM_USE_LIBJPEG and
// NNIESIM_USE_LIBPNG, in all of their files alike. They are given files that were checked. Unlike stb_image they also
// say where coded data is damaged; libjpeg's pixels differ from stb_image's by up to 3, rarely 6.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#if defined(NNIESIM_USE_LIBJPEG)
#include <jpeglib.h>

#include <jerror.h>
#endif
#if defined(NNIESIM_USE_LIBPNG)
#include <png.h>
#endif

#include <nniesim/io/image_bytes.hpp>
#include <nniesim/io/jpeg_check.hpp>
#include <nniesim/io/png_check.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

// Both libraries leave by a jump where something is wrong, over frames that have no destructors: what they fill belongs
// to the caller, and the functions that jump have only plain variables.

#if defined(NNIESIM_USE_LIBJPEG)

struct libjpeg_errors {
  jpeg_error_mgr base;  // first, so that libjpeg's pointer to it is one to this
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];

  static libjpeg_errors& of(j_common_ptr info) { return *reinterpret_cast<libjpeg_errors*>(info->err); }
  [[noreturn]] static void fail(j_common_ptr info) {
    info->err->format_message(info, of(info).message);
    std::longjmp(of(info).jump, 1);
  }
  /// Warnings are of damaged data, but for these.
  static void warn(j_common_ptr info, int level) {
    const int code = info->err->msg_code;
    if (level < 0 && code != JWRN_JFIF_MAJOR && code != JWRN_ADOBE_XFORM && code != JWRN_NOT_SEQUENTIAL) fail(info);
  }
};

/// Decodes a file into `out`: of 1 or 3 components rows x columns x 3 bytes, RGB, of 4 rows x columns x 4 bytes, CMYK.
/// False, with the reason in `errors`, where it is damaged or has another size.
[[nodiscard]] inline bool fill_by_libjpeg(std::string_view bytes, const jpeg_header& size, std::uint8_t* out,
                                          libjpeg_errors& errors) {
  jpeg_decompress_struct info{};
  info.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = libjpeg_errors::fail;
  errors.base.emit_message = libjpeg_errors::warn;
  if (setjmp(errors.jump) != 0) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data())),
               static_cast<unsigned long>(bytes.size()));
  (void)jpeg_read_header(&info, TRUE);
  const int components = size.channels == 4 ? 4 : 3;
  info.out_color_space = components == 4 ? JCS_CMYK : JCS_RGB;
  info.dct_method = JDCT_ISLOW;
  info.do_block_smoothing = FALSE;
  (void)jpeg_start_decompress(&info);
  if (info.output_height != size.rows || info.output_width != size.columns || info.output_components != components) {
    std::snprintf(errors.message, sizeof(errors.message), "another size than in the frame");
    jpeg_destroy_decompress(&info);
    return false;
  }
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = out + std::size_t{info.output_scanline} * size.columns * static_cast<std::size_t>(components);
    (void)jpeg_read_scanlines(&info, &row, 1);
  }
  (void)jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return true;
}

/// A checked JPEG file. Ink is taken off as OpenCV does: of cyan k - ((255 - c) * k >> 8) is left, files having all
/// four inverted. Throws parse_error where its coded data is damaged.
[[nodiscard]] inline image decode_jpeg_by_libjpeg(std::string_view bytes, std::string_view file,
                                                  const jpeg_header& jpeg) {
  const std::size_t pixels = jpeg.rows * jpeg.columns;
  std::vector<std::uint8_t> filled(pixels * (jpeg.channels == 4 ? 4 : 3));
  libjpeg_errors errors{};
  const bool is_whole = fill_by_libjpeg(bytes, jpeg, filled.data(), errors);
  require<parse_error>(is_whole, file, ": byte 0: the picture cannot be decoded (libjpeg: ", errors.message, ")");
  if (jpeg.channels != 4) return {jpeg.rows, jpeg.columns, std::move(filled)};
  image result{jpeg.rows, jpeg.columns, std::vector<std::uint8_t>(pixels * 3)};
  for (std::size_t i = 0; i < pixels; ++i) {
    const int black = filled[i * 4 + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      result.pixels[i * 3 + c] = static_cast<std::uint8_t>(black - ((255 - filled[i * 4 + c]) * black >> 8));
    }
  }
  return result;
}

#endif

#if defined(NNIESIM_USE_LIBPNG)

struct libpng_source {
  const char* data;
  std::size_t left;
  std::jmp_buf jump;
  char message[200];

  [[noreturn]] static void fail(png_structp png, png_const_charp message) {
    auto& source = *static_cast<libpng_source*>(png_get_error_ptr(png));
    std::snprintf(source.message, sizeof(source.message), "%s", message);
    std::longjmp(source.jump, 1);
  }
  static void read(png_structp png, png_bytep to, std::size_t count) {
    auto& source = *static_cast<libpng_source*>(png_get_error_ptr(png));
    if (count > source.left) png_error(png, "the file ends");
    std::memcpy(to, source.data, count);
    source.data += count;
    source.left -= count;
  }
};

/// Decodes a checked file into the rows, columns x `channels` bytes each. False, with the reason in `source`, where it
/// is damaged.
[[nodiscard]] inline bool fill_by_libpng(const png_content& content, std::size_t row_bytes, png_bytepp rows,
                                         libpng_source& source) {
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, libpng_source::fail, libpng_source::fail);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  if (info == nullptr || setjmp(source.jump) != 0) {
    png_destroy_read_struct(&png, &info, nullptr);
    return false;
  }
  png_set_read_fn(png, &source, libpng_source::read);
  png_read_info(png, info);
  if (content.colour == png_content::indexed) {
    png_set_packing(png);  // its numbers of colours, a byte each
  } else {
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    if (content.colour == png_content::grey && content.depth < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (content.colour != png_content::rgb && content.colour != png_content::rgb_alpha) png_set_gray_to_rgb(png);
  }
  (void)png_set_interlace_handling(png);
  png_read_update_info(png, info);
  if (png_get_rowbytes(png, info) != row_bytes) png_error(png, "rows of another size");
  png_read_image(png, rows);
  png_read_end(png, nullptr);
  png_destroy_read_struct(&png, &info, nullptr);
  return true;
}

/// A checked PNG file. Throws parse_error where its filters or the stream's check sum are damaged.
[[nodiscard]] inline image decode_png_by_libpng(const png_content& png, std::string_view file) {
  const bool indexed = png.colour == png_content::indexed;
  const std::size_t row_bytes = png.columns * (indexed ? 1 : 3);
  std::vector<std::uint8_t> bytes(png.rows * row_bytes);
  std::vector<png_bytep> rows(png.rows);
  for (std::size_t y = 0; y < png.rows; ++y) rows[y] = bytes.data() + y * row_bytes;
  libpng_source source{png.decodable.data(), png.decodable.size(), {}, {}};
  const bool filled = fill_by_libpng(png, row_bytes, rows.data(), source);
  require<parse_error>(filled, file, ": byte 0: the picture cannot be decoded (libpng: ", source.message, ")");
  image result{png.rows, png.columns, {}};
  if (!indexed) {
    result.pixels = std::move(bytes);
    return result;
  }
  result.pixels.reserve(bytes.size() * 3);
  for (std::size_t i = 0; i < bytes.size(); ++i) append_colour(result.pixels, png, file, i, bytes[i]);
  return result;
}

#endif

}  // namespace detail

NNIESIM_END_NAMESPACE
