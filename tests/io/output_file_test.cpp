#include <nniesim/io/output_file.hpp>

#include <nniesim/io/file.hpp>

#include "catch.hpp"
#include "support/scratch_folder.hpp"

#ifdef NNIESIM_HAS_DESCRIPTORS
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>
#endif

using namespace nniesim;
namespace fs = std::filesystem;

namespace {

std::string content(const fs::path& path) { return detail::read_whole_file(path, 1U << 24U, "a file"); }
void put(const fs::path& path, const std::string& bytes) { detail::write_whole_file(path, bytes); }
std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a file is there as a whole once it is committed, and what was there stays until then") {
  const scratch_folder folder;
  put(folder / "a", "old");
  {
    output_file file(folder / "a");
    file.stream() << "new " << 1.5 << '\n' << std::flush;
    file.append(std::string(100000, 'x'));
    CHECK(content(folder / "a") == "old");
    file.commit();
    CHECK(content(folder / "a") == "new 1.5\n" + std::string(100000, 'x'));
  }
  {
    output_file file(folder / "a");
    file.append("never committed");
  }
  try {
    output_file file(folder / "b");
    file.append("the writer throws");
    throw std::runtime_error("so");
  } catch (const std::runtime_error&) {
  }
  CHECK(content(folder / "a").size() == 100008);
  CHECK(files_in(folder / "") == 1);
}

TEST_CASE("pieces of every size stand in the file in their order") {
  const scratch_folder folder;
  std::string expected;
  output_file file(folder / "a");
  for (const std::size_t size : {1U, 65535U, 1U, 65536U, 7U, 65535U, 65537U, 200000U, 0U, 3U}) {
    const std::string piece(size, static_cast<char>('a' + expected.size() % 26));
    if (size % 2 == 0) file.append(piece);
    else file.stream() << piece;
    expected += piece;
  }
  file.commit();
  CHECK(content(folder / "a") == expected);
}

TEST_CASE("a stream that a writer has broken is not committed") {
  const scratch_folder folder;
  put(folder / "a", "old");
  {
    output_file file(folder / "a");
    file.stream() << "half";
    file.stream().setstate(std::ios::failbit);
    CHECK_THROWS_WITH(file.commit(), contains("/a: could not be written: the stream failed"));
  }
  CHECK(content(folder / "a") == "old");
  CHECK(files_in(folder / "") == 1);
}

TEST_CASE("where nothing can be written the error names the file and the system's reason") {
  const scratch_folder folder;
  fs::create_directory(folder / "f");
  CHECK_THROWS_WITH(output_file(folder / "no/such"),
                    contains("no/such: cannot be opened for writing: No such file or directory"));
  CHECK_THROWS_WITH(output_file(folder / "f"), contains("/f: cannot be opened for writing: it is a folder"));
  fs::create_symlink("b", folder / "a");
  fs::create_symlink("a", folder / "b");
  CHECK_THROWS_WITH(output_file(folder / "a"), contains("/a: cannot be opened for writing: Too many levels"));
  CHECK_THROWS_WITH(output_file(""), contains("expected the name of a file"));
  CHECK_THROWS_WITH(output_file(folder / "none/"), contains("expected the name of a file"));
}

TEST_CASE("files of a set are put in place together") {
  const scratch_folder folder;
  put(folder / "a", "old a");
  {
    output_set set;
    set.add(folder / "a").append("new a");
    set.add(folder / "b").append("new b");
    CHECK_THROWS_WITH(set.add(folder / "./b"), contains("is the same file as"));
  }
  CHECK(content(folder / "a") == "old a");
  CHECK(files_in(folder / "") == 1);
  {
    output_set set;
    set.add(folder / "a").append("new a");
    set.add(folder / "b").stream().setstate(std::ios::badbit);
    CHECK_THROWS_AS(set.commit(), error);
  }
  CHECK(content(folder / "a") == "old a");
  CHECK(files_in(folder / "") == 1);
  {
    output_set set;
    set.add(folder / "a").append("new a");
    set.add(folder / "b").append("new b");
    set.commit();
  }
  CHECK(content(folder / "a") == "new a");
  CHECK(content(folder / "b") == "new b");
  CHECK(files_in(folder / "") == 2);
}

TEST_CASE("where the last of a set cannot be put in place, those before it are put back") {
  const scratch_folder folder;
  put(folder / "a", "old a");
  {
    output_set set;
    set.add(folder / "a").append("new a");
    set.add(folder / "b").append("new b");
    set.add(folder / "c").append("new c");
    fs::create_directories(folder / "c/taken");
    CHECK_THROWS_WITH(set.commit(), contains("/c: could not be put in place: "));
  }
  CHECK(content(folder / "a") == "old a");
  CHECK_FALSE(fs::exists(folder / "b"));
  CHECK(files_in(folder / "") == 2);
}

#ifdef NNIESIM_HAS_DESCRIPTORS

