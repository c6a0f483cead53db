"""A small network with one hidden layer: numpy, Adam, softmax over four postures."""

import numpy as np


class Net:
    """Features -> probabilities. `mean` and `scale` standardize the features."""

    def __init__(self, inputs: int, hidden: int, outputs: int, rng: np.random.Generator):
        self.mean, self.scale = np.zeros(inputs), np.ones(inputs)
        self.weights = [
            rng.normal(0, np.sqrt(2 / inputs), (inputs, hidden)), np.zeros(hidden),
            rng.normal(0, np.sqrt(1 / hidden), (hidden, outputs)), np.zeros(outputs),
        ]  # fmt: skip

    def hidden(self, x):
        a, b, _, _ = self.weights
        return np.maximum((x - self.mean) / self.scale @ a + b, 0)

    def logits(self, x):
        return self.hidden(x) @ self.weights[2] + self.weights[3]

    def probabilities(self, x):
        z = self.logits(x)
        e = np.exp(z - z.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    def gradients(self, x, target, weight, decay):
        h = self.hidden(x)
        z = h @ self.weights[2] + self.weights[3]
        e = np.exp(z - z.max(1, keepdims=True))
        p = e / e.sum(1, keepdims=True)
        dz = (p - target) * weight[:, None] / weight.sum()
        dh = dz @ self.weights[2].T * (h > 0)
        xs = (x - self.mean) / self.scale
        grads = [xs.T @ dh, dh.sum(0), h.T @ dz, dz.sum(0)]
        for i in (0, 2):
            grads[i] += decay * self.weights[i]
        return grads


class Adam:
    def __init__(self, weights):
        self.m, self.v, self.t = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights], 0

    def step(self, weights, grads, rate):
        self.t += 1
        for w, g, m, v in zip(weights, grads, self.m, self.v, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            w -= rate * (m / (1 - 0.9**self.t)) / (np.sqrt(v / (1 - 0.999**self.t)) + 1e-8)
