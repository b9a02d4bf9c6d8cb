// A folder for the files of one test, gone with it.
#pragma once

#include <filesystem>
#include <random>
#include <string>

class scratch_folder {
 public:
  scratch_folder() {
    std::random_device name;  // tests run side by side
    do {
      path_ = std::filesystem::temp_directory_path() / ("nniesim-test-" + std::to_string(name()));
    } while (!std::filesystem::create_directory(path_));
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::filesystem::path operator/(const std::string& file) const { return path_ / file; }

 private:
  std::filesystem::path path_;
};
