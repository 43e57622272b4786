"""The whole chain: weights that are inverse variances, masks that stay harmless, binning, stripes, real frames."""

import numpy as np
import pytest

from fewview.errors import OptionError
from fewview.prepare import PrepareOptions, line_integrals
from fewview.prepare.logarithm import fill_masked
from fewview.prepare.stripes import remove_stripes
from fewview.prepare.zingers import find_zingers

PLAIN = PrepareOptions()


def test_weights_are_inverse_variances_of_poisson_counts():
    rng = np.random.default_rng(0)
    truth = np.linspace(0.1, 2.5, 12, dtype=np.float32)
    counts = rng.poisson(2000 * np.exp(-truth), size=(4000, 1, 12)).astype(np.float32)
    flat = np.full((1, 1, 12), 2000, np.float32)
    prepared = line_integrals(counts, flat, None, "counts", PLAIN)
    variance = prepared.values.var(axis=0)[0]
    product = variance * prepared.weights.mean(axis=0)[0]  # constant where weight ~ 1 / variance
    np.testing.assert_allclose(product / product.mean(), 1.0, atol=0.1)
    np.testing.assert_allclose(prepared.values.mean(axis=0)[0], truth, atol=5e-3)
    assert prepared.weights.mean() == pytest.approx(1.0, abs=1e-5)


def test_a_masked_pixel_gets_its_neighbours_value_and_no_weight():
    lines = np.tile(np.linspace(0, 1, 9, dtype=np.float32), (2, 1, 1))
    frames = np.exp(-lines)
    frames[1, 0, 4] = np.nan
    prepared = line_integrals(frames, None, None, "transmission", PLAIN)
    assert prepared.counts == {"not a number": 1}
    assert prepared.weights[1, 0, 4] == 0
    np.testing.assert_allclose(prepared.values, lines, atol=1e-6)


def test_a_fully_masked_row_is_zero_not_nan():
    values = np.full((1, 1, 5), np.nan, np.float32)
    assert np.all(fill_masked(values, np.isnan(values)) == 0)


def test_not_positive_transmission_is_masked_not_clipped():
    frames = np.full((1, 1, 4), 0.5, np.float32)
    frames[0, 0, 1] = -0.1
    frames[0, 0, 2] = 0.0
    prepared = line_integrals(frames, None, None, "transmission", PLAIN)
    assert prepared.counts == {"transmission not positive": 2}
    np.testing.assert_allclose(prepared.values, -np.log(0.5), rtol=1e-6)


def test_attenuation_passes_through_and_an_arbitrary_scale_gets_flat_weights():
    values = np.linspace(0, 3, 12, dtype=np.float32).reshape(1, 2, 6)
    prepared = line_integrals(values, None, None, "attenuation", PLAIN)
    np.testing.assert_array_equal(prepared.values, values)
    assert prepared.weights[0, 1, 5] < prepared.weights[0, 0, 0]
    scaled = line_integrals(values * 1000, None, None, "attenuation", PLAIN)
    np.testing.assert_array_equal(scaled.weights, 1.0)


def test_the_input_is_never_touched():
    frames = np.array([[[0.5, np.nan, 1.0]]], dtype=np.float32)
    before = frames.copy()
    line_integrals(frames, None, None, "attenuation", PLAIN)
    line_integrals(frames, np.ones((1, 1, 3), np.float32), None, "counts", PrepareOptions(dose="edges"))
    np.testing.assert_array_equal(frames, before)


def test_binning_averages_the_usable_counts_before_the_logarithm():
    frames = np.array([[[0.2, 0.4, 0.8, 0.8], [0.6, 0.8, np.nan, np.nan]]], dtype=np.float32)
    prepared = line_integrals(frames, None, None, "transmission", PLAIN, bin=2)
    np.testing.assert_allclose(prepared.values[0, 0], -np.log([0.5, 0.8]), rtol=1e-6)
    assert prepared.weights[0, 0, 0] > prepared.weights[0, 0, 1] > 0


def test_zingers_are_found_where_they_were_put():
    rng = np.random.default_rng(1)
    frames = rng.normal(1000, 20, (3, 12, 30)).astype(np.float32)
    frames[1, 5, 7] = 5000
    frames[2, 3, 11] = frames[2, 4, 11] = 30000
    assert [tuple(int(i) for i in hit) for hit in np.argwhere(find_zingers(frames, 0.3))] == [
        (1, 5, 7),
        (2, 3, 11),
        (2, 4, 11),
    ]


