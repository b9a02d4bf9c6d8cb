// The post-processing as a fact of a diagnosis: what it decides on the outputs of both runs, and what the board
// decided.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/debug/experiment_context.hpp>
#include <nniesim/debug/match_layers.hpp>
#include <nniesim/debug/postprocess_probe.hpp>
#include <nniesim/debug/run_pair.hpp>
#include <nniesim/network/layer.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Step 5 of the procedure: what is made of the network's outputs.
struct decision_question {
  postprocessing post{};                        ///< makes decisions of the outputs
  std::vector<std::string> outputs{};           ///< layers that it reads; else the network's outputs, or the last layer
  std::size_t trials = 200;                     ///< disturbed copies that it is tried on
  std::optional<std::string> board_decision{};  ///< what the board decided; nothing where that is not known
  /// The board's decision as the post-processing writes it, where it may be written otherwise; `size` values has the
  /// first output.
  std::function<std::string(const std::string& decision, std::size_t size)> read{};
};

/// The answer: what the post-processing makes of the outputs of both runs, and what the board made of them.
struct decision_facts {
  std::string name;                             ///< the post-processing and what it reads
  probe_result probe{};                         ///< its decisions on both runs' outputs, and how stable they are
  std::optional<std::string> board_decision{};  ///< the question's, as its `read` writes it

  /// Whether the board's decision is known and is not that on the other run's outputs.
  [[nodiscard]] bool board_differs() const { return board_decision && *board_decision != probe.other_decision; }
};

namespace detail {

/// An output's shape with the axis of the batch, which the compiler's names do not have.
[[nodiscard]] inline tensor_shape sample_shape(const experiment_context* lab, const std::string& name,
                                               const tensor_shape& shape, std::size_t count) {
  if (lab != nullptr) {
    for (const layer& l : lab->net.layers) {
      for (std::size_t i = 0; i < l.outputs.size(); ++i) {
        const tensor_shape& own = lab->net.blobs[l.outputs[i]].shape;
        if (match_key(output_name(l, i)) == match_key(name) && own.size() == count) return own;
      }
    }
  }
  if (shape.rank() == 0 || shape.size() != count) return {1, count};
  if (shape.rank() == 3) return {1, shape[0], shape[1], shape[2]};
  return shape.rank() == 1 ? tensor_shape{1, count} : shape;
}

/// Throws error where an output is not in both runs, or which one is the last is not known; as probe().
[[nodiscard]] inline decision_facts ask_decision(const run_pair& runs, const experiment_context* lab,
                                                 const decision_question& question) {
  std::vector<std::string> names = question.outputs;
  if (names.empty() && lab != nullptr) {
    for (const auto& [l, i] : network_outputs(lab->net)) names.push_back(output_name(lab->net.layers[l], i));
  } else if (names.empty()) {
    const compared_row* const last = runs.last_row();
    require<error>(last != nullptr,
                   "which layer is the last is not known, expected the name of what the post-processing reads "
                   "(--output-layer)");
    names.push_back(last->shown.name);
  }
  std::vector<tensor<float>> reference, other;
  std::string read;
  for (const std::string& name : names) {
    const auto row = std::find_if(runs.rows().begin(), runs.rows().end(),
                                  [&](const compared_row& r) { return match_key(r.shown.name) == match_key(name); });
    const bool is_known = row != runs.rows().end();
    require<error>(is_known && row->other, "the output '", name, "' is not in ",
                   is_known ? "the other run" : "the reference", ", expected it in both");
    read += (read.empty() ? "'" : ", '") + row->shown.name + "'";
    const aligned_values v =
        align(row->relation, runs.reference_values(*row), runs.shape(*row), runs.other_values(*row));
    require<error>(!v.reference.empty(), "the output '", name,
                   "' of the two runs cannot be compared: ", row->shown.relation);
    const tensor_shape shape = sample_shape(lab, row->shown.name, runs.shape(*row), v.reference.size());
    for (auto [to, values] : {std::pair(&reference, &v.reference), std::pair(&other, &v.other)}) {
      to->push_back(make_tensor<float>(shape));
      std::copy(values->begin(), values->end(), to->back().begin());
    }
  }
  decision_facts facts{question.post.name + " of " + read, probe(question.post, reference, other, question.trials, 1),
                       question.board_decision};
  if (facts.board_decision && question.read) {
    facts.board_decision = question.read(*facts.board_decision, other.front().size());
  }
  return facts;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
