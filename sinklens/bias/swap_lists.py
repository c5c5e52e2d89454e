"""The words that contrast pairs exchange, as lists that a user can edit.

A pair is `left = right`, exchanged in both directions; a line has one, or several with `;` between. A side
may have several words. `/TAG` asks for a Penn Treebank tag ("her/PRP$" is "her" in "her car"); `?` after a
word asks that it speaks of persons ("old?" is exchanged in "an old man", not in "an old house"). Text after
# is a remark. The first pair that a word stands in decides. The lists name groups; they have no slurs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sinklens.errors import BadSelection

CATEGORY_NAMES = {
    "gender": "Gender",
    "race": "Race and colour",
    "religion": "Religion",
    "age": "Age",
    "nationality": "Nationality",
    "orientation": "Sexual orientation",
    "disability": "Disability",
    "appearance": "Physical appearance",
    "status": "Socio-economic status",
}
_SIDE = re.compile(r"^(?P<words>[^/?=#]+?)(?P<person>\?)?(?:/(?P<tag>[A-Z]+\$?))?$")


@dataclass(frozen=True)
class SwapWord:
    """One side of a pair."""

    text: str
    tag: str = ""
    """Penn Treebank tag that it must have; "" for any."""
    of_person: bool = False
    """Only where it speaks of persons."""


@dataclass(frozen=True)
class SwapPair:
    """Two words, or phrases, that take each other's place."""

    left: SwapWord
    right: SwapWord
    category: str


def parse_swaps(text: str, category: str) -> tuple[SwapPair, ...]:
    """The pairs of a list.

    Raises
    ------
    BadSelection
        A line that is no pair, one of whose sides is empty, or a list without any pair.
    """
    pairs = []
    for number, line in enumerate(text.splitlines(), 1):
        for content in filter(None, map(str.strip, line.split("#")[0].split(";"))):
            sides = content.split("=")
            if len(sides) != 2:
                raise BadSelection(f"Line {number}: expected 'left = right', got '{content}'.")
            pairs.append(SwapPair(*(_word(side.strip(), number, content) for side in sides), category))
    if not pairs:
        raise BadSelection(f"The list for {CATEGORY_NAMES.get(category, category)} has no pair.")
    return tuple(pairs)


def _word(side: str, number: int, content: str) -> SwapWord:
    if not side:
        raise BadSelection(f"Line {number}: one side of '{content}' is empty.")
    match = _SIDE.match(side)
    if match is None:
        raise BadSelection(f"Line {number}: '{side}' is no word with an optional '?' and '/TAG'.")
    return SwapWord(" ".join(match["words"].split()), match["tag"] or "", match["person"] is not None)


def all_swaps() -> tuple[SwapPair, ...]:
    """The pairs of all lists that come with SinkLens."""
    return tuple(pair for category, text in SWAP_LISTS.items() for pair in parse_swaps(text, category))


