// Files read and written as a whole, for formats that are taken apart in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include <nniesim/core/error.hpp>
#include <nniesim/io/output_file.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// The bytes of a regular file. Throws error for what cannot be read, parse_error for more than `max_bytes`;
/// `expected` says what the file should be.
[[nodiscard]] inline std::string read_whole_file(const std::filesystem::path& path, std::uint64_t max_bytes,
                                                 std::string_view expected) {
  const std::string name = path.string();
  std::error_code ignored;
  const auto kind = std::filesystem::status(path, ignored).type();
  require<error>(kind == std::filesystem::file_type::regular, name, ": ",
                 kind == std::filesystem::file_type::not_found ? "no such file" : "not a regular file", ", expected ",
                 expected);
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  require<error>(file.is_open(), name, ": cannot be opened for reading");
  const auto end = static_cast<std::streamoff>(file.tellg());
  require<error>(end >= 0, name, ": its size cannot be found");
  const auto size = static_cast<std::uint64_t>(end);
  require<parse_error>(size <= max_bytes, name, ": ", size, " bytes, the limit is ", max_bytes);
  std::string bytes(size, '\0');
  file.seekg(0);
  file.read(bytes.data(), end);
  require<error>(static_cast<std::uint64_t>(file.gcount()) == size, name, ": reading failed after ", file.gcount(),
                 " of ", size, " bytes");
  return bytes;
}

/// Writes the file as output_file does. Throws error where not everything could be written.
inline void write_whole_file(const std::filesystem::path& path, std::string_view bytes) {
  output_file file(path);
  file.append(bytes);
  file.commit();
}

}  // namespace detail

NNIESIM_END_NAMESPACE
