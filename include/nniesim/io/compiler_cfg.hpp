// The configuration file of the vendor's compiler (nnie_mapper): lines of `[key] value`. Keys, ranges and defaults are
// those of its guide; what the guide does not know is an error, so that a misspelt key cannot change a result silently.
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

[[nodiscard]] constexpr bool uses_mean_image(cfg_norm_type n) noexcept {
  return n == cfg_norm_type::mean_image || n == cfg_norm_type::mean_image_scale;
}
[[nodiscard]] constexpr bool uses_channel_means(cfg_norm_type n) noexcept {
  return n == cfg_norm_type::channel_means || n == cfg_norm_type::channel_means_scale;
}
[[nodiscard]] constexpr bool uses_data_scale(cfg_norm_type n) noexcept {
  return n == cfg_norm_type::scale || n == cfg_norm_type::mean_image_scale || n == cfg_norm_type::channel_means_scale;
}

/// A file that the cfg names.
struct cfg_path {
  std::string text;  ///< as written
  /// Relative ones continue the cfg's folder; where there is no such file, but one from the working folder on, that.
  std::filesystem::path path;
};

/// A file by its name in a file of `folder`: there, or, where it is not there, in the working folder, from which the
/// compiler was started.
[[nodiscard]] inline std::filesystem::path located_file(const std::filesystem::path& folder,
                                                        const std::filesystem::path& name) {
  std::filesystem::path beside = folder / name;
  std::error_code ignored;
  const bool is_elsewhere =
      name.is_relative() && !std::filesystem::exists(beside, ignored) && std::filesystem::exists(name, ignored);
  return is_elsewhere ? name : beside;
}
/// Throws error, naming both places, where located_file() found none.
inline void require_located(const std::filesystem::path& found, const std::filesystem::path& name,
                            std::string_view what) {
  std::error_code ignored;
  if (std::filesystem::exists(found, ignored)) return;
  const std::filesystem::path working = std::filesystem::absolute(name, ignored);
  const bool has_two = name.is_relative() && working.lexically_normal() != found.lexically_normal() &&
                       working.lexically_normal() != std::filesystem::absolute(found, ignored).lexically_normal();
  throw error(detail::concat(found.string(), ": no such file", has_two ? ", nor is there " : "",
                             has_two ? working.lexically_normal().string() : "", ", expected ", what));
}
inline void require_located(const cfg_path& file, std::string_view what) {
  require_located(file.path, std::filesystem::path(file.text), what);
}

/// One input of the network, in the order of the prototxt.
struct cfg_input {
  cfg_path image_list;
  cfg_image_type image_type = cfg_image_type::picture;
  cfg_norm_type norm_type = cfg_norm_type::none;
  std::optional<cfg_path> mean_file;         ///< there if and only if norm_type uses one
  float data_scale = 1.0F / 256.0F;          ///< the guide's default
  channel_order order = channel_order::bgr;  ///< key RGB_order; the guide's default
  std::size_t line = 0;                      ///< where the input begins in the cfg
};

/// A line of the file.
struct cfg_entry {
  std::string key;
  std::string value;
  std::size_t line = 0;
};

struct compiler_cfg {
  std::string file;  ///< its name, for messages
  cfg_path prototxt_file;
  cfg_path caffemodel_file;
  int net_type = 0;  ///< 0 a CNN, 1 with ROI or PSROI pooling, 2 recurrent
  compile_mode mode = compile_mode::all_8bit;
  float sparse_rate = 0.0F;                   ///< share of each inner product's weights that the compiler sets to 0
  std::vector<cfg_input> inputs;              ///< at least one
  std::vector<cfg_path> roi_coordinate_file;  ///< one for each ROI or PSROI pooling layer, in the prototxt's order
  std::optional<cfg_path> gfpq_param_file;    ///< ranges of activations, as MQBench writes them
  std::vector<cfg_entry> irrelevant;          ///< known keys, within their ranges, that change no result here
};

/// More bytes than this are not a cfg.
inline constexpr std::uint64_t cfg_max_bytes = std::uint64_t{1} << 20U;

namespace detail {

/// A key that changes no result here, and the integers that the guide allows it; both 0 where any text is taken.
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
  cfg_parser(std::string_view text, std::string_view file)
      : text_(text), file_(file), folder_(std::filesystem::path(file_).parent_path()) {}

