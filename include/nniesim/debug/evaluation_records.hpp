// The file of an evaluation: what was measured on each picture, one record each. Files of shards are joined by putting
// the records into the order of the pictures. No sum is taken before: sums of sums would depend on how pictures were
// split, records do not, so that whoever reduces them in the order of the pictures gets the same bits for every split,
// order and number of threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nniesim/core/crc32.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/evaluation_header.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/io/output_file.hpp>

NNIESIM_BEGIN_NAMESPACE

/// One output of one layer on one picture; see comparison.
struct layer_record {
  double cosine = 0,          ///< of r, in float, and x, quantized
      relative_l2_error = 0,  ///< |x - r| / |r|
      l2_reference = 0,       ///< |r|
      l2_other = 0;           ///< |x|

  /// (|x| - |r|) / |r|, signed, as comparison's: infinity where only |r| is zero, 0 where both are.
  [[nodiscard]] double norm_error() const noexcept {
    if (l2_reference > 0) return (l2_other - l2_reference) / l2_reference;
    return l2_other > 0 ? std::numeric_limits<double>::infinity() : l2_other == 0 ? 0 : l2_other;  // NaN stays
  }
  /// Compares all fields; NaN equals nothing.
  [[nodiscard]] bool operator==(const layer_record&) const = default;
};

/// One norm of a chain.
struct norm_record {
  double reference = 0;    ///< norm of y in float
  double quantized = 0;    ///< norm of y
  double input = 0;        ///< norm of the quantized x
  double base = 0;         ///< what the holder takes, times its scale: r or r^2
  double compensated = 0;  ///< norm of y of the compensated network; quantized without one

  /// Compares all fields; NaN equals nothing.
  [[nodiscard]] bool operator==(const norm_record&) const = default;
};

/// Whether the other networks decide as the float one does.
struct decision_record {
  bool quantized_agrees = false,   ///< the quantized network decides the same
      compensated_agrees = false;  ///< so does the compensated one; without one as `quantized_agrees`

  /// Compares both.
  [[nodiscard]] bool operator==(const decision_record&) const = default;
};

/// Whether the largest value is the label's.
struct label_record {
  bool is_known = false;    ///< else the label is out of range, or there is none
  bool in_float = false,    ///< in the float network's output; false where that is not finite
      quantized = false,    ///< in the quantized network's, likewise
      compensated = false;  ///< in the compensated network's, likewise; without one as `quantized`

  /// Compares all fields.
  [[nodiscard]] bool operator==(const label_record&) const = default;
};

/// What was measured on one picture.
struct evaluation_record {
  std::size_t picture = 0;                         ///< its number in the whole list
  std::string name;                                ///< of the picture
  std::string problem;                             ///< why it could not be evaluated; then nothing but the name is here
  std::vector<layer_record> layers{};              ///< one for each of the header's
  std::vector<std::vector<norm_record>> chains{};  ///< one list for each of the header's, in it one for each sample
  std::vector<double> compensated{};  ///< norms of the compensated network's outputs; of the quantized one without it
  std::vector<decision_record> decisions{};  ///< one for each of the header's
  label_record label{};                      ///< where header.has_labels
  std::vector<float> largest{};              ///< magnitudes of the header's `ranges`, of the float network

  /// Whether the picture could not be evaluated.
  [[nodiscard]] bool is_bad() const noexcept { return !problem.empty(); }
  /// Compares all fields; NaN equals nothing.
  [[nodiscard]] bool operator==(const evaluation_record&) const = default;
};

