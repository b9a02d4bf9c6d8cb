// Chains with neighbouring outputs of a map in neighbouring lanes, over the vocabularies f32, f64 and i32, the stages
// of finish.inl and the including instruction set's `pixel_sums`: vectors of sums that a tile has.
// Where there are few outputs, or few products for each, the others' transposition and idle lanes cost more than they
// give.

/// Writes outputs of one channel, `Registers` registers of them, whose sums stand in a row: the first n to a row, or
/// else the first n of each register to places `distance` apart.
template <std::size_t Registers, bool IsRow, class Out, class Lane, class Sum>
[[gnu::always_inline]] inline void write_exactly(Sum* sum, const Lane& lane, const finish_constants& c,
                                                 event_counts* events, const output_writer<Out>& write, Out* out,
                                                 std::size_t distance, std::size_t n) {
  using value = typename stored<Out>::value;
  const auto count = [&](std::size_t k) {
    return !IsRow ? n : n < k * i32::lanes ? 0 : std::min(i32::lanes, n - k * i32::lanes);
  };
  if (c.rounding != sum_rounding::none) [[unlikely]]
    round_sums(sum, Registers * i32::lanes, c.rounding);
  for (std::size_t k = 0; events != nullptr && k < Registers; ++k) {
    count_events<value, Sum>(sum + k * i32::lanes, nullptr, c, 0, count(k), *events);
  }
  i32::reg x[Registers];
  NNIESIM_UNROLL
  for (std::size_t k = 0; k < Registers; ++k) x[k] = lane.template written<value>(sum + k * i32::lanes, nullptr);
  if constexpr (Registers % 4 == 0) {
    if (count(Registers - 1) == count(0)) {
      NNIESIM_UNROLL
      for (std::size_t k = 0; k < Registers; k += 4) {
        const i32::reg four[4] = {x[k], x[k + 1], x[k + 2], x[k + 3]};
        write.four(out + k * distance, distance, four, count(0));
      }
      return;
    }
  }
  NNIESIM_UNROLL
  for (std::size_t k = 0; k < Registers; ++k) {
    if (count(k) != 0) write(out + k * distance, x[k], count(k));
  }
}

/// The same apart, for codes that are rarely computed exactly.
template <finish_rule Rule, std::size_t Registers, bool IsRow, class Out, class Sum>
[[gnu::noinline]] inline void write_in_doubt(Sum* sum, const finish_constants& c, event_counts* events,
                                             const output_writer<Out>& write, Out* out, std::size_t distance,
                                             std::size_t n) {
  const lane_constants<Rule, Sum> lane(c, for_all_lanes{});
  write_exactly<Registers, IsRow>(sum, lane, c, events, write, out, distance, n);
}

/// The writers of a job, and of its output o.
template <finish_rule Rule, class Sum, class Out>
struct pixel_writer {
  using codes = enclosed_codes<Rule, Sum, Out>;
  explicit pixel_writer(const pixel_job<Sum, Out>& job)
      : constants(job.constants),
        events(job.stage.events),
        exact(job.stage),
        enclosed(job.constants, job.stage, job.channels) {}

  template <std::size_t Registers, bool IsRow>
  [[gnu::always_inline]] void operator()(Sum* sum, std::size_t o, Out* out, std::size_t distance, std::size_t n) const {
    if constexpr (codes::exist) {
      if constexpr (Registers % 4 == 0) {
        if (enclosed.usable && (!IsRow || n == Registers * i32::lanes)) {
          NNIESIM_UNROLL
          for (std::size_t k = 0; k < Registers; k += 4) {
            Sum* const four = sum + k * i32::lanes;
            if (!enclosed.store(four, o, out + k * distance, distance, IsRow ? i32::lanes : n)) [[unlikely]]
              write_in_doubt<Rule, 4, IsRow>(four, constants.from(o), events, exact, out + k * distance, distance,
                                             IsRow ? 4 * i32::lanes : n);
          }
          return;
        }
      }
      write_in_doubt<Rule, Registers, IsRow>(sum, constants.from(o), events, exact, out, distance, n);
    } else {
      if constexpr (IsRow) {
        const finish_constants c = constants.from(o);
        const lane_constants<Rule, Sum> lane(c, for_all_lanes{});
        write_exactly<Registers, IsRow>(sum, lane, c, events, exact, out, distance, n);
      } else {  // of one channel
        write_exactly<Registers, IsRow>(sum, enclosed.first, constants, events, exact, out, distance, n);
      }
    }
  }

