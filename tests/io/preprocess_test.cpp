#include <nniesim/io/preprocess.hpp>

#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/mutate.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace preprocess_test {

namespace {

void put(const std::filesystem::path& path, const std::string& bytes) { detail::write_whole_file(path, bytes); }

/// Two pixels side by side: (10, 20, 30) and (40, 50, 60).
const image two = {1, 2, {10, 20, 30, 40, 50, 60}};

/// `two` as a BMP file of 24 bits.
std::string two_as_bmp() {
  std::string bytes = "BM";
  for (const std::uint32_t v : {62U, 0U, 54U, 40U, 2U, 1U, 1U | 24U << 16U, 0U, 8U, 0U, 0U, 0U, 0U}) {
    for (unsigned shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(v >> shift & 255U);
  }
  return bytes + std::string("\x1e\x14\x0a\x3c\x32\x28\0\0", 8);
}

cfg_input input_of(cfg_norm_type norm, const std::filesystem::path& mean = {}) {
  cfg_input input;
  input.norm_type = norm;
  if (!mean.empty()) input.mean_file = cfg_path{mean.string(), mean};
  input.data_scale = 0.5F;
  return input;
}

std::vector<float> values(const tensor<float>& t) { return {t.begin(), t.end()}; }
using floats = std::vector<float>;

/// A blob in Caffe's older notation.
std::string binaryproto(const std::vector<std::uint8_t>& shape, const floats& data) {
  std::string bytes;
  for (std::size_t i = 0; i < 4; ++i) {
    bytes += static_cast<char>((i + 1) << 3U);
    bytes += static_cast<char>(shape[i]);
  }
  bytes += static_cast<char>(5U << 3U | 2U);
  bytes += static_cast<char>(data.size() * 4);
  for (const float x : data) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
      bytes += static_cast<char>(std::bit_cast<std::uint32_t>(x) >> shift & 255U);
    }
  }
  return bytes;
}

}  // namespace

TEST_CASE("channels are put in the order of RGB_order, means and scale after it") {
  const scratch_folder folder;
  put(folder / "means.txt", "1\r\n2.5\n\n3\n");
  cfg_input input = input_of(cfg_norm_type::none);
  CHECK(values(preprocess(two, input, 3, 1, 2)) == floats{30, 60, 20, 50, 10, 40});
  input.order = channel_order::rgb;
  CHECK(values(preprocess(two, input, 3, 1, 2)) == floats{10, 40, 20, 50, 30, 60});
  CHECK(values(preprocess(two, input_of(cfg_norm_type::scale), 3, 1, 2)) == floats{15, 30, 10, 25, 5, 20});
  CHECK(values(preprocess(two, input_of(cfg_norm_type::channel_means, folder / "means.txt"), 3, 1, 2)) ==
        floats{29, 59, 17.5, 47.5, 7, 37});
  CHECK(values(preprocess(two, input_of(cfg_norm_type::channel_means_scale, folder / "means.txt"), 3, 1, 2)) ==
        floats{14.5, 29.5, 8.75, 23.75, 3.5, 18.5});
}

TEST_CASE("the mean is subtracted before the scale is applied, in float32") {
  const scratch_folder folder;
  put(folder / "m", "103.94\n116.78\n123.68\n");
  cfg_input input = input_of(cfg_norm_type::channel_means_scale, folder / "m");
  input.data_scale = 0.017F;
  const tensor<float> t = preprocess(two, input, 3, 1, 2);
  const float difference = 30.0F - 103.94F;
  CHECK(t.data()[0] == difference * 0.017F);
}

