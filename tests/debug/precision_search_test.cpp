#include <nniesim/debug/precision_search.hpp>

#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/calibrate.hpp>

#include "catch.hpp"
#include "support/networks.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace precision_search_test {

using namespace test_networks;

namespace {

network random_chain(draws& random) {
  network_builder b;
  std::size_t x = b.input({1, 3, 12, 12});
  std::size_t channels = 3;
  const std::size_t convolutions = random.between(4, 7);
  for (std::size_t i = 0; i < convolutions; ++i) {
    const std::size_t outputs = random.between(2, 24);
    const std::size_t kernel = random.between(0, 1) == 0 ? 1 : 3;
    const float deviation = 1.0F / std::sqrt(static_cast<float>(channels * kernel * kernel));
    x = b.add("conv" + std::to_string(i),
              layers::convolution{{.pad = {kernel / 2, kernel / 2}},
                                  random.tensor({outputs, channels, kernel, kernel}, deviation),
                                  random_floats(random, outputs)},
              {x});
    x = b.add("relu" + std::to_string(i), relu_params{0.1F}, {x});
    channels = outputs;
  }
  const auto weights = random.tensor({10, channels * 144}, 0.02F);
  b.add("fc", layers::fully_connected{1, weights, random_floats(random, 10)}, {x});
  return b.net;
}

/// A network with two pictures and its calibration; not to be moved.
struct example {
  network net;
  tensor<float> first, second;
  activation_ranges ranges{};

  explicit example(draws& random) : net(random_chain(random)), first(random.tensor({1, 3, 12, 12})) {
    second = random.tensor({1, 3, 12, 12});
    calibrator c(net, plan_of(net, compile_mode::mixed));
    for (const auto& picture : pictures()) c.add(picture);
    ranges = c.ranges();
  }
  example(const example&) = delete;
  example& operator=(const example&) = delete;

  [[nodiscard]] std::vector<std::vector<tensor_view<const float>>> pictures() const {
    return {{view_of(first)}, {view_of(second)}};
  }
  [[nodiscard]] search_problem problem(search_target target, double goal) const {
    return {.net = net, .ranges = ranges, .pictures = pictures(), .target = std::move(target), .goal = goal};
  }
  /// Cost and score of every plan there is, straight from the runners; that of no raised layer first, that of all last.
  [[nodiscard]] std::vector<std::pair<double, double>> every_plan(const search_target& target) const {
    std::vector<std::size_t> candidates;
    for (std::size_t l = 0; l < net.layers.size(); ++l) {
      if (reads_codes(net.layers[l])) candidates.push_back(l);
    }
    prepared_layers prepared(net);
    network_runner reference(net, float_plan(net), {.keep = target.blobs});
    std::vector<std::vector<tensor<float>>> values;
    for (const auto& picture : pictures()) {
      reference.run(picture);
      values.emplace_back();
      for (const std::size_t b : target.blobs) values.back().push_back(reference.value(b));
    }
    const precision_plan all_8bit = plan_of(net, compile_mode::all_8bit);
    std::vector<std::pair<double, double>> plans;
    for (std::size_t set = 0; set < std::size_t{1} << candidates.size(); ++set) {
      precision_plan plan = all_8bit;
      for (std::size_t c = 0; c < candidates.size(); ++c) {
        if ((set >> c & 1U) != 0) plan.layers[candidates[c]] = layer_precision::w16a16;
      }
      network_runner runner(net, plan, {.keep = target.blobs, .prepared = &prepared});
      runner.use(ranges);
      double score = std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < values.size(); ++i) {
        runner.run(pictures()[i]);
        score = std::min(score, target.score(values[i], runner));
      }
      plans.emplace_back(time_of(net, plan) / time_of(net, all_8bit), score);
    }
    return plans;
  }
};

