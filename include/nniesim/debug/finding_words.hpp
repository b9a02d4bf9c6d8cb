// The words of facts, in one table: what terminals, pages, tickets and JSON show of a finding is made here.
// Long: one entry for each kind of fact, of a few lines.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/fact.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/markup.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// One kind of fact: its name in JSON, and its sentence. In that stand {field} and {field:form} for a field,
/// {field?a|b} for a where a flag holds or a count is 1, else b, and [...] for what is said only where the fact has all
/// fields that it names; {;} is "; " behind what is said already. Forms: run (of a flag: the reference, the other run),
/// side (the board's, the script's), percent, sign (of a share, in percent, with sign and two decimals), + (with its
/// sign), cosine (five decimals), g4 (four digits; so any other), each (all of a list, seven digits), parts (of the
/// fact error_parts), names
/// ('a', 'b'), channels (channels 1, 2), marked ('a_hp', 'b_hp'), hp (a_hp b_hp); without, as it is.
struct fact_form {
  fact_kind kind;
  std::string_view name;
  std::string_view sentence;
};

// clang-format off
inline constexpr auto fact_forms = [] {
  using enum fact_kind;
  return std::to_array<fact_form>({
      {words, "words", "[{text}]"},
      // layers and runs that were compared
      {layers_compared, "layers_compared", "{count} of {of} layers were compared[; the lowest cosine is "
       "{cosine:cosine} ('{layer}')]"},
      {layers_miss_limit, "layers_miss_limit", "{count} of {of} layers miss cosine {limit}[, the first is '{layer}' "
       "([{first_cosine:cosine}][a relative error of {first_error:percent}]), the last layer has "
       "[{last_cosine:cosine}][a relative error of {last_error:percent}]][, the worst is '{worst}' "
       "([{cosine:cosine}][a relative error of {relative_error:percent}])]"},
      {layers_tried, "layers_tried", "{count} of {of} layers could be tried and are not at fault; each by itself for "
       "the input that it had has at least cosine {cosine:cosine}"},
      {simulated_and_seen, "simulated_and_seen", "simulated as planned '{layer}' has cosine {simulated:cosine}, seen "
       "it has {seen:cosine}; with all layers in {more_bits} the lowest cosine is {in_more_bits:cosine}"},
      {few_values, "few_values", "'{layer}' has {count} values, whose cosine ({cosine:cosine}) says little; their "
       "relative error is {relative_error:percent}: {reference:g4} in the reference, {other:g4} in the other run[; the "
       "largest is value {largest_of_reference} and value {largest_of_other}]"},
      {layer_by_itself, "layer_by_itself", "fed with the input that it had, the layer in float gives cosine "
       "{cosine:cosine} with what the run shows[ of output {output}], norm_error {norm_error:sign}"},
      {layer_errors, "layer_errors", "its error is {seen:percent} of the norm; the simulation has {calibrated:percent} "
       "with the calibrated range, {own_range:percent} with the data's own[, {in_more_bits:percent} in {more_bits}]"},
      {error_parts, "error_parts", "the square of that error is: {gain:parts}[; {most_channels} of {channels} channels "
       "carry 90 % of it]"},
      {other_bits, "other_bits", "'{layer}' is {from_planned:percent} away from its simulation in {planned_bits} and "
       "{from_other:percent} from that in {other_bits}"},
      {norm_off, "norm_off", "'{layer}': norm off by {norm_error:sign} with cosine {cosine:cosine}"},
      {norm_off_by_itself, "norm_off_by_itself", "'{layer}' by itself: norm off by {norm_error:sign}"},
      {more_of_them, "more_of_them", "and {count} more"},
      {not_a_number_values, "not_a_number_values", "{count} of {of} values are NaN or infinity; the reference has "
       "none"},
      {at_fixed_point_limit, "at_fixed_point_limit", "{count} of {of} values are at its limit of 2^19"},
      {ablation, "ablation", "with only the weights encoded the lowest cosine is {weights_only:cosine}, with only the "
       "activations {activations_only:cosine}"},
      {shown_bits, "shown_bits", "the run shows what the simulation of {bits} gives; {more_bits} would be enough"},
      {norms_off, "norms_off", "norms are off by up to {norm_error:sign} while the cosines are intact[{is_chain?: a "
       "Power / ReduceMean chain truncates|; no single layer brings it}][: '{layer}' brings most of it by itself]"},
      {norm_off_in_part, "norm_off_in_part", "the norm of '{layer}' is off by {norm_error:sign}, which is not most of "
       "its error"},
      {norms_of_pictures, "norms_of_pictures", "'{layer}': the norms of the cfg's {pictures} pictures are off by "
       "{norm_error:sign} on average, with the meant constant by {meant_error:sign}"},
      {constants_remove, "constants_remove", "of the norms' mean error on {pictures} other pictures the constants "
       "below remove {share:percent}"},
      {same_in_16_bits, "same_in_16_bits", "cosines are intact, and the truncation of Q20.12 is the same in 16 bits"},
      {not_a_number, "not_a_number", "NaN or infinity enters in '{layer}'"},
      {inputs_are_finite, "inputs_are_finite", "all inputs of the layer are finite"},
      {damage_looks_like_that, "damage_looks_like_that", "Q20.12 holds neither: a file that was damaged or read in "
       "another format would look like this"},
      {would_be_number, "would_be_number", "a wrong result of the accelerator would be a number"},
      {reference_not_a_number, "reference_not_a_number", "the reference itself has {count} NaN or infinity in "
       "'{layer}'"},
      {other_not_a_number, "other_not_a_number", "in the other run that layer has {count}"},
      {all_zero, "all_zero", "everything is zero in both runs: from nothing nothing can be told"},
      {nothing_compared, "nothing_compared", "no layer of one run could be compared with one of the other"},
      {unmatched_layer, "unmatched_layer", "'{layer}': {reason}"},
      {layers_of_runs, "layers_of_runs", "{reference} layers of one run, {other} of the other"},
      {not_judged, "not_judged", "'{layer}' has no partner and was not judged: {reason}"},
      {more_not_judged, "more_not_judged", "nor were {count} more layers of the reference"},
      {finer_than_planned, "finer_than_planned", "{count} of {of} layers err less than {bits} can: does the other run "
       "really have no more?"},
      {input_missing, "input_missing", "the input '{layer}' is not in the other run: not compared"},
      {as_simulated, "as_simulated", "each of the {count} layers gives what the simulation gives for the input that it "
       "had: the accelerator computes as planned"},
      {fewer_bits, "fewer_bits", "{count?|{count} layers have fewer bits than planned, }'{layer}' is to have "
       "{planned_bits}, but was computed in {bits}"},
      {those_bits_give_that, "those_bits_give_that", "the simulation of those bits gives what the run shows"},
      // ranges
      {range_explains, "range_explains", "a scale z {levels:+} from the data's own explains the output: {left:percent} "
       "are left"},
      {outside_range, "outside_range", "{above:percent} of those values lie above that range, {below:percent} below "
       "it"},
      {channels_outside, "channels_outside", "{count} of {of} channels {saturate?saturate|vanish}: {channels}"},
      {input_cut, "input_cut", "{share:percent} of its values lie above the largest code: scales are rounded down, and "
       "a picture's white is in many places"},
      {level_more, "level_more", "with a range of one level more, for it and what follows, the error of '{layer}' "
       "falls from {error:percent} to {error_then:percent}"},
      {weight_ranges_left, "weight_ranges_left", "with these ranges of its weights the layer gives what is shown but "
       "for {left:percent}"},
      {own_range_leaves, "own_range_leaves", "the range that the data ask for leaves {left:percent}"},
      {best_range_leaves, "best_range_leaves", "the range that explains most leaves {left:percent}"},
      {bits_leave, "bits_leave", "with a range that fits, the same bits leave {left:percent}"},
      {planned_bits_away, "planned_bits_away", "the run is {away:percent} away from the simulation of the planned "
       "bits"},
      // cosines alone
      {inputs_not_compared, "inputs_not_compared", "from '{layer}' on the runs differ, and their inputs could not be "
       "compared"},
      {input_looks_like_that, "input_looks_like_that", "another picture or preprocessing looks like that"},
      {first_layer_looks_like_that, "first_layer_looks_like_that", "and so does a first layer that computes something "
       "else"},
      {bad_though_last_right, "bad_though_last_right", "{count} layers are bad, though the last one is right"},
      {last_is_not_all, "last_is_not_all", "of several outputs the last says nothing of the others"},
      {good_behind_wrong_dump, "good_behind_wrong_dump", "behind a dump that is wrong by itself all would be right"},
      {compile_in_16_bits, "compile_in_16_bits", "compile with compile_mode 1: it is quantization if all layers reach "
       "{limit} then"},
      {dips, "dips", "'{layer}' dips to [cosine {cosine:cosine}][a relative error of {relative_error:percent}], "
       "{recovers?but all behind it is right|and what follows recovers in part}"},
      {readers_agree, "readers_agree", "what is computed from it agrees, so that the dump rather than the layer is "
       "wrong"},
      {may_be_hidden, "may_be_hidden", "a later layer may hide the error: a ReLU, a pooling, or a branch that matters "
       "little"},
      {would_reach_last, "would_reach_last", "its error would reach the last layer"},
      {look_up_in_tree, "look_up_in_tree", "look up in cnn_net_tree.dot what the compiler made of that layer"},
      {drops_sharply, "drops_sharply", "similarity drops sharply at '{layer}'"},
      {other_gains, "other_gains", "'{layer}' has another gain and offset in every channel, and {spreads?what follows "
       "is wrong|nothing behind it tells whether that is a fault}"},
      {error_rises, "error_rises", "the error rises by {rise:percent} of the norm at '{layer}', to {total:percent} at "
       "most"},
      {few_bits_look_like_that, "few_bits_look_like_that", "from cosines alone a layer that needs 16 bits looks the "
       "same"},
      {folded_norm_looks_like_that, "folded_norm_looks_like_that", "a BatchNorm or Scale that is folded into it looks "
       "the same"},
      {falls_layer_by_layer, "falls_layer_by_layer", "it would fall layer by layer"},
      {compare_bias, "compare_bias", "compare the bias of '{layer}', and of a BatchNorm or Scale behind it, in both; "
       "or give the network to the diagnosis"},
      {see_in_16_bits, "see_in_16_bits", "compile with compile_mode 1: if '{layer}' recovers, mark it '{layer}_hp', "
       "else its dump or the layer is wrong; give the network to the diagnosis to decide it at once"},
      {takes_the_network, "takes_the_network", "the reference, the weights, the range and the bits of that layer were "
       "not tried: that takes the network"},
      {similarity_falls, "similarity_falls", "similarity falls layer by layer: quantization error"},
      {not_seen_in_16_bits, "not_seen_in_16_bits", "not confirmed: no run in 16 bits was seen"},
      {no_single_layer, "no_single_layer", "no single layer brings most of the error"},
      {first_layer_off, "first_layer_off", "the first layer already has [cosine {cosine:cosine}][a relative error of "
       "{relative_error:percent}] although the input is right"},
      {last_layer_between, "last_layer_between", "the last layer has [cosine {cosine:cosine}, which lies][a relative "
       "error of {relative_error:percent}, which lies between those that cosines mean] between {from} and {to}"},
      {nearest_case, "nearest_case", "quantization error is the nearest case of the procedure"},
      {unknown_order, "unknown_order", "{count} layers are bad, but in which order the layers are executed is not "
       "known"},
      {give_network_or_tree, "give_network_or_tree", "give the network to the diagnosis, or put the compiler's "
       "cnn_net_tree.dot into one of the folders"},
      // layers by themselves
      {layer_zero_in_float, "layer_zero_in_float", "in float it is zero everywhere"},
      {too_few_bits, "too_few_bits", "{bits} are not enough for '{layer}'"},
      {simulation_gives_that, "simulation_gives_that", "the simulation[ of {bits}] gives the same output"},
      {truncation_is_less, "truncation_is_less", "truncation in Q20.12 is less than that"},
      {sparse_rate_too_large, "sparse_rate_too_large", "sparse_rate sets {share:percent} of the weights of '{layer}' "
       "to zero, more than it bears"},
      {all_weights_leave, "all_weights_leave", "with all weights the same bits leave {left:percent}"},
      {blob_range_off, "blob_range_off", "'{layer}' reads what '{blob}' stores with a range {factor:g3} times what the "
       "data need: {saturate?large values saturate|small values vanish}"},
      {range_explains_it, "range_explains_it", "a wrong range explains the output"},
      {no_range_explains_it, "no_range_explains_it", "no range of its input explains the output"},
      {nothing_but_bias, "nothing_but_bias", "'{layer}' gives nothing but its bias"},
      {lost_weights_look_like_that, "lost_weights_look_like_that", "weights that are missing in the compiled model "
       "look like that"},
      {lost_input_looks_like_that, "lost_input_looks_like_that", "and so does a range so far off that nothing is left "
       "of its input"},
      {beyond_q20_12, "beyond_q20_12", "the values of '{layer}' are too {large?large|small} for Q20.12, whatever its "
       "bits"},
      {constant_factor, "constant_factor", "'{layer}' is off by a constant factor of {factor:g4}{of_weights?: its "
       "weights or its scale differ from the caffemodel's|}"},
      {computes_something_else, "computes_something_else", "'{layer}' computes something else than its "
       "definition{in_float?; it runs in float|, and not for want of bits}"},
      {not_of_that_picture, "not_of_that_picture", "'{layer}' does not follow from the picture that the run is said to "
       "have had"},
      {input_not_dumped, "input_not_dumped", "the network's input is not among the dumps: another picture or "
       "preprocessing looks the same"},
      {reference_untried, "reference_untried", "whether the reference's layer is right could not be tried: its input "
       "or output is not there"},
      {reference_is_right, "reference_is_right", "on the reference's own input the layer gives what it shows, to "
       "{left:percent}"},
      {readers_do_not_follow, "readers_do_not_follow", "what reads it does not follow from what the layer should give"},
      {nothing_reads_it, "nothing_reads_it", "no layer reads it: whether the dump alone is wrong cannot be told"},
      {other_bits_leave, "other_bits_leave", "in other bits the simulation is {away:percent} away"},
      {no_other_bits, "no_other_bits", "no other bits can be had"},
      {more_layers_off, "more_layers_off", "{count} more layers are off by themselves and were not tried"},
      {reads_the_same, "reads_the_same", "'{layer}' reads the same blob and shows the same"},
      // weights
      {lost_bias, "lost_bias", "'{layer}' has lost its bias"},
      {multiplied, "multiplied", "'{layer}' is multiplied by {gain:g4}{several? and the like|} in "
       "[{channels:channels}]{all?all channels|}"},
      {one_value_in_channels, "one_value_in_channels", "'{layer}' shows one value everywhere in {channels:channels}"},
      {exchanged_channels, "exchanged_channels", "'{layer}' has {channels:channels} in each other's place"},
      {other_weights_in_channels, "other_weights_in_channels", "'{layer}' has other weights in {channels:channels} of "
       "{of}"},
      {other_weights, "other_weights", "'{layer}' has other weights"},
      {lost_bias_leaves, "lost_bias_leaves", "without its bias the layer gives what is shown but for {left:percent} of "
       "the norm; with it {seen:percent} are wrong"},
      {factor_leaves, "factor_leaves", "that factor leaves {left:percent} of the norm of an error of {seen:percent}"},
      {other_channels_right, "other_channels_right", "the other {count} of {of} channels are what the layer gives"},
      {some_weights_leave, "some_weights_leave", "there are weights that give what is shown but for {left:percent} of "
       "the norm; the caffemodel's leave {seen:percent}"},
      {too_few_positions, "too_few_positions", "there are too few positions to find out whether any weights give what "
       "is shown"},
      {places_right, "places_right", "{count} of {of} places of the map are right in all channels, with the same "
       "weights as the others"},
      {no_weights_do, "no_weights_do", "no weights at all give what is shown: the best leave {left:percent}"},
      {no_parameter_does, "no_parameter_does", "no lost bias, gain or channel explains it"},
      {parameters_explain_it, "parameters_explain_it", "with these parameters the layer gives what is shown"},
      {weights_likelier, "weights_likelier", "other weights are far likelier than wrong arithmetic"},
      {has_no_weights, "has_no_weights", "it has none"},
      {weight_ranges_off, "weight_ranges_off", "the weights of '{layer}' were encoded with {one_for_all?one range for "
       "all groups, in place of one for each|other ranges than they ask for}[: {saturate?large weights saturate|small "
       "weights vanish}][; large weights saturate in groups {saturating_groups}][; small weights vanish in groups "
       "{vanishing_groups}]"},
      {weight_ranges_explain_it, "weight_ranges_explain_it", "with weights in these ranges the layer gives what is "
       "shown"},
      {layers_with_weights_off, "layers_with_weights_off", "{count} of {of} layers with weights are not what the "
       "network gives for the {of_reference?reference's own input|input that they had}: by {least:percent} to "
       "{most:percent} of the norm"},
      {layers_without_weights_right, "layers_without_weights_right", "{count} of {of} layers without weights are"},
      {other_caffemodel, "other_caffemodel", "the other run has another caffemodel: most layers with weights differ, "
       "those without do not"},
      {no_range_explains_layers, "no_range_explains_layers", "no range of the inputs explains the layers that were "
       "tried"},
      {would_spare_none, "would_spare_none", "wrong arithmetic would not spare the layers without weights"},
      // next measurements
      {compare_weights, "compare_weights", "compare the weights of '{layer}' in the compiled model with the "
       "caffemodel's: nnie-debug wk, or compile the caffemodel again"},
      {compare_weights_and_range, "compare_weights_and_range", "compare the weights of '{layer}' and the range of its "
       "input in the compiled model"},
      {see_weight_scales, "see_weight_scales", "nnie-debug wk shows the scales of the weights of '{layer}' in the "
       "compiled model"},
      {compare_parameters, "compare_parameters", "compare its {with_weights?weights and parameters in the compiled "
       "model with the caffemodel's|parameters in the compiled model with the prototxt's}"},
      {was_constant_changed, "was_constant_changed", "was its constant changed, as compensate does? Then give the "
       "diagnosis the prototxt that was compiled"},
      {correct_script, "correct_script", "correct the script that writes the reference, then compare again"},
      {compare_caffemodels, "compare_caffemodels", "compare the files: which state of the training was compiled?"},
      {read_again, "read_again", "read them again, then compare again: what is small was lost in the large values"},
      {compare_whole_files, "compare_whole_files", "compare again with whole files"},
      {find_gain, "find_gain", "give the network to the diagnosis: it finds where the gain enters"},
      {no_more_bits, "no_more_bits", "no layer up to '{layer}' can have more bits: compile with other pictures in "
       "image_list, which give other ranges"},
      {judge_remainder, "judge_remainder", "whether what remains of this picture matters is for the post-processing: "
       "give it to the diagnosis"},
      {compensate_meant, "compensate_meant", "nnie-debug compensate with the cfg of the network that is meant"},
      {compensate, "compensate", "nnie-debug compensate -o: it writes the prototxt and checks it"},
      {look_at_memory, "look_at_memory", "dump the layer again; if it is the board's, look at the memory that it is "
       "written to"},
      {find_not_a_number, "find_not_a_number", "find out why the float network gives NaN; no comparison means anything "
       "before that"},
      {give_picture, "give_picture", "give both runs a picture"},
      {give_same_names, "give_same_names", "write both runs' layers under the same names, as .npy with their shapes"},
      {compare_model_sizes, "compare_model_sizes", "compare the sizes of the compiled models: with more bits a layer's "
       "weights take more room"},
      {was_it_written, "was_it_written", "see whether the layer was written at all: a buffer that nobody fills is zero "
       "as well"},
      {run_from_same, "run_from_same", "run both from the same prototxt, then compare again"},
      {judge_behind, "judge_behind", "make the change, then compare again: what is behind it is judged then"},
      {dump_in_both, "dump_in_both", "dump '{layer}' of both runs, in the same shape{or_network?, or give the network "
       "to the diagnosis|}"},
      {dump_all_or_network, "dump_all_or_network", "dump all layers of both runs, or give the network to the "
       "diagnosis"},
      {judge_post_processing, "judge_post_processing", "where {decided?the board decides otherwise on these data, the "
       "fault is in its code of the post-processing|results are wrong nevertheless it is the post-processing: give it "
       "to the diagnosis}"},
      {dump_every_layer, "dump_every_layer", "dump every layer of the other run (_report)[: {count} of {of} could not "
       "be tried, for want of their inputs or outputs]{with_data?, the data layer among them|}"},
      {disturb_inputs, "disturb_inputs", "run the float network on inputs disturbed by 0.1 %: if its outputs move as "
       "much, the network itself is sensitive and must be retrained with the quantizer in the loop"},
      {raise_one_by_one, "raise_one_by_one", "raise layers one by one: which of them bring the outputs back?"},
      {search, "search", "{command}"},
      {search_more_pictures, "search_more_pictures", "nnie-debug search with more pictures, and -o: it writes and "
       "checks the marks"},
      {compare_outputs, "compare_outputs", "compare the outputs themselves, norms too, and lower the limits of the "
       "diagnosis"},
      {count_flips, "count_flips", "count the flips over many pictures: how often is the margin that small?"},
      {dump_what_board_reads, "dump_what_board_reads", "dump what the board's post-processing reads: stride, order of "
       "channels, the factor 4096 of Q20.12"},
      {compare_again, "compare_again", "make the change, then compare again"},
      {compare_last_picture, "compare_last_picture", "compare the dump of the picture that was compiled last: the "
       "compiler dumps the last line of image_list"},
      {feed_the_same, "feed_the_same", "feed both with the same .npy in place of the picture: if they agree then, it "
       "is how the picture is resized, cropped or decoded"},
      // the reference
      {reference_by_itself, "reference_by_itself", "on the reference's own input '{layer}' gives cosine "
       "{cosine:cosine} with what the reference shows, and an error of {relative_error:percent} of its norm; a float "
       "network's layers leave less than {limit:percent}"},
      {reference_has_dropout, "reference_has_dropout", "the reference is wrong from '{layer}' on: dropout was left in"},
      {reference_has_other_weights, "reference_has_other_weights", "the reference is wrong from '{layer}' on: its "
       "parameters are not the network's"},
      {reference_not_of_network, "reference_not_of_network", "the reference is wrong from '{layer}' on: it is not what "
       "the network gives for its input"},
      {values_dropped, "values_dropped", "{share:percent} of its values are zero, the others are {gain:g4} times what "
       "they should be"},
      {reference_dump_wrong, "reference_dump_wrong", "the reference's dump of '{layer}' is {is_input?what goes into "
       "it: taken before the layer|not what the reference computed}"},
      {reader_follows, "reader_follows", "'{reader}' of the reference follows from what '{layer}' gives, to "
       "{with_computed:percent} of the norm; from the dump it is {with_shown:percent} away"},
      {reference_shows_wrongly, "reference_shows_wrongly", "the reference alone is wrong, and only in what it shows"},
      {reference_of_other_caffemodel, "reference_of_other_caffemodel", "the reference was made with another "
       "caffemodel"},
      // dumps
      {sign_lost, "sign_lost", "'{layer}': {count} values are {are_integers?2^31 and more; less 2^32, and divided by "
       "4096, they are negative Q20.12|2^19 and more, which Q20.12 does not have; less 2^20 they are its negative "
       "ones}"},
      {read_without_sign, "read_without_sign", "{count?the dump '{layer}'|{count} dumps} of {of_reference:run} "
       "{count?was|were} read without sign"},
      {sign_explains_it, "sign_explains_it", "read with its sign it is compared; large values came from reading alone"},
      {several_pictures, "several_pictures", "the dumps of {of_reference:run} hold {pictures} pictures, of which "
       "number {picture} (from 0) is that of the {of_reference?other run|reference}"},
      {dumps_of_pictures, "dumps_of_pictures", "{count} of its dumps have {pictures} times the values; of all "
       "{pictures} pictures that one agrees best in all layers together"},
      {right_one_is_there, "right_one_is_there", "the right one is among them"},
      {unreadable, "unreadable", "'{layer}' {reason}"},
      {dumps_unreadable, "dumps_unreadable", "{count?the dump '{layer}'|{count} dumps} of {of_reference:run} cannot be "
       "read: nothing is concluded about {count?it|them}"},
      {file_is_damaged, "file_is_damaged", "the file is damaged, whatever the layer gave"},
      {dumps_of_two_runs, "dumps_of_two_runs", "the dumps are of two runs: {count} layers from '{layer}' on are of "
       "another picture or an older run"},
      {cosine_of_dump, "cosine_of_dump", "'{layer}' (dump '{dump}'): cosine {cosine:cosine}"},
      {would_go_on, "would_go_on", "what reads them agrees with the reference and does not follow from what they show: "
       "a fault would go on"},
      {does_not_heal, "does_not_heal", "no fault of a layer heals in the layers behind it"},
      {others_are_right, "others_are_right", "the layers before and behind are of the right one"},
      {part_damaged, "part_damaged", "a part of the dump '{dump}' is damaged: values {first} to {last} of {of}"},
      {agrees_outside, "agrees_outside", "outside of them it agrees with the reference; within them nothing does"},
      {file_alone_wrong, "file_alone_wrong", "what is behind it agrees with the reference: only the file is wrong"},
      {would_be_read, "would_be_read", "what a layer gives wrongly is wrong in what reads it, too"},
      {other_blob, "other_blob", "'{layer}' is '{partner}': {relation}"},
      {dump_alone_wrong, "dump_alone_wrong", "'{layer}' is not what its input makes of it, and what reads it agrees "
       "with the reference and does not follow from what is shown"},
      {bias_looks_like_that, "bias_looks_like_that", "and so does a wrong bias"},
      {other_blobs, "other_blobs", "under {count?the name '{layer}'|{count} names} the two runs show different blobs"},
      {other_layout, "other_layout", "{count?the dump '{dump}' is|{count} dumps are} written in another layout: "
       "{layout}"},
      {dump_is_times, "dump_is_times", "its values are {factor:g4} times the reference's"},
      {content_agrees, "content_agrees", "what corresponds by content agrees but for the error in the table"},
      // zeros
      {zero_everywhere, "zero_everywhere", "'{layer}' is zero everywhere"},
      {range_taken, "range_taken", "'{layer}' is zero everywhere: [branch '{branch}'][channel {channel}] takes the "
       "range that all of '{blob}' share, the others underflow"},
      {rounded_to_zero, "rounded_to_zero", "in '{blob}' [branch '{branch}'][channel {channel}] has values up to "
       "{largest:g4}; rounded to zero are [{branches:names}][{channels:channels}], with values up to {lost:g3}"},
      {norm_in_reference, "norm_in_reference", "its norm in the reference is {norm:g4}"},
      {zero_in_both, "zero_in_both", "{count} layers are zero in both runs, which is no fault"},
      {not_zero_in_float, "not_zero_in_float", "in float the layer gives values other than zero from the input that it "
       "had"},
      {zero_in_simulation, "zero_in_simulation", "the simulation {zero?gives zeros too|does not give zeros}"},
      {largest_in_float, "largest_in_float", "the largest magnitude that it gives in float is {largest:g4}, {steps:g4} "
       "steps of Q20.12"},
      {not_zero_in_own_range, "not_zero_in_own_range", "with the range of the data it had it does not: all its input "
       "underflows"},
      {not_zero_in_bits, "not_zero_in_bits", "in {bits} the simulation does not"},
      {inputs_not_dumped, "inputs_not_dumped", "its inputs are not among the dumps: whether the zeros begin here is "
       "not known"},
      {zero_in_float, "zero_in_float", "in float '{layer}' is zero, too, for the input that it had"},
      {below_step, "below_step", "its values are less than 1/4096, the step of Q20.12"},
      {above_step, "above_step", "its values in float are far above the step of 1/4096"},
      {would_not_be_zero, "would_not_be_zero", "wrong arithmetic would not give zero everywhere"},
      // sizes
      {sizes, "sizes", "'{layer}' is [{reference_shape:x}][{reference_values} values] in the reference and "
       "[{other_shape:x}][{other_values} values] in the other run[, as '{partner}']"},
      {agrees_in_common, "agrees_in_common", "the rows and columns that both have agree with cosine {cosine:cosine}"},
      {size_of_network, "size_of_network", "the network has the size of {of_reference:run}"},
      {more_sizes_differ, "more_sizes_differ", "{count} more layers differ in size"},
      {input_sizes, "input_sizes", "the inputs '{layer}' have different sizes: the runs saw pictures of another size"},
      {size_follows, "size_follows", "with another input every layer has another size"},
      {other_size, "other_size", "'{layer}' has another size in the two runs: they are not of one network"},
      {pooling_rounds, "pooling_rounds", "the sizes differ from '{layer}' on: {reference_down?the reference|the other "
       "run} rounds the size of a pooling down, {reference_down?the other run|the reference} rounds it up"},
      {pooling_replayed, "pooling_replayed", "from the reference's own input the pooling gives the reference's values "
       "where it rounds {down?down|up}"},
      {maps_of_other_size, "maps_of_other_size", "what is behind it was computed from maps of another size"},
      {all_round_up, "all_round_up", "Caffe, the compiler and the accelerator all round up"},
      // no fault
      {output_not_compared, "output_not_compared", "the output '{layer}' was not compared: nothing is concluded about "
       "it"},
      {agree_but_unread, "agree_but_unread", "what could be read agrees, but '{layer}' could not be"},
      {agree_but_unknown, "agree_but_unknown", "what could be compared agrees, but {count} of {of} layers could not "
       "be, and which is the output is not known"},
      {agree_but_layers, "agree_but_layers", "what could be compared agrees, but {count} of {of} layers, {count?|the "
       "first }'{layer}', could not be"},
      {agree_but_output, "agree_but_output", "what could be compared agrees, but the output '{layer}' could not be"},
      {agree, "agree", "the runs agree but for what the format costs"},
      {outputs_agree, "outputs_agree", "what was compared, {count} of {of} layers and every output, agrees but for "
       "what the format costs"},
      {layers_do_as_they_must, "layers_do_as_they_must", "{count} layers of the other run were tried by themselves and "
       "do as they must"},
      // bits
      {worse_than_planned, "worse_than_planned", "'{layer}' is worse than the planned bits make it, but where that "
       "begins the dumps do not show"},
      {bits_lose_less, "bits_lose_less", "the simulation of the planned bits does not lose that much"},
      {input_not_known, "input_not_known", "{count} layers are bad, and whether the network's input is right is not "
       "known"},
      {input_not_compared, "input_not_compared", "the input '{layer}' was not compared"},
      {bits_not_enough, "bits_not_enough", "{bits} are not enough for this network: small errors of many layers add "
       "up"},
      {no_layer_at_fault, "no_layer_at_fault", "no layer is at fault by itself"},
      {lose_together, "lose_together", "the layers lose accuracy together, {already?in {bits} already|and {bits} do "
       "not cure it}"},
      {not_cured_by_bits, "not_cured_by_bits", "quantization is the nearest case, but more bits do not bring the "
       "layers back"},
      // post-processing
      {decisions, "decisions", "{name} decides {reference:excerpt} on the reference and {other:excerpt} on the other "
       "run's data"},
      {margin, "margin", "the reference is {deviations:g3} standard deviations of the error away from another "
       "decision{uneven?, but the errors are larger where it is made|}"},
      {flips, "flips", "{share:percent} of {trials} trials with errors of that size decide otherwise"},
      {board_decided, "board_decided", "the board decided {decision:excerpt}"},
      {outputs_too_far, "outputs_too_far", "no layer misses a limit, but the outputs are too far apart to judge the "
       "post-processing"},
      {sensitive, "sensitive", "the data agree, but the post-processing is sensitive: errors of that size change its "
       "decision"},
      {outputs_differ_little, "outputs_differ_little", "the outputs agree to what the format costs"},
      {no_trial_decides_so, "no_trial_decides_so", "none of the trials decides as the board did: its own code may be "
       "wrong, too"},
      {board_code_wrong, "board_code_wrong", "the data and the post-processing are right: the board's own code decides "
       "otherwise on the same data"},
      {decision_is_stable, "decision_is_stable", "the decision is the same on both data, and stable"},
      // inputs
      {reference_not_as_cfg, "reference_not_as_cfg", "the reference is not what the network gives in float for the "
       "cfg's input: {cause}"},
      {output_shows, "output_shows", "the run shows what the simulation gives if {cause}"},
      {output_unexplained, "output_unexplained", "'{layer}' is not what the network gives, and none of the usual "
       "causes gives it"},
      {blob_by_size, "blob_by_size", "'{layer}' is '{blob}', by its size and by what the simulation gives"},
      {cause_leaves, "cause_leaves", "{in_float?the float network|the simulation} gives what is shown but for "
       "{left:percent} where {cause}; as it should be it is {as_planned:percent} away"},
      {other_cause_leaves, "other_cause_leaves", "excluded: {cause}, which leaves {left:percent}"},
      {causes_replayed, "causes_replayed", "{count} causes were replayed"},
      {simulation_is_away, "simulation_is_away", "the simulation is {away:percent} away, and none of {count} replayed "
       "causes comes near"},
      {nearly_the_same, "nearly_the_same", "these give nearly the same values: {causes}"},
      {simulation_gives_just_that, "simulation_gives_just_that", "the simulation of all layers gives just these "
       "values"},
      {no_preprocessing_gives_that, "no_preprocessing_gives_that", "no order of channels, mean, scale or layout gives "
       "these values"},
      {no_picture_gives_that, "no_picture_gives_that", "nor does a picture of the list"},
      {data_layer_off, "data_layer_off", "the data layer '{layer}' has cosine {cosine:cosine} (expected {limit}) and a "
       "norm off by {norm_error:sign}"},
      {words_as_integers, "words_as_integers", "the other run's values are the words of Q20.12 as integers: 4096 times "
       "too large"},
      {inputs_made_alike, "inputs_made_alike", "the inputs are made alike, but differ by more than the limit"},
      {input_is_guessed, "input_is_guessed", "that this layer is the network's input is a guess by its name, or "
       "because it comes first"},
      {line_explains_it, "line_explains_it", "one gain and offset per channel explains the difference"},
      {no_line_explains_it, "no_line_explains_it", "no order of channels, gain, offset or layout comes near"},
      {input_exchanged, "input_exchanged", "what is '{layer}' in the reference was given as '{given}' (cosine "
       "{cosine:cosine})"},
      {inputs_exchanged, "inputs_exchanged", "the inputs are exchanged"},
      {names_look_like_that, "names_look_like_that", "dumps under each other's names look the same, but what follows "
       "would agree"},
      {not_made_by_cfg, "not_made_by_cfg", "the other run's input was not made as the cfg says{reordered?: its "
       "channels stand in another order|}"},
      {made_with, "made_with", "it is (picture - mean) * scale with mean {mean:g4} and scale {scale:g4}; the cfg has "
       "[mean {cfg_mean:g4}][{mean_image?a mean image|no mean}] and scale {cfg_scale:g4}"},
      {input_changed, "input_changed", "{of_reference:run}'s input is not made as {by_cfg?the cfg says|the other's}: "
       "{change}"},
      {bytes_leave, "bytes_leave", "that leaves {left:percent} of that input about its channels' means; the picture's "
       "bytes as they should stand leave {as_it_is:percent}"},
      {border_value, "border_value", "outside the picture stands the value {value:g4}"},
      {bytes_explain_it, "bytes_explain_it", "the picture's own bytes explain the input"},
      {input_differs_little, "input_differs_little", "{of_reference:run}'s input differs a little from what the cfg "
       "makes of the picture, and that is why the outputs differ"},
      {inputs_differ, "inputs_differ", "the inputs differ by {share:percent} of their norm[ (cosine {cosine:cosine})]"},
      {fed_with_input, "fed_with_input", "fed with that input the {in_float?float network|simulation} gives the "
       "outputs that are shown but for {left:percent}, with the input of the cfg but for {left_by_cfg:percent}"},
      {outputs_away, "outputs_away", "the outputs are {away:percent} away from the reference with it; the bits alone "
       "make {by_bits:percent}"},
      {right_input_leaves, "right_input_leaves", "with the right input the same bits leave {left:percent}"},
      {range_cuts, "range_cuts", "the range of the input '{layer}' cuts its largest values: {largest:g4} is stored as "
       "{stored:g4}[, so that white (255) falls to {white:g4}]"},
      {level_leaves_half, "level_leaves_half", "with a level more for that one range the same bits leave half of it or "
       "less"},
      {simulation_cuts, "simulation_cuts", "the simulation cuts the same values"},
      {input_is_constant, "input_is_constant", "{of_reference:run}'s input is {values:g4} {one?everywhere|in its "
       "channels, each everywhere}: from no picture nothing can be told{unfilled?; the buffer was not filled|}"},
      {input_not_a_number, "input_not_a_number", "the input data hold NaN or infinity"},
      {inputs_equal, "inputs_equal", "the inputs are equal"},
      {input_values, "input_values", "the input data have {other} values, the reference's {reference}, and no padding "
       "of rows explains that"},
      {pictures_differ, "pictures_differ", "the two inputs do not show the same picture"},
      {made_otherwise, "made_otherwise", "the inputs show the same picture, but no order of channels, gain, offset or "
       "layout explains the difference: another way to resize, crop or decode it"},
      {channels_alike, "channels_alike", "the picture's channels are alike: their order cannot be told from it"},
      {made_in_these_ways, "made_in_these_ways", "[{;}layout: {layout}][{;}rows of {columns} stand {stride} apart]"
       "[{;}{reordered?the channels stand in another order|}][{;}{inverted?the reference is inverted: large where the "
       "other is small, as 255 - x is|}][{;}{normalized_twice?the cfg normalizes a picture that is normalized already, "
       "or the reference does not normalize it|}][{;}{scaled_first?the reference scales first and subtracts the mean "
       "then: (x * scale) - mean|}][{;}{mean_once_more?the mean is subtracted once too often: the picture, or the "
       "reference, does without|}][{;}{mean_twice?the reference subtracts the mean twice|}][{;}{means_reversed?the "
       "means stand in the other order of channels|}][{;}{means_differ?the means differ|}][{;}{no_mean?the mean is not "
       "subtracted|}][{;}the means differ, in units of the data given to the network by {means_by:g4}]"
       "[{;}{no_scale?the scale is missing|}][{;}the scale differs by a factor of {scale_by:g3}][{;}{own_scales?every "
       "channel has a scale of its own, which a cfg cannot express|}][{;}{averaged?the reference averages the mean image "
       "to one value for each channel; the cfg subtracts it element by element|}][{;}{rounding?the inputs are the same "
       "but for rounding|}]"},
      {best_fit, "best_fit", "best fit: {layout}, channels {order}, gain {gain:g4}, offset {offset:g4}; it leaves "
       "{left:percent} of the reference's spread"},
      {reference_made_with, "reference_made_with", "the reference is (picture - mean) * scale with mean {mean:g4} and "
       "scale {scale:g4}; {by_cfg?the cfg has|the other data have} mean {other_mean:g4} and scale {other_scale:g4}"},
      // changes to make
      {cfg_line, "cfg_line", "[{or?or, {where}: |}]~[{key}~] {value}"},
      {means_file, "means_file", "{file}: a text file with one line for each channel: {means:each}"},
      {set_cfg, "set_cfg", "[{or?or |}]{key} {value}[ in place of {old}][, and the weights of '{layer}' times "
       "{weights_times:g6}][: the largest value then loses {lost:percent} in place of {lost_now:percent}][: {why}]"},
      {mark_layers, "mark_layers", "[{or?or |}][give '{layer}' {bits}: ]compile_mode {compile_mode} and the "
       "{one?name|names} {layers:marked}[: in {more_bits} it is stored as {stored:g6}]"},
      {marks_found, "marks_found", "compile_mode {compile_mode} and these names, for {target} {score} in {time} times "
       "the time of 8 bits: {layers:hp}"},
      {mark_searched, "mark_searched", "{has_marks?_hp on more layers: those|compile_mode 2, with _hp on the layers} "
       "that 'nnie-debug search' names"},
      {more_bits_up_to, "more_bits_up_to", "[{else?else |}]{bits} for {one?'|the layers up to '}{layer}'{one?|, those "
       "that pay}[: {command}]"},
      {policy_for, "policy_for", "[{or?or |}]policy {policy}[ in place of {old}] for {layers:names}"},
      {scale_weights, "scale_weights", "scale {whole?what '{layer}' gives|the weights of '{layer}'} {up?up|down} by a "
       "power of two, and {whole?what follows|those behind it} {up?down|up}[, {why}]"},
      {set_shift, "set_shift", "layer '{layer}': power_param ~{ shift: {value} ~}"},
      {recalibrate, "recalibrate", "calibrate again[ with pictures like this one: the calibrated range of '{layer}' "
       "does not fit][: the range of '{far_too_large}', which '{reader}' reads, is far too large]"},
      {recompile, "recompile", "compile again with pictures like this one in image_list: '{layer}' was compiled with "
       "another range than calibration gives here"},
      {recompile_weights, "recompile_weights", "compile again from the caffemodel that the reference was made with"},
      {dump_again, "dump_again", "dump '{layer}' again"},
      {dump_data_layer, "dump_data_layer", "dump the data layer[ '{layer}'] of {both?both runs|the other run, "
       "too}[{apart?: it tells these causes apart|}]"},
      {make_non_in_place, "make_non_in_place", "[{or?compare as paired in the table; or |}]make '{layer}' and the "
       "layer behind it non-in-place"},
      {compile_mode_1_or_marks, "compile_mode_1_or_marks", "if it is not compile_mode 1 already: compile_mode 1, or 2 "
       "with _hp on the first layers"},
      {smaller_sparse_rate, "smaller_sparse_rate", "a smaller ~[sparse_rate~], or 0; else train with these weights at "
       "zero"},
      {one_scale_per_group, "one_scale_per_group", "compile '{layer}' with one scale of its weights for each group"},
      {recompile_and_look, "recompile_and_look", "compile again, with pictures like this one in image_list, and look "
       "at '{layer}' first"},
      {dump_these_again, "dump_these_again", "dump these layers again"},
      {dump_marked, "dump_marked", "dump '{layer}' again, with the mark _report on its name"},
      {dump_and_copy, "dump_and_copy", "dump '{layer}' again, and look at how that file was copied"},
      {dump_reference_again, "dump_reference_again", "dump '{layer}' of the reference again, {behind?behind the layer "
       "and under its own name|from the prototxt that is compiled}"},
      {run_without_dropout, "run_without_dropout", "run the reference in the phase TEST (model.eval() in PyTorch), "
       "without Dropout"},
      {remake_reference, "remake_reference", "make the reference with the caffemodel that the cfg names, or give the "
       "diagnosis the one that it was made with[; look at '{layer}' first]"},
      {recompile_or_remake, "recompile_or_remake", "compile the caffemodel that the reference was made with; or make "
       "the reference with the other"},
      {read_as_signed, "read_as_signed", "read the words of these dumps as signed 32-bit integers (int32), then divide "
       "by 4096{are_integers?, which was left out, too|}"},
      {compare_picture, "compare_picture", "compare with picture {picture} of each of these dumps, as was done here"},
      {empty_dump_folder, "empty_dump_folder", "empty the folder of the dumps, run once, and compare again"},
      {read_channels_last, "read_channels_last", "read '{dump}' as rows, columns, channels "
       "({rows}x{columns}x{channels}), or compare '{layer}' with the permuted blob"},
      {read_channels_first, "read_channels_first", "read '{dump}' as channels last of what the reference has, or "
       "compare '{layer}' with the permuted blob"},
      {transpose_dump, "transpose_dump", "transpose '{dump}': its rows are the reference's columns"},
      {read_column_major, "read_column_major", "read '{dump}' in column-major order (numpy: order='F'), as "
       "{columns}x{rows}x{channels}"},
      {read_rows_first, "read_rows_first", "read '{dump}' as rows, channels, columns ({rows}x{channels}x{columns})"},
      {cut_row_padding, "cut_row_padding", "cut off the padding of '{dump}': of each row of {of} values the first "
       "{columns} count"},
      {cut_channel_padding, "cut_channel_padding", "cut off the padding of '{dump}': of {of} channels the first "
       "{channels} count"},
      {divide_dump, "divide_dump", "divide that dump by 4096: it holds words of Q20.12 as integers"},
      {read_in_its_format, "read_in_its_format", "read that dump in the format in which it was written"},
      {cut_padding, "cut_padding", "compare as paired in the table; or cut off the padding of the dumps"},
      {compare_permuted, "compare_permuted", "compare as paired in the table; or compare '{layer}' with the permuted "
       "blob"},
      {compare_folded, "compare_folded", "compare as paired in the table; or compare '{layer}' with the BatchNorm or "
       "Scale behind it"},
      {give_own_data, "give_own_data", "compare as paired in the table; or, where '{layer}' is an input, give each "
       "input its own data, else make it and the layer behind it non-in-place"},
      {look_for_chain, "look_for_chain", "look for a Power / ReduceMean chain in front of that layer: nnie-debug "
       "compensate"},
      {add_constants, "add_constants", "add more than the norm's constant: nnie-debug compensate gives each and writes "
       "the prototxt"},
      {change_no_constant, "change_no_constant", "none of the constants: on average over the pictures the norms are "
       "right"},
      {solve_again, "solve_again", "solve the constants again, from the network that is meant and with more pictures"},
      {write_words, "write_words", "'{layer}': write it as 32-bit words of Q20.12 and read it as such"},
      {compile_in_mode, "compile_in_mode", "compile again with the cfg's compile_mode (1, or 2 for the mark _hp)"},
      {mark_prototxt, "mark_prototxt", "put _hp into the prototxt that is compiled: RuyiStudio writes one of its own "
       "(mark_prototxt)"},
      {compile_as_planned, "compile_as_planned", "compile '{layer}' again with the planned precision"},
      {level_magnitudes, "level_magnitudes", "bring the {of_branches?branches|channels} of '{blob}' to one magnitude: "
       "the weights and bias of ['{writer}'][channel {channel}] divided by {factor:g6}, and the weights with which "
       "others read it times as much"},
      {same_picture_size, "same_picture_size", "run both on the same picture, in the size of the network's input"},
      {make_from_prototxt, "make_from_prototxt", "make the {of_reference?reference|other run} from the prototxt that "
       "the cfg names: its '{layer}' is of another one"},
      {compare_geometry, "compare_geometry", "compare the parameters of '{layer}' in both networks: kernel, stride, "
       "padding"},
      {compile_rounding_up, "compile_rounding_up", "compile '{layer}' without ceil_mode: false or round_mode: FLOOR"},
      {script_rounding_up, "script_rounding_up", "the reference's script: ceil_mode=True in the pooling '{layer}'"},
      {pad_or_crop, "pad_or_crop", "or, where the network was trained rounding down, a padding or crop with which both "
       "ways give one size"},
      {more_layers_in, "more_layers_in", "more layers in {bits}"},
      {widen_margin, "widen_margin", "widen the margin: a softer threshold{more_bits?, hysteresis, or more bits for "
       "the last layers (_hp)| or hysteresis}"},
      {run_board_code, "run_board_code", "run the board's post-processing on the dumped outputs and compare it with "
       "the reference's"},
      {refer_to_last_picture, "refer_to_last_picture", "make the reference of the picture that was compiled last: the "
       "last line of image_list"},
      {compare_right_picture, "compare_right_picture", "compare the run of the picture that the reference is of; this "
       "one is of {picture}"},
      {recompile_in_mode, "recompile_in_mode", "compile again with the cfg's compile_mode"},
      {recompile_with_all, "recompile_with_all", "compile again with all pictures of the cfg's image_list: the ranges "
       "are of one alone"},
      {divide_dumps, "divide_dumps", "divide the dumps by 4096, or give the compiler's linear.hex files"},
      {give_inputs_own_data, "give_inputs_own_data", "give each input its own data: the order of the cfg's inputs, and "
       "of the board's input blobs"},
      {run_with_cfg, "run_with_cfg", "compile and run with the cfg as it is: ~[norm_type~] {norm_type}[, ~[RGB_order~] "
       "{order}][, ~[data_scale~] {scale:each}]{mean_file?, its ~[mean_file~]|}"},
      {give_that_cfg, "give_that_cfg", "or, if that run is right, give the diagnosis the cfg that it was made with"},
      {divide_input, "divide_input", "divide the input by a little less than {divisor:g5} and multiply the weights of "
       "'{layer}' by as much: then it ends at a code"},
      {hand_on_planar, "hand_on_planar", "{on_board:side}: hand the input on as C x H x W = {shape:x}"},
      {fill_planar, "fill_planar", "{on_board:side}: fill the input's buffer planar, C x H x W = {shape:x}, before "
       "mean and scale"},
      {one_stride, "one_stride", "{on_board:side}: write and read rows with one stride: {values} values stand in a "
       "row, they are {written?written|read} {stride} apart"},
      {do_not_transpose, "do_not_transpose", "{on_board:side}: do not exchange rows and columns"},
      {do_not_mirror, "do_not_mirror", "{on_board:side}: do not mirror the picture"},
      {do_not_flip, "do_not_flip", "{on_board:side}: do not flip the picture: its rows begin at the top (a BMP's at "
       "the bottom)"},
      {do_not_rotate, "do_not_rotate", "{on_board:side}: do not rotate the picture"},
      {do_not_shift, "do_not_shift", "{on_board:side}: let the picture begin at the buffer's first pixel: it is "
       "{columns} columns and {rows} rows away"},
      {resize_whole, "resize_whole", "{on_board:side}: resize the picture to the input's size without keeping its "
       "aspect, as the compiler does"},
      {keep_aspect, "keep_aspect", "or, where the aspect is to be kept, give the compiler pictures that are made so: "
       "image_list of pictures of the input's size"},
      {resize_bilinear, "resize_bilinear", "{on_board:side}: resize as the compiler does: bilinear, as OpenCV's "
       "INTER_LINEAR"},
      {resize_nothing, "resize_nothing", "or give both sides pictures of the input's size, that nothing resizes"},
      {read_unsigned, "read_unsigned", "{on_board:side}: read the bytes as unsigned (0 .. 255)"},
      {subtract_signed, "subtract_signed", "{on_board:side}: subtract the mean in signed or floating arithmetic"},
      {give_colours, "give_colours", "{on_board:side}: give the picture in colours"},
      {fill_buffer, "fill_buffer", "{on_board:side}: fill the input's buffer before the run, and flush it (cache) "
       "where the accelerator reads memory"},
      {order_channels, "order_channels", "{on_board:side}: give the channels in the {of_cfg?cfg's order, |network's "
       "order}[{order}]"},
      {normalize_as_cfg, "normalize_as_cfg", "{on_board:side}: normalize as the cfg says: (x - mean) * scale with "
       "[mean {mean:g4}][{mean_image?the mean image|no mean}], scale {scale:g5}"},
      {give_stride, "give_stride", "board input: rows of {columns} values, {stride} apart (stride); no line of the cfg"},
      {give_planes, "give_planes", "feed the input as C x H x W = {channels} x {rows} x {columns}; no line of the cfg"},
      {exchange_rgb, "exchange_rgb", "exchange RGB and BGR in the cfg's RGB_order: the other one than it has"},
      {reorder_channels, "reorder_channels", "channel order {order} of the input; RGB_order can only reverse three"},
      {invert_picture, "invert_picture", "no cfg inverts a picture: invert it before it is given to the compiler and to "
       "the board, or take 255 - x out of the reference's script"},
      {mean_before_scale, "mean_before_scale", "in the reference's script: subtract the mean first, then multiply by the "
       "scale: (x - mean) * scale"},
      {mean_once, "mean_once", "in the reference's script: subtract the mean once"},
      {scales_into_layer, "scales_into_layer", "no cfg can: put scales {scale:g4} into a Scale layer in front, or into "
       "the first convolution's weights"},
      {multiply_data_scale, "multiply_data_scale", "the cfg's data_scale times {times:g7}"},
      {raise_means, "raise_means", "the cfg's means, in units of the data given to the network, larger by {by:g4}"},
      {mean_and_scale_as_cfg, "mean_and_scale_as_cfg", "no cfg can: mean {mean:g4} and scale {scale:g4} are none of a "
       "picture's bytes; in the reference's script: (x - mean) * scale as in the cfg, with mean {cfg_mean:g4} and scale "
       "{cfg_scale:g4}"},
      {report_to_vendor, "report_to_vendor", "report it to the vendor: nnie-debug bundle --layer '{layer}' ..."},
  });
}();
// clang-format on
static_assert(
    [] {
      std::size_t i = 0;
      return std::all_of(fact_forms.begin(), fact_forms.end(),
                         [&](const fact_form& f) { return f.kind == static_cast<fact_kind>(i++); });
    }(),
    "the rows stand in the order of the kinds");

