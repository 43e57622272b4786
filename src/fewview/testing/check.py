"""The promises of a method, tried one after another on small scans."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import FewviewError, MethodUnavailable, OptionError
from ..methods.interface import Estimate, Method
from ..methods.presets import PRESETS, preset_options
from ..methods.size import Size
from ..runs.slabs import SlabRun
from ..scan import LineIntegrals
from .held import held_at_peak
from .scans import beams, block, scan

PAUSE = 0.2  # seconds of work within which the stop flag must be looked at
TRIES = 3  # a machine full of other work takes twice as long for the same
LARGE = 192, 16  # pixels a side, and slices, of the volume that memory is counted on
OVER, FLOOR = 0.2, 2e6  # of what is held, that a forecast may be above it; bytes that count for nothing
CLOSE = 1e-3  # of the range of the volume: whole run against slabs, where slices depend on their neighbours


def check_method(method: Method[Any], **options: Any) -> None:
    """Try whether a method holds what every method must; raise on the first thing that it does not hold.

    Its presets and its refusal of unknown options; runs on a parallel beam and on a fan that end, with a finite volume
    on the grid; looking at the stop flag within 0.2 s of work; nothing that is left open by tuning, and the same volume
    with what it settles; a resumed run that ends bit-equal; slabs that give the volume of the whole run; a clear error
    on data that cannot be used.

    And a memory forecast that is not below what is held at the peak, and not above it by more than a fifth, give or
    take 2 MB.
    This is tried on 16 slices of 192 pixels, and only of methods that hold nothing ``beside`` volumes, line integrals
    and matrices: with a network or a field, a volume large enough for the forecast to mean anything takes longer than
    a test may, and what other programs hold is not seen. ``benchmarks/memory.py`` measures those.

    Parameters
    ----------
    method : Method
        It need not be registered.
    **options
        Of the method: what keeps a run on 6 slices of 32 pixels short.

    Raises
    ------
    AssertionError
        Says what the method does not hold.

    Examples
    --------
    >>> from fewview.methods import get_method
    >>> check_method(get_method("sirt"), iterations=5)
    """
    _options_are_sound(method)
    volume = block()
    scans = []
    for lines in (scan(beam, volume) for beam in beams()):
        try:
            _runs_to_its_end(method, options, lines, volume)
            scans.append(lines)
        except MethodUnavailable:  # it says that it is not for this beam
            assert scans, f"'{method.name}' does not take a parallel beam."
    _looks_at_the_stop_flag(method, options, scans[0], volume)
    _is_tuned_to_a_recipe(method, options, scans[0], volume)
    if method.resumable:
        _resumes_bit_equal(method, options, scans[0], volume)
    for lines in scans:
        _slabs_give_the_run(method, options, lines, volume)
    _refuses_what_cannot_be_used(method, options, scans[0], volume)
    size = Size(LARGE[1], LARGE[0], LARGE[0], LARGE[0])
    if method.family != "external" and method.beside(method.options.parse(options), size) == 0:
        _holds_what_was_forecast(method, options)


def _run(method: Method[Any], options: Mapping[str, Any], lines: LineIntegrals, aux: Any, **more: Any) -> SlabRun:
    auxiliary = aux if "aux" in method.needs else None
    return SlabRun(lines, method, options, auxiliary=auxiliary, device="cpu", seed=3, **more)


def _options_are_sound(method: Method[Any]) -> None:
    for preset in PRESETS:
        method.options.parse(preset_options(method, preset))
    try:
        method.options.parse({"no_such_option": 1})
    except OptionError:
        return
    raise AssertionError(f"'{method.name}' takes an option that it does not have.")


def _runs_to_its_end(
    method: Method[Any], options: Mapping[str, Any], lines: LineIntegrals, volume: NDArray[np.float32]
) -> None:
    run, last = _run(method, options, lines, volume), None
    for last in run:
        assert 0 <= last.step <= last.total, f"'{method.name}' is at step {last.step} of {last.total}."
        assert last.volume.shape == volume.shape, f"'{method.name}' gives {last.volume.shape}, not {volume.shape}."
    assert last is not None, f"'{method.name}' gives no estimate."
    beam = lines.geometry.name
    assert last.step == last.total, f"'{method.name}' ends at step {last.step} of {last.total} ({beam} beam)."
    assert np.isfinite(last.volume).all(), f"'{method.name}' gives values that are not numbers ({beam} beam)."
    residual = run.measure(last.volume)["data_residual"]
    assert residual < 0.5, f"'{method.name}' leaves {residual:.0%} of the data unexplained ({beam} beam)."


def _looks_at_the_stop_flag(
    method: Method[Any], options: Mapping[str, Any], lines: LineIntegrals, volume: NDArray[np.float32]
) -> None:
    """Time of the processor, not of the clock, and of the quickest try: other work on the machine must not count."""

    def longest_of_a_run() -> float:
        longest, before = 0.0, time.process_time()

        def look() -> bool:
            nonlocal longest, before
            now = time.process_time()
            longest, before = max(longest, (now - before) / torch.get_num_threads()), now
            return False

        for _ in _run(method, options, lines, volume, stop=look):
            look()
        return longest

    gc.disable()  # what others left to be collected takes half a second of a process that holds much
    try:
        longest = longest_of_a_run()
        for _ in range(TRIES - 1):
            longest = longest if longest < PAUSE else min(longest, longest_of_a_run())
    finally:
        gc.enable()
    assert longest < PAUSE, f"'{method.name}' works {longest:.2f} s without looking at the stop flag."


def _is_tuned_to_a_recipe(
    method: Method[Any], options: Mapping[str, Any], lines: LineIntegrals, volume: NDArray[np.float32]
) -> None:
    run = _run(method, options, lines, volume)
    settled = method.settle(run.setup.problem(0, run.setup.slices), run.options).options
    left = settled.undecided()
    assert not left, f"'{method.name}' is tuned and leaves {', '.join(left)} on auto."
    if not method.settles(run.options):
        return
    *_, expected = run
    *_, again = _run(method, settled.changes(), lines, volume)
    assert np.array_equal(again.volume, expected.volume), f"'{method.name}' ends elsewhere with what it was tuned to."


def _resumes_bit_equal(
    method: Method[Any], options: Mapping[str, Any], lines: LineIntegrals, volume: NDArray[np.float32]
) -> None:
    states: list[Mapping[str, Any]] = []
    last: Estimate | None = None
    for last in _run(method, options, lines, volume):
        if last.state is not None and last.step < last.total:
            states.append(_copied(last.state))
    if not states or last is None:
        return
    *_, again = _run(method, options, lines, volume, resume=states[len(states) // 2])
    assert np.array_equal(again.volume, last.volume), f"'{method.name}' ends elsewhere when it is resumed."


def _copied(state: Mapping[str, Any]) -> dict[str, Any]:
    """As a checkpoint does: the method goes on in the same memory."""
    return {
        k: v.clone() if isinstance(v, torch.Tensor) else np.array(v) if isinstance(v, np.ndarray) else v
        for k, v in state.items()
    }


def _slabs_give_the_run(
    method: Method[Any], options: Mapping[str, Any], lines: LineIntegrals, volume: NDArray[np.float32]
) -> None:
    whole = _run(method, options, lines, volume)
    halo = method.neighbours(whole.options)
    if halo is None:
        return  # never cut
    *_, expected = whole
    part = _run(method, options, lines, volume)
    part.slabs = [(0, 1), (1, 3), (3, len(volume))]
    *_, last = part
    pairs = [(last.volume, expected.volume), *((last.extra[name], v) for name, v in expected.extra.items())]
    span = max(float(np.ptp(expected.volume)), 1e-12)
    difference = max(float(np.abs(first - second).max()) for first, second in pairs) / span
    limit = 0.0 if halo == 0 else CLOSE
    assert difference <= limit, f"'{method.name}' by slabs differs by {difference:.1e} of the range from the whole run."


def _refuses_what_cannot_be_used(
    method: Method[Any], options: Mapping[str, Any], lines: LineIntegrals, volume: NDArray[np.float32]
) -> None:
    holes = lines.values.copy()
    holes[:, :, 10] = np.nan
    bad = {
        "values that are not numbers": replace(lines, values=holes),
        "no usable pixel": replace(lines, weights=np.zeros_like(lines.values)),
    }
    for what, broken in bad.items():
        try:
            list(_run(method, options, broken, volume))
        except FewviewError:
            continue
        raise AssertionError(f"'{method.name}' takes data with {what} and says nothing.")
    if "aux" in method.needs:
        try:
            SlabRun(lines, method, options, device="cpu")
        except OptionError:
            return
        raise AssertionError(f"'{method.name}' needs an X-ray volume and does not ask for it.")


def _holds_what_was_forecast(method: Method[Any], options: Mapping[str, Any]) -> None:
    volume = block(*LARGE)
    run = _run(method, options, scan(beams(*LARGE)[0], volume), volume)
    held, said = held_at_peak(run), run.forecast.total
    told = f"'{method.name}' holds {held / 1e6:.0f} MB at its peak, {said / 1e6:.0f} MB were forecast."
    assert held - FLOOR <= said <= (1 + OVER) * held + FLOOR, told
