#!/usr/bin/env python3
"""dsmpi beside PyTorch: the same network trained and evaluated by both, or single convolutions, measured in turn.

    tests/bench/compare_pytorch.py build/dsmpi configs/bench_unet64.yaml [configs/bench_unet32.yaml ...]
        [--rounds 5] [--processes 1,2] [--precisions fp32,bf16] [--threads 1]
    tests/bench/compare_pytorch.py build/dsmpi --convolutions [--rounds 5]

Each round runs PyTorch in each precision (pytorch_side.py; several processes by DistributedDataParallel over gloo) and then
`dsmpi bench` (mpirun), each in processes of its own, so that what else the machine does meets all alike and peak memory (VmHWM)
is that of training alone or evaluation alone. The batch is the same for any number of processes and shared among them. Printed
are medians over the rounds, and the median of the rounds' ratios: how many times faster, or smaller, dsmpi is.

PyTorch gets what dsmpi gives itself: AVX-512 loops, and OpenBLAS's kernels for this processor, which it does not find
alone where the processor is younger than OpenBLAS; --as-installed leaves that to PyTorch. Needs python3-torch, python3-yaml.
"""
import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
FIGURES = (("training", "samples_per_second", "samples/s"), ("evaluation", "samples_per_second", "samples/s"),
           ("training", "peak_memory_bytes", "peak MB"), ("evaluation", "peak_memory_bytes", "peak MB"))
MPI_AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"} if os.geteuid() == 0 else {}


# ---- one measurement -------------------------------------------------------------------------------------------------


def dsmpi(options, path, processes):
    """{"training": {...}, "evaluation": {...}} and the other figures of `dsmpi bench --json`."""
    with tempfile.TemporaryDirectory() as folder:
        figures = os.path.join(folder, "figures.json")
        start = ["mpirun", "-np", str(processes)] if processes > 1 else []
        subprocess.run([*start, options.program, "bench", path, f"train.threads={options.threads}", "sampler.block=64",
                        "--steps", str(options.repeats), "--json", figures],
                       check=True, stdout=subprocess.DEVNULL, env={**os.environ, **MPI_AS_ROOT})
        with open(figures) as file:
            return json.load(file)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def pytorch_environment(options, path):
    """What makes PyTorch use this processor as dsmpi does."""
    if options.as_installed:
        return {}
    facts = dsmpi(argparse.Namespace(**{**vars(options), "repeats": 1}), path, 1)
    environment = {"ATEN_CPU_CAPABILITY": facts["instructions"]} if facts["instructions"] in ("avx2", "avx512") else {}
    core = re.search(r"\((\w+)", facts["blas"])
    return {**environment, "OPENBLAS_CORETYPE": core.group(1)} if core else environment


def pytorch(options, environment, path, precision, processes):
    """The same of PyTorch."""
    found = {}
    for work, name in (("train", "training"), ("evaluate", "evaluation")):
        words = [sys.executable, os.path.join(HERE, "pytorch_side.py"), path, work, "--threads", str(options.threads),
                 "--repeats", str(options.repeats), *(["--bf16"] if precision == "bf16" else [])]
        everywhere = {**os.environ, **environment}
        if processes > 1:
            everywhere |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(processes)}
        running = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**everywhere, "RANK": str(rank)})
                   for rank in range(processes)]
        said = [process.communicate()[0] for process in running]
        if any(process.returncode != 0 for process in running):
            sys.exit(f"{' '.join(words)}: failed")
        found[name] = json.loads(said[0].splitlines()[-1])
    return found


# ---- the table -------------------------------------------------------------------------------------------------------


def better(figure, theirs, ours):
    """How many times better ours is."""
    return theirs / ours if figure == "peak_memory_bytes" else ours / theirs


def print_part(precisions, rounds):
    for part, figure, unit in FIGURES:
        scale = 1e-6 if figure == "peak_memory_bytes" else 1
        median = [statistics.median(r[who][part][figure] for r in rounds) * scale for who in (*precisions, "dsmpi")]
        ratio = [statistics.median(better(figure, r[who][part][figure], r["dsmpi"][part][figure]) for r in rounds)
                 for who in precisions]
        print(f"  {part:<11}{unit:<11}" + "".join(f"{m:14.1f}" for m in median[:-1]) + f"{median[-1]:11.1f}  " +
              "".join(f"{r:7.2f}" for r in ratio))


def compare(options, path):
    environment = pytorch_environment(options, path)
    with open(path) as file:
        config = yaml.safe_load(file)
    settings = " ".join(f"{name}={value}" for name, value in environment.items()) or "as installed"
    print(f"{path}: batch {config['train']['batch']}, {options.threads} thread{'s'[:options.threads > 1]} a process, {options.rounds} rounds\n"
          f"PyTorch: {settings}")
    print(f"{'':24}" + "".join(f"{'PyTorch ' + p:>14}" for p in options.precisions) + f"{'dsmpi':>11}  " +
          "".join(f"{'/ ' + p:>7}" for p in options.precisions))
    for processes in options.processes:
        rounds = []
        for _ in range(options.rounds):
            r = {p: pytorch(options, environment, path, p, processes) for p in options.precisions}
            r["dsmpi"] = dsmpi(options, path, processes)
            rounds.append(r)
        print("1 process" if processes == 1 else f"{processes} processes; memory of the largest")
        print_part(options.precisions, rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("config", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3, help="timed steps and evaluations in a round")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--processes", type=lambda text: [int(n) for n in text.split(",")], default=[1, 2])
    parser.add_argument("--precisions", type=lambda text: text.split(","), default=["fp32", "bf16"], help="of PyTorch")
    parser.add_argument("--as-installed", action="store_true", help="no help for PyTorch in finding the processor")
    parser.add_argument("--convolutions", action="store_true", help="single convolutions instead of whole networks")
    options = parser.parse_args()
    if options.convolutions:
        import convolutions
        convolutions.compare(options.program, options.rounds)
    for path in options.config:
        compare(options, path)


if __name__ == "__main__":
    main()
