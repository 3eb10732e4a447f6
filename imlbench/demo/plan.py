"""The plan of the demo set: four edits for each photograph. Coordinates are pixels of the cut photographs."""

from __future__ import annotations

import dataclasses

from imlbench.demo.edits import Placement
from imlbench.demo.objects import CUP, DAHLIA, FLOWER, HELMET, PAGODA, PETALS, SHUTTLE
from imlbench.demo.regions import ColourRange, Ellipse, Outline, Region
from imlbench.demo.steps import Edit, Paste, Recolour, Removal, Retexture

ROCKET_BODY = Outline(
    (141, 172), (141, 150), (145, 135), (153, 125), (161, 135), (165, 150), (165, 172), (163, 182), (161, 300),
    (162, 390), (162, 406), (142, 406), (142, 390), (144, 300), (143, 182),
)  # fmt: skip

ASTRONAUT: tuple[Edit, ...] = (
    Paste("put a cup of coffee in front of her, at the lower left", CUP, Placement(80, 330, 0.46)),
    Removal("remove the round mission patch from the spacesuit", Region((Ellipse(134, 302, 38, 39),))),
    Recolour(
        "make the spacesuit blue",
        Region(
            (
                Outline(
                    (85, 140), (50, 180), (24, 215), (4, 290), (4, 480), (228, 480), (220, 340), (245, 300), (295, 280),
                    (286, 230), (270, 190), (236, 172), (232, 212), (200, 228), (160, 222), (110, 190),
                ),
            ),
            colours=ColourRange(hue=(2, 17), saturation=(90, 255), value=(70, 255)),
        ),
        hue=215,
        saturation=0.8,
    ),
    Retexture(
        "replace the wall behind her with a brick wall",
        Region(
            (
                Outline(
                    (46, -80), (303, -80), (306, 25), (296, 38), (294, 70), (294, 140), (275, 162), (272, 178),
                    (286, 182), (290, 210), (286, 250), (250, 190), (200, 150), (150, 110), (90, 180), (78, 170),
                    (62, 110), (50, 60),
                ),
            ),
            (Ellipse(182, 90, 36, 48),),
            ColourRange(saturation=(0, 58), value=(125, 255)),
            grow=1,
        ),
        texture="brick",
        tint=(150, 92, 74),
        scale=0.8,
    ),
)  # fmt: skip
CHELSEA: tuple[Edit, ...] = (
    Paste("tuck an orange dahlia behind the cat's ear", FLOWER, Placement(330, 48, 0.4, 20)),
    Removal(
        "remove the white beam from the blurred background",
        Region((Outline((366, 122), (395, 116), (520, 128), (520, 172), (400, 164), (366, 150)),)),
    ),
    Recolour(
        "make the cat's eyes blue",
        Region((Ellipse(171, 115, 33, 30), Ellipse(318, 136, 22, 27)), colours=ColourRange(value=(55, 255))),
        hue=212,
        saturation=0.85,
    ),
    Retexture(
        "put a meadow behind the cat, on the right",
        Region(
            (
                Outline(
                    (420, -60), (530, -60), (530, 400), (390, 400), (370, 300), (352, 262), (318, 240), (332, 208),
                    (362, 168), (366, 120), (358, 78), (378, 48),
                ),
            )
        ),
        texture="grass",
        tint=(98, 116, 62),
    ),
)  # fmt: skip
COFFEE: tuple[Edit, ...] = (
    Paste("put a dahlia on the table, at the lower right", FLOWER, Placement(414, 262, 0.48, -30)),
    Removal("remove the handle of the cup", Region((Ellipse(184, 216, 32, 39),))),
    Recolour(
        "make the cup and the saucer green",
        Region(
            (Ellipse(222, 179, 164, 137),),
            (Ellipse(232, 90, 86, 70),),
            ColourRange(hue=(165, 12), saturation=(80, 255)),
        ),
        hue=150,
        saturation=0.85,
    ),
    Retexture(
        "replace the wood on the right with gravel",
        Region(
            (
                Outline(
                    (330, -60), (560, -60), (560, 400), (290, 400), (318, 322), (352, 290), (380, 240), (390, 190),
                    (380, 140), (342, 88), (346, 52), (336, 30),
                ),
            )
        ),
        texture="gravel",
        tint=(158, 134, 116),
    ),
)  # fmt: skip
ROCKET: tuple[Edit, ...] = (
    Paste("put a pagoda to the left of the rocket", PAGODA, Placement(72, 362, 0.5, gain=(0.5, 0.46, 0.56))),
    Removal(
        "remove the rocket and its launch pad",
        Region(
            (
                Outline(
                    (152, 112), (174, 140), (174, 330), (196, 330), (236, 350), (236, 520), (82, 520), (82, 350),
                    (132, 330), (132, 140),
                ),
            )
        ),
    ),
    Recolour("paint the rocket red", Region((ROCKET_BODY,)), hue=2, floor=0.65),
    Retexture("build the rocket out of bricks", Region((ROCKET_BODY,)), "brick", (186, 126, 100), 0.16, 1.0),
)  # fmt: skip
MOTORCYCLE: tuple[Edit, ...] = (
    Paste("put a space helmet on the floor, at the lower left", HELMET, Placement(70, 296, 0.7)),
    Removal(
        "remove the sheet of paper from the door",
        Region((Outline((124, -60), (198, -60), (198, 60), (190, 66), (130, 66), (124, 60)),)),
    ),
    Recolour(
        "make the motorcycle blue",
        Region(
            (
                Outline(
                    (52, 122), (90, 126), (115, 136), (160, 146), (182, 166), (215, 152), (245, 122), (275, 98),
                    (330, 96), (340, 130), (322, 172), (260, 172), (190, 204), (150, 172), (110, 162), (66, 178),
                ),
                Outline((334, 236), (340, 200), (366, 174), (415, 174), (450, 205), (436, 226), (390, 205), (352, 236)),
            ),
            (Ellipse(104, 158, 8, 10),),
            ColourRange(hue=(166, 8), saturation=(120, 255), value=(50, 255)),
            grow=1,
        ),
        hue=220,
        saturation=0.9,
    ),
    Retexture(
        "replace the concrete floor with grass",
        Region(
            (
                Outline(
                    (-70, 158), (26, 158), (32, 208), (84, 190), (86, 225), (102, 258), (140, 274), (172, 268),
                    (192, 252), (215, 256), (221, 296), (230, 296), (226, 262), (280, 258), (318, 236), (350, 236),
                    (372, 278), (400, 302), (436, 308), (460, 290), (466, 255), (458, 215), (470, 203), (580, 208),
                    (580, 430), (-70, 430),
                ),
            )
        ),
        texture="grass",
        tint=(94, 110, 60),
    ),
)  # fmt: skip
CHINA: tuple[Edit, ...] = (
    Paste("put a space shuttle in the sky on the right", SHUTTLE, Placement(372, 92, 0.75, -35)),
    Removal("remove the island and its bridge from the lake", Region((Ellipse(352, 187, 70, 16),)), (0, 34)),
    Recolour(
        "turn the trees in front into autumn colours",
        Region(
            (
                Outline(
                    (-60, 225), (16, 230), (22, 256), (58, 260), (100, 262), (126, 272), (158, 296), (200, 318),
                    (226, 332), (232, 420), (-60, 420),
                ),
                Outline(
                    (266, 420), (262, 315), (284, 280), (320, 252), (360, 230), (400, 216), (430, 210), (448, 228),
                    (456, 420),
                ),
            ),
            colours=ColourRange(value=(0, 172)),
        ),
        hue=32,
        saturation=1.35,
        floor=0.3,
    ),
    Retexture(
        "turn the lake on the right into a meadow",
        Region(
            (
                Outline(
                    (270, 190), (335, 188), (400, 196), (404, 178), (440, 177), (446, 230), (420, 236), (390, 244),
                    (350, 260), (318, 272), (290, 270), (272, 256), (268, 240), (268, 216), (278, 205),
                ),
            ),
            colours=ColourRange(saturation=(0, 70), value=(158, 255)),
            grow=1,
        ),
        texture="grass",
        tint=(138, 148, 100),
        scale=0.25,
    ),
)  # fmt: skip
FLOWER_EDITS: tuple[Edit, ...] = (
    Paste("put a cup of coffee in the lower left corner", CUP, Placement(108, 272, 0.62)),
    Removal(
        "remove the second dahlia and the bud at the bottom",
        Region(
            (
                Outline(
                    (186, 420), (186, 340), (206, 322), (232, 314), (252, 304), (262, 297), (284, 295), (314, 295),
                    (326, 312), (340, 334), (380, 340), (390, 420),
                ),
            )
        ),
    ),
    Recolour("make the dahlia violet", DAHLIA, hue=285, saturation=0.75),
    Retexture(
        "put a brick wall behind the dahlia, on the left",
        Region(
            (Outline((-60, -60), (240, -60), (216, 60), (216, 300), (170, 330), (160, 420), (-60, 420)),),
            colours=dataclasses.replace(PETALS, inverted=True),
        ),
        texture="brick",
        tint=(124, 84, 72),
        scale=0.85,
        shading=0.4,
    ),
)  # fmt: skip

PLAN: dict[str, tuple[Edit, ...]] = {
    "astronaut": ASTRONAUT,
    "chelsea": CHELSEA,
    "coffee": COFFEE,
    "rocket": ROCKET,
    "motorcycle": MOTORCYCLE,
    "china": CHINA,
    "flower": FLOWER_EDITS,
}
"""The edits of each photograph, in the order of the set."""
