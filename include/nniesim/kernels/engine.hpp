// What a multiply-accumulate operator does under a policy, in terms of kernels: which operands it stores, which tiles
// sum them, how a tile is finished. Policies without a vector kernel run through portable loops of the accumulator
// itself.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include <nniesim/core/check.hpp>
#include <nniesim/kernels/kernels.hpp>
#include <nniesim/precision/policy.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels {

/// The value that enters the accumulator: a decoded float, or the integer code.
template <class Operand, quantized_format F>
[[nodiscard]] inline Operand operand_of(typename F::code c, const typename F::scale& s) noexcept {
  if constexpr (std::floating_point<Operand>) return static_cast<Operand>(F::decode(c, s));
  else return static_cast<Operand>(c);
}

/// The tile kernels of any accumulator, as loops of its own `add`.
template <accumulator A>
struct portable {
  using operand = typename A::operand;
  using sum = typename A::sum;
  static constexpr std::size_t lanes = 8;

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
  static void adjacent(const operand* a, const std::int32_t* offset, const operand* w, chain_steps chain,
                       std::size_t rows, std::size_t vectors, sum* out) {
    for (std::size_t run = 0; run < chain.runs; ++run) {
      const std::int32_t* o = offset + run * chain.distance;
      tile([&](std::size_t i, std::size_t t) { return a[o[t] + static_cast<std::ptrdiff_t>(i)]; },
           w + run * chain.distance * vectors * lanes, chain.steps, rows, vectors, out, run != 0);
    }
  }
  static void strided(const operand* a, std::ptrdiff_t stride, const operand* w, std::size_t steps, std::size_t rows,
                      std::size_t vectors, sum* out, bool resume) {
    tile([&](std::size_t i,
             std::size_t t) { return a[static_cast<std::ptrdiff_t>(i) * stride + static_cast<std::ptrdiff_t>(t)]; },
         w, steps, rows, vectors, out, resume);
  }
  template <class Out, class Format>
  static void finish(const finish_job<sum, Out>& job) {
    for (std::size_t r = 0; r < job.rows; ++r) {
      for (std::size_t c = 0; c < job.columns; ++c) {
        job.out[static_cast<std::ptrdiff_t>(r) * job.row_step + static_cast<std::ptrdiff_t>(c) * job.column_step] =
            written<Format>(A::total(job.sum[r * job.sum_columns + c], job.bias[c], job.scale), job.stage);
      }
    }
  }
  template <class Out, class Format>
  static void channel(const channel_job<operand, Out>& job) {
    Out* out = job.out;
    for (std::size_t r = 0; r < job.rows; ++r) {
      for (std::size_t i = 0; i < job.n; ++i) {
        const operand* a = job.a + static_cast<std::ptrdiff_t>(r) * job.a_step + i;
        sum total{};
        for (std::size_t t = 0; t < job.steps; ++t) total = A::add(total, job.w[t], a[job.offset[t]]);
        *out++ = written<Format>(A::total(total, job.bias, job.scale), job.stage);
      }
    }
  }

