"""Why a model says what it says: its cells are replayed with the weights of its fused graph, gate by gate."""
