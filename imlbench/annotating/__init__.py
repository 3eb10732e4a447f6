"""Annotating corpora: shards of pairs to Parquet files of masks, on any number of processes, resumed after anything."""
