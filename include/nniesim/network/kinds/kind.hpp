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

#include <nniesim/kernels/engine.hpp>
#include <nniesim/kernels/executor.hpp>
#include <nniesim/kernels/quantize.hpp>
#include <nniesim/nniesim.hpp>
#include <nniesim/ops/relu.hpp>

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
  executor threads{};  ///< who shares the work; the results are the same bits for any number
};

/// What a kind is asked about: one layer, without its parameters.
struct layer_facts {
  std::string_view type;                 ///< as the file calls it
  std::span<const tensor_shape> inputs;  ///< their shapes
  std::size_t outputs = 1;               ///< how many
  const preparation* how = nullptr;      ///< of prepare() alone, where it is not the usual one

  /// Who shares the work of prepare().
  [[nodiscard]] executor threads() const noexcept { return how == nullptr ? executor{} : how->threads; }
  /// Throws shape_error unless the layer has `count` inputs.
  void expect_inputs(std::size_t count) const {
    detail::require<shape_error>(inputs.size() == count, type, ": ", inputs.size(), " inputs, expected ", count);
  }
  /// Throws shape_error unless both numbers are the same; `what` names the values: "values of bias".
  void expect_values(std::size_t got, std::size_t expected, std::string_view what) const {
    detail::require<shape_error>(got == expected, type, ": ", got, " ", what, ", expected ", expected);
  }
  /// Channels (axis 1) of the first input. Throws shape_error for one of fewer than two axes, or with an empty one.
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
  std::uint64_t macs = 0;            ///< multiply-accumulates
  std::uint64_t padded_macs = 0;     ///< with input channels in whole 16s and output channels in whole 4s
  std::uint64_t parameters = 0;      ///< learned values: weights, biases, factors, shifts
  std::uint64_t values_read = 0;     ///< of inputs
  std::uint64_t values_written = 0;  ///< of outputs

  /// `each` positions of `groups` products of an `in` x `out` matrix.
  void add_products(std::uint64_t each, std::size_t groups, std::size_t in, std::size_t out) {
    const auto whole = [](std::size_t n, std::size_t unit) { return (n + unit - 1) / unit * unit; };
    macs = each * groups * in * out;
    padded_macs = each * groups * whole(in, 16) * whole(out, 4);
  }
};