bool same(const evaluated_plan& a, const evaluated_plan& b) {
  return a.layers == b.layers && a.cost == b.cost && a.score == b.score;
}
bool same(const search_result& a, const search_result& b) {
  const auto all_same = [](const auto& x, const auto& y) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), [](const auto& p, const auto& q) { return same(p, q); });
  };
  return all_same(a.evaluated, b.evaluated) && all_same(a.front, b.front) && same(a.best, b.best) &&
         a.reached == b.reached && a.all_in_16bit == b.all_in_16bit && a.verdict == b.verdict;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write(const std::filesystem::path& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("of few layers the search finds the cheapest of all plans, never behind the vendor's way", "[debug][long]") {
  std::size_t runs = 0;
  for (std::uint32_t seed = 1; seed <= 12; ++seed) {
    draws random(seed);
    const example e(random);
    for (const bool worst_layer : {false, true}) {
      const search_target target = worst_layer ? worst_layer_cosine(e.net) : output_cosine(e.net);
      const auto plans = e.every_plan(target);
      for (const double share : {0.3, 0.6, 0.9}) {
        const double goal = plans.front().second + (plans.back().second - plans.front().second) * share;
        CAPTURE(seed, worst_layer, share);
        double cheapest = infinity;
        for (const auto& [cost, score] : plans) {
          if (score >= goal) cheapest = std::min(cheapest, cost);
        }
        const search_problem problem = e.problem(target, goal);
        const search_result found = search_precisions(problem);
        const search_result vendor = search_precisions(problem, {.strategy = search_strategy::from_first});
        CHECK(found.reached);
        CHECK(found.finished);
        CHECK(found.best.score >= goal);
        CHECK(found.best.cost <= vendor.best.cost);
        CHECK(found.evaluations == found.evaluated.size());
        CHECK(found.best.cost == cheapest);
        ++runs;
        // What was measured is what the runners give.
        for (const evaluated_plan& p : found.evaluated) {
          CHECK(std::find(plans.begin(), plans.end(), std::pair(p.cost, p.score)) != plans.end());
        }
        for (const evaluated_plan& p : vendor.evaluated) {
          const bool matched = std::any_of(found.front.begin(), found.front.end(), [&](const evaluated_plan& f) {
            return f.cost <= p.cost && f.score >= p.score;
          });
          CHECK(matched);
        }
        for (std::size_t i = 1; i < found.front.size(); ++i) {
          CHECK(found.front[i].cost > found.front[i - 1].cost);
          CHECK(found.front[i].score > found.front[i - 1].score);
        }
      }
    }
  }
  CHECK(runs == 72);
}

/// A network of many small layers whose score is a made-up function of what is raised: x layers by themselves and
/// pairs.
struct made_up {
  network net;
  tensor<float> picture;
  activation_ranges ranges{};
  std::vector<std::size_t> candidates{};
  std::vector<double> alone{};
  std::map<std::pair<std::size_t, std::size_t>, double> together{};

  made_up(draws& random, std::size_t count) : picture(random.tensor({1, 2, 3, 3})) {
    network_builder b;
    std::size_t x = b.input({1, 2, 3, 3});
    std::size_t channels = 2;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t outputs = random.between(1, 40);
      x = b.add("conv" + std::to_string(i), layers::convolution{{}, random.tensor({outputs, channels, 1, 1}), {}}, {x});
      channels = outputs;
    }
    net = b.net;
    calibrator c(net, plan_of(net, compile_mode::mixed));
    c.add(picture);
    ranges = c.ranges();
    for (std::size_t l = 0; l < net.layers.size(); ++l) {
      if (!reads_codes(net.layers[l])) continue;
      candidates.push_back(l);
      alone.push_back(0.01 * static_cast<double>(random.between(0, 8)));
    }
    for (std::size_t i = 0; i < count / 2; ++i) {
      const std::size_t first = random.between(0, count - 2);
      together[{first, random.between(first + 1, count - 1)}] = 0.1 * static_cast<double>(random.between(1, 6));
    }
  }
  made_up(const made_up&) = delete;
  made_up& operator=(const made_up&) = delete;

  [[nodiscard]] double score(const precision_plan& plan) const {
    const auto raised = [&](std::size_t c) { return plan.layers[candidates[c]] == layer_precision::w16a16; };
    double sum = 0;
    for (std::size_t c = 0; c < candidates.size(); ++c) sum += raised(c) ? alone[c] : 0;
    for (const auto& [pair, gain] : together) sum += raised(pair.first) && raised(pair.second) ? gain : 0;
    return sum;
  }
  [[nodiscard]] search_problem problem(double goal, double budget) const {
    search_problem p{.net = net, .ranges = ranges, .pictures = {{view_of(picture)}}, .goal = goal, .budget = budget};
    p.target = {"made up",
                {net.layers.back().outputs[0]},
                [this](std::span<const tensor<float>>, const network_runner& r) { return score(r.plan()); }};
    return p;
  }
  [[nodiscard]] precision_plan plan(const std::vector<bool>& raised) const {
    precision_plan p = plan_of(net, compile_mode::all_8bit);
    for (std::size_t c = 0; c < raised.size(); ++c) {
      if (raised[c]) p.layers[candidates[c]] = layer_precision::w16a16;
    }
    return p;
  }
  [[nodiscard]] double cost(const std::vector<bool>& raised) const {
    return time_of(net, plan(raised)) / time_of(net, plan_of(net, compile_mode::all_8bit));
  }
  [[nodiscard]] double score(const std::vector<bool>& raised) const { return score(plan(raised)); }

  struct outcome {
    bool reached = false;
    double cost = infinity, score = -infinity;
  };
  /// Plain greedy searches: each step the best of all, by the change or by the change per time.
  [[nodiscard]] outcome forward(double goal, double budget, bool per_time) const {
    std::vector<bool> raised(candidates.size());
    for (;;) {
      const double before = score(raised);
      if (before >= goal) break;
      std::optional<std::size_t> chosen;
      double most = 0;
      for (std::size_t c = 0; c < raised.size(); ++c) {
        if (raised[c]) continue;
        std::vector<bool> more = raised;
        more[c] = true;
        if (cost(more) > budget) continue;
        const double gain = score(more) - before;
        const double worth = per_time ? gain / (cost(more) - cost(raised)) : gain;
        if (!chosen || worth > most) {
          chosen = c;
          most = worth;
        }
      }
      if (!chosen) break;
      raised[*chosen] = true;
    }
    return {score(raised) >= goal, cost(raised), score(raised)};
  }
  [[nodiscard]] outcome backward(double goal, double budget) const {
    std::vector<bool> raised(candidates.size(), true);
    for (;;) {
      std::optional<std::size_t> chosen;
      double most = -infinity;
      for (std::size_t c = 0; c < raised.size(); ++c) {
        if (!raised[c]) continue;
        std::vector<bool> less = raised;
        less[c] = false;
        if (score(less) > most) {
          chosen = c;
          most = score(less);
        }
      }
      if (!chosen || (cost(raised) <= budget && most < goal)) break;
      raised[*chosen] = false;
    }
    return {score(raised) >= goal, cost(raised), score(raised)};
  }
};

