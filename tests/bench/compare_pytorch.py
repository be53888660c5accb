#!/usr/bin/env python3
"""dsmpi beside PyTorch on the same network: training steps and network evaluations, measured in turn.

    tests/bench/compare_pytorch.py build/dsmpi configs/bench_unet64.yaml [configs/bench_unet32.yaml ...]
        [--rounds 5] [--threads 1] [--bf16]

Each round measures PyTorch (a step of AdamW on the eps loss, and an evaluation without gradients, of tests/data/unet_torch.py)
and then `dsmpi bench`, both with the same number of threads, so that what else the machine does meets both alike. Printed are
the medians over the rounds and the median of the rounds' ratios. Needs Debian's python3-torch and python3-yaml.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data"))
from unet_torch import UNet  # noqa: E402

BLOCK = 64  # samples an evaluation, as sampler.block


def network(config):
    height, width, channels = config["data"]["shape"]
    model = config["model"]
    return UNet((channels, height, width), model["width"], model["multipliers"], model["blocks"], model["attention"],
                model.get("up_attention", "every"))


def seconds(work, repeats):
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def pytorch(config, bf16, repeats):
    """Samples a second of training and of evaluation."""
    height, width, channels = config["data"]["shape"]
    batch = config["train"]["batch"]
    net = network(config)
    if bf16:  # PyTorch 1.13 has no group norm of bf16 values with float32 weights
        for module in net.modules():
            if isinstance(module, torch.nn.GroupNorm):
                module.register_forward_pre_hook(lambda _, inputs: (inputs[0].float(),))
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-4, weight_decay=0)
    x, noise = torch.randn(2, batch, channels, height, width)
    label = torch.rand(batch) * 999
    block, block_label = torch.randn(BLOCK, channels, height, width), torch.full((BLOCK,), 999.0)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            loss = (net(x, label) - noise).square().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()

    def evaluate():
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            net(block, block_label)

    return batch / seconds(step, repeats), BLOCK / seconds(evaluate, repeats)


def dsmpi(program, path, threads, steps):
    with tempfile.TemporaryDirectory() as folder:
        figures = os.path.join(folder, "figures.json")
        subprocess.run([program, "bench", path, f"train.threads={threads}", f"sampler.block={BLOCK}", "--steps", str(steps),
                        "--json", figures], check=True, stdout=subprocess.DEVNULL)
        with open(figures) as file:
            return json.load(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("config", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--bf16", action="store_true", help="PyTorch with bf16 autocast")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"PyTorch {torch.__version__}, {'bf16 autocast' if options.bf16 else 'fp32'}, {options.threads} thread(s), "
          f"{options.rounds} rounds")
    for path in options.config:
        with open(path) as file:
            config = yaml.safe_load(file)
        rows = []
        for _ in range(options.rounds):
            theirs = pytorch(config, options.bf16, options.repeats)
            ours = dsmpi(options.program, path, options.threads, options.repeats + 1)
            rows.append((*theirs, ours["samples_per_second"], ours["evaluated_samples_per_second"], ours["peak_memory_bytes"]))
        train_p, evaluate_p, train_d, evaluate_d, memory = (statistics.median(column) for column in zip(*rows))
        print(f"{path}\n"
              f"  training    samples/s  PyTorch {train_p:8.2f}  dsmpi {train_d:8.2f}  "
              f"ratio {statistics.median(r[2] / r[0] for r in rows):.2f}\n"
              f"  evaluation  samples/s  PyTorch {evaluate_p:8.2f}  dsmpi {evaluate_d:8.2f}  "
              f"ratio {statistics.median(r[3] / r[1] for r in rows):.2f}\n"
              f"  peak memory            PyTorch {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:6.2f} GB"
              f"  dsmpi {memory / 1e9:6.2f} GB")


if __name__ == "__main__":
    main()
