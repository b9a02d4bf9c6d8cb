#include <nniesim/debug/compensate.hpp>

#include "../../examples/feature_norm/network.hpp"

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <nniesim/io/caffe_import.hpp>
#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/fold.hpp>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;

namespace compensate_test {

using namespace test_networks;

namespace {

using names = std::vector<std::string>;

/// What a norm is made of, and ways to get it wrong.
struct recipe {
  tensor_shape x = {1, 64, 1, 1};
  power_params square{2, 1.0 / 8, 0};
  layer_params reduction = reduce_mean_params{{1, 2, 3}, false};
  power_params root{0.5, 64, 0};
  std::optional<power_params> inverse = power_params{-1, 1, 1};
  enum class ending { scale, eltwise_of_copies } last = ending::scale;
  bool split = false;  ///< and reshapes in between
  bool other_blob = false;
  std::size_t axis = 0;  ///< of the scale
  std::vector<float> shift{};
};

/// data, as many chains of the recipe as there are recipes, one behind the other.
network chain_of(const std::vector<recipe>& recipes) {
  network_builder b;
  std::size_t x = b.input(recipes[0].x);
  std::size_t number = 0;
  for (const recipe& r : recipes) {
    const std::string prefix = "n" + std::to_string(number++);
    std::size_t squared = x;
    if (r.split) squared = b.add(prefix + ".split", layers::identity{}, {x});
    std::size_t at = b.add(prefix + ".square", r.square, {squared});
    if (r.split) at = b.add(prefix + ".flat", layers::flatten{1, 3}, {at});
    layer_params reduction = r.reduction;
    if (r.split) reduction = reduce_sum_params{{1}, true, 0.5};
    at = b.add(prefix + ".mean", reduction, {at});
    at = b.add(prefix + ".root", r.root, {at});
    if (r.inverse) at = b.add(prefix + ".inverse", *r.inverse, {at});
    const std::size_t from = r.other_blob ? b.add(prefix + ".other", power_params{}, {x}) : x;
    if (r.last == recipe::ending::scale) {
      if (r.split) at = b.add(prefix + ".vector", layers::reshape{{{-1}}, 0, 2}, {at});
      x = b.add(prefix, layers::scale{{r.axis}, std::nullopt, r.shift}, {from, at});
    } else {
      at = b.add(prefix + ".column", layers::reshape{{{static_cast<std::int64_t>(r.x[0]), 1, 1, 1}}, 0, 1}, {at});
      const std::vector<std::size_t> copies(r.x[1], at);
      at = b.add(prefix + ".copies", concat_params{1}, copies);
      x = b.add(prefix, eltwise_params{eltwise_operation::product, {}}, {at, from});
    }
  }
  return b.net;
}

std::vector<norm_chain> chains_of(const recipe& r) { return find_norm_chains(chain_of({r})); }

recipe inside_form() {
  recipe r;
  r.square.scale = 1;
  r.root = {0.5, 1, 0.002F};
  r.inverse = power_params{-1, 1, 0};
  return r;
}

picture_set pictures_from(std::vector<tensor<float>> inputs) {
  const std::size_t size = inputs.size();
  return {size, [inputs = std::move(inputs)](std::size_t i) { return std::vector{inputs[i]}; }};
}
picture_set random_pictures(std::uint32_t seed, std::size_t n, const tensor_shape& shape, float deviation) {
  draws random(seed);
  std::vector<tensor<float>> inputs;
  for (std::size_t i = 0; i < n; ++i) {
    inputs.push_back(random.tensor(shape, deviation * (1 + 0.1F * random.symmetric())));
  }
  return pictures_from(std::move(inputs));
}

const activation_ranges no_ranges{};

compensation_problem problem_of(const network& net) {
  return {.net = net, .plan = plan_of(net, compile_mode::all_8bit), .ranges = no_ranges};
}
solved_constant solve_one(const network& net, const picture_set& pictures) {
  const auto solved = solve_compensation(problem_of(net), find_norm_chains(net), pictures);
  REQUIRE(solved.size() == 1);
  return solved[0];
}

const std::filesystem::path example = std::filesystem::path(NNIESIM_SOURCE_DIR) / "examples/feature_norm";

/// Digits as the four inputs of the carried network; every third is held out.
picture_set digits(bool held_out, std::size_t most) {
  const auto all = read_npy<std::uint8_t>(example / "data/digits.npy");
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < all.shape()[0] && which.size() < most; ++i) {
    if ((i % 3 == 2) == held_out) which.push_back(i);
  }
  return {which.size(), [pictures = feature_norm::upscale(all, which)](std::size_t n) {
            std::vector<tensor<float>> inputs;
            for (std::size_t i = 0; i < 4; ++i) {
              inputs.push_back(make_tensor<float>({1, 1, 24, 24}));
              for (std::size_t r = 0; r < 24; ++r) {
                for (std::size_t c = 0; c < 24; ++c) {
                  inputs[i](0, 0, r, c) = pictures(n, 0, r + i / 2 * 8, c + i % 2 * 8);
                }
              }
            }
            return inputs;
          }};
}

activation_ranges calibrate(const network& net, const picture_set& pictures) {
  calibrator c(net, plan_of(net, compile_mode::all_8bit));
  for (std::size_t i = 0; i < pictures.size; ++i) {
    const auto inputs = pictures.inputs(i);
    std::vector<tensor_view<const float>> views;
    for (const auto& t : inputs) views.push_back(view_of(t));
    c.add(views);
  }
  return c.ranges();
}

std::string constants_in(std::string_view text, const std::vector<norm_constant>& constants) {
  return prototxt_with_constants(text, constants);
}

}  // namespace

