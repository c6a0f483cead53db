"""The pose network: training, evaluation, conversion of published checkpoints, and the model
card."""
