// The compensation of norms on a cfg's pictures, for the command of its own and for the report.
#pragma once

#include <nniesim/debug/compensate.hpp>

#include "command.hpp"

namespace nnie_debug {

/// Constants solved on some of the cfg's pictures and judged on the others.
struct compensation {
  std::vector<norm_chain> chains;  ///< of the network; where there is none, nothing else is here
  std::size_t training_pictures = 0, held_out_pictures = 0;
  std::vector<solved_constant> solved;
  std::vector<norm_constant> constants;
  std::vector<judged_chain> trained, judged;
};

/// Solves and judges with a share `held_out` of the listed pictures, spread evenly, kept for the proof. `has_ranges`:
/// the problem's ranges are given, and stay what they are with other constants. Throws error where the lists have too
/// few pictures for both.
compensation compensate_norms(loaded_network& loaded, compensation_problem problem, bool has_ranges, double held_out);

/// Judges constants that are in use, those in which `compiled` differs from the problem's network, on all of the cfg's
/// pictures; `constants` is empty where it does not.
compensation judge_constants(loaded_network& loaded, const compensation_problem& problem, const network& compiled);

}  // namespace nnie_debug
