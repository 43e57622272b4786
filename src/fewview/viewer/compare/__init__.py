"""The Compare dock: regions by click, the table of regions by layers, ways to look at several layers."""
