"""Learns to tell how a body is held from its keypoints: the table of numbers in `src/events`."""
