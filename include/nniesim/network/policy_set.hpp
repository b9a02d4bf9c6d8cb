// What runs a policy's layers in a network: one object per policy behind a small interface, and the set of those that a
// program compiles in.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nniesim/metrics/format_error.hpp>
#include <nniesim/network/activation_ranges.hpp>
#include <nniesim/network/layer.hpp>
#include <nniesim/network/layer_precision.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// The largest magnitude of values, NaN left out.
template <class V>
[[nodiscard]] float largest_magnitude(std::span<const V> x) {
  return kernels::select(active_isa(), [&](auto set) {
    if constexpr (std::same_as<V, q20_12>) return decltype(set)::max_magnitude_q20_12(x.data(), x.size());
    else return decltype(set)::max_magnitude(x.data(), x.size());
  });
}

}  // namespace detail

/// One run of a layer, on blobs of floats or q20_12.
template <class V>
struct layer_run {
  std::span<const tensor_view<const V>> inputs;  ///< values, but where they stand as codes (code_inputs)
  std::span<const activation_range> ranges;      ///< one for each input of a layer that reads codes, else none are read
  std::span<const tensor_view<V>> outputs;       ///< of output_shapes()
  std::span<std::byte> workspace;                ///< workspace_bytes() of it
  const executor& threads;                       ///< who shares the work
  bool relu = false;                             ///< the layer writes max(y, 0): of kinds that take a ReLU
  /// Of inputs that are the network's and stand as codes, the floats as they were given: layers of products encode
  /// them at once, for all others `inputs` has them encoded. Empty views of other inputs.
  std::span<const tensor_view<const float>> floats{};
  /// Where inputs stand that are stored as codes of the policy's activations, in place of those of `inputs`; null for
  /// all others. Only layers whose stored_codes() says so get any. `ranges` has theirs, too.
  std::span<void*const> code_inputs{}, code_outputs{};  ///< the same of `outputs`
  /// Those of inputs that have the output's scale, and are moved.
  std::span<void* const> moved_inputs{};
  const activation_range* output_range = nullptr;  ///< of outputs that are stored as codes
};

/// What a prepared layer does with blobs that are stored as codes of its precision's activations: see basic_kind.
struct code_support {
  std::size_t bytes = 0;     ///< of a code; 0: nothing
  bool reads = false,        ///< the kind's reads_stored_codes
      writes = false,        ///< its writes_stored_codes
      moves = false,         ///< its moves_values
      is_pointwise = false;  ///< its is_pointwise
};

/// A layer whose parameters are ready to run under one policy, on inputs of given shapes. Threads may share one object,
/// which no run changes.
class prepared_layer {
 public:
  prepared_layer() = default;
  prepared_layer(const prepared_layer&) = delete;
  prepared_layer& operator=(const prepared_layer&) = delete;
  virtual ~prepared_layer() = default;

  /// The policy that it runs under.
  [[nodiscard]] virtual layer_precision precision() const noexcept = 0;
  /// The shapes of its outputs.
  [[nodiscard]] virtual const std::vector<tensor_shape>& output_shapes() const noexcept = 0;
  /// Bytes of workspace that a run takes whose work these threads share.
  [[nodiscard]] virtual std::size_t workspace_bytes(const executor& threads) const = 0;
  /// Nothing for a layer of several outputs, and under a policy that stores no codes.
  [[nodiscard]] virtual code_support stored_codes() const noexcept = 0;
  /// Evaluates; of a pointwise layer any number of elements. Throws shape_error where something does not fit,
  /// format_error for blobs that the policy does not write.
  virtual void run(const layer_run<float>& r) const = 0;
  /// The same on blobs of q20_12.
  virtual void run(const layer_run<q20_12>& r) const = 0;
};

/// What networks ask a policy for.
class network_policy {
 public:
  network_policy() = default;
  network_policy(const network_policy&) = delete;
  network_policy& operator=(const network_policy&) = delete;
  virtual ~network_policy() = default;

  /// Which policy it is.
  [[nodiscard]] virtual layer_precision precision() const noexcept = 0;

