// The file that keeps the ranges of a network's blobs: small JSON, one entry per blob.
#pragma once

#if !__has_include(<nlohmann/json.hpp>)
#error "nniesim/io/calibration_file.hpp needs the header of JSON for Modern C++ (Debian: nlohmann-json3-dev)"
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/core/utf8.hpp>
#include <nniesim/formats/hex.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/io/json_reader.hpp>
#include <nniesim/network/activation_ranges.hpp>
#include <nniesim/network/blob_storage.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// A name as the file has it: "\xNN" for each byte that is not UTF-8, "\\" for a backslash.
[[nodiscard]] inline std::string escaped_name(std::string_view name) {
  std::string escaped;
  while (!name.empty()) {
    const std::size_t length = utf8_length(name);
    const std::string_view character = name.substr(0, length == 0 ? 1 : length);
    if (length == 0) escaped += printable(character);
    else if (character == "\\") escaped += R"(\\)";
    else escaped += character;
    name.remove_prefix(character.size());
  }
  return escaped;
}

/// The name from its escaped form; nothing where an escape is malformed.
[[nodiscard]] inline std::optional<std::string> unescaped_name(std::string_view escaped) {
  std::string name;
  while (!escaped.empty()) {
    if (escaped[0] != '\\') {
      name += escaped[0];
      escaped.remove_prefix(1);
    } else if (escaped.starts_with(R"(\\)")) {
      name += '\\';
      escaped.remove_prefix(2);
    } else {
      const bool holds =
          escaped.starts_with("\\x") && escaped.size() >= 4 && hex_digit(escaped[2]) >= 0 && hex_digit(escaped[3]) >= 0;
      if (!holds) return std::nullopt;
      name += static_cast<char>(hex_digit(escaped[2]) * 16 + hex_digit(escaped[3]));
      escaped.remove_prefix(4);
    }
  }
  return name;
}

}  // namespace detail

/// The ranges as text:
/// {"format": "nniesim ranges 1", "pictures": 20, "rule": "quantized", "precision": "w8a8",
///  "blobs": {"data": {"largest": 255.0}, "conv1": {"gfpq8": -150, "gfpq16": -1512}}}
/// Blobs have the names of range_names(). A range has "largest", which is "infinity" where it is that, and "zeros":
/// true where a picture gave nothing but zeros; or scales that are given, of one format or both; or all of them. In
/// names
/// "\xNN" (of JSON: "\\xNN") stands for a byte that is not UTF-8, two backslashes for one.
[[nodiscard]] inline std::string calibration_text(const activation_ranges& ranges) {
  nlohmann::ordered_json blobs = nlohmann::ordered_json::object();
  for (const auto& [name, r] : ranges.blobs) {
    auto& range = blobs[detail::escaped_name(name)] = nlohmann::ordered_json::object();
    const bool is_given = r.in_8bit || r.in_16bit;
    if (std::isinf(r.largest)) range["largest"] = "infinity";
    else if (r.largest != 0.0F || r.had_zeros || !is_given) range["largest"] = static_cast<double>(r.largest);
    if (r.had_zeros) range["zeros"] = true;
    if (r.in_8bit) range["gfpq8"] = r.in_8bit->z();
    if (r.in_16bit) range["gfpq16"] = r.in_16bit->z();
  }
  const nlohmann::ordered_json whole = {{"format", "nniesim ranges 1"},
                                        {"pictures", ranges.pictures},
                                        {"rule", to_string(ranges.rule)},
                                        {"precision", detail::escaped_name(ranges.precision)},
                                        {"blobs", blobs}};
  return whole.dump(1, ' ') + "\n";
}

namespace detail {

/// Reads what calibration_text writes, and the files before it, whose ranges were of layers' inputs.
class calibration_reader {
 public:
  calibration_reader(std::string_view text, std::string_view file) : file_(file), whole_(parse_json(text, file)) {}

  [[nodiscard]] bool is_old() const {
    return member(whole_, "format") == "nniesim calibration 1" || member(whole_, "format") == "nniesim calibration 2";
  }

