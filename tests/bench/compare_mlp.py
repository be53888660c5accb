#!/usr/bin/env python3
"""Whole training steps of a small network, dsmpi beside PyTorch, measured in turn.

    tests/bench/compare_mlp.py build/dsmpi [configs/toy_eight_gaussians.yaml] [--batches 128,1024] [--rounds 5] [--threads 1]

A step is all that training does: take a shuffled batch, draw times and noise, mix them, loss and gradients of the prediction v,
clip to the norm 1, AdamW, one moving average. dsmpi is `dsmpi train` on a file made by `dsmpi data make`, figures from its
metrics.jsonl; PyTorch has its data in memory, AdamW in both of its forms on CPUs (of which the faster one counts), and the moving
average by _foreach functions, in float32 where dsmpi keeps float64. Both run in processes of their own. Printed are medians over the
rounds and the median of the rounds' ratios, and the time from the start of the program to the end of its first step.

PyTorch gets what dsmpi gives itself: AVX-512 loops, and OpenBLAS's kernels for this processor, which it does not find alone
where the processor is younger than OpenBLAS; --as-installed leaves that to PyTorch. Needs python3-torch, python3-yaml.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = 100000
INTERVALS = 10  # of a run, whose rates give a median


def of_process():
    """Seconds since this process was started."""
    with open("/proc/self/stat") as file:
        ticks = int(file.read().rsplit(")", 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


# ---- PyTorch's side, in a process of its own -------------------------------------------------------------------------


def cosine_alphas(steps):
    """alpha of t = 1 ... steps, as in src/diffusion/process/ddpm.c."""
    import torch
    bar = torch.cos((torch.arange(steps + 1, dtype=torch.float64) / steps + 0.008) / 1.008 * torch.pi / 2).square()
    return (1 - (1 - bar[1:] / bar[:-1]).clamp(max=0.999)).cumprod(0).sqrt()


def pytorch_side(path, batch, steps, threads):
    import torch
    sys.path.insert(0, os.path.join(HERE, "..", "data"))
    from unet_torch import model_of
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    with open(path) as file:
        config = yaml.safe_load(file)
    times = config["process"]["steps"]
    rate, lr = config["optimizer"]["ema"][0], float(config["optimizer"]["lr"])
    data = torch.randn(ROWS, 2)
    alpha = cosine_alphas(times)
    label = (torch.arange(times, dtype=torch.float64) * (999 / (times - 1))).float()
    alpha, sigma = alpha.float(), (1 - alpha.square()).sqrt().float()
    found = {}
    for form in ("foreach", "plain"):
        net = model_of(config["model"], (2,))
        parameters = list(net.parameters())
        average = [p.detach().clone() for p in parameters]
        optimizer = torch.optim.AdamW(parameters, lr=lr, weight_decay=0, foreach=form == "foreach")
        order, at = torch.randperm(ROWS), 0

        def step():
            nonlocal order, at
            if at + batch > ROWS:
                order, at = torch.randperm(ROWS), 0
            x0 = data[order[at:at + batch]]
            at += batch
            t, eps = torch.randint(times, (batch,)), torch.randn(batch, 2)
            a, s = alpha[t][:, None], sigma[t][:, None]
            loss = (net(a * x0 + s * eps, label[t]) - (a * eps - s * x0)).square().sum(1).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            with torch.no_grad():
                torch._foreach_mul_(average, rate)
                torch._foreach_add_(average, parameters, alpha=1 - rate)

        step()
        found.setdefault("first", of_process())
        rates = []
        for _ in range(INTERVALS):
            start = time.perf_counter()
            for _ in range(max(1, steps // INTERVALS)):
                step()
            rates.append(max(1, steps // INTERVALS) / (time.perf_counter() - start))
        found[form] = statistics.median(rates)
    found["parameters"] = sum(p.numel() for p in parameters)
    print(json.dumps(found))


# ---- both in turn ----------------------------------------------------------------------------------------------------


def pytorch(options, environment, batch):
    words = [sys.executable, os.path.abspath(__file__), options.program, options.config, "--side", "--batches", str(batch),
             "--steps", str(options.steps // 4), "--threads", str(options.threads)]
    return json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout)


def dsmpi(options, folder, batch):
    steps = options.steps
    settings = {"data.file": os.path.join(folder, "data.h5"), "train.batch": batch, "train.micro_batch": min(batch, options.micro_batch),
                "train.threads": options.threads, "train.steps": steps, "train.log_every": steps // INTERVALS,
                "train.checkpoint_every": steps, "optimizer.clip": 1}
    run = os.path.join(folder, "run")
    said = subprocess.run([options.program, "train", options.config, "-o", run, "--fresh",
                           *(f"{key}={value}" for key, value in settings.items())],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    with open(os.path.join(run, "metrics.jsonl")) as file:
        rates = [json.loads(line)["samples_per_second"] / batch for line in file]
    return {"rate": statistics.median(rates), "first": float(re.search(r"first step after ([\d.]+) s", said).group(1)),
            "parameters": int(re.search(r": (\d+) parameters", said).group(1))}


def pytorch_environment(options):
    """What makes PyTorch use this processor as dsmpi does."""
    if options.as_installed:
        return {**os.environ}
    facts = subprocess.run([options.program, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    kernels, core = re.search(r"^kernels +(\S+)", facts, re.M), re.search(r"^BLAS .*\((\w+)", facts, re.M)
    found = {**os.environ}
    if kernels and kernels.group(1) in ("avx2", "avx512"):
        found["ATEN_CPU_CAPABILITY"] = kernels.group(1)
    if core:
        found["OPENBLAS_CORETYPE"] = core.group(1)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("config", nargs="?", default=os.path.join(HERE, "..", "..", "configs", "toy_eight_gaussians.yaml"))
    parser.add_argument("--batches", type=lambda text: [int(n) for n in text.split(",")], default=[128, 1024])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2000, help="of dsmpi; a quarter of them in each form of PyTorch")
    parser.add_argument("--micro-batch", type=int, default=128, help="of dsmpi, at most; small ones stay in the cache")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--as-installed", action="store_true", help="no help for PyTorch in finding the processor")
    parser.add_argument("--side", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        pytorch_side(options.config, options.batches[0], options.steps, options.threads)
        return
    environment = pytorch_environment(options)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([options.program, "data", "make", "eight_gaussians", "-n", str(ROWS), "-o", os.path.join(folder, "data.h5")],
                       check=True, stdout=subprocess.DEVNULL)
        print(f"{options.config}, {options.threads} thread(s), {options.rounds} rounds\n"
              f"{'':12}{'steps/s: PyTorch':>17}{'dsmpi':>9}{'ratio':>7}{'first step, s: PyTorch':>25}{'dsmpi':>7}")
        for batch in options.batches:
            theirs, ours = [], []
            for _ in range(options.rounds):
                theirs.append(pytorch(options, environment, batch))
                ours.append(dsmpi(options, folder, batch))
            if ours[0]["parameters"] != theirs[0]["parameters"]:
                sys.exit(f"dsmpi trains {ours[0]['parameters']} parameters, PyTorch {theirs[0]['parameters']}")
            fastest = [max(t["foreach"], t["plain"]) for t in theirs]
            ratio = statistics.median(o["rate"] / t for o, t in zip(ours, fastest))
            print(f"batch {batch:<6}{statistics.median(fastest):17.1f}{statistics.median(o['rate'] for o in ours):9.1f}{ratio:7.2f}"
                  f"{statistics.median(t['first'] for t in theirs):25.2f}{statistics.median(o['first'] for o in ours):7.2f}")


if __name__ == "__main__":
    main()
