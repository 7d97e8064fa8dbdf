"""The engine's random numbers, written a second time from their definitions, without its code.

Philox4x32-10: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. How numbers are taken from it is
said in `tunescope/random/stream.hpp` and, for dropout, in `src/kernels/backends/dropout.hpp`.
"""

import math

import numpy as np

DROPOUT, HEAD, ORDER = 1, 2, 3  # RandomUse

U32 = np.uint64(0xFFFFFFFF)
SHIFT = np.uint64(32)


def philox(key: int, high: int, low: np.ndarray) -> list[np.ndarray]:
    """Four words [N] for each counter with this high half and these low halves [N]."""
    low = low.astype(np.uint64)
    words = [low & U32, low >> SHIFT, np.full_like(low, high & 0xFFFFFFFF), np.full_like(low, high >> 32)]
    keys = [key & 0xFFFFFFFF, key >> 32]
    for _ in range(10):
        product0 = words[0] * np.uint64(0xD2511F53)
        product1 = words[2] * np.uint64(0xCD9E8D57)
        words = [
            (product1 >> SHIFT) ^ words[1] ^ np.uint64(keys[0]),
            product1 & U32,
            (product0 >> SHIFT) ^ words[3] ^ np.uint64(keys[1]),
            product0 & U32,
        ]
        keys = [(keys[0] + 0x9E3779B9) & 0xFFFFFFFF, (keys[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return words


def random_key(seed: int, use: int, number: int = 0) -> int:
    """The key of one use of a seed's numbers."""
    words = philox(seed, use, np.array([number]))
    return int(words[1][0]) << 32 | int(words[0][0])


class Stream:
    """64-bit numbers under one key, one after another."""

    def __init__(self, key: int) -> None:
        self.key = key
        self.counter = 0
        self.made: list[int] = []

    def next(self) -> int:
        if not self.made:
            words = philox(self.key, 0, np.arange(self.counter, self.counter + 1024))
            self.made = (words[1] << SHIFT | words[0]).tolist()[::-1]
            self.counter += 1024
        return self.made.pop()

    def below(self, bound: int) -> int:
        """Lemire, "Fast random integer generation in an interval", 2019."""
        product = self.next() * bound
        while product % 2**64 < 2**64 % bound:
            product = self.next() * bound
        return product >> 64

    def uniform(self) -> float:
        return (self.next() >> 11) * 2.0**-53

    def normal(self) -> float:
        radius = math.sqrt(-2.0 * math.log(1.0 - self.uniform()))
        return radius * math.cos(2.0 * math.pi * self.uniform())


def permutation(count: int, seed: int, epoch: int) -> list[int]:
    """The order of a training set's examples in one epoch (Fisher and Yates, from the end)."""
    stream = Stream(random_key(seed, ORDER, epoch))
    order = list(range(count))
    for size in range(count, 1, -1):
        other = stream.below(size)
        order[size - 1], order[other] = order[other], order[size - 1]
    return order


def head_weights(seed: int, shape: tuple[int, int], deviation: float) -> np.ndarray:
    """The classifier's weights at the start, float32."""
    stream = Stream(random_key(seed, HEAD))
    return np.array([deviation * stream.normal() for _ in range(shape[0] * shape[1])], np.float32).reshape(shape)


def dropout_factors(step_key: int, site: int, example: int, count: int, probability: float) -> np.ndarray:
    """What the first `count` elements of one example are multiplied by at one dropout site: 0 or 1 / share kept."""
    threshold = int(probability * 65536 + 0.5)
    tiles = -(-count // 128)
    words = philox(step_key, site << 40 ^ example, np.arange(tiles * 16))
    # Sixteen blocks make 128 elements: their words in order, first all low halves, then all high halves.
    numbers = np.stack(words).reshape(4, tiles, 16).transpose(1, 0, 2).reshape(tiles, 64)
    halves = np.concatenate([numbers & np.uint64(0xFFFF), numbers >> np.uint64(16)], axis=1).reshape(-1)[:count]
    return np.where(halves < threshold, 0.0, 65536 / (65536 - threshold))
