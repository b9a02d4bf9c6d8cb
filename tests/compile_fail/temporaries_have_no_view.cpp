// A view of a tensor that is gone at the end of the line.
// expected alone: deleted function
#include <nniesim/tensor/tensor.hpp>

using namespace nniesim;

auto use() {
#if defined(MUST_FAIL)
  const auto view = view_of(make_tensor<float>({2, 3}));
  return view[0];
#else
  const auto t = make_tensor<float>({2, 3});
  const auto view = view_of(t);
  return view[0];
#endif
}
