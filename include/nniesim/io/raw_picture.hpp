// Pictures and feature maps without a header, as boards and their tools have them: .bgr, .rgb, .yuv and .bin files,
// planes one after the other, rows padded to a stride.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/io/image_bytes.hpp>
#include <nniesim/io/yuv.hpp>
#include <nniesim/tensor/tensor.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The layout of a file without a header.
struct raw_layout {
  std::size_t rows = 0;      ///< of the picture
  std::size_t columns = 0;   ///< of the picture
  std::size_t channels = 3;  ///< of .bin: 1 or 3
  std::size_t stride = 0;    ///< bytes from row to row; 0: columns, or those padded to 16 or 32, as the size fits
  yuv_sampling sampling = yuv_sampling::yuv420;  ///< of .yuv
  yuv_order order = yuv_order::vu;               ///< of .yuv
};

/// Whether a file is one of these, by its name: .bgr and .rgb are three planes in that order, .yuv is a plane of Y and
/// one of pairs of colour values, .bin is as boards are given pictures of 8 bits: planes of blue, green and red, or one
/// of grey.
[[nodiscard]] inline bool is_raw_picture(const std::filesystem::path& path) {
  const std::string kind = path.extension().string();
  return kind == ".bgr" || kind == ".rgb" || kind == ".yuv" || kind == ".bin";
}

namespace detail {

/// The rows of all planes together, each of `columns` bytes and more.
[[nodiscard]] inline std::size_t raw_rows(const std::string& kind, const raw_layout& layout) {
  if (kind != ".yuv") return layout.rows * (kind == ".bin" ? layout.channels : 3);
  return layout.rows + (layout.sampling == yuv_sampling::yuv420 ? layout.rows / 2 : layout.rows);
}

/// The bytes from row to row. Throws shape_error, with what was got and expected, where the file has another size.
[[nodiscard]] inline std::size_t raw_stride(std::size_t bytes, std::string_view file, std::size_t all_rows,
                                            const raw_layout& layout) {
  const auto padded = [&](std::size_t to) { return (layout.columns + to - 1) / to * to; };
  if (layout.stride != 0) {
    require<shape_error>(layout.stride >= layout.columns, file, ": got a stride of ", layout.stride, " for ",
                         layout.columns, " columns, expected no less");
    // Divided, since a stride may be any number and the product wrap.
    require<shape_error>(bytes / all_rows == layout.stride && bytes % all_rows == 0, file, ": got ", bytes,
                         " bytes, expected ", all_rows, " rows (of all planes) with a stride of ", layout.stride);
    return layout.stride;
  }
  for (const std::size_t stride : {layout.columns, padded(16), padded(32)}) {
    if (bytes == all_rows * stride) return stride;
  }
  throw shape_error(message(file, ": got ", bytes, " bytes, expected ", all_rows * layout.columns, " for ", all_rows,
                            " rows (of all planes) of ", layout.columns, " bytes, or ", all_rows * padded(16), " or ",
                            all_rows * padded(32), " with rows padded to 16 or 32"));
}

}  // namespace detail

/// The picture in the bytes of such a file, whose name says what it is. Throws shape_error, with both numbers, for
/// files of another size, and for pictures of YUV with odd rows (4:2:0) or columns.
[[nodiscard]] inline image decode_raw_picture(std::string_view bytes, const std::filesystem::path& path,
                                              const raw_layout& layout) {
  const std::string file = path.string(), kind = path.extension().string();
  detail::require<error>(is_raw_picture(path), file, ": expected a .bgr, .rgb, .yuv or .bin file");
  detail::require_image_size(layout.rows, layout.columns, file);
  detail::require<shape_error>(layout.channels == 1 || layout.channels == 3, file, ": got ", layout.channels,
                               " channels, expected 1 or 3");
  const bool is_yuv = kind == ".yuv";
  detail::require<shape_error>(
      !is_yuv || (layout.columns % 2 == 0 && (layout.sampling == yuv_sampling::yuv422 || layout.rows % 2 == 0)), file,
      ": got ", layout.rows, " x ", layout.columns, " pixels of YUV, expected even numbers");
  const std::size_t stride = detail::raw_stride(bytes.size(), file, detail::raw_rows(kind, layout), layout);
  const auto at = [&](std::size_t row, std::size_t column) {
    return static_cast<std::uint8_t>(bytes[row * stride + column]);
  };
  if (is_yuv) {
    yuv_picture yuv{layout.rows, layout.columns, layout.sampling, layout.order, {}, {}};
    for (std::size_t y = 0; y < layout.rows; ++y) {
      for (std::size_t x = 0; x < layout.columns; ++x) yuv.luma.push_back(at(y, x));
    }
    for (std::size_t y = 0; y < yuv.colour_rows(); ++y) {
      for (std::size_t x = 0; x < layout.columns; ++x) yuv.colour.push_back(at(layout.rows + y, x));
    }
    return from_yuv(yuv);
  }
  const bool is_grey = kind == ".bin" && layout.channels == 1;
  const std::array<std::size_t, 3> plane = is_grey          ? std::array<std::size_t, 3>{0, 0, 0}
                                           : kind == ".rgb" ? std::array<std::size_t, 3>{0, 1, 2}
                                                            : std::array<std::size_t, 3>{2, 1, 0};
  image result{layout.rows, layout.columns, {}};
  result.pixels.reserve(layout.rows * layout.columns * 3);
  for (std::size_t y = 0; y < layout.rows; ++y) {
    for (std::size_t x = 0; x < layout.columns; ++x) {
      for (const std::size_t p : plane) result.pixels.push_back(at(p * layout.rows + y, x));
    }
  }
  return result;
}

/// The values of a feature map as boards are given it (SVP_BLOB_TYPE_S32): int32 of 1/4096, little-endian, rows of the
/// last axis padded to `stride` bytes, or, where that is 0, to 16 or 32 or not at all, as the size fits. Throws
/// shape_error, with both numbers, for bytes of another size.
[[nodiscard]] inline tensor<float> decode_raw_features(std::string_view bytes, std::string_view file,
                                                       const tensor_shape& shape, std::size_t stride = 0) {
  detail::require<shape_error>(shape.rank() != 0 && shape.size() != 0, file, ": got shape ", shape,
                               ", expected no empty axis");
  const std::size_t width = shape[shape.rank() - 1], rows = shape.size() / width;
  raw_layout row;
  row.rows = rows;
  row.columns = width * 4;
  row.stride = stride;
  const std::size_t step = detail::raw_stride(bytes.size(), file, rows, row);
  tensor<float> result = make_tensor<float>(shape);
  const detail::image_bytes words(bytes, file);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t x = 0; x < width; ++x) {
      const auto word = static_cast<std::int32_t>(words.little32(r * step + x * 4));
      result.data()[r * width + x] = static_cast<float>(static_cast<double>(word) / 4096.0);
    }
  }
  return result;
}

/// Reads such a file. Throws as decode_raw_picture, and error for what cannot be read.
[[nodiscard]] inline image read_raw_picture(const std::filesystem::path& path, const raw_layout& layout) {
  return decode_raw_picture(detail::read_whole_file(path, std::uint64_t{4} * image_max_pixels, "a picture"), path,
                            layout);
}

NNIESIM_END_NAMESPACE
