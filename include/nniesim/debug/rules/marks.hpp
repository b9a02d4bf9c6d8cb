// Supplement of too few bits: the layers to mark _hp, where they were searched.
#pragma once

#include <string>

#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

inline void add_marks(const case_file& file, finding& verdict) {
  const auto& found = file.marks();
  if (!found) return;
  if (!found->reached) {
    verdict.next = fact::text_of(found->verdict);
    return;
  }
  verdict.change = {{fact_kind::marks_found,
                     {{"compile_mode", std::size_t{2}},
                      {"target", output_cosine(file.lab()->net).name},
                      {"score", found->best.score},
                      {"time", found->best.cost},
                      {"layers", found->best.layers}}}};
  verdict.next = fact_kind::search_more_pictures;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
