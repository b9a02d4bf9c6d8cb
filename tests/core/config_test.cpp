#include <nniesim/core/config.hpp>

#include <sstream>
#include <string>
#include <string_view>

#include "catch.hpp"

#define NNIESIM_TEST_TEXT_(x) #x
#define NNIESIM_TEST_TEXT(x) NNIESIM_TEST_TEXT_(x)

NNIESIM_BEGIN_NAMESPACE
namespace config_test {
struct probe {};
}  // namespace config_test
NNIESIM_END_NAMESPACE

namespace {

/// The name as the linker sees it, template argument included.
template <class T>
std::string_view name_of() {
  return __PRETTY_FUNCTION__;
}

}  // namespace

TEST_CASE("what is declared between the macros lives in an inline namespace that names the configuration") {
  const std::string abi = NNIESIM_TEST_TEXT(NNIESIM_ABI);
  std::ostringstream expected;
  expected << 'v' << NNIESIM_VERSION_MAJOR << '_' << NNIESIM_VERSION_MINOR << '_'
           << NNIESIM_TEST_TEXT(NNIESIM_BUILD_ISA) << '_' << NNIESIM_TEST_TEXT(NNIESIM_BUILD_KIND);
  CHECK(abi == expected.str());
  const nniesim::config_test::probe reached_without_it{};
  static_cast<void>(reached_without_it);
  CHECK(std::is_same_v<nniesim::config_test::probe, nniesim::NNIESIM_ABI::config_test::probe>);
#if !defined(__clang__)  // which leaves inline namespaces out of its messages
  CHECK_THAT(std::string(name_of<nniesim::config_test::probe>()), contains("nniesim::" + abi + "::config_test::probe"));
#else
  CHECK_THAT(std::string(name_of<nniesim::config_test::probe>()), contains("config_test::probe"));
#endif
}

TEST_CASE("the build kind follows NDEBUG, the instruction set the compiler's macros") {
#if defined(NDEBUG)
  CHECK(std::string(NNIESIM_TEST_TEXT(NNIESIM_BUILD_KIND)) == "release");
#else
  CHECK(std::string(NNIESIM_TEST_TEXT(NNIESIM_BUILD_KIND)) == "debug");
#endif
#if defined(__x86_64__) && !defined(__SSE4_1__)
  CHECK(std::string(NNIESIM_TEST_TEXT(NNIESIM_BUILD_ISA)) == "base");
#elif defined(__AVX2__) && defined(__FMA__) && !defined(__AVX512F__)
  CHECK(std::string(NNIESIM_TEST_TEXT(NNIESIM_BUILD_ISA)) == "avx2fma");
#endif
}

TEST_CASE("this build keeps the signs, the NaNs and the order of float arithmetic") {
  volatile float zero = 0.0F;
  const float minus = -zero;
  CHECK(1.0F / minus < 0);
  const float nan = zero / zero;
  CHECK(nan != nan);
  // Associativity assumed would give 0, reciprocals assumed 1 step off.
  volatile float big = 0x1p24F;
  CHECK((big + 1.0F) - big == 0.0F);
  CHECK((1.0F + -big) + big == 0.0F + ((1.0F - big) + big));
  volatile float five = 5.0F;
  volatile float three = 3.0F;
  CHECK(five / three == 0x1.aaaaaap+0F);
}
