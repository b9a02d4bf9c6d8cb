// What a multiply-accumulate operator does under a policy, in terms of kernels: which operands it stores, which tiles
// sum them, how a tile is finished. Policies without a vector kernel run through portable loops of the accumulator
// itself.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
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
  static void adjacent(const operand* a, const std::int32_t* offset, const operand* w, std::size_t steps,
                       std::size_t rows, std::size_t vectors, sum* out, bool resume) {
    tile([&](std::size_t i, std::size_t t) { return a[offset[t] + static_cast<std::ptrdiff_t>(i)]; }, w, steps, rows,
         vectors, out, resume);
  }
  static void row(const operand* a, const std::int32_t* offset, const operand* w, std::size_t steps, std::size_t n,
                  sum* out) {
    std::fill_n(out, n, sum{});
    for (std::size_t t = 0; t < steps; ++t) {
      for (std::size_t i = 0; i < n; ++i) out[i] = A::add(out[i], w[t], a[offset[t] + static_cast<std::ptrdiff_t>(i)]);
    }
  }
  static void strided(const operand* a, std::ptrdiff_t stride, const operand* w, std::size_t steps, std::size_t rows,
                      std::size_t vectors, sum* out, bool resume) {
    tile([&](std::size_t i,
             std::size_t t) { return a[static_cast<std::ptrdiff_t>(i) * stride + static_cast<std::ptrdiff_t>(t)]; },
         w, steps, rows, vectors, out, resume);
  }
};

template <class F>
inline constexpr bool is_uniform8 = std::same_as<F, uniform8> || std::same_as<F, uniform8_pow2>;

/// The meeting point of a policy and the kernels.
template <precision_policy P>
struct engine {
  using accumulator = typename P::accumulator;
  using weights = typename P::weights;
  using activations = typename P::activations;
  using value = value_t<P>;
  /// The float64 chain keeps its operands as doubles, so that they need no conversion in the loop.
  using operand = std::conditional_t<std::same_as<accumulator, fp64_chain>, double, typename accumulator::operand>;
  using sum = typename accumulator::sum;

  static constexpr bool layer_values =
      std::same_as<typename P::output, binary32> || std::same_as<typename P::output, q20_12>;
  /// Whether operands are words of several 8-bit codes. Integer sums are exact in any order, so channels are grouped.
  static constexpr bool is_packed = std::same_as<accumulator, exact_int32> && is_uniform8<weights> &&
                                    is_uniform8<activations> && std::same_as<typename P::output, q20_12>;
  /// Whether the sums have vector kernels.
  static constexpr bool has_tiles =
      std::same_as<accumulator, fp32_chain> || std::same_as<accumulator, fp64_chain> || is_packed;
  /// Whether finished tiles have a vector kernel.
  static constexpr bool has_finish = (std::same_as<accumulator, fp32_chain> && layer_values) || is_packed;

  /// How many channels (or features) an operand holds, and what is added to their codes.
  [[nodiscard]] static word_packing packing(isa i) {
    if constexpr (is_packed) return select(i, [](auto set) { return decltype(set)::words; });
    else return {1, 0};
  }

  [[nodiscard]] static tile_shape tile(isa i) {
    if constexpr (has_tiles) return select(i, [](auto set) { return decltype(set)::template tile<operand>; });
    else return {portable<accumulator>::lanes, 2, 4};
  }
  [[nodiscard]] static adjacent_function<operand, sum> adjacent(isa i) {
    if constexpr (has_tiles) {
      return select(
          i, [](auto set) -> adjacent_function<operand, sum> { return decltype(set)::template adjacent<operand>; });
    } else {
      return portable<accumulator>::adjacent;
    }
  }
  [[nodiscard]] static strided_function<operand, sum> strided(isa i) {
    if constexpr (has_tiles) {
      return select(
          i, [](auto set) -> strided_function<operand, sum> { return decltype(set)::template strided<operand>; });
    } else {
      return portable<accumulator>::strided;
    }
  }
  [[nodiscard]] static row_function<operand, sum> row(isa i) {
    if constexpr (has_tiles) {
      return select(i, [](auto set) -> row_function<operand, sum> { return decltype(set)::template row<operand>; });
    } else {
      return portable<accumulator>::row;
    }
  }

  using finish_function = void (*)(const finish_job<sum, value>&);
  [[nodiscard]] static finish_function finish(isa i) {
    if constexpr (has_finish) {
      return select(
          i, [](auto set) -> finish_function { return decltype(set)::template finish<typename P::output, sum>; });
    } else {
      return [](const finish_job<sum, value>& job) {
        for (std::size_t r = 0; r < job.rows; ++r) {
          for (std::size_t c = 0; c < job.columns; ++c) {
            job.out[static_cast<std::ptrdiff_t>(r) * job.row_step + static_cast<std::ptrdiff_t>(c) * job.column_step] =
                P::output::from(accumulator::total(job.sum[r * job.sum_columns + c], job.bias[c], job.scale));
          }
        }
      };
    }
  }
  using finish_row_function = void (*)(const sum*, std::size_t n, float bias, double scale, value* out);
  [[nodiscard]] static finish_row_function finish_row(isa i) {
    if constexpr (has_finish && !is_packed) {
      return select(i, [](auto set) -> finish_row_function {
        return [](const sum* s, std::size_t n, float bias, double, value* out) {
          decltype(set)::template finish_row<typename P::output>(s, n, bias, out);
        };
      });
    } else {
      return [](const sum* s, std::size_t n, float bias, double scale, value* out) {
        for (std::size_t k = 0; k < n; ++k) out[k] = P::output::from(accumulator::total(s[k], bias, scale));
      };
    }
  }

