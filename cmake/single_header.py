#!/usr/bin/env python3
"""single_header.py OUT: writes formats, operators and metrics (nniesim/nniesim.hpp) as one file, for Compiler Explorer and
the like. Beside the standard library it needs xtensor."""

import pathlib
import re
import sys

INCLUDE = re.compile(r"#include <(nniesim/[\w/.]+)>\s*$")
ROOT = pathlib.Path(__file__).resolve().parent.parent / "include"


def lines_of(name, seen):
    """The lines of a header with those that it includes in their place: .hpp once, .inl as often as they stand."""
    if name.endswith(".hpp"):
        if name in seen:
            return
        seen.add(name)
    depth = 0  # of #if
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line.strip() == "#pragma once":
            continue
        depth += line.startswith("#if")
        depth -= line.startswith("#endif")
        match = INCLUDE.match(line)
        if not match:
            yield line
            continue
        if depth and match[1].endswith(".hpp"):
            sys.exit(f"{name}: {match[1]} is included under a condition: a second place would miss it")
        yield f"// {match[1]}"
        yield from lines_of(match[1], seen)


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    text = "\n".join(["// nniesim in one file, made by cmake/single_header.py.", "#pragma once"]
                     + [line.rstrip() for line in lines_of("nniesim/nniesim.hpp", set())]) + "\n"
    licence = (ROOT.parent / "LICENSE").read_text(encoding="utf-8")
    text = "".join(f"// {line}".rstrip() + "\n" for line in licence.splitlines()) + text
    pathlib.Path(sys.argv[1]).write_text(text, encoding="utf-8")


main()
