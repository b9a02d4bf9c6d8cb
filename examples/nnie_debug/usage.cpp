#include "usage.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/core/nearest_names.hpp>
#include <nniesim/core/version.hpp>

#include "terminal.hpp"

namespace nnie_debug {

namespace usage {

/// The group of an option in every command that has it; those that stand in no line keep the command's own group.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> groups = {{
    {"Network",
     "--cfg --prototxt --caffemodel --merge-batch-norm --own-batch-norm --stop-at --until-unsupported --custom "
     "--float-prototxt"},
    {"Pictures",
     "--picture --pictures --list --folder --labels --shard --raw-size --raw-stride --uv-order --rgb-order --norm-type "
     "--mean-file --data-scale"},
    {"Arithmetic", "--mode --calibration --ranges --accumulator --sum-rounding --functions --bits --z"},
    {"Post-processing",
     "--top-k --threshold --softmax --feature --distance --normalized --post --board-decision --output-layer --trials"},
    {"Output",
     "--output --json --json-file --csv --html --markdown --npy --dumps --gfpq-param --layers --values --codes "
     "--fail-below "
     "--color"},
}};

/// What a command of the top level is given with its name: words that are its own.
bool has_word(std::string_view words, const std::string& word) {
  return (" " + std::string(words) + " ").find(" " + word + " ") != std::string::npos;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* c) { return !c->get_name().empty(); });
}

/// Those that help shows.
std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* o) { return !o->get_group().empty(); });
}

std::string with_dashes(const CLI::Option& o) {
  return o.get_lnames().empty() ? "-" + o.get_snames().front() : "--" + o.get_lnames().front();
}

/// What an option takes: "FILE", "INT", "{0,1,2}"; empty for a flag.
std::string value_of(const CLI::Option& o) {
  if (o.get_type_size_max() == 0 || o.get_items_expected_max() == 0) return {};
  std::string type = o.get_type_name();
  if (const std::size_t colon = type.find(':'); colon != std::string::npos && colon + 1 < type.size()) {
    type.erase(0, colon + 1);
  }
  for (const auto& [from, to] : {std::pair("PATH(existing)", "PATH"), std::pair("DIR(existing)", "DIR")}) {
    if (type == from) type = to;
  }
  if (const std::size_t in = type.find(" in ["); in != std::string::npos) type.erase(0, in + 4);
  return type;
}

/// The values of an option that takes one of a list; empty for others.
std::vector<std::string> choices_of(const CLI::Option& o) {
  std::string type = value_of(o);
  std::vector<std::string> values;
  if (type.size() < 2 || type.front() != '{' || type.back() != '}') return values;
  std::istringstream list(type.substr(1, type.size() - 2));
  for (std::string value; std::getline(list, value, ',');) values.push_back(value);
  return values;
}

/// Whether it is a name of something in the file system: read, or written.
bool takes_file(const CLI::Option& o) {
  const std::string type = value_of(o);
  const bool exists = type.find("FILE") != std::string::npos || type.find("DIR") != std::string::npos ||
                      type.find("PATH") != std::string::npos;
  return exists ||
         has_word("--output --csv --html --json-file --markdown --npy --dumps --gfpq-param --values --codes --state",
                  with_dashes(o));
}

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string text;
  for (const std::string& w : words) text.append(text.empty() ? "" : between).append(w);
  return text;
}

/// With each of `characters` as what `with` puts before it.
std::string escaped(std::string_view text, std::string_view characters, std::string_view with) {
  std::string out;
  for (const char c : text) {
    if (characters.find(c) != std::string_view::npos) out += with;
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

/// For '...' of a shell.
std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? "'\\''" : std::string(1, c));
  return out + "'";
}

