"""Every command that the pages and the scripts show is understood: it is carried out up to where its work begins."""

import argparse
import ast
import json
import re
import runpy
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

from fewview.cli.main import run
from fewview.methods import get_method

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SCRIPTS = [path for path in sorted(ROOT.glob("benchmarks/*.py")) if "__main__" in path.read_text(encoding="utf-8")]
FENCED = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", flags=re.DOTALL | re.MULTILINE)
SHELL = ("", "bash", "sh", "console", "text")
WORK = {
    "reconstruct": ["fewview.cli.reconstruct.carry_out"],
    "simulate": ["fewview.simulate.simulate"],
    "train": [f"fewview.cli.{name}" for name in ("train.carry_out", "train.learn_sister", "train_unrolled.carry_out")],
    "benchmark quality": ["fewview.benchmark.quality.run._cases"],
    "benchmark probe": ["fewview.benchmark.probe.run"],
    "benchmark operators": ["fewview.benchmark.operators.run"],
}
"""What a command does once it has understood everything; of the others, all that is done with what was parsed."""


class AtWork(BaseException):
    """A command was understood, and would begin."""


@pytest.fixture
def no_work(monkeypatch, tmp_path, landweber):
    """Commands end where their work begins; what was asked of it is kept."""
    asked = []

    def begun(*given, **named):
        asked.append(given)
        raise AtWork

    for name in (name for names in WORK.values() for name in names):
        monkeypatch.setattr(name, begun)
    invoke = typer.core.TyperCommand.invoke

    def invoked(command, context):
        if context.command_path.removeprefix(context.find_root().command_path).strip().startswith(tuple(WORK)):
            return invoke(command, context)
        raise AtWork

    monkeypatch.setattr(typer.core.TyperCommand, "invoke", invoked)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    (tmp_path / "mbir.json").write_text(json.dumps({"scan": "sample.h5", "method": "mbir"}), encoding="utf-8")
    return asked


def _blocks(text):
    """Lines of the fenced blocks for a shell, continued lines joined, and what stands between backticks elsewhere."""
    blocks = [block for language, block in FENCED.findall(text) if language in SHELL]
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    spans = [span for part in FENCED.sub("", text).split("\n\n") for span in re.findall(r"`([^`]+)`", part)]
    return lines, [" ".join(span.split()) for span in spans]


def test_commands_are_found_where_a_reader_sees_them():
    page = "`a\nb` and `c\n\n`d`\n```python\ne\n```\n\n1. So:\n\n    ```bash\n    f \\\n        g  # h\n    ```\n"
    assert _blocks(page) == (["f          g  # h"], ["a b", "d"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_a_page_are_understood(page, no_work, capsys):
    lines, spans = _blocks(page.read_text(encoding="utf-8"))
    for command in (one for one in (*lines, *spans) if one.startswith("fewview ")):
        words = shlex.split(command, comments=True)
        no_work.clear()
        try:
            run(words[1:])
        except AtWork:
            if words[1] == "reconstruct":
                recipe, method = no_work[0][0], get_method(no_work[0][0].method)
                method.options.parse(recipe.options)
                assert recipe.auxiliary is None or "aux" in method.needs, command
        else:  # within a sentence, a command may be named without what it is given
            said = capsys.readouterr().err
            assert said.startswith("Error: Missing") and command in spans, f"{page.name}: {command}: {said}"


def _scripts(lines):
    """Script and arguments of each command that runs one of ours."""
    for line in lines:
        for command in re.findall(r"python ((?:benchmarks|docs)/\w+\.py[^&]*)", line):
            yield shlex.split(command, comments=True)


def _understands(script, arguments):
    parse = argparse.ArgumentParser.parse_args

    def parsed(parser, *given):
        parse(parser, *given)
        raise AtWork

    with pytest.MonkeyPatch.context() as patch, pytest.raises(AtWork):
        patch.setattr(argparse.ArgumentParser, "parse_args", parsed)
        patch.setattr("sys.argv", [script, *arguments])
        patch.syspath_prepend(ROOT / "benchmarks")  # scripts share parts
        runpy.run_path(str(ROOT / script), run_name="__main__")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_scripts_that_a_page_names_take_what_it_gives_them(page):
    lines, spans = _blocks(page.read_text(encoding="utf-8"))
    for script, *arguments in _scripts([*lines, *spans]):
        assert (ROOT / script).is_file(), f"{page.name}: {script}"
        if script.startswith("benchmarks"):
            _understands(script, arguments)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_takes_what_it_says(path):
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    indented = [line for line in told.splitlines() if line.startswith("    ")]
    commands = [words for words in _scripts([*indented, *_blocks(told)[1]]) if path.name in words[0]]
    assert commands, f"{path.name} does not say how it is run"
    for script, *arguments in commands:
        _understands(script, arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_makes_and_installs_exists(page):
    text, project = page.read_text(encoding="utf-8"), tomllib.loads((ROOT / "pyproject.toml").read_text())
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)[1].split()
    lines, spans = _blocks(text)
    for command in (one for one in (*lines, *spans) if one.startswith("make ")):
        assert shlex.split(command, comments=True)[1] in targets, f"{page.name}: {command}"
    for extras in re.findall(r"fewview\[([^\]]+)\]", text):
        assert set(extras.split(",")) <= set(project["project"]["optional-dependencies"]), f"{page.name}: {extras}"
