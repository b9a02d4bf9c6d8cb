// The file that keeps what calibration found: small JSON, one entry per layer.
#pragma once

#if !__has_include(<nlohmann/json.hpp>)
#error "nniesim/io/calibration_file.hpp needs the header of JSON for Modern C++ (Debian: nlohmann-json3-dev)"
#endif

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <nniesim/io/file.hpp>
#include <nniesim/network/activation_ranges.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The ranges as text:
/// {"format": "nniesim calibration 1", "pictures": 20, "layers": {"conv1": [{"gfpq8": -150, "gfpq16": -1512}]}}
[[nodiscard]] inline std::string calibration_text(const activation_ranges& ranges) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::object();
  for (const auto& [name, of_layer] : ranges.layers) {
    auto& list = layers[name] = nlohmann::ordered_json::array();
    for (const activation_range& r : of_layer) list.push_back({{"gfpq8", r.in_8bit.z()}, {"gfpq16", r.in_16bit.z()}});
  }
  const nlohmann::ordered_json whole = {
      {"format", "nniesim calibration 1"}, {"pictures", ranges.pictures}, {"layers", layers}};
  // A name that is not UTF-8 keeps its other characters.
  return whole.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

/// The ranges of a text; `file` names it in messages. Throws parse_error for anything but what calibration_text writes,
/// with the byte where it is no JSON, with the layer where a scale is out of range.
[[nodiscard]] inline activation_ranges parse_calibration(std::string_view text, std::string_view file) {
  nlohmann::json whole;
  try {
    whole = nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& e) {
    throw parse_error(detail::concat(file, ": byte ", e.byte, ": expected JSON: ", e.what()));
  }
  const auto require = [&](bool holds, const auto&... what) {
    detail::require<parse_error>(holds, file, ": ", what...);
  };
  const auto member = [&](const nlohmann::json& object, const char* key) -> const nlohmann::json& {
    require(object.is_object() && object.contains(key), "got no member '", key, "', expected one");
    return object.at(key);
  };
  require(member(whole, "format") == "nniesim calibration 1", "got format ",
          member(whole, "format").dump(-1, ' ', true), ", expected \"nniesim calibration 1\"");
  activation_ranges ranges;
  require(member(whole, "pictures").is_number_unsigned(), "got pictures that are no count, expected a number");
  ranges.pictures = member(whole, "pictures").get<std::size_t>();
  require(member(whole, "layers").is_object(), "got layers that are no object, expected one member per layer");
  for (const auto& [name, list] : member(whole, "layers").items()) {
    require(list.is_array() && !list.empty(), "layer '", name, "': expected a list of ranges");
    const auto z = [&, &layer = name](const nlohmann::json& range, const char* key, int low, int high) {
      const nlohmann::json& value = member(range, key);
      const bool fits = value.is_number_integer() && value >= low && value <= high;
      require(fits, "layer '", layer, "': ", key, " is ", value.dump(-1, ' ', true), ", expected a whole number from ",
              low, " to ", high);
      return value.get<int>();
    };
    for (const nlohmann::json& range : list) {
      ranges.layers[name].push_back({gfpq8::scale(z(range, "gfpq8", gfpq8::scale::min_z, gfpq8::scale::max_z)),
                                     gfpq16::scale(z(range, "gfpq16", gfpq16::scale::min_z, gfpq16::scale::max_z))});
    }
  }
  return ranges;
}

/// Throws as parse_calibration, and error for what cannot be read.
[[nodiscard]] inline activation_ranges read_calibration(const std::filesystem::path& path) {
  constexpr std::uint64_t most = std::uint64_t{64} << 20U;
  return parse_calibration(detail::read_whole_file(path, most, "a calibration file"), path.string());
}

/// An existing file is replaced. Throws error where not everything could be written.
inline void write_calibration(const std::filesystem::path& path, const activation_ranges& ranges) {
  detail::write_whole_file(path, calibration_text(ranges));
}

NNIESIM_END_NAMESPACE
