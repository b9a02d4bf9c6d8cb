// Runs a network: layers in order, blobs in one block of memory that is planned beforehand.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/core/sole_user.hpp>
#include <nniesim/network/activation_ranges.hpp>
#include <nniesim/network/blob_storage.hpp>
#include <nniesim/network/code_table.hpp>
#include <nniesim/network/memory_need.hpp>
#include <nniesim/network/memory_plan.hpp>
#include <nniesim/network/policy_set.hpp>
#include <nniesim/network/precision_plan.hpp>
#include <nniesim/network/runner_options.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Calls f; an error of its gets the layer's name and place in front, and memory that the system refuses is an error.
/// `bytes`: what the layer is thought to need, where that is known.
template <class F>
decltype(auto) in_layer(const layer& l, F&& f, std::size_t bytes = 0) {
  const auto with_place = [&](const error& e) {
    return message(l.where, ": layer '", printable(l.name), "': ", e.what());
  };
  try {
    return std::forward<F>(f)();
  } catch (const shape_error& e) {
    throw shape_error(with_place(e));
  } catch (const format_error& e) {
    throw format_error(with_place(e));
  } catch (const std::bad_alloc&) {
    throw memory_error(
        with_place(memory_error("the system gave no memory" + (bytes == 0 ? "" : ", expected " + bytes_text(bytes)))));
  }
}

/// Whether a layer may write where its first input stands.
[[nodiscard]] inline bool works_in_place(const layer& l) noexcept {
  return visit_kind(l, [](auto kind, const auto& p) { return decltype(kind)::works_in_place(p); });
}

/// A network's input as floats. NaN in those that are floats already is found later, when they are copied.
template <class X>
struct unsearched_input : dense<float> {
  unsearched_input(const X& x, std::string_view /*where*/) : dense<float>(x) {}
};
template <class X>
using run_input = std::conditional_t<std::same_as<element_t<X>, float>, unsearched_input<X>, op_input<float32, X>>;

/// What the accelerator gets of a float that a layer of the host computed: truncated toward zero.
[[nodiscard]] inline q20_12 from_host(float v) {
  return q20_12::from_raw(fixed_point<20, 12, toward_zero, saturate>::from(v).raw());
}

}  // namespace detail

/// A network ready to run under a plan, its weights quantized and laid out. `net` must outlive the object; one object
/// runs on one thread at a time (its `threads` apart) and throws error where a second uses it.
///
/// In a float plan blobs are floats. Else they are q20_12, and those that blob_storage_of() says are codes are read as
/// such, encoded with one scale each: the same numbers as if they were stored so. The network's inputs are encoded at
/// once, without 1/4096 in between. A layer of the host gets its inputs as floats, and what it gives to the accelerator
/// is truncated toward zero, as the vendor's runtime does with the floats that it is handed; what the host alone reads,
/// and outputs of the network, stay floats.
class network_runner {
 public:
  /// Throws shape_error or format_error with the layer's name and place where the network does not fit the plan or the
  /// operators' rules; before any work memory_error where it takes more than the limit.
  network_runner(const network& net, precision_plan plan, runner_options options = {})
      : net_(&net), plan_(std::move(plan)), options_(std::move(options)), inputs_(input_blobs(net)) {
    detail::require<format_error>(plan_.layers.size() == net.layers.size(), "network_runner: a plan of ",
                                  plan_.layers.size(), " layers, the network has ", net.layers.size());
    detail::require<format_error>(options_.prepared == nullptr || &options_.prepared->net() == &net,
                                  "network_runner: prepared layers of another network");
    for (const layer_precision p : plan_.layers) {
      const bool writes = p.writes_floats() || (p.writes_q20_12() && !plan_.is_float);
      detail::require<format_error>(writes, "network_runner: policy ", p.name(), " does not write ",
                                    plan_.is_float ? "the floats of a float plan" : "q20_12 or, on the host, floats");
    }
    const precision_plan* const stored_as = options_.stored_as;
    detail::require<format_error>(
        stored_as == nullptr || (plan_.is_float && stored_as->layers.size() == net.layers.size()),
        "network_runner: stored as a plan of other layers, or not in a float plan");
    need_ = need_of_memory(net, plan_, options_);
    require_memory(net, need_, options_.memory_limit);
    kept_ = detail::kept_blobs(net, options_.keep_all, options_.keep);
    storage_ = blob_storage_of(net, stored_as == nullptr ? plan_ : *stored_as);
    if (stored_as != nullptr) reader_formats_ = stored_as->layers;
    options_.stored_as = nullptr;
    is_watched_.resize(net.blobs.size());
    for (std::size_t b = 0; b < net.blobs.size(); ++b) {
      if (storage_[b].is_codes()) is_watched_[storage_[b].source] = is_watched_[storage_[b].range] = true;
    }
    found_.resize(net.blobs.size());
    is_input_.resize(net.blobs.size());
    for (const std::size_t b : inputs_) {
      is_input_[b] = true;
      input_names_.push_back(detail::message("input ", detail::excerpt(net.blobs[b].name)));
    }
    readers_.resize(net.blobs.size());
    for (std::size_t l = 0; l < net.layers.size(); ++l) {
      for (const std::size_t b : net.layers[l].inputs) readers_[b].push_back(l);
    }
    fused_.resize(net.layers.size());
    for (std::size_t l = 0; l < net.layers.size(); ++l) add_step(l);
    prepare(stored_as);
    layout_ = layout_of(false);
    place(layout_);
    if (bytes_ > need_.activations + need_.scratch) {  // for gaps between blobs
      need_.activations = bytes_;
      require_memory(net, need_, options_.memory_limit);
    }
  }

