"""What many tests share: where the measured data lies, and that no test is timed."""

import os
import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from fewview.openmp import WAITING

# Threads that spin while they wait take many times as long where other work shares the cores: before torch is loaded.
for _name, _value in WAITING.items():
    os.environ.setdefault(_name, _value)

SHARED = Path(__file__).parents[2] / "shared" / "data"

# A slow or busy machine is no fault of the code: neither a drawn example nor the drawing of it has a time limit.
settings.register_profile("fewview", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fewview")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Real windows share one screen and its focus: with several workers, one has all of them, and begins with them."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    windows = [item for item in items if "viewer" in item.path.parts]
    for item in windows:
        item.add_marker(pytest.mark.xdist_group("windows"))
    items[:] = windows + [item for item in items if "viewer" not in item.path.parts]


@pytest.fixture(autouse=True)
def same_random_numbers():
    """What a test draws from torch without a seed of its own is the same in whatever order tests run."""
    import torch

    torch.manual_seed(0)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with the measured scans that do not travel with the repository."""
    if not SHARED.is_dir():
        pytest.skip("the measured data (../shared/data) is not on this machine")
    return SHARED


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> str:
    """A network that has learnt nothing: as a denoiser it is a fixed smooth map."""
    import torch

    from fewview.models.prior import DiffusionPrior
    from fewview.models.unet import UNetConfig
    from fewview.models.weights import save_network

    torch.manual_seed(0)
    prior = DiffusionPrior(UNetConfig(channels=(8, 16), blocks=(1, 1), embedding=16))
    torch.nn.init.normal_(prior.net.head.weight, std=0.05)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_network(prior, path, {}, torch.float32)
    return str(path)


@pytest.fixture
def diffusers_folder(tmp_path) -> Path:
    """A network of diffusers that has learnt nothing, of a pipeline with a schedule that is not the linear one."""
    import torch

    diffusers = pytest.importorskip("diffusers", reason="diffusers (extra [sd-turbo]) is not installed")
    shape = {"down_block_types": ("DownBlock2D", "AttnDownBlock2D"), "up_block_types": ("AttnUpBlock2D", "UpBlock2D")}
    widths = {"block_out_channels": (32, 32), "layers_per_block": 1}
    torch.manual_seed(0)
    net = diffusers.UNet2DModel(sample_size=32, in_channels=1, out_channels=1, **shape, **widths)
    net.save_pretrained(tmp_path / "unet", safe_serialization=True)
    schedule = diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction")
    schedule.save_pretrained(tmp_path / "scheduler")
    return tmp_path / "unet"


@pytest.fixture
def landweber(tmp_path, monkeypatch):
    """The package that the page on adding a method shows, as if it were installed: its files by name."""
    from fewview.methods import foreign

    page = (Path(__file__).parents[1] / "docs" / "add-a-method.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"```(?:python|toml)\n# (\S+).*\n((?:.*\n)*?)```", page))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    project = tomllib.loads(files["my-package/pyproject.toml"])
    assert (tmp_path / "my-package" / project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"][0]).is_dir()
    monkeypatch.syspath_prepend(tmp_path / "my-package")
    points = [EntryPoint(*item, foreign.GROUP) for item in project["project"]["entry-points"][foreign.GROUP].items()]
    monkeypatch.setattr(foreign, "entry_points", lambda group: points)
    assert [point.name for point in points] == ["landweber", "landweber-tuned"]
    return files
