// Loaded into a process before the C library (LD_PRELOAD): counts its calls on the files of one folder, and makes one
// of them fail. By environment: FAULT_FOLDER; FAULT_CALL, one of the names below, FAULT_AT, which of these calls (1 is
// the first), FAULT_HOW, a number of errno, "short" (half is written, without an error), "kill" (before the call) or
// "half" (half is written, then killed); FAULT_LOG, a file that gets the path of what failed, or, where nothing is to
// fail, the counts. FAULT_NO_UNNAMED: the file system has no files without names.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

enum call { writing, reading, open_for_writing, open_for_reading, closing, renaming, linking, naming, calls };
constexpr std::array<const char*, calls> names = {
    "write", "read", "open_for_writing", "open_for_reading", "close", "rename", "link", "linkat"};

std::array<std::atomic<int>, calls> counts;
std::array<char[512], 1024> paths;  // of the open descriptors that are watched and written, else empty
std::array<char, 1024> is_written;

template <class F>
F next(F, const char* name) {
  return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name));
}
#define NEXT(name) next(&::name, #name)

const char* setting(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void log(const char* text) {
  const char* const file = setting("FAULT_LOG");
  if (*file == '\0') return;
  const int to = NEXT(open)(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
  (void)!NEXT(write)(to, text, std::strlen(text));
  (void)NEXT(close)(to);
}

bool is_watched(const char* path) {
  const char* const folder = setting("FAULT_FOLDER");
  return *folder != '\0' && path != nullptr && std::strncmp(path, folder, std::strlen(folder)) == 0;
}

/// What is to happen in this call: 0 nothing, above 0 that error, -1 short, -2 half and killed.
int fault_of(call c, const char* path) {
  const int number = ++counts[c];
  if (std::strcmp(setting("FAULT_CALL"), names[c]) != 0 || number != std::atoi(setting("FAULT_AT"))) return 0;
  log(path);
  const char* const how = setting("FAULT_HOW");
  if (std::strcmp(how, "kill") == 0) (void)::raise(SIGKILL);
  if (std::strcmp(how, "short") == 0) return -1;
  if (std::strcmp(how, "half") == 0) return -2;
  return std::atoi(how);
}

bool is_open(int file) {
  return file >= 0 && static_cast<std::size_t>(file) < paths.size() && paths[static_cast<std::size_t>(file)][0] != '\0';
}
char* path_of(int file) { return paths[static_cast<std::size_t>(file)]; }

void remember(int file, const char* path, bool written) {
  if (file < 0 || static_cast<std::size_t>(file) >= paths.size()) return;
  path_of(file)[0] = '\0';
  if (is_watched(path)) (void)std::snprintf(path_of(file), sizeof(paths[0]), "%s", path);
  is_written[static_cast<std::size_t>(file)] = written ? 1 : 0;
}

struct counts_at_end {
  ~counts_at_end() {
    if (*setting("FAULT_CALL") != '\0') return;
    for (std::size_t c = 0; c < calls; ++c) {
      char line[64];
      (void)std::snprintf(line, sizeof(line), "%s %d\n", names[c], counts[c].load());
      log(line);
    }
  }
} at_end;

template <class Open>
int watched_open(const char* path, int flags, const Open& open) {
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  const bool is_unnamed = (flags & O_TMPFILE) == O_TMPFILE;  // the path is the folder's
  if (is_watched(path) && is_unnamed && *setting("FAULT_NO_UNNAMED") != '\0') {
    errno = EOPNOTSUPP;
    return -1;
  }
  if (is_watched(path) && (is_unnamed || (flags & O_DIRECTORY) == 0)) {
    if (const int problem = fault_of(writes ? open_for_writing : open_for_reading, path); problem != 0) {
      errno = problem;
      return -1;
    }
  }
  const int file = open();
  char named[sizeof(paths[0])];
  (void)std::snprintf(named, sizeof(named), "%s%s", path, is_unnamed ? "/.nniesim-unnamed" : "");
  remember(file, named, writes);
  return file;
}

template <class Open>
std::FILE* watched_fopen(const char* path, const char* mode, const Open& open) {
  const bool writes = std::strpbrk(mode, "wa+") != nullptr;
  if (is_watched(path)) {
    if (const int problem = fault_of(writes ? open_for_writing : open_for_reading, path); problem != 0) {
      errno = problem;
      return nullptr;
    }
  }
  std::FILE* const file = open();
  if (file != nullptr) remember(::fileno(file), path, writes);
  return file;
}

template <class Write>
::ssize_t watched_write(int file, std::size_t bytes, const Write& write) {
  if (!is_open(file)) return write(bytes);
  const int fault = fault_of(writing, path_of(file));
  if (fault == 0) return write(bytes);
  if (fault > 0) {
    errno = fault;
    return -1;
  }
  const ::ssize_t written = write((bytes + 1) / 2);
  if (fault == -2) (void)::raise(SIGKILL);
  return written;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  std::va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<::mode_t>((flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, int) : 0);
  va_end(rest);
  return watched_open(path, flags, [&] { return NEXT(open)(path, flags, mode); });
}
int open64(const char* path, int flags, ...) {
  std::va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<::mode_t>((flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, int) : 0);
  va_end(rest);
  return watched_open(path, flags, [&] { return NEXT(open)(path, flags, mode); });
}
std::FILE* fopen(const char* path, const char* mode) {
  return watched_fopen(path, mode, [&] { return NEXT(fopen)(path, mode); });
}
std::FILE* fopen64(const char* path, const char* mode) {
  return watched_fopen(path, mode, [&] { return NEXT(fopen)(path, mode); });
}

::ssize_t write(int file, const void* bytes, std::size_t count) {
  return watched_write(file, count, [&](std::size_t n) { return NEXT(write)(file, bytes, n); });
}
::ssize_t writev(int file, const ::iovec* pieces, int count) {
  if (is_open(file)) {  // libstdc++ writes its buffer and what did not fit into it
    std::size_t bytes = 0;
    for (int i = 0; i < count; ++i) bytes += pieces[i].iov_len;
    return watched_write(file, bytes, [&](std::size_t n) {
      return n == bytes ? NEXT(writev)(file, pieces, count) : NEXT(write)(file, pieces[0].iov_base, pieces[0].iov_len);
    });
  }
  return NEXT(writev)(file, pieces, count);
}
::ssize_t read(int file, void* bytes, std::size_t count) {
  if (is_open(file)) {
    if (const int problem = fault_of(reading, path_of(file)); problem != 0) {
      errno = problem;
      return -1;
    }
  }
  return NEXT(read)(file, bytes, count);
}
int close(int file) {
  int problem = 0;
  if (is_open(file) && is_written[static_cast<std::size_t>(file)] != 0) problem = fault_of(closing, path_of(file));
  remember(file, nullptr, false);
  const int result = NEXT(close)(file);
  if (problem == 0) return result;
  errno = problem;
  return -1;
}
int rename(const char* from, const char* to) {
  if (is_watched(to)) {
    if (const int problem = fault_of(renaming, to); problem != 0) {
      errno = problem;
      return -1;
    }
  }
  return NEXT(rename)(from, to);
}
int link(const char* from, const char* to) {
  if (is_watched(from)) {
    if (const int problem = fault_of(linking, from); problem != 0) {
      errno = problem;
      return -1;
    }
  }
  return NEXT(link)(from, to);
}
int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) {
  if (is_watched(to)) {
    if (const int problem = fault_of(naming, to); problem != 0) {
      errno = problem;
      return -1;
    }
  }
  return NEXT(linkat)(from_folder, from, to_folder, to, flags);
}
}
