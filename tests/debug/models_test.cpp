// The search on the real networks: the goal reached, and never at a higher cost than the vendor's way.
#include <nniesim/debug/precision_search.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/fold.hpp>

#include "catch.hpp"
#include "support/models.hpp"

using namespace nniesim;

namespace models_test {

namespace {

void check_search(const real_models::model& m, std::size_t extent, const std::vector<double>& goals) {
  const network net = fold_batch_norm(real_models::load(m, extent));
  const tensor<float> x = real_models::input_of(m, extent);
  const std::vector<tensor_view<const float>> inputs = {view_of(x)};
  calibrator c(net, plan_of(net, compile_mode::mixed));
  c.add(inputs);
  for (const double goal : goals) {
    CAPTURE(m.name, goal);
    const search_problem problem{
        .net = net, .ranges = c.ranges(), .pictures = {inputs}, .target = output_cosine(net), .goal = goal};
    const search_result found = search_precisions(problem);
    const search_result vendor = search_precisions(problem, {.strategy = search_strategy::from_first});
    CHECK(found.reached);
    CHECK(found.best.score >= goal);
    CHECK(vendor.reached);
    CHECK(found.best.cost <= vendor.best.cost);
    INFO(found.verdict);
    CHECK(found.best.cost < 1.8);  // all layers in 16 bits
  }
}

}  // namespace

TEST_CASE("search on a face detector, 320 x 240", "[debug][long]") {
  if (real_models::are_here()) check_search(real_models::models[1], 0, {0.985, 0.995});
}
TEST_CASE("search on a face detector, 320 x 320", "[debug][long]") {
  if (real_models::are_here()) check_search(real_models::models[0], 320, {0.93});
}

}  // namespace models_test
