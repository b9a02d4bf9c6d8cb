// New constants for Power layers: in a network, in its prototxt's text, and checked there.
#pragma once

#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/core/number_text.hpp>
#include <nniesim/debug/prototxt_places.hpp>
#include <nniesim/network/layer.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A new shift for a Power layer. Prototxts have floats.
struct norm_constant {
  std::string layer;  ///< its name
  float value = 0;    ///< the shift, finite
};

namespace detail {

/// The only layer of that name, and its numbers. Throws format_error.
[[nodiscard]] inline power_params& power_named(network& net, std::string_view name) {
  layer* found = nullptr;
  std::size_t count = 0;
  for (layer& l : net.layers) {
    if (l.name != name) continue;
    found = &l;
    ++count;
  }
  require<format_error>(count == 1, "constants: got ", count, " layers ", excerpt(name), ", expected one");
  auto* const power = std::get_if<power_params>(&found->params);
  require<format_error>(power != nullptr, "constants: layer ", excerpt(name), " is a ", found->type,
                        ", expected a Power");
  return *power;
}

/// Throws format_error for a constant that is not finite.
inline void require_finite(const norm_constant& c) {
  require<format_error>(std::isfinite(c.value), "constants: got ", c.value, " for layer ", excerpt(c.layer),
                        ", expected a finite number");
}

}  // namespace detail

/// The network with these constants. Throws format_error for a name that not exactly one layer has, one that is not of
/// a Power, and a value that is not finite.
[[nodiscard]] inline network with_constants(network net, std::span<const norm_constant> constants) {
  for (const norm_constant& c : constants) {
    detail::require_finite(c);
    detail::power_named(net, c.layer).shift = c.value;
  }
  return net;
}

/// The text with these constants, every other byte as it was; a Power without a shift gets one. Several layers of one
/// name (for training and for testing) all get it. `file` names the text in messages. Throws format_error for a name
/// that no layer with a power_param has, or that is given twice, and a value that is not finite; and as parse_prototxt.
[[nodiscard]] inline std::string prototxt_with_constants(std::string_view text,
                                                         std::span<const norm_constant> constants,
                                                         std::string file = "prototxt") {
  struct edit {
    std::size_t begin, end;
    std::string replacement;
  };
  std::map<std::string, std::string, std::less<>> values;
  for (const norm_constant& c : constants) {
    detail::require_finite(c);
    const bool is_new = values.emplace(c.layer, detail::shortest(c.value)).second;
    detail::require<format_error>(is_new, "constants: layer ", detail::excerpt(c.layer), " is named twice");
  }
  const prototxt_message net = parse_prototxt(text, std::move(file));
  const detail::prototxt_places places(text);
  std::vector<edit> edits;
  std::map<std::string, std::size_t, std::less<>> found;
  for (const prototxt_field& f : net.fields()) {
    if ((f.name() != "layer" && f.name() != "layers") || f.kind() != prototxt_kind::message) continue;
    const prototxt_field* const name = f.message().find("name");
    const auto value = name == nullptr ? values.end() : values.find(name->string());
    const prototxt_field* const power = f.message().find("power_param");
    if (value == values.end() || power == nullptr) continue;
    ++found[value->first];
    if (const prototxt_field* const shift = power->message().find("shift")) {
      (void)shift->real();
      const auto [begin, end] = places.number(shift->where());
      edits.push_back({begin, end, value->second});
    } else {
      const std::size_t at = places.inside(power->where());
      edits.push_back({at, at, " shift: " + value->second + " "});
    }
  }
  for (const auto& [name, value] : values) {
    detail::require<format_error>(found.contains(name), net.where(), ": got no layer ", detail::excerpt(name),
                                  " with a power_param, expected one");
  }
  std::string result;
  std::size_t done = 0;
  for (const edit& e : edits) {  // in the order of the text, as the fields are
    result += text.substr(done, e.begin - done);
    result += e.replacement;
    done = e.end;
  }
  result += text.substr(done);
  return result;
}

/// Whether an import of the changed text, `after`, is the network `before` with exactly these constants: sentences
/// about what is not so. Looks at layers, blobs and the numbers of all Powers.
[[nodiscard]] inline std::vector<std::string> verify_constants(const network& before, const network& after,
                                                               std::span<const norm_constant> constants) {
  if (after.layers.size() != before.layers.size() || after.blobs.size() != before.blobs.size()) {
    return {detail::message("got ", after.layers.size(), " layers and ", after.blobs.size(), " blobs, expected ",
                            before.layers.size(), " and ", before.blobs.size(), " as before")};
  }
  std::vector<std::string> wrong;
  const network expected = with_constants(before, constants);
  for (std::size_t b = 0; b < after.blobs.size(); ++b) {
    if (after.blobs[b].name != expected.blobs[b].name || after.blobs[b].shape != expected.blobs[b].shape) {
      wrong.push_back(detail::message("got blob ", detail::excerpt(after.blobs[b].name), " of ", after.blobs[b].shape,
                                      ", expected ", detail::excerpt(expected.blobs[b].name), " of ",
                                      expected.blobs[b].shape));
    }
  }
  for (std::size_t i = 0; i < after.layers.size(); ++i) {
    const layer& is = after.layers[i];
    const layer& was = expected.layers[i];
    if (is.name != was.name || is.params.index() != was.params.index() || is.inputs != was.inputs ||
        is.outputs != was.outputs || is.on_cpu != was.on_cpu) {
      wrong.push_back(detail::message("got layer ", detail::excerpt(is.name), ", expected ", detail::excerpt(was.name),
                                      " with the inputs and outputs that it had"));
      continue;
    }
    const auto* const got = std::get_if<power_params>(&is.params);
    if (got == nullptr) continue;
    const auto& p = std::get<power_params>(was.params);
    if (got->exponent != p.exponent || got->scale != p.scale || got->shift != p.shift) {
      wrong.push_back(detail::message("got exponent ", got->exponent, ", scale ", got->scale, ", shift ", got->shift,
                                      " for layer ", detail::excerpt(is.name), ", expected ", p.exponent, ", ", p.scale,
                                      ", ", p.shift));
    }
  }
  return wrong;
}

NNIESIM_END_NAMESPACE
