#include <nniesim/formats/integer_code.hpp>

#include <cstdint>
#include <limits>
#include <sstream>
#include <vector>

#include <nniesim/kernels/quantize.hpp>

#include "catch.hpp"

using namespace nniesim;

namespace integer_code_test {

TEST_CASE("codes are integers that print as numbers") {
  std::ostringstream text;
  text << gfpq8::encode(1.0F, gfpq8::scale(-65)) << ' ' << gfpq8::zero << ' ' << uniform8::code{-3} << ' '
       << gfpq16::code{66} << ' ' << detail::message(gfpq8::code{66});
  CHECK(text.str() == "65 128 -3 66 66");
  gfpq8::code c = 0x8f;
  CHECK(c == 0x8f);
  CHECK((c & gfpq8::sign_bit) != 0);
  CHECK(c > gfpq8::zero);
  CHECK(gfpq8::code(0x1ff) == 0xff);  // by name, as a cast between integers
  CHECK(static_cast<int>(uniform8::code(-1)) == -1);
  CHECK(std::numeric_limits<gfpq8::code>::max() == 255);
  CHECK(std::hash<gfpq8::code>{}(c) == std::hash<std::uint8_t>{}(0x8f));
  static_assert(sizeof(gfpq8::code) == 1 && sizeof(gfpq16::code) == 2 && std::is_trivially_copyable_v<gfpq8::code>);
}

TEST_CASE("buffers of integers are taken for codes") {
  const std::vector<float> x = {1.0F, -2.0F, 0.0F, 100.0F};
  const auto check = [&]<class F>(F) {
    using integer = typename F::code::integer;
    const auto s = scale_of<F>(x);
    std::vector<integer> integers(x.size());
    std::vector<typename F::code> codes(x.size());
    std::vector<float> a(x.size()), b(x.size());
    encode<F>(x, integers, s);
    encode<F>(x, codes, s);
    decode<F>(integers, a, s);
    decode<F>(codes, b, s);
    for (std::size_t i = 0; i < x.size(); ++i) {
      CHECK(integers[i] == codes[i]);
      CHECK(a[i] == b[i]);
      CHECK(decode<F>(integers, s)(i) == b[i]);
      CHECK(to_float<F>(integers, s)(i) == b[i]);
    }
  };
  check(gfpq8{});
  check(gfpq16{});
  check(uniform8{});
  check(uniform16{});
}

}  // namespace integer_code_test
