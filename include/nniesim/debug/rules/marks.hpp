// Supplement of too few bits: the layers to mark _hp, where they were searched.
#pragma once

#include <string>

#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

inline void add_marks(const case_file& file, finding& verdict) {
  const auto& found = file.marks();
  if (!found) return;
  if (!found->reached) {
    verdict.next = found->verdict;
    return;
  }
  std::string names = concat("compile_mode 2 and these names, for ", output_cosine(file.lab()->net).name, " ",
                             found->best.score, " in ", found->best.cost, " times the time of 8 bits:");
  for (const std::string& name : found->best.layers) names += ' ' + name + "_hp";
  verdict.change = {names};
  verdict.next = "nnie-debug search with more pictures, and -o: it writes and checks the marks";
}

}  // namespace detail

NNIESIM_END_NAMESPACE
