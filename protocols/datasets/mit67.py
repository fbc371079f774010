"""MIT Indoor 67: 15,620 photographs of 67 kinds of rooms."""

from protocols.datasets.parts.image_folder import ImageFolder
from protocols.datasets.parts.splits import RULE_AND_PAPER


class Mit67(ImageFolder):
    classes = 67
    flip = True
    images = 15_620
    source = "MIT Indoor 67, 15,620 photographs (Quattoni & Torralba 2009)"
    licence = "none stated by its authors; for research"
    split = RULE_AND_PAPER
    download = "indoorCVPR_09.tar from web.mit.edu/torralba/www/indoor.html, its 67 class folders as mit67/<class>"
