"""Seeds about dictionaries: looking up, counting, merging, inverting, grouping.

Read as source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def count_each_item(items: list[str]) -> dict[str, int]:
    """Returns a dictionary that maps each string in `items` to the number of times it occurs there.

    >>> count_each_item(["tea", "milk", "tea"])
    {'tea': 2, 'milk': 1}
    >>> count_each_item([])
    {}
    """
    counts = {}
    for item in items:
        counts[item] = counts.get(item, 0) + 1
    return counts


def count_letters(text: str) -> dict[str, int]:
    """Returns a dictionary that maps each letter of `text`, in lower case, to how often it occurs, upper and
    lower case taken together. Characters that are not letters are ignored.

    >>> count_letters("Pop 7up")
    {'p': 3, 'o': 1, 'u': 1}
    >>> count_letters("")
    {}
    """
    counts = {}
    for character in text.lower():
        if character.isalpha():
            counts[character] = counts.get(character, 0) + 1
    return counts


def swap_keys_and_values(table: dict[str, int]) -> dict[int, str]:
    """Returns a dictionary with the keys and values of `table` exchanged; when several keys have the same
    value, the last of them is used.

    >>> swap_keys_and_values({"a": 1, "b": 2})
    {1: 'a', 2: 'b'}
    >>> swap_keys_and_values({"x": 5, "y": 5})
    {5: 'y'}
    """
    return {value: key for key, value in table.items()}


def merge_prices(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    """Returns a dictionary with the entries of both dictionaries; for a key that is in both, the value of
    `second` is used.

    >>> merge_prices({"pen": 2, "ink": 5}, {"ink": 6})
    {'pen': 2, 'ink': 6}
    >>> merge_prices({}, {})
    {}
    """
    return {**first, **second}


def add_stocks(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    """Returns a dictionary with every key of both dictionaries, where the value of a key is the sum of its
    values; a key that is missing from one dictionary counts as 0 there.

    >>> add_stocks({"nut": 3, "egg": 1}, {"nut": 2})
    {'nut': 5, 'egg': 1}
    >>> add_stocks({}, {"jam": 4})
    {'jam': 4}
    """
    total = dict(first)
    for key, value in second.items():
        total[key] = total.get(key, 0) + value
    return total


def sum_of_values(table: dict[str, int]) -> int:
    """Returns the sum of all values in `table`, or 0 when it is empty.

    >>> sum_of_values({"mon": 3, "tue": 4})
    7
    >>> sum_of_values({})
    0
    """
    return sum(table.values())


def key_of_largest(table: dict[str, int]) -> str | None:
    """Returns the key with the largest value in `table`; of several, the one that comes first in the
    dictionary. An empty dictionary gives None.

    >>> key_of_largest({"ann": 3, "bob": 9, "cy": 9})
    'bob'
    >>> key_of_largest({}) is None
    True
    """
    return max(table, key=lambda key: table[key]) if table else None


def keys_above(table: dict[str, int], limit: int) -> list[str]:
    """Returns an alphabetically sorted list of the keys whose value in `table` is greater than `limit`.

    >>> keys_above({"oak": 12, "ash": 20, "fir": 7}, 10)
    ['ash', 'oak']
    >>> keys_above({}, 0)
    []
    """
    return sorted(key for key, value in table.items() if value > limit)


def lookup_all(table: dict[str, int], keys: list[str]) -> list[int]:
    """Returns a list with the value in `table` of each key in `keys`, in order, with 0 for a key that is not
    there.

    >>> lookup_all({"red": 4, "blue": 6}, ["blue", "pink"])
    [6, 0]
    >>> lookup_all({}, [])
    []
    """
    return [table.get(key, 0) for key in keys]


def group_by_length(words: list[str]) -> dict[int, list[str]]:
    """Returns a dictionary that maps each length to the list of the strings in `words` with that length, in
    their order.

    >>> group_by_length(["to", "sea", "my", "sky"])
    {2: ['to', 'my'], 3: ['sea', 'sky']}
    >>> group_by_length([])
    {}
    """
    groups = {}
    for word in words:
        groups.setdefault(len(word), []).append(word)
    return groups


def group_by_first_letter(words: list[str]) -> dict[str, int]:
    """Returns a dictionary that maps each first character to the number of strings in `words` that begin
    with it. Empty strings are ignored.

    >>> group_by_first_letter(["bat", "", "bee", "cow"])
    {'b': 2, 'c': 1}
    >>> group_by_first_letter([])
    {}
    """
    counts = {}
    for word in words:
        if word:
            counts[word[0]] = counts.get(word[0], 0) + 1
    return counts


def dictionary_from_lists(keys: list[str], values: list[int]) -> dict[str, int]:
    """Returns a dictionary that maps each string in `keys` to the number at the same position in `values`.
    When the lists differ in length, the extra elements of the longer one are ignored; when a key is
    repeated, the last one counts.

    >>> dictionary_from_lists(["a", "b"], [1, 2])
    {'a': 1, 'b': 2}
    >>> dictionary_from_lists(["a", "b"], [7])
    {'a': 7}
    """
    return dict(zip(keys, values))


def remove_low_scores(scores: dict[str, int], passing: int) -> dict[str, int]:
    """Returns a dictionary of the entries of `scores` whose value is at least `passing`.

    >>> remove_low_scores({"ida": 55, "joe": 40}, 50)
    {'ida': 55}
    >>> remove_low_scores({}, 10)
    {}
    """
    return {name: score for name, score in scores.items() if score >= passing}


def shared_keys(first: dict[str, int], second: dict[str, int]) -> list[str]:
    """Returns an alphabetically sorted list of the keys that are in both dictionaries.

    >>> shared_keys({"b": 1, "a": 2}, {"a": 5, "c": 6, "b": 1})
    ['a', 'b']
    >>> shared_keys({}, {"z": 1})
    []
    """
    return sorted(key for key in first if key in second)


def bill_total(prices: dict[str, int], basket: list[str]) -> int:
    """Returns the sum of the prices of the items in `basket`, where `prices` maps item names to prices;
    items without a price cost nothing.

    >>> bill_total({"soup": 4, "bread": 2}, ["soup", "bread", "bread"])
    8
    >>> bill_total({"soup": 4}, ["salad"])
    0
    """
    return sum(prices.get(item, 0) for item in basket)


def squares_table(limit: int) -> dict[int, int]:
    """Returns a dictionary that maps each integer from 1 to `limit` to its square; it is empty when `limit`
    is less than 1.

    >>> squares_table(3)
    {1: 1, 2: 4, 3: 9}
    >>> squares_table(0)
    {}
    """
    return {number: number**2 for number in range(1, limit + 1)}


def rank_by_score(scores: dict[str, int]) -> list[str]:
    """Returns a list of the names in `scores` from the highest score to the lowest; names with equal scores
    are in alphabetical order.

    >>> rank_by_score({"uma": 7, "ben": 9, "al": 7})
    ['ben', 'al', 'uma']
    >>> rank_by_score({})
    []
    """
    return sorted(scores, key=lambda name: (-scores[name], name))


def count_true_values(flags: dict[str, bool]) -> int:
    """Returns how many keys of `flags` have the value True.

    >>> count_true_values({"door": True, "lamp": False, "fan": True})
    2
    >>> count_true_values({})
    0
    """
    return sum(flags.values())


def increase_value(table: dict[str, int], key: str, amount: int) -> dict[str, int]:
    """Returns a copy of `table` in which the value of `key` is larger by `amount`; a key that is not there
    starts from 0.

    >>> increase_value({"cup": 2}, "cup", 3)
    {'cup': 5}
    >>> increase_value({}, "mug", 1)
    {'mug': 1}
    """
    result = dict(table)
    result[key] = result.get(key, 0) + amount
    return result


def longest_value(table: dict[str, str]) -> str:
    """Returns the longest value in `table`; of several, the one that comes first. An empty dictionary gives
    an empty string.

    >>> longest_value({"fr": "bonjour", "en": "hello"})
    'bonjour'
    >>> longest_value({})
    ''
    """
    return max(table.values(), key=len, default="")


def total_per_name(payments: list[tuple[str, int]]) -> dict[str, int]:
    """Returns a dictionary that maps each name to the sum of its amounts in `payments`, a list of (name,
    amount) tuples.

    >>> total_per_name([("eve", 5), ("dan", 1), ("eve", 2)])
    {'eve': 7, 'dan': 1}
    >>> total_per_name([])
    {}
    """
    totals = {}
    for name, amount in payments:
        totals[name] = totals.get(name, 0) + amount
    return totals
