"""Seeds about points, rectangles, grids and simple figures.

Read as source text by `load_seeds`; nothing in the project imports or calls these functions.
"""

import math


def perimeter_of_rectangle(width: int, height: int) -> int:
    """Returns the perimeter of a rectangle with the given `width` and `height`.

    >>> perimeter_of_rectangle(3, 5)
    16
    >>> perimeter_of_rectangle(1, 1)
    4
    """
    return 2 * (width + height)


def circle_area(radius: float) -> float:
    """Returns the area of a circle with the given `radius`, or 0.0 when the radius is negative.

    >>> circle_area(1.0)
    3.141592653589793
    >>> circle_area(-2.0)
    0.0
    """
    return math.pi * radius**2 if radius > 0 else 0.0


def midpoint(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    """Returns the point halfway between the points `first` and `second` as a tuple.

    >>> midpoint((0.0, 0.0), (4.0, 2.0))
    (2.0, 1.0)
    >>> midpoint((1.0, 1.0), (1.0, 1.0))
    (1.0, 1.0)
    """
    return (first[0] + second[0]) / 2, (first[1] + second[1]) / 2


def grid_distance(first: tuple[int, int], second: tuple[int, int]) -> int:
    """Returns how many steps along the grid lines lead from the point `first` to the point `second`: the
    horizontal distance plus the vertical distance.

    >>> grid_distance((1, 2), (4, 0))
    5
    >>> grid_distance((3, 3), (3, 3))
    0
    """
    return abs(first[0] - second[0]) + abs(first[1] - second[1])


def point_quadrant(x: int, y: int) -> int:
    """Returns the number of the quadrant that holds the point with coordinates `x` and `y`: 1 for x and y
    positive, 2 for x negative and y positive, 3 for both negative, 4 for x positive and y negative, and 0 on
    an axis.

    >>> point_quadrant(3, 4)
    1
    >>> point_quadrant(-1, -1)
    3
    >>> point_quadrant(0, 5)
    0
    """
    if x == 0 or y == 0:
        return 0
    if y > 0:
        return 1 if x > 0 else 2
    return 3 if x < 0 else 4


def is_valid_triangle(a: int, b: int, c: int) -> bool:
    """Returns True when a triangle with the side lengths `a`, `b` and `c` exists, that is, when each side is
    shorter than the other two together, and False otherwise.

    >>> is_valid_triangle(3, 4, 5)
    True
    >>> is_valid_triangle(1, 2, 3)
    False
    """
    return a + b > c and a + c > b and b + c > a


def triangle_kind(a: int, b: int, c: int) -> str:
    """Returns 'equilateral' when the three side lengths are all equal, 'isosceles' when exactly two are
    equal, and 'scalene' when all differ.

    >>> triangle_kind(2, 2, 2)
    'equilateral'
    >>> triangle_kind(3, 4, 3)
    'isosceles'
    >>> triangle_kind(3, 4, 5)
    'scalene'
    """
    return {1: "equilateral", 2: "isosceles", 3: "scalene"}[len({a, b, c})]


def box_volume(length: int, width: int, height: int) -> int:
    """Returns the volume of a box with the given `length`, `width` and `height`.

    >>> box_volume(2, 3, 4)
    24
    >>> box_volume(5, 0, 2)
    0
    """
    return length * width * height


def shift_point(point: tuple[int, int], dx: int, dy: int) -> tuple[int, int]:
    """Returns `point` moved by `dx` in its first coordinate and by `dy` in its second, as a tuple.

    >>> shift_point((1, 2), 3, -5)
    (4, -3)
    >>> shift_point((0, 0), 0, 0)
    (0, 0)
    """
    return point[0] + dx, point[1] + dy


def farthest_point(points: list[tuple[int, int]]) -> tuple[int, int]:
    """Returns the point of the non-empty list `points` with the greatest distance from (0, 0); of several,
    the first.

    >>> farthest_point([(1, 1), (3, -4), (0, 2)])
    (3, -4)
    >>> farthest_point([(1, 0), (0, 1)])
    (1, 0)
    """
    return max(points, key=lambda point: point[0] ** 2 + point[1] ** 2)


def points_on_axis(points: list[tuple[int, int]]) -> int:
    """Returns how many points in `points` have at least one coordinate equal to zero.

    >>> points_on_axis([(0, 3), (2, 2), (0, 0)])
    2
    >>> points_on_axis([])
    0
    """
    return sum(x == 0 or y == 0 for x, y in points)


def bounding_box(points: list[tuple[int, int]]) -> tuple[int, int, int, int]:
    """Returns the smallest x, the smallest y, the largest x and the largest y of the points in the non-empty
    list `points`, as a tuple of four numbers.

    >>> bounding_box([(2, 5), (-1, 3), (4, 4)])
    (-1, 3, 4, 5)
    >>> bounding_box([(1, 1)])
    (1, 1, 1, 1)
    """
    xs = [x for x, _ in points]
    ys = [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def walk_on_grid(moves: str) -> tuple[int, int]:
    """Returns the position reached from (0, 0) by following the characters of `moves`: U adds 1 to y, D
    subtracts 1 from y, R adds 1 to x and L subtracts 1 from x. Other characters are ignored.

    >>> walk_on_grid("UURD")
    (1, 1)
    >>> walk_on_grid("")
    (0, 0)
    """
    return moves.count("R") - moves.count("L"), moves.count("U") - moves.count("D")


def diagonal_sum(matrix: list[list[int]]) -> int:
    """Returns the sum of the numbers on the main diagonal (top left to bottom right) of the square table
    `matrix`, or 0 for an empty table.

    >>> diagonal_sum([[1, 2], [3, 4]])
    5
    >>> diagonal_sum([])
    0
    """
    if any(len(row) != len(matrix) for row in matrix):
        raise ValueError("the table is not square")
    return sum(matrix[i][i] for i in range(len(matrix)))


def row_totals(table: list[list[int]]) -> list[int]:
    """Returns a list with the sum of every row of `table`; the sum of an empty row is 0.

    >>> row_totals([[1, 2], [], [5]])
    [3, 0, 5]
    >>> row_totals([])
    []
    """
    return [sum(row) for row in table]


def tiles_needed(width: int, height: int, side: int) -> int:
    """Returns how many square tiles with side length `side` are needed to cover a floor of `width` by
    `height`, where tiles may be cut but the rest of a cut tile is thrown away. All three numbers are
    positive.

    >>> tiles_needed(5, 4, 2)
    6
    >>> tiles_needed(3, 3, 3)
    1
    """
    if min(width, height, side) < 1:
        raise ValueError("the numbers must be positive")
    return math.ceil(width / side) * math.ceil(height / side)


def overlap_length(first: tuple[int, int], second: tuple[int, int]) -> int:
    """Returns the length of the part that two intervals share, each given as a tuple of its start and its
    end, or 0 when they share nothing. No start is larger than its end.

    >>> overlap_length((1, 6), (4, 9))
    2
    >>> overlap_length((1, 2), (5, 8))
    0
    """
    if first[0] > first[1] or second[0] > second[1]:
        raise ValueError("a start is after its end")
    return max(0, min(first[1], second[1]) - max(first[0], second[0]))


def draw_square(size: int) -> list[str]:
    """Returns a list of `size` strings, each made of `size` hash characters, or an empty list when `size` is
    not positive.

    >>> draw_square(3)
    ['###', '###', '###']
    >>> draw_square(0)
    []
    """
    return ["#" * size] * size


def staircase(steps: int) -> list[str]:
    """Returns a list of strings that draws stairs: one star, then two stars, and so on up to `steps` stars.
    It is empty when `steps` is not positive.

    >>> staircase(3)
    ['*', '**', '***']
    >>> staircase(0)
    []
    """
    return ["*" * stars for stars in range(1, steps + 1)]
