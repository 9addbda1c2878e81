"""Other forms of depthwise layers: cycles of each by the compiler's model, LUTs of what it adds by Yosys."""
