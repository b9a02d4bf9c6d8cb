// The compiler's gfpq_param_file: clip values of layers' inputs that a public quantization toolkit (MQBench) learned,
// in place of ranges from calibration.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/io/json_reader.hpp>
#include <nniesim/network/activation_ranges.hpp>
#include <nniesim/network/blob_storage.hpp>
#include <nniesim/network/precision_plan.hpp>
#include <nniesim/precision/compile_mode.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What such a file says of a network.
struct gfpq_params {
  activation_ranges ranges{};        ///< of the blobs that it has, by range_names()
  std::vector<std::string> unknown;  ///< its layers that the network does not have
};

/// Takes {"nnie": {"gfpq_param_dict": {layer: [largest magnitude of each input]}}} apart; either object around the
/// innermost one may be missing. A blob gets the largest value of its readers. Names may differ by the mark _hp. Throws
/// parse_error, with `file`, for another form, values that are not positive and finite, and layers with more values
/// than inputs.
[[nodiscard]] inline gfpq_params parse_gfpq_params(std::string_view text, std::string_view file, const network& net) {
  const nlohmann::json whole = detail::parse_json(text, file);
  const nlohmann::json* layers = &whole;
  for (const char* key : {"nnie", "gfpq_param_dict"}) {
    if (layers->is_object() && layers->contains(key)) layers = &(*layers)[key];
  }
  detail::require<parse_error>(layers->is_object() && !layers->empty(), file,
                               ": got no layers, expected {\"nnie\": {\"gfpq_param_dict\": {layer: [range, ...]}}}");
  const auto plain = [](std::string_view name) {
    return std::string(is_marked_hp(name) ? name.substr(0, name.size() - 3) : name);
  };
  gfpq_params result;
  result.ranges.rule = range_rule::given;
  const std::vector<std::string> names = range_names(net);
  const std::vector<blob_storage> storage = blob_storage_of(net, plan_of(net, layer_precision::w8a8));
  for (const auto& [key, values] : layers->items()) {
    const std::string where = detail::concat(file, ": layer ", detail::excerpt(key));
    detail::require<parse_error>(values.is_array(), where, ": expected a list of the ranges of its inputs");
    const std::string name = plain(key);
    const auto l = std::find_if(net.layers.begin(), net.layers.end(), [&](const layer& x) {
      return plain(x.name) == name ||
             std::any_of(x.merged.begin(), x.merged.end(), [&](const std::string& m) { return plain(m) == name; });
    });
    if (l == net.layers.end()) {
      result.unknown.push_back(key);
      continue;
    }
    detail::require<parse_error>(values.size() <= l->inputs.size(), where, ": got ", values.size(),
                                 " ranges, expected at most one for each of its ", l->inputs.size(), " inputs");
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double v = values[i].is_number() ? values[i].get<double>() : -1.0;
      detail::require<parse_error>(v > 0 && v <= static_cast<double>(std::numeric_limits<float>::max()), where,
                                   ": range ", i, " is no positive float");
      result.ranges.blobs[names[storage[l->inputs[i]].source]].add(static_cast<float>(v));
    }
  }
  return result;
}

/// Throws as parse_gfpq_params, and error for what cannot be read.
[[nodiscard]] inline gfpq_params read_gfpq_params(const std::filesystem::path& path, const network& net) {
  return parse_gfpq_params(detail::read_whole_file(path, json_limits{}.bytes, "a gfpq_param_file"), path.string(), net);
}

NNIESIM_END_NAMESPACE