TEST_CASE("norms are found in both forms, through layers that only rename", "[debug]") {
  const auto outside = chains_of({});
  REQUIRE(outside.size() == 1);
  CHECK(outside[0].name == "n0");
  CHECK(outside[0].form == norm_form::outside);
  CHECK(outside[0].constant == 1);
  CHECK(outside[0].holder == outside[0].inverse);
  CHECK(outside[0].root != outside[0].inverse);
  CHECK(outside[0].weight == approx(1.0 / 64 / 64));
  CHECK(outside[0].samples == 1);
  CHECK(outside[0].sequence == 0);

  const auto inside = chains_of(inside_form());
  REQUIRE(inside.size() == 1);
  CHECK(inside[0].form == norm_form::inside);
  CHECK(inside[0].constant == approx(0.002));
  CHECK(inside[0].holder == inside[0].root);

  recipe in_one = inside_form();
  in_one.root.exponent = -0.5;
  in_one.inverse.reset();
  const auto one = chains_of(in_one);
  REQUIRE(one.size() == 1);
  CHECK(one[0].form == norm_form::inside);
  CHECK(one[0].root == one[0].inverse);
  CHECK(one[0].holder == one[0].root);

  recipe wrapped;
  wrapped.split = true;
  wrapped.x = {3, 64, 1, 1};
  const auto through = chains_of(wrapped);
  REQUIRE(through.size() == 1);
  CHECK(through[0].samples == 3);
  CHECK(through[0].weight == approx(0.5 / 64));
  wrapped.split = false;
  wrapped.last = recipe::ending::eltwise_of_copies;
  CHECK(chains_of(wrapped).size() == 1);

  // A norm without a constant, an epsilon under the root besides, maps taken as a whole.
  recipe plain;
  plain.inverse->shift = 0;
  REQUIRE(chains_of(plain).size() == 1);
  CHECK(chains_of(plain)[0].form == norm_form::outside);
  recipe both;
  both.root.shift = 1e-10F;
  REQUIRE(chains_of(both).size() == 1);
  CHECK(chains_of(both)[0].form == norm_form::outside);
  recipe maps;
  maps.x = {2, 4, 3, 3};
  CHECK(chains_of(maps).size() == 1);

  const auto two = find_norm_chains(chain_of({{}, {}}));
  REQUIRE(two.size() == 2);
  CHECK(two[0].sequence == 0);
  CHECK(two[1].sequence == 1);
}

