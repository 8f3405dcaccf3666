"""Train conditional image generators, export each as one self-describing ONNX file, embed it anywhere.

Nothing is imported here: ``cganx.runtime`` stays light, and the training side is loaded only where it is named.
"""

__version__ = "0.1.0"
