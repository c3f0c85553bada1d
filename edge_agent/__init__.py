"""The program on the bus: cameras and receivers in, geotagged events out."""

import os

# ONNX Runtime (since 1.29) reports its use to its maker unless this is set before it is loaded; from a bus nothing goes
# anywhere but to its own cloud.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
