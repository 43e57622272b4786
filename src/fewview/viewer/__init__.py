"""The napari plugin. napari and Qt live here and nowhere else.

Presenters (``*_presenter``, ``form_entries``, ``modes``, ``presets``, ``table``, ``report``, ...) know neither: what
they decide is tested without a screen. Docks are thin: they draw what a presenter says and hand clicks back to it.
"""
