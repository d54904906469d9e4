"""Very easy seeds about counts and sums with a condition over lists and strings.

Each has one obvious solution of a line or a short loop, so that a small model solves some of them. Read as
source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def count_zeros(numbers: list[int]) -> int:
    """Returns the number of zeros in `numbers`.

    >>> count_zeros([0, 3, 0])
    2
    >>> count_zeros([10, 20])
    0
    """
    return numbers.count(0)


def count_above_limit(numbers: list[int], limit: int) -> int:
    """Returns how many numbers in `numbers` are greater than `limit`.

    >>> count_above_limit([1, 5, 8], 4)
    2
    >>> count_above_limit([3, 3], 3)
    0
    """
    return sum(1 for number in numbers if number > limit)


def count_equal_to_first(items: list[int]) -> int:
    """Returns how often the first element of `items` occurs in the list, or 0 if the list is empty.

    >>> count_equal_to_first([4, 2, 4])
    2
    >>> count_equal_to_first([])
    0
    """
    return items.count(items[0]) if items else 0


def count_empty_strings(texts: list[str]) -> int:
    """Returns the number of empty strings in `texts`.

    >>> count_empty_strings(["a", "", ""])
    2
    >>> count_empty_strings([" ", "b"])
    0
    """
    return texts.count("")


def count_longer_words(words: list[str], length: int) -> int:
    """Returns how many strings in `words` have more than `length` characters.

    >>> count_longer_words(["cat", "mouse", "horse"], 4)
    2
    >>> count_longer_words(["cat"], 3)
    0
    """
    return sum(len(word) > length for word in words)


def count_words_containing(words: list[str], part: str) -> int:
    """Returns the number of strings in `words` that contain `part` at least once.

    >>> count_words_containing(["banana", "cherry", "pear"], "a")
    2
    >>> count_words_containing(["fig"], "z")
    0
    """
    return sum(1 for word in words if part in word)


def count_words_with_ending(words: list[str], ending: str) -> int:
    """Returns how many of the strings in `words` end with `ending`.

    >>> count_words_with_ending(["going", "gone", "sing"], "ing")
    2
    >>> count_words_with_ending([], "s")
    0
    """
    return len([word for word in words if word.endswith(ending)])


def count_false_flags(flags: list[bool]) -> int:
    """Returns how many elements of `flags` are False.

    >>> count_false_flags([True, False, False])
    2
    >>> count_false_flags([True])
    0
    """
    return flags.count(False)


def count_not_equal(items: list[int], value: int) -> int:
    """Returns the number of elements of `items` that are different from `value`.

    >>> count_not_equal([1, 2, 1, 3], 1)
    2
    >>> count_not_equal([5, 5], 5)
    0
    """
    return len(items) - items.count(value)


def count_increases(numbers: list[int]) -> int:
    """Returns how many numbers in `numbers` are greater than the number just before them.

    >>> count_increases([1, 3, 2, 5])
    2
    >>> count_increases([4, 4, 1])
    0
    """
    return sum(1 for before, after in zip(numbers, numbers[1:]) if after > before)


def count_equal_neighbors(text: str) -> int:
    """Returns how many characters of `text` are the same as the character right after them.

    >>> count_equal_neighbors("balloon")
    2
    >>> count_equal_neighbors("cat")
    0
    """
    count = 0
    for i in range(len(text) - 1):
        if text[i] == text[i + 1]:
            count += 1
    return count


def count_sentence_marks(text: str) -> int:
    """Returns how many characters of `text` are a period, a question mark or an exclamation mark.

    >>> count_sentence_marks("Hi! How are you?")
    2
    >>> count_sentence_marks("one, two")
    0
    """
    return sum(1 for character in text if character in ".?!")


def count_non_letters(text: str) -> int:
    """Returns the number of characters in `text` that are not letters.

    >>> count_non_letters("room 12")
    3
    >>> count_non_letters("cat")
    0
    """
    return sum(not character.isalpha() for character in text)


def count_vowel_starts(words: list[str]) -> int:
    """Returns how many strings in `words` start with one of the lower case vowels a, e, i, o and u.

    >>> count_vowel_starts(["apple", "pear", "orange"])
    2
    >>> count_vowel_starts(["fig", ""])
    0
    """
    return sum(1 for word in words if word.startswith(("a", "e", "i", "o", "u")))


def count_capitalized_words(words: list[str]) -> int:
    """Returns how many strings in `words` begin with an upper case letter. Empty strings are not counted.

    >>> count_capitalized_words(["Tom", "likes", "Paris"])
    2
    >>> count_capitalized_words(["", "tea"])
    0
    """
    return sum(1 for word in words if word[:1].isupper())


def count_values_at_own_index(numbers: list[int]) -> int:
    """Returns how many numbers in `numbers` are equal to their own index, where the first index is 0.

    >>> count_values_at_own_index([0, 5, 2])
    2
    >>> count_values_at_own_index([1, 0])
    0
    """
    return sum(1 for index, number in enumerate(numbers) if index == number)


def sum_above(numbers: list[int], limit: int) -> int:
    """Returns the sum of those numbers in `numbers` that are greater than `limit`, or 0 if there are none.

    >>> sum_above([1, 5, 8], 4)
    13
    >>> sum_above([2, 3], 10)
    0
    """
    return sum(number for number in numbers if number > limit)


def sum_of_first_three(numbers: list[int]) -> int:
    """Returns the sum of the first three numbers in `numbers`, or of all numbers if there are fewer than
    three.

    >>> sum_of_first_three([1, 2, 3, 4])
    6
    >>> sum_of_first_three([7, 8])
    15
    """
    return sum(numbers[:3])


def sum_without_largest(numbers: list[int]) -> int:
    """Returns the sum of `numbers` minus the largest number in it. The result for an empty list is 0.

    >>> sum_without_largest([4, 9, 2])
    6
    >>> sum_without_largest([])
    0
    """
    if not numbers:
        return 0
    return sum(numbers) - max(numbers)


def sum_of_single_digit_numbers(numbers: list[int]) -> int:
    """Returns the sum of all numbers in `numbers` that are from 0 to 9.

    >>> sum_of_single_digit_numbers([3, 12, 9])
    12
    >>> sum_of_single_digit_numbers([-5, 10])
    0
    """
    return sum(number for number in numbers if 0 <= number <= 9)


def sum_of_multiples_of_five(numbers: list[int]) -> int:
    """Returns the sum of the numbers in `numbers` that are multiples of 5.

    >>> sum_of_multiples_of_five([5, 7, 10])
    15
    >>> sum_of_multiples_of_five([1, 2])
    0
    """
    total = 0
    for number in numbers:
        if number % 5 == 0:
            total += number
    return total


def letters_in_long_words(words: list[str]) -> int:
    """Returns the sum of the lengths of all strings in `words` that have at least five characters.

    >>> letters_in_long_words(["mouse", "cat", "rabbit"])
    11
    >>> letters_in_long_words(["a", "dog"])
    0
    """
    return sum(len(word) for word in words if len(word) >= 5)


def sum_of_larger_in_pairs(pairs: list[tuple[int, int]]) -> int:
    """Returns the sum of the larger numbers of all pairs in `pairs`.

    >>> sum_of_larger_in_pairs([(1, 4), (6, 2)])
    10
    >>> sum_of_larger_in_pairs([])
    0
    """
    return sum(max(a, b) for a, b in pairs)


def sum_before_zero(numbers: list[int]) -> int:
    """Returns the sum of the numbers that come before the first zero in `numbers`. Without a zero all
    numbers are added.

    >>> sum_before_zero([2, 3, 0, 7])
    5
    >>> sum_before_zero([1, 2])
    3
    """
    total = 0
    for number in numbers:
        if number == 0:
            break
        total += number
    return total


def count_leading_spaces(line: str) -> int:
    """Returns the number of spaces at the beginning of `line`.

    >>> count_leading_spaces("   x = 1")
    3
    >>> count_leading_spaces("a b")
    0
    """
    return len(line) - len(line.lstrip(" "))


def count_differing_characters(first: str, second: str) -> int:
    """Returns at how many positions `first` and `second` have different characters. Only positions that
    both strings have are compared.

    >>> count_differing_characters("cart", "card")
    1
    >>> count_differing_characters("dog", "cats")
    3
    """
    return sum(a != b for a, b in zip(first, second))


def count_characters_from(text: str, wanted: str) -> int:
    """Returns how many characters of `text` are among the characters of `wanted`.

    >>> count_characters_from("banana", "an")
    5
    >>> count_characters_from("hello", "xyz")
    0
    """
    return sum(1 for character in text if character in wanted)


def count_digit_strings(texts: list[str]) -> int:
    """Returns the number of strings in `texts` that are made only of digits. Empty strings are not
    counted.

    >>> count_digit_strings(["12", "a1", "7"])
    2
    >>> count_digit_strings(["", "x"])
    0
    """
    return sum(text.isdigit() for text in texts)


def count_lists_containing(groups: list[list[int]], value: int) -> int:
    """Returns how many inner lists of `groups` contain `value`.

    >>> count_lists_containing([[1, 2], [3], [2, 2]], 2)
    2
    >>> count_lists_containing([[], [4]], 5)
    0
    """
    return sum(1 for group in groups if value in group)


def count_equal_pairs(pairs: list[tuple[int, int]]) -> int:
    """Returns the number of pairs in `pairs` whose two numbers are equal.

    >>> count_equal_pairs([(1, 1), (2, 3), (4, 4)])
    2
    >>> count_equal_pairs([(0, 1)])
    0
    """
    count = 0
    for a, b in pairs:
        if a == b:
            count += 1
    return count


def more_positives_than_negatives(numbers: list[int]) -> bool:
    """Returns True if `numbers` has more numbers above zero than numbers below zero, and False otherwise.

    >>> more_positives_than_negatives([3, -1, 8])
    True
    >>> more_positives_than_negatives([0, -2, 2])
    False
    """
    positives = sum(1 for number in numbers if number > 0)
    negatives = sum(1 for number in numbers if number < 0)
    return positives > negatives


def count_letters_a_to_m(word: str) -> int:
    """Returns how many characters of `word` are lower case letters from a to m.

    >>> count_letters_a_to_m("house")
    2
    >>> count_letters_a_to_m("Zoo")
    0
    """
    return sum(1 for letter in word if "a" <= letter <= "m")


def sum_of_excess(amounts: list[int], allowed: int) -> int:
    """Returns by how much the amounts in `amounts` are over `allowed`, added up. Amounts that are not over
    it add nothing.

    >>> sum_of_excess([5, 12, 15], 10)
    7
    >>> sum_of_excess([1, 2], 3)
    0
    """
    return sum(amount - allowed for amount in amounts if amount > allowed)


def count_mirrored_words(words: list[str]) -> int:
    """Returns how many strings in `words` are the same when they are read backwards.

    >>> count_mirrored_words(["level", "cat", "noon"])
    2
    >>> count_mirrored_words(["ab"])
    0
    """
    return sum(1 for word in words if word == word[::-1])


def count_below_last(numbers: list[int]) -> int:
    """Returns how many numbers in `numbers` are smaller than the last one. An empty list gives 0.

    >>> count_below_last([1, 9, 2, 5])
    2
    >>> count_below_last([])
    0
    """
    return sum(1 for number in numbers if number < numbers[-1])


def count_of_largest(numbers: list[int]) -> int:
    """Returns how many times the largest number in `numbers` occurs, or 0 if `numbers` is empty.

    >>> count_of_largest([3, 7, 7])
    2
    >>> count_of_largest([])
    0
    """
    return numbers.count(max(numbers)) if numbers else 0


def sum_of_two_largest(numbers: list[int]) -> int:
    """Returns the sum of the two largest numbers in `numbers`, which may be equal. A list of one number
    gives that number, and an empty list gives 0.

    >>> sum_of_two_largest([4, 1, 6])
    10
    >>> sum_of_two_largest([5])
    5
    """
    return sum(sorted(numbers)[-2:])
