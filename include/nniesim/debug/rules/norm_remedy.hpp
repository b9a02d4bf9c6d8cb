// Supplement of norms that are off: the constants that bring them back, or what those in use do.
#pragma once

#include <algorithm>
#include <cmath>

#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/norm_compensation.hpp>
#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

inline void judge_constants_in_use(const compensation& used, double most, finding& verdict) {
  double largest = 0;
  for (const judged_chain& c : used.judged) {
    largest = std::max(largest, std::fabs(c.after.mean));
    verdict.evidence.push_back(concat("'", c.name, "': the norms of the cfg's ", used.held_out_pictures,
                                      " pictures are off by ", percent_with_sign(c.after.mean, 2),
                                      " on average, with the meant constant by ", percent_with_sign(c.before.mean, 2)));
  }
  verdict.change.clear();
  if (largest <= most) {
    verdict.change.push_back("none of the constants: on average over the pictures the norms are right");
    verdict.next = "whether what remains of this picture matters is for the post-processing: give it to the diagnosis";
  } else {
    verdict.change.push_back("solve the constants again, from the network that is meant and with more pictures");
    verdict.next = "nnie-debug compensate with the cfg of the network that is meant";
  }
}

inline void add_constants(const case_file& file, finding& verdict) {
  const auto& norms = file.norms();
  if (!norms || norms->constants.empty()) return;
  if (file.norms_are_in_use()) return judge_constants_in_use(*norms, file.options().norm_error, verdict);
  verdict.change.clear();
  for (const norm_constant& c : norms->constants) {
    verdict.change.push_back({fact_kind::set_shift, {{"layer", c.layer}, {"value", shortest(c.value)}}});
  }
  double before = 0, after = 0;
  for (const judged_chain& c : norms->judged) {
    before += std::fabs(c.before.mean);
    after += std::fabs(c.after.mean);
  }
  verdict.evidence.push_back(concat("of the norms' mean error on ", norms->held_out_pictures,
                                    " other pictures the constants below remove ",
                                    number_text(100 * removed_share(before, after), 3), " %"));
  verdict.next = "nnie-debug compensate -o: it writes the prototxt and checks it";
}

}  // namespace detail

NNIESIM_END_NAMESPACE