TEST_CASE("means may stand on one line, behind a byte-order mark") {
  const scratch_folder folder;
  for (const char* text : {"1 2.5 3",
                           "\xef\xbb\xbf"
                           "1,2.5\r\n\t3\n",
                           "1\t2.5, 3\n\n"}) {
    put(folder / "m", text);
    CHECK(read_channel_means(folder / "m", 3) == floats{1, 2.5, 3});
  }
  put(folder / "m", "1 2 x3\n");
  CHECK_THROWS_WITH(read_channel_means(folder / "m", 3), contains("m:1: got 'x3', expected one finite number"));
  put(folder / "m", "1 2 3 4\n");
  CHECK_THROWS_WITH(read_channel_means(folder / "m", 3), contains("4 means, expected 3"));
  put(folder / "m",
      "\xff\xfe"
      "1");
  CHECK_THROWS_WITH(read_channel_means(folder / "m", 3), contains("got UTF-16"));
}

TEST_CASE("at image_type 3 and 5 pictures go through YUV after they are resized, files of YUV do not again") {
  image picture{2, 4, {}};
  for (std::size_t i = 0; i < 24; ++i) picture.pixels.push_back(static_cast<std::uint8_t>(i * 73 % 256));
  cfg_input input = input_of(cfg_norm_type::none);
  input.order = channel_order::rgb;
  for (const auto& [type, sampling] : {std::pair(cfg_image_type::yuv420, yuv_sampling::yuv420),
                                       std::pair(cfg_image_type::yuv422, yuv_sampling::yuv422)}) {
    input.image_type = type;
    const image small = through_yuv(resize(picture, 2, 2), sampling);
    const tensor<float> t = preprocess(picture, input, 3, 2, 2);
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t i = 0; i < 4; ++i) CHECK(t.data()[c * 4 + i] == static_cast<float>(small.pixels[i * 3 + c]));
    }
    const tensor<float> kept = picture_transform(input, {1, 3, 2, 2})(picture, true);
    CHECK(kept.data()[0] == static_cast<float>(resize(picture, 2, 2).pixels[0]));
    CHECK(values(kept) != values(t));
  }
}

TEST_CASE("a mean image has the input's shape") {
  const scratch_folder folder;
  put(folder / "m.binaryproto", binaryproto({1, 3, 1, 2}, {1, 2, 3, 4, 5, 6}));
  const auto input = input_of(cfg_norm_type::mean_image, folder / "m.binaryproto");
  CHECK(values(preprocess(two, input, 3, 1, 2)) == floats{29, 58, 17, 46, 5, 34});
  CHECK(values(preprocess(two, input_of(cfg_norm_type::mean_image_scale, folder / "m.binaryproto"), 3, 1, 2)) ==
        floats{14.5, 29, 8.5, 23, 2.5, 17});
  CHECK_THROWS_WITH(preprocess(two, input, 3, 2, 2), contains("the mean image has shape 1x3x1x2, expected 1x3x2x2"));
}

TEST_CASE("pictures are resized; one channel is BT.601 luma") {
  const image wide = {1, 4, {10, 10, 10, 20, 20, 20, 30, 30, 30, 41, 41, 41}};
  CHECK(values(preprocess(wide, input_of(cfg_norm_type::none), 1, 1, 2)) == floats{15, 36});
  CHECK(values(preprocess(two, input_of(cfg_norm_type::none), 1, 1, 2)) == floats{18, 48});
}

TEST_CASE("inputs that are no pictures, and means that do not fit, are refused") {
  const scratch_folder folder;
  put(folder / "m", "1\n2\n");
  put(folder / "nan", "1\nnan\n3\n");
  const auto none = input_of(cfg_norm_type::none);
  CHECK_THROWS_AS(preprocess(two, none, 2, 1, 2), shape_error);
  CHECK_THROWS_AS(preprocess(two, none, 3, 0, 2), shape_error);
  CHECK_THROWS_AS(preprocess(two, none, 3, 100000, 2), shape_error);
  CHECK_THROWS_AS(picture_transform(none, {3, 1, 2}), shape_error);
  CHECK_THROWS_AS(picture_transform(input_of(cfg_norm_type::channel_means), {1, 3, 1, 2}), format_error);
  CHECK_THROWS_WITH(picture_transform(input_of(cfg_norm_type::channel_means, folder / "m"), {1, 3, 1, 2}),
                    contains("2 means, expected 3"));
  CHECK_THROWS_WITH(picture_transform(input_of(cfg_norm_type::channel_means, folder / "nan"), {1, 3, 1, 2}),
                    contains("nan:2: got 'nan', expected one finite number"));
  cfg_input features = none;
  features.image_type = cfg_image_type::feature_map;
  CHECK_THROWS_AS(picture_transform(features, {1, 3, 1, 2}), format_error);
  cfg_input huge = input_of(cfg_norm_type::scale);
  huge.data_scale = 3e38F;
  CHECK_THROWS_WITH(preprocess(two, huge, 3, 1, 2), contains("expected a finite one"));
}

