// json_check SCHEMA FILE...: every file is what the schema says, and none of them once a member is renamed or a number
// is a string. Exit code 1 and a line for each problem else.
#include <exception>
#include <fstream>
#include <iostream>
#include <string>

#include "support/json_schema.hpp"

namespace {

using json_schema::json;

json read(const char* path) {
  std::ifstream in(path);
  return json::parse(in);
}

/// Whether a change to a right document makes it wrong: the schema looks at what it should.
bool is_caught(const json_schema::checker& schema, json document) {
  document["another_member"] = 1;
  if (schema.problems(document).empty()) return false;
  document.erase("another_member");
  for (const char* member : {"schema", "results_version", "command"}) {
    json changed = document;
    changed[member] = "changed";
    if (schema.problems(changed).empty()) return false;
    changed.erase(member);
    if (schema.problems(changed).empty()) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) throw std::runtime_error("usage: json_check SCHEMA FILE...");
  const json schema = read(argv[1]);
  const json_schema::checker checker(schema);
  bool is_right = true;
  for (int i = 2; i < argc; ++i) {
    const json document = read(argv[i]);
    const auto problems = checker.problems(document);
    for (const std::string& p : problems) std::cout << argv[i] << ": " << p << '\n';
    const bool caught = is_caught(checker, document);
    if (!caught) std::cout << argv[i] << ": a wrong copy of it passes\n";
    is_right = is_right && problems.empty() && caught;
  }
  return is_right ? 0 : 1;
} catch (const std::exception& e) {
  std::cout << e.what() << '\n';
  return 1;
}
