// The kernels of an instruction set that differs from another one, the namespace `base`, in products of integers: its
// i8x4, its i16x2 (or base's) and its `packing`.

#include <nniesim/kernels/generic/tiles.inl>

struct kernel_set : base::kernel_set {
  static constexpr isa id = this_isa;
  static constexpr std::string_view compiled_for = target;
  static constexpr word_packing words = packing;

  template <class T>
  static void adjacent(const T* a, const std::int32_t* offset, const T* w, chain_steps chain, std::size_t rows,
                       std::size_t vectors, T* sum) {
    if constexpr (!std::same_as<T, std::int32_t>) {
      base::kernel_set::adjacent<T>(a, offset, w, chain, rows, vectors, sum);
    } else if (vectors == 1) {
      adjacent_rows<i8x4, 1>(base::tile_rows{}, a, offset, w, chain, rows, sum);
    } else {
      adjacent_rows<i8x4, 2>(base::tile_rows{}, a, offset, w, chain, rows, sum);
    }
  }
  template <class T>
  static void strided(const T* a, std::ptrdiff_t stride, const T* w, std::size_t steps, std::size_t rows,
                      std::size_t vectors, T* sum, bool resume) {
    if constexpr (!std::same_as<T, std::int32_t>) {
      base::kernel_set::strided<T>(a, stride, w, steps, rows, vectors, sum, resume);
    } else if (vectors == 1) {
      strided_rows<i8x4, 1>(base::tile_rows{}, a, stride, w, steps, rows, sum, resume);
    } else {
      strided_rows<i8x4, 2>(base::tile_rows{}, a, stride, w, steps, rows, sum, resume);
    }
  }
  template <class At>
  static void split(At at, const std::int32_t* w, std::size_t steps, std::size_t rows, std::size_t vectors,
                    std::int64_t* sum, bool resume) {
    if constexpr (std::same_as<i16x2, base::i16x2>) {
      base::kernel_set::split(at, w, steps, rows, vectors, sum, resume);
    } else {
      split_sums<i16x2>(base::split_tile_rows{}, at, w, steps, rows, vectors, sum, resume);
    }
  }
};
