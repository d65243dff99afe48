"""The parts of the build that pyproject.toml cannot say: the extensions."""

from setuptools import Extension, setup

SERVING = "src/ironworks/serving/c"
CODECS = "src/ironworks/serving/codecs/c"

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
        ),
        # It loads in every Python from 3.8 on, because original models are served in their frameworks' own.
        Extension(
            "ironworks.serving._http",
            [
                f"{SERVING}/{name}.c"
                for name in (
                    "chunks", "connection", "deadlines", "head", "listeners", "module", "requests", "routes", "server",
                    "slot",
                )
            ],
            depends=[f"{SERVING}/{name}.h" for name in ("chunks", "connection", "head", "server")],
            extra_compile_args=["-O2", "-fvisibility=hidden", "-std=gnu11"],
            py_limited_api=True,
            # Only endpoints need it, and they say so where it is missing.
            optional=True,
        ),
        # So does this one.
        Extension(
            "ironworks.serving.codecs._arrays",
            [f"{CODECS}/arrays.c", f"{CODECS}/number.c"],
            depends=[f"{CODECS}/number.h"],
            extra_compile_args=["-O2", "-fvisibility=hidden", "-std=gnu11"],
            py_limited_api=True,
            # Where it is missing, text is read by Python's own library, which is slower.
            optional=True,
        ),
    ]
)  # fmt: skip
