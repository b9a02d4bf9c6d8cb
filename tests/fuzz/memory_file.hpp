// A file in memory, for readers and writers that take a path. Linux only.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

class memory_file {
 public:
  memory_file() : file_(memfd_create("input", 0)), path_("/proc/self/fd/" + std::to_string(file_)) {}

  /// The path of a file with these bytes and no others.
  [[nodiscard]] const std::string& holding(const std::uint8_t* data, std::size_t size) const {
    if (ftruncate(file_, 0) != 0 || lseek(file_, 0, SEEK_SET) != 0 ||
        pwrite(file_, data, size, 0) != static_cast<ssize_t>(size))
      std::abort();
    return path_;
  }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// What is in it.
  [[nodiscard]] std::string bytes() const {
    const off_t size = lseek(file_, 0, SEEK_END);
    std::string all(static_cast<std::size_t>(size), '\0');
    if (pread(file_, all.data(), all.size(), 0) != size) std::abort();
    return all;
  }

 private:
  int file_;
  std::string path_;
};
