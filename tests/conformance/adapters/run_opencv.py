import cv2
from job import run_job


def open_model(path, inputs, outputs):
    net = cv2.dnn.readNetFromONNX(path, cv2.dnn.ENGINE_NEW)

    def run(feeds):
        for name, feed in zip(inputs, feeds, strict=True):
            net.setInput(feed, name)
        return net.forward(outputs)

    return run


run_job(open_model)
