"""More very easy seeds about lists: one method, slice, sum or comprehension each.

Each has one obvious solution of a line, one operator, method or builtin, so that a small model solves some of
them. Read as source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def negate_all(numbers: list[int]) -> list[int]:
    """Returns a list of the numbers in `numbers` with their signs changed.

    >>> negate_all([1, -2, 3])
    [-1, 2, -3]
    >>> negate_all([0, 5])
    [0, -5]
    """
    return [-number for number in numbers]


def halve_all(numbers: list[int]) -> list[float]:
    """Returns a list with every number in `numbers` divided by 2.

    >>> halve_all([2, 5])
    [1.0, 2.5]
    >>> halve_all([-4, 0])
    [-2.0, 0.0]
    """
    return [number / 2 for number in numbers]


def subtract_from_all(numbers: list[int], a: int) -> list[int]:
    """Returns a list with `a` subtracted from every number in `numbers`.

    >>> subtract_from_all([5, 8], 2)
    [3, 6]
    >>> subtract_from_all([0, -1], 3)
    [-3, -4]
    """
    return [number - a for number in numbers]


def numbers_as_strings(numbers: list[int]) -> list[str]:
    """Returns a list of the numbers in `numbers` as strings.

    >>> numbers_as_strings([1, 2, 3])
    ['1', '2', '3']
    >>> numbers_as_strings([-5, 10])
    ['-5', '10']
    """
    return [str(number) for number in numbers]


def words_to_lowercase(words: list[str]) -> list[str]:
    """Returns a list of the strings in `words` in lower case.

    >>> words_to_lowercase(["CAT", "Dog"])
    ['cat', 'dog']
    >>> words_to_lowercase(["A"])
    ['a']
    """
    return [word.lower() for word in words]


def capitalize_words(words: list[str]) -> list[str]:
    """Returns a list of the strings in `words`, each one capitalized.

    >>> capitalize_words(["cat", "dog"])
    ['Cat', 'Dog']
    >>> capitalize_words(["red"])
    ['Red']
    """
    return [word.capitalize() for word in words]


def strip_words(words: list[str]) -> list[str]:
    """Returns a list of the strings in `words`, each one stripped.

    >>> strip_words([" cat", "dog "])
    ['cat', 'dog']
    >>> strip_words(["red"])
    ['red']
    """
    return [word.strip() for word in words]


def numbers_below(numbers: list[int], limit: int) -> list[int]:
    """Returns a list of the numbers in `numbers` that are less than `limit`.

    >>> numbers_below([1, 5, 8], 6)
    [1, 5]
    >>> numbers_below([12, 13], 10)
    []
    """
    return [number for number in numbers if number < limit]


def nonzero_numbers(numbers: list[int]) -> list[int]:
    """Returns a list of the numbers in `numbers` that are not 0.

    >>> nonzero_numbers([0, 1, 0, -2])
    [1, -2]
    >>> nonzero_numbers([5])
    [5]
    """
    return [number for number in numbers if number != 0]


def nonempty_words(words: list[str]) -> list[str]:
    """Returns a list of the strings in `words` that are not empty.

    >>> nonempty_words(["cat", "", "dog"])
    ['cat', 'dog']
    >>> nonempty_words(["", "a"])
    ['a']
    """
    return [word for word in words if word != ""]


def is_empty_list(items: list[int]) -> bool:
    """Returns True if `items` is empty, and False otherwise.

    >>> is_empty_list([])
    True
    >>> is_empty_list([1, 2])
    False
    """
    return len(items) == 0


def number_of_items_in_both(a: list[int], b: list[int]) -> int:
    """Returns the length of list `a` plus the length of list `b`.

    >>> number_of_items_in_both([1, 2], [5])
    3
    >>> number_of_items_in_both([7], [7])
    2
    """
    return len(a) + len(b)


def are_equal_lists(a: list[int], b: list[int]) -> bool:
    """Returns True if lists `a` and `b` are equal, and False otherwise.

    >>> are_equal_lists([1, 2], [1, 2])
    True
    >>> are_equal_lists([1, 2], [2, 1])
    False
    """
    return a == b


def sum_of_two_lists(a: list[int], b: list[int]) -> int:
    """Returns the sum of list `a` plus the sum of list `b`.

    >>> sum_of_two_lists([1, 2], [3])
    6
    >>> sum_of_two_lists([10], [-4, 1])
    7
    """
    return sum(a) + sum(b)


def difference_of_sums(a: list[int], b: list[int]) -> int:
    """Returns the sum of list `a` minus the sum of list `b`.

    >>> difference_of_sums([5, 2], [3])
    4
    >>> difference_of_sums([1], [4, 4])
    -7
    """
    return sum(a) - sum(b)


def larger_sum(a: list[int], b: list[int]) -> int:
    """Returns the larger of the sums of lists `a` and `b`.

    >>> larger_sum([1, 2], [4])
    4
    >>> larger_sum([5, 5], [9])
    10
    """
    return max(sum(a), sum(b))


def half_of_sum(numbers: list[int]) -> float:
    """Returns the sum of `numbers` divided by 2.

    >>> half_of_sum([1, 2, 3])
    3.0
    >>> half_of_sum([4, 5])
    4.5
    """
    return sum(numbers) / 2


def sum_plus_number(numbers: list[int], number: int) -> int:
    """Returns the sum of `numbers` plus `number`.

    >>> sum_plus_number([1, 2, 3], 10)
    16
    >>> sum_plus_number([4], -1)
    3
    """
    return sum(numbers) + number


def sum_without_first(numbers: list[int]) -> int:
    """Returns the sum of `numbers` without the first number.

    >>> sum_without_first([1, 2, 3])
    5
    >>> sum_without_first([10, -4])
    -4
    """
    return sum(numbers[1:])


def sum_of_positive_numbers(numbers: list[int]) -> int:
    """Returns the sum of the numbers in `numbers` that are greater than zero.

    >>> sum_of_positive_numbers([1, -2, 3])
    4
    >>> sum_of_positive_numbers([-5, 0])
    0
    """
    return sum(number for number in numbers if number > 0)


def product_of_first_and_last(numbers: list[int]) -> int:
    """Returns the first number in `numbers` times the last one.

    >>> product_of_first_and_last([2, 9, 3])
    6
    >>> product_of_first_and_last([4, -5])
    -20
    """
    return numbers[0] * numbers[-1]


def last_minus_first(numbers: list[int]) -> int:
    """Returns the last number in `numbers` minus the first one.

    >>> last_minus_first([2, 9, 3])
    1
    >>> last_minus_first([4, 1])
    -3
    """
    return numbers[-1] - numbers[0]


def first_equals_last(items: list[int]) -> bool:
    """Returns True if the first and last of `items` are equal, and False otherwise.

    >>> first_equals_last([1, 2, 1])
    True
    >>> first_equals_last([3, 4])
    False
    """
    return items[0] == items[-1]


def prepend_number(numbers: list[int], number: int) -> list[int]:
    """Returns a list with `number` followed by the elements of `numbers`.

    >>> prepend_number([2, 3], 1)
    [1, 2, 3]
    >>> prepend_number([7], 8)
    [8, 7]
    """
    return [number] + numbers


def list_of_zeros(number: int) -> list[int]:
    """Returns a list of `number` zeros.

    >>> list_of_zeros(3)
    [0, 0, 0]
    >>> list_of_zeros(1)
    [0]
    """
    return [0] * number


def first_items(items: list[int], count: int) -> list[int]:
    """Returns the first `count` elements of `items`.

    >>> first_items([7, 8, 9], 2)
    [7, 8]
    >>> first_items([5, 6], 1)
    [5]
    """
    return items[:count]


def items_from(items: list[int], start: int) -> list[int]:
    """Returns the elements of `items` from position `start` to the end.

    >>> items_from([7, 8, 9], 1)
    [8, 9]
    >>> items_from([5, 6], 0)
    [5, 6]
    """
    return items[start:]


def slice_of_list(items: list[int], start: int, end: int) -> list[int]:
    """Returns the slice of `items` from `start` up to `end`.

    >>> slice_of_list([6, 7, 8, 9], 1, 3)
    [7, 8]
    >>> slice_of_list([4, 5], 0, 1)
    [4]
    """
    return items[start:end]


def list_and_its_reverse(items: list[int]) -> list[int]:
    """Returns `items` followed by `items` in reverse order.

    >>> list_and_its_reverse([1, 2])
    [1, 2, 2, 1]
    >>> list_and_its_reverse([3, 4, 5])
    [3, 4, 5, 5, 4, 3]
    """
    return items + items[::-1]


def sort_words_backwards(words: list[str]) -> list[str]:
    """Returns a list of the strings in `words` sorted in reverse order.

    >>> sort_words_backwards(["a", "c", "b"])
    ['c', 'b', 'a']
    >>> sort_words_backwards(["dog", "cat"])
    ['dog', 'cat']
    """
    return sorted(words, reverse=True)


def sort_words_by_length(words: list[str]) -> list[str]:
    """Returns a list of the strings in `words` sorted by length.

    >>> sort_words_by_length(["mouse", "cat"])
    ['cat', 'mouse']
    >>> sort_words_by_length(["aaa", "b", "cc"])
    ['b', 'cc', 'aaa']
    """
    return sorted(words, key=len)


def smallest_word(words: list[str]) -> str:
    """Returns the smallest string in `words`.

    >>> smallest_word(["pear", "apple"])
    'apple'
    >>> smallest_word(["b", "a", "c"])
    'a'
    """
    return min(words)


def largest_word(words: list[str]) -> str:
    """Returns the largest string in `words`.

    >>> largest_word(["pear", "apple"])
    'pear'
    >>> largest_word(["b", "a", "c"])
    'c'
    """
    return max(words)


def add_ending_to_words(words: list[str], ending: str) -> list[str]:
    """Returns a list of the strings in `words`, each followed by `ending`.

    >>> add_ending_to_words(["cat", "dog"], "s")
    ['cats', 'dogs']
    >>> add_ending_to_words(["walk"], "ing")
    ['walking']
    """
    return [word + ending for word in words]


def first_letter_of_each_word(words: list[str]) -> list[str]:
    """Returns a list of the first letters of the strings in `words`.

    >>> first_letter_of_each_word(["cat", "dog"])
    ['c', 'd']
    >>> first_letter_of_each_word(["Tom"])
    ['T']
    """
    return [word[0] for word in words]


def last_letter_of_each_word(words: list[str]) -> list[str]:
    """Returns a list of the last letters of the strings in `words`.

    >>> last_letter_of_each_word(["cat", "dog"])
    ['t', 'g']
    >>> last_letter_of_each_word(["Tom"])
    ['m']
    """
    return [word[-1] for word in words]


def which_are_even(numbers: list[int]) -> list[bool]:
    """Returns a list saying for each number in `numbers` if it is even.

    >>> which_are_even([1, 2, 4])
    [False, True, True]
    >>> which_are_even([3])
    [False]
    """
    return [number % 2 == 0 for number in numbers]


def sum_of_largest_numbers(a: list[int], b: list[int]) -> int:
    """Returns the largest number in `a` plus the largest number in `b`.

    >>> sum_of_largest_numbers([1, 5], [3])
    8
    >>> sum_of_largest_numbers([-2], [0, 4])
    2
    """
    return max(a) + max(b)


def largest_absolute_value(numbers: list[int]) -> int:
    """Returns the largest absolute value of the numbers in `numbers`.

    >>> largest_absolute_value([1, -5, 3])
    5
    >>> largest_absolute_value([2, 0])
    2
    """
    return max(abs(number) for number in numbers)


def numbers_as_floats(numbers: list[int]) -> list[float]:
    """Returns a list of the numbers in `numbers` as floats.

    >>> numbers_as_floats([1, 2, 3])
    [1.0, 2.0, 3.0]
    >>> numbers_as_floats([-5, 10])
    [-5.0, 10.0]
    """
    return [float(number) for number in numbers]
