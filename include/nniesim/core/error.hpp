// What the library throws. Every message says what was got, what was expected, and where.
#pragma once

#include <concepts>
#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <nniesim/core/config.hpp>
#include <nniesim/core/number_text.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Base of everything the library throws.
class error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A tensor's shape or an operator's geometry does not fit.
class shape_error : public error {
 public:
  using error::error;
};

/// A value, scale, format or parameter is outside what the format or the operator can take.
class format_error : public error {
 public:
  using error::error;
};

/// A file's content is malformed; the message gives the file and the line or byte offset.
class parse_error : public error {
 public:
  using error::error;
};

/// The user asked to stop before the work was done.
class interrupted : public error {
 public:
  using error::error;
};

namespace detail {

/// Floats as the shortest decimals that read back as the same float: a file's 0.7 is shown as 0.7, not as 0.699999988.
template <class T>
void stream_part(std::ostream& out, const T& part) {
  if constexpr (std::same_as<T, float>) out << shortest(part);
  else out << part;
}

/// The arguments, streamed one after the other.
template <class... Parts>
[[nodiscard]] std::string message(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out.precision(9);
  (stream_part(out, parts), ...);
  return out.str();
}

/// Throws `Error` with the concatenated parts unless `holds`.
template <class Error, class... Parts>
constexpr void require(bool holds, const Parts&... parts) {
  if (!holds) [[unlikely]] {
    throw Error(message(parts...));
  }
}

}  // namespace detail

NNIESIM_END_NAMESPACE
