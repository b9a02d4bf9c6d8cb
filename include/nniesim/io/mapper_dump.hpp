// The dumps of the compiler, the board, the simulator and the Caffe script: text files of one value per line, and their
// names. Read in blocks of constant memory, since one file may have gigabytes.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/formats/fixed_point.hpp>
#include <nniesim/formats/gfpq.hpp>
#include <nniesim/formats/hex.hpp>
#include <nniesim/io/file_name.hpp>
#include <nniesim/io/output_file.hpp>
#include <nniesim/io/text.hpp>
#include <nniesim/tensor/tensor.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What a dump holds, as its name tells.
enum class dump_kind {
  mapper_output,       ///< {layer}_output{n}_{C}_{H}_{W}_quant.linear.hex: q20_12, of the last calibration picture
  mapper_input_codes,  ///< {layer}_input{n}_{C}_{H}_{W}_quant.nonlinear.hex: gfpq8 or gfpq16 codes
  mapper_input,        ///< {layer}_input{n}_{C}_{H}_{W}_anti_quant.linear.float: those codes as floats
  caffe_output,        ///< {layer}_output{n}_{C}_{H}_{W}_caffe.linear.float
  board_output,        ///< seg{S}_layer{ID}_output{K}_inst.linear.hex: q20_12; the instruction simulator's too
  simulator_output,    ///< seg{S}_layer{ID}_output{K}_func.linear.hex: the functional simulator's
  weight_codes,        ///< {layer}_weight.hex: gfpq8 or gfpq16 codes
  weight,              ///< {layer}_weight-anti.float: those codes as floats
  bias,                ///< {layer}_bias.hex: 32-bit words
  report,              ///< MindSpore Lite's of a board's output, known by its header; any name
};

/// A dump's name in parts.
struct dump_name {
  dump_kind kind = dump_kind::mapper_output;  ///< which of the files it is
  std::string layer;        ///< '/' of the network's name is '_' in a file's; empty for board and simulator outputs
  std::size_t segment = 0;  ///< of board and simulator outputs
  std::size_t id = 0;       ///< of board and simulator outputs: the layer's number in its segment
  std::size_t output = 0;   ///< number of the output or input; of Caffe's dumps the index in the batch
  tensor_shape shape;       ///< C x H x W or C, as the name gives it; of rank 0 where it gives none

  /// Equal in every part.
  friend bool operator==(const dump_name&, const dump_name&) = default;
};

