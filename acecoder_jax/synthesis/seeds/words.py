"""Seeds about sentences: splitting at white space, picking, changing and joining words.

Read as source text by `load_seeds`; nothing in the project imports or calls these functions.
"""


def count_words(text: str) -> int:
    """Returns the number of words in `text`, where words are separated by white space.

    >>> count_words("the quick  fox")
    3
    >>> count_words("   ")
    0
    """
    return len(text.split())


def reverse_word_order(sentence: str) -> str:
    """Returns the words of `sentence` in reverse order, joined by single spaces.

    >>> reverse_word_order("tea with milk")
    'milk with tea'
    >>> reverse_word_order("")
    ''
    """
    return " ".join(reversed(sentence.split()))


def reverse_letters_of_words(sentence: str) -> str:
    """Returns `sentence` with the letters of each word reversed but the words in their old order, joined by
    single spaces.

    >>> reverse_letters_of_words("red car")
    'der rac'
    >>> reverse_letters_of_words("a")
    'a'
    """
    return " ".join(word[::-1] for word in sentence.split())


def find_longest_word(sentence: str) -> str:
    """Returns the longest word of `sentence`; of several longest words, the first one. A sentence without
    words gives an empty string.

    >>> find_longest_word("we like bananas")
    'bananas'
    >>> find_longest_word("cat dog")
    'cat'
    >>> find_longest_word("")
    ''
    """
    return max(sentence.split(), key=len, default="")


def find_shortest_word(sentence: str) -> str:
    """Returns the shortest word of `sentence`; of several shortest words, the last one. A sentence without
    words gives an empty string.

    >>> find_shortest_word("we walked by the sea")
    'by'
    >>> find_shortest_word("")
    ''
    """
    shortest = ""
    for word in sentence.split():
        if shortest == "" or len(word) <= len(shortest):
            shortest = word
    return shortest


def capitalize_first_letters(sentence: str) -> str:
    """Returns the words of `sentence` joined by single spaces, each with its first letter in upper case and
    the rest unchanged.

    >>> capitalize_first_letters("my new iPad")
    'My New IPad'
    >>> capitalize_first_letters("")
    ''
    """
    return " ".join(word[0].upper() + word[1:] for word in sentence.split())


def word_lengths(sentence: str) -> list[int]:
    """Returns a list with the length of each word of `sentence`, in order.

    >>> word_lengths("I am here")
    [1, 2, 4]
    >>> word_lengths("")
    []
    """
    return [len(word) for word in sentence.split()]


def first_word(sentence: str) -> str:
    """Returns the first word of `sentence`, or an empty string when it has no words.

    >>> first_word("open the door")
    'open'
    >>> first_word("  ")
    ''
    """
    words = sentence.split()
    return words[0] if words else ""


def last_word(sentence: str) -> str:
    """Returns the last word of `sentence` in lower case, or an empty string when it has no words.

    >>> last_word("Climb the Hill")
    'hill'
    >>> last_word("")
    ''
    """
    words = sentence.split()
    return words[-1].lower() if words else ""


def initials_of(name: str) -> str:
    """Returns the first letters of the words in `name` as capitals, with nothing between them.

    >>> initials_of("ada king lovelace")
    'AKL'
    >>> initials_of("Plato")
    'P'
    """
    return "".join(word[0].upper() for word in name.split())


def sort_words(sentence: str) -> str:
    """Returns the words of `sentence` sorted alphabetically and joined by single spaces. All words are
    converted to lower case first.

    >>> sort_words("Pear apple Fig")
    'apple fig pear'
    >>> sort_words("")
    ''
    """
    return " ".join(sorted(sentence.lower().split()))


def count_words_starting_with(sentence: str, prefix: str) -> int:
    """Returns how many words of `sentence` begin with `prefix`; upper and lower case are different.

    >>> count_words_starting_with("red rice and Rye", "r")
    2
    >>> count_words_starting_with("under the unlit lamp", "un")
    2
    """
    return sum(word.startswith(prefix) for word in sentence.split())


