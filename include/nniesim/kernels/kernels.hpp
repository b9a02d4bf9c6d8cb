// The way to the kernels: everything is asked of the kernel set of an instruction set, and only what is asked for is
// compiled.
#pragma once

#include <nniesim/kernels/avx512_vnni.hpp>
#include <nniesim/kernels/avx_vnni.hpp>
#include <nniesim/kernels/neon_i8mm.hpp>
#include <nniesim/kernels/scalar.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels {

/// Calls get(kernel_set) with the set of the given instruction set; typically to take a function's address. Sets that
/// this program leaves out, or that the architecture has not, stand in as the scalar one; force_isa refuses those.
template <class Get>
auto select(isa i, Get get) {
#define NNIESIM_ROW(name, ...)                             \
  if constexpr (nniesim::detail::is_compiled(isa::name)) { \
    if (i == isa::name) return get(name::kernel_set{});    \
  }
  NNIESIM_ISAS_HERE(NNIESIM_ROW)
#undef NNIESIM_ROW
  static_cast<void>(i);
  return get(scalar::kernel_set{});
}

}  // namespace kernels

NNIESIM_END_NAMESPACE
