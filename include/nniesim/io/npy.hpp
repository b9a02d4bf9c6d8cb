// NumPy's .npy files: one dense tensor of numbers each. A file is checked against its own size and a limit before any
// memory is taken for it, so that it may come from anywhere.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/formats/integer_code.hpp>
#include <nniesim/io/output_file.hpp>
#include <nniesim/tensor/tensor.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The element types that are read and written.
enum class npy_type { float32, float64, int8, uint8, int16, uint16, int32, int64 };

/// NumPy's name of the type.
[[nodiscard]] constexpr std::string_view to_string(npy_type type) noexcept {
  switch (type) {
    case npy_type::float32: return "float32";
    case npy_type::float64: return "float64";
    case npy_type::int8: return "int8";
    case npy_type::uint8: return "uint8";
    case npy_type::int16: return "int16";
    case npy_type::uint16: return "uint16";
    case npy_type::int32: return "int32";
    case npy_type::int64: return "int64";
  }
  return "?";
}

namespace detail {

template <class T, class... Types>
concept one_of = (std::same_as<T, Types> || ...);

}  // namespace detail

/// The C++ types of npy_type, and the codes of formats, which are stored as the integers that they are.
template <class T>
concept npy_element = detail::one_of < detail::integer_of_t<T>,
float, double, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t, std::int64_t > ;

/// What the header of a file says.
struct npy_header {
  npy_type type = npy_type::float32;  ///< of the elements
  bool big_endian = false;            ///< order of an element's bytes
  bool fortran_order = false;         ///< stored with the first axis running fastest
  tensor_shape shape;                 ///< of rank 0 for a single value
  std::uint64_t data_offset = 0;      ///< where the elements begin, in bytes from the start of the file
};

/// Data of more bytes than this are refused unless the caller allows them.
inline constexpr std::uint64_t npy_default_limit = std::uint64_t{4} << 30U;

namespace detail {

inline constexpr std::string_view npy_magic = "\x93NUMPY";
/// NumPy writes some hundred bytes at most for arrays without named fields.
inline constexpr std::uint64_t npy_longest_header = std::uint64_t{1} << 20U;

struct npy_kind {
  npy_type type;
  char code;          ///< NumPy's letter: f, i or u
  std::size_t bytes;  ///< of an element
};
inline constexpr std::array<npy_kind, 8> npy_kinds = {{{npy_type::float32, 'f', 4},
                                                       {npy_type::float64, 'f', 8},
                                                       {npy_type::int8, 'i', 1},
                                                       {npy_type::uint8, 'u', 1},
                                                       {npy_type::int16, 'i', 2},
                                                       {npy_type::uint16, 'u', 2},
                                                       {npy_type::int32, 'i', 4},
                                                       {npy_type::int64, 'i', 8}}};

[[nodiscard]] constexpr const npy_kind& npy_kind_of(npy_type type) noexcept {
  return npy_kinds[static_cast<std::size_t>(type)];
}

template <npy_element T>
[[nodiscard]] constexpr const npy_kind& npy_kind_of() noexcept {
  constexpr char code = std::floating_point<T> ? 'f' : std::signed_integral<integer_of_t<T>> ? 'i' : 'u';
  return *std::find_if(npy_kinds.begin(), npy_kinds.end(),
                       [](const npy_kind& k) { return k.code == code && k.bytes == sizeof(T); });
}

/// Reads the header: a Python dictionary with the keys descr, fortran_order and shape in any order.
class npy_header_parser {
 public:
  npy_header_parser(std::string_view text, std::string_view file, std::uint64_t offset)
      : text_(text), file_(file), offset_(offset) {}

  [[nodiscard]] npy_header parse() {
    npy_header header;
    std::array<bool, 3> seen{};
    expect('{');
    for (skip_space(); !take('}'); skip_space()) {
      const std::size_t start = at_;
      const std::string_view key = string();
      const std::size_t which = key == "descr" ? 0 : key == "fortran_order" ? 1 : key == "shape" ? 2 : 3;
      if (which == 3) fail(start, message("got key ", excerpt(key), ", expected descr, fortran_order and shape"));
      if (seen[which]) fail(start, message("key ", excerpt(key), " stands there twice"));
      seen[which] = true;
      expect(':');
      skip_space();
      if (which == 0) descr(header);
      if (which == 1) header.fortran_order = boolean();
      if (which == 2) header.shape = shape();
      skip_space();
      if (take(',')) continue;
      expect('}');
      break;
    }
    skip_space();
    if (at_ != text_.size()) fail(at_, message("got ", excerpt(text_.substr(at_)), " after the header's end"));
    if (!(seen[0] && seen[1] && seen[2])) fail(0, "the header lacks one of the keys descr, fortran_order and shape");
    return header;
  }

