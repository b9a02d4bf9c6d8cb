// Files written as a whole or not at all: under another name in the same folder, and put in place once all is written.
#pragma once

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <list>
#include <locale>
#include <optional>
#include <ostream>
#include <streambuf>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#if !defined(_WIN32) && __has_include(<fcntl.h>) && __has_include(<unistd.h>)
#define NNIESIM_HAS_DESCRIPTORS
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include <nniesim/core/error.hpp>
#include <nniesim/formats/hex.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// What the system says about a failure.
[[nodiscard]] inline std::string system_text(int number) {
  return number == 0 ? std::string("no reason is given") : std::generic_category().message(number);
}

/// A file that is open for writing. Functions return an errno value, 0 for success.
class raw_file {
 public:
  enum class how {
    create,    ///< it must not exist
    existing,  ///< it must exist, and is written over from its beginning
    append,
  };

  raw_file() = default;
  raw_file(const raw_file&) = delete;
  raw_file& operator=(const raw_file&) = delete;
  ~raw_file() { (void)close(); }

#ifdef NNIESIM_HAS_DESCRIPTORS
  /// `permissions` are those of a new file, before the process' mask.
  [[nodiscard]] int open(const std::filesystem::path& path, how h, unsigned permissions = 0666) {
    const int flags = h == how::create ? O_CREAT | O_EXCL : h == how::append ? O_CREAT | O_APPEND : 0;
    do file_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, static_cast<::mode_t>(permissions));
    while (file_ < 0 && errno == EINTR);
    return file_ < 0 ? errno : 0;
  }
  /// Opens a file without a name, which vanishes with the process however that ends; false where the system has no such
  /// files.
  [[nodiscard]] bool open_unnamed([[maybe_unused]] const std::filesystem::path& folder,
                                  [[maybe_unused]] unsigned permissions) {
#ifdef O_TMPFILE
    file_ = ::open(folder.c_str(), O_WRONLY | O_CLOEXEC | O_TMPFILE, static_cast<::mode_t>(permissions));
    if (file_ >= 0 && ::access(own_link().c_str(), F_OK) == 0) return true;
    (void)close();
#endif
    return false;
  }
  /// Gives a file without a name a name that is not taken.
  [[nodiscard]] int name(const std::filesystem::path& path) const {
    return ::linkat(AT_FDCWD, own_link().c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
  }
  /// Where the file system has permissions.
  void set_permissions(unsigned permissions) const { (void)!::fchmod(file_, static_cast<::mode_t>(permissions)); }
  /// Goes on where the descriptor of this process is.
  [[nodiscard]] int open(int descriptor) {
    file_ = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    return file_ < 0 ? errno : 0;
  }
  [[nodiscard]] int write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto written = ::write(file_, bytes.data(), bytes.size());
      if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
      else if (written == 0) return EIO;
      else if (errno != EINTR) return errno;
    }
    return 0;
  }
  [[nodiscard]] int close() {
    if (file_ < 0) return 0;
    // An interrupted close has closed all the same.
    return ::close(std::exchange(file_, -1)) == 0 || errno == EINTR ? 0 : errno;
  }

 private:
  [[nodiscard]] std::string own_link() const { return "/proc/self/fd/" + std::to_string(file_); }

  int file_ = -1;
#else
  [[nodiscard]] int open(const std::filesystem::path& path, how h, unsigned = 0666) {
    errno = 0;
    file_ = std::fopen(path.string().c_str(), h == how::create ? "wbx" : h == how::append ? "ab" : "r+b");
    return file_ == nullptr ? (errno != 0 ? errno : EIO) : 0;
  }
  [[nodiscard]] bool open_unnamed(const std::filesystem::path&, unsigned) { return false; }
  [[nodiscard]] int name(const std::filesystem::path&) const { return ENOTSUP; }
  void set_permissions(unsigned) const {}
  [[nodiscard]] int open(int) { return EBADF; }
  [[nodiscard]] int write(std::string_view bytes) {
    errno = 0;
    const bool good = std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size() && std::fflush(file_) == 0;
    return good ? 0 : errno != 0 ? errno : EIO;
  }
  [[nodiscard]] int close() {
    errno = 0;
    std::FILE* const f = std::exchange(file_, nullptr);
    return f == nullptr || std::fclose(f) == 0 ? 0 : errno != 0 ? errno : EIO;
  }

 private:
  std::FILE* file_ = nullptr;
#endif
};

/// Where an output goes, with its symbolic links followed.
struct output_place {
  std::filesystem::path path;
  std::optional<std::filesystem::perms> old_permissions{};  ///< of a regular file that is there
  bool is_direct = false;                                   ///< a device, pipe or open descriptor: nothing to replace
  std::optional<int> descriptor{};                          ///< /dev/stdout and such
};