/// A rule of the hardware or of its compiler that a layer breaks.
struct constraint_violation {
  std::size_t layer = 0;    ///< index in the network
  std::string got;          ///< "group 4096"
  std::string rule;         ///< "at most 2048 groups"
  std::string_view source;  ///< where the rule is from: "users' reports"
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
    if (!holds) found_->push_back({layer_, message(got...), std::move(rule), source});
  }
  void small(std::string_view what, std::size_t value, std::size_t least = 1) {
    require(value >= least && value <= 255, message(what, " from ", least, " to 255"), from_guide, what, " ", value);
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
  const std::size_t parts =
      threads.max_workers < 2 ? 1 : std::clamp<std::size_t>(n / least, 1, 4 * threads.max_workers);
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
    nniesim::requantize<typename P::activations, output>(x, y, s);
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
  using code = typename P::activations::code;  ///< of blobs that are stored as codes

  std::span<const tensor_view<const value_t<P>>> inputs;   ///< values, but where they stand as codes (code_inputs)
  std::span<const typename P::activations::scale> scales;  ///< of the inputs, where they are read as codes
  std::span<const tensor_view<value_t<P>>> outputs;        ///< the same: code_outputs
  std::span<std::byte> workspace;                          ///< workspace_bytes() of it
  const executor& threads;                                 ///< who shares the work
  output_stage stage{};  ///< a ReLU that the kind takes, and the scale of an output that is stored as codes
  /// As of layer_run.
  std::span<const tensor_view<const float>> floats{};
  std::span<void*const> code_inputs{},  ///< as of layer_run: where inputs stand as codes, null for all others
      moved_inputs{},                   ///< as of layer_run: those that have the output's scale
      code_outputs{};                   ///< as of layer_run: where outputs are written as codes
  bool reads_codes = false;             ///< the kind's answer

  /// The first input.
  [[nodiscard]] const tensor_view<const value_t<P>>& x() const { return inputs[0]; }
  /// The first output.
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
  /// Calls f with the first input as it is stored: values, the network's floats, or codes.
  template <class F>
  void as_stored_input(F&& f) const {
    if constexpr (stores_codes) {
      if (void* const codes = place(code_inputs, 0)) return f(codes_at<const code>(codes, x().shape()));
    }
    with_codes_of(std::forward<F>(f));
  }
  /// With the first output, too: values or codes.
  template <class F>
  void as_stored(F&& f) const {
    if constexpr (stores_codes) {
      if (void* const codes = place(code_outputs, 0)) {
        return as_stored_input([&](auto x) { f(x, codes_at<code>(codes, y().shape())); });
      }
    }
    as_stored_input([&](auto x) { f(x, y()); });
  }

  /// Whether an input stands as codes.
  [[nodiscard]] bool has_codes_of(std::size_t i) const { return place(code_inputs, i) != nullptr; }
  /// Whether the first input or the first output does.
  [[nodiscard]] bool has_codes() const { return has_codes_of(0) || place(code_outputs, 0) != nullptr; }
  /// n values of an input from element `at` on: as they stand, or decoded into `memory`.
  [[nodiscard]] std::span<const value_t<P>> values(std::size_t i, std::size_t at, std::size_t n,
                                                   [[maybe_unused]] value_t<P>* memory) const {
    if constexpr (stores_codes) {
      if (void* const codes = place(code_inputs, i)) {
        decode_values<typename P::activations>({static_cast<const code*>(codes) + at, n}, {memory, n}, scales[i]);
        return {memory, n};
      }
    }
    return inputs[i].span().subspan(at, n);
  }
  /// The same of a layer that reads codes: what does not stand as such is encoded and decoded into `memory`.
  [[nodiscard]] std::span<const value_t<P>> encoded_values(std::size_t i, std::size_t at, std::size_t n,
                                                           value_t<P>* memory) const {
    const std::span<const value_t<P>> x = values(i, at, n, memory);
    if (has_codes_of(i) || is_encoded(i)) return x;
    detail::requantize<P>(x, scales[i], {memory, n});
    return {memory, n};
  }
  /// Writes n values of the first output from element `at` on: calls f with where they go, which is `memory` where the
  /// output is stored as codes.
  template <class F>
  void write(std::size_t at, std::size_t n, [[maybe_unused]] value_t<P>* memory, F&& f) const {
    if constexpr (stores_codes) {
      if (void* const codes = place(code_outputs, 0)) {
        f(tensor_view<value_t<P>>({memory, n}, {n}));
        return encode_values<typename P::activations>({memory, n}, {static_cast<code*>(codes) + at, n}, stage);
      }
    }
    const tensor_view<value_t<P>> to = detail::part(y(), at, n);
    f(to);
    if (stage.relu) relu_into<P>(to, {}, to);
  }
  /// Moves n elements of an input from `from` on to the first output's from `to` on.
  void move(std::size_t i, std::size_t from, std::size_t to, std::size_t n) const {
    if (void* const codes = place(moved_inputs, i)) {
      std::copy_n(static_cast<const code*>(codes) + from, n, static_cast<code*>(code_outputs[0]) + to);
      return;
    }
    if (!has_codes_of(i) && place(code_outputs, 0) == nullptr) {
      std::copy_n(inputs[i].data() + from, n, y().data() + to);
      return;
    }
    constexpr std::size_t piece = 1024;
    value_t<P> memory[piece];
    for (std::size_t k = 0; k < n; k += piece) {
      const std::size_t m = std::min(piece, n - k);
      const std::span<const value_t<P>> x = values(i, from + k, m, memory);
      write(to + k, m, memory, [&](auto y) {
        if (y.data() != x.data()) std::copy(x.begin(), x.end(), y.data());
      });
    }
  }

 private:
  static constexpr bool stores_codes = kernels::engine<P>::stores_codes;
  [[nodiscard]] static void* place(std::span<void* const> all, std::size_t i) {
    return i < all.size() ? all[i] : nullptr;
  }
  template <class C>
  [[nodiscard]] static tensor_view<C> codes_at(void* codes, const tensor_shape& shape) {
    return {std::span<C>(static_cast<C*>(codes), shape.size()), shape};
  }
};