  /// `l` must outlive the result. Throws as infer_shapes, and format_error for layers that the policy does not have.
  [[nodiscard]] virtual std::shared_ptr<const prepared_layer> prepare(const layer& l,
                                                                      std::span<const tensor_shape> inputs,
                                                                      const preparation& how = {}) const = 0;
  /// Memory that a layer takes beside its inputs, outputs and weights, from above.
  [[nodiscard]] virtual detail::operator_need need(const layer& l, std::span<const tensor_shape> inputs,
                                                   std::size_t workers) const = 0;

  /// The scale of a range in levels, levels_per_octave() of them to a factor of 2: z of log formats.
  [[nodiscard]] virtual int level_of(const activation_range& range) const = 0;
  /// The range moved by so many levels, as far as the format goes.
  [[nodiscard]] virtual activation_range shifted(const activation_range& range, int levels) const = 0;
  /// decode(encode(x)) of activations. The spans may be the same.
  virtual void encode_activations(std::span<const float> x, const activation_range& range, std::span<float> y,
                                  const executor& threads = {}) const = 0;
  /// The same as a layer writes it.
  virtual void encode_activations(std::span<const q20_12> x, const activation_range& range,
                                  std::span<q20_12> y) const = 0;
  /// Stored codes of activations as layer values.
  virtual void decode_activations(const void* codes, const activation_range& range, std::span<q20_12> y) const = 0;
  /// decode(encode(w)) of the weights of a convolution, deconvolution, fully connected or recurrent layer, in place;
  /// those that the compiler sets to zero are zero.
  virtual void encode_weights(layer& l) const = 0;
  /// decode(encode(w)) of any part of the weights of a layer that has one tensor of them, as they stand:
  /// f(first, part). `l` is needed for the call alone.
  [[nodiscard]] virtual std::function<void(std::size_t first, std::span<float> weights)> weight_encoder(
      const layer& l) const = 0;
  /// The error of x as a multiple of what one encoding of the reference makes unavoidable: telling_floor_ratio().
  [[nodiscard]] virtual std::optional<double> floor_ratio(tensor_view<const float> reference,
                                                          tensor_view<const float> x) const = 0;
  /// The same for an x of q20_12.
  [[nodiscard]] virtual std::optional<double> floor_ratio(tensor_view<const float> reference,
                                                          tensor_view<const q20_12> x) const = 0;
};

namespace detail {

template <precision_policy P, class Params>
class prepared_kind final : public prepared_layer {
 public:
  using kind = layer_kind<Params>;
  using value = value_t<P>;
  using prepared =
      decltype(kind::template prepare<P>(std::declval<const layer_facts&>(), std::declval<const Params&>()));

  prepared_kind(const layer& l, const Params& params, std::span<const tensor_shape> inputs, const preparation& how)
      : layer_(&l),
        params_(&params),
        inputs_(inputs.begin(), inputs.end()),
        outputs_(infer_shapes(l, inputs)),
        prepared_(kind::template prepare<P>({l.type, inputs_, outputs_.size(), &how}, params)) {
    // Waking threads takes longer than some layers.
    layer_work products;
    kind::add_work({l.type, inputs_, outputs_.size()}, outputs_[0], params, products);
    std::size_t work = products.macs / 8;
    for (const tensor_shape& s : inputs_) work += s.size();
    for (const tensor_shape& s : outputs_) work += s.size();
    is_small_ = work < (std::size_t{1} << 15U);
  }

  [[nodiscard]] layer_precision precision() const noexcept override { return layer_precision::of<P>(); }
  [[nodiscard]] const std::vector<tensor_shape>& output_shapes() const noexcept override { return outputs_; }
  [[nodiscard]] std::size_t workspace_bytes(const executor& all_threads) const override {
    if (inputs_.empty()) return 0;
    return kind::workspace_bytes(*params_, prepared_, inputs_[0], is_small_ ? executor{} : all_threads);
  }
  [[nodiscard]] code_support stored_codes() const noexcept override {
    if (!kernels::engine<P>::stores_codes || outputs_.size() != 1) return {};
    return {sizeof(typename P::activations::code), kind::reads_stored_codes, kind::writes_stored_codes,
            kind::moves_values, kind::is_pointwise};
  }
  void run(const layer_run<float>& r) const override { run_on(r); }
  void run(const layer_run<q20_12>& r) const override { run_on(r); }

