"""The vocabulary of the sample: invented people, firms and notes that are as hard to load as real ones.

They have accents, apostrophes, commas, quotes and line breaks inside cells. Every text is NFC and has no white space at
its ends. Words that should be more common are listed more than once.
"""

from typing import Final

FIRST_NAMES: Final = (
    "Aisha", "Amélie", "Ana", "Andrew", "Anne-Marie", "Bartłomiej", "Beatriz", "Björn", "Carmen",
    "Catherine", "Chloë", "Daniel", "David", "Dmitri", "Eilidh", "Elif", "Emma", "Esmé", "Fatima",
    "Finn", "François", "George", "Grace", "Hannah", "Harriet", "Hélène", "Ian", "Ingrid", "Isla",
    "Ivan", "Jack", "James", "Jane", "João", "John", "José", "Jürgen", "Kateřina", "Kwame", "Laura",
    "Li", "Lucía", "Małgorzata", "Marco", "Margaret", "Maria", "Mei", "Mohammed", "Niamh", "Noor",
    "Olga", "Oliver", "Peter", "Priya", "Renée", "Robert", "Rosa", "Ryan", "Sarah", "Siân", "Søren",
    "Sofia", "Thomas", "Tomáš", "Tuğba", "Victor", "William", "Yuki", "Zoë", "Zsófia",
)  # fmt: skip
LAST_NAMES: Final = (
    "Abbott", "Ahmed", "Ångström", "Baker", "Björk", "Brown", "Campbell", "Chen", "Clarke", "Costa",
    "D'Angelo", "Davies", "de la Cruz", "Dvořák", "Evans", "Fernández", "Fischer", "García",
    "Green", "Hall", "Hughes", "Ibrahim", "Jensen", "Jones", "Kaya", "Khan", "Kowalski", "Lefèvre",
    "Lewis", "MacDonald", "Martin", "McCarthy", "Mensah", "Moreau", "Müller", "Nakamura", "Nguyễn",
    "Nowak", "Núñez", "O'Brien", "O'Neill", "Okafor", "Öztürk", "Patel", "Pereira", "Petrov",
    "Quinn", "Roberts", "Rossi", "Schmidt", "Singh", "Smith", "Smith-Jones", "Strauß", "Taylor",
    "Thompson", "van der Berg", "Walker", "Wójcik", "Żak",
)  # fmt: skip
SUFFIXES: Final = ("",) * 28 + (", Jr.", ", OBE")

FIRMS: Final = (
    "Ashdown & Sons", "Bärenfels", '"Blue Door" Trading', "Caledonian Widows", "Château Réal",
    "Corrib Marine", "Dunmore's", "Elmwood Charitable Trust", "Fjord & Fell",
    "Garrick, Hale and Moss", "Högberg", "Ironbridge", "Kestrel", "Larkspur",
    "Meridian Pension Scheme", "Norte Sur", "Oakhanger", "Penrose's Yard", "Quayside Lettings",
    "Rowan & Thorn", "São Bento", "Tamar Valley", "Überlingen", "Wren Family Office",
)  # fmt: skip
FIRM_FORMS: Final = (
    "Ltd", "Ltd", "Limited", "plc", "LLP", "GmbH", "S.à r.l.", "Inc.", "AG", "Holdings, LLC",
)  # fmt: skip

INVESTOR_NOTES: Final = ("",) * 12 + (
    "Private client",
    "Private client, since 2016",
    'Introduced by "Northbank"; prefers letters',
    "Owner's correspondence goes to the trustee",
    "Élu local: enhanced checks each year",
    "Adviser: A. N. Other, ext. 0042",
    "NA",
    "Second address:\n12 High Street\nLeeds",
)  # fmt: skip
ACCOUNT_NOTES: Final = ("",) * 12 + (
    "Opened online",
    "Opened online, 2019",
    'Moved from "Old Harbour" platform',
    "Client's own reference: 00417",
    "Dividends reinvested; fees from cash",
    "Statements to:\nPO Box 7\nSt Helier",
)  # fmt: skip
PRODUCTS: Final = (
    "General", "General", "ISA", "Pension", "Income", "Growth & Income", "Children's",
)  # fmt: skip

COUNTRIES: Final = ("United Kingdom",) * 6 + (
    "Côte d'Ivoire", "Denmark", "France", "Germany", "Ireland", "Jersey", "Korea, Republic of",
    "Spain", "Switzerland", "United States",
)  # fmt: skip
CURRENCIES: Final = ("GBP", "GBP", "GBP", "EUR", "USD", "CHF")
MARKETS: Final = ("Equities", "Fixed Income", "FX", "Private Markets", "Property", "R&D Credits")

FIGIS: Final = (
    "BBG00SKMF2Q8", "BBG00STGDDB6", "BBG00SQW8M48", "BBG00S3CKVW2", "BBG00SPL3H58", "BBG00SFLJ987",
    "BBG00SB5Z4L4", "BBG00S4LJHM5", "BBG00SMZ6296", "BBG00S667PD1", "BBG00S6YN0Q3", "BBG00SVKHKT5",
    "BBG00SLD9854", "BBG00S69W5M1", "BBG00SB8MX10", "BBG00S7M63V5", "BBG00SJRRYM0", "BBG00SRSHKM0",
    "BBG00SL54CD8", "BBG00SCSZLV4", "BBG00SWZT1N6", "BBG00SG0JDR2", "BBG00S8JZZS2", "BBG00SLHPR28",
)  # fmt: skip
"""Invented, but with valid check digits."""
LISTED_IN: Final = ("GBP", "USD", "EUR", "GBP", "USD", "CHF")
"""The currencies of the instruments, in the order of FIGIS and over again."""
DESKS: Final = ("Cash Equities", "Credit, Rates", "Multi-Asset", "Treasury")
TRADERS: Final = ("a.mensah", "c.o'brien", "j.müller", "l.rossi", "s.clarke")
