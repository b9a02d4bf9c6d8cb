#include <nniesim/debug/evaluation.hpp>
#include <nniesim/debug/evaluation_identity.hpp>
#include <nniesim/debug/evaluation_summary.hpp>

#include <array>
#include <atomic>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <nniesim/kernels/thread_pool.hpp>

#include "catch.hpp"
#include "support/evaluated_network.hpp"
#include "support/networks.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;
using test_networks::evaluated_network;

namespace evaluation_test {

namespace {

std::string bytes_of_file(const std::filesystem::path& path) {
  return detail::read_whole_file(path, std::uint64_t{1} << 30U, "a file");
}

}  // namespace

TEST_CASE("the output that is judged is named, or the only one", "[debug]") {
  test_networks::network_builder b;
  const std::size_t data = b.input({1, 3, 4, 4});
  b.add("classifier", relu_params{}, {data});
  CHECK(judged_output(b.net, "", true, "--output-layer") == 0);
  b.add("boxes", relu_params{}, {data});
  CHECK(judged_output(b.net, "", false, "--output-layer") == 0);
  CHECK(judged_output(b.net, "classifier", true, "--output-layer") == 0);
  CHECK(judged_output(b.net, "boxes", true, "--output-layer") == 1);
  CHECK_THROWS_WITH(
      judged_output(b.net, "", true, "--output-layer"),
      "the network has 2 outputs, expected --output-layer with the one that is meant: 'classifier', 'boxes'");
  CHECK_THROWS_WITH(judged_output(b.net, "classifer", true, "--output-layer"),
                    contains("--output-layer 'classifer': no output of the network") && contains("'classifier'"));
}

TEST_CASE("records have what a comparison of each picture gives", "[debug]") {
  const evaluated_network c;
  const scratch_folder folder;
  REQUIRE(evaluate(c.problem(), c.pictures, {.state = folder / "s"}));
  evaluation_records r(folder / "s");
  REQUIRE(r.size() == 20);
  CHECK(r.header().chains.size() == 5);
  network_runner reference(c.loaded.net(), float_plan(c.loaded.net()), {.keep_all = true});
  network_runner quantized(c.loaded.net(), c.plan, {.keep_all = true});
  quantized.use(c.ranges);
  calibrator floating(c.loaded.net(), c.plan, range_rule::floating);
  const std::vector<norm_chain> chains = find_norm_chains(c.loaded.net());
  for (std::size_t i = 0; i < 20; ++i) {
    const auto inputs = c.loaded.listed_inputs(i);
    reference.run(inputs);
    quantized.run(inputs);
    floating.add(loaded_network::views(inputs));
    const evaluation_record e = r.read(i);
    CHECK(e.name == c.loaded.listed_name(i));
    const auto compared = compare_accumulated(reference, quantized);
    REQUIRE(compared.size() == e.layers.size());
    for (const layer_comparison& l : compared) {
      const std::string name = output_name(c.loaded.net().layers[l.layer], l.output);
      const auto& names = r.header().layers;
      const auto at = static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
      REQUIRE(at < names.size());
      CHECK(e.layers[at] ==
            layer_record{l.result.cosine, l.result.relative_l2_error, l.result.l2_reference, l.result.l2_other});
      CHECK(e.layers[at].norm_error() == l.result.norm_error);
    }
    for (std::size_t k = 0; k < chains.size(); ++k) {
      const auto norms = detail::samples_of(quantized, chains[k]);
      REQUIRE(e.chains[k].size() == norms.size());
      CHECK(e.chains[k][0].quantized == norms[0].quantized);
      CHECK(e.chains[k][0].base == norms[0].base);
      CHECK(e.chains[k][0].reference == detail::output_norms(reference, chains[k])[0]);
      CHECK(e.chains[k][0].compensated == norms[0].quantized);
    }
    const auto outputs = network_outputs(c.loaded.net());
    REQUIRE(e.compensated.size() == outputs.size());
    const std::size_t output = c.loaded.net().layers[outputs[0].layer].outputs[outputs[0].output];
    CHECK(e.compensated[0] == detail::norms_of(quantized, output, 1)[0]);
  }
  CHECK(ranges_of(r) == floating.ranges());
}

TEST_CASE("pictures say which files their inputs are made from", "[debug]") {
  const evaluated_network c;
  const std::filesystem::path folder = NNIESIM_SOURCE_DIR "/examples/feature_norm/network";
  evaluation_source lists;
  for (int k = 0; k < 4; ++k) lists.lists.push_back((folder / ("comp" + std::to_string(k) + ".txt")).string());
  for (const evaluation_pictures& pictures : {c.pictures, pictures_of(lists, c.loaded)}) {
    const std::vector<std::filesystem::path> files = pictures.files(3);
    REQUIRE(files.size() == 4);
    for (std::size_t k = 0; k < files.size(); ++k) {
      CHECK(files[k] == folder / "pictures" / ("03_comp" + std::to_string(k) + ".png"));
    }
  }
}

TEST_CASE("threads, shards and stops do not change a bit; no more than the pictures at hand are lost", "[debug]") {
  const evaluated_network c;
  const scratch_folder folder;
  const evaluation_problem problem = c.problem();
  REQUIRE(evaluate(problem, c.pictures, {.state = folder / "one"}));
  const std::string whole = bytes_of_file(folder / "one");
  thread_pool three(3);
  REQUIRE(evaluate(problem, c.pictures, {.state = folder / "three", .threads = three.handle()}));
  CHECK((bytes_of_file(folder / "three") == whole));

  std::vector<std::filesystem::path> parts;
  for (std::size_t s = 0; s < 4; ++s) {
    parts.push_back(folder / ("part" + std::to_string(s)));
    REQUIRE(evaluate(problem, c.pictures, {.state = parts.back(), .shard = {s, 4}, .threads = three.handle()}));
  }
  std::swap(parts[0], parts[2]);
  merge_evaluations(parts, folder / "merged");
  CHECK((bytes_of_file(folder / "merged") == whole));

  std::size_t done = 0, begun = 0;
  for (int run = 0; run < 40 && done < 20; ++run) {
    std::atomic<std::size_t> asked{0};
    evaluation_progress last;
    const bool is_done = evaluate(problem, c.pictures,
                                  {.state = folder / "stopped",
                                   .threads = three.handle(),
                                   .progress = [&](const evaluation_progress& p) { last = p; },
                                   .stop = [&] { return ++asked > 4; }});
    CHECK(last.known == done);
    CHECK(last.of == 20);
    CHECK(is_done == (last.done == 20));
    begun += last.done - last.known;
    done = last.done;
    CHECK(evaluation_records(folder / "stopped").size() == done);
  }
  CHECK(done == 20);
  CHECK(begun == 20);
  CHECK((bytes_of_file(folder / "stopped") == whole));

  thread_pool two(2);
  evaluation_records a(folder / "one"), b(folder / "merged");
  const evaluation_summary x = summarize(a), y = summarize(b, {.threads = two.handle()});
  REQUIRE(x.layers.size() == y.layers.size());
  for (std::size_t l = 0; l < x.layers.size(); ++l) {
    CHECK(x.layers[l].cosine.summary == y.layers[l].cosine.summary);
    CHECK(x.layers[l].relative_l2_error.worst_picture == y.layers[l].relative_l2_error.worst_picture);
  }
}

TEST_CASE("a picture that cannot be evaluated is counted and named; what is no error ends it", "[debug]") {
  const evaluated_network c;
  const scratch_folder folder;
  evaluation_pictures some = c.pictures;
  some.inputs = [&](std::size_t i) {
    if (i == 3) throw parse_error("03.png: cut off");
    if (i == 4) throw error("");
    auto inputs = c.pictures.inputs(i);
    if (i == 5) inputs.pop_back();
    if (i == 6) inputs[0].data()[7] = std::numeric_limits<float>::quiet_NaN();
    return inputs;
  };
  some.label = [](std::size_t i) -> std::optional<std::int64_t> {
    return i == 8 ? -1 : i == 9 ? 10 : static_cast<std::int64_t>(i % 10);
  };
  thread_pool two(2);
  REQUIRE(evaluate(c.problem(), some, {.state = folder / "s", .threads = two.handle()}));
  evaluation_records r(folder / "s");
  const evaluation_summary s = summarize(r);
  CHECK(s.evaluated == 16);
  CHECK(s.bad == 4);
  REQUIRE(s.named_bad.size() == 4);
  CHECK(s.named_bad[0].problem == "03.png: cut off");
  CHECK(s.named_bad[0].name == "pictures/03_comp0.png");
  CHECK_FALSE(s.named_bad[1].problem.empty());
  CHECK(s.labels.out_of_range == 2);
  CHECK(s.labels.named == std::vector<std::string>{"pictures/08_comp0.png", "pictures/09_comp0.png"});
  CHECK(s.labels.in_float.of == 14);
  CHECK(s.decisions.at(0).quantized.of == 16);

  some.inputs = [&](std::size_t i) {
    if (i == 7) throw std::runtime_error("of another kind");
    return c.pictures.inputs(i);
  };
  CHECK_THROWS_WITH(evaluate(c.problem(), some, {.state = folder / "t", .threads = two.handle()}), "of another kind");
  CHECK(evaluation_records(folder / "t").size() >= 6);  // what was done is kept
}

TEST_CASE("a state file of another evaluation is refused and stays", "[debug]") {
  const evaluated_network c;
  const scratch_folder folder;
  REQUIRE(evaluate(c.problem(), c.pictures, {.state = folder / "s", .shard = {0, 5}}));
  const std::string bytes = bytes_of_file(folder / "s");
  const auto refuses = [&](const evaluation_problem& p, const evaluation_pictures& pictures, evaluation_shard shard,
                           const std::string& message) {
    CHECK_THROWS_WITH(evaluate(p, pictures, {.state = folder / "s", .shard = shard}), contains(message));
    CHECK((bytes_of_file(folder / "s") == bytes));
  };
  refuses(c.problem(), c.pictures, {1, 5}, "is of shard 0/5, expected 1/5");
  const auto changed_problem = [&](auto change) {
    evaluation_problem p = c.problem();
    change(p);
    return p;
  };
  refuses(changed_problem([&](auto& p) { p.plan = plan_of(c.loaded.net(), compile_mode::all_16bit); }), c.pictures,
          {0, 5}, "with other precision of the layers");
  refuses(changed_problem([](auto& p) { p.decisions.clear(); }), c.pictures, {0, 5}, "with other decisions");
  refuses(changed_problem([](auto& p) { p.identity[1].second = "0"; }), c.pictures, {0, 5}, "with other caffemodel");
  activation_ranges ranges = c.ranges;
  ranges.blobs.begin()->second.largest *= 2;
  const evaluation_problem changed{.net = c.loaded.net(), .plan = c.plan, .ranges = ranges};
  refuses(changed, c.pictures, {0, 5}, "with other ranges");
  evaluation_pictures fewer = c.pictures;
  fewer.size = 19;
  refuses(c.problem(), fewer, {0, 5}, "with other pictures");
  CHECK_THROWS_WITH(evaluate(c.problem(), c.pictures, {}), contains("no state file"));
  fewer.size = 0;
  CHECK_THROWS_WITH(evaluate(c.problem(), fewer, {.state = folder / "t"}), contains("no pictures"));
  CHECK_THROWS_WITH(evaluate(c.problem(), c.pictures, {.state = folder / "t", .shard = {2, 2}}), contains("shard 2/2"));
}

}  // namespace evaluation_test
