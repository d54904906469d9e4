"""Seeds about whole numbers: digits, divisors, ranges and simple rules.

Read as source text by `load_seeds`; nothing in the project imports or calls these functions.
"""

import math


def clamp(value: int, low: int, high: int) -> int:
    """Returns `value` when it lies between `low` and `high`, `low` when it is smaller, and `high` when it is
    larger. `low` is never larger than `high`.

    >>> clamp(15, 0, 10)
    10
    >>> clamp(-3, 0, 10)
    0
    >>> clamp(4, 0, 10)
    4
    """
    if low > high:
        raise ValueError("low is above high")
    return max(low, min(value, high))


def is_divisible(number: int, divisor: int) -> bool:
    """Returns True when `number` can be divided by `divisor` without a remainder, and False otherwise.
    `divisor` is not zero.

    >>> is_divisible(12, 4)
    True
    >>> is_divisible(7, 2)
    False
    """
    return number % divisor == 0


def add_up_digits(number: int) -> int:
    """Returns the sum of the decimal digits of `number`; a minus sign is ignored.

    >>> add_up_digits(407)
    11
    >>> add_up_digits(-25)
    7
    """
    return sum(int(digit) for digit in str(abs(number)))


def digit_count(number: int) -> int:
    """Returns how many decimal digits `number` has; a minus sign is ignored, and 0 has one digit.

    >>> digit_count(5040)
    4
    >>> digit_count(0)
    1
    """
    return len(str(abs(number)))


def largest_digit(number: int) -> int:
    """Returns the largest decimal digit of `number`; a minus sign is ignored.

    >>> largest_digit(3729)
    9
    >>> largest_digit(-10)
    1
    """
    return max(int(digit) for digit in str(abs(number)))


def reverse_digits(number: int) -> int:
    """Returns the number whose decimal digits are those of the non-negative integer `number` in reverse
    order; leading zeros of the result are dropped.

    >>> reverse_digits(1230)
    321
    >>> reverse_digits(7)
    7
    """
    if number < 0:
        raise ValueError("number is negative")
    return int(str(number)[::-1])


def list_divisors(number: int) -> list[int]:
    """Returns a list of all positive divisors of the positive integer `number` in ascending order.

    >>> list_divisors(12)
    [1, 2, 3, 4, 6, 12]
    >>> list_divisors(1)
    [1]
    """
    if number < 1:
        raise ValueError("number must be positive")
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def sum_of_multiples(limit: int, step: int) -> int:
    """Returns the sum of all positive multiples of `step` that are smaller than `limit`. `step` is at least
    1.

    >>> sum_of_multiples(10, 3)
    18
    >>> sum_of_multiples(5, 5)
    0
    """
    if step < 1:
        raise ValueError("step must be positive")
    return sum(range(step, limit, step))


def sign_of(number: int) -> int:
    """Returns 1 when `number` is positive, -1 when it is negative, and 0 when it is zero.

    >>> sign_of(12)
    1
    >>> sign_of(-4)
    -1
    >>> sign_of(0)
    0
    """
    if number > 0:
        return 1
    return -1 if number < 0 else 0


def parity_name(number: int) -> str:
    """Returns the string 'even' when `number` is even and 'odd' when it is odd.

    >>> parity_name(8)
    'even'
    >>> parity_name(-3)
    'odd'
    """
    return "even" if number % 2 == 0 else "odd"


def largest_of_three(a: int, b: int, c: int) -> int:
    """Returns the largest of the three numbers `a`, `b` and `c`.

    >>> largest_of_three(4, 9, 2)
    9
    >>> largest_of_three(-1, -1, -5)
    -1
    """
    return max(a, b, c)


def middle_of_three(a: int, b: int, c: int) -> int:
    """Returns the number that is in the middle when `a`, `b` and `c` are sorted.

    >>> middle_of_three(9, 2, 5)
    5
    >>> middle_of_three(1, 7, 7)
    7
    """
    return sorted([a, b, c])[1]


