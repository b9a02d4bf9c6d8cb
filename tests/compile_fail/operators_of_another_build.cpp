// Operators that were compiled for another instruction set are told before the linker misses them.
// expected alone: nniesim::operators was compiled for another version, instruction set
#define NNIESIM_EXTERN_OPERATORS
#if defined(MUST_FAIL)
#define NNIESIM_OPERATORS_ABI v0_0_avx2fma_release
#endif
#include <nniesim/network/policy_set.hpp>

std::size_t use(const nniesim::policy_set& set) { return set.names().size(); }