namespace detail {

inline constexpr std::string_view evaluation_magic = "nniesim evaluation 1\n";
inline constexpr std::size_t most_header_bytes = std::size_t{64} << 20U;
inline constexpr std::size_t frame_head_bytes = 20;  ///< length, picture, checksum of both
inline constexpr std::size_t layer_record_bytes = 4 * sizeof(double);

/// Bytes of a good record's part that is equally long in all.
[[nodiscard]] inline std::size_t fixed_bytes(const evaluation_header& h) {
  std::size_t n = 1 + h.layers.size() * layer_record_bytes + h.decisions.size() * 2 + 4 + h.ranges.size() * 4 +
                  h.outputs.size() * sizeof(double);
  for (const evaluated_chain& c : h.chains) n += c.samples * 5 * sizeof(double);
  return n;
}

/// 1, the numbers, the name; or 0, the name, the problem.
[[nodiscard]] inline std::string payload_of(const evaluation_record& e) {
  byte_writer w;
  w.put(static_cast<std::uint8_t>(e.is_bad() ? 0 : 1));
  if (!e.is_bad()) {
    for (const layer_record& l : e.layers) {
      for (const double v : {l.cosine, l.relative_l2_error, l.l2_reference, l.l2_other}) w.put(v);
    }
    for (const auto& chain : e.chains) {
      for (const norm_record& n : chain) {
        for (const double v : {n.reference, n.quantized, n.input, n.base, n.compensated}) w.put(v);
      }
    }
    for (const double v : e.compensated) w.put(v);
    const auto put_flag = [&](bool b) { w.put(static_cast<std::uint8_t>(b ? 1 : 0)); };
    for (const decision_record& d : e.decisions) {
      put_flag(d.quantized_agrees);
      put_flag(d.compensated_agrees);
    }
    for (const bool b : {e.label.is_known, e.label.in_float, e.label.quantized, e.label.compensated}) put_flag(b);
    for (const float v : e.largest) w.put(v);
  }
  w.put(std::string_view(e.name));
  if (e.is_bad()) w.put(std::string_view(e.problem));
  return w.bytes();
}

[[nodiscard]] inline evaluation_record record_of(std::string_view payload, std::size_t picture,
                                                 const evaluation_header& h, const std::string& file) {
  byte_reader r(payload, file);
  evaluation_record e;
  e.picture = picture;
  const bool is_good = r.get<std::uint8_t>() != 0;
  if (is_good) {
    e.layers.resize(h.layers.size());
    for (layer_record& l : e.layers) {
      for (double* v : {&l.cosine, &l.relative_l2_error, &l.l2_reference, &l.l2_other}) *v = r.get<double>();
    }
    for (const evaluated_chain& c : h.chains) {
      for (norm_record& n : e.chains.emplace_back(c.samples)) {
        for (double* v : {&n.reference, &n.quantized, &n.input, &n.base, &n.compensated}) *v = r.get<double>();
      }
    }
    e.compensated.resize(h.outputs.size());
    for (double& v : e.compensated) v = r.get<double>();
    const auto flag = [&] { return r.get<std::uint8_t>() != 0; };
    for (std::size_t i = 0; i < h.decisions.size(); ++i) {
      decision_record& d = e.decisions.emplace_back();
      d.quantized_agrees = flag();
      d.compensated_agrees = flag();
    }
    for (bool* b : {&e.label.is_known, &e.label.in_float, &e.label.quantized, &e.label.compensated}) *b = flag();
    e.largest.resize(h.ranges.size());
    for (float& v : e.largest) v = r.get<float>();
  }
  e.name = r.text();
  if (!is_good) e.problem = r.text();
  r.expect_end();
  require<parse_error>(is_good || e.is_bad(), file, ": record of picture ", picture, " is neither good nor bad");
  return e;
}

/// Whether a payload is of a picture that was evaluated. Throws as record_of, but makes no record. `fixed` is what
/// fixed_bytes gives.
[[nodiscard]] inline bool is_good_payload(std::string_view payload, std::size_t picture, std::size_t fixed,
                                          const std::string& file) {
  byte_reader r(payload, file);
  const bool is_good = r.get<std::uint8_t>() != 0;
  if (is_good) r.skip(fixed - 1);
  (void)r.text_view();
  const bool has_problem = !is_good && !r.text_view().empty();
  r.expect_end();
  require<parse_error>(is_good || has_problem, file, ": record of picture ", picture, " is neither good nor bad");
  return is_good;
}

/// A payload as it stands in the file: its length, the picture and a checksum of these; the payload and its checksum.
/// The first checksum tells a damaged length from a file that was cut off within a record.
[[nodiscard]] inline std::string frame_of(std::string_view payload, std::size_t picture) {
  byte_writer head;
  head.put(std::uint64_t{payload.size()});
  head.put(std::uint64_t{picture});
  byte_writer frame;
  const std::uint32_t check = crc32(head.bytes());
  byte_writer tail;
  tail.put(crc32(payload));
  frame.put(check);
  std::string all = head.bytes();
  all.reserve(all.size() + 8 + payload.size());
  all.append(frame.bytes()).append(payload).append(tail.bytes());
  return all;
}
[[nodiscard]] inline std::string frame_of(const evaluation_record& e) { return frame_of(payload_of(e), e.picture); }

/// The beginning of a file, before its records.
[[nodiscard]] inline std::string file_head_of(const evaluation_header& h) {
  const std::string bytes = bytes_of(h);
  byte_writer size, check;
  size.put(std::uint64_t{bytes.size()});
  check.put(crc32(size.bytes() + bytes));
  return std::string(evaluation_magic) + size.bytes() + bytes + check.bytes();
}

}  // namespace detail

