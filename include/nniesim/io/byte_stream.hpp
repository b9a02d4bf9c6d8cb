// Numbers and texts as bytes of a file, little-endian on every machine, and back with every length checked.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <nniesim/core/error.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

class byte_writer {
 public:
  template <std::unsigned_integral T>
  void put(T v) {
    for (std::size_t i = 0; i < sizeof(T); ++i) bytes_ += static_cast<char>(static_cast<unsigned char>(v >> 8 * i));
  }
  void put(double v) { put(std::bit_cast<std::uint64_t>(v)); }
  void put(float v) { put(std::bit_cast<std::uint32_t>(v)); }
  void put(std::string_view text) {
    put(std::uint64_t{text.size()});
    bytes_ += text;
  }
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

 private:
  std::string bytes_;
};

/// Reads what byte_writer wrote. What does not fit throws parse_error, which names the file.
class byte_reader {
 public:
  byte_reader(std::string_view bytes, std::string name) : rest_(bytes), name_(std::move(name)) {}

  template <class T>
  requires(std::unsigned_integral<T> || std::same_as<T, double> || std::same_as<T, float>) [[nodiscard]] T get() {
    if constexpr (std::same_as<T, double>) {
      return std::bit_cast<double>(get<std::uint64_t>());
    } else if constexpr (std::same_as<T, float>) {
      return std::bit_cast<float>(get<std::uint32_t>());
    } else {
      const std::string_view bytes = take(sizeof(T));
      T v = 0;
      if constexpr (std::endian::native == std::endian::little) {
        std::memcpy(&v, bytes.data(), sizeof(T));
      } else {
        for (std::size_t i = 0; i < sizeof(T); ++i) {
          v = static_cast<T>(v | static_cast<T>(static_cast<T>(static_cast<unsigned char>(bytes[i])) << 8 * i));
        }
      }
      return v;
    }
  }
  [[nodiscard]] std::string text() { return std::string(text_view()); }
  /// The same where it stands.
  [[nodiscard]] std::string_view text_view() { return take(get<std::uint64_t>()); }
  void skip(std::size_t n) { (void)take(n); }
  /// How many things follow, of which each takes at least `least` bytes.
  [[nodiscard]] std::size_t count(std::size_t least) {
    const auto n = get<std::uint64_t>();
    require<parse_error>(n <= rest_.size() / least, name_, ": got a count of ", n, " with ", rest_.size(),
                         " bytes left: the file is damaged");
    return static_cast<std::size_t>(n);
  }
  [[nodiscard]] bool is_at_end() const noexcept { return rest_.empty(); }
  void expect_end() const {
    require<parse_error>(rest_.empty(), name_, ": got ", rest_.size(), " bytes too many: the file is damaged");
  }

 private:
  [[nodiscard]] std::string_view take(std::uint64_t n) {
    require<parse_error>(n <= rest_.size(), name_, ": got ", rest_.size(), " bytes, expected ", n,
                         " more: the file is damaged");
    const std::string_view bytes = rest_.substr(0, static_cast<std::size_t>(n));
    rest_.remove_prefix(bytes.size());
    return bytes;
  }

  std::string_view rest_;
  std::string name_;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
