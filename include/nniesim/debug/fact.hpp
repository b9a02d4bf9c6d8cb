// What a finding is made of: facts, each of a kind, with its numbers and names by name. Words are made of them in
// finding_words.hpp alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The kinds of facts. What each has for fields, and how it reads, stands in finding_words.hpp; its name in JSON is the
/// one here. `words` is a text that was made elsewhere.
// clang-format off
enum class fact_kind {
  words,
  // layers and runs that were compared
  layers_compared, layers_miss_limit, layers_tried, simulated_and_seen, few_values, layer_by_itself, layer_errors,
  error_parts, other_bits, norm_off, norm_off_by_itself, more_of_them, not_a_number_values, at_fixed_point_limit,
  ablation, shown_bits, norms_off, norm_off_in_part, norms_of_pictures, constants_remove, same_in_16_bits, not_a_number,
  inputs_are_finite, damage_looks_like_that, would_be_number, reference_not_a_number, other_not_a_number, all_zero,
  nothing_compared, unmatched_layer, layers_of_runs, not_judged, more_not_judged, finer_than_planned, input_missing,
  as_simulated, fewer_bits, those_bits_give_that,
  // ranges
  range_explains, outside_range, channels_outside, input_cut, level_more, weight_ranges_left, own_range_leaves,
  best_range_leaves, bits_leave, planned_bits_away,
  // cosines alone
  inputs_not_compared, input_looks_like_that, first_layer_looks_like_that, bad_though_last_right, last_is_not_all,
  good_behind_wrong_dump, compile_in_16_bits, dips, readers_agree, may_be_hidden, would_reach_last, look_up_in_tree,
  drops_sharply, other_gains, error_rises, few_bits_look_like_that, folded_norm_looks_like_that, falls_layer_by_layer,
  compare_bias, see_in_16_bits, takes_the_network, similarity_falls, not_seen_in_16_bits, no_single_layer,
  first_layer_off, last_layer_between, nearest_case, unknown_order, give_network_or_tree,
  // layers by themselves
  layer_zero_in_float, too_few_bits, simulation_gives_that, truncation_is_less, sparse_rate_too_large,
  all_weights_leave, blob_range_off, range_explains_it, no_range_explains_it, nothing_but_bias,
  lost_weights_look_like_that, lost_input_looks_like_that, beyond_q20_12, constant_factor, computes_something_else,
  not_of_that_picture, input_not_dumped, reference_untried, reference_is_right, readers_do_not_follow, nothing_reads_it,
  other_bits_leave, no_other_bits, more_layers_off, reads_the_same,
  // weights
  lost_bias, multiplied, one_value_in_channels, exchanged_channels, other_weights_in_channels, other_weights,
  lost_bias_leaves, factor_leaves, other_channels_right, some_weights_leave, too_few_positions, places_right,
  no_weights_do, no_parameter_does, parameters_explain_it, weights_likelier, has_no_weights, weight_ranges_off,
  weight_ranges_explain_it, layers_with_weights_off, layers_without_weights_right, other_caffemodel,
  no_range_explains_layers, would_spare_none,
  // next measurements
  compare_weights, compare_weights_and_range, see_weight_scales, compare_parameters, was_constant_changed,
  correct_script, compare_caffemodels, read_again, compare_whole_files, find_gain, no_more_bits, judge_remainder,
  compensate_meant, compensate, look_at_memory, find_not_a_number, give_picture, give_same_names, compare_model_sizes,
  was_it_written, run_from_same, judge_behind, dump_in_both, dump_all_or_network, judge_post_processing,
  dump_every_layer, disturb_inputs, raise_one_by_one, search, search_more_pictures, compare_outputs, count_flips,
  dump_what_board_reads, compare_again, compare_last_picture, feed_the_same,
  // the reference
  reference_by_itself, reference_has_dropout, reference_has_other_weights, reference_not_of_network, values_dropped,
  reference_dump_wrong, reader_follows, reference_shows_wrongly, reference_of_other_caffemodel,
  // dumps
  sign_lost, read_without_sign, sign_explains_it, several_pictures, dumps_of_pictures, right_one_is_there, unreadable,
  dumps_unreadable, file_is_damaged, dumps_of_two_runs, cosine_of_dump, would_go_on, does_not_heal, others_are_right,
  part_damaged, agrees_outside, file_alone_wrong, would_be_read, other_blob, dump_alone_wrong, bias_looks_like_that,
  other_blobs, other_layout, dump_is_times, content_agrees,
  // zeros
  zero_everywhere, range_taken, rounded_to_zero, norm_in_reference, zero_in_both, not_zero_in_float, zero_in_simulation,
  largest_in_float, not_zero_in_own_range, not_zero_in_bits, inputs_not_dumped, zero_in_float, below_step, above_step,
  would_not_be_zero,
  // sizes
  sizes, agrees_in_common, size_of_network, more_sizes_differ, input_sizes, size_follows, other_size, pooling_rounds,
  pooling_replayed, maps_of_other_size, all_round_up,
  // no fault
  output_not_compared, agree_but_unread, agree_but_unknown, agree_but_layers, agree_but_output, agree, outputs_agree,
  layers_do_as_they_must,
  // bits
  worse_than_planned, bits_lose_less, input_not_known, input_not_compared, bits_not_enough, no_layer_at_fault,
  lose_together, not_cured_by_bits,
  // post-processing
  decisions, margin, flips, board_decided, outputs_too_far, sensitive, outputs_differ_little, no_trial_decides_so,
  board_code_wrong, decision_is_stable,
  // inputs
  reference_not_as_cfg, output_shows, output_unexplained, blob_by_size, cause_leaves, other_cause_leaves,
  causes_replayed, simulation_is_away, nearly_the_same, simulation_gives_just_that, no_preprocessing_gives_that,
  no_picture_gives_that, data_layer_off, words_as_integers, inputs_made_alike, input_is_guessed, line_explains_it,
  no_line_explains_it, input_exchanged, inputs_exchanged, names_look_like_that, not_made_by_cfg, made_with,
  input_changed, bytes_leave, border_value, bytes_explain_it, input_differs_little, inputs_differ, fed_with_input,
  outputs_away, right_input_leaves, range_cuts, level_leaves_half, simulation_cuts, input_is_constant,
  input_not_a_number, inputs_equal, input_values, pictures_differ, made_otherwise, channels_alike, made_in_these_ways,
  best_fit, reference_made_with,
  // changes to make
  cfg_line, means_file, set_cfg, mark_layers, marks_found, mark_searched, more_bits_up_to, policy_for, scale_weights,
  set_shift, recalibrate, recompile, recompile_weights, dump_again, dump_data_layer, make_non_in_place,
  compile_mode_1_or_marks, smaller_sparse_rate, one_scale_per_group, recompile_and_look, dump_these_again, dump_marked,
  dump_and_copy, dump_reference_again, run_without_dropout, remake_reference, recompile_or_remake, read_as_signed,
  compare_picture, empty_dump_folder, read_channels_last, read_channels_first, transpose_dump, read_column_major,
  read_rows_first, cut_row_padding, cut_channel_padding, divide_dump, read_in_its_format, cut_padding, compare_permuted,
  compare_folded, give_own_data, look_for_chain, add_constants, change_no_constant, solve_again, write_words,
  compile_in_mode, mark_prototxt, compile_as_planned, level_magnitudes, same_picture_size, make_from_prototxt,
  compare_geometry, compile_rounding_up, script_rounding_up, pad_or_crop, more_layers_in, widen_margin, run_board_code,
  refer_to_last_picture, compare_right_picture, recompile_in_mode, recompile_with_all, divide_dumps,
  give_inputs_own_data, run_with_cfg, give_that_cfg, divide_input, hand_on_planar, fill_planar, one_stride,
  do_not_transpose, do_not_mirror, do_not_flip, do_not_rotate, do_not_shift, resize_whole, keep_aspect, resize_bilinear,
  resize_nothing, read_unsigned, subtract_signed, give_colours, fill_buffer, order_channels, normalize_as_cfg,
  give_stride, give_planes, exchange_rgb, reorder_channels, invert_picture, mean_before_scale, mean_once,
  scales_into_layer, multiply_data_scale, raise_means, mean_and_scale_as_cfg, report_to_vendor,
};
// clang-format on

