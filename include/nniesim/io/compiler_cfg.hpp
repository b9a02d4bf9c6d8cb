// The configuration file of the vendor's compiler (nnie_mapper): lines of `[key] value`. Keys, ranges and defaults are
// those of its guide; a key that the guide does not know is an error, so that a misspelt key cannot change a result
// silently.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/io/text.hpp>
#include <nniesim/precision/compile_mode.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What the files of an input are and what the board is given.
enum class cfg_image_type {
  feature_map = 0,  ///< text: one tensor per line
  picture = 1,      ///< grey or colour, 8 bits
  yuv420 = 3,       ///< pictures too; the board is given YUV and converts it
  yuv422 = 5,
};

/// What is done to an input's pictures.
enum class cfg_norm_type {
  none = 0,
  mean_image = 1,           ///< x - mean of the element, from a .binaryproto file
  channel_means = 2,        ///< x - mean of the channel, from a text file
  scale = 3,                ///< x * data_scale
  mean_image_scale = 4,     ///< (x - mean of the element) * data_scale
  channel_means_scale = 5,  ///< (x - mean of the channel) * data_scale
};

/// The order of the channels given to the network.
enum class channel_order { bgr, rgb };

/// Whether a mean is subtracted from each element.
[[nodiscard]] constexpr bool uses_mean_image(cfg_norm_type n) noexcept {
  return n == cfg_norm_type::mean_image || n == cfg_norm_type::mean_image_scale;
}
/// Whether a mean is subtracted from each channel.
[[nodiscard]] constexpr bool uses_channel_means(cfg_norm_type n) noexcept {
  return n == cfg_norm_type::channel_means || n == cfg_norm_type::channel_means_scale;
}
/// Whether values are multiplied by data_scale.
[[nodiscard]] constexpr bool uses_data_scale(cfg_norm_type n) noexcept {
  return n == cfg_norm_type::scale || n == cfg_norm_type::mean_image_scale || n == cfg_norm_type::channel_means_scale;
}

/// A file that the cfg names.
struct cfg_path {
  std::string text;  ///< as written
  /// The path to use. A relative one starts from the cfg's folder; where no such file exists there, from the working
  /// folder.
  std::filesystem::path path;
};

namespace detail {

/// The name with '/' for the '\\' of Windows.
[[nodiscard]] inline std::filesystem::path with_slashes(const std::filesystem::path& name) {
  std::string text = name.string();
  std::replace(text.begin(), text.end(), '\\', '/');
  return text;
}

}  // namespace detail

/// The file that a file in `folder` names: in that folder, or, where it does not exist there, in the working folder,
/// from which the compiler was started. A '\' separates folders unless a file has it in its name.
[[nodiscard]] inline std::filesystem::path located_file(const std::filesystem::path& folder,
                                                        const std::filesystem::path& name) {
  std::error_code ignored;
  for (const std::filesystem::path& n : {name, detail::with_slashes(name)}) {
    std::filesystem::path beside = folder / n;
    if (std::filesystem::exists(beside, ignored)) return beside;
    if (n.is_relative() && std::filesystem::exists(n, ignored)) return n;
  }
  return folder / detail::with_slashes(name);
}
/// Throws error, naming both places, where located_file() found none.
inline void require_located(const std::filesystem::path& found, const std::filesystem::path& name,
                            std::string_view what) {
  std::error_code ignored;
  if (std::filesystem::exists(found, ignored)) return;
  const std::filesystem::path working = std::filesystem::absolute(detail::with_slashes(name), ignored);
  const bool has_two = name.is_relative() && working.lexically_normal() != found.lexically_normal() &&
                       working.lexically_normal() != std::filesystem::absolute(found, ignored).lexically_normal();
  throw error(detail::message(found.string(), ": no such file", has_two ? ", nor is there " : "",
                              has_two ? working.lexically_normal().string() : "", ", expected ", what));
}
/// The same for a file that a cfg names.
inline void require_located(const cfg_path& file, std::string_view what) {
  require_located(file.path, std::filesystem::path(file.text), what);
}

