"""Very easy seeds about strings: case, parts, joining, searching and counting.

Each has one obvious solution of a line or a short loop, so that a small model solves some of them. Read as
source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def reverse_string(text: str) -> str:
    """Returns `text` reversed.

    >>> reverse_string("hello")
    'olleh'
    >>> reverse_string("abc")
    'cba'
    """
    return text[::-1]


def to_uppercase(text: str) -> str:
    """Returns `text` in upper case.

    >>> to_uppercase("hello")
    'HELLO'
    >>> to_uppercase("Big Cat")
    'BIG CAT'
    """
    return text.upper()


def to_lowercase(text: str) -> str:
    """Returns `text` in lower case.

    >>> to_lowercase("HELLO")
    'hello'
    >>> to_lowercase("Big Cat")
    'big cat'
    """
    return text.lower()


def string_length(text: str) -> int:
    """Returns the number of characters in `text`.

    >>> string_length("hello")
    5
    >>> string_length("a b")
    3
    """
    return len(text)


def first_character(text: str) -> str:
    """Returns the first character of `text`.

    >>> first_character("hello")
    'h'
    >>> first_character("Zebra")
    'Z'
    """
    return text[0]


def last_character(text: str) -> str:
    """Returns the last character of `text`.

    >>> last_character("hello")
    'o'
    >>> last_character("Zebra")
    'a'
    """
    return text[-1]


def character_at(text: str, index: int) -> str:
    """Returns the character of `text` at position `index`, where the first position is 0.

    >>> character_at("hello", 1)
    'e'
    >>> character_at("Zebra", 4)
    'a'
    """
    return text[index]


def first_three_characters(text: str) -> str:
    """Returns the first three characters of `text`.

    >>> first_three_characters("elephant")
    'ele'
    >>> first_three_characters("garden")
    'gar'
    """
    return text[:3]


def last_three_characters(text: str) -> str:
    """Returns the last three characters of `text`.

    >>> last_three_characters("elephant")
    'ant'
    >>> last_three_characters("garden")
    'den'
    """
    return text[-3:]


def without_first_character(text: str) -> str:
    """Returns `text` without its first character.

    >>> without_first_character("hello")
    'ello'
    >>> without_first_character("xyz")
    'yz'
    """
    return text[1:]


def without_last_character(text: str) -> str:
    """Returns `text` without its last character.

    >>> without_last_character("hello")
    'hell'
    >>> without_last_character("xyz")
    'xy'
    """
    return text[:-1]


def concatenate_strings(first: str, second: str) -> str:
    """Returns `first` followed by `second`.

    >>> concatenate_strings("sun", "flower")
    'sunflower'
    >>> concatenate_strings("ab", "cd")
    'abcd'
    """
    return first + second


def full_name(first_name: str, last_name: str) -> str:
    """Returns `first_name` and `last_name` with a space between them.

    >>> full_name("Maria", "Lopez")
    'Maria Lopez'
    >>> full_name("Tom", "Hill")
    'Tom Hill'
    """
    return first_name + " " + last_name


def repeat_string(text: str, times: int) -> str:
    """Returns `text` repeated `times` times.

    >>> repeat_string("ab", 3)
    'ababab'
    >>> repeat_string("ha", 2)
    'haha'
    """
    return text * times


def say_hello(name: str) -> str:
    """Returns the greeting 'Hello, ' followed by `name` and an exclamation mark.

    >>> say_hello("Maria")
    'Hello, Maria!'
    >>> say_hello("Tom")
    'Hello, Tom!'
    """
    return f"Hello, {name}!"


def add_period(sentence: str) -> str:
    """Returns `sentence` with a period added at the end.

    >>> add_period("I like tea")
    'I like tea.'
    >>> add_period("Stop")
    'Stop.'
    """
    return sentence + "."


def contains_text(text: str, part: str) -> bool:
    """Returns True if `text` contains `part`, and False otherwise.

    >>> contains_text("hello world", "world")
    True
    >>> contains_text("apple", "z")
    False
    """
    return part in text


def starts_with(text: str, prefix: str) -> bool:
    """Returns True if `text` starts with `prefix`, and False otherwise.

    >>> starts_with("hello", "he")
    True
    >>> starts_with("hello", "lo")
    False
    """
    return text.startswith(prefix)


def ends_with(text: str, suffix: str) -> bool:
    """Returns True if `text` ends with `suffix`, and False otherwise.

    >>> ends_with("hello", "lo")
    True
    >>> ends_with("hello", "he")
    False
    """
    return text.endswith(suffix)


def contains_space(text: str) -> bool:
    """Returns True if `text` contains a space, and False otherwise.

    >>> contains_space("red car")
    True
    >>> contains_space("red")
    False
    """
    return " " in text


def contains_digit(text: str) -> bool:
    """Returns True if `text` contains at least one digit, and False otherwise.

    >>> contains_digit("room 12")
    True
    >>> contains_digit("room")
    False
    """
    return any(character.isdigit() for character in text)


def is_palindrome_word(word: str) -> bool:
    """Returns True if `word` is the same when it is reversed, and False otherwise.

    >>> is_palindrome_word("level")
    True
    >>> is_palindrome_word("hello")
    False
    """
    return word == word[::-1]


def is_vowel(letter: str) -> bool:
    """Returns True if the single lower case letter `letter` is a vowel, and False otherwise.

    >>> is_vowel("e")
    True
    >>> is_vowel("k")
    False
    """
    if len(letter) != 1 or not letter.islower():
        raise ValueError("not one lower case letter")
    return letter in "aeiou"


def same_length(first: str, second: str) -> bool:
    """Returns True if `first` and `second` have the same length, and False otherwise.

    >>> same_length("cat", "dog")
    True
    >>> same_length("cat", "mouse")
    False
    """
    return len(first) == len(second)


def is_longer_than(first: str, second: str) -> bool:
    """Returns True if `first` has more characters than `second`, and False otherwise.

    >>> is_longer_than("mouse", "cat")
    True
    >>> is_longer_than("cat", "mouse")
    False
    """
    return len(first) > len(second)


def count_character(text: str, character: str) -> int:
    """Returns the number of times the single character `character` occurs in `text`.

    >>> count_character("banana", "a")
    3
    >>> count_character("hello", "l")
    2
    """
    if len(character) != 1:
        raise ValueError("not one character")
    return text.count(character)


def count_lowercase_letters(text: str) -> int:
    """Returns the number of lower case letters in `text`.

    >>> count_lowercase_letters("Hello")
    4
    >>> count_lowercase_letters("ABC")
    0
    """
    return sum(1 for character in text if character.islower())


def replace_text(text: str, old: str, new: str) -> str:
    """Returns `text` with every occurrence of `old` replaced by `new`.

    >>> replace_text("red car", "red", "blue")
    'blue car'
    >>> replace_text("banana", "a", "o")
    'bonono'
    """
    return text.replace(old, new)


def remove_digits(text: str) -> str:
    """Returns `text` with all digits removed.

    >>> remove_digits("a1b2")
    'ab'
    >>> remove_digits("room 12")
    'room '
    """
    return "".join(character for character in text if not character.isdigit())


def split_into_words(sentence: str) -> list[str]:
    """Returns a list of the words in `sentence`.

    >>> split_into_words("I like tea")
    ['I', 'like', 'tea']
    >>> split_into_words("hello")
    ['hello']
    """
    return sentence.split()


def split_at_commas(text: str) -> list[str]:
    """Returns a list of the parts of `text` that are separated by commas.

    >>> split_at_commas("a,b,c")
    ['a', 'b', 'c']
    >>> split_at_commas("red,green")
    ['red', 'green']
    """
    return text.split(",")


def string_to_characters(text: str) -> list[str]:
    """Returns a list of the characters of `text`.

    >>> string_to_characters("cat")
    ['c', 'a', 't']
    >>> string_to_characters("a b")
    ['a', ' ', 'b']
    """
    return list(text)


def sort_letters(text: str) -> str:
    """Returns the characters of `text` in sorted order, joined into a string.

    >>> sort_letters("banana")
    'aaabnn'
    >>> sort_letters("cab")
    'abc'
    """
    return "".join(sorted(text))


def find_position(text: str, part: str) -> int:
    """Returns the index of the first occurrence of `part` in `text`, or -1 if there is none.

    >>> find_position("hello", "l")
    2
    >>> find_position("hello", "z")
    -1
    """
    return text.find(part)


def string_to_integer(text: str) -> int:
    """Returns the integer that is written in `text`.

    >>> string_to_integer("42")
    42
    >>> string_to_integer("-7")
    -7
    """
    return int(text)


def number_to_string(number: int) -> str:
    """Returns `number` converted to a string.

    >>> number_to_string(42)
    '42'
    >>> number_to_string(-7)
    '-7'
    """
    return str(number)
