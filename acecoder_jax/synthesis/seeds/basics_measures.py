"""Very easy seeds about measures in whole numbers: lengths, areas, counts, times and coins.

Each has one obvious solution of a line or a short loop, so that a small model solves some of them. Read as
source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def fence_for_garden(length: int, width: int, gate: int) -> int:
    """Returns the perimeter of a rectangle with the sides `length` and `width`, minus the width `gate` of a
    gate.

    >>> fence_for_garden(10, 5, 2)
    28
    >>> fence_for_garden(4, 4, 0)
    16
    """
    return 2 * (length + width) - gate


def side_from_perimeter(perimeter: int) -> int:
    """Returns the side of a square with the given `perimeter`, rounded down to an integer.

    >>> side_from_perimeter(20)
    5
    >>> side_from_perimeter(10)
    2
    """
    return perimeter // 4


def wall_to_paint(width: int, height: int, window: int) -> int:
    """Returns the area of a wall of `width` times `height` without the area `window`.

    >>> wall_to_paint(6, 3, 2)
    16
    >>> wall_to_paint(4, 2, 0)
    8
    """
    return width * height - window


def area_of_two_rooms(width1: int, length1: int, width2: int, length2: int) -> int:
    """Returns the sum of the areas of two rooms, one `width1` by `length1` and one `width2` by `length2`.

    >>> area_of_two_rooms(3, 4, 2, 5)
    22
    >>> area_of_two_rooms(1, 1, 0, 7)
    1
    """
    return width1 * length1 + width2 * length2


def larger_area(width1: int, height1: int, width2: int, height2: int) -> int:
    """Returns the area of the larger of two rectangles, `width1` by `height1` and `width2` by `height2`.

    >>> larger_area(2, 3, 4, 5)
    20
    >>> larger_area(9, 1, 2, 2)
    9
    """
    return max(width1 * height1, width2 * height2)


def total_area_of_rectangles(rectangles: list[tuple[int, int]]) -> int:
    """Returns the sum of width times height of all pairs in `rectangles`, or 0 if there are none.

    >>> total_area_of_rectangles([(2, 3), (1, 4)])
    10
    >>> total_area_of_rectangles([])
    0
    """
    return sum(width * height for width, height in rectangles)


def perimeters_of_rectangles(rectangles: list[tuple[int, int]]) -> list[int]:
    """Returns a list with the perimeter of each rectangle in `rectangles`, which are pairs of width and
    height.

    >>> perimeters_of_rectangles([(2, 3), (1, 1)])
    [10, 4]
    >>> perimeters_of_rectangles([])
    []
    """
    return [2 * (width + height) for width, height in rectangles]


def with_margin(width: int, height: int, margin: int) -> tuple[int, int]:
    """Returns a tuple of `width` and `height`, each made larger by two times `margin`.

    >>> with_margin(10, 20, 3)
    (16, 26)
    >>> with_margin(5, 8, 0)
    (5, 8)
    """
    return (width + 2 * margin, height + 2 * margin)


def picture_shape(width: int, height: int) -> str:
    """Returns 'portrait' if `height` is greater than `width`, 'landscape' if it is less, and 'square' if
    both are equal.

    >>> picture_shape(30, 20)
    'landscape'
    >>> picture_shape(20, 20)
    'square'
    """
    if height > width:
        return "portrait"
    if height < width:
        return "landscape"
    return "square"


def fits_inside(width: int, height: int, frame_width: int, frame_height: int) -> bool:
    """Returns True if `width` is at most `frame_width` and `height` is at most `frame_height`, and False
    otherwise.

    >>> fits_inside(3, 4, 5, 5)
    True
    >>> fits_inside(3, 6, 5, 5)
    False
    """
    return width <= frame_width and height <= frame_height


def space_left_in_tank(length: int, width: int, height: int, water: int) -> int:
    """Returns the product of `length`, `width` and `height`, minus the amount of `water` that is already in
    the tank.

    >>> space_left_in_tank(2, 3, 4, 10)
    14
    >>> space_left_in_tank(1, 1, 1, 1)
    0
    """
    return length * width * height - water


def lines_of_grid(rows: int, columns: int) -> int:
    """Returns how many lines it takes to draw a grid: one more than `rows` plus one more than `columns`.

    >>> lines_of_grid(2, 3)
    7
    >>> lines_of_grid(1, 1)
    4
    """
    return (rows + 1) + (columns + 1)


def matches_for_squares(squares: int) -> int:
    """Returns the number of matches for a row of `squares` squares: 4 for the first and 3 for each further
    one. It is 0 if `squares` is not positive.

    >>> matches_for_squares(1)
    4
    >>> matches_for_squares(3)
    10
    """
    if squares <= 0:
        return 0
    return 4 + 3 * (squares - 1)


def white_squares_on_board(size: int) -> int:
    """Returns half of the square of `size`, rounded down to an integer.

    >>> white_squares_on_board(8)
    32
    >>> white_squares_on_board(3)
    4
    """
    return size * size // 2


def packed_and_left_over(items: int, box_size: int) -> tuple[int, int]:
    """Returns a tuple of how many full boxes of `box_size` can be made of `items` and how many items are
    left over. If `box_size` is not positive, it is 0 boxes and all `items`.

    >>> packed_and_left_over(17, 5)
    (3, 2)
    >>> packed_and_left_over(4, 0)
    (0, 4)
    """
    if box_size <= 0:
        return (0, items)
    return (items // box_size, items % box_size)


def free_seats(rows: int, seats_per_row: int, sold: int) -> int:
    """Returns `rows` times `seats_per_row` minus `sold`, or 0 if more seats were sold than there are.

    >>> free_seats(10, 8, 30)
    50
    >>> free_seats(2, 2, 5)
    0
    """
    return max(rows * seats_per_row - sold, 0)


def weight_of_delivery(boxes: int, box_weight: int, truck_weight: int) -> int:
    """Returns the weight of a truck with `boxes` boxes: `truck_weight` plus `box_weight` for each box.

    >>> weight_of_delivery(10, 5, 900)
    950
    >>> weight_of_delivery(0, 5, 900)
    900
    """
    return truck_weight + boxes * box_weight


def sheets_for_pages(pages: int) -> int:
    """Returns how many sheets of paper are needed for `pages` pages with two pages on each sheet, or 0 if
    `pages` is not positive.

    >>> sheets_for_pages(5)
    3
    >>> sheets_for_pages(0)
    0
    """
    if pages <= 0:
        return 0
    return (pages + 1) // 2


def cuts_for_pieces(pieces: int) -> int:
    """Returns the number of cuts that divide a rope into `pieces` pieces, one less than `pieces`. It is
    never less than 0.

    >>> cuts_for_pieces(4)
    3
    >>> cuts_for_pieces(0)
    0
    """
    return max(pieces - 1, 0)


def trees_along_road(length: int, gap: int) -> int:
    """Returns `length` divided by `gap`, rounded down, plus 1 for the tree at the start, or 0 if `gap` is
    zero.

    >>> trees_along_road(100, 20)
    6
    >>> trees_along_road(50, 0)
    0
    """
    if gap == 0:
        return 0
    return length // gap + 1


def commute_distance(kilometers: int, days: int) -> int:
    """Returns the distance for going `kilometers` to work and the same way back on each of `days` days.

    >>> commute_distance(10, 5)
    100
    >>> commute_distance(7, 0)
    0
    """
    return 2 * kilometers * days


def distance_still_to_run(distance: int, lap: int, laps_done: int) -> int:
    """Returns `distance` minus the length of `laps_done` laps of length `lap` each.

    >>> distance_still_to_run(5000, 400, 10)
    1000
    >>> distance_still_to_run(800, 400, 2)
    0
    """
    return distance - lap * laps_done


def film_length_text(minutes: int) -> str:
    """Returns the whole hours in `minutes` followed by 'h', a space, and the remaining minutes followed by
    'm'.

    >>> film_length_text(135)
    '2h 15m'
    >>> film_length_text(40)
    '0h 40m'
    """
    return f"{minutes // 60}h {minutes % 60}m"


def minute_on_clock(minute: int, added: int) -> int:
    """Returns what the minute hand shows `added` minutes after `minute`: the remainder of their sum when
    divided by 60.

    >>> minute_on_clock(50, 20)
    10
    >>> minute_on_clock(10, 5)
    15
    """
    return (minute + added) % 60


def minutes_left_in_hour(minute: int) -> int:
    """Returns how many minutes are left from `minute` until 60, or 0 if `minute` is larger than 60.

    >>> minutes_left_in_hour(45)
    15
    >>> minutes_left_in_hour(70)
    0
    """
    return max(60 - minute, 0)


def full_hours_of_work(minutes: list[int]) -> int:
    """Returns how many full hours the numbers in `minutes` make together: their sum divided by 60, rounded
    down.

    >>> full_hours_of_work([50, 45, 40])
    2
    >>> full_hours_of_work([])
    0
    """
    return sum(minutes) // 60


def seconds_behind_fastest(times: list[int]) -> list[int]:
    """Returns a list with the difference between each element of `times` and the smallest one. An empty list
    gives an empty list.

    >>> seconds_behind_fastest([62, 60, 65])
    [2, 0, 5]
    >>> seconds_behind_fastest([])
    []
    """
    return [time - min(times) for time in times]


def is_shorter_time(minutes1: int, seconds1: int, minutes2: int, seconds2: int) -> bool:
    """Returns True if `minutes1` minutes and `seconds1` seconds are a shorter time than `minutes2` minutes
    and `seconds2` seconds, and False otherwise.

    >>> is_shorter_time(2, 30, 3, 10)
    True
    >>> is_shorter_time(1, 0, 0, 60)
    False
    """
    return minutes1 * 60 + seconds1 < minutes2 * 60 + seconds2


def value_of_change(quarters: int, dimes: int, nickels: int) -> int:
    """Returns the value in cents of the given coins: a quarter is 25 cents, a dime is 10 and a nickel is 5.

    >>> value_of_change(1, 2, 3)
    60
    >>> value_of_change(0, 0, 1)
    5
    """
    return 25 * quarters + 10 * dimes + 5 * nickels


def number_of_coins(amount: int) -> int:
    """Returns how many coins pay `amount` with as many coins of 5 as fit and coins of 1 for the rest, or 0
    if `amount` is negative.

    >>> number_of_coins(13)
    5
    >>> number_of_coins(10)
    2
    """
    if amount < 0:
        return 0
    return amount // 5 + amount % 5


def largest_fitting_coin(amount: int) -> int:
    """Returns the largest of the coins 10, 5 and 1 that is not larger than `amount`, or 0 if none fits.

    >>> largest_fitting_coin(7)
    5
    >>> largest_fitting_coin(0)
    0
    """
    for coin in (10, 5, 1):
        if coin <= amount:
            return coin
    return 0


def coins_are_enough(coins: list[int], price: int) -> bool:
    """Returns True if the sum of `coins` is at least `price`, and False otherwise.

    >>> coins_are_enough([10, 5, 5], 18)
    True
    >>> coins_are_enough([], 1)
    False
    """
    return sum(coins) >= price


def taxi_fare(kilometers: int) -> int:
    """Returns the price of a taxi ride: 4 to start and 2 for each of the `kilometers`.

    >>> taxi_fare(5)
    14
    >>> taxi_fare(0)
    4
    """
    return 4 + 2 * kilometers


def parking_fee(hours: int) -> int:
    """Returns the price for parking `hours` hours when the first hour is free and each further hour costs 3.

    >>> parking_fee(4)
    9
    >>> parking_fee(1)
    0
    """
    return max(hours - 1, 0) * 3