TEST_CASE("with many layers no plain greedy search up or down is better, at any budget", "[debug]") {
  std::size_t backward_won = 0;
  for (std::uint32_t seed = 1; seed <= 6; ++seed) {
    draws random(seed);
    const made_up e(random, 16);
    const std::size_t n = e.candidates.size();
    REQUIRE(n > 12);
    const std::vector<bool> all(n, true);
    const double most = e.cost(all), top = e.score(all);
    for (const double share : {0.4, 0.8}) {
      for (const double room : {0.3, 0.7, infinity}) {
        CAPTURE(seed, share, room);
        const double goal = share * top, budget = room == infinity ? infinity : 1 + room * (most - 1);
        const search_problem problem = e.problem(goal, budget);
        const search_result found = search_precisions(problem);
        const auto is_as_good_as = [&](const made_up::outcome& o) {
          if (o.cost > budget) return true;
          if (found.reached != o.reached) return found.reached;
          return found.reached ? found.best.cost <= o.cost : found.best.score >= o.score;
        };
        const made_up::outcome up = e.forward(goal, budget, true), down = e.backward(goal, budget);
        CHECK(is_as_good_as(up));
        CHECK(is_as_good_as(e.forward(goal, budget, false)));
        CHECK(is_as_good_as(down));
        const search_result vendor = search_precisions(problem, {.strategy = search_strategy::from_first});
        CHECK(is_as_good_as({vendor.reached, vendor.best.cost, vendor.best.score}));
        CHECK(found.best.cost <= budget);
        if (down.cost <= budget && down.reached && (!up.reached || down.cost < up.cost)) ++backward_won;
      }
    }
  }
  CHECK(backward_won > 0);  // else the test would show nothing
}

TEST_CASE("two layers that only pay together are found among many that pay a little", "[debug]") {
  draws random(3);
  made_up e(random, 16);
  e.together.clear();
  for (double& a : e.alone) a = 0.01;
  e.alone[5] = e.alone[11] = 0;
  e.together[{5, 11}] = 0.5;
  const search_result found = search_precisions(e.problem(0.5, infinity));
  CHECK(found.reached);
  std::vector<std::string> pair;
  for (const std::size_t c : {5U, 11U}) pair.push_back(e.net.layers[e.candidates[c]].name);
  CHECK(found.best.layers == pair);
  // Within a budget that only the pair fits in, too.
  std::vector<bool> both(e.candidates.size());
  both[5] = both[11] = true;
  const search_result tight = search_precisions(e.problem(0.5, e.cost(both)));
  CHECK(tight.best.layers == pair);
}

