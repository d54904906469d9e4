"""Seeds about calendars and clocks. Dates are given as numbers or as text in the form YYYY-MM-DD.

Read as source text by `load_seeds`; nothing in the project imports or calls these functions.
"""

import calendar
import datetime


def is_leap(year: int) -> bool:
    """Returns True when `year` is a leap year: divisible by 4, but not by 100 unless also by 400. Returns
    False otherwise.

    >>> is_leap(2024)
    True
    >>> is_leap(1900)
    False
    >>> is_leap(2000)
    True
    """
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def month_length(year: int, month: int) -> int:
    """Returns the number of days of the month with number `month`, from 1 to 12, in `year`; February has 29
    days in leap years.

    >>> month_length(2024, 2)
    29
    >>> month_length(2023, 11)
    30
    """
    if year < 1:
        raise ValueError("year must be positive")
    return calendar.monthrange(year, month)[1]


def weekday_name(year: int, month: int, day: int) -> str:
    """Returns the English name of the weekday of the given date, such as 'Monday'.

    >>> weekday_name(2024, 3, 15)
    'Friday'
    >>> weekday_name(2000, 1, 1)
    'Saturday'
    """
    names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    return names[datetime.date(year, month, day).weekday()]


def is_weekend(date: str) -> bool:
    """Returns True when `date`, given as YYYY-MM-DD, is a Saturday or a Sunday, and False otherwise.

    >>> is_weekend("2024-03-16")
    True
    >>> is_weekend("2024-03-15")
    False
    """
    return datetime.date.fromisoformat(date).weekday() >= 5


def days_between(start: str, end: str) -> int:
    """Returns the number of days from `start` to `end`, both given as YYYY-MM-DD; it is negative when `end`
    is earlier.

    >>> days_between("2024-02-27", "2024-03-01")
    3
    >>> days_between("2024-01-10", "2024-01-01")
    -9
    """
    return (datetime.date.fromisoformat(end) - datetime.date.fromisoformat(start)).days


def add_days(date: str, days: int) -> str:
    """Returns the date that is `days` days after `date` (before it when `days` is negative); both dates are
    text in the form YYYY-MM-DD.

    >>> add_days("2023-12-30", 3)
    '2024-01-02'
    >>> add_days("2024-03-01", -1)
    '2024-02-29'
    """
    return (datetime.date.fromisoformat(date) + datetime.timedelta(days=days)).isoformat()


def day_number_in_year(date: str) -> int:
    """Returns which day of its year `date`, given as YYYY-MM-DD, is; the first of January is day 1.

    >>> day_number_in_year("2023-02-01")
    32
    >>> day_number_in_year("2024-12-31")
    366
    """
    return datetime.date.fromisoformat(date).timetuple().tm_yday


def quarter_of(month: int) -> int:
    """Returns the quarter of the year, from 1 to 4, that contains the month with number `month` from 1 to
    12.

    >>> quarter_of(5)
    2
    >>> quarter_of(12)
    4
    """
    if not 1 <= month <= 12:
        raise ValueError("not a month")
    return (month - 1) // 3 + 1


def month_abbreviation(month: int) -> str:
    """Returns the first three letters of the English name of the month with number `month`, such as 'Jan'
    for 1, and an empty string when `month` is not from 1 to 12.

    >>> month_abbreviation(9)
    'Sep'
    >>> month_abbreviation(13)
    ''
    """
    names = "JanFebMarAprMayJunJulAugSepOctNovDec"
    return names[3 * month - 3 : 3 * month] if 1 <= month <= 12 else ""


