// Folders of dumps from anywhere (.npy, the compiler's, the board's, Caffe's) as lists of named values, and two folders
// compared with no model at all, in constant memory.
// Long: what each tool calls its files, and the pairs of these names, is one table of rules.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ios>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/io/mapper_dump.hpp>
#include <nniesim/io/net_tree.hpp>
#include <nniesim/io/npy.hpp>
#include <nniesim/io/text.hpp>
#include <nniesim/metrics/compare.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What of a layer a file holds.
enum class dump_role { output, input, weight, bias };

/// The enumerator's name.
[[nodiscard]] constexpr std::string_view to_string(dump_role role) noexcept {
  switch (role) {
    case dump_role::output: return "output";
    case dump_role::input: return "input";
    case dump_role::weight: return "weight";
    case dump_role::bias: return "bias";
  }
  return "?";
}

/// One file of a folder.
struct dump_entry {
  std::filesystem::path path;  ///< of the file
  std::string layer;           ///< as the file's name has it, below a subfolder "subfolder/name"; board: "seg0_layer7"
  dump_role role = dump_role::output;  ///< what of the layer it holds
  std::size_t output = 0;              ///< number of the output or input; of Caffe's dumps the index in the batch
  tensor_shape shape;                  ///< of rank 0 where neither the name nor a header gives one
  std::optional<dump_kind> kind;       ///< nothing for .npy files
  std::string problem;                 ///< why the values cannot be read, as far as name and header tell; else empty
};

/// The files of a folder.
struct dump_list {
  std::filesystem::path folder;               ///< that was listed
  std::vector<dump_entry> dumps;              ///< in natural order of layer, then role, number and path
  std::vector<std::filesystem::path> others;  ///< files that are no dumps
};

/// A folder of more files is refused.
inline constexpr std::size_t dump_folder_max_files = 100'000;

/// .npy files in Fortran order are turned around in memory, at most this many bytes of them.
inline constexpr std::uint64_t fortran_npy_limit = std::uint64_t{256} << 20U;

namespace detail {

/// Takes a run of digits off the text, without the zeros before it.
[[nodiscard]] constexpr std::string_view take_digits(std::string_view& text) noexcept {
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
  return digits;
}

}  // namespace detail

/// Whether a comes before b where runs of digits count as numbers: conv2 before conv10, seg0_layer9 before
/// seg0_layer10. Texts that differ in zeros before a number alone are ordered byte by byte.
[[nodiscard]] inline bool natural_less(std::string_view a, std::string_view b) {
  std::string_view x = a;
  std::string_view y = b;
  while (!x.empty() && !y.empty()) {
    if (detail::is_digit(x.front()) && detail::is_digit(y.front())) {
      const std::string_view m = detail::take_digits(x);
      const std::string_view n = detail::take_digits(y);
      if (m.size() != n.size()) return m.size() < n.size();
      if (m != n) return m < n;
    } else {
      if (x.front() != y.front()) return x.front() < y.front();
      x.remove_prefix(1);
      y.remove_prefix(1);
    }
  }
  return x.empty() == y.empty() ? a < b : x.empty();
}

/// The name of the .npy file of a layer's output, as the tool's commands write them: "a/b" and 1 give
/// "a_b_output1.npy", 0 gives "a_b.npy"; names that no file can have as layer_file_name shortens them.
[[nodiscard]] inline std::string npy_dump_name(std::string_view layer, std::size_t output) {
  return layer_file_name(layer, (output == 0 ? "" : "_output" + std::to_string(output)) + ".npy");
}

namespace detail {

/// A text file's first bytes; empty for what cannot be read.
[[nodiscard]] inline std::string beginning_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(4096, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return bytes;
}

}  // namespace detail

