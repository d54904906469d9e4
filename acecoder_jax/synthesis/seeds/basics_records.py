"""Very easy seeds about dictionaries as records: fields, price tables, lookups with defaults, lists of records.

Each has one obvious solution of a line or a short loop, so that a small model solves some of them. Read as
source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def make_point_record(x: int, y: int) -> dict[str, int]:
    """Returns a dictionary in which the key 'x' has the value `x` and the key 'y' has the value `y`.

    >>> make_point_record(3, 4)
    {'x': 3, 'y': 4}
    >>> make_point_record(0, -1)
    {'x': 0, 'y': -1}
    """
    return {"x": x, "y": y}


def make_contact(name: str, phone: str) -> dict[str, str]:
    """Returns a dictionary with `name` under the key 'name' and `phone` under the key 'phone'.

    >>> make_contact("Ann", "555")
    {'name': 'Ann', 'phone': '555'}
    >>> make_contact("Bob", "")
    {'name': 'Bob', 'phone': ''}
    """
    return {"name": name, "phone": phone}


def nickname_or_name(nicknames: dict[str, str], name: str) -> str:
    """Returns the value of `name` in `nicknames`, or `name` itself if it has no entry there.

    >>> nickname_or_name({"Robert": "Bob"}, "Robert")
    'Bob'
    >>> nickname_or_name({"Robert": "Bob"}, "Anna")
    'Anna'
    """
    return nicknames.get(name, name)


def translate_words(words: list[str], dictionary: dict[str, str]) -> list[str]:
    """Returns a list in which every word of `words` is replaced by its value in `dictionary`; words that are
    not in it stay the same.

    >>> translate_words(["red", "car"], {"red": "rot"})
    ['rot', 'car']
    >>> translate_words([], {"red": "rot"})
    []
    """
    return [dictionary.get(word, word) for word in words]


def area_from_record(shape: dict[str, int]) -> int:
    """Returns the value of 'width' times the value of 'height' in `shape`, where a missing key counts as 0.

    >>> area_from_record({"width": 3, "height": 5})
    15
    >>> area_from_record({"width": 3})
    0
    """
    return shape.get("width", 0) * shape.get("height", 0)


def is_available(stock: dict[str, int], item: str) -> bool:
    """Returns True if `item` is in `stock` with a number greater than zero, and False otherwise.

    >>> is_available({"pen": 4, "ink": 0}, "pen")
    True
    >>> is_available({"pen": 4, "ink": 0}, "ink")
    False
    """
    return stock.get(item, 0) > 0


def can_pay_for(prices: dict[str, int], item: str, money: int) -> bool:
    """Returns True if `item` is in `prices` and its price is not larger than `money`, and False otherwise.

    >>> can_pay_for({"tea": 3}, "tea", 5)
    True
    >>> can_pay_for({"tea": 3}, "cake", 5)
    False
    """
    return item in prices and prices[item] <= money


def price_difference(prices: dict[str, int], first: str, second: str) -> int:
    """Returns the price of `first` minus the price of `second`, where an item that is not in `prices` costs
    0.

    >>> price_difference({"tea": 3, "cake": 5}, "cake", "tea")
    2
    >>> price_difference({"tea": 3}, "milk", "tea")
    -3
    """
    return prices.get(first, 0) - prices.get(second, 0)


def price_text(prices: dict[str, int], item: str) -> str:
    """Returns the price of `item` in `prices` as text, or 'no price' if it is not there.

    >>> price_text({"tea": 3}, "tea")
    '3'
    >>> price_text({"tea": 3}, "milk")
    'no price'
    """
    if item in prices:
        return str(prices[item])
    return "no price"


def raise_prices(prices: dict[str, int], amount: int) -> dict[str, int]:
    """Returns a dictionary with the items of `prices`, where each price is larger by `amount`.

    >>> raise_prices({"tea": 3, "cake": 5}, 1)
    {'tea': 4, 'cake': 6}
    >>> raise_prices({}, 2)
    {}
    """
    return {item: price + amount for item, price in prices.items()}


def price_range(prices: dict[str, int]) -> int:
    """Returns the highest price in `prices` minus the lowest one, or 0 if there are no prices.

    >>> price_range({"tea": 3, "cake": 8, "milk": 2})
    6
    >>> price_range({})
    0
    """
    if not prices:
        return 0
    return max(prices.values()) - min(prices.values())


def count_expensive_items(prices: dict[str, int], limit: int) -> int:
    """Returns how many items in `prices` cost more than `limit`.

    >>> count_expensive_items({"tea": 3, "cake": 8, "wine": 12}, 5)
    2
    >>> count_expensive_items({}, 5)
    0
    """
    return sum(1 for price in prices.values() if price > limit)


def value_of_stock(prices: dict[str, int], stock: dict[str, int]) -> int:
    """Returns the sum of price times number for all items in `stock`; an item without an entry in `prices`
    counts as 0.

    >>> value_of_stock({"pen": 2, "ink": 5}, {"pen": 10, "ink": 1})
    25
    >>> value_of_stock({"pen": 2}, {"cup": 4})
    0
    """
    return sum(prices.get(item, 0) * number for item, number in stock.items())


def items_to_reorder(stock: dict[str, int], minimum: int) -> list[str]:
    """Returns a list of the items in `stock` whose number is less than `minimum`, in the order of the
    dictionary.

    >>> items_to_reorder({"pen": 4, "ink": 1, "cup": 0}, 2)
    ['ink', 'cup']
    >>> items_to_reorder({}, 2)
    []
    """
    return [item for item, number in stock.items() if number < minimum]


def without_empty_fields(record: dict[str, str]) -> dict[str, str]:
    """Returns a dictionary of the entries of `record` whose value is not the empty string.

    >>> without_empty_fields({"name": "Ann", "city": ""})
    {'name': 'Ann'}
    >>> without_empty_fields({})
    {}
    """
    return {key: value for key, value in record.items() if value != ""}


def strip_fields(record: dict[str, str]) -> dict[str, str]:
    """Returns a dictionary with the keys of `record` and its values without spaces at the start and the end.

    >>> strip_fields({"name": " Ann ", "city": "Rome"})
    {'name': 'Ann', 'city': 'Rome'}
    >>> strip_fields({})
    {}
    """
    return {key: value.strip() for key, value in record.items()}


def numbers_to_text_fields(record: dict[str, int]) -> dict[str, str]:
    """Returns a dictionary in which every value of `record` is turned into a string.

    >>> numbers_to_text_fields({"age": 7, "score": 12})
    {'age': '7', 'score': '12'}
    >>> numbers_to_text_fields({})
    {}
    """
    return {key: str(value) for key, value in record.items()}


def record_as_lines(record: dict[str, str]) -> list[str]:
    """Returns a list with one string for each entry of `record`: the key, an equals sign and the value.

    >>> record_as_lines({"name": "Ann", "city": "Rome"})
    ['name=Ann', 'city=Rome']
    >>> record_as_lines({})
    []
    """
    return [f"{key}={value}" for key, value in record.items()]


def missing_fields(record: dict[str, str], fields: list[str]) -> list[str]:
    """Returns a list of the strings in `fields` that are not keys of `record`, in their order.

    >>> missing_fields({"name": "Ann"}, ["name", "city", "phone"])
    ['city', 'phone']
    >>> missing_fields({"name": "Ann"}, [])
    []
    """
    return [field for field in fields if field not in record]


def pick_fields(record: dict[str, int], fields: list[str]) -> dict[str, int]:
    """Returns a dictionary of the entries of `record` whose key is in `fields`.

    >>> pick_fields({"a": 1, "b": 2, "c": 3}, ["a", "c"])
    {'a': 1, 'c': 3}
    >>> pick_fields({"a": 1}, ["x"])
    {}
    """
    return {key: value for key, value in record.items() if key in fields}


def same_field(first: dict[str, int], second: dict[str, int], field: str) -> bool:
    """Returns True if `field` has equal values in both dictionaries or is missing in both, and False
    otherwise.

    >>> same_field({"age": 7}, {"age": 7, "size": 3}, "age")
    True
    >>> same_field({"age": 7}, {"size": 3}, "age")
    False
    """
    return first.get(field) == second.get(field)


def names_of_people(people: list[dict[str, str]]) -> list[str]:
    """Returns a list with the value of 'name' of each dictionary in `people`, or an empty string where there
    is no name.

    >>> names_of_people([{"name": "Ann"}, {"name": "Bob", "city": "Rome"}])
    ['Ann', 'Bob']
    >>> names_of_people([{"city": "Oslo"}])
    ['']
    """
    return [person.get("name", "") for person in people]


def sum_of_prices_in_records(products: list[dict[str, int]]) -> int:
    """Returns the sum of the values of 'price' in all dictionaries of `products`; a missing price counts as
    0.

    >>> sum_of_prices_in_records([{"price": 4}, {"price": 6, "size": 1}])
    10
    >>> sum_of_prices_in_records([])
    0
    """
    return sum(product.get("price", 0) for product in products)


def count_records_with_field(records: list[dict[str, int]], field: str) -> int:
    """Returns how many dictionaries in `records` have the key `field`.

    >>> count_records_with_field([{"age": 3}, {"size": 2}, {"age": 8}], "age")
    2
    >>> count_records_with_field([], "age")
    0
    """
    return sum(1 for record in records if field in record)


def count_people_in_city(people: list[dict[str, str]], city: str) -> int:
    """Returns how many dictionaries in `people` have the value `city` for the key 'city'.

    >>> count_people_in_city([{"city": "Rome"}, {"city": "Oslo"}, {"city": "Rome"}], "Rome")
    2
    >>> count_people_in_city([{"name": "Ann"}], "Rome")
    0
    """
    return sum(1 for person in people if person.get("city") == city)


def keep_adults(people: list[dict[str, int]]) -> list[dict[str, int]]:
    """Returns a list of the dictionaries in `people` whose 'age' is at least 18; one without an age is left
    out.

    >>> keep_adults([{"age": 30}, {"age": 12}])
    [{'age': 30}]
    >>> keep_adults([{"size": 50}])
    []
    """
    return [person for person in people if person.get("age", 0) >= 18]


def phone_of(contacts: list[dict[str, str]], name: str) -> str:
    """Returns the 'phone' of the first dictionary in `contacts` whose 'name' is `name`, or an empty string
    if there is none.

    >>> phone_of([{"name": "Ann", "phone": "555"}, {"name": "Bob", "phone": "777"}], "Bob")
    '777'
    >>> phone_of([], "Bob")
    ''
    """
    for contact in contacts:
        if contact.get("name") == name:
            return contact.get("phone", "")
    return ""


def set_of_cities(trips: list[dict[str, str]]) -> set[str]:
    """Returns the set of the values of 'city' in all dictionaries of `trips`; one without a city is ignored.

    >>> set_of_cities([{"city": "Rome"}, {"city": "Rome"}])
    {'Rome'}
    >>> set_of_cities([])
    set()
    """
    return {trip["city"] for trip in trips if "city" in trip}


def newest_price(history: list[dict[str, int]]) -> int:
    """Returns the value of 'price' in the last dictionary of `history`, or 0 if the list is empty or the
    price is missing.

    >>> newest_price([{"price": 4}, {"price": 7}])
    7
    >>> newest_price([])
    0
    """
    if not history:
        return 0
    return history[-1].get("price", 0)


def points_of_player(rounds: list[dict[str, int]], player: str) -> int:
    """Returns the sum of the values of `player` in all dictionaries of `rounds`; a round without the player
    counts as 0.

    >>> points_of_player([{"Ann": 3, "Bob": 1}, {"Ann": 4}], "Ann")
    7
    >>> points_of_player([{"Ann": 3}], "Bob")
    0
    """
    return sum(points.get(player, 0) for points in rounds)


def numbered_names(names: list[str]) -> dict[int, str]:
    """Returns a dictionary that maps 1 to the first string in `names`, 2 to the second, and so on.

    >>> numbered_names(["Ann", "Bob"])
    {1: 'Ann', 2: 'Bob'}
    >>> numbered_names([])
    {}
    """
    return dict(enumerate(names, 1))


def count_courses(courses: dict[str, list[str]], student: str) -> int:
    """Returns how many elements the list of `student` in `courses` has, or 0 if the student is not there.

    >>> count_courses({"Ann": ["art", "music"]}, "Ann")
    2
    >>> count_courses({"Ann": ["art", "music"]}, "Bob")
    0
    """
    return len(courses.get(student, []))


def total_points_by_team(scores: dict[str, list[int]]) -> dict[str, int]:
    """Returns a dictionary that gives the sum of the list of each team in `scores`; an empty list gives 0.

    >>> total_points_by_team({"red": [1, 2], "blue": [5]})
    {'red': 3, 'blue': 5}
    >>> total_points_by_team({"red": []})
    {'red': 0}
    """
    return {team: sum(points) for team, points in scores.items()}


def open_tasks(tasks: dict[str, bool]) -> list[str]:
    """Returns a list of the keys of `tasks` whose value is False, in the order of the dictionary.

    >>> open_tasks({"wash": True, "cook": False})
    ['cook']
    >>> open_tasks({})
    []
    """
    return [task for task, done in tasks.items() if not done]


def age_in_directory(people: dict[str, dict[str, int]], name: str) -> int:
    """Returns the 'age' in the dictionary of `name` in `people`, or 0 if the name or the age is missing.

    >>> age_in_directory({"Ann": {"age": 30}}, "Ann")
    30
    >>> age_in_directory({"Ann": {"age": 30}}, "Bob")
    0
    """
    return people.get(name, {}).get("age", 0)


def count_different_values(table: dict[str, int]) -> int:
    """Returns how many different values there are in `table`.

    >>> count_different_values({"a": 1, "b": 2, "c": 1})
    2
    >>> count_different_values({})
    0
    """
    return len(set(table.values()))
