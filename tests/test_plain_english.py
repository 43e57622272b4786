"""What users and callers read: options explained in full sentences, functions with their parameters."""

import ast
import re
from pathlib import Path

import pytest

import fewview
from fewview.methods.registry import get_method, method_names
from fewview.prepare.options import PrepareOptions
from fewview.registration import RegistrationOptions

ROOT = Path(fewview.__file__).parent
ALIASES = {"Output", "Json"}  # of flags, in cli
FRAGMENT = re.compile(r"^(Of|As|At most|So many|In the|For the)\b[^.;:]{0,60}\.$|^(Of|So many) ")


def _options():
    models = {get_method(name).options for name in method_names()} | {RegistrationOptions, PrepareOptions}
    for model in models:
        for leaf in model.leaves():
            yield model, leaf.path, leaf.field.description or ""


def test_every_option_is_explained_in_a_sentence():
    poor = set()
    for model, name, text in _options():
        short = len(text.split()) < 5 or not text.endswith(".") or FRAGMENT.search(text)
        if short:
            poor.add(f"{model.__name__}.{name}: {text}")
    assert not poor, "\n".join(sorted(poor))


@pytest.mark.parametrize("text", ["Of the adaptation.", "So many steps, too.", "At most.", "Of ADMM."])
def test_fragments_are_seen(text):
    assert FRAGMENT.search(text) or len(text.split()) < 5


def undocumented() -> list[str]:
    """Public functions with three or more parameters whose docstring has no section on them.

    Commands say it in the help of their flags: what a docstring of theirs holds is printed by --help.
    """
    found = []

    def look(body: list[ast.stmt], where: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                look(node.body, f"{where}{node.name}.")
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                given = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                told = ast.get_docstring(node) or ""
                flags = any(
                    "Annotated" in ast.dump(a) or ast.unparse(a.annotation or a) in ALIASES for a in node.args.args
                )
                many = len([name for name in given if name not in ("self", "cls")]) >= 3
                if many and not flags and "Parameters\n----" not in told and not told.startswith("See :"):
                    found.append(f"{where}{node.name}")

    for path in sorted(ROOT.rglob("*.py")):
        look(ast.parse(path.read_text(encoding="utf-8")).body, f"{path.relative_to(ROOT).as_posix()}:")
    return sorted(found)


def test_functions_say_what_they_are_given():
    assert not undocumented(), f"a Parameters section is missing: {', '.join(undocumented())}"