 private:
  [[noreturn]] void fail(std::size_t at, const std::string& what) const {
    throw parse_error(message(file_, ": byte ", offset_ + at, ": ", what));
  }
  void skip_space() noexcept {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
      ++at_;
    }
  }
  [[nodiscard]] bool take(char c) noexcept {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  [[nodiscard]] std::string found() const {
    return at_ == text_.size() ? "the header's end" : excerpt(text_.substr(at_));
  }
  void expect(char c) {
    skip_space();
    if (!take(c)) fail(at_, message("got ", found(), ", expected '", c, "'"));
  }
  [[nodiscard]] std::string_view string() {
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') fail(at_, message("got ", found(), ", expected a quoted string"));
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail(at_, message("got ", found(), ", a string that does not end"));
    const std::string_view result = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return result;
  }
  [[nodiscard]] bool boolean() {
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    }
    fail(at_, message("got ", found(), ", expected True or False"));
  }
  void descr(npy_header& header) {
    const std::size_t start = at_;
    if (at_ < text_.size() && text_[at_] == '[') {
      throw format_error(message(file_, ": byte ", offset_ + at_, ": an array of records, expected numbers"));
    }
    const std::string_view d = string();
    for (const npy_kind& kind : npy_kinds) {
      if (d.size() != 3 || d[1] != kind.code || d[2] != static_cast<char>('0' + kind.bytes)) continue;
      if (d[0] != '<' && d[0] != '>' && !(d[0] == '|' && kind.bytes == 1)) continue;
      header.type = kind.type;
      header.big_endian = d[0] == '>';
      return;
    }
    throw format_error(message(file_, ": byte ", offset_ + start, ": element type ", excerpt(d),
                               ", expected f4, f8, i1, u1, i2, u2, i4 or i8 with '<' or '>' for the byte order"));
  }
  [[nodiscard]] std::size_t extent() {
    const std::size_t start = at_;
    std::size_t value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const auto digit = static_cast<std::size_t>(text_[at_] - '0');
      if (value > (std::numeric_limits<std::size_t>::max() - digit) / 10) fail(start, "an extent beyond 64 bits");
      value = value * 10 + digit;
    }
    if (at_ == start) fail(at_, message("got ", found(), ", expected an extent: a number not below 0"));
    if (take('L')) return value;  // as Python 2 wrote long integers
    return value;
  }
  [[nodiscard]] tensor_shape shape() {
    const std::size_t start = at_;
    std::array<std::size_t, tensor_shape::max_rank> extents{};
    std::size_t rank = 0;
    bool comma = true;
    expect('(');
    for (skip_space(); !take(')'); skip_space()) {
      if (!comma) fail(at_, message("got ", found(), ", expected ',' or ')'"));
      if (rank == extents.size()) fail(start, message("rank above ", extents.size(), ", the most that is taken"));
      extents[rank++] = extent();
      skip_space();
      comma = take(',');
    }
    if (rank == 1 && !comma) fail(start, "a number in parentheses, expected a tuple: (n,)");
    // Held below the limit without regard to extents of 0, so that strides cannot overflow either.
    std::size_t elements = 1;
    for (std::size_t i = 0; i < rank; ++i) {
      const std::size_t e = std::max<std::size_t>(extents[i], 1);
      if (elements > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / 8 / e) {
        fail(start, "a shape of more bytes than memory can have");
      }
      elements *= e;
    }
    return tensor_shape(std::span<const std::size_t>(extents.data(), rank));
  }

  std::string_view text_;
  std::string_view file_;
  std::uint64_t offset_;
  std::size_t at_ = 0;
};

/// An open .npy file whose header has been read and agrees with the file's size.
class npy_reader {
 public:
  explicit npy_reader(const std::filesystem::path& path) : name_(path.string()) {
    std::error_code ignored;
    const auto kind = std::filesystem::status(path, ignored).type();
    require<error>(kind == std::filesystem::file_type::regular, name_, ": ",
                   kind == std::filesystem::file_type::not_found ? "no such file" : "not a regular file",
                   ", expected a .npy file");
    file_.open(path, std::ios::binary | std::ios::ate);
    require<error>(file_.is_open(), name_, ": cannot be opened for reading");
    const auto end = static_cast<std::streamoff>(file_.tellg());
    require<error>(end >= 0, name_, ": its size cannot be found");
    size_ = static_cast<std::uint64_t>(end);
    file_.seekg(0);
    read_header();
  }

