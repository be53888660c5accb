"""Reads a checkpoint and a samples file with h5py alone; the values are those that test_h5py.c wrote."""

import sys

import h5py
import numpy as np


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


checkpoint, samples, raw = sys.argv[1:]

with h5py.File(checkpoint, "r") as f:
    assert f.attrs["step"] == 123456789012 and f.attrs["seed"] == 2**64 - 2, dict(f.attrs)
    assert text(f.attrs["config"]).endswith('note: "Grüße"\n')
    assert list(f.attrs["sample_shape"]) == [2, 28, 24]
    weight = f["model/down.0.conv1.weight"]
    assert weight.shape == (4, 2, 3, 3) and weight.dtype == np.float32 and weight.fletcher32
    flat = np.fromfile(raw, np.float32)  # (out, kernel, kernel, in) first
    expected = flat[: 4 * 3 * 3 * 2].reshape(4, 3, 3, 2).transpose(0, 3, 1, 2)
    assert weight[...].tobytes() == np.ascontiguousarray(expected).tobytes()
    assert sorted(f["ema"]) == ["0.999", "0.9999"]
    average = f["ema/0.9999/time.linear.weight"]
    assert average.shape == (5, 4) and average.dtype == np.float64
    assert f["optimizer/m"].shape == flat.shape
    assert np.array_equal(f["normalization/scale"], [1e-3, 255]) and f["normalization"].attrs["kind"] == 2
    assert np.isinf(f["normalization/max"][1])

with h5py.File(samples, "r") as f:
    x = f["samples"]
    assert x.shape == (7, 2, 3, 4) and x.dtype == np.float32 and x.chunks is None
    assert [d.label for d in x.dims] == ["N", "C", "H", "W"]
    i, c, h, w = np.indices(x.shape)
    assert np.array_equal(x, 1000 * i + 100 * h + 10 * w + c)
    assert np.array_equal(f["index"], np.arange(7)) and np.array_equal(f["complete"], [1, 1])
    assert np.array_equal(f["evaluations"], [9, 8, 7, 6, 9, 8, 7])
    assert f.attrs["count"] == 7 and f.attrs["block"] == 4 and text(f.attrs["sampler"]) == "ddim, 50 steps"