namespace detail {

/// How many values of each input a pointwise layer has at hand: small enough for the cache.
inline constexpr std::size_t values_at_hand = 4096;
/// What it takes for them.
[[nodiscard]] inline std::size_t values_need(const layer_facts& l, std::size_t workers) {
  return product_of(l.inputs.size() + 1, std::min(values_at_hand, l.inputs[0].size()), sizeof(float), workers);
}
/// Calls f(views of the inputs, view of the output) for parts of a pointwise layer.
template <precision_policy P, class F>
void for_values(const kind_run<P>& r, F&& f) {
  using value = value_t<P>;
  share(r.y().size(), 1, r.threads, [&](std::size_t begin, std::size_t count) {
    const bool as_they_stand = !r.reads_codes && !r.has_codes();
    const std::size_t each = as_they_stand ? count : std::min(values_at_hand, count);
    std::vector<value> memory(as_they_stand ? 0 : (r.inputs.size() + 1) * each);
    std::vector<tensor_view<const value>> x(r.inputs.size());
    for (std::size_t at = begin; at < begin + count; at += each) {
      const std::size_t n = std::min(each, begin + count - at);
      for (std::size_t i = 0; i < x.size(); ++i) {
        value* const to = as_they_stand ? nullptr : memory.data() + i * each;
        x[i] = {r.reads_codes ? r.encoded_values(i, at, n, to) : r.values(i, at, n, to), {n}};
      }
      value* const written = as_they_stand ? nullptr : memory.data() + x.size() * each;
      r.write(at, n, written, [&](const tensor_view<value>& y) { f(x, y); });
    }
  });
}

/// Moves all elements of the first input to those of the first output, unless they are the same.
template <precision_policy P>
void move_to_output(const kind_run<P>& r) {
  if (r.x().data() == r.y().data()) return;
  share(r.y().size(), 1, r.threads, [&](std::size_t at, std::size_t n) { r.move(0, at, at, n); });
}

}  // namespace detail

/// What kinds have in common, and what each may say otherwise. Beside these a kind has
/// `static std::vector<tensor_shape> shapes(const layer_facts&, const Params&)` of its outputs, which throws
/// shape_error or format_error where the inputs do not fit, and
/// `template <precision_policy P> static void run(const Params&, const Prepared&, const kind_run<P>&)`
/// with what prepare() gave. A kind that reads some of its inputs as codes and others not says which:
/// `static bool reads_codes_of(const Params&, std::size_t input)`
struct basic_kind {
  static constexpr bool is_mac = false;  ///< multiplies and accumulates weights and inputs
  static constexpr bool reads_stored_codes =
                            false,  ///< its run reads blobs that stand as codes: kind_run::as_stored, values
      writes_stored_codes = false;  ///< its run writes codes: kind_run::as_stored, write
  /// Whether each element of its output is one of its inputs', unchanged: kind_run::move.
  static constexpr bool moves_values = false;
  /// Whether each element of its one output follows from the same element of each input, and from parameters that are
  /// the same for all.
  static constexpr bool is_pointwise = false;
  /// Whether it does the work of a ReLU behind it: output_stage::relu.
  static constexpr bool takes_relu = false;
  /// Whether it encodes several tensors of weights: static void for_each_weights(Params&, f) calls f with each.
  static constexpr bool encodes_several_weights = false;
  static constexpr bool is_renaming = false;   ///< its outputs are its input under other names or shapes, at no cost
  static constexpr bool is_same_blob = false;  ///< the same under other names alone
  /// Whether the hardware wants is_allowed_behind_fully_connected of its readers.
  static constexpr bool limits_readers = false;
  static constexpr bool is_allowed_behind_fully_connected = false;  ///< it may read what such a kind writes

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
  /// Notes which rules of the hardware it breaks. Only layers of the accelerator are asked (check_constraints).
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
  [[nodiscard]] static detail::operator_need need(const layer_facts& l, const Params& p, std::size_t workers) {
    const bool has_values_at_hand = kernels::engine<P>::stores_codes || Kind::reads_codes(p);
    return {detail::product_of(Kind::weights(p), sizeof(double)), 0,
            Kind::is_pointwise && has_values_at_hand && !l.inputs.empty() ? detail::values_need(l, workers) : 0};
  }
  /// Bytes of workspace that a run takes whose work these threads share; `input` is the shape of the first one.
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
