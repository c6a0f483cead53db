"""Drawn people with exact keypoints and boxes."""
