"""Step 6: turn and mirror the pixels as the camera's EXIF orientation says."""

from PIL import Image

from tasks.imaging.transform.plan import Plan

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orient(image: Image.Image, plan: Plan) -> Image.Image:
    """Return the image upright."""
    turn = _TURNS.get(plan.orientation)
    return image if turn is None else image.transpose(turn)
