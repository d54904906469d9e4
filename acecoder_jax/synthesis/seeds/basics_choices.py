"""Very easy seeds about choices: comparisons, labels for ranges, limits, and true or false.

Each has one obvious solution of a line or a short loop, so that a small model solves some of them. Read as
source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def weather_label(temperature: int) -> str:
    """Returns 'cold' if `temperature` is below 10, 'hot' if it is 25 or more, and 'mild' otherwise.

    >>> weather_label(4)
    'cold'
    >>> weather_label(25)
    'hot'
    """
    if temperature < 10:
        return "cold"
    if temperature >= 25:
        return "hot"
    return "mild"


def parcel_size(weight: int) -> str:
    """Returns 'small' for a `weight` of at most 2, 'medium' for a larger one of at most 10, and 'large' for
    anything heavier.

    >>> parcel_size(2)
    'small'
    >>> parcel_size(11)
    'large'
    """
    if weight <= 2:
        return "small"
    if weight <= 10:
        return "medium"
    return "large"


def level_from_points(points: int) -> int:
    """Returns level 1 for fewer than 100 `points`, level 2 for fewer than 200, and level 3 otherwise.

    >>> level_from_points(40)
    1
    >>> level_from_points(200)
    3
    """
    if points < 100:
        return 1
    if points < 200:
        return 2
    return 3


def medal_for_place(place: int) -> str:
    """Returns 'gold' for place 1, 'silver' for place 2, 'bronze' for place 3, and 'none' for any other
    place.

    >>> medal_for_place(1)
    'gold'
    >>> medal_for_place(7)
    'none'
    """
    if place == 1:
        return "gold"
    if place == 2:
        return "silver"
    if place == 3:
        return "bronze"
    return "none"


def animal_sound(animal: str) -> str:
    """Returns 'woof' if `animal` is 'dog', 'meow' if it is 'cat', and 'silence' for any other text.

    >>> animal_sound("cat")
    'meow'
    >>> animal_sound("fish")
    'silence'
    """
    if animal == "dog":
        return "woof"
    if animal == "cat":
        return "meow"
    return "silence"


def day_kind(day: str) -> str:
    """Returns 'weekend' if `day` is 'Saturday' or 'Sunday', and 'weekday' for any other text.

    >>> day_kind("Sunday")
    'weekend'
    >>> day_kind("Monday")
    'weekday'
    """
    if day in ("Saturday", "Sunday"):
        return "weekend"
    return "weekday"


def stop_or_go(light: str) -> str:
    """Returns 'go' if `light` is 'green', and 'stop' otherwise.

    >>> stop_or_go("green")
    'go'
    >>> stop_or_go("red")
    'stop'
    """
    return "go" if light == "green" else "stop"


def flag_to_sign(flag: bool) -> int:
    """Returns 1 if `flag` is True and -1 if it is False.

    >>> flag_to_sign(True)
    1
    >>> flag_to_sign(False)
    -1
    """
    return 1 if flag else -1


def word_size_label(word: str) -> str:
    """Returns 'short' if `word` has fewer than 5 characters, and 'long' otherwise.

    >>> word_size_label("tree")
    'short'
    >>> word_size_label("mountain")
    'long'
    """
    if len(word) < 5:
        return "short"
    return "long"


def letter_case_label(text: str) -> str:
    """Returns 'upper' if `text.isupper()` is true, 'lower' if `text.islower()` is true, and 'other'
    otherwise.

    >>> letter_case_label("HELLO")
    'upper'
    >>> letter_case_label("Hello")
    'other'
    """
    if text.isupper():
        return "upper"
    if text.islower():
        return "lower"
    return "other"


def apples_text(count: int) -> str:
    """Returns the text '1 apple' if `count` is 1, and otherwise `count` followed by a space and 'apples'.

    >>> apples_text(1)
    '1 apple'
    >>> apples_text(3)
    '3 apples'
    """
    if count == 1:
        return "1 apple"
    return f"{count} apples"


def first_nonzero_of_two(a: int, b: int) -> int:
    """Returns `a` if it is not zero, and `b` otherwise.

    >>> first_nonzero_of_two(4, 9)
    4
    >>> first_nonzero_of_two(0, 9)
    9
    """
    return a if a != 0 else b


def closer_to_zero(a: int, b: int) -> int:
    """Returns the one of `a` and `b` with the smaller absolute value, or `a` if both are equally far from
    zero.

    >>> closer_to_zero(-2, 5)
    -2
    >>> closer_to_zero(3, -3)
    3
    """
    if abs(b) < abs(a):
        return b
    return a


def winner_of_match(home: str, home_goals: int, guest: str, guest_goals: int) -> str:
    """Returns the name of the team with more goals, `home` or `guest`, or 'draw' if the goals are equal.

    >>> winner_of_match("Reds", 2, "Blues", 1)
    'Reds'
    >>> winner_of_match("Reds", 1, "Blues", 1)
    'draw'
    """
    if home_goals > guest_goals:
        return home
    if guest_goals > home_goals:
        return guest
    return "draw"


def add_or_subtract(a: int, b: int, add: bool) -> int:
    """Returns `a` plus `b` if `add` is True, and `a` minus `b` if it is False.

    >>> add_or_subtract(7, 2, True)
    9
    >>> add_or_subtract(7, 2, False)
    5
    """
    if add:
        return a + b
    return a - b


def apply_operator(a: int, operator: str, b: int) -> int:
    """Returns `a` plus `b` if `operator` is '+', `a` minus `b` if it is '-', `a` times `b` if it is '*', and
    0 for any other operator.

    >>> apply_operator(4, "*", 5)
    20
    >>> apply_operator(4, "?", 5)
    0
    """
    if operator == "+":
        return a + b
    if operator == "-":
        return a - b
    if operator == "*":
        return a * b
    return 0


def sum_if_both_positive(a: int, b: int) -> int:
    """Returns the sum of `a` and `b` if both are greater than zero, and 0 otherwise.

    >>> sum_if_both_positive(3, 4)
    7
    >>> sum_if_both_positive(3, -4)
    0
    """
    if a > 0 and b > 0:
        return a + b
    return 0


def health_after_hit(health: int, damage: int) -> int:
    """Returns `health` minus `damage`, or 0 if the result would be negative.

    >>> health_after_hit(50, 20)
    30
    >>> health_after_hit(10, 30)
    0
    """
    return max(health - damage, 0)


def fill_tank(level: int, added: int, capacity: int) -> int:
    """Returns `level` plus `added`, but `capacity` if the result would be larger than that.

    >>> fill_tank(10, 5, 40)
    15
    >>> fill_tank(30, 20, 40)
    40
    """
    return min(level + added, capacity)


def digit_or_minus_one(number: int) -> int:
    """Returns `number` if it is from 0 to 9, and -1 otherwise.

    >>> digit_or_minus_one(7)
    7
    >>> digit_or_minus_one(12)
    -1
    """
    if 0 <= number <= 9:
        return number
    return -1


def delivery_cost(order_total: int) -> int:
    """Returns 0 if `order_total` is at least 50, and 5 otherwise.

    >>> delivery_cost(60)
    0
    >>> delivery_cost(20)
    5
    """
    if order_total >= 50:
        return 0
    return 5


def may_ride(height: int, age: int) -> bool:
    """Returns True if `height` is at least 120 and `age` is at least 8, and False otherwise.

    >>> may_ride(130, 9)
    True
    >>> may_ride(110, 9)
    False
    """
    return height >= 120 and age >= 8


def gets_reduced_price(age: int) -> bool:
    """Returns True if `age` is less than 12 or greater than 65, and False otherwise.

    >>> gets_reduced_price(8)
    True
    >>> gets_reduced_price(40)
    False
    """
    return age < 12 or age > 65


def needs_umbrella(raining: bool, indoors: bool) -> bool:
    """Returns True if `raining` is True and `indoors` is False, and False in all other cases.

    >>> needs_umbrella(True, False)
    True
    >>> needs_umbrella(True, True)
    False
    """
    return raining and not indoors


def door_opens(locked: bool, has_key: bool) -> bool:
    """Returns True if the door is not `locked` or if `has_key` is True, and False otherwise.

    >>> door_opens(True, True)
    True
    >>> door_opens(True, False)
    False
    """
    return not locked or has_key


def flags_differ(a: bool, b: bool) -> bool:
    """Returns True if exactly one of `a` and `b` is True, and False otherwise.

    >>> flags_differ(True, False)
    True
    >>> flags_differ(True, True)
    False
    """
    return a != b


def neither_is_true(a: bool, b: bool) -> bool:
    """Returns True if both `a` and `b` are False, and False otherwise.

    >>> neither_is_true(False, False)
    True
    >>> neither_is_true(False, True)
    False
    """
    return not a and not b


def count_of_yes_votes(a: bool, b: bool, c: bool) -> int:
    """Returns how many of the three votes `a`, `b` and `c` are True.

    >>> count_of_yes_votes(True, False, True)
    2
    >>> count_of_yes_votes(False, False, False)
    0
    """
    return [a, b, c].count(True)


def all_three_equal(a: int, b: int, c: int) -> bool:
    """Returns True if `a`, `b` and `c` are all the same number, and False otherwise.

    >>> all_three_equal(4, 4, 4)
    True
    >>> all_three_equal(4, 4, 5)
    False
    """
    return a == b == c


def adds_up_to(a: int, b: int, total: int) -> bool:
    """Returns True if the sum of `a` and `b` is equal to `total`, and False otherwise.

    >>> adds_up_to(2, 3, 5)
    True
    >>> adds_up_to(2, 2, 5)
    False
    """
    return a + b == total


def is_time_of_day(hour: int, minute: int) -> bool:
    """Returns True if `hour` is from 0 to 23 and `minute` is from 0 to 59, and False otherwise.

    >>> is_time_of_day(13, 45)
    True
    >>> is_time_of_day(24, 0)
    False
    """
    return 0 <= hour <= 23 and 0 <= minute <= 59


def is_list_empty(items: list[int]) -> bool:
    """Returns True if `items` has no elements, and False otherwise.

    >>> is_list_empty([])
    True
    >>> is_list_empty([0])
    False
    """
    return len(items) == 0


def high_or_low(numbers: list[int]) -> list[str]:
    """Returns a list with 'high' for every element of `numbers` that is at least 10, and 'low' for every
    other one.

    >>> high_or_low([5, 10, 30])
    ['low', 'high', 'high']
    >>> high_or_low([])
    []
    """
    return ["high" if number >= 10 else "low" for number in numbers]


def at_least_one_zero(a: int, b: int) -> bool:
    """Returns True if `a` is 0 or `b` is 0 (or both), and False otherwise.

    >>> at_least_one_zero(0, 5)
    True
    >>> at_least_one_zero(2, 5)
    False
    """
    return a == 0 or b == 0


def price_for_member(price: int, is_member: bool) -> int:
    """Returns `price` minus 10 if `is_member` is True, and `price` unchanged if it is False.

    >>> price_for_member(50, True)
    40
    >>> price_for_member(50, False)
    50
    """
    return price - 10 if is_member else price
