"""Between a pair's own size and a network's: what the network is shown, and one map out of what it says."""