/// The records of an evaluation's file, read one by one: in memory are the header and where each record stands.
class evaluation_records {
 public:
  /// Reads all of the file once and checks it. A record at the end that is not whole, as a process that is ended while
  /// it writes leaves it, is passed over. Throws error for what cannot be read, parse_error, with the file's name, for
  /// everything else that such a process does not leave: damaged bytes, pictures of other shards or twice.
  explicit evaluation_records(const std::filesystem::path& path) : path_(path), name_(path.string()) {
    detail::input_file in(path, std::numeric_limits<std::int64_t>::max(), "the state file of an evaluation");
    read_head(in);
    while (read_frame(in)) {
    }
    std::sort(places_.begin(), places_.end(), [](const place& a, const place& b) { return a.picture < b.picture; });
    for (std::size_t i = 1; i < places_.size(); ++i) {
      detail::require<parse_error>(places_[i].picture != places_[i - 1].picture, name_, ": picture ",
                                   places_[i].picture, " is in it twice, expected once");
    }
    file_ = opened();
  }

  /// The file's path as it was given, for messages.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// What the records are of.
  [[nodiscard]] const evaluation_header& header() const noexcept { return header_; }
  /// How many whole records the file has, bad ones included.
  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
  /// Of record i in the order of the pictures.
  [[nodiscard]] std::size_t picture(std::size_t i) const { return places_.at(i).picture; }
  /// Whether record i is of a picture that could not be evaluated.
  [[nodiscard]] bool is_bad(std::size_t i) const { return !places_.at(i).is_good; }
  /// Pictures of this shard without a record.
  [[nodiscard]] std::size_t missing() const noexcept {
    return header_.shard.size_of(header_.pictures) - places_.size();
  }
  /// Where the last whole record ends.
  [[nodiscard]] std::uint64_t end() const noexcept { return end_; }
  /// Whether the records stand in the order of the pictures, with nothing behind the last.
  [[nodiscard]] bool is_in_order() const noexcept { return in_order_ && !is_cut_; }
  /// Whether a record at the end was not whole.
  [[nodiscard]] bool is_cut() const noexcept { return is_cut_; }

  /// Record i in the order of the pictures. Throws error where the file can no longer be read. One thread at a time;
  /// several take a `reader` each.
  [[nodiscard]] evaluation_record read(std::size_t i) { return read_from(file_, i); }
  /// Its bytes as they stand in the file, for a file with the same header but for the shard.
  [[nodiscard]] std::string bytes(std::size_t i) {
    const place& p = places_.at(i);
    return detail::frame_of(bytes_at(file_, p.offset, p.size), p.picture);
  }

  /// Reads the records by a handle of its own, for one thread. They must outlive it. Throws error where the file cannot
  /// be opened again.
  class reader {
   public:
    /// Opens the file once more.
    explicit reader(const evaluation_records& records) : records_(records), file_(records.opened()) {}

    /// As evaluation_records::read.
    [[nodiscard]] evaluation_record read(std::size_t i) { return records_.read_from(file_, i); }
    /// The layer's part of record i, which is not bad.
    [[nodiscard]] layer_record read_layer(std::size_t i, std::size_t layer) {
      const std::uint64_t at = records_.places_.at(i).offset + 1 + layer * detail::layer_record_bytes;
      const std::string bytes = records_.bytes_at(file_, at, detail::layer_record_bytes);
      detail::byte_reader r(bytes, records_.name_);
      layer_record l;
      for (double* v : {&l.cosine, &l.relative_l2_error, &l.l2_reference, &l.l2_other}) *v = r.get<double>();
      return l;
    }

   private:
    const evaluation_records& records_;
    std::ifstream file_;
  };

 private:
  struct place {
    std::size_t picture;
    std::uint64_t offset;  ///< of the payload
    std::size_t size;
    bool is_good;
  };

