"""Seeds that read something out of structured text: numbers, pairs, paths, tags, tables.

Read as source text by `load_seeds`; nothing in the project imports or calls these functions.
"""

import re


def sum_of_numbers_in(text: str) -> int:
    """Returns the sum of all runs of digits in `text`, each read as one non-negative integer, or 0 when
    there are none.

    >>> sum_of_numbers_in("3 cats, 12 dogs")
    15
    >>> sum_of_numbers_in("none")
    0
    """
    return sum(int(number) for number in re.findall(r"[0-9]+", text))


def numbers_separated_by_commas(text: str) -> list[int]:
    """Returns a list of the integers in `text`, which are separated by commas. The empty string gives an
    empty list.

    >>> numbers_separated_by_commas("4,-7,12")
    [4, -7, 12]
    >>> numbers_separated_by_commas("")
    []
    """
    return [int(part) for part in text.split(",")] if text else []


def parse_settings(text: str) -> dict[str, str]:
    """Returns a dictionary of the settings in `text`, which are written as `key=value` and separated by
    semicolons. Parts without an equals sign are ignored; only the first equals sign of a part separates key
    and value.

    >>> parse_settings("color=red;size=10")
    {'color': 'red', 'size': '10'}
    >>> parse_settings("fast;sum=1=1")
    {'sum': '1=1'}
    """
    settings = {}
    for part in text.split(";"):
        if "=" in part:
            key, value = part.split("=", 1)
            settings[key] = value
    return settings


def text_in_parentheses(text: str) -> str:
    """Returns the part of `text` between its first opening parenthesis and the first closing parenthesis
    after it, or an empty string when there is no such part.

    >>> text_in_parentheses("tea (green) and (black)")
    'green'
    >>> text_in_parentheses("no part")
    ''
    """
    start = text.find("(")
    end = text.find(")", start + 1)
    return text[start + 1 : end] if start >= 0 and end >= 0 else ""


def file_extension(name: str) -> str:
    """Returns the part of the file name `name` after its last dot, or an empty string when it has no dot.

    >>> file_extension("photo.old.jpg")
    'jpg'
    >>> file_extension("README")
    ''
    """
    return name.rsplit(".", 1)[1] if "." in name else ""


def last_part_of_path(path: str) -> str:
    """Returns what follows the last slash of `path`, or the whole `path` when it has no slash.

    >>> last_part_of_path("home/ann/notes.txt")
    'notes.txt'
    >>> last_part_of_path("notes.txt")
    'notes.txt'
    """
    return path.split("/")[-1]


def email_domain(address: str) -> str:
    """Returns the part of the email address `address` after the `@` sign in lower case. The address has
    exactly one `@` sign.

    >>> email_domain("Mia@Example.org")
    'example.org'
    >>> email_domain("root@host")
    'host'
    """
    _, domain = address.split("@")
    return domain.lower()


def find_hashtags(text: str) -> list[str]:
    """Returns a list of the words of `text` that begin with `#` and have at least one more character,
    without the leading `#`. Words are separated by white space.

    >>> find_hashtags("sunny #beach day # #fun")
    ['beach', 'fun']
    >>> find_hashtags("")
    []
    """
    return [word[1:] for word in text.split() if word.startswith("#") and len(word) > 1]


def count_lines(text: str) -> int:
    r"""Returns how many lines of `text` contain something other than white space. Lines are separated by the
    newline character.

    >>> count_lines("one\n\n two\n")
    2
    >>> count_lines("")
    0
    """
    return sum(line.strip() != "" for line in text.split("\n"))


def longest_line(text: str) -> str:
    r"""Returns the longest of the lines of `text`, which are separated by the newline character; of several,
    the first.

    >>> longest_line("red\nyellow\nblue")
    'yellow'
    >>> longest_line("")
    ''
    """
    return max(text.split("\n"), key=len)


def split_name(full_name: str) -> tuple[str, str]:
    """Returns a tuple of the text before the last space of `full_name` and the text after it. Without a
    space, the first part is empty.

    >>> split_name("Mary Ann Evans")
    ('Mary Ann', 'Evans')
    >>> split_name("Homer")
    ('', 'Homer')
    """
    first, _, last = full_name.rpartition(" ")
    return first, last


def column_of_table(text: str, column: int) -> list[str]:
    r"""Returns a list with the field at position `column`, counted from 0, of every line of `text`. Lines
    are separated by newlines and fields by commas, and every line has that field.

    >>> column_of_table("ann,31\nbob,27", 1)
    ['31', '27']
    >>> column_of_table("x,y,z", 0)
    ['x']
    """
    if column < 0:
        raise ValueError("column is negative")
    return [line.split(",")[column] for line in text.split("\n")]