def words_longer_than(sentence: str, length: int) -> list[str]:
    """Returns a list of the words of `sentence` that have more than `length` characters, in their order.

    >>> words_longer_than("a bird in the garden", 3)
    ['bird', 'garden']
    >>> words_longer_than("to be", 4)
    []
    """
    return [word for word in sentence.split() if len(word) > length]


def replace_word(sentence: str, old: str, new: str) -> str:
    """Returns the words of `sentence` joined by single spaces, with every word that equals `old` replaced by
    `new`. Words that only contain `old` as a part stay as they are.

    >>> replace_word("the cat and the catfish", "cat", "dog")
    'the dog and the catfish'
    >>> replace_word("no change", "yes", "maybe")
    'no change'
    """
    return " ".join(new if word == old else word for word in sentence.split())


def count_unique_words(sentence: str) -> int:
    """Returns how many different words `sentence` has when upper and lower case are treated as equal.

    >>> count_unique_words("The end of the road")
    4
    >>> count_unique_words("")
    0
    """
    return len(set(sentence.lower().split()))


def has_repeated_word(sentence: str) -> bool:
    """Returns True when some word occurs more than once in `sentence`, and False otherwise. Upper and lower
    case are different.

    >>> has_repeated_word("row row your boat")
    True
    >>> has_repeated_word("Row row")
    False
    """
    words = sentence.split()
    return len(words) != len(set(words))


def snake_from_words(phrase: str) -> str:
    """Returns the words of `phrase` in lower case, joined by underscores.

    >>> snake_from_words("Total Item Count")
    'total_item_count'
    >>> snake_from_words("")
    ''
    """
    return "_".join(phrase.lower().split())


def camel_from_snake(name: str) -> str:
    """Returns the snake_case string `name` in camelCase: the parts between underscores are joined, and every
    part except the first gets a capital first letter. Empty parts are ignored.

    >>> camel_from_snake("total_item_count")
    'totalItemCount'
    >>> camel_from_snake("price")
    'price'
    """
    parts = [part for part in name.split("_") if part]
    return "".join(part if i == 0 else part[0].upper() + part[1:] for i, part in enumerate(parts))


def average_word_length(sentence: str) -> float:
    """Returns the average number of characters of the words in `sentence`, or 0.0 when there are no words.

    >>> average_word_length("I see you")
    2.3333333333333335
    >>> average_word_length("")
    0.0
    """
    words = sentence.split()
    return sum(len(word) for word in words) / len(words) if words else 0.0


def join_with_and(words: list[str]) -> str:
    """Returns the strings in `words` joined as in English: separated by a comma and a space, with ` and `
    before the last one instead of a comma. One word is returned alone, and an empty list gives an empty
    string.

    >>> join_with_and(["salt", "oil", "rice"])
    'salt, oil and rice'
    >>> join_with_and(["one", "two"])
    'one and two'
    >>> join_with_and([])
    ''
    """
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + " and " + words[-1]


def is_shuffled_word(first: str, second: str) -> bool:
    """Returns True when `second` has exactly the same letters as `first`, each as often, in any order, and
    False otherwise. Upper and lower case are treated as equal.

    >>> is_shuffled_word("Listen", "silent")
    True
    >>> is_shuffled_word("apple", "pale")
    False
    """
    return sorted(first.lower()) == sorted(second.lower())


def add_plural_s(word: str) -> str:
    """Returns `word` followed by `es` when it ends in `s`, `x` or `z`, and followed by `s` otherwise.

    >>> add_plural_s("box")
    'boxes'
    >>> add_plural_s("tree")
    'trees'
    """
    return word + ("es" if word.endswith(("s", "x", "z")) else "s")


def number_the_words(sentence: str) -> list[str]:
    """Returns a list with one string for each word of `sentence`: the word's number, counted from 1, a colon
    and the word.

    >>> number_the_words("lock the door")
    ['1:lock', '2:the', '3:door']
    >>> number_the_words("")
    []
    """
    return [f"{number}:{word}" for number, word in enumerate(sentence.split(), start=1)]
