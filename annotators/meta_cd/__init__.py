"""Meta-CD and SAM-CD: features of both images, decoded, compared, and cut at a threshold learned for every pixel.

Written from a description of the network (IEEE TGRS 2025, doi 10.1109/TGRS.2025.3545040): its authors' program has no
licence. SAM-CD is the same network without the trainable encoder and without the learned threshold. What the
description leaves open was chosen here, and each such choice is said where it is made.
"""