namespace detail {

struct dump_pattern {
  dump_kind kind;
  std::string_view number;  ///< before the number of the blob; empty where there is none
  std::string_view suffix;
};
/// A suffix that ends another one comes after it.
inline constexpr std::array<dump_pattern, 9> dump_patterns = {
    {{dump_kind::board_output, "_output", "_inst.linear.hex"},
     {dump_kind::simulator_output, "_output", "_func.linear.hex"},
     {dump_kind::mapper_output, "_output", "_quant.linear.hex"},
     {dump_kind::mapper_input_codes, "_input", "_quant.nonlinear.hex"},
     {dump_kind::mapper_input, "_input", "_anti_quant.linear.float"},
     {dump_kind::caffe_output, "_output", "_caffe.linear.float"},
     {dump_kind::weight_codes, "", "_weight.hex"},
     {dump_kind::weight, "", "_weight-anti.float"},
     {dump_kind::bias, "", "_bias.hex"}}};

[[nodiscard]] constexpr bool is_of_segment(dump_kind kind) noexcept {
  return kind == dump_kind::board_output || kind == dump_kind::simulator_output;
}

/// Numbers in names are below this; so are the elements of a shape.
inline constexpr std::size_t dump_most = std::size_t{1} << 40U;

/// A number as it is printed: no sign, no zeros before it.
[[nodiscard]] inline std::optional<std::size_t> dump_number(std::string_view text) {
  if (text.empty() || text.front() == '+' || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  const auto value = whole_integer<std::size_t>(text);
  return value && *value < dump_most ? value : std::nullopt;
}

/// Removes the text before the first '_', and the '_', and returns it.
[[nodiscard]] inline std::string_view take_part(std::string_view& text) {
  const std::size_t end = text.find('_');
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

/// "0_2_1_1": the number and the shape after it.
[[nodiscard]] inline bool parse_number_and_shape(std::string_view text, dump_name& to) {
  const std::size_t parts = static_cast<std::size_t>(std::count(text.begin(), text.end(), '_')) + 1;
  if (parts != 1 && parts != 2 && parts != 4) return false;
  std::array<std::size_t, 4> numbers{};
  for (std::size_t i = 0, size = 1; i < parts; ++i) {
    const auto number = dump_number(take_part(text));
    if (!number || (i > 0 && (*number == 0 || *number >= dump_most / size))) return false;
    if (i > 0) size *= *number;
    numbers[i] = *number;
  }
  to.output = numbers[0];
  to.shape = tensor_shape(std::span<const std::size_t>(numbers).subspan(1, parts - 1));
  return true;
}

/// "seg0_layer3".
[[nodiscard]] inline bool parse_segment(std::string_view text, dump_name& to) {
  const std::string_view segment = take_part(text);
  if (!segment.starts_with("seg") || !text.starts_with("layer")) return false;
  const auto number = dump_number(segment.substr(3));
  const auto id = dump_number(text.substr(5));
  to.segment = number.value_or(0);
  to.id = id.value_or(0);
  return number && id;
}

}  // namespace detail

/// The parts of a file's name (without its folder); nothing where it is not the name of a dump. What follows the last
/// "_output" or "_input" are the numbers, so that a layer may be called Softmax_43 or even a_output0.
[[nodiscard]] inline std::optional<dump_name> parse_dump_name(std::string_view file_name) {
  const bool is_name = file_name.size() <= file_name_max_bytes && file_name.find('/') == std::string_view::npos;
  if (!is_name || !detail::is_plain(file_name)) return std::nullopt;
  for (const detail::dump_pattern& pattern : detail::dump_patterns) {
    if (!file_name.ends_with(pattern.suffix)) continue;
    std::string_view rest = file_name.substr(0, file_name.size() - pattern.suffix.size());
    dump_name result;
    result.kind = pattern.kind;
    if (!pattern.number.empty()) {
      const std::size_t at = rest.rfind(pattern.number);
      if (at == std::string_view::npos) return std::nullopt;
      if (!detail::parse_number_and_shape(rest.substr(at + pattern.number.size()), result)) return std::nullopt;
      rest = rest.substr(0, at);
    }
    if (detail::is_of_segment(pattern.kind)) {
      if (result.shape.rank() != 0 || !detail::parse_segment(rest, result)) return std::nullopt;
      return result;
    }
    if (rest.empty()) return std::nullopt;
    result.layer = rest;
    return result;
  }
  return std::nullopt;
}

/// The name of a dump's file; a layer's name stands in it as layer_file_name has it: '/' becomes '_', as the compiler
/// and its Caffe script write it, and a name that no file can have is shortened. Throws format_error for parts that
/// this kind of name does not contain.
[[nodiscard]] inline std::string dump_file_name(const dump_name& name) {
  detail::require<format_error>(name.kind != dump_kind::report, "dump name: a report may have any name");
  const auto pattern = std::find_if(detail::dump_patterns.begin(), detail::dump_patterns.end(),
                                    [&](const detail::dump_pattern& p) { return p.kind == name.kind; });
  std::string ending;
  if (!pattern->number.empty()) {
    ending += detail::message(pattern->number, name.output);
    for (const std::size_t extent : name.shape) ending += detail::message("_", extent);
  }
  ending += pattern->suffix;
  const bool of_segment = detail::is_of_segment(name.kind);
  const std::string text = of_segment ? detail::message("seg", name.segment, "_layer", name.id, ending)
                                      : layer_file_name(name.layer, ending);
  dump_name as_written = name;
  if (!of_segment && !name.layer.empty()) as_written.layer = text.substr(0, text.size() - ending.size());
  detail::require<format_error>(
      parse_dump_name(text) == as_written, "dump name: got layer ", detail::excerpt(name.layer), ", shape ", name.shape,
      ", expected parts that the name of such a dump shows: a layer and numbers, a shape of C "
      "or C x H x W without empty axes, or segment and layer number alone");
  return text;
}

/// How the values of a dump are written.
enum class dump_text {
  linear_hex,  ///< q20_12 values: eight hexadecimal digits, two's complement
  decimal,     ///< decimal numbers, as printf or numpy.savetxt write them
};

namespace detail {

/// The words of a text file, one after the other, between spaces and line ends. Holds 64 KiB of the file at a time.
class word_reader {
 public:
  explicit word_reader(std::filesystem::path path)
      : path_(std::move(path)), name_(path_.string()), block_(std::size_t{1} << 16U) {
    std::error_code ignored;
    const auto kind = std::filesystem::status(path_, ignored).type();
    require<error>(kind == std::filesystem::file_type::regular, name_, ": ",
                   kind == std::filesystem::file_type::not_found ? "no such file" : "not a regular file",
                   ", expected a dump");
    file_.open(path_, std::ios::binary);
    require<error>(file_.is_open(), name_, ": cannot be opened for reading");
  }

  /// The next word, valid until the next call; empty at the file's end.
  [[nodiscard]] std::string_view next() {
    for (;; ++at_) {
      if (at_ == filled_ && !fill()) return {};
      if (block_[at_] == '\n') {
        ++line_;
      } else if (!is_blank(block_[at_])) {
        break;
      }
    }
    // Within the block the word stands where it is.
    const char* const begin = block_.data() + at_;
    const char* const end = block_.data() + filled_;
    const char* stop = begin;
    while (stop != end && *stop != '\n' && !is_blank(*stop)) ++stop;
    if (stop != end && static_cast<std::size_t>(stop - begin) <= most_bytes) {
      at_ += static_cast<std::size_t>(stop - begin);
      return {begin, stop};
    }
    word_.clear();
    for (; at_ != filled_ || fill(); ++at_) {
      const char c = block_[at_];
      if (c == '\n' || is_blank(c)) break;
      if (word_.size() == most_bytes) fail("got ", excerpt(word_), " and more, expected a number");
      word_ += c;
    }
    return word_;
  }

  /// The next word if it is a line of eight hexadecimal digits within the block; else nothing, and next() has it.
  [[nodiscard]] std::optional<std::uint32_t> next_hex_line() noexcept {
    constexpr std::size_t digits = 8;
    if (at_ != filled_ && block_[at_] == '\n') {  // behind a word that next() gave
      ++at_;
      ++line_;
    }
    if (filled_ - at_ <= digits || block_[at_ + digits] != '\n') return std::nullopt;
    std::uint32_t bits = 0;
    int all = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const int digit = hex_values[static_cast<unsigned char>(block_[at_ + i])];
      all |= digit;
      bits = bits << 4U | static_cast<std::uint32_t>(digit);
    }
    if (all < 0) return std::nullopt;
    at_ += digits + 1;
    ++line_;
    return bits;
  }

  /// Passes over the rest of the line.
  void skip_line() {
    for (; at_ != filled_ || fill(); ++at_) {
      if (block_[at_] == '\n') return;
    }
  }

  template <class... What>
  [[noreturn]] void fail(const What&... what) const {
    throw parse_error(message(name_, ":", line_, ": ", what...));
  }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  static constexpr std::size_t most_bytes = 64;
  static constexpr std::array<signed char, 256> hex_values = [] {
    std::array<signed char, 256> values{};
    for (std::size_t c = 0; c < values.size(); ++c) {
      values[c] = static_cast<signed char>(hex_digit(static_cast<char>(c)));
    }
    return values;
  }();

  [[nodiscard]] bool fill() {
    file_.read(block_.data(), static_cast<std::streamsize>(block_.size()));
    filled_ = static_cast<std::size_t>(file_.gcount());
    at_ = 0;
    require<error>(filled_ != 0 || file_.eof(), name_, ":", line_, ": reading failed");
    return filled_ != 0;
  }

  std::filesystem::path path_;
  std::string name_;
  std::ifstream file_;
  std::vector<char> block_;
  std::size_t filled_ = 0;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::string word_;
};

/// A code of exactly its width.
template <hex_code Code>
[[nodiscard]] Code parsed_code(const word_reader& reader, std::string_view word) {
  constexpr std::size_t digits = sizeof(Code) * 2;
  const auto is_digit = [](char c) { return hex_digit(c) >= 0; };
  if (word.size() != digits || !std::all_of(word.begin(), word.end(), is_digit)) {
    reader.fail("got ", excerpt(word), ", expected ", digits, " hexadecimal digits");
  }
  return from_hex<Code>(word);
}

}  // namespace detail

/// Reads a dump's values as floats, block by block.
class dump_reader {
 public:
  /// Throws error for what cannot be opened.
  dump_reader(const std::filesystem::path& path, dump_text text) : words_(path), text_(text) {}