TEST_CASE("what is almost a norm is none", "[debug]") {
  const auto found = [](auto change) {
    recipe r;
    change(r);
    return !chains_of(r).empty();
  };
  CHECK(found([](recipe&) {}));
  CHECK_FALSE(found([](recipe& r) { r.square.exponent = 3; }));
  CHECK_FALSE(found([](recipe& r) { r.square.shift = 0.5; }));
  CHECK_FALSE(found([](recipe& r) { r.square.scale = 0; }));
  CHECK_FALSE(found([](recipe& r) { r.root.exponent = 1; }));
  CHECK_FALSE(found([](recipe& r) { r.root.scale = -1; }));
  CHECK_FALSE(found([](recipe& r) { r.inverse->exponent = -2; }));
  CHECK_FALSE(found([](recipe& r) { r.inverse->scale = 0; }));
  CHECK_FALSE(found([](recipe& r) { r.inverse.reset(); }));
  CHECK_FALSE(found([](recipe& r) { r.other_blob = true; }));
  CHECK_FALSE(found([](recipe& r) { r.shift = {1.0F}; }));
  CHECK_FALSE(found([](recipe& r) {
    r.reduction = power_params{};
    r.x = {1, 1, 1, 1};
  }));
  CHECK_FALSE(found([](recipe& r) { r.reduction = reduce_sum_params{{1, 2, 3}, false, -1}; }));
  // Over maps instead of channels, and over the batch.
  CHECK_FALSE(found([](recipe& r) {
    r.x = {1, 4, 3, 3};
    r.reduction = reduce_mean_params{{2, 3}, false};
  }));
  CHECK_FALSE(found([](recipe& r) {
    r.x = {4, 16, 1, 1};
    r.reduction = reduce_mean_params{{0}, false};
    r.axis = 1;
  }));
  // Another sample's factor: as many channels as samples.
  CHECK_FALSE(found([](recipe& r) {
    r.x = {4, 4, 1, 1};
    r.axis = 1;
  }));
  draws random(1);
  CHECK(find_norm_chains(network_of_all_kinds(random)).empty());
  CHECK(find_norm_chains({}).empty());
}

TEST_CASE("two products share one constant: one chain", "[debug]") {
  network net = chain_of({{}});
  layer second = net.layers.back();
  second.name = "again";
  net.blobs.push_back({"again", net.blobs[second.outputs[0]].shape});
  second.outputs = {net.blobs.size() - 1};
  net.layers.push_back(second);
  const auto chains = find_norm_chains(net);
  REQUIRE(chains.size() == 1);
  CHECK(chains[0].name == "n0");
}

TEST_CASE("on held-out digits the solved constants remove nine tenths of each branch's norm error", "[debug]") {
  const caffe_model model = read_caffemodel(example / "network/feature_norm.caffemodel");
  const std::string text =
      detail::read_whole_file(example / "network/feature_norm.prototxt", prototxt_limits{}.file_bytes, "a prototxt");
  const network original = import_caffe(parse_prototxt(text, "before"), &model);
  const network net = fold_batch_norm(original);
  const auto chains = find_norm_chains(net);
  REQUIRE(chains.size() == 5);
  for (std::size_t c = 0; c < 5; ++c) {
    CHECK(chains[c].name == (c < 4 ? "comp" + std::to_string(c) + ".cnorm" : "jnorm"));
    CHECK(net.layers[chains[c].holder].name == chains[c].name + ".inverse");
    CHECK(chains[c].sequence == (c < 4 ? 0 : 1));
    CHECK(std::sqrt(chains[c].weight * (c < 4 ? 512 : 32)) == approx(c < 4 ? 1.0 / 512 : 1.0 / 2048));
  }

  const picture_set training = digits(false, 400);
  picture_set few = training;
  few.size = 200;
  const activation_ranges ranges = calibrate(net, few);
  std::size_t calibrations = 0;
  compensation_problem problem{.net = net, .plan = plan_of(net, compile_mode::all_8bit), .ranges = ranges};
  problem.recalibrate = [&](const network& changed) {
    ++calibrations;
    CHECK(std::get<power_params>(changed.layers[chains[0].holder].params).shift > 1.05);
    return calibrate(changed, few);
  };
  const auto solved = solve_compensation(problem, chains, training);
  CHECK(calibrations == 1);
  REQUIRE(solved.size() == 5);
  const auto constants = changed_constants(net, solved);
  const auto judged = judge_compensation(problem, chains, constants, digits(true, 599));
  CHECK(calibrations == 2);
  REQUIRE(judged.size() == 5);
  for (std::size_t c = 0; c < 4; ++c) {
    INFO(solved[c].verdict);
    CHECK(solved[c].outcome == compensation_outcome::compensated);
    CHECK(std::fabs(solved[c].predicted.mean) < 1e-4);
    // The error is the chain's own.
    CHECK(solved[c].from_chain.mean > 5 * std::fabs(solved[c].from_input.mean));
    REQUIRE(solved[c].interval.has_value());
    CHECK((*solved[c].interval)[0] > 1.05);
    CHECK((*solved[c].interval)[0] < static_cast<double>(solved[c].constant));
    CHECK((*solved[c].interval)[1] > static_cast<double>(solved[c].constant));
    CHECK(judged[c].before.mean > 0.03);
    CHECK(judged[c].removed >= 0.9);
    CHECK(judged[c].removed_abs > 0.4);
    CHECK(judged[c].before.samples == 599);
    CHECK(judged[c].left_out == 0);
    CHECK(judged[c].compensated.size() == 599);
    CHECK(judged[c].quantized[7] > judged[c].compensated[7]);
  }
  // The joint feature's error goes with the branches' errors.
  CHECK(solved[4].outcome != compensation_outcome::compensated);
  CHECK(judged[4].removed > 0.5);

  // What is written is what was judged.
  REQUIRE(constants.size() == 4);
  const std::string changed = prototxt_with_constants(text, constants);
  const network again = import_caffe(parse_prototxt(changed, "after"), &model);
  CHECK(verify_constants(original, again, constants).empty());
  std::size_t differing = 0;
  std::string_view left(text), right(changed);
  while (!left.empty()) differing += detail::take_line(left) == detail::take_line(right) ? 0U : 1U;
  CHECK(right.empty());
  CHECK(differing == 4);
  CHECK(verify_constants(original, original, constants).size() == 4);
  problem.recalibrate = nullptr;
  const network folded = fold_batch_norm(again);
  picture_set one = digits(true, 1);
  compensation_problem rerun{.net = folded, .plan = problem.plan, .ranges = ranges};
  CHECK(judge_compensation(rerun, chains, {}, one)[2].quantized ==
        judge_compensation(problem, chains, constants, one)[2].compensated);

  thread_pool pool(3);
  problem.threads = pool.handle();
  few.size = 12;
  const auto with_threads = solve_compensation(problem, chains, few);
  problem.threads = {};
  const auto alone = solve_compensation(problem, chains, few);
  for (std::size_t c = 0; c < 5; ++c) {
    CHECK(with_threads[c].constant == alone[c].constant);
    CHECK(with_threads[c].before.mean == alone[c].before.mean);
    CHECK(with_threads[c].interval == alone[c].interval);
  }
}

