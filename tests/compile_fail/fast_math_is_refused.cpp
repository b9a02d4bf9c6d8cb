// A build under which the results could not be exact stops at the first header.
// expected alone: nniesim computes exact bits
#if defined(MUST_FAIL)
#define __FAST_MATH__ 1
#endif
#include <nniesim/core/config.hpp>

int use() { return NNIESIM_VERSION_MAJOR; }
