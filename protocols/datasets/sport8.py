"""Sport8: 1,579 photographs of 8 kinds of sport."""

from protocols.datasets.parts.image_folder import ImageFolder
from protocols.datasets.parts.splits import RULE_AND_PAPER


class Sport8(ImageFolder):
    classes = 8
    flip = True
    images = 1_579
    source = "Sport8 event dataset, 1,579 photographs (Li & Fei-Fei 2007)"
    licence = "none stated by its authors; for research"
    split = RULE_AND_PAPER
    download = "event_dataset.rar from vision.stanford.edu/lijiali/event_dataset, its 8 class folders as sport8/<class>"
