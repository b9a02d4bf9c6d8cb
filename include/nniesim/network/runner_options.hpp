// How a network_runner works, whatever its plan.
#pragma once

#include <cstddef>
#include <vector>

#include <nniesim/core/machine_memory.hpp>
#include <nniesim/kernels/executor.hpp>
#include <nniesim/network/policy_set.hpp>
#include <nniesim/network/precision_plan.hpp>
#include <nniesim/network/prepared_layers.hpp>

NNIESIM_BEGIN_NAMESPACE

/// How a network_runner works, whatever its plan.
struct runner_options {
  bool keep_all = false;  ///< every blob can be read after a run; else the network's outputs, its reported blobs and
                          ///< what is in `keep`
  std::vector<std::size_t> keep{};  ///< blobs, by index
  executor threads{};  ///< who shares the work, the constructor's too; the results are the same bits for any number
  prepared_layers* prepared = nullptr;  ///< of the same network, where runners share them; else the runner has its own
  std::size_t memory_limit = machine_memory();  ///< bytes, the weights among them; a network that needs more is refused
  policy_set policies{};                        ///< those that plans may name; of shared layers theirs count
  /// Of a float plan: blobs hold what this plan stores, decode(encode(x)), and weights what it encodes, while layers
  /// compute in float. Read by the constructor alone.
  const precision_plan* stored_as = nullptr;
  /// For begin() and advance(): no layer does another one's work, so that each can be looked at.
  bool one_by_one = false;
  /// Bytes of weights that are laid out for the kernels before any run. Fully connected layers that would go beyond
  /// are laid out piece by piece in every run: for a network that runs once, in little more memory than its weights.
  std::size_t prepared_limit = detail::most_bytes;
};

/// The policies that a plan may name.
[[nodiscard]] inline const policy_set& policies_of(const runner_options& o) noexcept {
  return o.prepared != nullptr ? o.prepared->policies() : o.policies;
}

NNIESIM_END_NAMESPACE