  [[nodiscard]] activation_ranges read() const {
    const nlohmann::json& format = member(whole_, "format");
    require(format == "nniesim ranges 1", "got format ", shown(format), ", expected \"nniesim ranges 1\"",
            is_old() ? ": one of \"nniesim calibration 1\" and 2 is converted where the network is known" : "");
    activation_ranges ranges = head();
    const nlohmann::json& rule = member(whole_, "rule");
    bool is_known = false;
    for (const range_rule r : {range_rule::quantized, range_rule::floating, range_rule::given}) {
      if (rule != to_string(r)) continue;
      ranges.rule = r;
      is_known = true;
    }
    require(is_known, "got rule ", shown(rule), ", expected \"quantized\", \"floating\" or \"given\"");
    const nlohmann::json& precision = member(whole_, "precision");
    require(precision.is_string(), "got precision ", shown(precision), ", expected a policy's name");
    ranges.precision = name_of(precision.get<std::string>(), "precision", true);
    const nlohmann::json& blobs = member(whole_, "blobs");
    require(blobs.is_object(), "got blobs that are not an object, expected one member per blob");
    for (const auto& [key, value] : blobs.items()) {
      const std::string blob = message("blob ", excerpt(key));
      const auto [place, is_new] = ranges.blobs.try_emplace(name_of(key, blob, true));
      require(is_new, blob, " stands there twice, expected it once");
      require(value.is_object(), blob, ": got ", shown(value), ", expected an object");
      for (const auto& part : value.items()) {
        const std::string& k = part.key();
        require(k == "largest" || k == "zeros" || k == "gfpq8" || k == "gfpq16", blob, ": got ", excerpt(k),
                ", expected largest, zeros, gfpq8 or gfpq16");
      }
      activation_range& r = place->second;
      if (value.contains("largest")) r.largest = largest(value["largest"], blob);
      if (value.contains("zeros")) {
        require(value["zeros"].is_boolean(), blob, ": got zeros ", shown(value["zeros"]), ", expected true or false");
        r.had_zeros = value["zeros"].get<bool>();
      }
      if (value.contains("gfpq8")) r.in_8bit = scale<gfpq8>(value, blob);
      if (value.contains("gfpq16")) r.in_16bit = scale<gfpq16>(value, blob);
      require(value.contains("largest") || r.in_8bit || r.in_16bit, blob,
              ": got no range, expected largest, gfpq8 or gfpq16");
    }
    return ranges;
  }

  /// From an old file: a blob gets the largest scale of its readers.
  [[nodiscard]] activation_ranges converted(const network& net) const {
    const bool escapes = member(whole_, "format") == "nniesim calibration 2";
    activation_ranges ranges = head();
    const nlohmann::json& layers = member(whole_, "layers");
    require(layers.is_object(), "got layers that are not an object, expected one member per layer");
    std::map<std::string, std::vector<activation_range>> of_layers;
    for (const auto& [key, list] : layers.items()) {
      const std::string layer = message("layer ", excerpt(key));
      require(list.is_array() && !list.empty(), layer, ": expected a list of ranges");
      auto& of_layer = of_layers[name_of(key, layer, escapes)];
      require(of_layer.empty(), layer, " stands there twice, expected it once");
      for (const nlohmann::json& range : list) {
        activation_range& r = of_layer.emplace_back();
        r.in_8bit = scale<gfpq8>(range, layer);
        r.in_16bit = scale<gfpq16>(range, layer);
      }
    }
    const std::vector<std::string> names = range_names(net);
    const std::vector<blob_storage> storage = blob_storage_of(net, plan_of(net, layer_precision::w8a8));
    for (const layer& l : net.layers) {
      const auto found = of_layers.find(l.name);
      if (found == of_layers.end()) continue;
      for (std::size_t i = 0; i < found->second.size(); ++i) {
        const bool by_input = l.inputs.size() == found->second.size();  // else one for each group of the only one
        require(by_input || l.inputs.size() == 1, "layer ", excerpt(l.name), ": got ", found->second.size(),
                " ranges, expected one for each of its ", l.inputs.size(), " inputs");
        activation_range& r = ranges.blobs[names[storage[l.inputs[by_input ? i : 0]].source]];
        r.in_8bit = r.in_8bit ? std::max(*r.in_8bit, *found->second[i].in_8bit) : found->second[i].in_8bit;
        r.in_16bit = r.in_16bit ? std::max(*r.in_16bit, *found->second[i].in_16bit) : found->second[i].in_16bit;
      }
    }
    return ranges;
  }

