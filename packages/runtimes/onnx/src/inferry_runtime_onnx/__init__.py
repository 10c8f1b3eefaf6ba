"""The onnx runtime of Inferry."""