TEST_CASE("every form is brought back by its constant", "[debug]") {
  // Squares of a few steps of Q20.12, each truncated: the root comes out low.
  for (const bool in_one : {false, true}) {
    for (const bool copies : {false, true}) {
      recipe r = inside_form();
      r.x = {2, 256, 1, 1};
      if (in_one) {
        r.root.exponent = -0.5;
        r.inverse.reset();
      }
      if (copies) r.last = recipe::ending::eltwise_of_copies;
      const network net = chain_of({r});
      const picture_set training = random_pictures(1, 60, r.x, 0.1F);
      const activation_ranges ranges = calibrate(net, training);
      for (const compile_mode mode : {compile_mode::all_8bit, compile_mode::all_16bit}) {
        const compensation_problem problem{.net = net, .plan = plan_of(net, mode), .ranges = ranges};
        const auto chains = find_norm_chains(net);
        const auto solved = solve_compensation(problem, chains, training);
        INFO(solved[0].verdict << (copies ? ", encoded" : ""));
        const auto judged =
            judge_compensation(problem, chains, changed_constants(net, solved), random_pictures(2, 60, r.x, 0.1F));
        if (copies && mode == compile_mode::all_8bit) {
          // The factor itself is encoded in 8 bits, whose steps of 4.4 % are larger than the error.
          CHECK(solved[0].outcome == compensation_outcome::cannot_help);
          CHECK(judged[0].after.mean == judged[0].before.mean);
          continue;
        }
        CHECK(solved[0].outcome == compensation_outcome::compensated);
        CHECK(solved[0].before.samples == 120);
        CHECK(solved[0].before.mean > 0.005);
        CHECK(solved[0].constant > 0.0021F);
        CHECK(solved[0].constant < 0.0024F);
        CHECK(judged[0].removed > 0.9);
      }
    }
  }
  // A chain behind a chain, with scales everywhere: the second is solved for what the first one's new constant makes.
  recipe first;
  first.x = {1, 256, 1, 1};
  first.square.scale = 1.0 / 16;
  first.root.scale = 64;
  first.inverse = power_params{-1, 2, 1};
  recipe second = first;
  second.square.scale = 1.0 / 8;
  const network net = chain_of({first, second});
  const auto chains = find_norm_chains(net);
  const auto solved = solve_compensation(problem_of(net), chains, random_pictures(3, 60, first.x, 1.0F));
  REQUIRE(solved.size() == 2);
  for (const auto& s : solved) {
    INFO(s.verdict);
    CHECK(s.outcome == compensation_outcome::compensated);
  }
  const auto constants = changed_constants(net, solved);
  for (const auto& j : judge_compensation(problem_of(net), chains, constants, random_pictures(4, 60, first.x, 1.0F))) {
    INFO(j.name << ' ' << j.before.mean << ' ' << j.after.mean);
    CHECK(j.removed > 0.9);
  }
  // More pictures, a narrower interval; one gives none.
  const picture_set many = random_pictures(5, 200, first.x, 1.0F);
  const auto width = [&](std::size_t n) {
    picture_set some = many;
    some.size = n;
    const auto interval = solve_compensation(problem_of(net), chains, some)[0].interval;
    return interval ? (*interval)[1] - (*interval)[0] : -1.0;
  };
  CHECK(width(1) == -1);
  CHECK(width(200) > 0);
  CHECK(width(200) < width(20));
  CHECK(width(20) < width(2));
}

