"""Files: scans and volumes in, volumes out. One module per format; ``registry.py`` holds the table."""

from .info import ScanInfo, inspect
from .read import read_scan
from .read_volume import Volume, read_volume
from .write_volume import write_volume

__all__ = ["ScanInfo", "Volume", "inspect", "read_scan", "read_volume", "write_volume"]
