// Layers that compute a norm and divide by it, y = x / (a + r), found in a network.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Where the constant stands.
enum class norm_form {
  outside,  ///< y = x / (a + r)
  inside,   ///< y = x / sqrt(a + r^2)
};

/// "outside the root" or "inside the root".
[[nodiscard]] constexpr std::string_view to_string(norm_form f) noexcept {
  return f == norm_form::outside ? "outside the root" : "inside the root";
}

/// Layers that compute a norm and divide by it: Power(2), ReduceMean or ReduceSum over all but the batch, Power(1/2)
/// and Power(-1), or Power(-1/2) for both, and the product with what was squared. Members are layers by index.
struct norm_chain {
  std::string name;                     ///< of the product
  norm_form form = norm_form::outside;  ///< where the constant stands
  std::size_t square = 0,               ///< Power(2)
      reduction = 0;                    ///< ReduceMean or ReduceSum
  std::size_t root = 0,                 ///< Power(1/2), or the same as `inverse`
      inverse = 0;                      ///< Power(-1), or Power(-1/2)
  std::size_t product = 0;              ///< an Eltwise or a Scale
  std::size_t holder = 0;               ///< root or inverse: the one whose shift is the constant
  /// Layers behind the inverse that read the factor (Concat, and the product), in order, and as which of their inputs:
  /// it is encoded where the blob is stored as codes.
  std::vector<std::pair<std::size_t, std::size_t>> encoders{};
  double constant = 0;       ///< a; 0 is a norm without one
  double weight = 0;         ///< what the root takes is its scale * weight * ||x||^2 + its shift
  std::size_t input = 0;     ///< the blob x
  std::size_t samples = 1;   ///< in x, each with a norm
  std::size_t sequence = 0;  ///< how many chains at most lie before it, one behind the other
};

namespace detail {

/// Finds chains from their products backwards.
class norm_chain_finder {
 public:
  explicit norm_chain_finder(const network& net) : net_(net), writer_(net.blobs.size(), nowhere) {
    for (std::size_t l = 0; l < net.layers.size(); ++l) {
      for (const std::size_t b : net.layers[l].outputs) writer_[b] = l;
    }
  }

  [[nodiscard]] std::vector<norm_chain> find() const {
    std::vector<norm_chain> chains;
    for (std::size_t l = 0; l < net_.layers.size(); ++l) {
      const layer& product = net_.layers[l];
      if (product.inputs.size() != 2) continue;
      std::optional<norm_chain> c;
      if (const auto* scale = std::get_if<layers::scale>(&product.params); scale != nullptr && scale->shift.empty()) {
        c = chain(product.inputs[0], product.inputs[1]);
        std::size_t outer = 1;
        for (std::size_t a = 0; a < scale->params.axis; ++a) outer *= net_.blobs[product.inputs[0]].shape[a];
        if (c && outer != 1 && c->samples != 1) c.reset();
        if (c) c->encoders.emplace_back(l, 1);
      } else if (const auto* p = std::get_if<eltwise_params>(&product.params);
                 p != nullptr && p->operation == eltwise_operation::product) {
        std::size_t factor = 1;
        c = chain(product.inputs[0], product.inputs[1]);
        if (!c) {
          factor = 0;
          c = chain(product.inputs[1], product.inputs[0]);
        }
        if (c) c->encoders.emplace_back(l, factor);
      }
      if (!c) continue;
      const bool is_shared =
          std::any_of(chains.begin(), chains.end(), [&](const norm_chain& other) { return other.holder == c->holder; });
      if (is_shared) continue;
      c->name = product.name;
      c->product = l;
      chains.push_back(*c);
    }
    number(chains);
    return chains;
  }

 private:
  static constexpr std::size_t nowhere = ~std::size_t{0};

  /// The blob that this one is under other names and shapes.
  [[nodiscard]] std::size_t source(std::size_t b) const {
    while (writer_[b] != nowhere && is_renaming(net_.layers[writer_[b]])) b = net_.layers[writer_[b]].inputs[0];
    return b;
  }
  /// The same through a Concat of copies too, each value staying with its sample; notes them in the chain.
  [[nodiscard]] std::size_t source_of_factor(std::size_t b, norm_chain& c) const {
    for (;;) {
      b = source(b);
      if (writer_[b] == nowhere) return b;
      const layer& l = net_.layers[writer_[b]];
      const auto* p = std::get_if<concat_params>(&l.params);
      if (p == nullptr) return b;
      std::size_t outer = 1;
      for (std::size_t a = 0; a < p->axis; ++a) outer *= net_.blobs[b].shape[a];
      const bool copies = std::all_of(l.inputs.begin(), l.inputs.end(),
                                      [&](std::size_t i) { return source(i) == source(l.inputs[0]); });
      if (!copies || (outer != c.samples && c.samples != 1)) return b;
      c.encoders.insert(c.encoders.begin(), {writer_[b], 0});
      b = l.inputs[0];
    }
  }
  [[nodiscard]] const power_params* power_behind(std::size_t b) const {
    return writer_[b] == nowhere ? nullptr : std::get_if<power_params>(&net_.layers[writer_[b]].params);
  }
  [[nodiscard]] std::size_t before(std::size_t l) const { return source(net_.layers[l].inputs[0]); }

