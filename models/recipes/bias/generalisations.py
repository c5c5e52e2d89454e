"""
Weak marks of generalisations: the subject of a statement about a group as a whole.

A rule over the bundled English pipeline marks a subject that names a group of people ("most women",
"old people", "Italian men", "every nurse") where the statement is in the present tense and the
group is not narrowed down ("the women in the room", "my cousins", "two Italians"). The rule reads
grammar, not truth. Sentences made from patterns show it clear cases of both kinds, with harmless statements.
"""

import itertools
import random
import re
from collections.abc import Iterator

from spacy.tokens import Doc, Token

from models.recipes.bias.examples import Example, Spans, unmarked

GROUPS = {
    "train": "men women boys girls teenagers pensioners mothers fathers nurses lawyers farmers Italians "
    "Germans Mexicans Nigerians Russians Muslims Christians Buddhists atheists immigrants refugees liberals "
    "conservatives vegetarians students politicians Americans Indians Koreans",
    "dev": "grandmothers engineers Spaniards Hindus Kenyans voters",
    "test": "husbands wives teachers Swedes Brazilians Jews Catholics bankers foreigners socialists "
    "Canadians bachelors",
}
"""Plural nouns of the made-up sentences; no group stands in two splits."""
STATEMENTS = {
    "train": "like long walks|are good cooks|need more sleep|always arrive early|know a lot about music|"
    "can sing|are never on time|watch football on Sundays|love their families|do not trust the news|"
    "are hard workers|drink a lot of tea|care about money|talk too much|"
    "are afraid of dogs|make good neighbours",
    "dev": "enjoy old films|are bad drivers|never read the manual",
    "test": "prefer the countryside|are polite|always pay in cash|cannot keep a secret|work at night|"
    "hate waiting",
}
BROAD = ("", "", "", "All ", "Most ", "Many ", "No ")
NARROW = ("The two ", "My ", "These ", "Our ", "Three of the ", "Some of my ")
PLACES = (" in the photo", " next door", " from my class", " on the bus")
PAST = (
    "were late again",
    "moved house last year",
    "won the match",
    "met at the station",
    "had lunch with us",
)
MASS = frozenset({"people", "folks", "everyone", "everybody"})
NARROWING = frozenset({"these", "those", "some", "this", "that", "both", "several", "few", "our"})
NOMINAL_ADJECTIVES = frozenset(
    re.findall(
        r"\w+",
        """
        poor rich elderly old young homeless unemployed disabled blind deaf gay straight black white wealthy
        """,
    )
)
PERSON_NOUNS = frozenset(
    re.findall(
        r"\w+",
        """
        man woman boy girl kid child guy lady gentleman male female mother father parent husband wife
        grandmother grandfather sister brother teenager teen adult pensioner senior immigrant refugee
        foreigner migrant citizen voter liberal conservative democrat republican socialist feminist
        politician teacher nurse doctor lawyer banker farmer engineer student worker muslim christian
        jew hindu catholic protestant buddhist atheist american african asian arab mexican indian
        italian german russian chinese japanese hispanic latino black white gay lesbian blonde veteran
        prisoner criminal
        """,
    )
)
NATIONAL_ENDINGS = ("ans", "ese", "ish", "ians", "ards", "is")


def is_group(token: Token) -> bool:
    """Return whether a word names people: a list, and what ends like the name of a people."""
    lower = token.lower_
    if lower in MASS or (lower in NOMINAL_ADJECTIVES and token.pos_ == "ADJ"):
        return True
    singular = lower.removesuffix("s")
    irregular = {"men": "man", "women": "woman", "children": "child", "wives": "wife", "ladies": "lady"}
    if irregular.get(lower, singular) in PERSON_NOUNS:
        return True
    return token.text[:1].isupper() and token.tag_ == "NNPS" and lower.endswith(NATIONAL_ENDINGS)


def is_general(token: Token) -> bool:
    """Return whether a subject speaks of a group as a whole, by its determiners and number."""
    children = [child for child in token.children if child.i < token.i]
    words = {child.lower_ for child in children}
    if any(child.dep_.startswith(("nmod:poss", "nummod")) for child in children) or words & NARROWING:
        return False
    if any(child.dep_ in ("nmod", "acl", "acl:relcl") for child in token.children if child.i > token.i):
        return False
    if "the" in words:
        return token.lower_ in NOMINAL_ADJECTIVES
    is_plural = token.tag_ in ("NNS", "NNPS") or token.lower_ in MASS or token.lower_ in ("men", "women")
    return is_plural or bool(words & {"every", "each", "any", "no"})


def is_present(subject: Token) -> bool:
    """Return whether what is said of a subject is said of the present."""
    verb = subject.head
    auxiliaries = [child for child in verb.children if child.dep_ in ("aux", "cop", "aux:pass")]
    tags = {token.tag_ for token in (auxiliaries or [verb])}
    lemmas = {token.lower_ for token in auxiliaries}
    return bool(tags & {"VBP", "VBZ", "MD"}) and not lemmas & {"would", "had", "was", "were", "did"}


def general_subjects(doc: Doc) -> Spans:
    """Return the subjects of general statements about groups, quantifiers and adjectives included."""
    spans = []
    for token in doc:
        if not (token.dep_.startswith("nsubj") and is_group(token)):
            continue
        if is_general(token) and is_present(token):
            first = min([token, *(child for child in token.children if child.i < token.i)], key=lambda t: t.i)
            spans.append((first.idx, token.idx + len(token)))
    return spans


def made_up(seed: int = 0) -> Iterator[Example]:
    """Yield general statements and narrow ones, from patterns; groups and statements differ by split."""
    draws = random.Random(seed)
    for split, groups in GROUPS.items():
        for group, said in itertools.product(groups.split(), STATEMENTS[split].split("|")):
            broad = draws.choice(BROAD)
            opening = draws.choice(("", "", "I think ", "Everyone knows that ", "My uncle says "))
            subject = (broad.lower() if opening else broad) + group
            subject = subject if opening else subject[:1].upper() + subject[1:]
            start = len(opening)
            text = f"{opening}{subject} {said}."
            marks = {**unmarked(["unfair"]), "generalisation": [(start, start + len(subject))]}
            yield Example(text, "patterns", "general", split, marks)
            yield narrow_statement(draws, group, said, split)


def narrow_statement(draws: random.Random, group: str, said: str, split: str) -> Example:
    """Return a sentence about some members of a group, about whom nothing general is said."""
    if draws.random() < 0.5:
        text = f"{draws.choice(NARROW)}{group} {draws.choice((said, *PAST))}."
    else:
        text = f"The {group}{draws.choice(PLACES)} {draws.choice((said, *PAST))}."
    return Example(text, "patterns", "narrow", split, unmarked(["unfair", "generalisation"]))
