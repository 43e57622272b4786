"""Options of trainings: none that has no effect, and states of before, which hold such, are read all the same."""

import pytest

from fewview.errors import OptionError
from fewview.training.fixer import FixerTraining, SDTurboTraining
from fewview.training.latent import LatentTraining
from fewview.training.sister import SisterTraining
from fewview.training.unrolled import UnrolledTraining

# The first learn from whole slices and volumes of sizes of their own; the last also sets how many.
IDLE = {FixerTraining: "crop", SDTurboTraining: "crop", LatentTraining: "crop", UnrolledTraining: "crop"}
NEEDED = {SDTurboTraining: {"base": "sd-turbo"}}


@pytest.mark.parametrize(("kind", "name"), [*IDLE.items(), (SisterTraining, "crop"), (SisterTraining, "batch")])
def test_what_has_no_effect_is_no_option(kind, name):
    needed = NEEDED.get(kind, {})
    with pytest.raises(OptionError, match=f"There is no option '{name}'"):
        kind.parse({name: 64, **needed})
    assert kind.of_state({"options": {name: 64, "seed": 5, **needed}}).seed == 5
    with pytest.raises(OptionError, match="There is no option 'other'"):
        kind.of_state({"options": {"other": 1, **needed}})