  void read_head(detail::input_file& in) {
    const std::size_t magic = detail::evaluation_magic.size();
    detail::require<parse_error>(in.size() >= magic + 8 && in.read(magic) == detail::evaluation_magic, name_,
                                 ": got other bytes than the beginning of an evaluation's state file, expected one");
    const std::string size_bytes = in.read(8);
    const auto size = detail::byte_reader(size_bytes, name_).get<std::uint64_t>();
    detail::require<parse_error>(size <= detail::most_header_bytes && size + 4 <= in.size() - in.at(), name_,
                                 ": got a header of ", size, " bytes, the file has ", in.size(),
                                 ": it is damaged or not whole");
    const std::string bytes = in.read(size), check = in.read(4);
    const bool holds = detail::byte_reader(check, name_).get<std::uint32_t>() == detail::crc32(size_bytes + bytes);
    detail::require<parse_error>(holds, name_, ": the checksum of its header is wrong: the file is damaged");
    header_ = detail::header_of(bytes, name_);
    fixed_ = detail::fixed_bytes(header_);
    end_ = in.at();
  }
  /// False at the end, and where the last record is not whole.
  [[nodiscard]] bool read_frame(detail::input_file& in) {
    if (in.size() == in.at()) return false;
    is_cut_ = true;
    if (in.size() - in.at() < detail::frame_head_bytes) return false;
    in.read(detail::frame_head_bytes, buffer_);
    detail::byte_reader head(buffer_, name_);
    const auto size = head.get<std::uint64_t>(), picture = head.get<std::uint64_t>();
    const bool holds = head.get<std::uint32_t>() == detail::crc32(std::string_view(buffer_).substr(0, 16));
    constexpr std::size_t most_text = std::size_t{1} << 20U;
    detail::require<parse_error>(holds && size <= fixed_ + most_text, name_, ": the record at byte ", end_,
                                 " has a wrong beginning: the file is damaged");
    detail::require<parse_error>(picture < header_.pictures && header_.shard.has(picture), name_,
                                 ": the record at byte ", end_, " is of picture ", picture, ", which is not its own");
    if (in.size() - in.at() < size + 4) return false;
    const std::uint64_t offset = in.at();
    in.read(size + 4, buffer_);
    const std::string_view payload = std::string_view(buffer_).substr(0, size);
    const auto check = detail::byte_reader(std::string_view(buffer_).substr(size), name_).get<std::uint32_t>();
    detail::require<parse_error>(check == detail::crc32(payload), name_, ": the checksum of the record at byte ", end_,
                                 ", picture ", picture, ", is wrong: the file is damaged");
    const bool is_good = detail::is_good_payload(payload, picture, fixed_, name_);
    in_order_ = in_order_ && (places_.empty() || places_.back().picture < picture);
    places_.push_back({static_cast<std::size_t>(picture), offset, static_cast<std::size_t>(size), is_good});
    end_ = in.at();
    is_cut_ = false;
    return true;
  }
  [[nodiscard]] std::ifstream opened() const {
    std::ifstream file;
    file.rdbuf()->pubsetbuf(nullptr, 0);  // else every few bytes that are read cost a whole buffer
    file.open(path_, std::ios::binary);
    detail::require<error>(file.is_open(), name_, ": cannot be opened for reading");
    return file;
  }
  [[nodiscard]] evaluation_record read_from(std::ifstream& file, std::size_t i) const {
    const place& p = places_.at(i);
    return detail::record_of(bytes_at(file, p.offset, p.size), p.picture, header_, name_);
  }
  [[nodiscard]] std::string bytes_at(std::ifstream& file, std::uint64_t offset, std::size_t size) const {
    std::string bytes(size, '\0');
    file.clear();
    file.seekg(static_cast<std::streamoff>(offset));
    file.read(bytes.data(), static_cast<std::streamsize>(size));
    detail::require<error>(file.gcount() == static_cast<std::streamsize>(size), name_, ": reading failed at byte ",
                           offset);
    return bytes;
  }

  std::filesystem::path path_;
  std::string name_;
  evaluation_header header_;
  std::size_t fixed_ = 0;
  std::vector<place> places_;
  std::uint64_t end_ = 0;
  bool in_order_ = true, is_cut_ = false;
  std::string buffer_;
  std::ifstream file_;
};

/// Appends records to a file. The file is made whole with its header, or not at all; a record counts once all of its
/// bytes are written, which is one call of the system. So whenever the process is ended no more is lost than the
/// pictures that threads were at.
class evaluation_writer {
 public:
  /// A new file. Throws error where it cannot be written.
  evaluation_writer(const std::filesystem::path& path, const evaluation_header& header) : name_(path.string()) {
    detail::write_whole_file(path, detail::file_head_of(header));
    open(path);
  }
  /// Goes on behind the last whole record of a file that is there.
  evaluation_writer(const std::filesystem::path& path, const evaluation_records& known) : name_(path.string()) {
    std::error_code problem;
    if (known.is_cut()) std::filesystem::resize_file(path, known.end(), problem);
    detail::require<error>(!problem, name_, ": cannot be written: ", problem.message());
    open(path);
  }