def distance_between(a: int, b: int) -> int:
    """Returns the absolute difference of `a` and `b`.

    >>> distance_between(3, 10)
    7
    >>> distance_between(-2, -5)
    3
    """
    return abs(a - b)


def round_to_nearest_ten(number: int) -> int:
    """Returns the multiple of 10 closest to the non-negative integer `number`; a number that ends in 5 is
    rounded up.

    >>> round_to_nearest_ten(43)
    40
    >>> round_to_nearest_ten(85)
    90
    """
    if number < 0:
        raise ValueError("number is negative")
    return (number + 5) // 10 * 10


def is_perfect_square(number: int) -> bool:
    """Returns True when `number` is the square of some integer, and False otherwise. Negative numbers give
    False.

    >>> is_perfect_square(49)
    True
    >>> is_perfect_square(50)
    False
    >>> is_perfect_square(-4)
    False
    """
    return number >= 0 and math.isqrt(number) ** 2 == number


def count_up(start: int, end: int) -> list[int]:
    """Returns a list of the integers from `start` to `end`, both included, or an empty list when `start` is
    larger than `end`.

    >>> count_up(3, 6)
    [3, 4, 5, 6]
    >>> count_up(5, 1)
    []
    """
    return list(range(start, end + 1))


def multiplication_row(number: int, length: int) -> list[int]:
    """Returns a list of the first `length` multiples of `number`: `number` times 1, times 2 and so on.
    `length` is not negative.

    >>> multiplication_row(7, 4)
    [7, 14, 21, 28]
    >>> multiplication_row(3, 0)
    []
    """
    if length < 0:
        raise ValueError("length is negative")
    return [number * factor for factor in range(1, length + 1)]


def least_common_multiple(a: int, b: int) -> int:
    """Returns the smallest positive integer that both positive integers `a` and `b` divide without a
    remainder.

    >>> least_common_multiple(4, 6)
    12
    >>> least_common_multiple(5, 7)
    35
    """
    if a < 1 or b < 1:
        raise ValueError("both numbers must be positive")
    return a * b // math.gcd(a, b)


def halving_steps(number: int) -> int:
    """Returns how many times the positive integer `number` can be halved, ignoring remainders, until it
    becomes 1.

    >>> halving_steps(10)
    3
    >>> halving_steps(1)
    0
    """
    if number < 1:
        raise ValueError("number must be positive")
    steps = 0
    while number > 1:
        number //= 2
        steps += 1
    return steps


def smallest_prime_factor(number: int) -> int:
    """Returns the smallest integer greater than 1 that divides `number` without a remainder. `number` is at
    least 2.

    >>> smallest_prime_factor(35)
    5
    >>> smallest_prime_factor(13)
    13
    """
    if number < 2:
        raise ValueError("number must be at least 2")
    divisor = 2
    while number % divisor != 0:
        divisor += 1
    return divisor


def count_common_divisors(a: int, b: int) -> int:
    """Returns how many positive integers divide both of the positive integers `a` and `b`.

    >>> count_common_divisors(12, 18)
    4
    >>> count_common_divisors(5, 7)
    1
    """
    if a < 1 or b < 1:
        raise ValueError("both numbers must be positive")
    return sum(a % divisor == 0 and b % divisor == 0 for divisor in range(1, min(a, b) + 1))


def next_multiple(number: int, step: int) -> int:
    """Returns the smallest multiple of `step` that is greater than `number`. `step` is at least 1.

    >>> next_multiple(10, 4)
    12
    >>> next_multiple(12, 4)
    16
    """
    if step < 1:
        raise ValueError("step must be positive")
    return (number // step + 1) * step


def collatz_length(number: int) -> int:
    """Returns how many steps it takes to get from the positive integer `number` to 1, where a step halves an
    even number and replaces an odd number n by 3 * n + 1.

    >>> collatz_length(6)
    8
    >>> collatz_length(1)
    0
    """
    if number < 1:
        raise ValueError("number must be positive")
    steps = 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        steps += 1
    return steps
