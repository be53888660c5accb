"""Arrays for eval_python.sh, and what numpy, scipy and scikit-learn say of them.

make     writes samples.h5, reference.h5, features.h5, fields.h5, scores.h5
compare  reads all.json, features.json, fields.json and area.txt, and fails where a figure is off by more than 1e-4 of it"""
import json
import sys

import h5py
import numpy as np
import scipy.linalg
import scipy.stats
import sklearn.covariance
import sklearn.metrics
import sklearn.neighbors

N = 600


def write(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, x in arrays.items():
            file[name] = x.astype(np.float32)


def read(path, name="samples"):
    with h5py.File(path) as file:
        return file[name][:].astype(float)


def make():
    rng = np.random.default_rng(5)
    mix = rng.normal(size=(6, 6))
    # as many rows as the metrics draw, and the reference twice: then all samples, and no more, are compared
    write("samples.h5", samples=rng.normal(size=(N, 6)) @ mix + 0.5)
    write("reference.h5", samples=rng.normal(size=(N, 6)) @ mix * 1.2)
    write("features.h5", samples=rng.gamma(2, size=(500, 20)), reference=rng.gamma(2.2, size=(700, 20)))
    smooth = np.cumsum(rng.normal(size=(2, 300, 9, 14)), axis=3)
    write("fields.h5", samples=smooth[0], reference=1.3 * smooth[1])
    score = np.round(rng.normal(size=300), 1)  # with ties
    write("scores.h5", positive=score[:120] + 0.4, negative=score[120:])


def frechet(a, b, covariance=lambda x: np.cov(x.T)):
    ca, cb = covariance(a), covariance(b)
    root = scipy.linalg.sqrtm(ca @ cb).real
    return np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(ca + cb - 2 * root)


def mmd(aa, bb, ab):
    n, m = len(aa), len(bb)
    return (aa.sum() - np.trace(aa)) / (n * (n - 1)) + (bb.sum() - np.trace(bb)) / (m * (m - 1)) - 2 * ab.mean()


def gaussian_mmd(a, b, width):
    k = lambda x, y: sklearn.metrics.pairwise.rbf_kernel(x, y, gamma=1 / (2 * width**2))
    return mmd(k(a, a), k(b, b), k(a, b))


def kernel_distance(a, b):
    k = lambda x, y: sklearn.metrics.pairwise.polynomial_kernel(x, y, degree=3, gamma=1 / a.shape[1], coef0=1)
    return mmd(k(a, a), k(b, b), k(a, b))


def radial(x):
    """Mean |F|^2 / N^2 of a mode in shells of cycles along the longest axis."""
    n = x.shape[1:]
    power = (np.abs(np.fft.fftn(x, axes=(1, 2))) ** 2).mean(0) / np.prod(n) ** 2
    k = np.sqrt(np.fft.fftfreq(n[0])[:, None] ** 2 + np.fft.fftfreq(n[1])[None] ** 2) * max(n)
    shell = np.floor(k + 0.5).astype(int)
    return np.array([power[shell == s].mean() for s in range(max(n) // 2 + 1)])


def oas(x):
    """Chen et al. 2010, equation 23; scikit-learn leaves out its terms in 2/d."""
    s, (n, d) = np.cov(x.T, bias=True), x.shape
    square, trace = np.sum(s**2), np.trace(s) ** 2
    r = min(1, ((1 - 2 / d) * square + trace) / ((n + 1 - 2 / d) * (square - trace / d)))
    assert abs(r - sklearn.covariance.OAS().fit(x).shrinkage_) < 0.1 * r
    return (1 - r) * s + r * np.trace(s) / d * np.eye(d)


def compare():
    rows = {row["metric"]: row for row in json.load(open("all.json"))["metrics"]}
    fields = {row["metric"]: row for row in json.load(open("fields.json"))["metrics"]}
    features = json.load(open("features.json"))["metrics"][0]
    f, g = read("features.h5"), read("features.h5", "reference")
    a, b = read("samples.h5"), read("reference.h5")
    x, y = read("fields.h5"), read("fields.h5", "reference")
    width = rows["mmd"]["bandwidth"]
    distances = scipy.spatial.distance.pdist(b)
    assert abs(width / np.median(distances) - 1) < 0.02, "bandwidth: of 500 rows, not of all"
    flat = y.reshape(len(y), -1)
    near = sklearn.neighbors.NearestNeighbors(n_neighbors=1).fit(flat).kneighbors(x.reshape(len(x), -1))[0]
    area = [float(word) for word in open("area.txt").read().split()]
    positive, negative = read("scores.h5", "positive"), read("scores.h5", "negative")
    label = np.r_[np.ones(len(positive)), np.zeros(len(negative))]
    pairs = [
        ("frechet", rows["frechet"]["figure"]["value"], frechet(a, b)),
        ("frechet@features", features["figure"]["value"], frechet(f, g)),
        ("frechet_shrunk", rows["frechet_shrunk"]["figure"]["value"], frechet(a, b, oas)),
        ("mmd", rows["mmd"]["figure"]["value"], gaussian_mmd(a, b, width)),
        ("kernel", rows["kernel"]["figure"]["value"], kernel_distance(a, b)),
        ("nearest", fields["nearest"]["figure"]["value"], np.median(near)),
        ("area", area[0], sklearn.metrics.roc_auc_score(label, np.r_[positive, negative])),
    ]
    for side, z in ("samples", x), ("reference", y):
        for shell, (ours, theirs) in enumerate(zip(fields["spectrum"]["channel_0_" + side], radial(z))):
            pairs.append((f"spectrum of {side} at {shell}", ours, theirs))
    bad = 0
    for name, ours, theirs in pairs:
        off = abs(ours - theirs) / abs(theirs)
        print(f"{name:28} {ours:14.8g} {theirs:14.8g} {off:9.2e}")
        bad += not off <= 1e-4
    sys.exit(bad > 0)


{"make": make, "compare": compare}[sys.argv[1]]()
