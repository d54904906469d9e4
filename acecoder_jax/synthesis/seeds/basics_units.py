"""Very easy seeds about areas, lengths, times and prices: one formula each.

Each has one obvious solution of a line or a short loop, so that a small model solves some of them. Read as
source text by `load_seeds`; nothing in the project imports or calls these functions.
"""

import math


def area_of_rectangle(width: int, height: int) -> int:
    """Returns the area of a rectangle with the given `width` and `height`.

    >>> area_of_rectangle(3, 5)
    15
    >>> area_of_rectangle(2, 10)
    20
    """
    return width * height


def area_of_square(side: int) -> int:
    """Returns the area of a square with the given `side`.

    >>> area_of_square(4)
    16
    >>> area_of_square(10)
    100
    """
    return side * side


def perimeter_of_square(side: int) -> int:
    """Returns the perimeter of a square with the given `side`.

    >>> perimeter_of_square(3)
    12
    >>> perimeter_of_square(10)
    40
    """
    return 4 * side


def area_of_triangle(base: float, height: float) -> float:
    """Returns the area of a triangle with the given `base` and `height`.

    >>> area_of_triangle(4.0, 3.0)
    6.0
    >>> area_of_triangle(5.0, 1.0)
    2.5
    """
    return base * height / 2


def cube_volume(side: int) -> int:
    """Returns the volume of a cube with the given `side`.

    >>> cube_volume(2)
    8
    >>> cube_volume(10)
    1000
    """
    return side**3


def circle_diameter(radius: float) -> float:
    """Returns the diameter of a circle with the given `radius`.

    >>> circle_diameter(3.0)
    6.0
    >>> circle_diameter(1.5)
    3.0
    """
    return 2 * radius


def circumference_of_circle(radius: float) -> float:
    """Returns the circumference of a circle with the given `radius`.

    >>> circumference_of_circle(1.0)
    6.283185307179586
    >>> circumference_of_circle(0.5)
    3.141592653589793
    """
    return 2 * math.pi * radius


def hypotenuse(a: float, b: float) -> float:
    """Returns the length of the hypotenuse of a right triangle with the legs `a` and `b`.

    >>> hypotenuse(3.0, 4.0)
    5.0
    >>> hypotenuse(5.0, 12.0)
    13.0
    """
    return math.sqrt(a * a + b * b)


def minutes_to_seconds(minutes: int) -> int:
    """Returns the number of seconds in `minutes` minutes.

    >>> minutes_to_seconds(2)
    120
    >>> minutes_to_seconds(10)
    600
    """
    return minutes * 60


def hours_to_minutes(hours: int) -> int:
    """Returns the number of minutes in `hours` hours.

    >>> hours_to_minutes(3)
    180
    >>> hours_to_minutes(24)
    1440
    """
    return hours * 60


def hours_to_seconds(hours: int) -> int:
    """Returns the number of seconds in `hours` hours.

    >>> hours_to_seconds(1)
    3600
    >>> hours_to_seconds(5)
    18000
    """
    return hours * 3600


def days_to_hours(days: int) -> int:
    """Returns the number of hours in `days` days.

    >>> days_to_hours(2)
    48
    >>> days_to_hours(7)
    168
    """
    return days * 24


def weeks_to_days(weeks: int) -> int:
    """Returns the number of days in `weeks` weeks.

    >>> weeks_to_days(2)
    14
    >>> weeks_to_days(52)
    364
    """
    return weeks * 7


def years_to_months(years: int) -> int:
    """Returns the number of months in `years` years.

    >>> years_to_months(2)
    24
    >>> years_to_months(10)
    120
    """
    return years * 12


def seconds_to_minutes(seconds: float) -> float:
    """Returns `seconds` converted to minutes.

    >>> seconds_to_minutes(120.0)
    2.0
    >>> seconds_to_minutes(30.0)
    0.5
    """
    return seconds / 60


def total_minutes(hours: int, minutes: int) -> int:
    """Returns the number of minutes in `hours` hours and `minutes` minutes together.

    >>> total_minutes(2, 15)
    135
    >>> total_minutes(0, 40)
    40
    """
    return hours * 60 + minutes


