"""An engine on a bus: registers for a host, and a master that reads programs and inputs and writes outputs."""
