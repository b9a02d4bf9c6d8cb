// What the network has to know of a kind of layer. Each kind has a header of its own in this folder, which specializes
// layer_kind for the kind's parameters; what it does not say is as basic_kind has it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/kernels/executor.hpp>
#include <nniesim/kernels/quantize.hpp>
#include <nniesim/nniesim.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Of kinds::all (kinds/all.hpp) there is one for each.
template <class Params>
struct layer_kind;

/// How a layer's weights are made ready.
struct preparation {
  /// As they are used, piece by piece: for a layer that runs once, in little memory. Only kinds that say
  /// lays_out_in_pieces().
  bool in_pieces = false;
  /// Replaces weights, from the element `first` on in the order of memory, before they are encoded; empty: as they are.
  std::function<void(std::size_t first, std::span<float> weights)> change{};
};

/// What a kind is asked about: one layer, without its parameters.
struct layer_facts {
  std::string_view type;                 ///< as the file calls it
  std::span<const tensor_shape> inputs;  ///< their shapes
  std::size_t outputs = 1;               ///< how many
  const preparation* how = nullptr;      ///< of prepare() alone, where it is not the usual one

  void expect_inputs(std::size_t count) const {
    detail::require<shape_error>(inputs.size() == count, type, ": ", inputs.size(), " inputs, expected ", count);
  }
  void expect_values(std::size_t got, std::size_t expected, std::string_view what) const {
    detail::require<shape_error>(got == expected, type, ": ", got, " ", what, ", expected ", expected);
  }
  [[nodiscard]] std::size_t channels() const {
    const tensor_shape& x = inputs[0];
    detail::require<shape_error>(x.rank() >= 2 && x.size() != 0, type, ": input ", x,
                                 ", expected batch and channels with no empty axis");
    return x[1];
  }
  /// The shape for every output.
  [[nodiscard]] std::vector<tensor_shape> all(const tensor_shape& shape) const {
    return std::vector<tensor_shape>(outputs, shape);
  }
};

/// What a layer does, whatever its precision.
struct layer_work {
  std::uint64_t macs = 0;         ///< multiply-accumulates
  std::uint64_t padded_macs = 0;  ///< with input channels in whole 16s and output channels in whole 4s
  std::uint64_t parameters = 0;
  std::uint64_t values_read = 0;  ///< of inputs
  std::uint64_t values_written = 0;

  /// `each` positions of `groups` products of an `in` x `out` matrix.
  void add_products(std::uint64_t each, std::size_t groups, std::size_t in, std::size_t out) {
    const auto whole = [](std::size_t n, std::size_t unit) { return (n + unit - 1) / unit * unit; };
    macs = each * groups * in * out;
    padded_macs = each * groups * whole(in, 16) * whole(out, 4);
  }
};

struct constraint_violation {
  std::size_t layer = 0;  ///< index in the network
  std::string got;        ///< "group 4096"
  std::string rule;       ///< "at most 2048 groups"
  std::string_view source;
};

namespace detail {

/// A policy's values for layers whose inputs are encoded already.
template <precision_policy P>
struct encoded_already : precision<binary32, binary32, fp32_chain, typename P::output> {};

/// What a layer takes besides its inputs, outputs and weights, in bytes.
struct operator_need {
  std::size_t prepared = 0;   ///< weights as the kernels read them
  std::size_t workspace = 0;  ///< of a run
  std::size_t buffers = 0;    ///< that a run allocates itself
  // Where weights are laid out piece by piece, in place of `prepared`:
  std::size_t pieces = 0;         ///< that a run allocates
  std::size_t piece_weights = 0;  ///< and for other weights than the layer's own
};

inline constexpr std::size_t most_bytes = std::numeric_limits<std::size_t>::max();
[[nodiscard]] constexpr std::size_t saturating_sum(std::size_t a, std::size_t b) noexcept {
  return a > most_bytes - b ? most_bytes : a + b;
}
[[nodiscard]] constexpr std::size_t saturating_product(std::size_t a, std::size_t b) noexcept {
  return b != 0 && a > most_bytes / b ? most_bytes : a * b;
}
/// Of any number of factors or terms.
template <class... More>
[[nodiscard]] constexpr std::size_t product_of(std::size_t a, More... more) noexcept {
  ((a = saturating_product(a, static_cast<std::size_t>(more))), ...);
  return a;
}
template <class... More>
[[nodiscard]] constexpr std::size_t sum_of(std::size_t a, More... more) noexcept {
  ((a = saturating_sum(a, static_cast<std::size_t>(more))), ...);
  return a;
}

/// Where the hardware's rules come from: transcriptions of the vendor's guide, the documents of a public quantization
/// toolkit, and reports of users.
inline constexpr std::string_view from_guide = "the vendor's guide, as transcribed publicly";
inline constexpr std::string_view from_toolkit = "a public quantization toolkit's document";
inline constexpr std::string_view from_users = "users' reports";

/// Notes which rules of the hardware one layer breaks.
class hardware_rules {
 public:
  hardware_rules(std::size_t layer, std::vector<constraint_violation>& found) : layer_(layer), found_(&found) {}

