// What tells evaluations apart: digests of the files that a network and its preprocessing come from.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/debug/evaluation_file.hpp>
#include <nniesim/debug/evaluation_records.hpp>
#include <nniesim/debug/loaded_network.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/network/arithmetic.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Of a file's bytes, read piece by piece, eight at a time.
[[nodiscard]] inline std::string digest_of_file(const std::filesystem::path& path) {
  input_file in(path, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()), "a file of the network");
  value_digest d;
  d.add(in.size());
  std::string piece;
  while (in.at() != in.size()) {
    in.read(std::min<std::uint64_t>(in.size() - in.at(), std::uint64_t{1} << 20U), piece);
    piece.resize((piece.size() + 7) / 8 * 8, '\0');
    for (std::size_t i = 0; i < piece.size(); i += 8) {
      std::uint64_t word = 0;
      for (std::size_t k = 0; k < 8; ++k) word |= std::uint64_t{static_cast<unsigned char>(piece[i + k])} << 8 * k;
      d.add(word);
    }
  }
  return d.hex();
}

}  // namespace detail

/// Digests of prototxt, caffemodel, cfg and files of means by their contents, not by their places, so that machines
/// with other folders know each other's parts; and how the network is compiled. Throws error where one cannot be read.
[[nodiscard]] inline std::vector<std::pair<std::string, std::string>> identity_of(const loaded_network& loaded) {
  const compiler_cfg& cfg = loaded.cfg();
  std::vector<std::pair<std::string, std::string>> identity = {
      {"prototxt", detail::digest_of_file(cfg.prototxt_file.path)},
      {"caffemodel", detail::digest_of_file(cfg.caffemodel_file.path)}};
  if (!cfg.file.empty()) identity.emplace_back("cfg", detail::digest_of_file(cfg.file));
  for (std::size_t i = 0; i < cfg.inputs.size(); ++i) {
    if (!cfg.inputs[i].mean_file) continue;
    identity.emplace_back("mean of input " + std::to_string(i), detail::digest_of_file(cfg.inputs[i].mean_file->path));
  }
  identity.emplace_back("rule for BatchNorm", std::string(to_string(loaded.batch_norm())));
  return identity;
}

/// And how it computes, what of it is judged (an output's place among the network's), and, where there is no cfg, how
/// pictures are prepared.
[[nodiscard]] inline std::vector<std::pair<std::string, std::string>> identity_of(const loaded_network& loaded,
                                                                                  const arithmetic_rules& rules,
                                                                                  std::string_view accumulator,
                                                                                  std::size_t judged_output) {
  std::vector<std::pair<std::string, std::string>> identity = identity_of(loaded);
  identity.emplace_back("arithmetic",
                        detail::message(accumulator, ", ", to_string(rules.sums.value_or(sum_rounding::none)), ", ",
                                        to_string(rules.functions.value_or(function_rule::hardware))));
  identity.emplace_back("output that is judged", std::to_string(judged_output));
  if (loaded.cfg().file.empty() && !loaded.cfg().inputs.empty()) {
    const cfg_input& input = loaded.cfg().inputs.front();
    identity.emplace_back("preprocessing",
                          detail::message(static_cast<int>(input.norm_type), " ", detail::shortest(input.data_scale),
                                          " ", static_cast<int>(input.order)));
  }
  return identity;
}

/// Throws error unless an evaluation was of this network: of the same prototxt and caffemodel, compiled alike.
inline void require_network(const evaluation_records& records, const loaded_network& loaded) {
  for (const auto& [what, digest] : identity_of(loaded)) {
    for (const auto& [known, its] : records.header().identity) {
      detail::require<error>(what != known || digest == its, records.name(), ": is of another network, with another ",
                             what);
    }
  }
}

NNIESIM_END_NAMESPACE