/// One input of the network, in the order of the prototxt.
struct cfg_input {
  cfg_path image_list;                                  ///< pictures or feature maps, one to a line
  cfg_image_type image_type = cfg_image_type::picture;  ///< what they are
  cfg_norm_type norm_type = cfg_norm_type::none;        ///< what is done to their values
  std::optional<cfg_path> mean_file;                    ///< there if and only if norm_type uses one
  float data_scale = 1.0F / 256.0F;                     ///< the guide's default
  channel_order order = channel_order::bgr;             ///< key RGB_order; the guide's default
  std::size_t line = 0;                                 ///< where the input begins in the cfg
};

/// A line of the file.
struct cfg_entry {
  std::string key;         ///< without brackets
  std::string value;       ///< without quotes and comment
  std::size_t line = 0;    ///< where it stands, from 1
  std::string uncut{};     ///< with what may be a comment; empty where it is the value
  bool in_quotes = false;  ///< whether the value stands in quotes
};

/// Which network a cfg goes with.
enum class cfg_network {
  named,      ///< it names a prototxt and a caffemodel
  elsewhere,  ///< it may leave them out
};

/// A cfg of the vendor's compiler: what of it changes results, and what does not.
struct compiler_cfg {
  std::string file;                            ///< its name, for messages
  cfg_path prototxt_file;                      ///< empty where it is not named
  cfg_path caffemodel_file;                    ///< likewise
  int net_type = 0;                            ///< 0 a CNN, 1 with ROI or PSROI pooling, 2 recurrent
  compile_mode mode = compile_mode::all_8bit;  ///< 0, 1 or 2
  float sparse_rate = 0.0F;                    ///< share of each inner product's weights that the compiler sets to 0
  std::vector<cfg_input> inputs;               ///< at least one
  std::vector<cfg_path> roi_coordinate_file;   ///< one for each ROI or PSROI pooling layer, in the prototxt's order
  std::optional<cfg_path> gfpq_param_file;     ///< ranges of activations, as MQBench writes them
  std::vector<cfg_entry> irrelevant;           ///< known keys, within their ranges, that change no result here
};

/// More bytes than this are not a cfg.
inline constexpr std::uint64_t cfg_max_bytes = std::uint64_t{1} << 20U;

namespace detail {

/// A key that changes no result here, and the range of integers that the guide allows; both 0 where any text is
/// allowed.
struct cfg_irrelevant_key {
  std::string_view key;
  int low;
  int high;
};
inline constexpr std::array<cfg_irrelevant_key, 14> cfg_irrelevant_keys = {{{"batch_num", 0, 256},
                                                                            {"is_simulation", 0, 1},
                                                                            {"log_level", 0, 3},
                                                                            {"internal_stride", 16, 32},
                                                                            {"compress_mode", 0, 1},
                                                                            {"max_roi_frame_cnt", 1, 5000},
                                                                            {"is_check_prototxt", 0, 1},
                                                                            {"recurrent_tmax", 1, 1024},
                                                                            {"instruction_name", 0, 0},
                                                                            {"instructions_name", 0, 0},
                                                                            {"align_bytes", 0, 0},
                                                                            {"arch_version", 0, 0},
                                                                            {"weight_compress_mode", 0, 0},
                                                                            {"device", 0, 0}}};

inline constexpr std::array<std::string_view, 7> cfg_single_keys = {
    "prototxt_file", "caffemodel_file", "net_type",           "compile_mode",
    "sparse_rate",   "gfpq_param_file", "roi_coordinate_file"};

/// The keys of an input.
enum class cfg_input_key : std::size_t { image_list, image_type, norm_type, mean_file, data_scale, rgb_order };
inline constexpr std::array<std::string_view, 6> cfg_input_keys = {"image_list", "image_type", "norm_type",
                                                                   "mean_file",  "data_scale", "RGB_order"};

/// An input's lines by key, pointers into the file's entries.
using cfg_group = std::array<const cfg_entry*, cfg_input_keys.size()>;

class cfg_parser {
 public:
  cfg_parser(std::string_view text, std::string_view file, cfg_network network)
      : text_(text), file_(file), network_(network), folder_(std::filesystem::path(file_).parent_path()) {}