TEST_CASE("lists of pictures continue their own folder") {
  const scratch_folder folder;
  put(folder / "list.txt", "a.jpg\r\n\n  sub/b c.png \n/abs.bmp");
  CHECK(read_image_list(folder / "list.txt") ==
        std::vector<std::filesystem::path>{folder / "a.jpg", folder / "sub/b c.png", "/abs.bmp"});
  // Or the folder that the compiler is started in, where that has the file.
  const auto before = std::filesystem::current_path();
  std::filesystem::create_directory(folder / "work");
  put(folder / "work/a.jpg", "x");
  put(folder / "work/only.jpg", "x");
  put(folder / "a.jpg", "x");
  put(folder / "two.txt", "a.jpg\nonly.jpg\nnone.jpg");
  std::filesystem::current_path(folder / "work");
  CHECK(read_image_list(folder / "two.txt") ==
        std::vector<std::filesystem::path>{folder / "a.jpg", "only.jpg", folder / "none.jpg"});
  cfg_input input;
  input.image_list.path = folder / "two.txt";
  const input_source source(input, {1, 3, 4, 4});
  CHECK_THROWS_WITH(source[2], contains("none.jpg: no such file, nor is there") && contains("work/none.jpg"));
  std::filesystem::current_path(before);
  put(folder / "empty.txt", "\n\n");
  CHECK_THROWS_WITH(read_image_list(folder / "empty.txt"), contains("names no file"));
  put(folder / "bad.txt", std::string("a\nb\0c\n", 6));
  CHECK_THROWS_WITH(read_image_list(folder / "bad.txt"), contains("bad.txt:2: got 'b\\x00c'"));
  put(folder / "long.txt", [] {
    std::string text;
    for (std::size_t i = 0; i <= list_max_entries; ++i) text += "a\n";
    return text;
  }());
  CHECK_THROWS_WITH(read_image_list(folder / "long.txt"), contains("more than 1000000 files"));
}

TEST_CASE("a list's lines may have a mark, quotes, back slashes and labels") {
  const scratch_folder folder;
  std::filesystem::create_directory(folder / "sub");
  for (const char* name : {"a.jpg", "b 1", "b", "sub/c.png", "d 7.jpg"}) put(folder / name, "x");
  put(folder / "list.txt",
      "\xef\xbb\xbf"
      "a.jpg 0\r\nb 1\n\"a.jpg\"\n.\\sub\\c.png\t12\nd 7.jpg\nnone.jpg 3\n'd 7.jpg'\n");
  CHECK(read_image_list(folder / "list.txt") ==
        std::vector<std::filesystem::path>{folder / "a.jpg", folder / "b 1", folder / "a.jpg", folder / "./sub/c.png",
                                           folder / "d 7.jpg", folder / "none.jpg 3", folder / "d 7.jpg"});
}