TEST_CASE("where a constant cannot help it is said", "[debug]") {
  // Each picture's feature is off by another amount before the norm: 8-bit codes of single values.
  network_builder b;
  std::size_t x = b.input({1, 1, 1, 1});
  const std::size_t feature = b.add("fc", layers::convolution{{}, zeros({1, 1, 1, 1}), {}}, {x});
  std::get<layers::convolution>(b.net.layers.back().params).weights.fill(1.0F);
  x = b.add("square", power_params{2, 0.001F, 0}, {feature});
  x = b.add("mean", reduce_mean_params{{1, 2, 3}, false}, {x});
  x = b.add("root", power_params{0.5, 1, 0}, {x});
  x = b.add("inverse", power_params{-1, 1, 1}, {x});
  b.add("norm", layers::scale{{0}, std::nullopt, {}}, {feature, x});
  std::vector<tensor<float>> inputs;
  draws random(6);
  for (std::size_t i = 0; i < 64; ++i) {
    inputs.push_back(zeros({1, 1, 1, 1}));
    inputs.back()(0, 0, 0, 0) = 140.0F + 50.0F * random.symmetric();
  }
  const picture_set pictures = pictures_from(inputs);
  const activation_ranges ranges = calibrate(b.net, pictures);
  compensation_problem problem = problem_of(b.net);
  const compensation_problem with_ranges{.net = b.net, .plan = problem.plan, .ranges = ranges};
  const auto chains = find_norm_chains(b.net);
  const auto solved = solve_compensation(with_ranges, chains, pictures);
  REQUIRE(solved.size() == 1);
  INFO(solved[0].verdict);
  CHECK(solved[0].outcome == compensation_outcome::cannot_help);
  CHECK(solved[0].constant == 1.0F);
  CHECK(solved[0].before.mean_abs > 0.005);
  CHECK(solved[0].from_input.mean_abs > 5 * solved[0].from_chain.mean_abs);
  CHECK_THAT(solved[0].verdict, contains("another amount in every sample"));
  CHECK_THAT(solved[0].verdict, contains("comes before the norm"));
  CHECK(changed_constants(b.net, solved).empty());
  const auto judged = judge_compensation(with_ranges, chains, {}, pictures);
  CHECK(judged[0].removed == 0);
  CHECK(judged[0].quantized == judged[0].compensated);

  // A feature that is below the format's step, and features that are zero.
  const network net = chain_of({{}});
  const auto lost = solve_one(net, random_pictures(7, 4, {1, 64, 1, 1}, 1e-5F));
  INFO(lost.verdict);
  CHECK(lost.outcome == compensation_outcome::cannot_help);
  CHECK_FALSE(lost.interval.has_value());
  CHECK_THAT(lost.verdict, contains("half and twice"));
  const auto zero = solve_one(net, pictures_from({zeros({1, 64, 1, 1})}));
  CHECK(zero.outcome == compensation_outcome::not_measurable);
  CHECK(zero.left_out == 1);
  CHECK(zero.before.samples == 0);
  const auto of_zero =
      judge_compensation(problem_of(net), find_norm_chains(net), {}, pictures_from({zeros({1, 64, 1, 1})}));
  CHECK(of_zero[0].left_out == 1);
  CHECK(of_zero[0].removed == 0);

  // Large features lose nothing worth a change.
  const auto fine = solve_one(net, random_pictures(8, 10, {1, 64, 1, 1}, 3.0F));
  CHECK(fine.outcome == compensation_outcome::nothing_to_compensate);
  CHECK_THAT(fine.verdict, contains("nothing to compensate"));
  CHECK(fine.constant == 1.0F);
}