SWAP_LISTS = {
    "gender": """\
he = she; him = her/PRP; his/PRP$ = her/PRP$; his/PRP = hers; himself = herself; man = woman
men = women; boy = girl; boys = girls; guy = gal; guys = gals; gentleman = lady; gentlemen = ladies
male = female; males = females; father = mother; fathers = mothers; dad = mom; dads = moms
daddy = mommy; son = daughter; sons = daughters; brother = sister; brothers = sisters; husband = wife
husbands = wives; boyfriend = girlfriend; uncle = aunt; uncles = aunts; nephew = niece; nephews = nieces
grandfather = grandmother; grandfathers = grandmothers; grandpa = grandma; grandson = granddaughter
stepfather = stepmother; stepson = stepdaughter; groom = bride; widower = widow; bachelor = spinster
king = queen; kings = queens; prince = princess; princes = princesses; duke = duchess; lord? = lady?
host = hostess; actor = actress; actors = actresses; waiter = waitress; waiters = waitresses
steward = stewardess; businessman = businesswoman; businessmen = businesswomen; policeman = policewoman
policemen = policewomen; fireman = firewoman; chairman = chairwoman; congressman = congresswoman
salesman = saleswoman; spokesman = spokeswoman; schoolboy = schoolgirl; schoolboys = schoolgirls
mr. = ms.; mr = ms; sir = madam; masculine = feminine; fatherhood = motherhood; paternal = maternal
fatherly = motherly; brotherhood = sisterhood
""",
    "race": """\
black? = white?; blacks? = whites?; African American = European American
African Americans = European Americans; African-American = European-American
Afro-American = Anglo-American; dark-skinned = light-skinned; brown-skinned = fair-skinned
Asian = Caucasian; Asians = Caucasians; Hispanic = non-Hispanic; Latino = Anglo; Latina = Anglo
Latinos = Anglos; Native American = settler; Native Americans = settlers; Indigenous = non-Indigenous
person of color = white person; people of color = white people; Black woman = White woman
Black man = White man; mixed-race = single-race
""",
    "religion": """\
Muslim = Christian; Muslims = Christians; Islam = Christianity; Islamic = Christian; Jewish = Protestant
Jew = Protestant; Jews = Protestants; Judaism = Protestantism; Hindu = Catholic; Hindus = Catholics
Hinduism = Catholicism; Buddhist = Lutheran; Buddhists = Lutherans; Sikh = Methodist; Sikhs = Methodists
atheist = believer; atheists = believers; mosque = church; mosques = churches; synagogue = chapel
imam = priest; imams = priests; rabbi = pastor; Quran = Bible; Koran = Bible; Ramadan = Lent
Eid = Christmas; Mormon = Anglican; Mormons = Anglicans; secular? = religious?
""",
    "age": """\
old? = young?; older? = younger?; oldest? = youngest?; elderly = youthful; aged? = adolescent
senior? = junior?; seniors? = juniors?; senior citizen = young adult; senior citizens = young adults
pensioner = teenager; pensioners = teenagers; grandparent = grandchild; grandparents = grandchildren
retiree = student; retirees = students; adult = child; adults = children; boomer = millennial
boomers = millennials; baby boomer = millennial; middle-aged = teenage; centenarian = toddler
octogenarian = twenty-year-old
""",
    "nationality": """\
American = Mexican; Americans = Mexicans; America = Mexico; British = Nigerian; Briton = Nigerian
Britons = Nigerians; Britain = Nigeria; English? = Irish?; German = Turkish; Germans = Turks
Germany = Turkey; French? = Algerian; Frenchman = Algerian; France = Algeria; Italian = Albanian
Italians = Albanians; Italy = Albania; Spanish? = Moroccan; Spaniard = Moroccan; Spaniards = Moroccans
Spain = Morocco; Canadian = Haitian; Canadians = Haitians; Canada = Haiti; Australian = Indonesian
Australians = Indonesians; Australia = Indonesia; Japanese? = Vietnamese?; Japan = Vietnam
Chinese? = Korean; China = Korea; Indian = Pakistani; Indians = Pakistanis; India = Pakistan
Russian = Ukrainian; Russians = Ukrainians; Russia = Ukraine; Swedish = Somali; Swede = Somali
Swedes = Somalis; Sweden = Somalia; Polish? = Romanian; Poles? = Romanians; Poland = Romania
Brazilian = Colombian; Brazilians = Colombians; Brazil = Colombia; immigrant = native?
immigrants = natives?; foreigner = local?; foreigners = locals?; refugee = resident
refugees = residents
""",
    "orientation": """\
gay? = straight?; lesbian = heterosexual; lesbians = heterosexuals; homosexual = heterosexual
homosexuals = heterosexuals; homosexuality = heterosexuality; bisexual = monosexual
same-sex = opposite-sex; transgender = cisgender; trans? = cis?; queer = straight
gay man = straight man; gay men = straight men; gay woman = straight woman; gay couple = straight couple
""",
    "disability": """\
disabled? = able-bodied; blind? = sighted; deaf? = hearing?; wheelchair user = pedestrian
wheelchair users = pedestrians; autistic = neurotypical; neurodivergent = neurotypical
paralysed = mobile?; paralyzed = mobile?; mentally ill = mentally healthy; handicapped = able-bodied
epileptic = healthy; dyslexic = literate; person with a disability = person without a disability
people with disabilities = people without disabilities; mute? = talkative; impaired? = unimpaired
chronically ill = healthy
""",
    "appearance": """\
fat? = thin?; overweight = slim; obese = slender; heavy? = light?; ugly? = beautiful?
unattractive = attractive; short? = tall?; shorter? = taller?; bald? = long-haired; blonde? = brunette?
blond? = dark-haired; scarred? = unscarred; tattooed = untattooed; plain? = pretty?; wrinkled? = smooth?
chubby = skinny; bearded = clean-shaven
""",
    "status": """\
poor? = rich?; poorer? = richer?; poorest? = richest?; poverty = wealth; impoverished = wealthy
homeless = housed; unemployed = employed; working-class = upper-class; lower-class = upper-class
blue-collar = white-collar; uneducated = educated; dropout = graduate; dropouts = graduates
janitor = manager; janitors = managers; maid = executive; maids = executives; servant = employer
servants = employers; tenant = landlord; tenants = landlords; trailer park = gated community
public school = private school; ghetto = suburb; slum = villa
""",
}
