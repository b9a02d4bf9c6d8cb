// A function whose header was not included is not declared: xtensor has none of its name that would be tried instead.
// expected alone: not declared in this scope|use of undeclared identifier
#include <nniesim/formats/gfpq.hpp>
#include <nniesim/precision/policy.hpp>
#include <nniesim/tensor/tensor.hpp>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xhistogram.hpp>
#include <xtensor/xmanipulation.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xpad.hpp>
#include <xtensor/xsort.hpp>
#include <xtensor/xview.hpp>
#if !defined(MUST_FAIL)
#include <nniesim/io/npy.hpp>
#include <nniesim/nniesim.hpp>
#include <nniesim/testing/check.hpp>
#endif

using namespace nniesim;

extern tensor<float> x, w;
extern tensor<std::uint8_t> codes;
extern gfpq8::scale s;

// Types alone: no function is compiled.
using f01 = decltype(activation<w8a8>(x, {}));
using f02 = decltype(add_one_norm_inside<w8a8>(x));
using f03 = decltype(arg_max<w8a8>(x));
using f04 = decltype(bias<w8a8>(x, w));
using f05 = decltype(concat<w8a8>({}, x, w));
using f06 = decltype(conv2d<w8a8>(x, w));
using f07 = decltype(crop<w8a8>(x, {1, 2}));
using f08 = decltype(deconv2d<w8a8>(x, w));
using f09 = decltype(eltwise<w8a8>(x, w, {}));
using f10 = decltype(fully_connected<w8a8>(x, w));
using f11 = decltype(l2_normalize<w8a8>(x));
using f12 = decltype(lrn<w8a8>(x));
using f13 = decltype(mvn<w8a8>(x));
using f14 = decltype(permute<w8a8>(x, {}));
using f15 = decltype(pooling<w8a8>(x, {}));
using f16 = decltype(power<w8a8>(x, {}));
using f17 = decltype(prelu<w8a8>(x, w));
using f18 = decltype(reduce_mean<w8a8>(x, {}));
using f19 = decltype(reduce_sum<w8a8>(x, {}));
using f20 = decltype(relu<w8a8>(x));
using f21 = decltype(reshape<w8a8>(x, {}));
using f22 = decltype(scale<w8a8>(x, w));
using f23 = decltype(batch_norm<w8a8>(x, {}));
using f24 = decltype(slice<w8a8>(x, {}));
using f25 = decltype(softmax<w8a8>(x));
using f26 = decltype(upsample<w8a8>(x));
using f27 = decltype(compare(x, w));
using f28 = decltype(compare_samples(x, w));
using f29 = decltype(compare_in_steps<gfpq8>(x, w, s));
using f30 = decltype(histograms(x, w, 10));
using f31 = decltype(encode<gfpq8>(x, s));
using f32 = decltype(decode<gfpq8>(codes, s));
using f33 = decltype(fake_quantize<gfpq8>(x));
using f34 = decltype(scale_of<gfpq8>(x));
using f35 = decltype(to_hex(codes.data()[0]));
using f36 = decltype(CosineAtLeast(x, 0.99));
using f37 = decltype(EqualBits(x));
using f38 = decltype(write_npy("x.npy", x));
