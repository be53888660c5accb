"""Single 3x3 convolutions: dsmpi (bench_kernels) beside oneDNN through PyTorch, on one thread, for compare_pytorch.py.

GFLOP/s are effective ones, those of the definition. Both sides report the best of many calls by the processor's time. oneDNN may have the
channels first or last, whichever is faster, and keeps its weights in PyTorch's order, as a training step has them.
"""
import os
import re
import statistics
import subprocess
import time

import torch
from torch.nn.functional import conv2d
from torch.nn.grad import conv2d_input, conv2d_weight

SHAPES = [(28, 64), (14, 128), (7, 128), (32, 128)]  # size, channels; as in kernels.c
BATCHES = (16, 32)
SECONDS = 0.2  # a figure
OPERATIONS = ("y", "dx", "dw")


def best_seconds(call):
    call()
    best, end = float("inf"), time.process_time() + SECONDS
    while time.process_time() < end:
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return best


def onednn(batch, size, channels):
    """GFLOP/s of forward, input gradient, weight gradient."""
    flops = 18.0 * batch * size * size * channels * channels
    found = []
    for layout in (torch.contiguous_format, torch.channels_last):
        x, dy = (torch.randn(batch, channels, size, size).to(memory_format=layout) for _ in range(2))
        w = torch.randn(channels, channels, 3, 3).to(memory_format=layout)
        calls = (lambda: conv2d(x, w, padding=1), lambda: conv2d_input(x.shape, w, dy, padding=1),
                 lambda: conv2d_weight(x, w.shape, dy, padding=1))
        with torch.no_grad():
            found.append([1e-9 * flops / best_seconds(call) for call in calls])
    return [max(both) for both in zip(*found)]


def ours(bench_kernels):
    """{(batch, size, channels): [GFLOP/s of the three]}, and four times the peak of SGEMM."""
    said = subprocess.run([bench_kernels, "-s", str(SECONDS), "winograd"], check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = re.findall(r"^(\d+) x (\d+)x\d+, (\d+) channels +([\d.]+) +([\d.]+) +([\d.]+)", said, re.MULTILINE)
    limit = re.search(r"4 x SGEMM +([\d.]+)", said)
    return {tuple(int(n) for n in row[:3]): [float(g) for g in row[3:]] for row in rows}, float(limit.group(1))


def compare(program, rounds):
    bench_kernels = os.path.join(os.path.dirname(program), "tests", "bench", "bench_kernels")
    torch.set_num_threads(1)
    shapes = [(batch, size, channels) for size, channels in SHAPES for batch in BATCHES]
    theirs, mine, limits = {s: [] for s in shapes}, {s: [] for s in shapes}, []
    for _ in range(rounds):
        for shape in shapes:
            theirs[shape].append(onednn(*shape))
        found, limit = ours(bench_kernels)
        limits.append(limit)
        for shape in shapes:
            mine[shape].append(found[shape])
    print(f"3x3 convolutions, effective GFLOP/s, 1 thread, medians of {rounds} rounds; 4 x SGEMM, Winograd's limit: "
          f"{statistics.median(limits):.0f}")
    print(f"{'':18}{'dsmpi':>24}{'oneDNN':>24}{'':3}ratio\n{'':18}" + 2 * "".join(f"{o:>8}" for o in OPERATIONS))
    for shape in shapes:
        a, b = ([statistics.median(column) for column in zip(*side[shape])] for side in (mine, theirs))
        batch, size, channels = shape
        print(f"{f'{batch}x{size}x{size}x{channels}':<18}" + "".join(f"{g:8.0f}" for g in (*a, *b)) + "  " +
              "".join(f"{x / y:5.1f}" for x, y in zip(a, b)))
