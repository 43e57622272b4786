"""napari's readers and writers, and the files behind layers."""