def season_of(month: int) -> str:
    """Returns the season of the month with number `month` from 1 to 12: 'winter' for 12, 1 and 2, 'spring'
    for 3 to 5, 'summer' for 6 to 8, and 'autumn' for 9 to 11.

    >>> season_of(1)
    'winter'
    >>> season_of(10)
    'autumn'
    """
    if not 1 <= month <= 12:
        raise ValueError("not a month")
    return ["winter", "spring", "summer", "autumn"][month % 12 // 3]


def century_of(year: int) -> int:
    """Returns the century that the positive `year` belongs to: the years 1 to 100 are in century 1, 101 to
    200 in century 2, and so on.

    >>> century_of(2024)
    21
    >>> century_of(1900)
    19
    """
    if year < 1:
        raise ValueError("year must be positive")
    return (year + 99) // 100


def age_on(birth: str, today: str) -> int:
    """Returns the age in full years, on the date `today`, of a person born on the date `birth`. Both are
    given as YYYY-MM-DD, and `birth` is not later than `today`.

    >>> age_on("2000-06-15", "2024-06-14")
    23
    >>> age_on("2000-06-15", "2024-06-15")
    24
    """
    start, end = datetime.date.fromisoformat(birth), datetime.date.fromisoformat(today)
    if end < start:
        raise ValueError("birth is after today")
    return end.year - start.year - ((end.month, end.day) < (start.month, start.day))


def year_of(date: str) -> int:
    """Returns the year of `date`, which is text in the form YYYY-MM-DD, as an integer.

    >>> year_of("2024-03-15")
    2024
    >>> year_of("1999-12-31")
    1999
    """
    return datetime.date.fromisoformat(date).year


def date_with_slashes(date: str) -> str:
    """Returns `date`, given as YYYY-MM-DD, in the form DD/MM/YYYY.

    >>> date_with_slashes("2024-03-15")
    '15/03/2024'
    >>> date_with_slashes("1999-12-01")
    '01/12/1999'
    """
    day = datetime.date.fromisoformat(date)
    return f"{day.day:02d}/{day.month:02d}/{day.year:04d}"


def earliest_date(dates: list[str]) -> str:
    """Returns the earliest of the dates in `dates`, all given as YYYY-MM-DD, or an empty string for an empty
    list.

    >>> earliest_date(["2024-05-01", "2023-12-24", "2024-01-01"])
    '2023-12-24'
    >>> earliest_date([])
    ''
    """
    return min((datetime.date.fromisoformat(date).isoformat() for date in dates), default="")


def add_minutes_to_clock(hour: int, minute: int, added: int) -> tuple[int, int]:
    """Returns the time of day, as a tuple of hour (0 to 23) and minute (0 to 59), that is `added` minutes
    after `hour` and `minute`; it starts again from 0 at midnight. `added` is not negative.

    >>> add_minutes_to_clock(23, 50, 15)
    (0, 5)
    >>> add_minutes_to_clock(8, 0, 90)
    (9, 30)
    """
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and added >= 0):
        raise ValueError("not a time")
    total = (hour * 60 + minute + added) % (24 * 60)
    return total // 60, total % 60


def minutes_since_midnight(time: str) -> int:
    """Returns how many minutes have passed since midnight at `time`, given as two digits of hours, a colon
    and two digits of minutes.

    >>> minutes_since_midnight("02:30")
    150
    >>> minutes_since_midnight("00:00")
    0
    """
    if len(time) != 5:
        raise ValueError("not in the form HH:MM")
    moment = datetime.datetime.strptime(time, "%H:%M")
    return moment.hour * 60 + moment.minute


def to_twelve_hours(hour: int) -> str:
    """Returns the full hour `hour`, from 0 to 23, on a twelve-hour clock: a number from 1 to 12, a space,
    and 'AM' before noon or 'PM' from noon on. Hour 0 is '12 AM' and hour 12 is '12 PM'.

    >>> to_twelve_hours(15)
    '3 PM'
    >>> to_twelve_hours(0)
    '12 AM'
    """
    if not 0 <= hour <= 23:
        raise ValueError("not an hour")
    return f"{(hour - 1) % 12 + 1} {'AM' if hour < 12 else 'PM'}"


def is_later_time(first: str, second: str) -> bool:
    """Returns True when the time `first` is later in the day than the time `second`, and False otherwise.
    Both are given as HH:MM with two digits each.

    >>> is_later_time("18:05", "09:30")
    True
    >>> is_later_time("07:00", "07:00")
    False
    """
    if len(first) != 5 or len(second) != 5:
        raise ValueError("not in the form HH:MM")
    return datetime.datetime.strptime(first, "%H:%M") > datetime.datetime.strptime(second, "%H:%M")


def count_leap_years(start: int, end: int) -> int:
    """Returns how many leap years there are from the year `start` to the year `end`, both included. A leap
    year is divisible by 4, but not by 100 unless also by 400.

    >>> count_leap_years(2000, 2010)
    3
    >>> count_leap_years(2001, 2003)
    0
    """
    if start < 0 or end > 10000:
        raise ValueError("a year is out of range")
    return sum(calendar.isleap(year) for year in range(start, end + 1))


def playing_time(songs: list[str]) -> int:
    """Returns the whole number of seconds that all songs together last, where each element of `songs` is a
    length in minutes and seconds such as '3:45'.

    >>> playing_time(["3:45", "2:10"])
    355
    >>> playing_time([])
    0
    """
    total = 0
    for song in songs:
        minutes, seconds = song.split(":")
        total += int(minutes) * 60 + int(seconds)
    return total
