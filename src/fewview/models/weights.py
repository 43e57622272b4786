"""Weights on disk: safetensors beside a card, checked by SHA-256. Pickled files are refused, whatever they hold."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from pydantic import BaseModel
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..atomic_write import written_whole
from ..errors import FewviewError, choices
from .prior import DiffusionPrior
from .unet import UNetConfig
from .unrolled import Unrolled, UnrolledConfig

SHIPPED = Path(__file__).parents[1] / "weights"
KINDS = {
    "prior": "diffusion prior",
    "guide": "cross-modal guide",
    "unrolled": "unrolled network",
    "fixer": "slice fixer",
    "sd-turbo": "slice fixer of SD-Turbo",
    "latent": "latent diffusion model",
}
FOREIGN = "foreign"
"""Kind of a folder with a network of diffusers."""


class Storable(Protocol):
    """A network that can be written: its kind, a key of :data:`KINDS`, its shape, and its tensors."""

    kind: ClassVar[str]

    @property
    def config(self) -> BaseModel:
        """Its shape."""

    def state_dict(self) -> dict[str, Tensor]:
        """Its tensors."""


Network = TypeVar("Network", bound=nn.Module)


class WeightsError(FewviewError):
    """Weights that are missing, damaged, or in a format that is not read."""


def shipped_weights() -> list[str]:
    """Return the names of the weights that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.safetensors"))


def find_weights(name: str | Path) -> Path:
    """Return the file of shipped weights by name ("generic", "materials"), or of any weights by path.

    A network of diffusers is a folder; the file of weights in it stands for it.

    Raises
    ------
    WeightsError
        There is no such name or file, the file is not safetensors, or the folder holds no network.
    """
    if not str(name).strip():
        raise WeightsError("The name of the weights is empty.", choices("", shipped_weights()))
    path = Path(name)
    if path.is_dir() and name not in shipped_weights():
        return _network_folder(path)
    if path.name.startswith("diffusion_pytorch_model") and path.is_file():
        return _network_folder(path.parent)
    if path.suffix and path.suffix != ".safetensors":
        raise WeightsError(
            f"{path.name} is not a safetensors file.",
            "Pickled weights (.pt, .pth, .ckpt, .bin) can run code when opened and are never read: convert them.",
        )
    if not path.suffix:
        path = SHIPPED / f"{name}.safetensors"
    if not path.is_file():
        remedy = f"{choices(str(name), shipped_weights())} Or give the path of a .safetensors."
        raise WeightsError(f"There are no weights '{name}'.", remedy)
    return path


def _network_folder(folder: Path) -> Path:
    """The folder of a ``UNet2DModel`` as ``save_pretrained`` of diffusers writes it."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # none, or not JSON
        config = None
    if not isinstance(config, dict) or config.get("_class_name") != "UNet2DModel":
        raise WeightsError(
            f"The folder {folder} holds no UNet2DModel of diffusers.",
            "Give the folder that holds its config.json (of a pipeline, the folder unet), or a .safetensors file.",
        )
    if not list(folder.glob("*.safetensors")):
        raise WeightsError(f"{folder} holds no .safetensors.", "Save the model with safe_serialization=True.")
    return folder


def count_values(folder: Path) -> int:
    """Values of the network in a folder of diffusers; of several precisions, which have the same, those of one."""
    totals: dict[str, int] = {}
    for path in sorted(folder.glob("*.safetensors")):
        _, *variant = path.stem.split(".")
        key = ".".join(word for word in variant if "-of-" not in word)
        with _opened(path) as file:
            size = sum(math.prod(file.get_slice(tensor).get_shape()) for tensor in file.keys())  # noqa: SIM118
        totals[key] = totals.get(key, 0) + size
    return max(totals.values())


def save_network(model: Storable, path: Path, card: dict[str, Any], dtype: torch.dtype = torch.float16) -> None:
    """Write ``path`` (safetensors), and its card as JSON and Markdown beside it.

    Parameters
    ----------
    model : Storable
        What to write.
    path : Path
        Ends with ``.safetensors``.
    card : dict
        Data, seeds, steps, device, minutes, revision, validation, licence; SHA-256 and parameters are added.
    dtype : torch.dtype
        float16 halves the file; the figures of the card should be measured on the rounded weights.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.detach().cpu().to(dtype).contiguous() for name, value in model.state_dict().items()}
    header = {"kind": f"fewview.{model.kind}", "config": model.config.model_dump_json()}
    with written_whole(path) as temporary:
        save_file(tensors, temporary, metadata=header)
        temporary.chmod(0o644)  # safetensors writes for the owner alone, and an installed file is read by others
        full = {"sha256": sha256(temporary), "parameters": sum(t.numel() for t in tensors.values()), **card}
        # The card first: a reader that meets the new card beside the old weights refuses them, and never the reverse.
        path.with_suffix(".json").write_text(json.dumps(full, indent=1) + "\n", encoding="utf-8")
        told = _markdown(f"{KINDS[model.kind].capitalize()} `{path.stem}`", full)
        path.with_suffix(".md").write_text(told, encoding="utf-8")


