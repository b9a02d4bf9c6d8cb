// Register tiles of fused chains, written once over a vector vocabulary V {element, reg, lanes, zero, load, store, set,
// fma} and included inside each instruction set's region and namespace. One activation is broadcast against a panel of
// weights, so SIMD runs across outputs and every sum is one chain in step order.

template <class V, std::size_t Vectors, std::size_t Rows>
inline void adjacent_tile(const typename V::element* a, const std::int32_t* offset, const typename V::element* w,
                          std::size_t steps, typename V::element* sum, bool resume) {
  typename V::reg acc[Rows][Vectors];
  NNIESIM_UNROLL
  for (std::size_t i = 0; i < Rows; ++i) {
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
      acc[i][v] = resume ? V::load(sum + (i * Vectors + v) * V::lanes) : V::zero();
    }
  }
  for (std::size_t t = 0; t < steps; ++t) {
    const typename V::element* x = a + offset[t];
    typename V::reg b[Vectors];
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) b[v] = V::load(w + v * V::lanes);
    w += Vectors * V::lanes;
    NNIESIM_UNROLL
    for (std::size_t i = 0; i < Rows; ++i) {
      const typename V::reg xi = V::set(x[i]);
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < Vectors; ++v) acc[i][v] = V::fma(b[v], xi, acc[i][v]);
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
                          const typename V::element* w, std::size_t steps, std::size_t rows, typename V::element* sum,
                          bool resume) {
  bool done = false;
  ((done || rows > Rows || (adjacent_tile<V, Vectors, Rows>(a, offset, w, steps, sum, resume), done = true)), ...);
}

template <class V, std::size_t Vectors, std::size_t... Rows>
inline void strided_rows(std::index_sequence<Rows...>, const typename V::element* a, std::ptrdiff_t stride,
                         const typename V::element* w, std::size_t steps, std::size_t rows, typename V::element* sum,
                         bool resume) {
  bool done = false;
  ((done || rows > Rows || (strided_tile<V, Vectors, Rows>(a, stride, w, steps, sum, resume), done = true)), ...);
}

/// A run of one channel: four vectors at a time, neighbouring outputs in neighbouring lanes.
template <class V>
inline void channel_row(const typename V::element* a, const std::int32_t* offset, const typename V::element* w,
                        std::size_t steps, std::size_t n, typename V::element* sum) {
  constexpr std::size_t vectors = 4;
  for (std::size_t i = 0; i < n; i += vectors * V::lanes) {
    typename V::reg acc[vectors];
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < vectors; ++v) acc[v] = V::zero();
    for (std::size_t t = 0; t < steps; ++t) {
      const typename V::element* x = a + offset[t] + i;
      const typename V::reg b = V::set(w[t]);
      NNIESIM_UNROLL
      for (std::size_t v = 0; v < vectors; ++v) acc[v] = V::fma(b, V::load(x + v * V::lanes), acc[v]);
    }
    NNIESIM_UNROLL
    for (std::size_t v = 0; v < vectors; ++v) V::store(sum + i + v * V::lanes, acc[v]);
  }
}
