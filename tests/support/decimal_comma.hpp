// Locales in which one and a half is 1,5 and a thousand 1.000, for as long as an object of this type lives.
#pragma once

#include <clocale>
#include <cstdlib>
#include <locale>
#include <string>

#include "support/scratch_folder.hpp"

class decimal_comma {
 public:
  /// C++'s global locale always; C's where the system has a German locale or can make one.
  decimal_comma() : old_cpp_(std::locale::global(std::locale(std::locale::classic(), new comma))) {
    old_c_ = std::setlocale(LC_ALL, nullptr);
    for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8"}) {
      has_c_ = has_c_ || std::setlocale(LC_ALL, name) != nullptr;
    }
    if (has_c_) return;
    const std::string make = "localedef -i de_DE -f UTF-8 '" + (made_ / "de_DE.UTF-8").string() + "' >/dev/null 2>&1";
    if (std::system(make.c_str()) != 0) return;
    setenv("LOCPATH", (made_ / "").c_str(), 1);
    has_c_ = std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr;
    unsetenv("LOCPATH");
  }
  decimal_comma(const decimal_comma&) = delete;
  decimal_comma& operator=(const decimal_comma&) = delete;
  ~decimal_comma() {
    std::locale::global(old_cpp_);
    std::setlocale(LC_ALL, old_c_.c_str());
  }
  [[nodiscard]] bool has_c_locale() const noexcept { return has_c_; }

 private:
  struct comma : std::numpunct<char> {
    [[nodiscard]] char do_decimal_point() const override { return ','; }
    [[nodiscard]] char do_thousands_sep() const override { return '.'; }
    [[nodiscard]] std::string do_grouping() const override { return "\1"; }
    [[nodiscard]] std::string do_truename() const override { return "ja"; }
    [[nodiscard]] std::string do_falsename() const override { return "nein"; }
  };
  scratch_folder made_;
  std::locale old_cpp_;
  std::string old_c_;
  bool has_c_ = false;
};
