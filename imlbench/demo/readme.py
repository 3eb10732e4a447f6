"""The README.txt that lies in the demo set."""

from __future__ import annotations

from collections.abc import Iterable

from imlbench.demo.photos import PHOTOGRAPHS

TEXT = """\
imlbench demo set: {count} edited images with exact masks

Made on the spot by imlbench from photographs that scikit-image and scikit-learn ship. It shows how the
toolkit works; it is no benchmark: the edits are simple and the photographs are few.

original/     the photographs, cut and scaled
edited/       <photo>-<edit>-composited.png: untouched outside the mask, bit by bit
              <photo>-<edit>-reencoded.jpg: the same edit, then the whole image softened, shifted in tone and
              saved as JPEG, so that nearly every pixel differs a little from the original
mask/         white where the image was edited; one mask serves both encodings
samples.json  ids, files, instructions, tags, seeds, and the libraries that made the set

Edits: paste (an object from another photograph), removal (inpainting), recolour, retexture.

Photographs, with authors and licences as the two libraries state them. The edited images are derived from
them: whoever passes them on follows these terms.
{credits}
The textures (brick, grass, gravel) are scikit-image's, CC0.
Licences: CC0 https://creativecommons.org/publicdomain/zero/1.0/
          CC BY 2.0 https://creativecommons.org/licenses/by/2.0/
"""


def readme(photos: Iterable[str], count: int) -> str:
    """The text for a set of `count` samples. Every photograph is credited: objects are pasted between them."""
    names = list(dict.fromkeys((*photos, *PHOTOGRAPHS)))
    credits = "".join(f"  {name}: {PHOTOGRAPHS[name].credit}\n" for name in names)
    return TEXT.format(count=count, credits=credits)
