// What nnie-debug leaves behind when the system fails it: faults TOOL PRELOAD NETWORK-FOLDER [TRIES]. For every command
// the calls on its files are counted first; then one call after the other (TRIES of each kind, spread evenly) fails, is
// cut short or ends the process. After each try every output must be the old file or the new one as a whole, what
// belongs together must match, the error must name the file, and nothing temporary may be left by a process that was
// not killed. Prints a table of what was tried and how often it came out right.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

const std::string old_content = "the old file\n";

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void put(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }
bool is_temporary(const fs::path& path) { return path.filename().string().starts_with(".nniesim-"); }

struct command {
  std::string name;
  std::vector<std::string> arguments;
  std::vector<std::string> outputs{};            ///< in the folder of outputs
  std::vector<std::vector<std::string>> sets{};  ///< of these, which are new or old together
  std::string state{};                           ///< a file that grows by lines, in the folder of outputs
  bool has_old_files = true;
  bool has_unnamed = true;      ///< files without names, on its file system
  bool reports_inputs = false;  ///< one that cannot be read is named in the outputs, which are made without it
};

/// What a process left: its end, what it printed, and the files of its folder.
struct outcome {
  int status = 0;
  std::chrono::microseconds time{};
  std::string printed, complaints;
  std::map<std::string, std::string> files;

  [[nodiscard]] bool was_killed() const {
    return WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM);
  }
  [[nodiscard]] int code() const { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }
};

/// How a process' standard output is.
enum class output { file, full, closed_pipe, closed };

struct surroundings {
  std::vector<std::pair<std::string, std::string>> variables{};
  output standard = output::file;
  std::optional<::rlim_t> largest_file{};
  int signal = 0;  ///< that it gets after this time
  std::chrono::microseconds until_signal{};
};

class bench {
 public:
  bench(std::string tool, std::string preload, const fs::path& network, int tries)
      : tool_(std::move(tool)), preload_(std::move(preload)), tries_(tries) {
    std::string name = (fs::temp_directory_path() / "nniesim-faults-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder can be made as " + name);
    folder_ = name;
    fs::copy(network, folder_ / "network", fs::copy_options::recursive);
    for (int i = 0; i < 4; ++i) {  // of 20 pictures the first 4: faster, and no fewer calls that differ
      const fs::path list = folder_ / "network" / ("comp" + std::to_string(i) + ".txt");
      std::string lines = content(list);
      std::size_t end = 0;
      for (int line = 0; line < 4; ++line) end = lines.find('\n', end) + 1;
      put(list, lines.substr(0, end));
    }
    out_ = folder_ / "out";
    fs::create_directory(out_);
  }
  bench(const bench&) = delete;
  bench& operator=(const bench&) = delete;
  ~bench() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  [[nodiscard]] const fs::path& folder() const { return folder_; }
  [[nodiscard]] fs::path out() const { return out_; }
  [[nodiscard]] int wrong() const { return wrong_; }

  /// What a command makes of the old files.
  outcome run(const command& c, const surroundings& s, bool keeps_files = false) {
    if (!keeps_files) lay_out(c);
    fs::remove(folder_ / "printed");
    const ::pid_t child = ::fork();
    if (child == 0) become(c, s);
    outcome result;
    const auto start = std::chrono::steady_clock::now();
    while (::waitpid(child, &result.status, WNOHANG) == 0) {
      const auto passed = std::chrono::steady_clock::now() - start;
      if (passed > std::chrono::seconds(120)) (void)::kill(child, SIGABRT);
      else if (s.signal != 0 && passed > s.until_signal) (void)::kill(child, s.signal);
      (void)::usleep(200);
    }
    result.time = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
    result.printed = content(folder_ / "printed");
    result.complaints = content(folder_ / "complaints");
    for (const fs::directory_entry& e : fs::recursive_directory_iterator(out_)) {
      if (e.is_regular_file()) result.files[fs::relative(e.path(), out_).string()] = content(e.path());
    }
    return result;
  }

