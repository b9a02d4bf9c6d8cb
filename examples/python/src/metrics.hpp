// Comparisons as Python's dataclass takes them.
#pragma once

#include <nanobind/nanobind.h>

#include <nniesim/metrics/compare.hpp>

namespace nniesim_python {

/// The fields of nniesim.Comparison.
[[nodiscard]] nanobind::dict dict_of(const nniesim::comparison& c);

}  // namespace nniesim_python