/// Help as CLI11 puts it together, each part fitted to the terminal.
class formatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
    for (std::size_t at = 0; (at = text.find("\n\n\n", at)) != std::string::npos;) text.erase(at, 1);
    return text;
  }
  std::string make_group(std::string group, bool is_positional, std::vector<const CLI::Option*> opts) const override {
    std::string out = "\n" + emphasized(group + ":", emphasis::heading) + "\n";
    for (const CLI::Option* o : opts) out += make_option(o, is_positional);
    return out;
  }
  std::string make_option(const CLI::Option* o, bool is_positional) const override {
    std::string head = is_positional ? o->get_name(true, false) : joined(dashed(*o), ", ");
    const std::vector<std::string> choices = choices_of(*o);
    const std::string value = choices.empty() ? value_of(*o) : joined(choices, "|");
    if (!value.empty() && !is_positional) head += ' ' + value;
    std::string text = o->get_description();
    if (!o->get_default_str().empty() && !is_positional) text += " (default: " + o->get_default_str() + ")";
    if (o->get_required() && !is_positional) text += " (required)";
    for (const auto& [others, what] :
         {std::pair(o->get_needs(), " (needs"), std::pair(o->get_excludes(), " (not with")}) {
      std::string names;
      for (const CLI::Option* other : others) names += ' ' + with_dashes(*other);
      if (!names.empty()) text += what + names + ")";
    }
    return entry(head, text);
  }
  std::string make_subcommand(const CLI::App* command) const override {
    return entry(command->get_name(), command->get_description());
  }
  std::string make_description(const CLI::App* app) const override { return paragraphs(app->get_description()); }
  std::string make_footer(const CLI::App* app) const override { return paragraphs(app->get_footer()); }
  std::string make_usage(const CLI::App* app, std::string name) const override {
    const std::string usual = CLI::Formatter::make_usage(app, std::move(name));
    return "\n" + emphasized("Usage:", emphasis::heading) + usual.substr(std::min(usual.find(' '), usual.size()));
  }

 private:
  static std::vector<std::string> dashed(const CLI::Option& o) {
    std::vector<std::string> names;
    for (const std::string& n : o.get_snames()) names.push_back("-" + n);
    for (const std::string& n : o.get_lnames()) names.push_back("--" + n);
    return names;
  }
  /// Its name, and what it is for beside it or, where the name is long, below.
  static std::string entry(const std::string& head, const std::string& text) {
    constexpr std::size_t column = 24;
    const std::size_t taken = columns_of(head) + 2;
    const std::string shown = "  " + emphasized(head, emphasis::option);
    const std::string body = wrapped(std::string(column, ' ') + text, help_width(), column);
    if (taken + 1 < column) return shown + body.substr(taken) + "\n";
    return shown + "\n" + body + "\n";
  }
  static std::string paragraphs(const std::string& text) {
    std::string out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      // Examples are to be copied: as they are.
      const bool is_example = line.starts_with("  ");
      const bool is_heading = line == "Example:" || line == "Examples:";
      out += (is_example   ? line
              : is_heading ? emphasized(line, emphasis::heading)
                           : wrapped(line, help_width(), 0)) +
             "\n";
    }
    return out;
  }
};

