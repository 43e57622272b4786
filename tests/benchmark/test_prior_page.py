"""The page about the priors says what the cards of the weights say."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location("prior_page", DOCS / "prior_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_cards_say(pages):
    assert pages.PAGE.read_text(encoding="utf-8") == pages.page(), "run: python docs/prior_page.py"


def test_every_shipped_prior_is_there_and_wins_on_its_own_kind(pages):
    found = pages.cards()
    assert {"generic", "materials"} <= found.keys()
    for name in ("generic", "materials"):
        best = pages.best_baseline(found[name], name)
        assert len(best) == 5
        for level, psnr in best.items():
            assert found[name]["denoising_psnr_db"][name][level] > psnr, (name, level)


def test_cards_of_other_networks_are_left_out(pages, monkeypatch):
    cards = {"a": {"learning_curve": [1]}, "b": {}}
    monkeypatch.setattr(pages, "read_card", lambda path: cards.get(path.stem, {}))
    assert pages.cards() == {}
