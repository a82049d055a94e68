"""Compare a month with the vendor's own list of charges, a CSV file that staff upload. It is not stored.

The vendor documents no format, so the columns are recognized by their names. What is not recognized is
counted, so that the page can say so.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from ..conf import MICROS_PER_USD, config
from ..models import Attempt
from . import reports

MAX_BYTES = 5_000_000
"""The size limit of a file, enough for about 50,000 renders."""

MAX_HEADER_ROW = 20
"""The number of rows in which the names of the columns are searched, since a title may come before them."""

MAX_LISTED = 100
"""The maximum number of rows in each list of differences. The counts and amounts are of all rows."""

CHUNK_SIZE = 500

COLUMNS = {
    "id": (r"(request|vendor|job|render|prediction|task|transaction)id.*", r"id"),
    "date": (r"(created|completed|sent|charged|billed)(at|on).*", r"(date|datum|timestamp|time|created).*"),
    "amount": (r"(amount|cost|price|charge|betrag|kosten|preis).*", r"total(usd)?"),
}
"""What a column is recognized by: patterns for its name in lower case, without spaces and punctuation."""


class UnreadableFile(ValueError):  # noqa: N818 - it describes the file
    """The file is not a CSV file with a column of ids. `header` is its longest row that might be a header."""

    def __init__(self, header: Sequence[str] = ()) -> None:
        super().__init__("no column of ids")
        self.header = header


@dataclass(frozen=True)
class Charge:
    """The rows of one id in the vendor's file."""

    day: str
    """The first row's date as the file has it."""
    amount: int | None
    """Micro-USD, the sum of its rows. None if the file has no amount that can be read."""


@dataclass
class VendorFile:
    """The charges of a month by the vendor's id, and what was not recognized."""

    columns: dict[str, str]
    """The names of the recognized columns by "id", "date" and "amount"."""
    unused: list[str]
    charges: dict[str, Charge] = field(default_factory=dict)
    without_id: int = 0
    without_day: int = 0
    without_amount: int = 0
    other_months: int = 0
    """The number of rows that are left out, since their date is not of the month."""

    @property
    def total(self) -> int:
        """The sum of all charges in micro-USD."""
        return sum(charge.amount or 0 for charge in self.charges.values())


