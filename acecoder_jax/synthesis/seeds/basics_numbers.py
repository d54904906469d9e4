"""Very easy seeds about one, two or three numbers: the first pages of any tutorial.

Each has one obvious solution of a line or a short loop, so that a small model solves some of them. Read as
source text by `load_seeds`; nothing in the project imports or calls these functions.
"""

import math


def add_numbers(a: int, b: int) -> int:
    """Returns the sum of `a` and `b`.

    >>> add_numbers(2, 3)
    5
    >>> add_numbers(10, -4)
    6
    """
    return a + b


def subtract_numbers(a: int, b: int) -> int:
    """Returns `a` minus `b`.

    >>> subtract_numbers(7, 3)
    4
    >>> subtract_numbers(2, 5)
    -3
    """
    return a - b


def multiply_numbers(a: int, b: int) -> int:
    """Returns the product of `a` and `b`.

    >>> multiply_numbers(4, 5)
    20
    >>> multiply_numbers(-2, 3)
    -6
    """
    return a * b


def divide_numbers(a: float, b: float) -> float:
    """Returns `a` divided by `b`.

    >>> divide_numbers(9.0, 2.0)
    4.5
    >>> divide_numbers(1.0, 4.0)
    0.25
    """
    return a / b


def whole_quotient(a: int, b: int) -> int:
    """Returns the quotient of the positive numbers `a` and `b`, rounded down to a whole number.

    >>> whole_quotient(17, 5)
    3
    >>> whole_quotient(20, 4)
    5
    """
    if a <= 0 or b <= 0:
        raise ValueError("both numbers must be positive")
    return a // b


def remainder_of(a: int, b: int) -> int:
    """Returns the remainder when `a` is divided by `b`.

    >>> remainder_of(17, 5)
    2
    >>> remainder_of(20, 4)
    0
    """
    return a % b


def square_number(number: int) -> int:
    """Returns the square of `number`.

    >>> square_number(5)
    25
    >>> square_number(-3)
    9
    """
    return number * number


def cube_number(number: int) -> int:
    """Returns the cube of `number`.

    >>> cube_number(2)
    8
    >>> cube_number(-3)
    -27
    """
    return number**3


def double_number(number: int) -> int:
    """Returns `number` multiplied by 2.

    >>> double_number(6)
    12
    >>> double_number(-1)
    -2
    """
    return number * 2


def half_of_number(number: int) -> float:
    """Returns half of `number`.

    >>> half_of_number(10)
    5.0
    >>> half_of_number(7)
    3.5
    """
    return number / 2


def next_number(number: int) -> int:
    """Returns the whole number that comes after `number`.

    >>> next_number(8)
    9
    >>> next_number(-1)
    0
    """
    return number + 1


def negate_number(number: int) -> int:
    """Returns `number` with the opposite sign.

    >>> negate_number(5)
    -5
    >>> negate_number(-12)
    12
    """
    return -number


def absolute_value(number: int) -> int:
    """Returns the absolute value of `number`.

    >>> absolute_value(-9)
    9
    >>> absolute_value(4)
    4
    """
    return abs(number)


def is_even(number: int) -> bool:
    """Returns True if `number` is even, and False otherwise.

    >>> is_even(4)
    True
    >>> is_even(7)
    False
    """
    return number % 2 == 0


def is_odd(number: int) -> bool:
    """Returns True if `number` is odd, and False otherwise.

    >>> is_odd(3)
    True
    >>> is_odd(10)
    False
    """
    return number % 2 == 1


def is_positive(number: int) -> bool:
    """Returns True if `number` is greater than zero, and False otherwise.

    >>> is_positive(5)
    True
    >>> is_positive(-2)
    False
    """
    return number > 0


def is_negative(number: int) -> bool:
    """Returns True if `number` is less than zero, and False otherwise.

    >>> is_negative(-5)
    True
    >>> is_negative(3)
    False
    """
    return number < 0


def is_greater(a: int, b: int) -> bool:
    """Returns True if `a` is greater than `b`, and False otherwise.

    >>> is_greater(5, 3)
    True
    >>> is_greater(2, 8)
    False
    """
    return a > b


def is_prime_number(number: int) -> bool:
    """Returns True if `number` is a prime number, and False otherwise.

    >>> is_prime_number(7)
    True
    >>> is_prime_number(9)
    False
    """
    if number < 2:
        return False
    return all(number % divisor != 0 for divisor in range(2, number))


def larger_of_two(a: int, b: int) -> int:
    """Returns the larger of `a` and `b`.

    >>> larger_of_two(3, 8)
    8
    >>> larger_of_two(5, -5)
    5
    """
    return max(a, b)


def smaller_of_two(a: int, b: int) -> int:
    """Returns the smaller of `a` and `b`.

    >>> smaller_of_two(3, 8)
    3
    >>> smaller_of_two(5, -5)
    -5
    """
    return min(a, b)


def smallest_of_three(a: int, b: int, c: int) -> int:
    """Returns the smallest of the three numbers `a`, `b` and `c`.

    >>> smallest_of_three(4, 2, 9)
    2
    >>> smallest_of_three(-1, 0, 1)
    -1
    """
    return min(a, b, c)


def sum_of_three(a: int, b: int, c: int) -> int:
    """Returns the sum of the three numbers `a`, `b` and `c`.

    >>> sum_of_three(1, 2, 3)
    6
    >>> sum_of_three(10, -5, 0)
    5
    """
    return a + b + c


def average_of_two(a: int, b: int) -> float:
    """Returns the average of `a` and `b`.

    >>> average_of_two(4, 8)
    6.0
    >>> average_of_two(1, 2)
    1.5
    """
    return (a + b) / 2


def average_of_three(a: int, b: int, c: int) -> float:
    """Returns the average of `a`, `b` and `c`.

    >>> average_of_three(1, 2, 3)
    2.0
    >>> average_of_three(10, 0, 5)
    5.0
    """
    return (a + b + c) / 3


def sum_of_two_squares(a: int, b: int) -> int:
    """Returns the sum of the squares of `a` and `b`.

    >>> sum_of_two_squares(3, 4)
    25
    >>> sum_of_two_squares(1, -2)
    5
    """
    return a * a + b * b


def double_plus_one(number: int) -> int:
    """Returns two times `number` plus one.

    >>> double_plus_one(3)
    7
    >>> double_plus_one(-4)
    -7
    """
    return 2 * number + 1


def square_root(number: float) -> float:
    """Returns the square root of the positive number `number`.

    >>> square_root(9.0)
    3.0
    >>> square_root(6.25)
    2.5
    """
    return math.sqrt(number)


def factorial(n: int) -> int:
    """Returns the factorial of the positive number `n`.

    >>> factorial(5)
    120
    >>> factorial(3)
    6
    """
    if n < 1:
        raise ValueError("n must be positive")
    result = 1
    for number in range(1, n + 1):
        result *= number
    return result


def sum_of_range(start: int, end: int) -> int:
    """Returns the sum of all whole numbers from `start` to `end`, including both.

    >>> sum_of_range(2, 4)
    9
    >>> sum_of_range(1, 10)
    55
    """
    return sum(range(start, end + 1))


def last_digit(number: int) -> int:
    """Returns the last digit of the positive number `number`.

    >>> last_digit(123)
    3
    >>> last_digit(40)
    0
    """
    if number < 1:
        raise ValueError("number must be positive")
    return number % 10