TEST_CASE("the search keeps to the budget and says where the goal is out of reach", "[debug]") {
  for (std::uint32_t seed = 21; seed <= 26; ++seed) {
    draws random(seed);
    const example e(random);
    const search_target target = output_cosine(e.net);
    const auto plans = e.every_plan(target);
    search_problem problem = e.problem(target, 2.0);
    problem.budget = 1 + 0.5 * (plans.back().first - 1);
    CAPTURE(seed);
    const search_result found = search_precisions(problem);
    const search_result vendor = search_precisions(problem, {.strategy = search_strategy::from_first});
    for (const search_result* r : {&found, &vendor}) {
      CHECK_FALSE(r->reached);
      CHECK(r->best.cost <= problem.budget);
      REQUIRE(r->all_in_16bit.has_value());
      CHECK(*r->all_in_16bit == plans.back().second);
      CHECK_THAT(r->verdict, contains("the goal 2 is not reached within the budget"));
      CHECK_THAT(r->verdict, contains("nor with all in 16 bits"));
    }
    CHECK(found.best.score >= vendor.best.score);

    // In reach, but not for that budget.
    problem.goal = plans.back().second;
    problem.budget = 1;
    const search_result none = search_precisions(problem);
    CHECK_FALSE(none.reached);
    CHECK(none.best.layers.empty());
    CHECK_THAT(none.verdict, contains("with all in 16 bits it would be"));
    problem.goal = -2;
    const search_result easy = search_precisions(problem);
    CHECK(easy.reached);
    CHECK(easy.evaluations == 1);
    CHECK(easy.best.cost == 1);
  }
}

TEST_CASE("threads, the state file and being killed at any byte change nothing", "[debug][long]") {
  draws random(9);
  const example e(random);
  const search_target target = output_cosine(e.net);
  const auto plans = e.every_plan(target);
  const double goal = plans.front().second + (plans.back().second - plans.front().second) * 0.8;
  search_problem problem = e.problem(target, goal);
  const scratch_folder folder;
  const auto state = folder / "state.txt";
  const search_result whole = search_precisions(problem, {.state_file = state});
  CHECK(same(whole, search_precisions(problem)));
  thread_pool pool(3);
  problem.threads = pool.handle();
  CHECK(same(whole, search_precisions(problem)));
  problem.threads = {};

  const std::string text = text_of(state);
  const search_result again = search_precisions(problem, {.state_file = state});
  CHECK(same(whole, again));
  CHECK(again.evaluations == 0);
  CHECK(text_of(state) == text);

  // Cut at every byte of the header and of the last lines.
  std::size_t last_lines = text.size() - 1;
  for (int i = 0; i < 3; ++i) last_lines = text.rfind('\n', last_lines - 1);
  const std::size_t header = text.find('\n', text.find('\n') + 1) + 1;
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    if (cut > header && cut < last_lines) continue;
    CAPTURE(cut);
    write(state, text.substr(0, cut));
    const auto lines =
        static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(cut), '\n'));
    const search_result resumed = search_precisions(problem, {.state_file = state});
    CHECK(same(whole, resumed));
    CHECK(resumed.evaluations == whole.evaluations - (lines < 2 ? 0 : lines - 2));
    CHECK(text_of(state) == text);
  }

  // Ended by the callback after any number of evaluations.
  for (std::size_t stop = 1; stop <= whole.evaluations; stop += 5) {
    std::filesystem::remove(state);
    const search_result part =
        search_precisions(problem, {.state_file = state, .progress = [&](const search_progress& p) {
                                      CHECK(p.estimate >= p.evaluations);
                                      CHECK(p.best.cost >= 1);
                                      return p.evaluations < stop;
                                    }});
    CHECK(part.evaluations == stop);
    CHECK_FALSE(part.finished);
    CHECK(same(whole, search_precisions(problem, {.state_file = state})));
  }
}

