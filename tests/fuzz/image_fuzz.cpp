// Any bytes as a picture: pixels of its size, or a parse_error or shape_error, by each decoder. PNG files are tried
// with fitting check sums too, which a change of their bytes would hardly have.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <nniesim/io/image.hpp>

namespace {

template <class Decode>
void run(const Decode& decode) {
  try {
    const nniesim::image picture = decode();
    if (picture.pixels.empty() || picture.pixels.size() != picture.rows * picture.columns * 3) std::abort();
  } catch (const nniesim::parse_error&) {
  } catch (const nniesim::shape_error&) {
  }
}

/// By decode_image, and by stb_image where that uses another decoder.
void read(std::string_view bytes) {
  run([&] { return nniesim::decode_image(bytes, "x"); });
#if defined(NNIESIM_USE_LIBJPEG)
  if (bytes.starts_with("\xff\xd8")) {
    run([&] { return nniesim::detail::decode_jpeg_by_stb(bytes, "x", nniesim::detail::check_jpeg({bytes, "x"})); });
  }
#endif
#if defined(NNIESIM_USE_LIBPNG)
  if (bytes.starts_with("\x89PNG")) {
    run([&] { return nniesim::detail::decode_png_by_stb(nniesim::detail::check_png({bytes, "x"}), "x"); });
  }
#endif
}

std::string with_check_sums(std::string bytes) {
  for (std::size_t at = 8; at + 12 <= bytes.size();) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8U | static_cast<unsigned char>(bytes[at + i]);
    if (length > bytes.size() - at - 12) break;
    const std::uint32_t sum = nniesim::detail::crc32(std::string_view(bytes).substr(at + 4, length + 4));
    for (std::size_t i = 0; i < 4; ++i) bytes[at + 8 + length + i] = static_cast<char>(sum >> (24 - 8 * i) & 255U);
    at += length + 12;
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 512) return 0;  // a larger stream may rightly stand for more pixels than the limit of memory has place for
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  read(bytes);
  if (bytes.starts_with("\x89PNG")) read(with_check_sums(bytes));
  return 0;
}