[[nodiscard]] constexpr const fact_form& form_of(fact_kind kind) { return fact_forms[static_cast<std::size_t>(kind)]; }

[[nodiscard]] inline std::string in_form(bool v, std::string_view form) {
  if (form == "run") return v ? "the reference" : "the other run";
  return v ? "on the board's side" : "in the reference's script";
}
[[nodiscard]] inline std::string in_form(std::size_t v, std::string_view) { return message(v); }
[[nodiscard]] inline std::string in_form(double v, std::string_view form) {
  if (form == "percent") return percent(v);
  if (form == "sign") return percent_with_sign(v, 2);
  if (form == "+") return message(v > 0 ? "+" : "", v);
  if (form == "cosine") return cosine_text(v);
  if (form == "each") return number_text(v, 7);
  if (form.starts_with('g')) return number_text(v, form[1] - '0');
  return message(v);
}
[[nodiscard]] inline std::string in_form(const std::string& v, std::string_view form) {
  if (form == "excerpt") return excerpt(v);
  if (form == "hp") return v + "_hp";
  if (form == "names") return message("'", v, "'");
  return form == "marked" ? message("'", v, "_hp'") : v;
}
template <class T>
[[nodiscard]] std::string in_form(const std::vector<T>& list, std::string_view form) {
  const std::string_view between = form == "each" || form == "hp" ? " " : form == "x" ? "x" : ", ";
  const std::size_t most = between != ", " || std::is_same_v<T, std::string> ? list.size()
                           : std::is_same_v<T, double>                       ? limit::values_told
                                                                             : limit::channels_told;
  std::string text = form != "channels" ? "" : list.size() == 1 ? "channel " : "channels ";
  for (std::size_t i = 0; i < std::min(list.size(), most); ++i) {
    text += message(i == 0 ? "" : between, in_form(list[i], form));
  }
  return list.size() > most ? message(text, " and ", list.size() - most, " more") : text;
}

