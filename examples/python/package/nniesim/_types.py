"""Types of arguments."""

from __future__ import annotations

import os
from typing import Any, Optional, Protocol, Union

import numpy as np
import numpy.typing as npt

from . import _core

core: Any = _core
"""The compiled module; what is public says what its functions give."""


class SupportsDLPack(Protocol):
    """An array of any library in the processor's memory."""

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...

    def __dlpack_device__(self) -> Any: ...


Array = Union[npt.NDArray[Any], SupportsDLPack]
Floats = npt.NDArray[np.float32]
Path = Union[str, os.PathLike[str]]


def path_text(path: Optional[Path]) -> Optional[str]:
    return None if path is None else os.fspath(path)
