// What a multiply-accumulate operator does under a policy, in terms of kernels: which operands it stores, which tiles
// sum them, how a tile is finished. Policies without a vector kernel run through portable loops of the accumulator
// itself.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include <nniesim/kernels/kernels.hpp>
#include <nniesim/precision/group_weights.hpp>
#include <nniesim/precision/policy.hpp>
#include <nniesim/precision/units.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels {

/// The tile kernels of any accumulator, as loops of its own `add`.
template <accumulator A>
struct portable {
  using operand = typename A::operand;     ///< a weight or an activation, as products are made of it
  using sum = typename A::sum;             ///< of a chain of products
  static constexpr std::size_t lanes = 8;  ///< outputs in a vector

  /// Adds `steps` products to each of rows x vectors * lanes sums, which start at zero unless `resume` is set. The
  /// activation of row i at step t is row(i, t).
  template <class Row>
  static void tile(Row row, const operand* w, std::size_t steps, std::size_t rows, std::size_t vectors, sum* out,
                   bool resume) {
    const std::size_t columns = vectors * lanes;
    if (!resume) std::fill_n(out, rows * columns, sum{});
    for (std::size_t t = 0; t < steps; ++t) {
      for (std::size_t i = 0; i < rows; ++i) {
        const operand x = row(i, t);
        for (std::size_t j = 0; j < columns; ++j)
          out[i * columns + j] = A::add(out[i * columns + j], w[t * columns + j], x);
      }
    }
  }
  /// As adjacent_function describes.
  static void adjacent(const operand* a, const std::int32_t* offset, const operand* w, chain_steps chain,
                       std::size_t rows, std::size_t vectors, sum* out) {
    for (std::size_t run = 0; run < chain.runs; ++run) {
      const std::int32_t* o = offset + run * chain.distance;
      tile([&](std::size_t i, std::size_t t) { return a[o[t] + static_cast<std::ptrdiff_t>(i)]; },
           w + run * chain.distance * vectors * lanes, chain.steps, rows, vectors, out, run != 0);
    }
  }
  /// As strided_function describes.
  static void strided(const operand* a, std::ptrdiff_t stride, const operand* w, std::size_t steps, std::size_t rows,
                      std::size_t vectors, sum* out, bool resume) {
    tile([&](std::size_t i,
             std::size_t t) { return a[static_cast<std::ptrdiff_t>(i) * stride + static_cast<std::ptrdiff_t>(t)]; },
         w, steps, rows, vectors, out, resume);
  }
  /// Finishes a tile of sums and writes the outputs in Format.
  template <class Out, class Format>
  static void finish(const finish_job<sum, Out>& job) {
    for (std::size_t r = 0; r < job.rows; ++r) {
      for (std::size_t c = 0; c < job.columns; ++c) {
        job.out[static_cast<std::ptrdiff_t>(r) * job.row_pitch + static_cast<std::ptrdiff_t>(c) * job.column_pitch] =
            written<Format>(job.sum[r * job.sum_columns + c], job.constants, c, job.stage);
      }
    }
  }
  /// Computes the outputs of a pixel_job and writes them in Format.
  template <class Out, class Format>
  static void pixels(const pixel_job<operand, Out>& job) {
    for (std::size_t o = 0; o < job.channels; ++o) {
      for (std::size_t r = 0; r < job.rows; ++r) {
        for (std::size_t i = 0; i < job.n; ++i) {
          const operand* a = job.a + static_cast<std::ptrdiff_t>(r) * job.a_step + i;
          sum total{};
          for (std::size_t t = 0; t < job.steps; ++t) {
            total = A::add(total, job.w[t * job.channels + o], a[job.offset[t]]);
          }
          job.out[o * job.out_pitch + r * job.n + i] = written<Format>(total, job.constants, o, job.stage);
        }
      }
    }
  }

