"""Turn a trained network into a spiking one, and see where accuracy is lost.

    import sresnet

    net = sresnet.convert(model, images)            # a torch.nn.Module, or a file
    result = net.evaluate(x, y, preset="few-steps")
    print(result.accuracy, result.recommended)

The work is done by the program sresnet, which is part of the package; what it prints as
JSON is what the results here hold. Keywords are the options of its commands:
``--v-init 0`` is ``v_init=0``.
"""

from ._errors import (
    DataError,
    Error,
    ModelError,
    OptionError,
    ProgramError,
    ProgramWarning,
)
from ._network import Network, convert, get_model, inspect, load, models, report
from ._program import program, version
from ._results import Diagnosis, Evaluation, Recording
from ._versions import VERSION as __version__

__all__ = [
    "DataError",
    "Diagnosis",
    "Error",
    "Evaluation",
    "ModelError",
    "Network",
    "OptionError",
    "ProgramError",
    "ProgramWarning",
    "Recording",
    "__version__",
    "convert",
    "get_model",
    "inspect",
    "load",
    "models",
    "program",
    "report",
    "version",
]
