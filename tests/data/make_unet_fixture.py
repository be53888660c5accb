#!/usr/bin/python3
"""Makes unet_fixture.h5 and mlp_fixture.h5: a small network in PyTorch, its output, a loss and all gradients.

    /usr/bin/python3 make_unet_fixture.py [FOLDER]        (Debian: python3-torch python3-h5py)

Computed in float64 from values that float32 holds exactly, stored as float32, in PyTorch's order of axes:
    /model/<name>  /gradient/<name>     parameters and d loss / d parameter
    /x /label /target /weight           inputs; the loss is sum_n weight_n |F(x_n, label_n) - target_n|^2
    /output /loss /x_gradient
    /embedding/label, width, values     time embedding (float64)
"""
import os
import sys

import h5py
import numpy as np
import torch

from unet_torch import MLP, UNet, time_embedding


def randomise(model, generator):
    """Every parameter non-trivial, those that start at zero too, and of a size that keeps values near 1."""
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator, dtype=torch.float32)
        if p.dim() > 1:
            value = noise / np.sqrt(p[0].numel())
        else:
            value = (1.0 if "norm" in name and name.endswith("weight") else 0.0) + 0.2 * noise
        p.data = value.double()


def fixture(path, model, shape, label, seed):
    generator = torch.Generator().manual_seed(seed)
    randomise(model, generator)
    n = len(label)
    draw = lambda *size: torch.randn(*size, generator=generator, dtype=torch.float32).double()
    x, target = draw(n, *shape).requires_grad_(), draw(n, *shape)
    label = torch.tensor(label, dtype=torch.float32).double()
    weight = torch.linspace(0.5, 1.5, n, dtype=torch.float32).double()
    output = model(x, label)
    loss = (weight * (output - target).square().flatten(1).sum(1)).sum()
    loss.backward()

    embedding_label = torch.tensor([0, 1, 10.5, 999], dtype=torch.float64)
    width = 32
    with h5py.File(path, "w", libver="v110") as f:
        def put(name, tensor, kind="f4"):
            f.create_dataset(name, data=tensor.detach().numpy().astype(kind))

        for name, p in model.named_parameters():
            put("model/" + name, p)
            put("gradient/" + name, p.grad)
        for name, value in dict(x=x, label=label, target=target, weight=weight, output=output, loss=loss,
                                x_gradient=x.grad).items():
            put(name, value)
        put("embedding/label", embedding_label, "f8")
        put("embedding/values", time_embedding(embedding_label, width), "f8")
    print(f"{path}: {sum(p.numel() for p in model.parameters())} parameters, output up to "
          f"{output.abs().max():.3f}, loss {loss:.6f}, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    # not square, attention in the lower level, two to six groups, shortcuts where the width changes
    unet = UNet((2, 8, 12), width=8, multipliers=(1, 2), blocks=1, attention=[4], up_attention="every").double()
    fixture(os.path.join(folder, "unet_fixture.h5"), unet, (2, 8, 12), [3.5, 120, 740], seed=1)
    mlp = MLP((3,), width=16, depth=2).double()
    fixture(os.path.join(folder, "mlp_fixture.h5"), mlp, (3,), [0, 2, 75, 310.25, 999], seed=2)
