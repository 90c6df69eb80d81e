"""Writes a ResNet of torchvision's layout with made-up weights, to measure speed.

    python3 bench/resnet_onnx.py 50 resnet50_random.onnx --images 12 images.npy

Depth 18, 34 or 50; images of 3x224x224, 1000 classes, batch normalisation folded.
Weights are random with the variance that keeps activations of one size, and biases
are shifted so that, as in trained networks, most units of a layer rest: spiking
rates come out between a few and twenty percent. Accuracy is none. Images are made up,
too, of patches of one colour, and have no labels.
"""
import argparse

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LAYERS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


class Net:
    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights = [], []

    def add(self, op, name, inputs, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name, value):
        self.weights.append(numpy_helper.from_array(value.astype(np.float32), name))
        return name

    def conv(self, x, name, fan, out, kernel, stride, gain=2.0, shift=0.0):
        w = self.random.normal(0, np.sqrt(gain / (fan * kernel * kernel)), (out, fan, kernel, kernel))
        b = self.random.normal(-shift, 0.1, out)
        pad = kernel // 2
        return self.add("Conv", name, [x, self.constant(name + ".weight", w), self.constant(name + ".bias", b)],
                        kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def block(self, x, name, fan, width, stride, bottleneck):
        out = 4 * width if bottleneck else width
        if bottleneck:
            y = self.add("Relu", name + ".relu1", [self.conv(x, name + ".conv1", fan, width, 1, 1, shift=0.5)])
            y = self.add("Relu", name + ".relu2", [self.conv(y, name + ".conv2", width, width, 3, stride, gain=4.8, shift=0.5)])
            y = self.conv(y, name + ".conv3", width, out, 1, 1, gain=2.4, shift=0.3)
        else:
            y = self.add("Relu", name + ".relu1", [self.conv(x, name + ".conv1", fan, width, 3, stride, shift=0.5)])
            y = self.conv(y, name + ".conv2", width, out, 3, 1, gain=2.4, shift=0.3)
        if stride != 1 or fan != out:
            x = self.conv(x, name + ".downsample", fan, out, 1, stride, gain=1.0)
        return self.add("Relu", name + ".relu", [self.add("Add", name + ".sum", [y, x])]), out


def main():
    a = argparse.ArgumentParser(description="Writes a ResNet with made-up weights as ONNX.")
    a.add_argument("depth", type=int, choices=sorted(LAYERS))
    a.add_argument("file")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--images", nargs=2, metavar=("N", "FILE"), help="write N images as an .npy file, too")
    o = a.parse_args()
    n = Net(o.seed)
    x = n.add("Relu", "relu", [n.conv("image", "conv1", 3, 64, 7, 2)])
    x = n.add("MaxPool", "maxpool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    fan = 64
    for stage, blocks in enumerate(LAYERS[o.depth]):
        for i in range(blocks):
            stride = 2 if stage > 0 and i == 0 else 1
            x, fan = n.block(x, "layer%d.%d" % (stage + 1, i), fan, 64 << stage, stride, o.depth >= 50)
    x = n.add("Flatten", "flatten", [n.add("GlobalAveragePool", "avgpool", [x])])
    w = n.random.normal(0, np.sqrt(1 / fan), (1000, fan))
    x = n.add("Gemm", "fc", [x, n.constant("fc.weight", w), n.constant("fc.bias", np.zeros(1000))], transB=1)
    graph = helper.make_graph(
        n.nodes, "resnet%d" % o.depth, [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 224, 224])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, 1000])], n.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, o.file)
    if o.images:
        patches = n.random.integers(0, 256, (int(o.images[0]), 3, 14, 14), np.uint8)
        np.save(o.images[1], patches.repeat(16, 2).repeat(16, 3))


if __name__ == "__main__":
    main()