namespace {

/// While it lives no file of this process can grow beyond so many bytes.
class largest_file {
 public:
  explicit largest_file(::rlim_t bytes) {
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const ::rlimit limit{bytes, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  largest_file(const largest_file&) = delete;
  largest_file& operator=(const largest_file&) = delete;
  ~largest_file() {
    (void)::setrlimit(RLIMIT_FSIZE, &before_);
    (void)::signal(SIGXFSZ, handler_);
  }

 private:
  ::rlimit before_{};
  void (*handler_)(int);
};

fs::perms permissions(const fs::path& path) { return fs::status(path).permissions(); }

}  // namespace

TEST_CASE("no room is an error, and the old file stays") {
  const scratch_folder folder;
  put(folder / "a", "old");
  {
    output_set set;
    output_file& first = set.add(folder / "a");
    output_file& second = set.add(folder / "b");
    const largest_file limit(100000);
    first.append("new");
    second.append(std::string(60000, 'x'));
    CHECK_THROWS_WITH(second.append(std::string(160000, 'x')), contains("/b: could not be written: File too large"));
    CHECK_THROWS_WITH(set.commit(), contains("/b: could not be written: File too large"));
  }
  CHECK(content(folder / "a") == "old");
  CHECK(files_in(folder / "") == 1);
  if (!fs::exists("/dev/full")) return;
  output_file full("/dev/full");
  full.stream() << "short";
  CHECK_THROWS_WITH(full.commit(), contains("/dev/full: could not be written: No space left on device"));
}

TEST_CASE("a file that is replaced keeps its permissions, a new one has those of the process") {
  const scratch_folder folder;
  const ::mode_t before = ::umask(027);
  put(folder / "a", "old");
  CHECK(permissions(folder / "a") == static_cast<fs::perms>(0640));
  for (const unsigned mode : {0600U, 0666U, 0755U}) {
    fs::permissions(folder / "a", static_cast<fs::perms>(mode));
    put(folder / "a", "new");
    CHECK(permissions(folder / "a") == static_cast<fs::perms>(mode));
  }
  (void)::umask(before);
  if (::geteuid() == 0) return;
  fs::permissions(folder / "a", static_cast<fs::perms>(0444));
  CHECK_THROWS_WITH(put(folder / "a", "no"), contains("/a: cannot be opened for writing: Permission denied"));
  CHECK(content(folder / "a") == "new");
}

TEST_CASE("a symbolic link stays, its target is replaced or made") {
  const scratch_folder folder;
  fs::create_directory(folder / "far");
  put(folder / "far/file", "old");
  fs::create_symlink("far/file", folder / "near");
  fs::create_symlink(folder / "near", folder / "nearer");
  fs::create_symlink("far/none", folder / "to_none");
  put(folder / "nearer", "new");
  put(folder / "to_none", "made");
  CHECK(fs::is_symlink(folder / "near"));
  CHECK(fs::is_symlink(folder / "nearer"));
  CHECK(fs::is_symlink(folder / "to_none"));
  CHECK(content(folder / "far/file") == "new");
  CHECK(content(folder / "far/none") == "made");
  CHECK(files_in(folder / "far") == 2);
}

TEST_CASE("a name of the longest length can be written") {
  const scratch_folder folder;
  const std::string name(255, 'n');
  put(folder / name, "x");
  CHECK(content(folder / name) == "x");
}

TEST_CASE("devices and pipes are written as they are") {
  const scratch_folder folder;
  put("/dev/null", "nothing");
  CHECK(fs::is_character_file("/dev/null"));
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  std::string got;
  std::thread reader([&] {
    std::ifstream in(folder / "pipe", std::ios::binary);
    got.assign(std::istreambuf_iterator<char>(in), {});
  });
  const std::string sent(300000, 'p');
  put(folder / "pipe", sent);
  reader.join();
  CHECK(got == sent);
  CHECK(fs::is_fifo(folder / "pipe"));
  CHECK(files_in(folder / "") == 1);

  // Nobody reads to the end.
  auto* const handler = ::signal(SIGPIPE, SIG_IGN);
  std::thread leaver([&] { std::ifstream in(folder / "pipe", std::ios::binary); });
  const auto write = [&] {
    output_file file(folder / "pipe");
    leaver.join();
    file.append(sent);
    file.commit();
  };
  CHECK_THROWS_WITH(write(), contains("/pipe: could not be written: Broken pipe"));
  (void)::signal(SIGPIPE, handler);
}

TEST_CASE("a descriptor is written where it is") {
  if (!fs::exists("/proc/self/fd")) return;
  const scratch_folder folder;
  std::FILE* const open = std::fopen((folder / "a").c_str(), "wb");
  REQUIRE(open != nullptr);
  (void)std::fputs("before ", open);
  (void)std::fflush(open);
  const std::string number = std::to_string(::fileno(open));
  put("/dev/fd/" + number, "through the descriptor ");
  fs::create_symlink("/proc/self/fd/" + number, folder / "link");
  put(folder / "link", "and a link ");
  (void)std::fputs("after", open);
  (void)std::fclose(open);
  CHECK(content(folder / "a") == "before through the descriptor and a link after");
  CHECK_THROWS_WITH(put("/dev/fd/" + number, "closed"), contains("cannot be opened for writing: Bad file descriptor"));
}

#endif