TEST_CASE("a constant that hides an error from before the norm says so", "[debug]") {
  // The weight's 8-bit code is the same for every picture: all features come out too large by a share of it.
  network_builder b;
  std::size_t x = b.input({1, 64, 1, 1});
  tensor<float> weights = zeros({64, 64, 1, 1});  // each channel by itself
  for (std::size_t c = 0; c < 64; ++c) weights(c, c, 0, 0) = 1.03F;
  weights(0, 0, 0, 0) = 1.9F;  // sets the scale
  const std::size_t feature = b.add("conv", layers::convolution{{}, weights, {}}, {x});
  x = b.add("square", power_params{2, 0.01F, 0}, {feature});
  x = b.add("mean", reduce_mean_params{{1, 2, 3}, false}, {x});
  x = b.add("root", power_params{0.5, 64, 0}, {x});
  x = b.add("inverse", power_params{-1, 1, 1}, {x});
  b.add("norm", layers::scale{{0}, std::nullopt, {}}, {feature, x});
  const picture_set pictures = random_pictures(9, 30, {1, 64, 1, 1}, 30.0F);
  const activation_ranges ranges = calibrate(b.net, pictures);
  const compensation_problem problem{.net = b.net, .plan = plan_of(b.net, compile_mode::all_8bit), .ranges = ranges};
  const auto solved = solve_compensation(problem, find_norm_chains(b.net), pictures);
  INFO(solved[0].verdict);
  CHECK(solved[0].outcome == compensation_outcome::compensated);
  CHECK(std::fabs(solved[0].from_input.mean) > 2 * std::fabs(solved[0].from_chain.mean));
  CHECK_THAT(solved[0].verdict, contains("hidden, not repaired"));
}

TEST_CASE("wrong problems are refused", "[debug]") {
  const network net = chain_of({{}});
  const auto chains = find_norm_chains(net);
  const picture_set pictures = random_pictures(1, 2, {1, 64, 1, 1}, 1.0F);
  compensation_problem p = problem_of(net);
  CHECK_THROWS_WITH(solve_compensation(p, chains, {}), contains("no pictures"));
  CHECK_THROWS_WITH(judge_compensation(p, chains, {}, {3, nullptr}), contains("no pictures"));
  CHECK_THROWS_AS(solve_compensation(p, chains, random_pictures(1, 1, {1, 63, 1, 1}, 1.0F)), shape_error);
  p.negligible = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(solve_compensation(p, chains, pictures), contains("negligible"));
  p.negligible = 0;
  p.plan = float_plan(net);
  CHECK_THROWS_WITH(solve_compensation(p, chains, pictures), contains("got a float plan"));
  CHECK_THROWS_WITH(judge_compensation(p, chains, {}, pictures), contains("got a float plan"));
  p.plan = plan_of(net, compile_mode::all_8bit);
  norm_chain other = chains[0];
  other.holder = 100;
  CHECK_THROWS_WITH(solve_compensation(p, {&other, 1}, pictures), contains("'n0' is not of this network"));
  CHECK(solve_compensation(p, {}, pictures).empty());
  CHECK(judge_compensation(p, {}, {}, pictures).empty());

  const auto with = [&](std::string layer, float value) {
    const norm_constant c{std::move(layer), value};
    return with_constants(net, {&c, 1});
  };
  CHECK(std::get<power_params>(with("n0.inverse", 1.5F).layers[chains[0].holder].params).shift == 1.5);
  CHECK_THROWS_WITH(with("n0.inverse", std::numeric_limits<float>::infinity()), contains("expected a finite number"));
  CHECK_THROWS_WITH(with("n0.mean", 1.5F), contains("expected a Power"));
  CHECK_THROWS_WITH(with("nosuch", 1.5F), contains("got 0 layers 'nosuch'"));
}

