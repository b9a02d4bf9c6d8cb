// What a verdict does not tell of, whatever it is: layers and inputs that were not judged, and what else is odd.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nniesim/debug/case_file.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/rules/fewer_bits.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

inline void add_remarks(const case_file& file, finding& verdict) {
  std::vector<fact>& remarks = verdict.against;
  for (const std::string& line : file.extras().not_simulated) remarks.push_back(fact::text_of(line));
  const auto& unmatched = file.runs().matching().only_reference;
  for (std::size_t i = 0; i < unmatched.size(); ++i) {
    if (i == limit::unmatched_told) {
      remarks.push_back({fact_kind::more_not_judged, {{"count", unmatched.size() - i}}});
      break;
    }
    remarks.push_back({fact_kind::not_judged,
                       {{"layer", file.runs().reference_name(unmatched[i].index)}, {"reason", unmatched[i].reason}}});
  }
  if (file.is_all_zero() || file.inputs().is_raw) return;
  const layer_trial* first = nullptr;
  std::size_t finer = 0;  // layers that show more bits than planned
  for (const layer_trial& t : file.trials()) {
    if (!shows_other_width(t) || !is_finer(t.other_width, file.lab()->plan.layers[t.layer])) continue;
    if (++finer == 1) first = &t;
  }
  if (first != nullptr) {
    remarks.push_back(
        {fact_kind::finer_than_planned,
         {{"count", finer}, {"of", file.trials().size()}, {"bits", bits_text(file.lab()->plan.layers[first->layer])}}});
  }
  for (const std::string& name : file.inputs().missing) {
    remarks.push_back({fact_kind::input_missing, {{"layer", name}}});
  }
}

}  // namespace detail

NNIESIM_END_NAMESPACE
