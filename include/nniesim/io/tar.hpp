// Archives in the POSIX tar format (ustar, pax records for long names), written so that equal files give equal bytes:
// no times, no owners.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/io/output_file.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A regular file of an archive.
struct tar_file {
  std::string name;         ///< with '/' between folders, which unpacking makes
  std::string content{};    ///< its bytes
  bool is_program = false;  ///< mode 755, else 644
};

namespace detail {

inline constexpr std::size_t tar_block = 512;

/// What a header of 512 bytes has in its fields, which are said in bytes from its start.
class tar_header {
 public:
  void text(std::size_t at, std::size_t bytes, std::string_view value) {
    std::copy_n(value.begin(), std::min(value.size(), bytes), bytes_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  /// Octal digits and a NUL, as many as fill the field.
  void number(std::size_t at, std::size_t bytes, std::uint64_t value) {
    bytes_[at + bytes - 1] = '\0';
    for (std::size_t i = bytes - 1; i-- > 0; value >>= 3U) bytes_[at + i] = static_cast<char>('0' + (value & 7U));
  }
  /// The header with its checksum: the sum of its bytes, those of the checksum's own field as spaces.
  [[nodiscard]] std::string finished() {
    text(148, 8, "        ");
    std::uint64_t sum = 0;
    for (const char c : bytes_) sum += static_cast<unsigned char>(c);
    number(148, 7, sum);
    return {bytes_.begin(), bytes_.end()};
  }

 private:
  std::array<char, tar_block> bytes_{};
};

[[nodiscard]] inline std::string tar_header_of(std::string_view prefix, std::string_view name, std::uint64_t size,
                                               bool is_program, char type) {
  tar_header h;
  h.text(0, 100, name);
  h.number(100, 8, is_program ? 0755 : 0644);
  h.number(108, 8, 0);  // user
  h.number(116, 8, 0);  // group
  h.number(124, 12, size);
  h.number(136, 12, 0);  // seconds since 1970
  h.text(156, 1, std::string_view(&type, 1));
  h.text(257, 8, std::string_view("ustar\00000", 8));
  h.text(265, 32, "root");
  h.text(297, 32, "root");
  h.number(329, 8, 0);
  h.number(337, 8, 0);
  h.text(345, 155, prefix);
  return h.finished();
}

[[nodiscard]] inline std::string tar_padding(std::uint64_t size) {
  return std::string((tar_block - size % tar_block) % tar_block, '\0');
}

/// "LENGTH key=value\n", where the length counts its own digits.
[[nodiscard]] inline std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t others = key.size() + value.size() + 3;
  std::size_t length = others + 1;
  while (others + std::to_string(length).size() != length) length = others + std::to_string(length).size();
  return message(length, " ", key, "=", value, "\n");
}

/// All headers of a file: one where its name fits into 100 bytes behind a '/' and 155 before it; else a pax record that
/// gives the name, and a header with the name cut off.
[[nodiscard]] inline std::string tar_headers(const tar_file& file) {
  const std::string_view name = file.name;
  const std::uint64_t size = file.content.size();
  if (name.size() <= 100) return tar_header_of("", name, size, file.is_program, '0');
  // The first '/' that leaves no more than fits behind it.
  const std::size_t slash = name.find('/', name.size() - 101);
  if (slash != std::string_view::npos && slash <= 155) {
    return tar_header_of(name.substr(0, slash), name.substr(slash + 1), size, file.is_program, '0');
  }
  const std::string record = pax_record("path", name);
  return tar_header_of("", "PaxHeader", record.size(), false, 'x') + record + tar_padding(record.size()) +
         tar_header_of("", name.substr(0, 100), size, file.is_program, '0');
}

inline void check_tar_name(std::string_view name) {
  bool holds = !name.empty() && name.find('\0') == std::string_view::npos && name.size() < 4096;
  for (std::size_t at = 0; holds && at <= name.size();) {
    const std::size_t end = std::min(name.find('/', at), name.size());
    const std::string_view part = name.substr(at, end - at);
    holds = !part.empty() && part != "." && part != "..";
    at = end + 1;
  }
  require<format_error>(holds, "tar: got the name ", excerpt(name),
                        ", expected a relative one of less than 4096 bytes without empty, '.' and '..' parts");
}

}  // namespace detail

/// Writes an archive of these files, in their order, as output_file does. Throws format_error for names that are empty,
/// absolute, lead out of the folder or stand there twice, and files of 8 GiB or more; error where not everything could
/// be written.
inline void write_tar(const std::filesystem::path& path, std::span<const tar_file> files) {
  std::set<std::string_view> names;
  for (const tar_file& f : files) {
    detail::check_tar_name(f.name);
    detail::require<format_error>(names.insert(f.name).second, "tar: got the name ", detail::excerpt(f.name),
                                  " twice, expected it once");
    detail::require<format_error>(f.content.size() >> 33U == 0, "tar: ", detail::excerpt(f.name), " has ",
                                  f.content.size(), " bytes, expected less than 8 GiB");
  }
  output_file out(path);
  for (const tar_file& f : files) {
    out.append(detail::tar_headers(f));
    out.append(f.content);
    out.append(detail::tar_padding(f.content.size()));
  }
  out.append(std::string(2 * detail::tar_block, '\0'));
  out.commit();
}

NNIESIM_END_NAMESPACE
