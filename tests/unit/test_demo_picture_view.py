"""The painter's pinhole camera is the one by which the truth is projected."""

import numpy as np
import pytest

from belvedere.demo.cameras import CAMERAS, ground_at, project
from belvedere.demo.picture.view import View
from belvedere.demo.scene import CameraPlan


@pytest.mark.parametrize("plan", CAMERAS, ids=lambda plan: plan.id)
def test_pixels_are_those_of_the_truth(plan: CameraPlan) -> None:
    view = View.of(plan)
    rng = np.random.default_rng(3)
    points = np.c_[rng.uniform(-60, 60, 200) + plan.x, rng.uniform(-60, 60, 200) + plan.y, rng.uniform(0, 12, 200)]
    mine = view.to_pixels(points)
    px, py, depth = project(plan, points[:, 0], points[:, 1], points[:, 2])
    ahead = depth > 1
    assert ahead.any()
    np.testing.assert_allclose(mine[ahead, 0], px[ahead], atol=1e-6)
    np.testing.assert_allclose(mine[ahead, 1], py[ahead], atol=1e-6)
    np.testing.assert_allclose(mine[ahead, 2], depth[ahead], atol=1e-9)


def test_rays_meet_the_ground_where_the_truth_says() -> None:
    plan = CAMERAS[0]
    view = View.of(plan)
    across, above = view.rays(100, 500, 140, 520)
    depth = view.depth_of_plane(np.array([0.0, 0.0, 1.0]), np.zeros(3), across, above)
    x = view.place(depth, across, above, np.array([1.0, 0, 0]), np.zeros(3))
    y = view.place(depth, across, above, np.array([0, 1.0, 0]), np.zeros(3))
    columns, rows = np.meshgrid(np.arange(100, 140) + 0.5, np.arange(500, 520) + 0.5)
    true_x, true_y = ground_at(plan, columns, rows)
    np.testing.assert_allclose(x, true_x, atol=0.01)
    np.testing.assert_allclose(y, true_y, atol=0.01)


def test_a_plane_behind_or_beside_is_never_met() -> None:
    view = View.of(CAMERAS[0])
    across, above = view.rays(0, 0, 4, 4)
    behind = view.eye - 5 * view.forward
    assert np.isinf(view.depth_of_plane(view.forward, behind, across, above)).all()
