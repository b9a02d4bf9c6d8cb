// The kernels of the including instruction set under one name, over its vocabularies f32, f64, half, i32, its
// `tile_rows` and its `finish` functions.

namespace layerwise {

using namespace kernels::layerwise;

#include <nniesim/kernels/generic/blocks.inl>
#include <nniesim/kernels/generic/functions.inl>
#include <nniesim/kernels/generic/layerwise.inl>

}  // namespace layerwise

struct kernel_set {
  static constexpr isa id = this_isa;
  static constexpr isa base_id = this_isa;  ///< of the set that it shares all but products of integers with
  static constexpr std::string_view compiled_for = target;
  using layerwise_kernels = layerwise::kernel_set;
  using function_kernels = layerwise::function_set;
  static constexpr word_packing words = packing;
  static constexpr bool has_code_panels = code_panel_kernels;
  template <class T>
  using vector =
      std::conditional_t<std::is_same_v<T, float>, f32, std::conditional_t<std::is_same_v<T, double>, f64, word_dot>>;
  template <class T, class Sum>
  static constexpr tile_shape tile{vector<T>::lanes, 2, std::is_same_v<Sum, std::int64_t> ? split_max_rows : max_rows};

  template <class T>
  static void adjacent(const T* a, const std::int32_t* offset, const T* w, chain_steps chain, std::size_t rows,
                       std::size_t vectors, T* sum) {
    if (vectors == 1) return adjacent_rows<vector<T>, 1>(tile_rows{}, a, offset, w, chain, rows, sum);
    adjacent_rows<vector<T>, 2>(tile_rows{}, a, offset, w, chain, rows, sum);
  }
  template <class T>
  static void strided(const T* a, std::ptrdiff_t stride, const T* w, std::size_t steps, std::size_t rows,
                      std::size_t vectors, T* sum, bool resume) {
    if (vectors == 1) return strided_rows<vector<T>, 1>(tile_rows{}, a, stride, w, steps, rows, sum, resume);
    strided_rows<vector<T>, 2>(tile_rows{}, a, stride, w, steps, rows, sum, resume);
  }
  template <class At>
  static void split(At at, const std::int32_t* w, std::size_t steps, std::size_t rows, std::size_t vectors,
                    std::int64_t* sum, bool resume) {
    split_sums<i16x2>(split_tile_rows{}, at, w, steps, rows, vectors, sum, resume);
  }
  template <finish_rule Rule, class T, class Out>
  static void pixels(const pixel_job<T, Out>& job) {
    run_pixels<Rule, vector<T>>(job);
  }
  template <finish_rule Rule, class Sum, class Out>
  static void finish(const finish_job<Sum, Out>& job) {
    finish_tile<Rule>(job);
  }
  template <class F, class Value>
  static void quantize(const quantize_job<Value, float>& job, typename F::scale s) {
    in_units_rows<F>(job, s);
  }
  template <class F>
  static void decode_in_units(const quantize_job<typename F::code, float>& job) {
    in_units_rows<F>(job);
  }
  template <class F>
  static void decode_by_turns(const typename F::code* in, std::size_t n, float* even, float* odd) {
    units_by_turns<F>(in, n, even, odd);
  }
  template <class Value>
  static void quantize_uniform(const quantize_job<Value, float>& job, float step, std::int32_t most) {
    uniform_rows(job, step, most);
  }
  template <std::size_t Codes, class Value>
  static void quantize_words(const quantize_job<Value, std::int32_t>& job, float step, std::int32_t most,
                             std::int32_t bias) {
    word_rows<Codes>(job, step, most, bias);
  }
  template <class F>
  static void fake_quantize(const float* in, float* out, std::size_t n, typename F::scale s) {
    by_codes<F>(in, n, encoder<F>(s), [&](const typename F::code* codes, std::size_t at, std::size_t count) {
      map_codes<F>(codes, out + at, count, s, as_it_is{});
    });
  }
  /// The chains of rows, most_code_rows at most, with the packed codes of 64 outputs; all else as in strided.
  template <class F>
  static void multiply_codes(const float* a, std::ptrdiff_t stride, const typename F::code* w, const code_tables& t,
                             std::size_t steps, std::size_t rows, float* sum) requires(has_code_panels) {
    code_tile_rows<F>(std::index_sequence<1, 2, 4, most_code_rows>{}, a, stride, w, t, steps, rows, sum);
  }
  /// `steps` steps of 64 weights, as two panels of 32 behind one another.
  template <class F>
  static void decode_codes(const typename F::code* w, const code_tables& t, std::size_t steps,
                           float* out) requires(has_code_panels) {
    decode_code_panel<F>(w, t, steps, out);
  }
  template <class F>
  static void encode(const float* in, typename F::code* out, std::size_t n, typename F::scale s) {
    encode_all<F>(in, out, n, encoder<F>(s));
  }
  template <class F>
  static void decode(const typename F::code* in, float* out, std::size_t n, typename F::scale s) {
    map_codes<F>(in, out, n, s, as_it_is{});
  }
  /// q20_12 values as a layer stores them as codes.
  template <class F>
  static void encode_values(const q20_12* in, typename F::code* out, std::size_t n, const output_stage& stage) {
    const output_writer<typename F::code> write(stage);
    std::size_t i = 0;
    for (; i + 4 * i32::lanes <= n; i += 4 * i32::lanes) {
      const i32::reg four[4] = {i32::load(in + i), i32::load(in + i + i32::lanes), i32::load(in + i + 2 * i32::lanes),
                                i32::load(in + i + 3 * i32::lanes)};
      write.four(out + i, i32::lanes, four, i32::lanes);
    }
    for (; i < n; i += i32::lanes) {
      const std::size_t left = std::min(n - i, i32::lanes);
      write(out + i, left == i32::lanes ? i32::load(in + i) : load_part(in + i, left), left);
    }
  }
  /// Codes as q20_12 values.
  template <class F>
  static void decode_values(const typename F::code* in, q20_12* out, std::size_t n, typename F::scale s) {
    constexpr int octaves_above = octaves<q20_12>;
    if (s.z() + F::max_magnitude < (31 - octaves_above) * F::levels) {
      // The values of the levels as q20_12 counts them: nothing saturates.
      return map_codes<F>(in, out, n, typename F::scale(s.z() + octaves_above * F::levels), to_floor{});
    }
    map_codes<F>(in, out, n, s, q20_12_writer{});
  }
  /// out[i] = table[in[i]] of 256 entries.
  template <class V = i32>
  static void look_up(const std::uint8_t* in, std::uint8_t* out, std::size_t n, const std::uint8_t* table) {
    std::size_t i = 0;
    if constexpr (requires { V::bytes_at(table, in, out, n); }) i = V::bytes_at(table, in, out, n);
    for (; i < n; ++i) out[i] = table[in[i]];
  }
  /// Uniform codes plus bias, as bytes or 16-bit integers.
  template <class Code>
  static void uniform_codes(const q20_12* in, Code* out, std::size_t n, float step, std::int32_t most,
                            std::int32_t bias) {
    const divisor by(step * 4096.0F, most);
    const f32::reg origin = f32::set(0x1.8p23F + static_cast<float>(bias));
    map(in, out, n, [&](i32::reg x) { return i32::of_float(raised_uniform_code(x, by, origin)); });
  }
  template <class Code>
  static void uniform_codes(const float* in, Code* out, std::size_t n, float step, std::int32_t most,
                            std::int32_t bias) {
    const divisor by(step, most);
    map(in, out, n, [&](i32::reg x) { return i32::add(uniform_code(x, by), i32::set(bias)); });
  }
  static void to_q20_12(const float* in, q20_12* out, std::size_t n) { map(in, out, n, q20_12_writer{}); }
  static void from_q20_12(const q20_12* in, float* out, std::size_t n) { map(in, out, n, q20_12_reader{}); }
  static float max_magnitude(const float* in, std::size_t n) { return largest_magnitude(in, n); }
  static float max_magnitude_q20_12(const q20_12* in, std::size_t n) { return largest_magnitude(in, n); }
  /// Also of NaN; `out` gets a copy unless it is null.
  static std::uint32_t magnitude_bits(const float* in, float* out, std::size_t n) { return largest_bits(in, out, n); }
  static constexpr std::size_t square = i32::lanes;
  /// Turns `square` rows of n elements into n columns: row r's element t to to[t * to_step + r]. Rows are read in
  /// whole vectors.
  template <class T>
  static void transpose_rows(const T* from, std::size_t from_step, std::size_t n, T* to, std::size_t to_step) {
    static_assert(sizeof(T) == 4);
    for (std::size_t t = 0; t < n; t += square) {
      i32::reg r[square];
      NNIESIM_UNROLL
      for (std::size_t i = 0; i < square; ++i) r[i] = i32::load(static_cast<const void*>(from + i * from_step + t));
      transpose(r);
      T* const out = to + t * to_step;
      const std::size_t steps = std::min(square, n - t);
      if (steps == square) {
        NNIESIM_UNROLL
        for (std::size_t i = 0; i < square; ++i) i32::store(static_cast<void*>(out + i * to_step), r[i]);
      } else {
        NNIESIM_UNROLL
        for (std::size_t i = 0; i < square; ++i) {
          if (i < steps) i32::store(static_cast<void*>(out + i * to_step), r[i]);
        }
      }
    }
  }
  /// q20_12 values as their codes hold them.
  template <class F>
  static void requantize(const q20_12* in, q20_12* out, std::size_t n, typename F::scale s) {
    by_codes<F>(in, n, encoder<F, octaves<q20_12>>(s),
                [&](const typename F::code* codes, std::size_t at, std::size_t count) {
                  decode_values<F>(codes, out + at, count, s);
                });
  }
};
