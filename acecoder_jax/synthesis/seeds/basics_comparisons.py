"""Very easy seeds about comparisons of numbers, booleans, strings and lists: each answers True or False.

Each has one obvious solution of one line, so that a small model solves some of them. Read as source text by
`load_seeds`; nothing in the project imports or calls these functions.
"""


def is_zero(number: int) -> bool:
    """Returns True if `number` is zero, and False otherwise.

    >>> is_zero(0)
    True
    >>> is_zero(6)
    False
    """
    return number == 0


def numbers_are_equal(a: int, b: int) -> bool:
    """Returns True if `a` is equal to `b`, and False otherwise.

    >>> numbers_are_equal(4, 4)
    True
    >>> numbers_are_equal(4, 5)
    False
    """
    return a == b


def numbers_are_different(a: int, b: int) -> bool:
    """Returns True if `a` is not equal to `b`, and False otherwise.

    >>> numbers_are_different(4, 5)
    True
    >>> numbers_are_different(3, 3)
    False
    """
    return a != b


def is_less_than(a: int, b: int) -> bool:
    """Returns True if `a` is less than `b`, and False otherwise.

    >>> is_less_than(2, 8)
    True
    >>> is_less_than(5, 3)
    False
    """
    return a < b


def is_at_least(a: int, b: int) -> bool:
    """Returns True if `a` is greater than or equal to `b`, and False otherwise.

    >>> is_at_least(5, 5)
    True
    >>> is_at_least(2, 8)
    False
    """
    return a >= b


def is_at_most(a: int, b: int) -> bool:
    """Returns True if `a` is less than or equal to `b`, and False otherwise.

    >>> is_at_most(5, 5)
    True
    >>> is_at_most(8, 2)
    False
    """
    return a <= b


def is_not_divisible(a: int, b: int) -> bool:
    """Returns True if `a` is not divisible by `b`, and False otherwise.

    >>> is_not_divisible(7, 2)
    True
    >>> is_not_divisible(9, 3)
    False
    """
    return a % b != 0


def sum_is_less(a: int, b: int, c: int) -> bool:
    """Returns True if `a` plus `b` is less than `c`, and False otherwise.

    >>> sum_is_less(2, 3, 6)
    True
    >>> sum_is_less(1, 4, 5)
    False
    """
    return a + b < c


def product_is_greater(a: int, b: int, c: int) -> bool:
    """Returns True if `a` times `b` is greater than `c`, and False otherwise.

    >>> product_is_greater(2, 3, 4)
    True
    >>> product_is_greater(-1, 5, 2)
    False
    """
    return a * b > c


def difference_is_less(a: int, b: int, c: int) -> bool:
    """Returns True if `a` minus `b` is less than `c`, and False otherwise.

    >>> difference_is_less(7, 5, 4)
    True
    >>> difference_is_less(9, 1, 3)
    False
    """
    return a - b < c


def is_greater_than_double(a: int, b: int) -> bool:
    """Returns True if `a` is greater than two times `b`, and False otherwise.

    >>> is_greater_than_double(7, 3)
    True
    >>> is_greater_than_double(5, 4)
    False
    """
    return a > 2 * b


def is_less_than_square(a: int, b: int) -> bool:
    """Returns True if `a` is less than the square of `b`, and False otherwise.

    >>> is_less_than_square(8, 3)
    True
    >>> is_less_than_square(10, 2)
    False
    """
    return a < b * b


def is_closer_to_zero(a: int, b: int) -> bool:
    """Returns True if `abs(a)` is less than `abs(b)`, and False otherwise.

    >>> is_closer_to_zero(2, -5)
    True
    >>> is_closer_to_zero(-4, 1)
    False
    """
    return abs(a) < abs(b)


def same_absolute_value(a: int, b: int) -> bool:
    """Returns True if `a` and `b` have the same absolute value, and False otherwise.

    >>> same_absolute_value(3, -3)
    True
    >>> same_absolute_value(2, 5)
    False
    """
    return abs(a) == abs(b)


def both_negative(a: int, b: int) -> bool:
    """Returns True if `a` and `b` are both negative, and False otherwise.

    >>> both_negative(-1, -6)
    True
    >>> both_negative(-1, 4)
    False
    """
    return a < 0 and b < 0


def value_is_missing(items: list[int], value: int) -> bool:
    """Returns True if `value` is not in `items`, and False otherwise.

    >>> value_is_missing([1, 2, 3], 5)
    True
    >>> value_is_missing([1, 2, 3], 2)
    False
    """
    return value not in items


def same_first_element(first: list[int], second: list[int]) -> bool:
    """Returns True if `first` and `second` have the same first element, and False otherwise.

    >>> same_first_element([1, 2], [1, 5])
    True
    >>> same_first_element([1, 2], [2, 1])
    False
    """
    return first[0] == second[0]


def last_is_larger_than_first(numbers: list[int]) -> bool:
    """Returns True if the last number is larger than the first, and False otherwise.

    >>> last_is_larger_than_first([1, 5, 3])
    True
    >>> last_is_larger_than_first([4, 2])
    False
    """
    return numbers[-1] > numbers[0]


