// Supplement: where every layer gives what its simulation gives, what is wrong is not the accelerator's arithmetic.
#pragma once

#include <algorithm>
#include <cstddef>
#include <variant>

#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

inline void add_innocence(const case_file& file, finding& verdict) {
  if (file.lab() == nullptr || file.inputs().is_raw || file.is_all_zero()) return;
  std::size_t all = 0;
  for (const layer& l : file.lab()->net.layers) {
    if (!std::holds_alternative<layers::input>(l.params)) all += l.outputs.size();
  }
  const auto trials = file.trials();
  const bool are_as_planned = std::all_of(trials.begin(), trials.end(), [](const layer_trial& t) {
    return t.is_input_finite && t.result.bad_other + t.result.bad_reference == 0 && t.is_as_planned();
  });
  if (!are_as_planned || trials.size() != all) return;
  const bool is_told = std::any_of(verdict.rivals.begin(), verdict.rivals.end(),
                                   [](const rival_explanation& r) { return r.cause == fault::suspect_layer; });
  if (is_told) return;
  verdict.rivals.push_back({fault::suspect_layer, {fact_kind::as_simulated, {{"count", all}}}});
}

}  // namespace detail

NNIESIM_END_NAMESPACE
