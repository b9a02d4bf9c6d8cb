// Fields of a Caffe prototxt as the importer reads them. Errors are collected, and reading goes on.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/io/prototxt.hpp>
#include <nniesim/tensor/shape.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// What is wrong with a file.
class caffe_problems {
 public:
  /// A layer of an unknown type. Unknown types are reported first, each once.
  void add_missing(const std::string& type, const prototxt_position& where, std::string_view layer) {
    const auto found =
        std::find_if(missing_.begin(), missing_.end(), [&](const missing_type& m) { return m.type == type; });
    if (found == missing_.end()) missing_.push_back({type, message(where, " (layer ", excerpt(layer), ")"), 1});
    else ++found->count;
    ++count_of_missing_;
  }
  /// Problems that follow belong to this layer; "": to the whole file.
  void enter(std::string_view layer) { owner_ = layer.empty() ? "" : message(" (layer ", excerpt(layer), ")"); }
  void add(std::string_view problem) {
    if (++count_ > most_lines) return;
    if (count_ > 1) lines_ += '\n';
    lines_ += problem;
    lines_ += owner_;
  }
  [[nodiscard]] std::size_t count() const noexcept { return count_ + count_of_missing_; }
  /// Throws parse_error with all problems, one per line: unknown types first, then the others in their order.
  void throw_any() const {
    if (count() == 0) return;
    std::string text;
    for (std::size_t i = 0; i < std::min(missing_.size(), most_lines); ++i) {
      const missing_type& m = missing_[i];
      text += message(text.empty() ? "" : "\n", m.count, m.count == 1 ? " layer" : " layers", " of type ",
                      excerpt(m.type), ", which is not supported, the first at ", m.first);
    }
    if (missing_.size() > most_lines) text += message("\n... and ", missing_.size() - most_lines, " more types");
    if (!text.empty() && !lines_.empty()) text += '\n';
    text += lines_;
    throw parse_error(count_ > most_lines ? message(text, "\n... and ", count_ - most_lines, " more") : text);
  }

 private:
  struct missing_type {
    std::string type, first;
    std::size_t count = 0;
  };

  static constexpr std::size_t most_lines = 50;
  std::vector<missing_type> missing_;
  std::size_t count_of_missing_ = 0;
  std::string lines_;
  std::string owner_;
  std::size_t count_ = 0;
};

/// The fields of a message, which may be missing. A field that cannot be read becomes a problem, and reading goes on.
class caffe_fields {
 public:
  /// `where` is the place that is named where a field is missing.
  caffe_fields(const prototxt_message* message, prototxt_position where, caffe_problems& problems)
      : message_(message), where_(std::move(where)), problems_(&problems) {
    // They say how to train, or with which library to compute.
    constexpr std::string_view no_part_of_the_result[] = {
        "param",         "propagate_down",   "loss_weight",     "loss_param", "phase",
        "blobs_lr",      "weight_decay",     "blob_share_mode", "engine",     "weight_filler",
        "bias_filler",   "filler",           "scale_filler",    "cudnn_flag", "moving_average_fraction",
        "dropout_param", "stable_prod_grad", "force_nd_im2col"};
    if (message == nullptr) return;
    for (const std::string_view name : no_part_of_the_result) message->ignore(name);
  }

  template <class... What>
  void problem(const What&... what) {
    problems_->add(message(where_, ": ", what...));
  }
  /// Marks a field as read that does not influence the result.
  void ignore(std::string_view name) const {
    if (message_ != nullptr) message_->ignore(name);
  }
  [[nodiscard]] bool has(std::string_view name) const { return message_ != nullptr && !message_->all(name).empty(); }
  [[nodiscard]] std::vector<const prototxt_field*> all(std::string_view name) const {
    return message_ == nullptr ? std::vector<const prototxt_field*>{} : message_->all(name);
  }

  /// Which of two names for one field is there; a problem where both are.
  [[nodiscard]] std::string_view either(std::string_view name, std::string_view other) {
    if (has(name) && has(other)) problem("got ", name, " and ", other, ", expected one of them");
    return has(other) ? other : name;
  }

