"""What can go wrong with models, by what the caller can do."""

from wire.errors import BusenseError


class ModelsError(BusenseError):
    """Root of the errors of training and evaluation."""


class DataError(ModelsError):
    """Stop: the data folder does not hold what is needed."""


class CheckpointError(ModelsError):
    """Stop: a training run cannot begin or go on with the checkpoints that are there."""


class TrainExtraError(ModelsError):
    """Stop: training needs packages that only the extra `train` installs."""
