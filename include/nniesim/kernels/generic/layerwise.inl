// Element-wise layers, reductions, pooling and comparisons, written once over the vocabularies `half` and `full` (words
// of 32 bits) and `f64`, and included inside each instruction set's region and namespace. SIMD runs across outputs;
// the only sums that are reordered are exact ones.

/// The first n, at least one, of the words p[0], p[stride], p[2 * stride], ...; Stride is 1, 2, or 0 for any.
template <class W, std::size_t Stride, class T>
inline typename W::reg load_every(const T* p, std::size_t stride, std::size_t n) {
  if constexpr (Stride == 1) {
    return load_words<W>(p, n);
  } else if constexpr (Stride == 2) {
    // Two loads that overlap in one word, so that nothing behind the last is read.
    constexpr std::size_t second = W::lanes - 1;
    if (n == W::lanes) return W::even(W::load(p), W::load(p + second));
    const std::size_t span = 2 * n - 1;
    if (span <= W::lanes) return W::even(W::load_first(p, span), W::load_first(p, 0));
    return W::even(W::load(p), W::load_first(p + second, span - second));
  } else {
    T lane[W::lanes] = {};
    for (std::size_t i = 0; i < n; ++i) lane[i] = p[i * stride];
    return W::load(lane);
  }
}

template <class T>
inline f64::reg values(const T* p, std::size_t n) {
  return f64::template value<T>(load_words<half>(p, n));
}

template <class T>
inline void write(T* p, f64::reg x, std::size_t n) {
  store_words<half>(p, f64::template code<T>(x), n);
}

/// One step of a chain.
template <bool Squares>
inline f64::reg step(f64::reg x, f64::reg sum) {
  if constexpr (Squares) return f64::fma(x, x, sum);
  else return f64::add(sum, x);
}

/// `Chains` sums of n neighbouring elements each; one alone is bound by the latency of its additions.
template <bool Squares, std::size_t Chains, class T>
inline void interleaved_chains(const T* x, std::size_t n, std::size_t stride, double* sum) {
  double s[Chains];
  for (std::size_t c = 0; c < Chains; ++c) s[c] = sum[c];
  for (std::size_t i = 0; i < n; ++i) {
    NNIESIM_UNROLL
    for (std::size_t c = 0; c < Chains; ++c) {
      const auto v = static_cast<double>(x[c * stride + i]);
      if constexpr (Squares) s[c] = std::fma(v, v, s[c]);
      else s[c] += v;
    }
  }
  for (std::size_t c = 0; c < Chains; ++c) sum[c] = s[c];
}

/// `Chains` chains of squared differences from a mean each.
template <std::size_t Chains, class T>
inline void interleaved_differences(const T* x, std::size_t n, std::size_t stride, const double* mean, double* sum) {
  double s[Chains];
  for (std::size_t c = 0; c < Chains; ++c) s[c] = sum[c];
  for (std::size_t i = 0; i < n; ++i) {
    NNIESIM_UNROLL
    for (std::size_t c = 0; c < Chains; ++c) {
      const double difference = static_cast<double>(x[c * stride + i]) - mean[c];
      s[c] = std::fma(difference, difference, s[c]);
    }
  }
  for (std::size_t c = 0; c < Chains; ++c) sum[c] = s[c];
}

/// The maximum of a window, element by element in memory order.
template <class T>
struct maximum_fold {
  using words = full;
  using reg = full::reg;
  reg start() const { return full::template lowest<T>(); }
  reg step(reg most, full::reg x) const { return full::template larger<T>(x, most); }
  void finish(T* y, reg most, std::size_t n) const { store_words<full>(y, most, n); }
};

/// Its float64 sum, divided.
template <class T>
struct mean_fold {
  using words = half;
  using reg = f64::reg;
  double divisor;
  reg start() const { return f64::set(0.0); }
  reg step(reg sum, half::reg x) const { return f64::add(sum, f64::template value<T>(x)); }
  void finish(T* y, reg sum, std::size_t n) const { write(y, f64::div(sum, f64::set(divisor)), n); }
};

/// `Vectors` vectors of windows side by side, n windows in the last of them.
template <std::size_t Vectors, std::size_t Stride, class T, class Fold>
inline void fold_block(const T* x, const windows& w, Fold fold, T* y, std::size_t n) {
  constexpr std::size_t lanes = Fold::words::lanes;
  typename Fold::reg result[Vectors];
  NNIESIM_UNROLL
  for (std::size_t v = 0; v < Vectors; ++v) result[v] = fold.start();
  for (std::size_t r = 0; r < w.rows; ++r) {
    for (std::size_t c = 0; c < w.columns; ++c) {
      const T* at = x + r * w.row + c;
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < Vectors; ++v) {
        const std::size_t here = v + 1 == Vectors ? n : lanes;
        result[v] =
            fold.step(result[v], load_every<typename Fold::words, Stride>(at + v * lanes * w.stride, w.stride, here));
      }
    }
  }
  NNIESIM_UNROLL
  for (std::size_t v = 0; v < Vectors; ++v) fold.finish(y + v * lanes, result[v], v + 1 == Vectors ? n : lanes);
}