TEST_CASE("sequences stand one to a line, or one step to a line") {
  const scratch_folder folder;
  put(folder / "f.txt",
      "\xef\xbb\xbf"
      "1 2 3 4 5 6\n7 8 9 10 11 12\n");
  CHECK(values(read_feature_list(folder / "f.txt", {3, 1, 2})[1]) == floats{7, 8, 9, 10, 11, 12});
  put(folder / "s.txt", "1 2\n3 4\n\n5 6\n7 8\n9 10\n11 12\n");
  const feature_list steps = read_feature_list(folder / "s.txt", {3, 1, 2});
  REQUIRE(steps.size() == 2);
  CHECK(values(steps[0]) == floats{1, 2, 3, 4, 5, 6});
  CHECK(values(steps[1]) == floats{7, 8, 9, 10, 11, 12});
  put(folder / "scalar.txt", "7\n8\n");
  CHECK(values(read_feature_list(folder / "scalar.txt", tensor_shape())[1]) == floats{8});
  put(folder / "odd.txt", "1 2\n3 4\n");
  CHECK_THROWS_WITH(read_feature_list(folder / "odd.txt", {3, 1, 2}),
                    contains("2 lines of 2 numbers, expected a multiple of 3, the steps of a sequence of shape 3x1x2"));
  put(folder / "bad.txt", "1 2\n3\n4 5\n");
  CHECK_THROWS_WITH(read_feature_list(folder / "bad.txt", {3, 1, 2})[0],
                    contains("bad.txt:2: 1 numbers, expected 2 for a step of shape 3x1x2"));
}

TEST_CASE("pictures and feature maps without a header are inputs") {
  const scratch_folder folder;
  put(folder / "p.bgr", std::string("\1\2\3\4\5\6", 6));
  put(folder / "list.txt", "p.bgr\n");
  cfg_input input = input_of(cfg_norm_type::none);
  input.image_list.path = folder / "list.txt";
  CHECK(values(load_inputs(input, {1, 3, 1, 2})[0]) == floats{1, 2, 3, 4, 5, 6});
  CHECK(input_source(input, {1, 3, 1, 2}).picture(0).pixels == std::vector<std::uint8_t>{5, 3, 1, 6, 4, 2});
  CHECK_THROWS_WITH(load_inputs(input, {1, 3, 1, 4})[0], contains("got 6 bytes, expected 12"));
  raw_layout other;
  other.rows = 2;
  other.columns = 1;
  CHECK(values(input_source(input, {1, 3, 2, 1}, other)[0]) == floats{1, 2, 3, 4, 5, 6});
  other.rows = 0;  // half a size is none, and not the input's
  CHECK_THROWS_WITH(input_source(input, {1, 3, 2, 1}, other)[0], contains("got 0 rows x 1 columns"));

  std::string words(16, '\0');
  words[1] = 0x10;                                     // 4096
  words[4] = words[5] = words[6] = words[7] = '\xff';  // -1
  put(folder / "x.bin", words);
  input.image_type = cfg_image_type::feature_map;
  input.image_list.path = folder / "x.bin";
  CHECK(values(load_inputs(input, {1, 2})[0]) == floats{1, -1.0F / 4096});
  CHECK_THROWS_WITH(load_inputs(input, {1, 8})[0], contains("got 16 bytes, expected 32"));
}

TEST_CASE("feature maps stand one to a line") {
  const scratch_folder folder;
  put(folder / "f.txt", "1 2,3\t-4.5\r\n\n5, 6, 7 ,8e-3 ,\n");
  const feature_list list = read_feature_list(folder / "f.txt", {1, 1, 2, 2});
  REQUIRE(list.size() == 2);
  CHECK(values(list[0]) == floats{1, 2, 3, -4.5});
  CHECK(values(list[1]) == floats{5, 6, 7, 8e-3F});
  CHECK(shape_of(list[1]) == tensor_shape{1, 1, 2, 2});
  CHECK_THROWS_AS(list[2], error);

  put(folder / "bad.txt", "1 2 3\n1 2 3 4 5\n1 nan 3 4\n1 2 3 1e39\n");
  const feature_list bad = read_feature_list(folder / "bad.txt", {4});
  CHECK_THROWS_WITH(bad[0], contains("bad.txt:1: 3 numbers, expected 4 for shape 4"));
  CHECK_THROWS_WITH(bad[1], contains("bad.txt:2: 5 numbers, expected 4"));
  CHECK_THROWS_WITH(bad[2], contains("bad.txt:3: number 2 is 'nan', expected a finite number"));
  CHECK_THROWS_WITH(bad[3], contains("number 4 is '1e39'"));
  CHECK_THROWS_WITH(read_feature_list(folder / "bad.txt", {1, 0}), contains("no empty axis"));

  put(folder / "long.txt", "1\n" + std::string(300, '1'));
  CHECK_THROWS_WITH(read_feature_list(folder / "long.txt", {4}), contains("long.txt:2: more than 256 bytes"));
  put(folder / "empty.txt", " \n\r\n");
  CHECK_THROWS_WITH(read_feature_list(folder / "empty.txt", {4}), contains("holds no feature map"));
  CHECK_THROWS_WITH(read_feature_list(folder / "none.txt", {4}), contains("no such file"));
  CHECK_THROWS_AS(read_feature_list(folder / "", {4}), error);
}

