"""The results file: one SQLite database per results folder, which every report is made from."""