TEST_CASE("constants are written into a prototxt and nothing else changes", "[debug]") {
  const std::vector<norm_constant> one = {{"p", 1.057F}};
  CHECK(constants_in(R"(layer { name: "p" type: "Power" power_param { power: -1 shift: 1 scale: 2 } } # end)", one) ==
        R"(layer { name: "p" type: "Power" power_param { power: -1 shift: 1.057 scale: 2 } } # end)");
  CHECK(constants_in("\xef\xbb\xbflayers{name:'p' power_param<shift : -\t1e-3f,power:-1>}\r\n", one) ==
        "\xef\xbb\xbflayers{name:'p' power_param<shift : 1.057,power:-1>}\r\n");
  CHECK(constants_in("layer { power_param: { shift # 7\n : # 8\n [ .5E+1 ] } name: \"p\" }", one) ==
        "layer { power_param: { shift # 7\n : # 8\n [ 1.057 ] } name: \"p\" }");
  // None so far.
  CHECK(constants_in(R"(layer { name: "p" power_param { power: -1 } })", one) ==
        R"(layer { name: "p" power_param { shift: 1.057  power: -1 } })");
  CHECK(constants_in("layer { name: 'p' power_param: <power: -1> }", one) ==
        "layer { name: 'p' power_param: < shift: 1.057 power: -1> }");
  // The same layer for training and for testing; others; several in any order; numbers of any size.
  CHECK(constants_in("layer { name: 'p' power_param { shift: 1 } } layer { name: 'q' power_param { shift: 1 } } "
                     "layer { name: 'p' power_param { shift: 3 } }",
                     {{"q", -1e-20F}, {"p", 16777216.0F}}) ==
        "layer { name: 'p' power_param { shift: 16777216 } } layer { name: 'q' power_param { shift: -1e-20 } } "
        "layer { name: 'p' power_param { shift: 16777216 } }");
  const std::string text = "layer { name: 'a' } layer { name: 'p' power_param { shift: 1 } }";
  CHECK(constants_in(text, {}) == text);
  CHECK_THROWS_WITH(constants_in(text, {{"a", 1.0F}}), contains("got no layer 'a' with a power_param"));
  CHECK_THROWS_WITH(constants_in(text, {{"b", 1.0F}}), contains("got no layer 'b' with a power_param"));
  CHECK_THROWS_WITH(constants_in(text, {{"p", 1.0F}, {"p", 2.0F}}), contains("'p' is named twice"));
  CHECK_THROWS_WITH(constants_in(text, {{"p", std::numeric_limits<float>::quiet_NaN()}}), contains("finite"));
  CHECK_THROWS_AS(constants_in("layer {", one), parse_error);
  CHECK_THROWS_AS(constants_in("layer { name: 'p' power_param { shift: 'x' } }", one), parse_error);
  // Any float is read back as it was.
  draws random(3);
  for (int i = 0; i < 2000; ++i) {
    const norm_constant c{"p", random.any_finite()};
    const prototxt_message read = parse_prototxt(constants_in(text, {c}), "again");
    CHECK(read.fields()[1].message().one("power_param").message().one("shift").real() == c.value);
  }

  network net = chain_of({{}});
  const norm_constant c{"n0.inverse", 1.25F};
  network changed = with_constants(net, {&c, 1});
  CHECK(verify_constants(net, changed, {&c, 1}).empty());
  std::get<power_params>(changed.layers[1].params).scale = 3;
  changed.layers[2].name = "x";
  const auto wrong = verify_constants(net, changed, {&c, 1});
  REQUIRE(wrong.size() == 2);
  CHECK_THAT(wrong[0], contains("scale 3"));
  CHECK_THAT(wrong[1], contains("got layer 'x', expected 'n0.mean'"));
  changed.layers.pop_back();
  CHECK(verify_constants(net, changed, {&c, 1}).size() == 1);
}

TEST_CASE("the t quantiles are those of the tables", "[debug]") {
  for (const auto& [freedom, t] : {std::pair<std::size_t, double>{1, 12.7062},
                                   {2, 4.3027},
                                   {3, 3.1824},
                                   {4, 2.7764},
                                   {9, 2.2622},
                                   {19, 2.0930},
                                   {99, 1.9842},
                                   {1000000, 1.95996}}) {
    CHECK(detail::student_t(freedom) == approx(t).epsilon(0.002));
  }
}

}  // namespace compensate_test
