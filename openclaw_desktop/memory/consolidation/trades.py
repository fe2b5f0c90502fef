"""What people live by, so far as "I'm a …" tells it: of many it tells what they like, or what they are just now.

Owns those words. English, like the prompts. Pure.
"""

from __future__ import annotations

from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.memory.consolidation.clauses import listed

_TRADES = frozenset(
    listed("""
    accountant actor actress analyst anaesthetist architect archivist artist astronomer auditor author baker banker
    barber barista bartender beautician beekeeper biologist blacksmith bookseller bricklayer broker builder butcher
    carer caretaker carpenter cashier chef chemist chiropractor cleaner clerk coach composer conductor cook copywriter
    courier dancer dentist designer detective developer dietician director diver doctor dressmaker driver economist
    editor electrician engineer farmer filmmaker firefighter fisherman florist forester gardener geologist glazier
    goldsmith guard guide hairdresser historian illustrator interpreter investigator janitor jeweller joiner journalist
    judge lawyer lecturer librarian locksmith machinist manager masseur mathematician mechanic meteorologist midwife
    miner musician nurse nutritionist optician painter paramedic pharmacist photographer physician physicist
    physiotherapist pilot plasterer plumber poet policeman policewoman porter postman potter priest principal
    producer professor programmer psychiatrist psychologist publisher radiographer radiologist receptionist reporter
    researcher roofer sailor salesman saleswoman scientist sculptor secretary shepherd shoemaker singer soldier
    solicitor statistician stonemason surgeon surveyor tailor teacher technician therapist tiler translator tutor vet
    veterinarian waiter waitress welder writer zoologist
    """)
)
_KINDS = frozenset(
    listed("""
    architectural bus car civil clinical county criminal data dental dog electrical english family fashion fitness
    flight forensic french freelance geography german graphic head history industrial insurance interior junior
    kindergarten landscape language law lorry machine marine maths mechanical mining music night nursery opera orchestra
    organic pastry piano police primary product project research school science secondary senior social software sound
    spanish sports stage structural tattoo tax taxi technical train truck trauma tram university veterinary violin web
    wedding youth
    """)
)
_IS_ONE = LazyPattern(r"(?:am|is) an? (?P<trade>[a-z][a-z-]*(?: [a-z][a-z-]*){0,2})(?P<rest>(?!\w).*)")
# One is it at a place of work, or these days: "an actor in the school play", "a judge at the contest", "a doctor to my
# friends" and "a cook, because my wife is away" are no trades.
_MAY_FOLLOW = LazyPattern(
    r"(?: at (?:the |a |our )?(?:(?-i:[A-Z])[\w ]*|[\w ]*(?:hospital|clinic|school|university|college|practice|bank"
    r"|bakery|restaurant|company|firm|station|court|theatre|opera|museum|library|hotel|airport|garage|factory|nursery|lab)))?"
    r"(?: (?:now|these days|nowadays|by (?:trade|profession)))?\W*$"
)


def trade_of(rest: str) -> tuple[str, str] | None:
    """Return the trade that "am a night nurse at the clinic" names, and what follows it; None where it names none."""
    if (found := _IS_ONE.match(rest)) is None:
        return None
    words = found["trade"].split()
    for count in range(len(words), 0, -1):
        if words[count - 1] in _TRADES and _KINDS.issuperset(words[: count - 1]):
            after = " ".join(["", *words[count:]]) + found["rest"]
            return (" ".join(words[:count]), after) if _MAY_FOLLOW.match(after) else None
    return None