/// What a file's name, and the header of a .npy file or of MindSpore's report (.txt), tell; nothing where it is no
/// dump. A .npy file's layer is its stem without an "_output{n}" at its end (0 where there is none). A header that
/// cannot be read is the entry's problem, as are codes, whose scale no file has.
[[nodiscard]] inline std::optional<dump_entry> dump_entry_of(const std::filesystem::path& path) {
  dump_entry entry;
  entry.path = path;
  if (path.extension() == ".npy") {
    const std::string stem = path.stem().string();
    entry.layer = stem;
    constexpr std::string_view mark = "_output";
    const std::size_t at = stem.rfind(mark);
    if (at != std::string::npos && at != 0) {
      if (const auto number = detail::dump_number(std::string_view(stem).substr(at + mark.size()))) {
        entry.layer = stem.substr(0, at);
        entry.output = *number;
      }
    }
    try {
      const npy_header header = read_npy_header(path);
      entry.shape = header.shape;
    } catch (const error& e) {
      entry.problem = e.what();
    }
    return entry;
  }
  if (path.extension() == ".txt") {
    const std::optional<report_header> header = parse_report_header(detail::beginning_of(path));
    if (!header) return std::nullopt;
    entry.kind = dump_kind::report;
    entry.layer = header->layer;
    entry.shape = header->shape;
    return entry;
  }
  const std::optional<dump_name> name = parse_dump_name(path.filename().string());
  if (!name) return std::nullopt;
  entry.kind = name->kind;
  entry.layer =
      detail::is_of_segment(name->kind) ? detail::message("seg", name->segment, "_layer", name->id) : name->layer;
  entry.output = name->output;
  entry.shape = name->shape;
  switch (name->kind) {
    case dump_kind::mapper_output:
    case dump_kind::caffe_output:
    case dump_kind::board_output:
    case dump_kind::simulator_output:
    case dump_kind::report: break;
    case dump_kind::mapper_input_codes:
    case dump_kind::mapper_input: entry.role = dump_role::input; break;
    case dump_kind::weight_codes:
    case dump_kind::weight: entry.role = dump_role::weight; break;
    case dump_kind::bias: entry.role = dump_role::bias; break;
  }
  if (name->kind == dump_kind::mapper_input_codes || name->kind == dump_kind::weight_codes) {
    entry.problem = detail::message(path.string(), ": holds codes, whose scale is not in the file");
  }
  if (name->kind == dump_kind::bias) {
    entry.problem = detail::message(path.string(), ": holds words of a bias, whose scale is not known");
  }
  return entry;
}

/// The same of a file that is meant by its name, whatever that is: what dump_entry_of does not know is text of values,
/// as their first words say: eight hexadecimal digits each are Q20.12, others decimal numbers. Throws format_error
/// where the words are either (digits only), unless the name ends in .hex or .float, or neither; error for what cannot
/// be read.
[[nodiscard]] inline dump_entry named_dump_entry_of(const std::filesystem::path& path) {
  if (std::optional<dump_entry> known = dump_entry_of(path)) return *std::move(known);
  dump_entry entry;
  entry.path = path;
  entry.layer = path.filename().string();
  const std::string beginning = detail::beginning_of(path);
  if (const std::optional<report_header> header = parse_report_header(beginning)) {
    entry.kind = dump_kind::report;
    entry.shape = header->shape;
    return entry;
  }
  bool may_be_hex = true, may_be_decimal = true;
  detail::word_reader words(path);
  std::size_t count = 0;
  for (std::string_view word = words.next(); !word.empty() && count < 1024; word = words.next(), ++count) {
    may_be_hex = may_be_hex && word.size() == 8 &&
                 std::all_of(word.begin(), word.end(), [](char c) { return detail::hex_digit(c) >= 0; });
    may_be_decimal = may_be_decimal && detail::finite_float(word).has_value();
  }
  detail::require<format_error>(count != 0 && (may_be_hex || may_be_decimal), path.string(),
                                ": got neither .npy nor lines of numbers, decimal or eight hexadecimal digits each, ",
                                "such as conv1_output0_16_8_8_quant.linear.hex has");
  if (path.extension() == ".hex") may_be_decimal = may_be_decimal && !may_be_hex;
  if (path.extension() == ".float") may_be_hex = may_be_hex && !may_be_decimal;
  detail::require<format_error>(may_be_hex != may_be_decimal, path.string(),
                                ": its words can be read as decimal numbers and as eight hexadecimal digits of ",
                                "Q20.12: which is meant? Expected a name that ends in .float or in .hex");
  entry.kind = may_be_hex ? dump_kind::mapper_output : dump_kind::caffe_output;
  return entry;
}