 private:
  template <class Format, class Total>
  static typename Format::code written(Total total, const output_stage& stage) {
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
  using accumulator = typename P::accumulator;
  using weights = typename P::weights;
  using activations = typename P::activations;
  using value = value_t<P>;
  using sum = typename accumulator::sum;

  static constexpr bool layer_values =
      std::same_as<typename P::output, binary32> || std::same_as<typename P::output, q20_12>;
  static constexpr bool writes_q20_12 = std::same_as<typename P::output, q20_12>;
  static constexpr bool packs8 =
      std::same_as<accumulator, exact_int32> && is_uniform8<weights> && is_uniform8<activations> && writes_q20_12;
  static constexpr bool packs16 =
      std::same_as<accumulator, exact_int64> && is_uniform16<weights> && is_uniform16<activations> && writes_q20_12;
  static constexpr bool sums_doubles = std::same_as<accumulator, fp64_chain> && writes_q20_12;
  /// Whether operands are words of several codes. Integer sums are exact in any order, so channels are grouped.
  static constexpr bool is_packed = packs8 || packs16;
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

  [[nodiscard]] static tile_shape tile(isa i) {
    if constexpr (has_kernels) return select(i, [](auto set) { return decltype(set)::template tile<operand, sum>; });
    else return {portable<accumulator>::lanes, 2, 4};
  }
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

  using finish_function = void (*)(const finish_job<sum, value>&);
  [[nodiscard]] static finish_function finish(isa i) {
    if constexpr (has_kernels) {
      return select(i, [](auto set) -> finish_function { return decltype(set)::template finish<sum, value>; });
    } else {
      return portable<accumulator>::template finish<value, typename P::output>;
    }
  }

  /// One channel alone needs no words: its codes are summed exactly as floats or doubles.
  using channel_operand = std::conditional_t<packs8, float, std::conditional_t<packs16, double, operand>>;
  /// The longest chain of one channel that is exact.
  static constexpr std::size_t longest_channel = packs8 ? (1U << 24U) / (127 * 127) : SIZE_MAX;
  using channel_function = void (*)(const channel_job<channel_operand, value>&);
  [[nodiscard]] static channel_function channel(isa i) {
    if constexpr (has_kernels) {
      return select(
          i, [](auto set) -> channel_function { return decltype(set)::template channel<channel_operand, value>; });
    } else {
      return portable<accumulator>::template channel<value, typename P::output>;
    }
  }

  /// Turns rows of values into operands, several channels to one where they are packed.
  using quantize_function = void (*)(const quantize_job<value, operand>&, typename activations::scale);
  [[nodiscard]] static quantize_function quantize(isa i) {
    if constexpr (is_packed) {
      return select(i, [](auto set) -> quantize_function {
        return [](const quantize_job<value, operand>& job, typename activations::scale s) {
          using Set = decltype(set);
          constexpr word_packing p = packs8 ? Set::words : word_packing{2, 0};
          Set::template quantize_words<p.codes>(job, s.step, activations::max_code, p.bias);
        };
      });
    } else {
      return quantize_channel(i);
    }
  }
  /// The same for a channel alone.
  using quantize_channel_function = void (*)(const quantize_job<value, channel_operand>&, typename activations::scale);
  [[nodiscard]] static quantize_channel_function quantize_channel(isa i) {
    constexpr bool is_gfpq = std::same_as<activations, gfpq8> || std::same_as<activations, gfpq16>;
    if constexpr (packs8) {
      return select(i, [](auto set) -> quantize_channel_function {
        return [](const quantize_job<value, channel_operand>& job, typename activations::scale s) {
          decltype(set)::quantize_uniform(job, s.step, activations::max_code);
        };
      });
    } else if constexpr (is_gfpq && layer_values && std::same_as<channel_operand, float>) {
      return select(i, [](auto set) -> quantize_channel_function {
        return decltype(set)::template quantize<activations, value>;
      });
    } else if constexpr (is_gfpq && layer_values && std::same_as<channel_operand, double>) {
      return select(i, [](auto set) -> quantize_channel_function {
        return [](const quantize_job<value, double>& job, typename activations::scale s) {
          constexpr std::size_t piece = 256;
          float buffer[piece];
          for_pieces(job, piece, [&](const value* in, double* out, std::size_t n) {
            decltype(set)::template quantize<activations, value>({in, 0, 1, 0, buffer, 0, 1, n}, s);
            std::copy_n(buffer, n, out);
          });
        };
      });
    } else {
      return [](const quantize_job<value, channel_operand>& job, typename activations::scale s) {
        for_pieces(job, job.n, [&](const value* in, channel_operand* out, std::size_t n) {
          for (std::size_t k = 0; k < n; ++k) {
            const auto code = activations::encode(P::output::to_float(in[k]), s);
            if constexpr (is_packed) out[k] = static_cast<channel_operand>(code);
            else out[k] = operand_of<channel_operand, activations>(code, s);
          }
        });
      };
    }
  }
  /// Turns n features of one sample into ceil(n / packing().codes) operands.
  static void quantize_features(isa i, const value* in, operand* out, std::size_t n, typename activations::scale s) {
    if constexpr (is_packed) {
      select(i, [&](auto set) {
        using Set = decltype(set);
        constexpr word_packing p = packs8 ? Set::words : word_packing{2, 0};
        using code = std::conditional_t<p.codes == 4, std::uint8_t, std::uint16_t>;
        out[(n - 1) / p.codes] = zero_operand_of(p);
        Set::uniform_codes(in, reinterpret_cast<code*>(out), n, s.step, activations::max_code, p.bias);
      });
    } else {
      quantize(i)({in, 0, 1, 0, out, 0, 1, n}, s);
    }
  }

  /// The operand of padding: codes of zero.
  [[nodiscard]] static operand zero_operand(isa i) {
    if constexpr (is_packed) return zero_operand_of(packing(i));
    else return operand{};
  }

  /// The activation scale of n values, derived from them as the format does.
  [[nodiscard]] static typename activations::scale scale_of(isa i, const value* in, std::size_t n) {
    if constexpr (std::same_as<typename activations::scale, no_scale>) {
      return {};
    } else if constexpr (requires { activations::scale_of_max(1.0F); } && std::same_as<value, float>) {
      return activations::scale_of_max(select(i, [&](auto set) { return decltype(set)::max_magnitude(in, n); }));
    } else if constexpr (requires { activations::scale_of_max(1.0F); } && std::same_as<value, q20_12>) {
      return activations::scale_of_max(select(i, [&](auto set) { return decltype(set)::max_magnitude_q20_12(in, n); }));
    } else {
      std::vector<float> copy(n);
      std::transform(in, in + n, copy.begin(), [](const value& v) { return P::output::to_float(v); });
      return activations::scale_of(copy);
    }
  }

  /// What one step of an integer sum is worth; 0 where the accumulator sums values.
  [[nodiscard]] static double sum_scale(const typename weights::scale& w,
                                        const typename activations::scale& a) noexcept {
    if constexpr (std::integral<typename accumulator::operand>) {
      return static_cast<double>(w.step) * static_cast<double>(a.step);
    } else {
      return 0.0;
    }
  }

  /// Largest product of two operands.
  [[nodiscard]] static double largest_product(const typename weights::scale& w,
                                              const typename activations::scale& a) noexcept {
    if constexpr (std::integral<typename accumulator::operand>) {
      return static_cast<double>(weights::max_code) * static_cast<double>(activations::max_code);
    } else {
      return static_cast<double>(weights::largest(w)) * static_cast<double>(activations::largest(a));
    }
  }

 private:
  [[nodiscard]] static constexpr std::int32_t zero_operand_of(word_packing p) noexcept {
    return p.bias == 0 ? 0 : static_cast<std::int32_t>(0x80808080U);
  }
  /// Calls f(in, out, n) for pieces of the rows of a job.
  template <class Out, class F>
  static void for_pieces(const quantize_job<value, Out>& job, std::size_t piece, F f) {
    for (std::size_t r = 0; r < job.rows; ++r) {
      const auto row = static_cast<std::ptrdiff_t>(r);
      for (std::size_t at = 0; at < job.n; at += piece) {
        f(job.in + row * job.in_step + at, job.out + row * job.out_step + at, std::min(piece, job.n - at));
      }
    }
  }
};

/// Weights of one group, quantized, laid out in panels for one instruction set.
template <precision_policy P>
class panels {
  using e = engine<P>;