  const finish_constants& constants;
  event_counts* events;
  output_writer<Out> exact;
  codes enclosed;
};

/// The chains of `Vectors` vectors of outputs of `Channels` channels, whose sums stand `step` apart.
template <class V, std::size_t Channels, std::size_t Vectors>
inline void pixel_tile(const typename V::element* a, const std::int32_t* offset, const typename V::element* w,
                       std::size_t steps, typename V::element* sum, std::size_t step) {
  typename V::reg acc[Channels][Vectors];
  NNIESIM_UNROLL
  for (std::size_t o = 0; o < Channels; ++o) {
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) acc[o][v] = V::zero();
  }
  for (std::size_t t = 0; t < steps; ++t, w += Channels) {
    const typename V::element* const x = a + offset[t];
    typename V::reg xv[Vectors];
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) xv[v] = V::load(x + v * V::lanes);
    NNIESIM_UNROLL
    for (std::size_t o = 0; o < Channels; ++o) {
      const typename V::reg b = V::set(w[o]);
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < Vectors; ++v) acc[o][v] = V::fma(b, xv[v], acc[o][v]);
    }
  }
  NNIESIM_UNROLL
  for (std::size_t o = 0; o < Channels; ++o) {
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) V::store(sum + o * step + v * V::lanes, acc[o][v]);
  }
}

/// A row of outputs of `Channels` channels from column i on, as far as tiles of `Vectors` vectors are filled or the
/// last one that exists begins; gives the column that comes next.
template <finish_rule Rule, class V, std::size_t Channels, std::size_t Vectors, class Out>
inline std::size_t pixel_tiles(const pixel_job<typename V::element, Out>& job,
                               const pixel_writer<Rule, typename V::element, Out>& write, std::size_t row,
                               std::size_t i) {
  using element = typename V::element;
  constexpr std::size_t width = Vectors * V::lanes;
  constexpr std::size_t at_once = std::min(Vectors, std::bit_floor(pixel_sums / Channels));
  const element* const a = job.a + static_cast<std::ptrdiff_t>(row) * job.a_step;
  alignas(64) element sum[Channels * width];
  // The last ones once more with those before them, unless somebody counts.
  const bool again = job.n > width && (job.n - i) % width > i32::lanes && job.stage.events == nullptr;
  for (; i < job.n && (again || width == i32::lanes || i + width <= job.n); i += width) {
    if (again) i = std::min(i, job.n - width);
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; v += at_once) {
      const std::size_t part = v * V::lanes;
      pixel_tile<V, Channels, at_once>(a + i + part, job.offset, job.w, job.steps, sum + part, width);
    }
    for (std::size_t o = 0; o < Channels; ++o) {
      Out* const out = job.out + o * job.out_pitch + row * job.n + i;
      write.template operator()<width / i32::lanes, true>(sum + o * width, o, out, i32::lanes,
                                                          std::min(width, job.n - i));
    }
  }
  return i;
}

template <finish_rule Rule, class V, std::size_t Channels, class Out>
inline void pixel_rows(const pixel_job<typename V::element, Out>& job) {
  const pixel_writer<Rule, typename V::element, Out> write(job);
  constexpr std::size_t one = i32::lanes / V::lanes;  // vectors in a vector of outputs
  for (std::size_t r = 0; r < job.rows; ++r) {
    std::size_t i = 0;
    if constexpr (one == 1) i = pixel_tiles<Rule, V, Channels, 4>(job, write, r, i);
    if constexpr (one <= 2) i = pixel_tiles<Rule, V, Channels, 2 * one>(job, write, r, i);
    pixel_tiles<Rule, V, Channels, one>(job, write, r, i);
  }
}

