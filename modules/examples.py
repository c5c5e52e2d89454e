"""Texts that a visitor can try at once, each chosen because attention does something else with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """One ready-made text."""

    id: str
    group: str
    title: str
    text: str


ORDINARY = Example(
    "ordinary",
    "Start here",
    "Ordinary sentences",
    "The old lighthouse stood at the end of the harbour for more than a century. "
    "When the storm destroyed it in 1903, the people of the town built a new lighthouse from white stone.",
)

LONG_PARAGRAPH = (
    "The river rises in the hills north of the town and flows for about ninety miles before it reaches the "
    "sea. For most of its length it passes through open farmland, but the upper valley is narrow and steep, "
    "and the first road along it was not completed until 1868. During the nineteenth century several mills "
    "were built on the banks, and a small railway carried wool and timber down to the port. The railway "
    "closed in 1954, after the last of the mills had moved its work to the city, and the track was later "
    "turned into a path for walkers. In 1976 the lower part of the river was declared a nature reserve. "
    "Otters, which had not been seen there for thirty years, returned to the valley in the early 1990s, and "
    "a survey in 2008 found them along the whole river. The reserve is now visited by some forty thousand "
    "people each year, most of them in the spring, when the meadows beside the water are in flower."
)

MAPS = (
    "The first printed map of the island was drawn in 1612 by a surveyor who had never seen its northern "
    "coast. He worked from the reports of fishermen, and for almost a century his mistakes were copied by "
    "every publisher in the capital: a lake that did not exist, two villages in the wrong valley, and a bay"
    " so deep that it nearly cut the island in half. In 1709 the navy lost a ship on rocks that no map "
    "showed, and a new survey was ordered. It took nine years. Three officers walked the whole coast with "
    "chains and a brass circle, measured the height of every hill, and wrote down the names of the farms as"
    " the people who lived there spoke them. Their map was engraved on six sheets of copper and sold by "
    "subscription, but only ninety copies were printed before the plates were damaged in a fire. One of "
    "these copies was found in 1931 behind the organ of a parish church, rolled around a broken "
    "candlestick. It is now kept in the museum of the harbour, together with the notebooks of the second "
    "officer, whose small drawings of birds, boats and weather fill the margins of nearly every page. "
    "Visitors may turn the pages of a copy that was made by a school class in the town. The children "
    "coloured the drawings, added the roads that were built later, and marked with a red cross the place "
    "where the imaginary lake had been. A bus stop stands there today, and it has kept the name of the "
    "lake."
)

PROSE = ("ordinary", "ocean", "economy", "learning", "ai")
EXAMPLES = (
    ORDINARY,
    Example(
        "repetition",
        "Start here",
        "The same words twice",
        "Seven green lamps hung above the quiet station door. Seven green lamps hung above the quiet station "
        "door.",
    ),
    Example("long", "Start here", "A long paragraph", LONG_PARAGRAPH),
    Example(
        "code",
        "Hard cases",
        "Code",
        "def mean(values):\n    total = 0\n    for value in values:\n        total += value\n"
        "    return total / len(values)\n",
    ),
    Example(
        "punctuation",
        "Hard cases",
        "Punctuation",
        "Wait ... what?! No, no, no; (really) - \"yes\", she said: 'now', then: one, two, three.",
    ),
    Example(
        "multilingual",
        "Hard cases",
        "Many scripts and emoji",
        "Bonjour, 世界! Привет, мир. مرحبا بالعالم — שלום עולם 👋🏽 naïve café 🏳️‍🌈 1️⃣",
    ),
    Example(
        "fox",
        "Published baselines",
        "The quick brown fox",
        "The quick brown fox jumps over the lazy dog.",
    ),
    Example(
        "ai",
        "Published baselines",
        "Artificial intelligence",
        "Artificial intelligence has revolutionized the way we process information and solve complex "
        "problems.",
    ),
    Example(
        "ocean",
        "Published baselines",
        "In the depths of the ocean",
        "In the depths of the ocean, mysterious creatures thrive in complete darkness, adapted to extreme "
        "pressure and cold temperatures.",
    ),
    Example(
        "economy",
        "Published baselines",
        "Economic implications",
        "The economic implications of climate change extend far beyond environmental concerns, affecting "
        "global trade, agriculture, and social stability.",
    ),
    Example(
        "learning",
        "Published baselines",
        "Machine learning",
        "Machine learning algorithms, particularly deep neural networks, have demonstrated remarkable "
        "capabilities in pattern recognition, natural language processing, and decision-making tasks across "
        "diverse domains.",
    ),
)
"""The published baselines are the five sample texts of the attention-sink-explorer, whose numbers for
GPT-2 small are a reference that other tools can be held against."""


def text_of(example_id: str) -> str:
    """The text of an example; KeyError when there is none with this id."""
    return {example.id: example.text for example in EXAMPLES}[example_id]


def prose() -> str:
    """All bundled prose in a row: more than the bundled models are made for."""
    return " ".join([LONG_PARAGRAPH, MAPS, *map(text_of, PROSE)])


def menu() -> dict[str, dict[str, str]]:
    """The examples as choices of a select input: {group: {id: title}}."""
    groups: dict[str, dict[str, str]] = {}
    for example in EXAMPLES:
        groups.setdefault(example.group, {})[example.id] = example.title
    return groups