 public:
  panels() = default;
  /// `w` is outputs x channels x area, row-major. Steps are channels x area; packed operands take several channels
  /// each.
  panels(isa i, const float* w, std::size_t outputs, std::size_t channels, std::size_t area,
         const typename e::weights::scale& s)
      : outputs_(outputs), lanes_(e::tile(i).lanes), vectors_(e::tile(i).max_vectors) {
    const word_packing packing = e::packing(i);
    steps_ = (channels + packing.codes - 1) / packing.codes * area;
    data_.resize(count_vectors() * lanes_ * steps_ * e::parts);
    correction_.resize(count_vectors() * lanes_);
    for (std::size_t o = 0; o < outputs; ++o) {
      const std::size_t first = o / width() * width();
      const std::size_t step = vectors_of(first) * lanes_ * e::parts;
      auto* column =
          data_.data() + first * steps_ * e::parts + (o - first) / lanes_ * lanes_ * e::parts + (o - first) % lanes_;
      for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t k = 0; k < area; ++k) {
          const auto code = e::weights::encode(w[(o * channels + c) * area + k], s);
          auto* to = column + (c / packing.codes * area + k) * step;
          if constexpr (e::is_packed) {
            const auto insert = [&](std::int32_t& word, int field) {
              const auto bits = static_cast<unsigned>(32 / packing.codes);
              const std::uint32_t mask = 0xffffffffU >> (32 - bits);
              word = static_cast<std::int32_t>(static_cast<std::uint32_t>(word) |
                                               (static_cast<std::uint32_t>(field) & mask)
                                                   << (static_cast<unsigned>(c % packing.codes) * bits));
            };
            if constexpr (e::parts == 2) {
              const int low = static_cast<std::int8_t>(code & 255);
              insert(to[0], (code - low) / 256);
              insert(to[lanes_], low);
            } else {
              insert(*to, code);
              correction_[o] += packing.bias * code;
            }
          } else {
            *to = operand_of<typename e::operand, typename e::weights>(code, s);
          }
        }
      }
    }
  }

  [[nodiscard]] std::size_t outputs() const noexcept { return outputs_; }
  [[nodiscard]] std::size_t steps() const noexcept { return steps_; }
  /// What the bias of packed activations adds to the sums from output `first` on.
  [[nodiscard]] const typename e::sum* correction(std::size_t first) const noexcept {
    return correction_.data() + first;
  }
  /// Outputs in a full panel.
  [[nodiscard]] std::size_t width() const noexcept { return lanes_ * vectors_; }
  [[nodiscard]] std::size_t count() const noexcept { return (outputs_ + width() - 1) / width(); }
  /// Vectors in the panel that begins at output `first`.
  [[nodiscard]] std::size_t vectors_of(std::size_t first) const noexcept {
    return std::min(vectors_, (outputs_ - first + lanes_ - 1) / lanes_);
  }
  [[nodiscard]] const typename e::operand* panel(std::size_t first) const {
    NNIESIM_DCHECK(first < outputs_ && first % width() == 0);
    return data_.data() + first * steps_ * e::parts;
  }

 private:
  [[nodiscard]] std::size_t count_vectors() const noexcept { return (outputs_ + lanes_ - 1) / lanes_; }

  std::size_t outputs_ = 0;
  std::size_t steps_ = 0;
  std::size_t lanes_ = 1;
  std::size_t vectors_ = 1;
  std::vector<typename e::operand> data_;
  std::vector<typename e::sum> correction_;
};

