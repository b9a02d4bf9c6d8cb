// The vendor's log-domain codes (GFPQ): a value is zero or +-2^(k/S), S levels per octave, one window of levels per
// tensor. gfpq8 is the 8-bit "1.3.4" code, gfpq16 the 16-bit "1.5.7" code. Every rule equals the vendor's quantization
// library 1.1.5 on all 2^32 floats; no logarithm is taken, only bits are compared. The specification in prose is
// examples/guide/number-format.md.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include <nniesim/core/error.hpp>
#include <nniesim/formats/format.hpp>
#include <nniesim/formats/gfpq_tables.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What a calibration step does with the scale it has: the modes of the vendor's call.
enum class scale_mode {
  init,    ///< derive it from the data, forget the old one
  update,  ///< the larger of the old and the derived one: the range only grows
  apply,   ///< keep the old one; values above its range saturate
};

/// The log-domain format of `Bits` bits (8 or 16).
///
/// A code is sign-magnitude: the sign in the top bit, the magnitude q below it, 0 <= q <= max_magnitude; the value is
/// +-2^((z + q)/levels), z being the tensor's scale. "Minus, q = 0" is zero. In memory (compiled models, nonlinear.hex)
/// an 8-bit code stands as it is, a 16-bit one with its magnitude in bits 2 to 12: to_memory(). Both layouts were found
/// code for code in compiled models.
template <int Bits>
requires(Bits == 8 || Bits == 16) struct gfpq {
  /// Sign and magnitude.
  using code = integer_code<std::conditional_t<Bits == 8, std::uint8_t, std::uint16_t>>;

  static constexpr std::string_view name = Bits == 8 ? "gfpq8" : "gfpq16";  ///< for tables and messages
  static constexpr int bits = Bits;                                         ///< 8 or 16
  static constexpr int levels = Bits == 8 ? 16 : 128;                       ///< levels per octave, S
  static constexpr int max_magnitude = Bits == 8 ? 127 : 1407;              ///< largest q
  static constexpr int max_derived_z = Bits == 8 ? 511 : 4095;              ///< derived scales lie in -max..max
  static constexpr int z_of_zeros = Bits == 8 ? -446 : -3959;               ///< derived from data without any magnitude
  static constexpr code sign_bit = static_cast<code>(1U << (Bits - 1));     ///< of negative values
  static constexpr code zero = sign_bit;                                    ///< "minus, q = 0"

  /// The window of levels of one tensor: level k = z + q, value 2^(k/levels).
  class scale {
   public:
    /// Scales whose values and zero limits are all normal floats; every derived scale lies well inside.
    static constexpr int min_z = -125 * levels;
    static constexpr int max_z = 128 * levels - max_magnitude - 1;  ///< the largest z

    constexpr scale() noexcept = default;
    /// Throws format_error for z outside min_z..max_z.
    constexpr explicit scale(int z) : z_(z) {
      detail::require<format_error>(z >= min_z && z <= max_z, name, " scale: z is ", z, ", expected ", min_z, " .. ",
                                    max_z);
    }
    /// The lowest level of the window: code q stands for level z + q.
    [[nodiscard]] constexpr int z() const noexcept { return z_; }
    /// By z.
    friend constexpr auto operator<=>(const scale&, const scale&) = default;

   private:
    int z_ = z_of_zeros;
  };

  /// The scale for a tensor whose largest magnitude is `m` (NaN excluded; infinity allowed):
  /// floor(levels * log2(m)) - max_magnitude, clamped; a fixed one for m = 0.
  /// Source: the vendor's library; examples/guide/number-format.md, section 2.
  [[nodiscard]] static constexpr scale scale_of_max(float m) noexcept {
    const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(m) & 0x7fffffffU;
    if (magnitude == 0) return scale(z_of_zeros);
    if (magnitude >= infinity_bits) return scale(max_derived_z);
    if (magnitude < smallest_normal_bits) return scale(-max_derived_z);
    const auto& boundary = tables.boundary;
    const int above =
        static_cast<int>(std::upper_bound(boundary.begin(), boundary.end(), significand(magnitude)) - boundary.begin());
    const int z = levels * exponent(magnitude) - 1 + above - max_magnitude;
    return scale(std::clamp(z, -max_derived_z, max_derived_z));
  }

  /// The scale that the vendor's library derives from data (mode INIT). NaN is skipped; only the largest magnitude
  /// counts. It rounds down, so the largest values saturate by up to one step.
  [[nodiscard]] static constexpr scale scale_of(std::span<const float> data) noexcept {
    return scale_of_max(max_magnitude_of(data));
  }

  /// The scale after one more tensor under the given mode of the vendor's call.
  [[nodiscard]] static constexpr scale scale_of(std::span<const float> data, scale_mode mode, scale stored) noexcept {
    if (mode == scale_mode::apply) return stored;
    const scale derived = scale_of(data);
    return mode == scale_mode::update ? std::max(stored, derived) : derived;
  }

  /// The code of x: the nearest level in the log domain; zero for NaN and up to half the smallest level of x's sign;
  /// the largest level above the range; and, as the vendor's library has it, the SMALLEST level for an infinity.
  /// Source: the vendor's library; examples/guide/number-format.md, section 3.
  template <event_counter C = const no_events>
  [[nodiscard]] static constexpr code encode(float x, scale s, C&& count = {}) noexcept {
    const std::uint32_t all = std::bit_cast<std::uint32_t>(x);
    const std::uint32_t magnitude = all & 0x7fffffffU;
    const int negative = static_cast<int>(all >> 31U);
    const code sign = negative != 0 ? sign_bit : code{0};
    if (magnitude >= infinity_bits) {
      count(magnitude == infinity_bits ? event::infinite : event::nan);
      return magnitude == infinity_bits ? static_cast<code>(sign | negative) : zero;
    }
    if (magnitude <= zero_limit(s, negative)) {
      if (magnitude != 0) count(event::flushed);
      return zero;
    }
    const auto& threshold = tables.threshold;
    const int above = static_cast<int>(std::upper_bound(threshold.begin(), threshold.end(), significand(magnitude)) -
                                       threshold.begin());
    const int q = levels * exponent(magnitude) + above - s.z();
    if (q >= max_magnitude) {
      const int top = s.z() + max_magnitude;
      if (magnitude >= level_boundary(top + 1)) {
        count(event::saturated);
      } else if (magnitude > level_bits(top)) {
        count(event::clipped);
      }
    }
    return static_cast<code>(sign | static_cast<code>(std::clamp(q, negative, max_magnitude)));
  }

  /// Whether the bits are a code of the format: of the 65,536 patterns of gfpq16 only 2,816 are.
  [[nodiscard]] static constexpr bool is_code(code c) noexcept {
    return (c & static_cast<code>(sign_bit - 1)) <= max_magnitude;
  }

  /// The value of a code: 2^((z + q)/levels) rounded to float. Never NaN, infinite, denormal or -0 for valid codes.
  [[nodiscard]] static constexpr float decode(code c, scale s) noexcept {
    if (c == zero) return 0.0F;
    const std::uint32_t sign = (c & sign_bit) != 0 ? 0x80000000U : 0U;
    const int q = std::min<int>(c & static_cast<code>(sign_bit - 1), max_magnitude);
    return std::bit_cast<float>(level_bits(s.z() + q) | sign);
  }

  /// The value of a code in units of its scale: 2^(q/levels) rounded to float, in 1 .. 2^(max_magnitude/levels). A sum
  /// of products of such values does not depend on the scales.
  [[nodiscard]] static constexpr float in_units(code c) noexcept { return decode(c, scale(0)); }
  /// What one unit is worth: 2^(z/levels), the nearest double.
  [[nodiscard]] static constexpr double unit(scale s) noexcept {
    const std::uint64_t fraction = detail::exp2_fraction_bits[level_fraction(s.z()) * (128 / levels)];
    return std::bit_cast<double>(fraction + (static_cast<std::uint64_t>(level_octave(s.z())) << 52U));
  }

  /// The bits that the accelerator's memory holds for a code.
  [[nodiscard]] static constexpr code to_memory(code c) noexcept {
    if constexpr (Bits == 8) return c;
    else return static_cast<code>((c & sign_bit) | (c & static_cast<code>(sign_bit - 1)) << 2U);
  }
  /// The code of bits as memory holds them. Bits that are not a code (see is_memory_code) give the nearest code below
  /// them.
  [[nodiscard]] static constexpr code from_memory(code c) noexcept {
    if constexpr (Bits == 8) return c;
    else return static_cast<code>((c & sign_bit) | (c & static_cast<code>(sign_bit - 1)) >> 2U);
  }
  /// Whether memory can hold these bits: q is in range, and a 16-bit code's bits 0 and 1 are zero.
  [[nodiscard]] static constexpr bool is_memory_code(code c) noexcept {
    return to_memory(from_memory(c)) == c && is_code(from_memory(c));
  }

  /// Distance between neighbouring values around x: from its value to the next one toward zero; from zero to the
  /// smallest level.
  [[nodiscard]] static constexpr float step(float x, scale s) noexcept {
    const code c = encode(x, s);
    if (c == zero) return std::bit_cast<float>(level_bits(s.z()));
    const int q = c & static_cast<code>(sign_bit - 1);
    const int smallest = (c & sign_bit) != 0 ? 1 : 0;
    const float here = std::bit_cast<float>(level_bits(s.z() + q));
    return q == smallest ? here : here - std::bit_cast<float>(level_bits(s.z() + q - 1));
  }

  /// The value of the largest code.
  [[nodiscard]] static constexpr float largest(scale s) noexcept {
    return std::bit_cast<float>(level_bits(s.z() + max_magnitude));
  }

  /// How many codes apart two codes are, in the order of their values (zero lies between plus and minus).
  [[nodiscard]] static constexpr int code_distance(code a, code b) noexcept {
    return ordinal(a) > ordinal(b) ? ordinal(a) - ordinal(b) : ordinal(b) - ordinal(a);
  }

  /// Bits of the float 2^(k/levels), for k/levels in -126 .. 127.
  [[nodiscard]] static constexpr std::uint32_t level_bits(int k) noexcept {
    const auto fraction = static_cast<float>(tables.fraction[level_fraction(k)]);
    return std::bit_cast<std::uint32_t>(fraction) + (static_cast<std::uint32_t>(level_octave(k)) << 23U);
  }

  /// Largest magnitude, as float bits, that encodes as zero for x > 0 (negative = 0) or x < 0 (1): half the smallest
  /// level of that sign, a real number, so that equality is possible only where it is a power of two.
  [[nodiscard]] static constexpr std::uint32_t zero_limit(scale s, int negative) noexcept {
    const int k = s.z() + negative - levels;
    return level_fraction(k) == 0 ? level_boundary(k) : level_boundary(k) - 1;
  }

 private:
  static constexpr const auto& tables = detail::gfpq_table<std::size_t{levels}>;
  static constexpr std::uint32_t infinity_bits = 0x7f800000U;
  static constexpr std::uint32_t smallest_normal_bits = 0x00800000U;

  static constexpr std::uint32_t significand(std::uint32_t magnitude) noexcept {
    return (magnitude & 0x007fffffU) | 0x00800000U;
  }
  static constexpr int exponent(std::uint32_t magnitude) noexcept { return static_cast<int>(magnitude >> 23U) - 127; }
  static constexpr std::size_t level_fraction(int k) noexcept {
    return static_cast<std::size_t>(k) & static_cast<std::size_t>(levels - 1);
  }
  static constexpr int level_octave(int k) noexcept { return (k - static_cast<int>(level_fraction(k))) / levels; }
  /// Bits of the smallest float >= 2^(k/levels) in real arithmetic.
  static constexpr std::uint32_t level_boundary(int k) noexcept {
    return tables.boundary[level_fraction(k)] + (static_cast<std::uint32_t>(level_octave(k) + 126) << 23U);
  }
  static constexpr int ordinal(code c) noexcept {
    const int q = c & static_cast<code>(sign_bit - 1);
    return (c & sign_bit) != 0 ? -q : q + 1;
  }
  /// The largest |x| that is not NaN, 0 if there is none.
  static constexpr float max_magnitude_of(std::span<const float> data) noexcept {
    std::uint32_t m = 0;
    for (const float x : data) {
      const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(x) & 0x7fffffffU;
      if (magnitude <= infinity_bits) m = std::max(m, magnitude);
    }
    return std::bit_cast<float>(m);
  }
};

using gfpq8 = gfpq<8>;    ///< the vendor's 8-bit code "1.3.4": 16 levels per octave, 8 octaves
using gfpq16 = gfpq<16>;  ///< the vendor's 16-bit code "1.5.7": 128 levels per octave, 11 octaves

static_assert(quantized_format<gfpq8> && quantized_format<gfpq16>);

/// Whether a format's codes are logarithms.
template <class F>
inline constexpr bool is_log_format = std::same_as<F, gfpq8> || std::same_as<F, gfpq16>;

NNIESIM_END_NAMESPACE
