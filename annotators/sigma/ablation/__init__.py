"""The ablation of Table 3: trains the variants one after another, and evaluates each."""
