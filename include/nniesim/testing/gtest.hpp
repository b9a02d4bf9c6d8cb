// Matchers for GoogleTest: EXPECT_THAT(y8, AllOf(CosineAtLeast(ref, 0.99), RelativeL2Within(ref, 0.02))); and tensors
// in failing tests as numbers. The matchers themselves are those of check.hpp.
#pragma once

#include <gmock/gmock.h>

#include <ostream>

#include <nniesim/testing/check.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Found by GoogleTest where a tensor has to be printed.
template <class E>
requires matchers::printed_here<E>
void PrintTo(const E& tensor, std::ostream* out) { matchers::print(*out, tensor); }

NNIESIM_END_NAMESPACE

namespace xt {
using nniesim::PrintTo;
}
namespace Eigen {
using nniesim::PrintTo;
}
