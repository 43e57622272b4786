"""What every training shares: a plain loop, bounded by the clock, that can be stopped and resumed."""

from __future__ import annotations

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import numpy as np
import torch
from torch import nn

from ..models.unet import count_parameters
from ..options import Options, option
from .checkpoint import load_state, save_state
from .common_options import minutes_option, rate_option, save_option, validate_option
from .ema import PowerEma
from .processes import Processes

Report = Callable[[str], None]
STATE = "state.safetensors"
OptionsT = TypeVar("OptionsT", bound="TrainerOptions")


class TrainerOptions(Options):
    """Options of every training."""

    listing = ""

    minutes: float = minutes_option(120.0)
    device: str = option("auto", "Device", "Where to train: auto, cpu or cuda. Auto takes a GPU where there is one.")
    rate: float = rate_option(1e-3)
    seed: int = option(
        0,
        "Seed",
        "The number that every random choice of the training follows from.",
        ge=0,
        le=2**63 - 1,
        advanced=True,
    )
    save_every: float = save_option(3.0)
    validate_every: float = validate_option(6.0)

    @classmethod
    def of_state(cls, facts: Mapping[str, Any]) -> Self:
        """The options of a state; one of before may hold some that had no effect on this training."""
        idle = {"batch", "crop"} - set(cls.model_fields)
        return cls.parse({name: value for name, value in facts["options"].items() if name not in idle})


class BatchOptions(TrainerOptions):
    """Options of a training whose steps learn from batches."""

    batch: int = option(
        0,
        "Batch",
        "How many images each step learns from. More make steadier steps and take more memory; 0 takes 16 on a CPU "
        "and 128 on a GPU.",
        ge=0,
        advanced=True,
    )


class CropOptions(BatchOptions):
    """Options of a training on crops of images."""

    crop: int = option(
        64,
        "Crop",
        "The side of most of the crops that are learnt from; some are twice as large. A larger one shows more "
        "context and takes longer.",
        unit="px",
        ge=32,
        advanced=True,
    )


class Trainer(ABC, Generic[OptionsT]):
    """The state of one training: network, average, optimiser and clock.

    Parameters
    ----------
    options : TrainerOptions
    folder : Path
        Gets the state and ``curve.json``; what it holds already is gone on with.
    report : callable
        Takes lines of progress, of the first process alone.
    """

    warm_up: int
    """Steps until the rate is at its highest."""

    def __init__(self, options: OptionsT, folder: Path, report: Report) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.processes = Processes(options.device)
        self.device = self.processes.device
        self.options, self.folder = options, folder
        self.report: Report = report if self.processes.first else lambda _: None
        given = options.batch if isinstance(options, BatchOptions) else 0
        self.batch = given or (128 if self.device.type == "cuda" else 16)
        torch.manual_seed(options.seed)
        self.rng = np.random.default_rng(options.seed)
        self.net = self.network().to(self.device)
        self.ema = PowerEma(self.net)
        self.optimizer = self.optimizer_of(self.net)
        self.step, self.elapsed, self.loss = 0, 0.0, math.nan
        self.curve: list[dict[str, Any]] = []
        if (folder / STATE).exists():
            facts = load_state(folder / STATE, self.net, self.ema.model, self.optimizer, self.rng)
            self.step, self.elapsed, self.curve = facts["step"], facts["seconds"], facts["curve"]
            self.report(f"resumed at step {self.step}, {self.elapsed / 60:.1f} minutes")

    @abstractmethod
    def network(self) -> nn.Module:
        """What is trained, as it starts."""

    def optimizer_of(self, net: nn.Module) -> torch.optim.Optimizer:
        """AdamW, whose weight decay hardly matters at this length."""
        learning = [value for value in net.parameters() if value.requires_grad]
        return torch.optim.AdamW(learning, lr=self.options.rate, betas=(0.9, 0.99), weight_decay=0.01)

    @abstractmethod
    def gradients(self) -> float:
        """Draw a batch, leave the gradients of its loss in the network, and return the loss."""

    @abstractmethod
    def figures(self) -> dict[str, Any]:
        """Validation of the average."""

    @abstractmethod
    def seeds(self) -> int:
        """Training seeds drawn from so far."""

    def further_facts(self) -> dict[str, Any]:
        """What else the state should hold, for whoever makes weights of it."""
        return {}

    def run(self) -> Path:
        """Step until the minutes are used up, and end the processes that it started; returns the path of the state.

        Ctrl-C leaves the state of that moment.
        """
        try:
            for _ in self.steps():
                pass
        except KeyboardInterrupt:
            if self.processes.first:
                self.save()
            raise
        finally:
            self.close()
        return self.folder / STATE

    def steps(self) -> Iterator[bool]:
        """Step until the minutes are used up; tells after each step whether the average was validated.

        Time that passes between two steps, with the caller, does not count.
        """
        self.report(f"{count_parameters(self.net) / 1e6:.2f} M parameters on {self.device}, batch {self.batch}")
        total = self.options.minutes * 60
        saved = validated = self.elapsed
        last = time.monotonic()
        while self.elapsed < total:
            self.one_step(self.elapsed / total)
            now = time.monotonic()
            self.elapsed, last = self.processes.agree(self.elapsed + now - last), now
            due = self.processes.first and self.elapsed - validated > self.options.validate_every * 60
            if due:
                self._validate()
                validated = self.elapsed
            if self.processes.first and self.elapsed - saved > self.options.save_every * 60:
                self.save()
                saved = self.elapsed
            told = time.monotonic()
            yield due
            last += time.monotonic() - told
        if self.processes.first:
            self._validate()
            self.save()
            yield True

    def one_step(self, progress: float) -> None:
        """Of the optimiser, ``progress`` (0 to 1) through the training."""
        # Warm-up, then a cosine over the clock, down to a hundredth: the average then stands still at the end.
        warm = min(1.0, (self.step + 1) / self.warm_up)
        rate = self.options.rate * warm * (0.505 + 0.495 * math.cos(math.pi * progress))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        value = self.gradients()
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        self.ema.update(self.net, self.step)
        self.loss = value if math.isnan(self.loss) else 0.99 * self.loss + 0.01 * value
        if self.step % 200 == 0:
            self.report(f"step {self.step}  {self.elapsed / 60:.1f} min  rate {rate:.1e}  loss {self.loss:.4f}")

    def _validate(self) -> None:
        entry: dict[str, Any] = {"minutes": round(self.elapsed / 60, 2), "step": self.step, "loss": round(self.loss, 5)}
        entry |= self.figures()
        self.curve.append(entry)
        (self.folder / "curve.json").write_text(json.dumps(self.curve, indent=1) + "\n")
        self.report(json.dumps(entry))

    def save(self) -> None:
        """Write the state to resume from."""
        facts = {
            "step": self.step,
            "seconds": self.elapsed,
            "curve": self.curve,
            "options": self.options.model_dump(mode="json"),
            "device": str(self.device),
            "seeds": self.seeds(),
            **self.further_facts(),
        }
        save_state(self.folder / STATE, self.net, self.ema.model, self.optimizer, self.rng, facts)

    def close(self) -> None:
        """End the processes that it started."""
        self.processes.close()
