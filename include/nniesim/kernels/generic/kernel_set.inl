// The kernels of the including instruction set under one name, over its vocabularies f32, f64, I, its `tile_rows` and
// its `finish` functions.

struct kernel_set {
  static constexpr isa id = this_isa;
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
  static void channel(const channel_job<T, Out>& job) {
    channel_rows<Rule, vector<T>>(job);
  }
  template <finish_rule Rule, class Sum, class Out>
  static void finish(const finish_job<Sum, Out>& job) {
    finish_tile<Rule>(job);
  }
  template <class F, class Value>
  static void quantize(const quantize_job<Value, float>& job, typename F::scale s) {
    in_units_rows<F>(job, s);
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
    const window<F> w(s);
    map(in, out, n, [&](I::reg x) { return fake_quantize_lanes(x, w); });
  }
  /// The chains of 64 outputs over `steps` steps of one row x.
  template <class F>
  static void multiply_codes(const float* x, const typename F::code* w, const code_tables& t, std::size_t steps,
                             float* sum) requires(has_code_panels) {
    multiply_code_panel<F>(x, w, t, steps, sum);
  }
  /// `steps` steps of 64 weights, as two panels of 32 behind one another.
  template <class F>
  static void decode_codes(const typename F::code* w, const code_tables& t, std::size_t steps,
                           float* out) requires(has_code_panels) {
    decode_code_panel<F>(w, t, steps, out);
  }
  template <class F>
  static void encode(const float* in, typename F::code* out, std::size_t n, typename F::scale s) {
    const window<F> w(s);
    map(in, detail::integers(out), n, [&](I::reg x) { return code_lanes<F>(x, w); });
  }
  template <class F>
  static void decode(const typename F::code* in, float* out, std::size_t n, typename F::scale s) {
    const window<F> w(s);
    map(detail::integers(in), out, n, [&](I::reg c) { return decode_lanes<F>(c, w); });
  }
  /// Uniform codes plus bias, as bytes or 16-bit integers.
  template <class Code>
  static void uniform_codes(const q20_12* in, Code* out, std::size_t n, float step, std::int32_t most,
                            std::int32_t bias) {
    const divisor by(step * 4096.0F, most);
    map(in, out, n, [&](I::reg x) { return I::add(uniform_code(I::float_of_int(x), by), I::set(bias)); });
  }
  template <class Code>
  static void uniform_codes(const float* in, Code* out, std::size_t n, float step, std::int32_t most,
                            std::int32_t bias) {
    const divisor by(step, most);
    map(in, out, n, [&](I::reg x) { return I::add(uniform_code(x, by), I::set(bias)); });
  }
  static void to_q20_12(const float* in, q20_12* out, std::size_t n) { map(in, out, n, q20_12_writer{}); }
  static void from_q20_12(const q20_12* in, float* out, std::size_t n) { map(in, out, n, q20_12_reader{}); }
  static float max_magnitude(const float* in, std::size_t n) { return largest_magnitude(in, n); }
  static float max_magnitude_q20_12(const q20_12* in, std::size_t n) { return largest_magnitude(in, n); }
};
