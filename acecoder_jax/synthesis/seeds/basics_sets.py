"""Very easy seeds about sets and tuples: members, shared values, distinct values and pairs.

Each has one obvious solution of a line or a short loop, so that a small model solves some of them. Read as
source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def letters_of_both_words(first: str, second: str) -> list[str]:
    """Returns a sorted list of the characters that occur in `first` or in `second` or in both, each once.

    >>> letters_of_both_words("tea", "eat")
    ['a', 'e', 't']
    >>> letters_of_both_words("ab", "cab")
    ['a', 'b', 'c']
    """
    return sorted(set(first) | set(second))


def count_distinct_in_both(first: list[int], second: list[int]) -> int:
    """Returns how many different numbers there are in the two lists together.

    >>> count_distinct_in_both([1, 2, 2], [2, 3])
    3
    >>> count_distinct_in_both([], [])
    0
    """
    return len(set(first + second))


def same_distinct_count(first: list[int], second: list[int]) -> bool:
    """Returns True if both lists have the same number of different values, and False otherwise.

    >>> same_distinct_count([1, 1, 2], [5, 6])
    True
    >>> same_distinct_count([3], [])
    False
    """
    return len(set(first)) == len(set(second))


def uses_only_letters_from(word: str, allowed: str) -> bool:
    """Returns True if every character of `word` is also a character of `allowed`, and False otherwise. An
    empty word gives True.

    >>> uses_only_letters_from("noon", "on")
    True
    >>> uses_only_letters_from("not", "on")
    False
    """
    return all(character in allowed for character in word)


def share_no_letter(first: str, second: str) -> bool:
    """Returns True if there is no character that occurs in both strings, and False otherwise.

    >>> share_no_letter("cat", "dog")
    True
    >>> share_no_letter("cat", "hat")
    False
    """
    return set(first).isdisjoint(second)


def add_to_set(members: set[int], new: int) -> list[int]:
    """Returns a sorted list of the numbers in the set `members` and the number `new`, without repetitions.

    >>> add_to_set({1, 5}, 3)
    [1, 3, 5]
    >>> add_to_set({2, 4}, 4)
    [2, 4]
    """
    return sorted(members | {new})


def remove_from_set(members: set[int], old: int) -> list[int]:
    """Returns a sorted list of all numbers in the set `members` except `old`, which may be missing from
    the set.

    >>> remove_from_set({1, 2, 3}, 2)
    [1, 3]
    >>> remove_from_set({6, 4}, 9)
    [4, 6]
    """
    return sorted(members - {old})


def missing_numbers_up_to(found: set[int], n: int) -> list[int]:
    """Returns a list of the integers from 1 to `n` that are not in the set `found`, in ascending order.

    >>> missing_numbers_up_to({1, 3}, 5)
    [2, 4, 5]
    >>> missing_numbers_up_to({1, 2}, 2)
    []
    """
    return [number for number in range(1, n + 1) if number not in found]


def count_shared_members(first: set[int], second: set[int]) -> int:
    """Returns how many numbers are in both sets.

    >>> count_shared_members({1, 2, 3}, {2, 3, 4})
    2
    >>> count_shared_members({1}, {5})
    0
    """
    return len(first & second)


def sum_of_all_members(first: set[int], second: set[int]) -> int:
    """Returns the sum of all numbers that are in at least one of the two sets. A number in both sets is
    added only once.

    >>> sum_of_all_members({1, 2}, {2, 3})
    6
    >>> sum_of_all_members({10}, {5})
    15
    """
    return sum(first | second)


def largest_shared_or_zero(first: set[int], second: set[int]) -> int:
    """Returns the largest number that both sets contain, or 0 if they have no number in common.

    >>> largest_shared_or_zero({1, 4, 9}, {1, 4})
    4
    >>> largest_shared_or_zero({2}, {3})
    0
    """
    return max(first & second, default=0)


def in_exactly_one_set(value: int, first: set[int], second: set[int]) -> bool:
    """Returns True if `value` is in one of the two sets but not in the other, and False otherwise.

    >>> in_exactly_one_set(1, {1, 2}, {2, 3})
    True
    >>> in_exactly_one_set(2, {1, 2}, {2, 3})
    False
    """
    return (value in first) != (value in second)


def is_accepted(name: str, invited: set[str], banned: set[str]) -> bool:
    """Returns True if `name` is in the set `invited` and is not in the set `banned`, and False otherwise.

    >>> is_accepted("Ann", {"Ann", "Tom"}, {"Tom"})
    True
    >>> is_accepted("Tom", {"Ann", "Tom"}, {"Tom"})
    False
    """
    return name in invited and name not in banned


def larger_set_size(first: set[int], second: set[int]) -> int:
    """Returns the number of elements of the larger one of the two sets.

    >>> larger_set_size({1, 2, 3}, {9})
    3
    >>> larger_set_size({4}, {7, 8})
    2
    """
    return max(len(first), len(second))


def distinct_word_lengths(words: list[str]) -> list[int]:
    """Returns a sorted list of the different lengths of the strings in `words`.

    >>> distinct_word_lengths(["mouse", "cat", "dog"])
    [3, 5]
    >>> distinct_word_lengths([])
    []
    """
    return sorted({len(word) for word in words})


def distinct_absolute_values(numbers: list[int]) -> list[int]:
    """Returns the absolute values of `numbers` as a sorted list in which no value is repeated.

    >>> distinct_absolute_values([3, -3, 1])
    [1, 3]
    >>> distinct_absolute_values([-2, 0])
    [0, 2]
    """
    return sorted({abs(number) for number in numbers})


def distinct_first_letters(words: list[str]) -> list[str]:
    """Returns a sorted list of the different characters with which the strings in `words` start. Empty
    strings are ignored.

    >>> distinct_first_letters(["tea", "milk", "toast"])
    ['m', 't']
    >>> distinct_first_letters(["", "a"])
    ['a']
    """
    return sorted({word[0] for word in words if word})


def sorted_distinct_letters(text: str) -> list[str]:
    """Returns a sorted list of the different letters in `text`; characters that are not letters are left
    out.

    >>> sorted_distinct_letters("hello 2")
    ['e', 'h', 'l', 'o']
    >>> sorted_distinct_letters("12")
    []
    """
    return sorted({character for character in text if character.isalpha()})


def sorted_even_members(members: set[int]) -> list[int]:
    """Returns a list of the even numbers in the set `members`, from smallest to largest.

    >>> sorted_even_members({8, 3, 2})
    [2, 8]
    >>> sorted_even_members({1, 5})
    []
    """
    return sorted(number for number in members if number % 2 == 0)


def set_of_numbers_below(limit: int) -> set[int]:
    """Returns a set of the integers from 0 up to but not including `limit`. The set is empty if `limit` is
    not positive.

    >>> set_of_numbers_below(3)
    {0, 1, 2}
    >>> set_of_numbers_below(1)
    {0}
    """
    return set(range(limit))


def has_more_members(first: set[str], second: set[str]) -> bool:
    """Returns True if the set `first` has more elements than the set `second`, and False otherwise.

    >>> has_more_members({"a", "b"}, {"c"})
    True
    >>> has_more_members({"a"}, {"b"})
    False
    """
    return len(first) > len(second)


def keep_known_words(words: list[str], known: set[str]) -> list[str]:
    """Returns a list of the strings in `words` that are in the set `known`, in their order.

    >>> keep_known_words(["tea", "xyz", "milk"], {"tea", "milk"})
    ['tea', 'milk']
    >>> keep_known_words(["abc"], {"tea"})
    []
    """
    return [word for word in words if word in known]


def product_of_pair(pair: tuple[int, int]) -> int:
    """Returns the product of the two numbers in the tuple `pair`.

    >>> product_of_pair((3, 4))
    12
    >>> product_of_pair((-2, 5))
    -10
    """
    return pair[0] * pair[1]


def first_and_last_pair(items: list[int]) -> tuple[int, int]:
    """Returns a tuple of the first and the last element of `items`, or (0, 0) if `items` is empty.

    >>> first_and_last_pair([7, 8, 9])
    (7, 9)
    >>> first_and_last_pair([])
    (0, 0)
    """
    if not items:
        return (0, 0)
    return (items[0], items[-1])


def tens_and_rest(number: int) -> tuple[int, int]:
    """Returns a tuple of `number` divided by 10, rounded down, and the remainder of that division.

    >>> tens_and_rest(47)
    (4, 7)
    >>> tens_and_rest(130)
    (13, 0)
    """
    return (number // 10, number % 10)


def sum_and_difference(a: int, b: int) -> tuple[int, int]:
    """Returns a tuple with the sum `a` plus `b` first and the difference `a` minus `b` second.

    >>> sum_and_difference(7, 3)
    (10, 4)
    >>> sum_and_difference(1, 4)
    (5, -3)
    """
    return (a + b, a - b)


def text_with_length(text: str) -> tuple[str, int]:
    """Returns a tuple of `text` and the number of its characters.

    >>> text_with_length("cat")
    ('cat', 3)
    >>> text_with_length("")
    ('', 0)
    """
    return (text, len(text))


def swap_all_pairs(pairs: list[tuple[str, int]]) -> list[tuple[int, str]]:
    """Returns a list in which the first and the second element of every pair in `pairs` have changed
    places.

    >>> swap_all_pairs([("a", 1), ("b", 2)])
    [(1, 'a'), (2, 'b')]
    >>> swap_all_pairs([("tea", 3)])
    [(3, 'tea')]
    """
    return [(second, first) for first, second in pairs]


def names_with_age(people: list[tuple[str, int]], age: int) -> list[str]:
    """Returns a list of the names in `people`, a list of (name, age) tuples, that belong to people of the
    given `age`.

    >>> names_with_age([("Tom", 30), ("Ann", 25), ("Sue", 30)], 30)
    ['Tom', 'Sue']
    >>> names_with_age([("Tom", 30)], 40)
    []
    """
    return [name for name, years in people if years == age]


def rising_pairs(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Returns a list of the pairs in `pairs` whose first number is less than the second one.

    >>> rising_pairs([(1, 2), (5, 3), (4, 4)])
    [(1, 2)]
    >>> rising_pairs([(0, 9)])
    [(0, 9)]
    """
    return [(a, b) for a, b in pairs if a < b]