 private:
  template <class Format>
  static typename Format::code written(sum s, const finish_constants& constants, std::size_t i,
                                       const output_stage& stage) {
    const double total = finished(rounded(A::total(s), constants.rounding), constants, i);
    const auto x = stage.events != nullptr ? Format::from(total, *stage.events) : Format::from(total);
    return stage.relu && !(Format::to_double(x) > 0) ? Format::from(0.0) : x;
  }
};

template <class F>
inline constexpr bool is_uniform8 = std::same_as<F, uniform8> || std::same_as<F, uniform8_pow2>;
template <class F>
inline constexpr bool is_uniform16 = std::same_as<F, uniform16> || std::same_as<F, uniform16_pow2>;

/// The meeting point of a policy and the kernels.
template <precision_policy P>
struct engine {
  using accumulator = typename P::accumulator;  ///< sums the products
  using weights = typename P::weights;          ///< format of the weights
  using activations = typename P::activations;  ///< format of the activations
  using value = value_t<P>;                     ///< what layers write
  using sum = typename accumulator::sum;        ///< of a chain of products

  /// Whether layers write one of the formats that float32 chains have vector kernels for.
  static constexpr bool layer_values =
      std::same_as<typename P::output, binary32> || std::same_as<typename P::output, q20_12>;
  static constexpr bool writes_q20_12 = std::same_as<typename P::output, q20_12>;  ///< whether layers write q20_12
  /// Whether operands are words of 8-bit integer codes, which are summed exactly in 32 bits.
  static constexpr bool packs8 =
      std::same_as<accumulator, exact_int32> && is_uniform8<weights> && is_uniform8<activations> && writes_q20_12;
  /// Whether operands are words of 16-bit integer codes, which are summed exactly in 64 bits.
  static constexpr bool packs16 =
      std::same_as<accumulator, exact_int64> && is_uniform16<weights> && is_uniform16<activations> && writes_q20_12;
  /// Whether sums are float64 chains that have vector kernels.
  static constexpr bool sums_doubles = std::same_as<accumulator, fp64_chain> && writes_q20_12;
  /// Whether operands are words of several codes. Integer sums are exact in any order, so channels are grouped.
  static constexpr bool is_packed = packs8 || packs16;
  /// Whether finished sums get their bias in float32, where nothing else is to be done: of floats that stand for
  /// themselves.
  static constexpr bool adds_floats = std::same_as<typename P::output, binary32> &&
                                      std::same_as<decltype(accumulator::total(sum{})), float> &&
                                      !coded_in_units<weights> && !coded_in_units<activations>;
  /// Whether there are vector kernels.
  static constexpr bool has_kernels =
      (std::same_as<accumulator, fp32_chain> && layer_values) || sums_doubles || is_packed;
  /// The float64 chain keeps its operands as doubles, so that they need no conversion in the loop.
  using operand = std::conditional_t<sums_doubles, double, typename accumulator::operand>;

  /// Vectors of operands that a step of a panel holds for each vector of outputs.
  static constexpr std::size_t parts = packs16 ? 2 : 1;

  /// How many channels (or features) an operand holds, and what is added to their codes.
  [[nodiscard]] static word_packing packing(isa i) {
    if constexpr (packs8) return select(i, [](auto set) { return decltype(set)::words; });
    else if constexpr (packs16) return {2, 0};
    else return {1, 0};
  }