/// The files of a folder and its subfolders (links to folders are not followed). Throws error for what is no folder,
/// cannot be read, or has more than dump_folder_max_files files. An empty folder gives an empty list.
[[nodiscard]] inline dump_list list_dumps(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code problem;
  detail::require<error>(fs::is_directory(folder, problem), folder.string(), ": ",
                         fs::exists(folder, problem) ? "not a folder" : "no such folder",
                         ", expected a folder of dumps");
  dump_list list;
  list.folder = folder;
  std::size_t files = 0;
  fs::recursive_directory_iterator at(folder, problem);
  for (; !problem && at != fs::recursive_directory_iterator(); at.increment(problem)) {
    if (at->is_directory(problem)) continue;
    detail::require<error>(++files <= dump_folder_max_files, folder.string(), ": more than ", dump_folder_max_files,
                           " files");
    std::optional<dump_entry> entry = dump_entry_of(at->path());
    if (!entry) {
      list.others.push_back(at->path());
      continue;
    }
    const std::string below = at->path().parent_path().lexically_relative(folder).generic_string();
    if (!below.empty() && below != ".") entry->layer = below + "/" + entry->layer;
    list.dumps.push_back(*std::move(entry));
  }
  detail::require<error>(!problem, folder.string(), ": cannot be read: ", problem.message());
  std::sort(list.dumps.begin(), list.dumps.end(), [](const dump_entry& a, const dump_entry& b) {
    if (a.layer != b.layer) return natural_less(a.layer, b.layer);
    return std::tuple(a.role, a.output, a.path.native()) < std::tuple(b.role, b.output, b.path.native());
  });
  std::sort(list.others.begin(), list.others.end(),
            [](const fs::path& a, const fs::path& b) { return natural_less(a.string(), b.string()); });
  return list;
}

/// Gives the outputs of board and simulator ("seg0_layer7") their layers' names from the compiler's graph, as
/// board_layer_name finds them; the order of the list, which for them is that of execution, stays. Returns how many of
/// them have no name there and keep their number.
inline std::size_t name_board_dumps(dump_list& list, const net_tree& tree) {
  std::size_t unnamed = 0;
  for (dump_entry& e : list.dumps) {
    if (!e.kind || !detail::is_of_segment(*e.kind)) continue;
    const std::optional<dump_name> parts = parse_dump_name(e.path.filename().string());
    const std::optional<std::string> name = board_layer_name(tree, parts->segment, parts->id);
    if (name) e.layer.replace(e.layer.rfind('/') + 1, std::string::npos, *name);  // below its subfolder
    unnamed += name ? 0U : 1U;
  }
  return unnamed;
}

namespace detail {

/// The elements of a .npy file as floats, row-major, block by block.
class npy_stream {
 public:
  explicit npy_stream(const std::filesystem::path& path) : file_(path), left_(file_.header().shape.size()) {
    const npy_header& header = file_.header();
    if (!header.fortran_order || header.shape.rank() < 2) return;
    require<format_error>(file_.data_bytes() <= fortran_npy_limit, file_.name(), ": ", file_.data_bytes(),
                          " bytes in Fortran order, expected C order or at most ", fortran_npy_limit, " bytes");
    std::vector<float> stored(header.shape.size());
    next(stored);
    turned_.resize(stored.size());
    fortran_to_row_major<float>(stored, turned_, header.shape);
    left_ = turned_.size();
  }