def kilometers_to_meters(kilometers: float) -> float:
    """Returns `kilometers` converted to meters.

    >>> kilometers_to_meters(2.5)
    2500.0
    >>> kilometers_to_meters(10.0)
    10000.0
    """
    return kilometers * 1000


def meters_to_centimeters(meters: int) -> int:
    """Returns the number of centimeters in `meters` meters.

    >>> meters_to_centimeters(3)
    300
    >>> meters_to_centimeters(12)
    1200
    """
    return meters * 100


def dollars_to_cents(dollars: int) -> int:
    """Returns the number of cents in `dollars` dollars.

    >>> dollars_to_cents(5)
    500
    >>> dollars_to_cents(20)
    2000
    """
    return dollars * 100


def fahrenheit_to_celsius(fahrenheit: float) -> float:
    """Returns the temperature `fahrenheit` converted to degrees Celsius.

    >>> fahrenheit_to_celsius(212.0)
    100.0
    >>> fahrenheit_to_celsius(32.0)
    0.0
    """
    return (fahrenheit - 32) * 5 / 9


def celsius_to_kelvin(celsius: float) -> float:
    """Returns the temperature `celsius` converted to kelvin by adding 273.15.

    >>> celsius_to_kelvin(0.0)
    273.15
    >>> celsius_to_kelvin(100.0)
    373.15
    """
    return celsius + 273.15


def subtract_discount(price: float, discount: float) -> float:
    """Returns `price` minus `discount`.

    >>> subtract_discount(20.0, 5.0)
    15.0
    >>> subtract_discount(8.5, 1.5)
    7.0
    """
    return price - discount


def percent_of_price(price: float, percent: float) -> float:
    """Returns `percent` percent of `price`.

    >>> percent_of_price(200.0, 10.0)
    20.0
    >>> percent_of_price(50.0, 50.0)
    25.0
    """
    return price * percent / 100


def price_with_tax(price: float, tax_percent: float) -> float:
    """Returns `price` plus `tax_percent` percent of it.

    >>> price_with_tax(100.0, 20.0)
    120.0
    >>> price_with_tax(50.0, 10.0)
    55.0
    """
    return price + price * tax_percent / 100


def simple_interest(principal: float, rate: float, years: float) -> float:
    """Returns the simple interest on `principal` at `rate` percent per year for the given number of `years`.

    >>> simple_interest(1000.0, 5.0, 2.0)
    100.0
    >>> simple_interest(200.0, 10.0, 1.0)
    20.0
    """
    return principal * rate * years / 100


def change_due(paid: int, price: int) -> int:
    """Returns the change for a customer who paid `paid` for something that costs `price`.

    >>> change_due(20, 15)
    5
    >>> change_due(10, 10)
    0
    """
    return paid - price


def age_in_year(birth_year: int, year: int) -> int:
    """Returns the age in `year` of a person born in `birth_year`.

    >>> age_in_year(1990, 2020)
    30
    >>> age_in_year(2000, 2010)
    10
    """
    return year - birth_year


def distance_traveled(speed: float, hours: float) -> float:
    """Returns the distance traveled in `hours` hours at the given `speed`.

    >>> distance_traveled(60.0, 2.0)
    120.0
    >>> distance_traveled(5.0, 0.5)
    2.5
    """
    return speed * hours


def weekly_pay(hours: int, hourly_wage: int) -> int:
    """Returns the pay for working `hours` hours at `hourly_wage` per hour.

    >>> weekly_pay(40, 15)
    600
    >>> weekly_pay(10, 12)
    120
    """
    return hours * hourly_wage


def count_animal_legs(dogs: int, birds: int) -> int:
    """Returns the total number of legs of `dogs` dogs with 4 legs each and `birds` birds with 2 legs each.

    >>> count_animal_legs(2, 3)
    14
    >>> count_animal_legs(1, 0)
    4
    """
    return 4 * dogs + 2 * birds
