"""Half the size of an ONNX file: weights stored as float16, widened when the file is loaded.

ONNX Runtime folds the casts once at load, so speed and memory are those of float32.
"""

from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SMALLEST: Final = 256  # numbers in a tensor; of smaller ones nothing is gained


def with_half_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store matrices and kernels as float16; biases and other rows stay as they are."""
    narrow, casts = onnx.ModelProto(), list[onnx.NodeProto]()
    narrow.CopyFrom(model)
    for tensor in narrow.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.ndim < 2 or values.size < SMALLEST:  # noqa: PLR2004 - a matrix
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], name=f"{name}_widened", to=TensorProto.FLOAT))
    nodes = list(narrow.graph.node)
    del narrow.graph.node[:]
    narrow.graph.node.extend([*casts, *nodes])
    return narrow
