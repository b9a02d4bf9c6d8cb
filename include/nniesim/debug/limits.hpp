// Every threshold of the diagnosis: its name, its unit and why it is what it is. Those that the user can set are
// diagnose_options; they start from the values here.
#pragma once

#include <cstddef>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail::limit {

// ---- cosines of the vendor's procedure (no unit) ----

/// The network's inputs reach it: both runs make them in float, so that only rounding is left.
inline constexpr double data_cosine = 0.999;
/// A good layer reaches it.
inline constexpr double layer_cosine = 0.99;
/// Below it the last layer is bad for certain.
inline constexpr double last_cosine = 0.95;
/// Below it a layer in between is a dip.
inline constexpr double dip_cosine = 0.90;

// ---- norms (relative to the reference's) ----

/// |norm_error| of a good layer: 8 bits stay below 1 %, a Power / ReduceMean chain that truncates exceeds 2 %.
inline constexpr double norm_error = 0.02;
/// Of that, what a network's input may have: it was not computed.
inline constexpr double share_of_norm_error_for_inputs = 0.5;
/// Share of the relative L2 error that is an error of the norm, from which on the error counts as one of scale: a pure
/// gain has 1, rounding next to 0.
inline constexpr double gain_share = 0.5;
/// Fewer values than these have a cosine near 1 and a norm of their own whatever happens: their relative error is
/// judged (agreement.hpp) ...
inline constexpr std::size_t few_values = 16;
/// ... and their norm must be off by as many times norm_error.
inline constexpr double few_values_factor = 5;
/// Of norm_error, what a layer in front must have by itself to be named: four of them bring the whole.
inline constexpr double share_of_norm_error_for_one_layer = 0.25;
/// Share of the largest error of a norm from which on a layer brings most of it.
inline constexpr double most_of_norm_error = 0.5;

// ---- a layer by itself (relative L2 errors, where nothing else is said) ----

/// What the run may be away from a simulation that it shows: the last digit of a dump's text.
inline constexpr double same_as_simulated = 1e-3;
/// The same in steps of Q20.12, the mean: the hardware's own rounding.
inline constexpr double same_in_steps = 1;
/// Times the simulation's error from float that the run may have: two roundings of one kind differ by less.
inline constexpr double as_good_as_simulated = 1.5;
/// Times the simulation's error from float from which on rounding alone does not explain a layer ...
inline constexpr double suspect_factor = 4;
/// ... unless the error is less than this: below it cosine and norm are those of a good layer.
inline constexpr double suspect_error = 0.03;
/// Share of the error that an explanation may leave: what leaves no more than half of the amplitude's half.
inline constexpr double explained_share = 0.25;
/// What a range that is found by trying may leave at most: the coarsest codes themselves cost less.
inline constexpr double explained_by_range = 0.1;
/// Share of the error that the data's own range must take away where the range is at fault.
inline constexpr double cured_by_range = 0.5;
/// Octaves from the data's own range from which on a range is another one: calibration on other pictures finds that.
inline constexpr double other_range_octaves = 0.25;
/// Share of values that underflow from which on nothing of an input is left.
inline constexpr double all_underflow = 0.999;
/// Octaves to either side of the data's own range that are tried: beyond, nothing or all would be zero.
inline constexpr int tried_octaves = 10;
/// Octaves to either side of what a group's weights ask for that are tried: one more than 8-bit codes have, so that all
/// vanish.
inline constexpr int tried_weight_octaves = 9;
/// Share of the squared error of a nearer range that one further away must leave: weights that are not there say
/// nothing.
inline constexpr double nearer_range = 0.99;
/// Ranges of a layer that are tried one by one; of more only all together.
inline constexpr std::size_t ranges_tried_alone = 8;
/// Times a range from which on a value lies above it: the rounding of its largest code stays below.
inline constexpr double above_range = 1.05;
/// Share of the error without a ReLU that is left with it where what is shown is the ReLU's.
inline constexpr double shown_with_relu = 0.5;
/// Share of an error's square from which on a part of it is told.
inline constexpr double told_share = 0.005;
/// Largest magnitude of Q20.12, whole steps left out.
inline constexpr float largest_q20_12 = 524287.0F;
/// Its smallest step.
inline constexpr float step_q20_12 = 1.0F / 4096;