  [[nodiscard]] compiler_cfg parse() {
    read_entries();
    attempt([&] { refuse_unknown_keys(); });
    compiler_cfg result;
    result.file = file_;
    attempt([&] { read_network_file("prototxt_file", result.prototxt_file); });
    attempt([&] { read_network_file("caffemodel_file", result.caffemodel_file); });
    attempt([&] {
      if (const cfg_entry* e = single("net_type")) result.net_type = integer(*e, 0, 2);
    });
    attempt([&] {
      if (const cfg_entry* e = single("compile_mode")) result.mode = compile_mode_of(integer(*e, 0, 2));
    });
    attempt([&] {
      const cfg_entry* e = single("sparse_rate");
      if (e == nullptr) return;
      result.sparse_rate = real(*e);
      if (!(result.sparse_rate >= 0.0F && result.sparse_rate <= 1.0F)) fail_value(*e, "0 .. 1");
    });
    attempt([&] {
      if (const cfg_entry* e = single("gfpq_param_file")) result.gfpq_param_file = path(*e);
    });
    for (const cfg_entry& e : entries_) {
      if (e.key != "roi_coordinate_file" || is_null(e)) continue;
      attempt([&] { result.roi_coordinate_file.push_back(path(e)); });
    }
    for (const cfg_irrelevant_key& k : cfg_irrelevant_keys) {
      attempt([&] {
        const cfg_entry* e = single(k.key);
        if (e == nullptr) return;
        if (k.high != 0) (void)integer(*e, k.low, k.high);
        if (k.key == "internal_stride" && word(*e) != "16" && word(*e) != "32") fail_value(*e, "16 or 32");
        result.irrelevant.push_back(*e);
      });
    }
    std::sort(result.irrelevant.begin(), result.irrelevant.end(),
              [](const cfg_entry& a, const cfg_entry& b) { return a.line < b.line; });
    attempt([&] { read_inputs(result); });
    if (!problems_.empty()) throw parse_error(problems_);
    return result;
  }

 private:
  /// Runs a part of the parser; its errors are reported with all others, line by line.
  template <class F>
  void attempt(const F& part) {
    try {
      part();
    } catch (const parse_error& e) {
      problems_ += message(problems_.empty() ? "" : "\n", e.what());
    }
  }
  template <class... What>
  [[noreturn]] void fail(std::size_t line, const What&... what) const {
    throw parse_error(message(file_, ":", line, ": ", what...));
  }
  template <class Expected>
  [[noreturn]] void fail_value(const cfg_entry& e, const Expected& expected) const {
    fail(e.line, "[", e.key, "] is ", excerpt(e.value), ", expected ", expected);
  }

  void read_entries() {
    text_ = without_mark(text_, file_);
    for (std::size_t line = 1; !text_.empty(); ++line) {
      const std::string_view content = trimmed(take_line(text_));
      if (content.empty() || content.front() == '#' || content.front() == ';') continue;
      const std::size_t close = content.find(']');
      if (content.front() != '[' || close == std::string_view::npos) {
        fail(line, "got ", excerpt(content), ", expected [key] value");
      }
      cfg_entry e;
      e.key = trimmed(content.substr(1, close - 1));
      e.line = line;
      read_value(trimmed(content.substr(close + 1)), e);
      entries_.push_back(std::move(e));
    }
  }