TEST_CASE("an input's tensors are loaded one by one, from pictures, .npy files and feature maps") {
  const scratch_folder folder;
  put(folder / "a.bmp", two_as_bmp());
  tensor<float> stored = make_tensor<float>({3, 1, 2});
  for (std::size_t i = 0; i < 6; ++i) stored.data()[i] = static_cast<float>(i);
  write_npy(folder / "b.npy", stored);
  put(folder / "list.txt", "a.bmp\nb.npy\nmissing.png\n");

  cfg_input input = input_of(cfg_norm_type::scale);
  input.image_list = {"list.txt", folder / "list.txt"};
  const input_source source = load_inputs(input, {1, 3, 1, 2});
  REQUIRE(source.size() == 3);
  CHECK(values(source[0]) == floats{15, 30, 10, 25, 5, 20});
  CHECK(values(source[1]) == floats{0, 1, 2, 3, 4, 5});
  CHECK(shape_of(source[1]) == tensor_shape{1, 3, 1, 2});
  CHECK(source.file(1) == folder / "b.npy");
  CHECK_THROWS_WITH(source[2], contains("missing.png: no such file"));
  CHECK_THROWS_AS(source[3], error);

  input.image_list.path = folder / "b.npy";
  CHECK(values(load_inputs(input, {1, 3, 1, 2})[0]) == floats{0, 1, 2, 3, 4, 5});
  CHECK_THROWS_WITH(load_inputs(input, {1, 3, 2, 1})[0], contains("shape 3x1x2, expected 1x3x2x1"));
  stored.data()[3] = std::numeric_limits<float>::quiet_NaN();
  write_npy(folder / "b.npy", stored);
  CHECK_THROWS_WITH(load_inputs(input, {1, 3, 1, 2})[0], contains("nan at (1, 0, 1), expected a finite number"));

  put(folder / "f.txt", "1 2 3 4 5 6");
  input = input_of(cfg_norm_type::none);
  input.image_type = cfg_image_type::feature_map;
  input.image_list.path = folder / "f.txt";
  const input_source features = load_inputs(input, {1, 3, 1, 2});
  CHECK(features.size() == 1);
  CHECK(values(features[0]) == floats{1, 2, 3, 4, 5, 6});
}

TEST_CASE("damaged feature maps are read or refused") {
  const scratch_folder folder;
  const std::string original = "1.5 2 -3e2 4\n5,6,7,8\n0.1 0.2 0.3 0.4\n";
  draws d(5);
  int read = 0;
  int refused = 0;
  for (int i = 0; i < 500; ++i) {
    const auto path = folder / ("f" + std::to_string(i));
    put(path, mutated(original, d, hostile_pieces()));
    try {
      const feature_list list = read_feature_list(path, {2, 2});
      for (std::size_t k = 0; k < list.size(); ++k) {
        for (const float x : list[k]) CHECK(std::isfinite(x));
      }
      ++read;
    } catch (const parse_error& e) {
      CHECK_THAT(e.what(), contains(path.string() + ":"));
      ++refused;
    }
  }
  CHECK(read > 15);
  CHECK(refused > 100);
}

}  // namespace preprocess_test