  /// The next values, as many as `out` has room for or the file has left; returns how many, 0 at the end. A q20_12
  /// value of more than 24 significant bits is rounded to the nearest float. Throws parse_error with file and line for
  /// anything that is not a value, NaN and infinity among them.
  [[nodiscard]] std::size_t read(std::span<float> out) {
    std::size_t count = 0;
    for (; count < out.size(); ++count) {
      if (text_ == dump_text::linear_hex) {
        if (const auto bits = words_.next_hex_line()) {
          out[count] = static_cast<float>(static_cast<std::int32_t>(*bits)) / 4096.0F;
          continue;
        }
      }
      const std::string_view word = words_.next();
      if (word.empty()) break;
      out[count] = value(word);
    }
    read_ += count;
    return count;
  }

  /// Passes over the line of a header.
  void skip_line() { words_.skip_line(); }

  /// Number of values read so far.
  [[nodiscard]] std::uint64_t position() const noexcept { return read_; }

  /// Throws parse_error unless all values have been read.
  void expect_end() {
    if (!words_.next().empty()) words_.fail("got more than ", read_, " values, expected the file's end");
  }

  /// The file's name, for messages.
  [[nodiscard]] const std::string& name() const noexcept { return words_.name(); }

 private:
  [[nodiscard]] float value(std::string_view word) const {
    if (text_ == dump_text::linear_hex) {
      return static_cast<float>(detail::parsed_code<std::int32_t>(words_, word)) / 4096.0F;
    }
    const std::optional<float> v = detail::finite_float(word);
    if (!v) words_.fail("got ", detail::excerpt(word), ", expected a finite decimal number");
    return *v;
  }

