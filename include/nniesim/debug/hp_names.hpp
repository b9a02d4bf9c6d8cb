// The mark _hp in a network's files: written into the names of layers and nothing else, then read back to see that it
// took effect.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/prototxt_places.hpp>
#include <nniesim/io/caffe_import.hpp>
#include <nniesim/io/caffemodel.hpp>
#include <nniesim/io/prototxt.hpp>
#include <nniesim/network/layer_operator.hpp>
#include <nniesim/network/precision_plan.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A layer whose mark changes nothing.
struct hp_without_effect {
  std::string layer;
  std::string reason;
};

struct hp_files {
  std::string prototxt;
  std::optional<caffe_model> model{};          ///< where one was given
  std::vector<hp_without_effect> unchanged{};  ///< what was named but left as it is: marked already, or on the CPU
};

/// Appends _hp to the names of these layers: every other byte of the text stays as it was. Learned values are found by
/// layer name, so that the model's layers are renamed too; write_caffemodel writes it. A layer whose name ends in _cpu
/// would lose that mark and is left as it is. `file` names the text in messages. Throws format_error for a name that no
/// layer has or whose marked form another layer has already, and as parse_prototxt.
[[nodiscard]] hp_files hp_prototxt(std::string_view text, std::span<const std::string> names,
                                   const caffe_model* model = nullptr, std::string file = "prototxt");

/// What the marks really changed.
struct hp_verification {
  std::vector<std::string> raised;                ///< from 8 to 16 bits, by the names that they had
  std::vector<hp_without_effect> without_effect;  ///< named, but computed as before
  std::vector<std::string> wrong;                 ///< sentences about anything else that is not as it should be
  [[nodiscard]] bool passed() const noexcept { return without_effect.empty() && wrong.empty(); }
};

/// Imports the marked files and looks at every layer's width under compile_mode 2: 16 bits for the named ones, for all
/// others what they had. `before` is the network of the files before they were marked, not folded. Throws as
/// parse_prototxt and import_caffe.
[[nodiscard]] hp_verification verify_hp(const network& before, const hp_files& marked,
                                        std::span<const std::string> names);

namespace detail {

/// Why a name is not to be marked, or nullptr.
[[nodiscard]] inline const char* unmarkable(std::string_view name) noexcept {
  if (is_marked_hp(name)) return "it is marked already and has 16 bits";
  if (name.ends_with("_cpu")) return "it runs on the CPU, in float";
  return nullptr;
}

}  // namespace detail

inline hp_files hp_prototxt(std::string_view text, std::span<const std::string> names, const caffe_model* model,
                            std::string file) {
  hp_files result;
  const std::set<std::string, std::less<>> asked(names.begin(), names.end());
  std::set<std::string, std::less<>> to_mark;
  for (const std::string& name : asked) {
    const char* const reason = detail::unmarkable(name);
    if (reason != nullptr) result.unchanged.push_back({name, reason});
    else to_mark.insert(name);
  }
  const prototxt_message net = parse_prototxt(text, std::move(file));
  const detail::prototxt_places text_places(text);
  std::set<std::string, std::less<>> found;
  std::vector<std::size_t> places;
  for (const prototxt_field& f : net.fields()) {
    if ((f.name() != "layer" && f.name() != "layers") || f.kind() != prototxt_kind::message) continue;
    const prototxt_field* const name = f.message().find("name");
    if (name == nullptr) continue;
    found.insert(name->string());
    if (to_mark.contains(name->string())) places.push_back(text_places.closing_quote(name->where()));
  }
  for (const std::string& name : asked) {
    detail::require<format_error>(found.contains(name), net.where(), ": got no layer ", detail::excerpt(name),
                                  " to mark, expected one");
  }
  for (const std::string& name : to_mark) {
    detail::require<format_error>(!found.contains(name + "_hp"), net.where(), ": layer ", detail::excerpt(name),
                                  " cannot be marked: there is a layer ", detail::excerpt(name + "_hp"), " already");
  }
  std::sort(places.begin(), places.end());
  std::size_t done = 0;
  for (const std::size_t at : places) {
    result.prototxt += text.substr(done, at - done);
    result.prototxt += "_hp";
    done = at;
  }
  result.prototxt += text.substr(done);
  if (model != nullptr) {
    result.model = *model;
    for (caffe_layer& l : result.model->layers) {
      if (to_mark.contains(l.name)) l.name += "_hp";
    }
  }
  return result;
}

inline hp_verification verify_hp(const network& before, const hp_files& marked, std::span<const std::string> names) {
  hp_verification result;
  const network after = import_caffe(parse_prototxt(marked.prototxt, "marked prototxt"),
                                     marked.model ? &*marked.model : nullptr, "marked caffemodel");
  if (after.layers.size() != before.layers.size()) {
    result.wrong.push_back(detail::concat("got ", after.layers.size(), " layers after marking, expected ",
                                          before.layers.size(), " as before"));
    return result;
  }
  const precision_plan was = plan_of(before, compile_mode::mixed);
  const precision_plan is = plan_of(after, compile_mode::mixed);
  std::set<std::string, std::less<>> asked(names.begin(), names.end());
  for (std::size_t i = 0; i < before.layers.size(); ++i) {
    const layer& l = before.layers[i];
    const bool is_named = asked.erase(l.name) != 0;
    const char* const reason = detail::unmarkable(l.name);
    const bool is_marked = is_named && reason == nullptr;
    const std::string name = l.name + (is_marked ? "_hp" : "");
    const layer_precision expected = is_marked && !l.on_cpu ? layer_precision::w16a16 : was.layers[i];
    if (after.layers[i].name != name || is.layers[i] != expected) {
      result.wrong.push_back(detail::concat("got layer ", detail::excerpt(after.layers[i].name), " in ",
                                            to_string(is.layers[i]), ", expected ", detail::excerpt(name), " in ",
                                            to_string(expected)));
    } else if (is_named && reason != nullptr) {
      result.without_effect.push_back({l.name, reason});
    } else if (is_named && l.on_cpu) {
      result.without_effect.push_back({l.name, "it runs on the CPU, in float"});
    } else if (is_named && input_ranges(l) == 0) {
      result.without_effect.push_back({l.name, "it has no ranges: what it computes is the same in both widths"});
    } else if (is_named) {
      result.raised.push_back(l.name);
    }
  }
  for (const std::string& name : asked) {
    result.wrong.push_back(detail::concat("got no layer ", detail::excerpt(name), " before marking, expected one"));
  }
  return result;
}

NNIESIM_END_NAMESPACE
