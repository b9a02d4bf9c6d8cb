// Constants of norm chains solved on the norms that an evaluation has measured, without running its pictures again.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <nniesim/debug/evaluation_pictures.hpp>
#include <nniesim/debug/evaluation_records.hpp>
#include <nniesim/debug/norm_compensation.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Constants of a network's norm chains solved on the norms in records (pictures for which `use` holds, all where it is
/// empty), without another run. Of chains behind others, whose norms change with those before, nothing is solved: they
/// stay as they are, which their verdict says. Throws format_error for records of other chains; as solve_compensation.
[[nodiscard]] inline std::vector<solved_constant> solve_compensation(const compensation_problem& problem,
                                                                     evaluation_records& records,
                                                                     const std::function<bool(std::size_t)>& use = {}) {
  const std::vector<norm_chain> chains = find_norm_chains(problem.net);
  const std::vector<evaluated_chain>& known = records.header().chains;
  const bool fits = std::equal(chains.begin(), chains.end(), known.begin(), known.end(),
                               [](const norm_chain& c, const evaluated_chain& k) {
                                 return c.name == k.name && c.samples == k.samples && c.constant == k.constant;
                               });
  detail::require<format_error>(fits, records.name(), ": has the norms of other chains than the network's");
  detail::require<format_error>(!problem.plan.is_float, "compensation: got a float plan, expected a quantized one");
  std::vector<std::vector<detail::norm_sample>> samples(chains.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records.is_bad(i) || (use && !use(records.picture(i)))) continue;
    const evaluation_record e = records.read(i);
    for (std::size_t c = 0; c < chains.size(); ++c) {
      for (const norm_record& n : e.chains[c]) samples[c].push_back({n.reference, n.quantized, n.input, n.base});
    }
  }
  std::vector<solved_constant> solved;
  for (std::size_t c = 0; c < chains.size(); ++c) {
    if (chains[c].sequence == 0) {
      solved.push_back(detail::solve_chain(problem, problem.ranges, chains[c], std::move(samples[c])));
      continue;
    }
    solved_constant& s = solved.emplace_back();
    s.chain = chains[c];
    s.constant = static_cast<float>(chains[c].constant);
    s.verdict = "not solved from records: it lies behind another norm, whose new constant changes it";
  }
  return solved;
}

/// As compensate_norms, solved on an evaluation's records. Where these are of the pictures `listed`, which `names`
/// tells, a share `held_out` of them is left for the proof; else all records are solved on, and all of `listed` judges.
[[nodiscard]] inline compensation compensate_norms(const compensation_problem& problem, evaluation_records& records,
                                                   const picture_set& listed, const std::string& listed_digest,
                                                   double held_out, const compensation_progress& progress = {}) {
  compensation c;
  c.chains = find_norm_chains(problem.net);
  if (c.chains.empty()) return c;
  bool are_listed = false;
  for (const auto& [what, digest] : records.header().identity) {
    are_listed = are_listed || (what == "pictures" && digest == listed_digest);
  }
  detail::picture_split parts;
  if (are_listed) {
    parts = detail::split_pictures(listed.size, held_out);
  } else {
    for (std::size_t i = 0; i < listed.size; ++i) parts.held_out.push_back(i);
    for (std::size_t i = 0; i < records.header().pictures; ++i) parts.training.push_back(i);
  }
  const auto trains = [&](std::size_t picture) {
    return std::binary_search(parts.training.begin(), parts.training.end(), picture);
  };
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!records.is_bad(i) && trains(records.picture(i))) ++c.training_pictures;
  }
  detail::require<error>(c.training_pictures != 0, records.name(), ": has no picture to solve with, expected one");
  c.held_out_pictures = parts.held_out.size();
  c.solved = solve_compensation(problem, records, trains);
  c.constants = changed_constants(problem.net, c.solved);
  std::size_t done = 0;
  c.judged = judge_compensation(problem, c.chains, c.constants, {parts.held_out.size(), [&](std::size_t i) {
                                                                   if (progress)
                                                                     progress(++done, parts.held_out.size());
                                                                   return listed.inputs(parts.held_out[i]);
                                                                 }});
  for (const solved_constant& s : c.solved) {
    judged_chain& t = c.trained.emplace_back();
    t.name = s.chain.name;
    t.before = s.before;
    t.after = s.predicted;
    t.left_out = s.left_out;
  }
  return c;
}

