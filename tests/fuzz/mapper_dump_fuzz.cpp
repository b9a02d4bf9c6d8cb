// Any bytes as a dump, and as its name: finite values in the file's order, a name that gives itself again, or a
// parse_error. Linux only.
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <nniesim/io/mapper_dump.hpp>

#include "memory_file.hpp"

namespace {

template <class Read>
void attempt(const Read& read) {
  try {
    read();
  } catch (const nniesim::parse_error&) {
  }
}

void read_blocks(const std::string& path, nniesim::dump_text text) {
  nniesim::dump_reader reader(path, text);
  std::array<float, 7> block{};
  std::size_t total = 0;
  for (std::size_t n = reader.read(block); n != 0; n = reader.read(block)) {
    for (std::size_t i = 0; i < n; ++i) {
      if (!std::isfinite(block[i])) std::abort();
    }
    total += n;
  }
  if (reader.position() != total) std::abort();
  reader.expect_end();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const memory_file file;
  const std::string& path = file.holding(data, size);
  attempt([&] { read_blocks(path, nniesim::dump_text::linear_hex); });
  attempt([&] { read_blocks(path, nniesim::dump_text::decimal); });
  attempt([&] { (void)nniesim::read_dump(path, nniesim::dump_text::decimal, {1, 2, 2}); });
  attempt([&] { (void)nniesim::read_hex_dump<std::uint8_t>(path); });
  attempt([&] { (void)nniesim::read_code_dump<nniesim::gfpq16>(path, nniesim::gfpq16::scale_of_max(1.0F), {3}); });
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto name = nniesim::parse_dump_name(text)) {
    if (nniesim::dump_file_name(*name) != text && !text.starts_with('.')) std::abort();
  }
  return 0;
}
