"""Very easy seeds about arithmetic on one, two or three numbers: sums, products, squares and digits as text.

Each has one obvious solution of one line, so that a small model solves some of them. Read as source text by
`load_seeds`; nothing in the project imports or calls these functions.
"""

import math


def previous_number(number: int) -> int:
    """Returns the whole number that comes before `number`.

    >>> previous_number(8)
    7
    >>> previous_number(0)
    -1
    """
    return number - 1


def product_of_three(a: int, b: int, c: int) -> int:
    """Returns the product of `a`, `b` and `c`.

    >>> product_of_three(2, 3, 4)
    24
    >>> product_of_three(-1, 5, 2)
    -10
    """
    return a * b * c


def square_of_sum(a: int, b: int) -> int:
    """Returns the square of the sum of `a` and `b`.

    >>> square_of_sum(2, 3)
    25
    >>> square_of_sum(4, -5)
    1
    """
    return (a + b) ** 2


def square_of_difference(a: int, b: int) -> int:
    """Returns the square of the difference between `a` and `b`.

    >>> square_of_difference(7, 3)
    16
    >>> square_of_difference(2, 5)
    9
    """
    return (a - b) ** 2


def difference_of_squares(a: int, b: int) -> int:
    """Returns the square of `a` minus the square of `b`.

    >>> difference_of_squares(5, 3)
    16
    >>> difference_of_squares(2, 4)
    -12
    """
    return a * a - b * b


def sum_of_two_cubes(a: int, b: int) -> int:
    """Returns the sum of the cubes of `a` and `b`.

    >>> sum_of_two_cubes(1, 2)
    9
    >>> sum_of_two_cubes(3, -1)
    26
    """
    return a**3 + b**3


def multiply_then_add(a: int, b: int, c: int) -> int:
    """Returns the product of `a` and `b`, plus `c`.

    >>> multiply_then_add(2, 3, 4)
    10
    >>> multiply_then_add(5, -1, 2)
    -3
    """
    return a * b + c


def multiply_then_subtract(a: int, b: int, c: int) -> int:
    """Returns the product of `a` and `b`, minus `c`.

    >>> multiply_then_subtract(2, 3, 4)
    2
    >>> multiply_then_subtract(5, 4, -2)
    22
    """
    return a * b - c


def add_then_multiply(a: int, b: int, c: int) -> int:
    """Returns the sum of `a` and `b`, multiplied by `c`.

    >>> add_then_multiply(2, 3, 4)
    20
    >>> add_then_multiply(1, -3, 5)
    -10
    """
    return (a + b) * c


def subtract_then_multiply(a: int, b: int, c: int) -> int:
    """Returns the difference `a` minus `b`, multiplied by `c`.

    >>> subtract_then_multiply(7, 3, 2)
    8
    >>> subtract_then_multiply(1, 4, 5)
    -15
    """
    return (a - b) * c


def add_then_subtract(a: int, b: int, c: int) -> int:
    """Returns the sum of `a` and `b`, minus `c`.

    >>> add_then_subtract(5, 3, 2)
    6
    >>> add_then_subtract(1, 1, 6)
    -4
    """
    return a + b - c


def subtract_both(a: int, b: int, c: int) -> int:
    """Returns `a` minus `b` minus `c`.

    >>> subtract_both(10, 3, 2)
    5
    >>> subtract_both(1, 4, -2)
    -1
    """
    return a - b - c


def half_of_difference(a: int, b: int) -> float:
    """Returns half of the difference `a` minus `b`.

    >>> half_of_difference(9, 3)
    3.0
    >>> half_of_difference(2, 7)
    -2.5
    """
    return (a - b) / 2


def number_plus_square(number: int) -> int:
    """Returns the sum of `number` and its square.

    >>> number_plus_square(3)
    12
    >>> number_plus_square(-4)
    12
    """
    return number + number * number


def square_minus_number(number: int) -> int:
    """Returns the square of `number` minus `number`.

    >>> square_minus_number(5)
    20
    >>> square_minus_number(-2)
    6
    """
    return number * number - number


def subtract_from_ten(number: int) -> int:
    """Returns 10 minus `number`.

    >>> subtract_from_ten(4)
    6
    >>> subtract_from_ten(12)
    -2
    """
    return 10 - number


def double_first_plus_second(a: int, b: int) -> int:
    """Returns two times `a`, plus `b`.

    >>> double_first_plus_second(3, 4)
    10
    >>> double_first_plus_second(5, -1)
    9
    """
    return 2 * a + b


def negative_of_sum(a: int, b: int) -> int:
    """Returns the sum of `a` and `b` with the opposite sign.

    >>> negative_of_sum(2, 3)
    -5
    >>> negative_of_sum(4, -9)
    5
    """
    return -(a + b)


def negative_of_product(a: int, b: int) -> int:
    """Returns the product of `a` and `b` with the opposite sign.

    >>> negative_of_product(2, 3)
    -6
    >>> negative_of_product(4, -5)
    20
    """
    return -(a * b)


