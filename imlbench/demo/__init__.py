"""How the demo set is made: photographs, regions, edits, encodings, the plan that joins them, and the writer.

`imlbench.datasets.demo` reads the set; only when there is none yet does it import what is here.
"""
