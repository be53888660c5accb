"""PyTorch's side of compare_pytorch.py: one process that trains or evaluates a configuration's network, and prints what it found.

    pytorch_side.py CONFIG train|evaluate [--bf16] [--threads N] [--repeats N] [--channels-last]

A step is one of AdamW on the eps loss with the gradient clipped, of train.batch samples shared among the processes; an evaluation
is without gradients, of BLOCK samples in each process. Several processes (RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT in the environment)
train by DistributedDataParallel over gloo. Rank 0 prints one line of JSON: samples a second of all processes together, the
median over the repeats, and the peak resident memory of the largest process.
"""
import argparse
import json
import os
import statistics
import sys
import time

import torch
import torch.distributed
import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data"))
from unet_torch import model_of  # noqa: E402

BLOCK = 64  # samples an evaluation, as sampler.block


def sample_shape(config):
    """(C, H, W) or (C) of data.shape, which has the channels last."""
    *positions, channels = config["data"]["shape"]
    return (channels, *positions)


def network(config):
    defaults = {"name": "unet", "attention": [], "up_attention": "every", "blocks": 2, "width": 32, "depth": 3}
    return model_of({**defaults, **config["model"]}, sample_shape(config))


def peak_memory():
    """VmHWM in bytes: unlike getrusage, of this program alone."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return 1024.0 * float(line.split()[1])
    return float("nan")


def median_seconds(work, repeats):
    for _ in range(2):
        work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def group_norms_in_float32(net):
    """PyTorch 1.13 has no group norm of bf16 values with float32 weights."""
    for module in net.modules():
        if isinstance(module, torch.nn.GroupNorm):
            module.register_forward_pre_hook(lambda _, inputs: (inputs[0].float(),))


def training(config, net, options, processes):
    batch = config["train"]["batch"]
    own = batch // processes
    if processes > 1:
        net = torch.nn.parallel.DistributedDataParallel(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-4, weight_decay=0)
    x, noise = (options.place(torch.randn(own, *sample_shape(config))) for _ in range(2))
    label = torch.rand(own) * 999

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.bf16):
            loss = (net(x, label) - noise).square().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()

    return batch, step


def evaluation(config, net, options, processes):
    x, label = options.place(torch.randn(BLOCK, *sample_shape(config))), torch.full((BLOCK,), 999.0)

    def evaluate():
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.bf16):
            net(x, label)

    return BLOCK * processes, evaluate


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("config")
    parser.add_argument("work", choices=["train", "evaluate"])
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--channels-last", action="store_true", help="in memory; slower for these networks with PyTorch 1.13")
    options = parser.parse_args()
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    with open(options.config) as file:
        config = yaml.safe_load(file)
    net = network(config)
    images = len(sample_shape(config)) == 3 and options.channels_last
    options.place = (lambda x: x.to(memory_format=torch.channels_last)) if images else (lambda x: x)
    net = options.place(net)
    if options.bf16:
        group_norms_in_float32(net)
    if processes > 1:
        torch.distributed.init_process_group("gloo")
    samples, work = (training if options.work == "train" else evaluation)(config, net, options, processes)
    if processes > 1:
        torch.distributed.barrier()
    found = torch.tensor([median_seconds(work, options.repeats), peak_memory()], dtype=torch.float64)
    if processes > 1:
        torch.distributed.all_reduce(found, op=torch.distributed.ReduceOp.MAX)
    if int(os.environ.get("RANK", "0")) == 0:
        print(json.dumps({"samples_per_second": samples / found[0].item(), "peak_memory_bytes": found[1].item()}))


if __name__ == "__main__":
    main()