  /// A network that is gone before the runner is: keep it in a variable.
  network_runner(const network&&, precision_plan, runner_options = {}) = delete;
  /// Takes over plan, blobs and ranges. What is left can be destroyed or assigned to.
  network_runner(network_runner&&) noexcept = default;
  /// The same; what this object held is gone.
  network_runner& operator=(network_runner&&) noexcept = default;
  ~network_runner() {
    if (options_.prepared != nullptr) options_.prepared->give_back(std::move(memory_));
  }

  /// The network that it runs.
  [[nodiscard]] const network& net() const noexcept { return *net_; }
  /// The precisions in which it runs it.
  [[nodiscard]] const precision_plan& plan() const noexcept { return plan_; }
  /// Those that its plan may name.
  [[nodiscard]] const policy_set& policies() const noexcept { return policies_of(options_); }
  /// Bytes of the block that holds all blobs and workspaces.
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return bytes_; }
  /// What this runner was thought to take before it was made.
  [[nodiscard]] const memory_need& needed_memory() const noexcept { return need_; }
  /// Whether a blob is kept after a run: all are with keep_all, else those asked for, the reported ones and those that
  /// no layer reads. Throws out_of_range for one that is not there.
  [[nodiscard]] bool is_kept(std::size_t blob) const { return kept_.at(blob); }

  /// How each blob is stored: as codes, or as int32.
  [[nodiscard]] const std::vector<blob_storage>& storage() const noexcept { return storage_; }

  /// Whether the last run kept a blob as one code for each value. Runs with ranges from outside (use()) do so where the
  /// layers that write and read it take codes, and nobody else is to see its values; and with blobs of int32 that are
  /// only moved into one of codes, as concats do. All others stand as four bytes each; the results are the same.
  [[nodiscard]] bool is_stored_as_codes(std::size_t blob) const { return layout_.range.at(blob) != nowhere; }

  /// The range that a blob of codes had in the last run, or was given by use(). Throws format_error where nothing ran,
  /// and for a blob of int32.
  [[nodiscard]] const activation_range& range(std::size_t blob) const {
    user_.expect_free("network_runner");
    const bool are_known = has_run() || !given_.empty();
    detail::require<format_error>(are_known && storage_.at(blob).is_codes(), "blob ",
                                  detail::excerpt(net_->blobs.at(blob).name), ": it has no range, ",
                                  are_known ? "for it is stored as int32" : "for nothing ran yet",
                                  ", expected a blob of codes of the last run");
    return range_of(blob);
  }

  /// From now on blobs have these ranges; without, each run derives them from its own data, as a compilation with that
  /// one picture does. Throws format_error where that of a blob of codes is missing.
  void use(const activation_ranges& ranges) {
    const auto turn = user_.enter("network_runner");
    const std::vector<std::string> names = range_names(*net_);
    std::vector<std::optional<activation_range>> given(net_->blobs.size());
    for (std::size_t l = 0; l < net_->layers.size(); ++l) {
      for (const std::size_t b : net_->layers[l].inputs) {
        if (!storage_[b].is_codes()) continue;
        const std::size_t r = storage_[b].range;
        const auto found = ranges.blobs.find(names[r]);
        detail::require<format_error>(found != ranges.blobs.end(), "calibration: no range for the blob of layer ",
                                      detail::excerpt(names[r]), ", which layer ",
                                      detail::excerpt(net_->layers[l].name), " reads, expected one");
        given[r] = found->second;
      }
    }
    given_ = std::move(given);
    for (step& s : steps_) s.table = {};
  }

  /// Runs the network on its inputs, in the order of input_blobs(net): run(x), run(x1, x2). Elements of another type
  /// are rounded to float first. Throws shape_error or format_error, with the input's name, where their number, shapes
  /// or values (NaN) do not fit, memory_error where the system gives no memory.
  template <tensor_like... X>
  requires(sizeof...(X) != 0) void run(const X&... inputs) {
    require_count(sizeof...(X));
    std::size_t next = 0;
    run(std::span<const tensor_view<const float>>(std::array<tensor_view<const float>, sizeof...(X)>{
        detail::run_input<X>(inputs, input_names_[next++]).view()...}));
  }
  /// Of as many inputs as there are at run time: a std::vector<tensor<float>> or the like.
  template <std::ranges::contiguous_range R>
  requires std::same_as<std::ranges::range_value_t<R>, tensor<float>>
  void run(const R& inputs) {
    std::vector<tensor_view<const float>> views;
    for (const tensor<float>& x : inputs) views.push_back(view_of(x));
    run(views);
  }
  /// The same of views.
  void run(std::span<const tensor_view<const float>> inputs) {
    const auto turn = user_.enter("network_runner");
    start(inputs);
    while (next_ < steps_.size()) run_next();
  }

  /// Runs the network layer by layer: begin(inputs), then advance() until it gives nothing. After begin() the network's
  /// inputs can be read, after advance() the outputs of the layer that it gives, each until the next call; at the end
  /// what was kept. Needs {.one_by_one = true}. Throws as run().
  void begin(std::span<const tensor_view<const float>> inputs) {
    detail::require<format_error>(options_.one_by_one, "network_runner: begin() of a runner without one_by_one");
    const auto turn = user_.enter("network_runner");
    start(inputs);
  }
  /// The index of the layer that ran; nothing at the end, and where no run was begun.
  std::optional<std::size_t> advance() {
    const auto turn = user_.enter("network_runner");
    if (next_ >= steps_.size()) return std::nullopt;
    run_next();
    return steps_[next_ - 1].layer;
  }

  /// Each layer by itself: runs it on the inputs that it had in `reference`'s last run, and calls f(layer's index,
  /// output's index, view of the output as float or q20_12). Without keep_all a layer and the ReLU behind it may be
  /// one, under the ReLU's index. `reference` runs the same network in float and keeps all blobs. Nothing that this
  /// object computed before is of any influence, and none of its blobs can be read after it.
  template <class F>
  void run_isolated(const network_runner& reference, F&& f) {
    detail::require<format_error>(reference.net_ == net_ && reference.plan_.is_float && reference.options_.keep_all,
                                  "run_isolated: expected a float run of the same network that keeps all blobs");
    const auto turn = user_.enter("network_runner");
    reference.user_.expect_free("network_runner");
    store_codes(false);
    allocate();
    next_ = nowhere;
    for (step& s : steps_) {
      const layer& l = net_->layers[s.layer];
      for (const std::size_t b : l.inputs) {
        const tensor_view<const float> from = reference.view<const float>(b);
        if (has_floats(b)) std::copy_n(from.data(), from.size(), view<float>(b).data());
        else encode<q20_12>(from.span(), view<q20_12>(b).span(), {}, options_.threads);
        if (storage_[b].is_codes()) watch_reference(reference, storage_[b].range);
      }
      run_one(s);
      // A ReLU that is done with the layer before it has the only output that there is.
      const std::size_t writer = s.relu ? readers_[l.outputs[0]][0] : s.layer;
      for (std::size_t o = 0; o < net_->layers[writer].outputs.size(); ++o) {
        const std::size_t b = net_->layers[writer].outputs[o];
        if (has_floats(b)) f(writer, o, tensor_view<const float>(view<float>(b)));
        else f(writer, o, tensor_view<const q20_12>(view<q20_12>(b)));
      }
    }
  }

  /// Calls f with a view of a blob of the last run: of floats or q20_12; inputs of the network are floats, as they were
  /// given. Throws format_error for one that was not kept.
  template <class F>
  decltype(auto) visit(std::size_t blob, F&& f) const {
    user_.expect_free("network_runner");
    const char* const problem = is_at_hand(blob)               ? nullptr
                                : !has_run()                   ? "nothing ran yet"
                                : offsets_.at(blob) == nowhere ? "no layer writes it by itself"
                                : !kept_[blob]                 ? "it was not kept"
                                                               : nullptr;
    detail::require<format_error>(problem == nullptr, "blob '", detail::printable(net_->blobs.at(blob).name),
                                  "': ", problem == nullptr ? "" : problem,
                                  ", expected one of the last run that was kept, as all are by {.keep_all = true}");
    if (has_floats(blob)) return std::forward<F>(f)(tensor_view<const float>(view<float>(blob)));
    return std::forward<F>(f)(tensor_view<const q20_12>(view<q20_12>(blob)));
  }
  /// A blob of the last run as floats. Throws as visit().
  [[nodiscard]] tensor<float> value(std::size_t blob) const {
    auto result = make_tensor<float>(net_->blobs.at(blob).shape);
    visit(blob, [&](auto view) {
      std::transform(view.span().begin(), view.span().end(), result.data(),
                     [](const auto& v) { return static_cast<float>(v); });
    });
    return result;
  }
  /// The output of the layer of that name, or the blob of that name; see blob_index(). Throws as it and visit().
  [[nodiscard]] tensor<float> value(std::string_view name) const { return value(blob_index(*net_, name)); }

 private:
  struct step {
    std::size_t layer;
    std::shared_ptr<const nniesim::layer> changed;  ///< with other weights, where it has such
    std::shared_ptr<const prepared_layer> op;
    bool relu = false;          ///< the ReLU behind it is done here
    std::size_t workspace = 0;  ///< bytes
    std::size_t workspace_offset = 0;
    std::vector<bool> reads_copy{};     ///< of each input: what it is handed is not what stands there
    std::vector<std::size_t> copies{};  ///< of each input that is handed over as a copy its place, else nowhere
    detail::code_table table{};         ///< where it looks its outputs up: filled when it does so first
  };
  static constexpr std::size_t nowhere = ~std::size_t{0};
  /// How blobs stand, and what steps make of that.
  struct layout {
    /// Of each blob that is stored as codes the one whose range they have, else nowhere.
    std::vector<std::size_t> range;
    std::vector<std::size_t> bytes;  ///< of an element of each blob
    /// Of each step whose outputs are a function of single codes of one blob, that blob; else nowhere.
    std::vector<std::size_t> root;
    std::vector<bool> is_left_out;  ///< of each step: nobody reads what it would write
    friend bool operator==(const layout&, const layout&) = default;
  };

  /// Makes all steps ready. Threads share the small layers of products, a layer each, and then each large one. What is
  /// thrown is what the first layer that fails throws.
  void prepare(const precision_plan* stored_as) {
    const executor& threads = options_.threads;
    constexpr std::size_t large = std::size_t{1} << 18U, of_layer = 1024;  // weights; a layer by itself in weights
    std::vector<std::size_t> together, one_by_one;                         // steps
    std::size_t work = 0;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const layer& l = net_->layers[steps_[i].layer];
      const auto [weights, copies] = visit_kind(l, [](auto kind, const auto& p) {
        return std::pair(decltype(kind)::weights(p), decltype(kind)::weight_copies(p));
      });
      // Copies count once among what a network needs, and shared layers serve one thread at a time.
      const bool is_alone = !is_mac_layer(l) || weights >= large || copies != 0 || options_.prepared != nullptr;
      (is_alone ? one_by_one : together).push_back(i);
      if (!is_alone) work += weights + of_layer;
    }
    std::mutex mutex;
    std::size_t failed = steps_.size();
    std::exception_ptr problem;
    const auto attempt = [&](std::size_t i, const executor& shared) {
      {
        const std::lock_guard lock(mutex);
        if (i > failed) return;
      }
      try {
        prepare_step(steps_[i], stored_as, shared);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (i < failed) {
          failed = i;
          problem = std::current_exception();
        }
      }
    };
    const auto attempt_together = [&](std::size_t k) { attempt(together[k], executor{}); };
    try {
      kernels::shared(threads, work)(together.size(), attempt_together);
    } catch (const std::bad_alloc&) {  // the threads' own
      throw memory_error(detail::message("network '", detail::printable(net_->name), "': the system gave no memory"));
    }
    for (const std::size_t i : one_by_one) attempt(i, threads);
    if (problem) std::rethrow_exception(problem);
  }
  void prepare_step(step& s, const precision_plan* stored_as, const executor& threads) {
    const std::size_t index = s.layer;
    const layer& l = net_->layers[index];
    const layer_precision p = plan_.layers[index];
    const network_policy* const encodes =
        stored_as != nullptr && encodes_weights(l) && stored_as->layers[index].encodes()
            ? &policies()[stored_as->layers[index]]
            : nullptr;
    detail::in_layer(
        l,
        [&] {
          if (options_.prepared != nullptr && encodes == nullptr) {
            s.op = options_.prepared->get(index, p, threads);
            return;
          }
          preparation how{.in_pieces = need_.in_pieces[index], .threads = threads};
          if (encodes != nullptr && how.in_pieces) {
            how.change = encodes->weight_encoder(l);
          } else if (encodes != nullptr) {
            auto changed = std::make_shared<layer>(l);
            encodes->encode_weights(*changed);
            s.changed = std::move(changed);
          }
          s.op = policies()[p].prepare(s.changed ? *s.changed : l, input_shapes(*net_, l), how);
        },
        need_.layers[index]);
    s.workspace = s.op->workspace_bytes(options_.threads);
  }
  /// The layer's step, unless an earlier one does its work.
  void add_step(std::size_t index) {
    const layer& l = net_->layers[index];
    if (std::holds_alternative<layers::input>(l.params) || fused_[index]) return;
    steps_.push_back({.layer = index, .changed = {}, .op = {}});
    step& s = steps_.back();
    for (const std::size_t b : l.inputs) {
      const bool is_copy = reads_copy(*net_, plan_, storage_, index, b, !reader_formats_.empty());
      s.reads_copy.push_back(is_copy);
      s.copies.push_back(is_copy ? 0 : nowhere);
    }
    const bool takes_relu = visit_kind(l, [](auto kind, const auto&) { return decltype(kind)::takes_relu; });
    if (!options_.one_by_one && takes_relu && !kept_[l.outputs[0]] && readers_[l.outputs[0]].size() == 1) {
      const std::size_t next = readers_[l.outputs[0]][0];
      const auto* relu = std::get_if<relu_params>(&net_->layers[next].params);
      if (relu != nullptr && relu->negative_slope == 0.0 && plan_.layers[next] == plan_.layers[index]) {
        s.relu = true;
        fused_[next] = true;
      }
    }
  }
  [[nodiscard]] std::size_t output_of(const step& s, std::size_t i) const {
    const layer& l = net_->layers[s.layer];
    return s.relu ? net_->layers[readers_[l.outputs[0]][0]].outputs[0] : l.outputs[i];
  }

  [[nodiscard]] std::size_t outputs_of(const step& s) const {
    return s.relu ? 1 : net_->layers[s.layer].outputs.size();
  }
  /// Whether a blob's values stand as floats.
  [[nodiscard]] bool has_floats(std::size_t b) const { return plan_.is_float || storage_[b].is_float; }

  /// Whether a step reads a blob itself where that stands as codes.
  [[nodiscard]] bool reads_stored(const step& s, std::size_t b) const {
    return s.op->stored_codes().reads && storage_[b].codes.size() == 1 &&
           storage_[b].codes[0].activations() == s.op->precision().activations();
  }
  /// Of each blob the only output of a step, that step; else nowhere.
  [[nodiscard]] std::vector<std::size_t> writers() const {
    std::vector<std::size_t> writer(net_->blobs.size(), nowhere);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (outputs_of(steps_[i]) == 1) writer[output_of(steps_[i], 0)] = i;
    }
    return writer;
  }
  [[nodiscard]] layout layout_of(bool with_codes) const {
    const std::size_t blobs = net_->blobs.size();
    layout all{std::vector(blobs, nowhere), std::vector(blobs, sizeof(float)), std::vector(steps_.size(), nowhere),
               std::vector<bool>(steps_.size())};
    if (with_codes && !plan_.is_float) {
      store_read_codes(all);
      store_moved_codes(all);
      find_tables(all);
    }
    return all;
  }
  /// Blobs of codes: those whose writer stores codes, and whose readers all read them or get copies.
  void store_read_codes(layout& all) const {
    std::vector<bool> fits(net_->blobs.size());  // of those that are no other names
    const std::vector<std::size_t> writer = writers();
    for (std::size_t b = 0; b < fits.size(); ++b) {
      if (writer[b] == nowhere || storage_[b].source != b || storage_[b].codes.size() != 1) continue;
      const prepared_layer& op = *steps_[writer[b]].op;
      fits[b] = op.stored_codes().writes && op.precision().activations() == storage_[b].codes[0].activations();
      all.bytes[b] = op.stored_codes().bytes;
    }
    for (const step& s : steps_) {
      const layer& l = net_->layers[s.layer];
      const bool is_same = visit_kind(l, [](auto kind, const auto&) { return decltype(kind)::is_same_blob; });
      for (std::size_t i = 0; i < l.inputs.size(); ++i) {
        const std::size_t b = l.inputs[i];
        if (!is_same && !s.reads_copy[i] && !reads_stored(s, b)) fits[storage_[b].source] = false;
      }
    }
    for (std::size_t b = 0; b < fits.size(); ++b) {
      if (kept_[b]) fits[storage_[b].source] = false;
    }
    for (std::size_t b = 0; b < fits.size(); ++b) {
      const std::size_t source = storage_[b].source;
      if (fits[source]) all.range[b] = storage_[b].range;
      all.bytes[b] = fits[source] ? all.bytes[source] : sizeof(float);
    }
  }
  /// Blobs of int32 that are only moved into one blob of codes: as the codes that they become there.
  void store_moved_codes(layout& all) const {
    std::vector<std::size_t> step_of(net_->layers.size(), nowhere);
    for (std::size_t i = 0; i < steps_.size(); ++i) step_of[steps_[i].layer] = i;
    for (std::size_t i = steps_.size(); i-- > 0;) {
      const step& s = steps_[i];
      if (outputs_of(s) != 1 || !s.op->stored_codes().writes) continue;
      const std::size_t b = output_of(s, 0);
      if (storage_[b].is_codes() || storage_[b].is_float || kept_[b]) continue;
      std::size_t range = nowhere;
      bool is_moved = !readers_[b].empty();
      for (const std::size_t reader : readers_[b]) {
        const step* const next = step_of[reader] == nowhere ? nullptr : &steps_[step_of[reader]];
        is_moved = is_moved && next != nullptr && next->op->stored_codes().moves &&
                   next->op->precision().activations() == s.op->precision().activations();
        if (!is_moved) break;
        const std::size_t to = all.range[output_of(*next, 0)];
        is_moved = to != nowhere && (range == nowhere || range == to);
        range = to;
      }
      if (!is_moved) continue;
      all.range[b] = range;
      all.bytes[b] = s.op->stored_codes().bytes;
    }
  }
  /// Pointwise layers whose inputs all follow from single codes of one blob, and those that only such read.
  void find_tables(layout& all) const {
    std::vector<std::size_t> root_of(net_->blobs.size(), nowhere);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const step& s = steps_[i];
      if (!s.op->stored_codes().is_pointwise || outputs_of(s) != 1) continue;
      const std::vector<std::size_t>& inputs = net_->layers[s.layer].inputs;
      const auto follow_from = [&](std::size_t root) {
        return root != nowhere && std::all_of(inputs.begin(), inputs.end(), [&](std::size_t b) {
                 const bool reads = all.range[b] == nowhere ? !storage_[b].is_codes() : reads_stored(s, b);
                 return reads && (b == root || root_of[b] == root);
               });
      };
      for (const std::size_t root :
           {root_of[inputs[0]], all.range[inputs[0]] == nowhere ? nowhere : inputs[0], root_of[inputs.back()],
            all.range[inputs.back()] == nowhere ? nowhere : inputs.back()}) {
        if (all.root[i] == nowhere && follow_from(root)) all.root[i] = root_of[output_of(s, 0)] = root;
      }
    }
    std::vector<bool> is_read(net_->blobs.size());
    for (std::size_t i = steps_.size(); i-- > 0;) {
      const step& s = steps_[i];
      if (all.root[i] == nowhere) {
        for (const std::size_t input : net_->layers[s.layer].inputs) is_read[input] = true;
        continue;
      }
      const std::size_t b = output_of(s, 0);
      all.is_left_out[i] = !kept_[b] && !readers_[b].empty() && !is_read[b];
      if (!all.is_left_out[i]) is_read[all.root[i]] = true;
    }
  }
  /// What a step that has a root makes of each code.
  [[nodiscard]] detail::code_table table_of(std::size_t last) const {
    const std::size_t root = layout_.root[last], bytes = layout_.bytes[root], n = detail::code_table::count(bytes);
    std::map<std::size_t, std::vector<std::byte>> points{{root, detail::code_table::codes(bytes)}};
    const executor alone{};
    for (std::size_t i = 0; i <= last; ++i) {
      if (layout_.root[i] != root) continue;
      const step& s = steps_[i];
      std::vector<tensor_view<const q20_12>> inputs;
      std::vector<activation_range> ranges;
      std::vector<void*> codes;
      for (const std::size_t b : net_->layers[s.layer].inputs) {
        std::byte* const at = points.at(b).data();
        const bool is_codes = layout_.range[b] != nowhere;
        inputs.push_back({{reinterpret_cast<const q20_12*>(at), n}, {n}});
        ranges.push_back(is_codes ? *given_[layout_.range[b]] : activation_range{});
        codes.push_back(is_codes ? at : nullptr);
      }
      const std::size_t y = output_of(s, 0);
      std::vector<std::byte>& results = points[y];
      results.resize(n * layout_.bytes[y]);
      const tensor_view<q20_12> output({reinterpret_cast<q20_12*>(results.data()), n}, {n});
      layer_run<q20_12> run{inputs, ranges, {&output, 1}, {}, alone, s.relu};
      run.code_inputs = codes;
      void* const code_output = results.data();
      if (layout_.range[y] != nowhere) {
        run.code_outputs = {&code_output, 1};
        run.output_range = &*given_[layout_.range[y]];
      }
      s.op->run(run);
    }
    return {std::move(points.at(output_of(steps_[last], 0))), bytes};
  }
  /// Stores what can be stored as codes, or nothing. What throws leaves everything as it was.
  void store_codes(bool wanted) {
    if (wanted == stores_codes_) return;
    layout next = layout_of(wanted);
    if (next != layout_) {
      place(next);
      if (bytes_ > need_.activations + need_.scratch) {  // codes take less, but for what then has no place in common
        next = layout_of(false);
        place(next);
      }
      layout_ = std::move(next);
      for (step& s : steps_) s.table = {};
      if (options_.prepared != nullptr) options_.prepared->give_back(std::move(memory_));
      memory_ = {};
    }
    stores_codes_ = wanted;
  }

  /// Of each blob the last step that reads it, or all of them where it is kept.
  [[nodiscard]] std::vector<std::size_t> last_uses(const layout& as) const {
    std::vector<std::size_t> last(net_->blobs.size());
    for (std::size_t s = 0; s < steps_.size(); ++s) {
      if (as.root[s] != nowhere) last[as.root[s]] = s;
      else
        for (const std::size_t b : net_->layers[steps_[s].layer].inputs) last[b] = s;
    }
    for (std::size_t b = 0; b < last.size(); ++b) {
      if (kept_[b]) last[b] = steps_.size();
    }
    return last;
  }

  /// Finds each blob a place: of its own, or that of the blob which it renames or replaces.
  void place(const layout& as) {
    std::vector<std::size_t> storage(net_->blobs.size(), nowhere);
    std::vector<memory_request> requests;
    const std::vector<std::size_t> last_use = last_uses(as);
    const auto put = [&](std::size_t b, std::size_t where, std::size_t first) {
      if (where == nowhere) {
        where = requests.size();
        requests.push_back({net_->blobs[b].shape.size() * as.bytes[b], first, first});
      }
      storage[b] = where;
      requests[where].last = std::max(requests[where].last, last_use[b]);
    };
    for (const layer& l : net_->layers) {
      if (std::holds_alternative<layers::input>(l.params)) put(l.outputs[0], nowhere, 0);
    }
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const layer& l = net_->layers[steps_[i].layer];
      for (std::size_t o = 0; o < outputs_of(steps_[i]) && !as.is_left_out[i]; ++o) {
        const std::size_t b = output_of(steps_[i], o);
        const std::size_t from = as.root[i] != nowhere ? as.root[i] : l.inputs.empty() ? nowhere : l.inputs[0];
        std::size_t where = nowhere;
        if (is_renaming(l) && !steps_[i].reads_copy[0] && has_floats(from) == has_floats(b) &&
            as.range[from] == as.range[b]) {
          where = storage[from];
        } else if (detail::works_in_place(l) && requests[storage[from]].last == i && as.bytes[from] == as.bytes[b] &&
                   net_->blobs[b].shape == net_->blobs[from].shape) {
          where = storage[from];
        }
        put(b, where, i);
      }
    }
    const std::size_t blobs = requests.size();
    for (std::size_t i = 0; i < steps_.size(); ++i) requests.push_back({steps_[i].workspace, i, i});
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      for (std::size_t k = 0; k < steps_[i].copies.size(); ++k) {
        const std::size_t b = net_->layers[steps_[i].layer].inputs[k];
        if (!is_copied(as, i, k)) continue;
        requests.push_back({net_->blobs[b].shape.size() * sizeof(float), i, i});
      }
    }
    const memory_plan plan = plan_memory(requests);
    offsets_.assign(net_->blobs.size(), nowhere);
    for (std::size_t b = 0; b < net_->blobs.size(); ++b) {
      if (storage[b] != nowhere) offsets_[b] = plan.offsets[storage[b]];
    }
    std::size_t next_copy = blobs + steps_.size();
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      steps_[i].workspace_offset = plan.offsets[blobs + i];
      for (std::size_t k = 0; k < steps_[i].copies.size(); ++k) {
        steps_[i].copies[k] = is_copied(as, i, k) ? plan.offsets[next_copy++] : nowhere;
      }
    }
    bytes_ = plan.bytes;
  }

  /// Whether an input is handed to a step as a copy.
  [[nodiscard]] bool is_copied(const layout& as, std::size_t at, std::size_t input) const {
    const step& s = steps_[at];
    const std::size_t b = net_->layers[s.layer].inputs[input];
    return s.reads_copy[input] && as.root[at] == nowhere && !as.is_left_out[at] &&
           !(as.range[b] != nowhere && reads_stored(s, b));
  }

  template <class V>
  [[nodiscard]] tensor_view<V> view(std::size_t b) const {
    return view_at<V>(offsets_[b], net_->blobs[b].shape);
  }
  template <class V>
  [[nodiscard]] tensor_view<V> view_at(std::size_t offset, const tensor_shape& shape) const {
    return {std::span<V>(reinterpret_cast<V*>(memory_.data.get() + offset), shape.size()), shape};
  }

  /// Takes the range of a blob that was just written, unless ranges are given.
  void watch(std::size_t b) {
    if (!is_watched_[b] || !given_.empty()) return;
    found(b, has_floats(b) ? detail::largest_magnitude<float>(view<float>(b).span())
                           : detail::largest_magnitude<q20_12>(view<q20_12>(b).span()));
  }
  void found(std::size_t b, float largest) {
    found_[b] = observer_ ? observer_(b, largest) : activation_range::of(largest);
  }
  /// The same of a blob of another run, as it would stand here.
  void watch_reference(const network_runner& reference, std::size_t b) {
    if (!given_.empty()) return;
    const tensor_view<const float> from = reference.view<const float>(b);
    if (has_floats(b)) return found(b, detail::largest_magnitude<float>(from.span()));
    std::vector<q20_12> values(from.size());
    encode<q20_12>(from.span(), std::span(values), {}, options_.threads);
    found(b, detail::largest_magnitude<q20_12>(std::span(values)));
  }
  [[nodiscard]] const activation_range& range_of(std::size_t b) const {
    const std::size_t r = storage_[b].range;
    return given_.empty() ? *found_[r] : *given_[r];
  }

  void require_count(std::size_t got) const {
    if (got == inputs_.size()) return;
    std::string expected;
    for (const std::size_t b : inputs_) {
      expected += detail::message(expected.empty() ? ": " : ", ", detail::excerpt(net_->blobs[b].name), " of shape ",
                                  net_->blobs[b].shape);
    }
    throw shape_error(detail::message("network ", detail::excerpt(net_->name), ": got ", got, " inputs, expected ",
                                      inputs_.size(), expected));
  }
  void set_inputs(std::span<const tensor_view<const float>> inputs) {
    require_count(inputs.size());
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const tensor_view<float> to = view<float>(inputs_[i]);
      const tensor_view<const float>& from = inputs[i];
      detail::require<shape_error>(from.shape() == to.shape(), input_names_[i], ": got shape ", from.shape(),
                                   ", expected ", to.shape());
      // One pass copies, finds NaN and the range.
      std::atomic<std::uint32_t> largest_bits{0};
      detail::for_pieces(from.size(), options_.threads, [&, use = active_isa()](std::size_t at, std::size_t n) {
        kernels::raise_to(largest_bits, kernels::select(use, [&](auto set) {
                            return decltype(set)::magnitude_bits(from.data() + at, to.data() + at, n);
                          }));
      });
      const float largest = std::bit_cast<float>(largest_bits.load());
      if (!(largest == largest)) detail::refuse_nan(from, input_names_[i]);
      if (is_watched_[inputs_[i]] && given_.empty()) found(inputs_[i], largest);
    }
  }

  void allocate() {
    if (memory_.data) return;
    try {
      memory_ = options_.prepared != nullptr ? options_.prepared->take_memory(bytes_) : detail::memory_block(bytes_);
    } catch (const std::bad_alloc&) {
      const layer& l = net_->layers[need_.largest_layer];
      throw memory_error(detail::message("network '", detail::printable(net_->name),
                                         "': the system gave no memory, expected ", detail::bytes_text(bytes_),
                                         " for blobs; most is taken by layer '", detail::printable(l.name), "' (",
                                         l.where, "): ", detail::bytes_text(need_.layers[need_.largest_layer])));
    }
  }
  friend class calibrator;

  void start(std::span<const tensor_view<const float>> inputs) {
    store_codes(!given_.empty() && !options_.one_by_one);
    allocate();
    next_ = nowhere;
    set_inputs(inputs);
    next_ = 0;
  }
  void run_next() {
    step& s = steps_[next_];
    const std::size_t at = next_;
    next_ = nowhere;  // what throws ends the run
    run_one(s);
    for (std::size_t o = 0; o < outputs_of(s); ++o) watch(output_of(s, o));
    next_ = at + 1;
  }
  /// Whether the last run came to its end.
  [[nodiscard]] bool has_run() const noexcept { return next_ == steps_.size(); }
  /// Whether a blob is the network's input or an output of the layer that ran last, in a run layer by layer.
  [[nodiscard]] bool is_at_hand(std::size_t b) const {
    if (!options_.one_by_one || next_ == nowhere) return false;
    if (next_ == 0) return is_input_.at(b);
    const std::vector<std::size_t>& outputs = net_->layers[steps_[next_ - 1].layer].outputs;
    return std::find(outputs.begin(), outputs.end(), b) != outputs.end();
  }

  void run_one(step& s) {
    const layer& l = net_->layers[s.layer];
    const auto at = static_cast<std::size_t>(&s - steps_.data());
    if (layout_.is_left_out[at]) return;
    detail::in_layer(
        l,
        [&] {
          if (layout_.root[at] != nowhere) return look_up(at);
          if (plan_.is_float) run_step<float>(s, l);
          else if (!s.op->precision().writes_floats()) run_step<q20_12>(s, l);
          else run_on_host(s, l);
        },
        need_.layers[s.layer]);
  }

  /// A step whose outputs are a function of single codes.
  void look_up(std::size_t at) {
    step& s = steps_[at];
    if (s.table.empty()) s.table = table_of(at);
    const std::size_t from = layout_.root[at], to = output_of(s, 0);
    std::byte* const memory = memory_.data.get();
    s.table.apply(memory + offsets_[from], memory + offsets_[to], net_->blobs[to].shape.size(), options_.threads);
  }

  [[nodiscard]] std::span<std::byte> workspace(const step& s) const {
    return {memory_.data.get() + s.workspace_offset, s.workspace};
  }
  /// An input as a step reads it: where it stands, or a copy.
  template <class V>
  [[nodiscard]] tensor_view<const V> input(const step& s, std::size_t i) {
    const std::size_t b = net_->layers[s.layer].inputs[i];
    if (s.copies[i] == nowhere) return view<V>(b);
    const tensor_view<V> copy = view_at<V>(s.copies[i], net_->blobs[b].shape);
    const network_policy* policy = nullptr;
    if (storage_[b].is_codes()) {
      const layer_precision reader = reader_formats_.empty() ? plan_.layers[s.layer] : reader_formats_[s.layer];
      policy = &policies()[storage_[b].read_by(reader)];
    }
    if constexpr (std::same_as<V, float>) {
      policy->encode_activations(view<float>(b).span(), range_of(b), copy.span(), options_.threads);
    } else if (has_floats(b)) {
      const std::span<const float> x = view<float>(b).span();
      std::vector<float> values(x.begin(), x.end());
      if (policy != nullptr) policy->encode_activations(values, range_of(b), values, options_.threads);
      encode<q20_12>(std::span<const float>(values), copy.span(), {}, options_.threads);
    } else if (layout_.range[b] != nowhere) {
      policy->decode_activations(memory_.data.get() + offsets_[b], *given_[layout_.range[b]], copy.span());
    } else {
      policy->encode_activations(view<q20_12>(b).span(), range_of(b), copy.span());
    }
    return copy;
  }
  template <class V>
  void run_step(const step& s, const layer& l) {
    auto& [inputs, outputs] = std::get<layer_views<V>>(views_);
    inputs.clear();
    outputs.clear();
    for (std::size_t i = 0; i < l.inputs.size(); ++i) inputs.push_back(input<V>(s, i));
    for (std::size_t o = 0; o < l.outputs.size(); ++o) outputs.push_back(view<V>(output_of(s, o)));
    evaluate<V>(s, l, inputs, outputs);
  }
  template <class V>
  void evaluate(const step& s, const layer& l, std::span<const tensor_view<const V>> inputs,
                std::span<const tensor_view<V>> outputs) {
    ranges_.assign(l.inputs.size(), {});
    floats_.assign(l.inputs.size(), {});
    const bool takes_codes = s.op->precision().encodes_activations();
    for (std::size_t i = 0; i < l.inputs.size(); ++i) {
      const std::size_t b = l.inputs[i];
      if (!storage_[b].is_codes()) continue;
      ranges_[i] = range_of(b);
      if (has_floats(b) && takes_codes && reads_codes(l, i)) floats_[i] = view<float>(b);
    }
    layer_run<V> run{inputs, ranges_, outputs, workspace(s), options_.threads, s.relu, floats_};
    if (!stores_codes_ || s.op->stored_codes().bytes == 0) return s.op->run(run);
    const auto place_of = [&](std::size_t b) -> void* {
      return layout_.range[b] != nowhere ? memory_.data.get() + offsets_[b] : nullptr;
    };
    const std::size_t y = output_of(s, 0);
    void* code_output = place_of(y);
    code_inputs_.assign(l.inputs.size(), nullptr);
    moved_inputs_.assign(l.inputs.size(), nullptr);
    bool are_codes = false;
    for (std::size_t i = 0; i < l.inputs.size(); ++i) {
      const std::size_t b = l.inputs[i];
      if (s.copies[i] != nowhere || layout_.range[b] == nowhere) continue;
      const bool is_moved = s.op->stored_codes().moves && layout_.range[b] == layout_.range[y];
      (is_moved ? moved_inputs_ : code_inputs_)[i] = place_of(b);
      ranges_[i] = *given_[layout_.range[b]];
      are_codes = true;
    }
    if (are_codes) {
      run.code_inputs = code_inputs_;
      run.moved_inputs = moved_inputs_;
    }
    if (code_output != nullptr) {
      run.code_outputs = {&code_output, 1};
      run.output_range = &*given_[layout_.range[y]];
    }
    s.op->run(run);
  }

  /// A layer of the host between layers of the accelerator.
  void run_on_host(const step& s, const layer& l) {
    if (visit_kind(l, [](auto kind, const auto&) { return decltype(kind)::is_same_blob; })) return;
    std::vector<tensor<float>> values;  // of blobs that do not stand as floats
    values.reserve(l.inputs.size() + l.outputs.size());
    std::vector<tensor_view<const float>> inputs;
    std::vector<tensor_view<float>> outputs;
    for (std::size_t i = 0; i < l.inputs.size(); ++i) {
      const std::size_t b = l.inputs[i];
      if (has_floats(b)) {
        inputs.push_back(view<float>(b));
        continue;
      }
      values.push_back(make_tensor<float>(net_->blobs[b].shape));
      decode<q20_12>(input<q20_12>(s, i).span(), view_of(values.back()).span(), {}, options_.threads);
      inputs.push_back(view_of(std::as_const(values.back())));
    }
    for (std::size_t o = 0; o < l.outputs.size(); ++o) {
      const std::size_t b = output_of(s, o);
      if (!has_floats(b)) values.push_back(make_tensor<float>(net_->blobs[b].shape));
      outputs.push_back(has_floats(b) ? view<float>(b) : view_of(values.back()));
    }
    evaluate<float>(s, l, inputs, outputs);
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      if (has_floats(output_of(s, o))) continue;
      std::transform(outputs[o].span().begin(), outputs[o].span().end(), view<q20_12>(output_of(s, o)).data(),
                     detail::from_host);
    }
  }

  template <class V>
  struct layer_views {
    std::vector<tensor_view<const V>> inputs;
    std::vector<tensor_view<V>> outputs;
  };

  const network* net_;
  precision_plan plan_;
  runner_options options_;
  std::vector<std::size_t> inputs_;       ///< blobs
  std::vector<std::string> input_names_;  ///< for errors
  memory_need need_;
  std::vector<std::vector<std::size_t>> readers_;  ///< of each blob
  std::vector<bool> kept_, fused_, is_input_, is_watched_;
  layout layout_;
  bool stores_codes_ = false;                    ///< blobs have their places for it
  std::vector<blob_storage> storage_;            ///< of each blob
  std::vector<layer_precision> reader_formats_;  ///< of a float network that runs as another plan stores: that plan's
  std::vector<std::optional<activation_range>> given_, found_;  ///< ranges of blobs: from outside or empty; of the run
  std::function<activation_range(std::size_t, float)> observer_;
  std::vector<step> steps_;
  std::vector<std::size_t> offsets_;  ///< of each blob in memory_
  std::size_t bytes_ = 0;
  std::size_t next_ = nowhere;  ///< the step that runs next; behind the last one after a run; nowhere: it failed
  // What the step that runs is given; kept, for allocating takes a part of a small layer's time.
  std::tuple<layer_views<float>, layer_views<q20_12>> views_;
  std::vector<activation_range> ranges_;
  std::vector<tensor_view<const float>> floats_;
  std::vector<void*> code_inputs_, moved_inputs_;
  detail::memory_block memory_;
  detail::sole_user user_;
};

NNIESIM_END_NAMESPACE