def all_outfits(shirts: list[str], hats: list[str]) -> list[tuple[str, str]]:
    """Returns a list of all (shirt, hat) tuples: the first shirt with every hat, then the second shirt
    with every hat, and so on.

    >>> all_outfits(["red", "blue"], ["cap", "straw"])
    [('red', 'cap'), ('red', 'straw'), ('blue', 'cap'), ('blue', 'straw')]
    >>> all_outfits(["red"], [])
    []
    """
    return [(shirt, hat) for shirt in shirts for hat in hats]


def total_of_second_parts(sales: list[tuple[str, int]]) -> int:
    """Returns the sum of the numbers in `sales`, a list of tuples of a name and a number.

    >>> total_of_second_parts([("tea", 3), ("milk", 4)])
    7
    >>> total_of_second_parts([])
    0
    """
    return sum(number for _, number in sales)


def rotate_triple(triple: tuple[int, int, int]) -> tuple[int, int, int]:
    """Returns a tuple with the second, the third and then the first number of `triple`.

    >>> rotate_triple((1, 2, 3))
    (2, 3, 1)
    >>> rotate_triple((9, 0, 0))
    (0, 0, 9)
    """
    return (triple[1], triple[2], triple[0])


def scale_pair(pair: tuple[int, int], factor: int) -> tuple[int, int]:
    """Returns a tuple with both numbers of `pair` multiplied by `factor`.

    >>> scale_pair((1, 2), 3)
    (3, 6)
    >>> scale_pair((4, -5), 0)
    (0, 0)
    """
    return (pair[0] * factor, pair[1] * factor)


