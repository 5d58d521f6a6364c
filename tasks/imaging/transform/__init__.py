"""Changes of decoded pixels: layout, orientation, trim, size, sharpness, metadata.

Each file is one step or the plan for it; encoding is in `encode`. Start reading at `plan.py`.
"""
