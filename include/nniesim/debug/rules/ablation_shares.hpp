// Supplement of too few bits: what weights and activations do by themselves.
#pragma once

#include <algorithm>

#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

inline void add_ablation_shares(const case_file& file, finding& verdict) {
  if (file.ablation().empty()) return;
  double weights = 1, activations = 1;
  for (const layer_ablation& a : file.ablation()) {
    weights = std::min(weights, a.weights_only.cosine);
    activations = std::min(activations, a.activations_only.cosine);
  }
  verdict.evidence.push_back({fact_kind::ablation, {{"weights_only", weights}, {"activations_only", activations}}});
}

}  // namespace detail

NNIESIM_END_NAMESPACE
