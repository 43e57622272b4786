"""Packages for rare formats, which are installed only where somebody needs them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import ScanError


def require(package: str, name: str, title: str) -> Any:
    """The module of a package.

    Parameters
    ----------
    package : str
        To import.
    name : str
        Of the file that wants it.
    title : str
        What kind of file that is.

    Returns
    -------
    module
        Imported.

    Raises
    ------
    ScanError
        It is not installed; the message says how to get it.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError:
        raise ScanError(
            f"{name} is {title}, which fewview reads with {package}, and that is not installed.",
            "Run `pip install 'fewview[formats]'`.",
        ) from None