 private:
  template <class V>
  void run_on(const layer_run<V>& r) const {
    if constexpr (std::same_as<V, value>) {
      require<shape_error>(r.inputs.size() == inputs_.size(), layer_->type, ": ", r.inputs.size(), " inputs, expected ",
                           inputs_.size());
      for (std::size_t i = 0; i < inputs_.size(); ++i) {
        const tensor_shape& expected = kind::is_pointwise && !r.outputs.empty() ? r.outputs[0].shape() : inputs_[i];
        require<shape_error>(r.inputs[i].shape() == expected, layer_->type, ": input of shape ", r.inputs[i].shape(),
                             ", expected ", expected);
      }
      const bool reads_codes = kind::reads_codes(*params_);
      const auto stands_as_codes = [&](std::size_t i) {
        return i < r.code_inputs.size() && r.code_inputs[i] != nullptr;
      };
      const std::size_t ranges = reads_codes || !r.code_inputs.empty() ? inputs_.size() : 0;
      require<shape_error>(r.outputs.size() == outputs_.size() && r.ranges.size() >= ranges, layer_->type, ": ",
                           r.outputs.size(), " outputs and ", r.ranges.size(), " ranges, expected ", outputs_.size(),
                           " and ", ranges);
      std::array<typename P::activations::scale, 4> few{};  // what nearly all layers take, without allocating
      std::vector<typename P::activations::scale> many(ranges > few.size() ? ranges : 0);
      const std::span scales(many.empty() ? few.data() : many.data(), ranges);
      for (std::size_t i = 0; i < ranges; ++i) {
        if (!reads_input_as_codes<kind>(*params_, i) && !stands_as_codes(i)) continue;
        scales[i] = r.ranges[i].template scale<typename P::activations>();
      }
      const executor threads = is_small_ ? executor{} : r.threads;
      output_stage stage{.relu = r.relu};
      if constexpr (kernels::engine<P>::stores_codes) {
        if (r.output_range != nullptr) stage.z = r.output_range->template scale<typename P::activations>().z();
      }
      kind::run(*params_, prepared_,
                kind_run<P>{r.inputs, scales, r.outputs, r.workspace, threads, stage, r.floats, r.code_inputs,
                            r.moved_inputs, r.code_outputs, reads_codes});
    } else {
      throw format_error(message(layer_->type, ": policy ", policy_name<P>(), " writes ", P::output::name,
                                 ", got blobs of ", std::same_as<V, float> ? "binary32" : "q20_12"));
    }
  }

  const layer* layer_;
  const Params* params_;
  std::vector<tensor_shape> inputs_, outputs_;
  bool is_small_ = false;  ///< one thread is enough
  prepared prepared_;
};

/// The factory of a policy.
template <precision_policy P>
class policy_operators final : public network_policy {
  using weights = typename P::weights;
  using activations = typename P::activations;

 public:
  [[nodiscard]] layer_precision precision() const noexcept override { return layer_precision::of<P>(); }

  [[nodiscard]] std::shared_ptr<const prepared_layer> prepare(const layer& l, std::span<const tensor_shape> inputs,
                                                              const preparation& how) const override;
  [[nodiscard]] operator_need need(const layer& l, std::span<const tensor_shape> inputs,
                                   std::size_t workers) const override {
    return visit_kind(l, [&](auto kind, const auto& p) {
      using type = decltype(kind);
      return type::template need<P, type>({l.type, inputs, l.outputs.size()}, p, workers);
    });
  }

