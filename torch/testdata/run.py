"""Runs Python files that sresnet wrote for PyTorch, for the tests of the package.

Reads a list of jobs as JSON and writes what came of them. Exits with status 3 without torch.
"""
import importlib.util
import json
import sys

try:
    import torch
except ImportError as e:
    print(e, file=sys.stderr)
    sys.exit(3)

torch.set_num_threads(1)
done = []
for job in json.load(sys.stdin):
    spec = importlib.util.spec_from_file_location("net", job["Program"])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    net = module.load()
    images = torch.tensor(job["Images"], dtype=torch.float32).reshape(job["Shape"])
    steps = []
    for step in net.steps(images, job["Timesteps"]):
        steps.append({name: "".join("1" if v else "0" for v in z.flatten().tolist()) for name, z in step.spikes.items()})
    done.append({
        "Steps": steps,
        "Last": {name: v.flatten().tolist() for name, v in step.potentials.items()},
        "Scores": net(images, job["Timesteps"]).tolist(),
    })
json.dump(done, sys.stdout)
