"""What the loop is made of: a second opinion, a network, a space, a data step, and how they are told apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from torch import Tensor

from ..inverse.consistency import Consistency
from ..inverse.normalised import Scaled
from ..inverse.proposals import Proposal
from .adapt import Adapter
from .renoise import Rule
from .reuse import Reuse
from .schedule import Level


class Proposer(Protocol):
    """A second opinion on the image: a guide, a field, a slice fixer. Asked after the data step, never at the end.

    What it said last stays a term of every data step: new noise would wash it away again.
    """

    def due(self, level: Level) -> bool:
        """Whether it is asked at this level."""
        ...

    def consider(self, x: Tensor, data: Scaled, level: Level) -> Tensor | None:
        """Look at the images after a data step.

        Parameters
        ----------
        x : Tensor, shape (copies * slices, y, x)
            In units of the object's maximum.
        data : Scaled
            In the same unit.
        level : Level
            Of the noise.

        Returns
        -------
        Tensor or None
            None: the data step is done once more, with the new :attr:`proposal` in it. A method that is published so
            gives images to go on with instead.
        """
        ...

    @property
    def proposal(self) -> Proposal | None:
        """What it said last, None where it has said nothing yet."""
        ...

    def state(self) -> dict[str, Any]:
        """What it carries from step to step."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        ...


class Denoises(Protocol):
    """The network as the loop sees it: :class:`.denoiser.Denoiser`, or one of latents."""

    def all(self, x_t: Tensor, abar: float, data: Scaled) -> tuple[Tensor, Tensor]:
        """Clean states and noise of all noisy states.

        Parameters
        ----------
        x_t : Tensor
            Noisy states.
        abar : float
            Part of the signal in them.
        data : Scaled
            Its operator's hook looks at the stop flag.

        Returns
        -------
        tuple of Tensor
            Both of the shape of ``x_t``.
        """
        ...


@runtime_checkable
class Gradual(Denoises, Protocol):
    """A network that has something to show before it has looked at all states."""

    def one_by_one(self, x_t: Tensor, abar: float, data: Scaled) -> Iterator[Tensor]:
        """Clean states of the first noisy states, ever more of them, until it is what :meth:`all` gives.

        Parameters
        ----------
        x_t, abar, data
            As in :meth:`all`.

        Returns
        -------
        Tensor
            Of the shape of ``x_t`` but for the first axis, which grows.
        """
        ...


class Space(Protocol):
    """Where the diffusion runs. Its states are what the network sees; data steps and proposers see images."""

    def due(self, level: Level) -> bool:
        """Whether there is a data step at this level."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """Images of clean states."""
        ...

    def encode(self, x: Tensor) -> Tensor:
        """Clean states of images."""
        ...


class Pixels:
    """The states are the images."""

    def due(self, level: Level) -> bool:
        """At every level."""
        return True

    def decode(self, z: Tensor) -> Tensor:
        """The images themselves."""
        return z

    def encode(self, x: Tensor) -> Tensor:
        """The images themselves."""
        return x


class Hearing(Protocol):
    """How the next noisy state is made to agree with the data; to be told apart from the data step on clean images."""

    def heard(self, x_t: Tensor, data: Scaled, level: Level) -> Tensor:
        """The next states, given their means.

        Parameters
        ----------
        x_t : Tensor, shape (copies * slices, y, x)
            At the level that follows ``level``.
        data : Scaled
        level : Level

        Returns
        -------
        Tensor
            Shape (copies * slices, y, x).
        """
        ...

    def state(self) -> dict[str, Any]:
        """What it carries from step to step."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        ...


@dataclass
class Parts:
    """What a method is made of.

    Parameters
    ----------
    levels : sequence of Level
    denoiser : Denoises, optional
        None where whoever runs the loop step by step answers in its place, as a training does.
    consistency : Consistency
    rule : Rule
        Of the new noise.
    adapter : Adapter, optional
    proposers : sequence of Proposer
        Who else has a say.
    reuse : Reuse, optional
        Steps without a network call.
    space : Space
        Of the states; images when not given.
    direction : {"network", "consistent"}
        Whose noise the loop goes on with: that of the network's image, or that of the image after the data step.
    hearing : Hearing, optional
    passes : int
        Through the network, for one answer of the denoiser.
    """

    levels: Sequence[Level]
    denoiser: Denoises | None
    consistency: Consistency
    rule: Rule
    adapter: Adapter | None = None
    proposers: Sequence[Proposer] = ()
    reuse: Reuse | None = None
    space: Space = field(default_factory=Pixels)
    direction: Literal["network", "consistent"] = "network"
    hearing: Hearing | None = None
    passes: int = 1

    def state(self) -> dict[str, Any]:
        """What the parts carry from step to step, in one flat mapping."""
        return {f"{name}.{key}": value for name, part in self._carrying() for key, value in part.state().items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        for name, part in self._carrying():
            prefix = f"{name}."
            part.restore({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})

    def _carrying(self) -> Iterator[tuple[str, Any]]:
        for name in ("consistency", "adapter", "reuse", "hearing"):
            part = getattr(self, name)
            if part is not None:
                yield name, part
        for number, proposer in enumerate(self.proposers):
            yield f"proposer{number}", proposer
