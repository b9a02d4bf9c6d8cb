#include "work.hpp"

std::uint64_t native_digest() { return digest_of_work(); }