  /// The text behind a key: a value, quoted or not, and a comment.
  void read_value(std::string_view text, cfg_entry& e) const {
    if (!is_plain(text)) fail(e.line, "got ", excerpt(text), ", expected a value without control characters");
    std::string_view value = text;
    if (text.starts_with('"') || text.starts_with('\'')) {
      const std::size_t end = text.find(text.front(), 1);
      const std::string_view rest = end == std::string_view::npos ? "" : trimmed(text.substr(end + 1));
      const bool is_whole = rest.empty() || rest.front() == '#' || rest.front() == ';';
      if (end == std::string_view::npos || !is_whole) {
        fail(e.line, "got ", excerpt(text), ", expected a value in quotes, or without any at its start");
      }
      value = text.substr(1, end - 1);
      e.in_quotes = true;
    } else {
      value = trimmed(text.substr(0, comment_of(text, true)));
      if (value != text) e.uncut = text;
    }
    if (trimmed(value).empty()) fail(e.line, "[", printable(e.key), "] has no value");
    e.value = value;
  }

  /// Where a comment begins in a text: at its start, after a blank, or, unless `behind_blank`, anywhere.
  [[nodiscard]] static std::size_t comment_of(std::string_view text, bool behind_blank) noexcept {
    for (std::size_t at = text.find_first_of("#;"); at != std::string_view::npos;
         at = text.find_first_of("#;", at + 1)) {
      if (at == 0 || !behind_blank || is_blank(text[at - 1])) return at;
    }
    return std::string_view::npos;
  }

  /// `null` stands for keys that are not set.
  [[nodiscard]] static bool is_null(const cfg_entry& e) {
    return e.value == "null" || e.value == "NULL" || e.value == "Null";
  }

  [[nodiscard]] static bool known(std::string_view key) noexcept {
    return std::find(cfg_single_keys.begin(), cfg_single_keys.end(), key) != cfg_single_keys.end() ||
           std::find(cfg_input_keys.begin(), cfg_input_keys.end(), key) != cfg_input_keys.end() ||
           std::any_of(cfg_irrelevant_keys.begin(), cfg_irrelevant_keys.end(),
                       [&](const cfg_irrelevant_key& k) { return k.key == key; });
  }

  void refuse_unknown_keys() const {
    std::string all;
    std::size_t first = 0;
    for (const cfg_entry& e : entries_) {
      if (known(e.key)) continue;
      if (first == 0) first = e.line;
      all += message(all.empty() ? "" : ", ", "[", printable(e.key), "] at line ", e.line);
    }
    if (first != 0) fail(first, "unknown keys: ", all, "; expected keys of the compiler's guide");
  }

  /// The line of a key that may occur at most once; null where it does not occur.
  [[nodiscard]] const cfg_entry* single(std::string_view key) const {
    const cfg_entry* found = nullptr;
    for (const cfg_entry& e : entries_) {
      if (e.key != key) continue;
      if (found != nullptr) fail(e.line, "[", key, "] stands at line ", found->line, " already, expected it once");
      found = &e;
    }
    return found == nullptr || is_null(*found) ? nullptr : found;
  }
  void read_network_file(std::string_view key, cfg_path& to) const {
    const cfg_entry* e = single(key);
    require<parse_error>(e != nullptr || network_ == cfg_network::elsewhere, file_, ": [", key, "] is missing");
    if (e != nullptr) to = path(*e);
  }

  /// A value that is not a path: a comment needs no blank before it.
  [[nodiscard]] static std::string_view word(const cfg_entry& e) {
    return trimmed(std::string_view(e.value).substr(0, comment_of(e.value, false)));
  }

