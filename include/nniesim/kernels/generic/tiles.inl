// Register tiles of fused chains, written once over a vector vocabulary V {element, reg, lanes, zero, load, store, set,
// fma} and included inside each instruction set's region and namespace. One activation is broadcast against a panel of
// weights, so SIMD runs across outputs and every sum is one chain in step order.

template <class V, std::size_t Vectors, std::size_t Rows>
inline void adjacent_tile(const typename V::element* a, const std::int32_t* offset, const typename V::element* w,
                          chain_steps chain, typename V::element* sum) {
  typename V::reg acc[Rows][Vectors];
  NNIESIM_UNROLL
  for (std::size_t i = 0; i < Rows; ++i) {
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) acc[i][v] = V::zero();
  }
  for (std::size_t run = 0; run < chain.runs; ++run) {
    const std::int32_t* o = offset + run * chain.distance;
    const typename V::element* b = w + run * chain.distance * Vectors * V::lanes;
    for (std::size_t t = 0; t < chain.steps; ++t) {
      const typename V::element* x = a + o[t];
      typename V::reg bv[Vectors];
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < Vectors; ++v) bv[v] = V::load(b + v * V::lanes);
      b += Vectors * V::lanes;
      NNIESIM_UNROLL
      for (std::size_t i = 0; i < Rows; ++i) {
        const typename V::reg xi = V::set(x[i]);
        NNIESIM_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) acc[i][v] = V::fma(bv[v], xi, acc[i][v]);
      }
    }
  }
  NNIESIM_UNROLL
  for (std::size_t i = 0; i < Rows; ++i) {
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) V::store(sum + (i * Vectors + v) * V::lanes, acc[i][v]);
  }
}

template <class V, std::size_t Vectors, std::size_t Rows>
inline void strided_tile(const typename V::element* a, std::ptrdiff_t stride, const typename V::element* w,
                         std::size_t steps, typename V::element* sum, bool resume) {
  typename V::reg acc[Rows][Vectors];
  NNIESIM_UNROLL
  for (std::size_t i = 0; i < Rows; ++i) {
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
      acc[i][v] = resume ? V::load(sum + (i * Vectors + v) * V::lanes) : V::zero();
    }
  }
  // One pointer for every three rows: base, base + stride and base + 2 * stride are all x86 addresses.
  const typename V::element* row[(Rows + 2) / 3];
  NNIESIM_UNROLL
  for (std::size_t i = 0; i < (Rows + 2) / 3; ++i) row[i] = a + static_cast<std::ptrdiff_t>(3 * i) * stride;
  for (std::size_t t = 0; t < steps; ++t) {
    typename V::reg b[Vectors];
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) b[v] = V::load(w + v * V::lanes);
    w += Vectors * V::lanes;
    NNIESIM_UNROLL
    for (std::size_t i = 0; i < Rows; ++i) {
      const typename V::reg xi = V::set(row[i / 3][static_cast<std::ptrdiff_t>(i % 3) * stride]);
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < Vectors; ++v) acc[i][v] = V::fma(b[v], xi, acc[i][v]);
    }
    NNIESIM_UNROLL
    for (std::size_t i = 0; i < (Rows + 2) / 3; ++i) ++row[i];
  }
  NNIESIM_UNROLL
  for (std::size_t i = 0; i < Rows; ++i) {
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) V::store(sum + (i * Vectors + v) * V::lanes, acc[i][v]);
  }
}

/// The tile sizes that exist; a tile of other height runs as the next larger one.
template <class V, std::size_t Vectors, std::size_t... Rows>
inline void adjacent_rows(std::index_sequence<Rows...>, const typename V::element* a, const std::int32_t* offset,
                          const typename V::element* w, chain_steps chain, std::size_t rows, typename V::element* sum) {
  bool done = false;
  ((done || rows > Rows || (adjacent_tile<V, Vectors, Rows>(a, offset, w, chain, sum), done = true)), ...);
}

template <class V, std::size_t Vectors, std::size_t... Rows>
inline void strided_rows(std::index_sequence<Rows...>, const typename V::element* a, std::ptrdiff_t stride,
                         const typename V::element* w, std::size_t steps, std::size_t rows, typename V::element* sum,
                         bool resume) {
  bool done = false;
  ((done || rows > Rows || (strided_tile<V, Vectors, Rows>(a, stride, w, steps, sum, resume), done = true)), ...);
}

/// Sums of pairs of 16-bit products in 64 bits: per step and vector of outputs, the weights' high parts and then their
/// low ones. V {reg, lanes, zero, load, set, fma, add_split}.
template <class V, std::size_t Vectors, std::size_t Rows, class At>
inline void split_tile(At at, const std::int32_t* w, std::size_t steps, std::int64_t* sum) {
  for (std::size_t begin = 0; begin < steps; begin += split_steps) {
    const std::size_t end = std::min(steps, begin + split_steps);
    typename V::reg high[Rows][Vectors];
    typename V::reg low[Rows][Vectors];
    NNIESIM_UNROLL
    for (std::size_t i = 0; i < Rows; ++i) {
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < Vectors; ++v) high[i][v] = low[i][v] = V::zero();
    }
    typename At::template cursor<Rows> rows(at, begin);
    for (std::size_t t = begin; t < end; ++t, rows.next()) {
      const std::int32_t* b = w + t * 2 * Vectors * V::lanes;
      typename V::reg part[2 * Vectors];
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < 2 * Vectors; ++v) part[v] = V::load(b + v * V::lanes);
      NNIESIM_UNROLL
      for (std::size_t i = 0; i < Rows; ++i) {
        const typename V::reg x = V::set(rows[i]);
        NNIESIM_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
          high[i][v] = V::fma(part[2 * v], x, high[i][v]);
          low[i][v] = V::fma(part[2 * v + 1], x, low[i][v]);
        }
      }
    }
    NNIESIM_UNROLL
    for (std::size_t i = 0; i < Rows; ++i) {
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < Vectors; ++v) {
        V::add_split(sum + (i * Vectors + v) * V::lanes, high[i][v], low[i][v]);
      }
    }
  }
}

template <class V, class At, std::size_t... Rows>
inline void split_sums(std::index_sequence<Rows...>, At at, const std::int32_t* w, std::size_t steps, std::size_t rows,
                       std::size_t vectors, std::int64_t* sum, bool resume) {
  if (!resume) std::fill_n(sum, std::max({Rows...}) * vectors * V::lanes, 0);
  bool done = false;
  if (vectors == 1) {
    ((done || rows > Rows || (split_tile<V, 1, Rows>(at, w, steps, sum), done = true)), ...);
  } else {
    ((done || rows > Rows || (split_tile<V, 2, Rows>(at, w, steps, sum), done = true)), ...);
  }
}