  /// Everything for one command.
  void try_all(const command& c) {
    fs::remove(folder_ / "log");
    const outcome good = run(c, {.variables = preloaded(c, {})});
    std::map<std::string, int> counts;
    std::ifstream log(folder_ / "log");
    std::string call;
    for (int n = 0; log >> call >> n;) counts[call] = n;
    if (good.code() < 0 || good.code() > 1 || counts.size() != 8) {
      return problem(c, "without a fault", good, "ended with " + std::to_string(good.code()));
    }
    for (const std::string& file : c.outputs) {
      if (!good.files.contains(file) || good.files.at(file) == old_content)
        return problem(c, "without a fault", good, file + " is not written");
    }
    struct kind {
      const char *call, *how, *name;
    };
    const std::string full = std::to_string(ENOSPC), no_files = std::to_string(EMFILE), gone = std::to_string(ENOENT),
                      broken = std::to_string(EIO), refused = std::to_string(EPERM);
    for (const kind& k : {kind{"write", full.c_str(), "write: disk full"},
                          {"write", "short", "write: half of it"},
                          {"write", "kill", "killed before a write"},
                          {"write", "half", "killed in a write"},
                          {"close", broken.c_str(), "close: EIO"},
                          {"close", "kill", "killed before a close"},
                          {"open_for_writing", no_files.c_str(), "open output: too many files"},
                          {"open_for_writing", full.c_str(), "open output: disk full"},
                          {"rename", refused.c_str(), "rename refused"},
                          {"rename", "kill", "killed before a rename"},
                          {"link", refused.c_str(), "no hard links"},
                          {"linkat", full.c_str(), "name: disk full"},
                          {"linkat", "kill", "killed before a name"},
                          {"open_for_reading", no_files.c_str(), "open input: too many files"},
                          {"open_for_reading", gone.c_str(), "input has vanished"},
                          {"read", broken.c_str(), "read: EIO"}}) {
      row r(c.name, k.name);
      const int most = std::min(counts[k.call], tries_);
      for (int t = 0; t < most; ++t) {
        const int at = most == 1 ? 1 : 1 + static_cast<int>(std::int64_t{t} * (counts[k.call] - 1) / (most - 1));
        fs::remove(folder_ / "log");
        const outcome got =
            run(c, {.variables = preloaded(
                        c, {{"FAULT_CALL", k.call}, {"FAULT_AT", std::to_string(at)}, {"FAULT_HOW", k.how}})});
        const std::string what = judged(c, good, got, content(folder_ / "log"), k.call);
        if (!what.empty()) problem(c, std::string(k.name) + " " + std::to_string(at), got, what);
        r.add(what.empty());
      }
    }
    if (!c.has_unnamed) return;  // the rest has nothing to do with that
    for (const auto& [signal, name] : {std::pair{SIGKILL, "killed at some moment"}, {SIGTERM, "ended by SIGTERM"}}) {
      row r(c.name, name);
      for (int t = 0; t < tries_ && !c.outputs.empty(); ++t) {
        // More often towards the end, when files are written.
        const double share = 1 - std::pow(1 - (t + 0.5) / tries_, 2);
        const auto until = std::chrono::microseconds(std::llround(static_cast<double>(good.time.count()) * share));
        const outcome got = run(c, {.signal = signal, .until_signal = until});
        const std::string what = judged(c, good, got, "some moment", "any");
        if (!what.empty())
          problem(c, std::string(name) + ", after " + std::to_string(until.count()) + " us", got, what);
        r.add(what.empty());
      }
    }
    for (const auto& [standard, name] : {std::pair{output::full, "standard output: disk full"},
                                         {output::closed_pipe, "standard output: nobody reads"},
                                         {output::closed, "standard output: closed"}}) {
      row r(c.name, name);
      const outcome got = run(c, {.standard = standard});
      std::string what = judged(c, good, got, "", "");
      if (what.empty() && got.complaints.find("standard output could not be written") == std::string::npos)
        what = "no word about the standard output";
      if (!what.empty()) problem(c, name, got, what);
      r.add(what.empty());
    }
    if (c.outputs.empty()) return;
    row r(c.name, "files have a largest size");
    std::set<std::size_t> sizes;
    for (const std::string& file : c.outputs) sizes.insert(good.files.at(file).size());
    std::set<std::size_t> limits = {0, *sizes.begin() / 2, *sizes.rbegin() / 2, *sizes.rbegin() - 1};
    for (const std::size_t limit : limits) {
      const outcome got = run(c, {.standard = output::closed_pipe, .largest_file = limit});
      const std::string what = judged(c, good, got, "", "limit");
      if (!what.empty()) problem(c, "no file above " + std::to_string(limit) + " bytes", got, what);
      r.add(what.empty());
    }
  }