  [[nodiscard]] std::size_t read(std::span<float> out) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left_));
    if (!turned_.empty()) {
      std::copy_n(turned_.end() - static_cast<std::ptrdiff_t>(left_), count, out.begin());
      left_ -= count;
    } else {
      next(out.first(count));
    }
    return count;
  }
  [[nodiscard]] const std::string& name() const noexcept { return file_.name(); }
  [[nodiscard]] const tensor_shape& shape() const noexcept { return file_.header().shape; }

 private:
  void next(std::span<float> out) {
    const npy_type type = file_.header().type;
    const std::size_t bytes = npy_kind_of(type).bytes;
    constexpr std::size_t piece = std::size_t{1} << 14U;
    for (std::size_t at = 0; at < out.size(); at += piece) {
      const std::span<float> here = out.subspan(at, std::min(piece, out.size() - at));
      block_.resize(here.size() * bytes);
      file_.read(block_);
      switch (type) {
        case npy_type::float32: convert<float>(here); break;
        case npy_type::float64: convert<double>(here); break;
        case npy_type::int8: convert<std::int8_t>(here); break;
        case npy_type::uint8: convert<std::uint8_t>(here); break;
        case npy_type::int16: convert<std::int16_t>(here); break;
        case npy_type::uint16: convert<std::uint16_t>(here); break;
        case npy_type::int32: convert<std::int32_t>(here); break;
        case npy_type::int64: convert<std::int64_t>(here); break;
      }
      left_ -= here.size();
    }
  }
  template <class T>
  void convert(std::span<float> out) {
    const bool swap = file_.header().big_endian != (std::endian::native == std::endian::big);
    char* from = block_.data();
    for (float& to : out) {
      if (swap) std::reverse(from, from + sizeof(T));
      T value{};
      std::memcpy(&value, from, sizeof(T));
      to = to_float(value);
      from += sizeof(T);
    }
  }
  template <class T>
  [[nodiscard]] static float to_float(T value) noexcept {
    if constexpr (std::same_as<T, double>) {
      constexpr float infinity = std::numeric_limits<float>::infinity();
      if (std::fabs(value) > static_cast<double>(std::numeric_limits<float>::max())) {
        return value > 0 ? infinity : -infinity;
      }
    }
    return static_cast<float>(value);
  }

  npy_reader file_;
  std::uint64_t left_;
  std::vector<char> block_;
  std::vector<float> turned_;  ///< the whole of a file in Fortran order
};

}  // namespace detail

/// The values of one dump as floats, block by block: 64-bit floats and integers are rounded to the nearest float, those
/// beyond the floats become infinities. Row-major; of text dumps the order of the file.
class value_stream {
 public:
  /// Throws error for what cannot be opened, and what the entry's problem says: format_error for codes and element
  /// types that are not read, parse_error for malformed headers.
  ///
  /// With `takes_more` a text dump may have any number of values from that of its shape on, as padded ones do.
  explicit value_stream(const dump_entry& entry, bool takes_more = false) : entry_(entry), takes_more_(takes_more) {
    if (!entry.kind) {
      npy_.emplace(entry.path);
      return;
    }
    detail::require<format_error>(entry.problem.empty(), entry.problem);
    const bool hex = entry.kind == dump_kind::mapper_output || detail::is_of_segment(*entry.kind);
    text_.emplace(entry.path, hex ? dump_text::linear_hex : dump_text::decimal);
    if (entry.kind == dump_kind::report) text_->skip_line();
  }

  /// The next values, as many as `out` has room for or the file has left; returns how many, 0 at the end. Throws
  /// parse_error with the place in the file for what is no value and, at the end, where the values of a text dump are
  /// none or not the shape of its name once or several times (several where it has a batch).
  [[nodiscard]] std::size_t read(std::span<float> out) {
    const std::size_t count = npy_ ? npy_->read(out) : text_->read(out);
    position_ += count;
    if (text_ && count < out.size()) {
      const std::size_t each = entry_.shape.size();
      const bool fits = takes_more_ ? position_ >= each : position_ % each == 0;
      detail::require<parse_error>(position_ != 0 && fits, text_->name(), ": ", position_, " values, expected ",
                                   entry_.shape.rank() == 0 ? "at least " : "", each,
                                   entry_.shape.rank() == 0 ? "" : " as the shape in its name says, or a multiple");
    }
    return count;
  }

  /// Number of values read so far.
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

 private:
  dump_entry entry_;
  bool takes_more_;
  std::optional<detail::npy_stream> npy_;
  std::optional<dump_reader> text_;
  std::uint64_t position_ = 0;
};

/// Whole dumps of more values are refused.
inline constexpr std::size_t dump_values_limit = dump_max_values;

