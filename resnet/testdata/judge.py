"""Writes residual networks of random weights as safetensors files, with an image
and PyTorch's logits for it, and cases.json that lists them. With two arguments,
writes the initialisers of an ONNX file as a safetensors file instead.

    judge.py DIR
    judge.py MODEL.onnx FILE.safetensors
"""

import json
import struct
import sys

import numpy as np


def save(path, tensors):
    """The format as its documentation has it: length, JSON, elements."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [end, end + len(raw)]}
        end += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for _, _, raw in tensors.values():
            f.write(raw)


if len(sys.argv) == 3:
    import onnx
    from onnx import numpy_helper

    arrays = {i.name: numpy_helper.to_array(i) for i in onnx.load(sys.argv[1]).graph.initializer}
    save(sys.argv[2], {n: ("F32", a.shape, a.tobytes()) for n, a in arrays.items() if a.dtype == np.float32})
    sys.exit()

import torch
import torch.nn as nn
import torch.nn.functional as F


class OptionA(nn.Module):
    def __init__(self, planes):
        super().__init__()
        self.planes = planes

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.planes // 4, self.planes // 4))


class Block(nn.Module):
    expansion = 1

    def __init__(self, inplanes, planes, stride, shortcut):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.way = make_shortcut(self, shortcut, inplanes, planes, stride)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + getattr(self, self.way)(x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inplanes, planes, stride, shortcut):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.way = make_shortcut(self, shortcut, inplanes, 4 * planes, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(y)))))
        return F.relu(y + getattr(self, self.way)(x))


def make_shortcut(block, shortcut, inplanes, planes, stride):
    if inplanes == planes and stride == 1:
        block.straight = nn.Identity()
        return "straight"
    if shortcut == "A":
        block.option_a = OptionA(planes)
        return "option_a"
    setattr(block, shortcut, nn.Sequential(nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)))
    return shortcut


class ResNet(nn.Module):
    def __init__(self, block, blocks, width, imagenet, shortcut, classifier, channels, classes):
        super().__init__()
        kernel, stride = (7, 2) if imagenet else (3, 1)
        self.conv1 = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.imagenet, self.stages, self.classifier = imagenet, len(blocks), classifier
        inplanes = width
        for i, n in enumerate(blocks):
            stage = []
            for j in range(n):
                stage.append(block(inplanes, width << i, 2 if i > 0 and j == 0 else 1, shortcut))
                inplanes = (width << i) * block.expansion
            setattr(self, f"layer{i + 1}", nn.Sequential(*stage))
        setattr(self, classifier, nn.Linear(inplanes, classes))

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        if self.imagenet:
            x = F.max_pool2d(x, 3, 2, 1)
        for i in range(self.stages):
            x = getattr(self, f"layer{i + 1}")(x)
        return getattr(self, self.classifier)(F.adaptive_avg_pool2d(x, 1).flatten(1))


def raw(t, dtype):
    if dtype == "BF16":  # numpy has none; drop the lower half.
        return (t.float().numpy().view(np.uint32) >> 16).astype("<u2").tobytes()
    return t.numpy().astype({"F32": "<f4", "F16": "<f2", "F64": "<f8"}[dtype]).tobytes()


def as_saved(net, prefix, saved):
    """What people give to torch.save."""
    state = net.state_dict()
    if "channels last" in saved:
        net.to(memory_format=torch.channels_last)
        state = net.state_dict()
    if "half" in saved:
        state = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
        net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    if "parameters" in saved:
        state = net.state_dict(keep_vars=True)
    if "transformers" in saved:
        state = {transformers_name(k): v for k, v in state.items()}
    state = type(state)((prefix + k, v) for k, v in state.items())
    if "checkpoint" in saved:
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
        for p in net.parameters():
            p.grad = torch.ones_like(p)
        optimizer.step()
        return {"epoch": 3, "arch": "resnet", "state_dict": state, "best_acc1": torch.tensor(91.5), "optimizer": optimizer.state_dict(), "lr": [0.1, 1e-3], "args": None}
    return state


def transformers_name(name):
    """Names of transformers' ResNetForImageClassification."""
    if name.startswith("conv1."):
        return "resnet.embedder.embedder.convolution." + name[6:]
    if name.startswith("bn1."):
        return "resnet.embedder.embedder.normalization." + name[4:]
    if name.startswith("fc."):
        return "classifier.1." + name[3:]
    stage, block, rest = name.split(".", 2)
    for ours, theirs in [("downsample.0", "shortcut.convolution"), ("downsample.1", "shortcut.normalization")]:
        rest = rest.replace(ours, theirs)
    for i in range(3):
        rest = rest.replace(f"conv{i + 1}", f"layer.{i}.convolution").replace(f"bn{i + 1}", f"layer.{i}.normalization")
    return f"resnet.encoder.stages.{int(stage[5:]) - 1}.layers.{block}.{rest}"


