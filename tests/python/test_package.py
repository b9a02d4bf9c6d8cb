"""What is installed: version, types, the command, docstrings; README's lines."""

import dataclasses
import importlib.metadata
import importlib.resources
import inspect
import re
import subprocess
import sys

import nniesim
import pytest
from conftest import SOURCE, TOOL

PUBLIC = [getattr(nniesim, name) for name in nniesim.__all__]


def test_it_is_the_installed_package():
    assert SOURCE not in __import__("pathlib").Path(nniesim.__file__).parents
    header = (SOURCE / "include" / "nniesim" / "core" / "version.hpp").read_text()
    version = ".".join(re.search(rf"NNIESIM_VERSION_{p} (\d+)", header)[1] for p in ("MAJOR", "MINOR", "PATCH"))
    assert nniesim.__version__ == version == importlib.metadata.version("nniesim")
    assert nniesim.results_version == int(re.search(r"NNIESIM_RESULTS_VERSION (\d+)", header)[1])


def test_it_has_types():
    files = importlib.resources.files("nniesim")
    assert (files / "py.typed").is_file()
    stub = (files / "_core.pyi").read_text()
    compile(stub, "_core.pyi", "exec")
    assert "def conv2d(" in stub and "class ShapeError(Error)" in stub


def test_the_command_is_installed():
    done = subprocess.run([TOOL, "--help"], capture_output=True, text=True, check=True, timeout=60)
    assert "diagnose" in done.stdout and "compensate" in done.stdout


def test_all_that_is_public_is_documented():
    for thing in PUBLIC:
        if not (inspect.isclass(thing) or inspect.isfunction(thing)):
            continue
        if inspect.isclass(thing) and issubclass(thing, Exception):
            continue
        assert inspect.getdoc(thing), thing
        if inspect.isclass(thing):
            for name, member in vars(thing).items():
                if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                    if not dataclasses.is_dataclass(thing):
                        assert inspect.getdoc(member), (thing, name)


def test_errors_are_value_errors():
    kinds = (nniesim.ShapeError, nniesim.FormatError, nniesim.ParseError, nniesim.Interrupted)
    assert issubclass(nniesim.Error, ValueError) and all(issubclass(k, nniesim.Error) for k in kinds)


def test_the_quickstart_runs(tmp_path):
    path = SOURCE / "examples" / "python" / "quickstart.py"
    assert len(path.read_text().splitlines()) <= 10
    for readme in ("README.md", "README.zh-CN.md"):
        assert f"```python\n{path.read_text()}```\n" in (SOURCE / readme).read_text(), readme
    (tmp_path / "examples").symlink_to(SOURCE / "examples")
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, cwd=tmp_path, check=True, timeout=300)
    assert "norm error" in done.stdout and "classifier" in done.stdout
    assert (tmp_path / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize("name", nniesim.__all__)
def test_every_public_name_is_tested(name):
    if name.startswith("__") or (
        inspect.isclass(getattr(nniesim, name)) and dataclasses.is_dataclass(getattr(nniesim, name))
    ):
        return
    tests = "".join(f.read_text() for f in sorted((SOURCE / "tests" / "python").glob("test_*.py")))
    assert re.search(rf"nniesim\.{name}\b|\.{name}\b|network\.{name}\b", tests), name
