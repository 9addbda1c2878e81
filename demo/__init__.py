"""The demo: from training to Verilog that agrees bit for bit, on real handwritten digits (``python -m demo``)."""
