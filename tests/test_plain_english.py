"""What users and callers read: options explained in full sentences, functions with their parameters."""

import ast
import re
from pathlib import Path

import pytest

import fewview
from fewview.methods.registry import get_method, method_names
from fewview.prepare.options import PrepareOptions
from fewview.registration import RegistrationOptions
from fewview.runs.recipe import ReaderChoices, Recipe
from fewview.simulate.simulator import Simulation
from fewview.training.fixer import FixerTraining, SDTurboTraining
from fewview.training.guide import GuideTraining
from fewview.training.latent import LatentTraining
from fewview.training.prior import PriorTraining
from fewview.training.sister import SisterTraining
from fewview.training.unrolled import UnrolledTraining

ROOT = Path(fewview.__file__).parent
ALIASES = {"Output", "Json"}  # of flags, in cli
FRAGMENT = re.compile(r"^(Of|As|At most|So many|In the|For the)\b[^.;:]{0,60}\.$|^(Of|So many|[a-z]\S*:) ")


OTHERS = {
    *(ReaderChoices, Recipe, PrepareOptions, RegistrationOptions, Simulation),
    *(PriorTraining, GuideTraining, UnrolledTraining, SisterTraining, FixerTraining, SDTurboTraining, LatentTraining),
}


def _options():
    for model in {get_method(name).options for name in method_names()} | OTHERS:
        for name, field in model.model_fields.items():
            yield model, name, field.description or ""
        for leaf in model.leaves():
            yield model, leaf.path, leaf.field.description or ""


def test_every_option_is_explained_in_a_sentence():
    poor = set()
    for model, name, text in _options():
        short = len(text.split()) < 5 or not text.endswith(".") or FRAGMENT.search(text)
        if short:
            poor.add(f"{model.__name__}.{name}: {text}")
    assert not poor, "\n".join(sorted(poor))


@pytest.mark.parametrize(
    "text", ["Of the adaptation.", "So many steps, too.", "At most.", "Of ADMM.", "prior: any noise level."]
)
def test_fragments_are_seen(text):
    assert FRAGMENT.search(text) or len(text.split()) < 5


def _public_functions():
    """Those with three or more parameters: where, node, names of the parameters, docstring.

    Commands say it in the help of their flags: what a docstring of theirs holds is printed by --help.
    """

    def look(body: list[ast.stmt], where: str):
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield from look(node.body, f"{where}{node.name}.")
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
                given = [a.arg for a in every if a.arg not in ("self", "cls")]
                told = ast.get_docstring(node) or ""
                flags = any("Annotated" in ast.dump(a) or ast.unparse(a.annotation or a) in ALIASES for a in every)
                if len(given) >= 3 and not flags and not told.startswith("See :"):
                    yield f"{where}{node.name}", node, given, told

    for path in sorted(ROOT.rglob("*.py")):
        yield from look(ast.parse(path.read_text(encoding="utf-8")).body, f"{path.relative_to(ROOT).as_posix()}:")


def _explained(docstring: str) -> set[str]:
    """The names on the first lines of the entries of its section on parameters."""
    section = docstring.partition("Parameters\n----------\n")[2]
    section = re.split(r"\n\n\w+\n---", section)[0]
    heads = [line.partition(" : ")[0] for line in section.splitlines() if line and not line.startswith(" ")]
    return {name.strip().lstrip("*") for head in heads for name in head.split(",")}


def _section_of_answer(node: ast.FunctionDef) -> str:
    """Yields of a generator, Returns of what returns something, none of what does not."""
    kind = ast.unparse(node.returns) if node.returns else ""
    if kind in ("None", "NoReturn"):
        return ""
    inside = list(node.body)
    while inside:
        inner = inside.pop()
        if isinstance(inner, ast.Yield | ast.YieldFrom):
            return "Yields"
        if not isinstance(inner, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            inside += ast.iter_child_nodes(inner)
    return "Returns"


def test_functions_say_what_they_are_given():
    missing = {
        where: without
        for where, _, given, told in _public_functions()
        if (without := [name for name in given if name not in _explained(told)])
    }
    assert not missing, f"their Parameters sections leave these out: {missing}"


def test_functions_say_what_they_give_back():
    missing = []
    for where, node, _, told in _public_functions():
        section = _section_of_answer(node)
        if section and not re.search(rf"^{section}\n---+\n\S", told, re.MULTILINE):
            missing.append(f"{where} ({section})")
    assert not missing, f"a section is missing: {', '.join(missing)}"


def test_sections_are_told_apart():
    node = ast.parse("def f(a, b, c):\n    yield from a").body[0]
    assert _section_of_answer(node) == "Yields"
    assert _section_of_answer(ast.parse("def f(a) -> None:\n    a()").body[0]) == ""
    assert _section_of_answer(ast.parse("def f(a):\n    def g():\n        yield a\n    return g").body[0]) == "Returns"
    assert _explained("One.\n\nParameters\n----------\na, b : int\n    Of c : d.\n**more\n\nReturns\n-------\nint") == {
        *("a", "b", "more")
    }
