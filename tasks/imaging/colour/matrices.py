"""The arithmetic of 3 by 3 matrices that colour profiles need: too little to load numpy for."""

Vector = tuple[float, float, float]
Matrix = tuple[Vector, Vector, Vector]  # rows


def times(matrix: Matrix, vector: Vector) -> Vector:
    """Return matrix times vector."""
    first, second, third = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return first, second, third


def product(left: Matrix, right: Matrix) -> Matrix:
    """Return left times right."""
    first, second, third = (times(left, column) for column in transposed(right))
    return transposed((first, second, third))


def transposed(matrix: Matrix) -> Matrix:
    """Return the matrix with rows and columns exchanged."""
    first, second, third = zip(*matrix, strict=True)
    return first, second, third


def diagonal(values: Vector) -> Matrix:
    """Return the matrix that multiplies each component by its value."""
    first, second, third = values
    return (first, 0, 0), (0, second, 0), (0, 0, third)


def inverse(matrix: Matrix) -> Matrix:
    """Invert by cofactors; raises `ZeroDivisionError` where there is no inverse."""
    (a, b, c), (d, e, f), (g, h, i) = matrix
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    adjugate: Matrix = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    return product(adjugate, diagonal((1 / determinant, 1 / determinant, 1 / determinant)))
