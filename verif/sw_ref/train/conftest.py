"""One thread for PyTorch: on layers as small as these a second one only waits, and takes the core of another test."""

import torch

torch.set_num_threads(1)
