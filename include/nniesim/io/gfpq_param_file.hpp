// The compiler's gfpq_param_file: clip values of layers' inputs that a public quantization toolkit (MQBench) learned,
// in place of ranges from calibration.
//
// Known: what MQBench writes: JSON, {"nnie": {"gfpq_param_dict": {layer: [largest magnitude of each input]}}}, of
// convolutions without groups, fully connected layers, max pooling, sums, concats and upsamplings, whose added permute
// is <layer>_permute_<k>, k counted over the network; not of Flatten, ReLU, PReLU, Sigmoid, Reshape, Softmax, Clip,
// global average pooling and products. Not known: whether the compiler takes that text as it is, what it wants of
// grouped convolutions (one value per group, MQBench's comment says), and what it does with layers that are missing (we
// take their ranges from the pictures).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/io/json_reader.hpp>
#include <nniesim/io/text.hpp>
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

namespace detail {

/// The name of an upsampling layer whose permute, which the compiler adds, is called this; else the name.
[[nodiscard]] inline std::string_view without_permute(std::string_view name, const network& net) {
  constexpr std::string_view mark = "_permute_";
  const std::size_t at = name.rfind(mark);
  if (at == std::string_view::npos || !whole_integer<std::size_t>(name.substr(at + mark.size()))) return name;
  const bool is_upsampling = std::any_of(net.layers.begin(), net.layers.end(), [&](const layer& l) {
    return l.name == name.substr(0, at) && l.type.find("Upsample") != std::string::npos;
  });
  return is_upsampling ? name.substr(0, at) : name;
}

}  // namespace detail

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
    const std::string where = detail::message(file, ": layer ", detail::excerpt(key));
    detail::require<parse_error>(values.is_array() && !values.empty(), where,
                                 ": expected a list of the ranges of its inputs");
    const std::string name = plain(detail::without_permute(key, net));
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
      const bool fits = v > 0 && v <= static_cast<double>(std::numeric_limits<float>::max());
      const float range = fits ? static_cast<float>(v) : 0.0F;  // 0 of what is too small for a float, too
      detail::require<parse_error>(range > 0.0F, where, ": range ", i, " is no positive float");
      result.ranges.blobs[names[storage[l->inputs[i]].source]].add(range);
    }
  }
  return result;
}

/// Throws as parse_gfpq_params, and error for what cannot be read.
[[nodiscard]] inline gfpq_params read_gfpq_params(const std::filesystem::path& path, const network& net) {
  return parse_gfpq_params(detail::read_whole_file(path, json_limits{}.bytes, "a gfpq_param_file"), path.string(), net);
}

namespace detail {

/// Whether MQBench writes a layer's ranges.
[[nodiscard]] inline bool has_gfpq_params(const layer& l) {
  static constexpr std::array<std::string_view, 9> without = {"Input",   "Flatten", "ReLU",  "PReLU",  "Sigmoid",
                                                              "Reshape", "Softmax", "Split", "Dropout"};
  if (std::find(without.begin(), without.end(), l.type) != without.end()) return false;
  if (const auto* conv = std::get_if<layers::convolution>(&l.params)) return conv->geometry.groups == 1;
  if (const auto* deconv = std::get_if<layers::deconvolution>(&l.params)) return deconv->geometry.groups == 1;
  return reads_codes(l) || l.type == "Concat";
}

}  // namespace detail

/// The text of such a file for a network's ranges, as MQBench writes it, from which parse_gfpq_params gets them back
/// exactly: of the blobs whose largest magnitude is known, by the layers that read them (see the top of this header
/// which; grouped convolutions are left out). Throws error where no layer has one.
[[nodiscard]] inline std::string gfpq_params_text(const network& net, const activation_ranges& ranges) {
  const std::vector<std::string> names = range_names(net);
  const std::vector<blob_storage> storage = blob_storage_of(net, plan_of(net, layer_precision::w8a8));
  nlohmann::ordered_json all = nlohmann::ordered_json::object();
  std::size_t upsamplings = 0;
  for (const layer& l : net.layers) {
    if (l.on_cpu || !detail::has_gfpq_params(l)) continue;
    nlohmann::ordered_json values = nlohmann::ordered_json::array();
    for (const std::size_t b : l.inputs) {
      const auto found = ranges.blobs.find(names[storage[b].source]);
      if (found == ranges.blobs.end() || !(found->second.largest > 0.0F)) break;  // a value's place is its input's
      values.push_back(static_cast<double>(found->second.largest));
    }
    if (values.empty()) continue;
    all[l.name] = values;
    if (l.type.find("Upsample") != std::string::npos) {
      all[detail::message(l.name, "_permute_", upsamplings++)] = values;
    }
  }
  detail::require<error>(!all.empty(), "gfpq_param_file: no range of a layer's input is known, expected one at least");
  const nlohmann::ordered_json whole = {{"nnie", {{"gfpq_param_dict", all}}}};
  return whole.dump(4, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

NNIESIM_END_NAMESPACE
