// The table of kernels in use.
#pragma once

#include <nniesim/kernels/avx2.hpp>
#include <nniesim/kernels/avx512.hpp>
#include <nniesim/kernels/scalar.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels {

/// The kernels of one instruction set. Throws format_error if it cannot run here.
[[nodiscard]] inline const table& kernels_of(isa i) {
  detail::require_runnable(i, "kernels_of");
  static const table scalar_table = scalar::make_table();
#if defined(NNIESIM_ARCH_X86)
  const auto named = [](table t, isa id) {
    t.id = id;
    return t;
  };
  static const table avx2_table = avx2::make_table();
  static const table avx_vnni_table = named(avx2::make_table(), isa::avx_vnni);
  static const table avx512_table = avx512::make_table();
  static const table avx512_vnni_table = named(avx512::make_table(), isa::avx512_vnni);
  switch (i) {
    case isa::avx2: return avx2_table;
    case isa::avx_vnni: return avx_vnni_table;
    case isa::avx512: return avx512_table;
    case isa::avx512_vnni: return avx512_vnni_table;
    default: return scalar_table;
  }
#else
  return scalar_table;
#endif
}

/// The kernels of the active instruction set.
[[nodiscard]] inline const table& active() { return kernels_of(active_isa()); }

}  // namespace kernels

NNIESIM_END_NAMESPACE