  template <class... Got>
  void require(bool holds, std::string rule, std::string_view source, const Got&... got) {
    if (!holds) found_->push_back({layer_, concat(got...), std::move(rule), source});
  }
  void small(std::string_view what, std::size_t value, std::size_t least = 1) {
    require(value >= least && value <= 255, concat(what, " from ", least, " to 255"), from_guide, what, " ", value);
  }
  void window(const conv2d_params& g, const tensor_shape& weights) {
    small("kernel", std::max(weights[2], weights[3]));
    small("stride", std::max(g.stride[0], g.stride[1]));
    small("dilation", std::max(g.dilation[0], g.dilation[1]));
    small("padding", std::max(std::max(g.pad.top, g.pad.bottom), std::max(g.pad.left, g.pad.right)), 0);
    require(g.groups <= 2048, "at most 2048 groups", from_guide, "group ", g.groups);
  }
  void not_batch(std::size_t axis) { require(axis != 0, "no operation on the batch axis", from_guide, "axis ", axis); }

 private:
  std::size_t layer_;
  std::vector<constraint_violation>* found_;
};

/// A layer that keeps nothing.
struct nothing_prepared {};

/// Runs f(begin, count) over n elements, in pieces of whole `unit`s that the threads share.
template <class F>
void share(std::size_t n, std::size_t unit, const executor& threads, F&& f) {
  constexpr std::size_t least = std::size_t{1} << 14U;
  const std::size_t units = n / unit;
  const std::size_t parts = threads.workers < 2 ? 1 : std::clamp<std::size_t>(n / least, 1, 4 * threads.workers);
  const std::size_t pieces = std::min(parts, units);
  threads(pieces, [&](std::size_t i) {
    const std::size_t begin = units * i / pieces;
    const std::size_t end = units * (i + 1) / pieces;
    f(begin * unit, (end - begin) * unit);
  });
}

/// n elements of a tensor from `at` on, as a row.
template <class T>
[[nodiscard]] tensor_view<T> part(const tensor_view<T>& whole, std::size_t at, std::size_t n) {
  return {whole.span().subspan(at, n), {n}};
}

/// x encoded and decoded, as the layer's output format holds it.
template <precision_policy P>
void requantize(std::span<const value_t<P>> x, const typename P::activations::scale& s, std::span<value_t<P>> y) {
  using output = typename P::output;
  if constexpr (std::same_as<typename P::activations, binary32>) {
    std::copy(x.begin(), x.end(), y.begin());
  } else {
    constexpr std::size_t piece = 1024;
    float values[piece];
    for (std::size_t at = 0; at < x.size(); at += piece) {
      const std::size_t n = std::min(piece, x.size() - at);
      const std::span<float> part(values, n);
      decode<output>(x.subspan(at, n), part, {});
      fake_quantize<typename P::activations>(part, part, s);
      encode<output>(part, y.subspan(at, n), {});
    }
  }
}

/// Floats as a policy's layers write them.
template <precision_policy P>
[[nodiscard]] std::vector<value_t<P>> written(std::span<const float> values) {
  std::vector<value_t<P>> result;
  for (const float v : values) result.push_back(P::output::from(static_cast<double>(v)));
  return result;
}

[[nodiscard]] inline channel_affine affine_of(std::span<const float> factor, std::span<const float> shift) {
  channel_affine a{{factor.begin(), factor.end()}, {shift.begin(), shift.end()}};
  a.shift.resize(a.factor.size());
  return a;
}

/// Copies x into every output that is not x itself.
template <class T>
void copy_to_all(const tensor_view<const T>& x, std::span<const tensor_view<T>> outputs, const executor& threads) {
  for (const tensor_view<T>& y : outputs) {
    if (y.data() == x.data()) continue;
    share(x.size(), 1, threads, [&](std::size_t at, std::size_t n) { std::copy_n(x.data() + at, n, y.data() + at); });
  }
}

/// Factor and shift of every channel, which begins at `axis`.
template <precision_policy P>
void run_affine(const tensor_view<const value_t<P>>& x, const channel_affine& a, std::size_t axis,
                const tensor_view<value_t<P>>& y, const executor& threads) {
  const std::size_t channels = a.factor.size();
  std::size_t outer = 1;
  for (std::size_t i = 0; i < axis; ++i) outer *= x.shape()[i];
  const std::size_t inner = x.size() / outer / channels;
  share(x.size(), channels * inner, threads, [&](std::size_t at, std::size_t n) {
    const tensor_shape shape{n / inner / channels, channels, inner};
    batch_norm_into<P>({x.span().subspan(at, n), shape}, a, {y.span().subspan(at, n), shape});
  });
}

}  // namespace detail

/// One run of a layer under a policy, as its kind sees it.
template <precision_policy P>
struct kind_run {
  std::span<const tensor_view<const value_t<P>>> inputs;
  std::span<const typename P::activations::scale> scales;  ///< of the inputs, where they are read as codes
  std::span<const tensor_view<value_t<P>>> outputs;
  std::span<std::byte> workspace;
  const executor& threads;
  output_stage stage{};
  /// As of layer_run.
  std::span<const tensor_view<const float>> floats{};

