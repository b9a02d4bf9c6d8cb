// The compensation of norms on a list of pictures: constants solved on some of them and judged on the others; or those
// that are in use judged on all.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <vector>

#include <nniesim/debug/compensate.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The constants of a network's norms, and what they do on a list of pictures.
struct compensation {
  std::vector<norm_chain> chains;        ///< of the network; where there is none, nothing else is here
  std::size_t training_pictures = 0,     ///< that were solved with; 0 for constants that are in use
      held_out_pictures = 0;             ///< that were judged by
  std::vector<solved_constant> solved;   ///< one for each chain
  std::vector<norm_constant> constants;  ///< that changed
  std::vector<judged_chain> trained,     ///< the chains on the training pictures; empty for constants that are in use
      judged;                            ///< the chains on the held-out pictures
};

/// Called with how many runs of a picture were done, of how many.
using compensation_progress = std::function<void(std::size_t done, std::size_t steps)>;

namespace detail {

/// Entries of a list, spread evenly: those that are kept for the proof, and the others.
struct picture_split {
  std::vector<std::size_t> training, held_out;
};

[[nodiscard]] inline picture_split split_pictures(std::size_t listed, double share) {
  picture_split s;
  for (std::size_t i = 0; i < listed; ++i) {
    const auto kept_before = [&](std::size_t n) { return std::floor(static_cast<double>(n) * share); };
    (kept_before(i + 1) > kept_before(i) ? s.held_out : s.training).push_back(i);
  }
  require<error>(!s.training.empty() && !s.held_out.empty(), "a share of ", share, " held out of ", listed,
                 " listed picture(s) leaves ", s.training.size(), " to solve with and ", s.held_out.size(),
                 " to judge by, expected at least one each (--held-out)");
  return s;
}

}  // namespace detail

/// Solves and judges with a share `held_out` of the pictures, spread evenly, kept for the proof. Throws error where
/// there are too few pictures for both; else as solve_compensation.
[[nodiscard]] inline compensation compensate_norms(const compensation_problem& problem, const picture_set& listed,
                                                   double held_out, const compensation_progress& progress = {}) {
  compensation c;
  c.chains = find_norm_chains(problem.net);
  if (c.chains.empty()) return c;
  const auto parts = detail::split_pictures(listed.size, held_out);
  c.training_pictures = parts.training.size();
  c.held_out_pictures = parts.held_out.size();
  std::size_t passes = 1, done = 0;
  for (const norm_chain& chain : c.chains) passes = std::max(passes, chain.sequence + 1);
  const std::size_t steps = (passes + 1) * parts.training.size() + parts.held_out.size();
  const auto pictures = [&](const std::vector<std::size_t>& entries) {
    return picture_set{entries.size(), [&](std::size_t i) {
                         if (progress) progress(++done, std::max(done, steps));
                         return listed.inputs(entries[i]);
                       }};
  };
  c.solved = solve_compensation(problem, c.chains, pictures(parts.training));
  c.constants = changed_constants(problem.net, c.solved);
  c.trained = judge_compensation(problem, c.chains, c.constants, pictures(parts.training));
  c.judged = judge_compensation(problem, c.chains, c.constants, pictures(parts.held_out));
  return c;
}

/// Judges constants that are in use, those in which `compiled` differs from the problem's network, on all pictures;
/// `constants` is empty where it does not. Throws as judge_compensation.
[[nodiscard]] inline compensation judge_used_constants(const compensation_problem& problem, const network& compiled,
                                                       const picture_set& listed,
                                                       const compensation_progress& progress = {}) {
  compensation c;
  const std::vector<norm_chain> used = find_norm_chains(compiled);
  for (const norm_chain& chain : find_norm_chains(problem.net)) {
    const auto same = std::find_if(used.begin(), used.end(), [&](const norm_chain& u) { return u.name == chain.name; });
    if (same == used.end()) continue;
    c.chains.push_back(chain);
    solved_constant& s = c.solved.emplace_back();
    s.chain = chain;
    s.constant = static_cast<float>(same->constant);
    if (same->constant != chain.constant) {
      c.constants.push_back({problem.net.layers[chain.holder].name, s.constant});
    }
  }
  if (c.constants.empty()) return c;
  c.held_out_pictures = listed.size;
  std::size_t done = 0;
  c.judged = judge_compensation(problem, c.chains, c.constants, {listed.size, [&](std::size_t i) {
                                                                   if (progress) progress(++done, listed.size);
                                                                   return listed.inputs(i);
                                                                 }});
  return c;
}

NNIESIM_END_NAMESPACE