 private:
  template <class... What>
  void require(bool holds, const What&... what) const {
    detail::require<parse_error>(holds, file_, ": ", what...);
  }
  [[nodiscard]] const nlohmann::json& member(const nlohmann::json& object, const char* key) const {
    require(object.is_object() && object.contains(key), "got no member '", key, "', expected one");
    return object.at(key);
  }
  [[nodiscard]] static std::string shown(const nlohmann::json& value) {
    return printable(value.dump(-1, ' ', true).substr(0, 100));
  }
  [[nodiscard]] std::string name_of(const std::string& key, std::string_view what, bool escapes) const {
    const std::optional<std::string> name = escapes ? unescaped_name(key) : key;
    require(name.has_value(), what, ": got an escape that is neither \\\\ nor \\xNN");
    return *name;
  }
  [[nodiscard]] activation_ranges head() const {
    activation_ranges ranges;
    require(member(whole_, "pictures").is_number_unsigned(),
            "got pictures that are not a count, expected a whole number, 0 or more");
    ranges.pictures = member(whole_, "pictures").get<std::size_t>();
    return ranges;
  }
  [[nodiscard]] float largest(const nlohmann::json& value, std::string_view where) const {
    if (value == "infinity") return std::numeric_limits<float>::infinity();
    const double v = value.is_number() ? value.get<double>() : -1.0;
    require(v >= 0 && v <= static_cast<double>(std::numeric_limits<float>::max()), where, ": largest is ", shown(value),
            ", expected a float, not negative, or \"infinity\"");
    return static_cast<float>(v);
  }
  template <class F>
  [[nodiscard]] typename F::scale scale(const nlohmann::json& range, std::string_view where) const {
    constexpr int low = F::scale::min_z, high = F::scale::max_z;
    const nlohmann::json& value = member(range, std::string(F::name).c_str());
    const bool fits = value.is_number_integer() && value >= low && value <= high;
    require(fits, where, ": ", F::name, " is ", shown(value), ", expected a whole number from ", low, " to ", high);
    return typename F::scale(value.get<int>());
  }

  std::string_view file_;
  nlohmann::json whole_;
};

}  // namespace detail

/// The ranges of a text; `file` names it in messages. Throws parse_error for anything but what calibration_text writes,
/// with the byte where it is not JSON or exceeds json_limits, with the blob where a range is wrong.
[[nodiscard]] inline activation_ranges parse_calibration(std::string_view text, std::string_view file) {
  return detail::calibration_reader(text, file).read();
}
/// The same, and files of earlier versions ("nniesim calibration 1" and 2), which had a range for each input or group
/// of each layer: a blob gets the largest one. `note`, if given, is told so; else it is left as it is.
[[nodiscard]] inline activation_ranges parse_calibration(std::string_view text, std::string_view file,
                                                         const network& net, std::string* note = nullptr) {
  const detail::calibration_reader reader(text, file);
  if (!reader.is_old()) return reader.read();
  if (note != nullptr) {
    *note =
        detail::message(file, ": ranges of an earlier version, of layers' inputs: each blob gets the largest of its ",
                        "readers', in 8 and 16 bits; calibrate again for those of the quantized network");
  }
  return reader.converted(net);
}

/// Throws as parse_calibration, and error for what cannot be read.
[[nodiscard]] inline activation_ranges read_calibration(const std::filesystem::path& path) {
  return parse_calibration(detail::read_whole_file(path, json_limits{}.bytes, "a calibration file"), path.string());
}
/// The same for a network: throws as parse_calibration for it.
[[nodiscard]] inline activation_ranges read_calibration(const std::filesystem::path& path, const network& net,
                                                        std::string* note = nullptr) {
  return parse_calibration(detail::read_whole_file(path, json_limits{}.bytes, "a calibration file"), path.string(), net,
                           note);
}

/// Written as output_file does. Throws error where not everything could be written.
inline void write_calibration(const std::filesystem::path& path, const activation_ranges& ranges) {
  detail::write_whole_file(path, calibration_text(ranges));
}

NNIESIM_END_NAMESPACE
