#!/usr/bin/python3
"""Loads a checkpoint into PyTorch by name and compares the network's output.

    /usr/bin/python3 check_checkpoint.py CHECKPOINT.h5 [OUTPUT.h5] [--ema RATE] [--tolerance T]

Builds the network from the checkpoint's own configuration (tests/data/unet_torch.py), loads /model, or the average /ema/RATE,
with strict=True: every name and every shape must fit. OUTPUT.h5 holds what the program computed with these parameters:
    /x (N, C, H, W) or (N, C)   /label (N) or (N, 1)   /output like x
Exit code 0: loaded, and equal to T (1e-4) of the largest output; 1: not; 77: PyTorch, h5py or yaml is not installed.
"""
import argparse
import sys

try:
    import h5py
    import torch
    import yaml
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from unet_torch import model_of


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def load(path, ema):
    """The network of a checkpoint, in float64."""
    with h5py.File(path, "r") as f:
        config = yaml.safe_load(text(f.attrs["config"]))
        shape = [int(n) for n in f.attrs["sample_shape"]]
        group = f["ema"][ema] if ema else f["model"]
        state = {name: torch.from_numpy(group[name][()]).double() for name in group}
        print(f"{path}: step {int(f.attrs['step'])}, sample (C, ...) {tuple(shape)}, {len(state)} parameters of "
              f"{sum(p.numel() for p in state.values())} elements from {group.name}")
    model = model_of(config["model"], shape).double().eval()
    model.load_state_dict(state, strict=True)
    return model


def compare(model, path, tolerance):
    with h5py.File(path, "r") as f:
        x, expected = (torch.from_numpy(f[name][()]).double() for name in ("x", "output"))
        label = torch.from_numpy(f["label"][()]).double().flatten()
    with torch.no_grad():
        output = model(x, label)
    scale = float(output.abs().max())
    deviation = float((output - expected).abs().max()) / max(scale, 1e-30)
    print(f"{path}: {len(x)} outputs up to {scale:.4g}, largest deviation {deviation:.1e} of that")
    return deviation <= tolerance


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("output", nargs="?")
    parser.add_argument("--ema", metavar="RATE", help="load an average, e.g. 0.999")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    a = parser.parse_args()
    try:
        model = load(a.checkpoint, a.ema)
    except (RuntimeError, KeyError, OSError) as why:
        print(f"{a.checkpoint}: does not load: {why}")
        return 1
    return 0 if not a.output or compare(model, a.output, a.tolerance) else 1


if __name__ == "__main__":
    sys.exit(main())
