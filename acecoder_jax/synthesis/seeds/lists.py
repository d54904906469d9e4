"""Seeds that make a new list from a list: selecting, reordering, grouping, combining.

Read as source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def keep_even_numbers(numbers: list[int]) -> list[int]:
    """Returns a list of the even numbers in `numbers`, in their order.

    >>> keep_even_numbers([3, 4, 8, 5])
    [4, 8]
    >>> keep_even_numbers([])
    []
    """
    return [number for number in numbers if number % 2 == 0]


def square_each(numbers: list[int]) -> list[int]:
    """Returns a list with the square of every number in `numbers`, in the same order.

    >>> square_each([1, -2, 3])
    [1, 4, 9]
    >>> square_each([])
    []
    """
    return [number**2 for number in numbers]


def drop_first_and_last(items: list[int]) -> list[int]:
    """Returns `items` without its first and last element. A list of fewer than three elements gives an empty
    list.

    >>> drop_first_and_last([5, 6, 7, 8])
    [6, 7]
    >>> drop_first_and_last([1])
    []
    """
    return items[1:-1]


def without_duplicates(items: list[int]) -> list[int]:
    """Returns the elements of `items` with repeated values removed, keeping the first appearance of each
    value.

    >>> without_duplicates([3, 1, 3, 2, 1])
    [3, 1, 2]
    >>> without_duplicates([])
    []
    """
    result = []
    for item in items:
        if item not in result:
            result.append(item)
    return result


def running_totals(numbers: list[int]) -> list[int]:
    """Returns a list whose element at each position is the sum of all numbers up to and including that
    position.

    >>> running_totals([1, 2, 3, -4])
    [1, 3, 6, 2]
    >>> running_totals([])
    []
    """
    totals = []
    total = 0
    for number in numbers:
        total += number
        totals.append(total)
    return totals


def neighbor_differences(numbers: list[int]) -> list[int]:
    """Returns a list of the differences between each number and the one before it, so it has one element
    fewer than `numbers`. A list of fewer than two numbers gives an empty list.

    >>> neighbor_differences([4, 9, 7])
    [5, -2]
    >>> neighbor_differences([1])
    []
    """
    return [numbers[i] - numbers[i - 1] for i in range(1, len(numbers))]


def interleave(first: list[int], second: list[int]) -> list[int]:
    """Returns a list that takes elements alternately from `first` and `second`, beginning with `first`, and
    stops when the shorter list is used up.

    >>> interleave([1, 3, 5], [2, 4, 6])
    [1, 2, 3, 4, 5, 6]
    >>> interleave([1, 2, 3], [9])
    [1, 9]
    """
    result = []
    for a, b in zip(first, second):
        result.append(a)
        result.append(b)
    return result


def split_in_chunks(items: list[int], size: int) -> list[list[int]]:
    """Returns the elements of `items` grouped into consecutive lists of length `size`; the last one may be
    shorter. `size` is at least 1.

    >>> split_in_chunks([1, 2, 3, 4, 5], 2)
    [[1, 2], [3, 4], [5]]
    >>> split_in_chunks([], 3)
    []
    """
    if size < 1:
        raise ValueError("size must be positive")
    return [items[start : start + size] for start in range(0, len(items), size)]


def flatten_once(groups: list[list[int]]) -> list[int]:
    """Returns one list with the elements of all inner lists of `groups`, in order.

    >>> flatten_once([[1, 2], [], [3]])
    [1, 2, 3]
    >>> flatten_once([])
    []
    """
    return [item for group in groups for item in group]


def descending_order(numbers: list[int]) -> list[int]:
    """Returns a list of the numbers sorted from largest to smallest.

    >>> descending_order([2, 9, 4])
    [9, 4, 2]
    >>> descending_order([])
    []
    """
    return sorted(numbers, reverse=True)


def rotate_right_once(items: list[int]) -> list[int]:
    """Returns a list in which the last element of `items` comes first and the others follow in their order.

    >>> rotate_right_once([1, 2, 3, 4])
    [4, 1, 2, 3]
    >>> rotate_right_once([])
    []
    """
    return items[-1:] + items[:-1]


def common_elements(first: list[int], second: list[int]) -> list[int]:
    """Returns a sorted list, without repetitions, of the values that occur in both lists.

    >>> common_elements([1, 2, 2, 3], [2, 3, 4])
    [2, 3]
    >>> common_elements([1], [])
    []
    """
    return sorted(set(first) & set(second))


def only_in_first(first: list[int], second: list[int]) -> list[int]:
    """Returns the elements of `first` that do not occur in `second`, in their order and with repetitions
    kept.

    >>> only_in_first([5, 1, 5, 2], [2, 3])
    [5, 1, 5]
    >>> only_in_first([], [1])
    []
    """
    return [item for item in first if item not in second]


def zeros_to_end(numbers: list[int]) -> list[int]:
    """Returns a list with the nonzero numbers in their order, followed by all the zeros.

    >>> zeros_to_end([0, 4, 0, 7])
    [4, 7, 0, 0]
    >>> zeros_to_end([])
    []
    """
    nonzero = [number for number in numbers if number != 0]
    return nonzero + [0] * (len(numbers) - len(nonzero))


def repeat_elements(items: list[int], times: int) -> list[int]:
    """Returns a list in which every element of `items` appears `times` times in a row. `times` is not
    negative.

    >>> repeat_elements([1, 2], 3)
    [1, 1, 1, 2, 2, 2]
    >>> repeat_elements([7, 8], 0)
    []
    """
    if times < 0:
        raise ValueError("times is negative")
    return [item for item in items for _ in range(times)]


def pairwise_sums(first: list[int], second: list[int]) -> list[int]:
    """Returns a list with the sums of the elements at equal positions of two lists of the same length.

    >>> pairwise_sums([1, 2], [10, 20])
    [11, 22]
    >>> pairwise_sums([], [])
    []
    """
    return [a + b for a, b in zip(first, second, strict=True)]


def insert_in_sorted(numbers: list[int], value: int) -> list[int]:
    """Returns a list of all the elements of `numbers` together with `value`, sorted in ascending order.

    >>> insert_in_sorted([1, 4, 9], 5)
    [1, 4, 5, 9]
    >>> insert_in_sorted([], 2)
    [2]
    """
    return sorted([*numbers, value])


def take_while_positive(numbers: list[int]) -> list[int]:
    """Returns the numbers at the beginning of `numbers` up to, but not including, the first one that is zero
    or negative.

    >>> take_while_positive([3, 1, -2, 5])
    [3, 1]
    >>> take_while_positive([0, 1])
    []
    """
    taken = []
    for number in numbers:
        if number <= 0:
            break
        taken.append(number)
    return taken


def split_by_sign(numbers: list[int]) -> tuple[list[int], list[int]]:
    """Returns a tuple of two lists: the negative numbers of `numbers`, then the others (zero included), each
    in their order.

    >>> split_by_sign([3, -1, 0, -5])
    ([-1, -5], [3, 0])
    >>> split_by_sign([])
    ([], [])
    """
    negative = [number for number in numbers if number < 0]
    others = [number for number in numbers if number >= 0]
    return negative, others


def every_nth(items: list[int], step: int) -> list[int]:
    """Returns the elements of `items` at positions 0, `step`, 2 * `step` and so on. `step` is at least 1.

    >>> every_nth([10, 11, 12, 13, 14], 2)
    [10, 12, 14]
    >>> every_nth([1, 2, 3], 5)
    [1]
    """
    if step < 1:
        raise ValueError("step must be positive")
    return items[::step]


def remove_every_copy(items: list[int], value: int) -> list[int]:
    """Returns the elements of `items` that are not equal to `value`, in their order.

    >>> remove_every_copy([1, 2, 1, 3], 1)
    [2, 3]
    >>> remove_every_copy([], 4)
    []
    """
    return [item for item in items if item != value]


def clip_all(numbers: list[int], low: int, high: int) -> list[int]:
    """Returns a list in which every number below `low` is replaced by `low` and every number above `high` by
    `high`. `low` is never larger than `high`.

    >>> clip_all([1, 5, 12], 3, 10)
    [3, 5, 10]
    >>> clip_all([], 0, 1)
    []
    """
    if low > high:
        raise ValueError("low is above high")
    return [min(max(number, low), high) for number in numbers]


def positions_of(items: list[int], value: int) -> list[int]:
    """Returns a list of all positions, counted from 0, at which `value` occurs in `items`.

    >>> positions_of([4, 7, 4], 4)
    [0, 2]
    >>> positions_of([1, 2], 9)
    []
    """
    return [position for position, item in enumerate(items) if item == value]


def swap_neighbors(items: list[int]) -> list[int]:
    """Returns a list in which the elements at positions 0 and 1 are exchanged, then those at 2 and 3, and so
    on. A last element without a partner stays where it is.

    >>> swap_neighbors([1, 2, 3, 4, 5])
    [2, 1, 4, 3, 5]
    >>> swap_neighbors([])
    []
    """
    result = list(items)
    for i in range(0, len(result) - 1, 2):
        result[i], result[i + 1] = result[i + 1], result[i]
    return result


def transpose_table(rows: list[list[int]]) -> list[list[int]]:
    """Returns the table `rows`, a list of rows of equal length, with rows and columns exchanged. An empty
    table gives an empty list.

    >>> transpose_table([[1, 2, 3], [4, 5, 6]])
    [[1, 4], [2, 5], [3, 6]]
    >>> transpose_table([])
    []
    """
    return [list(column) for column in zip(*rows, strict=True)]


def filter_short_words(words: list[str], length: int) -> list[str]:
    """Returns the strings in `words` that have at least `length` characters, in their order.

    >>> filter_short_words(["go", "home", "now"], 3)
    ['home', 'now']
    >>> filter_short_words([], 1)
    []
    """
    return [word for word in words if len(word) >= length]


def sort_by_last_character(words: list[str]) -> list[str]:
    """Returns the non-empty strings in `words` sorted by their last character; strings with the same last
    character keep their order.

    >>> sort_by_last_character(["cold", "sea", "wood"])
    ['sea', 'cold', 'wood']
    >>> sort_by_last_character([])
    []
    """
    return sorted(words, key=lambda word: word[-1])
