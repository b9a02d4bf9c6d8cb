#include <nniesim/debug/evaluation_records.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/mutate.hpp"
#include "support/random.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace evaluation_records_test {

namespace {

evaluation_header header_of(std::size_t pictures) {
  evaluation_header h;
  h.network = "net";
  h.about = "compile_mode 0\nremark";
  h.identity = {{"caffemodel", "0123"}, {"ranges", "4567"}};
  h.pictures = pictures;
  h.layers = {"data", "conv", "prob"};
  h.outputs = {2};
  h.chains = {{"norm", 2, 1.0, 1.0571118, std::array{1.05, 1.06}}, {"other", 1, 1.0, 1.0, std::nullopt}};
  h.decisions = {"top_k"};
  h.ranges = {"conv"};
  h.has_labels = h.has_compensated = true;
  h.training = pictures / 3;
  return h;
}

evaluation_record record_of(const evaluation_header& h, std::size_t picture) {
  draws d(static_cast<std::uint32_t>(picture + 1));
  const auto number = [&] { return static_cast<double>(d.bits()) / 1e3; };
  evaluation_record e;
  e.picture = picture;
  e.name = "picture " + std::to_string(picture);
  if (picture % 7 == 5) {
    e.problem = "truncated";
    return e;
  }
  for (std::size_t l = 0; l < h.layers.size(); ++l) e.layers.push_back({number(), number(), number(), number()});
  if (picture % 5 == 2) e.layers[1].relative_l2_error = std::numeric_limits<double>::infinity();
  for (const evaluated_chain& c : h.chains) {
    std::vector<norm_record>& norms = e.chains.emplace_back();
    for (std::size_t n = 0; n < c.samples; ++n) norms.push_back({number(), number(), number(), number(), number()});
  }
  e.decisions.assign(h.decisions.size(), {picture % 2 == 0, picture % 3 == 0});
  e.label = {picture % 4 != 0, true, picture % 2 == 0, false};
  e.largest = {static_cast<float>(picture)};
  e.compensated = {number()};
  return e;
}

std::string bytes_of_file(const std::filesystem::path& path) {
  return detail::read_whole_file(path, std::uint64_t{1} << 30U, "a file");
}

/// The file of pictures in some order.
std::filesystem::path file_of(const scratch_folder& folder, const std::string& name, evaluation_header h,
                              const std::vector<std::size_t>& pictures, evaluation_shard shard = {}) {
  h.shard = shard;
  evaluation_writer w(folder / name, h);
  for (const std::size_t p : pictures) w.append(record_of(h, p));
  return folder / name;
}

std::vector<std::size_t> all(std::size_t n) {
  std::vector<std::size_t> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = i;
  return v;
}

void shuffle(std::vector<std::size_t>& v, draws& d) {
  for (std::size_t i = v.size(); i > 1; --i) std::swap(v[i - 1], v[d.between(0, i - 1)]);
}

}  // namespace