// ---- dumps ----

/// Times the reference's root mean square from which on a value of a dump is another one: quantization stays below.
inline constexpr double other_value = 0.5;
/// Share of such values between the first and the last of them from which on that part is damaged: of values drawn at
/// random nearly all differ, of a layer's own errors few do.
inline constexpr double damaged_density = 0.3;
/// Share of a dump that a damaged part has at most: else all of it is another blob.
inline constexpr double damaged_share = 0.9;

/// Times the least error of a blob's writers up to which a later one explains a dump as well: Dropout changes nothing.
inline constexpr double as_good_a_writer = 1.01;
/// Share of the other writers' errors that the one has whose values a dump holds: rounding and ranges do not decide it.
inline constexpr double other_writer = 0.5;

// ---- inputs ----

/// Relative L2 error up to which a dump is what the cfg makes of the picture: another decoder or resize stays below.
inline constexpr double told_input = 0.05;
/// Magnitudes of a fitted mean below it are told as 0.
inline constexpr double no_mean = 1e-6;
/// Relative error up to which a gain is that of words of Q20.12 read as integers; of a fit over a whole input ...
inline constexpr double raw_words_of_input = 1e-3;
/// ... and of a layer's norm, which was quantized.
inline constexpr double raw_words_of_layer = 0.01;

// ---- which layers correspond (cosines and correlations, where nothing else is said) ----

/// From here on the content of layers of one name agrees: what is worse may be the fault that is looked for.
inline constexpr double named_threshold = 0.9;
/// What content alone must reach: cosine and correlation, so that layers with a large mean do not all look alike.
inline constexpr double content_threshold = 0.95;
/// Above this nothing better is looked for.
inline constexpr double certain_threshold = 0.99;
/// What an affine must reach, since it has parameters to fit with.
inline constexpr double affine_threshold = 0.99;
/// Values other than zero from which on a sample of a layer says something, and the cosine below which it says no.
inline constexpr std::ptrdiff_t sample_filled = 64;
inline constexpr double sample_agrees = 0.5;
/// Ratio of squared norms up to which layers are of one scale: else they are an affine at best.
inline constexpr double alike_squares = 4;
/// Squared distance of quantiles, relative to their squares, up to which two distributions are alike.
inline constexpr double alike_quantiles = 0.25;
/// From here on the nearest layer is told where none corresponds.
inline constexpr double nearest_told = 0.5;
/// A dump without sign loses at least this share of its norm when it is read with it: else its values are as large.
inline constexpr double sign_least_loss = 0.5;
/// Pictures that a dump can hold of one layer, beyond which sizes are no batch's.
inline constexpr std::size_t batch_most_items = 256;

// ---- how an input was made (relative residuals of a fit by gain and offset, where nothing else is said) ----

/// Below this the fit holds: a picture that was encoded in 8 bits once leaves about 0.03.
inline constexpr double explained_residual = 0.06;
/// Above this the two do not show the same picture: with equal spread a correlation of about 0.8.
inline constexpr double other_picture_residual = 0.6;
/// Gains, scales and means in their unit that are closer than this, relatively, count as equal.
inline constexpr double gain_tolerance = 0.02;
/// Means closer than this share of the input's range count as equal: a step of 8 bits is 0.004 of it.
inline constexpr double equal_means = 0.01;
/// A cfg's data_scale is larger: it is stored in steps of 1/4096.
inline constexpr double least_data_scale = 1.0 / 4096;

// ---- the pattern of cosines (errors that they mean for equal norms: sqrt(2 - 2 cosine)) ----

