"""Seeds whose natural solution calls itself or repeats a rule: sequences, nested lists, combinations.

Read as source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def factorial_of(number: int) -> int:
    """Returns the product of all integers from 1 to the non-negative integer `number`; for 0 it is 1.

    >>> factorial_of(5)
    120
    >>> factorial_of(0)
    1
    """
    if number < 0:
        raise ValueError("number is negative")
    return 1 if number == 0 else number * factorial_of(number - 1)


def power_of(base: int, exponent: int) -> int:
    """Returns `base` raised to the non-negative integer `exponent`; any base raised to 0 gives 1.

    >>> power_of(2, 10)
    1024
    >>> power_of(-3, 3)
    -27
    """
    if exponent < 0:
        raise ValueError("exponent is negative")
    return 1 if exponent == 0 else base * power_of(base, exponent - 1)


def sum_from_one(number: int) -> int:
    """Returns the sum of the integers from 1 to `number`, or 0 when `number` is less than 1.

    >>> sum_from_one(4)
    10
    >>> sum_from_one(-2)
    0
    """
    return 0 if number < 1 else number + sum_from_one(number - 1)


def countdown(start: int) -> list[int]:
    """Returns a list that counts down from `start` to 0, or an empty list when `start` is negative.

    >>> countdown(3)
    [3, 2, 1, 0]
    >>> countdown(-1)
    []
    """
    return [] if start < 0 else [start, *countdown(start - 1)]


def fibonacci_list(length: int) -> list[int]:
    """Returns a list of the first `length` numbers of the sequence that begins with 0 and 1 and in which
    every further number is the sum of the two before it. It is empty when `length` is not positive.
    `length` is at most 20.

    >>> fibonacci_list(7)
    [0, 1, 1, 2, 3, 5, 8]
    >>> fibonacci_list(1)
    [0]
    """
    if length > 20:
        raise ValueError("length is too large")
    sequence = [0, 1]
    while len(sequence) < length:
        sequence.append(sequence[-1] + sequence[-2])
    return sequence[: max(length, 0)]


def nested_sum(values: list) -> int:
    """Returns the sum of all integers in `values`, a list whose elements are integers or again such lists.

    >>> nested_sum([1, [2, [3, 4]], 5])
    15
    >>> nested_sum([])
    0
    """
    return sum(nested_sum(value) if isinstance(value, list) else value for value in values)


def nesting_depth(values: list) -> int:
    """Returns how deeply lists are nested in `values`, a list whose elements are integers or again such
    lists: a list without inner lists has depth 1.

    >>> nesting_depth([1, [2, [3]], 4])
    3
    >>> nesting_depth([])
    1
    """
    return 1 + max((nesting_depth(value) for value in values if isinstance(value, list)), default=0)


def flatten_deep(values: list) -> list[int]:
    """Returns a flat list of the integers in `values`, a list whose elements are integers or again such
    lists, from left to right.

    >>> flatten_deep([1, [2, [3]], [[4]]])
    [1, 2, 3, 4]
    >>> flatten_deep([[], []])
    []
    """
    flat = []
    for value in values:
        if isinstance(value, list):
            flat.extend(flatten_deep(value))
        else:
            flat.append(value)
    return flat


def repeated_digit_sum(number: int) -> int:
    """Returns the single digit that is left when the digits of the non-negative integer `number` are added
    up again and again until the result has one digit.

    >>> repeated_digit_sum(987)
    6
    >>> repeated_digit_sum(5)
    5
    """
    if number < 0:
        raise ValueError("number is negative")
    return number if number < 10 else repeated_digit_sum(sum(int(digit) for digit in str(number)))


def ways_to_climb(steps: int) -> int:
    """Returns in how many different ways a stair of `steps` steps can be climbed when each move takes 1 or 2
    steps. For 0 steps there is 1 way, and for a negative number there is none. `steps` is at
    most 25.

    >>> ways_to_climb(4)
    5
    >>> ways_to_climb(0)
    1
    """
    if steps > 25:
        raise ValueError("steps is too large")
    if steps < 0:
        return 0
    ways, following = 1, 1
    for _ in range(steps):
        ways, following = following, ways + following
    return ways


def all_subsets(items: list[int]) -> list[list[int]]:
    """Returns a list of all sublists that can be made by leaving out elements of `items`: first all those
    without the first element, then the same ones with the first element in front, built by this rule at
    every step.

    >>> all_subsets([1, 2])
    [[], [2], [1], [1, 2]]
    >>> all_subsets([])
    [[]]
    """
    if not items:
        return [[]]
    rest = all_subsets(items[1:])
    return rest + [[items[0], *subset] for subset in rest]


def all_arrangements(letters: str) -> list[str]:
    """Returns an alphabetically sorted list, without repetitions, of all strings that use every character of
    `letters` exactly once. The empty string has one arrangement, the empty string.

    >>> all_arrangements("abc")
    ['abc', 'acb', 'bac', 'bca', 'cab', 'cba']
    >>> all_arrangements("aa")
    ['aa']
    """
    if len(letters) > 5:
        raise ValueError("too many letters")
    if not letters:
        return [""]
    return sorted(
        {
            letter + rest
            for i, letter in enumerate(letters)
            for rest in all_arrangements(letters[:i] + letters[i + 1 :])
        }
    )


def digit_list(number: int) -> list[int]:
    """Returns a list of the decimal digits of the non-negative integer `number`, from left to right.

    >>> digit_list(4071)
    [4, 0, 7, 1]
    >>> digit_list(0)
    [0]
    """
    if number < 0:
        raise ValueError("number is negative")
    return [number] if number < 10 else [*digit_list(number // 10), number % 10]


def pascal_row(row: int) -> list[int]:
    """Returns row number `row` of Pascal's triangle, where row 0 is [1] and every inner number of a row is
    the sum of the two numbers above it. `row` is not negative.

    >>> pascal_row(4)
    [1, 4, 6, 4, 1]
    >>> pascal_row(0)
    [1]
    """
    if row < 0:
        raise ValueError("row is negative")
    numbers = [1]
    for _ in range(row):
        numbers = [1, *(a + b for a, b in zip(numbers, numbers[1:])), 1]
    return numbers


def hanoi_moves(disks: int) -> int:
    """Returns the smallest number of moves that solves the Tower of Hanoi with `disks` disks: none for 0
    disks, and for each further disk twice as many as before plus one. `disks` is from 0 to 30.

    >>> hanoi_moves(3)
    7
    >>> hanoi_moves(0)
    0
    """
    if not 0 <= disks <= 30:
        raise ValueError("disks is out of range")
    return 0 if disks == 0 else 2 * hanoi_moves(disks - 1) + 1


def can_make_sum(numbers: list[int], target: int) -> bool:
    """Returns True when some of the elements of `numbers`, each used at most once, add up to `target`, and
    False otherwise. Using no element gives the sum 0.

    >>> can_make_sum([3, 9, 4], 7)
    True
    >>> can_make_sum([3, 9], 5)
    False
    """
    if len(numbers) > 12:
        raise ValueError("too many numbers")
    if not numbers:
        return target == 0
    return can_make_sum(numbers[1:], target) or can_make_sum(numbers[1:], target - numbers[0])


def replace_in_nested(values: list, old: int, new: int) -> list:
    """Returns a copy of `values`, a list whose elements are integers or again such lists, with every integer
    equal to `old` replaced by `new` at any depth.

    >>> replace_in_nested([1, [2, 1], [[1]]], 1, 9)
    [9, [2, 9], [[9]]]
    >>> replace_in_nested([], 1, 2)
    []
    """
    return [
        replace_in_nested(value, old, new) if isinstance(value, list) else new if value == old else value
        for value in values
    ]


def double_until(start: int, limit: int) -> list[int]:
    """Returns a list that begins with the positive integer `start` and in which each number is twice the one
    before, as long as the numbers are not greater than `limit`.

    >>> double_until(3, 25)
    [3, 6, 12, 24]
    >>> double_until(9, 5)
    []
    """
    if start < 1:
        raise ValueError("start must be positive")
    return [] if start > limit else [start, *double_until(start * 2, limit)]


def count_coin_ways(amount: int) -> int:
    """Returns in how many ways the non-negative `amount` can be paid with coins of 1, 5 and 10, where the
    order of the coins does not matter.

    >>> count_coin_ways(10)
    4
    >>> count_coin_ways(0)
    1
    """
    if not 0 <= amount <= 1000:
        raise ValueError("amount is out of range")
    return sum((amount - tens) // 5 + 1 for tens in range(0, amount + 1, 10))


def peel_equal_ends(text: str) -> str:
    """Returns what is left of `text` when its first and last characters are removed again and again as long
    as they are equal and the text has at least two characters.

    >>> peel_equal_ends("abcxba")
    'cx'
    >>> peel_equal_ends("noon")
    ''
    >>> peel_equal_ends("ab")
    'ab'
    """
    if len(text) < 2 or text[0] != text[-1]:
        return text
    return peel_equal_ends(text[1:-1])
