"""The data sets of the quality benchmark by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import OptionError, choices
from .case import Array, Case
from .measured import WOODS, few_views, tooth, wood
from .simulated import grown, measured, shell
from .xray import Exposed, auxiliary

SIMULATED = ("microstructure", "ellipses", "grains", "fibres", "foam", "anatomy")
UNSEEN = ("foam",)
"""Families that no shipped network was trained on."""
DATA = (*SIMULATED, "wood", "tooth", "shell")
_VOLUMES = {"wood": len(WOODS), "tooth": 1, "shell": 1}
_AS_MEASURED = ("wood", "tooth")
MEASURED = Path("../shared/data")


@dataclass(frozen=True)
class Sample:
    """What a row is measured on.

    Parameters
    ----------
    data : str
        One of :data:`DATA`.
    size, slices : int
        Pixels along a side, and slices at most: wood and shell have one.
    folder : Path
        Of the measured data.
    """

    data: str
    size: int
    slices: int
    folder: Path = MEASURED

    def __post_init__(self) -> None:
        if self.data not in DATA:
            raise OptionError(f"There is no data set '{self.data}'.", choices(self.data, DATA))
        if self.size < 16 or self.size % 2:
            raise OptionError(f"A size of {self.size} is not possible.", "Choose an even number from 16.")

    @property
    def depth(self) -> int:
        """Slices that there are."""
        return {"wood": 1, "shell": 1, "tooth": min(self.slices, 2)}.get(self.data, self.slices)

    def volumes(self, wanted: int) -> int:
        """How many samples there are, of the number wanted."""
        return min(wanted, _VOLUMES.get(self.data, wanted))

    def noise(self, counts: float | None) -> float | None:
        """Counts to measure with; None for noise as it was measured, or for none."""
        return None if self.data in _AS_MEASURED else counts

    def case(self, volume: int, seed: int, views: int, counts: float | None) -> Case:
        """The measurement number ``seed`` of the sample number ``volume``.

        Of simulated data a seed draws other noise, of measured data it chooses other views.

        Parameters
        ----------
        volume : int
            Number of the sample.
        seed : int
            Number of its measurement.
        views : int
        counts : float or None
            Open-beam counts of a pixel; None without noise.

        Returns
        -------
        Case
            Line integrals that are used and that are held out, and the truth (slices, size, size).

        Raises
        ------
        NoData
            The data are not here, or have not so many views or columns.
        """
        if self.data in SIMULATED:
            phantom, truth = grown(self.data, self.size, self.slices, volume)
            return measured(phantom, truth, views, counts, (volume, seed))
        if self.data == "shell":
            phantom, truth = shell(self.size)
            return measured(phantom, truth, views, counts, (volume, seed))
        whole, reference = (
            wood(self.size, volume, self.folder) if self.data == "wood" else tooth(self.size, self.slices)
        )
        return few_views(whole, reference, views, seed)

    def auxiliary(self, volume: int, seed: int, counts: float | None, control: str) -> Array:
        """The X-ray volume that methods get under a control: (slices, size, size).

        Parameters
        ----------
        volume : int
            Number of the sample.
        seed : int
            Number of its measurement.
        counts : float or None
            Of the neutrons: X-rays have ten times as many.
        control : str
            What is done to the right X-ray volume.

        Returns
        -------
        ndarray of float32, shape (slices, size, size)
            On the grid of the neutrons, as a reconstruction gives it.

        Raises
        ------
        NoData
            There is none of this sample.
        """
        return auxiliary(Exposed(self.data, self.size, self.depth, volume, seed, counts), control)
