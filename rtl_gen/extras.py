"""Modules that do not come with the project itself, and what installs each."""

from rtl_gen.errors import CheckError

EXTRAS = {
    "onnx": ("onnx", "onnxruntime", "pillow"),
    "explore": ("dask", "distributed", "optuna", "psutil"),
    "boards": ("amaranth_boards",),
}
"""Modules by the extra of the project that brings them."""
ALONE = ("matplotlib",)
"""Modules that several extras bring, and that do without them."""


def installing(module: str) -> str:
    """The command that installs a module, or the module that it is part of.

    >>> installing("optuna")
    "pip install 'stlq[explore]'"
    >>> installing("matplotlib.figure")
    'pip install matplotlib'
    >>> installing("numpy")
    "`pip install -e .` in the project's folder"
    """
    package = module.partition(".")[0]
    if package in ALONE:
        return f"pip install {package}"
    extras = [extra for extra, modules in EXTRAS.items() if package in modules]
    return f"pip install 'stlq[{extras[0]}]'" if extras else "`pip install -e .` in the project's folder"


def missing(module: str, wrong: str = "is not installed") -> CheckError:
    """The error of a module that is missing, or `wrong` in another way."""
    return CheckError(f"{module} {wrong}; to install it: {installing(module)}")
