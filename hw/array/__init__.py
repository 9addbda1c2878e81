"""The array: alignment of its inputs, processing elements, accumulators, control."""