/// The results of n windows of a row.
template <std::size_t Stride, class T, class Fold>
inline void fold_windows(const T* x, const windows& w, Fold fold, T* y, std::size_t n) {
  constexpr std::size_t vectors = 4, lanes = Fold::words::lanes;
  std::size_t i = 0;
  for (; i + vectors * lanes <= n; i += vectors * lanes) {
    fold_block<vectors, Stride>(x + i * w.stride, w, fold, y + i, lanes);
  }
  for (; i < n; i += lanes) fold_block<1, Stride>(x + i * w.stride, w, fold, y + i, std::min(lanes, n - i));
}

template <class T, class Fold>
inline void fold_windows(const T* x, const windows& w, Fold fold, T* y, std::size_t n) {
  if (w.stride == 1) fold_windows<1>(x, w, fold, y, n);
  else if (w.stride == 2) fold_windows<2>(x, w, fold, y, n);
  else fold_windows<0>(x, w, fold, y, n);
}

/// exact_bits_exp of several vectors, step by step side by side: one alone is bound by the latency of its series. The
/// ends, beyond which the specification has 0 and infinity, underflow and overflow by themselves.
template <std::size_t Vectors>
inline void exp(f64::reg (&x)[Vectors]) {
  f64::reg n[Vectors], sum[Vectors];
  NNIESIM_UNROLL
  for (std::size_t v = 0; v < Vectors; ++v) {
    x[v] = f64::smaller(f64::set(710.0), f64::larger(f64::set(-746.0), x[v]));  // NaN stays
    n[v] = f64::floor(f64::fma(x[v], f64::set(exp_constants::inverse_ln2), f64::set(0.5)));
    x[v] = f64::minus_product(n[v], f64::set(exp_constants::ln2), x[v]);
    x[v] = f64::minus_product(n[v], f64::set(exp_constants::ln2_rest), x[v]);
    sum[v] = f64::set(exp_constants::series[0]);
  }
  constexpr std::size_t terms = std::size(exp_constants::series);
  NNIESIM_UNROLL
  for (std::size_t i = 1; i < terms; ++i) {
    const f64::reg c = f64::set(exp_constants::series[i]);
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) sum[v] = f64::fma(sum[v], x[v], c);
  }
  NNIESIM_UNROLL
  for (std::size_t v = 0; v < Vectors; ++v) x[v] = f64::scaled(sum[v], n[v]);
}

/// exact_bits_log of several vectors.
template <std::size_t Vectors>
inline void log(f64::reg (&x)[Vectors]) {
  constexpr double infinity = std::numeric_limits<double>::infinity(), least = std::numeric_limits<double>::min();
  f64::reg e[Vectors], s[Vectors], s_rest[Vectors], square[Vectors], series[Vectors];
  NNIESIM_UNROLL
  for (std::size_t v = 0; v < Vectors; ++v) {
    const f64::reg denormal = f64::mul(x[v], f64::set(0x1p54));
    const f64::reg normal = f64::where_less(x[v], f64::set(least), denormal, x[v]);
    const f64::reg bias = f64::where_less(x[v], f64::set(least), f64::set(1077.0), f64::set(1023.0));
    const f64::reg exponent = f64::sub(f64::exponent(normal), bias), m = f64::mantissa(normal);
    const f64::reg root = f64::set(log_constants::root_of_2), one = f64::set(1.0), two = f64::set(2.0);
    e[v] = f64::where_less(root, m, f64::add(exponent, one), exponent);
    const f64::reg f = f64::sub(f64::where_less(root, m, f64::mul(m, f64::set(0.5)), m), one);
    const f64::reg sum = f64::add(two, f), sum_rest = f64::sub(f, f64::sub(sum, two));
    s[v] = f64::div(f, sum);
    s_rest[v] = f64::div(f64::minus_product(s[v], sum_rest, f64::minus_product(s[v], sum, f)), sum);
    square[v] = f64::mul(s[v], s[v]);
    series[v] = f64::set(log_constants::series[0]);
  }
  constexpr std::size_t terms = std::size(log_constants::series);
  NNIESIM_UNROLL
  for (std::size_t i = 1; i < terms; ++i) {
    const f64::reg c = f64::set(log_constants::series[i]);
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) series[v] = f64::fma(series[v], square[v], c);
  }
  NNIESIM_UNROLL
  for (std::size_t v = 0; v < Vectors; ++v) {
    const f64::reg two = f64::set(2.0), zero = f64::set(0.0);
    const f64::reg small = f64::fma(s[v], f64::mul(series[v], square[v]), s_rest[v]);
    const f64::reg whole = f64::mul(e[v], f64::set(log_constants::ln2));
    const f64::reg high = f64::add(whole, f64::mul(two, s[v]));
    const f64::reg low = f64::fma(two, s[v], f64::sub(whole, high));
    const f64::reg rest = f64::fma(e[v], f64::set(log_constants::ln2_rest), f64::mul(two, small));
    const f64::reg y = f64::add(high, f64::add(low, rest));
    // -infinity of a zero; NaN of a NaN, and of negative numbers.
    const f64::reg of_zero = f64::sub(x[v], f64::set(infinity));
    const f64::reg nan = f64::set(std::numeric_limits<double>::quiet_NaN());
    const f64::reg otherwise = f64::where_less(x[v], zero, nan, of_zero);
    const f64::reg end = f64::set(std::numeric_limits<double>::max());
    x[v] = f64::where_less(end, x[v], x[v], f64::where_less(zero, x[v], y, otherwise));
  }
}