def expand_letter_counts(code: str) -> str:
    """Returns the text described by `code`, a sequence of single letters that are each followed by one
    digit: every letter is repeated as often as its digit says.

    >>> expand_letter_counts("a3b1c2")
    'aaabcc'
    >>> expand_letter_counts("")
    ''
    """
    if not re.fullmatch(r"([A-Za-z][0-9])*", code):
        raise ValueError("not such a code")
    return "".join(letter * int(digit) for letter, digit in zip(code[::2], code[1::2], strict=True))


def encode_runs(text: str) -> str:
    """Returns `text` with each run of equal characters written as the character followed by the length of
    the run.

    >>> encode_runs("aaabcc")
    'a3b1c2'
    >>> encode_runs("")
    ''
    """
    return "".join(run.group(1) + str(len(run.group(0))) for run in re.finditer(r"(.)\1*", text, re.DOTALL))


def evaluate_sum(expression: str) -> int:
    """Returns the value of `expression`, which consists of non-negative integers separated by plus signs,
    possibly with spaces around them.

    >>> evaluate_sum("12 + 3+5")
    20
    >>> evaluate_sum("7")
    7
    """
    return sum(int(part) for part in expression.split("+"))


def calculate(operation: str) -> int:
    """Returns the result of `operation`, which is an integer, one of the signs + - *, and another integer,
    separated by single spaces.

    >>> calculate("6 * 7")
    42
    >>> calculate("4 - 10")
    -6
    """
    left, sign, right = operation.split(" ")
    a, b = int(left), int(right)
    return {"+": a + b, "-": a - b, "*": a * b}[sign]


def query_value(query: str, name: str) -> str | None:
    """Returns the value of the parameter `name` in `query`, which is written as in web addresses:
    `name=value` parts separated by `&`. The first part with that name counts; when there is none, the result
    is None.

    >>> query_value("page=2&sort=up", "sort")
    'up'
    >>> query_value("page=2", "size") is None
    True
    """
    for part in query.split("&"):
        key, separator, value = part.partition("=")
        if key == name and separator:
            return value
    return None


def is_number_text(text: str) -> bool:
    """Returns True when `text` consists of at least one digit and nothing else, except that one minus sign
    may stand in front, and False otherwise.

    >>> is_number_text("-42")
    True
    >>> is_number_text("4.2")
    False
    >>> is_number_text("-")
    False
    """
    return re.fullmatch(r"-?[0-9]+", text) is not None


def is_strong_password(password: str) -> bool:
    """Returns True when `password` has at least 8 characters, among them a digit and an uppercase letter,
    and False otherwise.

    >>> is_strong_password("Sunny2day")
    True
    >>> is_strong_password("sunny2day")
    False
    >>> is_strong_password("Sun2")
    False
    """
    has_digit = any(character.isdigit() for character in password)
    return len(password) >= 8 and has_digit and any(character.isupper() for character in password)


def strip_comment(line: str) -> str:
    """Returns the part of `line` before its first `#`, without white space at its end. A line without `#`
    only loses the white space at its end.

    >>> strip_comment("x = 1  # start")
    'x = 1'
    >>> strip_comment("# note")
    ''
    """
    return line.split("#")[0].rstrip()


def version_parts(version: str) -> tuple[int, int, int]:
    """Returns the three numbers of `version`, which is text such as '1.20.3', as a tuple of integers.

    >>> version_parts("1.20.3")
    (1, 20, 3)
    >>> version_parts("0.0.9")
    (0, 0, 9)
    """
    major, minor, patch = version.split(".")
    return int(major), int(minor), int(patch)


def count_occurrences(text: str, part: str) -> int:
    """Returns how often the non-empty string `part` begins at some position of `text`, where the places
    found may overlap.

    >>> count_occurrences("anana", "ana")
    2
    >>> count_occurrences("kiwi", "x")
    0
    """
    if not part:
        raise ValueError("part is empty")
    return sum(text.startswith(part, position) for position in range(len(text)))


def caps_words(text: str) -> list[str]:
    """Returns a list of the words of `text` that contain at least one letter and no lowercase letter. Words
    are separated by white space.

    >>> caps_words("NASA and the EU met")
    ['NASA', 'EU']
    >>> caps_words("42 eggs")
    []
    """
    return [word for word in text.split() if word.isupper()]


def fill_template(template: str, values: dict[str, str]) -> str:
    """Returns `template` with every key of `values` that stands in curly braces replaced by its value.
    Braces around other names stay as they are. No value contains braces.

    >>> fill_template("Dear {name}, {greeting}!", {"name": "Bo", "greeting": "hi"})
    'Dear Bo, hi!'
    >>> fill_template("{a} {b}", {"a": "1"})
    '1 {b}'
    """
    for key, value in values.items():
        template = template.replace("{" + key + "}", value)
    return template