  /// The tile of the instruction set's kernels.
  [[nodiscard]] static tile_shape tile(isa i) {
    if constexpr (has_kernels) return select(i, [](auto set) { return decltype(set)::template tile<operand, sum>; });
    else return {portable<accumulator>::lanes, 2, 4};
  }
  /// The tile kernel for rows that are neighbouring pixels.
  [[nodiscard]] static adjacent_function<operand, sum> adjacent(isa i) {
    if constexpr (packs16) {
      return select(i, [](auto set) -> adjacent_function<operand, sum> {
        return [](const operand* a, const std::int32_t* offset, const operand* w, chain_steps chain, std::size_t rows,
                  std::size_t vectors, sum* out) {
          for (std::size_t run = 0; run < chain.runs; ++run) {
            const std::size_t at = run * chain.distance;
            decltype(set)::split(adjacent_rows_at{a, offset + at},
                                 w + at * parts * vectors * tile(decltype(set)::id).lanes, chain.steps, rows, vectors,
                                 out, run != 0);
          }
        };
      });
    } else if constexpr (has_kernels) {
      return select(
          i, [](auto set) -> adjacent_function<operand, sum> { return decltype(set)::template adjacent<operand>; });
    } else {
      return portable<accumulator>::adjacent;
    }
  }
  /// The tile kernel for rows that are samples.
  [[nodiscard]] static strided_function<operand, sum> strided(isa i) {
    if constexpr (packs16) {
      return select(i, [](auto set) -> strided_function<operand, sum> {
        return [](const operand* a, std::ptrdiff_t stride, const operand* w, std::size_t steps, std::size_t rows,
                  std::size_t vectors, sum* out, bool resume) {
          decltype(set)::split(strided_rows_at{a, stride}, w, steps, rows, vectors, out, resume);
        };
      });
    } else if constexpr (has_kernels) {
      return select(
          i, [](auto set) -> strided_function<operand, sum> { return decltype(set)::template strided<operand>; });
    } else {
      return portable<accumulator>::strided;
    }
  }

  /// The rule of finished sums. `is_plain`: nothing but a bias is added.
  [[nodiscard]] static constexpr finish_rule rule(bool is_plain) noexcept {
    if (has_integer_stage<P>) return finish_rule::integer_stage;
    return adds_floats && is_plain ? finish_rule::float_sum : finish_rule::real_stage;
  }

  /// Whether codes of activations can stand between layers: what a layer reads, and what it stores in place of values.
  static constexpr bool stores_codes =
      has_kernels && writes_q20_12 && std::same_as<operand, float> && is_log_format<activations>;
  using code = typename activations::code;  ///< of an activation
  /// Whether a layer can write Out: values, or codes where these can be stored.
  template <class Out>
  static constexpr bool is_output = std::same_as<Out, value> || (stores_codes && std::same_as<Out, code>);

  /// Finishes a tile of sums.
  template <class Out>
  using finish_function = void (*)(const finish_job<sum, Out>&);
  /// The kernel that finishes tiles by the rule, which is one of rule()'s.
  template <class Out = value>
  requires is_output<Out>
  [[nodiscard]] static finish_function<Out> finish(isa i, finish_rule r) {
    if constexpr (has_kernels) {
      return select(i, [r](auto set) -> finish_function<Out> {
        return with_rule(r, [](auto known) -> finish_function<Out> {
          return decltype(set)::template finish<known.value, sum, Out>;
        });
      });
    } else {
      return portable<accumulator>::template finish<value, typename P::output>;
    }
  }

  /// Chains with neighbouring outputs in the lanes need no words: codes are summed exactly as floats or doubles.
  using pixel_operand = std::conditional_t<packs8, float, std::conditional_t<packs16, double, operand>>;
  /// The longest of them that is exact.
  static constexpr std::size_t longest_pixel_chain = packs8 ? (1U << 24U) / (127 * 127) : SIZE_MAX;
  /// Computes the outputs of a pixel_job.
  template <class Out>
  using pixel_function = void (*)(const pixel_job<pixel_operand, Out>&);
  /// The kernel for pixel_jobs that finishes their sums by the rule, which is one of rule()'s.
  template <class Out = value>
  requires is_output<Out>
  [[nodiscard]] static pixel_function<Out> pixels(isa i, finish_rule r) {
    if constexpr (has_kernels) {
      return select(i, [r](auto set) -> pixel_function<Out> {
        return with_rule(r, [](auto known) -> pixel_function<Out> {
          return decltype(set)::template pixels<known.value, pixel_operand, Out>;
        });
      });
    } else {
      return portable<accumulator>::template pixels<value, typename P::output>;
    }
  }