def same_largest_number(first: list[int], second: list[int]) -> bool:
    """Returns True if `first` and `second` have the same largest number, and False otherwise.

    >>> same_largest_number([1, 5], [5, 2])
    True
    >>> same_largest_number([1, 2], [3])
    False
    """
    return max(first) == max(second)


def is_title_case(text: str) -> bool:
    """Returns True if `text` is in title case, and False otherwise.

    >>> is_title_case("Hello World")
    True
    >>> is_title_case("hello World")
    False
    """
    return text.istitle()


def is_ascii_text(text: str) -> bool:
    """Returns True if `text` has only ASCII characters, and False otherwise.

    >>> is_ascii_text("hello")
    True
    >>> is_ascii_text("caf\\u00e9")
    False
    """
    return text.isascii()


def strings_are_different(first: str, second: str) -> bool:
    """Returns True if `first` and `second` are different, and False otherwise.

    >>> strings_are_different("cat", "dog")
    True
    >>> strings_are_different("cat", "cat")
    False
    """
    return first != second


def is_at_least_as_long(first: str, second: str) -> bool:
    """Returns True if `first` is at least as long as `second`, and False otherwise.

    >>> is_at_least_as_long("tree", "sky")
    True
    >>> is_at_least_as_long("cat", "horse")
    False
    """
    return len(first) >= len(second)


def lengths_differ(first: str, second: str) -> bool:
    """Returns True if `first` and `second` have different lengths, and False otherwise.

    >>> lengths_differ("cat", "horse")
    True
    >>> lengths_differ("cat", "dog")
    False
    """
    return len(first) != len(second)


def appears_once_in_text(text: str, part: str) -> bool:
    """Returns True if `part` appears exactly once in `text`, and False otherwise.

    >>> appears_once_in_text("hello", "e")
    True
    >>> appears_once_in_text("hello", "l")
    False
    """
    return text.count(part) == 1


def does_not_start_with(text: str, prefix: str) -> bool:
    """Returns True if `text` does not start with `prefix`, and False otherwise.

    >>> does_not_start_with("hello", "lo")
    True
    >>> does_not_start_with("hello", "he")
    False
    """
    return not text.startswith(prefix)


def does_not_end_with(text: str, suffix: str) -> bool:
    """Returns True if `text` does not end with `suffix`, and False otherwise.

    >>> does_not_end_with("hello", "he")
    True
    >>> does_not_end_with("hello", "lo")
    False
    """
    return not text.endswith(suffix)


def lists_are_different(first: list[int], second: list[int]) -> bool:
    """Returns True if the lists `first` and `second` are different, and False otherwise.

    >>> lists_are_different([1, 2], [2, 1])
    True
    >>> lists_are_different([1, 2], [1, 2])
    False
    """
    return first != second


def list_is_shorter(first: list[int], second: list[int]) -> bool:
    """Returns True if `first` has fewer elements than `second`, and False otherwise.

    >>> list_is_shorter([1], [2, 3])
    True
    >>> list_is_shorter([1, 2, 3], [9])
    False
    """
    return len(first) < len(second)


def same_smallest_number(first: list[int], second: list[int]) -> bool:
    """Returns True if `first` and `second` have the same smallest number, and False otherwise.

    >>> same_smallest_number([1, 5], [2, 1])
    True
    >>> same_smallest_number([1, 2], [3])
    False
    """
    return min(first) == min(second)


def same_last_element(first: list[int], second: list[int]) -> bool:
    """Returns True if `first` and `second` have the same last element, and False otherwise.

    >>> same_last_element([1, 2], [5, 2])
    True
    >>> same_last_element([1, 2], [2, 1])
    False
    """
    return first[-1] == second[-1]


def sum_is_below(numbers: list[int], limit: int) -> bool:
    """Returns True if the sum of `numbers` is less than `limit`, and False otherwise.

    >>> sum_is_below([1, 2, 3], 10)
    True
    >>> sum_is_below([4, 5], 9)
    False
    """
    return sum(numbers) < limit


def largest_is_above(numbers: list[int], limit: int) -> bool:
    """Returns True if the largest number is greater than `limit`, and False otherwise.

    >>> largest_is_above([1, 8, 3], 5)
    True
    >>> largest_is_above([4, 5], 5)
    False
    """
    return max(numbers) > limit


def smallest_is_below(numbers: list[int], limit: int) -> bool:
    """Returns True if the smallest number is less than `limit`, and False otherwise.

    >>> smallest_is_below([4, 1, 3], 2)
    True
    >>> smallest_is_below([4, 5], 4)
    False
    """
    return min(numbers) < limit


def first_is_largest(numbers: list[int]) -> bool:
    """Returns True if the first number is the largest, and False otherwise.

    >>> first_is_largest([9, 2, 5])
    True
    >>> first_is_largest([1, 4])
    False
    """
    return numbers[0] == max(numbers)