/// reference::relu6.
inline f64::reg relu6_of(f64::reg x) { return f64::where_positive(x, f64::smaller(x, f64::set(6.0)), f64::set(0.0)); }

/// b^(quarters / 4) as reference::lrn_power makes it of roots.
inline f64::reg power_of_quarters(f64::reg b, unsigned quarters) {
  if (quarters == 8U) return f64::mul(b, b);
  const f64::reg root = f64::sqrt(b);
  f64::reg result = (quarters & 4U) != 0 ? b : f64::set(1.0);
  if ((quarters & 2U) != 0) result = f64::mul(result, root);
  if ((quarters & 1U) != 0) result = f64::mul(result, f64::sqrt(root));
  return result;
}

/// Calls f(i, vectors, count) for several vectors at once, each of `count` elements, i being the first, and for what is
/// left of n elements; `vectors` is a constant.
template <class F>
inline void vector_blocks(std::size_t n, F f) {
  constexpr std::size_t vectors = 4, lanes = f64::lanes;
  using several = std::integral_constant<std::size_t, vectors>;
  using one = std::integral_constant<std::size_t, 1>;
  std::size_t i = 0;
  for (; i + vectors * lanes <= n; i += vectors * lanes) f(i, several{}, std::integral_constant<std::size_t, lanes>{});
  for (; i < n; i += lanes) f(i, one{}, std::min(lanes, n - i));
}

/// y = f(x) for f that takes several vectors in place.
template <class T, class F>
inline void map_values(const T* x, T* y, std::size_t n, F f) {
  vector_blocks(n, [&]<std::size_t Vectors>(std::size_t i, std::integral_constant<std::size_t, Vectors>, auto m) {
    f64::reg v[Vectors];
    NNIESIM_UNROLL
    for (std::size_t k = 0; k < Vectors; ++k) v[k] = values(x + i + k * f64::lanes, m);
    f(v);
    NNIESIM_UNROLL
    for (std::size_t k = 0; k < Vectors; ++k) write(y + i + k * f64::lanes, v[k], m);
  });
}

