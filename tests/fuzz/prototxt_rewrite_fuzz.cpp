// Any text as a prototxt whose layers get marks and constants: an error, or a text that parses, has what was asked for,
// and has every other byte as before.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nniesim/debug/hp_names.hpp>
#include <nniesim/debug/norm_constants.hpp>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

struct layer {
  std::string name;
  const nniesim::prototxt_message* power;
};

std::vector<layer> layers_of(const nniesim::prototxt_message& net) {
  std::vector<layer> all;
  for (const nniesim::prototxt_field& f : net.fields()) {
    if ((f.name() != "layer" && f.name() != "layers") || f.kind() != nniesim::prototxt_kind::message) continue;
    const nniesim::prototxt_field* const name = f.message().find("name");
    const nniesim::prototxt_field* const power = f.message().find("power_param");
    if (name != nullptr) all.push_back({name->string(), power == nullptr ? nullptr : &power->message()});
  }
  return all;
}

/// Whether `longer` is `text` with something put in, nothing else changed.
bool has_only_more(std::string_view text, std::string_view longer) {
  for (const char c : longer) {
    if (!text.empty() && text[0] == c) text.remove_prefix(1);
  }
  return text.empty();
}

void mark(std::string_view text, const std::vector<layer>& before) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < before.size(); i += 2) names.insert(before[i].name);
  const std::vector<std::string> asked(names.begin(), names.end());
  nniesim::hp_files files;
  try {
    files = nniesim::hp_prototxt(text, asked);
  } catch (const nniesim::error&) {
    return;
  }
  for (const nniesim::hp_without_effect& u : files.unchanged) names.erase(u.layer);
  const auto net = nniesim::parse_prototxt(files.prototxt, "marked");
  const std::vector<layer> after = layers_of(net);
  require(after.size() == before.size());
  std::size_t marked = 0;
  for (std::size_t i = 0; i < after.size(); ++i) {
    const bool is_asked = names.contains(before[i].name);
    require(after[i].name == before[i].name + (is_asked ? "_hp" : ""));
    marked += is_asked ? 1U : 0U;
  }
  require(files.prototxt.size() == text.size() + 3 * marked && has_only_more(text, files.prototxt));
}

void set_constants(std::string_view text, const std::vector<layer>& before) {
  constexpr float values[] = {0.001F, -1.5F, 0, std::numeric_limits<float>::denorm_min(),
                              -std::numeric_limits<float>::max()};
  std::vector<nniesim::norm_constant> constants;
  for (const layer& l : before) {
    const bool is_known = std::any_of(constants.begin(), constants.end(),
                                      [&](const nniesim::norm_constant& c) { return c.layer == l.name; });
    if (l.power != nullptr && !is_known) constants.push_back({l.name, values[constants.size() % std::size(values)]});
  }
  std::string changed;
  try {
    changed = nniesim::prototxt_with_constants(text, constants);
  } catch (const nniesim::error&) {
    return;
  }
  const auto net = nniesim::parse_prototxt(changed, "changed");
  const std::vector<layer> after = layers_of(net);
  require(after.size() == before.size());
  for (const layer& l : after) {
    for (const nniesim::norm_constant& c : constants) {
      if (c.layer == l.name && l.power != nullptr) require(l.power->find("shift")->real() == c.value);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto net = nniesim::parse_prototxt(text, "net");
    const std::vector<layer> before = layers_of(net);
    mark(text, before);
    set_constants(text, before);
  } catch (const nniesim::parse_error&) {
  }
  return 0;
}
