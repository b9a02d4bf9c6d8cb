// Vector kernels of everything between the multiply-accumulate layers: element-wise layers, reductions, pooling and
// comparisons, on layer values (float and q20_12) with float64 in between, and the accelerator's functions (tables,
// CORDIC) on q20_12. Each gives the bits of the scalar loop that the operator's header, core/function_tables.hpp or
// core/cordic.hpp specifies; a NaN stays a NaN, its payload is not specified.
#pragma once

#include <nniesim/kernels/kernels.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels::layerwise {

/// Calls run(kernels) with the kernels of the active instruction set. False where it has none (scalar): the caller then
/// takes the specification's loop.
template <class Run>
[[nodiscard]] bool run(Run run) {
  return select(active_isa(), [&](auto set) {
    constexpr bool has_kernels = decltype(set)::id != isa::scalar;
    if constexpr (has_kernels) run(typename decltype(set)::layerwise_kernels{});
    return has_kernels;
  });
}

/// The same with the kernels of functions.
template <class Run>
[[nodiscard]] bool run_functions(Run run) {
  return select(active_isa(), [&](auto set) {
    constexpr bool has_kernels = decltype(set)::id != isa::scalar;
    if constexpr (has_kernels) run(typename decltype(set)::function_kernels{});
    return has_kernels;
  });
}

}  // namespace kernels::layerwise

NNIESIM_END_NAMESPACE
