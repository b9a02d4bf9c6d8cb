// What an evaluation over many pictures is of: the first part of its file, by which parts of one evaluation know each
// other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/io/byte_stream.hpp>
#include <nniesim/network/activation_ranges.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Part `index` of `count`: pictures whose number, from 0, has this remainder. Parts differ by at most one picture.
struct evaluation_shard {
  std::size_t index = 0,  ///< below `count`
      count = 1;          ///< of parts

  /// Whether a picture, by its number from 0, is in this part.
  [[nodiscard]] bool has(std::size_t picture) const noexcept { return picture % count == index; }
  /// How many of so many pictures are in this part.
  [[nodiscard]] std::size_t size_of(std::size_t pictures) const noexcept {
    return pictures / count + (pictures % count > index ? 1 : 0);
  }
  /// Compares both numbers.
  [[nodiscard]] bool operator==(const evaluation_shard&) const = default;
};

/// A norm chain of the network (norm_chain.hpp) as an evaluation knows it.
struct evaluated_chain {
  std::string name;                                 ///< as norm_chain's: its product's
  std::size_t samples = 1;                          ///< norms in each picture
  double constant = 0,                              ///< in use
      compensated = 0;                              ///< in the compensated network; `constant` without one
  std::optional<std::array<double, 2>> interval{};  ///< 95 %, of the compensated one, where it was solved here

  /// Compares all fields.
  [[nodiscard]] bool operator==(const evaluated_chain&) const = default;
};

/// All that records need to be read, and to be of one evaluation.
struct evaluation_header {
  std::string network;  ///< its name
  std::string about;    ///< mode, ranges and remarks, for people; a line each
  /// What it was made of, each thing by its name and a digest: network, precisions, ranges, pictures and so on.
  std::vector<std::pair<std::string, std::string>> identity{};
  std::size_t pictures = 0;               ///< listed, of all shards together
  evaluation_shard shard{};               ///< whose records follow
  std::vector<std::string> layers{};      ///< outputs that are compared, in order of execution, inputs first
  std::vector<std::size_t> outputs{};     ///< those of `layers` that are the network's
  std::vector<evaluated_chain> chains{};  ///< in the order of find_norm_chains
  std::vector<std::string> decisions{};   ///< names of the post-processings
  std::vector<std::string> ranges{};      ///< blobs whose magnitudes of the float network are kept, by range_names()
  bool has_labels = false,                ///< the pictures have labels
      has_compensated = false;            ///< a compensated network is evaluated, too
  std::size_t training = 0;  ///< pictures, spread evenly, that constants were solved on; they do not judge them

  /// Whether a picture is one of those.
  [[nodiscard]] bool is_training(std::size_t i) const noexcept {
    return (i + 1) * training / pictures > i * training / pictures;
  }
  /// Compares all fields, also those for people.
  [[nodiscard]] bool operator==(const evaluation_header&) const = default;
};