/// All values of a dump; `takes_more` as of value_stream. Throws as value_stream, and format_error beyond
/// dump_values_limit values.
[[nodiscard]] inline std::vector<float> read_values(const dump_entry& entry, bool takes_more = false) {
  value_stream stream(entry, takes_more);
  std::vector<float> values;
  std::vector<float> block(std::size_t{1} << 16U);
  while (const std::size_t count = stream.read(block)) {
    detail::require<format_error>(values.size() + count <= dump_values_limit, entry.path.string(), ": more than ",
                                  dump_values_limit, " values, the most that are read as a whole");
    values.insert(values.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return values;
}

/// Compares two dumps element by element in constant memory. Shapes may differ as long as there are equally many
/// elements (a name gives 16x4x4, a header 1x16x4x4). Throws shape_error with both counts where there are not, or none;
/// otherwise as value_stream.
[[nodiscard]] inline comparison compare_files(const dump_entry& reference, const dump_entry& other) {
  value_stream r(reference);
  value_stream x(other);
  std::vector<float> of_r(std::size_t{1} << 16U);
  std::vector<float> of_x(of_r.size());
  comparison_accumulator sums;
  for (;;) {
    const std::size_t m = r.read(of_r);
    const std::size_t n = x.read(of_x);
    if (m != n) {
      while (r.read(of_r) != 0) {
      }
      while (x.read(of_x) != 0) {
      }
      throw shape_error(detail::message(reference.path.string(), " has ", r.position(), " elements, ",
                                        other.path.string(), " has ", x.position(), ", expected equally many"));
    }
    if (m == 0) break;
    sums.add(std::span<const float>(of_r).first(m), std::span<const float>(of_x).first(m));
  }
  detail::require<shape_error>(r.position() != 0, reference.path.string(), " and ", other.path.string(),
                               ": no elements, expected at least one");
  return sums.result();
}

/// The same for files by their path. Throws as named_dump_entry_of.
[[nodiscard]] inline comparison compare_files(const std::filesystem::path& reference,
                                              const std::filesystem::path& other) {
  return compare_files(named_dump_entry_of(reference), named_dump_entry_of(other));
}

/// Two dumps of the same output of the same layer.
struct dump_pair {
  dump_entry reference;              ///< of the reference's folder
  dump_entry other;                  ///< of the other folder
  std::optional<comparison> result;  ///< nothing where a problem prevented it
  std::string problem;               ///< why there is no result; else empty
};

/// A dump that could have been compared but was not.
struct passed_over_dump {
  dump_entry dump;     ///< of either folder
  std::string reason;  ///< why it was passed over, in words
};

/// Two folders compared. Every dump of either stands in exactly one of the lists.
struct folder_comparison {
  std::vector<dump_pair> pairs;            ///< in the reference's order
  std::vector<dump_entry> only_reference;  ///< the reference's without a partner
  std::vector<dump_entry> only_other;      ///< the other folder's without a partner
  std::vector<passed_over_dump>
      passed_over;  ///< inputs and weights of layers whose outputs are compared, codes, doubles
};

namespace detail {

/// A layer's name, which ":n" may follow, for a comparison with what a file of that layer is called.
[[nodiscard]] inline std::string layer_key(std::string_view layer) {
  std::string key = without_slashes(layer);
  std::size_t end = key.find_last_not_of("0123456789");
  if (end == std::string::npos || key[end] != ':' || end + 1 == key.size()) end = key.size();
  const std::string_view name = std::string_view(key).substr(0, end);
  // Whether a name is too long depends on what the file's name ends with: all that may be are shortened here.
  if ((is_file_name(name) && name.size() <= short_name_bytes) || is_short_name(name)) return key;
  return short_name(name) + key.substr(end);
}

/// The order in which dumps of the same values are preferred: those that can be read, by their kind, .npy last.
[[nodiscard]] inline std::size_t dump_rank(const dump_entry& e) noexcept {
  return (e.problem.empty() ? 0U : 1000U) + (e.kind ? static_cast<std::size_t>(*e.kind) : std::size_t{100});
}

/// The dumps of a folder by layer, role and number; codes and further dumps of the same values are passed over.
class dump_index {
 public:
  using key = std::tuple<std::string, dump_role, std::size_t>;

  dump_index(const dump_list& list, std::vector<passed_over_dump>& passed_over) {
    for (const dump_entry& e : list.dumps) {
      if (e.kind && !e.problem.empty()) {
        passed_over.push_back({e, e.problem});
        continue;
      }
      const key k{layer_key(e.layer), e.role, e.output};
      const auto [at, is_new] = entries_.try_emplace(k, &e);
      if (is_new) {
        order_.push_back(k);
        continue;
      }
      const dump_entry* worse = &e;
      if (dump_rank(e) < dump_rank(*at->second)) std::swap(worse, at->second);
      passed_over.push_back(
          {*worse, message("the same ", to_string(e.role), " is taken from ", at->second->path.string())});
    }
  }

  [[nodiscard]] const std::vector<key>& order() const noexcept { return order_; }
  [[nodiscard]] const dump_entry* find(const key& k) const {
    const auto at = entries_.find(k);
    return at == entries_.end() ? nullptr : at->second;
  }
  /// Whether the layer has any dump of the role.
  [[nodiscard]] bool has(const std::string& layer, dump_role role) const {
    const auto at = entries_.lower_bound(key{layer, role, 0});
    return at != entries_.end() && std::get<0>(at->first) == layer && std::get<1>(at->first) == role;
  }

 private:
  std::map<key, const dump_entry*> entries_;
  std::vector<key> order_;
};

/// Whether the layer's outputs are compared, so that its inputs and weights need not be.
[[nodiscard]] inline bool outputs_compared(const dump_index& a, const dump_index& b, const std::string& layer) {
  return a.has(layer, dump_role::output) && b.has(layer, dump_role::output);
}

}  // namespace detail

/// Throws error where a list has dumps of several runs: of the same output in two folders, or in one folder in two
/// sizes, which files of an older run leave behind.
inline void require_one_run(const dump_list& list) {
  std::map<std::pair<std::string, std::size_t>, const dump_entry*> seen;
  for (const dump_entry& d : list.dumps) {
    if (d.role != dump_role::output) continue;
    // A folder can be a part of the name of an .npy file's layer; the compiler and the board make none.
    const std::string name = d.kind ? d.layer.substr(d.layer.rfind('/') + 1) : d.layer;
    const auto [at, is_new] = seen.emplace(std::pair(detail::layer_key(name), d.output), &d);
    if (is_new) continue;
    const dump_entry& other = *at->second;
    detail::require<error>(other.path.parent_path() == d.path.parent_path(), list.folder.string(), ": the output of '",
                           d.layer, "' is in ", other.path.string(), " and in ", d.path.string(),
                           ", expected the dumps of one run: give one of these folders");
    const bool have_sizes = d.shape.rank() != 0 && other.shape.rank() != 0;
    detail::require<error>(!have_sizes || other.shape.size() == d.shape.size(), list.folder.string(),
                           ": the output of '", d.layer, "' is in ", other.path.string(), " and, in another size, in ",
                           d.path.string(),
                           ", expected the dumps of one run: one of these files is left from another one");
  }
}

/// Compares the dumps of two lists: pairs of equal layer ('/' and '_' are equal), role and number, in the order of the
/// reference's list. Where both have outputs of a layer, its inputs and weights are passed over; an output is never
/// compared with an input. Of several dumps of the same values (quant.linear.hex, caffe.linear.float, .npy) the first
/// in the order of dump_kind is taken, .npy last. Throws error for a list without dumps.
[[nodiscard]] inline folder_comparison compare_folders(const dump_list& reference, const dump_list& other) {
  for (const dump_list* list : {&reference, &other}) {
    detail::require<error>(!list->dumps.empty(), list->folder.string(), ": no dumps among ", list->others.size(),
                           " files, expected .npy files or those of the compiler, the board or its Caffe script");
  }
  folder_comparison result;
  const detail::dump_index r(reference, result.passed_over);
  const detail::dump_index x(other, result.passed_over);
  const auto pass_over = [&](const dump_entry& e, const std::string& layer) {
    const bool does = e.role != dump_role::output && detail::outputs_compared(r, x, layer);
    if (does) result.passed_over.push_back({e, "the outputs of its layer are compared"});
    return does;
  };
  for (const auto& key : r.order()) {
    const dump_entry& e = *r.find(key);
    if (pass_over(e, std::get<0>(key))) continue;
    const dump_entry* partner = x.find(key);
    if (partner == nullptr) {
      result.only_reference.push_back(e);
      continue;
    }
    dump_pair pair{e, *partner, {}, {}};
    try {
      pair.result = compare_files(e, *partner);
    } catch (const error& problem) {
      pair.problem = problem.what();
    }
    result.pairs.push_back(std::move(pair));
  }
  for (const auto& key : x.order()) {
    const dump_entry& e = *x.find(key);
    if (!pass_over(e, std::get<0>(key)) && r.find(key) == nullptr) result.only_other.push_back(e);
  }
  return result;
}

/// The same for folders; throws as list_dumps too.
[[nodiscard]] inline folder_comparison compare_folders(const std::filesystem::path& reference,
                                                       const std::filesystem::path& other) {
  return compare_folders(list_dumps(reference), list_dumps(other));
}

NNIESIM_END_NAMESPACE