  [[nodiscard]] int integer(const cfg_entry& e, int low, int high) const {
    const std::optional<int> value = whole_integer<int>(word(e));
    if (!value || *value < low || *value > high) fail_value(e, message("an integer in ", low, " .. ", high));
    return *value;
  }
  [[nodiscard]] float real(const cfg_entry& e) const {
    const std::optional<float> value = finite_float(word(e));
    if (!value) fail_value(e, "a finite number");
    return *value;
  }
  /// A file's name may contain a comment character: the reading that is an existing file is taken.
  [[nodiscard]] cfg_path path(const cfg_entry& e) const {
    std::vector<std::string> readings = {e.value};
    if (!e.uncut.empty()) readings.push_back(e.uncut);
    if (std::string cut(word(e)); !e.in_quotes && cut != e.value && !cut.empty()) readings.push_back(std::move(cut));
    const std::string* found = nullptr;
    for (const std::string& r : readings) {
      std::error_code ignored;
      const auto kind = std::filesystem::status(located_file(folder_, r), ignored).type();
      if (kind == std::filesystem::file_type::not_found || kind == std::filesystem::file_type::none) continue;
      if (kind == std::filesystem::file_type::directory) continue;
      if (found != nullptr) {
        fail(e.line, "[", e.key, "] is ", excerpt(*found), " or ", excerpt(r),
             ", with a comment or without: both are files, expected it in quotes");
      }
      found = &r;
    }
    const std::string& text = found == nullptr ? readings.front() : *found;
    return {text, located_file(folder_, text)};
  }

  [[nodiscard]] std::vector<const cfg_entry*> all_of(std::string_view key) const {
    std::vector<const cfg_entry*> found;
    for (const cfg_entry& e : entries_) {
      if (e.key == key) found.push_back(&e);
    }
    return found;
  }

  void read_inputs(compiler_cfg& result) {
    const std::vector<const cfg_entry*> lists = all_of("image_list"), types = all_of("image_type");
    const std::vector<const cfg_entry*>& openings =
        lists.size() > types.size() ||
                (lists.size() == types.size() && !lists.empty() && lists.front()->line < types.front()->line)
            ? lists
            : types;
    require<parse_error>(!openings.empty(), file_, ": [image_list] is missing");
    std::vector<cfg_group> groups(openings.size());
    for (std::size_t k = 0; k < cfg_input_keys.size(); ++k) {
      const std::vector<const cfg_entry*> all = all_of(cfg_input_keys[k]);
      if (all.size() == 1 && (groups.size() == 1 || all.front()->key != "image_list")) {
        for (cfg_group& g : groups) g[k] = all.front();  // what stands once holds for all, wherever that is
      } else if (all.size() == groups.size()) {
        require_in_step(all, openings);
        for (std::size_t i = 0; i < groups.size(); ++i) groups[i][k] = all[i];
      } else {
        share_out(all, openings, k, groups);
      }
    }
    require_all_or_none(groups);
    for (const cfg_group& group : groups) result.inputs.push_back(input(group));
  }

  /// A key that occurs as often as there are inputs is assigned to them one by one, in the file's order. This is
  /// unambiguous where its lines are all after, or all before, the lines with which inputs begin, one by one or all
  /// together; otherwise the file can be read in two ways.
  void require_in_step(const std::vector<const cfg_entry*>& key, const std::vector<const cfg_entry*>& openings) const {
    bool behind = true, before = true;
    const std::size_t last = key.size() - 1;
    for (std::size_t i = 0; i <= last; ++i) {
      behind = behind && key[i]->line >= openings[i]->line && (i == last || key[i]->line < openings[i + 1]->line);
      before = before && key[i]->line <= openings[i]->line && (i == 0 || key[i]->line > openings[i - 1]->line);
    }
    const bool is_apart = key[0]->line > openings[last]->line || key[last]->line < openings[0]->line;
    if (behind || before || is_apart) return;
    const auto begun = [&](std::size_t i) {  // inputs that have begun at this line
      return static_cast<std::size_t>(
          std::count_if(openings.begin(), openings.end(), [&](const cfg_entry* o) { return o->line <= key[i]->line; }));
    };
    std::size_t at = 0;
    while (at < last && begun(at) == at + 1) ++at;
    const std::size_t here = begun(at);
    fail(key[at]->line, "[", key[at]->key, "] is that of input ", at + 1, " by its order, and by its place that of ",
         here == 0 ? "all" : message("input ", here, ", which begins at line ", openings[here - 1]->line),
         ": expected it once within each input");
  }