  /// The outputs of all these commands on a file system of 1 MiB with so little room.
  void try_full_disk(const std::vector<command>& commands) {
    const fs::path disk = folder_ / "disk";
    fs::create_directory(disk);
    (void)std::fflush(stdout);
    const ::pid_t child = ::fork();  // only it sees the file system
    if (child != 0) {
      int status = 0;
      (void)::waitpid(child, &status, 0);
      if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) ++wrong_;
      return;
    }
    const bool is_mounted = (::unshare(CLONE_NEWNS) == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
                            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                            ::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=2m") == 0;
    if (!is_mounted) {
      std::printf("%-27s not tried: no file system can be mounted here (%s)\n", "disk full", std::strerror(errno));
      (void)std::fflush(stdout);
      ::_exit(0);
    }
    const int before = wrong_;
    for (const command& c : commands) {
      if (c.outputs.empty() || !c.has_unnamed) continue;
      const fs::path usual = out_;
      const outcome good = run(c, {});
      command there = c;
      out_ = disk / "out";
      for (std::string& a : there.arguments) {
        if (a.starts_with(usual.string())) a = out_.string() + a.substr(usual.string().size());
      }
      row r(c.name, "a disk that is full");
      for (const std::size_t room : {std::size_t{0}, std::size_t{4}, std::size_t{32}, std::size_t{256}}) {
        fs::remove(disk / "filler");
        lay_out(there);
        std::ofstream filler(disk / "filler", std::ios::binary);
        while (filler && fs::space(disk).available > room * 1024) filler << std::string(4096, 'f') << std::flush;
        filler.close();
        const outcome got = run(there, {}, true);
        std::string what;
        for (const std::string& file : c.outputs) {
          const bool is_there = got.files.contains(file);
          // Other folders stand in what it says.
          const bool is_new = is_there && got.files.at(file).size() >= good.files.at(file).size() / 2 &&
                              got.files.at(file) != old_content;
          const bool is_old = is_there ? c.has_old_files && got.files.at(file) == old_content : !c.has_old_files;
          if (!is_new && !is_old) what = file + " is neither old nor new";
          if (!is_new && got.code() != 2) what = file + " is not new, but the code is not 2";
        }
        if (got.code() == 2 && got.complaints.find("No space left on device") == std::string::npos)
          what = "no word about the disk";
        if (what.empty()) what = left_over(c, got, "");
        if (!what.empty()) problem(c, "room for " + std::to_string(room) + " KiB", got, what);
        r.add(what.empty());
      }
      out_ = usual;
    }
    (void)std::fflush(stdout);
    ::_exit(wrong_ == before ? 0 : 1);
  }

 private:
  /// One line of the table.
  class row {
   public:
    row(const std::string& command, const char* kind) : command_(command), kind_(kind) {}
    row(const row&) = delete;
    row& operator=(const row&) = delete;
    ~row() {
      if (tried_ == 0) return;
      std::printf("%-27s %-30s %5d tried %5d right%s\n", command_.c_str(), kind_, tried_, right_,
                  right_ == tried_ ? "" : "   WRONG");
      (void)std::fflush(stdout);
    }
    void add(bool is_right) {
      ++tried_;
      right_ += is_right ? 1 : 0;
    }

   private:
    std::string command_;
    const char* kind_;
    int tried_ = 0, right_ = 0;
  };

  void lay_out(const command& c) {
    fs::remove_all(out_);
    fs::create_directories(out_);
    for (const std::string& file : c.outputs) {
      if (!c.has_old_files) continue;
      fs::create_directories((out_ / file).parent_path());
      put(out_ / file, old_content);
    }
  }

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> preloaded(
      const command& c, std::vector<std::pair<std::string, std::string>> variables) const {
    variables.emplace_back("LD_PRELOAD", preload_);
    variables.emplace_back("FAULT_FOLDER", (folder_ / "").string());
    variables.emplace_back("FAULT_LOG", (folder_ / "log").string());
    if (!c.has_unnamed) variables.emplace_back("FAULT_NO_UNNAMED", "1");
    return variables;
  }

