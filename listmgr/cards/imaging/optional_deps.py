"""Optional dependencies for pictures, loaded when the first picture arrives."""

from __future__ import annotations

import importlib
import importlib.util
from functools import lru_cache
from typing import Any

# Modules by the extra that brings them.
SCAN = ("PIL", "zxingcpp")
OCR = ("PIL", "numpy", "cv2", "onnxruntime", "rapidocr")


@lru_cache(maxsize=16)
def extra(module: str) -> Any:  # noqa: ANN401 - modules that may not be there when types are checked
    """Import a module, which is heavy, only when it is needed."""
    return importlib.import_module(module)


@lru_cache(maxsize=4)
def installed(modules: tuple[str, ...]) -> bool:
    """Whether all modules are installed, without loading them."""
    return all(importlib.util.find_spec(module) is not None for module in modules)