  [[nodiscard]] const npy_header& header() const noexcept { return header_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::uint64_t data_bytes() const noexcept { return size_ - header_.data_offset; }

  /// The next bytes of the file, as many as `out` has room for.
  void read(std::span<char> out) {
    require<parse_error>(out.size() <= size_ - at_, name_, ": byte ", size_, ": the file ends, ",
                         out.size() - (size_ - at_), " bytes are missing");
    file_.read(out.data(), static_cast<std::streamsize>(out.size()));
    require<error>(static_cast<std::size_t>(file_.gcount()) == out.size(), name_, ": byte ", at_,
                   ": reading failed after ", file_.gcount(), " of ", out.size(), " bytes");
    at_ += out.size();
  }

 private:
  void read_header() {
    std::array<char, 8> start{};
    read(start);
    const std::string_view magic(start.data(), npy_magic.size());
    require<parse_error>(magic == npy_magic, name_, ": byte 0: got ", excerpt(magic), ", expected ",
                         excerpt(npy_magic));
    const int major = static_cast<unsigned char>(start[6]);
    const int minor = static_cast<unsigned char>(start[7]);
    require<parse_error>(major >= 1 && major <= 3 && minor == 0, name_, ": byte 6: version ", major, ".", minor,
                         ", expected 1.0, 2.0 or 3.0");
    std::array<char, 4> length_bytes{};
    read(std::span(length_bytes).first(major == 1 ? 2 : 4));
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length |= std::uint64_t{static_cast<unsigned char>(length_bytes[i])} << (8 * i);
    require<parse_error>(length <= npy_longest_header, name_, ": byte 8: a header of ", length,
                         " bytes, expected at most ", npy_longest_header);
    require<parse_error>(length <= size_ - at_, name_, ": byte 8: a header of ", length, " bytes, but the file has ",
                         size_ - at_, " bytes more");
    std::vector<char> text(length);
    const std::uint64_t offset = at_;
    read(text);
    header_ = npy_header_parser({text.data(), text.size()}, name_, offset).parse();
    header_.data_offset = at_;
    const std::uint64_t expected = header_.shape.size() * npy_kind_of(header_.type).bytes;
    require<parse_error>(data_bytes() == expected, name_, ": byte ", at_, ": ", data_bytes(),
                         " bytes of data, expected ", expected, " for ", to_string(header_.type), " of shape ",
                         header_.shape);
  }

  std::string name_;
  std::ifstream file_;
  std::uint64_t size_ = 0;
  std::uint64_t at_ = 0;
  npy_header header_;
};

/// Turns the bytes of every element around.
template <class T>
void reverse_bytes(std::span<T> elements) {
  auto* bytes = reinterpret_cast<char*>(elements.data());
  for (std::size_t i = 0; i < elements.size(); ++i, bytes += sizeof(T)) std::reverse(bytes, bytes + sizeof(T));
}

/// Copies elements stored with the first axis running fastest to row-major order.
template <class T>
void fortran_to_row_major(std::span<const T> in, std::span<T> out, const tensor_shape& shape) {
  std::array<std::size_t, tensor_shape::max_rank> stride{};  // of `out`
  std::array<std::size_t, tensor_shape::max_rank> at{};
  for (std::size_t axis = shape.rank(), s = 1; axis-- > 0; s *= shape[axis]) stride[axis] = s;
  std::size_t to = 0;
  for (const T& x : in) {
    out[to] = x;
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
      to += stride[axis];
      if (++at[axis] < shape[axis]) break;
      to -= stride[axis] * shape[axis];
      at[axis] = 0;
    }
  }
}

}  // namespace detail

/// Reads a file's header. Throws parse_error for a malformed one and where it disagrees with the file's size (the
/// message gives file and byte), format_error for other element types, error for what cannot be read.
[[nodiscard]] inline npy_header read_npy_header(const std::filesystem::path& path) {
  return detail::npy_reader(path).header();
}

