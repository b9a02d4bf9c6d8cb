// Facts whose sentence asks for a field that they do not have.
#pragma once

#include <nniesim/debug/diagnosis.hpp>
#include <string>
#include <vector>

/// The sentences, each with "?" where a field is missing, of all findings of a diagnosis.
[[nodiscard]] inline std::vector<std::string> incomplete_facts(const nniesim::diagnosis& d) {
  std::vector<std::string> found;
  const auto look = [&](const nniesim::fact& f) {
    nniesim::detail::sentence words(f);
    const std::string text = words.of(nniesim::detail::form_of(f.kind()).sentence);
    if (!f.empty() && words.is_incomplete()) found.push_back(text);
  };
  const auto look_at = [&](const nniesim::finding& x) {
    look(x.summary);
    look(x.next);
    for (const auto* list : {&x.evidence, &x.against, &x.change}) {
      for (const nniesim::fact& f : *list) look(f);
    }
    for (const nniesim::rival_explanation& r : x.rivals) look(r.why_not);
  };
  look_at(d.verdict);
  for (const nniesim::finding& x : d.also) look_at(x);
  return found;
}
