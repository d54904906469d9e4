"""More very easy seeds about strings: one method, slice, join or comparison each.

Each has one obvious solution of a line, one operator, method or builtin, so that a small model solves some of
them. Read as source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def capitalize_text(text: str) -> str:
    """Returns `text` with its first character capitalized and the rest in lower case.

    >>> capitalize_text("hello")
    'Hello'
    >>> capitalize_text("big CAT")
    'Big cat'
    """
    return text.capitalize()


def strip_both_ends(text: str) -> str:
    """Returns `text` without the whitespace at its start and end.

    >>> strip_both_ends("  hello ")
    'hello'
    >>> strip_both_ends("red car  ")
    'red car'
    """
    return text.strip()


def strip_left_end(text: str) -> str:
    """Returns `text` without the whitespace at its start.

    >>> strip_left_end("  hello")
    'hello'
    >>> strip_left_end(" red car")
    'red car'
    """
    return text.lstrip()


def strip_right_end(text: str) -> str:
    """Returns `text` without the whitespace at its end.

    >>> strip_right_end("hello  ")
    'hello'
    >>> strip_right_end("red car ")
    'red car'
    """
    return text.rstrip()


def strip_character(text: str, character: str) -> str:
    """Returns `text` without the copies of `character` at its start and end.

    >>> strip_character("--hello-", "-")
    'hello'
    >>> strip_character("xaxbx", "x")
    'axb'
    """
    return text.strip(character)


def without_prefix(text: str, prefix: str) -> str:
    """Returns `text` with `prefix` removed from its start.

    >>> without_prefix("unhappy", "un")
    'happy'
    >>> without_prefix("sunflower", "sun")
    'flower'
    """
    return text.removeprefix(prefix)


def without_suffix(text: str, suffix: str) -> str:
    """Returns `text` with `suffix` removed from its end.

    >>> without_suffix("walking", "ing")
    'walk'
    >>> without_suffix("sunflower", "flower")
    'sun'
    """
    return text.removesuffix(suffix)


def split_into_lines(text: str) -> list[str]:
    """Returns a list of the lines in `text`.

    >>> split_into_lines("one\\ntwo")
    ['one', 'two']
    >>> split_into_lines("hello")
    ['hello']
    """
    return text.splitlines()


def is_all_digits(text: str) -> bool:
    """Returns True if all characters of `text` are digits, and False otherwise.

    >>> is_all_digits("123")
    True
    >>> is_all_digits("12a")
    False
    """
    return text.isdigit()


def are_same_texts(a: str, b: str) -> bool:
    """Returns True if `a` and `b` are equal strings, and False otherwise.

    >>> are_same_texts("cat", "cat")
    True
    >>> are_same_texts("cat", "dog")
    False
    """
    return a == b


def comes_after(a: str, b: str) -> bool:
    """Returns True if string `a` is larger than string `b`, and False otherwise.

    >>> comes_after("pear", "apple")
    True
    >>> comes_after("cat", "dog")
    False
    """
    return a > b


def smaller_of_two_texts(a: str, b: str) -> str:
    """Returns the smaller of the strings `a` and `b`.

    >>> smaller_of_two_texts("pear", "apple")
    'apple'
    >>> smaller_of_two_texts("cat", "dog")
    'cat'
    """
    return min(a, b)


def larger_of_two_texts(a: str, b: str) -> str:
    """Returns the larger of the strings `a` and `b`.

    >>> larger_of_two_texts("pear", "apple")
    'pear'
    >>> larger_of_two_texts("cat", "dog")
    'dog'
    """
    return max(a, b)


def sum_of_lengths(a: str, b: str) -> int:
    """Returns the length of `a` plus the length of `b`.

    >>> sum_of_lengths("cat", "mouse")
    8
    >>> sum_of_lengths("a", "bc")
    3
    """
    return len(a) + len(b)


def difference_of_lengths(a: str, b: str) -> int:
    """Returns the length of `a` minus the length of `b`.

    >>> difference_of_lengths("mouse", "cat")
    2
    >>> difference_of_lengths("a", "bc")
    -1
    """
    return len(a) - len(b)


def length_of_longer_text(a: str, b: str) -> int:
    """Returns the larger of the lengths of `a` and `b`.

    >>> length_of_longer_text("cat", "mouse")
    5
    >>> length_of_longer_text("ab", "c")
    2
    """
    return max(len(a), len(b))


def length_of_shorter_text(a: str, b: str) -> int:
    """Returns the smaller of the lengths of `a` and `b`.

    >>> length_of_shorter_text("cat", "mouse")
    3
    >>> length_of_shorter_text("ab", "c")
    1
    """
    return min(len(a), len(b))


def smallest_character(text: str) -> str:
    """Returns the smallest character in `text`.

    >>> smallest_character("cab")
    'a'
    >>> smallest_character("hello")
    'e'
    """
    return min(text)


def largest_character(text: str) -> str:
    """Returns the largest character in `text`.

    >>> largest_character("cab")
    'c'
    >>> largest_character("hello")
    'o'
    """
    return max(text)


def without_first_and_last_character(text: str) -> str:
    """Returns `text` without its first and last character.

    >>> without_first_and_last_character("hello")
    'ell'
    >>> without_first_and_last_character("Zebra")
    'ebr'
    """
    return text[1:-1]


def slice_of_text(text: str, start: int, end: int) -> str:
    """Returns the slice of `text` from `start` up to `end`.

    >>> slice_of_text("elephant", 1, 4)
    'lep'
    >>> slice_of_text("garden", 0, 2)
    'ga'
    """
    return text[start:end]


def characters_joined_with(text: str, separator: str) -> str:
    """Returns the characters of `text` joined by `separator`.

    >>> characters_joined_with("cat", "-")
    'c-a-t'
    >>> characters_joined_with("abc", ", ")
    'a, b, c'
    """
    return separator.join(text)


def sort_letters_backwards(text: str) -> str:
    """Returns the characters of `text` sorted in reverse order as a string.

    >>> sort_letters_backwards("banana")
    'nnbaaa'
    >>> sort_letters_backwards("cab")
    'cba'
    """
    return "".join(sorted(text, reverse=True))


def remove_part(text: str, part: str) -> str:
    """Returns `text` with every `part` removed.

    >>> remove_part("banana", "a")
    'bnn'
    >>> remove_part("red car", "red ")
    'car'
    """
    return text.replace(part, "")


def append_number_to_text(text: str, number: int) -> str:
    """Returns `text` followed by `number` as a string.

    >>> append_number_to_text("room", 12)
    'room12'
    >>> append_number_to_text("a", 0)
    'a0'
    """
    return text + str(number)


def surround_text(text: str, mark: str) -> str:
    """Returns `text` with `mark` before it and after it.

    >>> surround_text("hello", "*")
    '*hello*'
    >>> surround_text("cat", "--")
    '--cat--'
    """
    return mark + text + mark


def uppercase_characters(text: str) -> list[str]:
    """Returns a list of the characters of `text` in upper case.

    >>> uppercase_characters("cat")
    ['C', 'A', 'T']
    >>> uppercase_characters("a b")
    ['A', ' ', 'B']
    """
    return [character.upper() for character in text]


def text_and_its_reverse(text: str) -> str:
    """Returns `text` followed by its reverse.

    >>> text_and_its_reverse("abc")
    'abccba'
    >>> text_and_its_reverse("no")
    'noon'
    """
    return text + text[::-1]


def length_as_string(text: str) -> str:
    """Returns the length of `text` as a string.

    >>> length_as_string("hello")
    '5'
    >>> length_as_string("a b")
    '3'
    """
    return str(len(text))


def product_of_lengths(a: str, b: str) -> int:
    """Returns the length of `a` times the length of `b`.

    >>> product_of_lengths("cat", "mouse")
    15
    >>> product_of_lengths("a", "bc")
    2
    """
    return len(a) * len(b)


def length_plus_number(text: str, number: int) -> int:
    """Returns the length of `text` plus `number`.

    >>> length_plus_number("hello", 2)
    7
    >>> length_plus_number("cat", -1)
    2
    """
    return len(text) + number


def uppercase_letters_in(text: str) -> list[str]:
    """Returns a list of the upper case letters in `text`.

    >>> uppercase_letters_in("Big Cat")
    ['B', 'C']
    >>> uppercase_letters_in("hello")
    []
    """
    return [character for character in text if character.isupper()]


def number_of_letters(text: str) -> int:
    """Returns the number of letters in `text`.

    >>> number_of_letters("room 12")
    4
    >>> number_of_letters("a b c")
    3
    """
    return sum(1 for character in text if character.isalpha())


def replace_first_part(text: str, old: str, new: str) -> str:
    """Returns `text` with the first `old` replaced by `new`.

    >>> replace_first_part("banana", "a", "o")
    'bonana'
    >>> replace_first_part("red car", "red", "blue")
    'blue car'
    """
    return text.replace(old, new, 1)


def first_characters_joined(a: str, b: str) -> str:
    """Returns the first character of `a` followed by the first character of `b`.

    >>> first_characters_joined("cat", "dog")
    'cd'
    >>> first_characters_joined("Tom", "Hill")
    'TH'
    """
    return a[0] + b[0]


def last_characters_joined(a: str, b: str) -> str:
    """Returns the last character of `a` followed by the last character of `b`.

    >>> last_characters_joined("cat", "dog")
    'tg'
    >>> last_characters_joined("Tom", "Hill")
    'ml'
    """
    return a[-1] + b[-1]


def reversed_characters(text: str) -> list[str]:
    """Returns a list of the characters of `text` in reverse order.

    >>> reversed_characters("cat")
    ['t', 'a', 'c']
    >>> reversed_characters("a bc")
    ['c', 'b', ' ', 'a']
    """
    return list(reversed(text))


def sorted_characters(text: str) -> list[str]:
    """Returns a sorted list of the characters of `text`.

    >>> sorted_characters("cab")
    ['a', 'b', 'c']
    >>> sorted_characters("hello")
    ['e', 'h', 'l', 'l', 'o']
    """
    return sorted(text)


def which_are_letters(text: str) -> list[bool]:
    """Returns a list saying for each character of `text` if it is a letter.

    >>> which_are_letters("a1")
    [True, False]
    >>> which_are_letters("b c")
    [True, False, True]
    """
    return [character.isalpha() for character in text]


def join_in_uppercase(a: str, b: str) -> str:
    """Returns `a` and `b` joined and in upper case.

    >>> join_in_uppercase("sun", "flower")
    'SUNFLOWER'
    >>> join_in_uppercase("Big", "cat")
    'BIGCAT'
    """
    return (a + b).upper()
