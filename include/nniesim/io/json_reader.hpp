// JSON from files that may come from anywhere: looked over before it is parsed, because a parser's tree takes up to a
// hundred times the memory of its text.
#pragma once

#if !__has_include(<nlohmann/json.hpp>)
#error "nniesim/io/json_reader.hpp needs the header of JSON for Modern C++ (Debian: nlohmann-json3-dev)"
#endif

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What a JSON text may have at most. The default takes some 100 MB of memory.
struct json_limits {
  std::uint64_t bytes = std::uint64_t{64} << 20U;  ///< of the text
  std::size_t depth = 8;                           ///< of brackets
  std::size_t values = 1'000'000;                  ///< members and elements
};

namespace detail {

/// Throws parse_error with the byte where a text goes beyond the limits.
inline void require_json_limits(std::string_view text, std::string_view file, const json_limits& limits) {
  require<parse_error>(text.size() <= limits.bytes, file, ": ", text.size(), " bytes, the limit is ", limits.bytes);
  std::size_t depth = 0;
  std::size_t values = 1;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\') ++at;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      require<parse_error>(++depth <= limits.depth, file, ": byte ", at, ": got brackets within brackets ", depth,
                           " deep, expected at most ", limits.depth);
      ++values;
    } else if (c == ']' || c == '}') {
      if (depth != 0) --depth;  // one too many is the parser's matter
    } else if (c == ',') {
      ++values;
    }
    require<parse_error>(values <= limits.values, file, ": byte ", at, ": got more than ", limits.values,
                         " values, the limit");
  }
}

/// The value of a text; `file` names it in messages. Throws parse_error with the byte where it is no JSON or beyond the
/// limits, and for an object with two members of one name, of which a parser takes the last.
[[nodiscard]] inline nlohmann::json parse_json(std::string_view text, std::string_view file,
                                               const json_limits& limits = {}) {
  require_json_limits(text, file, limits);
  std::vector<std::set<std::string>> names;  // of the objects that are open
  const auto look = [&](int, nlohmann::json::parse_event_t event, const nlohmann::json& part) {
    if (event == nlohmann::json::parse_event_t::object_start) names.emplace_back();
    if (event == nlohmann::json::parse_event_t::object_end) names.pop_back();
    if (event != nlohmann::json::parse_event_t::key) return true;
    const auto& name = part.get_ref<const std::string&>();
    require<parse_error>(names.back().insert(name).second, file, ": got the member ", excerpt(name),
                         " twice in one object, expected it once");
    return true;
  };
  try {
    return nlohmann::json::parse(text, look);
  } catch (const nlohmann::json::parse_error& e) {
    throw parse_error(
        message(file, ": byte ", e.byte, ": expected JSON: ", printable(std::string_view(e.what()).substr(0, 300))));
  } catch (const nlohmann::json::exception& e) {  // a number beyond all doubles
    throw parse_error(message(file, ": expected JSON: ", printable(std::string_view(e.what()).substr(0, 300))));
  }
}

}  // namespace detail

NNIESIM_END_NAMESPACE