  [[nodiscard]] const tensor_view<const value_t<P>>& x() const { return inputs[0]; }
  [[nodiscard]] const tensor_view<value_t<P>>& y() const { return outputs[0]; }
  /// Whether an input has the values of its codes already: that of a network, which no layer wrote.
  [[nodiscard]] bool is_encoded(std::size_t i) const {
    return !std::same_as<value_t<P>, float> && i < floats.size() && floats[i].data() != nullptr;
  }
  /// Calls f with an input: what the layer before wrote, or the network's floats.
  template <class F>
  void with_codes_of(std::size_t i, F&& f) const {
    if constexpr (!std::same_as<value_t<P>, float>) {
      if (i < floats.size() && floats[i].data() != nullptr) return f(floats[i]);
    }
    f(inputs[i]);
  }
  /// With the first one.
  template <class F>
  void with_codes_of(F&& f) const {
    with_codes_of(0, std::forward<F>(f));
  }
};

/// What kinds have in common, and what each may say otherwise. Beside these a kind has
///   static std::vector<tensor_shape> shapes(const layer_facts&, const Params&)
/// of its outputs, which throws shape_error or format_error where the inputs do not fit, and
///   template <precision_policy P> static void run(const Params&, const Prepared&, const kind_run<P>&)
/// with what prepare() gave. A kind that reads some of its inputs as codes and others not says which:
///   static bool reads_codes_of(const Params&, std::size_t input)
struct basic_kind {
  static constexpr bool is_mac = false;  ///< multiplies and accumulates weights and inputs
  /// Whether it encodes several tensors of weights: static void for_each_weights(Params&, f) calls f with each.
  static constexpr bool encodes_several_weights = false;
  static constexpr bool is_renaming = false;   ///< its outputs are its input under other names or shapes, at no cost
  static constexpr bool is_same_blob = false;  ///< the same under other names alone
  /// Whether the hardware wants is_allowed_behind_fully_connected of its readers.
  static constexpr bool limits_readers = false;
  static constexpr bool is_allowed_behind_fully_connected = false;

  /// Whether inputs are read as codes, in the policy's format of activations: some of them at least.
  template <class Params>
  [[nodiscard]] static bool reads_codes(const Params&) noexcept {
    return false;
  }
  /// Whether its output's codes are its input's, so that they have one scale.
  template <class Params>
  [[nodiscard]] static bool keeps_scale(const layer_facts&, const Params&) noexcept {
    return false;
  }
  /// Whether it may write where its first input stands.
  template <class Params>
  [[nodiscard]] static bool works_in_place(const Params&) noexcept {
    return false;
  }
  /// Whether its weights can be laid out piece by piece while it runs (preparation).
  template <class Params>
  [[nodiscard]] static bool lays_out_in_pieces(const Params&) noexcept {
    return false;
  }
  /// How many floats of parameters it has.
  template <class Params>
  [[nodiscard]] static std::size_t weights(const Params&) noexcept {
    return 0;
  }
  /// Adds its products; `work` has weights() as parameters already.
  template <class Params>
  static void add_work(const layer_facts&, const tensor_shape& /*output*/, const Params&, layer_work& /*work*/) {}
  /// How many copies of them as floats there are while they are laid out.
  template <class Params>
  [[nodiscard]] static std::size_t weight_copies(const Params&) noexcept {
    return 0;
  }
  template <class Params>
  static void check_rules(const layer_facts&, const Params&, detail::hardware_rules&) {}
  /// What the compiler takes in place of a layer of that type (the file's name) that it does not know; "" where nothing
  /// is usual.
  template <class Params>
  [[nodiscard]] static std::string_view rewrite(std::string_view /*type*/, const Params&) noexcept {
    return {};
  }

  /// What is made of the parameters once, before any run. Throws where a policy does not have the layer.
  template <precision_policy P, class Params>
  [[nodiscard]] static detail::nothing_prepared prepare(const layer_facts&, const Params&) {
    return {};
  }
  /// Memory beside inputs, outputs and weights, from above. Nothing for shapes that will be refused. Kinds with another
  /// need than of their parameters in float64 call it with theirs.
  template <precision_policy P, class Kind, class Params>
  [[nodiscard]] static detail::operator_need need(const layer_facts&, const Params& p, std::size_t /*workers*/) {
    return {detail::product_of(Kind::weights(p), sizeof(double)), 0, 0};
  }
  template <class Params, class Prepared>
  [[nodiscard]] static std::size_t workspace_bytes(const Params&, const Prepared&, const tensor_shape& /*input*/,
                                                   const executor&) {
    return 0;
  }
};

namespace detail {

/// Whether a kind reads an input as codes.
template <class Kind, class Params>
[[nodiscard]] bool reads_input_as_codes(const Params& p, std::size_t input) noexcept {
  if constexpr (requires { Kind::reads_codes_of(p, input); }) return Kind::reads_codes_of(p, input);
  else return Kind::reads_codes(p);
}

}  // namespace detail

NNIESIM_END_NAMESPACE
