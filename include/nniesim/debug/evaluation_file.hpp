// The file that keeps what a search has evaluated, so that one which was stopped at any moment goes on from there.
#pragma once

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/core/number_text.hpp>
#include <nniesim/formats/hex.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/io/output_file.hpp>
#include <nniesim/io/text.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// A digest of values: the same on every machine. Tells problems apart, not attackers.
class value_digest {
 public:
  void add(std::uint64_t word) noexcept {
    state_ = (state_ ^ word) * 0x9e3779b97f4a7c15U;
    state_ ^= state_ >> 29U;
  }
  void add(double value) noexcept { add(std::bit_cast<std::uint64_t>(value)); }
  void add(std::string_view text) noexcept {
    add(std::uint64_t{text.size()});
    for (const char c : text) add(std::uint64_t{static_cast<unsigned char>(c)});
  }
  void add(std::span<const float> values) noexcept {
    add(std::uint64_t{values.size()});
    for (const float v : values) add(std::uint64_t{std::bit_cast<std::uint32_t>(v)});
  }
  [[nodiscard]] std::string hex() const { return hex_text(state_, 16); }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325U;
};

/// The file of evaluations: a header of two lines, then one line each: the score and the raised layers by index. A line
/// counts once its line feed is written.
class evaluation_file {
 public:
  struct entry {
    double score;
    std::vector<std::size_t> layers;  ///< rising
  };

  /// Reads what an earlier search of the same problem left, if anything, and opens the file for more. Throws
  /// parse_error for damaged lines and for more than 64 MiB or a million of them, format_error for another problem's
  /// file.
  evaluation_file(const std::filesystem::path& path, const std::string& fingerprint) : name_(path.string()) {
    const std::string header = message("nniesim precision search 1\nproblem ", fingerprint, "\n");
    std::string text;
    std::error_code problem;
    if (std::filesystem::exists(path, problem))
      text = read_whole_file(path, most_bytes, "a state file of a precision search");
    const std::string_view start = std::string_view(text).substr(0, header.size());
    if (start != header) {
      // The beginning of the header is a search that was killed while it wrote it.
      require<format_error>(header.starts_with(start), name_, ": got ", excerpt(start),
                            ", expected the state file of this problem, ", excerpt(header),
                            ": it is another problem's (network, ranges, pictures or target); name another file");
      write_whole_file(path, header);
      text = header;
    }
    text.resize(text.rfind('\n') + 1);  // without a line that was cut off
    std::string_view rest = std::string_view(text).substr(header.size());
    const auto count = static_cast<std::size_t>(std::count(rest.begin(), rest.end(), '\n'));
    require<parse_error>(count <= most_entries, name_, ": ", count, " evaluations, the limit is ", most_entries);
    entries_.reserve(count);
    for (std::size_t line = 3; !rest.empty(); ++line) entries_.push_back(parse(take_line(rest), line));
    std::filesystem::resize_file(path, text.size(), problem);
    require<error>(!problem, name_, ": cannot be written: ", problem.message());
    const int opening = out_.open(path, raw_file::how::append);
    require<error>(opening == 0, name_, ": cannot be opened for writing: ", system_text(opening));
  }

  [[nodiscard]] const std::vector<entry>& entries() const noexcept { return entries_; }

  void append(const entry& e) {
    std::string line = shortest(e.score);
    for (const std::size_t l : e.layers) line += ' ' + std::to_string(l);
    const int writing = out_.write(line + '\n');
    require<error>(writing == 0, name_, ": could not be written: ", system_text(writing));
  }

 private:
  static constexpr std::uint64_t most_bytes = std::uint64_t{64} << 20U;
  static constexpr std::size_t most_entries = 1'000'000;

  [[nodiscard]] entry parse(std::string_view line, std::size_t number) const {
    entry e{};
    const char* at = line.data();
    const char* const end = at + line.size();
    auto [stop, problem] = std::from_chars(at, end, e.score);
    bool holds = problem == std::errc{} && !std::isnan(e.score);
    while (holds && stop != end) {
      std::size_t layer = 0;
      if (*stop != ' ') break;
      const auto next = std::from_chars(stop + 1, end, layer);
      holds = next.ec == std::errc{} && (e.layers.empty() || layer > e.layers.back());
      e.layers.push_back(layer);
      stop = next.ptr;
    }
    require<parse_error>(holds && stop == end, name_, ":", number, ": got ", excerpt(line),
                         ", expected a score and rising indices of layers");
    return e;
  }

  std::string name_;
  std::vector<entry> entries_;
  raw_file out_;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
