"""From floats to words: levels, scales, tiles."""
