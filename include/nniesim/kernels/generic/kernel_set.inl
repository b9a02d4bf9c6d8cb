// The kernels of the including instruction set under one name, over its vocabularies f32, f64, I, its `tile_rows` and
// its `finish` functions.

struct kernel_set {
  static constexpr isa id = this_isa;
  static constexpr word_packing words = packing;
  template <class T>
  using vector =
      std::conditional_t<std::is_same_v<T, float>, f32, std::conditional_t<std::is_same_v<T, double>, f64, word_dot>>;
  template <class T>
  static constexpr tile_shape tile{vector<T>::lanes, 2, max_rows};

  template <class T>
  static void adjacent(const T* a, const std::int32_t* offset, const T* w, std::size_t steps, std::size_t rows,
                       std::size_t vectors, T* sum, bool resume) {
    if (vectors == 1) return adjacent_rows<vector<T>, 1>(tile_rows{}, a, offset, w, steps, rows, sum, resume);
    adjacent_rows<vector<T>, 2>(tile_rows{}, a, offset, w, steps, rows, sum, resume);
  }
  template <class T>
  static void strided(const T* a, std::ptrdiff_t stride, const T* w, std::size_t steps, std::size_t rows,
                      std::size_t vectors, T* sum, bool resume) {
    if (vectors == 1) return strided_rows<vector<T>, 1>(tile_rows{}, a, stride, w, steps, rows, sum, resume);
    strided_rows<vector<T>, 2>(tile_rows{}, a, stride, w, steps, rows, sum, resume);
  }
  template <class T>
  static void row(const T* a, const std::int32_t* offset, const T* w, std::size_t steps, std::size_t n, T* sum) {
    channel_row<vector<T>>(a, offset, w, steps, n, sum);
  }
  template <value_format F, class Sum>
  static void finish(const finish_job<Sum, typename F::code>& job) {
    finish_tile(job);
  }
  template <value_format F>
  static void finish_row(const float* sum, std::size_t n, float bias, typename F::code* out) {
    finish_channel(sum, n, bias, out);
  }
  template <class F>
  static void fake_quantize(const float* in, float* out, std::size_t n, typename F::scale s) {
    const window<F> w(s);
    map(in, out, n, [&](I::reg x) { return fake_quantize_lanes<F>(x, w); });
  }
  template <class F>
  static void fake_quantize_q20_12(const q20_12* in, float* out, std::size_t n, typename F::scale s) {
    const window<F> w(s);
    map(in, out, n, [&](I::reg x) { return fake_quantize_lanes<F>(I::float_of_q20_12(x), w); });
  }
  template <class F>
  static void encode(const float* in, typename F::code* out, std::size_t n, typename F::scale s) {
    const window<F> w(s);
    map(in, out, n, [&](I::reg x) { return code_lanes<F>(x, w); });
  }
  template <class F>
  static void decode(const typename F::code* in, float* out, std::size_t n, typename F::scale s) {
    const window<F> w(s);
    map(in, out, n, [&](I::reg c) { return decode_lanes<F>(c, w); });
  }
  /// Uniform codes plus bias, as bytes or 16-bit integers.
  template <class Code>
  static void uniform_codes(const q20_12* in, Code* out, std::size_t n, float step, std::int32_t most,
                            std::int32_t bias) {
    map(in, out, n, [&](I::reg x) {
      return I::add(I::uniform_code(I::float_of_q20_12(x), step, static_cast<float>(most)), I::set(bias));
    });
  }
  template <class Code>
  static void uniform_codes(const float* in, Code* out, std::size_t n, float step, std::int32_t most,
                            std::int32_t bias) {
    map(in, out, n, [&](I::reg x) { return I::add(I::uniform_code(x, step, static_cast<float>(most)), I::set(bias)); });
  }
  /// Four rows of bytes, or two of 16-bit integers, interleaved to words.
  static void interleave(const std::uint8_t* in, std::size_t row, std::int32_t* out, std::size_t n) {
    std::size_t i = 0;
    for (; i + I::lanes <= n; i += I::lanes) {
      I::reg word = I::load(in + i);
      word = I::bit_or(word, I::template shift_left<8>(I::load(in + row + i)));
      word = I::bit_or(word, I::template shift_left<16>(I::load(in + 2 * row + i)));
      I::store(out + i, I::bit_or(word, I::template shift_left<24>(I::load(in + 3 * row + i))));
    }
    for (; i < n; ++i) {
      const auto byte = [&](std::size_t r) { return std::uint32_t{in[r * row + i]} << (8 * r); };
      out[i] = static_cast<std::int32_t>(byte(0) | byte(1) | byte(2) | byte(3));
    }
  }
  static void interleave(const std::uint16_t* in, std::size_t row, std::int32_t* out, std::size_t n) {
    std::size_t i = 0;
    for (; i + I::lanes <= n; i += I::lanes) {
      I::store(out + i, I::bit_or(I::load(in + i), I::template shift_left<16>(I::load(in + row + i))));
    }
    for (; i < n; ++i) out[i] = static_cast<std::int32_t>(std::uint32_t{in[i]} | std::uint32_t{in[row + i]} << 16U);
  }
  static void to_q20_12(const float* in, q20_12* out, std::size_t n) { map(in, out, n, q20_12_writer{}); }
  static void from_q20_12(const q20_12* in, float* out, std::size_t n) { map(in, out, n, q20_12_reader{}); }
  static float max_magnitude(const float* in, std::size_t n) { return largest_magnitude(in, n); }
  static float max_magnitude_q20_12(const q20_12* in, std::size_t n) { return largest_magnitude(in, n); }
};
