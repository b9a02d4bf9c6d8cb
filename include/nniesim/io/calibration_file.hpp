// The file that keeps what calibration found: small JSON, one entry per layer.
#pragma once

#if !__has_include(<nlohmann/json.hpp>)
#error "nniesim/io/calibration_file.hpp needs the header of JSON for Modern C++ (Debian: nlohmann-json3-dev)"
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/core/utf8.hpp>
#include <nniesim/formats/hex.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/io/json_reader.hpp>
#include <nniesim/network/activation_ranges.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// A layer's name in format 2: "\xNN" for each byte that is no UTF-8, "\\" for a backslash.
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

/// The name that is escaped so; nothing for what is no escape.
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
/// {"format": "nniesim calibration 1", "pictures": 20, "layers": {"conv1": [{"gfpq8": -150, "gfpq16": -1512}]}}
/// Where a name is not UTF-8 the format is "nniesim calibration 2", and in all names "\xNN" (of JSON: "\\xNN") stands
/// for a byte that is not, two backslashes for one.
[[nodiscard]] inline std::string calibration_text(const activation_ranges& ranges) {
  const bool escapes = std::any_of(ranges.layers.begin(), ranges.layers.end(),
                                   [](const auto& of_layer) { return !detail::is_utf8(of_layer.first); });
  nlohmann::ordered_json layers = nlohmann::ordered_json::object();
  for (const auto& [name, of_layer] : ranges.layers) {
    auto& list = layers[escapes ? detail::escaped_name(name) : name] = nlohmann::ordered_json::array();
    for (const activation_range& r : of_layer) list.push_back({{"gfpq8", r.in_8bit.z()}, {"gfpq16", r.in_16bit.z()}});
  }
  const nlohmann::ordered_json whole = {{"format", escapes ? "nniesim calibration 2" : "nniesim calibration 1"},
                                        {"pictures", ranges.pictures},
                                        {"layers", layers}};
  return whole.dump(1, ' ') + "\n";
}

/// The ranges of a text; `file` names it in messages. Throws parse_error for anything but what calibration_text writes,
/// with the byte where it is no JSON or beyond json_limits, with the layer where a scale is out of range.
[[nodiscard]] inline activation_ranges parse_calibration(std::string_view text, std::string_view file) {
  const nlohmann::json whole = detail::parse_json(text, file);
  const auto require = [&](bool holds, const auto&... what) {
    detail::require<parse_error>(holds, file, ": ", what...);
  };
  const auto member = [&](const nlohmann::json& object, const char* key) -> const nlohmann::json& {
    require(object.is_object() && object.contains(key), "got no member '", key, "', expected one");
    return object.at(key);
  };
  const auto shown = [](const nlohmann::json& value) {
    return detail::printable(value.dump(-1, ' ', true).substr(0, 100));
  };
  const bool escapes = member(whole, "format") == "nniesim calibration 2";
  require(escapes || member(whole, "format") == "nniesim calibration 1", "got format ", shown(member(whole, "format")),
          ", expected \"nniesim calibration 1\" or 2");
  activation_ranges ranges;
  require(member(whole, "pictures").is_number_unsigned(), "got pictures that are no count, expected a number");
  ranges.pictures = member(whole, "pictures").get<std::size_t>();
  require(member(whole, "layers").is_object(), "got layers that are no object, expected one member per layer");
  for (const auto& [key, list] : member(whole, "layers").items()) {
    const std::string layer = detail::excerpt(key);
    require(list.is_array() && !list.empty(), "layer ", layer, ": expected a list of ranges");
    const std::optional<std::string> name = escapes ? detail::unescaped_name(key) : key;
    require(name.has_value(), "layer ", layer, ": got an escape that is neither \\\\ nor \\xNN");
    auto& of_layer = ranges.layers[*name];
    require(of_layer.empty(), "layer ", layer, " stands there twice, expected it once");
    const auto z = [&](const nlohmann::json& range, const char* member_name, int low, int high) {
      const nlohmann::json& value = member(range, member_name);
      const bool fits = value.is_number_integer() && value >= low && value <= high;
      require(fits, "layer ", layer, ": ", member_name, " is ", shown(value), ", expected a whole number from ", low,
              " to ", high);
      return value.get<int>();
    };
    for (const nlohmann::json& range : list) {
      of_layer.push_back({gfpq8::scale(z(range, "gfpq8", gfpq8::scale::min_z, gfpq8::scale::max_z)),
                          gfpq16::scale(z(range, "gfpq16", gfpq16::scale::min_z, gfpq16::scale::max_z))});
    }
  }
  return ranges;
}

/// Throws as parse_calibration, and error for what cannot be read.
[[nodiscard]] inline activation_ranges read_calibration(const std::filesystem::path& path) {
  return parse_calibration(detail::read_whole_file(path, json_limits{}.bytes, "a calibration file"), path.string());
}

/// Written as output_file does. Throws error where not everything could be written.
inline void write_calibration(const std::filesystem::path& path, const activation_ranges& ranges) {
  detail::write_whole_file(path, calibration_text(ranges));
}

NNIESIM_END_NAMESPACE
