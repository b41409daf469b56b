import onnxruntime
from job import run_job


def open_model(path, inputs, outputs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda feeds: session.run(outputs, dict(zip(inputs, feeds, strict=True)))


run_job(open_model)
