"""The order of the samples of a stage."""

import numpy as np


class Order:
    """All samples in a new order each pass, drawn from the seed, the stage and the pass alone."""

    def __init__(self, seed: int, count: int):
        self.seed, self.count = seed, count
        self._key, self._now = None, None

    def at(self, stage_index: int, start: int, count: int) -> np.ndarray:
        """Which samples are at the places start .. start + count of a stage."""
        epochs, places = np.divmod(np.arange(start, start + count), self.count)
        return np.concatenate(
            [self._pass(stage_index, epoch)[places[epochs == epoch]] for epoch in range(epochs[0], epochs[-1] + 1)]
        )

    def _pass(self, stage_index: int, epoch: int) -> np.ndarray:
        key = (stage_index, epoch)
        if self._key != key:
            self._key = key
            self._now = np.random.default_rng((self.seed, *key, 77)).permutation(self.count)
        return self._now
