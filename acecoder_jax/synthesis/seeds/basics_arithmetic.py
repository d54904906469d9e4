"""Very easy seeds about arithmetic with whole numbers: remainders, digits, differences and whole averages.

Each has one obvious solution of a line or a short loop, so that a small model solves some of them. Read as
source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def sum_and_product(a: int, b: int) -> tuple[int, int]:
    """Returns a tuple of the sum of `a` and `b` and the product of `a` and `b`.

    >>> sum_and_product(2, 3)
    (5, 6)
    >>> sum_and_product(-1, 4)
    (3, -4)
    """
    return (a + b, a * b)


def square_of_sum(a: int, b: int) -> int:
    """Returns the square of the sum of `a` and `b`.

    >>> square_of_sum(1, 2)
    9
    >>> square_of_sum(5, -3)
    4
    """
    return (a + b) ** 2


def difference_of_squares(a: int, b: int) -> int:
    """Returns the square of `a` minus the square of `b`.

    >>> difference_of_squares(5, 3)
    16
    >>> difference_of_squares(2, 4)
    -12
    """
    return a * a - b * b


def squared_difference(a: int, b: int) -> int:
    """Returns the square of the difference between `a` and `b`.

    >>> squared_difference(7, 4)
    9
    >>> squared_difference(2, -2)
    16
    """
    return (a - b) ** 2


def negative_square(number: int) -> int:
    """Returns the square of `number` with a minus sign.

    >>> negative_square(3)
    -9
    >>> negative_square(-2)
    -4
    """
    return -(number * number)


def square_plus_itself(number: int) -> int:
    """Returns the square of `number` plus `number` itself.

    >>> square_plus_itself(4)
    20
    >>> square_plus_itself(-3)
    6
    """
    return number * number + number


def product_of_neighbors(number: int) -> int:
    """Returns the product of the whole number before `number` and the whole number after it.

    >>> product_of_neighbors(5)
    24
    >>> product_of_neighbors(0)
    -1
    """
    return (number - 1) * (number + 1)


def sum_of_three_in_a_row(start: int) -> int:
    """Returns the sum of `start` and the two whole numbers that follow it.

    >>> sum_of_three_in_a_row(4)
    15
    >>> sum_of_three_in_a_row(-1)
    0
    """
    return start + (start + 1) + (start + 2)


def multiply_then_add(a: int, b: int, c: int) -> int:
    """Returns the product of `a` and `b`, plus `c`.

    >>> multiply_then_add(2, 3, 4)
    10
    >>> multiply_then_add(5, 0, -1)
    -1
    """
    return a * b + c


def value_after_steps(start: int, step: int, times: int) -> int:
    """Returns `start` plus `step` multiplied by `times`.

    >>> value_after_steps(10, 2, 3)
    16
    >>> value_after_steps(0, -5, 4)
    -20
    """
    return start + step * times


def twice_the_larger(x: int, y: int) -> int:
    """Returns two times the larger one of `x` and `y`.

    >>> twice_the_larger(3, 8)
    16
    >>> twice_the_larger(-4, -6)
    -8
    """
    return 2 * max(x, y)


def sum_without_smallest(a: int, b: int, c: int) -> int:
    """Returns the sum of `a`, `b` and `c` minus the smallest of the three.

    >>> sum_without_smallest(5, 2, 9)
    14
    >>> sum_without_smallest(4, 4, 4)
    8
    """
    return a + b + c - min(a, b, c)


def sum_of_two_gaps(a: int, b: int, c: int) -> int:
    """Returns the distance between `a` and `b` plus the distance between `b` and `c`.

    >>> sum_of_two_gaps(1, 4, 2)
    5
    >>> sum_of_two_gaps(5, 5, -5)
    10
    """
    return abs(a - b) + abs(b - c)


def remainder_or_zero(number: int, divisor: int) -> int:
    """Returns the remainder when `number` is divided by `divisor`, or 0 if `divisor` is zero.

    >>> remainder_or_zero(17, 5)
    2
    >>> remainder_or_zero(8, 0)
    0
    """
    if divisor == 0:
        return 0
    return number % divisor


def quotient_or_zero(total: int, parts: int) -> int:
    """Returns `total` divided by `parts`, rounded down, or 0 if `parts` is zero.

    >>> quotient_or_zero(17, 5)
    3
    >>> quotient_or_zero(8, 0)
    0
    """
    if parts == 0:
        return 0
    return total // parts


def same_remainder(a: int, b: int, divisor: int) -> bool:
    """Returns True if `a` and `b` leave the same remainder when divided by `divisor`, and False if not or if
    `divisor` is zero.

    >>> same_remainder(7, 12, 5)
    True
    >>> same_remainder(7, 8, 5)
    False
    """
    if divisor == 0:
        return False
    return a % divisor == b % divisor


def remainders_by_three(numbers: list[int]) -> list[int]:
    """Returns a list of the remainders that the elements of `numbers` leave when divided by 3.

    >>> remainders_by_three([3, 4, 8])
    [0, 1, 2]
    >>> remainders_by_three([])
    []
    """
    return [number % 3 for number in numbers]


def missing_to_next_ten(number: int) -> int:
    """Returns how much must be added to `number` to get a multiple of 10, or 0 if it is one already.

    >>> missing_to_next_ten(37)
    3
    >>> missing_to_next_ten(50)
    0
    """
    return -number % 10


def rounded_down_to_hundred(number: int) -> int:
    """Returns the largest multiple of 100 that is not larger than `number`.

    >>> rounded_down_to_hundred(257)
    200
    >>> rounded_down_to_hundred(99)
    0
    """
    return number // 100 * 100


def up_to_even(number: int) -> int:
    """Returns `number` if it is even, and `number` plus 1 if it is odd.

    >>> up_to_even(7)
    8
    >>> up_to_even(10)
    10
    """
    if number % 2 == 0:
        return number
    return number + 1


def halve_if_even(number: int) -> int:
    """Returns half of `number` as an integer if it is even, and `number` unchanged if it is odd.

    >>> halve_if_even(12)
    6
    >>> halve_if_even(7)
    7
    """
    if number % 2 == 0:
        return number // 2
    return number


def tens_digit_of(number: int) -> int:
    """Returns the tens digit of `number`, ignoring a minus sign. A number with only one digit gives 0.

    >>> tens_digit_of(472)
    7
    >>> tens_digit_of(5)
    0
    """
    return abs(number) // 10 % 10


def cut_last_digit(number: int) -> int:
    """Returns the absolute value of `number` without its last digit. A number with only one digit gives 0.

    >>> cut_last_digit(472)
    47
    >>> cut_last_digit(8)
    0
    """
    return abs(number) // 10


def same_last_digit(a: int, b: int) -> bool:
    """Returns True if `a` and `b` end in the same digit, and False otherwise. Minus signs are ignored.

    >>> same_last_digit(27, 107)
    True
    >>> same_last_digit(12, 13)
    False
    """
    return abs(a) % 10 == abs(b) % 10


def sum_of_two_last_digits(a: int, b: int) -> int:
    """Returns the last digit of `a` plus the last digit of `b`. Minus signs are ignored.

    >>> sum_of_two_last_digits(14, 28)
    12
    >>> sum_of_two_last_digits(30, -5)
    5
    """
    return abs(a) % 10 + abs(b) % 10


def contains_digit_seven(number: int) -> bool:
    """Returns True if one of the digits of `number` is 7, and False otherwise.

    >>> contains_digit_seven(471)
    True
    >>> contains_digit_seven(123)
    False
    """
    return "7" in str(number)


def append_zero_digit(number: int) -> int:
    """Returns the number that you get by writing one more 0 behind the digits of `number`.

    >>> append_zero_digit(45)
    450
    >>> append_zero_digit(-3)
    -30
    """
    return number * 10


def whole_average_of_two(a: int, b: int) -> int:
    """Returns the average of `a` and `b`, rounded down to an integer.

    >>> whole_average_of_two(4, 7)
    5
    >>> whole_average_of_two(10, 20)
    15
    """
    return (a + b) // 2


def whole_average_of_list(values: list[int]) -> int:
    """Returns the sum of `values` divided by how many there are, rounded down, or 0 if the list is empty.

    >>> whole_average_of_list([2, 3, 6])
    3
    >>> whole_average_of_list([])
    0
    """
    if not values:
        return 0
    return sum(values) // len(values)


def last_minus_first(values: list[int]) -> int:
    """Returns the last element of `values` minus the first one, or 0 for an empty list.

    >>> last_minus_first([3, 8, 10])
    7
    >>> last_minus_first([])
    0
    """
    if not values:
        return 0
    return values[-1] - values[0]


def difference_of_sums(first: list[int], second: list[int]) -> int:
    """Returns the sum of the list `first` minus the sum of the list `second`. The sum of an empty list is 0.

    >>> difference_of_sums([5, 6], [1, 2])
    8
    >>> difference_of_sums([], [4])
    -4
    """
    return sum(first) - sum(second)


def divide_each_by_ten(values: list[int]) -> list[int]:
    """Returns a list in which every element of `values` is divided by 10 and rounded down.

    >>> divide_each_by_ten([25, 100, 7])
    [2, 10, 0]
    >>> divide_each_by_ten([])
    []
    """
    return [value // 10 for value in values]


def handshakes_in_group(people: int) -> int:
    """Returns the number of handshakes when each of `people` people shakes hands once with every other one,
    or 0 for fewer than two people.

    >>> handshakes_in_group(4)
    6
    >>> handshakes_in_group(1)
    0
    """
    if people < 2:
        return 0
    return people * (people - 1) // 2


def product_minus_sum(a: int, b: int) -> int:
    """Returns the product of `a` and `b` minus their sum.

    >>> product_minus_sum(4, 5)
    11
    >>> product_minus_sum(0, 3)
    -3
    """
    return a * b - (a + b)


def half_of_gap(x: int, y: int) -> int:
    """Returns half of the distance between `x` and `y`, rounded down to an integer.

    >>> half_of_gap(3, 12)
    4
    >>> half_of_gap(8, 2)
    3
    """
    return abs(x - y) // 2
