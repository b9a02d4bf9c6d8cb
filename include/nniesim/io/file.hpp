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

/// A regular file that is read from its begin on. Throws error for what cannot be read, parse_error for more than
/// `max_bytes`; `expected` says what the file should be.
class input_file {
 public:
  input_file(const std::filesystem::path& path, std::uint64_t max_bytes, std::string_view expected)
      : name_(path.string()) {
    std::error_code ignored;
    const auto kind = std::filesystem::status(path, ignored).type();
    require<error>(kind == std::filesystem::file_type::regular, name_, ": ",
                   kind == std::filesystem::file_type::not_found ? "no such file" : "not a regular file", ", expected ",
                   expected);
    file_.open(path, std::ios::binary | std::ios::ate);
    require<error>(file_.is_open(), name_, ": cannot be opened for reading");
    const auto end = static_cast<std::streamoff>(file_.tellg());
    require<error>(end >= 0, name_, ": its size cannot be found");
    size_ = static_cast<std::uint64_t>(end);
    require<parse_error>(size_ <= max_bytes, name_, ": ", size_, " bytes, the limit is ", max_bytes);
    file_.seekg(0);
  }

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint64_t at() const noexcept { return at_; }  ///< what is read next
  /// The next `n` bytes, of which there are as many.
  [[nodiscard]] std::string read(std::uint64_t n) {
    std::string bytes;
    read(n, bytes);
    return bytes;
  }
  /// The same into a string that has the memory already.
  void read(std::uint64_t n, std::string& bytes) {
    bytes.clear();
    bytes.resize(n);
    file_.read(bytes.data(), static_cast<std::streamsize>(n));
    const auto got = static_cast<std::uint64_t>(file_.gcount());
    require<error>(got == n, name_, ": reading failed after ", at_ + got, " of ", size_, " bytes");
    at_ += n;
  }
  /// Up to `n` bytes that are read again.
  [[nodiscard]] std::string peek(std::uint64_t n) {
    const std::uint64_t begin = at_;
    std::string bytes = read(n < size_ - at_ ? n : size_ - at_);
    at_ = begin;
    file_.seekg(static_cast<std::streamoff>(begin));
    return bytes;
  }

 private:
  std::string name_;
  std::ifstream file_;
  std::uint64_t size_ = 0, at_ = 0;
};

/// The bytes of a regular file. Throws as input_file.
[[nodiscard]] inline std::string read_whole_file(const std::filesystem::path& path, std::uint64_t max_bytes,
                                                 std::string_view expected) {
  input_file file(path, max_bytes, expected);
  return file.read(file.size());
}

/// Writes the file as output_file does. Throws error where not everything could be written.
inline void write_whole_file(const std::filesystem::path& path, std::string_view bytes) {
  output_file file(path);
  file.append(bytes);
  file.commit();
}

}  // namespace detail

NNIESIM_END_NAMESPACE
