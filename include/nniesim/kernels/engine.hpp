// What a multiply-accumulate operator does under a policy, in terms of kernels: which operands it stores, which tiles sum
// them, how a tile is finished. Policies without a vector kernel run through portable loops of the accumulator itself.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

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
        for (std::size_t j = 0; j < columns; ++j) out[i * columns + j] = A::add(out[i * columns + j], w[t * columns + j], x);
      }
    }
  }
  static void adjacent(const operand* a, const std::int32_t* offset, const operand* w, std::size_t steps,
                       std::size_t rows, std::size_t vectors, sum* out, bool resume) {
    tile([&](std::size_t i, std::size_t t) { return a[offset[t] + static_cast<std::ptrdiff_t>(i)]; }, w, steps, rows,
         vectors, out, resume);
  }
  static void strided(const operand* a, std::ptrdiff_t stride, const operand* w, std::size_t steps, std::size_t rows,
                      std::size_t vectors, sum* out, bool resume) {
    tile([&](std::size_t i, std::size_t t) {
           return a[static_cast<std::ptrdiff_t>(i) * stride + static_cast<std::ptrdiff_t>(t)];
         },
         w, steps, rows, vectors, out, resume);
  }
};

/// The meeting point of a policy and a table of kernels.
template <precision_policy P>
struct engine {
  using accumulator = typename P::accumulator;
  using weights = typename P::weights;
  using activations = typename P::activations;
  using value = value_t<P>;
  /// The float64 chain keeps its operands as doubles, so that they need no conversion in the loop.
  using operand = std::conditional_t<std::same_as<accumulator, fp64_chain>, double, typename accumulator::operand>;
  using sum = typename accumulator::sum;

  /// Sums in one tile, whatever the instruction set.
  static constexpr std::size_t max_tile = 14 * 32;

  [[nodiscard]] static tile_kernels<operand, sum> tiles(const table& t) noexcept {
    if constexpr (std::same_as<accumulator, fp32_chain>) return t.chain32;
    else if constexpr (std::same_as<accumulator, fp64_chain>) return t.chain64;
    else return {portable<accumulator>::lanes, 2, 4, portable<accumulator>::adjacent, portable<accumulator>::strided};
  }

  static void finish(const table& t, const finish_job<sum, value>& job) {
    if constexpr (std::same_as<accumulator, fp32_chain> && std::same_as<typename P::output, binary32>) {
      t.finish_float(job);
    } else if constexpr (std::same_as<accumulator, fp32_chain> && std::same_as<typename P::output, q20_12>) {
      t.finish_q20_12(job);
    } else {
      for (std::size_t i = 0; i < job.rows; ++i) {
        for (std::size_t j = 0; j < job.columns; ++j) {
          job.out[static_cast<std::ptrdiff_t>(i) * job.row_step + static_cast<std::ptrdiff_t>(j) * job.column_step] =
              P::output::from(accumulator::total(job.sum[i * job.sum_columns + j], job.bias[j], job.scale));
        }
      }
    }
  }

  /// n values of a layer's input as operands.
  static void quantize(const table& t, const value* in, operand* out, std::size_t n,
                       const typename activations::scale& s) {
    constexpr bool to_float = std::same_as<operand, float>;
    constexpr bool of_float = std::same_as<value, float>;
    constexpr bool of_fixed = std::same_as<value, q20_12>;
    if constexpr (to_float && std::same_as<activations, gfpq8> && of_float) t.fake_quantize8(in, out, n, s);
    else if constexpr (to_float && std::same_as<activations, gfpq16> && of_float) t.fake_quantize16(in, out, n, s);
    else if constexpr (to_float && std::same_as<activations, gfpq8> && of_fixed) t.fake_quantize8_q20_12(in, out, n, s);
    else if constexpr (to_float && std::same_as<activations, gfpq16> && of_fixed) t.fake_quantize16_q20_12(in, out, n, s);
    else if constexpr (to_float && std::same_as<activations, binary32> && of_float) std::copy_n(in, n, out);
    else if constexpr (to_float && std::same_as<activations, binary32> && of_fixed) t.from_q20_12(in, out, n);
    else {
      for (std::size_t i = 0; i < n; ++i) {
        out[i] = operand_of<operand, activations>(activations::encode(P::output::to_float(in[i]), s), s);
      }
    }
  }

  /// The activation scale of n values, derived from them as the format does.
  [[nodiscard]] static typename activations::scale scale_of(const table& t, const value* in, std::size_t n) {
    if constexpr (std::same_as<typename activations::scale, no_scale>) {
      return {};
    } else if constexpr (requires { activations::scale_of_max(1.0F); } && std::same_as<value, float>) {
      return activations::scale_of_max(t.max_magnitude(in, n));
    } else if constexpr (requires { activations::scale_of_max(1.0F); } && std::same_as<value, q20_12>) {
      return activations::scale_of_max(t.max_magnitude_q20_12(in, n));
    } else {
      std::vector<float> copy(n);
      std::transform(in, in + n, copy.begin(), [](const value& v) { return P::output::to_float(v); });
      return activations::scale_of(copy);
    }
  }

  /// What one step of an integer sum is worth; 1 where the accumulator sums values.
  [[nodiscard]] static double sum_scale(const typename weights::scale& w, const typename activations::scale& a) noexcept {
    if constexpr (std::integral<typename accumulator::operand>) {
      return static_cast<double>(w.step) * static_cast<double>(a.step);
    } else {
      return 1.0;
    }
  }

  /// Largest product of two operands.
  [[nodiscard]] static double largest_product(const typename weights::scale& w, const typename activations::scale& a) noexcept {
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
  /// `w` is outputs x steps, row-major.
  panels(const table& t, const float* w, std::size_t outputs, std::size_t steps, const typename e::weights::scale& s)
      : outputs_(outputs), steps_(steps), lanes_(e::tiles(t).lanes), vectors_(e::tiles(t).max_vectors) {
    data_.resize(count_vectors() * lanes_ * steps);
    for (std::size_t first = 0; first < outputs; first += width()) {
      const std::size_t columns = vectors_of(first) * lanes_;
      auto* panel = data_.data() + first * steps;
      for (std::size_t step = 0; step < steps; ++step) {
        for (std::size_t j = 0; j < columns && first + j < outputs; ++j) {
          panel[step * columns + j] = operand_of<typename e::operand, typename e::weights>(
              e::weights::encode(w[(first + j) * steps + step], s), s);
        }
      }
    }
  }

  [[nodiscard]] std::size_t outputs() const noexcept { return outputs_; }
  [[nodiscard]] std::size_t steps() const noexcept { return steps_; }
  /// Outputs in a full panel.
  [[nodiscard]] std::size_t width() const noexcept { return lanes_ * vectors_; }
  [[nodiscard]] std::size_t count() const noexcept { return (outputs_ + width() - 1) / width(); }
  /// Vectors in the panel that begins at output `first`.
  [[nodiscard]] std::size_t vectors_of(std::size_t first) const noexcept {
    return std::min(vectors_, (outputs_ - first + lanes_ - 1) / lanes_);
  }
  [[nodiscard]] const typename e::operand* panel(std::size_t first) const noexcept {
    return data_.data() + first * steps_;
  }

 private:
  [[nodiscard]] std::size_t count_vectors() const noexcept { return (outputs_ + lanes_ - 1) / lanes_; }

  std::size_t outputs_ = 0;
  std::size_t steps_ = 0;
  std::size_t lanes_ = 1;
  std::size_t vectors_ = 1;
  std::vector<typename e::operand> data_;
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
