#include <nniesim/nniesim.hpp>

int main() {
  const auto scale = nniesim::gfpq8::scale_of_max(1.0F);
  return nniesim::gfpq8::decode(nniesim::gfpq8::encode(0.5F, scale), scale) == 0.5F ? 0 : 1;
}
