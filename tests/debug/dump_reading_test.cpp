// Dumps that were read without sign or hold several pictures, read as they are meant.
#include <nniesim/debug/dump_reading.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace dump_reading_test {

namespace {

using floats = std::vector<float>;
using layers = std::vector<named_values>;

named_values layer(std::string name, floats v, tensor_shape shape) {
  return {std::move(name), std::move(shape), [v = std::move(v)] { return v; }};
}
floats noise(draws& d, std::size_t n) {
  floats v(n);
  for (float& x : v) x = std::round(d.normal() * 4096) / 4096;
  return v;
}
floats joined(const std::vector<floats>& all) {
  floats v;
  for (const floats& x : all) v.insert(v.end(), x.begin(), x.end());
  return v;
}

}  // namespace

TEST_CASE("values without sign get it back", "[debug]") {
  draws d(1);
  const floats y = noise(d, 120);
  floats unsigned_floats = y, words = y;
  for (float& v : unsigned_floats) v = v < 0 ? v + 1048576.0F : v;
  for (float& v : words) v = v < 0 ? v * 4096 + 4294967296.0F : v * 4096;
  const auto negative = static_cast<std::size_t>(std::count_if(y.begin(), y.end(), [](float v) { return v < 0; }));
  const tensor_shape shape{1, 4, 5, 6};
  const layers r = {layer("a", y, shape), layer("b", y, shape), layer("c", y, shape)};
  const layers x = {layer("a", unsigned_floats, shape), layer("b", words, shape), layer("c", y, shape)};
  const read_dumps all = read_as_meant(r, x);
  REQUIRE(all.readings.size() == 2);
  CHECK(all.readings[0].manner == dump_manner::without_sign);
  CHECK(all.readings[1].manner == dump_manner::words_without_sign);
  for (const dump_reading& one : all.readings) {
    CHECK_FALSE(one.of_reference);
    CHECK(one.values == negative);
  }
  for (const std::size_t i : {0U, 1U, 2U}) {
    const floats v = all.other[i].values();
    for (std::size_t e = 0; e < y.size(); ++e) CHECK(std::fabs(v[e] - y[e]) <= 1.0F / 16);
  }
  // The reference can be the one that was read wrongly; large values with negative ones among them are just large.
  CHECK(read_as_meant(x, r).readings.at(0).of_reference);
  floats large = unsigned_floats;
  large[0] = -3.0F;
  CHECK(read_as_meant(r, layers{layer("a", large, shape)}).readings.empty());
  CHECK(read_as_meant(r, layers{layer("a", floats(120, 1000000.0F), shape)}).readings.size() == 1);
  CHECK(read_as_meant(r, layers{layer("a", floats(120, 600.0F), shape)}).readings.empty());
}

TEST_CASE("of a batch the picture is taken that agrees in all layers together", "[debug]") {
  draws d(2);
  std::vector<floats> a, b, fc;
  for (int i = 0; i < 4; ++i) {
    a.push_back(noise(d, 120));
    b.push_back(noise(d, 60));
    fc.push_back(noise(d, 3));
  }
  // By itself the small layer is nearer to another picture.
  const floats odd = fc[0];
  const layers batch = {layer("a", joined(a), {4, 4, 5, 6}), layer("b", joined(b), {4, 60}),
                        layer("fc", joined(fc), {4, 3})};
  const layers one = {layer("a", a[2], {1, 4, 5, 6}), layer("b", b[2], {1, 60}), layer("fc", odd, {3})};
  const auto check = [&](const read_dumps& all, const layers& cut, bool of_reference) {
    REQUIRE(all.readings.size() == 3);
    for (const dump_reading& x : all.readings) {
      CHECK(x.manner == dump_manner::item_of_batch);
      CHECK(x.of_reference == of_reference);
      CHECK(x.item == 2);
      CHECK(x.items == 4);
    }
    CHECK(cut[0].values() == a[2]);
    CHECK(cut[2].values() == fc[2]);
    CHECK(cut[0].shape == tensor_shape{1, 4, 5, 6});
  };
  read_dumps all = read_as_meant(one, batch);
  check(all, all.other, false);
  all = read_as_meant(batch, one);
  check(all, all.reference, true);
  // Whatever the rank, once it is known to be a batch.
  const layers odd_rank = {layer("a", joined(a), {4, 4, 5, 6}), layer("b", joined(b), {4, 60}),
                           layer("fc", joined(fc), {4, 3, 1})};
  all = read_as_meant(one, odd_rank);
  check(all, all.other, false);
  // Text dumps have the shape of one picture in their names.
  const layers text = {layer("a", joined(a), {4, 5, 6}), layer("b", joined(b), {60}), layer("fc", joined(fc), {3})};
  all = read_as_meant(one, text);
  check(all, all.other, false);
  // A layer of another size is no batch where the others are not; nor is one whose shape says that it is larger.
  const layers larger = {layer("a", joined(a), {1, 16, 5, 6}), layer("b", b[2], {1, 60}), layer("fc", fc[2], {3})};
  CHECK(read_as_meant(one, larger).readings.empty());
  CHECK(read_as_meant(one, one).readings.empty());
}

TEST_CASE("a dump of more values than its shape keeps them", "[debug]") {
  draws d(3);
  const layers one = {layer("a", noise(d, 120), {4, 5, 6})};
  const layers padded = {layer("a", noise(d, 160 + 1), {4, 5, 6})};
  const read_dumps all = read_as_meant(one, padded);
  CHECK(all.other[0].shape.rank() == 0);
  CHECK(all.other[0].values().size() == 161);
  const layers broken = {{"a", {4, 5, 6}, []() -> floats { throw error("no such file"); }}, {"b", {2}, {}}};
  CHECK(read_as_meant(one, broken).other.size() == 2);
}

}  // namespace dump_reading_test