def test_zingers_in_the_flat_do_not_reach_the_lines():
    frames = np.full((2, 8, 8), 500, np.float32)
    flats = np.full((1, 8, 8), 1000, np.float32)
    flats[0, 4, 4] = 60000
    prepared = line_integrals(frames, flats, None, "counts", PrepareOptions(zingers=0.3))
    np.testing.assert_allclose(prepared.values, np.log(2), rtol=1e-5)


@pytest.mark.parametrize(("method", "left"), [("sorting", 0.1), ("filtering", 0.1), ("fitting", 0.3), ("all", 0.5)])
def test_stripes_are_reduced(method, left):
    angles = np.linspace(0, np.pi, 180, endpoint=False)
    u = np.arange(96)
    clean = 0.3 + np.sqrt(np.maximum(0, 30.0**2 - (u - 48 - 8 * np.cos(angles)[:, None]) ** 2)) / 30
    clean += 0.01 * np.random.default_rng(0).standard_normal(clean.shape)
    striped = clean.copy()
    striped[:, 40] += 0.2
    striped[:, 57] -= 0.2
    fixed = remove_stripes(striped[:, None].astype(np.float32), method)[:, 0]
    assert np.abs(fixed - clean)[:, [40, 57]].mean() < left * 0.2


def test_stripes_of_few_views_are_left_alone_and_that_is_said():
    values = np.random.default_rng(0).random((20, 2, 64)).astype(np.float32)
    prepared = line_integrals(values, None, None, "attenuation", PrepareOptions(stripes="sorting"))
    np.testing.assert_array_equal(prepared.values, values)
    assert "20 views" in prepared.steps[-1]
    with pytest.raises(OptionError, match="no stripe removal"):
        remove_stripes(values, "magic")


def test_the_phase_filter_smooths_and_keeps_the_mean():
    rng = np.random.default_rng(2)
    frames = rng.normal(0.5, 0.02, (2, 64, 64)).astype(np.float32)
    plain = line_integrals(frames, None, None, "transmission", PLAIN).values
    smooth = line_integrals(frames, None, None, "transmission", PrepareOptions(phase=200.0)).values
    assert smooth.std() < 0.7 * plain.std()
    assert smooth.mean() == pytest.approx(plain.mean(), rel=0.02)


def test_neutron_step_wedge_zingers_are_masked_and_rare(shared_data):
    tifffile = pytest.importorskip("tifffile")
    folder = shared_data / "neutron_psi_stepwedge"
    sample, flat, dark = (
        tifffile.imread(folder / f"exp20s_{name}.tif")[None].astype(np.float32) for name in ("h2o", "ob", "dc")
    )
    prepared = line_integrals(sample, flat, dark, "counts", PrepareOptions(zingers=0.3))
    share = prepared.counts["zinger"] / sample.size
    assert 1e-6 < share < 0.01
    assert np.isfinite(prepared.values).all()
    rough = line_integrals(sample, flat, dark, "counts", PLAIN)
    assert prepared.values.min() > rough.values.min()


def test_dead_corner_pixels_of_a_real_flat_are_masked(shared_data):
    import fewview

    scan = fewview.read_scan(shared_data / "xray_i13_24737_nxtomo" / "24737_rebuilt.nxs").with_axis(85.5)
    lines = scan.line_integrals()
    dead = int(np.count_nonzero(scan.read_flats().mean(0) <= scan.read_darks().mean(0)))
    assert dead > 0
    assert lines.masked["flat is zero"] == dead * scan.views
    assert np.isfinite(lines.values).all()


def test_the_beam_monitor_corrects_the_dose_and_is_told():
    beam = np.array([1.0, 0.5, 2.0])
    frames = (1000 * np.exp(-1.0) * beam)[:, None, None].astype(np.float32) * np.ones((3, 2, 8), np.float32)
    flats = np.full((1, 2, 8), 1000, np.float32)
    prepared = line_integrals(frames, flats, None, "counts", monitor=beam)
    np.testing.assert_allclose(prepared.values, 1.0, rtol=1e-5)
    assert any("by the beam monitor, factors 0.500 to 2.000" in step for step in prepared.steps)
    plain = line_integrals(frames, flats, None, "counts", PrepareOptions(dose="none"), monitor=beam)
    assert np.ptp(plain.values) > 1
    with pytest.raises(OptionError, match="no counts of a beam monitor"):
        line_integrals(frames, flats, None, "counts", PrepareOptions(dose="monitor"))