  [[nodiscard]] int level_of(const activation_range& range) const override {
    if constexpr (is_log_format<activations>) return range.scale<activations>().z();
    else return range.largest > 0 ? static_cast<int>(std::lround(16 * std::log2(range.largest))) : 0;
  }
  [[nodiscard]] activation_range shifted(const activation_range& range, int levels) const override {
    activation_range result = range;
    if constexpr (is_log_format<activations>) {
      using scale = typename activations::scale;
      const scale s(std::clamp(range.scale<activations>().z() + levels, scale::min_z, scale::max_z));
      if constexpr (std::same_as<activations, gfpq8>) result.in_8bit = s;
      else result.in_16bit = s;
    } else {
      const double moved = static_cast<double>(range.largest) * std::exp2(levels / 16.0);
      result.largest = static_cast<float>(std::clamp(moved, static_cast<double>(std::numeric_limits<float>::min()),
                                                     static_cast<double>(std::numeric_limits<float>::max())));
    }
    return result;
  }
  void encode_activations(std::span<const float> x, const activation_range& range, std::span<float> y,
                          const executor& threads) const override {
    fake_quantize<activations>(x, y, range.scale<activations>(), threads);
  }
  void encode_activations(std::span<const q20_12> x, const activation_range& range,
                          std::span<q20_12> y) const override {
    requantize<stored_in_q20_12>(x, range.scale<activations>(), y);
  }
  void decode_activations(const void* codes, const activation_range& range, std::span<q20_12> y) const override {
    if constexpr (kernels::engine<P>::stores_codes) {
      decode_values<activations>({static_cast<const typename activations::code*>(codes), y.size()}, y,
                                 range.scale<activations>());
    } else {
      throw format_error(message("policy ", policy_name<P>(), " stores no codes, got ", range.largest, " and ",
                                 y.size(), " of them", codes == nullptr ? " nowhere" : ""));
    }
  }
  void encode_weights(layer& l) const override {
    const auto encode = [&](tensor<float>& t, std::size_t groups) {
      encoder_of({t.data(), t.size()}, groups, l.type)(0, {t.data(), t.size()});
    };
    std::visit(
        [&]<class Params>(Params& p) {
          using kind = layer_kind<Params>;
          if constexpr (requires { p.sparse_rate; }) {
            if (p.sparse_rate != 0.0F) p.weights = smallest_set_to_zero(std::move(p.weights), p.sparse_rate);
          }
          if constexpr (kind::is_mac) encode(p.weights, groups_of(p));
          else if constexpr (kind::encodes_several_weights) kind::for_each_weights(p, [&](auto& t) { encode(t, 1); });
        },
        l.params);
  }
  [[nodiscard]] std::function<void(std::size_t, std::span<float>)> weight_encoder(const layer& l) const override {
    return visit_kind(l, [&](auto kind, const auto& p) -> std::function<void(std::size_t, std::span<float>)> {
      if constexpr (decltype(kind)::is_mac)
        return encoder_of({p.weights.data(), p.weights.size()}, groups_of(p), l.type);
      else return [](std::size_t, std::span<float>) {};
    });
  }
  [[nodiscard]] std::optional<double> floor_ratio(tensor_view<const float> reference,
                                                  tensor_view<const float> x) const override {
    return telling_floor_ratio<activations>(reference, x);
  }
  [[nodiscard]] std::optional<double> floor_ratio(tensor_view<const float> reference,
                                                  tensor_view<const q20_12> x) const override {
    return telling_floor_ratio<activations>(reference, x);
  }

 private:
  template <class Params>
  [[nodiscard]] static std::size_t groups_of(const Params& p) noexcept {
    if constexpr (requires { p.geometry.groups; }) return p.geometry.groups;
    else return 1;
  }
  /// decode(encode(part)) of parts of w.
  [[nodiscard]] static std::function<void(std::size_t, std::span<float>)> encoder_of(std::span<const float> w,
                                                                                     std::size_t groups,
                                                                                     std::string_view where) {
    return [each = w.size() / groups, encodings = encodings<weights>({}, w, groups, where)](std::size_t first,
                                                                                            std::span<float> part) {
      while (!part.empty()) {
        const group_weights<weights>& g = encodings.at(first / each);
        const std::span<float> of_group = part.first(std::min(part.size(), each - first % each));
        if (g.magnitude == 1.0 && !g.is_constant) {
          fake_quantize<weights>(of_group, of_group, g.scale);
        } else {
          for (float& v : of_group) {
            v = static_cast<float>(static_cast<double>(weights::decode(g.encode(v), g.scale)) * g.magnitude);
          }
        }
        first += of_group.size();
        part = part.subspan(of_group.size());
      }
    };
  }

