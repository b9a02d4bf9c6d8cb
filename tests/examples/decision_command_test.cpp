#include "../../examples/nnie_debug/decision_command.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/decided_outputs.hpp"
#include "support/random.hpp"
#include "support/scratch_folder.hpp"

using namespace nnie_debug;

namespace decision_command_test {

using namespace decided_outputs;

namespace {

/// A folder for temporary files, so that what is left there can be seen.
struct own_tmpdir {
  scratch_folder folder;
  std::string before = std::getenv("TMPDIR") != nullptr ? std::getenv("TMPDIR") : "";
  bool had = std::getenv("TMPDIR") != nullptr;

  own_tmpdir() { use(folder / ""); }
  own_tmpdir(const own_tmpdir&) = delete;
  own_tmpdir& operator=(const own_tmpdir&) = delete;
  ~own_tmpdir() {
    if (had) (void)::setenv("TMPDIR", before.c_str(), 1);
    else (void)::unsetenv("TMPDIR");
  }
  static void use(const std::filesystem::path& path) { (void)::setenv("TMPDIR", path.c_str(), 1); }
  [[nodiscard]] bool is_empty() const { return std::filesystem::is_empty(folder / ""); }
};

}  // namespace

TEST_CASE("A command reads the outputs in order and decides", "[decision_command]") {
  own_tmpdir tmp;
  const tensors outputs = {row({1, 2, 3}), zeros({2, 2, 2})};
  CHECK(decide(decision_by_command("cd \"$1\" && ls *"), outputs) == "0.npy\n1.npy");
  CHECK(decide(decision_by_command("wc -c < \"$1/0.npy\" | tr -d ' '; printf end"), outputs) == "140\nend");
  CHECK(decide(decision_by_command("cat; echo $1 > /dev/null"), outputs).empty());
  CHECK(tmp.is_empty());
  const scratch_folder copies;
  const std::string to = (copies / "copy.npy").string();
  (void)decide(decision_by_command("cp $1/0.npy " + to), outputs);
  CHECK(same_bits(read_npy<float>(to), outputs[0]));
}

TEST_CASE("A command takes part in the probe", "[decision_command]") {
  own_tmpdir tmp;
  draws random(7);
  const tensors r = {random.tensor({1, 50}, 2.0F)};
  const tensors x = {off(random, r[0], 0.01F)};
  const probe_result stable = probe(decision_by_command("test -f ${1}/0.npy && echo cat"), r, x, 4, 1);
  CHECK(stable.verdict == probe_verdict::board_side);
  CHECK(stable.reference_decision == "cat");
  CHECK_FALSE(stable.margin);
  const probe_result sensitive = probe(decision_by_command("cksum < $1/0.npy"), r, x, 4, 1);
  CHECK(sensitive.verdict == probe_verdict::sensitive);
  CHECK(sensitive.flips);
  CHECK(sensitive.flip_rate == 1);
  CHECK(tmp.is_empty());
}

TEST_CASE("A command that fails says so and leaves nothing behind", "[decision_command]") {
  own_tmpdir tmp;
  const tensors r = {row({1, 2})};
  CHECK_THROWS_WITH(decide(decision_by_command("echo no such label >&2; echo $1; exit 3"), r),
                    contains("exited with 3") && contains("no such label"));
  CHECK_THROWS_WITH(decide(decision_by_command("sleep 100; echo $1", {.seconds = 0.1}), r), contains("0.1 s"));
  CHECK(tmp.is_empty());
  CHECK_THROWS_WITH(decision_by_command("echo"), contains("$1"));
  CHECK_THROWS_AS(decision_by_command(""), format_error);
}

}  // namespace decision_command_test
