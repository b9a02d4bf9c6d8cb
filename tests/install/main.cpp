#include <nniesim/nniesim.hpp>

int main() {
  const auto scale = nniesim::gfpq8::scale_of_max(1.0F);
  const float half = nniesim::gfpq8::decode(nniesim::gfpq8::encode(0.5F, scale), scale);
  return half < 0.5F || half > 0.5F ? 1 : 0;
}
