"""Learning from a dense scan: an unrolled network for one kind of sample, one geometry and one dose, in minutes.

Beamlines often have one dense scan of a sister sample, or one before a series in time. A network that is trained end to
end is a specialist, and becomes one for that sample within minutes.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..methods.diffusion.start import least_squares
from ..methods.interface import Problem
from ..methods.inverse.masking import measured as measured_values
from ..methods.inverse.normalised import robust_maximum
from ..methods.selection.held_out import held_fraction
from ..models.unrolled import Unrolled, arc
from ..models.weights import load_unrolled, save_network
from ..operators import Operator
from ..quality.heldout import FEW_VIEWS
from ..quality.residual import noise_level
from .acquisitions import measured
from .checkpoint import averaged
from .common_options import minutes_option, rate_option, save_option, start_option, validate_option
from .export import VALUE_RANGE, provenance
from .sister_views import MeasuredViews
from .sources import unit
from .specimens import halved, specimens
from .trainer import Report, TrainerOptions
from .unrolled import UnrolledTrainer
from .unrolled_export import new_unrolled
from .unrolled_validate import reconstructed, unrolled_psnr

HELD_OUT = 0.15  # part of the slices, to measure progress by
FEWEST = 8  # slices of a volume from which some are held out
PARTIAL = 0.3  # part of the steps that show less than the whole scan: as when some is held out, or a detector has gaps
MISSING = 0.15  # of the pixels, at most, in one half of those steps; in the other half views are missing
PIXELS = 12 * 64**2  # of a step, about
HALF = 0.5  # of the way from the network that was started from to what was learnt: kept, where nothing is better
MEASURED = 0.5  # part of the steps that learn from views as they were measured, where a dense scan has such


class SisterTraining(TrainerOptions):
    """Options of :class:`SisterTrainer`."""

    minutes: float = minutes_option(10.0)
    start: str = start_option("unrolled-general")
    rate: float = rate_option(6e-4)
    validate_every: float = validate_option(1.0)
    save_every: float = save_option(1.0)


class SisterTrainer(UnrolledTrainer[SisterTraining]):
    """Learns a volume as a scan will see it, or goes on with the training that ``folder`` holds.

    Parameters
    ----------
    options : SisterTraining
    volume : ndarray, shape (z, y, x)
        A good reconstruction of a sister sample on the field of view of the scan: of its pixels or finer ones. Its unit
        does not matter. Of fewer than 8 slices none is held out: progress is then that on what is learnt, measured
        with other noise, and says less.
    scan : Problem
        What is to be reconstructed later: its operator, line integrals and weights give geometry, attenuation and dose.
    folder : Path
        Gets the state, to resume from, and ``curve.json``.
    report : callable
        Takes lines of progress.
    views : MeasuredViews, optional
        Those of the dense scan that the volume was made of: half of the steps then learn from them.

    Raises
    ------
    FewviewError
        A volume without any attenuation.
    """

    warm_up = 50
    stages, krylov = 4, True

    def __init__(
        self,
        options: SisterTraining,
        volume: NDArray[np.floating],
        scan: Problem,
        folder: Path,
        report: Report,
        views: MeasuredViews | None = None,
    ) -> None:
        self.start, self.views = options.start, views
        self.learnt, kept = _parted(unit(np.asarray(volume, dtype=np.float32)))
        self.progress = "heldout_psnr" if len(volume) >= FEWEST else "learnt_psnr"
        super().__init__(options, folder, report)
        if self.progress == "learnt_psnr":
            count = f"{len(volume)} slice{'s' * (len(volume) != 1)}"
            self.report(f"A volume of {count} is too thin to hold some out: all are learnt.")
        self.A = scan.operator
        y, weights = measured_values(scan)
        self.behind = 1 / max(noise_level(y, weights), 1e-4) ** 2
        self.peak = robust_maximum(least_squares(scan))
        self.slices = min(12, max(1, round(PIXELS / self.A.grid**2)))
        rng = np.random.default_rng(options.seed + 1)
        fine, _ = specimens([kept], self.A.grid, 1, min(4, len(kept)), rng)
        self.cases = [self._measured(fine, self.A, rng)]

    def gradients(self) -> float:
        """Of slices turned, mirrored, bent and scaled, or of views as they were measured."""
        depth = min(4, self.slices)
        if self.views is not None and self.rng.random() < MEASURED:
            return self._of_measured_views(self.views, depth)
        fine, depth = specimens(self.learnt, self.A.grid, max(1, self.slices // depth), depth, self.rng, turned=True)
        scale, part = math.exp(self.rng.uniform(-0.15, 0.15)), self.rng.random() / PARTIAL
        A = self._some_views() if part < 0.5 else self.A
        problem, _ = self._measured(fine, A, self.rng, scale)
        if 0.5 <= part < 1:
            assert problem.weights is not None
            seen = torch.from_numpy(self.rng.random(tuple(problem.data.shape)) > self.rng.uniform(0, MISSING))
            problem = replace(problem, weights=problem.weights * seen.to(problem.weights))
        return self.descend(problem, halved(fine).to(self.device), depth)

    def _of_measured_views(self, views: MeasuredViews, depth: int) -> float:
        losses = []
        for _ in range(max(1, self.slices // depth)):
            partly = self.rng.random() < PARTIAL
            missing = self.rng.uniform(0, 1 - self._fewest_views() / self.A.views) if partly else 0.0
            problem, truth = views.draw(depth, self.rng, missing)
            losses.append(self.descend(problem, truth, len(truth)))
        return float(np.mean(losses))

    def _some_views(self) -> Operator:
        """The operator without some views, no more than a check of the scan holds out."""
        kept = int(self.rng.integers(self._fewest_views(), self.A.views + 1))
        A = self.A.subset(np.sort(self.rng.choice(self.A.views, kept, replace=False)))
        A.once = True  # no other step draws the same: kept, hundreds of dead matrices would lie in memory
        return A

    def _fewest_views(self) -> int:
        views = self.A.views
        return views if views <= FEW_VIEWS else views - round(held_fraction(views) * views)

    def _measured(
        self, fine: Tensor, A: Operator, rng: np.random.Generator, scale: float = 1.0
    ) -> tuple[Problem, Tensor]:
        peak = self.peak * scale
        problem = measured(fine.to(self.device), A, rng, peak=peak, behind=self.behind, noiseless=0.0)
        return problem, halved(fine).to(self.device) * peak

    def figures(self) -> dict[str, Any]:
        """Of the held-out slices, or of learnt ones where none is held out."""
        return {self.progress: unrolled_psnr(cast(Unrolled, self.ema.model), self.cases)}

    def picture(self) -> Tensor:
        """The slices of :meth:`figures`, reconstructed by the average as it stands."""
        ((problem, truth),) = self.cases
        return reconstructed(cast(Unrolled, self.ema.model), problem, len(truth))

    def seeds(self) -> int:
        """None: nothing is simulated but the measurement."""
        return 0

    def further_facts(self) -> dict[str, Any]:
        """The shape of the network, and what it is trained for."""
        A = self.A
        trained_for = {
            "views": [self._fewest_views(), A.views],
            "arc_deg": [round(math.degrees(arc(A.angles)), 1)] * 2,
            "counts_behind": [round(self.behind, 1)] * 2,
            "side_px": [A.grid, A.grid],
            "pixel_mm": [A.volume.voxel] * 2,
        }
        return super().further_facts() | {"trained_for": trained_for}


def export_sister(
    folder: Path, path: Path, learnt: str, checked: dict[str, Any] | None = None, part: float = HALF
) -> None:
    """Write the averaged weights with a card.

    Parameters
    ----------
    folder : Path
        Of :class:`SisterTrainer`.
    path : Path
        ``.safetensors`` to write.
    learnt : str
        What was learnt, in words: name of the file of the volume.
    checked : dict, optional
        What held-out views of the scan said of it and of other methods.
    part : float, optional
        Of the way from the network that was started from to what was learnt, if it was started from one:
        :func:`fewview.training.sister_check.kept_part`.
    """
    facts, net = averaged(folder, new_unrolled)
    start = facts["options"]["start"]
    if part < 1 and start:
        _keep_part(net, load_unrolled(start), part)
    started = Path(start).stem
    card = {
        "trained_on": f"the volume {learnt}" + (f"; started from {started}" if started else ""),
        "trained_for": facts["trained_for"],
        **provenance(facts),
        "value_range": VALUE_RANGE,
        "validation": "PSNR in dB of slices of the volume, measured as the scan was: of slices held out (heldout_psnr),"
        " or, where there were too few, of those that were learnt (learnt_psnr)",
        **({"part_of_the_way": part} if started else {}),
        **({"held_out": checked} if checked else {}),
    }
    save_network(net, path, card)


def _keep_part(net: Unrolled, start: Unrolled, part: float) -> None:
    """Weights between those of two networks (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022)."""
    began = start.state_dict()
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.lerp(began[name].to(value), value, part))


def _parted(volume: NDArray[np.float32]) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    """What is learnt, on either side of what is held out: slices in the middle, if there are enough."""
    if len(volume) < FEWEST:
        return [volume], volume
    kept = max(2, round(HELD_OUT * len(volume)))
    first = (len(volume) - kept) // 2
    return [part for part in (volume[:first], volume[first + kept :]) if len(part)], volume[first : first + kept]
