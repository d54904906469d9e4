"""Very easy seeds about comparisons, truth values and choosing between a few answers.

Each has one obvious solution of a line or a short loop, so that a small model solves some of them. Read as
source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def is_between(number: int, low: int, high: int) -> bool:
    """Returns True if `number` is at least `low` and at most `high`, and False otherwise.

    >>> is_between(5, 1, 10)
    True
    >>> is_between(12, 1, 10)
    False
    """
    return low <= number <= high


def is_outside(number: int, low: int, high: int) -> bool:
    """Returns True if `number` is less than `low` or greater than `high`, and False otherwise.

    >>> is_outside(12, 1, 10)
    True
    >>> is_outside(5, 1, 10)
    False
    """
    return number < low or number > high


def both_positive(a: int, b: int) -> bool:
    """Returns True if `a` and `b` are both positive, and False otherwise.

    >>> both_positive(3, 4)
    True
    >>> both_positive(3, -4)
    False
    """
    return a > 0 and b > 0


def both_even(a: int, b: int) -> bool:
    """Returns True if `a` and `b` are both even, and False otherwise.

    >>> both_even(2, 8)
    True
    >>> both_even(2, 5)
    False
    """
    return a % 2 == 0 and b % 2 == 0


def either_negative(a: int, b: int) -> bool:
    """Returns True if `a` or `b` is negative, and False otherwise.

    >>> either_negative(3, -4)
    True
    >>> either_negative(3, 4)
    False
    """
    return a < 0 or b < 0


def either_even(a: int, b: int) -> bool:
    """Returns True if `a` or `b` is even, and False otherwise.

    >>> either_even(3, 4)
    True
    >>> either_even(5, 7)
    False
    """
    return a % 2 == 0 or b % 2 == 0


def exactly_one_positive(a: int, b: int) -> bool:
    """Returns True if exactly one of `a` and `b` is positive, and False otherwise.

    >>> exactly_one_positive(3, -4)
    True
    >>> exactly_one_positive(3, 4)
    False
    """
    return (a > 0) != (b > 0)


def is_increasing(a: int, b: int, c: int) -> bool:
    """Returns True if `a` is less than `b` and `b` is less than `c`, and False otherwise.

    >>> is_increasing(1, 5, 8)
    True
    >>> is_increasing(1, 8, 5)
    False
    """
    return a < b < c


def same_remainder_by_two(a: int, b: int) -> bool:
    """Returns True if `a` and `b` are both even or both odd, and False otherwise.

    >>> same_remainder_by_two(3, 7)
    True
    >>> same_remainder_by_two(3, 4)
    False
    """
    return a % 2 == b % 2


def sum_is_above_ten(a: int, b: int) -> bool:
    """Returns True if the sum of `a` and `b` is greater than 10, and False otherwise.

    >>> sum_is_above_ten(8, 5)
    True
    >>> sum_is_above_ten(3, 4)
    False
    """
    return a + b > 10


def product_is_negative(a: int, b: int) -> bool:
    """Returns True if the product of `a` and `b` is negative, and False otherwise.

    >>> product_is_negative(3, -5)
    True
    >>> product_is_negative(3, 4)
    False
    """
    return a * b < 0


def all_are_true(flags: list[bool]) -> bool:
    """Returns True if all values in `flags` are True, and False otherwise.

    >>> all_are_true([True, True])
    True
    >>> all_are_true([True, False])
    False
    """
    return all(flags)


def any_is_true(flags: list[bool]) -> bool:
    """Returns True if at least one value in `flags` is True, and False otherwise.

    >>> any_is_true([False, True])
    True
    >>> any_is_true([False, False])
    False
    """
    return any(flags)


def flip_all(flags: list[bool]) -> list[bool]:
    """Returns a list in which every True in `flags` becomes False and every False becomes True.

    >>> flip_all([True, False])
    [False, True]
    >>> flip_all([False])
    [True]
    """
    return [not flag for flag in flags]


def all_positive(numbers: list[int]) -> bool:
    """Returns True if all numbers in `numbers` are positive, and False otherwise.

    >>> all_positive([1, 2, 3])
    True
    >>> all_positive([1, -2])
    False
    """
    return all(number > 0 for number in numbers)


def any_negative(numbers: list[int]) -> bool:
    """Returns True if at least one number in `numbers` is negative, and False otherwise.

    >>> any_negative([1, -2])
    True
    >>> any_negative([1, 2])
    False
    """
    return any(number < 0 for number in numbers)


def choose_number(condition: bool, a: int, b: int) -> int:
    """Returns `a` if `condition` is True, and `b` otherwise.

    >>> choose_number(True, 3, 4)
    3
    >>> choose_number(False, 3, 4)
    4
    """
    return a if condition else b


def sign_word(number: int) -> str:
    """Returns 'positive' if `number` is greater than zero, 'negative' if it is less than zero, and 'zero'
    otherwise.

    >>> sign_word(5)
    'positive'
    >>> sign_word(-3)
    'negative'
    """
    if number > 0:
        return "positive"
    if number < 0:
        return "negative"
    return "zero"


def compare_numbers(a: int, b: int) -> str:
    """Returns 'larger' if `a` is larger than `b`, 'smaller' if `a` is smaller than `b`, and 'equal'
    otherwise.

    >>> compare_numbers(5, 3)
    'larger'
    >>> compare_numbers(4, 4)
    'equal'
    """
    if a > b:
        return "larger"
    if a < b:
        return "smaller"
    return "equal"


def pass_or_fail(score: int) -> str:
    """Returns 'pass' if `score` is at least 50, and 'fail' otherwise.

    >>> pass_or_fail(80)
    'pass'
    >>> pass_or_fail(30)
    'fail'
    """
    return "pass" if score >= 50 else "fail"


def fizz_buzz_word(number: int) -> str:
    """Returns 'FizzBuzz' if `number` is divisible by 3 and 5, 'Fizz' if it is divisible by 3, 'Buzz' if it
    is divisible by 5, and the number as a string otherwise.

    >>> fizz_buzz_word(15)
    'FizzBuzz'
    >>> fizz_buzz_word(7)
    '7'
    """
    if number % 15 == 0:
        return "FizzBuzz"
    if number % 3 == 0:
        return "Fizz"
    if number % 5 == 0:
        return "Buzz"
    return str(number)


def is_adult(age: int) -> bool:
    """Returns True if `age` is at least 18, and False otherwise.

    >>> is_adult(20)
    True
    >>> is_adult(12)
    False
    """
    return age >= 18


def is_teenager(age: int) -> bool:
    """Returns True if `age` is from 13 to 19, and False otherwise.

    >>> is_teenager(15)
    True
    >>> is_teenager(20)
    False
    """
    return 13 <= age <= 19


def is_two_digit_number(number: int) -> bool:
    """Returns True if `number` is from 10 to 99, and False otherwise.

    >>> is_two_digit_number(42)
    True
    >>> is_two_digit_number(7)
    False
    """
    return 10 <= number <= 99


def ends_in_zero(number: int) -> bool:
    """Returns True if the last digit of `number` is 0, and False otherwise.

    >>> ends_in_zero(30)
    True
    >>> ends_in_zero(7)
    False
    """
    return number % 10 == 0


def at_most_hundred(number: int) -> int:
    """Returns `number` if it is less than 100, and 100 otherwise.

    >>> at_most_hundred(42)
    42
    >>> at_most_hundred(250)
    100
    """
    return min(number, 100)


def number_or_zero(number: int) -> int:
    """Returns `number` if it is positive, and 0 otherwise.

    >>> number_or_zero(5)
    5
    >>> number_or_zero(-3)
    0
    """
    return max(number, 0)
