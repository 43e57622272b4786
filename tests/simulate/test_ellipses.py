"""Ellipses: exact sections, antialiased pixels, exact line integrals."""

import numpy as np

from fewview.simulate.ellipses import Ellipses, Ellipsoids, cut, disk_ellipsoids, line_integrals, render, to_unit


def _disk(radius=0.5, centre=(0.2, -0.1), value=2.0):
    return Ellipses(np.array([centre]), np.eye(2)[None] / radius**2, np.array([value]))


def test_a_rendered_disk_has_its_area():
    image = render(_disk(), 128)
    assert np.isclose(image.sum() * (2 / 128) ** 2, 2 * np.pi * 0.25, rtol=2e-4)
    edge = (image > 0) & (image < 2)
    assert edge.any()  # antialiased


def test_up_is_up():
    image = render(_disk(0.1, (0.5, 0.6)), 100)
    row, column = np.unravel_index(image.argmax(), image.shape)
    assert row < 50 < column


def test_a_sphere_is_cut_into_circles():
    sphere = Ellipsoids(np.zeros((1, 3)), np.full((1, 3), 0.5), np.eye(3)[None], np.ones(1))
    section = cut(sphere, 0.3)
    assert np.allclose(np.linalg.inv(section.quadrics[0]), np.eye(2) * 0.16)
    assert len(cut(sphere, 0.51).values) == 0


def test_sections_of_turned_ellipsoids_hold_the_points_inside():
    shapes = disk_ellipsoids(np.random.default_rng(3), 20)
    z, points = 0.1, np.random.default_rng(4).uniform(-1, 1, (4000, 2))
    section = cut(shapes, z)
    offset = np.concatenate([points, np.full((4000, 1), z)], axis=1)[:, None] - shapes.centres
    inside = np.einsum("pni,nij,pnj->pn", offset, shapes.quadrics(), offset) <= 1
    flat = points[:, None] - section.centres
    count = (np.einsum("pni,nij,pnj->pn", flat, section.quadrics, flat) <= 1).sum(1)
    assert (count == inside.sum(1)).mean() > 0.999


def test_line_integrals_of_an_ellipse_have_its_mass_and_its_width():
    quadric = np.array([[[1 / 0.6**2, 0.0], [0.0, 1 / 0.2**2]]])
    shape = Ellipses(np.array([[0.1, 0.2]]), quadric, np.ones(1))
    sinogram = line_integrals(shape, np.array([0.0, np.pi / 2, 0.7]), 200)
    assert np.allclose(sinogram.sum(1) * 0.01, np.pi * 0.12, rtol=1e-3)
    assert np.isclose(sinogram[0].max(), 0.4, rtol=1e-3)  # along y
    assert np.isclose(sinogram[1].max(), 1.2, rtol=2e-3)  # along x
    assert abs(int(sinogram[1].argmax()) - 120) <= 1  # at Y = +0.2


def test_to_unit_reaches_zero_and_one():
    image = to_unit(np.array([[0.0, -0.4, 2.0], [0.0, 1.0, 0.5]]))
    assert image[0, 1] == 0 and image.max() == 1 and image.min() == 0
