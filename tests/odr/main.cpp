#include <cstdint>
#include <cstdio>

std::uint64_t plain_digest();
std::uint64_t native_digest();

int main() {
  const std::uint64_t plain = plain_digest();
  const std::uint64_t native = native_digest();
  std::printf("plain %016llx, native %016llx\n", static_cast<unsigned long long>(plain),
              static_cast<unsigned long long>(native));
  return plain == native ? 0 : 1;
}
