// Any bytes as a prototxt: a tree, all of whose fields can be read in every way, or a parse_error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>

#include <nniesim/io/prototxt.hpp>

namespace {

template <class Read>
void attempt(const Read& read) {
  try {
    read();
  } catch (const nniesim::parse_error&) {
  }
}

void read_all(const nniesim::prototxt_message& message) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const nniesim::prototxt_field& f : message.fields()) {
    attempt([&] { (void)f.integer<int>(); });
    attempt([&] { (void)f.integer<std::uint64_t>(1); });
    attempt([&] { (void)f.real(); });
    attempt([&] {
      const float value = f.real(-infinity, 1);
      if (!(value <= 1)) std::abort();
    });
    attempt([&] { (void)f.boolean(); });
    attempt([&] { (void)f.identifier(); });
    attempt([&] { (void)f.one_of({"MAX", "AVE"}); });
    attempt([&] { (void)f.string(); });
    attempt([&] { (void)message.one(f.name()); });
    if (f.kind() == nniesim::prototxt_kind::message) read_all(f.message());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attempt([&] {
    const auto net = nniesim::parse_prototxt({reinterpret_cast<const char*>(data), size}, "net");
    read_all(net);
    if (!net.unread().empty()) std::abort();
  });
  return 0;
}
