// The codes of 8 and 16 bits as a type of their own: integers that print as numbers, never as characters.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <ostream>
#include <type_traits>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

/// An integer of type T that stands for a value of a format. It is made from integers and converts to T, so that it is
/// compared, shifted and masked as one; it has T's size and layout.
template <std::integral T>
class integer_code {
 public:
  using integer = T;  ///< what it is stored as

  constexpr integer_code() noexcept = default;
  /// The code of these bits.
  constexpr integer_code(T value) noexcept : value_(value) {}
  /// Keeps the low bits, as a cast between integers does.
  template <std::integral I>
  requires(!std::same_as<I, T>) constexpr explicit integer_code(I value) noexcept : value_(static_cast<T>(value)) {}
  /// Its bits.
  constexpr operator T() const noexcept { return value_; }

  /// As a number, also where T is a character.
  template <class Traits>
  friend std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, integer_code c) {
    return out << +c.value_;
  }

 private:
  T value_ = 0;
};

namespace detail {

template <class T>
struct integer_of {
  using type = T;
};
template <class T>
struct integer_of<integer_code<T>> {
  using type = T;
};
/// The integer of a code, other types as they are.
template <class T>
using integer_of_t = typename integer_of<T>::type;

/// F's codes, or the integers that they are.
template <class T, class F>
concept code_of = std::same_as<T, typename F::code> || std::same_as<T, integer_of_t<typename F::code>>;

/// The integers of codes in memory.
template <class T>
[[nodiscard]] T* integers(integer_code<T>* codes) noexcept {
  static_assert(sizeof(integer_code<T>) == sizeof(T) && std::is_standard_layout_v<integer_code<T>>);
  return reinterpret_cast<T*>(codes);
}
template <class T>
[[nodiscard]] const T* integers(const integer_code<T>* codes) noexcept {
  static_assert(sizeof(integer_code<T>) == sizeof(T) && std::is_standard_layout_v<integer_code<T>>);
  return reinterpret_cast<const T*>(codes);
}

}  // namespace detail

NNIESIM_END_NAMESPACE

// Doxygen does not know the templates of std.
/// \cond
template <class T>
struct std::numeric_limits<nniesim::integer_code<T>> : std::numeric_limits<T> {};
template <class T>
struct std::hash<nniesim::integer_code<T>> : std::hash<T> {};
/// \endcond
