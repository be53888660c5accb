#!/usr/bin/python3
"""Trains the twin of a dsmpi run with PyTorch, and compares the two on pictures that neither has seen.

    /usr/bin/python3 fashion_twin.py START.h5 TRAINED.h5 TRAIN.h5 TEST.h5

START.h5: a checkpoint before any training, whose parameters the twin starts from; TRAINED.h5: the checkpoint of the run. The twin
has the run's configuration (process ddpm with the cosine schedule, prediction v, weighting simple, AdamW, one average) and sees as
many samples of TRAIN.h5, in an order and with noise of its own. Then the average of either predicts the noise of every picture of
TEST.h5, at the same times, with the same noise. Prints, for each tenth of the times, the eps-loss of both,

    mean over pictures and pixels of (eps - eps_hat(x_t, t))^2,   x_t = alpha_t x + sigma_t eps,

and last the largest deviation of dsmpi's from PyTorch's, as a part of it, with the tenth where it is.
Exit code 77: PyTorch, h5py or yaml is not installed.
"""
import math
import os
import sys

try:
    import h5py
    import numpy as np
    import torch
    import yaml
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data"))
from unet_torch import model_of  # noqa: E402

TENTHS = 10


class Checkpoint:
    def __init__(self, path):
        with h5py.File(path, "r") as f:
            config = f.attrs["config"]
            self.config = yaml.safe_load(config.decode() if isinstance(config, bytes) else config)
            self.shape = [int(n) for n in f.attrs["sample_shape"]]
            self.model = {name: torch.from_numpy(f["model"][name][()]) for name in f["model"]}
            rate, = self.config["optimizer"]["ema"]
            self.average = {name: torch.from_numpy(x[()]) for name, x in f[f"ema/{rate}"].items()}

    def network(self, parameters):
        net = model_of(self.config["model"], self.shape)
        net.load_state_dict(parameters, strict=True)
        return net


def pictures(path, shape):
    """(N, 1, H, W) from -1 to 1: grey ones of 0 ... 255, which training and test rows both reach."""
    with h5py.File(path, "r") as f:
        x = f["samples"][()].astype(np.float32)
    assert x.min() == 0 and x.max() == 255
    return torch.from_numpy(x / 127.5 - 1).reshape(len(x), *shape)


class Process:
    """ddpm, t = 1 ... T: alpha_t^2 = prod (1 - beta), beta_t = 1 - f(t) / f(t - 1) <= 0.999, f(t) = cos^2(pi/2 (t/T + s)/(1 + s))."""

    def __init__(self, steps):
        s, t = 0.008, np.arange(steps + 1)
        f = np.cos(math.pi / 2 * (t / steps + s) / (1 + s)) ** 2
        beta = np.minimum(1 - f[1:] / f[:-1], 0.999)
        alpha2 = np.concatenate([[1], np.cumprod(1 - beta)])
        self.steps = steps
        self.alpha, self.sigma = (torch.from_numpy(np.sqrt(a)).float() for a in (alpha2, 1 - alpha2))


def eps_error(net, process, x, t, eps):
    """eps_hat - eps, of a network that predicts v = alpha eps - sigma x: eps_hat = alpha v_hat + sigma x_t. Labels are 0 ... 999."""
    alpha, sigma = (a[t].reshape(-1, 1, 1, 1) for a in (process.alpha, process.sigma))
    v = net(alpha * x + sigma * eps, (t - 1) * (999.0 / (process.steps - 1)))
    return alpha * (v - (alpha * eps - sigma * x))


def learning_rate(optimizer, step, steps):
    warmup = optimizer["warmup"]
    if step < warmup:
        return optimizer["lr"] * (step + 1) / warmup
    return optimizer["lr"] * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def train(start, run, process, x):
    """The average of the parameters."""
    settings, steps, batch = run["optimizer"], run["train"]["steps"], run["train"]["batch"]
    rate, = settings["ema"]
    net = start.network(start.model)
    average = {name: p.detach().clone() for name, p in net.named_parameters()}
    adam = torch.optim.AdamW(net.parameters(), betas=(settings["beta1"], settings["beta2"]), eps=settings["eps"],
                             weight_decay=settings["weight_decay"])
    order = torch.randperm(len(x))
    for step in range(steps):
        if (step + 1) * batch > len(order):
            order = torch.cat([order, torch.randperm(len(x))])
        rows = x[order[step * batch:(step + 1) * batch]]
        t = torch.randint(1, process.steps + 1, (batch,))
        loss = eps_error(net, process, rows, t, torch.randn_like(rows)).square().mean()
        adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), settings["clip"])
        for group in adam.param_groups:
            group["lr"] = learning_rate(settings, step, steps)
        adam.step()
        decay = min(rate, (2 + step) / (11 + step))
        with torch.no_grad():
            for name, p in net.named_parameters():
                average[name].lerp_(p, 1 - decay)
    return average


def losses(net, process, x):
    """eps-loss of every tenth of the times; the times run evenly over the pictures, in an order of chance that is always the same."""
    sums, n = np.zeros(TENTHS), np.zeros(TENTHS)
    chance = torch.Generator().manual_seed(1)
    times = 1 + torch.arange(len(x)) * process.steps // len(x)
    times = times[torch.randperm(len(x), generator=chance)]
    with torch.no_grad():
        for first in range(0, len(x), 100):
            rows, t = x[first:first + 100], times[first:first + 100]
            error = eps_error(net, process, rows, t, torch.randn(rows.shape, generator=chance))
            tenth = ((t - 1) * TENTHS // process.steps).numpy()
            np.add.at(sums, tenth, error.square().mean(dim=(1, 2, 3)).numpy())
            np.add.at(n, tenth, 1)
    return sums / n


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    start, trained = (Checkpoint(path) for path in sys.argv[1:3])
    x, test = (pictures(path, start.shape) for path in sys.argv[3:5])
    run = trained.config
    process = Process(run["process"]["steps"])
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(2)
    twin = train(start, run, process, x)
    ours, theirs = (losses(trained.network(p), process, test) for p in (trained.average, twin))
    print("tenth of the times   dsmpi      PyTorch    ratio")
    for i in range(TENTHS):
        print(f"{i + 1:18d} {ours[i]:10.5f} {theirs[i]:10.5f} {ours[i] / theirs[i]:8.4f}")
    off = ours / theirs - 1
    worst = np.abs(off).argmax()
    print(f"largest {abs(off[worst]):.4f} tenth {worst + 1}")


if __name__ == "__main__":
    main()
