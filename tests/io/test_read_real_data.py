"""Every measured file: read right, or refused with a message that names the file and the remedy."""

import numpy as np
import pytest
import tifffile

import fewview
from fewview.errors import ScanError
from fewview.io import inspect, read_scan, read_volume
from fewview.quality import psnr


def test_tooth(shared_data):
    scan = read_scan(shared_data / "xray_tooth_dataexchange" / "tooth.h5")
    assert scan.frames.shape == (181, 2, 640)
    assert (scan.flats.shape[0], scan.darks.shape[0], scan.kind) == (10, 10, "counts")
    np.testing.assert_allclose(np.degrees(scan.geometry.angles[[0, -1]]), [0, 179.0055], atol=1e-4)
    assert scan.provenance["angles"].how == "read" and scan.geometry.pixel is None and scan.geometry.axis is None
    assert inspect(shared_data / "xray_tooth_dataexchange").ready  # the folder of a single scan file will do


def test_i13_tiff_with_111_angles_for_91_frames_equals_its_nxtomo_twin(shared_data):
    scan = read_scan(shared_data / "xray_i13_24737_tiff")
    twin = read_scan(shared_data / "xray_i13_24737_nxtomo" / "24737_rebuilt.nxs")
    assert scan.frames.shape == twin.frames.shape == (91, 135, 160)
    np.testing.assert_array_equal(scan.rows(60, 62).read(), twin.rows(60, 62).read())
    np.testing.assert_allclose(np.degrees(scan.geometry.angles[[0, 1, -1]]), [-88.2, -86.2, 91.7999], atol=1e-9)
    np.testing.assert_allclose(scan.geometry.angles, twin.geometry.angles, atol=0.002)
    assert "111 angles for 91 projections: the first 10 and the last 10" in scan.notes[0]
    assert scan.provenance["angles"].how == "assumed" and twin.provenance["angles"].how == "read"
    for one in (scan, twin):
        assert (one.flats.shape[0], one.darks.shape[0]) == (1, 1)
        assert "1 pixel of the first flat is zero: masked in the preparation." in one.notes


def test_i13_projections_alone_lack_angles_and_flats(shared_data):
    path = shared_data / "xray_i13_24737_tiff" / "projections"
    info = inspect(path)
    assert ["--angles" in m.remedy for m in info.missing] == [True, False]
    assert "Flats lie in the folder above" in info.notes[0]
    with pytest.raises(ScanError, match="projections says no angles for its 91 views"):
        read_scan(path)
    log = shared_data / "xray_i13_24737_tiff" / "angles.txt"
    flats = shared_data / "xray_i13_24737_tiff" / "flat_00001.tiff"
    assert read_scan(path, angles=log, flats=flats).flats.shape == (1, 135, 160)


def test_i13_dangling_link(shared_data):
    path = shared_data / "broken_nxtomo_i13_24888" / "24888.nxs"
    with pytest.raises(ScanError, match=r"24888\.nxs holds no pixels.*pco1-24888\.hdf, which is not there\. Copy"):
        read_scan(path)
    info = inspect(path)
    assert info.angles.count == 91 and info.angles.start == pytest.approx(-89.1) and not info.ready
    assert (info.flats, info.darks) == (10, 10)
    assert "  flats       10 (missing: listed by NXtomo, their pixels are not there)" in info.lines()


@pytest.mark.parametrize(("name", "columns"), [("woodsino_0100.tif", 510), ("woodsino_0200_crop448.tif", 448)])
def test_wood_sinograms(shared_data, name, columns):
    path = shared_data / "neutron_psi_wood_sinogram" / name
    with pytest.raises(ScanError, match=rf"{name} says no angles for its 626 views.*--angles START:STOP"):
        read_scan(path)
    scan = read_scan(path, angles="0:360:endpoint")
    assert scan.frames.shape == (626, 1, columns) and scan.kind == "attenuation"
    assert scan.provenance["kind"].how == "assumed"
    assert scan.geometry.step == pytest.approx(np.deg2rad(0.576))
    np.testing.assert_array_equal(scan.read()[:, 0], tifffile.imread(path))


def test_wood_sinogram_folder_mixes_two(shared_data):
    with pytest.raises(ScanError, match=r"woodsino_0100\.tif; woodsino_0200_crop448\.tif\. Keep one scan per folder"):
        read_scan(shared_data / "neutron_psi_wood_sinogram")


def test_wood_radiograph(shared_data):
    with pytest.raises(ScanError, match="a single projection of 897 x 604 pixels beside its flats: a radiograph"):
        read_scan(shared_data / "neutron_psi_wood_radiograph")


def test_wood_fits(shared_data):
    scan = read_scan(shared_data / "neutron_psi_wood_fits_derived")
    assert scan.frames.shape == (125, 4, 510) and scan.frames.dtype == np.uint16
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), np.arange(125) * 2.88, atol=1e-9)
    assert (scan.read_flats().mean(), scan.read_darks().mean()) == (40100, 100)
    assert "header" in scan.provenance["angles"].where and scan.provenance["angles"].how == "read"