/// What a field of a fact can hold.
using fact_value = std::variant<bool, std::size_t, double, std::string, std::vector<std::size_t>, std::vector<double>,
                                std::vector<std::string>>;

/// One value of a fact, by its name.
struct fact_field {
  std::string_view name;  ///< a literal
  fact_value value;       ///< its value
  /// Compares name and value.
  [[nodiscard]] bool operator==(const fact_field&) const = default;
};

class fact;
/// The fact in words, as finding_words.hpp has them: a sentence without a full stop.
[[nodiscard]] inline std::string words_of(const fact& f);

/// A statement of a diagnosis as a kind and its values. A default one says nothing.
class fact {
 public:
  fact() = default;
  /// A fact of a kind, with the fields that the kind has.
  fact(fact_kind kind, std::vector<fact_field> fields = {}) : kind_(kind), fields_(std::move(fields)) {}
  /// A text that was made elsewhere: of an option that is not simulated, of a search.
  [[nodiscard]] static fact text_of(std::string text) { return {fact_kind::words, {{"text", std::move(text)}}}; }

  /// What it states.
  [[nodiscard]] fact_kind kind() const noexcept { return kind_; }
  /// Its values, in the order in which they were added.
  [[nodiscard]] const std::vector<fact_field>& fields() const noexcept { return fields_; }
  /// Whether it says nothing.
  [[nodiscard]] bool empty() const noexcept { return *this == fact(); }
  /// nullptr where the fact has no such field.
  [[nodiscard]] const fact_value* find(std::string_view name) const noexcept {
    const auto at = std::find_if(fields_.begin(), fields_.end(), [&](const fact_field& f) { return f.name == name; });
    return at == fields_.end() ? nullptr : &at->value;
  }
  /// A field of a type. Throws error where there is none.
  template <class T>
  [[nodiscard]] const T& get(std::string_view name) const {
    const fact_value* const v = find(name);
    const T* const value = v == nullptr ? nullptr : std::get_if<T>(v);
    detail::require<error>(value != nullptr, "fact: no field ", detail::excerpt(name), " of that type");
    return *value;
  }
  /// get() of a double.
  [[nodiscard]] double number(std::string_view name) const { return get<double>(name); }
  /// get() of a std::size_t.
  [[nodiscard]] std::size_t count(std::string_view name) const { return get<std::size_t>(name); }
  /// get() of a std::string.
  [[nodiscard]] const std::string& text(std::string_view name) const { return get<std::string>(name); }

  /// One more field.
  fact& add(std::string_view name, fact_value value) {
    fields_.push_back({name, std::move(value)});
    return *this;
  }

  /// words_of(): a fact stands where its sentence does.
  operator std::string() const { return words_of(*this); }
  /// Writes words_of().
  friend std::ostream& operator<<(std::ostream& out, const fact& f) { return out << words_of(f); }
  /// Compares kind and fields, their order included.
  [[nodiscard]] bool operator==(const fact&) const = default;

 private:
  fact_kind kind_ = fact_kind::words;
  std::vector<fact_field> fields_{};
};

/// The first of a kind in a list; nullptr where there is none.
[[nodiscard]] inline const fact* find_fact(const std::vector<fact>& list, fact_kind kind) noexcept {
  const auto at = std::find_if(list.begin(), list.end(), [&](const fact& f) { return f.kind() == kind; });
  return at == list.end() ? nullptr : &*at;
}

NNIESIM_END_NAMESPACE

// Whoever holds a fact can say it.
#include <nniesim/debug/finding_words.hpp>
