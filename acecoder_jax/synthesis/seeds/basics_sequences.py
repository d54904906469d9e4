"""Very easy seeds about slices, positions, zips, ranges and joined lists.

Each has one obvious solution of a line or a short loop, so that a small model solves some of them. Read as
source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def second_half_of_list(items: list[int]) -> list[int]:
    """Returns the second half of `items`. If the number of elements is odd, the middle element belongs to
    it.

    >>> second_half_of_list([1, 2, 3, 4])
    [3, 4]
    >>> second_half_of_list([5, 6, 7])
    [6, 7]
    """
    return items[len(items) // 2 :]


def last_two_elements(items: list[int]) -> list[int]:
    """Returns a list of the last two elements of `items`, or all of them if there are fewer than two.

    >>> last_two_elements([1, 2, 3])
    [2, 3]
    >>> last_two_elements([8])
    [8]
    """
    return items[-2:]


def slice_between(items: list[int], start: int, stop: int) -> list[int]:
    """Returns the slice of `items` that begins at index `start` and ends before index `stop`.

    >>> slice_between([5, 6, 7, 8], 1, 3)
    [6, 7]
    >>> slice_between([5, 6, 7, 8], 0, 2)
    [5, 6]
    """
    return items[start:stop]


def elements_at_odd_indexes(items: list[int]) -> list[int]:
    """Returns the elements of `items` at the indexes 1, 3, 5 and so on.

    >>> elements_at_odd_indexes([10, 20, 30, 40])
    [20, 40]
    >>> elements_at_odd_indexes([7])
    []
    """
    return items[1::2]


def first_three_backwards(items: list[int]) -> list[int]:
    """Returns the first three elements of `items` in reverse order. A shorter list is reversed as a whole.

    >>> first_three_backwards([1, 2, 3, 4])
    [3, 2, 1]
    >>> first_three_backwards([8, 9])
    [9, 8]
    """
    return items[:3][::-1]


def last_or_zero(numbers: list[int]) -> int:
    """Returns the last number in `numbers`, or 0 if the list is empty.

    >>> last_or_zero([4, 9, 2])
    2
    >>> last_or_zero([])
    0
    """
    return numbers[-1] if numbers else 0


def second_or_none(items: list[int]) -> int | None:
    """Returns the second element of `items`, or None if there is no second element.

    >>> second_or_none([4, 9, 2])
    9
    >>> second_or_none([4]) is None
    True
    """
    if len(items) < 2:
        return None
    return items[1]


def element_or_default(items: list[int], index: int, default: int) -> int:
    """Returns the element of `items` at `index`, or `default` if `index` is negative or too large.

    >>> element_or_default([7, 8, 9], 1, 0)
    8
    >>> element_or_default([7, 8, 9], 5, -1)
    -1
    """
    if 0 <= index < len(items):
        return items[index]
    return default


def position_or_minus_one(items: list[str], wanted: str) -> int:
    """Returns the index of the first element of `items` that equals `wanted`, or -1 if no element does.

    >>> position_or_minus_one(["tea", "milk", "tea"], "milk")
    1
    >>> position_or_minus_one(["tea"], "bread")
    -1
    """
    return items.index(wanted) if wanted in items else -1


def add_to_front(items: list[int], value: int) -> list[int]:
    """Returns a list with `value` as its first element, followed by the elements of `items`.

    >>> add_to_front([2, 3], 1)
    [1, 2, 3]
    >>> add_to_front([], 5)
    [5]
    """
    return [value] + items


def put_at_both_ends(items: list[int], value: int) -> list[int]:
    """Returns a list of the elements of `items` with `value` added once before them and once after them.

    >>> put_at_both_ends([1, 2], 0)
    [0, 1, 2, 0]
    >>> put_at_both_ends([], 4)
    [4, 4]
    """
    return [value] + items + [value]


def longer_list_first(first: list[int], second: list[int]) -> list[int]:
    """Returns the two lists joined, with the longer one in front. Lists of the same length are joined in
    the given order.

    >>> longer_list_first([1], [2, 3])
    [2, 3, 1]
    >>> longer_list_first([1, 2], [3, 4])
    [1, 2, 3, 4]
    """
    return first + second if len(first) >= len(second) else second + first


def append_reversed(left: list[int], right: list[int]) -> list[int]:
    """Returns the elements of `left` followed by the elements of `right` in reverse order.

    >>> append_reversed([1, 2], [3, 4])
    [1, 2, 4, 3]
    >>> append_reversed([], [5, 6, 7])
    [7, 6, 5]
    """
    return left + right[::-1]


def pair_names_with_ages(names: list[str], ages: list[int]) -> list[tuple[str, int]]:
    """Returns a list of (name, age) tuples made from the elements at equal indexes. Elements without a
    partner are left out.

    >>> pair_names_with_ages(["Tom", "Ann"], [30, 25])
    [('Tom', 30), ('Ann', 25)]
    >>> pair_names_with_ages(["Tom", "Ann"], [30])
    [('Tom', 30)]
    """
    return list(zip(names, ages))


def pairwise_larger(first: list[int], second: list[int]) -> list[int]:
    """Returns a list with the larger of the two numbers at each index, as long as the shorter of the two
    lists.

    >>> pairwise_larger([1, 8, 3], [4, 2, 3])
    [4, 8, 3]
    >>> pairwise_larger([5, 6], [7])
    [7]
    """
    return [max(a, b) for a, b in zip(first, second)]


def equal_flags(left: list[int], right: list[int]) -> list[bool]:
    """Returns a list of booleans that tell for each index whether the two lists have the same element
    there. The result ends where the shorter list ends.

    >>> equal_flags([1, 2, 3], [1, 5, 3])
    [True, False, True]
    >>> equal_flags([4], [7, 4])
    [False]
    """
    return [a == b for a, b in zip(left, right)]


def with_positions(words: list[str]) -> list[tuple[int, str]]:
    """Returns a list of tuples, each with the index of a string in `words` and the string.

    >>> with_positions(["a", "b"])
    [(0, 'a'), (1, 'b')]
    >>> with_positions(["tea"])
    [(0, 'tea')]
    """
    return list(enumerate(words))


def add_up_pairs(pairs: list[tuple[int, int]]) -> list[int]:
    """Returns a list with the sum of the two numbers of every pair in `pairs`.

    >>> add_up_pairs([(1, 2), (3, 4)])
    [3, 7]
    >>> add_up_pairs([(5, -5)])
    [0]
    """
    return [a + b for a, b in pairs]


def symmetric_range(n: int) -> list[int]:
    """Returns a list of the integers from `-n` to `n`, both included. It is empty if `n` is negative.

    >>> symmetric_range(2)
    [-2, -1, 0, 1, 2]
    >>> symmetric_range(0)
    [0]
    """
    return list(range(-n, n + 1))


def range_of_length(start: int, length: int) -> list[int]:
    """Returns a list of `length` consecutive integers that begins with `start`, or an empty list if
    `length` is negative.

    >>> range_of_length(5, 3)
    [5, 6, 7]
    >>> range_of_length(-1, 2)
    [-1, 0]
    """
    return list(range(start, start + length))


def valid_indexes(items: list[str]) -> list[int]:
    """Returns a list of all indexes of `items`, from 0 to the index of the last element.

    >>> valid_indexes(["a", "b", "c"])
    [0, 1, 2]
    >>> valid_indexes([])
    []
    """
    return list(range(len(items)))


def replace_first_element(items: list[int], value: int) -> list[int]:
    """Returns a list like `items` but with `value` in the place of the first element. An empty list gives
    an empty list.

    >>> replace_first_element([1, 2, 3], 9)
    [9, 2, 3]
    >>> replace_first_element([], 9)
    []
    """
    if not items:
        return []
    return [value] + items[1:]


def zero_at_index(numbers: list[int], index: int) -> list[int]:
    """Returns `numbers` with the number at `index` changed to 0. If `index` is negative or too large,
    nothing is changed.

    >>> zero_at_index([5, 6, 7], 1)
    [5, 0, 7]
    >>> zero_at_index([5, 6], 4)
    [5, 6]
    """
    return [0 if i == index else number for i, number in enumerate(numbers)]


def add_index_to_each(numbers: list[int]) -> list[int]:
    """Returns a list in which every number has its own index, counted from 0, added to it.

    >>> add_index_to_each([10, 10, 10])
    [10, 11, 12]
    >>> add_index_to_each([4, 2])
    [4, 3]
    """
    return [number + index for index, number in enumerate(numbers)]


def list_of_zeros(length: int) -> list[int]:
    """Returns a list of `length` zeros. The list is empty if `length` is not positive.

    >>> list_of_zeros(3)
    [0, 0, 0]
    >>> list_of_zeros(0)
    []
    """
    return [0] * length


def pad_list_with_zeros(numbers: list[int], length: int) -> list[int]:
    """Returns `numbers` with zeros added at the end until it has `length` elements. A list that is long
    enough stays the same.

    >>> pad_list_with_zeros([1, 2], 4)
    [1, 2, 0, 0]
    >>> pad_list_with_zeros([1, 2, 3], 2)
    [1, 2, 3]
    """
    return numbers + [0] * (length - len(numbers))


def swap_halves(items: list[int]) -> list[int]:
    """Returns the second half of `items` followed by the first half. For an odd length the first half is
    the shorter one.

    >>> swap_halves([1, 2, 3, 4])
    [3, 4, 1, 2]
    >>> swap_halves([1, 2, 3])
    [2, 3, 1]
    """
    middle = len(items) // 2
    return items[middle:] + items[:middle]


def lengths_of_lists(groups: list[list[int]]) -> list[int]:
    """Returns a list with the number of elements of each inner list of `groups`.

    >>> lengths_of_lists([[1, 2], [], [3]])
    [2, 0, 1]
    >>> lengths_of_lists([[4, 5, 6]])
    [3]
    """
    return [len(group) for group in groups]


def begins_with_list(items: list[int], start: list[int]) -> bool:
    """Returns True if the first elements of `items` are exactly the elements of `start`, and False
    otherwise.

    >>> begins_with_list([1, 2, 3], [1, 2])
    True
    >>> begins_with_list([1, 2, 3], [2])
    False
    """
    return items[: len(start)] == start


def is_reverse_of(first: list[int], second: list[int]) -> bool:
    """Returns True if `second` has the elements of `first` in reverse order, and False otherwise.

    >>> is_reverse_of([1, 2, 3], [3, 2, 1])
    True
    >>> is_reverse_of([1, 2], [1, 2])
    False
    """
    return first == second[::-1]


def insert_in_middle(items: list[int], value: int) -> list[int]:
    """Returns `items` with `value` inserted in the middle, at the index that is half of the length rounded
    down.

    >>> insert_in_middle([1, 2, 3, 4], 0)
    [1, 2, 0, 3, 4]
    >>> insert_in_middle([5], 9)
    [9, 5]
    """
    middle = len(items) // 2
    return items[:middle] + [value] + items[middle:]


def numbers_to_strings(numbers: list[int]) -> list[str]:
    """Returns a list with every number in `numbers` converted to a string.

    >>> numbers_to_strings([1, 20, -3])
    ['1', '20', '-3']
    >>> numbers_to_strings([])
    []
    """
    return [str(number) for number in numbers]


def first_letter_of_each(words: list[str]) -> list[str]:
    """Returns a list of the first characters of the strings in `words`. An empty string gives an empty
    string.

    >>> first_letter_of_each(["red", "car"])
    ['r', 'c']
    >>> first_letter_of_each(["", "Tom"])
    ['', 'T']
    """
    return [word[:1] for word in words]


def add_ending_to_each(words: list[str], ending: str) -> list[str]:
    """Returns a list of the strings in `words`, each with `ending` added after it.

    >>> add_ending_to_each(["walk", "talk"], "ed")
    ['walked', 'talked']
    >>> add_ending_to_each(["a"], "!")
    ['a!']
    """
    return [word + ending for word in words]


def halve_each(numbers: list[int]) -> list[float]:
    """Returns a list with every number in `numbers` divided by 2, as floats.

    >>> halve_each([4, 5])
    [2.0, 2.5]
    >>> halve_each([-1, 0])
    [-0.5, 0.0]
    """
    return [number / 2 for number in numbers]


def negate_each(numbers: list[int]) -> list[int]:
    """Returns a list with the sign of every number in `numbers` changed.

    >>> negate_each([1, -2, 0])
    [-1, 2, 0]
    >>> negate_each([7])
    [-7]
    """
    return [-number for number in numbers]


def evenness_flags(numbers: list[int]) -> list[bool]:
    """Returns a list that has True for every even number in `numbers` and False for every odd one.

    >>> evenness_flags([1, 2, 4])
    [False, True, True]
    >>> evenness_flags([-3])
    [False]
    """
    return [number % 2 == 0 for number in numbers]


def number_square_pairs(n: int) -> list[tuple[int, int]]:
    """Returns a list of the pairs (i, i * i) for all integers i from 1 to `n`. It is empty if `n` is less
    than 1.

    >>> number_square_pairs(3)
    [(1, 1), (2, 4), (3, 9)]
    >>> number_square_pairs(0)
    []
    """
    return [(i, i * i) for i in range(1, n + 1)]


def alternate_signs(numbers: list[int]) -> list[int]:
    """Returns a list in which the numbers at odd indexes are multiplied by -1 and the others are
    unchanged.

    >>> alternate_signs([1, 2, 3, 4])
    [1, -2, 3, -4]
    >>> alternate_signs([5, -5])
    [5, 5]
    """
    return [-number if index % 2 == 1 else number for index, number in enumerate(numbers)]