/// The element type of a file; throws as read_npy_header.
[[nodiscard]] inline npy_type npy_dtype(const std::filesystem::path& path) { return read_npy_header(path).type; }

/// Reads a file (version 1.0 to 3.0, either byte order, C or Fortran order) of elements of type T. Rank 0 to 8, extents
/// of 0 allowed. Throws as read_npy_header, and format_error where the file holds another type or more than `max_bytes`
/// of data.
template <npy_element T>
[[nodiscard]] tensor<T> read_npy(const std::filesystem::path& path, std::uint64_t max_bytes = npy_default_limit) {
  detail::npy_reader file(path);
  const npy_header& header = file.header();
  constexpr npy_type type = detail::npy_kind_of<T>().type;
  detail::require<format_error>(header.type == type, file.name(), ": holds ", to_string(header.type), ", expected ",
                                to_string(type));
  detail::require<format_error>(file.data_bytes() <= max_bytes, file.name(), ": ", file.data_bytes(),
                                " bytes of data, the limit is ", max_bytes);
  tensor<T> result = make_tensor<T>(header.shape);
  const std::span<T> elements(result.data(), result.size());
  const auto bytes = [](std::span<T> s) { return std::span(reinterpret_cast<char*>(s.data()), s.size_bytes()); };
  if (header.fortran_order && header.shape.rank() > 1) {
    std::vector<T> stored(elements.size());
    file.read(bytes(stored));
    detail::fortran_to_row_major<T>(stored, elements, header.shape);
  } else {
    file.read(bytes(elements));
  }
  if (header.big_endian != (std::endian::native == std::endian::big)) detail::reverse_bytes(elements);
  return result;
}

namespace detail {

/// All that stands before the elements of a file in C order, little-endian, version 1.0.
template <npy_element T>
[[nodiscard]] std::string npy_start(const tensor_shape& shape) {
  const npy_kind& kind = npy_kind_of<T>();
  std::string header = message("{'descr': '", kind.bytes == 1 ? '|' : '<', kind.code, kind.bytes,
                               "', 'fortran_order': False, 'shape': (");
  for (const std::size_t extent : shape) header += std::to_string(extent) + ", ";
  if (shape.rank() > 1) header.resize(header.size() - 2);
  if (shape.rank() == 1) header.resize(header.size() - 1);
  header += "), }";
  constexpr std::size_t before = 10;                                             // magic, version, length
  header.resize((before + header.size() + 1 + 63) / 64 * 64 - before - 1, ' ');  // so that the data are aligned
  header += '\n';
  std::string start(npy_magic);
  start += {'\x01', '\x00', static_cast<char>(header.size() & 255U), static_cast<char>(header.size() >> 8U)};
  return start + header;
}

/// Calls f with the file's bytes, piece after piece.
template <npy_element T, class F>
void write_npy_pieces(tensor_view<const T> x, F&& f) {
  f(std::string_view(npy_start<T>(x.shape())));
  if constexpr (std::endian::native == std::endian::big) {
    std::vector<T> swapped(x.span().begin(), x.span().end());
    reverse_bytes<T>(swapped);
    f(std::string_view(reinterpret_cast<const char*>(swapped.data()), x.size() * sizeof(T)));
  } else {
    f(std::string_view(reinterpret_cast<const char*>(x.data()), x.size() * sizeof(T)));
  }
}

}  // namespace detail

/// The bytes of the file that write_npy writes.
template <tensor_like E>
requires npy_element<element_t<E>>
[[nodiscard]] std::string npy_bytes(const E& e) {
  const dense<element_t<E>> source(e);
  std::string bytes;
  detail::write_npy_pieces<element_t<E>>(source.view(), [&](std::string_view piece) { bytes += piece; });
  return bytes;
}

/// Writes a tensor, an xtensor or Eigen expression or a view in C order, little-endian, version 1.0. Throws error where
/// that cannot be written.
template <tensor_like E>
requires npy_element<element_t<E>>
void write_npy(output_file& file, const E& e) {
  const dense<element_t<E>> source(e);
  detail::write_npy_pieces<element_t<E>>(source.view(), [&](std::string_view piece) { file.append(piece); });
}

/// The same as a file by itself, which is there as a whole or not at all.
template <tensor_like E>
requires npy_element<element_t<E>>
void write_npy(const std::filesystem::path& path, const E& e) {
  output_file file(path);
  write_npy(file, e);
  file.commit();
}

NNIESIM_END_NAMESPACE
