"""Reports: from a results file to tables and figures."""
