"""The demo: a whole network from its float file to Verilog that agrees bit for bit, on real handwritten digits."""
