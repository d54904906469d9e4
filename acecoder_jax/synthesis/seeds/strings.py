"""Seeds about single strings: counting, changing and checking characters.

Read as source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def count_vowels(text: str) -> int:
    """Returns how many characters of `text` are vowels (a, e, i, o or u), in either case.

    >>> count_vowels("Banana Boat")
    5
    >>> count_vowels("")
    0
    """
    return sum(character in "aeiou" for character in text.lower())


def count_consonants(text: str) -> int:
    """Returns how many letters of `text` are not vowels; digits, spaces and punctuation do not count.

    >>> count_consonants("Hello, World 9")
    7
    >>> count_consonants("aeiou")
    0
    """
    return sum(character.isalpha() and character not in "aeiou" for character in text.lower())


def count_capital_letters(text: str) -> int:
    """Returns the number of uppercase letters in `text`.

    >>> count_capital_letters("Green Tea Shop")
    3
    >>> count_capital_letters("quiet")
    0
    """
    return sum(character.isupper() for character in text)


def count_digit_characters(text: str) -> int:
    """Returns how many characters of `text` are digits.

    >>> count_digit_characters("Room 101, floor 3")
    4
    >>> count_digit_characters("no numbers")
    0
    """
    return sum(character.isdigit() for character in text)


def first_plus_last(text: str) -> str:
    """Returns the first character of `text` followed by its last character, or an empty string when `text`
    is empty.

    >>> first_plus_last("planet")
    'pt'
    >>> first_plus_last("x")
    'xx'
    >>> first_plus_last("")
    ''
    """
    return text[0] + text[-1] if text else ""


def without_spaces(text: str) -> str:
    """Returns `text` without its space characters.

    >>> without_spaces("a b  c")
    'abc'
    >>> without_spaces("solid")
    'solid'
    """
    return text.replace(" ", "")


def dashes_for_spaces(text: str) -> str:
    """Returns `text` with every space replaced by a dash.

    >>> dashes_for_spaces("one two three")
    'one-two-three'
    >>> dashes_for_spaces("")
    ''
    """
    return text.replace(" ", "-")


def double_each_character(text: str) -> str:
    """Returns a string in which every character of `text` appears twice in a row.

    >>> double_each_character("cat")
    'ccaatt'
    >>> double_each_character("")
    ''
    """
    return "".join(character * 2 for character in text)


def every_other_character(text: str) -> str:
    """Returns the characters of `text` at positions 0, 2, 4 and so on, joined into one string.

    >>> every_other_character("abcdef")
    'ace'
    >>> every_other_character("z")
    'z'
    """
    return text[::2]


def swap_end_characters(text: str) -> str:
    """Returns `text` with its first and last characters exchanged. A text of fewer than two characters is
    returned unchanged.

    >>> swap_end_characters("stone")
    'etons'
    >>> swap_end_characters("a")
    'a'
    """
    if len(text) < 2:
        return text
    return text[-1] + text[1:-1] + text[0]


def shout(text: str) -> str:
    """Returns `text` in capital letters with an exclamation mark added at the end.

    >>> shout("good morning")
    'GOOD MORNING!'
    >>> shout("")
    '!'
    """
    return text.upper() + "!"


def put_in_brackets(text: str) -> str:
    """Returns `text` with a `[` placed before it and a `]` placed after it.

    >>> put_in_brackets("note")
    '[note]'
    >>> put_in_brackets("")
    '[]'
    """
    return "[" + text + "]"


def shorten_with_dots(text: str, limit: int) -> str:
    """Returns `text` unchanged when it has at most `limit` characters, and otherwise its first `limit`
    characters followed by three dots. `limit` is never negative.

    >>> shorten_with_dots("watermelon", 5)
    'water...'
    >>> shorten_with_dots("kiwi", 5)
    'kiwi'
    >>> shorten_with_dots("plum", 4)
    'plum'
    """
    if limit < 0:
        raise ValueError("limit is negative")
    return text if len(text) <= limit else text[:limit] + "..."


def keep_only_letters(text: str) -> str:
    """Returns the letters of `text` in their order, leaving out everything that is not a letter.

    >>> keep_only_letters("R2-D2 beeps!")
    'RDbeeps'
    >>> keep_only_letters("2024")
    ''
    """
    return "".join(character for character in text if character.isalpha())


def keep_only_digits(text: str) -> str:
    """Returns a string made of the digits of `text` in their order, without any other character.

    >>> keep_only_digits("tel: 555-0199")
    '5550199'
    >>> keep_only_digits("none")
    ''
    """
    return "".join(character for character in text if character.isdigit())


def reverse_text(text: str) -> str:
    """Returns the characters of `text` in reverse order.

    >>> reverse_text("lamp")
    'pmal'
    >>> reverse_text("")
    ''
    """
    return text[::-1]


def mask_card_number(card: str) -> str:
    """Returns `card` with every character except the last four replaced by a star. A string of four or fewer
    characters is returned unchanged.

    >>> mask_card_number("1234567890")
    '******7890'
    >>> mask_card_number("123")
    '123'
    """
    hidden = max(len(card) - 4, 0)
    return "*" * hidden + card[hidden:]


def count_letter_any_case(text: str, letter: str) -> int:
    """Returns how often the single character `letter` occurs in `text`, where upper and lower case count as
    the same.

    >>> count_letter_any_case("Anna and Alan", "a")
    5
    >>> count_letter_any_case("Moss", "S")
    2
    >>> count_letter_any_case("", "q")
    0
    """
    if len(letter) != 1:
        raise ValueError("letter must be one character")
    return text.lower().count(letter.lower())


def is_same_backwards(text: str) -> bool:
    """Returns True when `text` reads the same forwards and backwards if upper and lower case are treated as
    equal, and False otherwise. The empty string gives True.

    >>> is_same_backwards("Level")
    True
    >>> is_same_backwards("ladder")
    False
    """
    lowered = text.lower()
    return lowered == lowered[::-1]


def squeeze_repeats(text: str) -> str:
    """Returns `text` with every run of the same character reduced to one character.

    >>> squeeze_repeats("aaabbca")
    'abca'
    >>> squeeze_repeats("bookkeeper")
    'bokeper'
    >>> squeeze_repeats("")
    ''
    """
    result = ""
    for character in text:
        if not result or result[-1] != character:
            result += character
    return result


def move_front_to_back(text: str, count: int) -> str:
    """Returns `text` with its first `count` characters moved to the end. `count` is at least 0 and at most
    the length of `text`.

    >>> move_front_to_back("abcdef", 2)
    'cdefab'
    >>> move_front_to_back("sun", 3)
    'sun'
    """
    if not 0 <= count <= len(text):
        raise ValueError("count is out of range")
    return text[count:] + text[:count]


def starts_and_ends_alike(text: str) -> bool:
    """Returns True when the first and the last character of `text` are equal, and False otherwise. The empty
    string gives False.

    >>> starts_and_ends_alike("comic")
    True
    >>> starts_and_ends_alike("table")
    False
    >>> starts_and_ends_alike("")
    False
    """
    return text != "" and text[0] == text[-1]


def zigzag_case(text: str) -> str:
    """Returns `text` with the characters at even positions (0, 2, ...) in upper case and the others in lower
    case.

    >>> zigzag_case("Elephant")
    'ElEpHaNt'
    >>> zigzag_case("ab cd")
    'Ab cD'
    """
    return "".join(c.upper() if i % 2 == 0 else c.lower() for i, c in enumerate(text))


def first_repeated_character(text: str) -> str | None:
    """Returns the first character of `text` that has already appeared before it, reading from left to right,
    or None when all characters differ.

    >>> first_repeated_character("paper")
    'p'
    >>> first_repeated_character("deeded")
    'e'
    >>> first_repeated_character("world") is None
    True
    """
    seen = set()
    for character in text:
        if character in seen:
            return character
        seen.add(character)
    return None


def most_frequent_character(text: str) -> str:
    """Returns the character that occurs most often in `text`; of several such characters, the one that
    appears first. The empty string gives an empty string.

    >>> most_frequent_character("banana")
    'a'
    >>> most_frequent_character("xyxy")
    'x'
    >>> most_frequent_character("")
    ''
    """
    return max(text, key=text.count) if text else ""


def count_case_changes(text: str) -> int:
    """Returns how many neighboring pairs of characters in `text` consist of one uppercase and one lowercase
    letter, in any order.

    >>> count_case_changes("abCDef")
    2
    >>> count_case_changes("Tea Time")
    2
    >>> count_case_changes("plain")
    0
    """
    return sum((a.isupper() and b.islower()) or (a.islower() and b.isupper()) for a, b in zip(text, text[1:]))
