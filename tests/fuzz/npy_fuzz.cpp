// Any bytes as a .npy file: a tensor with the header's shape, or one of the library's errors. Linux only.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <nniesim/io/npy.hpp>

namespace {

template <class T>
void read_as(const std::string& path, const nniesim::npy_header& header, std::size_t size) {
  const auto t = nniesim::read_npy<T>(path);
  if (nniesim::shape_of(t) != header.shape || header.data_offset + t.size() * sizeof(T) != size) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int file = memfd_create("npy", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) std::abort();
  using enum nniesim::npy_type;
  try {
    const nniesim::npy_header header = nniesim::read_npy_header(path);
    switch (header.type) {
      case float32: read_as<float>(path, header, size); break;
      case float64: read_as<double>(path, header, size); break;
      case int8: read_as<std::int8_t>(path, header, size); break;
      case uint8: read_as<std::uint8_t>(path, header, size); break;
      case int16: read_as<std::int16_t>(path, header, size); break;
      case uint16: read_as<std::uint16_t>(path, header, size); break;
      case int32: read_as<std::int32_t>(path, header, size); break;
      case int64: read_as<std::int64_t>(path, header, size); break;
    }
  } catch (const nniesim::parse_error&) {
  } catch (const nniesim::format_error&) {
  }
  return 0;
}