/// Throws error for folders, links that lead nowhere and what cannot be looked at.
[[nodiscard]] inline output_place place_of_output(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  output_place place{path};
  std::error_code problem;
  // Opened by its name, a descriptor's file would be written from its beginning, over what stdout has in it.
  const fs::path descriptors = fs::canonical("/proc/self/fd", problem);
  for (int links = 0;; ++links) {
    require<error>(links < 40, path.string(), ": cannot be opened for writing: ", system_text(ELOOP));
    const fs::path folder = place.path.has_parent_path() ? place.path.parent_path() : fs::path(".");
    const std::string name = place.path.filename().string();
    if (!descriptors.empty() && !name.empty() && name.size() < 9 &&
        name.find_first_not_of("0123456789") == std::string::npos && fs::canonical(folder, problem) == descriptors) {
      place.is_direct = true;
      place.descriptor = std::stoi(name);
      return place;
    }
    if (!fs::is_symlink(place.path, problem)) break;
    fs::path target = fs::read_symlink(place.path, problem);
    require<error>(!problem, path.string(), ": cannot be opened for writing: ", problem.message());
    place.path = target.is_absolute() ? std::move(target) : folder / target;
  }
  require<error>(place.path.has_filename(), path.string(),
                 ": cannot be opened for writing: expected the name of a file");
  const fs::file_status status = fs::status(place.path, problem);
  const bool exists = status.type() != fs::file_type::not_found;
  require<error>(!exists || !problem, path.string(), ": cannot be opened for writing: ", problem.message());
  require<error>(!fs::is_directory(status), path.string(), ": cannot be opened for writing: it is a folder");
  if (fs::is_regular_file(status)) place.old_permissions = status.permissions() & fs::perms::all;
  else place.is_direct = exists;
  return place;
}

/// Calls `make` with names in `folder` until it returns anything but EEXIST, the value for names that are taken. `made`
/// is the name that was used, else empty.
template <class Make>
[[nodiscard]] int make_temporary(const std::filesystem::path& folder, std::filesystem::path& made, const Make& make) {
  static std::atomic<std::uint64_t> count{0};
  int problem = EEXIST;
  for (int tries = 0; tries < 100 && problem == EEXIST; ++tries) {
    std::uint64_t number = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
    number = (number ^ (++count << 48U)) * 0x9e3779b97f4a7c15U;
    // Short: the file's own name may have the longest length already.
    const std::filesystem::path path = folder / (".nniesim-" + hex_text(number, 16) + ".tmp");
    problem = make(path);
    if (problem == 0) made = path;
  }
  return problem;
}

}  // namespace detail

/// One file to write. Until commit() it has no name, or, where the system has no such files, another one in the same
/// folder (.nniesim-*.tmp), and what was there before stays as it is; without commit() nothing is left. A new file has
/// the permissions that the process gives, one that replaces another those of the other (not its owner, nor its other
/// hard links). A symbolic link stays, its target is replaced. Devices, pipes and descriptors (/dev/stdout) are written
/// as they are. What power cuts leave is up to the file system: nothing is synced.
class output_file {
 public:
  /// Throws error where nothing can be written: no such folder, a folder, no permission.
  explicit output_file(const std::filesystem::path& path)
      : name_(path.string()), place_(detail::place_of_output(path)), buffer_(*this), stream_(&buffer_) {
    stream_.imbue(std::locale::classic());
    using how = detail::raw_file::how;
    const auto check = [&](int problem) {
      detail::require<error>(problem == 0, name_, ": cannot be opened for writing: ", detail::system_text(problem));
    };
    if (place_.descriptor) {
      check(file_.open(*place_.descriptor));
    } else if (place_.is_direct) {
      check(file_.open(place_.path, how::existing));
    } else {
      if (place_.old_permissions) {  // a file that must not be written must not be replaced
        check(file_.open(place_.path, how::existing));
        check(file_.close());
      }
      const auto permissions = static_cast<unsigned>(place_.old_permissions.value_or(std::filesystem::perms(0666)));
      is_unnamed_ = file_.open_unnamed(folder(), permissions);
      if (!is_unnamed_) {
        check(detail::make_temporary(folder(), temporary_, [&](const std::filesystem::path& as) {
          return file_.open(as, how::create, permissions);
        }));
      }
      if (place_.old_permissions) file_.set_permissions(permissions);
    }
  }
  output_file(const output_file&) = delete;
  output_file& operator=(const output_file&) = delete;
  ~output_file() {
    (void)file_.close();
    std::error_code ignored;
    if (!temporary_.empty()) std::filesystem::remove(temporary_, ignored);
  }

  /// What it writes is checked by commit().
  [[nodiscard]] std::ostream& stream() noexcept { return stream_; }
  /// Throws error where that cannot be written.
  void append(std::string_view bytes) {
    put(bytes);
    check_written();
  }
  /// Puts the file in place. Throws error where not everything was written; what was there before is then as it was.
  void commit() {
    finish();
    replace();
  }

 private:
  friend class output_set;

  static constexpr std::size_t most_buffered = std::size_t{1} << 16U;

  class stream_buffer : public std::streambuf {
   public:
    explicit stream_buffer(output_file& owner) : owner_(owner) {}

