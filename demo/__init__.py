"""The demo: trained weights to Verilog that agrees bit for bit, on real handwritten digits."""
