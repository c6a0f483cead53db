"""Lightweight Pose Network (LPN, arXiv 1911.10346): from annotated pictures to a quantized ONNX
file."""