   protected:
    int_type overflow(int_type c) override {
      if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
      const char byte = traits_type::to_char_type(c);
      return owner_.put({&byte, 1}) ? c : traits_type::eof();
    }
    std::streamsize xsputn(const char* bytes, std::streamsize count) override {
      return owner_.put({bytes, static_cast<std::size_t>(count)}) ? count : 0;
    }
    int sync() override { return owner_.write_buffered() ? 0 : -1; }

   private:
    output_file& owner_;
  };

  [[nodiscard]] std::filesystem::path folder() const {
    return place_.path.has_parent_path() ? place_.path.parent_path() : ".";
  }
  bool put(std::string_view bytes) {
    if (buffered_.size() + bytes.size() > most_buffered && !write_buffered()) return false;
    if (bytes.size() < most_buffered) buffered_ += bytes;
    else if (problem_ == 0) problem_ = file_.write(bytes);
    return problem_ == 0;
  }
  bool write_buffered() {
    if (problem_ == 0) problem_ = file_.write(buffered_);
    buffered_.clear();
    return problem_ == 0;
  }
  void check_written() const {
    detail::require<error>(problem_ == 0, name_, ": could not be written: ", detail::system_text(problem_));
  }
  /// Writes the rest: then all bytes are in the file, which has a name, if only a temporary one.
  void finish() {
    (void)write_buffered();
    if (is_unnamed_ && problem_ == 0) {
      problem_ = detail::make_temporary(folder(), temporary_,
                                        [&](const std::filesystem::path& path) { return file_.name(path); });
    }
    const int closing = file_.close();
    if (problem_ == 0) problem_ = closing;
    check_written();
    detail::require<error>(stream_.good(), name_, ": could not be written: the stream failed");
  }
  void replace() {
    if (temporary_.empty()) return;
    std::error_code problem;
    std::filesystem::rename(temporary_, place_.path, problem);
    detail::require<error>(!problem, name_, ": could not be put in place: ", problem.message());
    temporary_.clear();
  }

  std::string name_;
  detail::output_place place_;
  std::filesystem::path temporary_;  ///< empty where there is none
  detail::raw_file file_;
  bool is_unnamed_ = false;
  std::string buffered_;
  int problem_ = 0;  ///< the first
  stream_buffer buffer_;
  std::ostream stream_;
};

/// Files that belong together: all are written whole before the first is put in place, and where one cannot be, those
/// before it are put back. Only a process that is ended between two renames leaves some new and some old.
class output_set {
 public:
  /// One more file; the reference stays good as long as the set. Throws error as output_file, and for one that the set
  /// has already.
  output_file& add(const std::filesystem::path& path) {
    output_file& added = files_.emplace_back(path);
    for (const output_file& f : files_) {
      const bool is_other = &f != &added && !f.place_.is_direct && !added.place_.is_direct;
      std::error_code ignored;
      const bool is_same = is_other && f.place_.path.filename() == added.place_.path.filename() &&
                           std::filesystem::equivalent(f.folder(), added.folder(), ignored);
      detail::require<error>(!is_same, added.name_, ": is the same file as ", f.name_, ", expected another");
    }
    return added;
  }

  /// Puts all in place. Throws error where not everything was written or can be put in place.
  void commit() {
    for (output_file& f : files_) (void)f.write_buffered();
    for (output_file& f : files_) f.finish();
    std::vector<placed> done;
    try {
      for (output_file& f : files_) {
        placed& p = done.emplace_back(f);
        f.replace();
        p.is_replaced = true;
      }
    } catch (const error& e) {
      std::string left;
      for (placed& p : done) {
        if (!p.put_back()) left += "; " + p.file.name_ + " is the new one already";
      }
      if (!left.empty()) throw error(e.what() + left);
      throw;
    }
  }

 private:
  /// Keeps the old file under a second name until the whole set is in place.
  struct placed {
    explicit placed(output_file& f) : file(f) {
      if (f.temporary_.empty() || !f.place_.old_permissions) return;
      old = f.temporary_;
      old += ".old";
      std::error_code problem;  // not every file system has hard links
      std::filesystem::create_hard_link(f.place_.path, old, problem);
      if (problem) old.clear();
    }
    placed(placed&& other) noexcept
        : file(other.file), old(std::exchange(other.old, {})), is_replaced(other.is_replaced) {}
    placed& operator=(placed&&) = delete;
    ~placed() {
      std::error_code ignored;
      if (!old.empty()) std::filesystem::remove(old, ignored);
    }
    [[nodiscard]] bool put_back() {
      if (!is_replaced || file.place_.is_direct) return true;
      std::error_code problem;
      if (!old.empty()) std::filesystem::rename(old, file.place_.path, problem);
      else if (!file.place_.old_permissions) std::filesystem::remove(file.place_.path, problem);
      else return false;
      return !problem;
    }

    output_file& file;
    std::filesystem::path old;
    bool is_replaced = false;
  };

  std::list<output_file> files_;
};

NNIESIM_END_NAMESPACE
