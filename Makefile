# Three commands, each doing all that it needs on a bare machine: make setup, make demo, make test.
.PHONY: setup demo test check docs clean

BIN := .venv/bin
# Real pixels need an X server and the xcb platform; without a display a virtual one serves.
DISPLAYED := $(if $(DISPLAY),,xvfb-run -a -s "-screen 0 1600x1000x24")

setup:
	@scripts/setup.sh

# First a table, a picture and volumes from a measured tooth; then the viewer with a run in progress.
demo: setup
	@$(BIN)/fewview demo --headless
	@$(BIN)/fewview demo

test: setup check docs
	@QT_QPA_PLATFORM=xcb NAPARI_STRICT_QT=1 NAPARI_ENSURE_PLUGIN_MAIN_THREAD=1 $(DISPLAYED) $(BIN)/python -m pytest -n 2 --dist loadgroup

check: setup
	@$(BIN)/ruff check src tests docs benchmarks
	@$(BIN)/ruff format --check src tests docs benchmarks
	@$(BIN)/mypy

docs: setup
	@$(BIN)/mkdocs build --strict --quiet

clean:
	rm -rf .venv site dist build demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis
