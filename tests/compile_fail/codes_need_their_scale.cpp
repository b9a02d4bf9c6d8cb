// Codes are no values: what would their cosine be?
// expected alone: integers of 8 and 16 bits are codes
#include <nniesim/formats/gfpq.hpp>
#include <nniesim/testing/check.hpp>

using namespace nniesim;

bool use(const tensor<std::uint8_t>& codes, const gfpq8::scale& scale, const tensor<float>& reference) {
#if defined(MUST_FAIL)
  (void)scale;
  return CosineAtLeast(reference, 0.99).match(codes);
#else
  return CosineAtLeast(reference, 0.99).match(to_float<gfpq8>(codes, scale));
#endif
}
