"""Very easy seeds about dictionaries: keys, values, lookups and simple changes.

Each has one obvious solution of a line or a short loop, so that a small model solves some of them. Read as
source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def dictionary_keys(table: dict[str, int]) -> list[str]:
    """Returns a list of the keys of `table`.

    >>> dictionary_keys({"a": 1, "b": 2})
    ['a', 'b']
    >>> dictionary_keys({"tea": 3})
    ['tea']
    """
    return list(table.keys())


def dictionary_values(table: dict[str, int]) -> list[int]:
    """Returns a list of the values of `table`.

    >>> dictionary_values({"a": 1, "b": 2})
    [1, 2]
    >>> dictionary_values({"tea": 3})
    [3]
    """
    return list(table.values())


def dictionary_items(table: dict[str, int]) -> list[tuple[str, int]]:
    """Returns a list of the key and value pairs of `table`.

    >>> dictionary_items({"a": 1, "b": 2})
    [('a', 1), ('b', 2)]
    >>> dictionary_items({"tea": 3})
    [('tea', 3)]
    """
    return list(table.items())


def number_of_entries(table: dict[str, int]) -> int:
    """Returns the number of entries in `table`.

    >>> number_of_entries({"a": 1, "b": 2})
    2
    >>> number_of_entries({"tea": 3})
    1
    """
    return len(table)


def has_key(table: dict[str, int], key: str) -> bool:
    """Returns True if `key` is a key of `table`, and False otherwise.

    >>> has_key({"a": 1, "b": 2}, "a")
    True
    >>> has_key({"a": 1, "b": 2}, "c")
    False
    """
    return key in table


def has_value(table: dict[str, int], value: int) -> bool:
    """Returns True if `value` is one of the values of `table`, and False otherwise.

    >>> has_value({"a": 1, "b": 2}, 2)
    True
    >>> has_value({"a": 1, "b": 2}, 5)
    False
    """
    return value in table.values()


def has_both_keys(table: dict[str, int], first: str, second: str) -> bool:
    """Returns True if `first` and `second` are both keys of `table`, and False otherwise.

    >>> has_both_keys({"a": 1, "b": 2}, "a", "b")
    True
    >>> has_both_keys({"a": 1, "b": 2}, "a", "c")
    False
    """
    return first in table and second in table


def value_for_key(table: dict[str, int], key: str) -> int:
    """Returns the value of `key` in `table`.

    >>> value_for_key({"a": 1, "b": 2}, "a")
    1
    >>> value_for_key({"tea": 3, "milk": 4}, "milk")
    4
    """
    return table[key]


def value_or_zero(table: dict[str, int], key: str) -> int:
    """Returns the value of `key` in `table`, or 0 if `table` does not have that key.

    >>> value_or_zero({"a": 1, "b": 2}, "b")
    2
    >>> value_or_zero({"a": 1, "b": 2}, "c")
    0
    """
    return table.get(key, 0)


def value_or_default(table: dict[str, int], key: str, default: int) -> int:
    """Returns the value of `key` in `table`, or `default` if `table` does not have that key.

    >>> value_or_default({"a": 1, "b": 2}, "b", 9)
    2
    >>> value_or_default({"a": 1, "b": 2}, "c", 9)
    9
    """
    return table.get(key, default)


def add_entry(table: dict[str, int], key: str, value: int) -> dict[str, int]:
    """Returns `table` with the value of `key` set to `value`.

    >>> add_entry({"a": 1}, "b", 2)
    {'a': 1, 'b': 2}
    >>> add_entry({"tea": 3}, "tea", 5)
    {'tea': 5}
    """
    table[key] = value
    return table


def remove_key(table: dict[str, int], key: str) -> dict[str, int]:
    """Returns `table` without the key `key`.

    >>> remove_key({"a": 1, "b": 2}, "a")
    {'b': 2}
    >>> remove_key({"tea": 3, "milk": 4}, "milk")
    {'tea': 3}
    """
    del table[key]
    return table


def largest_value(table: dict[str, int]) -> int:
    """Returns the largest value in `table`.

    >>> largest_value({"a": 1, "b": 2})
    2
    >>> largest_value({"tea": 3, "milk": -4})
    3
    """
    return max(table.values())


def smallest_value(table: dict[str, int]) -> int:
    """Returns the smallest value in `table`.

    >>> smallest_value({"a": 1, "b": 2})
    1
    >>> smallest_value({"tea": 3, "milk": -4})
    -4
    """
    return min(table.values())


def average_value(table: dict[str, int]) -> float:
    """Returns the average of the values in `table`.

    >>> average_value({"a": 1, "b": 2})
    1.5
    >>> average_value({"tea": 3, "milk": 5})
    4.0
    """
    return sum(table.values()) / len(table)


def sorted_keys(table: dict[str, int]) -> list[str]:
    """Returns a sorted list of the keys of `table`.

    >>> sorted_keys({"b": 1, "a": 2})
    ['a', 'b']
    >>> sorted_keys({"tea": 3, "milk": 5})
    ['milk', 'tea']
    """
    return sorted(table)


def sorted_values(table: dict[str, int]) -> list[int]:
    """Returns a sorted list of the values of `table`.

    >>> sorted_values({"b": 2, "a": 1})
    [1, 2]
    >>> sorted_values({"tea": 3, "milk": 5})
    [3, 5]
    """
    return sorted(table.values())


def double_values(table: dict[str, int]) -> dict[str, int]:
    """Returns a dictionary with the keys of `table` and every value multiplied by 2.

    >>> double_values({"a": 1, "b": 2})
    {'a': 2, 'b': 4}
    >>> double_values({"tea": 3})
    {'tea': 6}
    """
    return {key: value * 2 for key, value in table.items()}


def keys_to_uppercase(table: dict[str, int]) -> dict[str, int]:
    """Returns a dictionary with the keys of `table` in upper case and the same values.

    >>> keys_to_uppercase({"a": 1, "b": 2})
    {'A': 1, 'B': 2}
    >>> keys_to_uppercase({"tea": 3})
    {'TEA': 3}
    """
    return {key.upper(): value for key, value in table.items()}


def positive_entries(table: dict[str, int]) -> dict[str, int]:
    """Returns a dictionary of the entries of `table` whose value is greater than zero.

    >>> positive_entries({"a": 1, "b": -2})
    {'a': 1}
    >>> positive_entries({"tea": 3, "milk": 0})
    {'tea': 3}
    """
    return {key: value for key, value in table.items() if value > 0}


def keys_with_value(table: dict[str, int], value: int) -> list[str]:
    """Returns a list of the keys of `table` that have the value `value`.

    >>> keys_with_value({"a": 1, "b": 2, "c": 1}, 1)
    ['a', 'c']
    >>> keys_with_value({"tea": 3}, 5)
    []
    """
    return [key for key in table if table[key] == value]


def sum_of_two_values(table: dict[str, int], first: str, second: str) -> int:
    """Returns the sum of the values of the keys `first` and `second` in `table`.

    >>> sum_of_two_values({"a": 1, "b": 2}, "a", "b")
    3
    >>> sum_of_two_values({"tea": 3, "milk": 4, "bread": 5}, "bread", "tea")
    8
    """
    return table[first] + table[second]


def price_of_order(prices: dict[str, int], item: str, quantity: int) -> int:
    """Returns the price of `item` in `prices` multiplied by `quantity`.

    >>> price_of_order({"tea": 3, "milk": 4}, "tea", 2)
    6
    >>> price_of_order({"pen": 2}, "pen", 5)
    10
    """
    return prices[item] * quantity


def lengths_by_word(words: list[str]) -> dict[str, int]:
    """Returns a dictionary that gives the length of each string in `words`.

    >>> lengths_by_word(["cat", "mouse"])
    {'cat': 3, 'mouse': 5}
    >>> lengths_by_word(["a"])
    {'a': 1}
    """
    return {word: len(word) for word in words}


def pairs_to_dictionary(pairs: list[tuple[str, int]]) -> dict[str, int]:
    """Returns a dictionary made from the list of key and value pairs `pairs`.

    >>> pairs_to_dictionary([("a", 1), ("b", 2)])
    {'a': 1, 'b': 2}
    >>> pairs_to_dictionary([("tea", 3)])
    {'tea': 3}
    """
    return dict(pairs)


def same_value_for_all(keys: list[str], value: int) -> dict[str, int]:
    """Returns a dictionary in which every string in `keys` has the value `value`.

    >>> same_value_for_all(["a", "b"], 0)
    {'a': 0, 'b': 0}
    >>> same_value_for_all(["tea"], 5)
    {'tea': 5}
    """
    return dict.fromkeys(keys, value)