TEST_CASE("scores that are found elsewhere give the same search and state file", "[debug]") {
  draws random(12);
  const example e(random);
  const search_target target = output_cosine(e.net);
  search_problem problem = e.problem(target, 2.0);
  const scratch_folder folder;
  const search_options here{.strategy = search_strategy::from_first, .state_file = folder / "here.txt"};
  const search_result whole = search_precisions(problem, here);
  std::size_t measured = 0;
  problem.measure = [&](const precision_plan& plan) {
    ++measured;
    // One picture after the other, as parts of a cluster: the last one first.
    const auto pictures = e.pictures();
    double worst = std::numeric_limits<double>::infinity();
    for (std::size_t i = pictures.size(); i-- > 0;) {
      worst = std::min(worst, score_of(target, e.net, plan, e.ranges, std::span(pictures).subspan(i, 1)));
    }
    return worst;
  };
  const search_options elsewhere{.strategy = search_strategy::from_first, .state_file = folder / "elsewhere.txt"};
  CHECK(same(whole, search_precisions(problem, elsewhere)));
  CHECK(measured == whole.evaluations);
  CHECK(text_of(here.state_file) == text_of(elsewhere.state_file));

  problem.measure = [](const precision_plan&) { return std::numeric_limits<double>::quiet_NaN(); };
  const search_result none = search_precisions(problem, {.strategy = search_strategy::from_first});
  CHECK(none.best.score == -std::numeric_limits<double>::infinity());
}

TEST_CASE("a state file of another problem or a damaged one is an error", "[debug]") {
  draws random(10);
  example e(random);
  const scratch_folder folder;
  const auto state = folder / "state.txt";
  const search_problem problem = e.problem(output_cosine(e.net), 0.5);
  (void)search_precisions(problem, {.state_file = state});
  const std::string text = text_of(state);
  const search_options options{.state_file = state};
  // What a plan scores does not depend on what is asked of it.
  CHECK(search_precisions(e.problem(output_cosine(e.net), 0.6), {.state_file = state}).evaluated.size() >=
        search_precisions(problem, options).evaluated.size());
  CHECK_THROWS_WITH(search_precisions(e.problem(worst_layer_cosine(e.net), 0.5), options), contains("another problem"));
  search_problem one_picture = e.problem(output_cosine(e.net), 0.5);
  one_picture.pictures.pop_back();
  CHECK_THROWS_WITH(search_precisions(one_picture, options), contains("another problem"));
  float& weight = std::get<layers::convolution>(e.net.layers[1].params).weights.data()[0];
  weight += 0.125F;
  CHECK_THROWS_WITH(search_precisions(problem, options), contains("another problem"));
  weight -= 0.125F;
  CHECK(search_precisions(problem, options).evaluations == 0);
  const activation_range before = e.ranges.blobs.begin()->second;
  e.ranges.blobs.begin()->second.largest *= 1.5F;
  CHECK_THROWS_WITH(search_precisions(problem, options), contains("another problem"));
  e.ranges.blobs.begin()->second = before;
  CHECK(text_of(state) == text);

  for (const std::string line : {"x", "0.5 x", "0.5 3 1", "nan", "0.5 1 ", " 0.5", "0.5 2", "0.5 -1", "0.5 99"}) {
    CAPTURE(line);
    write(state, text + line + "\n");
    CHECK_THROWS_AS(search_precisions(problem, options), parse_error);
  }
  write(state, "something else");
  CHECK_THROWS_WITH(search_precisions(problem, options), contains("got 'something else'"));
  CHECK(text_of(state) == "something else");
  CHECK_THROWS_AS(search_precisions(problem, {.state_file = folder / "missing/state.txt"}), error);
}