def parse(data: bytes, first: date, last: date) -> VendorFile:
    """Parse the charges from `first` to `last`. Raise `UnreadableFile` if there is no column of ids."""
    text = _decode(data)
    delimiter = max((",", ";", "\t"), key=text[:2000].count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        places, header = _find_header(rows)
        named = {role: header[place] for role, place in places.items()}
        unused = [name for place, name in enumerate(header) if name and place not in places.values()]
        found = VendorFile(named, unused)
        for row in rows:
            _add_row(found, {role: _cell(row, place) for role, place in places.items()}, first, last)
    except csv.Error:
        raise UnreadableFile from None
    return found


def _decode(data: bytes) -> str:
    for encoding in ("utf-8-sig", "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("cp1252", errors="replace")


def _find_header(rows: Iterator[list[str]]) -> tuple[dict[str, int], list[str]]:
    """Read rows up to the header. Return the places of the recognized columns, and the names of all."""
    longest: list[str] = []
    for _number, row in zip(range(MAX_HEADER_ROW), rows, strict=False):
        names = ["".join(filter(str.isprintable, name)).strip() for name in row]
        places = _recognize(names)
        if "id" in places:
            return places, names
        longest = max(longest, names, key=len)
    raise UnreadableFile(longest)


def _recognize(names: Sequence[str]) -> dict[str, int]:
    plain = [re.sub(r"[\W_]", "", name.casefold()) for name in names]
    places: dict[str, int] = {}
    for role, patterns in COLUMNS.items():
        matching = (
            place
            for pattern in patterns
            for place, name in enumerate(plain)
            if re.fullmatch(pattern, name) and place not in places.values()
        )
        place = next(matching, None)
        if place is not None:
            places[role] = place
    return places


def _cell(row: Sequence[str], place: int) -> str:
    return row[place].strip() if place < len(row) else ""


def _add_row(found: VendorFile, cells: dict[str, str], first: date, last: date) -> None:
    if not any(cells.values()):
        return
    vendor_id = cells["id"]
    if not vendor_id:
        found.without_id += 1
        return
    if "date" in cells:
        day = parse_day(cells["date"])
        found.without_day += day is None
        # The vendor's days may be of another time zone. The comparison finds what is of another month.
        if day is not None and not first - timedelta(days=1) <= day <= last + timedelta(days=1):
            found.other_months += 1
            return
    amount = parse_amount(cells.get("amount", ""))
    found.without_amount += "amount" in cells and amount is None
    if (earlier := found.charges.get(vendor_id)) is not None and earlier.amount is not None:
        amount = earlier.amount + (amount or 0)  # A refund, or a charge for each image.
    day_text = earlier.day if earlier is not None else cells.get("date", "")
    found.charges[vendor_id] = Charge(day_text, amount)


def parse_day(text: str) -> date | None:
    """Return the day of a date or time. Return None if it is not clear which number is the month."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        return (moment.astimezone(config.time_zone) if moment.tzinfo else moment).date()
    match = re.match(r"(\d{1,2})([./])(\d{1,2})\2(\d{4})\b", text, re.ASCII)
    if match is None:
        return None
    day, month, year = int(match[1]), int(match[3]), int(match[4])
    if match[2] == "/":
        if day <= 12 and month <= 12 and day != month:  # noqa: PLR2004 - both can be a month
            return None
        day, month = max(day, month), min(day, month)
    try:
        return date(year, month, day)
    except ValueError:
        return None


def parse_amount(text: str) -> int | None:
    """Return an amount such as "$0.075", "0,075" or "(1.50)" in micro-USD. Return None for any other text."""
    plain = re.sub(r"US\$|USD|\$|\s|'", "", text, flags=re.IGNORECASE)
    match = re.fullmatch(r"(\(|[-+])?([0-9.,]{1,20})\)?", plain)
    if match is None or not re.search("[0-9]", match[2]):
        return None
    digits = match[2]
    # The last separator is the decimal one, unless it occurs several times.
    mark = max(".,", key=digits.rfind)
    whole, _mark, fraction = digits.rpartition(mark) if digits.count(mark) == 1 else (digits, "", "")
    whole = re.sub("[.,]", "", whole)
    amount = int((Decimal(f"{whole or 0}.{fraction or 0}") * MICROS_PER_USD).to_integral_value())
    return -amount if match[1] in ("(", "-") else amount


@dataclass(frozen=True)
class Difference:
    """One render that the lists do not agree on. An amount is None if its list does not have the render."""

    vendor_id: str
    when: datetime | str
    ours: int | None
    theirs: int | None
    request_id: Any = None


@dataclass
class Differences:
    """The differences of one kind: their number, the sum of what they differ by, and the first of them."""

    number: int = 0
    micros: int = 0
    listed: list[Difference] = field(default_factory=list)

    def add(self, difference: Difference) -> None:
        """Count the difference, and keep it if there are few."""
        self.number += 1
        self.micros += (difference.theirs or 0) - (difference.ours or 0)
        if len(self.listed) < MAX_LISTED:
            self.listed.append(difference)


@dataclass
class Comparison:
    """The vendor's file laid beside a month of ours."""

    ours: int
    """The amount that we count as spent, in micro-USD."""
    theirs: int
    equal: int = 0
    only_theirs: Differences = field(default_factory=Differences)
    only_ours: Differences = field(default_factory=Differences)
    different: Differences = field(default_factory=Differences)
    other_months: Differences = field(default_factory=Differences)
    """In the file, and counted in another month by us."""


def compare(file: VendorFile, first: date, last: date) -> Comparison:
    """Compare the file with the attempts of these days."""
    result = Comparison(reports.spending(first, last).spent, file.total)
    left = dict(file.charges)
    for row in reports.invoice(first, last).iterator(chunk_size=2000):
        booked = 0 if row["booked"] == "free" else row["amount"]
        charge = left.pop(row["vendor_id"], None)
        theirs = charge.amount if charge else None
        found = Difference(row["vendor_id"] or "", row["posted_at"], booked, theirs, row["request_id"])
        if charge is None:
            if row["booked"] in ("charged", "assumed"):
                result.only_ours.add(found)
        elif theirs is None or theirs == booked:
            result.equal += 1
        else:
            result.different.add(found)
    elsewhere = _find_attempts(left)
    for vendor_id, charge in left.items():
        attempt = elsewhere.get(vendor_id)
        kind = result.only_theirs if attempt is None else result.other_months
        request_id = attempt.request_id if attempt else None
        kind.add(Difference(vendor_id, charge.day, None, charge.amount, request_id))
    return result


def _find_attempts(vendor_ids: Iterable[str]) -> dict[str, Attempt]:
    ids = [vendor_id.replace("\0", "") for vendor_id in vendor_ids]
    found: dict[str, Attempt] = {}
    for start in range(0, len(ids), CHUNK_SIZE):
        some = Attempt.objects.filter(vendor_id__in=ids[start : start + CHUNK_SIZE])
        found |= {attempt.vendor_id or "": attempt for attempt in some.only("vendor_id", "request_id")}
    return found
