// Whether marks _hp took effect: read back from the marked files, and seen in what the marked network computes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/hp_names.hpp>
#include <nniesim/io/caffe_import.hpp>
#include <nniesim/network/single_layer.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What the marks really changed.
struct hp_verification {
  std::vector<std::string> raised;                ///< from 8 to 16 bits, by the names that they had
  std::vector<hp_without_effect> without_effect;  ///< named, but computed as before
  std::vector<std::string> wrong;                 ///< sentences about anything else that is not as it should be
  /// Whether no mark is without effect and nothing is wrong.
  [[nodiscard]] bool passed() const noexcept { return without_effect.empty() && wrong.empty(); }
};

/// Imports the marked files and looks at every layer's width under compile_mode 2: 16 bits for the named ones, for all
/// others what they had. `before` is the network of the files before they were marked, not folded, as far as `options`
/// read it. Throws as parse_prototxt and import_caffe.
[[nodiscard]] inline hp_verification verify_hp(const network& before, const hp_files& marked,
                                               std::span<const std::string> names,
                                               const caffe_import_options& options = {}) {
  hp_verification result;
  const network after = import_caffe(parse_prototxt(marked.prototxt, "marked prototxt"),
                                     marked.model ? &*marked.model : nullptr, "marked caffemodel", options);
  if (after.layers.size() != before.layers.size()) {
    result.wrong.push_back(detail::message("got ", after.layers.size(), " layers after marking, expected ",
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
      result.wrong.push_back(detail::message("got layer ", detail::excerpt(after.layers[i].name), " in ",
                                             to_string(is.layers[i]), ", expected ", detail::excerpt(name), " in ",
                                             to_string(expected)));
    } else if (is_named && reason != nullptr) {
      result.without_effect.push_back({l.name, reason});
    } else if (is_named && l.on_cpu) {
      result.without_effect.push_back({l.name, "it runs on the CPU, in float"});
    } else if (is_named && !reads_codes(l)) {
      result.without_effect.push_back({l.name, "it encodes nothing: what it computes is the same in both widths"});
    } else if (is_named) {
      result.raised.push_back(l.name);
    }
  }
  for (const std::string& name : asked) {
    result.wrong.push_back(detail::message("got no layer ", detail::excerpt(name), " before marking, expected one"));
  }
  return result;
}

/// Runs the marked network under compile_mode 2, and each of the named layers once more in 8 bits on the inputs that it
/// had there: those whose outputs have the same bits on all pictures have no use of their marks. `marked` is imported
/// from the marked files and folded, `names` are those before the mark, a picture is the network's inputs in order.
/// Throws format_error for a name whose marked form no layer has, and as network_runner.
[[nodiscard]] inline std::vector<hp_without_effect> marks_without_use(
    const network& marked, const activation_ranges& ranges, std::span<const std::string> names,
    std::span<const std::vector<tensor_view<const float>>> pictures, const executor& threads = {}) {
  struct suspect {
    std::size_t index, layer;
    single_layer in_8bit;
  };
  std::vector<suspect> suspects;
  std::vector<std::size_t> blobs;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto found = std::find_if(marked.layers.begin(), marked.layers.end(),
                                    [&](const layer& l) { return l.name == names[i] + "_hp"; });
    detail::require<format_error>(found != marked.layers.end(), "marks: got no layer ",
                                  detail::excerpt(names[i] + "_hp"), " in the marked network, expected one");
    const auto index = static_cast<std::size_t>(found - marked.layers.begin());
    suspects.push_back({i, index, single_layer(marked, index, layer_precision::w8a8, threads)});
    blobs.insert(blobs.end(), found->inputs.begin(), found->inputs.end());
    blobs.insert(blobs.end(), found->outputs.begin(), found->outputs.end());
  }
  network_runner runner(marked, plan_of(marked, compile_mode::mixed), {.keep = blobs, .threads = threads});
  runner.use(ranges);
  for (const auto& picture : pictures) {
    runner.run(picture);
    std::erase_if(suspects, [&](const suspect& s) {
      const layer& l = marked.layers[s.layer];
      std::vector<tensor<float>> inputs;
      for (const std::size_t b : l.inputs) inputs.push_back(runner.value(b));
      const std::vector<tensor<float>> in_8bit = s.in_8bit.run(inputs, &ranges);
      for (std::size_t o = 0; o < l.outputs.size(); ++o) {
        const tensor<float> value = runner.value(l.outputs[o]);
        if (!std::equal(value.begin(), value.end(), in_8bit[o].begin())) return true;  // it has an effect
      }
      return false;
    });
  }
  std::vector<hp_without_effect> result;
  for (const suspect& s : suspects) {
    result.push_back({names[s.index], "run in 16 and in 8 bits it gives the same bits on every picture"});
  }
  return result;
}

NNIESIM_END_NAMESPACE