def test_step_wedges_are_no_series(shared_data):
    with pytest.raises(ScanError, match=r"not one numbered series of projections: exp20s_bbh2o\.tif"):
        read_scan(shared_data / "neutron_psi_stepwedge")


def test_mcp_open_beam(shared_data):
    folder = shared_data / "neutron_ornl_mcp_fits"
    with pytest.raises(ScanError, match=r"only flats and darks by their names \(OB_1_005_00200\.fits\)"):
        read_scan(folder)
    info = inspect(folder / "OB_1_005_00200.fits")
    assert "open-beam" in info.missing[0].problem and info.dtype == "int16"


@pytest.mark.parametrize("name", ["shellX.npy", "shellN.npy"])
def test_reconstructed_slices(shared_data, name):
    path = shared_data / "pair_neutron_xray_shell" / name
    with pytest.raises(ScanError, match=rf"{name} holds a single image of 600 x 650 pixels and no angles.*--reference"):
        read_scan(path)
    assert read_volume(path).values.shape == (1, 600, 650)


def test_the_shell_folder_holds_no_scan(shared_data):
    with pytest.raises(ScanError, match=r"no TIFF or FITS images.*Name the scan file itself"):
        read_scan(shared_data / "pair_neutron_xray_shell")


@pytest.mark.parametrize("views", [18, 36])
def test_gel_fan_beam(shared_data, views):
    """The reference was reconstructed by CIL from 720 views: sides and scale must agree with it."""
    from fewview.methods.classical.fbp import preview
    from fewview.runs.problem import resolve_device, set_up

    folder = shared_data / "xray_gel_dynamic_sparse"
    with pytest.raises(ScanError, match="17 channels"):
        read_scan(folder / f"data_{views}.nxs")
    scan = read_scan(folder / f"data_{views}.nxs", dataset="16")
    assert (scan.geometry.sod, scan.geometry.sdd) == (pytest.approx(99.9995), pytest.approx(299.9993, abs=1e-3))
    setup = set_up(scan.line_integrals(), auxiliary=None, holdout=0, device=resolve_device("cpu"), seed=0)
    found = preview(setup.problem(0, 1))[0, 13:-13, 13:-13].numpy()
    reference = read_volume(folder / "FBP_post_scan.nxs").values[0]
    right = np.corrcoef(found.ravel(), reference.ravel())[0, 1]
    for wrong in (found[::-1], found[:, ::-1], found[::-1, ::-1]):
        assert right > np.corrcoef(wrong.ravel(), reference.ravel())[0, 1] + 0.003
    assert (found * reference).sum() / (found**2).sum() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("views", [18, 36])
def test_total_variation_of_the_gel_is_far_above_its_filtered_backprojection(shared_data, views):
    """At least 4 dB nearer to CIL's reconstruction of many more views."""
    folder = shared_data / "xray_gel_dynamic_sparse"
    lines = read_scan(folder / f"data_{views}.nxs", dataset="16").line_integrals()
    reference = read_volume(folder / "FBP_post_scan.nxs").values
    found = {}
    for name, options in (("fbp", {}), ("tv", {"weight": 3e-3, "iterations": 120})):
        *_, last = fewview.reconstruct(lines, name, options)
        found[name] = psnr(last.volume[:, 13:-13, 13:-13], reference)
    assert found["tv"] > found["fbp"] + 4


@pytest.mark.parametrize("name", ["FBP_pre_scan.nxs", "FBP_post_scan.nxs"])
def test_gel_references(shared_data, name):
    path = shared_data / "xray_gel_dynamic_sparse" / name
    with pytest.raises(ScanError, match=rf"{name} holds a reconstructed image \(256 x 256, CIL ImageData\)"):
        read_scan(path)
    volume = read_volume(path)
    assert volume.values.shape == (1, 256, 256) and volume.voxel == pytest.approx(0.13333, abs=1e-4)


def test_htc2022(shared_data):
    scan = read_scan(shared_data / "xray_htc2022" / "htc2022_ta_sparse_example.mat")
    geometry = scan.geometry
    assert (geometry.sod, geometry.sdd, geometry.pixel, geometry.views) == (410.66, 553.74, 0.2, 121)
    assert geometry.voxel == pytest.approx(0.14832, abs=1e-5)


def test_dendrite(shared_data):
    scan = read_scan(shared_data / "xray_dendrite" / "RealDataDend.mat")
    assert scan.frames.shape == (360, 1, 1260) and scan.kind == "attenuation"
    assert np.degrees(np.ptp(scan.geometry.angles)) == pytest.approx(179.51, abs=0.01)
    assert "detector first" in scan.notes[0] and "scale is arbitrary" in scan.notes[1]
    assert scan.provenance["angles"].how == "read"


def test_micrographs_and_volumes(shared_data):
    with pytest.raises(ScanError, match=r"asphalt_gray\.tif holds a single image of 1152 x 1197"):
        read_scan(shared_data / "microstructure_asphalt" / "asphalt_gray.tif")
    grains = shared_data / "microstructure_volume" / "grains_0_250.npz"
    with pytest.raises(ScanError, match=r"grains_0_250\.npz \(250 x 501 x 300\) holds only 0 and 1"):
        read_scan(grains)
    assert read_volume(grains).values.shape == (250, 501, 300)