/// Where piece i of `pieces` begins when n rows are cut evenly for tiles of at most max_rows. Tiles have even heights
/// where max_rows is even, so that none is filled up.
[[nodiscard]] inline std::size_t cut(std::size_t n, std::size_t pieces, std::size_t i, std::size_t max_rows) noexcept {
  const std::size_t unit = max_rows % 2 == 0 ? 2 : 1;
  return std::min(n, (n * i + pieces * unit - 1) / (pieces * unit) * unit);
}

/// Hands out aligned pieces of caller-provided memory.
class arena {
 public:
  static constexpr std::size_t alignment = 64;
  [[nodiscard]] static constexpr std::size_t rounded(std::size_t bytes) noexcept {
    return (bytes + alignment - 1) / alignment * alignment;
  }

  explicit arena(std::span<std::byte> memory) noexcept : memory_(memory) {}
  /// Throws shape_error where the memory is used up.
  template <class T>
  [[nodiscard]] T* take(std::size_t n, std::string_view where) {
    void* at = memory_.data();
    std::size_t room = memory_.size();
    const bool fits = std::align(alignment, n * sizeof(T), at, room) != nullptr;
    detail::require<shape_error>(fits, where, ": workspace of ", memory_.size(), " bytes left, needs ", n * sizeof(T),
                                 " more; ask workspace_bytes()");
    memory_ = memory_.subspan(static_cast<std::size_t>(static_cast<std::byte*>(at) - memory_.data()) + n * sizeof(T));
    return static_cast<T*>(at);
  }
  /// What has not been taken.
  [[nodiscard]] std::span<std::byte> rest() const noexcept { return memory_; }

 private:
  std::span<std::byte> memory_;
};

}  // namespace kernels

NNIESIM_END_NAMESPACE