  /// What inputs are read from: values that a layer wrote, codes that it stored, or floats.
  template <class In>
  static constexpr bool is_input = std::same_as<In, float> || is_output<In>;
  /// Whether vector kernels read them.
  template <class In>
  static constexpr bool reads = std::same_as<In, float> || std::same_as<In, q20_12>;

  /// Turns rows of inputs into operands, several channels to one where they are packed.
  template <class In>
  using quantize_function = void (*)(const quantize_job<In, operand>&, typename activations::scale);
  /// The kernel that turns rows of inputs into operands.
  template <class In>
  requires is_input<In>
  [[nodiscard]] static quantize_function<In> quantize(isa i) {
    if constexpr (is_packed) {
      return select(i, [](auto set) -> quantize_function<In> {
        return [](const quantize_job<In, operand>& job, typename activations::scale s) {
          using Set = decltype(set);
          constexpr word_packing p = packs8 ? Set::words : word_packing{2, 0};
          Set::template quantize_words<p.codes>(job, s.step, activations::max_code, p.bias);
        };
      });
    } else {
      return quantize_channel<In>(i);
    }
  }
  /// The same for pixels().
  template <class In>
  using quantize_channel_function = void (*)(const quantize_job<In, pixel_operand>&, typename activations::scale);
  /// The kernel that turns rows of inputs into operands of pixels().
  template <class In>
  requires is_input<In>
  [[nodiscard]] static quantize_channel_function<In> quantize_channel(isa i) {
    if constexpr (stored<In>::is_code) {
      return select(i, [](auto set) -> quantize_channel_function<In> {
        return [](const quantize_job<In, pixel_operand>& job, typename activations::scale) {
          decltype(set)::template decode_in_units<activations>(job);
        };
      });
    } else if constexpr (packs8) {
      return select(i, [](auto set) -> quantize_channel_function<In> {
        return [](const quantize_job<In, pixel_operand>& job, typename activations::scale s) {
          decltype(set)::quantize_uniform(job, s.step, activations::max_code);
        };
      });
    } else if constexpr (is_log_format<activations> && reads<In> && std::same_as<pixel_operand, float>) {
      return select(i, [](auto set) -> quantize_channel_function<In> {
        return decltype(set)::template quantize<activations, In>;
      });
    } else if constexpr (is_log_format<activations> && reads<In> && std::same_as<pixel_operand, double>) {
      return select(i, [](auto set) -> quantize_channel_function<In> {
        return [](const quantize_job<In, double>& job, typename activations::scale s) {
          constexpr std::size_t piece = 256;
          float buffer[piece];
          for_pieces(job, piece, [&](const In* in, double* out, std::size_t n) {
            decltype(set)::template quantize<activations, In>({in, 0, 1, 0, buffer, 0, 1, n}, s);
            std::copy_n(buffer, n, out);
          });
        };
      });
    } else {
      return [](const quantize_job<In, pixel_operand>& job, typename activations::scale s) {
        for_pieces(job, job.n, [&](const In* in, pixel_operand* out, std::size_t n) {
          for (std::size_t k = 0; k < n; ++k) {
            const auto code = activations::encode(float_of(in[k]), s);
            if constexpr (is_packed) out[k] = static_cast<pixel_operand>(code);
            else out[k] = operand_of<pixel_operand, activations>(code, s);
          }
        });
      };
    }
  }
  /// Turns a row of inputs into operands that go to two places by turns; null where there is no such kernel.
  template <class In>
  using by_turns_function = void (*)(const In* in, std::size_t n, pixel_operand* even, pixel_operand* odd);
  /// The kernel for stored codes; null for all other inputs.
  template <class In>
  requires is_input<In>
  [[nodiscard]] static by_turns_function<In> quantize_by_turns([[maybe_unused]] isa i) {
    if constexpr (stores_codes && stored<In>::is_code) {
      return select(
          i, [](auto set) -> by_turns_function<In> { return decltype(set)::template decode_by_turns<activations>; });
    } else {
      return nullptr;
    }
  }
  /// Turns n features of one sample into ceil(n / packing().codes) operands.
  template <class In>
  requires is_input<In>
  static void quantize_features(isa i, const In* in, operand* out, std::size_t n, typename activations::scale s) {
    if constexpr (is_packed) {
      select(i, [&](auto set) {
        using Set = decltype(set);
        constexpr word_packing p = packs8 ? Set::words : word_packing{2, 0};
        using field = std::conditional_t<p.codes == 4, std::uint8_t, std::uint16_t>;
        out[(n - 1) / p.codes] = zero_operand_of(p);
        Set::uniform_codes(in, reinterpret_cast<field*>(out), n, s.step, activations::max_code, p.bias);
      });
    } else {
      quantize<In>(i)({in, 0, 1, 0, out, 0, 1, n}, s);
    }
  }

