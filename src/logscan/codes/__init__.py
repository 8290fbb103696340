"""What reply codes mean: the catalogue, its explanations and comparisons."""
