// What a diagnosis says: the cause, where it enters, the evidence for and against, what to measure or to change next.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nniesim/debug/agreement.hpp>
#include <nniesim/debug/error_parts.hpp>
#include <nniesim/debug/fact.hpp>
#include <nniesim/debug/layer_fingerprint.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/metrics/compare.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The limits of the procedure. The cosines are the vendor's; the rest is ours.
struct diagnose_options {
  double data_cosine = detail::limit::data_cosine;    ///< the network's inputs reach it
  double layer_cosine = detail::limit::layer_cosine;  ///< a good layer reaches it
  double last_cosine = detail::limit::last_cosine;    ///< below it the last layer is bad for certain
  double dip_cosine = detail::limit::dip_cosine;      ///< below it a layer in between is a dip
  double norm_error =
      detail::limit::norm_error;  ///< errors of scale: |norm_error| of a good layer at most, of a good input half of it
  /// How many of the reference's layers, from the first on, are in order of execution, where no network tells; of the
  /// others the place is not known.
  std::size_t ordered = std::numeric_limits<std::size_t>::max();
  std::vector<std::string>
      data_layers{};  ///< names of the inputs, where no network tells; else by name, else the first
};

/// What can be wrong, in the order of the vendor's procedure.
enum class fault {
  none,                 ///< nothing: what differs is what the format costs
  preprocessing,        ///< step 2: the network's input is made in another way
  other_picture,        ///< step 2: the two runs saw different pictures
  dump_reading,         ///< dumps are not what they are taken for: sign, several pictures, another run, damaged
  other_size,           ///< a layer has another size in the two runs
  not_a_number,         ///< NaN or infinity enters in a layer
  all_zero,             ///< a layer that should not be is zero everywhere
  layer_mapping,        ///< step 4: names stand for different blobs; what corresponds agrees
  precision,            ///< step 3: the planned bits are not enough; more are
  bits_not_as_planned,  ///< a layer has fewer bits than planned: a mark _hp, or a compile_mode, without effect
  fixed_point_range,    ///< values too large or too small for Q20.12, whatever the bits
  activation_scale,     ///< a blob is stored with a range that does not fit: saturation or underflow
  norm_gain,            ///< norms are off while cosines are intact: Power / ReduceMean chains
  wrong_reference,      ///< the reference, not the other run, differs from what the network gives
  other_weights,        ///< a layer, a channel or all of the other run have other weights than the caffemodel
  suspect_layer,        ///< step 6: a layer computes something else, and not for want of bits
  post_processing,      ///< step 5: the data agree; what is made of them is sensitive, or the board's code is wrong
  inconclusive,         ///< the evidence does not decide; `next` says what would
};

/// The fault in a few words, as reports name it.
[[nodiscard]] constexpr std::string_view to_string(fault f) noexcept {
  switch (f) {
    case fault::none: return "no fault";
    case fault::preprocessing: return "preprocessing";
    case fault::other_picture: return "another picture";
    case fault::dump_reading: return "dumps read wrongly";
    case fault::other_size: return "sizes differ";
    case fault::not_a_number: return "NaN or infinity";
    case fault::all_zero: return "all-zero layer";
    case fault::layer_mapping: return "layers do not correspond by name";
    case fault::precision: return "too few bits";
    case fault::bits_not_as_planned: return "fewer bits than planned";
    case fault::fixed_point_range: return "range of Q20.12";
    case fault::activation_scale: return "activation scale";
    case fault::norm_gain: return "norm error";
    case fault::wrong_reference: return "wrong reference";
    case fault::other_weights: return "other weights";
    case fault::suspect_layer: return "suspect layer";
    case fault::post_processing: return "post-processing";
    case fault::inconclusive: return "inconclusive";
  }
  return "?";
}

/// Another explanation, and what makes it less likely.
struct rival_explanation {
  fault cause = fault::none;  ///< the fault that it would be
  fact why_not{};             ///< what makes it less likely
};

/// One fault that was found.
struct finding {
  fault cause = fault::none;                ///< what is wrong
  std::string layer{};                      ///< where it enters; empty where it is of no layer
  fact summary{};                           ///< what was found
  std::vector<fact> evidence{};             ///< what speaks for it
  std::vector<fact> against{};              ///< what speaks against it
  std::vector<rival_explanation> rivals{};  ///< other explanations
  std::vector<fact> change{};  ///< the exact changes to make: cfg lines, layer names, edits of the prototxt
  fact next{};                 ///< the measurement that would decide or confirm; empty where none is needed
};

/// The rivals of a finding, a line each: "not too few bits: ...".
[[nodiscard]] inline std::vector<std::string> rival_lines(const finding& f) {
  std::vector<std::string> lines;
  for (const rival_explanation& r : f.rivals)
    lines.push_back(detail::message("not ", to_string(r.cause), ": ", words_of(r.why_not)));
  return lines;
}

/// One layer as the diagnosis saw it.
struct layer_evidence {
  std::string name{};                         ///< in the reference
  std::string partner{};                      ///< in the other run; empty: unmatched, which never counts as equal
  match_relation how = match_relation::same;  ///< how the partner's content follows from the reference's
  std::string relation{};                     ///< how partners correspond, where not simply by the same content
  std::optional<comparison> result{};         ///< after the relation; none where unmatched or not comparable
  std::optional<double> floor_ratio{};        ///< the error as a multiple of the format's unavoidable one
  std::optional<double> isolated{};           ///< cosine of the layer by itself: float, fed with the other run's input
  std::optional<double> in_16bit{};      ///< accumulated cosine with all layers in the most bits, 16 of the accelerator
  std::optional<double> weights_only{},  ///< accumulated cosine with nothing but the weights encoded
      activations_only{};                ///< accumulated cosine with nothing but the layers' inputs encoded
  /// What the error consists of: the layer's own where `isolated` is there, else the accumulated one.
  std::optional<error_parts> parts{};
  std::size_t channels = 0,  ///< of the layer; 0 where the error is not split
      most_channels = 0;     ///< how many of them carry 90 % of the square of the same error
  static constexpr std::size_t most_worst_channels = 3;  ///< `worst_channels` has at most so many
  std::vector<channel_error> worst_channels{};           ///< of the same error, in the order of channel_error_list
  bool suspicious = false;                               ///< misses a threshold
};

/// What a diagnosis found.
struct diagnosis {
  finding verdict{};                     ///< the first finding; its cause is fault::none where nothing is wrong
  std::vector<finding> also{};           ///< further faults, in the procedure's order
  std::vector<layer_evidence> layers{};  ///< in order of execution, the network's inputs first
  std::size_t compared = 0;              ///< of `layers`: nothing is concluded about the others
};

NNIESIM_END_NAMESPACE
