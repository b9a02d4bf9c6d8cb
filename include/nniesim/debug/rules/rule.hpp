// A rule of the diagnosis: what it needs, what it gives way to, and what it finds in a case file. The list of all is
// all.hpp; what follows from the order of rules and of layers is decided here, in one place.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/debug/case_file.hpp>
#include <nniesim/debug/diagnosis.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// A set of faults.
class faults {
 public:
  constexpr faults() = default;
  constexpr faults(std::initializer_list<fault> list) {
    for (const fault f : list) bits_ |= bit(f);
  }
  [[nodiscard]] static constexpr faults all() {
    faults f;
    f.bits_ = ~std::uint64_t{0};
    return f;
  }
  [[nodiscard]] constexpr bool contains(fault f) const noexcept { return (bits_ & bit(f)) != 0; }
  [[nodiscard]] friend constexpr faults operator|(faults a, faults b) noexcept {
    a.bits_ |= b.bits_;
    return a;
  }

 private:
  [[nodiscard]] static constexpr std::uint64_t bit(fault f) noexcept {
    return std::uint64_t{1} << static_cast<unsigned>(f);
  }
  std::uint64_t bits_ = 0;
};

/// Faults of the network's input: all that a run shows behind them is as it must be.
inline constexpr faults input_faults = {fault::preprocessing, fault::other_picture};

/// One fault, as a rule found it.
struct found {
  finding what;
  /// The layer where it enters (case_file::position_of); none: it is of no layer, or of many.
  std::optional<std::size_t> position{};
  /// With the input that it had, the simulation of that layer does the same: no fault of its own if there is one
  /// upstream.
  bool as_simulated = false;
  bool is_shown_only = false;            ///< nothing behind it is explained by it
  bool is_last = false;                  ///< nothing else can be told once this was found
  std::set<std::size_t> also_accused{};  ///< further layers that it is of
};

/// What the rules before found. The order is theirs, but of consecutive rules that report layers it is the layers'.
class findings_so_far {
 public:
  explicit findings_so_far(const case_file& file) : file_(file) {}

  [[nodiscard]] bool empty() const noexcept { return list_.empty(); }
  /// Whether one of these was found that does not follow from another one.
  [[nodiscard]] bool has(faults causes) const {
    return std::any_of(list_.begin(), list_.end(),
                       [&](const entry& e) { return !e.follows && causes.contains(e.is.what.cause); });
  }
  [[nodiscard]] bool has(fault cause) const { return has(faults{cause}); }
  /// Whether something was found that enters in a layer.
  [[nodiscard]] bool accuses(std::size_t layer) const {
    return std::any_of(list_.begin(), list_.end(),
                       [&](const entry& e) { return e.is.position == layer || e.is.also_accused.contains(layer); });
  }
  /// Whether something was found that accuses a row's layer by name.
  [[nodiscard]] bool accuses(const compared_row& r, fault cause) const {
    return std::any_of(list_.begin(), list_.end(),
                       [&](const entry& e) { return e.is.what.cause == cause && e.is.what.layer == r.shown.name; });
  }
  /// Whether what was found may explain a row: it depends on a layer with a fault, or, where the network does not tell,
  /// there is one.
  [[nodiscard]] bool explain(const compared_row& r) const {
    if (file_.lab() == nullptr || !r.layer) return !list_.empty();
    const std::set<std::size_t> sources = sources_of(file_.lab()->net, *r.layer);
    return std::any_of(list_.begin(), list_.end(),
                       [&](const entry& e) {
                         return e.is.position && !e.is.is_shown_only && sources.contains(*e.is.position);
                       }) ||
           std::any_of(list_.begin(), list_.end(),
                       [&](const entry& e) { return e.is.position == r.layer && e.is.is_shown_only; });
  }

  /// `block`: the rules that report layers and stand side by side have the same one.
  void add(found f, std::size_t block) {
    const auto key = [](std::size_t b, const found& x) { return std::pair(b, x.position.value_or(0)); };
    const auto at = std::upper_bound(list_.begin(), list_.end(), key(block, f),
                                     [&](const auto& k, const entry& e) { return k < key(e.block, e.is); });
    list_.insert(at, {std::move(f), block, false});
    for (entry& e : list_) e.follows = follows(e);
  }
  /// Those that do not follow from others.
  [[nodiscard]] std::vector<finding> take() && {
    std::vector<finding> result;
    for (entry& e : list_) {
      if (!e.follows) result.push_back(std::move(e.is.what));
    }
    return result;
  }

 private:
  struct entry {
    found is;
    std::size_t block;
    bool follows;  ///< from another one
  };

  /// Causality between layers. What does as the simulation does is at fault only if it does not depend on something
  /// that is: with the input that it got from that, nothing else can be expected.
  [[nodiscard]] bool follows(const entry& e) const {
    if (!e.is.as_simulated || !e.is.position) return false;
    const std::size_t at = *e.is.position;
    const bool has_sources = file_.lab() != nullptr && at < file_.lab()->net.layers.size();
    const std::set<std::size_t> sources = has_sources ? sources_of(file_.lab()->net, at) : std::set<std::size_t>();
    for (const entry& before : list_) {
      if (&before == &e) break;
      if (input_faults.contains(before.is.what.cause)) return true;
      if (before.is.position && !before.is.is_shown_only && (!has_sources || sources.contains(*before.is.position)))
        return true;
    }
    return false;
  }

  const case_file& file_;
  std::vector<entry> list_;
};

enum class rule_needs {
  nothing,
  experiment_context,     ///< the network, to try things out
  no_experiment_context,  ///< stands in for rules that need one
};

struct rule {
  std::string_view name;
  rule_needs needs = rule_needs::nothing;
  faults gives_way_to{};  ///< where one of them was found the rule is left out
  bool is_of_layers =
      false;  ///< what it finds enters in layers: with rules like it at its sides, the first layer counts
  std::vector<found> (*find)(const case_file&, const findings_so_far&) = nullptr;
};

[[nodiscard]] inline bool applies(const rule& r, const case_file& file, const findings_so_far& so_far) {
  const bool has_needs =
      r.needs == rule_needs::nothing || (r.needs == rule_needs::experiment_context) == (file.lab() != nullptr);
  return has_needs && !so_far.has(r.gives_way_to);
}

/// What the rules find, the verdict first.
[[nodiscard]] inline std::vector<finding> apply(std::span<const rule> rules, const case_file& file) {
  findings_so_far so_far(file);
  std::size_t block = 0;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (i != 0 && !(rules[i].is_of_layers && rules[i - 1].is_of_layers)) ++block;
    if (!applies(rules[i], file, so_far)) continue;
    bool is_last = false;
    for (found& f : rules[i].find(file, so_far)) {
      is_last = is_last || f.is_last;
      so_far.add(std::move(f), block);
    }
    if (is_last) break;
  }
  return std::move(so_far).take();
}

/// What a verdict is supplemented by once it stands: it changes no cause.
struct supplement {
  std::string_view name;
  faults to{};  ///< causes of the verdict
  void (*add)(const case_file&, finding&) = nullptr;
};

inline void apply(std::span<const supplement> supplements, const case_file& file, finding& verdict) {
  for (const supplement& s : supplements) {
    if (s.to.contains(verdict.cause)) s.add(file, verdict);
  }
}

}  // namespace detail

NNIESIM_END_NAMESPACE
