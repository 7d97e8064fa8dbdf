from pathlib import Path

from spack_repo.builtin.build_systems.cmake import CMakePackage
from spack_repo.builtin.build_systems.cuda import CudaPackage

from spack.package import *


class Tunescope(CMakePackage, CudaPackage):
    """Fine-tunes BERT and other transformers on GLUE with full and parameter-efficient methods over many seeds and
    learning rates, and records how far each parameter moves and how much Fisher information it has."""

    # The checkout that this recipe lies in, at its latest commit.
    git = Path(__file__).resolve().parents[6].as_uri()
    license("Apache-2.0")
    version("0.1.0", branch="main")

    generator("ninja")
    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("git", type="build")
    depends_on("openmpi@4:")
    depends_on("hdf5+hl")
    depends_on("boost+program_options")
    depends_on("nlohmann-json")
    depends_on("spdlog")
    depends_on("icu4c")
    depends_on("openssl")
    depends_on("sentencepiece@0.1.97:")
    depends_on("py-torch@2.11.0~cuda", when="~cuda")
    for arch in CudaPackage.cuda_arch_values:
        depends_on(f"py-torch@2.11.0+cuda cuda_arch={arch}", when=f"+cuda cuda_arch={arch}")
        depends_on(f"nccl cuda_arch={arch}", when=f"+cuda cuda_arch={arch}")
    depends_on("cuda@13:", when="+cuda")
    conflicts("cuda_arch=none", when="+cuda", msg="name the GPUs, such as cuda_arch=90")
    conflicts("%gcc@:11", msg="Tunescope needs a C++20 compiler, such as GCC 12")

    def cmake_args(self):
        torch = ancestor(self.spec["py-torch"].package.cmake_prefix_paths[0], 2)
        args = [
            self.define("TUNESCOPE_TESTS", False),
            self.define_from_variant("TUNESCOPE_CUDA", "cuda"),
            self.define("TORCH_INCLUDE_DIR", join_path(torch, "include")),
        ]
        if self.spec.satisfies("+cuda"):
            args.append(self.define("CMAKE_CUDA_ARCHITECTURES", self.spec.variants["cuda_arch"].value))
        return args