  /// The operand of padding: codes of zero.
  [[nodiscard]] static operand zero_operand(isa i) {
    if constexpr (is_packed) return zero_operand_of(packing(i));
    else return operand{};
  }

  /// An input as float.
  template <class In>
  requires is_input<In>
  [[nodiscard]] static float float_of(const In& x) {
    if constexpr (std::same_as<In, float>) return x;
    else return P::output::to_float(x);
  }

  /// The activation scale of n inputs, derived from them as the format does.
  template <class In>
  requires is_input<In>
  [[nodiscard]] static typename activations::scale scale_of(isa i, const In* in, std::size_t n) {
    if constexpr (std::same_as<typename activations::scale, no_scale>) {
      return {};
    } else if constexpr (requires { activations::scale_of_max(1.0F); } && std::same_as<In, float>) {
      return activations::scale_of_max(select(i, [&](auto set) { return decltype(set)::max_magnitude(in, n); }));
    } else if constexpr (requires { activations::scale_of_max(1.0F); } && std::same_as<In, q20_12>) {
      return activations::scale_of_max(select(i, [&](auto set) { return decltype(set)::max_magnitude_q20_12(in, n); }));
    } else {
      std::vector<float> copy(n);
      std::transform(in, in + n, copy.begin(), [](const In& v) { return float_of(v); });
      return activations::scale_of(copy);
    }
  }

  /// What a sum of 1 is worth.
  [[nodiscard]] static double unit(const group_weights<weights>& w, const typename activations::scale& a) noexcept {
    using entering = typename accumulator::operand;
    return unit_of<entering, weights>(w.scale) * unit_of<entering, activations>(a) * w.magnitude;
  }

  /// Largest product of two operands.
  [[nodiscard]] static double largest_product(const group_weights<weights>& w,
                                              const typename activations::scale& a) noexcept {
    using entering = typename accumulator::operand;
    return largest_operand<entering, weights>(w.scale) * largest_operand<entering, activations>(a);
  }

 private:
  /// Calls f with a rule that the policy has as a constant.
  template <class F>
  static auto with_rule(finish_rule r, F f) {
    if constexpr (adds_floats) {
      if (r == finish_rule::float_sum) return f(std::integral_constant<finish_rule, finish_rule::float_sum>{});
    }
    return f(std::integral_constant<finish_rule, rule(false)>{});
  }
  [[nodiscard]] static constexpr std::int32_t zero_operand_of(word_packing p) noexcept {
    return p.bias == 0 ? 0 : static_cast<std::int32_t>(0x80808080U);
  }
  /// Calls f(in, out, n) for pieces of the rows of a job.
  template <class In, class Out, class F>
  static void for_pieces(const quantize_job<In, Out>& job, std::size_t piece, F f) {
    for (std::size_t r = 0; r < job.rows; ++r) {
      const auto row = static_cast<std::ptrdiff_t>(r);
      for (std::size_t at = 0; at < job.n; at += piece) {
        f(job.in + row * job.in_pitch + at, job.out + row * job.out_pitch + at, std::min(piece, job.n - at));
      }
    }
  }
};

}  // namespace kernels

NNIESIM_END_NAMESPACE