/// Puts a fact's fields into a form's sentence.
class sentence {
 public:
  /// `is_behind`: something is said before it.
  explicit sentence(const fact& f, bool is_behind = false) : fact_(f), is_behind_(is_behind) {}

  [[nodiscard]] std::string of(std::string_view form) {
    std::string text;
    for (std::size_t i = 0; i < form.size();) {
      const char c = form[i];
      if (c == '~') {
        text += form[i + 1];
        i += 2;
      } else if (c == '{' || c == '[') {
        const std::size_t end = end_of(form, i);
        const std::string_view inside = form.substr(i + 1, end - i - 1);
        if (inside == ";") {
          if (is_behind_ || !text.empty()) text += "; ";
        } else if (c == '{') {
          text += field(inside);
        } else {
          sentence part(fact_, is_behind_ || !text.empty());
          const std::string said = part.of(inside);
          if (!part.is_incomplete_) text += said;
        }
        i = end + 1;
      } else {
        text += c;
        ++i;
      }
    }
    return text;
  }
  /// Whether a field was asked for that the fact does not have.
  [[nodiscard]] bool is_incomplete() const noexcept { return is_incomplete_; }

 private:
  /// The bracket that belongs to the one at `begin`.
  [[nodiscard]] static std::size_t end_of(std::string_view form, std::size_t begin) {
    const char open = form[begin], close = open == '{' ? '}' : ']';
    std::size_t depth = 0;
    for (std::size_t i = begin; i < form.size(); ++i) {
      if (form[i] == '~') ++i;
      else if (form[i] == open) ++depth;
      else if (form[i] == close && --depth == 0) return i;
    }
    throw error(message("fact: no end of a bracket in the form ", excerpt(form)));
  }
  /// The shares that count, of a square that they make up together.
  [[nodiscard]] std::string parts() const {
    std::string text;
    for (const auto& [name, said] :
         {std::pair("gain", "gain"), std::pair("offset", "offset"), std::pair("saturation", "saturation"),
          std::pair("underflow", "underflow to zero"), std::pair("rounding", "rounding and the rest")}) {
      const double share = fact_.number(name);
      if (share >= limit::told_share)
        text += message(text.empty() ? "" : ", ", said, " ", number_text(100 * share, 3), " %");
    }
    return text;
  }
  [[nodiscard]] std::string field(std::string_view inside) {
    if (inside == "gain:parts") return parts();
    const std::size_t mark = inside.find_first_of(":?");
    const fact_value* const value = fact_.find(inside.substr(0, mark));
    if (value == nullptr) {
      is_incomplete_ = true;
      return "?";
    }
    if (mark == std::string_view::npos || inside[mark] == ':') {
      const std::string_view form = mark == std::string_view::npos ? std::string_view() : inside.substr(mark + 1);
      return std::visit([&](const auto& v) { return in_form(v, form); }, *value);
    }
    const std::string_view choices = inside.substr(mark + 1);
    std::size_t middle = 0;
    for (int depth = 0; choices[middle] != '|' || depth != 0; ++middle) {
      depth += choices[middle] == '{' ? 1 : choices[middle] == '}' ? -1 : 0;
    }
    const auto* const flag = std::get_if<bool>(value);
    const auto* const count = std::get_if<std::size_t>(value);
    const bool is_first = flag != nullptr ? *flag : count != nullptr && *count == 1;
    return of(is_first ? choices.substr(0, middle) : choices.substr(middle + 1));
  }

  const fact& fact_;
  bool is_behind_;
  bool is_incomplete_ = false;
};

}  // namespace detail

/// The kind's name in JSON.
[[nodiscard]] inline std::string_view to_string(fact_kind kind) { return detail::form_of(kind).name; }

[[nodiscard]] inline std::string words_of(const fact& f) {
  return detail::sentence(f).of(detail::form_of(f.kind()).sentence);
}

NNIESIM_END_NAMESPACE