  /// A key that only some inputs have belongs to the input that begins before it.
  void share_out(const std::vector<const cfg_entry*>& all, const std::vector<const cfg_entry*>& openings, std::size_t k,
                 std::vector<cfg_group>& groups) const {
    for (const cfg_entry* e : all) {
      std::size_t input = openings.size();
      for (std::size_t i = 0; i < openings.size() && openings[i]->line <= e->line; ++i) input = i;
      if (input == openings.size()) {
        fail(e->line, "[", e->key, "] stands ", all.size(), " times for ", openings.size(),
             " input(s), here before the first: expected it once for all, or within each input, which begins with [",
             openings.front()->key, "]");
      }
      if (groups[input][k] != nullptr) {
        fail(e->line, "[", e->key, "] stands at line ", groups[input][k]->line,
             " already for the same input; an input begins with [", openings.front()->key, "]");
      }
      groups[input][k] = e;
    }
  }

  /// A key with a default must not be given for one input and forgotten for another.
  void require_all_or_none(const std::vector<cfg_group>& groups) const {
    const auto missing_in = [&](const cfg_group& g, cfg_input_key k) {
      const cfg_entry* e = g[static_cast<std::size_t>(k)];
      return e == nullptr || is_null(*e);
    };
    for (const cfg_input_key k : {cfg_input_key::data_scale, cfg_input_key::rgb_order}) {
      const auto with =
          std::find_if(groups.begin(), groups.end(), [&](const cfg_group& g) { return !missing_in(g, k); });
      if (with == groups.end()) continue;
      const cfg_entry& given = *(*with)[static_cast<std::size_t>(k)];
      for (const cfg_group& g : groups) {
        if (missing_in(g, k) && needs(g, k)) {
          fail(given.line, "[", given.key, "] is given for one input and not for that of line ", first_line(g),
               ", expected it within each input that uses it, or once");
        }
      }
    }
  }

  [[nodiscard]] bool needs(const cfg_group& g, cfg_input_key k) const {
    const cfg_entry* type = g[static_cast<std::size_t>(cfg_input_key::image_type)];
    const cfg_entry* norm = g[static_cast<std::size_t>(cfg_input_key::norm_type)];
    if (type != nullptr && word(*type) == "0") return false;
    if (k == cfg_input_key::rgb_order) return true;
    return norm != nullptr && !is_null(*norm) && uses_data_scale(static_cast<cfg_norm_type>(integer(*norm, 0, 5)));
  }

  [[nodiscard]] static std::size_t first_line(const cfg_group& group) {
    std::size_t line = std::numeric_limits<std::size_t>::max();
    for (const cfg_entry* e : group) line = e == nullptr ? line : std::min(line, e->line);
    return line;
  }

