"""Seeds from daily life: shopping, games, tickets, traffic lights, small decisions.

Read as source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def ticket_price(age: int) -> int:
    """Returns the price of a ticket for a visitor of the given `age`: 0 under 6, 5 from 6 to 17, 12 from 18
    to 64, and 8 from 65 on.

    >>> ticket_price(4)
    0
    >>> ticket_price(30)
    12
    >>> ticket_price(65)
    8
    """
    if age < 6:
        return 0
    if age < 18:
        return 5
    return 12 if age < 65 else 8


def next_traffic_light(color: str) -> str:
    """Returns the color that follows `color` at a traffic light: 'green' after 'red', 'yellow' after
    'green', 'red' after 'yellow', and 'off' for any other text.

    >>> next_traffic_light("green")
    'yellow'
    >>> next_traffic_light("blue")
    'off'
    """
    return {"red": "green", "green": "yellow", "yellow": "red"}.get(color, "off")


def rock_paper_scissors(first: str, second: str) -> int:
    """Returns 1 when the choice `first` wins against `second`, 2 when `second` wins, and 0 for a draw. Both
    are 'rock', 'paper' or 'scissors'; rock beats scissors, scissors beat paper, and paper beats rock.

    >>> rock_paper_scissors("rock", "scissors")
    1
    >>> rock_paper_scissors("rock", "paper")
    2
    >>> rock_paper_scissors("paper", "paper")
    0
    """
    choices = ["rock", "paper", "scissors"]
    return (choices.index(first) - choices.index(second)) % 3


def change_coins(amount: int) -> dict[int, int]:
    """Returns a dictionary that maps each of the coins 50, 20, 10, 5, 2 and 1 that is needed to how often it
    is needed, when the non-negative `amount` is paid by always taking the largest coin that still fits.

    >>> change_coins(87)
    {50: 1, 20: 1, 10: 1, 5: 1, 2: 1}
    >>> change_coins(0)
    {}
    """
    if amount < 0:
        raise ValueError("amount is negative")
    used = {}
    for coin in (50, 20, 10, 5, 2, 1):
        if amount >= coin:
            used[coin] = amount // coin
            amount %= coin
    return used


def split_bill(total: int, people: int) -> list[int]:
    """Returns a list of what each of `people` people pays when the non-negative `total` is shared as equally
    as possible in whole numbers; those who pay one more come first. There is at least one person.

    >>> split_bill(10, 3)
    [4, 3, 3]
    >>> split_bill(6, 2)
    [3, 3]
    """
    if people < 1 or total < 0:
        raise ValueError("a number is out of range")
    share, extra = divmod(total, people)
    return [share + 1] * extra + [share] * (people - extra)


def can_afford(money: int, prices: list[int]) -> int:
    """Returns how many of the items with the given `prices` can be bought with `money` when the cheapest
    ones are bought first. Prices are not negative.

    >>> can_afford(10, [7, 2, 5])
    2
    >>> can_afford(1, [3])
    0
    """
    if any(price < 0 for price in prices):
        raise ValueError("a price is negative")
    bought = 0
    for price in sorted(prices):
        if price > money:
            break
        money -= price
        bought += 1
    return bought


def boxes_needed(items: int, box_size: int) -> int:
    """Returns how many boxes that hold `box_size` items each are needed for `items` items. `items` is not
    negative and `box_size` is at least 1.

    >>> boxes_needed(10, 4)
    3
    >>> boxes_needed(8, 4)
    2
    """
    if items < 0 or box_size < 1:
        raise ValueError("a number is out of range")
    return (items + box_size - 1) // box_size


def game_winner(scores: list[tuple[str, int]]) -> str:
    """Returns the name with the highest score in `scores`, a list of (name, score) tuples, the text 'draw'
    when two or more share the highest score, and 'nobody' when the list is empty.

    >>> game_winner([("ana", 3), ("ben", 7)])
    'ben'
    >>> game_winner([("ana", 5), ("ben", 5)])
    'draw'
    >>> game_winner([])
    'nobody'
    """
    if not scores:
        return "nobody"
    best = max(score for _, score in scores)
    winners = [name for name, score in scores if score == best]
    return winners[0] if len(winners) == 1 else "draw"


def password_hint(password: str) -> str:
    """Returns a hint for `password`: its first character followed by one dot for each other character. The
    empty string gives an empty string.

    >>> password_hint("secret")
    's.....'
    >>> password_hint("")
    ''
    """
    return password[:1] + "." * (len(password) - 1)


def bus_passengers(stops: list[tuple[int, int]]) -> int:
    """Returns how many passengers are in a bus after all `stops`, a list of (getting on, getting off)
    tuples. The bus starts empty.

    >>> bus_passengers([(5, 0), (3, 4)])
    4
    >>> bus_passengers([])
    0
    """
    return sum(on - off for on, off in stops)


def greet(name: str, hour: int) -> str:
    """Returns a greeting for `name`: 'Good morning, ' before hour 12, 'Good afternoon, ' from 12 to 17, and
    'Good evening, ' from 18 on, followed by the name and an exclamation mark.

    >>> greet("Kim", 9)
    'Good morning, Kim!'
    >>> greet("Kim", 18)
    'Good evening, Kim!'
    """
    part = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    return f"Good {part}, {name}!"


def bank_balance(start: int, changes: list[int]) -> int:
    """Returns the balance of an account that starts with `start` after applying `changes` in order, where a
    change that would make the balance negative is skipped. `start` is not negative.

    >>> bank_balance(10, [-4, -8, 5])
    11
    >>> bank_balance(0, [])
    0
    """
    if start < 0:
        raise ValueError("start is negative")
    balance = start
    for change in changes:
        if balance + change >= 0:
            balance += change
    return balance


def speeding_fine(speed: int, limit: int) -> int:
    """Returns the fine for driving at `speed` where `limit` is allowed: 0 up to the limit, 50 when it is
    exceeded by up to 20, and 200 when it is exceeded by more.

    >>> speeding_fine(60, 60)
    0
    >>> speeding_fine(75, 60)
    50
    >>> speeding_fine(81, 60)
    200
    """
    if speed <= limit:
        return 0
    return 50 if speed - limit <= 20 else 200


def shopping_list_text(items: dict[str, int]) -> str:
    """Returns the entries of `items` written as the amount, ` x ` and the name, joined by a comma and a
    space, in the order of the dictionary.

    >>> shopping_list_text({"egg": 6, "milk": 1})
    '6 x egg, 1 x milk'
    >>> shopping_list_text({})
    ''
    """
    return ", ".join(f"{amount} x {name}" for name, amount in items.items())


def dice_score(dice: list[int]) -> int:
    """Returns the sum of the numbers in `dice`, doubled when all of them are equal. An empty list gives 0.

    >>> dice_score([3, 3])
    12
    >>> dice_score([1, 6])
    7
    >>> dice_score([])
    0
    """
    return sum(dice) * (2 if len(set(dice)) == 1 else 1)


def seat_label(number: int, seats_per_row: int) -> str:
    """Returns the label of seat `number`, counted from 0, in a hall with `seats_per_row` seats in each row:
    the row, counted from 1, a dash, and the place within the row, counted from 1. Both numbers are valid:
    `number` is not negative and `seats_per_row` is at least 1.

    >>> seat_label(0, 10)
    '1-1'
    >>> seat_label(25, 10)
    '3-6'
    """
    if number < 0 or seats_per_row < 1:
        raise ValueError("a number is out of range")
    return f"{number // seats_per_row + 1}-{number % seats_per_row + 1}"


def water_state(temperature: int) -> str:
    """Returns the state of water at `temperature` degrees Celsius: 'ice' at 0 or below, 'steam' at 100 or
    above, and 'liquid' between them.

    >>> water_state(20)
    'liquid'
    >>> water_state(100)
    'steam'
    >>> water_state(0)
    'ice'
    """
    if temperature <= 0:
        return "ice"
    return "steam" if temperature >= 100 else "liquid"


def is_balanced_meal(foods: list[str]) -> bool:
    """Returns True when `foods` contains 'fruit', 'vegetable' and 'grain', each at least once, and False
    otherwise.

    >>> is_balanced_meal(["fruit", "grain", "vegetable", "cake"])
    True
    >>> is_balanced_meal(["grain", "cake", "fruit"])
    False
    """
    return all(food in foods for food in ("fruit", "vegetable", "grain"))


def battery_after(level: int, used: list[int]) -> list[int]:
    """Returns a list of the battery levels after each element of `used` is subtracted in turn from `level`,
    where a level never falls below 0.

    >>> battery_after(100, [30, 50, 40])
    [70, 20, 0]
    >>> battery_after(10, [])
    []
    """
    levels = []
    for amount in used:
        level = max(0, level - amount)
        levels.append(level)
    return levels


def savings_weeks(goal: int, weekly: int) -> int:
    """Returns after how many weeks at least `goal` has been saved when `weekly` is saved every week.
    `weekly` is at least 1, and a goal of 0 or less takes 0 weeks.

    >>> savings_weeks(100, 30)
    4
    >>> savings_weeks(0, 5)
    0
    """
    if weekly < 1:
        raise ValueError("weekly must be positive")
    return max(0, -(-goal // weekly))