TEST_CASE("targets: norms, one's own, values that are no numbers", "[debug]") {
  draws random(12);
  const example e(random);
  const search_result norms = search_precisions(e.problem(norm_error(e.net), -1e-9));
  CHECK(norms.best.score <= 0);
  const search_result of_layer = search_precisions(e.problem(norm_error(e.net, "conv0"), -0.0005));
  CHECK(of_layer.reached == (of_layer.best.score >= -0.0005));
  CHECK_THROWS_WITH(norm_error(e.net, "nobody"), contains("no layer 'nobody'"));
  CHECK_THROWS_WITH(norm_error(e.net, e.net.layers.back().name + "x"),
                    contains("; nearest: '" + e.net.layers.back().name + "'"));
  // Only the first convolution can help its own output.
  const search_result first = search_precisions(e.problem(norm_error(e.net, "conv0"), of_layer.front.back().score));
  CHECK(first.best.layers.size() <= 1);

  search_target own = output_cosine(e.net);
  own.name = "minus the largest error";
  own.score = [](std::span<const tensor<float>> reference, const network_runner& quantized) {
    return -compare(reference[0], quantized.value(quantized.net().layers.back().outputs[0])).max_abs;
  };
  CHECK(search_precisions(e.problem(own, -1e-9)).best.score < 0);
  own.score = [](std::span<const tensor<float>>, const network_runner&) { return std::nan(""); };
  const search_result nothing = search_precisions(e.problem(own, 0));
  CHECK_FALSE(nothing.reached);
  CHECK(nothing.best.layers.empty());
  CHECK(nothing.best.score == -infinity);
}

TEST_CASE("marks that are there stay, layers of the host too, and layers without ranges are no candidates", "[debug]") {
  draws random(13);
  network net = network_of_all_kinds(random);
  net.layers[1].name = "conv1_hp";
  for (layer& l : net.layers) {
    if (l.name == "fc") l.on_cpu = true;
  }
  const auto picture = random.tensor({2, 3, 17, 13});
  const tensor_view<const float> in = view_of(picture);
  calibrator c(net, plan_of(net, compile_mode::mixed));
  c.add({&in, 1});
  const activation_ranges ranges = c.ranges();
  search_problem problem{.net = net, .ranges = ranges, .pictures = {{in}}, .target = output_cosine(net), .goal = 2};
  const search_result r = search_precisions(problem);
  CHECK(r.evaluated.front().layers.empty());
  CHECK(r.evaluated.front().cost > 1);
  std::vector<std::string> most;
  for (const evaluated_plan& p : r.evaluated) {
    if (p.layers.size() > most.size()) most = p.layers;
  }
  CHECK(most == std::vector<std::string>{"depthwise", "deconv1x1", "sum", "pool"});
  problem.budget = 1;
  CHECK_THROWS_WITH(search_precisions(problem), contains("the marks that it has are above the budget"));
}

TEST_CASE("problems that make no sense are refused", "[debug]") {
  draws random(14);
  const example e(random);
  const search_problem good = e.problem(output_cosine(e.net), 0.9);
  const auto message = [](const search_problem& p) {
    try {
      (void)search_precisions(p);
    } catch (const error& x) {
      return std::string(x.what());
    }
    return std::string("nothing");
  };
  search_problem p = good;
  p.pictures.clear();
  CHECK_THAT(message(p), contains("no pictures"));
  p.pictures = {{}};
  CHECK_THAT(message(p), contains("0 inputs"));
  p.pictures = good.pictures;
  for (const double bad : {std::nan(""), infinity, -infinity}) {
    p.goal = bad;
    CHECK_THAT(message(p), contains("expected a finite number"));
  }
  p.goal = 0;
  for (const double bad : {std::nan(""), 0.99, -1.0}) {
    p.budget = bad;
    CHECK_THAT(message(p), contains("expected at least 1"));
  }
  p.budget = 1;
  p.target.score = nullptr;
  CHECK_THAT(message(p), contains("a target without a score"));
  p.target = good.target;
  p.target.blobs = {99};
  CHECK_THAT(message(p), contains("reads blob 99"));
  p.target.blobs = {};
  CHECK_THAT(message(p), contains("reads no blob"));

  auto broken = e.first;
  broken.data()[5] = std::nanf("");
  p.target = good.target;
  p.pictures = {{view_of(std::as_const(broken))}};
  CHECK_THAT(message(p), contains("NaN"));
  auto zero = zeros({1, 3, 12, 12});
  p.pictures = {{view_of(std::as_const(zero))}};
  CHECK(message(p) == "nothing");
  const activation_ranges no_ranges;
  CHECK_THAT(message({.net = e.net, .ranges = no_ranges, .pictures = good.pictures, .target = good.target}),
             contains("no range for the blob of layer"));
  network twice = e.net;
  twice.layers[1].name = twice.layers[3].name;
  CHECK_THAT(message({.net = twice, .ranges = e.ranges, .pictures = good.pictures, .target = good.target}),
             contains("again, expected it once"));
  const network empty{"empty", {}, {}, {}};
  CHECK_THROWS_WITH(output_cosine(empty), contains("without outputs"));
}

}  // namespace precision_search_test
