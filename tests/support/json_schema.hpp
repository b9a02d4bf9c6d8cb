// Whether JSON is what a schema says: the part of JSON Schema (2020-12) that examples/nnie_debug/schema.json uses. A
// keyword that is not known is an error, so that nothing is passed over.
#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace json_schema {

using nlohmann::json;

class checker {
 public:
  explicit checker(const json& schema) : schema_(schema) {}

  /// What is wrong, each with its place; empty: nothing.
  [[nodiscard]] std::vector<std::string> problems(const json& document) const {
    std::vector<std::string> found;
    check(schema_, document, "", found);
    return found;
  }

 private:
  using list = std::vector<std::string>;

  [[nodiscard]] static bool has_type(const json& v, const std::string& type) {
    if (type == "null") return v.is_null();
    if (type == "boolean") return v.is_boolean();
    if (type == "string") return v.is_string();
    if (type == "integer") return v.is_number_integer();
    if (type == "number") return v.is_number();
    if (type == "array") return v.is_array();
    if (type == "object") return v.is_object();
    throw std::runtime_error("schema: type " + type + " is not known");
  }

  [[nodiscard]] const json& resolved(const std::string& reference) const {
    return schema_.at(json::json_pointer(reference.substr(reference.find('#') + 1)));
  }

  void check(const json& s, const json& v, const std::string& at, list& found) const {
    static const std::set<std::string> known = {
        "$schema", "$defs",      "title",    "description",          "$ref",  "type",  "const", "enum",
        "minimum", "properties", "required", "additionalProperties", "items", "oneOf", "anyOf"};
    for (const auto& [keyword, value] : s.items()) {
      if (!known.contains(keyword)) throw std::runtime_error("schema: keyword " + keyword + " is not known");
    }
    const auto wrong = [&](const std::string& what) { found.push_back((at.empty() ? "/" : at) + ": " + what); };
    if (s.contains("$ref")) check(resolved(s["$ref"].get<std::string>()), v, at, found);
    if (s.contains("const") && v != s["const"]) wrong("is " + v.dump() + ", expected " + s["const"].dump());
    if (s.contains("enum") && std::find(s["enum"].begin(), s["enum"].end(), v) == s["enum"].end()) {
      wrong("is " + v.dump() + ", expected one of " + s["enum"].dump());
    }
    if (s.contains("type")) {
      const json types = s["type"].is_array() ? s["type"] : json::array({s["type"]});
      bool fits = false;
      for (const json& type : types) fits = fits || has_type(v, type.get<std::string>());
      if (!fits) wrong("is " + v.dump().substr(0, 60) + ", expected " + types.dump());
    }
    if (s.contains("minimum") && v.is_number() && v < s["minimum"]) wrong("is below " + s["minimum"].dump());
    if (v.is_object()) check_members(s, v, at, found);
    if (s.contains("items") && v.is_array()) {
      for (std::size_t i = 0; i < v.size(); ++i) check(s["items"], v[i], at + "/" + std::to_string(i), found);
    }
    for (const char* keyword : {"oneOf", "anyOf"}) {
      if (s.contains(keyword)) check_alternatives(s[keyword], v, at, std::string(keyword) == "oneOf", found);
    }
  }

  void check_members(const json& s, const json& v, const std::string& at, list& found) const {
    const json none = json::object();
    const json& properties = s.contains("properties") ? s["properties"] : none;
    if (s.contains("required")) {
      for (const json& name : s["required"]) {
        if (!v.contains(name.get<std::string>())) found.push_back(at + "/" + name.get<std::string>() + ": is missing");
      }
    }
    for (const auto& [name, value] : v.items()) {
      if (properties.contains(name)) check(properties[name], value, at + "/" + name, found);
      else if (s.contains("additionalProperties")) found.push_back(at + "/" + name + ": is not in the schema");
    }
  }

  /// What is wrong with the nearest of the alternatives, where none fits.
  void check_alternatives(const json& alternatives, const json& v, const std::string& at, bool only_one,
                          list& found) const {
    std::size_t fitting = 0;
    list nearest;
    for (const json& s : alternatives) {
      list problems;
      check(s, v, at, problems);
      if (problems.empty()) ++fitting;
      if (nearest.empty() || problems.size() < nearest.size()) nearest = problems;
    }
    if (fitting == 0) found.insert(found.end(), nearest.begin(), nearest.end());
    else if (only_one && fitting > 1) found.push_back(at + ": fits " + std::to_string(fitting) + " of oneOf");
  }

  const json& schema_;
};

}  // namespace json_schema
