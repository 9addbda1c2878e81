"""Cycles between the engine's stages, in all engines; tables add one to some (:class:`EngineConfig`)."""

ADDRESS_CYCLES = 4  # from the sequencer's element to its address
MEMORY_CYCLES = 3  # from an address to the word that is there
FRONT_CYCLES = ADDRESS_CYCLES + MEMORY_CYCLES  # from the sequencer's element to its beat in the array
FLAG_CYCLES = 2  # from the sequencer's element to the flags of its beat
RELEASE_CYCLES = FRONT_CYCLES - 3  # from a group's last element to the header of the next group in its half
OFFSET_CYCLES = 4  # from the scales of sums to their offsets
CODE_CYCLES = 11  # from sums to their codes
STORE_CYCLES = 2  # from a code that is stored to the memory word that holds it
DRAIN_CYCLES = 8  # from the last sums of a job to the start of one that waits for what it writes
