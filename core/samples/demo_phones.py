"""Telephone numbers of the demo: ranges set aside for fiction where a country has them, written as people write them.

Sources: NANPA (555-0100 to 555-0199 in every area code), Ofcom (numbers for drama use), Bundesnetzagentur
(Rufnummern für Medienproduktionen), ARCEP (numéros fictifs). Japan sets none aside, and a very large demo outgrows the
other ranges: those numbers are well formed but not reserved. They are printed and stored, never called.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

_AREA_CODES_TEXT = """
201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 220 223 224 225 227 228 229 231 234 235 239 240 248
251 252 253 254 256 260 262 267 269 270 272 274 276 279 281 283 301 302 303 304 305 307 308 309 310 312 313 314 315 316
317 318 319 320 321 323 324 325 326 327 329 330 331 332 334 336 337 339 341 346 347 350 351 352 353 360 361 363 364 369
380 385 386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 419 423 424 425 430 432 434 435 440 442 443 445 447
448 458 463 464 469 470 472 475 478 479 480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 530 531
534 539 540 541 551 557 559 561 562 563 564 567 570 571 572 573 574 575 580 582 585 586 601 602 603 605 606 607 608 609
610 612 614 615 616 617 618 619 620 623 626 628 629 630 631 636 640 641 645 646 650 651 656 657 659 660 661 662 667 669
678 680 681 682 686 689 701 702 703 704 706 707 708 712 713 714 715 716 717 718 719 720 724 725 726 727 728 730 731 732
734 737 738 740 743 747 748 754 757 760 762 763 765 769 770 771 772 773 774 775 779 781 785 786 801 802 803 804 805 806
808 810 812 813 814 815 816 817 818 820 821 826 828 830 831 832 835 838 839 840 843 845 847 848 850 854 856 857 858 859
860 862 863 864 865 870 872 878 901 903 904 906 907 908 909 910 912 913 914 915 916 917 918 919 920 925 928 929 930 931
934 936 937 938 940 941 943 945 947 948 949 951 952 954 956 959 970 971 972 973 975 978 979 980 983 984 985 986 989
"""
_US_AREA_CODES = tuple(_AREA_CODES_TEXT.split())


@dataclass(frozen=True, slots=True)
class _Block:
    """Numbers that share a beginning: `prefix` (after the country code), then `digits` free digits."""

    prefix: str
    digits: int


_GB_STEMS = (
    "2079460 1134960 1144960 1164960 1174960 1184960 1214960 1314960 1414960 1514960 1614960 1914980 2896496 2920180"
)
_RESERVED: dict[str, tuple[_Block, ...]] = {
    "US": tuple(_Block(f"{area}55501", 2) for area in _US_AREA_CODES),
    "GB": tuple(_Block(stem, 3) for stem in _GB_STEMS.split()),
    "DE": tuple(_Block(stem, 3) for stem in ("3023125", "6990009", "4066969", "2214710", "8999998")),
    "FR": tuple(_Block(stem, 4) for stem in ("19900", "26191", "35301", "46571", "53649")),
    "JP": (),
}
_OVERFLOW: dict[str, tuple[_Block, ...]] = {
    "US": tuple(_Block(f"{area}5552", 3) for area in _US_AREA_CODES),
    "GB": (_Block("20795", 5),),
    "DE": (_Block("3024", 6),),
    "FR": (_Block("198", 6),),
    "JP": (_Block("355", 6),),
}
CALLING_CODES = {"US": "1", "GB": "44", "DE": "49", "FR": "33", "JP": "81"}


def count_reserved(country: str) -> int:
    """Return how many numbers of `country` are set aside for fiction."""
    return sum(10**block.digits for block in _RESERVED[country])


def phone_number(country: str, index: int) -> str:
    """Return the demo's number `index` of `country` in E.164; different indexes give different numbers.

    Example:
        >>> phone_number("US", 0)
        '+12015550100'
    """
    reserved = count_reserved(country)
    if index < reserved:
        # a stride without a common factor visits each number once, and neighbours do not look like neighbours
        return _nth(country, _RESERVED[country], index * 7_919 % reserved)
    return _nth(country, _OVERFLOW[country], index - reserved)


def _nth(country: str, blocks: tuple[_Block, ...], index: int) -> str:
    size = 10 ** blocks[0].digits
    block = blocks[index // size % len(blocks)]
    return f"+{CALLING_CODES[country]}{block.prefix}{index % size:0{block.digits}d}"


_US_STYLES = ("paren", "dash", "dot", "international", "extension", "one", "digits", "no_area", "nonsense")
_US_WEIGHTS = (66, 10, 8, 5, 3, 2, 2, 2, 2)
_OTHER_STYLES = ("international", "national", "zero_zero", "zero_in_brackets", "nonsense")
_OTHER_WEIGHTS = (46, 36, 8, 8, 2)
_NONSENSE = ("n/a", "unknown", "(000) 000-0000", "(555) 555-5555", "call the office", "-", "12345")


def write_phone(country: str, e164: str, chance: Random) -> tuple[str, bool]:
    """Return `e164` as somebody typed it, and whether the number can still be read from it."""
    national = e164[len(CALLING_CODES[country]) + 1 :]
    if country == "US":
        style = chance.choices(_US_STYLES, _US_WEIGHTS)[0]
        text = _write_us(style, national, chance)
    else:
        style = chance.choices(_OTHER_STYLES, _OTHER_WEIGHTS)[0]
        text = _write_other(style, country, national)
        if country == "JP" and style == "national" and chance.random() < 0.1:
            return text.translate(_FULL_WIDTH), False
    if style == "nonsense":
        return chance.choice(_NONSENSE), False
    return text, style != "no_area"


def _write_us(style: str, national: str, chance: Random) -> str:
    area, exchange, line = national[:3], national[3:6], national[6:]
    return {
        "paren": f"({area}) {exchange}-{line}",
        "dash": f"{area}-{exchange}-{line}",
        "dot": f"{area}.{exchange}.{line}",
        "international": f"+1 {area} {exchange} {line}",
        "extension": f"({area}) {exchange}-{line} {chance.choice(('x', 'ext. ', 'Ext '))}{chance.randrange(10, 999)}",
        "one": f"1-{area}-{exchange}-{line}",
        "digits": national,
        "no_area": f"{exchange}-{line}",
        "nonsense": "",
    }[style]


def _write_other(style: str, country: str, national: str) -> str:
    code = CALLING_CODES[country]
    grouped = _group(country, national)
    separator = "-" if country == "JP" else " "
    return {
        "international": f"+{code} {separator.join(grouped)}",
        "national": f"0{separator.join(grouped)}",
        # Japan dials abroad with 010, not 00, so there the plus sign is written
        "zero_zero": f"{'+' if country == 'JP' else '00'}{code} {''.join(grouped)}",
        "zero_in_brackets": f"+{code} (0){' '.join(grouped)}",
        "nonsense": "",
    }[style]


_FULL_WIDTH = str.maketrans("0123456789-", "０１２３４５６７８９－")


def _group(country: str, national: str) -> list[str]:
    if country == "FR":
        return [national[:1], *(national[at : at + 2] for at in range(1, 9, 2))]
    first = {"JP": 1, "GB": 2 if national[0] == "2" else 3, "DE": 3 if national[:3] == "221" else 2}[country]
    rest = national[first:]
    return [national[:first], rest[:4], rest[4:]] if country != "DE" else [national[:first], rest]
