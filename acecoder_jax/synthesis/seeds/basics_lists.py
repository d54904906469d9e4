"""Very easy seeds about lists: sums, extremes, parts, filters and simple changes.

Each has one obvious solution of a line or a short loop, so that a small model solves some of them. Read as
source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def sum_of_list(numbers: list[int]) -> int:
    """Returns the sum of the numbers in `numbers`.

    >>> sum_of_list([1, 2, 3])
    6
    >>> sum_of_list([10, -4])
    6
    """
    return sum(numbers)


def average_list(numbers: list[int]) -> float:
    """Returns the average of the numbers in `numbers`.

    >>> average_list([1, 2, 3])
    2.0
    >>> average_list([4, 5])
    4.5
    """
    return sum(numbers) / len(numbers)


def largest_number(numbers: list[int]) -> int:
    """Returns the largest number in `numbers`.

    >>> largest_number([3, 9, 4])
    9
    >>> largest_number([-5, -2])
    -2
    """
    return max(numbers)


def smallest_number(numbers: list[int]) -> int:
    """Returns the smallest number in `numbers`.

    >>> smallest_number([3, 9, 4])
    3
    >>> smallest_number([-5, -2])
    -5
    """
    return min(numbers)


def list_length(items: list[int]) -> int:
    """Returns the number of elements in `items`.

    >>> list_length([7, 8, 9])
    3
    >>> list_length([5])
    1
    """
    return len(items)


def first_element(items: list[int]) -> int:
    """Returns the first element of `items`.

    >>> first_element([7, 8, 9])
    7
    >>> first_element([5])
    5
    """
    return items[0]


def last_element(items: list[int]) -> int:
    """Returns the last element of `items`.

    >>> last_element([7, 8, 9])
    9
    >>> last_element([5])
    5
    """
    return items[-1]


def element_at(items: list[int], index: int) -> int:
    """Returns the element of `items` at position `index`, where the first position is 0.

    >>> element_at([7, 8, 9], 1)
    8
    >>> element_at([5, 6], 0)
    5
    """
    return items[index]


def reverse_list(items: list[int]) -> list[int]:
    """Returns a list with the elements of `items` in reverse order.

    >>> reverse_list([1, 2, 3])
    [3, 2, 1]
    >>> reverse_list([5, 5, 8])
    [8, 5, 5]
    """
    return items[::-1]


def sort_numbers(numbers: list[int]) -> list[int]:
    """Returns a list of the numbers in `numbers` sorted from smallest to largest.

    >>> sort_numbers([3, 1, 2])
    [1, 2, 3]
    >>> sort_numbers([5, -5, 0])
    [-5, 0, 5]
    """
    return sorted(numbers)


def odd_numbers(numbers: list[int]) -> list[int]:
    """Returns a list of the odd numbers in `numbers`.

    >>> odd_numbers([1, 2, 3, 4])
    [1, 3]
    >>> odd_numbers([6, 8])
    []
    """
    return [number for number in numbers if number % 2 == 1]


def positive_numbers(numbers: list[int]) -> list[int]:
    """Returns a list of the numbers in `numbers` that are greater than zero.

    >>> positive_numbers([1, -2, 3])
    [1, 3]
    >>> positive_numbers([-1, 0])
    []
    """
    return [number for number in numbers if number > 0]


def negative_numbers(numbers: list[int]) -> list[int]:
    """Returns a list of the numbers in `numbers` that are less than zero.

    >>> negative_numbers([1, -2, 3])
    [-2]
    >>> negative_numbers([-1, -5])
    [-1, -5]
    """
    return [number for number in numbers if number < 0]


def numbers_above(numbers: list[int], limit: int) -> list[int]:
    """Returns a list of the numbers in `numbers` that are greater than `limit`.

    >>> numbers_above([1, 5, 8], 4)
    [5, 8]
    >>> numbers_above([2, 3], 10)
    []
    """
    return [number for number in numbers if number > limit]


def double_all(numbers: list[int]) -> list[int]:
    """Returns a list with every number in `numbers` multiplied by 2.

    >>> double_all([1, 2, 3])
    [2, 4, 6]
    >>> double_all([-4, 0])
    [-8, 0]
    """
    return [number * 2 for number in numbers]


def add_one_to_all(numbers: list[int]) -> list[int]:
    """Returns a list with 1 added to every number in `numbers`.

    >>> add_one_to_all([1, 2, 3])
    [2, 3, 4]
    >>> add_one_to_all([-1, 9])
    [0, 10]
    """
    return [number + 1 for number in numbers]


def multiply_all_by(numbers: list[int], factor: int) -> list[int]:
    """Returns a list with every number in `numbers` multiplied by `factor`.

    >>> multiply_all_by([1, 2, 3], 10)
    [10, 20, 30]
    >>> multiply_all_by([5, 0], -2)
    [-10, 0]
    """
    return [number * factor for number in numbers]


def absolute_values(numbers: list[int]) -> list[int]:
    """Returns a list of the absolute values of the numbers in `numbers`.

    >>> absolute_values([1, -2, 3])
    [1, 2, 3]
    >>> absolute_values([-5])
    [5]
    """
    return [abs(number) for number in numbers]


def count_even_numbers(numbers: list[int]) -> int:
    """Returns how many numbers in `numbers` are even.

    >>> count_even_numbers([1, 2, 4])
    2
    >>> count_even_numbers([3, 5])
    0
    """
    return sum(1 for number in numbers if number % 2 == 0)


def count_positive_numbers(numbers: list[int]) -> int:
    """Returns how many numbers in `numbers` are greater than zero.

    >>> count_positive_numbers([1, -2, 4])
    2
    >>> count_positive_numbers([-3, 0])
    0
    """
    return sum(1 for number in numbers if number > 0)


def sum_of_odd_numbers(numbers: list[int]) -> int:
    """Returns the sum of the odd numbers in `numbers`.

    >>> sum_of_odd_numbers([1, 2, 3])
    4
    >>> sum_of_odd_numbers([4, 7])
    7
    """
    return sum(number for number in numbers if number % 2 == 1)


def sum_of_list_squares(numbers: list[int]) -> int:
    """Returns the sum of the squares of the numbers in `numbers`.

    >>> sum_of_list_squares([1, 2, 3])
    14
    >>> sum_of_list_squares([-4])
    16
    """
    return sum(number * number for number in numbers)


def sum_first_and_last(numbers: list[int]) -> int:
    """Returns the sum of the first and the last number in `numbers`.

    >>> sum_first_and_last([1, 2, 3])
    4
    >>> sum_first_and_last([4, 9])
    13
    """
    return numbers[0] + numbers[-1]


def append_number(numbers: list[int], number: int) -> list[int]:
    """Returns a list with the elements of `numbers` followed by `number`.

    >>> append_number([1, 2], 3)
    [1, 2, 3]
    >>> append_number([7], 7)
    [7, 7]
    """
    return numbers + [number]


def without_first_element(items: list[int]) -> list[int]:
    """Returns `items` without its first element.

    >>> without_first_element([1, 2, 3])
    [2, 3]
    >>> without_first_element([4, 5])
    [5]
    """
    return items[1:]


def without_last_element(items: list[int]) -> list[int]:
    """Returns `items` without its last element.

    >>> without_last_element([1, 2, 3])
    [1, 2]
    >>> without_last_element([4, 5])
    [4]
    """
    return items[:-1]


def combine_lists(first: list[int], second: list[int]) -> list[int]:
    """Returns a list with the elements of `first` followed by the elements of `second`.

    >>> combine_lists([1, 2], [3])
    [1, 2, 3]
    >>> combine_lists([4], [4, 5])
    [4, 4, 5]
    """
    return first + second


def repeat_list(items: list[int], times: int) -> list[int]:
    """Returns a list in which the elements of `items` are repeated `times` times.

    >>> repeat_list([1, 2], 2)
    [1, 2, 1, 2]
    >>> repeat_list([5], 3)
    [5, 5, 5]
    """
    return items * times


def squares_up_to(n: int) -> list[int]:
    """Returns a list of the squares of the numbers from 1 to `n`.

    >>> squares_up_to(3)
    [1, 4, 9]
    >>> squares_up_to(5)
    [1, 4, 9, 16, 25]
    """
    return [number * number for number in range(1, n + 1)]


def even_numbers_up_to(n: int) -> list[int]:
    """Returns a list of the even numbers from 1 to `n`.

    >>> even_numbers_up_to(6)
    [2, 4, 6]
    >>> even_numbers_up_to(9)
    [2, 4, 6, 8]
    """
    return [number for number in range(1, n + 1) if number % 2 == 0]


def countdown_from(n: int) -> list[int]:
    """Returns a list of the numbers from `n` down to 1.

    >>> countdown_from(3)
    [3, 2, 1]
    >>> countdown_from(5)
    [5, 4, 3, 2, 1]
    """
    return list(range(n, 0, -1))


def lengths_of_words(words: list[str]) -> list[int]:
    """Returns a list of the lengths of the strings in `words`.

    >>> lengths_of_words(["cat", "mouse"])
    [3, 5]
    >>> lengths_of_words(["a"])
    [1]
    """
    return [len(word) for word in words]


def words_to_uppercase(words: list[str]) -> list[str]:
    """Returns a list of the strings in `words` in upper case.

    >>> words_to_uppercase(["cat", "Dog"])
    ['CAT', 'DOG']
    >>> words_to_uppercase(["a"])
    ['A']
    """
    return [word.upper() for word in words]


def join_words(words: list[str]) -> str:
    """Returns the strings in `words` joined by spaces.

    >>> join_words(["I", "like", "tea"])
    'I like tea'
    >>> join_words(["hello"])
    'hello'
    """
    return " ".join(words)


def concatenate_words(words: list[str]) -> str:
    """Returns all the strings in `words` joined together into one string.

    >>> concatenate_words(["sun", "flower"])
    'sunflower'
    >>> concatenate_words(["a", "b", "c"])
    'abc'
    """
    return "".join(words)


def sort_names(names: list[str]) -> list[str]:
    """Returns a list of the strings in `names` in sorted order.

    >>> sort_names(["Tom", "Ann", "Maria"])
    ['Ann', 'Maria', 'Tom']
    >>> sort_names(["b", "a"])
    ['a', 'b']
    """
    return sorted(names)
