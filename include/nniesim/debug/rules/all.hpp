// The rules of the diagnosis, in their order: what comes first explains what comes behind.
#pragma once

#include <array>

#include <nniesim/debug/rules/ablation_shares.hpp>
#include <nniesim/debug/rules/all_zero_in_both.hpp>
#include <nniesim/debug/rules/cosines_alone.hpp>
#include <nniesim/debug/rules/fewer_bits.hpp>
#include <nniesim/debug/rules/innocent_accelerator.hpp>
#include <nniesim/debug/rules/input.hpp>
#include <nniesim/debug/rules/input_effect.hpp>
#include <nniesim/debug/rules/layer_mapping.hpp>
#include <nniesim/debug/rules/marks.hpp>
#include <nniesim/debug/rules/no_fault.hpp>
#include <nniesim/debug/rules/norm_gain.hpp>
#include <nniesim/debug/rules/norm_remedy.hpp>
#include <nniesim/debug/rules/not_a_number.hpp>
#include <nniesim/debug/rules/nothing_compared.hpp>
#include <nniesim/debug/rules/other_model.hpp>
#include <nniesim/debug/rules/other_size.hpp>
#include <nniesim/debug/rules/post_processing.hpp>
#include <nniesim/debug/rules/precision.hpp>
#include <nniesim/debug/rules/reference_not_a_number.hpp>
#include <nniesim/debug/rules/remarks.hpp>
#include <nniesim/debug/rules/replayed_output.hpp>
#include <nniesim/debug/rules/rule.hpp>
#include <nniesim/debug/rules/saturated_input.hpp>
#include <nniesim/debug/rules/suspect_layer.hpp>
#include <nniesim/debug/rules/wrong_dumps.hpp>
#include <nniesim/debug/rules/wrong_reference.hpp>
#include <nniesim/debug/rules/zero_layer.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

inline constexpr faults no_number = {fault::not_a_number};
inline constexpr faults layer_faults = {fault::all_zero,          fault::bits_not_as_planned, fault::activation_scale,
                                        fault::fixed_point_range, fault::suspect_layer,       fault::other_size,
                                        fault::wrong_reference,   fault::other_weights};

// clang-format off
inline constexpr std::array all_rules = {
    // name, needs, gives way to, whether of layers, what finds it
    rule{"replayed output", rule_needs::experiment_context, {}, false, find_replayed_output},
    rule{"nothing compared", rule_needs::nothing, {}, false, find_nothing_compared},
    rule{"all zero in both", rule_needs::nothing, {}, false, find_all_zero_in_both},
    rule{"lost signs", rule_needs::nothing, {}, false, find_lost_signs},
    rule{"reference not a number", rule_needs::nothing, {}, false, find_reference_not_a_number},
    rule{"other input", rule_needs::nothing, {}, false, find_other_input},
    rule{"input effect", rule_needs::experiment_context, input_faults | no_number, false, find_input_effect},
    rule{"other size", rule_needs::nothing, {}, true, find_other_size},
    rule{"not a number", rule_needs::nothing, {}, true, find_not_a_number},
    rule{"zero layer", rule_needs::nothing, {}, true, find_zero_layers},
    rule{"fewer bits", rule_needs::experiment_context, {}, true, find_fewer_bits},
    rule{"wrong reference", rule_needs::experiment_context, {}, true, find_wrong_reference},
    rule{"other model", rule_needs::experiment_context, {}, true, find_other_model},
    rule{"suspect layer", rule_needs::experiment_context, {}, true, find_suspect_layers},
    rule{"wrong files", rule_needs::nothing, {}, false, find_wrong_files},
    rule{"saturated input", rule_needs::experiment_context, input_faults | no_number, false, find_saturated_input},
    rule{"precision", rule_needs::experiment_context, input_faults | no_number, false, find_precision},
    rule{"cosines alone", rule_needs::no_experiment_context, input_faults | no_number, false, find_by_cosines},
    rule{"layer mapping", rule_needs::nothing, {}, false, find_layer_mapping},
    rule{"norm gain", rule_needs::nothing, input_faults | no_number | layer_faults, false, find_norm_gain},
    rule{"other readings", rule_needs::nothing, {}, false, find_other_readings},
    rule{"outputs not compared", rule_needs::nothing, {fault::other_size, fault::dump_reading, fault::inconclusive}, false,
         find_uncompared_outputs},
    rule{"post-processing", rule_needs::nothing, {}, false, find_post_processing},
    rule{"no fault", rule_needs::nothing, faults::all(), false, find_no_fault},
};

inline constexpr std::array all_supplements = {
    // name, verdicts, what adds to them
    supplement{"remarks", faults::all(), add_remarks},
    supplement{"innocent accelerator", input_faults | faults{fault::none, fault::precision, fault::norm_gain, fault::post_processing}, add_innocence},
    supplement{"ablation", {fault::precision}, add_ablation_shares},
    supplement{"decision", faults::all(), add_decision},
    supplement{"marks", {fault::precision}, add_marks},
    supplement{"norm remedy", {fault::norm_gain}, add_constants},
};
// clang-format on

}  // namespace detail

NNIESIM_END_NAMESPACE