/// Share of the largest error that comes at once where similarity drops sharply ...
inline constexpr double sharp_share = 0.5;
/// ... and what it is at least: from 1 to 0.98.
inline constexpr double sharp_error = 0.2;
/// Share of a jump that is left in the last layer where what follows recovers.
inline constexpr double recovered_share = 0.5;

// ---- precision ----

/// Times the simulated error, as the cosines mean it, from which on the planned bits do not explain a layer: pictures
/// and roundings differ by less.
inline constexpr double worse_than_simulated = 2;

/// Times the largest code from which on a value of the network's input is cut, and not rounded: half a level of 8 bits.
inline constexpr double cut_above = 1.0219;
/// Share of an input's values that are cut, at least, to look into it: of a picture's white, not of single pixels.
inline constexpr double cut_share = 0.01;
/// Share of what the largest value loses that another data_scale may leave; steps of data_scale that are tried.
inline constexpr double less_cut = 0.5;
inline constexpr long scales_tried = 4096;

// ---- the post-processing ----

/// Standard deviations of the error that a decision is away from another one, though it flips in more than this share
/// of the trials: then the errors are larger where it is made.
inline constexpr double wide_margin = 3;
inline constexpr double flips_despite_margin = 0.05;

// ---- how much is told, and tried (a number of lines, layers) ----

inline constexpr std::size_t layers_told = 5;
inline constexpr std::size_t channels_told = 8;
inline constexpr std::size_t norms_told = 6;
inline constexpr std::size_t unmatched_told = 3;
inline constexpr std::size_t values_told = 4;
inline constexpr std::size_t few_outputs_told = 3;
inline constexpr std::size_t zero_layers_told = 3;
/// Layers that are off by themselves and tried: each takes many runs of the layer.
inline constexpr std::size_t layers_judged = 5;

// ---- inputs, explained on the picture's bytes (relative L2 about the channels' means) ----

/// A change may leave it: a picture that was encoded in 8 bits once leaves about 0.03.
inline constexpr double explained_input = 0.05;
/// A change of the bytes leaves this share at most of what a simpler one leaves: exact ones leave nothing.
inline constexpr double explained_input_share = 0.5;
/// Below it nothing is left to explain: the rounding of 1/4096 and of float32.
inline constexpr double same_input = 1e-3;
/// At least this share of an input's elements comes from the picture, or nothing is told from it.
inline constexpr double least_covered = 0.3;
/// Elements of a channel that tell anything of a layout.
inline constexpr std::size_t least_plane = 16;
/// Rows or columns that a picture may be away: buffers' margins.
inline constexpr int most_shift = 16;
/// Elements that a search for shifts and strides looks at: enough to tell a picture from itself moved.
inline constexpr std::size_t searched_elements = 3000;
/// The network's outputs are that far (relative L2) from what they should be before a small difference of its input is
/// called a fault: 8 bits alone cost about as much.
inline constexpr double input_effect = 0.02;
/// And further than quantization alone by this factor.
inline constexpr double input_effect_over_bits = 1.5;

// ---- causes that are replayed (relative L2 of what the run shows) ----

/// A cause may leave it: another rounding of 8 bits leaves a few per cent, another picture or order of channels tens.
inline constexpr double replayed = 0.03;
/// And this share at most of what the plan leaves, and of what causes of other kinds leave.
inline constexpr double replayed_share = 0.5;
/// The run shows what is simulated, but for roundings in 1/4096: nothing is replayed.
inline constexpr double replayed_as_planned = 0.003;
/// Broader causes are tried until one leaves as little.
inline constexpr double replayed_enough = 0.01;
/// Pictures of a list that are tried, and pictures whose ranges alone are: each is a run, or a calibration.
inline constexpr std::size_t pictures_replayed = 64;
inline constexpr std::size_t ranges_replayed = 16;
/// Causes whose differences are within this factor are as near.
inline constexpr double replayed_alike = 1.25;
/// Strides that are tried beyond a row's length where none of the usual ones gives what is shown.
inline constexpr std::size_t strides_replayed = 16;
/// Other causes that are told with what they leave.
inline constexpr std::size_t replayed_told = 4;