  template <class T>
  [[nodiscard]] T integer(std::string_view name, T fallback, T low, T high) {
    return read(name, fallback, [&](const prototxt_field& f) { return f.integer<T>(low, high); });
  }
  /// A field that must be there.
  [[nodiscard]] std::size_t count(std::string_view name) {
    if (!has(name)) problem("got no ", name, ", expected one");
    return integer<std::size_t>(name, 1, 1, most);
  }
  [[nodiscard]] std::int64_t axis(std::string_view name, std::int64_t fallback) {
    constexpr auto rank = static_cast<std::int64_t>(tensor_shape::max_rank);
    return integer<std::int64_t>(name, fallback, -rank, rank);
  }
  /// `axis`, or what old files and forks call it.
  [[nodiscard]] std::int64_t axis_or(std::string_view other_name) { return axis(either("axis", other_name), 1); }
  [[nodiscard]] float real(std::string_view name, float fallback) {
    return read(name, fallback, [](const prototxt_field& f) { return f.real(); });
  }
  [[nodiscard]] bool boolean(std::string_view name, bool fallback) {
    return read(name, fallback, [](const prototxt_field& f) { return f.boolean(); });
  }
  [[nodiscard]] std::size_t one_of(std::string_view name, std::size_t fallback,
                                   std::initializer_list<std::string_view> names) {
    return read(name, fallback, [&](const prototxt_field& f) { return f.one_of(names); });
  }
  [[nodiscard]] std::string identifier(std::string_view name, std::string fallback) {
    return read(name, std::move(fallback), [](const prototxt_field& f) { return f.identifier(); });
  }
  /// A name; it may not be empty.
  [[nodiscard]] std::string string(std::string_view name) {
    if (!has(name)) problem("got no ", name, ", expected one");
    return read(name, std::string{}, name_of);
  }
  [[nodiscard]] std::vector<std::string> strings(std::string_view name) { return list<std::string>(name, name_of); }
  template <class T>
  [[nodiscard]] std::vector<T> integers(std::string_view name, T low, T high) {
    return list<T>(name, [&](const prototxt_field& f) { return f.integer<T>(low, high); });
  }
  /// Numbers of axes: a problem where there are more than a tensor has.
  template <class T>
  [[nodiscard]] std::vector<T> of_axes(std::string_view name, T low, T high) {
    const std::vector<T> values = integers<T>(name, low, high);
    if (values.size() > tensor_shape::max_rank) {
      problem("got ", values.size(), " ", name, ", expected at most ", tensor_shape::max_rank);
    }
    return values;
  }
  [[nodiscard]] std::vector<float> reals(std::string_view name) {
    return list<float>(name, [](const prototxt_field& f) { return f.real(); });
  }
  [[nodiscard]] caffe_fields fields(std::string_view name) {
    const prototxt_message* m =
        read(name, static_cast<const prototxt_message*>(nullptr), [](const prototxt_field& f) { return &f.message(); });
    return {m, m == nullptr ? where_ : m->where(), *problems_};
  }
  /// The messages of that name, each with a shape in its `dim`.
  [[nodiscard]] std::vector<tensor_shape> shapes(std::string_view name) {
    return list<tensor_shape>(name, [](const prototxt_field& f) {
      const std::vector<const prototxt_field*> dims = f.message().all("dim");
      require<parse_error>(!dims.empty() && dims.size() <= tensor_shape::max_rank, f.where(), ": ", f.name(), ": got ",
                           dims.size(), " dim, expected 1 to ", tensor_shape::max_rank);
      std::vector<std::size_t> extents;
      for (const prototxt_field* d : dims) extents.push_back(d->integer<std::size_t>(1, most));
      return shape_at(f.where(), extents);
    });
  }
  /// Reports a problem and returns a scalar's shape where there are more elements than memory can hold.
  [[nodiscard]] tensor_shape shape(const std::vector<std::size_t>& extents) {
    try {
      return shape_at(where_, extents);
    } catch (const parse_error& e) {
      problems_->add(e.what());
      return {};
    }
  }
  /// {rows, columns}: one value for both, two values, or a field for each, not mixed. Without any it is the fallback,
  /// or a problem; of two fields, only one that may be 0 can be left out.
  [[nodiscard]] std::array<std::size_t, 2> pair(std::string_view both, std::string_view rows, std::string_view columns,
                                                std::optional<std::size_t> fallback, std::size_t low) {
    const std::vector<std::size_t> values = integers<std::size_t>(both, low, most);
    const std::size_t written = all(both).size();
    if (has(rows) || has(columns)) {
      if (written != 0) problem("got ", both, " beside ", rows, " or ", columns, ", expected one kind");
      if (low != 0 && has(rows) != has(columns)) {
        problem("got only one of ", rows, " and ", columns, ", expected both or ", both);
      }
      return {integer(rows, low, low, most), integer(columns, low, low, most)};
    }
    if (written > 2) problem("got ", written, " values of ", both, ", expected 1 or 2");
    if (written == 0 && !fallback) problem("got no ", both, ", expected it, or ", rows, " and ", columns);
    if (values.empty()) return {fallback.value_or(low), fallback.value_or(low)};
    return {values.front(), values.back()};
  }

  /// The largest extent or count.
  static constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();

 private:
  [[nodiscard]] static std::string name_of(const prototxt_field& f) {
    std::string text = f.string();
    require<parse_error>(!text.empty(), f.where(), ": ", f.name(), ": got an empty string, expected a name");
    return text;
  }
  [[nodiscard]] static tensor_shape shape_at(const prototxt_position& where, const std::vector<std::size_t>& extents) {
    try {
      return tensor_shape(extents);
    } catch (const shape_error& e) {
      throw parse_error(message(where, ": ", e.what()));
    }
  }
  template <class T, class Read>
  [[nodiscard]] T read(std::string_view name, T fallback, Read read_field) {
    if (message_ == nullptr) return fallback;
    try {
      const prototxt_field* f = message_->find(name);
      return f == nullptr ? fallback : read_field(*f);
    } catch (const parse_error& e) {
      problems_->add(e.what());
      message_->ignore(name);
      return fallback;
    }
  }
  template <class T, class Read>
  [[nodiscard]] std::vector<T> list(std::string_view name, Read read_field) {
    std::vector<T> values;
    bool all_read = true;
    for (const prototxt_field* f : all(name)) {
      try {
        values.push_back(read_field(*f));
      } catch (const parse_error& e) {
        problems_->add(e.what());
        all_read = false;
      }
    }
    if (!all_read) message_->ignore(name);
    return values;
  }

  const prototxt_message* message_;
  prototxt_position where_;
  caffe_problems* problems_;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