namespace detail {

inline void put_texts(byte_writer& w, const std::vector<std::string>& texts) {
  w.put(std::uint64_t{texts.size()});
  for (const std::string& t : texts) w.put(std::string_view(t));
}
[[nodiscard]] inline std::vector<std::string> get_texts(byte_reader& r) {
  std::vector<std::string> texts(r.count(8));
  for (std::string& t : texts) t = r.text();
  return texts;
}

inline void put_chain(byte_writer& w, const evaluated_chain& c) {
  w.put(std::string_view(c.name));
  w.put(std::uint64_t{c.samples});
  for (const double v : {c.constant, c.compensated}) w.put(v);
  w.put(static_cast<std::uint8_t>(c.interval ? 1 : 0));
  for (const double v : c.interval.value_or(std::array{0.0, 0.0})) w.put(v);
}
[[nodiscard]] inline evaluated_chain get_chain(byte_reader& r) {
  evaluated_chain c;
  c.name = r.text();
  c.samples = static_cast<std::size_t>(r.get<std::uint64_t>());
  c.constant = r.get<double>();
  c.compensated = r.get<double>();
  const bool has_interval = r.get<std::uint8_t>() != 0;
  const double low = r.get<double>(), high = r.get<double>();
  if (has_interval) c.interval = std::array{low, high};
  return c;
}

[[nodiscard]] inline std::string bytes_of(const evaluation_header& h) {
  byte_writer w;
  w.put(std::string_view(h.network));
  w.put(std::string_view(h.about));
  w.put(std::uint64_t{h.identity.size()});
  for (const auto& [what, digest] : h.identity) {
    w.put(std::string_view(what));
    w.put(std::string_view(digest));
  }
  for (const std::size_t n : {h.pictures, h.shard.index, h.shard.count, h.training}) w.put(std::uint64_t{n});
  put_texts(w, h.layers);
  w.put(std::uint64_t{h.outputs.size()});
  for (const std::size_t o : h.outputs) w.put(std::uint64_t{o});
  w.put(std::uint64_t{h.chains.size()});
  for (const evaluated_chain& c : h.chains) put_chain(w, c);
  put_texts(w, h.decisions);
  put_texts(w, h.ranges);
  w.put(static_cast<std::uint8_t>(h.has_labels ? 1 : 0));
  w.put(static_cast<std::uint8_t>(h.has_compensated ? 1 : 0));
  return w.bytes();
}

/// Throws parse_error for bytes that are no header.
[[nodiscard]] inline evaluation_header header_of(std::string_view bytes, const std::string& file) {
  byte_reader r(bytes, file);
  evaluation_header h;
  h.network = r.text();
  h.about = r.text();
  h.identity.resize(r.count(16));
  for (auto& [what, digest] : h.identity) {
    what = r.text();
    digest = r.text();
  }
  for (std::size_t* n : {&h.pictures, &h.shard.index, &h.shard.count, &h.training}) {
    *n = static_cast<std::size_t>(r.get<std::uint64_t>());
  }
  h.layers = get_texts(r);
  h.outputs.resize(r.count(8));
  for (std::size_t& o : h.outputs) o = static_cast<std::size_t>(r.get<std::uint64_t>());
  h.chains.resize(r.count(41));
  for (evaluated_chain& c : h.chains) c = get_chain(r);
  h.decisions = get_texts(r);
  h.ranges = get_texts(r);
  h.has_labels = r.get<std::uint8_t>() != 0;
  h.has_compensated = r.get<std::uint8_t>() != 0;
  r.expect_end();
  constexpr std::size_t most_pictures = 1'000'000, most_samples = 1'000'000;
  bool holds = h.pictures != 0 && h.pictures <= most_pictures && h.shard.count != 0 && h.shard.index < h.shard.count &&
               h.training <= h.pictures;
  for (const std::size_t o : h.outputs) holds = holds && o < h.layers.size();
  for (const evaluated_chain& c : h.chains) holds = holds && c.samples <= most_samples;
  require<parse_error>(holds, file, ": its header has numbers out of range: the file is damaged");
  return h;
}

/// In what two evaluations differ, in words; empty where they are parts of one. Their shards may differ.
[[nodiscard]] inline std::string difference_of(const evaluation_header& a, const evaluation_header& b) {
  for (const auto& [what, digest] : a.identity) {
    for (const auto& [other, its] : b.identity) {
      if (what == other && digest != its) return what;
    }
  }
  evaluation_header x = a, y = b;
  x.shard = y.shard = {};
  x.about = y.about = {};  // it may name files by where they are
  if (x == y) return {};
  if (x.pictures != y.pictures) return message("number of pictures (", x.pictures, " and ", y.pictures, ")");
  if (x.layers != y.layers) return "layers";
  if (x.decisions != y.decisions) return "decisions";
  if (x.has_labels != y.has_labels) return "labels";
  return "constants or options";
}

}  // namespace detail

NNIESIM_END_NAMESPACE