/// Text of roff: a line that begins with a dot is none of its requests.
std::string roff(std::string_view text) {
  std::string out;
  bool at_start = true;
  for (const char c : text) {
    if (at_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') out += "\\e";
    else if (c == '-') out += "\\-";
    else out += c;
    at_start = c == '\n';
  }
  return out;
}

std::string manual_of_option(const CLI::Option& o) {
  std::vector<std::string> names;
  for (const std::string& n : o.get_snames()) names.push_back("\\fB" + roff("-" + n) + "\\fR");
  for (const std::string& n : o.get_lnames()) names.push_back("\\fB" + roff("--" + n) + "\\fR");
  if (names.empty()) names.push_back("\\fI" + roff(o.get_name(true, false)) + "\\fR");
  const std::string value = o.get_positional() ? std::string() : value_of(o);
  std::string text = ".TP\n" + joined(names, ", ") + (value.empty() ? "" : " \\fI" + roff(value) + "\\fR") + "\n" +
                     roff(o.get_description());
  if (!o.get_default_str().empty() && !o.get_positional()) text += " (default: " + roff(o.get_default_str()) + ")";
  return text + "\n";
}

std::string manual_of_command(const CLI::App& command) {
  std::string text = ".SS " + roff(command.get_name()) + "\n" + roff(command.get_description()) + "\n";
  for (const CLI::Option* o : options_of(command)) text += manual_of_option(*o);
  if (!command.get_footer().empty()) text += ".PP\n.nf\n" + roff(command.get_footer()) + "\n.fi\n";
  return text;
}

std::string bash_completion(const CLI::App& app) {
  std::vector<std::string> names, words;
  std::ostringstream values, of_command;
  for (const CLI::Option* o : options_of(app)) words.push_back(with_dashes(*o));
  for (const CLI::App* c : commands_of(app)) {
    names.push_back(c->get_name());
    std::vector<std::string> options;
    for (const CLI::Option* o : options_of(*c)) {
      if (o->get_positional()) continue;
      options.push_back(with_dashes(*o));
      const std::string at = "    " + c->get_name() + ":" + with_dashes(*o) + ") ";
      if (const auto choices = choices_of(*o); !choices.empty()) {
        values << at << "COMPREPLY=($(compgen -W '" << joined(choices, " ") << "' -- \"$current\")); return ;;\n";
      } else if (!value_of(*o).empty()) {
        values << at << "return ;;\n";  // files, or what nobody can guess
      }
    }
    of_command << "    " << c->get_name() << ") words='" << joined(options, " ") << "' ;;\n";
  }
  return "# Completion of nnie-debug for bash, made by nnie-debug --completion bash.\n"
         "_nnie_debug() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= words= word\n"
         "  COMPREPLY=()\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case $word in " +
         joined(names, "|") +
         ") command=$word; break ;; esac\n"
         "  done\n"
         "  case $command:$previous in\n" +
         values.str() +
         "  esac\n"
         "  case $command in\n"
         "    '') words='" +
         joined(names, " ") + " " + joined(words, " ") + "' ;;\n" + of_command.str() +
         "  esac\n"
         "  if [[ -z $command || $current == -* ]]; then COMPREPLY=($(compgen -W \"$words\" -- \"$current\")); fi\n"
         "}\n"
         "complete -o default -F _nnie_debug nnie-debug\n";
}

std::string zsh_completion(const CLI::App& app) {
  const auto words = [](std::string_view text) { return escaped(text, "[]:\\", "\\"); };
  const auto entries = [&](const CLI::App& of) {
    std::string text;
    for (const CLI::Option* o : options_of(of)) {
      const auto choices = choices_of(*o);
      const std::string value = value_of(*o);
      std::string entry = o->get_positional() ? ":" + words(o->get_name(true, false)) + ":_files"
                                              : with_dashes(*o) + "[" + words(o->get_description()) + "]";
      if (!o->get_positional() && !value.empty()) {
        entry += ":value:" + (!choices.empty() ? "(" + joined(choices, " ") + ")" : takes_file(*o) ? "_files" : " ");
      }
      text += " \\\n      " + in_quotes(entry);
    }
    return text;
  };
  std::string commands, cases;
  for (const CLI::App* c : commands_of(app)) {
    commands += "      " + in_quotes(c->get_name() + ":" + words(c->get_description())) + "\n";
    cases += "    " + c->get_name() + ") _arguments" + entries(*c) + " ;;\n";
  }
  return "#compdef nnie-debug\n"
         "# Completion of nnie-debug for zsh, made by nnie-debug --completion zsh.\n"
         "_nnie_debug() {\n"
         "  if (( CURRENT == 2 )); then\n"
         "    local -a commands=(\n" +
         commands + "    )\n    _describe command commands\n    _arguments" + entries(app) +
         "\n    return\n  fi\n"
         "  local command=$words[2]\n"
         "  shift words\n"
         "  (( CURRENT-- ))\n"
         "  case $command in\n" +
         cases + "  esac\n}\n_nnie_debug \"$@\"\n";
}

std::string fish_completion(const CLI::App& app) {
  const auto option = [](const CLI::Option& o, const std::string& when) {
    if (o.get_positional()) return std::string();
    std::string line = "complete -c nnie-debug -n " + in_quotes(when);
    for (const std::string& n : o.get_snames()) line += " -s " + n;
    for (const std::string& n : o.get_lnames()) line += " -l " + n;
    const auto choices = choices_of(o);
    if (!choices.empty()) line += " -x -a " + in_quotes(joined(choices, " "));
    else if (takes_file(o) && !value_of(o).empty()) line += " -r -F";
    else if (!value_of(o).empty()) line += " -x";
    return line + " -d " + in_quotes(escaped(o.get_description(), "\\", "\\")) + "\n";
  };
  std::string text = "# Completion of nnie-debug for fish, made by nnie-debug --completion fish.\n";
  for (const CLI::Option* o : options_of(app)) text += option(*o, "__fish_use_subcommand");
  for (const CLI::App* c : commands_of(app)) {
    text += "complete -c nnie-debug -f -n __fish_use_subcommand -a " + c->get_name() + " -d " +
            in_quotes(escaped(c->get_description(), "\\", "\\")) + "\n";
    for (const CLI::Option* o : options_of(*c)) text += option(*o, "__fish_seen_subcommand_from " + c->get_name());
  }
  return text;
}

}  // namespace usage