def sum_of_two_absolute_values(a: int, b: int) -> int:
    """Returns the sum of the absolute values of `a` and `b`.

    >>> sum_of_two_absolute_values(3, -4)
    7
    >>> sum_of_two_absolute_values(-2, -5)
    7
    """
    return abs(a) + abs(b)


def absolute_sum(a: int, b: int) -> int:
    """Returns the absolute value of the sum of `a` and `b`.

    >>> absolute_sum(3, -8)
    5
    >>> absolute_sum(2, 5)
    7
    """
    return abs(a + b)


def absolute_product(a: int, b: int) -> int:
    """Returns the absolute value of the product of `a` and `b`.

    >>> absolute_product(3, -4)
    12
    >>> absolute_product(2, 5)
    10
    """
    return abs(a * b)


def quotient_with_remainder(a: int, b: int) -> tuple[int, int]:
    """Returns the quotient and the remainder of `a` divided by `b`.

    >>> quotient_with_remainder(17, 5)
    (3, 2)
    >>> quotient_with_remainder(20, 4)
    (5, 0)
    """
    return divmod(a, b)


def list_of_two_numbers(a: int, b: int) -> list[int]:
    """Returns a list of `a` and `b`.

    >>> list_of_two_numbers(1, 2)
    [1, 2]
    >>> list_of_two_numbers(7, -3)
    [7, -3]
    """
    return [a, b]


def sort_two_numbers(a: int, b: int) -> list[int]:
    """Returns a sorted list of `a` and `b`.

    >>> sort_two_numbers(5, 2)
    [2, 5]
    >>> sort_two_numbers(-1, 4)
    [-1, 4]
    """
    return sorted([a, b])


def number_with_its_square(number: int) -> list[int]:
    """Returns a list of `number` and its square.

    >>> number_with_its_square(3)
    [3, 9]
    >>> number_with_its_square(-5)
    [-5, 25]
    """
    return [number, number * number]


def number_with_neighbors(number: int) -> list[int]:
    """Returns a list of `number` minus 1, `number`, and `number` plus 1.

    >>> number_with_neighbors(5)
    [4, 5, 6]
    >>> number_with_neighbors(0)
    [-1, 0, 1]
    """
    return [number - 1, number, number + 1]


def numbers_from_zero(number: int) -> list[int]:
    """Returns a list of the whole numbers from 0 to `number` minus 1.

    >>> numbers_from_zero(4)
    [0, 1, 2, 3]
    >>> numbers_from_zero(1)
    [0]
    """
    return list(range(number))


def bitwise_and(a: int, b: int) -> int:
    """Returns the bitwise AND of `a` and `b`.

    >>> bitwise_and(6, 3)
    2
    >>> bitwise_and(12, 10)
    8
    """
    return a & b


def bitwise_or(a: int, b: int) -> int:
    """Returns the bitwise OR of `a` and `b`.

    >>> bitwise_or(6, 3)
    7
    >>> bitwise_or(8, 1)
    9
    """
    return a | b


def bitwise_xor(a: int, b: int) -> int:
    """Returns the bitwise XOR of `a` and `b`.

    >>> bitwise_xor(6, 3)
    5
    >>> bitwise_xor(5, 5)
    0
    """
    return a ^ b


def sum_as_string(a: int, b: int) -> str:
    """Returns the sum of `a` and `b` as a string.

    >>> sum_as_string(2, 3)
    '5'
    >>> sum_as_string(4, -10)
    '-6'
    """
    return str(a + b)


def product_as_string(a: int, b: int) -> str:
    """Returns the product of `a` and `b` as a string.

    >>> product_as_string(4, 5)
    '20'
    >>> product_as_string(-2, 3)
    '-6'
    """
    return str(a * b)


def join_two_numbers(a: int, b: int) -> str:
    """Returns the string of `a` followed by the string of `b`.

    >>> join_two_numbers(12, 34)
    '1234'
    >>> join_two_numbers(7, 0)
    '70'
    """
    return str(a) + str(b)


def add_percent_sign(number: int) -> str:
    """Returns the string of `number` followed by a percent sign.

    >>> add_percent_sign(50)
    '50%'
    >>> add_percent_sign(-3)
    '-3%'
    """
    return str(number) + "%"


def add_number_strings(a: str, b: str) -> int:
    """Returns the sum of the integers in the strings `a` and `b`.

    >>> add_number_strings("2", "3")
    5
    >>> add_number_strings("10", "-4")
    6
    """
    return int(a) + int(b)


def integer_to_float(number: int) -> float:
    """Returns `number` as a float.

    >>> integer_to_float(3)
    3.0
    >>> integer_to_float(-7)
    -7.0
    """
    return float(number)


def drop_decimals(number: float) -> int:
    """Returns the integer part of `number`.

    >>> drop_decimals(3.75)
    3
    >>> drop_decimals(-2.5)
    -2
    """
    return int(number)


def round_down(number: float) -> int:
    """Returns `number` rounded down to a whole number.

    >>> round_down(3.75)
    3
    >>> round_down(-2.5)
    -3
    """
    return math.floor(number)


def round_up(number: float) -> int:
    """Returns `number` rounded up to a whole number.

    >>> round_up(3.25)
    4
    >>> round_up(-2.5)
    -2
    """
    return math.ceil(number)
