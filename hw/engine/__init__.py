"""The engine: the array with memories, sequencer and requantizer around it; runs whole networks."""
