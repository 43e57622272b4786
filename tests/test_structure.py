"""The house: imports go down only, the viewer alone knows Qt, and importing fewview is cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import fewview

ROOT = Path(fewview.__file__).parent
FLOORS = {
    1: {"errors", "options", "sizes", "geometry", "provenance", "frames", "openmp", "atomic_write", "wording"},
    2: {"operators"},
    3: {"models", "prepare", "quality", "registration"},
    4: {"scan"},
    5: {"io", "simulate", "samples"},
    6: {"methods"},
    7: {"runs", "training"},
    8: {"benchmark", "demo", "doctor", "sister", "testing"},
    9: {"viewer"},
    10: {"cli"},
}
ROOMS = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
GUI = {"napari", "qtpy", "magicgui", "superqt", "pyqtgraph", "PyQt5", "PyQt6", "PySide6", "vispy"}


def _modules():
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts != ("__init__",):
            yield path, parts[0]


def _imports(path: Path):
    """Absolute dotted names that a module imports, wherever in it."""
    package = ("fewview", *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join((*base, *(node.module.split(".") if node.module else ())))
            if stem == "fewview":
                yield from (f"fewview.{alias.name}" for alias in node.names)
            else:
                yield stem


def test_every_room_is_on_a_floor():
    rooms = {room for _, room in _modules()}
    assert rooms <= set(ROOMS), f"not in FLOORS: {rooms - set(ROOMS)}"


def test_imports_go_down_only():
    wrong = []
    for path, room in _modules():
        for name in _imports(path):
            parts = name.split(".")
            if parts[0] != "fewview" or len(parts) < 2 or parts[1] not in ROOMS:
                continue
            other = parts[1]
            if other != room and ROOMS[other] >= ROOMS[room] > 1:
                wrong.append(f"{path.relative_to(ROOT)} (floor {ROOMS[room]}) -> {name} (floor {ROOMS[other]})")
    assert not wrong, "\n".join(wrong)


def test_rooms_of_one_floor_form_no_circle():
    arrows = {room: set() for room in ROOMS}
    for path, room in _modules():
        for name in _imports(path):
            parts = name.split(".")
            if parts[0] == "fewview" and len(parts) > 1 and parts[1] in ROOMS and parts[1] != room:
                arrows[room].add(parts[1])

    def reachable(start):
        seen, todo = set(), list(arrows[start])
        while todo:
            room = todo.pop()
            if room not in seen:
                seen.add(room)
                todo.extend(arrows[room])
        return seen

    circles = [room for room in ROOMS if room in reachable(room)]
    assert not circles, f"rooms that import each other in a circle: {circles}"


def test_only_the_viewer_knows_napari_and_qt():
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, room in _modules()
        if room != "viewer"
        for name in _imports(path)
        if name.split(".")[0] in GUI
    ]
    assert not wrong, "\n".join(wrong)


def test_no_file_over_400_lines():
    long = {
        str(p.relative_to(ROOT)): n
        for p, _ in _modules()
        if (n := len(p.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def test_importing_fewview_and_its_command_line_is_cheap():
    heavy = ("torch", "napari", "h5py", "skimage")
    code = f"import sys, fewview, fewview.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_attribute_is_an_error():
    import pytest

    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = fewview.nonsense
