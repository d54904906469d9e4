"""Seeds that reduce a list to one answer: totals, extremes, positions, yes or no.

Read as source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def sum_of_evens(numbers: list[int]) -> int:
    """Returns the sum of the even numbers in `numbers`, or 0 when there are none.

    >>> sum_of_evens([1, 2, 3, 4])
    6
    >>> sum_of_evens([])
    0
    """
    return sum(number for number in numbers if number % 2 == 0)


def count_negative_numbers(numbers: list[int]) -> int:
    """Returns how many numbers in `numbers` are less than zero.

    >>> count_negative_numbers([-1, 0, 3, -7])
    2
    >>> count_negative_numbers([])
    0
    """
    return sum(number < 0 for number in numbers)


def multiply_all(numbers: list[int]) -> int:
    """Returns the product of all the numbers in `numbers`; the product of an empty list is 1.

    >>> multiply_all([2, 3, 5])
    30
    >>> multiply_all([])
    1
    """
    product = 1
    for number in numbers:
        product *= number
    return product


def mean_of(numbers: list[float]) -> float:
    """Returns the average of the numbers in `numbers`, or 0.0 for an empty list.

    >>> mean_of([1.0, 2.0, 6.0])
    3.0
    >>> mean_of([])
    0.0
    """
    return sum(numbers) / len(numbers) if numbers else 0.0


def spread_of(numbers: list[int]) -> int:
    """Returns the difference between the largest and the smallest number in `numbers`, or 0 for an empty
    list.

    >>> spread_of([4, 11, 7])
    7
    >>> spread_of([])
    0
    """
    return max(numbers) - min(numbers) if numbers else 0


def second_largest(numbers: list[int]) -> int | None:
    """Returns the second largest different value in `numbers`, or None when there are fewer than two
    different values.

    >>> second_largest([5, 9, 9, 2])
    5
    >>> second_largest([4, 4]) is None
    True
    """
    values = sorted(set(numbers))
    return values[-2] if len(values) >= 2 else None


def index_of_smallest(numbers: list[int]) -> int:
    """Returns the position, counted from 0, of the smallest number in `numbers`; of several, the first. An
    empty list gives -1.

    >>> index_of_smallest([8, 3, 5, 3])
    1
    >>> index_of_smallest([])
    -1
    """
    return numbers.index(min(numbers)) if numbers else -1


def is_ascending(numbers: list[int]) -> bool:
    """Returns True when no number in `numbers` is smaller than the one before it, and False otherwise.

    >>> is_ascending([1, 2, 2, 5])
    True
    >>> is_ascending([3, 1])
    False
    >>> is_ascending([])
    True
    """
    return numbers == sorted(numbers)


def all_different(items: list[int]) -> bool:
    """Returns True when no value occurs twice in `items`, and False otherwise.

    >>> all_different([1, 4, 2])
    True
    >>> all_different([1, 4, 1])
    False
    """
    return len(items) == len(set(items))


def count_above_average(numbers: list[int]) -> int:
    """Returns how many numbers in `numbers` are greater than the average of the list. An empty list gives 0.

    >>> count_above_average([1, 2, 9])
    1
    >>> count_above_average([])
    0
    """
    if not numbers:
        return 0
    average = sum(numbers) / len(numbers)
    return sum(number > average for number in numbers)


def contains_value(items: list[int], value: int) -> bool:
    """Returns True when `value` is one of the elements of `items`, and False otherwise.

    >>> contains_value([3, 6, 9], 6)
    True
    >>> contains_value([], 1)
    False
    """
    return value in items


def count_matches(first: list[int], second: list[int]) -> int:
    """Returns the number of positions at which both lists have the same element; positions that only the
    longer list has do not count.

    >>> count_matches([1, 2, 3], [1, 5, 3, 4])
    2
    >>> count_matches([], [1])
    0
    """
    return sum(a == b for a, b in zip(first, second))


def dot_product(first: list[int], second: list[int]) -> int:
    """Returns the sum of the products of the elements at equal positions of two lists of the same length.

    >>> dot_product([1, 2, 3], [4, 5, 6])
    32
    >>> dot_product([], [])
    0
    """
    return sum(a * b for a, b in zip(first, second, strict=True))


def first_negative(numbers: list[int]) -> int | None:
    """Returns the first number in `numbers` that is less than zero, or None when there is none.

    >>> first_negative([4, -2, -9])
    -2
    >>> first_negative([1, 2]) is None
    True
    """
    for number in numbers:
        if number < 0:
            return number
    return None


def sum_of_absolute_values(numbers: list[int]) -> int:
    """Returns the sum of the absolute values of the numbers in `numbers`.

    >>> sum_of_absolute_values([-3, 4, -5])
    12
    >>> sum_of_absolute_values([])
    0
    """
    return sum(abs(number) for number in numbers)


def alternating_sum(numbers: list[int]) -> int:
    """Returns the first number minus the second plus the third minus the fourth and so on. An empty list
    gives 0.

    >>> alternating_sum([10, 3, 2])
    9
    >>> alternating_sum([])
    0
    """
    return sum(numbers[::2]) - sum(numbers[1::2])


def biggest_jump(numbers: list[int]) -> int:
    """Returns the largest absolute difference between two neighboring numbers of `numbers`, or 0 when the
    list has fewer than two numbers.

    >>> biggest_jump([1, 8, 6])
    7
    >>> biggest_jump([5])
    0
    """
    return max((abs(b - a) for a, b in zip(numbers, numbers[1:])), default=0)


def most_common_number(numbers: list[int]) -> int:
    """Returns the number that occurs most often in the non-empty list `numbers`; of several such numbers,
    the smallest.

    >>> most_common_number([3, 1, 3, 2])
    3
    >>> most_common_number([5, 4])
    4
    """
    return max(sorted(set(numbers)), key=numbers.count)


def middle_element(items: list[int]) -> int | None:
    """Returns the element in the middle of `items`, or None when `items` has an even number of elements.

    >>> middle_element([9, 1, 5])
    1
    >>> middle_element([1, 2]) is None
    True
    """
    return items[len(items) // 2] if len(items) % 2 == 1 else None


def longest_streak(items: list[int]) -> int:
    """Returns the length of the longest run of equal neighboring elements in `items`, or 0 for an empty
    list.

    >>> longest_streak([1, 1, 2, 2, 2, 1])
    3
    >>> longest_streak([])
    0
    """
    best = 0
    current = 0
    for position, item in enumerate(items):
        current = current + 1 if position > 0 and items[position - 1] == item else 1
        best = max(best, current)
    return best


def has_pair_with_sum(numbers: list[int], target: int) -> bool:
    """Returns True when two elements at different positions of `numbers` add up to `target`, and False
    otherwise.

    >>> has_pair_with_sum([1, 4, 6], 10)
    True
    >>> has_pair_with_sum([5], 10)
    False
    """
    seen = set()
    for number in numbers:
        if target - number in seen:
            return True
        seen.add(number)
    return False


def count_in_range(numbers: list[int], low: int, high: int) -> int:
    """Returns how many numbers in `numbers` are at least `low` and at most `high`.

    >>> count_in_range([1, 5, 9, 10], 5, 10)
    3
    >>> count_in_range([], 0, 3)
    0
    """
    return sum(low <= number <= high for number in numbers)


def total_length(words: list[str]) -> int:
    """Returns the number of characters of all strings in `words` together.

    >>> total_length(["ab", "", "cde"])
    5
    >>> total_length([])
    0
    """
    return sum(len(word) for word in words)


def can_balance(numbers: list[int]) -> bool:
    """Returns True when `numbers` can be cut at some place into a left and a right part with the same sum,
    where either part may be empty and the sum of an empty part is 0. Returns False otherwise.

    >>> can_balance([1, 2, 3])
    True
    >>> can_balance([2, 5])
    False
    """
    return any(sum(numbers[:cut]) == sum(numbers[cut:]) for cut in range(len(numbers) + 1))


def count_local_peaks(numbers: list[int]) -> int:
    """Returns how many numbers in `numbers` are greater than both of their neighbors. The first and the last
    number never count.

    >>> count_local_peaks([1, 5, 2, 7, 3])
    2
    >>> count_local_peaks([3, 1])
    0
    """
    return sum(numbers[i - 1] < numbers[i] > numbers[i + 1] for i in range(1, len(numbers) - 1))
