// Names of files that are made from layers' names, which may be anything.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nniesim/core/config.hpp>
#include <nniesim/core/utf8.hpp>
#include <nniesim/formats/hex.hpp>
#include <nniesim/io/text.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What file systems allow in one name.
inline constexpr std::size_t file_name_max_bytes = 255;

namespace detail {

/// FNV-1a of 64 bits as 16 hexadecimal digits.
[[nodiscard]] inline std::string fnv1a_hex(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hex_text(hash, 16);
}

/// Bytes of a name that are kept where it is shortened; what a file's name ends with has room behind it.
inline constexpr std::size_t short_name_bytes = 140;

/// A layer's name as the compiler writes it into the names of files.
[[nodiscard]] inline std::string without_slashes(std::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

/// Whether a name without slashes can stand in a file's name as it is: no control characters, nothing that hides it.
[[nodiscard]] inline bool is_file_name(std::string_view name) noexcept {
  return !name.empty() && !name.starts_with('.') && is_plain(name);
}

/// For a name that cannot stand there: its readable beginning, '-', and the hash of the whole.
[[nodiscard]] inline std::string short_name(std::string_view name) {
  std::size_t end = 0;
  while (end < name.size()) {
    const std::size_t length = std::max<std::size_t>(1, utf8_length(name.substr(end)));
    if (end + length > short_name_bytes) break;
    end += length;
  }
  std::string text(name.substr(0, end));
  if (text.empty() || text[0] == '.') text.replace(0, 1, "_");
  for (char& c : text) {
    if (!is_plain(std::string_view(&c, 1))) c = '_';
  }
  return text + '-' + fnv1a_hex(name);
}

/// Whether a name has the form of what short_name gives.
[[nodiscard]] inline bool is_short_name(std::string_view name) noexcept {
  constexpr std::size_t hash = 17;
  if (name.size() <= hash || name.size() > short_name_bytes + hash || name[name.size() - hash] != '-') return false;
  return name.substr(name.size() - hash + 1).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace detail

/// The name of a file of a layer: the layer's name with '_' for each '/', as the compiler has it, and then `ending`, of
/// at most 98 bytes. A name with control characters, one that begins with '.' or is empty, and one that would make the
/// file's name longer than file_name_max_bytes is replaced by what of its first 140 bytes can be read, '-', and the
/// hash of the whole (FNV-1a, 64 bits, 16 hexadecimal digits).
[[nodiscard]] inline std::string layer_file_name(std::string_view layer, std::string_view ending) {
  std::string name = detail::without_slashes(layer);
  const bool holds = detail::is_file_name(name) && name.size() + ending.size() <= file_name_max_bytes;
  if (!holds) name = detail::short_name(name);
  return name.append(ending);
}

NNIESIM_END_NAMESPACE
