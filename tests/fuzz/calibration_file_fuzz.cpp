// Any bytes as a calibration file: ranges that are read back the same, or a parse_error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <nniesim/io/calibration_file.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto ranges = nniesim::parse_calibration({reinterpret_cast<const char*>(data), size}, "x.json");
    if (nniesim::parse_calibration(nniesim::calibration_text(ranges), "again") != ranges) std::abort();
  } catch (const nniesim::parse_error&) {
  }
  return 0;
}
