// The pictures of an evaluation: a cfg's lists, other lists, or a folder, with labels where a list has them. What is in
// memory are names; pictures are read one by one, by any number of threads.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/evaluation_file.hpp>
#include <nniesim/debug/loaded_network.hpp>
#include <nniesim/io/preprocess.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Pictures, each of which is all that the network is given at once. All functions may be called by several threads.
struct evaluation_pictures {
  std::size_t size = 0;                              ///< pictures
  std::function<std::string(std::size_t i)> name{};  ///< of picture i
  /// The network's inputs for picture i. What it throws, if an error, is counted and told, and ends nothing.
  std::function<std::vector<tensor<float>>(std::size_t i)> inputs{};
  std::function<std::optional<std::int64_t>(std::size_t i)> label{};  ///< empty: there are no labels
  /// One for each input, for whoever reads them elsewhere; empty, as is what it gives, where inputs are no files' own.
  std::function<std::vector<std::filesystem::path>(std::size_t i)> files{};
};

namespace detail {

/// Names of one list in one piece of memory, for there may be many.
class name_list {
 public:
  explicit name_list(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void add(std::string_view name) {
    names_ += name;
    ends_.push_back(names_.size());
  }
  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_.at(i - 1);
    return std::string_view(names_).substr(begin, ends_.at(i) - begin);
  }
  [[nodiscard]] std::filesystem::path file(std::size_t i) const { return listed_file(folder_, (*this)[i]); }
  void shrink() {
    names_.shrink_to_fit();
    ends_.shrink_to_fit();
  }

 private:
  std::filesystem::path folder_;
  std::string names_;
  std::vector<std::size_t> ends_;
};

struct labelled_list {
  name_list names;
  std::vector<std::int64_t> labels{};
};

/// A file of names, one a line, with labels as whole numbers behind them where `with_labels`. Throws parse_error, with
/// the line, for a label that is none, control characters, too many lines and a list without any.
[[nodiscard]] inline labelled_list read_labelled_list(const std::filesystem::path& path, bool with_labels) {
  const std::string content = read_whole_file(path, list_max_bytes, "a list of pictures");
  std::string_view text = without_mark(content, path.string());
  labelled_list list{name_list(path.parent_path())};
  for (std::size_t line = 1; !text.empty(); ++line) {
    std::string_view name = trimmed(take_line(text));
    if (name.empty()) continue;
    require<parse_error>(is_plain(name), path.string(), ":", line, ": got ", excerpt(name),
                         ", expected a file's name without control characters");
    require<parse_error>(list.names.size() < list_max_entries, path.string(), ":", line, ": more than ",
                         list_max_entries, " files, the limit");
    if (with_labels) {
      const std::size_t blank = name.find_last_of(" \t");
      const std::string_view word = blank == std::string_view::npos ? name : name.substr(blank + 1);
      std::int64_t label = 0;
      const auto [stop, problem] = std::from_chars(word.data(), word.data() + word.size(), label);
      require<parse_error>(
          blank != std::string_view::npos && problem == std::errc{} && stop == word.data() + word.size(), path.string(),
          ":", line, ": got ", excerpt(name), ", expected a file's name and its label, a whole number");
      list.labels.push_back(label);
      name = trimmed(name.substr(0, blank));
    }
    list.names.add(name);
  }
  require<parse_error>(list.names.size() != 0, path.string(), ": names no file, expected one per line");
  list.names.shrink();
  return list;
}

/// The pictures in a folder, not in folders in it, by name. Throws error for what is no folder or has none.
[[nodiscard]] inline labelled_list pictures_of_folder(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code problem;
  for (std::filesystem::directory_iterator at(folder, problem), end; !problem && at != end; at.increment(problem)) {
    std::string ending = at->path().extension().string();
    for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    static constexpr std::string_view known[] = {".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm",
                                                 ".bgr", ".rgb",  ".yuv", ".bin", ".npy"};
    const bool is_picture = std::find(std::begin(known), std::end(known), ending) != std::end(known);
    std::error_code ignored;
    if (is_picture && !at->is_directory(ignored)) names.push_back(at->path().filename().string());
    require<error>(names.size() <= list_max_entries, folder.string(), ": more than ", list_max_entries,
                   " pictures, the limit");
  }
  require<error>(!problem, folder.string(), ": cannot be read as a folder: ", problem.message());
  require<error>(!names.empty(), folder.string(), ": has no pictures, expected at least one");
  std::sort(names.begin(), names.end());  // folders give them in any order
  labelled_list list{name_list(folder)};
  for (const std::string& n : names) list.names.add(n);
  list.names.shrink();
  return list;
}

/// What pictures of lists are read with.
struct list_reader {
  struct input {
    name_list names;
    cfg_input preprocessing;
    tensor_shape shape;
    std::optional<picture_transform> transform;
  };
  std::vector<input> inputs;
  std::vector<std::int64_t> labels;
  raw_layout raw;

