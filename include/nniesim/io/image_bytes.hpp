// What the readers of picture files share: the picture, its limits, and a file's bytes as numbers at offsets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A picture in 8 bits: rows x columns x (red, green, blue). A grey one has three equal channels.
struct image {
  std::size_t rows = 0;              ///< height
  std::size_t columns = 0;           ///< width
  std::vector<std::uint8_t> pixels;  ///< rows x columns x (red, green, blue)

  /// Of the same size and pixels.
  friend bool operator==(const image&, const image&) = default;
};

/// No picture may have more pixels than this, or more than 32767 rows or columns, whatever its file says.
inline constexpr std::size_t image_max_pixels = std::size_t{1} << 26U;
inline constexpr std::size_t image_max_extent = 32767;  ///< rows or columns

namespace detail {

/// Throws shape_error unless a picture of this size may exist.
inline void require_image_size(std::size_t rows, std::size_t columns, std::string_view where) {
  require<shape_error>(rows != 0 && columns != 0 && rows <= image_max_extent && columns <= image_max_extent &&
                           rows * columns <= image_max_pixels,
                       where, ": got ", rows, " rows x ", columns, " columns, expected 1 .. ", image_max_extent,
                       " of each and at most ", image_max_pixels, " pixels");
}

/// A picture's bytes as numbers at offsets; what lies beyond the end is refused. Errors are parse_error.
class image_bytes {
 public:
  image_bytes(std::string_view bytes, std::string_view file) : bytes_(bytes), file_(file) {}

  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] std::string_view file() const noexcept { return file_; }
  [[nodiscard]] std::uint32_t byte(std::size_t at) const {
    if (at >= bytes_.size()) ends();
    return static_cast<unsigned char>(bytes_[at]);
  }
  [[nodiscard]] std::uint32_t big16(std::size_t at) const { return byte(at) << 8U | byte(at + 1); }
  [[nodiscard]] std::uint32_t big32(std::size_t at) const { return big16(at) << 16U | big16(at + 2); }
  [[nodiscard]] std::uint32_t little16(std::size_t at) const { return byte(at + 1) << 8U | byte(at); }
  [[nodiscard]] std::uint32_t little32(std::size_t at) const { return little16(at + 2) << 16U | little16(at); }
  [[nodiscard]] std::string_view range(std::size_t at, std::size_t count) const {
    if (at > bytes_.size() || count > bytes_.size() - at) ends();
    return bytes_.substr(at, count);
  }
  [[nodiscard]] std::string_view all() const noexcept { return bytes_; }
  [[noreturn]] void ends() const {
    throw parse_error(message(file_, ": byte ", bytes_.size(), ": the file ends within the picture"));
  }
  template <class... What>
  [[noreturn]] void fail(std::size_t at, const What&... what) const {
    throw parse_error(message(file_, ": byte ", at, ": ", what...));
  }
  template <class... What>
  void require(bool holds, std::size_t at, const What&... what) const {
    if (!holds) [[unlikely]] {
      fail(at, what...);
    }
  }

 private:
  std::string_view bytes_;
  std::string_view file_;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
