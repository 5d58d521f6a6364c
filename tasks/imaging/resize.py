"""Step 5, and the chain after the steps: make a picture smaller.

Each variant is made from the next larger one, which costs a third of making each from the full
picture and looks the same. It must not know formats.
"""

from PIL import Image

from tasks.imaging.plan import Plan
from tasks.imaging.sizes import Size


def shrink_to_plan(image: Image.Image, plan: Plan) -> Image.Image:
    """Bring the picture, still lying as it was stored, to the widest variant's size."""
    return shrink(image, plan.stored_size)


def shrink(image: Image.Image, size: Size) -> Image.Image:
    """Resize with Lanczos; colours under transparent pixels do not bleed into visible ones."""
    if image.size == (size.width, size.height):
        return image
    return image.resize((size.width, size.height), Image.Resampling.LANCZOS)
