// Any names and contents as an archive: a format_error, or an archive that a reader of ustar and pax takes apart again.
// Linux only.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <fuzzer/FuzzedDataProvider.h>

#include <nniesim/io/tar.hpp>

#include "memory_file.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::size_t octal(std::string_view digits) {
  std::size_t value = 0;
  for (const char c : digits) {
    if (c == '\0') break;
    require(c >= '0' && c <= '7');
    value = value * 8 + static_cast<std::size_t>(c - '0');
  }
  return value;
}
std::string_view text(std::string_view field) { return field.substr(0, field.find('\0')); }

std::string path_in_pax(std::string_view records) {
  std::string path;
  while (!records.empty()) {
    const std::size_t length = std::stoul(std::string(records.substr(0, records.find(' '))));
    require(length <= records.size() && records[length - 1] == '\n');
    const std::string_view record = records.substr(records.find(' ') + 1, length - records.find(' ') - 2);
    require(record.starts_with("path="));
    path = record.substr(5);
    records.remove_prefix(length);
  }
  return path;
}

std::vector<nniesim::tar_file> read(std::string_view archive) {
  std::vector<nniesim::tar_file> files;
  std::string path;
  require(archive.size() % 512 == 0);
  while (archive[0] != '\0') {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < 512; ++i) sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(archive[i]);
    require(octal(archive.substr(148, 6)) == sum);
    require(archive.substr(257, 8) == std::string_view("ustar\00000", 8));
    const std::size_t size = octal(archive.substr(124, 12));
    const std::string_view content = archive.substr(512, size);
    require(content.size() == size);
    if (archive[156] == 'x') {
      path = path_in_pax(content);
    } else {
      require(archive[156] == '0');
      const std::string_view prefix = text(archive.substr(345, 155));
      if (path.empty())
        path = std::string(prefix) + (prefix.empty() ? "" : "/") + std::string(text(archive.substr(0, 100)));
      files.push_back({path, std::string(content), octal(archive.substr(100, 8)) == 0755});
      path.clear();
    }
    archive.remove_prefix(512 + (size + 511) / 512 * 512);
  }
  require(archive == std::string(1024, '\0'));
  return files;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const memory_file archive;
  FuzzedDataProvider input(data, size);
  std::vector<nniesim::tar_file> files;
  while (input.remaining_bytes() != 0 && files.size() < 20) {
    std::string name = input.ConsumeRandomLengthString(300);
    if (input.ConsumeBool()) name += std::string(input.ConsumeIntegralInRange<std::size_t>(0, 200), 'n');
    std::string content = input.ConsumeRandomLengthString(1200);
    files.push_back({std::move(name), std::move(content), input.ConsumeBool()});
  }
  (void)archive.holding(data, 0);
  try {
    nniesim::write_tar(archive.path(), files);
  } catch (const nniesim::format_error&) {
    return 0;
  }
  const auto again = read(archive.bytes());
  require(again.size() == files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    require(again[i].name == files[i].name && again[i].content == files[i].content &&
            again[i].is_program == files[i].is_program);
  }
  return 0;
}
