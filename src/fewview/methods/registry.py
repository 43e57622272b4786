"""The list of methods. A method's module is imported when the method is asked for, not before."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import MethodUnavailable, OptionError, choices
from .foreign import foreign, loaded
from .interface import Method

# name -> "module:attribute"; order is the order in which people see them.
_OWN = {
    "fbp": "fewview.methods.classical.fbp:METHOD",
    "sirt": "fewview.methods.classical.sirt:METHOD",
    "sart": "fewview.methods.classical.sart:METHOD",
    "cgls": "fewview.methods.classical.cgls:METHOD",
    "tv": "fewview.methods.classical.tv:METHOD",
    "dtv": "fewview.methods.classical.dtv:METHOD",
    "asd-pocs": "fewview.methods.classical.asd_pocs:METHOD",
    "mbir": "fewview.methods.classical.mbir:METHOD",
    "astra-fbp": "fewview.methods.external.astra:FBP",
    "astra-sirt": "fewview.methods.external.astra:SIRT",
    "astra-cgls": "fewview.methods.external.astra:CGLS",
    "tomopy-gridrec": "fewview.methods.external.tomopy:METHOD",
    "inr": "fewview.methods.fields.methods:INR",
    "naf": "fewview.methods.fields.methods:NAF",
    "r2gaussian": "fewview.methods.fields.methods:R2_GAUSSIAN",
    "diffnr-naf": "fewview.methods.repair.methods:DIFFNR_NAF",
    "diffnr-gaussian": "fewview.methods.repair.methods:DIFFNR_GAUSSIAN",
    "diffnr-inr": "fewview.methods.repair.methods:DIFFNR_INR",
    "d3ip": "fewview.methods.diffusion.methods:D3IP",
    "d3ip-generic": "fewview.methods.diffusion.methods:D3IP_GENERIC",
    "dinr": "fewview.methods.diffusion.methods:DINR",
    "postnet": "fewview.methods.supervised.postnet:METHOD",
    "unrolled": "fewview.methods.supervised.unrolled:METHOD",
    "ensemble": "fewview.methods.ensemble.ensemble:METHOD",
    "d3ip-x": "fewview.methods.diffusion.methods:CROSSMODAL",
    "unrolled-x": "fewview.methods.supervised.unrolled_xray:METHOD",
    "guide": "fewview.methods.diffusion.methods:GUIDE",
    "cls-dm": "fewview.methods.latent.method:CLS_DM",
    "daps": "fewview.methods.diffusion.samplers.methods:DAPS",
    "dpnp": "fewview.methods.diffusion.samplers.methods:DPNP",
    "diffpir": "fewview.methods.diffusion.samplers.methods:DIFFPIR",
    "pigdm": "fewview.methods.diffusion.samplers.methods:PIGDM",
    "dps": "fewview.methods.diffusion.samplers.methods:DPS",
    "fps-smc": "fewview.methods.diffusion.samplers.methods:FPS_SMC",
    "diffusion-mbir": "fewview.methods.diffusion.samplers.methods:DIFFUSION_MBIR",
    "dds": "fewview.methods.diffusion.methods:DDS",
    "scd": "fewview.methods.diffusion.methods:SCD",
    "ddip": "fewview.methods.diffusion.methods:DDIP",
    "cls-dm-paper": "fewview.methods.latent.method:CLS_DM_PAPER",
    "diffnr-paper": "fewview.methods.repair.methods:DIFFNR_PAPER",
    "dinr-paper": "fewview.methods.diffusion.methods:DINR_PAPER",
    "d3ip-paper": "fewview.methods.diffusion.methods:D3IP_PAPER",
    "d3ip-x-paper": "fewview.methods.diffusion.methods:CROSSMODAL_PAPER",
}


def method_names() -> list[str]:
    """Names of all methods: fewview's own, then those that other packages bring."""
    return [*_OWN, *(name for name in foreign() if name not in _OWN)]


def guided_names() -> list[str]:
    """Names of the methods that take an X-ray volume of the sample."""
    return [name for name in method_names() if "aux" in get_method(name).needs]


def get_method(name: str) -> Method[Any]:
    """The method of this name, whether or not it can run on this machine.

    Raises
    ------
    OptionError
        Unknown name; the message offers near ones.
    """
    where = _OWN.get(name)
    if where is not None:
        module, attribute = where.split(":")
        returned: Method[Any] = getattr(importlib.import_module(module), attribute)
        return returned
    others = foreign()
    if name in others:
        return loaded(others[name])
    raise OptionError(f"There is no method '{name}'.", choices(name, method_names(), "`fewview methods`"))


def require_method(name: str, options: Mapping[str, Any] | None = None) -> Method[Any]:
    """The method of this name, ready to run.

    Parameters
    ----------
    name : str
    options : mapping, optional
        That it is to run with. With weights of one's own, given by path, those that it would take by itself need not
        be there.

    Raises
    ------
    MethodUnavailable
        With what to install or to train.
    """
    method = get_method(name)
    why = None if "weights" in method.needs and _own_weights(options or {}) else method.missing()
    if why is not None:
        raise MethodUnavailable(f"The method '{name}' cannot run here: {why}")
    return method


def _own_weights(options: Mapping[str, Any]) -> bool:
    return any(isinstance(value, str | Path) and Path(value).suffix == ".safetensors" for value in options.values())