/// `Rows` output rows of a 3 x 3 kernel, `Vectors` vectors of each from column i on: every input row is read once for
/// all that use it.
template <class V, std::size_t Rows, std::size_t Stride, std::size_t Vectors, class Write, class Out>
inline void pixel_tile_3x3(const pixel_job<typename V::element, Out>& job, std::size_t row, std::size_t i,
                           const typename V::reg (&w)[9], const Write& write) {
  using element = typename V::element;
  constexpr std::size_t width = Vectors * V::lanes;
  const std::ptrdiff_t step = job.offset[3] - job.offset[0];
  const element* a = job.a + static_cast<std::ptrdiff_t>(row) * job.a_step + i;
  typename V::reg acc[Rows * Vectors];
  NNIESIM_UNROLL
  for (std::size_t q = 0; q < Rows; ++q) {
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) acc[q * Vectors + v] = V::zero();
  }
  NNIESIM_UNROLL
  for (std::size_t r = 0; r < (Rows - 1) * Stride + 3; ++r) {
    NNIESIM_UNROLL
    for (std::size_t k = 0; k < 3; ++k) {
      const element* x = a + static_cast<std::ptrdiff_t>(r) * step + job.offset[k];
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < Vectors; ++v) {
        typename V::reg xv = V::load(x + v * V::lanes);
        NNIESIM_IN_REGISTER(xv);
        NNIESIM_UNROLL
        for (std::size_t q = 0; q < Rows; ++q) {
          typename V::reg& chain = acc[q * Vectors + v];
          if (r >= q * Stride && r < q * Stride + 3) chain = V::fma(w[(r - q * Stride) * 3 + k], xv, chain);
        }
      }
    }
  }
  alignas(64) element sum[Rows * width];
  NNIESIM_UNROLL
  for (std::size_t q = 0; q < Rows * Vectors; ++q) V::store(sum + q * V::lanes, acc[q]);
  write.template operator()<Rows, false>(sum, 0, job.out + row * job.n + i, job.n, std::min(width, job.n - i));
}

template <class V, std::size_t Rows, std::size_t Stride, class Write, class Out>
inline void pixel_rows_3x3(const pixel_job<typename V::element, Out>& job, std::size_t row, const Write& write) {
  constexpr std::size_t vectors = i32::lanes / V::lanes;  // in a vector of outputs
  typename V::reg w[9];
  NNIESIM_UNROLL
  for (std::size_t t = 0; t < 9; ++t) w[t] = V::set(job.w[t]);
  for (std::size_t i = 0; i < job.n; i += i32::lanes) pixel_tile_3x3<V, Rows, Stride, vectors>(job, row, i, w, write);
}

template <finish_rule Rule, class V, class Out>
inline void run_pixels(const pixel_job<typename V::element, Out>& job) {
  if (job.is_3x3) {
    const pixel_writer<Rule, typename V::element, Out> write(job);
    const std::ptrdiff_t step = job.offset[3] - job.offset[0];
    std::size_t r = 0;
    if (job.a_step == step) {
      for (; r + 8 <= job.rows; r += 8) pixel_rows_3x3<V, 8, 1>(job, r, write);
      for (; r + 4 <= job.rows; r += 4) pixel_rows_3x3<V, 4, 1>(job, r, write);
    } else if (job.a_step == 2 * step) {
      for (; r + 4 <= job.rows; r += 4) pixel_rows_3x3<V, 4, 2>(job, r, write);
      for (; r + 2 <= job.rows; r += 2) pixel_rows_3x3<V, 2, 2>(job, r, write);
    }
    // The last rows once more with those before them, unless somebody counts.
    const bool again = job.rows >= 4 && r < job.rows && job.stage.events == nullptr;
    if (again && job.a_step == step) return pixel_rows_3x3<V, 4, 1>(job, job.rows - 4, write);
    if (again && job.a_step == 2 * step) return pixel_rows_3x3<V, 4, 2>(job, job.rows - 4, write);
    for (; r < job.rows; ++r) pixel_rows_3x3<V, 1, 1>(job, r, write);
    return;
  }
  switch (job.channels) {
    case 6: return pixel_rows<Rule, V, 6>(job);
    case 4: return pixel_rows<Rule, V, 4>(job);
    case 2: return pixel_rows<Rule, V, 2>(job);
    default: return pixel_rows<Rule, V, 1>(job);
  }
}