  /// How many samples a reduction leaves of its input; nothing where it does not reduce all but the leading axes.
  [[nodiscard]] static std::optional<std::size_t> samples_of(const std::vector<std::size_t>& axes,
                                                             const tensor_shape& x) {
    std::size_t samples = 1;
    bool reducing = false;
    for (std::size_t a = 0; a < x.rank(); ++a) {
      const bool is_reduced = std::find(axes.begin(), axes.end(), a) != axes.end();
      if (x[a] == 1) continue;
      if (!is_reduced && reducing) return std::nullopt;
      reducing = reducing || is_reduced;
      if (!is_reduced) samples *= x[a];
    }
    return samples;
  }

  /// The chain that makes `factor` of x, without its product.
  [[nodiscard]] std::optional<norm_chain> chain(std::size_t x, std::size_t factor) const {
    norm_chain c;
    c.input = source(x);
    const tensor_shape& shape = net_.blobs[c.input].shape;
    c.samples = shape.rank() < 2 ? 1 : shape[0];

    factor = source_of_factor(factor, c);
    const power_params* const inverse = power_behind(factor);
    if (inverse == nullptr || !(inverse->scale > 0) || !std::isfinite(inverse->shift)) return std::nullopt;
    c.inverse = c.root = c.holder = writer_[factor];
    c.form = norm_form::inside;
    if (inverse->exponent == -1.0) {
      const std::size_t rooted = before(c.inverse);
      const power_params* const root = power_behind(rooted);
      if (root == nullptr || root->exponent != 0.5 || !(root->scale > 0) || !std::isfinite(root->shift)) {
        return std::nullopt;
      }
      c.root = writer_[rooted];
      if (inverse->shift != 0 || root->shift == 0) c.form = norm_form::outside;
      c.holder = c.form == norm_form::outside ? c.inverse : c.root;
    } else if (inverse->exponent != -0.5) {
      return std::nullopt;
    }
    c.constant = std::get<power_params>(net_.layers[c.holder].params).shift;

    const std::size_t reduced = before(c.root);
    if (writer_[reduced] == nowhere) return std::nullopt;
    c.reduction = writer_[reduced];
    const layer& reduction = net_.layers[c.reduction];
    const tensor_shape& from = reduction.inputs.empty() ? shape : net_.blobs[reduction.inputs[0]].shape;
    std::optional<std::size_t> samples;
    if (const auto* mean = std::get_if<reduce_mean_params>(&reduction.params)) {
      samples = samples_of(mean->axes, from);
      c.weight = static_cast<double>(c.samples) / static_cast<double>(from.size());
    } else if (const auto* sum = std::get_if<reduce_sum_params>(&reduction.params);
               sum != nullptr && sum->term == reduction_term::value) {
      samples = samples_of(sum->axes, from);
      c.weight = sum->coefficient;
    }
    if (samples != c.samples || !(c.weight > 0)) return std::nullopt;

    const std::size_t squared = before(c.reduction);
    const power_params* const square = power_behind(squared);
    if (square == nullptr || square->exponent != 2.0 || square->shift != 0 || square->scale == 0) return std::nullopt;
    c.square = writer_[squared];
    if (before(c.square) != c.input) return std::nullopt;
    c.weight *= static_cast<double>(square->scale) * static_cast<double>(square->scale);
    return std::isfinite(c.weight) && c.weight > 0 ? std::optional(c) : std::nullopt;
  }

  /// How many changed constants each chain's input may depend on, one behind the other.
  void number(std::vector<norm_chain>& chains) const {
    std::vector<std::size_t> of_blob(net_.blobs.size());
    for (std::size_t l = 0; l < net_.layers.size(); ++l) {
      std::size_t most = 0;
      for (const std::size_t b : net_.layers[l].inputs) most = std::max(most, of_blob[b]);
      for (const norm_chain& c : chains) most += c.holder == l ? 1U : 0U;
      for (const std::size_t b : net_.layers[l].outputs) of_blob[b] = most;
    }
    for (norm_chain& c : chains) c.sequence = of_blob[c.input];
  }

  const network& net_;
  std::vector<std::size_t> writer_;  ///< layer of each blob
};

}  // namespace detail

/// All chains of a network, in order of execution. Layers that only rename or reshape (Split, Dropout, Flatten,
/// Reshape) may stand in between, and a Concat of copies of the factor. No chain: a Power with another exponent, a
/// square with a shift, scales that are not positive, a reduction over other axes, a product with another blob or with
/// a shift. Of several products with one factor the first is the chain: they share the constant.
[[nodiscard]] inline std::vector<norm_chain> find_norm_chains(const network& net) {
  return detail::norm_chain_finder(net).find();
}

NNIESIM_END_NAMESPACE