def case(name, arch, block, blocks, width, imagenet, shortcut, classifier="fc", prefix="", dtype="F32", size=(32, 32), channels=3, classes=10, saved="safetensors"):
    torch.manual_seed(len(name))
    net = ResNet(block, blocks, width, imagenet, shortcut, classifier, channels, classes).eval()
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            nn.init.uniform_(m.weight, 0.5, 1.0)
            nn.init.normal_(m.bias, 0.1, 0.1)
            nn.init.normal_(m.running_mean, 0, 0.1)
            nn.init.uniform_(m.running_var, 0.5, 1.5)
    tensors = {}
    with torch.no_grad():
        for key, t in net.state_dict().items():
            if t.dtype == torch.int64:
                tensors[prefix + key] = ("I64", t.shape, t.numpy().tobytes())
                continue
            if dtype == "F16":
                t.copy_(t.half().float())
            elif dtype == "BF16":
                t.copy_(torch.from_numpy((t.numpy().view(np.uint32) & 0xFFFF0000).view(np.float32)))
            tensors[prefix + key] = (dtype, t.shape, raw(t, dtype))
        file = f"{name}.{saved.split()[0]}"
        if saved == "safetensors":
            save(f"{sys.argv[1]}/{file}", tensors)
        else:
            torch.save(as_saved(net, prefix, saved), f"{sys.argv[1]}/{file}", pickle_protocol=4 if "protocol 4" in saved else 2)
        x = torch.randn(1, channels, *size)
        y = net(x)
    x.numpy().astype("<f4").tofile(f"{sys.argv[1]}/{name}.image")
    y.numpy().astype("<f4").tofile(f"{sys.argv[1]}/{name}.logits")
    return {"name": name, "file": file, "arch": arch, "rows": size[0], "cols": size[1]}


cases = []
for depth in 20, 32, 44, 56:
    n = (depth - 2) // 6
    arch = f"resnet{depth}-cifar"
    cases += [
        case(f"akamaster{depth}", arch, Block, [n] * 3, 16, False, "A", "linear", "module."),
        case(f"chenyaofo{depth}", arch, Block, [n] * 3, 16, False, "downsample"),
    ]
cases += [
    case("option-b", "resnet20-cifar", Block, [3] * 3, 16, False, "shortcut", "linear"),
    case("odd-size", "resnet20-cifar", Block, [3] * 3, 16, False, "A", "linear", size=(29, 38), channels=1, classes=7),
    case("half", "resnet20-cifar", Block, [3] * 3, 16, False, "A", dtype="F16"),
    case("bfloat", "resnet20-cifar", Block, [3] * 3, 16, False, "downsample", dtype="BF16"),
    case("double", "resnet20-cifar", Block, [3] * 3, 16, False, "A", dtype="F64"),
    case("kuangliu18", "resnet18-cifar", Block, [2, 2, 2, 2], 64, False, "shortcut", "linear"),
    case("kuangliu34", "resnet34-cifar", Block, [3, 4, 6, 3], 64, False, "shortcut", "linear"),
    case("kuangliu50", "resnet50-cifar", Bottleneck, [3, 4, 6, 3], 64, False, "shortcut", "linear"),
    case("stem-3x3", "resnet18-cifar", Block, [2, 2, 2, 2], 64, False, "downsample"),
    case("resnet18", "resnet18", Block, [2, 2, 2, 2], 64, True, "downsample", size=(224, 224), classes=1000),
    case("resnet34", "resnet34", Block, [3, 4, 6, 3], 64, True, "downsample", size=(97, 64), classes=20, prefix="_orig_mod.module."),
    case("resnet50", "resnet50", Bottleneck, [3, 4, 6, 3], 64, True, "downsample", size=(64, 64), classes=1000),
    case("saved", "resnet20-cifar", Block, [3] * 3, 16, False, "A", "linear", saved="pt"),
    case("saved-in-protocol-4", "resnet20-cifar", Block, [3] * 3, 16, False, "A", "linear", saved="pth protocol 4"),
    case("saved-channels-last", "resnet20-cifar", Block, [3] * 3, 16, False, "downsample", saved="pt channels last"),
    case("saved-half", "resnet20-cifar", Block, [3] * 3, 16, False, "downsample", saved="pt half"),
    case("saved-parameters", "resnet20-cifar", Block, [3] * 3, 16, False, "downsample", prefix="model.", saved="pth parameters"),
    case("transformers", "resnet18", Block, [2, 2, 2, 2], 64, True, "downsample", size=(64, 64), classes=100, saved="pt transformers"),
    case("transformers50", "resnet50", Bottleneck, [3, 4, 6, 3], 64, True, "downsample", size=(64, 64), prefix="module.", saved="pt transformers"),
]
cases.append(case("checkpoint", "resnet20-cifar", Block, [3] * 3, 16, False, "A", "linear", prefix="module.", saved="pt checkpoint"))
with open(f"{sys.argv[1]}/cases.json", "w") as f:
    json.dump(cases, f)