void complete_commands(CLI::App& app, std::string& colour) {
  using namespace usage;
  const auto shared = std::make_shared<formatter>();
  const auto add_colour = [&](CLI::App& a) {
    a.formatter(shared);
    a.add_option("--color", colour, "colours in what is printed; auto: on a terminal, unless NO_COLOR is set")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->default_str("auto")
        ->each([](const std::string& choice) {
          set_colour(choice == "always"  ? colour_choice::always
                     : choice == "never" ? colour_choice::never
                                         : colour_choice::automatic);
        });
  };
  add_colour(app);
  for (CLI::App* c : app.get_subcommands([](CLI::App*) { return true; })) {
    add_colour(*c);
    c->group("Commands");
    for (CLI::Option* o : c->get_options()) {
      if (o->get_positional()) continue;
      for (const auto& [name, words] : groups) {
        if (has_word(words, with_dashes(*o))) o->group(std::string(name));
      }
    }
  }
}

std::string manual(const CLI::App& app) {
  using namespace usage;
  std::string text = ".TH NNIE\\-DEBUG 1 \"\" \"nnie\\-debug " + std::to_string(NNIESIM_VERSION_MAJOR) + "." +
                     std::to_string(NNIESIM_VERSION_MINOR) + "." + std::to_string(NNIESIM_VERSION_PATCH) +
                     "\" \"User Commands\"\n"
                     ".SH NAME\nnnie\\-debug \\- what HiSilicon's NNIE accelerator makes of a network, layer by layer\n"
                     ".SH SYNOPSIS\n\\fBnnie\\-debug\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n"
                     ".SH DESCRIPTION\n" +
                     roff(app.get_description()) + "\n.SH OPTIONS\n";
  for (const CLI::Option* o : options_of(app)) text += manual_of_option(*o);
  text += ".SH COMMANDS\n";
  for (const CLI::App* c : commands_of(app)) text += manual_of_command(*c);
  const std::array<std::pair<std::string_view, std::string_view>, 5> environment = {
      {{"NNIESIM_ISA", "the instruction set of the kernels; the results are the same bits for any"},
       {"COLUMNS", "the width of lines on a terminal, and of help"},
       {"NO_COLOR", "set to anything: no colours, unless --color says otherwise"},
       {"SOURCE_DATE_EPOCH", "the date of reports and of JSON, in seconds since 1970"},
       {"TMPDIR", "where folders for --post and --score-command are made"}}};
  text += ".SH ENVIRONMENT\n";
  for (const auto& [name, words] : environment) {
    text += ".TP\n\\fB" + std::string(name) + "\\fR\n" + roff(words) + "\n";
  }
  return text;
}

std::string completion(const CLI::App& app, std::string_view shell) {
  if (shell == "bash") return usage::bash_completion(app);
  if (shell == "zsh") return usage::zsh_completion(app);
  return usage::fish_completion(app);
}

std::string unknown_word(const CLI::App& app) {
  using namespace usage;
  namespace detail = nniesim::detail;
  const auto chosen = app.get_subcommands();
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  const std::vector<std::string> words = app.remaining(true);
  if (words.empty()) return {};
  const std::string word = words.front().substr(0, words.front().find('='));
  const bool is_option = word.size() > 1 && word.front() == '-';
  std::vector<std::string> known;
  if (is_option) {
    for (const CLI::Option* o : options_of(command)) {
      if (!o->get_positional()) known.push_back(with_dashes(*o));
    }
  } else if (&command == &app) {
    for (const CLI::App* c : commands_of(app)) known.push_back(c->get_name());
  }
  std::vector<std::string_view> like;  // what shares most letters with it
  for (const std::string& k : known) {
    if (detail::edit_distance(word, k) <= 1 + word.size() / 3) like.emplace_back(k);
  }
  const std::string what = is_option ? "no option " : &command == &app ? "no command " : "one argument too many: ";
  const std::string in = &command == &app ? std::string() : command.get_name() + ": ";
  const std::string all =
      like.empty() && !is_option && &command == &app ? "; the commands are " + joined(known, ", ") : "";
  return in + what + detail::excerpt(word) + detail::nearest_names(word, like) + all;
}

}  // namespace nnie_debug
