// The pictures on which an evaluation found a network worst, for a search of precisions to be judged by.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/evaluation_identity.hpp>
#include <nniesim/debug/evaluation_pictures.hpp>
#include <nniesim/debug/evaluation_records.hpp>
#include <nniesim/debug/evaluation_summary.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Pictures by name, and what the network is given for each.
struct named_inputs {
  std::vector<std::string> names{};                  ///< of the pictures
  std::vector<std::vector<tensor<float>>> inputs{};  ///< for each picture the network's inputs, in order
};

/// The `count` worst of the pictures in records, worst first (see worst_pictures). `source` says where they are, as it
/// did for the evaluation; whether they have labels the records say themselves. Throws error for records of another
/// network, of other pictures than `source` has, and of fewer than `count` that could be evaluated; as pictures_of and
/// reading them do.
[[nodiscard]] inline named_inputs worst_inputs(const loaded_network& loaded, evaluation_records& records,
                                               evaluation_source source, std::size_t count) {
  require_network(records, loaded);
  const bool is_listed = !source.lists.empty();
  source.has_labels = is_listed && records.header().has_labels;
  const evaluation_pictures pictures = pictures_of(source, loaded);
  for (const auto& [what, digest] : records.header().identity) {
    detail::require<error>(what != "pictures" || digest == digest_of(pictures), records.name(), ": is of ",
                           records.header().pictures, " other pictures than the ", pictures.size, " of the ",
                           !source.folder.empty() ? "folder"
                           : is_listed            ? "lists given"
                                                  : "cfg's lists",
                           ", expected those that were evaluated");
  }
  const std::vector<evaluated_picture> worst = worst_pictures(records, count);
  detail::require<error>(worst.size() == count, records.name(), ": ", worst.size(),
                         " pictures could be evaluated, expected ", count, " to search with");
  named_inputs found;
  for (const evaluated_picture& p : worst) {
    found.names.push_back(p.name);
    found.inputs.push_back(pictures.inputs(p.picture));
  }
  return found;
}

NNIESIM_END_NAMESPACE