  struct stored_in_q20_12 {
    using weights = typename P::weights;
    using activations = typename P::activations;
    using accumulator = typename P::accumulator;
    using output = q20_12;
  };
};

template <precision_policy P>
std::shared_ptr<const prepared_layer> policy_operators<P>::prepare(const layer& l, std::span<const tensor_shape> inputs,
                                                                   const preparation& how) const {
  return std::visit(
      [&]<class Params>(const Params& p) -> std::shared_ptr<const prepared_layer> {
        return std::make_shared<const prepared_kind<P, Params>>(l, p, inputs, how);
      },
      l.params);
}

template <precision_policy P>
[[nodiscard]] const network_policy& operators_of() {
  static const policy_operators<P> object;
  return object;
}

}  // namespace detail

/// The policies that a program can run networks in: policy_set::of<w8a8, my_policy>(). float32, the reference and the
/// host, is in every set. Each policy costs compile time and code for all kinds of layers.
class policy_set {
 public:
  /// What the accelerator has: float32, w8a8, w16a16.
  policy_set() : policy_set(of<w8a8, w16a16>()) {}
  /// A set of float32 and these, each once.
  template <precision_policy... P>
  [[nodiscard]] static policy_set of() {
    policy_set set{std::vector<const network_policy*>{&detail::operators_of<float32>()}};
    (set.add(detail::operators_of<P>()), ...);
    return set;
  }

  /// Whether a policy is in the set.
  [[nodiscard]] bool has(layer_precision p) const noexcept { return find(p) != nullptr; }
  /// All, float32 first, the others in the order in which they were given.
  [[nodiscard]] std::vector<layer_precision> names() const {
    std::vector<layer_precision> all;
    for (const network_policy* p : policies_) all.push_back(p->precision());
    return all;
  }
  /// Throws format_error, with the names of those that are there, for one that is not.
  [[nodiscard]] const network_policy& operator[](layer_precision p) const {
    const network_policy* const found = find(p);
    if (found != nullptr) return *found;
    std::string names;
    for (const network_policy* x : policies_) names += (names.empty() ? "" : ", ") + std::string(x->precision().name());
    throw format_error(detail::message("policy ", p.name(), " is not in the set of policies, expected one of ", names,
                                       ": policy_set::of<...>() takes others"));
  }

 private:
  explicit policy_set(std::vector<const network_policy*> policies) : policies_(std::move(policies)) {}
  void add(const network_policy& p) {
    if (!has(p.precision())) policies_.push_back(&p);
  }
  [[nodiscard]] const network_policy* find(layer_precision p) const noexcept {
    const auto found =
        std::find_if(policies_.begin(), policies_.end(), [&](const network_policy* x) { return x->precision() == p; });
    return found == policies_.end() ? nullptr : *found;
  }

  std::vector<const network_policy*> policies_;
};

// Compiling all operators takes half a minute. A program links nniesim::operators, or does it once itself: all of its
// files define NNIESIM_EXTERN_OPERATORS, and one NNIESIM_INSTANTIATE_OPERATORS. No result depends on either.
// NNIESIM_OPERATORS_ABI is what linked operators were compiled as.
#if defined(NNIESIM_OPERATORS_ABI)
#define NNIESIM_ABI_TEXT_(x) #x
#define NNIESIM_ABI_TEXT(x) NNIESIM_ABI_TEXT_(x)
static_assert(
    std::string_view(NNIESIM_ABI_TEXT(NNIESIM_ABI)) == NNIESIM_ABI_TEXT(NNIESIM_OPERATORS_ABI),
    "nniesim::operators was compiled for another version, instruction set (-march) or build kind (NDEBUG) than "
    "this file: compile both alike, or link nniesim::nniesim alone");
#undef NNIESIM_ABI_TEXT
#undef NNIESIM_ABI_TEXT_
#endif
#if defined(NNIESIM_INSTANTIATE_OPERATORS)
template class detail::policy_operators<float32>;
template class detail::policy_operators<w8a8>;
template class detail::policy_operators<w16a16>;
#elif defined(NNIESIM_EXTERN_OPERATORS)
extern template class detail::policy_operators<float32>;
extern template class detail::policy_operators<w8a8>;
extern template class detail::policy_operators<w16a16>;
#endif

NNIESIM_END_NAMESPACE
