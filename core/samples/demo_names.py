"""The words the demo is made of: given names, family names, places and short texts, by country."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class City:
    """A real town with its state and the beginning of its postal codes."""

    name: str
    state: str | None
    postal: str


@dataclass(frozen=True, slots=True)
class Country:
    """What people of one country are called and where they live."""

    code: str
    share: float
    spellings: tuple[str, ...]
    language: str
    time_zone: str
    currency: str
    given: tuple[str, ...]
    family: tuple[str, ...]
    cities: tuple[City, ...]
    streets: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in text.split())


def _cities(text: str) -> tuple[City, ...]:
    rows = (line.split("|") for line in text.strip().splitlines())
    return tuple(City(name.strip(), state.strip() or None, postal.strip()) for name, state, postal in rows)


_US_GIVEN = _words("""
James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph Jessica
Thomas Karen Christopher Sarah Daniel Nancy Matthew Lisa Anthony Margaret Mark Sandra Steven Ashley Andrew Emily Paul
Donna Joshua Michelle Kenneth Carol Kevin Amanda Brian Melissa George Deborah Edward Stephanie Ronald Rebecca Timothy
Laura Jason Helen Jeffrey Sharon Ryan Cynthia Jacob Kathleen Gary Amy Nicholas Angela Eric Shirley Jonathan Anna Larry
Ruth Justin Brenda Scott Pamela Brandon Nicole José María Juan Lucía Luis Sofía Carlos Camila Minh Linh Huy Thảo Wei
Mei Arjun Priya Omar Layla Ólafur Guðrún Siobhán Seán Zoë Renée Chloé André Aaliyah Malik Imani Darius Keisha Kai
""")
_US_FAMILY = _words("""
Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson Anderson
Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis Robinson Walker Young
Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts
Gómez Núñez Peña Muñoz Phillips Evans Turner Díaz Parker Cruz Edwards Collins Reyes Stewart Morris Morales Murphy Cook
Rogers Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward Richardson Watson Brooks Chávez Wood
James Bennett Gray Mendoza Ruiz Hughes Price Álvarez Castillo Sanders Patel Myers Long Ross Foster Đặng Trần Phạm
O'Brien O'Connor Ólafsdóttir Jónsson Smith-Jones García-López Van_Dyke De_la_Cruz Li Wang Chen Khan Singh Washington
""")
_DE_GIVEN = _words("""
Anna Lukas Lena Felix Marie Jonas Sophie Leon Laura Paul Julia Maximilian Katharina Finn Sabine Jürgen Björn Jörg Käthe
Günter Ursula Wolfgang Renate Klaus Monika Andreas Petra Stefan Claudia Michael Birgit Thomas Heike Frank Ayşe Mehmet
Elif Zeynep Agnieszka Piotr Tomasz Özgür Hannelore Dieter Ingrid Sören Änne Mareike Torben Wiebke
""")
_DE_FAMILY = _words("""
Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf
Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Schmitt Werner Krause Meier Lehmann Köhler
Herrmann König Walter Mayer Huber Kaiser Fuchs Peters Lang Scholz Möller Weiß Jung Hahn Vogel Yılmaz Kaya Şahin
Kowalski Nowak von_Lindau Groß Böhm Jäger Strauß Großmann
""")
_FR_GIVEN = _words("""
Jean Marie Pierre Françoise Michel Monique André Sylvie Philippe Nathalie Éric Isabelle Stéphane Céline Chloé Hugo Léa
Jules Manon Léo Camille Zoé Raphaël Inès Maëlle Loïc Gaëlle Benoît Hélène Noémie Théo Anaïs Jean-Luc Marie-Claire
Mohamed Fatima Karim Amélie Rémi Agnès Solène Mathéo
""")
_FR_FAMILY = _words("""
Martin Bernard Thomas Petit Robert Richard Durand Dubois Moreau Laurent Simon Michel Lefèvre Leroy Roux David Bertrand
Morel Fournier Girard Bonnet Dupont Lambert Fontaine Rousseau Vincent Müller Faure André Mercier Blanc Guérin Boyer
Garnier Chevalier François Legrand Gauthier García Perrin Robin Clément Morin Nicolas Benoît Lemaître D'Angelo Le_Goff
Ben_Salah N'Diaye
""")
_GB_GIVEN = _words("""
Oliver Amelia George Isla Harry Olivia Noah Ava Jack Emily Leo Sophia Oscar Grace Charlie Freya Muhammad Aisha Alfie
Poppy Siân Rhys Eilidh Callum Niamh Ciarán Gareth Bronwen Angus Fiona Nigel Margaret Trevor Sheila Priya Rajesh Yusuf
Zainab Chidi Adaeze Agnieszka Tomasz Zoë Chloë
""")
_GB_FAMILY = _words("""
Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Robinson Wright Thompson Evans Walker White Roberts Green
Hall Thomas Clarke Jackson Wood Harris Edwards Turner Martin Cooper Hill Ward Hughes Moore Clark King Harrison Lewis
Baker Lee Khan Begum Ahmed Singh O'Neill MacDonald Campbell Llewellyn Okafor Brontë Fitzgerald-Moore Kaur Nowak
""")
_JP_GIVEN = _words("""
陽翔 葵 蓮 陽菜 湊 結衣 大和 咲良 健太 美咲 翔太 さくら 直樹 由美子 浩 恵子 誠 久美子 隆
幸子 Yuki Haruto Sakura Kenji Aiko Hiroshi
""")
_JP_FAMILY = _words("""
佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 林 斎藤
清水 Sato Suzuki Takahashi Tanaka Itō
""")

_US_CITIES = _cities("""
New York|NY|100
Los Angeles|CA|900
Chicago|IL|606
Houston|TX|770
Phoenix|AZ|850
Philadelphia|PA|191
San Antonio|TX|782
San Diego|CA|921
Dallas|TX|752
San José|CA|951
Austin|TX|787
Columbus|OH|432
Denver|CO|802
Boston|MA|021
Portland|OR|972
Cañon City|CO|812
Albuquerque|NM|871
Sacramento|CA|958
Atlanta|GA|303
Raleigh|NC|276
Minneapolis|MN|554
St. Louis|MO|631
""")
_DE_CITIES = _cities("""
Berlin||101
Hamburg||200
München||803
Köln||506
Frankfurt am Main||603
Düsseldorf||402
Nürnberg||904
Göttingen||370
""")
_FR_CITIES = _cities("""
Paris||750
Lyon||690
Marseille||130
Nîmes||300
Orléans||450
Saint-Étienne||420
Besançon||250
""")
_GB_CITIES = _cities("""
London||SW1A
Leeds||LS1
Sheffield||S1
Manchester||M1
Edinburgh||EH1
Cardiff||CF10
Belfast||BT1
Newcastle upon Tyne||NE1
""")
_JP_CITIES = _cities("""
東京都千代田区||100-0
大阪市北区||530-0
Yokohama||220-0
札幌市中央区||060-0
""")

COUNTRIES = (
    Country(
        "US",
        0.64,
        ("US", "US", "US", "US", "US", "US", "US", "US", "US", "us ", "USA", "United States"),
        "en",
        "America/Chicago",
        "USD",
        _US_GIVEN,
        _US_FAMILY,
        _US_CITIES,
        _words("Main_St Oak_Ave Maple_Dr Cedar_Ln Pine_St Elm_St Washington_Blvd Lake_Rd Hill_St Sunset_Blvd 2nd_Ave"),
    ),
    Country(
        "DE",
        0.13,
        ("DE", "DE", "DE", "DE", "DE", "DE", "DE", "DE", "Germany", "Deutschland"),
        "de",
        "Europe/Berlin",
        "EUR",
        _DE_GIVEN,
        _DE_FAMILY,
        _DE_CITIES,
        _words("Hauptstraße Bahnhofstraße Gartenweg Schillerstraße Lindenallee Am_Mühlbach Goethestr. Kirchgäßchen"),
    ),
    Country(
        "GB",
        0.11,
        ("GB", "GB", "GB", "GB", "GB", "GB", "GB", "UK", "United Kingdom"),
        "en",
        "Europe/London",
        "GBP",
        _GB_GIVEN,
        _GB_FAMILY,
        _GB_CITIES,
        _words("High_Street Station_Road Church_Lane Victoria_Road Mill_Lane The_Crescent Queen's_Road"),
    ),
    Country(
        "FR",
        0.09,
        ("FR", "FR", "FR", "FR", "FR", "FR", "FR", "FR", "France"),
        "fr",
        "Europe/Paris",
        "EUR",
        _FR_GIVEN,
        _FR_FAMILY,
        _FR_CITIES,
        _words("rue_de_la_République avenue_Victor-Hugo place_de_l'Église rue_des_Écoles boulevard_Pasteur"),
    ),
    Country(
        "JP",
        0.03,
        ("JP", "JP", "JP", "JP", "Japan", "日本"),
        "ja",
        "Asia/Tokyo",
        "JPY",
        _JP_GIVEN,
        _JP_FAMILY,
        _JP_CITIES,
        ("1丁目", "2丁目3番", "丸の内", "Chūō-dōri"),
    ),
)

EMAIL_DOMAINS = ("example.com", "example.net", "example.org", "mail.example.com", "post.example", "inbox.example")
LEAD_SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Trade Show", "Word of Mouth", "Other")
INDUSTRIES = (
    "Household",
    "Household",
    "Household",
    "Construction",
    "Hospitality",
    "Retail",
    "Agriculture",
    "Education",
)
SERVICE_TIERS = ("Basic", "Comfort", "Premium")
PRODUCTS = ("Heat pump", "Solar roof", "Home battery", "Wall box", "Smart thermostat", "Insulation check")
PRICES = ("11480.00", "16999.00", "7250.50", "899.90", "189.00", "120.00")
COMPANY_ENDINGS = ("Farms", "Bakery", "& Sons", "Dental", "Holdings, LLC", "Hotel", "Autohaus", "Architects")
NOTES = (
    "Prefers a call after 5 pm.",
    "Gate code on file.\nDog in the yard 🐕",
    "Asked for a quote twice, budget is tight 💶",
    "Très satisfaite de l'installation !",
    "Wärmepumpe läuft einwandfrei, nächste Wartung im März.",
    "Roof faces south-west; see photos.\r\n\r\nSecond line kept as typed.",
    'Said: "please, no more letters", and hung up.',
    "Zählerschrank zu klein ⚡ Elektriker kommt noch.",
)
SUBJECTS = (
    "Heat pump makes a clicking noise",
    "Invoice shows the wrong address",
    "Please move my appointment",
    "App does not show the solar yield",
    "No hot water since this morning!!",
    "Wärmepumpe: Störung E-07",
    "Termin für die Wartung verschieben",
    "Panne du chauffe-eau — urgent",
    "Où est mon technicien ?",
    "蓄電池の設置について",
    "¿Cuándo llega el técnico?",
    "Thank you 🙏 great installation team",
    "RE: RE: FW: quote #2 (final)",
)
