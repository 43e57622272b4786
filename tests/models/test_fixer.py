"""The slice fixer: identity before training, physical units kept, conditions that are heard, weights that come back."""

import pytest
import torch

from fewview.models.fixer import CompactFixer, FixerCondition, FixerConfig, load_fixer, word_index
from fewview.models.weights import WeightsError, save_network

SMALL = FixerConfig(channels=(8, 16), embedding=16, tokens=16)


@pytest.fixture
def fixer():
    torch.manual_seed(0)
    fixer = CompactFixer(SMALL)
    for parameter in fixer.parameters():  # as if trained: nothing is zero any more
        torch.nn.init.normal_(parameter, std=0.1)
    return fixer.eval()


@pytest.fixture
def condition():
    torch.manual_seed(1)
    column = torch.linspace(-1, 1, 20).expand(20, 20)
    columns = torch.stack([column, column.T]).expand(3, -1, -1, -1)
    return FixerCondition(
        "wet sand",
        torch.rand(1, 2, 3, 20),
        torch.rand(3, 2, 20, 20),
        columns,
        torch.linspace(-1, 1, 3),
        torch.full((3,), 0.1),
    )


def changed(condition, **parts):
    from dataclasses import replace

    return replace(condition, **parts)


def test_untrained_it_changes_nothing(condition):
    x = torch.rand(3, 1, 20, 20)
    torch.testing.assert_close(CompactFixer(SMALL)(x, condition), x)


def test_every_condition_is_heard(fixer, condition):
    x = torch.rand(3, 1, 20, 20)
    with torch.no_grad():
        plain = fixer(x, condition)
        for other in (
            changed(condition, prompt="a tooth"),
            changed(condition, projections=condition.projections.flip(2)),
            changed(condition, rows=condition.rows.flip(-1)),
            changed(condition, columns=-condition.columns),
            changed(condition, height=condition.height.flip(0)),
            changed(condition, damage=condition.damage * 5),
        ):
            assert not torch.allclose(fixer(x, other), plain)


def test_without_the_biplanar_condition_projections_do_not_matter(condition):
    torch.manual_seed(0)
    blind = CompactFixer(SMALL.model_copy(update={"biplanar": False}))
    torch.nn.init.normal_(blind.head.weight, std=0.1)
    x = torch.rand(3, 1, 20, 20)
    other = changed(condition, projections=condition.projections + 1, rows=condition.rows + 1)
    torch.testing.assert_close(blind(x, other), blind(x, condition))


def test_slices_are_repaired_alike_alone_and_in_a_stack(fixer, condition):
    x = torch.rand(3, 1, 20, 20)
    with torch.no_grad():
        alone = fixer(x[1:2], condition.part(torch.tensor([1])))
        torch.testing.assert_close(alone, fixer(x, condition)[1:2])


def test_words_have_places_of_their_own_on_every_machine():
    assert word_index("concrete") != word_index("tooth")
    assert all(0 < word_index(word) < 1024 for word in ("concrete", "tooth", "a"))


def test_weights_come_back_with_all_adapters(fixer, condition, tmp_path):
    path = tmp_path / "own.safetensors"
    save_network(fixer.half().float(), path, {"licence": "BSD-3-Clause"})
    x = torch.rand(3, 1, 20, 20)
    with torch.no_grad():
        torch.testing.assert_close(load_fixer(path)(x, condition), fixer(x, condition))
    assert not any(p.requires_grad for p in load_fixer(path).parameters())


def test_other_weights_are_refused(weights):
    with pytest.raises(WeightsError, match="slice fixer"):
        load_fixer(weights)
