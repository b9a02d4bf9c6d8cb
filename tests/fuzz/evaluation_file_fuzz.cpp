// Any bytes as the state file of a search: evaluations that are read back the same, or a parse_error or format_error.
// Linux only.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <nniesim/debug/evaluation_file.hpp>

#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const memory_file file;
  try {
    const auto& path = file.holding(data, size);
    const nniesim::detail::evaluation_file first(path, "f");
    const nniesim::detail::evaluation_file again(path, "f");
    if (first.entries().size() != again.entries().size()) std::abort();
    for (const auto& e : first.entries()) {
      if (std::isnan(e.score) || !std::is_sorted(e.layers.begin(), e.layers.end())) std::abort();
    }
  } catch (const nniesim::parse_error&) {
  } catch (const nniesim::format_error&) {
  }
  return 0;
}
