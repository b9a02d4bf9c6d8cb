// Any bytes as a picture: pixels of its size, or a parse_error or shape_error. PNG files are tried with fitting check
// sums too, which a change of their bytes would hardly have.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <nniesim/io/image.hpp>

namespace {

void read(std::string_view bytes) {
  try {
    const nniesim::image picture = nniesim::decode_image(bytes, "x");
    if (picture.pixels.empty() || picture.pixels.size() != picture.rows * picture.columns * 3) std::abort();
  } catch (const nniesim::parse_error&) {
  } catch (const nniesim::shape_error&) {
  }
}

std::string with_check_sums(std::string bytes) {
  for (std::size_t at = 8; at + 12 <= bytes.size();) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8U | static_cast<unsigned char>(bytes[at + i]);
    if (length > bytes.size() - at - 12) break;
    const std::uint32_t sum = nniesim::detail::png_crc(std::string_view(bytes).substr(at + 4, length + 4));
    for (std::size_t i = 0; i < 4; ++i) bytes[at + 8 + length + i] = static_cast<char>(sum >> (24 - 8 * i) & 255U);
    at += length + 12;
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  read(bytes);
  if (bytes.starts_with("\x89PNG")) read(with_check_sums(bytes));
  return 0;
}