  /// In the child.
  [[noreturn]] void become(const command& c, const surroundings& s) const {
    std::vector<char*> arguments = {const_cast<char*>(tool_.c_str())};
    for (const std::string& a : c.arguments) arguments.push_back(const_cast<char*>(a.c_str()));
    arguments.push_back(nullptr);
    const auto becomes = [](int file, int standard) {
      if (file < 0 || ::dup2(file, standard) < 0) ::_exit(99);
      (void)::close(file);
    };
    becomes(::open((folder_ / "complaints").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
    if (s.standard == output::file) {
      becomes(::open((folder_ / "printed").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
    } else if (s.standard == output::full) {
      becomes(::open("/dev/full", O_WRONLY), STDOUT_FILENO);
    } else if (s.standard == output::closed) {
      (void)::close(STDOUT_FILENO);
    } else {
      int ends[2];
      if (::pipe(ends) != 0) ::_exit(99);
      (void)::close(ends[0]);
      becomes(ends[1], STDOUT_FILENO);
    }
    if (s.largest_file) {
      const ::rlimit limit{*s.largest_file, *s.largest_file};
      if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(99);
    }
    for (const auto& [name, value] : s.variables) (void)::setenv(name.c_str(), value.c_str(), 1);
    (void)::execv(tool_.c_str(), arguments.data());
    ::_exit(99);
  }

  [[nodiscard]] static std::string left_over(const command& c, const outcome& got, const std::string& call) {
    // A process that is killed leaves files that have a name already.
    const bool may_leave = got.was_killed() &&
                           (!c.has_unnamed || call == "rename" || call == "close" || call == "linkat" || call == "any");
    for (const auto& [name, bytes] : got.files) {
      if (is_temporary(name) && !may_leave) return "left " + name;
    }
    return {};
  }

  /// What is wrong after a fault, or nothing. `failed` is the path that the fault met.
  std::string judged(const command& c, const outcome& good, const outcome& got, const std::string& failed,
                     const std::string& call) {
    const bool is_of_input = call == "read" || call == "open_for_reading";
    std::set<std::string> is_new, is_old;
    for (const std::string& file : c.outputs) {
      const auto at = got.files.find(file);
      if (at == got.files.end()) {
        if (c.has_old_files) return file + " is gone";
        is_old.insert(file);
      } else if (at->second == good.files.at(file)) {
        is_new.insert(file);
      } else if (c.has_old_files && at->second == old_content) {
        is_old.insert(file);
      } else if (c.reports_inputs && is_of_input &&
                 at->second.find(fs::path(failed).filename().string()) != std::string::npos) {
        continue;
      } else {
        return file + " is neither the old file nor the new one: " + std::to_string(at->second.size()) + " bytes of " +
               std::to_string(good.files.at(file).size());
      }
    }
    // Between its renames nothing keeps a process that is killed from leaving some of a set new.
    const bool is_between = got.was_killed() && (call == "rename" || call == "any");
    for (const auto& set : c.sets) {
      const auto news = std::count_if(set.begin(), set.end(), [&](const auto& f) { return is_new.contains(f); });
      if (!is_between && news != 0 && static_cast<std::size_t>(news) != set.size())
        return "one of a set is old, one new";
    }
    if (std::string left = left_over(c, got, call); !left.empty()) return left;
    if (!c.state.empty()) {
      if (std::string wrong = judged_state(c, good, got); !wrong.empty()) return wrong;
    }
    if (got.was_killed()) return failed.empty() ? "killed, but not by the fault" : "";
    // What failed under a temporary name is called by its own.
    bool is_named = failed.empty();
    const std::string said = got.complaints + got.printed;
    const auto names = [&](const std::string& text) { return said.find(text) != std::string::npos; };
    if (is_temporary(failed)) {
      for (const std::string& file : c.outputs) is_named = is_named || names((out_ / file).string());
      is_named = is_named || (!c.state.empty() && names((out_ / c.state).string()));
    } else {
      is_named = is_named || names(fs::path(failed).filename().string());
    }
    const bool is_reported = c.reports_inputs && is_of_input && is_named;
    if (got.code() == good.code() && !is_reported) {
      // The fault did not matter: then everything is as without it.
      const bool is_same = got.printed == good.printed && is_old.empty();
      return is_same ? "" : "the code is that of no fault, but not the outputs";
    }
    if (got.code() != 2 && !is_reported) return "ended with " + std::to_string(got.code());
    return is_named ? "" : "does not name " + failed;
  }

  /// The state is a beginning of the whole one, and from there the command comes to the same end.
  std::string judged_state(const command& c, const outcome& good, const outcome& got) {
    const auto at = got.files.find(c.state);
    if (at == got.files.end()) return "";
    const std::string& whole = good.files.at(c.state);
    if (!whole.starts_with(at->second)) return c.state + " is no beginning of the whole one";
    const outcome resumed = run(c, {}, true);
    if (resumed.code() != good.code())
      return "resumed from " + c.state + " it ends with " + std::to_string(resumed.code());
    if (resumed.files.at(c.state) != whole) return "resumed, " + c.state + " is another";
    for (const std::string& file : c.outputs) {
      if (resumed.files.at(file) != good.files.at(file)) return "resumed, " + file + " is another";
    }
    return "";
  }

  void problem(const command& c, const std::string& fault, const outcome& got, const std::string& what) {
    ++wrong_;
    std::printf("WRONG: %s, %s: %s (status %d) %s", c.name.c_str(), fault.c_str(), what.c_str(), got.status,
                got.complaints.empty() ? "\n" : got.complaints.substr(0, 400).c_str());
  }

  std::string tool_, preload_;
  int tries_, wrong_ = 0;
  fs::path folder_, out_;
};

/// Every file that a command wrote, as its outputs.
std::vector<std::string> written_by(bench& b, const command& c) {
  std::vector<std::string> names;
  for (const auto& [name, bytes] : b.run(c, {}).files) names.push_back(name);
  return names;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: faults TOOL PRELOAD NETWORK-FOLDER [TRIES]\n");
    return 2;
  }
  (void)::signal(SIGPIPE, SIG_DFL);
  (void)::setenv("SOURCE_DATE_EPOCH", "0", 1);  // outputs are compared byte by byte
  bench b(fs::canonical(argv[1]), fs::canonical(argv[2]), argv[3], argc > 4 ? std::atoi(argv[4]) : 12);
  const std::string cfg = (b.folder() / "network/feature_norm.cfg").string();
  const auto out = [&](const char* name) { return (b.out() / name).string(); };
  const fs::path dumps = b.folder() / "dumps";

  std::vector<command> commands = {
      {"run --csv --npy --dumps",
       {"run", "--cfg", cfg, "--csv", out("t.csv"), "--npy", out("npy"), "--dumps", out("d")}}};
  commands[0].outputs = written_by(b, commands[0]);
  fs::rename(b.out() / "d", dumps);
  const std::string caffe = (dumps / "caffe").string(), quantized = (dumps / "mapper_quant").string();
  const std::string feature = (b.folder() / "jfc.npy").string();
  fs::copy(b.out() / "npy/float/jfc.npy", feature);
  commands.push_back({"diagnose --html --markdown",
                      {"diagnose", "--cfg", cfg, "--html", out("r.html"), "--markdown", out("r.md"), "--json"},
                      {"r.html", "r.md"},
                      {{"r.html", "r.md"}}});
  commands.push_back({"diagnose, two folders",
                      {"diagnose", "--reference", caffe, "--other", quantized, "--html", out("r.html")},
                      {"r.html"}});
  commands.back().reports_inputs = true;
  commands.push_back({"search --state -o",
                      {"search", "--cfg", cfg, "--goal", "0.9999", "--state", out("s.txt"), "-o", out("hp")},
                      {"hp.prototxt", "hp.caffemodel"},
                      {{"hp.prototxt", "hp.caffemodel"}},
                      "s.txt"});
  commands.push_back({"compensate -o", {"compensate", "--cfg", cfg, "-o", out("c.prototxt")}, {"c.prototxt"}});
  commands.push_back({"bundle -o", {"bundle", "--cfg", cfg, "--layer", "comp0.conv2", "-o", out("b.tar")}, {"b.tar"}});
  commands.push_back({"calibrate -o", {"calibrate", "--cfg", cfg, "-o", out("r.json")}, {"r.json"}});
  commands.push_back({"quantize --values --codes",
                      {"quantize", feature, "--values", out("v.npy"), "--codes", out("c.npy")},
                      {"v.npy", "c.npy"},
                      {{"v.npy", "c.npy"}},
                      {},
                      false});
  commands.push_back(commands.back());
  commands.back().name = "  with named temporaries";
  commands.back().has_unnamed = false;
  commands.push_back({"compare", {"compare", caffe, caffe, "--fail-below", "0.9"}});
  commands.back().reports_inputs = true;
  commands.push_back({"info --json", {"info", "--cfg", cfg, "--json"}});
  for (const command& c : commands) b.try_all(c);
  b.try_full_disk(commands);

  ::rusage used{};
  (void)::getrusage(RUSAGE_CHILDREN, &used);
  std::printf("%s; %ld s of processor time\n", b.wrong() == 0 ? "all right" : "WRONG",
              static_cast<long>(used.ru_utime.tv_sec + used.ru_stime.tv_sec));
  return b.wrong() == 0 ? 0 : 1;
}
