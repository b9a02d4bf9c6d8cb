"""The Conan 2 recipe of nniesim, for the sources that lie around it: `conan create cmake/packaging/conan`."""

import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load

SOURCES = os.path.join("..", "..", "..")


class Nniesim(ConanFile):
    name = "nniesim"
    description = "What HiSilicon's NNIE accelerator computes, bit for bit"
    license = "MIT"
    topics = ("quantization", "simulation", "neural-networks", "header-only")
    package_type = "static-library"
    settings = "os", "arch", "compiler", "build_type"
    # operators: nniesim::operators too, which is compiled for minutes; the rest is headers.
    # with_dependencies: take Eigen and xtensor from Conan; else from the system.
    options = {"operators": [True, False], "with_dependencies": [True, False]}
    default_options = {"operators": True, "with_dependencies": True}

    def set_version(self):
        text = load(self, os.path.join(self.recipe_folder, SOURCES, "include", "nniesim", "core", "version.hpp"))
        self.version = ".".join(
            re.search(f"NNIESIM_VERSION_{part} ([0-9]+)", text)[1] for part in ("MAJOR", "MINOR", "PATCH"))

    def export_sources(self):
        root = os.path.join(self.recipe_folder, SOURCES)
        for pattern in ("CMakeLists.txt", "LICENSE", "include/*", "cmake/*.cmake", "cmake/*.in"):
            copy(self, pattern, root, self.export_sources_folder)

    def requirements(self):
        if self.options.with_dependencies:
            self.requires("eigen/[>=3.3 <6]", transitive_headers=True)
            self.requires("xtensor/[>=0.24 <0.28]", transitive_headers=True)

    def validate(self):
        check_min_cppstd(self, 20)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.user_presets_path = False
        for part in ("TESTS", "EXAMPLES", "BENCH"):
            toolchain.cache_variables[f"NNIESIM_BUILD_{part}"] = False
        toolchain.cache_variables["NNIESIM_INSTALL_OPERATORS"] = bool(self.options.operators)
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_id(self):
        if not self.info.options.operators:
            self.info.clear()

    def package_info(self):
        # The package file of nniesim's own names both targets and the definitions that operators take along.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = [os.path.join("share", "cmake", "nniesim")]
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = ["lib"] if self.options.operators else []
