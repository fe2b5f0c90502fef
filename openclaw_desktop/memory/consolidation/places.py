"""Which words name a place where one may live, and which only look like one: "Slack", "Team Blue", "HR".

Owns those lists. English, like the prompts. Pure.
"""

from __future__ import annotations

import re

from openclaw_desktop.memory.consolidation.clauses import listed

COUNTRIES = frozenset(
    listed("""
germany france spain portugal italy england scotland wales ireland britain uk usa us america canada mexico
brazil argentina chile peru china japan korea india australia austria switzerland belgium netherlands holland
denmark sweden norway finland iceland poland czechia hungary romania bulgaria greece turkey russia ukraine
croatia serbia slovenia egypt morocco kenya nigeria israel iran iraq vietnam thailand indonesia malaysia
singapore philippines europe asia africa texas california florida bavaria catalonia
""")
)
# What one may "move to" or "live in" without having a home there: what people work in and with.
NO_PLACES = frozenset(
    listed("""
slack teams zoom discord whatsapp telegram signal skype outlook gmail google microsoft apple notion jira confluence
trello asana github gitlab bitbucket git dropbox onedrive icloud azure aws kubernetes docker linux ubuntu debian fedora
windows macos android ios chrome firefox safari excel word powerpoint emacs vim python rust java javascript typescript
figma sketch miro react angular vue svelte django flask kotlin swift golang ruby php terraform ansible jenkins
salesforce hubspot zendesk sap office agile scrum kanban vodafone telekom verizon revolut paypal
postgres postgresql mysql sqlite mastodon bluesky spotify netflix monday tuesday wednesday thursday friday saturday
sunday january february march april may june july august september october november december
""")
)
_GROUPS = frozenset(
    listed("""
team group squad crew department division unit project sales marketing engineering finance legal accounting operations
support research design product management hr it qa plan phase stage version level grade class chapter step room floor
building block desk shift plans
""")
)


def may_be_place(value: str) -> bool:
    """False for "a flat" and "the centre", which tell no town, and for "Slack", "Team Blue" and "HR"."""
    words = value.lower().split()
    return (
        value[:1].isupper()
        and not re.search(r"\d|[a-z][A-Z]", value)
        and not (value.isupper() and len(value) > 1 and words[0] not in COUNTRIES)
        and words[0] not in NO_PLACES
        and _GROUPS.isdisjoint((words[0], words[-1]))
    )
