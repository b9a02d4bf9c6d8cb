// The compiler's own scales as the ranges that a network is run with.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nniesim/debug/wk_compare.hpp>
#include <nniesim/network/activation_ranges.hpp>
#include <nniesim/network/blob_storage.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Whether bytes of a file, its first 64 are enough, may be a compiled model: its header has zeros, which no text has.
[[nodiscard]] inline bool may_be_wk(std::string_view bytes) noexcept {
  return bytes.substr(0, 64).find('\0') != std::string_view::npos;
}

/// What a compiled model says about the scales of a network's blobs.
struct wk_calibration {
  activation_ranges ranges{};  ///< given ones, of no pictures, each in the format that the blob is stored in
  /// Layers without a weight block that is theirs, by name: the model may be made of other weights, whose ranges are
  /// others, too.
  std::vector<std::string> foreign{};
};

/// The scales of a compiled model, its layers matched as compare_wk does. `original` is the network of the files; `net`
/// and `plan` are what is to be run, that network with BatchNorm folded in some way. A blob whose scale the model does
/// not tell has none here (missing_ranges). Throws format_error for a damaged model, for the first layer of either side
/// without a partner, and for the first that multiplies in another width than the plan's.
[[nodiscard]] inline wk_calibration wk_calibration_of(const wk_model& model, const network& original,
                                                      const network& net, const precision_plan& plan) {
  using detail::excerpt;
  detail::require<format_error>(model.checksum_fits, model.file,
                                ": the check sum is wrong, expected a compiled model without damage");
  const wk_comparison compared = compare_wk(model, original);
  wk_calibration result;
  bool has_8 = false, has_16 = false;
  for (const wk_layer_comparison& l : compared.layers) {
    const wk_pair& pair = compared.matching.pairs[l.pair];
    const nniesim::layer& layer = original.layers[pair.layer];
    if (l.raw.equal == 0 && l.merged.equal == 0) result.foreign.push_back(layer.name);
    if (!l.bits) continue;
    const int planned = plan.layers.at(layer_index(net, layer.name)).activation_bits();
    detail::require<format_error>(*l.bits == planned, model.file, ": layer ", excerpt(layer.name), " multiplies in ",
                                  *l.bits, " bits there and in ", planned,
                                  " here, expected the mode that the model was compiled in");
    (*l.bits == 8 ? has_8 : has_16) = true;
  }
  result.ranges.rule = range_rule::given;
  result.ranges.precision = std::string(has_8 && has_16 ? "mixed"
                                        : has_16        ? layer_precision::w16a16.name()
                                                        : layer_precision::w8a8.name());
  const std::vector<std::string> names = range_names(original);
  for (const auto& [b, range] : wk_ranges(model, original, compared.matching)) {
    if (names[b].empty()) continue;
    activation_range& r = result.ranges.blobs[names[b]];
    if (range.bits == 8) r.in_8bit = gfpq8::scale(range.z);
    else r.in_16bit = gfpq16::scale(range.z);
  }
  return result;
}

/// The blobs that a network stores as codes under a plan and that have no range, or none in that format; by the names
/// of range_names(), in the order of their first readers.
[[nodiscard]] inline std::vector<std::string> missing_ranges(const network& net, const precision_plan& plan,
                                                             const activation_ranges& ranges) {
  const std::vector<blob_storage> storage = blob_storage_of(net, plan);
  const std::vector<std::string> names = range_names(net);
  std::vector<std::string> missing;
  for (const layer& l : net.layers) {
    for (const std::size_t b : l.inputs) {
      for (const layer_precision p : storage[b].codes) {
        const std::string& name = names[storage[b].range];
        const auto found = ranges.blobs.find(name);
        const bool is_there =
            found != ranges.blobs.end() && (found->second.largest != 0 || found->second.had_zeros ||
                                            (p.activations() == gfpq8::name && found->second.in_8bit) ||
                                            (p.activations() == gfpq16::name && found->second.in_16bit));
        if (!is_there && std::find(missing.begin(), missing.end(), name) == missing.end()) missing.push_back(name);
      }
    }
  }
  return missing;
}

NNIESIM_END_NAMESPACE
