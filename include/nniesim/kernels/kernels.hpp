// The way to the kernels: everything is asked of the kernel set of an instruction set, and only what is asked for is
// compiled.
#pragma once

#include <nniesim/kernels/avx512_vnni.hpp>
#include <nniesim/kernels/avx_vnni.hpp>
#include <nniesim/kernels/neon_dot.hpp>
#include <nniesim/kernels/scalar.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels {

/// Calls get(kernel_set) with the set of the given instruction set; typically to take a function's address. Sets that
/// this program leaves out, or that the architecture has not, stand in as the scalar one; force_isa refuses those.
template <class Get>
auto select(isa i, Get get) {
#if defined(NNIESIM_ARCH_X86)
  if constexpr (nniesim::detail::is_compiled(isa::avx512_vnni)) {
    if (i == isa::avx512_vnni) return get(avx512_vnni::kernel_set{});
  }
  if constexpr (nniesim::detail::is_compiled(isa::avx512)) {
    if (i == isa::avx512) return get(avx512::kernel_set{});
  }
  if constexpr (nniesim::detail::is_compiled(isa::avx_vnni)) {
    if (i == isa::avx_vnni) return get(avx_vnni::kernel_set{});
  }
  if constexpr (nniesim::detail::is_compiled(isa::avx2)) {
    if (i == isa::avx2) return get(avx2::kernel_set{});
  }
#elif defined(NNIESIM_ARCH_ARM)
  if constexpr (nniesim::detail::is_compiled(isa::neon_dot)) {
    if (i == isa::neon_dot) return get(neon_dot::kernel_set{});
  }
  if constexpr (nniesim::detail::is_compiled(isa::neon)) {
    if (i == isa::neon) return get(neon::kernel_set{});
  }
#endif
  static_cast<void>(i);
  return get(scalar::kernel_set{});
}

}  // namespace kernels

NNIESIM_END_NAMESPACE
