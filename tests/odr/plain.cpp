#include "work.hpp"

std::uint64_t plain_digest() { return digest_of_work(); }