TEST_CASE("records come back as they were written, in the order of the pictures", "[debug]") {
  const scratch_folder folder;
  const evaluation_header h = header_of(20);
  std::vector<std::size_t> order = all(20);
  draws d(4);
  shuffle(order, d);
  evaluation_records r(file_of(folder, "a", h, order));
  CHECK(r.header() == h);
  REQUIRE(r.size() == 20);
  CHECK(r.missing() == 0);
  CHECK_FALSE(r.is_in_order());
  for (std::size_t i = 0; i < 20; ++i) {
    const evaluation_record e = record_of(h, i);
    CHECK(r.read(i) == e);
    CHECK(r.is_bad(i) == e.is_bad());
  }
  // Threads with a reader each do not move each other's place in the file.
  std::array<bool, 2> all_right{};
  std::vector<std::thread> threads;
  for (bool& right : all_right) {
    threads.emplace_back([&] {
      evaluation_records::reader in(r);
      right = true;
      for (std::size_t round = 0; round < 50; ++round) {
        for (std::size_t i = 0; i < 20; ++i) {
          const evaluation_record e = record_of(h, i);
          right = right && in.read(i) == e && (e.is_bad() || in.read_layer(i, 1) == e.layers[1]);
        }
      }
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(all_right[0]);
  CHECK(all_right[1]);
  put_records_in_order(folder / "a");
  CHECK(evaluation_records(folder / "a").is_in_order());
  CHECK((bytes_of_file(folder / "a") == bytes_of_file(file_of(folder, "b", h, all(20)))));
}

TEST_CASE("a file that was cut off anywhere loses no record before, and the writer goes on there", "[debug]") {
  const scratch_folder folder;
  const evaluation_header h = header_of(9);
  const std::string whole = bytes_of_file(file_of(folder, "whole", h, all(9)));
  std::vector<std::size_t> ends = {detail::file_head_of(h).size()};
  for (std::size_t p = 0; p < 9; ++p) ends.push_back(ends.back() + detail::frame_of(record_of(h, p)).size());
  REQUIRE(ends.back() == whole.size());
  const auto path = folder / "cut";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    detail::write_whole_file(path, whole.substr(0, size));
    if (size < ends[0]) {
      CHECK_THROWS_WITH(evaluation_records(path), contains(path.string()));
      continue;
    }
    const auto records = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), size) - ends.begin()) - 1;
    const evaluation_records r(path);
    REQUIRE(r.size() == records);
    REQUIRE(r.is_cut() == (size != ends[records]));
    REQUIRE(r.missing() == 9 - records);
    evaluation_writer w(path, r);
    for (std::size_t p = records; p < 9; ++p) w.append(record_of(h, p));
    REQUIRE((bytes_of_file(path) == whole));
  }
}

TEST_CASE("every flipped bit is found, or stands in a record that is left out", "[debug]") {
  const scratch_folder folder;
  const evaluation_header h = header_of(4);
  const std::string whole = bytes_of_file(file_of(folder, "whole", h, all(4)));
  const auto path = folder / "flipped";
  draws d(2);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    flip_bit(bytes, at, d);
    detail::write_whole_file(path, bytes);
    CHECK_THROWS_AS(evaluation_records(path), parse_error);
    CHECK_THROWS_WITH(evaluation_records(path), contains(path.string()));
  }
}

TEST_CASE("damaged state files are read or refused by name", "[debug]") {
  const scratch_folder folder;
  const evaluation_header h = header_of(6);
  const std::string whole = bytes_of_file(file_of(folder, "whole", h, all(6)));
  const auto path = folder / "damaged";
  draws d(8);
  int read = 0, refused = 0;
  for (int round = 0; round < 3000; ++round) {
    detail::write_whole_file(path, mutated(whole, d, hostile_pieces()));
    try {
      evaluation_records r(path);
      for (std::size_t i = 0; i < r.size(); ++i) CHECK(r.read(i) == record_of(h, r.picture(i)));
      ++read;
    } catch (const error& e) {
      CHECK_THAT(std::string(e.what()), contains(path.string()));
      ++refused;
    }
  }
  CHECK(read > 50);
  CHECK(refused > 1000);
}

TEST_CASE("headers with hostile numbers but right checksums are refused without their memory", "[debug]") {
  const scratch_folder folder;
  const auto refuses = [&](auto change) {
    evaluation_header h = header_of(6);
    change(h);
    detail::write_whole_file(folder / "f", detail::file_head_of(h));
    CHECK_THROWS_AS(evaluation_records(folder / "f"), parse_error);
  };
  refuses([](evaluation_header& h) { h.pictures = 0; });
  refuses([](evaluation_header& h) { h.pictures = 1'000'001; });
  refuses([](evaluation_header& h) { h.shard = {1, 1}; });
  refuses([](evaluation_header& h) { h.shard = {0, 0}; });
  refuses([](evaluation_header& h) { h.outputs = {3}; });
  refuses([](evaluation_header& h) { h.training = 7; });
  refuses([](evaluation_header& h) { h.chains[0].samples = ~std::size_t{0}; });
  detail::byte_writer w;
  w.put(std::string_view("net"));
  w.put(std::string_view(""));
  w.put(~std::uint64_t{0} / 2);  // so many identities
  detail::byte_writer size, check;
  size.put(std::uint64_t{w.bytes().size()});
  check.put(detail::crc32(size.bytes() + w.bytes()));
  detail::write_whole_file(folder / "f",
                           std::string(detail::evaluation_magic) + size.bytes() + w.bytes() + check.bytes());
  CHECK_THROWS_WITH(evaluation_records(folder / "f"), contains("got a count of"));
}

