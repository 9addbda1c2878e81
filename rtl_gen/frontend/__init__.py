"""ONNX files to normalised float networks: what calibration, quantizer and conversion start from."""