  /// Appends a record. Throws error where it could not be written.
  void append(const evaluation_record& e) {
    const int writing = out_.write(detail::frame_of(e));
    detail::require<error>(writing == 0, name_, ": could not be written: ", detail::system_text(writing));
  }

 private:
  void open(const std::filesystem::path& path) {
    const int opening = out_.open(path, detail::raw_file::how::append);
    detail::require<error>(opening == 0, name_, ": cannot be opened for writing: ", detail::system_text(opening));
  }

  std::string name_;
  detail::raw_file out_;
};

/// How complete the parts must be.
enum class merge_rule {
  complete,  ///< every picture has a record
  as_far,    ///< some may be missing
};

namespace detail {

/// Where a record is.
struct record_source {
  std::size_t picture, file, record;
};

/// A file of these records, in this order, written as a whole or not at all.
inline void write_records(std::vector<evaluation_records>& files, const std::vector<record_source>& order,
                          const evaluation_header& header, const std::filesystem::path& to) {
  output_file out(to);
  out.append(file_head_of(header));
  for (const record_source& s : order) out.append(files[s.file].bytes(s.record));
  out.commit();
}

/// All records in the order of the pictures. Throws error where two are of one picture.
[[nodiscard]] inline std::vector<record_source> in_order_of_pictures(const std::vector<evaluation_records>& files) {
  std::vector<record_source> order;
  for (std::size_t f = 0; f < files.size(); ++f) {
    for (std::size_t i = 0; i < files[f].size(); ++i) order.push_back({files[f].picture(i), f, i});
  }
  std::sort(order.begin(), order.end(), [](const record_source& a, const record_source& b) {
    return std::pair(a.picture, a.file) < std::pair(b.picture, b.file);
  });
  for (std::size_t i = 1; i < order.size(); ++i) {
    require<error>(order[i].picture != order[i - 1].picture, files[order[i].file].name(), " and ",
                   files[order[i - 1].file].name(), ": picture ", order[i].picture,
                   " is in both, expected each in one of them");
  }
  return order;
}

}  // namespace detail

/// Puts the records of a file into the order of the pictures, so that it has the same bytes however many threads wrote
/// it. Throws as evaluation_records and output_file.
inline void put_records_in_order(const std::filesystem::path& path) {
  std::vector<evaluation_records> files;
  files.emplace_back(path);
  if (files[0].is_in_order()) return;
  detail::write_records(files, detail::in_order_of_pictures(files), files[0].header(), path);
}

/// Joins files of shards, whole or not, into one whose records stand in the order of the pictures, written as a whole
/// or not at all. Of complete parts it is byte for byte the file of one evaluation in one piece. Throws error, with the
/// names of the files, where they are not parts of one evaluation or a picture is in two of them; with
/// merge_rule::complete where one is missing; and as evaluation_records.
inline void merge_evaluations(const std::vector<std::filesystem::path>& parts, const std::filesystem::path& to,
                              merge_rule rule = merge_rule::complete) {
  detail::require<error>(!parts.empty(), "merge: no files, expected at least one");
  std::vector<evaluation_records> files;
  for (const std::filesystem::path& part : parts) {
    const evaluation_records& f = files.emplace_back(part);
    const std::string difference = detail::difference_of(files.front().header(), f.header());
    detail::require<error>(difference.empty(), f.name(), " and ", files.front().name(), ": differ in ", difference,
                           ", expected parts of one evaluation");
  }
  const std::vector<detail::record_source> order = detail::in_order_of_pictures(files);
  // Of the first picture's file: what is for people in it is to depend on no order of the files either.
  evaluation_header header = files[order.empty() ? 0 : order.front().file].header();
  std::size_t missing = 0;  // the first
  while (missing < order.size() && order[missing].picture == missing) ++missing;
  detail::require<error>(rule == merge_rule::as_far || order.size() == header.pictures, "merge: ", order.size(), " of ",
                         header.pictures, " pictures are there; the first that is missing has number ", missing,
                         " (from 0): let the evaluation of its shard end, or join what there is (--incomplete)");
  header.shard = {};
  detail::write_records(files, order, header, to);
}

NNIESIM_END_NAMESPACE
