"""The one part of the build that pyproject.toml cannot say: the extension that calls compiled models."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "ironworks.runtime._native",
            ["src/ironworks/runtime/_native.c", "src/ironworks/runtime/_rows.c"],
            depends=["src/ironworks/runtime/_native.h", "src/ironworks/runtime/c/ironworks.h"],
            include_dirs=["src/ironworks/runtime"],
            extra_compile_args=["-O2", "-fvisibility=hidden"],
            # Where there is no C compiler the runtime calls libraries through ctypes, which is slower.
            optional=True,
        )
    ]
)
