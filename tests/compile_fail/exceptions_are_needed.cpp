// A build without exceptions is told so in the first message.
// expected: nniesim reports errors by exceptions
#if defined(MUST_FAIL)
#undef __cpp_exceptions
#endif
#include <nniesim/core/config.hpp>

int use() { return NNIESIM_VERSION_MAJOR; }
