"""The instruction-grounding branch before the network: from an instruction and two images to the prior.

Sections 3.2.2 of the paper: the parsed concepts are looked for in their images, merged, brought to the network's
lattice and fused by the action. What is computed once is kept on disk.
"""