  [[nodiscard]] cfg_input input(const cfg_group& group) {
    const auto entry = [&](cfg_input_key k) -> const cfg_entry* {
      const cfg_entry* e = group[static_cast<std::size_t>(k)];
      return e == nullptr || (is_null(*e) && k != cfg_input_key::mean_file) ? nullptr : e;
    };
    const auto needed = [&](cfg_input_key k) -> const cfg_entry& {
      if (entry(k) == nullptr) {
        fail(first_line(group), "the input that begins here has no [", cfg_input_keys[static_cast<std::size_t>(k)],
             "]");
      }
      return *entry(k);
    };
    cfg_input result;
    attempt([&] { result.image_list = path(needed(cfg_input_key::image_list)); });
    bool features = false;
    attempt([&] {
      const cfg_entry& type = needed(cfg_input_key::image_type);
      const cfg_entry* const list = entry(cfg_input_key::image_list);
      result.line = list == nullptr ? type.line : std::min(list->line, type.line);
      const int type_number = integer(type, 0, 5);
      if (type_number == 2 || type_number == 4) fail_value(type, "0, 1, 3 or 5");
      result.image_type = static_cast<cfg_image_type>(type_number);
      features = result.image_type == cfg_image_type::feature_map;
    });
    bool uses_mean = false;
    attempt([&] {
      if (entry(cfg_input_key::norm_type) == nullptr && features) return;
      const cfg_entry& e = needed(cfg_input_key::norm_type);
      result.norm_type = static_cast<cfg_norm_type>(integer(e, 0, 5));
      if (features && result.norm_type != cfg_norm_type::none) fail_value(e, "0, the only one for [image_type] 0");
      uses_mean = uses_mean_image(result.norm_type) || uses_channel_means(result.norm_type);
    });
    attempt([&] {
      const cfg_entry& mean = needed(cfg_input_key::mean_file);
      if (!uses_mean) return;
      if (is_null(mean)) {
        fail_value(mean, message("a file for [norm_type] ", static_cast<int>(result.norm_type)));
      }
      result.mean_file = path(mean);
    });
    attempt([&] {
      const cfg_entry* e = entry(cfg_input_key::data_scale);
      if (e == nullptr) return;
      result.data_scale = real(*e);
      if (!(result.data_scale > 1.0F / 4096.0F && result.data_scale < std::numeric_limits<float>::max())) {
        fail_value(*e, "more than 1/4096 and less than FLT_MAX");
      }
    });
    attempt([&] {
      const cfg_entry* e = entry(cfg_input_key::rgb_order);
      if (e == nullptr) return;
      std::string order(word(*e));
      for (char& c : order) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      if (order != "RGB" && order != "BGR") fail_value(*e, "RGB or BGR");
      result.order = order == "RGB" ? channel_order::rgb : channel_order::bgr;
    });
    return result;
  }

  std::string_view text_;
  std::string file_;
  cfg_network network_;
  std::filesystem::path folder_;
  std::vector<cfg_entry> entries_;
  std::string problems_;
};

}  // namespace detail

/// Takes a cfg's text apart; relative paths continue the folder of `file`, which also names the cfg in messages.
/// image_list, image_type, norm_type, mean_file, data_scale and RGB_order repeat for each input, of which there are as
/// many as lines of image_list or image_type, the more of the two. What stands as often is given to the inputs in the
/// file's order; what stands once, anywhere, holds for all; what only some inputs have belongs to the one that begins
/// before it, with the first of image_list and image_type. mean_file is never missing; where norm_type uses none it may
/// be anything. `null` is the value of a key that is not set. A value may stand in quotes. A # or ; at a line's start,
/// after a blank, or after a value that is no path begins a comment; of a path that holds one, the reading that is a
/// file is meant. Relative files that are not in that folder are looked for in the working folder; a '\' separates
/// folders. Throws parse_error with file and line for unknown keys, missing or repeated ones, values outside the
/// guide's ranges, and files that can be read in two ways: all of a file's at once, one in a line.
[[nodiscard]] inline compiler_cfg parse_compiler_cfg(std::string_view text, std::string_view file,
                                                     cfg_network network = cfg_network::named) {
  return detail::cfg_parser(text, file, network).parse();
}

/// Reads a cfg. Throws as parse_compiler_cfg, and error for what cannot be read.
[[nodiscard]] inline compiler_cfg read_compiler_cfg(const std::filesystem::path& path,
                                                    cfg_network network = cfg_network::named) {
  return parse_compiler_cfg(detail::read_whole_file(path, cfg_max_bytes, "a compiler cfg"), path.string(), network);
}

NNIESIM_END_NAMESPACE
