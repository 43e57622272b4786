"""Messages to the user: what happened and what to do, through napari's notifications."""

from __future__ import annotations

from napari.utils.notifications import show_error, show_info, show_warning

from ...errors import FewviewError
from .words import without_flags


def tell(text: str) -> None:
    """Something went well, or is worth knowing."""
    show_info(text)


def warn(text: str) -> None:
    """Something needs a look."""
    show_warning(text)


def complain(error: Exception) -> None:
    """Something went wrong: the user's mistakes with their remedy, others with their type."""
    if isinstance(error, FewviewError):
        show_error(without_flags(str(error)))
    else:
        show_error(f"{type(error).__name__}: {error}")