  detail::word_reader words_;
  dump_text text_;
  std::uint64_t read_ = 0;
};

/// The first line of a report that MindSpore Lite writes of a board's output.
struct report_header {
  std::string layer;   ///< as the report calls it
  tensor_shape shape;  ///< C x H x W: the line says H W C, the values stand in the order C, H, W
};

/// The parts of a text's first line, "name 4 1 H W C"; the name may have blanks. Nothing where the line has another
/// form. Source: MindSpore Lite's writer, which puts all values of all pictures on the line behind it.
[[nodiscard]] inline std::optional<report_header> parse_report_header(std::string_view text) {
  std::string_view line = detail::trimmed(detail::take_line(text));
  std::array<std::size_t, 5> numbers{};
  for (std::size_t i = numbers.size(); i-- > 0;) {
    const std::size_t blank = line.find_last_of(" \t");
    if (blank == std::string_view::npos) return std::nullopt;
    const auto number = detail::dump_number(line.substr(blank + 1));
    if (!number) return std::nullopt;
    numbers[i] = *number;
    line = detail::trimmed(line.substr(0, blank));
  }
  const auto [axes, pictures, h, w, c] = numbers;
  const bool is_shape = h != 0 && w != 0 && c != 0 && h < detail::dump_most / w && h * w < detail::dump_most / c;
  if (line.empty() || !detail::is_plain(line) || axes != 4 || pictures != 1 || !is_shape) return std::nullopt;
  return report_header{std::string(line), {c, h, w}};
}

/// Dumps that are read as a whole have at most this many values.
inline constexpr std::size_t dump_max_values = std::size_t{1} << 28U;

namespace detail {

/// Throws unless a dump of this shape may be read as a whole, and the file is large enough to hold it: that bounds the
/// memory by the file.
inline void require_dump_size(const std::filesystem::path& path, const tensor_shape& shape, std::size_t shortest) {
  require<shape_error>(shape.size() != 0 && shape.size() <= dump_max_values, path.string(), ": shape ", shape,
                       ", expected no empty axis and at most ", dump_max_values, " values");
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return;  // the reader says so
  const std::uintmax_t bytes = std::filesystem::file_size(path, ignored);
  const std::uint64_t least = std::uint64_t{shape.size()} * (shortest + 1) - 1;  // the last line may have no end
  require<parse_error>(bytes >= least, path.string(), ": ", bytes, " bytes, expected at least ", least, " for the ",
                       shape.size(), " values of shape ", shape);
}

}  // namespace detail

/// A whole dump. Throws shape_error for a shape that is empty or beyond dump_max_values, parse_error with file and line
/// unless the file has exactly its values, error for what cannot be read.
[[nodiscard]] inline tensor<float> read_dump(const std::filesystem::path& path, dump_text text,
                                             const tensor_shape& shape) {
  detail::require_dump_size(path, shape, text == dump_text::linear_hex ? 8 : 1);
  dump_reader reader(path, text);
  tensor<float> result = make_tensor<float>(shape);
  const std::size_t count = reader.read({result.data(), result.size()});
  detail::require<parse_error>(count == result.size(), path.string(), ": ", count, " values, expected ", result.size(),
                               " for shape ", shape);
  reader.expect_end();
  return result;
}

/// A fully connected layer's output, `batch` x `channels`, from the values of the compiler's dump, which are written
/// transposed: all of the batch for the first channel, then for the next. Throws shape_error unless there are
/// batch * channels values.
[[nodiscard]] inline tensor<float> fully_connected_from_dump(std::span<const float> values, std::size_t batch,
                                                             std::size_t channels) {
  const tensor_shape shape = {batch, channels};
  detail::require<shape_error>(values.size() == shape.size(), "fully connected dump: ", values.size(),
                               " values, expected ", batch, " x ", channels);
  tensor<float> result = make_tensor<float>(shape);
  for (std::size_t n = 0; n < batch; ++n) {
    for (std::size_t c = 0; c < channels; ++c) result.data()[n * channels + c] = values[c * batch + n];
  }
  return result;
}

/// The codes of a whole dump, in the file's order: gfpq8::code for two digits per line, gfpq16::code for four, the same
/// integers as such, std::int32_t for eight: raw q20_12 values and the words of a bias. (The file does not have the
/// unit of a bias' words; its format is called "24.0", see precision/mac_stage.hpp.) Throws parse_error with file and
/// line for other words and for more than `max_values`, error for what cannot be read.
template <detail::hex_integer Code>
[[nodiscard]] std::vector<Code> read_hex_dump(const std::filesystem::path& path,
                                              std::size_t max_values = dump_max_values) {
  detail::word_reader reader(path);
  std::vector<Code> codes;
  for (std::string_view word = reader.next(); !word.empty(); word = reader.next()) {
    if (codes.size() == max_values) reader.fail("more than ", max_values, " values, the limit");
    codes.push_back(detail::parsed_code<Code>(reader, word));
  }
  return codes;
}

/// The values of a dump of gfpq8 or gfpq16 codes, as the accelerator's memory holds them, whose scale is known. Throws
/// as read_hex_dump, and parse_error for bit patterns that are not codes of the format.
template <class Format>
requires(std::same_as<Format, gfpq8> || std::same_as<Format, gfpq16>)
    [[nodiscard]] tensor<float> read_code_dump(const std::filesystem::path& path, typename Format::scale scale,
                                               const tensor_shape& shape) {
  detail::require_dump_size(path, shape, sizeof(typename Format::code) * 2);
  const auto codes = read_hex_dump<typename Format::code>(path, shape.size());
  detail::require<parse_error>(codes.size() == shape.size(), path.string(), ": ", codes.size(), " values, expected ",
                               shape.size(), " for shape ", shape);
  tensor<float> result = make_tensor<float>(shape);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    detail::require<parse_error>(Format::is_memory_code(codes[i]), path.string(), ": value ", i + 1, ": got ",
                                 to_hex(codes[i]), ", expected a code of ", Format::name);
    result.data()[i] = Format::decode(Format::from_memory(codes[i]), scale);
  }
  return result;
}

