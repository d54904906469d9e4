"""Seeds that convert between units, notations and scales.

Read as source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def celsius_to_fahrenheit(celsius: float) -> float:
    """Returns the temperature `celsius` in degrees Fahrenheit: nine fifths of it, plus 32.

    >>> celsius_to_fahrenheit(100.0)
    212.0
    >>> celsius_to_fahrenheit(-40.0)
    -40.0
    """
    return celsius * 9 / 5 + 32


def minutes_to_clock(minutes: int) -> str:
    """Returns the non-negative number of `minutes` as hours and minutes separated by a colon, the minutes
    with two digits and the hours without padding.

    >>> minutes_to_clock(135)
    '2:15'
    >>> minutes_to_clock(5)
    '0:05'
    """
    if minutes < 0:
        raise ValueError("minutes is negative")
    return f"{minutes // 60}:{minutes % 60:02d}"


def total_seconds(hours: int, minutes: int, seconds: int) -> int:
    """Returns the number of seconds in `hours` hours, `minutes` minutes and `seconds` seconds together.

    >>> total_seconds(1, 2, 3)
    3723
    >>> total_seconds(0, 0, 59)
    59
    """
    return hours * 3600 + minutes * 60 + seconds


def yards_feet_inches(inches: int) -> tuple[int, int, int]:
    """Returns the non-negative length `inches` as a tuple of whole yards, whole feet and inches. A yard has
    3 feet and a foot has 12 inches.

    >>> yards_feet_inches(100)
    (2, 2, 4)
    >>> yards_feet_inches(11)
    (0, 0, 11)
    """
    if inches < 0:
        raise ValueError("inches is negative")
    feet, rest = divmod(inches, 12)
    return feet // 3, feet % 3, rest


def number_to_binary(number: int) -> str:
    """Returns the binary digits of the non-negative integer `number` as a string without any prefix.

    >>> number_to_binary(10)
    '1010'
    >>> number_to_binary(0)
    '0'
    """
    if number < 0:
        raise ValueError("number is negative")
    return bin(number)[2:]


def binary_to_number(bits: str) -> int:
    """Returns the integer whose binary digits are given by the string `bits` of zeros and ones.

    >>> binary_to_number("1011")
    11
    >>> binary_to_number("0")
    0
    """
    if not bits or set(bits) - {"0", "1"}:
        raise ValueError("not a binary number")
    return int(bits, 2)


def count_one_bits(number: int) -> int:
    """Returns how many ones the binary form of the non-negative integer `number` has.

    >>> count_one_bits(11)
    3
    >>> count_one_bits(0)
    0
    """
    if number < 0:
        raise ValueError("number is negative")
    return bin(number).count("1")


def cents_to_dollars(cents: int) -> str:
    """Returns the non-negative amount `cents` written in dollars: a dollar sign, the dollars, a dot and the
    remaining cents with two digits.

    >>> cents_to_dollars(1205)
    '$12.05'
    >>> cents_to_dollars(7)
    '$0.07'
    """
    if cents < 0:
        raise ValueError("cents is negative")
    return f"${cents // 100}.{cents % 100:02d}"


def percent_of(part: float, whole: float) -> float:
    """Returns how many percent of `whole` the number `part` is, or 0.0 when `whole` is zero.

    >>> percent_of(5.0, 20.0)
    25.0
    >>> percent_of(3.0, 0.0)
    0.0
    """
    return 100 * part / whole if whole != 0 else 0.0


def letter_grade(score: int) -> str:
    """Returns the grade for `score`: 'A' from 90 on, 'B' from 80 on, 'C' from 70 on, 'D' from 60 on, and 'F'
    below 60.

    >>> letter_grade(95)
    'A'
    >>> letter_grade(70)
    'C'
    >>> letter_grade(12)
    'F'
    """
    for grade, lowest in (("A", 90), ("B", 80), ("C", 70), ("D", 60)):
        if score >= lowest:
            return grade
    return "F"


def letter_position(letter: str) -> int:
    """Returns the position of the single letter `letter` in the English alphabet, where a and A are 1 and z
    and Z are 26.

    >>> letter_position("c")
    3
    >>> letter_position("Z")
    26
    """
    if len(letter) != 1 or not letter.isalpha():
        raise ValueError("not a single letter")
    return ord(letter.lower()) - ord("a") + 1


def column_letter(number: int) -> str:
    """Returns the capital letter at position `number` of the English alphabet, where 1 is A and 26 is Z, and
    a question mark for any other number.

    >>> column_letter(3)
    'C'
    >>> column_letter(27)
    '?'
    """
    return chr(ord("A") + number - 1) if 1 <= number <= 26 else "?"


def ordinal_of(number: int) -> str:
    """Returns the positive integer `number` with its English ordinal ending: `st` after a final 1, `nd`
    after a final 2, `rd` after a final 3 and `th` otherwise, but always `th` for numbers that end in 11, 12
    or 13.

    >>> ordinal_of(22)
    '22nd'
    >>> ordinal_of(113)
    '113th'
    >>> ordinal_of(1)
    '1st'
    """
    if number < 1:
        raise ValueError("number must be positive")
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}" + {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def to_roman(number: int) -> str:
    """Returns the integer `number`, which is from 1 to 3999, as a Roman numeral in capital letters.

    >>> to_roman(14)
    'XIV'
    >>> to_roman(1990)
    'MCMXC'
    """
    if not 1 <= number <= 3999:
        raise ValueError("number is out of range")
    values = (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1)
    symbols = ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I")
    result = ""
    for value, symbol in zip(values, symbols, strict=True):
        result += symbol * (number // value)
        number %= value
    return result


def color_to_hex(red: int, green: int, blue: int) -> str:
    """Returns the color with the given `red`, `green` and `blue` parts, each from 0 to 255, as `#` followed
    by two lowercase hexadecimal digits for each part.

    >>> color_to_hex(255, 0, 16)
    '#ff0010'
    >>> color_to_hex(1, 2, 3)
    '#010203'
    """
    if not all(0 <= part <= 255 for part in (red, green, blue)):
        raise ValueError("a part is out of range")
    return f"#{red:02x}{green:02x}{blue:02x}"


def price_after_discount(price: float, percent: float) -> float:
    """Returns `price` reduced by `percent` percent.

    >>> price_after_discount(80.0, 25.0)
    60.0
    >>> price_after_discount(9.5, 0.0)
    9.5
    """
    return price - price * percent / 100


def with_thousands_commas(number: int) -> str:
    """Returns the integer `number` as text with a comma between each group of three digits, counted from the
    right.

    >>> with_thousands_commas(1234567)
    '1,234,567'
    >>> with_thousands_commas(999)
    '999'
    """
    return f"{number:,}"


def average_speed(distance: float, hours: float) -> float:
    """Returns the average speed for a trip of `distance` that took `hours`: the distance divided by the
    hours, or 0.0 when `hours` is zero or negative.

    >>> average_speed(150.0, 2.5)
    60.0
    >>> average_speed(10.0, 0.0)
    0.0
    """
    return distance / hours if hours > 0 else 0.0


def digits_to_number(digits: list[int]) -> int:
    """Returns the integer whose decimal digits, from left to right, are the elements of `digits`, each from
    0 to 9. An empty list gives 0.

    >>> digits_to_number([4, 0, 7])
    407
    >>> digits_to_number([])
    0
    """
    if any(not 0 <= digit <= 9 for digit in digits):
        raise ValueError("not a digit")
    number = 0
    for digit in digits:
        number = number * 10 + digit
    return number
