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
    return I::template q20_12_of_steps<false>(steps(sum, bias), steps(sum + f64::lanes, bias + f64::lanes));
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
  return I::template q20_12_of_steps<true>(steps(sum, bias), steps(sum + f64::lanes, bias + f64::lanes));
}
/// Integer sums: fma(sum - correction, scale, bias) in float64. The 4096 steps to one are multiplied into both factors,
/// which is exact.
template <class Out, std::integral Sum>
inline I::reg written(const Sum* sum, const float* bias, const Sum* correction, double scale) {
  const f64::reg factor = f64::set(scale * 4096.0);
  const auto steps = [&](const Sum* s, const float* b, const Sum* c) {
    return f64::fma(f64::difference(s, c), factor, f64::mul(f64::load(b), f64::set(4096.0)));
  };
  return I::template q20_12_of_steps<false>(steps(sum, bias, correction),
                                            steps(sum + f64::lanes, bias + f64::lanes, correction + f64::lanes));
}

/// The total that is written, one at a time: what happened to it is told to the counter.
template <class Out, class Sum>
[[gnu::noinline]] inline void count_events(const Sum* sum, const float* bias, const Sum* correction, double scale,
                                           std::size_t n, event_counts& events) {
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

/// Writes sums of one channel, n <= I::lanes.
template <class Out, class Sum>
inline void write_channel(const Sum* sum, const float* bias, double scale, const output_stage& stage, Out* out,
                          std::size_t n) {
  const Sum none[I::lanes] = {};
  const I::reg x = written<Out>(sum, bias, none, scale);
  if (stage.events != nullptr) count_events<Out>(sum, bias, none, scale, n, *stage.events);
  store_part(out, stage.relu ? rectified<Out>(x) : x, n);
}

/// `Rows` output rows of a 3 x 3 kernel, `Vectors` vectors of each from column i on: every input row is read once for
/// all that use it.
template <class V, std::size_t Rows, std::size_t Stride, std::size_t Vectors, class Out>
inline void channel_tile_3x3(const channel_job<typename V::element, Out>& job, std::size_t row, std::size_t i,
                             const typename V::reg (&w)[9], const float* bias) {
  using element = typename V::element;
  constexpr std::size_t width = Vectors * V::lanes;
  const std::ptrdiff_t step = job.offset[3] - job.offset[0];
  const element* a = job.a + static_cast<std::ptrdiff_t>(row) * job.a_step + i;
  typename V::reg acc[Rows][Vectors];
  NNIESIM_UNROLL
  for (std::size_t q = 0; q < Rows; ++q) {
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) acc[q][v] = V::zero();
  }
  NNIESIM_UNROLL
  for (std::size_t r = 0; r < (Rows - 1) * Stride + 3; ++r) {
    NNIESIM_UNROLL
    for (std::size_t k = 0; k < 3; ++k) {
      const element* x = a + static_cast<std::ptrdiff_t>(r) * step + job.offset[k];
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < Vectors; ++v) {
        const typename V::reg xv = V::load(x + v * V::lanes);
        NNIESIM_UNROLL
        for (std::size_t q = 0; q < Rows; ++q) {
          if (r >= q * Stride && r < q * Stride + 3) acc[q][v] = V::fma(w[(r - q * Stride) * 3 + k], xv, acc[q][v]);
        }
      }
    }
  }
  NNIESIM_UNROLL
  for (std::size_t q = 0; q < Rows; ++q) {
    element sum[width];
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) V::store(sum + v * V::lanes, acc[q][v]);
    Out* out = job.out + (row + q) * job.n + i;
    const std::size_t n = std::min(width, job.n - i);
    for (std::size_t k = 0; k < n; k += I::lanes) {
      write_channel(sum + k, bias, job.scale, job.stage, out + k, std::min(I::lanes, n - k));
    }
  }
}

template <class V, std::size_t Rows, std::size_t Stride, class Out>
inline void channel_rows_3x3(const channel_job<typename V::element, Out>& job, std::size_t row, const float* bias) {
  constexpr std::size_t vectors = I::lanes / V::lanes;  // in a vector of outputs
  typename V::reg w[9];
  NNIESIM_UNROLL
  for (std::size_t t = 0; t < 9; ++t) w[t] = V::set(job.w[t]);
  for (std::size_t i = 0; i < job.n; i += I::lanes) channel_tile_3x3<V, Rows, Stride, vectors>(job, row, i, w, bias);
}

/// Rows of one channel: four vectors of sums at a time, then their outputs.
template <class V, class Out>
inline void channel_rows(const channel_job<typename V::element, Out>& job) {
  using element = typename V::element;
  constexpr std::size_t vectors = 4;
  constexpr std::size_t width = vectors * V::lanes;
  float bias[I::lanes];
  std::fill_n(bias, I::lanes, job.bias);
  std::size_t r = 0;
  if (job.is_3x3) {
    const std::ptrdiff_t step = job.offset[3] - job.offset[0];
    if (job.a_step == step) {
      for (; r + 8 <= job.rows; r += 8) channel_rows_3x3<V, 8, 1>(job, r, bias);
      for (; r + 4 <= job.rows; r += 4) channel_rows_3x3<V, 4, 1>(job, r, bias);
    } else if (job.a_step == 2 * step) {
      for (; r + 2 <= job.rows; r += 2) channel_rows_3x3<V, 2, 2>(job, r, bias);
    }
    for (; r < job.rows; ++r) channel_rows_3x3<V, 1, 1>(job, r, bias);
    return;
  }
  for (; r < job.rows; ++r) {
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
        write_channel(sum + k, bias, job.scale, job.stage, job.out + r * job.n + i + k, std::min(I::lanes, n - k));
      }
    }
  }
}