  [[nodiscard]] compiler_cfg parse() {
    read_entries();
    attempt([&] { refuse_unknown_keys(); });
    compiler_cfg result;
    result.file = file_;
    attempt([&] { result.prototxt_file = path(required("prototxt_file")); });
    attempt([&] { result.caffemodel_file = path(required("caffemodel_file")); });
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
      if (e.key == "roi_coordinate_file") result.roi_coordinate_file.push_back(path(e));
    }
    for (const cfg_irrelevant_key& k : cfg_irrelevant_keys) {
      attempt([&] {
        const cfg_entry* e = single(k.key);
        if (e == nullptr) return;
        if (k.high != 0) (void)integer(*e, k.low, k.high);
        if (k.key == "internal_stride" && e->value != "16" && e->value != "32") fail_value(*e, "16 or 32");
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
  /// Runs a part of the parser; what it finds wrong is told with the rest, line by line.
  template <class F>
  void attempt(const F& part) {
    try {
      part();
    } catch (const parse_error& e) {
      problems_ += concat(problems_.empty() ? "" : "\n", e.what());
    }
  }
  template <class... What>
  [[noreturn]] void fail(std::size_t line, const What&... what) const {
    throw parse_error(concat(file_, ":", line, ": ", what...));
  }
  template <class Expected>
  [[noreturn]] void fail_value(const cfg_entry& e, const Expected& expected) const {
    fail(e.line, "[", e.key, "] is ", excerpt(e.value), ", expected ", expected);
  }

  void read_entries() {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);  // as Windows' editors begin their files
    for (std::size_t line = 1; !text_.empty(); ++line) {
      std::string_view content = trimmed(take_line(text_));
      if (content.empty() || content.front() == '#' || content.front() == ';') continue;
      const std::size_t close = content.find(']');
      if (content.front() != '[' || close == std::string_view::npos) {
        fail(line, "got ", excerpt(content), ", expected [key] value");
      }
      const std::string_view key = content.substr(1, close - 1);
      std::string_view value = trimmed(content.substr(close + 1));
      for (std::size_t at = value.find_first_of("#;"); at != std::string_view::npos;
           at = value.find_first_of("#;", at + 1)) {
        if (at != 0 && !is_blank(value[at - 1])) continue;  // a path may have one inside a name
        value = trimmed(value.substr(0, at));
        break;
      }
      if (value.empty()) fail(line, "[", printable(key, true), "] has no value");
      if (!is_plain(value)) fail(line, "got ", excerpt(value), ", expected a value without control characters");
      entries_.push_back({std::string(key), std::string(value), line});
    }
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
      all += concat(all.empty() ? "" : ", ", "[", printable(e.key, true), "] at line ", e.line);
    }
    if (first != 0) fail(first, "unknown keys: ", all, "; expected keys of the compiler's guide");
  }

  /// The line of a key that stands once at most; null where there is none.
  [[nodiscard]] const cfg_entry* single(std::string_view key) const {
    const cfg_entry* found = nullptr;
    for (const cfg_entry& e : entries_) {
      if (e.key != key) continue;
      if (found != nullptr) fail(e.line, "[", key, "] stands at line ", found->line, " already, expected it once");
      found = &e;
    }
    return found;
  }
  [[nodiscard]] const cfg_entry& required(std::string_view key) const {
    const cfg_entry* e = single(key);
    require<parse_error>(e != nullptr, file_, ": [", key, "] is missing");
    return *e;
  }

  [[nodiscard]] int integer(const cfg_entry& e, int low, int high) const {
    const std::optional<int> value = whole_integer<int>(e.value);
    if (!value || *value < low || *value > high) fail_value(e, concat("an integer in ", low, " .. ", high));
    return *value;
  }
  [[nodiscard]] float real(const cfg_entry& e) const {
    const std::optional<float> value = finite_float(e.value);
    if (!value) fail_value(e, "a finite number");
    return *value;
  }
  [[nodiscard]] cfg_path path(const cfg_entry& e) const { return {e.value, located_file(folder_, e.value)}; }

  void read_inputs(compiler_cfg& result) {
    const auto count = [&](std::string_view key) {
      return std::count_if(entries_.begin(), entries_.end(), [&](const cfg_entry& e) { return e.key == key; });
    };
    const auto inputs = std::max(count("image_list"), count("image_type"));
    cfg_group shared{};
    std::vector<cfg_group> groups;
    std::string_view opening;
    for (const cfg_entry& e : entries_) {
      const auto* const name = std::find(cfg_input_keys.begin(), cfg_input_keys.end(), e.key);
      if (name == cfg_input_keys.end()) continue;
      const bool opens = (e.key == "image_list" || e.key == "image_type") && count(e.key) == inputs;
      if (opening.empty() && opens) opening = *name;
      if (e.key == opening) groups.emplace_back();
      // What stands once among several inputs holds for all, wherever that is.
      const bool is_shared = groups.empty() || (inputs > 1 && count(e.key) == 1 && e.key != "image_list");
      cfg_group& group = is_shared ? shared : groups.back();
      const cfg_entry*& place = group[static_cast<std::size_t>(name - cfg_input_keys.begin())];
      if (place != nullptr) {
        fail(e.line, "[", e.key, "] stands at line ", place->line, " already for the same input; an input begins with ",
             opening.empty() ? "[image_list] or [image_type]" : concat("[", opening, "]"));
      }
      place = &e;
    }
    require<parse_error>(!groups.empty(), file_, ": [image_list] is missing");
    share(shared, groups);
    for (const cfg_group& group : groups) result.inputs.push_back(input(group));
  }

  /// Values before the first input, and those that stand once, hold for all. Where one stands both before it and within
  /// an input, the file can be read in two ways.
  void share(const cfg_group& shared, std::vector<cfg_group>& groups) const {
    for (std::size_t k = 0; k < shared.size(); ++k) {
      if (shared[k] == nullptr) continue;
      for (cfg_group& group : groups) {
        if (group[k] != nullptr) {
          fail(group[k]->line, "[", cfg_input_keys[k], "] stands before the first input at line ", shared[k]->line,
               " too, expected it there for all inputs or within each");
        }
        group[k] = shared[k];
      }
    }
    const auto missing_in = [&](const cfg_group& g, cfg_input_key k) {
      return g[static_cast<std::size_t>(k)] == nullptr;
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
    if (type != nullptr && type->value == "0") return false;
    if (k == cfg_input_key::rgb_order) return true;
    return norm != nullptr && uses_data_scale(static_cast<cfg_norm_type>(integer(*norm, 0, 5)));
  }

  [[nodiscard]] static std::size_t first_line(const cfg_group& group) {
    std::size_t line = std::numeric_limits<std::size_t>::max();
    for (const cfg_entry* e : group) line = e == nullptr ? line : std::min(line, e->line);
    return line;
  }

  [[nodiscard]] cfg_input input(const cfg_group& group) {
    const auto entry = [&](cfg_input_key k) { return group[static_cast<std::size_t>(k)]; };
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
      if (mean.value == "null") {
        fail_value(mean, concat("a file for [norm_type] ", static_cast<int>(result.norm_type)));
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
      if (e->value != "RGB" && e->value != "BGR") fail_value(*e, "RGB or BGR");
      result.order = e->value == "RGB" ? channel_order::rgb : channel_order::bgr;
    });
    return result;
  }

  std::string_view text_;
  std::string file_;
  std::filesystem::path folder_;
  std::vector<cfg_entry> entries_;
  std::string problems_;
};

}  // namespace detail

/// Takes a cfg's text apart; relative paths continue the folder of `file`, which also names the cfg in messages.
/// image_list, image_type, norm_type, mean_file, data_scale and RGB_order repeat for each input, which begins with
/// image_list or image_type, whichever stands first in the file; what stands before the first input, or once in the
/// file, holds for all. mean_file is never missing; where norm_type uses none it may be anything. A # or ; at a line's
/// start or after a blank begins a comment. Relative files that are not in that folder are looked for in the working
/// folder. Throws parse_error with file and line for unknown keys, missing or repeated ones, values outside
/// the guide's ranges, and files that can be read in two ways: all of a file's at once, one in a line.
[[nodiscard]] inline compiler_cfg parse_compiler_cfg(std::string_view text, std::string_view file) {
  return detail::cfg_parser(text, file).parse();
}

/// Reads a cfg. Throws as parse_compiler_cfg, and error for what cannot be read.
[[nodiscard]] inline compiler_cfg read_compiler_cfg(const std::filesystem::path& path) {
  return parse_compiler_cfg(detail::read_whole_file(path, cfg_max_bytes, "a compiler cfg"), path.string());
}

NNIESIM_END_NAMESPACE