// ---- channels, weights, references and dumps that are tried (relative L2 errors, where nothing else is said) ----

/// Of a channel's norm: what rounding never makes of a channel with content ...
inline constexpr double channel_error = 0.2;
/// ... unless it makes that much of it: times the simulation's error.
inline constexpr double channel_over_rounding = 4;
/// Times the simulation's error from which on a channel is off with less error, too: in 16 bits nothing else is near.
inline constexpr double channel_far_over_rounding = 20;
/// Of the layers' root mean square: a channel with less says nothing.
inline constexpr double least_channel = 0.01;
/// Root mean square of a difference in steps of Q20.12 below which nothing is told of a channel.
inline constexpr double channel_steps = 4;
/// Times the simulation's error from which on a channel of one value, where float has several, is silent: coarse codes
/// of a channel with little content give one value, too.
inline constexpr double silent_over_rounding = 0.5;
/// Values of a channel from which on a line through them, or that they are all one, says something.
inline constexpr std::size_t channel_values = 8;
/// How far a gain is from 1, at least, to be one: half of it is what norms of good layers may have.
inline constexpr double told_gain = 0.02;
/// Share of an error that an explanation by other parameters leaves at most; 8 bits leave their own part of it.
inline constexpr double explained_by_weights = 0.35;
/// Share of a layer's channels up to which "some channels" differ, and not the layer.
inline constexpr double some_channels = 0.5;
/// Weights of one output up to which they are solved for: the effort rises with their cube.
inline constexpr std::size_t solved_weights = 400;
/// Positions of a map for each weight that is solved for: with fewer anything fits.
inline constexpr double positions_per_weight = 3;
/// Places of a map from which on where an error stands says something ...
inline constexpr std::size_t places_of_error = 16;
/// ... the share of them that are not right by chance, when weights are wrong ...
inline constexpr double right_places = 0.5;
/// ... and times the relative error of all: a place with less is right.
inline constexpr double right_place = 0.2;
/// Share of the mean square that a place counts as having, at least: next to zero no error is small.
inline constexpr double least_place = 0.1;
/// Times the simulation's error from float, from any simulation, from which on a layer was not computed as planned.
inline constexpr double unplanned = 1.5;
/// At least that, whatever the bits.
inline constexpr double unplanned_error = 0.01;
/// Times the simulation's error which two ways of rounding are not apart from each other.
inline constexpr double far_from_planned = 2.5;
/// How much larger than one picture needs the range of a list may be: 2 octaves of the 7 that 8 bits have.
inline constexpr double range_of_list = 4;
/// Layers with weights from which on "most of them" says something, and the share that is most.
inline constexpr std::size_t layers_of_model = 3;
inline constexpr double most_layers = 0.5;
/// A float network's layers reproduce far better than this, whatever wrote them.
inline constexpr double reference_error = 0.01;
/// Times the error that a quarter of a reference's layers stay below, where it is not in float.
inline constexpr double reference_over_usual = 5;
/// A reference's layer with more is wrong, whatever the others have.
inline constexpr double reference_most_error = 0.2;
/// Share of values that are zero, at least, and that are not, where dropout was left in.
inline constexpr double dropped_share = 0.05;
/// What a reader leaves that follows from the value that it is given: 8 bits of a few values.
inline constexpr double reader_follows = 0.08;
/// Times its error with what is shown, at most ...
inline constexpr double reader_better = 0.25;
/// ... and from here on it contradicts.
inline constexpr double reader_no_better = 0.5;
/// Times the limit of norms: what layers of few bits add up to where all compute as planned.
inline constexpr double norms_of_few_bits = 2.5;

/// Share of the relative L2 error from which on an error of the norm is one factor and nothing else: rounding has less.
inline constexpr double pure_gain_share = 0.8;

}  // namespace detail::limit

NNIESIM_END_NAMESPACE
