// The name of a policy at run time: what plans hold for each layer.
#pragma once

#include <algorithm>
#include <compare>
#include <concepts>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include <nniesim/precision/group_weights.hpp>
#include <nniesim/precision/policy.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// What is known of a policy without its operators; its address is its identity.
struct policy_facts {
  std::string_view (*name)();
  std::string_view activations;  ///< the format's name
  bool encodes_activations;
  int weight_bits, activation_bits;
  bool encodes;        ///< its weights or activations are not floats
  bool writes_floats;  ///< its output is binary32
  bool writes_q20_12;
  int levels_per_octave;  ///< in which ranges are shifted
  double octaves;         ///< from the smallest level of a range to the largest
};

template <quantized_format F>
[[nodiscard]] constexpr int bits_of() noexcept {
  if constexpr (requires { F::bits; }) return F::bits;
  else return static_cast<int>(8 * sizeof(typename F::code));
}

template <precision_policy P>
inline constexpr policy_facts policy_facts_of = [] {
  using weights = typename P::weights;
  using activations = typename P::activations;
  policy_facts f{[]() -> std::string_view {
                   static const std::string name = policy_name<P>();
                   return name;
                 },
                 activations::name,
                 !std::same_as<activations, binary32>,
                 bits_of<weights>(),
                 bits_of<activations>(),
                 !std::same_as<weights, binary32> || !std::same_as<activations, binary32>,
                 std::same_as<typename P::output, binary32>,
                 std::same_as<typename P::output, q20_12>,
                 16,
                 static_cast<double>(std::numeric_limits<float>::max_exponent)};
  if constexpr (is_log_format<activations>) {
    f.levels_per_octave = activations::levels;
    f.octaves = static_cast<double>(activations::max_magnitude) / activations::levels;
  } else if constexpr (uniform_format<activations>) {
    f.octaves = bits_of<activations>() - 1;
  }
  return f;
}();

}  // namespace detail

/// A policy by its name: layer_precision::w8a8, or layer_precision::of<P>() of one's own. Two are equal where they are
/// of the same policy. What runs it is in a policy_set.
class layer_precision {
 public:
  static const layer_precision float32, host, w8a8, w16a16;

  constexpr layer_precision() noexcept;  ///< float32
  /// The name of policy P.
  template <precision_policy P>
  [[nodiscard]] static constexpr layer_precision of() noexcept {
    return layer_precision(&detail::policy_facts_of<P>);
  }

  /// policy_name() of the policy: "w8a8".
  [[nodiscard]] std::string_view name() const { return facts_->name(); }
  /// Bits of a weight as it is encoded; 32 of a float.
  [[nodiscard]] constexpr int weight_bits() const noexcept { return facts_->weight_bits; }
  /// The same of activations.
  [[nodiscard]] constexpr int activation_bits() const noexcept { return facts_->activation_bits; }
  /// The format of activations, by its name.
  [[nodiscard]] constexpr std::string_view activations() const noexcept { return facts_->activations; }
  /// Whether activations are anything but floats.
  [[nodiscard]] constexpr bool encodes_activations() const noexcept { return facts_->encodes_activations; }
  /// Whether weights or activations are anything but floats.
  [[nodiscard]] constexpr bool encodes() const noexcept { return facts_->encodes; }
  /// What its layers write: float, or q20_12; neither of a policy that networks do not run.
  [[nodiscard]] constexpr bool writes_floats() const noexcept { return facts_->writes_floats; }
  /// Whether its layers write q20_12.
  [[nodiscard]] constexpr bool writes_q20_12() const noexcept { return facts_->writes_q20_12; }
  /// In how many steps per octave ranges of activations are shifted: the levels of log formats, else 16.
  [[nodiscard]] constexpr int levels_per_octave() const noexcept { return facts_->levels_per_octave; }
  /// How many octaves lie between the smallest and the largest magnitude of a range of activations.
  [[nodiscard]] constexpr double octaves() const noexcept { return facts_->octaves; }

  /// Whether both are of one policy.
  friend constexpr bool operator==(layer_precision, layer_precision) noexcept = default;
  /// Some order, for containers.
  friend bool operator<(layer_precision a, layer_precision b) noexcept {
    return std::less<const detail::policy_facts*>()(a.facts_, b.facts_);
  }

 private:
  constexpr explicit layer_precision(const detail::policy_facts* facts) noexcept : facts_(facts) {}
  const detail::policy_facts* facts_;
};

/// The reference: floats.
inline constexpr layer_precision layer_precision::float32 = layer_precision::of<nniesim::float32>();
/// A layer that the host runs in a plan of the accelerator's: the same policy.
inline constexpr layer_precision layer_precision::host = layer_precision::float32;
/// The accelerator's 8 bits.
inline constexpr layer_precision layer_precision::w8a8 = layer_precision::of<nniesim::w8a8>();
/// The accelerator's 16 bits.
inline constexpr layer_precision layer_precision::w16a16 = layer_precision::of<nniesim::w16a16>();

constexpr layer_precision::layer_precision() noexcept : facts_(&detail::policy_facts_of<nniesim::float32>) {}

/// Its name.
[[nodiscard]] inline std::string_view to_string(layer_precision p) { return p.name(); }

NNIESIM_END_NAMESPACE
