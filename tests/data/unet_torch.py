"""The networks of src/nn in PyTorch, with the same names and shapes of parameters.

`UNet(...).load_state_dict(...)` takes what stands under /model in a checkpoint. Tensors are in PyTorch's order, (N, C, H, W).
Used to make the fixtures of the unit tests and to check that checkpoints can be read elsewhere.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F


def norm(channels):
    """Group norm in the largest number of groups that divides the channels, up to min(32, channels / 4)."""
    groups = max(g for g in range(1, max(1, min(32, channels // 4)) + 1) if channels % g == 0)
    return nn.GroupNorm(groups, channels, eps=1e-6)


def time_embedding(label, width):
    """[sin(label f_i), cos(label f_i)], f_i = exp(-i ln 1e4 / (width/2 - 1)); label (N)."""
    half = width // 2
    # the program keeps its frequencies in float32, so that these are the ones to compare with
    frequency = torch.exp(-math.log(1e4) * torch.arange(half, dtype=torch.float64) / (half - 1)).float()
    angle = label[:, None] * frequency.to(label.dtype)
    return torch.cat([angle.sin(), angle.cos()], dim=1)


class Time(nn.Module):
    """What every block sees of the time: a two-layer network on the embedding, ending in SiLU."""

    def __init__(self, width, hidden):
        super().__init__()
        self.width = width
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, hidden)

    def forward(self, label):
        return F.silu(self.linear2(F.silu(self.linear1(time_embedding(label, self.width)))))


class ResBlock(nn.Module):
    def __init__(self, width, channels_in, channels_out):
        super().__init__()
        self.norm1 = norm(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.time = nn.Linear(4 * width, channels_out)
        self.norm2 = norm(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        if channels_in != channels_out:
            self.shortcut = nn.Linear(channels_in, channels_out)  # over the channels of each position

    def forward(self, x, time):
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + self.time(time)[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        if hasattr(self, "shortcut"):
            x = self.shortcut(x.movedim(1, -1)).movedim(-1, 1)
        return x + h


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = norm(channels)
        self.q = nn.Linear(channels, channels)
        self.k = nn.Linear(channels, channels)
        self.v = nn.Linear(channels, channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x):
        n, c, height, width = x.shape
        h = self.norm(x).flatten(2).transpose(1, 2)  # (N, positions, C)
        weights = torch.softmax(self.q(h) @ self.k(h).transpose(1, 2) / math.sqrt(c), dim=-1)
        return x + self.out(weights @ self.v(h)).transpose(1, 2).reshape(n, c, height, width)


class Level(nn.Module):
    """Residual blocks, attention behind those that have it, and a change of size."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList()
        self.attention = nn.ModuleList()


class UNet(nn.Module):
    def __init__(self, shape, width, multipliers, blocks, attention, up_attention="every"):
        """shape (C, H, W); attention: heights that have it; up_attention: "every" block or "once" a level."""
        super().__init__()
        channels, height, _ = shape
        sizes = [width * m for m in multipliers]
        self.once = up_attention == "once"
        self.time = Time(width, 4 * width)
        self.stem = nn.Conv2d(channels, width, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        skips, h = [width], width
        for i, size in enumerate(sizes):
            level = Level()
            for _ in range(blocks):
                level.blocks.append(ResBlock(width, h, size))
                h = size
                skips.append(h)
                if height >> i in attention:
                    level.attention.append(Attention(h))
            if i + 1 < len(sizes):
                level.downsample = nn.Conv2d(h, h, 3, stride=2)
                skips.append(h)
            self.down.append(level)
        self.middle = nn.Module()
        self.middle.block1 = ResBlock(width, h, h)
        self.middle.attention = Attention(h)
        self.middle.block2 = ResBlock(width, h, h)
        for i, size in reversed(list(enumerate(sizes))):
            level = Level()
            for j in range(blocks + 1):
                level.blocks.append(ResBlock(width, h + skips.pop(), size))
                h = size
                if height >> i in attention and (not self.once or j == blocks):
                    level.attention.append(Attention(h))
            if i > 0:
                level.upsample = nn.Conv2d(h, h, 3, padding=1)
            self.up.insert(0, level)  # up.i has the resolution of down.i
        self.head = nn.Module()
        self.head.norm = norm(h)
        self.head.conv = nn.Conv2d(h, channels, 3, padding=1)

    def forward(self, x, label):
        time = self.time(label)
        h = self.stem(x)
        skips = [h]
        for level in self.down:
            for j, block in enumerate(level.blocks):
                h = block(h, time)
                if len(level.attention):
                    h = level.attention[j](h)
                skips.append(h)
            if hasattr(level, "downsample"):
                h = level.downsample(F.pad(h, (0, 1, 0, 1)))  # right and bottom only
                skips.append(h)
        h = self.middle.block1(h, time)
        h = self.middle.attention(h)
        h = self.middle.block2(h, time)
        for level in reversed(self.up):
            for j, block in enumerate(level.blocks):
                h = block(torch.cat([h, skips.pop()], dim=1), time)
                if len(level.attention) and (not self.once or j + 1 == len(level.blocks)):
                    h = level.attention[0 if self.once else j](h)
            if hasattr(level, "upsample"):
                h = level.upsample(F.interpolate(h, scale_factor=2, mode="nearest"))
        return self.head.conv(F.silu(self.head.norm(h)))


class MLPBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear1 = nn.Linear(width, width)
        self.time = nn.Linear(width, width)
        self.linear2 = nn.Linear(width, width)

    def forward(self, h, time):
        return h + self.linear2(F.silu(self.linear1(F.silu(h)) + self.time(time)))


class MLP(nn.Module):
    def __init__(self, shape, width, depth):
        """shape (C)."""
        super().__init__()
        self.time = Time(width, width)
        self.input = nn.Linear(shape[0], width)
        self.blocks = nn.ModuleList(MLPBlock(width) for _ in range(depth))
        self.output = nn.Linear(width, shape[0])

    def forward(self, x, label):
        time = self.time(label)
        h = self.input(x)
        for block in self.blocks:
            h = block(h, time)
        return self.output(F.silu(h))


def model_of(section, shape):
    """The network of the `model` section of a configuration (a dict), for samples of shape (C, H, W) or (C)."""
    if section["name"] == "mlp":
        return MLP(shape, section["width"], section["depth"])
    return UNet(shape, section["width"], section["multipliers"], section["blocks"], section["attention"] or [],
                section["up_attention"])