struct kernel_set {
  /// max(x, 0): +0 for what is not positive, NaN too.
  template <class T>
  static void positive(const T* x, T* y, std::size_t n) {
    blocks<full::lanes>(n, [&](std::size_t i, auto m) {
      store_words<full>(y + i, full::template larger<T>(load_words<full>(x + i, m), full::zero()), m);
    });
  }
  /// x where it is positive, else slope * x.
  template <class T>
  static void leaky(const T* x, double slope, T* y, std::size_t n) {
    const bool is_plain = std::same_as<T, q20_12>
                              ? slope > -1.0 && slope <= 1.0 && std::floor(slope * 4096.0) == slope * 4096.0
                              : static_cast<double>(static_cast<float>(slope)) == slope;
    if (is_plain) {
      const full::reg factor = full::template slope<T>(slope);
      return blocks<full::lanes>(n, [&](std::size_t i, auto m) {
        store_words<full>(y + i, full::template leaky<T>(load_words<full>(x + i, m), factor), m);
      });
    }
    const f64::reg s = f64::set(slope);
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) {
      const f64::reg v = values(x + i, m);
      write(y + i, f64::where_positive(v, v, f64::mul(v, s)), m);
    });
  }
  /// The same with a slope for each element.
  template <class T>
  static void leaky_each(const T* x, const T* slope, T* y, std::size_t n) {
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) {
      const f64::reg v = values(x + i, m);
      write(y + i, f64::where_positive(v, v, f64::mul(v, values(slope + i, m))), m);
    });
  }
  /// The functions of activation_function, each by the steps of its specification.
  template <class T>
  static void sigmoid(const T* x, T* y, std::size_t n) {
    map_values(x, y, n, [&]<std::size_t Vectors>(f64::reg(&v)[Vectors]) {
      f64::reg e[Vectors];
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) e[k] = f64::sub(f64::set(-0.0), f64::abs(v[k]));
      exp(e);
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) {
        const f64::reg one = f64::set(1.0);
        v[k] = f64::div(f64::where_less(v[k], f64::set(0.0), e[k], one), f64::add(one, e[k]));
      }
    });
  }
  template <class T>
  static void tanh(const T* x, T* y, std::size_t n) {
    map_values(x, y, n, [&]<std::size_t Vectors>(f64::reg(&v)[Vectors]) {
      f64::reg e[Vectors];
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) e[k] = f64::mul(f64::set(-2.0), f64::abs(v[k]));
      exp(e);
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) {
        const f64::reg one = f64::set(1.0);
        const f64::reg t = f64::div(f64::sub(one, e[k]), f64::add(one, e[k]));
        const f64::reg s = f64::mul(v[k], v[k]);
        const f64::reg last = f64::fma(s, f64::set(-17.0 / 315.0), f64::set(2.0 / 15.0));
        const f64::reg series = f64::fma(f64::mul(v[k], s), f64::fma(s, last, f64::set(-1.0 / 3.0)), v[k]);
        const f64::reg odd = f64::where_less(v[k], f64::set(0.0), f64::sub(f64::set(-0.0), t), t);
        v[k] = f64::where_less(f64::abs(v[k]), f64::set(0.01), series, odd);
      }
    });
  }
  template <class T>
  static void elu(const T* x, double alpha, T* y, std::size_t n) {
    map_values(x, y, n, [&]<std::size_t Vectors>(f64::reg(&v)[Vectors]) {
      f64::reg e[Vectors];
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) e[k] = v[k];
      exp(e);
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) {
        v[k] = f64::where_positive(v[k], v[k], f64::mul(f64::set(alpha), f64::sub(e[k], f64::set(1.0))));
      }
    });
  }
  /// exp((scale * x + shift) * factor).
  template <class T>
  static void exponential(const T* x, double scale, double shift, double factor, T* y, std::size_t n) {
    map_values(x, y, n, [&]<std::size_t Vectors>(f64::reg(&v)[Vectors]) {
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) {
        v[k] = f64::mul(f64::fma(f64::set(scale), v[k], f64::set(shift)), f64::set(factor));
      }
      exp(v);
    });
  }

  // The exact softmax, row by row; arrays of doubles have room for a multiple of 8.
  /// most = max(most, x).
  template <class T>
  static void raise(const T* x, double* most, std::size_t n) {
    blocks<f64::lanes>(
        n, [&](std::size_t i, auto m) { f64::store(most + i, f64::larger(values(x + i, m), f64::load(most + i))); });
  }
  /// e = exp(x - most).
  template <class T>
  static void exponentials(const T* x, const double* most, double* e, std::size_t n) {
    vector_blocks(n, [&]<std::size_t Vectors>(std::size_t i, std::integral_constant<std::size_t, Vectors>, auto m) {
      f64::reg v[Vectors];
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) {
        const std::size_t at = i + k * f64::lanes;
        v[k] = f64::sub(values(x + at, m), f64::load(most + at));
      }
      exp(v);
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) f64::store(e + i + k * f64::lanes, v[k]);
    });
  }
  static void accumulate(const double* e, double* sum, std::size_t n) {
    for (std::size_t i = 0; i < n; i += f64::lanes) {
      f64::store(sum + i, f64::add(f64::load(sum + i), f64::load(e + i)));
    }
  }
  /// y = e / sum.
  template <class T>
  static void shares(const double* e, const double* sum, T* y, std::size_t n) {
    blocks<f64::lanes>(n,
                       [&](std::size_t i, auto m) { write(y + i, f64::div(f64::load(e + i), f64::load(sum + i)), m); });
  }

  /// (shift + scale * x) to an exact power.
  template <class T>
  static void power(const T* x, double scale, double shift, exact_power e, T* y, std::size_t n) {
    const f64::reg factor = f64::set(scale);
    const f64::reg offset = f64::set(shift);
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) {
      const f64::reg base = f64::fma(factor, values(x + i, m), offset);
      f64::reg p = base;
      if (e.power == 0) p = f64::sqrt(base);
      if (e.power >= 2) p = f64::mul(p, base);
      if (e.power == 3) p = f64::mul(p, base);
      if (e.reciprocal) p = f64::div(f64::set(1.0), p);
      write(y + i, p, m);
    });
  }
  /// x * factor + shift.
  template <class T>
  static void affine(const T* x, double factor, double shift, T* y, std::size_t n) {
    const f64::reg a = f64::set(factor);
    const f64::reg b = f64::set(shift);
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) { write(y + i, f64::fma(values(x + i, m), a, b), m); });
  }
  /// x[i] * factor[i] + shift[i]; no shift where that is null.
  template <class T>
  static void affine_each(const T* x, const T* factor, const T* shift, T* y, std::size_t n) {
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) {
      const f64::reg b = shift == nullptr ? f64::set(0.0) : values(shift + i, m);
      write(y + i, f64::fma(values(x + i, m), values(factor + i, m), b), m);
    });
  }

  /// Combines the inputs in order: first(x_0), then next(k, result, x_k). `Inputs` has size(), and data() of each.
  template <class Inputs, class T, class First, class Next>
  static void combine(const Inputs& inputs, T* y, std::size_t n, First first, Next next) {
    const T* x0 = inputs[0].data();
    const T* x1 = inputs[1].data();
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) {
      f64::reg result = next(1, first(values(x0 + i, m)), values(x1 + i, m));
      for (std::size_t k = 2; k < inputs.size(); ++k) result = next(k, result, values(inputs[k].data() + i, m));
      write(y + i, result, m);
    });
  }
  /// The sum with one coefficient per input, or without where that is null: c_0 x_0, then fma(c_k, x_k, sum).
  template <class Inputs, class T>
  static void weighted_sum(const Inputs& inputs, const float* coefficient, T* y, std::size_t n) {
    if (coefficient == nullptr && inputs.size() == 2) {
      const T* a = inputs[0].data();
      const T* b = inputs[1].data();
      return blocks<full::lanes>(n, [&](std::size_t i, auto m) {
        store_words<full>(y + i, full::template add<T>(load_words<full>(a + i, m), load_words<full>(b + i, m)), m);
      });
    }
    const auto c = [&](std::size_t k) {
      return f64::set(coefficient == nullptr ? 1.0 : static_cast<double>(coefficient[k]));
    };
    combine(
        inputs, y, n, [&](f64::reg x) { return f64::mul(x, c(0)); },
        [&](std::size_t k, f64::reg sum, f64::reg x) { return f64::fma(c(k), x, sum); });
  }
  // Not lambdas: without captures those have a plain function beside them that lies outside the region's target.
  struct same {
    f64::reg operator()(f64::reg x) const { return x; }
  };
  struct times {
    f64::reg operator()(std::size_t, f64::reg a, f64::reg b) const { return f64::mul(a, b); }
  };
  /// The later one only where it is larger.
  struct larger_of {
    f64::reg operator()(std::size_t, f64::reg most, f64::reg x) const { return f64::larger(x, most); }
  };
  template <class Inputs, class T>
  static void product(const Inputs& inputs, T* y, std::size_t n) {
    combine(inputs, y, n, same{}, times{});
  }
  template <class Inputs, class T>
  static void maximum(const Inputs& inputs, T* y, std::size_t n) {
    combine(inputs, y, n, same{}, larger_of{});
  }

  /// Floats as layer values.
  static void convert(const float* x, q20_12* y, std::size_t n) {
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) { write(y + i, values(x + i, m), m); });
  }
  [[nodiscard]] static bool has_nan(const float* x, std::size_t n) {
    bool found = false;
    std::size_t i = 0;
    for (; i + 4 * full::lanes <= n; i += 4 * full::lanes) {
      const full::reg a = full::load(x + i), b = full::load(x + i + full::lanes);
      const full::reg c = full::load(x + i + 2 * full::lanes), d = full::load(x + i + 3 * full::lanes);
      found = found || full::any_nan(a, b) || full::any_nan(c, d);
    }
    for (; i < n; ++i) found = found || x[i] != x[i];
    return found;
  }

  /// Continues n sums, of x[r * stride + j] or its square for r = 0, 1, ...; `sum` has room for a multiple of 8.
  template <bool Squares, class T>
  static void column_sums(const T* x, std::size_t rows, std::size_t stride, std::size_t n, double* sum) {
    for (std::size_t r = 0; r < rows; ++r) {
      blocks<f64::lanes>(n, [&](std::size_t j, auto m) {
        __builtin_prefetch(x + std::min(r + 2, rows - 1) * stride + j);  // short rows far apart are not foreseen
        f64::store(sum + j, step<Squares>(values(x + r * stride + j, m), f64::load(sum + j)));
      });
    }
  }
  /// Continues `outputs` sums, of x[o * stride + i] or its square for i = 0, 1, ... n-1. A sum of q20_12 values may
  /// take up to 2^21 in all: below 2^53 steps it is exact, and so the same in any order.
  template <bool Squares, class T>
  static void row_sums(const T* x, std::size_t n, std::size_t outputs, std::size_t stride, double* sum) {
    if constexpr (std::same_as<T, q20_12> && !Squares) {
      for (std::size_t o = 0; o < outputs; ++o) {
        f64::reg s[4] = {f64::set(0.0), f64::set(0.0), f64::set(0.0), f64::set(0.0)};
        const T* row = x + o * stride;
        std::size_t i = 0;
        for (; i + 4 * f64::lanes <= n; i += 4 * f64::lanes) {
          NNIESIM_UNROLL
          for (std::size_t k = 0; k < 4; ++k) {
            s[k] = f64::add(s[k], f64::template value<T>(half::load(row + i + k * f64::lanes)));
          }
        }
        blocks<f64::lanes>(n - i, [&](std::size_t j, auto m) { s[0] = f64::add(s[0], values(row + i + j, m)); });
        double lane[f64::lanes];
        f64::store(lane, f64::add(f64::add(s[0], s[1]), f64::add(s[2], s[3])));
        for (std::size_t k = 0; k < f64::lanes; ++k) sum[o] += lane[k];
      }
    } else {
      std::size_t o = 0;
      for (; o + 8 <= outputs; o += 8) interleaved_chains<Squares, 8>(x + o * stride, n, stride, sum + o);
      for (; o < outputs; ++o) interleaved_chains<Squares, 1>(x + o * stride, n, stride, sum + o);
    }
  }
  /// y = sum / divisor.
  template <class T>
  static void means(const double* sum, double divisor, T* y, std::size_t n) {
    const f64::reg d = f64::set(divisor);
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) { write(y + i, f64::div(f64::load(sum + i), d), m); });
  }
  /// y = x / norm, or 0 where the norm is 0: one for all, or one for each element.
  template <class T>
  static void quotients(const T* x, double norm, T* y, std::size_t n) {
    const f64::reg d = f64::set(norm);
    blocks<f64::lanes>(
        n, [&](std::size_t i, auto m) { write(y + i, f64::zero_where_zero(d, f64::div(values(x + i, m), d)), m); });
  }
  template <class T>
  static void quotients_each(const T* x, const double* norm, T* y, std::size_t n) {
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) {
      const f64::reg d = f64::load(norm + i);
      write(y + i, f64::zero_where_zero(d, f64::div(values(x + i, m), d)), m);
    });
  }

  /// The maxima of n windows of a row.
  template <class T>
  static void window_maxima(const T* x, const windows& w, T* y, std::size_t n) {
    fold_windows(x, w, maximum_fold<T>{}, y, n);
  }
  /// Their float64 sums, each in memory order, divided.
  template <class T>
  static void window_means(const T* x, const windows& w, double divisor, T* y, std::size_t n) {
    fold_windows(x, w, mean_fold<T>{divisor}, y, n);
  }

  /// Adds n pairs, a multiple of eight, to the sums of r r, x x, r x, d d, |d| and d with d = x - r, element i to chain
  /// i modulo 8, and raises `most` to the largest |d|. False, and nothing changed, where a value is not finite.
  template <class R, class X>
  [[nodiscard]] static bool compare(const R* r, const X* x, std::size_t n,
                                    double (&sums)[comparison_sums][comparison_chains], double& most) {
    // Part by part, so that the sums stay in registers; the caller's pieces stay in the cache.
    constexpr std::size_t parts = comparison_chains / f64::lanes;
    f64::reg s[parts][comparison_sums];
    f64::reg largest[parts];
    for (std::size_t p = 0; p < parts; ++p) {
      largest[p] = f64::set(0.0);
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < comparison_sums; ++k) s[p][k] = f64::load(sums[k] + p * f64::lanes);
      for (std::size_t i = p * f64::lanes; i < n; i += comparison_chains) {
        const f64::reg a = f64::template value<R>(half::load(r + i));
        const f64::reg b = f64::template value<X>(half::load(x + i));
        const f64::reg d = f64::sub(b, a);
        const f64::reg size = f64::abs(d);
        s[p][0] = f64::fma(a, a, s[p][0]);
        s[p][1] = f64::fma(b, b, s[p][1]);
        s[p][2] = f64::fma(a, b, s[p][2]);
        s[p][3] = f64::fma(d, d, s[p][3]);
        s[p][4] = f64::add(s[p][4], size);
        s[p][5] = f64::add(s[p][5], d);
        largest[p] = f64::larger(size, largest[p]);
      }
    }
    // Differences of finite layer values are far from overflow, so that only others reach this sum as what they are.
    double absolute[comparison_chains];
    double lane[comparison_chains];
    for (std::size_t p = 0; p < parts; ++p) {
      f64::store(absolute + p * f64::lanes, s[p][4]);
      f64::store(lane + p * f64::lanes, largest[p]);
    }
    for (const double sum : absolute) {
      if (!(sum <= std::numeric_limits<double>::max())) return false;
    }
    for (std::size_t p = 0; p < parts; ++p) {
      for (std::size_t k = 0; k < comparison_sums; ++k) f64::store(sums[k] + p * f64::lanes, s[p][k]);
    }
    most = std::max(most, *std::max_element(lane, lane + comparison_chains));
    return true;
  }

  /// y[2 i] = y[2 i + 1] = x[i].
  template <class T>
  static void twice(const T* x, T* y, std::size_t n) {
    blocks<full::lanes>(n, [&](std::size_t i, auto m) {
      const full::reg v = load_words<full>(x + i, m);
      const std::size_t words = 2 * m;
      store_words<full>(y + 2 * i, full::twice_low(v), std::min(words, full::lanes));
      if (words > full::lanes) store_words<full>(y + 2 * i + full::lanes, full::twice_high(v), words - full::lanes);
    });
  }

  /// More functions of activation_function.
  template <class T>
  static void absolute(const T* x, T* y, std::size_t n) {
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) { write(y + i, f64::abs(values(x + i, m)), m); });
  }
  template <class T>
  static void threshold(const T* x, double threshold, T* y, std::size_t n) {
    const f64::reg t = f64::set(threshold);
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) {
      write(y + i, f64::where_less(t, values(x + i, m), f64::set(1.0), f64::set(0.0)), m);
    });
  }
  template <class T>
  static void relu6(const T* x, T* y, std::size_t n) {
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) { write(y + i, relu6_of(values(x + i, m)), m); });
  }
  template <class T>
  static void hard_swish(const T* x, T* y, std::size_t n) {
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) {
      const f64::reg v = values(x + i, m);
      write(y + i, f64::div(f64::mul(v, relu6_of(f64::add(v, f64::set(3.0)))), f64::set(6.0)), m);
    });
  }
  template <class T>
  static void swish(const T* x, double alpha, T* y, std::size_t n) {
    map_values(x, y, n, [&]<std::size_t Vectors>(f64::reg(&v)[Vectors]) {
      f64::reg e[Vectors];
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) {
        e[k] = f64::sub(f64::set(-0.0), f64::abs(f64::mul(f64::set(alpha), v[k])));
      }
      exp(e);
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) {
        const f64::reg at = f64::mul(f64::set(alpha), v[k]);
        const f64::reg over = f64::where_less(at, f64::set(0.0), f64::mul(v[k], e[k]), v[k]);
        v[k] = f64::div(over, f64::add(f64::set(1.0), e[k]));
      }
    });
  }
  template <class T>
  static void mish(const T* x, T* y, std::size_t n) {
    map_values(x, y, n, [&]<std::size_t Vectors>(f64::reg(&v)[Vectors]) {
      f64::reg e[Vectors];
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) e[k] = v[k];
      exp(e);
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) {
        const f64::reg two = f64::set(2.0), under = f64::fma(e[k], e[k], f64::mul(two, e[k]));
        v[k] = f64::where_less(f64::set(40.0), v[k], v[k], f64::div(f64::mul(v[k], under), f64::add(under, two)));
      }
    });
  }
  template <class T>
  static void bnll(const T* x, T* y, std::size_t n) {
    map_values(x, y, n, [&]<std::size_t Vectors>(f64::reg(&v)[Vectors]) {
      f64::reg e[Vectors], log_of[Vectors];
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) e[k] = f64::sub(f64::set(-0.0), f64::abs(v[k]));
      exp(e);
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) log_of[k] = f64::add(f64::set(1.0), e[k]);
      log(log_of);
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) {
        const f64::reg one = f64::set(1.0), u = f64::add(one, e[k]);
        const f64::reg quotient = f64::div(f64::mul(log_of[k], e[k]), f64::sub(u, one));
        const f64::reg result = f64::where_less(one, u, quotient, e[k]);
        v[k] = f64::where_positive(v[k], f64::add(v[k], result), result);
      }
    });
  }
  /// log(scale * x + shift) / divisor.
  template <class T>
  static void logarithm(const T* x, double scale, double shift, double divisor, T* y, std::size_t n) {
    map_values(x, y, n, [&]<std::size_t Vectors>(f64::reg(&v)[Vectors]) {
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) v[k] = f64::fma(f64::set(scale), v[k], f64::set(shift));
      log(v);
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Vectors; ++k) v[k] = f64::div(v[k], f64::set(divisor));
    });
  }

  /// x as float64.
  template <class T>
  static void widen(const T* x, double* y, std::size_t n) {
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) {
      if (m == f64::lanes) return f64::store(y + i, values(x + i, m));
      double lane[f64::lanes];
      f64::store(lane, values(x + i, m));
      std::copy_n(lane, n - i, y + i);
    });
  }
  /// Local response normalization of n elements: y = x / (k + alpha * (sum of the window's squares))^beta. The i-th has
  /// the window of w.columns elements from i on in w.rows rows, the first of them the row `first`, those behind the
  /// last of `kept` being at its begin again: it has `rows` rows of w.row elements, and as many more as a register has.
  template <class T>
  static void local_response(const T* x, const double* kept, std::size_t rows, std::size_t first, const windows& w,
                             double alpha, double k, double beta, T* y, std::size_t n) {
    const double quarters = beta * 4.0;
    const bool is_root = quarters >= 0.0 && quarters <= 8.0 && quarters == std::floor(quarters);
    vector_blocks(n, [&]<std::size_t Vectors>(std::size_t i, std::integral_constant<std::size_t, Vectors>, auto m) {
      f64::reg b[Vectors];
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < Vectors; ++v) b[v] = f64::set(0.0);
      for (std::size_t r = 0, place = first; r < w.rows; ++r, place = place + 1 == rows ? 0 : place + 1) {
        for (std::size_t c = 0; c < w.columns; ++c) {
          const double* at = kept + place * w.row + c + i;
          NNIESIM_UNROLL
          for (std::size_t v = 0; v < Vectors; ++v) b[v] = step<true>(f64::load(at + v * f64::lanes), b[v]);
        }
      }
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < Vectors; ++v) b[v] = f64::fma(f64::set(alpha), b[v], f64::set(k));
      if (is_root) {
        NNIESIM_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) b[v] = power_of_quarters(b[v], static_cast<unsigned>(quarters));
      } else {
        log(b);
        NNIESIM_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) b[v] = f64::mul(f64::set(beta), b[v]);
        exp(b);
      }
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < Vectors; ++v) {
        const std::size_t at = i + v * f64::lanes;
        write(y + at, f64::div(values(x + at, m), b[v]), m);
      }
    });
  }

  /// Continues `outputs` chains of (x[o * stride + i] - mean[o])^2 for i = 0, 1, ... n-1.
  template <class T>
  static void squared_differences(const T* x, std::size_t n, std::size_t outputs, std::size_t stride,
                                  const double* mean, double* sum) {
    std::size_t o = 0;
    for (; o + 8 <= outputs; o += 8) interleaved_differences<8>(x + o * stride, n, stride, mean + o, sum + o);
    for (; o < outputs; ++o) interleaved_differences<1>(x + o * stride, n, stride, mean + o, sum + o);
  }
  /// y = (x - mean) / divisor.
  template <class T>
  static void standardized(const T* x, double mean, double divisor, T* y, std::size_t n) {
    const f64::reg a = f64::set(mean), d = f64::set(divisor);
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) { write(y + i, f64::div(f64::sub(values(x + i, m), a), d), m); });
  }

  /// The largest of n neighbouring elements, the first of equal ones; NaN is never it.
  template <class T>
  [[nodiscard]] static T largest(const T* x, std::size_t n) {
    full::reg most[4];
    NNIESIM_UNROLL
    for (std::size_t k = 0; k < 4; ++k) most[k] = full::template lowest<T>();
    std::size_t i = 0;
    for (; i + 4 * full::lanes <= n; i += 4 * full::lanes) {
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < 4; ++k) {
        most[k] = full::template larger<T>(full::load(x + i + k * full::lanes), most[k]);
      }
    }
    T lane[4 * full::lanes];
    NNIESIM_UNROLL
    for (std::size_t k = 0; k < 4; ++k) full::store(lane + k * full::lanes, most[k]);
    T result = *std::max_element(lane, lane + 4 * full::lanes);
    for (; i < n; ++i) result = std::max(result, x[i]);
    // The sign of a zero is that of the first.
    return result == T{} ? *std::find(x, x + n, result) : result;
  }

  /// y[i] = a + fraction[i] * (b - a) of a = x[lower[i]] and b = x[upper[i]]; a where the fraction is 0. Arrays of
  /// doubles have room for a multiple of 8.
  template <class T>
  static void between_elements(const T* x, const std::uint32_t* lower, const std::uint32_t* upper,
                               const double* fraction, double* y, std::size_t n) {
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) {
      const f64::reg a = f64::template value<T>(half::at(x, load_words<half>(lower + i, m)));
      const f64::reg b = f64::template value<T>(half::at(x, load_words<half>(upper + i, m)));
      const f64::reg f = f64::load(fraction + i);
      f64::store(y + i, f64::where_positive(f, f64::fma(f, f64::sub(b, a), a), a));
    });
  }
  /// y = a + fraction * (b - a), which is a where the fraction is 0.
  template <class T>
  static void between_rows(const double* a, const double* b, double fraction, T* y, std::size_t n) {
    const f64::reg f = f64::set(fraction);
    blocks<f64::lanes>(n, [&](std::size_t i, auto m) {
      const f64::reg from = f64::load(a + i);
      write(y + i, fraction == 0.0 ? from : f64::fma(f, f64::sub(f64::load(b + i), from), from), m);
    });
  }
};