def is_same_pair_in_any_order(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Returns True if the two tuples have the same two numbers in the same or in the opposite order, and
    False otherwise.

    >>> is_same_pair_in_any_order((1, 2), (2, 1))
    True
    >>> is_same_pair_in_any_order((1, 2), (1, 3))
    False
    """
    return first == second or first == (second[1], second[0])


def pair_as_setting(pair: tuple[str, str]) -> str:
    """Returns a string with the two strings in `pair` and an equals sign between them.

    >>> pair_as_setting(("color", "blue"))
    'color=blue'
    >>> pair_as_setting(("x", ""))
    'x='
    """
    return pair[0] + "=" + pair[1]


def neighbors_of_number(number: int) -> tuple[int, int]:
    """Returns a tuple of the integer just before `number` and the integer just after it.

    >>> neighbors_of_number(5)
    (4, 6)
    >>> neighbors_of_number(0)
    (-1, 1)
    """
    return (number - 1, number + 1)


def pairs_adding_to(total: int) -> list[tuple[int, int]]:
    """Returns a list of the pairs (a, b) with a + b equal to `total`, where a goes from 0 up to `total`.
    It is empty if `total` is negative.

    >>> pairs_adding_to(2)
    [(0, 2), (1, 1), (2, 0)]
    >>> pairs_adding_to(0)
    [(0, 0)]
    """
    return [(a, total - a) for a in range(total + 1)]


def count_distinct_pairs(pairs: list[tuple[int, int]]) -> int:
    """Returns how many different pairs there are in `pairs`; (1, 2) and (2, 1) are different.

    >>> count_distinct_pairs([(1, 2), (2, 1), (1, 2)])
    2
    >>> count_distinct_pairs([])
    0
    """
    return len(set(pairs))


def both_in_set(pair: tuple[int, int], allowed: set[int]) -> bool:
    """Returns True if both numbers of `pair` are in the set `allowed`, and False otherwise.

    >>> both_in_set((1, 2), {1, 2, 3})
    True
    >>> both_in_set((1, 5), {1, 2, 3})
    False
    """
    return pair[0] in allowed and pair[1] in allowed