namespace detail {

/// Writes one line per value.
template <class T, class Line>
void write_lines(const std::filesystem::path& path, std::span<const T> values, const Line& line) {
  output_file file(path);
  for (const T& value : values) {
    file.append(line(value));
    file.append("\n");
  }
  file.commit();
}

}  // namespace detail

/// Writes codes, or fixed-point values such as q20_12, as the compiler and the board do: lower-case hexadecimal digits,
/// two for each byte, one value per line, as output_file does. Throws error where not everything could be written.
template <hex_code Code>
void write_hex_dump(const std::filesystem::path& path, std::span<const Code> values) {
  detail::write_lines(path, values, [](const Code& c) { return to_hex(c); });
}

/// Writes the codes of values in the given scale as the accelerator's memory holds them; as write_hex_dump.
template <class Format>
requires(std::same_as<Format, gfpq8> || std::same_as<Format, gfpq16>) void write_code_dump(
    const std::filesystem::path& path, std::span<const float> values, typename Format::scale scale) {
  detail::write_lines(path, values, [scale](float x) { return to_hex(Format::to_memory(Format::encode(x, scale))); });
}

/// Writes floats as numpy.savetxt does (%.18e), from which they are read back exactly. Throws format_error for NaN and
/// infinity, error where not everything could be written.
inline void write_float_dump(const std::filesystem::path& path, std::span<const float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    detail::require<format_error>(std::isfinite(values[i]), path.string(), ": value ", i + 1, " is ", values[i],
                                  ", expected a finite one");
  }
  std::array<char, 40> text{};
  detail::write_lines(path, values, [&text](float x) {
    const auto written = std::to_chars(text.data(), text.data() + text.size(), static_cast<double>(x),
                                       std::chars_format::scientific, 18);
    return std::string_view(text.data(), static_cast<std::size_t>(written.ptr - text.data()));
  });
}

NNIESIM_END_NAMESPACE
