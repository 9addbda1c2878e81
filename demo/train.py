"""Train the demo's float network and write it as ONNX: ``python -m demo.train`` makes `demo/digits.onnx`.

It needs the extra `train`.  The same version of PyTorch on the same kind of processor gives the same bytes.
"""

import io
import sys
import warnings

import onnx
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from demo import digits
from demo.network import FLOAT
from sw_ref.files import write_atomically

SEED = 1
EPOCHS, BATCH, RATE, DECAY = 60, 64, 5e-3, 1e-2
NARROW, WIDE, CLASSES = 8, 16, 10
"""Channels."""


class Residual(nn.Module):
    """A residual network for images of 8 x 8 pixels: four convolutions, an addition, the mean, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, NARROW, 3, padding=1), nn.BatchNorm2d(NARROW)
        self.conv2, self.norm2 = nn.Conv2d(NARROW, WIDE, 3, stride=2, padding=1), nn.BatchNorm2d(WIDE)
        self.conv3, self.norm3 = nn.Conv2d(WIDE, WIDE, 3, padding=1), nn.BatchNorm2d(WIDE)
        self.conv4, self.norm4 = nn.Conv2d(WIDE, WIDE, 3, padding=1), nn.BatchNorm2d(WIDE)
        self.mean, self.linear = nn.AdaptiveAvgPool2d(1), nn.Linear(WIDE, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm1(self.conv1(x)))
        x = torch.relu(self.norm2(self.conv2(x)))
        x = torch.relu(self.norm4(self.conv4(torch.relu(self.norm3(self.conv3(x))))) + x)
        return self.linear(self.mean(x).flatten(1))

    def fold(self) -> None:
        """Fold the batch norms into the convolutions; the network is for evaluation from here on."""
        self.eval()
        for number in range(1, 5):
            conv, norm = getattr(self, f"conv{number}"), getattr(self, f"norm{number}")
            setattr(self, f"conv{number}", fuse_conv_bn_eval(conv, norm))
            setattr(self, f"norm{number}", nn.Identity())


def train() -> Residual:
    """Train from a fixed seed, on one thread, so that the same additions happen in the same order."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    data, _ = digits.load()
    images, labels, model = torch.from_numpy(data.images), torch.from_numpy(data.labels), Residual()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    model.fold()
    return model


def to_onnx(model: Residual) -> bytes:
    """The model as ONNX, its nodes named as its modules.

    The exporter is PyTorch's old one, which needs no other package.
    """
    file, image = io.BytesIO(), torch.zeros(1, 1, 8, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (image,),
            file,  # type: ignore[arg-type]
            dynamo=False,
            input_names=["images"],
            output_names=["scores"],
            dynamic_axes={"images": {0: "n"}, "scores": {0: "n"}},
        )
    made = onnx.load_from_string(file.getvalue())
    for node in made.graph.node:
        node.name = node.name.strip("/").partition("/")[0]
    return made.SerializeToString(deterministic=True)


def main() -> int:
    """Write the file; returns the exit status."""
    model, (_, test) = train(), digits.load()
    with torch.inference_mode():
        right = int((model(torch.from_numpy(test.images)).argmax(1) == torch.from_numpy(test.labels)).sum())
    content = to_onnx(model)
    write_atomically(FLOAT, content)
    print(f"{FLOAT.name}: {len(content):,} bytes, {right} of {len(test.labels)} test images right")
    return 0


if __name__ == "__main__":
    sys.exit(main())