TEST_CASE("any split, in any order, joins to the bytes of one piece", "[debug]") {
  const scratch_folder folder;
  const evaluation_header h = header_of(31);
  const std::string whole = bytes_of_file(file_of(folder, "whole", h, all(31)));
  draws d(6);
  for (const std::size_t count : {1U, 2U, 3U, 4U, 7U, 31U}) {
    std::vector<std::filesystem::path> parts;
    for (std::size_t s = 0; s < count; ++s) {
      std::vector<std::size_t> own;
      for (std::size_t p = s; p < 31; p += count) own.push_back(p);
      shuffle(own, d);
      parts.push_back(file_of(folder, "part" + std::to_string(s), h, own, {s, count}));
    }
    for (int round = 0; round < 3; ++round) {
      std::vector<std::size_t> order = all(count);
      shuffle(order, d);
      std::vector<std::filesystem::path> given;
      for (const std::size_t o : order) given.push_back(parts[o]);
      merge_evaluations(given, folder / "joined");
      REQUIRE((bytes_of_file(folder / "joined") == whole));
    }
    if (count < 3) continue;
    merge_evaluations({parts[2], parts[0]}, folder / "some", merge_rule::as_far);  // joined in two steps
    std::vector<std::filesystem::path> rest = {folder / "some", parts[1]};
    rest.insert(rest.end(), parts.begin() + 3, parts.end());
    merge_evaluations(rest, folder / "joined");
    REQUIRE((bytes_of_file(folder / "joined") == whole));
  }
}

TEST_CASE("parts that do not belong together are named, and so are missing pictures", "[debug]") {
  const scratch_folder folder;
  const evaluation_header h = header_of(6);
  const auto a = file_of(folder, "a", h, {0, 2, 4}, {0, 2}), b = file_of(folder, "b", h, {1, 3}, {1, 2});
  const auto refuses = [&](const std::filesystem::path& with, const std::string& message) {
    detail::write_whole_file(folder / "to", "before");
    CHECK_THROWS_WITH(merge_evaluations({a, with}, folder / "to"), contains(message));
    CHECK((bytes_of_file(folder / "to") == "before"));
  };
  refuses(b, "5 of 6 pictures are there; the first that is missing has number 5");
  refuses(a, "picture 0 is in both");
  const auto other = [&](auto change) {
    evaluation_header x = h;
    change(x);
    return file_of(folder, "other", x, {1, 3, 5}, {1, 2});
  };
  refuses(other([](evaluation_header& x) { x.identity[0].second = "9"; }),
          "differ in caffemodel, expected parts of one");
  refuses(other([](evaluation_header& x) { x.identity[1].second = "9"; }), "differ in ranges");
  refuses(other([](evaluation_header& x) { x.pictures = 7; }), "differ in number of pictures (6 and 7)");
  refuses(other([](evaluation_header& x) { x.layers[1] = "conv2"; }), "differ in layers");
  refuses(other([](evaluation_header& x) { x.decisions = {}; }), "differ in decisions");
  refuses(other([](evaluation_header& x) { x.chains[0].compensated = 2; }), "differ in constants");
  refuses(other([](evaluation_header& x) { x.has_labels = false; }), "differ in labels");
  merge_evaluations({b, a}, folder / "to", merge_rule::as_far);
  const evaluation_records some(folder / "to");
  CHECK(some.size() == 5);
  CHECK(some.missing() == 1);
  CHECK_THROWS_WITH(merge_evaluations({}, folder / "to"), contains("no files"));
  CHECK_THROWS_WITH(merge_evaluations({folder / "none"}, folder / "to"), contains("no such file"));
}

TEST_CASE("records of pictures that are not a file's own, or twice in it, are refused", "[debug]") {
  const scratch_folder folder;
  const evaluation_header h = header_of(6);
  CHECK_THROWS_WITH(evaluation_records(file_of(folder, "a", h, {0, 1}, {0, 2})), contains("which is not its own"));
  CHECK_THROWS_WITH(evaluation_records(file_of(folder, "a", h, {3, 1, 3})), contains("picture 3 is in it twice"));
}

}  // namespace evaluation_records_test
