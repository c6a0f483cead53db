"""The person finder: scenes, targets and boxes, training, measuring, and the model folder."""
