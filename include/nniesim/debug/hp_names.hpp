// The mark _hp in a network's files: written into the names of layers and nothing else.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/core/nearest_names.hpp>
#include <nniesim/debug/prototxt_places.hpp>
#include <nniesim/io/caffemodel.hpp>
#include <nniesim/io/prototxt.hpp>
#include <nniesim/network/activation_ranges.hpp>
#include <nniesim/precision/compile_mode.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A layer whose mark changes nothing.
struct hp_without_effect {
  std::string layer;   ///< its name
  std::string reason;  ///< in words, to stand behind the name
};

/// A network's files with layers marked _hp.
struct hp_files {
  std::string prototxt;                        ///< the text with the marks
  std::optional<caffe_model> model{};          ///< where one was given
  std::vector<hp_without_effect> unchanged{};  ///< what was named but left as it is: marked already, or on the CPU
};

/// Appends _hp to the names of these layers: every other byte of the text stays as it was. Learned values are found by
/// layer name, so that the model's layers are renamed too; write_caffemodel writes it. A layer whose name ends in _cpu
/// would lose that mark and is left as it is. `file` names the text in messages. Throws format_error for a name that no
/// layer has or whose marked form another layer has already, and as parse_prototxt.
[[nodiscard]] hp_files hp_prototxt(std::string_view text, std::span<const std::string> names,
                                   const caffe_model* model = nullptr, std::string file = "prototxt");

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
    if (found.contains(name)) continue;
    throw format_error(detail::message(net.where(), ": got no layer ", detail::excerpt(name), " to mark, expected one",
                                       detail::nearest_names(name, {found.begin(), found.end()})));
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

/// Ranges of a network for the same one with marks: under the names that its layers have then.
[[nodiscard]] inline activation_ranges marked_ranges(const activation_ranges& ranges,
                                                     std::span<const std::string> names) {
  activation_ranges marked = ranges;
  for (const std::string& name : names) {
    if (detail::unmarkable(name) != nullptr) continue;
    for (const auto& [blob, range] : ranges.blobs) {
      if (blob != name && !blob.starts_with(name + ":")) continue;
      marked.blobs.erase(blob);
      marked.blobs[name + "_hp" + blob.substr(name.size())] = range;
    }
  }
  return marked;
}

NNIESIM_END_NAMESPACE