/// A network with other norm constants, and what it is compiled with.
struct solved_network {
  network net;               ///< the problem's with the solved constants
  activation_ranges ranges;  ///< recalibrated for `net` where the problem says how, else the problem's
  std::size_t training = 0;  ///< pictures that the constants were solved on; 0 for constants that were given
  std::vector<std::pair<std::string, std::array<double, 2>>> intervals{};  ///< of the constants, by the chains' names
};

/// The network of a prototxt with other constants than `loaded` has, its weights the same. Throws what reading and
/// importing its files throws.
[[nodiscard]] inline solved_network given_constants(const compensation_problem& problem, const loaded_network& loaded,
                                                    const std::filesystem::path& prototxt) {
  const cfg_path& model = loaded.cfg().caffemodel_file;
  solved_network c;
  c.net = loaded.compiled(loaded.imported(read_prototxt(prototxt), read_caffemodel(model.path), model.text));
  c.ranges = problem.recalibrate ? problem.recalibrate(c.net) : problem.ranges;
  return c;
}

namespace detail {

/// The first `training` of the pictures, spread evenly, that can be read.
[[nodiscard]] inline picture_set training_pictures(const evaluation_pictures& pictures, std::size_t training) {
  evaluation_header spread;
  spread.pictures = pictures.size;
  spread.training = training;
  std::vector<std::size_t> readable;
  for (std::size_t i = 0; i < pictures.size; ++i) {
    if (!spread.is_training(i)) continue;
    try {
      (void)pictures.inputs(i);
      readable.push_back(i);
    } catch (const interrupted&) {
      throw;
    } catch (const error&) {  // it is told of when it is evaluated
    }
  }
  const std::size_t count = readable.size();
  return {count, [&pictures, readable = std::move(readable)](std::size_t i) { return pictures.inputs(readable[i]); }};
}

/// The chains of an evaluation whose constants an earlier process solved on as many pictures and wrote into its file.
[[nodiscard]] inline std::optional<std::vector<evaluated_chain>> known_chains(const std::filesystem::path& state,
                                                                              std::size_t training) {
  std::error_code ignored;
  if (state.empty() || !std::filesystem::exists(state, ignored) || std::filesystem::file_size(state, ignored) == 0)
    return std::nullopt;
  const evaluation_records known(state);
  if (known.header().training != training) return std::nullopt;
  return known.header().chains;
}

}  // namespace detail

/// The network with constants solved on `training` of the pictures, spread evenly, for the others to judge; those that
/// `state`, a file of the same evaluation, has already are not solved again. `progress` may be empty. Throws error for
/// a network without norm chains, for so many pictures that none is left, and for a file of another network.
[[nodiscard]] inline solved_network solve_constants(const compensation_problem& problem,
                                                    const evaluation_pictures& pictures, std::size_t training,
                                                    const std::filesystem::path& state,
                                                    const compensation_progress& progress = {}) {
  const std::vector<norm_chain> chains = find_norm_chains(problem.net);
  detail::require<error>(!chains.empty(), "compensate: the network has no norm chain, expected one");
  detail::require<error>(training < pictures.size, "compensate: ", training, " of ", pictures.size,
                         " pictures leaves none to judge by, expected fewer");
  std::optional<std::vector<evaluated_chain>> solved = detail::known_chains(state, training);
  if (!solved) {
    const picture_set readable = detail::training_pictures(pictures, training);
    std::size_t done = 0;
    const picture_set shown = {readable.size, [&](std::size_t i) {
                                 ++done;  // more than once each where there are several chains
                                 if (progress) progress(done, std::max(done, readable.size));
                                 return readable.inputs(i);
                               }};
    solved.emplace();
    for (const solved_constant& s : solve_compensation(problem, chains, shown)) {
      solved->push_back({s.chain.name, s.chain.samples, s.chain.constant, static_cast<double>(s.constant), s.interval});
    }
  }
  solved_network found;
  found.training = training;
  std::vector<norm_constant> constants;
  for (const evaluated_chain& e : *solved) {
    const auto own = std::find_if(chains.begin(), chains.end(), [&](const norm_chain& n) { return n.name == e.name; });
    detail::require<error>(own != chains.end(), state.string(), ": is of another network, which has a norm ",
                           detail::excerpt(e.name));
    if (e.compensated != own->constant) {
      constants.push_back({problem.net.layers[own->holder].name, static_cast<float>(e.compensated)});
    }
    if (e.interval) found.intervals.emplace_back(e.name, *e.interval);
  }
  found.net = with_constants(problem.net, constants);
  found.ranges = problem.recalibrate ? problem.recalibrate(found.net) : problem.ranges;
  return found;
}

NNIESIM_END_NAMESPACE
