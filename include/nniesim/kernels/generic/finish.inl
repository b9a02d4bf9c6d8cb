// Storing finished sums: bias, output format, what follows the sums, and the transposition that convolution needs, over
// the vocabularies f32, f64 and I and the `transpose` of the including instruction set.

/// I::lanes finished sums as bits of the output: float, or q20_12.
template <class Out>
inline I::reg written(const float* sum, const float* bias, const float*, double scale) {
  if (scale != 0) {  // integer sums, exact in float
    const f64::reg factor = f64::set(scale * 4096.0);
    const auto steps = [&](const float* s, const float* b) {
      return f64::fma(f64::load(s), factor, f64::mul(f64::load(b), f64::set(4096.0)));
    };
    return I::q20_12_of_steps(steps(sum, bias), steps(sum + f64::lanes, bias + f64::lanes));
  }
  const f32::reg total = f32::add(f32::load(sum), f32::load(bias));
  if constexpr (std::same_as<Out, float>) return I::of_float(total);
  else return I::q20_12_of_float(I::of_float(total));
}
template <class Out>
inline I::reg written(const double* sum, const float* bias, const double*, double scale) {
  const f64::reg to_steps = f64::set(4096.0);
  const f64::reg factor = f64::set(scale * 4096.0);
  const auto steps = [&](const double* s, const float* b) {
    if (scale != 0) return f64::fma(f64::load(s), factor, f64::mul(f64::load(b), to_steps));
    return f64::mul(f64::add(f64::load(s), f64::load(b)), to_steps);
  };
  return I::q20_12_of_steps(steps(sum, bias), steps(sum + f64::lanes, bias + f64::lanes));
}
/// Integer sums: fma(sum - correction, scale, bias) in float64. The 4096 steps to one are multiplied into both factors,
/// which is exact.
template <class Out, std::integral Sum>
inline I::reg written(const Sum* sum, const float* bias, const Sum* correction, double scale) {
  const f64::reg factor = f64::set(scale * 4096.0);
  const auto steps = [&](const Sum* s, const float* b, const Sum* c) {
    return f64::fma(f64::difference(s, c), factor, f64::mul(f64::load(b), f64::set(4096.0)));
  };
  return I::q20_12_of_steps(steps(sum, bias, correction),
                            steps(sum + f64::lanes, bias + f64::lanes, correction + f64::lanes));
}

/// The total that is written, one at a time: what happened to it is told to the counter.
template <class Out, class Sum>
inline void count_events(const Sum* sum, const float* bias, const Sum* correction, double scale, std::size_t n,
                         event_counts& events) {
  if constexpr (std::same_as<Out, q20_12>) {
    for (std::size_t i = 0; i < n; ++i) {
      if constexpr (std::integral<Sum>) {
        const auto whole = static_cast<double>(corrected(sum[i], correction[i]));
        (void)Out::from(std::fma(whole, scale, static_cast<double>(bias[i])), events);
      } else if (scale != 0) {
        (void)Out::from(std::fma(static_cast<double>(sum[i]), scale, static_cast<double>(bias[i])), events);
      } else {
        (void)Out::from(sum[i] + static_cast<Sum>(bias[i]), events);
      }
    }
  }
}

template <class Out>
inline I::reg rectified(I::reg x) {
  // Floats order like integers where they are not negative; NaN becomes +0 as in the specification.
  if constexpr (std::same_as<Out, float>) return I::zero_where(I::greater(x, I::set(0x7f800000)), I::max(x, I::set(0)));
  else return I::max(x, I::set(0));
}

template <class Sum, class Out>
inline void finish_tile(const finish_job<Sum, Out>& job) {
  constexpr std::size_t lanes = I::lanes;
  for (std::size_t j = 0; j < job.columns; j += lanes) {
    const std::size_t columns = std::min(lanes, job.columns - j);
    float bias[lanes] = {};
    Sum correction[lanes] = {};
    std::memcpy(bias, job.bias + j, columns * sizeof(float));
    if constexpr (std::integral<Sum>) std::memcpy(correction, job.correction + j, columns * sizeof(Sum));
    Out* out = job.out + static_cast<std::ptrdiff_t>(j) * job.column_step;
    const auto row = [&](std::size_t i) {
      const Sum* sum = job.sum + i * job.sum_columns + j;
      const I::reg x = written<Out>(sum, bias, correction, job.scale);
      if (job.stage.events != nullptr) count_events<Out>(sum, bias, correction, job.scale, columns, *job.stage.events);
      return job.stage.relu ? rectified<Out>(x) : x;
    };
    if (job.row_step == 1) {
      for (std::size_t i = 0; i < job.rows; i += lanes) {
        const std::size_t rows = std::min(lanes, job.rows - i);
        I::reg r[lanes];
        NNIESIM_UNROLL
        for (std::size_t k = 0; k < lanes; ++k) r[k] = k < rows ? row(i + k) : I::set(0);
        transpose(r);
        NNIESIM_UNROLL
        for (std::size_t c = 0; c < lanes; ++c) {
          if (c < columns) store_part(out + static_cast<std::ptrdiff_t>(c) * job.column_step + i, r[c], rows);
        }
      }
    } else {
      for (std::size_t i = 0; i < job.rows; ++i) {
        Out* to = out + static_cast<std::ptrdiff_t>(i) * job.row_step;
        if (job.column_step == 1) {
          store_part(to, row(i), columns);
        } else {
          std::int32_t lane[lanes];
          I::store(lane, row(i));
          for (std::size_t c = 0; c < columns; ++c) {
            to[static_cast<std::ptrdiff_t>(c) * job.column_step] = std::bit_cast<Out>(lane[c]);
          }
        }
      }
    }
  }
}

/// Rows of one channel: four vectors of sums at a time, then their outputs.
template <class V, class Out>
inline void channel_rows(const channel_job<typename V::element, Out>& job) {
  using element = typename V::element;
  constexpr std::size_t vectors = 4;
  constexpr std::size_t width = vectors * V::lanes;
  float bias[I::lanes];
  std::fill_n(bias, I::lanes, job.bias);
  const element none[I::lanes] = {};
  Out* out = job.out;
  for (std::size_t r = 0; r < job.rows; ++r) {
    const element* a = job.a + static_cast<std::ptrdiff_t>(r) * job.a_step;
    for (std::size_t i = 0; i < job.n; i += width) {
      typename V::reg acc[vectors];
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < vectors; ++v) acc[v] = V::zero();
      for (std::size_t t = 0; t < job.steps; ++t) {
        const element* x = a + job.offset[t] + i;
        const typename V::reg b = V::set(job.w[t]);
        NNIESIM_UNROLL
        for (std::size_t v = 0; v < vectors; ++v) acc[v] = V::fma(b, V::load(x + v * V::lanes), acc[v]);
      }
      element sum[width];
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < vectors; ++v) V::store(sum + v * V::lanes, acc[v]);
      const std::size_t n = std::min(width, job.n - i);
      for (std::size_t k = 0; k < n; k += I::lanes) {
        const std::size_t count = std::min(I::lanes, n - k);
        const I::reg x = written<Out>(sum + k, bias, none, job.scale);
        if (job.stage.events != nullptr) count_events<Out>(sum + k, bias, none, job.scale, count, *job.stage.events);
        store_part(out + i + k, job.stage.relu ? rectified<Out>(x) : x, count);
      }
    }
    out += job.n;
  }
}