  /// Turns n values of each of `channels` channels (at most packing().codes of them, `distance` values apart) into n
  /// operands.
  using quantize_function = void (*)(const value* in, std::size_t channels, std::size_t distance, operand* out,
                                     std::size_t n, typename activations::scale s);
  [[nodiscard]] static quantize_function quantize(isa i) {
    constexpr bool is_gfpq = std::same_as<activations, gfpq8> || std::same_as<activations, gfpq16>;
    if constexpr (is_packed) {
      return select(i, [](auto set) -> quantize_function { return quantize_words<decltype(set)>; });
    } else if constexpr (std::same_as<operand, float> && is_gfpq && layer_values) {
      return select(i, [](auto set) -> quantize_function {
        return
            [](const value* in, std::size_t, std::size_t, operand* out, std::size_t n, typename activations::scale s) {
              if constexpr (std::same_as<value, float>)
                decltype(set)::template fake_quantize<activations>(in, out, n, s);
              else decltype(set)::template fake_quantize_q20_12<activations>(in, out, n, s);
            };
      });
    } else {
      return [](const value* in, std::size_t, std::size_t, operand* out, std::size_t n, typename activations::scale s) {
        for (std::size_t k = 0; k < n; ++k) {
          out[k] = operand_of<operand, activations>(activations::encode(P::output::to_float(in[k]), s), s);
        }
      };
    }
  }
  /// Turns n features of one sample into ceil(n / packing().codes) operands.
  using quantize_features_function = void (*)(const value* in, operand* out, std::size_t n,
                                              typename activations::scale s);
  [[nodiscard]] static quantize_features_function quantize_features(isa i) {
    if constexpr (is_packed) {
      return select(i, [](auto set) -> quantize_features_function {
        return [](const value* in, operand* out, std::size_t n, typename activations::scale s) {
          using code = packed_code<decltype(set)>;
          constexpr word_packing p = decltype(set)::words;
          out[(n - 1) / p.codes] = operand_of_zeros<decltype(set)>();
          decltype(set)::uniform_codes(in, reinterpret_cast<code*>(out), n, s.step, activations::max_code, p.bias);
        };
      });
    } else if constexpr (has_tiles) {
      return select(i, [](auto set) -> quantize_features_function {
        return [](const value* in, operand* out, std::size_t n, typename activations::scale s) {
          engine::quantize(decltype(set)::id)(in, 1, 0, out, n, s);
        };
      });
    } else {
      return [](const value* in, operand* out, std::size_t n, typename activations::scale s) {
        engine::quantize(isa::scalar)(in, 1, 0, out, n, s);
      };
    }
  }

  /// The operand of padding: codes of zero.
  [[nodiscard]] static operand zero_operand(isa i) {
    if constexpr (is_packed) return select(i, [](auto set) { return operand_of_zeros<decltype(set)>(); });
    else return operand{};
  }

  template <class Set>
  using packed_code = std::conditional_t<Set::words.codes == 4, std::uint8_t, std::uint16_t>;
  template <class Set>
  [[nodiscard]] static constexpr std::int32_t operand_of_zeros() noexcept {
    return Set::words.bias == 0 ? 0 : static_cast<std::int32_t>(0x80808080U);
  }
  template <class Set>
  static void quantize_words(const value* in, std::size_t channels, std::size_t distance, operand* out, std::size_t n,
                             typename activations::scale s) {
    constexpr word_packing p = Set::words;
    constexpr std::size_t piece = 128;
    packed_code<Set> rows[p.codes * piece];
    for (std::size_t at = 0; at < n; at += piece) {
      const std::size_t count = std::min(piece, n - at);
      for (std::size_t c = 0; c < p.codes; ++c) {
        packed_code<Set>* row = rows + c * piece;
        if (c < channels) Set::uniform_codes(in + c * distance + at, row, count, s.step, activations::max_code, p.bias);
        else std::fill_n(row, count, static_cast<packed_code<Set>>(p.bias));
      }
      Set::interleave(rows, piece, out + at, count);
    }
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

  /// What one step of an integer sum is worth; 1 where the accumulator sums values.
  [[nodiscard]] static double sum_scale(const typename weights::scale& w,
                                        const typename activations::scale& a) noexcept {
    if constexpr (std::integral<typename accumulator::operand>) {
      return static_cast<double>(w.step) * static_cast<double>(a.step);
    } else {
      return 1.0;
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
    data_.resize(count_vectors() * lanes_ * steps_);
    correction_.resize(count_vectors() * lanes_);
    for (std::size_t o = 0; o < outputs; ++o) {
      const std::size_t first = o / width() * width();
      auto* column = data_.data() + first * steps_ + (o - first);
      const std::size_t columns = vectors_of(first) * lanes_;
      for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t k = 0; k < area; ++k) {
          const auto code = e::weights::encode(w[(o * channels + c) * area + k], s);
          auto& to = column[(c / packing.codes * area + k) * columns];
          if constexpr (e::is_packed) {
            const auto place = static_cast<unsigned>(c % packing.codes * (32 / packing.codes));
            const std::uint32_t mask = packing.codes == 4 ? 255U : 65535U;
            to = static_cast<std::int32_t>(static_cast<std::uint32_t>(to) | (static_cast<std::uint32_t>(code) & mask)
                                                                                << place);
            correction_[o] += packing.bias * code;
          } else {
            to = operand_of<typename e::operand, typename e::weights>(code, s);
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
    return data_.data() + first * steps_;
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

 private:
  std::span<std::byte> memory_;
};

}  // namespace kernels

NNIESIM_END_NAMESPACE
