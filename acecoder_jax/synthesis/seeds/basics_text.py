"""Very easy seeds about characters, cases, beginnings, endings, padding, joining and simple formats.

Each has one obvious solution of a line or a short loop, so that a small model solves some of them. Read as
source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def lower_first_character(text: str) -> str:
    """Returns `text` with its first character in lower case and the rest unchanged. An empty string stays
    empty.

    >>> lower_first_character("Hello")
    'hello'
    >>> lower_first_character("USA")
    'uSA'
    """
    return text[:1].lower() + text[1:]


def upper_last_character(word: str) -> str:
    """Returns `word` with only its last character changed to upper case, or an empty string if `word` is
    empty.

    >>> upper_last_character("hello")
    'hellO'
    >>> upper_last_character("x")
    'X'
    """
    return word[:-1] + word[-1:].upper()


def ensure_prefix(text: str, prefix: str) -> str:
    """Returns `text` itself if it starts with `prefix`, and otherwise `prefix` followed by `text`.

    >>> ensure_prefix("title", "#")
    '#title'
    >>> ensure_prefix("#title", "#")
    '#title'
    """
    if text.startswith(prefix):
        return text
    return prefix + text


def ensure_suffix(name: str, suffix: str) -> str:
    """Returns `name` with `suffix` added at the end, but only if `name` does not already end with it.

    >>> ensure_suffix("photo", ".png")
    'photo.png'
    >>> ensure_suffix("photo.png", ".png")
    'photo.png'
    """
    return name if name.endswith(suffix) else name + suffix


def cut_off_prefix(text: str, prefix: str) -> str:
    """Returns `text` without `prefix` at its beginning. A text that does not start with `prefix` is
    returned unchanged.

    >>> cut_off_prefix("unhappy", "un")
    'happy'
    >>> cut_off_prefix("happy", "un")
    'happy'
    """
    return text.removeprefix(prefix)


def cut_off_suffix(text: str, suffix: str) -> str:
    """Returns `text` with `suffix` removed from its end, or `text` unchanged if it has another ending.

    >>> cut_off_suffix("walking", "ing")
    'walk'
    >>> cut_off_suffix("walked", "ing")
    'walked'
    """
    return text.removesuffix(suffix)


def pad_left_with_zeros(code: str, width: int) -> str:
    """Returns `code` with zeros put in front until it is `width` characters long. A code that is long
    enough is not changed.

    >>> pad_left_with_zeros("42", 5)
    '00042'
    >>> pad_left_with_zeros("1234", 3)
    '1234'
    """
    return code.rjust(width, "0")


def fill_with_dots(title: str, width: int) -> str:
    """Returns `title` followed by as many dots as are needed to make it `width` characters long.

    >>> fill_with_dots("Soup", 8)
    'Soup....'
    >>> fill_with_dots("Bread", 2)
    'Bread'
    """
    return title.ljust(width, ".")


def join_with_separator(parts: list[str], separator: str) -> str:
    """Returns the strings in `parts` joined into one string, with `separator` between them.

    >>> join_with_separator(["a", "b", "c"], "-")
    'a-b-c'
    >>> join_with_separator(["red", "blue"], " or ")
    'red or blue'
    """
    return separator.join(parts)


def join_backwards(parts: list[str]) -> str:
    """Returns one string made of the strings in `parts`, beginning with the last one and ending with the
    first one.

    >>> join_backwards(["a", "b", "c"])
    'cba'
    >>> join_backwards(["ing", "walk"])
    'walking'
    """
    return "".join(reversed(parts))


def first_half_of_text(text: str) -> str:
    """Returns the first half of `text`. If the length is odd, the middle character is not part of it.

    >>> first_half_of_text("abcdef")
    'abc'
    >>> first_half_of_text("hello")
    'he'
    """
    return text[: len(text) // 2]


def has_no_small_letters(text: str) -> bool:
    """Returns True if `text` does not change when it is converted to upper case, and False otherwise.

    >>> has_no_small_letters("ROOM 12")
    True
    >>> has_no_small_letters("Room 12")
    False
    """
    return text == text.upper()


def equal_ignoring_case(first: str, second: str) -> bool:
    """Returns True if `first` and `second` are the same when both are written in lower case, and False
    otherwise.

    >>> equal_ignoring_case("Hello", "hELLO")
    True
    >>> equal_ignoring_case("hello", "help")
    False
    """
    return first.lower() == second.lower()


def comes_first_in_order(word: str, other: str) -> bool:
    """Returns True if `word` is less than `other` in the order of Python strings, and False otherwise.

    >>> comes_first_in_order("apple", "banana")
    True
    >>> comes_first_in_order("pear", "pear")
    False
    """
    return word < other


def trim_white_space(text: str) -> str:
    """Returns `text` without the white space at its beginning and its end.

    >>> trim_white_space("  hello ")
    'hello'
    >>> trim_white_space("red car   ")
    'red car'
    """
    return text.strip()


def calm_down(sentence: str) -> str:
    """Returns `sentence` with all exclamation marks at its end removed.

    >>> calm_down("Stop!!!")
    'Stop'
    >>> calm_down("Oh! No")
    'Oh! No'
    """
    return sentence.rstrip("!")


def score_line(home: int, away: int) -> str:
    """Returns the two scores as a string, with a colon and no spaces between them.

    >>> score_line(3, 1)
    '3:1'
    >>> score_line(0, 12)
    '0:12'
    """
    return f"{home}:{away}"


def format_two_decimals(value: float) -> str:
    """Returns `value` as a string with exactly two digits after the decimal point.

    >>> format_two_decimals(2.5)
    '2.50'
    >>> format_two_decimals(10.0)
    '10.00'
    """
    return f"{value:.2f}"


def name_and_amount(name: str, amount: int) -> str:
    """Returns a string with `name`, then ' = ' and then `amount`.

    >>> name_and_amount("apples", 4)
    'apples = 4'
    >>> name_and_amount("x", -1)
    'x = -1'
    """
    return f"{name} = {amount}"


def page_label(page: int, total: int) -> str:
    """Returns the text 'Page P of T', where P is the number `page` and T is the number `total`.

    >>> page_label(2, 10)
    'Page 2 of 10'
    >>> page_label(1, 1)
    'Page 1 of 1'
    """
    return f"Page {page} of {total}"


def insert_before_last(text: str, part: str) -> str:
    """Returns `text` with `part` inserted before its last character. For an empty `text` the result is
    `part`.

    >>> insert_before_last("cat", "r")
    'cart'
    >>> insert_before_last("ab", "--")
    'a--b'
    """
    return text[:-1] + part + text[-1:]


def replace_first_character(word: str, new: str) -> str:
    """Returns `word` with its first character replaced by `new`, or an empty string if `word` is empty.

    >>> replace_first_character("cat", "h")
    'hat'
    >>> replace_first_character("", "h")
    ''
    """
    if word == "":
        return ""
    return new + word[1:]


def replace_first_match(text: str, old: str, new: str) -> str:
    """Returns `text` with only the first occurrence of `old` replaced by `new`.

    >>> replace_first_match("banana", "a", "o")
    'bonana'
    >>> replace_first_match("red car", "blue", "green")
    'red car'
    """
    return text.replace(old, new, 1)


def text_before_colon(line: str) -> str:
    """Returns the part of `line` before its first colon, or all of `line` if there is no colon.

    >>> text_before_colon("name: Tom")
    'name'
    >>> text_before_colon("hello")
    'hello'
    """
    return line.split(":")[0]


def text_after_equals_sign(line: str) -> str:
    """Returns everything in `line` after the first equals sign. Without an equals sign the result is an
    empty string.

    >>> text_after_equals_sign("color=blue")
    'blue'
    >>> text_after_equals_sign("color")
    ''
    """
    return line.partition("=")[2]


def say_twice(phrase: str) -> str:
    """Returns `phrase` written two times with one space in between.

    >>> say_twice("bye")
    'bye bye'
    >>> say_twice("no way")
    'no way no way'
    """
    return phrase + " " + phrase


def mirror_text(text: str) -> str:
    """Returns `text` followed by the same text backwards.

    >>> mirror_text("abc")
    'abccba'
    >>> mirror_text("no")
    'noon'
    """
    return text + text[::-1]


def underline_title(title: str) -> str:
    r"""Returns `title`, a newline character, and then one equals sign for every character of `title`.

    >>> underline_title("Menu")
    'Menu\n===='
    >>> underline_title("Hi")
    'Hi\n=='
    """
    return title + "\n" + "=" * len(title)


def without_third_character(text: str) -> str:
    """Returns `text` without its third character. A text of fewer than three characters is returned as it
    is.

    >>> without_third_character("hello")
    'helo'
    >>> without_third_character("ab")
    'ab'
    """
    return text[:2] + text[3:]


def spell_word(word: str) -> str:
    """Returns the characters of `word` in upper case with a dash between neighbors.

    >>> spell_word("cat")
    'C-A-T'
    >>> spell_word("a")
    'A'
    """
    return "-".join(word.upper())


def wrap_in_tag(text: str, tag: str) -> str:
    """Returns `text` between an opening tag and a closing tag, such as '<b>' and '</b>' if `tag` is 'b'.

    >>> wrap_in_tag("hello", "b")
    '<b>hello</b>'
    >>> wrap_in_tag("one", "li")
    '<li>one</li>'
    """
    return f"<{tag}>{text}</{tag}>"


def is_blank(text: str) -> bool:
    """Returns True if `text` is empty or has only white space, and False otherwise.

    >>> is_blank("   ")
    True
    >>> is_blank(" a ")
    False
    """
    return text.strip() == ""


def starts_with_capital(sentence: str) -> bool:
    """Returns True if the first character of `sentence` is an upper case letter, and False if it is not or
    is missing.

    >>> starts_with_capital("Good morning")
    True
    >>> starts_with_capital("good Morning")
    False
    """
    return sentence[:1].isupper()


def indent_line(line: str, level: int) -> str:
    """Returns `line` with four spaces in front of it for every `level`. A level of zero or less adds
    nothing.

    >>> indent_line("x = 1", 1)
    '    x = 1'
    >>> indent_line("pass", 0)
    'pass'
    """
    return "    " * level + line