def load_network(
    name: str | Path, kind: str, build: Callable[[str], Network], device: str | torch.device = "cpu"
) -> Network:
    """Load a network by name or path, in float32, ready for inference.

    Parameters
    ----------
    name : str or Path
    kind : str
        A key of :data:`KINDS`.
    build : callable
        Makes the network of its shape, given as JSON.
    device : str or torch.device

    Returns
    -------
    Network
        On the device, its parameters frozen.

    Raises
    ------
    WeightsError
        See :func:`read_network`; or the network has another shape than its header says, or one that is not known.
    """
    shape, tensors = read_network(name, kind)
    try:
        network = build(shape)
        network.load_state_dict(tensors)
    except (ValueError, RuntimeError) as error:  # of pydantic, and of torch
        raise WeightsError(
            f"{find_weights(name).name} holds a {KINDS[kind]} of a shape that this version of fewview does not know.",
            "Export the weights again, or use the version of fewview that wrote them.",
        ) from error
    return network.to(device).eval().requires_grad_(False)


def load_prior(name: str | Path, device: str | torch.device = "cpu") -> DiffusionPrior:
    """Load a prior of ours; see :func:`load_network`. For one of diffusers, too: :mod:`.foreign`."""
    return load_network(
        name, DiffusionPrior.kind, lambda shape: DiffusionPrior(UNetConfig.model_validate_json(shape)), device
    )


def load_unrolled(name: str | Path, device: str | torch.device = "cpu") -> Unrolled:
    """Load an unrolled network; see :func:`load_network`."""
    return load_network(name, Unrolled.kind, lambda shape: Unrolled(UnrolledConfig.model_validate_json(shape)), device)


def prior_reach(name: str | Path) -> int:
    """Slices on either side that a prior, or all stages of an unrolled network, look at; reads the file's header."""
    path = find_weights(name)
    if path.is_dir():
        return 0
    config, kind = _header(path).get("config", "{}"), network_kind(name)
    if kind not in ("", DiffusionPrior.kind, Unrolled.kind):
        raise _another_kind(path, DiffusionPrior.kind)
    if kind == Unrolled.kind:
        unrolled = UnrolledConfig.model_validate_json(config)
        return unrolled.stages * (unrolled.slices // 2)
    return UNetConfig.model_validate_json(config).slices // 2


def network_kind(name: str | Path) -> str:
    """What weights hold, a key of :data:`KINDS` or :data:`FOREIGN`; empty where their header does not say."""
    path = find_weights(name)
    return FOREIGN if path.is_dir() else _header(path).get("kind", "").removeprefix("fewview.")


def read_network(name: str | Path, kind: str) -> tuple[str, dict[str, Tensor]]:
    """Read the shape (JSON) and the tensors, in float32, of weights by name or path.

    Raises
    ------
    WeightsError
        No such weights, a damaged file, a checksum other than the card's, or weights of another kind.
    """
    path = find_weights(name)
    if path.is_dir():
        raise WeightsError(
            f"{path} holds a network of diffusers, which is no {KINDS[kind]} of ours.",
            f"Give weights written by `fewview train {kind}`.",
        )
    card = read_card(path)
    if card and card.get("sha256") != sha256(path):
        raise WeightsError(
            f"{path.name} does not match the SHA-256 of its card.", "Download or export the weights again."
        )
    with _opened(path) as file:
        header = file.metadata() or {}
        tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 - not a mapping
    if header.get("kind") != f"fewview.{kind}":
        raise _another_kind(path, kind)
    return header.get("config", ""), tensors


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except SafetensorError as error:
        raise WeightsError(
            f"{path.name} cannot be read as safetensors ({error}).", "Copy or export the weights again."
        ) from error


def _header(path: Path) -> dict[str, str]:
    with _opened(path) as file:
        return file.metadata() or {}


def _another_kind(path: Path, kind: str) -> WeightsError:
    return WeightsError(f"{path.name} holds no {KINDS[kind]}.", f"Give weights written by `fewview train {kind}`.")


def read_card(path: Path) -> dict[str, Any]:
    """Return the card beside weights; empty when there is none.

    Raises
    ------
    WeightsError
        It is no card.
    """
    if path.is_dir():  # a network of diffusers
        return {}
    card = path.with_suffix(".json")
    try:
        said = json.loads(card.read_text(encoding="utf-8")) if card.is_file() else {}
    except ValueError:  # not JSON, or not even text
        said = None
    if not isinstance(said, dict):
        raise WeightsError(f"{card.name}, the card of {path.name}, is damaged.", "Copy both files again.")
    return said


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _markdown(title: str, card: dict[str, Any]) -> str:
    """Single values first, then sections; curves stay in the JSON."""
    sections = {key: value for key, value in card.items() if isinstance(value, dict)}
    single = {key: value for key, value in card.items() if not isinstance(value, dict | list)}
    lines = [f"# {title}", "", *(f"- **{key}**: {value}" for key, value in single.items())]
    for key, values in sections.items():
        lines += ["", f"## {key}", "", *(f"- {k}: {json.dumps(v)}" for k, v in values.items())]
    return "\n".join(lines) + "\n"