  [[nodiscard]] std::vector<tensor<float>> read(std::size_t i) const {
    std::vector<tensor<float>> result;
    for (const input& in : inputs) {
      const std::filesystem::path file = in.names.file(i);
      std::error_code ignored;
      require<error>(std::filesystem::exists(file, ignored), file.string(), ": no such file, expected a picture");
      result.push_back(read_input(file, in.preprocessing, in.shape, in.transform ? &*in.transform : nullptr, raw));
    }
    return result;
  }
};

[[nodiscard]] inline evaluation_pictures pictures_of(std::vector<labelled_list> lists, const loaded_network& loaded,
                                                     const raw_layout& raw) {
  const network& net = loaded.net();
  auto reader = std::make_shared<list_reader>();
  reader->raw = raw;
  reader->labels = std::move(lists[0].labels);
  std::size_t next = 0;
  for (const layer& l : net.layers) {
    if (!std::holds_alternative<layers::input>(l.params)) continue;
    list_reader::input in{
        std::move(lists.at(next).names), loaded.cfg().inputs.at(next), net.blobs[l.outputs[0]].shape, {}};
    bool takes_pictures = in.preprocessing.image_type != cfg_image_type::feature_map;
    for (std::size_t i = 0; takes_pictures && i < in.names.size(); ++i) {
      if (in.names[i].ends_with(".npy")) continue;
      in.transform.emplace(in.preprocessing, in.shape);
      break;
    }
    reader->inputs.push_back(std::move(in));
    ++next;
  }
  evaluation_pictures p;
  p.size = reader->inputs[0].names.size();
  p.name = [reader](std::size_t i) { return std::string(reader->inputs[0].names[i]); };
  p.inputs = [reader](std::size_t i) { return reader->read(i); };
  p.files = [reader](std::size_t i) {
    std::vector<std::filesystem::path> files;
    for (const list_reader::input& in : reader->inputs) files.push_back(in.names.file(i));
    return files;
  };
  if (!reader->labels.empty()) {
    p.label = [reader](std::size_t i) { return std::optional(reader->labels.at(i)); };
  }
  return p;
}

}  // namespace detail

/// Which pictures an evaluation is of; the cfg's lists where neither is given.
struct evaluation_source {
  std::vector<std::string> lists{};  ///< one for each input of the network, as the cfg's
  std::string folder{};              ///< for a network of one input: its pictures, by name
  bool has_labels = false;           ///< the first list has a label behind each name
  raw_layout raw{};                  ///< of pictures without a header
};

/// The pictures, preprocessed as the network's cfg (or what stands for it) says. `loaded` must outlive them. Throws
/// error for lists of different lengths, not one for each input, labels without a list; as read_labelled_list.
[[nodiscard]] inline evaluation_pictures pictures_of(const evaluation_source& source, const loaded_network& loaded) {
  const std::size_t inputs = loaded.cfg().inputs.size();
  detail::require<error>(source.folder.empty() || source.lists.empty(),
                         "pictures: got a folder and lists, expected one of them");
  detail::require<error>(!source.has_labels || !source.lists.empty(), "labels stand in a list, expected one (--list)");
  std::vector<detail::labelled_list> lists;
  if (!source.folder.empty()) {
    detail::require<error>(inputs == 1, "pictures: the network has ", inputs,
                           " inputs, a folder is for one; expected a list for each (--list)");
    lists.push_back(detail::pictures_of_folder(source.folder));
    return detail::pictures_of(std::move(lists), loaded, source.raw);
  }
  if (!source.lists.empty()) {
    detail::require<error>(source.lists.size() == inputs, "pictures: got ", source.lists.size(),
                           " lists, expected one for each of the network's ", inputs, " inputs");
    for (const std::string& file : source.lists) {
      lists.push_back(detail::read_labelled_list(file, source.has_labels && lists.empty()));
      detail::require<error>(lists.back().names.size() == lists.front().names.size(), file, ": ",
                             lists.back().names.size(), " entries, the first list has ", lists.front().names.size());
    }
    return detail::pictures_of(std::move(lists), loaded, source.raw);
  }
  detail::require<error>(loaded.listed() != 0, "no pictures given: expected a cfg's lists, --list or --folder");
  evaluation_pictures p;
  p.size = loaded.listed();
  p.name = [&loaded](std::size_t i) { return loaded.listed_name(i); };
  p.files = [&loaded](std::size_t i) { return loaded.listed_files(i); };
  const auto turn = std::make_shared<std::mutex>();  // a file of feature maps is read by one at a time
  const bool is_shared = std::any_of(loaded.cfg().inputs.begin(), loaded.cfg().inputs.end(),
                                     [](const cfg_input& i) { return i.image_type == cfg_image_type::feature_map; });
  p.inputs = [&loaded, turn, is_shared](std::size_t i) {
    std::unique_lock lock(*turn, std::defer_lock);
    if (is_shared) lock.lock();
    return loaded.listed_inputs(i);
  };
  return p;
}

/// A digest of the names and labels, in order.
[[nodiscard]] inline std::string digest_of(const evaluation_pictures& pictures) {
  detail::value_digest d;
  d.add(std::uint64_t{pictures.size});
  for (std::size_t i = 0; i < pictures.size; ++i) {
    d.add(std::string_view(pictures.name(i)));
    if (pictures.label) d.add(static_cast<std::uint64_t>(pictures.label(i).value_or(-1)));
  }
  return d.hex();
}

NNIESIM_END_NAMESPACE
